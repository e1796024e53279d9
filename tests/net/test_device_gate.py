# SPDX-License-Identifier: GPL-2.0-or-later
"""A hostile device: what it sends unasked never reaches the server; undocumented hosts and
connections that the plant opens stay outside."""
import socket
import struct
import unittest

import modbus
import tcp
from gate import FORBIDDEN, RAW_DEVICE, GateCase
from lab import ENERGY, HISTORIAN, METER, PLC, STRANGER, wait_until


class Device(GateCase):
    @classmethod
    def before_start(cls):
        cls.device = tcp.Host(cls.lab, "plant", RAW_DEVICE)
        cls.accepted = cls.device.listen(502)
        cls.office = cls.lab.capture("enterprise", "eth0")

    def pair(self):
        """A server's kernel socket and the device's end of the same connection."""
        before = len(self.accepted)
        s = self.lab.connect(RAW_DEVICE, source=HISTORIAN)
        wait_until(lambda: len(self.accepted) > before, "the connection at the device")
        return s, self.accepted[-1]

    def asked(self):
        s, device = self.pair()
        s.sendall(modbus.read(5, 2, transaction=7))
        self.assertEqual(device.read(12), modbus.read(5, 2, transaction=7))
        return s, device

    def server_saw(self, port):
        return b"".join(data for source, destination, _, _, data in self.office.tcp(source=RAW_DEVICE)
                        if destination[1] == port)

    def refused(self, s, device, reason):
        """The server got nothing of the reply; the connection was reset, or goes on with honest replies."""
        port = s.getsockname()[1]
        self.gate.wait_event(reason, port)
        self.assertEqual(self.server_saw(port), b"")
        if reason == "unexpected-reply":
            device.received = b""
            s.sendall(modbus.read(9, 1, transaction=55))
            self.assertEqual(device.read(12), modbus.read(9, 1, transaction=55))
            device.send(modbus.read_answer([9], transaction=55))
            self.assertEqual(modbus.Client(s).receive(), modbus.read_answer([9], transaction=55))
        else:
            self.was_reset(s)

    def was_reset(self, s):
        with self.assertRaises(ConnectionResetError):
            self.assertEqual(s.recv(100), b"", "the server was given bytes")

    def test_honest_device(self):
        s, device = self.asked()
        device.send(modbus.read_answer([5, 6], transaction=7))
        self.assertEqual(s.recv(100), modbus.read_answer([5, 6], transaction=7))
        s.sendall(modbus.read(5, 1, transaction=8))
        device.read(12)
        device.send(modbus.exception(3, 4, transaction=8), [1, 4])
        self.assertEqual(modbus.Client(s).receive(), modbus.exception(3, 4, transaction=8))

    def test_reply_before_any_request(self):
        s, device = self.pair()
        device.send(modbus.read_answer([5, 6], transaction=7))
        self.refused(s, device, "unexpected-reply")

    def test_second_reply_to_one_request(self):
        s, device = self.asked()
        good = modbus.read_answer([5, 6], transaction=7)
        device.send(good)
        self.assertEqual(s.recv(100), good)
        device.send(good)
        self.gate.wait_event("unexpected-reply", s.getsockname()[1])
        self.assertEqual(self.server_saw(s.getsockname()[1]), good)

    def test_reply_to_another_transaction(self):
        s, device = self.asked()
        device.send(modbus.read_answer([5, 6], transaction=8))
        self.refused(s, device, "unexpected-reply")

    def test_replies_that_do_not_fit(self):
        for name, reply in (("longer", modbus.read_answer([5, 6, 7], 7)), ("shorter", modbus.read_answer([5], 7)),
                            ("another function", modbus.read_answer([5, 6], 7, function=4)),
                            ("another unit", modbus.read_answer([5, 6], 7, unit=2)),
                            ("exception of another function", modbus.exception(6, 2, 7))):
            with self.subTest(reply=name):
                s, device = self.asked()
                device.send(reply)
                self.refused(s, device, "reply-mismatch")

    def test_malformed_replies(self):
        good = struct.pack("!BBHH", 3, 4, 5, 6)
        for name, reply in (("protocol id", modbus.frame(good, 7, protocol=1)),
                            ("length 0", modbus.frame(good, 7, length=0)),
                            ("length 65535", modbus.frame(good, 7, length=65535)),
                            ("exception code 0", modbus.exception(3, 0, 7)),
                            ("byte count", modbus.frame(struct.pack("!BBHH", 3, 2, 5, 6), 7))):
            with self.subTest(reply=name):
                s, device = self.asked()
                device.send(reply)
                self.was_reset(s)
                self.assertEqual(self.server_saw(s.getsockname()[1]), b"")

    def test_reply_split_at_every_offset(self):
        s, device = self.pair()
        reply = modbus.read_answer([5, 6], transaction=7)
        for offset in range(1, len(reply)):
            with self.subTest(offset=offset):
                s.sendall(modbus.read(5, 2, transaction=7))
                device.read(12)
                device.send(reply, [offset])
                self.assertEqual(modbus.Client(s).receive(), reply)

    def test_beginning_of_a_reply_whose_length_lies(self):
        """A client that frames by function would find a second reply in an unfinished first one."""
        pdu = struct.pack("!BBHH", 3, 4, 5, 6)
        s, device = self.asked()
        device.send(modbus.frame(pdu, 7, length=40) + modbus.read_answer([1], transaction=8))
        self.was_reset(s)
        self.assertEqual(self.server_saw(s.getsockname()[1]), b"")

    def test_second_reply_behind_a_reply(self):
        good, more = modbus.read_answer([5, 6], 7), modbus.read_answer([0xAAAA, 0xBBBB], 7)
        s, device = self.asked()
        device.send(good + more)
        self.assertEqual(modbus.Client(s).receive(), good)
        self.gate.wait_event("unexpected-reply", s.getsockname()[1])
        self.assertEqual(self.server_saw(s.getsockname()[1]), good)

    def test_bytes_behind_a_reply(self):
        """Too few to tell how long the message is: it cannot be taken out, so the connection ends."""
        s, device = self.asked()
        device.send(modbus.read_answer([5, 6], 7) + b"\0\x07\0\0\0")
        with self.assertRaises(ConnectionResetError):
            while s.recv(100):
                pass
        self.assertIn(self.server_saw(s.getsockname()[1]), (b"", modbus.read_answer([5, 6], 7)))

    def test_device_opens_a_connection(self):
        """From its Modbus port, so that the reversed key matches, and from any other."""
        for sport in (502, 40001):
            with self.subTest(sport=sport):
                c = self.device.prepare(HISTORIAN, 502, sport=sport)
                c.segment(flags=tcp.SYN, options=tcp.mss_option(1460))
                c = self.device.prepare(HISTORIAN, 5555, sport=sport)
                c.segment(flags=tcp.SYN, options=tcp.mss_option(1460))
        self.gate.wait_event("device-initiated", 502)
        s, device = self.asked()  # a fence: all of the above is decided
        self.assertFalse([p for p in self.office.tcp(source=RAW_DEVICE) if p[2] == tcp.SYN],
                         "a connection opened by the device left the gate")


class Undocumented(GateCase):
    devices = (PLC, METER)

    @classmethod
    def before_start(cls):
        cls.wire = cls.lab.capture("plant", "eth1")
        cls.office = cls.lab.capture("enterprise", "eth0")

    def refused(self, device, **how):
        with self.assertRaises((TimeoutError, OSError)):
            self.lab.connect(device, seconds=0.7, **how)

    def test_host_that_no_document_names(self):
        self.refused(PLC, source=STRANGER)
        self.gate.wait_event("no-rule")
        self.assertFalse(self.wire.tcp(source=STRANGER))

    def test_documented_hosts_without_a_rule_for_it(self):
        self.refused(METER, source=HISTORIAN)
        self.refused(PLC, source=ENERGY)
        self.refused(PLC, source=HISTORIAN, port=5020)
        self.refused("fd00:2::2", source="fd00:1::2")
        self.assert_serves(self.client())

    def test_the_gate_itself_listens_to_nobody(self):
        self.refused("10.1.0.1", source=HISTORIAN, port=22)
        self.refused("10.1.0.1", source=HISTORIAN, port=502)
        self.assertFalse([p for p in self.office.tcp(source="10.1.0.1")], "the gate answered")

    def test_plant_side_hosts_reach_nobody(self):
        with self.lab.inside("enterprise"):
            listener = socket.create_server((HISTORIAN, 5555))
        self.addCleanup(listener.close)
        with self.assertRaises((TimeoutError, OSError)):
            self.lab.connect(HISTORIAN, source=PLC, port=5555, side="plant", seconds=0.7)

    def test_other_protocols(self):
        with self.lab.inside("enterprise"):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(s.close)
        s.bind((HISTORIAN, 0))
        s.sendto(modbus.write(FORBIDDEN, 1), (PLC, 502))
        self.assert_serves(self.client())  # a fence
        self.assertFalse([f for _, f in self.wire.packets if f[12:14] == b"\x08\x00" and f[23] == 17
                          and f[26:30] == socket.inet_aton(HISTORIAN)])

    def test_spoofed_source(self):
        """The historian's address on the plant's side of the gate is not the historian."""
        spoofer = tcp.Host(self.lab, "plant", "10.2.0.51")
        spoofer.send_segment(HISTORIAN, 502, 4000, 1, source=PLC, flags=tcp.SYN | tcp.ACK)
        spoofer.send_segment(METER, 4000, 502, 1, source=ENERGY, flags=tcp.SYN)
        self.assert_serves(self.client())
        self.assertFalse([p for p in self.office.tcp(source=PLC) if p[1][1] == 4000])
        self.assertFalse([p for p in self.wire.tcp(source=ENERGY, destination=METER)
                          if p[0][1] == 4000 and self._from_gate(p)])

    def _from_gate(self, packet):
        """Seen twice means that the gate sent it back into the plant."""
        return len([p for p in self.wire.tcp(source=ENERGY) if p == packet]) > 1


if __name__ == "__main__":
    unittest.main()
