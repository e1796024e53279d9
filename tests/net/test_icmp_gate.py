# SPDX-License-Identifier: GPL-2.0-or-later
"""ICMP errors about inspected connections, through the running gate."""
import struct
import unittest

import modbus
import tcp
from gate import RAW_DEVICE, GateCase
from lab import HISTORIAN, wait_until

RELAY = "10.2.0.77"  # something in the plant that is no device of the documents


def too_big(quoted, mtu=900):
    body = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + quoted[:28]
    return body[:2] + struct.pack("!H", tcp.checksum(body)) + body[4:]


class Icmp(GateCase):
    @classmethod
    def before_start(cls):
        cls.device = tcp.Host(cls.lab, "plant", RAW_DEVICE)
        cls.accepted = cls.device.listen(502, acknowledge=False)
        cls.office = cls.lab.capture("enterprise", "eth0")

    def errors_seen(self):
        """Quoted destination port and sequence number of the errors that reached the enterprise side."""
        found = []
        for outgoing, frame in list(self.office.packets):
            if not outgoing and frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[34:36] == b"\x03\x04":
                found.append(struct.unpack("!HHI", frame[62:70]))
        return found

    def tell(self, sport, dport, seq, target=HISTORIAN):
        segment = tcp.segment_bytes(HISTORIAN, RAW_DEVICE, sport, dport, seq)
        packet = tcp.ip_packet(RELAY, target, too_big(tcp.ip_packet(HISTORIAN, RAW_DEVICE, segment)), protocol=1)
        self.device.send_frame(packet)

    def test_an_error_about_what_is_on_its_way_passes_and_no_other(self):
        before = len(self.accepted)
        s = self.lab.connect(RAW_DEVICE, source=HISTORIAN)
        wait_until(lambda: len(self.accepted) > before, "the connection at the device")
        device, port = self.accepted[-1], s.getsockname()[1]
        s.sendall(modbus.read(5, 2, transaction=7))
        device.read(12)
        seq = next(segment.seq for segment in device.segments if segment.data)  # not acknowledged: on its way
        self.tell(port, 502, (seq + 100000) & tcp.MASK)
        self.tell(port, 503, seq)
        self.tell(port, 502, seq)
        wait_until(lambda: self.errors_seen(), "the error")
        self.assertEqual(self.errors_seen(), [(port, 502, seq)])


class OfManyQueues(Icmp):
    """The error is sent by a stranger to the conduit; it has to find the inspector that has the connection."""
    queues = 4

    def test_the_connection_is_not_in_the_first_queue(self):
        number = next(c["number"] for c in self.gate.status()["conduits"] if c["rules"] == "historian-raw")
        self.assertNotEqual(number % 4, 0)


if __name__ == "__main__":
    unittest.main()
