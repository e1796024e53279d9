# SPDX-License-Identifier: GPL-2.0-or-later
"""A forbidden write never reaches the PLC, however it is sent; the client is told; allowed traffic goes on."""
import contextlib
import struct
import unittest

import modbus
import tcp
from gate import BAD, BAD_VALUE, FORBIDDEN, RAW_SERVER, SETPOINT, RawCase, day, rule, standard_rules
from lab import PLC, wait_until


class ForbiddenWrite(RawCase):
    def test_one_segment(self):
        for pdu, code, reason in ((struct.pack("!BHH", 6, FORBIDDEN, 1), 2, "address-not-allowed"),
                                  (struct.pack("!BHH", 6, SETPOINT, 1501), 3, "value-not-allowed"),
                                  (struct.pack("!BHH", 5, 1, 0xFF00), 1, "function-not-allowed"),
                                  (struct.pack("!BHHBH", 16, SETPOINT, 1, 2, 7), 1, "function-not-allowed"),
                                  (struct.pack("!BHH", 3, 95, 6), 2, "address-not-allowed")):
            with self.subTest(pdu=pdu.hex()):
                client = self.client()
                self.assert_serves(client)
                self.assertEqual(client.ask(pdu), bytes([pdu[0] | 0x80, code]))
                self.assert_serves(client)
                self.gate.wait_event(reason, client.socket.getsockname()[1])
        self.assert_untouched()
        self.assert_untouched(SETPOINT)
        allowed = {3: range(10, 11), 6: range(SETPOINT, SETPOINT + 1)}
        self.assertFalse([r for r in self.requests(peer=f"10.1.0.2:{client.socket.getsockname()[1]}")
                          if struct.unpack("!H", r[8:10])[0] not in allowed.get(r[7], ())])

    def test_allowed_write_goes_through_and_only_in_range(self):
        client = self.client()
        self.assertEqual(client.write(SETPOINT, 1500), struct.pack("!BHH", 6, SETPOINT, 1500))
        self.assertEqual(self.register(SETPOINT), 1500)
        self.assertEqual(client.write(SETPOINT, 1501), bytes([0x86, 3]))
        self.assertEqual(self.register(SETPOINT), 1500)
        self.assertEqual(client.write(SETPOINT, SETPOINT), struct.pack("!BHH", 6, SETPOINT, SETPOINT))

    def test_wrong_unit(self):
        client = self.client()
        answer = client.ask(struct.pack("!BHH", 3, 0, 1), unit=2)
        self.assertEqual(len(answer), 2)
        self.assertEqual(answer[0], 0x83)
        self.gate.wait_event("unit-not-allowed", client.socket.getsockname()[1])
        self.assert_serves(client)

    def test_two_segments_split_at_every_offset(self):
        for bad, code, reason in ((BAD, 2, "address-not-allowed"), (BAD_VALUE, 3, "value-not-allowed")):
            for offset in range(1, len(bad)):
                with self.subTest(frame=bad.hex(), offset=offset):
                    connection = self.raw.connect(PLC)
                    start = connection.next
                    connection.send(bad, [offset])
                    self.assert_denied(connection, start, len(bad), code, reason)
                    connection.abort()
        self.assert_untouched()
        self.assert_untouched(SETPOINT)
        wait_until(lambda: self.gate.count("denied-after-partial") >= 20, "every denial to be counted", 15)

    def test_byte_by_byte(self):
        for bad, code, reason in ((BAD, 2, "address-not-allowed"), (BAD_VALUE, 3, "value-not-allowed")):
            with self.subTest(frame=bad.hex()):
                connection = self.raw.connect(PLC)
                start = connection.next
                connection.send(bad, [1] * len(bad))
                self.assert_denied(connection, start, len(bad), code, reason)
        self.assert_untouched()

    def test_hidden_behind_an_allowed_read(self):
        for front in (1, 2, 6):
            with self.subTest(reads_before=front):
                connection = self.raw.connect(PLC)
                reads = b"".join(modbus.read(20 + i, 1, transaction=i) for i in range(front))
                after = modbus.read(30, 1, transaction=50)
                connection.send(reads + BAD + after)
                answers, rest = modbus.frames(connection.read(11 * (front + 1) + 9))
                self.assertEqual(rest, b"")
                expected = [modbus.read_answer([20 + i], transaction=i) for i in range(front)]
                expected += [modbus.exception(6, 2, transaction=9), modbus.read_answer([30], transaction=50)]
                self.assertEqual(sorted(answers), sorted(expected))
                self.gate.wait_event("address-not-allowed", connection.sport)
                self.assert_raw_serves(connection)
        self.assert_untouched()

    def test_split_behind_an_allowed_read(self):
        allowed = modbus.read(20, 1, transaction=3)
        for offset in range(len(allowed) + 1, len(allowed) + len(BAD)):
            with self.subTest(offset=offset):
                connection = self.raw.connect(PLC)
                start = (connection.next + len(allowed)) & tcp.MASK
                connection.send(allowed + BAD, [offset])
                wait_until(lambda: len(connection.received) >= 20 or connection.reset, "answers")
                answers, _ = modbus.frames(connection.received)
                self.assertIn(modbus.exception(6, 2, transaction=9), answers)
                reached = [i for i in range(12) if (start + i) & tcp.MASK in self.device_saw(connection)]
                self.assertNotIn(11, reached)
                if reached:
                    connection.wait_reset()
                else:
                    self.assertIn(modbus.read_answer([20], transaction=3), answers)
                    self.assert_raw_serves(connection)
        self.assert_untouched()

    def test_retransmission_with_other_bytes(self):
        good, bad = modbus.read(40, 1, transaction=5), modbus.write(FORBIDDEN, 1, transaction=5)
        for sent, acknowledged in ((12, True), (12, False), (9, True)):
            with self.subTest(sent=sent, acknowledged=acknowledged):
                connection = self.raw.connect(PLC, acknowledge=acknowledged)
                start = connection.next
                connection.send(good[:sent])
                if acknowledged:
                    connection.wait_acked()
                connection.segment(bad, tcp.PSH | tcp.ACK, seq=start)
                self.gate.wait_event("inconsistent-retransmission", connection.sport)
                connection.wait_reset()
                self.assert_only(connection, start, good)
        self.assert_untouched()

    def assert_only(self, connection, start, good):
        """No other byte ever stood in the place of these."""
        self.register(0)  # a fence in time
        saw = self.device_saw(connection)
        for i, byte in enumerate(good):
            self.assertLessEqual(saw.get((start + i) & tcp.MASK, set()), {byte})

    def test_other_bytes_for_a_half_that_was_sent(self):
        """The first half of an allowed write leaves; then it is "retransmitted" as the start of another."""
        good = modbus.write(SETPOINT, SETPOINT, transaction=5)
        bad = modbus.write(FORBIDDEN, SETPOINT, transaction=5)
        connection = self.raw.connect(PLC)
        start = connection.next
        connection.send(good[:10])
        connection.segment(bad, tcp.PSH | tcp.ACK, seq=start)
        self.gate.wait_event("inconsistent-retransmission", connection.sport)
        self.assert_only(connection, start, good)
        self.assert_untouched()

    def test_denied_segment_repeated_by_its_sender_stays_denied(self):
        """A sender whose ACK got lost sends the denied segment again, 200 ms later and more often."""
        connection = self.raw.connect(PLC)
        start = connection.next
        for _ in range(4):
            connection.segment(BAD, tcp.PSH | tcp.ACK, seq=start)
            wait_until(lambda: any(s.ack == (start + len(BAD)) & tcp.MASK for s in connection.segments),
                       "the denied bytes to be acknowledged")
        connection.next = (start + len(BAD)) & tcp.MASK
        self.assertEqual(connection.read(9), modbus.exception(6, 2, transaction=9))
        self.assert_raw_serves(connection)
        self.assert_untouched()
        self.assertFalse(self.requests(peer=f"{RAW_SERVER}:{connection.sport}")[1:],
                         "the device acted on more than the one read")

    def test_many_denials_on_one_connection(self):
        """Sequence numbers are translated further with each denial, in both directions."""
        client = self.client()
        for i in range(50):
            self.assertEqual(client.write(FORBIDDEN, i), bytes([0x86, 2]))
            self.assertEqual(client.read(i, 2), [i, i + 1])
        self.assert_untouched()

    def test_checksums_are_right_everywhere(self):
        """What the raw peer receives through offloads and translation has a right checksum."""
        connection = self.raw.connect(PLC)
        connection.send(BAD)
        self.assertEqual(connection.read(9), modbus.exception(6, 2, transaction=9))
        self.assert_raw_serves(connection)
        self.assertTrue(all(s.checksum_ok for s in connection.segments))


class ForbiddenWriteWithoutOffload(ForbiddenWrite):
    offload = False


class Six(RawCase):
    """The same over IPv6."""
    rules = [rule("historian6-press6", "historian6", "press6")]
    devices = (PLC, "fd00:2::2")

    def client6(self):
        return self.client("fd00:1::2", "fd00:2::2")

    def test_reads_and_writes(self):
        client = self.client6()
        self.assert_serves(client)
        self.assertEqual(client.write(SETPOINT, 1500), struct.pack("!BHH", 6, SETPOINT, 1500))
        self.assertEqual(self.register(SETPOINT, "fd00:2::2"), 1500)

    def test_forbidden_write(self):
        client = self.client6()
        for i in range(3):
            self.assertEqual(client.write(FORBIDDEN, i), bytes([0x86, 2]))
            self.assert_serves(client)
        self.gate.wait_event("address-not-allowed", client.socket.getsockname()[1])
        self.assertEqual(self.register(FORBIDDEN, "fd00:2::2"), FORBIDDEN)

    def test_forbidden_write_byte_by_byte(self):
        client = self.client6()
        with contextlib.suppress(ConnectionError):  # the reset may come before the last byte is sent
            for byte in BAD:
                client.socket.send(bytes([byte]))
        self.assertEqual(client.receive(), modbus.exception(6, 2, transaction=9))
        self.gate.wait_event("denied-after-partial", client.socket.getsockname()[1])
        self.assertRaises(ConnectionError, client.read, 0, 1)
        self.assertEqual(self.register(FORBIDDEN, "fd00:2::2"), FORBIDDEN)


class OnViolationReset(RawCase):
    rules = standard_rules(on_violation="reset")

    def test_both_sides_are_reset(self):
        connection = self.raw.connect(PLC)
        self.assert_raw_serves(connection)
        connection.send(BAD)
        connection.wait_reset()
        self.gate.wait_event("address-not-allowed", connection.sport)
        name = f"close {RAW_SERVER}:{connection.sport}"
        wait_until(lambda: name in self.plcs[PLC].lines, "the device's side to close")
        self.assert_untouched()

    def test_the_server_connects_again(self):
        client = self.client()
        with self.assertRaises(ConnectionError):
            client.write(FORBIDDEN, 1)
        self.assert_serves(self.client())
        self.assert_untouched()


class OnViolationDrop(RawCase):
    rules = standard_rules(on_violation="drop")

    def test_taken_out_and_acknowledged_and_nobody_answers(self):
        connection = self.raw.connect(PLC)
        connection.send(BAD)
        connection.wait_acked()
        self.gate.wait_event("address-not-allowed", connection.sport)
        self.assert_raw_serves(connection)  # its answer is the first that comes
        self.assertFalse(connection.reset)
        self.assert_untouched()


class Observe(RawCase):
    rules = standard_rules(mode="observe", expires=day(20))

    def test_violations_are_recorded_and_let_through(self):
        client = self.client()
        self.assertEqual(client.write(FORBIDDEN, 5), struct.pack("!BHH", 6, FORBIDDEN, 5))
        self.gate.wait_event("address-not-allowed", client.socket.getsockname()[1])
        self.assertEqual(self.register(FORBIDDEN), 5)


class Frames(RawCase):
    """Frames that only look like allowed ones."""

    def deny(self, frame, reason, code=None):
        """code None: malformed, so reset; else the exception's code."""
        connection = self.raw.connect(PLC)
        connection.send(frame)
        if code is None:
            connection.wait_reset()
        else:
            answer = connection.read(9)
            self.assertEqual(answer[7:], bytes([frame[7] | 0x80, code]), answer.hex())
            self.assert_raw_serves(connection)
        event = self.gate.wait_event(reason, connection.sport)
        self.assertEqual(event["reason"], reason)
        sent = [r for r in self.requests(peer=f"{RAW_SERVER}:{connection.sport}") if r[:2] != b"\0\x4d"]
        self.assertFalse(sent, "the device acted on it")

    def deny_all(self, rows):
        for frame, reason, code in rows:
            with self.subTest(frame=frame.hex()):
                self.deny(frame, reason, code)
        self.assert_untouched()

    def test_length_that_disagrees_with_the_function(self):
        pdu = struct.pack("!BHH", 3, 0, 1)
        hidden = modbus.write(FORBIDDEN, 1)
        self.deny_all([(modbus.frame(pdu + b"\0"), "trailing-bytes", None),
                       (modbus.frame(pdu + hidden), "trailing-bytes", None),
                       (modbus.frame(pdu + hidden, length=6 + len(hidden)), "trailing-bytes", None),
                       (modbus.frame(pdu[:3]), "malformed-frame", None),
                       (modbus.frame(pdu[:1]), "malformed-frame", None)])

    def test_length_and_protocol_id_out_of_bounds(self):
        pdu = struct.pack("!BHH", 3, 0, 1)
        self.deny_all([(modbus.frame(pdu, protocol=1), "malformed-frame", None),
                       (modbus.frame(pdu, protocol=0xFFFF), "malformed-frame", None)]
                      + [(modbus.frame(pdu, length=n), "malformed-frame", None) for n in (0, 1, 255, 65535)])

    def test_functions_that_are_not_reads(self):
        self.deny_all([(modbus.frame(struct.pack("!BHHHHBH", 23, 0, 1, FORBIDDEN, 1, 2, 1)), "function-not-allowed", 1),
                       (modbus.frame(b"\x2b\x0d\0\0"), "function-not-allowed", 1),
                       (modbus.frame(b"\x08\0\x01\0\0"), "function-not-allowed", 1),
                       (modbus.frame(b"\x08\0\x04\0\0"), "function-not-allowed", 1),
                       (modbus.frame(b"\x5a\0\x01"), "function-not-allowed", 1),
                       (modbus.frame(struct.pack("!BHHH", 22, FORBIDDEN, 0, 1)), "function-not-allowed", 1)])

    def test_undecodable_then_forbidden(self):
        self.deny(modbus.frame(b"\x03\0") + modbus.write(FORBIDDEN, 1), "malformed-frame")
        self.assert_untouched()

    def test_ranges(self):
        def read(address, quantity):
            return modbus.read(address, quantity)
        self.deny_all([(read(99, 2), "address-not-allowed", 2), (read(100, 1), "address-not-allowed", 2),
                       (read(65535, 1), "address-not-allowed", 2), (read(0, 101), "address-not-allowed", 2),
                       (modbus.write(119, 1), "address-not-allowed", 2),
                       (modbus.write(121, 1), "address-not-allowed", 2)])

    def test_quantities_that_no_device_accepts(self):
        for frame in (modbus.read(0, 0), modbus.read(0, 126), modbus.read(65535, 2)):
            with self.subTest(frame=frame.hex()):
                connection = self.raw.connect(PLC)
                connection.send(frame)
                wait_until(lambda: connection.reset or len(connection.received) >= 9, "a refusal")
                if not connection.reset:
                    self.assertEqual(connection.read(9)[7], 0x83)
                self.assertFalse(self.requests(peer=f"{RAW_SERVER}:{connection.sport}"))

    def test_ranges_that_are_allowed_to_the_edge(self):
        client = self.client()
        self.assertEqual(client.read(0, 100), list(range(100)))
        self.assertEqual(client.read(99, 1), [99])

    def test_transaction_ids_reused_and_all_zero(self):
        connection = self.raw.connect(PLC)
        connection.send(b"".join(modbus.read(i, 1, transaction=0) for i in range(5)))
        answers, _ = modbus.frames(connection.read(55))
        self.assertEqual(answers, [modbus.read_answer([i], transaction=0) for i in range(5)])
        self.assert_raw_serves(connection)

    def test_broadcast_write(self):
        connection = self.raw.connect(PLC)
        connection.send(modbus.write(SETPOINT, 1, unit=0))
        self.gate.wait_event("unit-not-allowed", connection.sport)
        self.assert_untouched(SETPOINT)


class Limits(RawCase):
    rules = [rule("historian-press", "historian", "press-plc", limits={"connections": 2}),
             rule("raw-press", "raw-server", "press-plc", limits={"requests_per_second": 20})]

    def test_connections(self):
        first, second = self.client(), self.client()
        self.assert_serves(first)
        with self.assertRaises((TimeoutError, OSError)):
            self.lab.connect(PLC, source="10.1.0.2", seconds=0.7)
        self.gate.wait_event("connections-exceeded")
        self.assert_serves(second)
        first.socket.close()
        wait_until(self.connects, "a place to be free after a close", 5)

    def connects(self):
        try:
            self.assert_serves(modbus.Client(self.lab.connect(PLC, source="10.1.0.2", seconds=0.7)))
            return True
        except OSError:
            return False

    def test_requests_per_second(self):
        connection = self.raw.connect(PLC)
        answers = []
        for i in range(40):
            connection.send(modbus.read(i, 1, transaction=i))
            answers.append(connection.read(9))
            answers[-1] += b"" if answers[-1][7] & 0x80 else connection.read(2)
        busy = [a for a in answers if a[7:9] == b"\x83\x06"]
        self.assertGreaterEqual(len(answers) - len(busy), 20)
        self.assertGreaterEqual(len(busy), 10)
        self.assertEqual(len(self.requests(peer=f"{RAW_SERVER}:{connection.sport}")), len(answers) - len(busy))
        self.gate.wait_event("rate-exceeded", connection.sport)


class AdjacentEntries(RawCase):
    """The whole request lies inside one entry, or it is denied."""
    rules = [rule("raw-press", "raw-server", "press-plc",
                  [{"function": "read-holding-registers", "unit": 1, "addresses": ["0-9", "10-19"]}])]

    def test_straddling_two_entries(self):
        connection = self.raw.connect(PLC)
        connection.send(modbus.read(9, 2, transaction=9))
        self.assertEqual(connection.read(9), modbus.exception(3, 2, transaction=9))
        connection.send(modbus.read(10, 10, transaction=9))
        self.assertEqual(connection.read(29), modbus.read_answer(list(range(10, 20)), transaction=9))


if __name__ == "__main__":
    unittest.main()
