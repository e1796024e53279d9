# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP and IP as a hostile or broken peer sends them: what reaches the device is what was
inspected, and honest traffic goes on."""
import os
import signal
import struct
import unittest

import modbus
import tcp
from gate import BAD, FORBIDDEN, RAW_SERVER, SETPOINT, RawCase, rule, standard_rules
from lab import PLC, wait_until

ALL = {"unit": 1, "addresses": "all"}
WIDE = [dict(ALL, function=name) for name in
        ("read-coils", "read-discrete-inputs", "read-holding-registers", "read-input-registers",
         "write-single-coil", "write-single-register", "write-multiple-coils", "write-multiple-registers",
         "mask-write-register")]
WIDE.append({"function": "read-write-multiple-registers", "unit": 1, "read": {"addresses": "all"},
             "write": {"addresses": "all"}})
# One request of each kind and the answer of the device of plc.c; 5000 and up are of no other test.
KINDS = {
    "read-coils": (struct.pack("!BHH", 1, 0, 8), b"\x01\x01\xaa"),
    "read-discrete-inputs": (struct.pack("!BHH", 2, 0, 8), b"\x02\x01\xaa"),
    "read-holding-registers": (struct.pack("!BHH", 3, 7, 2), struct.pack("!BBHH", 3, 4, 7, 8)),
    "read-input-registers": (struct.pack("!BHH", 4, 7, 1), struct.pack("!BBH", 4, 2, 7)),
    "write-single-coil": (struct.pack("!BHH", 5, 5001, 0xFF00), struct.pack("!BHH", 5, 5001, 0xFF00)),
    "write-single-register": (struct.pack("!BHH", 6, 5000, 5000), struct.pack("!BHH", 6, 5000, 5000)),
    "write-multiple-coils": (struct.pack("!BHHBB", 15, 5000, 2, 1, 2), struct.pack("!BHH", 15, 5000, 2)),
    "write-multiple-registers": (struct.pack("!BHHBHH", 16, 5000, 2, 4, 5000, 5001), struct.pack("!BHH", 16, 5000, 2)),
    "mask-write-register": (struct.pack("!BHHH", 22, 5010, 0xFFFF, 0), struct.pack("!BHHH", 22, 5010, 0xFFFF, 0)),
    "read-write-multiple-registers": (struct.pack("!BHHHHBH", 23, 7, 1, 5000, 1, 2, 5000),
                                      struct.pack("!BBH", 23, 2, 7)),
}


class Segments(RawCase):
    rules = standard_rules()[:2] + [rule("raw-press", "raw-server", "press-plc", WIDE)]

    def exchange(self, request, answer, sizes, transaction=8):
        connection = self.raw.connect(PLC)
        connection.send(modbus.frame(request, transaction), sizes)
        expected = modbus.frame(answer, transaction)
        self.assertEqual(connection.read(len(expected)), expected)
        connection.abort()

    def test_every_kind_in_one_segment(self):
        for name, (request, answer) in KINDS.items():
            with self.subTest(kind=name):
                self.exchange(request, answer, None)

    def test_every_kind_split_at_every_offset(self):
        for name, (request, answer) in KINDS.items():
            for offset in range(1, len(request) + 7):
                with self.subTest(kind=name, offset=offset):
                    self.exchange(request, answer, [offset])

    def test_every_kind_byte_by_byte(self):
        for name, (request, answer) in KINDS.items():
            with self.subTest(kind=name):
                self.exchange(request, answer, [1] * 300)

    def test_across_three_segments(self):
        request, answer = KINDS["write-multiple-registers"]
        self.exchange(request, answer, [5, 6])

    def test_many_messages_in_one_segment(self):
        connection = self.raw.connect(PLC)
        connection.send(b"".join(modbus.read(i, 1, transaction=i) for i in range(7)))
        self.assertEqual(connection.read(77), b"".join(modbus.read_answer([i], transaction=i) for i in range(7)))

    def test_messages_cut_anywhere(self):
        stream = b"".join(modbus.read(i, 1, transaction=i) for i in range(4))
        for size in (5, 7, 11, 13, 17):
            with self.subTest(size=size):
                connection = self.raw.connect(PLC)
                connection.send(stream, [size] * len(stream))
                self.assertEqual(connection.read(44), b"".join(modbus.read_answer([i], transaction=i)
                                                               for i in range(4)))

    def test_beginning_of_a_frame_whose_length_lies(self):
        """A device that frames by function finds a whole write in what the length field calls one
        unfinished frame: so the first byte behind the function's own end never leaves."""
        hidden = modbus.write(FORBIDDEN, 1)
        for pdu in (struct.pack("!BHH", 3, 0, 1), struct.pack("!BHH", 6, SETPOINT, SETPOINT),
                    struct.pack("!BHHH", 22, SETPOINT, 0xFFFF, 0), struct.pack("!BHHBH", 16, SETPOINT, 1, 2, 120),
                    struct.pack("!BHHBH", 16, SETPOINT, 1, 14, 120), b"\x11",
                    struct.pack("!BHHHHBH", 23, 0, 1, SETPOINT, 1, 2, 120),
                    struct.pack("!BHHHHBH", 23, 0, 1, SETPOINT, 1, 14, 120)):
            for cut in (None, 7, 8, 12):
                with self.subTest(pdu=pdu.hex(), cut=cut):
                    connection = self.raw.connect(PLC)
                    connection.send(modbus.frame(pdu, length=len(pdu) + 1 + len(hidden) + 4) + hidden,
                                    [cut] if cut else None)
                    connection.wait_reset()
                    self.assertFalse(self.requests(peer=f"{RAW_SERVER}:{connection.sport}"))
        self.assert_untouched()


class Order(RawCase):
    def setUp(self):
        self.c = self.raw.connect(PLC)
        self.start = self.c.next
        self.good = modbus.read(40, 1, transaction=5)
        self.answer = modbus.read_answer([40], transaction=5)

    def at(self, offset, data):
        self.c.segment(data, tcp.PSH | tcp.ACK, seq=(self.start + offset) & tcp.MASK)

    def done(self, count):
        self.c.next = (self.start + count) & tcp.MASK

    def test_out_of_order(self):
        self.at(6, self.good[6:])
        self.at(0, self.good[:6])
        self.at(6, self.good[6:])  # a gate that does not keep early segments has it sent again
        self.assertEqual(self.c.read(11), self.answer)
        self.done(12)
        self.assert_raw_serves(self.c)

    def test_gap_is_not_jumped(self):
        self.at(12, BAD)
        self.at(12, self.good)
        self.done(0)
        self.assert_raw_serves(self.c)
        self.assert_untouched()

    def test_overlap_with_the_same_bytes(self):
        self.at(0, self.good[:8])
        self.at(4, self.good[4:])
        self.assertEqual(self.c.read(11), self.answer)
        self.done(12)
        self.assert_raw_serves(self.c)

    def test_overlap_with_other_bytes(self):
        self.at(0, self.good[:8])
        self.c_wait(8)
        self.at(4, modbus.write(FORBIDDEN, 1, transaction=5)[4:])
        self.gate.wait_event("inconsistent-retransmission", self.c.sport)
        self.assert_untouched()

    def c_wait(self, count):
        wait_until(lambda: self.c.acked == (self.start + count) & tcp.MASK, f"{count} bytes to be acknowledged")

    def test_retransmission_after_the_ack(self):
        self.at(0, self.good)
        self.assertEqual(self.c.read(11), self.answer)
        self.at(0, self.good)
        self.done(12)
        self.assert_raw_serves(self.c)
        self.assertEqual(self.c.received, b"", "the request was answered twice")

    def test_retransmission_cut_elsewhere(self):
        two = self.good + modbus.read(41, 1, transaction=6)
        self.at(0, two[:5])
        self.at(5, two[5:9])
        self.c_wait(9)
        self.at(0, two[:7])
        self.at(3, two[3:24])
        self.assertEqual(self.c.read(22), self.answer + modbus.read_answer([41], transaction=6))
        self.done(24)
        self.assert_raw_serves(self.c)

    def test_keep_alive_probe(self):
        self.at(0, self.good)
        self.assertEqual(self.c.read(11), self.answer)
        self.done(12)
        before = len(self.c.segments)
        self.c.segment(self.good[-1:], seq=(self.start + 11) & tcp.MASK)
        self.c.segment(b"", seq=(self.start + 11) & tcp.MASK)
        wait_until(lambda: len(self.c.segments) > before, "the device's answer to the probe")
        self.assert_raw_serves(self.c)

    def test_retransmission_after_a_denial(self):
        """Old bytes of before a denial come again, with sequence numbers of before the translation."""
        self.at(0, self.good)
        self.assertEqual(self.c.read(11), self.answer)
        self.at(12, BAD)
        self.assertEqual(self.c.read(9), modbus.exception(6, 2, transaction=9))
        self.at(0, self.good)
        self.at(12, BAD)
        self.at(0, self.good + BAD)
        self.done(24)
        self.assert_raw_serves(self.c)
        self.assert_untouched()


class Flags(RawCase):
    def connect(self, **how):
        return self.raw.connect(PLC, **how)

    def test_fin_with_a_forbidden_write(self):
        self.connect().segment(BAD, tcp.FIN | tcp.PSH | tcp.ACK)
        c = self.connect()
        self.assert_raw_serves(c)
        self.assert_untouched()

    def test_fin_with_an_allowed_read(self):
        c = self.connect()
        c.segment(modbus.read(40, 1, transaction=5), tcp.FIN | tcp.PSH | tcp.ACK)
        self.assertEqual(c.read(11), modbus.read_answer([40], transaction=5))
        wait_until(lambda: c.finished, "the device to close too")

    def test_reset_with_data(self):
        self.connect().segment(BAD, tcp.RST | tcp.ACK)
        self.assert_raw_serves(self.connect())
        self.assert_untouched()

    def test_urgent_pointer_hides_nothing(self):
        """One urgent byte is taken out of the device's stream: what it then reads is not what was inspected."""
        c = self.connect()
        c.segment(modbus.read(40, 1), tcp.URG | tcp.PSH | tcp.ACK, seq=c.next, urgent=1)
        self.assert_raw_serves(c)  # in its place, so it is still to come
        self.assertFalse([p for p in self.wire.tcp(source=RAW_SERVER, destination=PLC)
                          if p[0][1] == c.sport and p[2] & tcp.URG], "an urgent pointer left the gate")
        self.gate.wait_event("malformed-packet")

    def test_data_in_the_syn(self):
        c = self.raw.prepare(PLC)
        c.segment(BAD, tcp.SYN)
        self.assertFalse(self.requests(peer=f"{RAW_SERVER}:{c.sport}"))
        self.assertFalse(self.device_saw(c).keys() - {c.isn}, "bytes in a SYN left the gate")
        self.assert_raw_serves(self.connect())

    def test_syn_on_a_live_connection(self):
        c = self.connect()
        c.segment(flags=tcp.SYN, seq=(c.next + 100000) & tcp.MASK)
        c.segment(flags=tcp.SYN, seq=c.next)
        c.segment(BAD, tcp.SYN | tcp.PSH | tcp.ACK, seq=c.next)
        self.assert_untouched()
        if not c.reset:
            self.assert_raw_serves(c)
        self.assert_raw_serves(self.connect())

    def test_nonsense_flags(self):
        for flags in (0, tcp.SYN | tcp.FIN, tcp.SYN | tcp.RST, tcp.FIN, 0x3F, tcp.FIN | tcp.URG | tcp.PSH):
            with self.subTest(flags=flags):
                c = self.connect()
                c.segment(BAD, flags, seq=c.next)
                self.assert_raw_serves(self.connect())
        self.assert_untouched()

    def test_wrong_checksum(self):
        c = self.connect()
        c.segment(modbus.read(40, 1, transaction=5), tcp.PSH | tcp.ACK, seq=c.next, bad_checksum=True)
        self.gate.wait_event("malformed-packet")
        self.assertFalse(self.device_saw(c), "a damaged segment left the gate")
        self.assert_raw_serves(c)

    def test_header_length_beyond_the_packet(self):
        c = self.connect()
        for words in (0, 4, 15):
            c.segment(b"x", tcp.PSH | tcp.ACK, seq=c.next, header_words=words)
        self.assert_raw_serves(c)

    def test_dies_behind_the_gate(self):
        """A decoy that the gate sees and the device never gets would make the gate believe other bytes: so
        what the gate lets through lives long enough, and what dies at the gate was never seen."""
        c = self.connect()
        read = modbus.read(40, 1, transaction=5)
        c.segment(read, tcp.PSH | tcp.ACK, seq=c.next, ttl=1)
        c.segment(read, tcp.PSH | tcp.ACK, seq=c.next, ttl=2)
        self.assertEqual(c.read(11), modbus.read_answer([40], transaction=5))
        lives = [f[22] for _, f in self.wire.packets if f[12:14] == b"\x08\x00" and f[54:66] == read
                 and struct.unpack("!H", f[34:36])[0] == c.sport]
        self.assertEqual(len(lives), 1)
        self.assertGreater(lives[0], 8)
        c.segment(BAD, tcp.PSH | tcp.ACK, seq=c.next)
        self.gate.wait_event("inconsistent-retransmission", c.sport)
        self.assert_untouched()

    def test_fragments(self):
        """Whole after reassembly: decided like any other. Overlapping ones: never a forbidden write."""
        c = self.connect()
        c.segment(modbus.read(40, 1, transaction=5), tcp.PSH | tcp.ACK, fragments=[(0, 24), (24, 32)])
        wait_until(lambda: len(c.received) == 11 or c.reset, "an answer to a fragmented read, or a reset")
        for parts in ([(0, 8), (8, 16), (16, 24), (24, 32)], [(24, 32), (0, 24)], [(0, 24), (16, 32)]):
            with self.subTest(parts=parts):
                self.connect().segment(BAD, tcp.PSH | tcp.ACK, fragments=parts)
        self.assert_raw_serves(self.connect())
        self.assert_untouched()

    def test_sequence_numbers_wrap(self):
        for isn in (0xFFFFFFFF, 0xFFFFFFF8, 0xFFFFFFF0, 0x7FFFFFFA):
            with self.subTest(isn=hex(isn)):
                c = self.connect(isn=isn)
                for i in range(6):
                    c.send(BAD)
                    self.assertEqual(c.read(9), modbus.exception(6, 2, transaction=9))
                    c.send(modbus.read(10, 2, 77), [3 + i])
                    self.assertEqual(c.read(13), modbus.read_answer([10, 11], 77))
        self.assert_untouched()

    def test_closed_window(self):
        """A reader that closes its window gets its answers when it opens it, the gate's own among them."""
        c = self.connect()
        c.window = 0
        c.send(modbus.read(40, 1, transaction=5) + BAD)
        c.wait_acked()
        c.window = 65000
        c.segment()
        answers, _ = modbus.frames(c.read(20, seconds=10))
        self.assertEqual(sorted(answers), sorted([modbus.read_answer([40], 5), modbus.exception(6, 2, 9)]))
        self.assert_raw_serves(c)

    def test_gate_repeats_its_own_reply_until_it_is_acknowledged(self):
        c = self.connect(acknowledge=False)
        c.send(BAD)
        wait_until(lambda: sum(len(s.data) == 9 for s in c.segments) >= 2, "the exception to be sent again")
        self.assertEqual({s.data for s in c.segments if s.data}, {modbus.exception(6, 2, transaction=9)})


class Connections(RawCase):
    def test_mid_stream(self):
        """A packet of a connection that the gate did not see open never reaches the device."""
        c = self.raw.prepare(PLC)
        c.next, c.expected = 1000, 2000
        c.send(BAD)
        self.gate.wait_event("unknown-connection", c.sport)
        self.assertFalse(self.device_saw(c))

    def test_port_reused_straight_after_close(self):
        for _ in range(3):
            c = self.raw.connect(PLC, sport=19999)
            self.assert_raw_serves(c)
            c.send(BAD)
            self.assertEqual(c.read(9), modbus.exception(6, 2, transaction=9))
            c.abort()
        self.assert_untouched()

    def test_syn_flood_does_not_stop_the_others(self):
        client = self.client()
        for i in range(2000):
            self.raw.send_segment(PLC, 40000 + i, 502, i, flags=tcp.SYN, options=tcp.mss_option(1460))
        self.assert_serves(client)
        self.assert_serves(self.client())

    def test_half_a_frame_held(self):
        held = [self.raw.connect(PLC) for _ in range(20)]
        for c in held:
            c.send(modbus.write(SETPOINT, SETPOINT, transaction=5)[:11])
        self.assert_serves(self.client())
        for c in held:
            c.send(b"\x78")
            self.assertEqual(c.read(12), modbus.write(SETPOINT, SETPOINT, transaction=5))

    def test_giant_frames(self):
        c = self.raw.connect(PLC)
        c.send(struct.pack("!HHH", 1, 0, 0xFFFF) + b"\x01\x03" + bytes(60000), [1400] * 60)
        c.wait_reset()
        self.gate.wait_event("malformed-frame", c.sport)
        self.assert_serves(self.client())


class StuckInspector(RawCase):
    def test_nothing_passes_while_it_hangs(self):
        client = self.client()
        self.assert_serves(client)
        pid = self.gate.inspector()
        os.kill(pid, signal.SIGSTOP)
        try:
            before = self.requests()
            c = self.raw.prepare(PLC)
            c.segment(flags=tcp.SYN)
            client.socket.sendall(modbus.write(FORBIDDEN, 1))
            self.assertEqual([r for r in self.requests()[len(before):] if r[7] != 3], [])
            self.assertFalse(self.device_saw(c))
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until(self.serves_anew, "service to return", 20)
        self.assert_untouched()

    def serves_anew(self):
        try:
            return self.client().read(10, 1) == [10]
        except (OSError, AssertionError):
            return False


class WithoutOffload(Order):
    offload = False

if __name__ == "__main__":
    unittest.main()
