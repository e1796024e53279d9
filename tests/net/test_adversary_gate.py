# SPDX-License-Identifier: GPL-2.0-or-later
"""What a hostile or broken peer sends, beside test_tcp_gate.py, test_modbus_gate.py and test_device_gate.py:
docs/design/adversary.md says which test stands for which sentence."""
import contextlib
import os
import signal
import struct
import unittest

import modbus
import tcp
from gate import BAD, FORBIDDEN, RAW_DEVICE, RAW_SERVER, READ, SETPOINT, RawCase, rule, standard_rules
from lab import HISTORIAN, PLC, wait_until
from test_tcp_gate import WIDE

FILES = [{"function": name, "unit": 1, "files": [4], "records": ["0-99"]} for name in
         ("read-file-record", "write-file-record")]


class Shapes(RawCase):
    """Every function is allowed here, so only what a message itself looks like can refuse it."""
    rules = [rule("raw-press", "raw-server", "press-plc", WIDE + FILES)]

    def refuse(self, pdu, reason, code):
        """code None: no message at all, so the connection ends."""
        connection = self.raw.connect(PLC)
        connection.send(modbus.frame(pdu, 9))
        if code is None:
            connection.wait_reset()
        else:
            self.assertEqual(connection.read(9), modbus.exception(pdu[0], code, 9))
            self.assert_raw_serves(connection)
        self.assertEqual(self.gate.wait_event(reason, connection.sport)["reason"], reason)
        acted = self.requests(peer=f"{RAW_SERVER}:{connection.sport}")
        self.assertFalse([r.hex() for r in acted if r[:2] == b"\0\x09"], "the device acted on it")

    def refuse_all(self, rows):
        for pdu, reason, code in rows:
            with self.subTest(pdu=pdu.hex()):
                self.refuse(pdu, reason, code)

    def test_values_of_a_coil(self):
        self.refuse_all([(struct.pack("!BHH", 5, 7, value), "value-not-allowed", 3)
                         for value in (0x0001, 0x00FF, 0xFF01, 0xFFFF, 0x0100)])

    def test_byte_counts(self):
        self.refuse_all([(pdu, "malformed-frame", None) for pdu in (
            struct.pack("!BHHB3s", 16, 5000, 1, 3, b"abc"), struct.pack("!BHHB4s", 16, 5000, 1, 4, b"abcd"),
            struct.pack("!BHHB2s", 16, 5000, 2, 2, b"ab"), struct.pack("!BHHB", 16, 5000, 1, 0),
            struct.pack("!BHHB2s", 15, 5000, 8, 2, b"ab"), struct.pack("!BHHB1s", 15, 5000, 9, 1, b"a"),
            struct.pack("!BHHHHB3s", 23, 0, 1, 5000, 1, 3, b"abc"),
            struct.pack("!BHHHHB2s", 23, 0, 1, 5000, 2, 2, b"ab"))])

    def test_file_records_beyond_the_frame(self):
        part = struct.pack("!BHHH", 6, 4, 1, 1)
        self.refuse_all([(pdu, "malformed-frame", None) for pdu in (
            b"\x14\x08" + part, b"\x14\x0e" + part, b"\x14\xff" + part, b"\x14\x06" + part[:6], b"\x14\x00",
            b"\x14\x07\x05" + part[1:], b"\x15\x09" + part + b"a", b"\x15\x0b" + part + b"ab",
            b"\x15\x09" + struct.pack("!BHHH", 6, 4, 1, 2) + b"ab",
            b"\x15\x09" + struct.pack("!BHHH", 6, 4, 1, 0xFFFF) + b"ab")])

    def test_quantities_and_the_end_of_the_address_space(self):
        self.refuse_all([(struct.pack("!BHH", 1, 0, 0), "quantity-not-allowed", 3),
                         (struct.pack("!BHH", 1, 0, 2001), "quantity-not-allowed", 3),
                         (struct.pack("!BHH", 2, 0, 65535), "quantity-not-allowed", 3),
                         (struct.pack("!BHH", 3, 0, 126), "quantity-not-allowed", 3),
                         (struct.pack("!BHH", 3, 65535, 2), "address-not-allowed", 2),
                         (struct.pack("!BHH", 1, 65000, 1000), "address-not-allowed", 2),
                         (struct.pack("!BHHB4s", 16, 65535, 2, 4, b"abcd"), "address-not-allowed", 2),
                         (struct.pack("!BHHHHB4s", 23, 0, 1, 65535, 2, 4, b"abcd"), "address-not-allowed", 2)])


class KernelSender(RawCase):
    """The server is a real kernel: it repeats by its own clock, and hands over much in one piece."""

    @classmethod
    def before_start(cls):
        super().before_start()
        cls.office = cls.lab.capture("enterprise", "eth0")

    def copies(self, port):
        """How often the server's kernel has sent the forbidden write."""
        return sum(data == BAD for source, _, _, _, data in self.office.tcp(source=HISTORIAN) if source[1] == port)

    def test_denied_segment_repeated_by_the_kernel(self):
        """Nothing of the gate's comes back, so the kernel sends the denied write again and again."""
        client = self.client()
        self.assert_serves(client)
        port = client.socket.getsockname()[1]
        self.lab.run("enterprise", "nft", "add table ip deaf; add chain ip deaf in { type filter hook prerouting "
                     f"priority raw; }}; add rule ip deaf in ip saddr {PLC} drop")
        client.socket.sendall(BAD)
        wait_until(lambda: self.copies(port) >= 3, "the kernel to send it three times", 10)
        self.lab.run("enterprise", "nft", "delete", "table", "ip", "deaf")
        self.assertEqual(client.receive(), modbus.exception(modbus.WRITE_ONE, 2, transaction=9))
        self.assert_serves(client)
        self.assertEqual([r for r in self.requests(peer=f"{HISTORIAN}:{port}") if r[7] != modbus.READ_HOLDING], [])
        self.assert_untouched()

    def test_a_write_in_the_tail_of_a_large_piece(self):
        """One call: with segmentation offload the kernel makes one packet of all of it."""
        reads, client = 3000, self.client()
        client.socket.settimeout(30)
        client.socket.sendall(b"".join(modbus.read(i % 90, 1, transaction=i) for i in range(reads)) + BAD)
        answers = sorted(client.receive() for _ in range(reads + 1))
        expected = [modbus.read_answer([i % 90], transaction=i) for i in range(reads)]
        self.assertEqual(answers, sorted(expected + [modbus.exception(modbus.WRITE_ONE, 2, transaction=9)]))
        self.assert_serves(client)
        self.assert_untouched()


class LongPackets(RawCase):
    rules = [rule("raw-press", "raw-server", "press-plc", [READ, WIDE[7]])]

    def test_a_write_in_the_tail_of_a_packet_of_4_kib(self):
        """Put together from fragments, so longer than any Ethernet packet."""
        connection = self.raw.connect(PLC)
        writes = [modbus.write_many(5000, range(5000, 5123), transaction=i) for i in range(15)]
        data = b"".join(writes) + BAD
        size = 20 + len(data)
        connection.segment(data, tcp.PSH | tcp.ACK,
                           fragments=[(at, min(at + 1480, size)) for at in range(0, size, 1480)])
        answers, rest = modbus.frames(connection.read(15 * 12 + 9))
        self.assertEqual(rest, b"")
        self.assertIn(modbus.exception(modbus.WRITE_ONE, 1, transaction=9), answers)
        self.assertEqual(self.requests(peer=f"{RAW_SERVER}:{connection.sport}"), writes)
        self.assert_untouched()


class Windows(RawCase):
    def test_a_server_that_takes_three_bytes_at_a_time(self):
        connection = self.raw.connect(PLC, window=3)
        connection.send(modbus.read(40, 2, transaction=5))
        self.assertEqual(connection.read(13, seconds=20), modbus.read_answer([40, 41], transaction=5))
        connection.send(BAD)
        self.assertEqual(connection.read(9, seconds=20), modbus.exception(modbus.WRITE_ONE, 2, transaction=9))
        self.assert_untouched()


class Reconnects(RawCase):
    def test_everybody_at_once_after_a_restart(self):
        """Of the connections of before nothing is known: all are told, and come again from the same ports."""
        clients = [self.client() for _ in range(60)]
        ports = [c.socket.getsockname()[1] for c in clients]
        self.gate.daemon.kill()
        self.gate.daemon.process.wait()
        self.gate.start()
        for c in clients:
            c.socket.settimeout(20)
            self.assertRaises(ConnectionError, c.write, FORBIDDEN, 1)
            c.socket.close()
        again = [modbus.Client(self.lab.connect(PLC, source=HISTORIAN, source_port=port)) for port in ports]
        for c in again:
            self.assert_serves(c)
        self.assert_untouched()


class QueueOverflow(RawCase):
    FLOOD = 10000  # more than the queue holds

    def test_what_does_not_fit_is_lost_and_nothing_passes(self):
        client, connection = self.client(), self.raw.connect(PLC)
        self.assert_serves(client)
        pid = self.gate.inspector()
        os.kill(pid, signal.SIGSTOP)
        for _ in range(self.FLOOD):
            connection.segment(BAD, tcp.PSH | tcp.ACK, seq=connection.next)
        with contextlib.suppress(ProcessLookupError):  # it was taken for stuck, and replaced
            os.kill(pid, signal.SIGCONT)
        wait_until(self.serves_anew, "service to return", 30)
        self.assertEqual([r for r in self.requests(peer=f"{RAW_SERVER}:{connection.sport}")], [])
        self.assert_untouched()

    def serves_anew(self):
        try:
            return self.client().read(10, 1) == [10]
        except (OSError, AssertionError):
            return False


class TransactionQuirk(RawCase):
    """A device that never echoes the transaction id, under a rule that says so."""
    rules = standard_rules()[:3] + [rule("historian-raw", "historian", "raw-device", [READ],
                                         quirks=["transaction-id"])]

    @classmethod
    def before_start(cls):
        super().before_start()
        cls.device = tcp.Host(cls.lab, "plant", RAW_DEVICE)
        cls.accepted = cls.device.listen(502)

    def test_any_id_but_one_reply_a_request(self):
        with self.lab.connect(RAW_DEVICE, source=HISTORIAN) as connection:
            client = modbus.Client(connection)
            wait_until(lambda: self.accepted, "the connection at the device")
            for i in range(3):
                connection.sendall(modbus.read(5, 1, transaction=40 + i))
                self.assertEqual(self.accepted[-1].read(12), modbus.read(5, 1, transaction=40 + i))
                self.accepted[-1].send(modbus.read_answer([5], transaction=0))
                self.assertEqual(client.receive(), modbus.read_answer([5], transaction=0))
            self.accepted[-1].send(modbus.read_answer([6], transaction=0))
            self.gate.wait_event("unexpected-reply", connection.getsockname()[1])


if __name__ == "__main__":
    unittest.main()
