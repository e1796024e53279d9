#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`gatehouse decode` against tshark: captures written here, and the public ones where they are."""
import collections
import csv
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import pcapfile as p

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATEHOUSE = (ROOT / os.environ.get("BUILD", "build") / "gatehouse").resolve()
CAPTURES = pathlib.Path(os.environ.get("GATEHOUSE_CAPTURES", ROOT / ".." / "shared" / "captures"))

# Where decode and tshark differ, by capture: how often, and how (docs/decode-and-tshark.md says why).
TRAILING, MALFORMED = ("stricter", "trailing-bytes"), ("stricter", "malformed-frame")
NO_MODBUS, HELD = ("only decode", "malformed-frame"), ("only decode", None)
DIFFERENCES = {
    "OISF_suricata-verify/tests__modbus__modbus.pcap": {TRAILING: 7, NO_MODBUS: 4},
    "arkime_arkime/modbus.pcap": {TRAILING: 17, MALFORMED: 7, NO_MODBUS: 6, HELD: 1},
    "digitalbond_Quickdraw-Snort/modbus_test_data_part1.pcap": {TRAILING: 12, NO_MODBUS: 6, HELD: 1},
    "digitalbond_Quickdraw-Snort/modbus_test_data_part2.pcap": {TRAILING: 5, MALFORMED: 7},
    "digitalbond_Quickdraw-Snort/modicon_test.pcap": {MALFORMED: 2},
    "own/pymodbus-pymodbus-file.pcap": {MALFORMED: 1},
    "zeek_zeek/modbus__4SICS-GeekLounge-151022-min.pcap": {MALFORMED: 1},
    "zeek_zeek/modbus__fuzz-72.pcap": {MALFORMED: 1, NO_MODBUS: 3, HELD: 9},
    "zeek_zeek/modbus__modbus-and-non-modbus-p502.pcap": {NO_MODBUS: 11},
    "zeek_zeek/modbus__modbus-eit.pcap": {TRAILING: 1},
}


def decode(path, *options):
    """(exit code, messages, summary)"""
    done = subprocess.run([GATEHOUSE, "decode", "--json", path, *options], capture_output=True, text=True,
                          timeout=120)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, lines[:-1], lines[-1]["summary"] if lines else None


def number(text):
    return int(text) if text else None


def wrong_members(ours, row):
    """Members of a message that do not say what its truth row says."""
    first = {**ours, **ours.get("read", {})}
    if ours.get("parts"):
        part = ours["parts"][0]
        first = {**ours, "quantity": part["length"],
                 "address": part["file"] << 16 | part["record"] if "file" in part else None}
    always = {"transaction": number(row["trans_id"]), "unit": number(row["unit"]),
              "function": number(row["func"]), "direction": {"q": "request", "r": "reply"}[row["dir"]]}
    wrong = [name for name, want in always.items() if ours.get(name) != want]
    if "malformed" in ours:
        return wrong
    if ours.get("exception") != number(row["exc_code"]):
        wrong.append("exception")
    for column, name, where in (("ref", "address", first), ("qty", "quantity", first),
                                ("ref2", "address", ours.get("write", {})),
                                ("qty2", "quantity", ours.get("write", {}))):
        if row[column] and where.get(name) != int(row[column]):
            wrong.append(name)
    return wrong


def differences(messages, rows):
    found = collections.Counter()
    ours, theirs = collections.defaultdict(list), collections.defaultdict(list)
    for message in messages:
        ours[message["frame"]].append(message)
    for row in rows:
        theirs[int(row["frame"])].append(row)
    for frame in ours.keys() | theirs.keys():
        left, right = ours[frame], theirs[frame]
        for message, row in zip(left, right):
            if wrong := wrong_members(message, row):
                found["wrong", f"frame {frame}: {', '.join(wrong)}"] += 1
            elif "malformed" in message:
                found["stricter", message["malformed"]] += 1
        for message in left[len(right):]:
            found["only decode", message.get("malformed")] += 1
        for row in right[len(left):]:
            found["only tshark", f"frame {frame}"] += 1
    return dict(found)


class PublicCaptures(unittest.TestCase):
    def truths(self):
        if not (CAPTURES / "truth").is_dir():
            self.skipTest(f"no captures with truth tables at {CAPTURES}")
        yield from sorted((CAPTURES / "truth").glob("*/*.modbus.tsv*"))

    def test_every_row(self):
        rows_compared = 0
        for truth in self.truths():
            name = f"{truth.parent.name}/{truth.name.split('.modbus.tsv')[0]}"
            with self.subTest(capture=name):
                with (gzip.open if truth.suffix == ".gz" else open)(truth, "rt") as table:
                    rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
                code, messages, summary = decode(CAPTURES / name)
                found = differences(messages, rows)
                if name in DIFFERENCES:
                    self.assertEqual(found, DIFFERENCES[name])
                else:
                    # a capture that nobody looked at: decode may be stricter than tshark, no more
                    self.assertFalse([d for d in found if d[0] not in ("stricter", "only decode")], found)
                malformed = sum("malformed" in message for message in messages)
                self.assertEqual(summary["malformed"], malformed)
                self.assertEqual(code, 1 if malformed else 0)
                rows_compared += len(rows)
        self.assertGreater(rows_compared, 1000)


class OwnCaptures(unittest.TestCase):
    """Truth for these comes from tshark, now."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def tshark(self, path):
        """(frame, transaction, unit, function) of every message, as tshark sees it."""
        if not shutil.which("tshark"):
            self.skipTest("tshark is not installed")
        done = subprocess.run(
            ["tshark", "-n", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE", "-d",
             "tcp.port==1502,mbtcp", "-Y", "mbtcp", "-T", "fields", "-E", "occurrence=a", "-E",
             "aggregator=,", "-e", "frame.number", "-e", "mbtcp.trans_id", "-e", "mbtcp.unit_id", "-e",
             "modbus.func_code"], capture_output=True, text=True, check=True, timeout=60)
        rows = []
        for line in done.stdout.splitlines():
            frame, *columns = line.split("\t")
            rows += [(int(frame), *map(int, one)) for one in zip(*(c.split(",") for c in columns))]
        return rows

    def assert_same(self, path, count, *options):
        code, messages, summary = decode(path, *options)
        ours = [(m["frame"], m["transaction"], m["unit"], m["function"]) for m in messages]
        self.assertEqual(len(ours), count)
        self.assertEqual(ours, self.tshark(path))
        self.assertEqual((code, summary["malformed"]), (0, 0))
        return messages, summary

    def exchange(self, talk):
        request, reply = p.read_request(1, 10, 2), p.read_reply(1, [7, 8])
        return talk.handshake() + [talk.c(0, request), talk.s(0, reply, len(request))]

    def test_link_layers(self):
        four, six = p.Conversation(), p.Conversation("fd00:1::2", "fd00:2::2")
        for kind in (p.ETHERNET, p.LOOPBACK, p.RAW, p.COOKED, p.COOKED2):
            for talk in (four, six):
                for write in (p.write_pcap, p.write_pcapng):
                    with self.subTest(kind=kind, family=talk.ends[0][0], write=write.__name__):
                        path = self.path("link")
                        write(path, kind, [p.link(kind, packet) for packet in self.exchange(talk)])
                        messages, _ = self.assert_same(path, 2)
                        self.assertEqual(messages[1]["values"], [7, 8])
                        self.assertEqual(messages[1]["time"], 1700000000.004)

    def test_vlan_tags(self):
        for tags in ([(0x8100, 20)], [(0x88a8, 30), (0x8100, 20)], [(0x9100, 1), (0x8100, 2)]):
            path = self.path("vlan")
            p.write_pcap(path, p.ETHERNET,
                         [p.link(p.ETHERNET, packet, tags) for packet in self.exchange(p.Conversation())])
            self.assert_same(path, 2)

    def test_ipv6_options(self):
        talk = p.Conversation("fd00:1::2", "fd00:2::2")
        packets = [p.ipv6("fd00:1::2", "fd00:2::2", packet[40:], options=True) if i == 3 else packet
                   for i, packet in enumerate(self.exchange(talk))]
        path = self.path("options")
        p.write_pcap(path, p.RAW, packets)
        self.assert_same(path, 2)

    def test_ip_fragments(self):
        *start, request, reply = self.exchange(p.Conversation())
        segment = request[20:]
        parts = [p.ipv4("10.1.0.2", "10.2.0.2", segment[24:], 9, 24),
                 p.ipv4("10.1.0.2", "10.2.0.2", segment[:24], 9, 0, True)]
        path = self.path("fragments")
        p.write_pcap(path, p.RAW, [*start, *parts, reply])
        self.assert_same(path, 2)

    def test_segments_out_of_order(self):
        talk = p.Conversation(base=0xfffffff0)  # the sequence number wraps
        stream = b"".join(p.read_request(i, i, 1) for i in range(6))
        order = [(12, 20), (0, 9), (32, 40), (9, 12), (20, 32), (12, 32), (40, 72)]
        path = self.path("order")
        p.write_pcap(path, p.RAW, talk.handshake() + [talk.c(a, stream[a:b]) for a, b in order])
        self.assert_same(path, 6)

    def test_byte_by_byte_and_all_at_once(self):
        talk = p.Conversation()
        stream = b"".join(p.read_request(i, i, 1) for i in range(3))
        path = self.path("bytes")
        p.write_pcap(path, p.RAW, talk.handshake() +
                     [talk.c(i, stream[i:i + 1]) for i in range(len(stream))] +
                     [talk.s(0, b"".join(p.read_reply(i, [i]) for i in range(3)), len(stream))])
        # tshark does not know a message by a first segment of less than 8 bytes, so by hand:
        _, messages, _ = decode(path)
        self.assertEqual([(m["frame"], m["direction"], m["transaction"]) for m in messages],
                         [(15, "request", 0), (27, "request", 1), (39, "request", 2),
                          (40, "reply", 0), (40, "reply", 1), (40, "reply", 2)])

    def test_other_port_and_no_handshake(self):
        path = self.path("port")
        p.write_pcap(path, p.RAW, self.exchange(p.Conversation(sport=1502))[3:])
        self.assert_same(path, 2, "--port", "modbus=1502")
        self.assertEqual(decode(path)[1], [])

    def test_hole(self):
        """A request that the capture lacks: the messages behind it stay in their own frames."""
        talk = p.Conversation()
        packets = talk.handshake() + [talk.s(0, p.read_reply(1, [1]), 12), talk.c(12, p.read_request(2), 11),
                                      talk.s(11, p.read_reply(2, [1]), 24)]
        path = self.path("hole")
        p.write_pcap(path, p.RAW, packets)
        code, messages, summary = decode(path)
        self.assertEqual([(m["frame"], m["transaction"]) for m in messages], [(4, 1), (5, 2), (6, 2)])
        self.assertEqual((code, summary["holes"], summary["malformed"]), (0, 1, 0))

    def test_resynchronise(self):
        """The first half of a message is missing: its second half is passed over, not malformed."""
        talk = p.Conversation()
        half = p.read_request(1)[6:] + p.read_request(2)
        path = self.path("half")
        p.write_pcap(path, p.RAW, talk.handshake() + [talk.c(6, half), talk.c(24, p.read_request(3))])
        code, messages, summary = decode(path)
        self.assertEqual([m["transaction"] for m in messages], [2, 3])
        self.assertEqual((code, summary["skipped_bytes"], summary["holes"]), (0, 6, 1))

    def test_cut_short(self):
        path = self.path("snap")
        p.write_pcap(path, p.RAW, self.exchange(p.Conversation()), snap=49)
        code, messages, summary = decode(path)
        self.assertEqual((code, messages), (0, []))
        self.assertEqual((summary["truncated_frames"], summary["incomplete"]), (2, 2))

    def test_malformed(self):
        talk = p.Conversation()
        good = p.read_request(9)
        cases = {
            "protocol id": (b"\0\1\0\1\0\6\1\3\0\0\0\4", "malformed-frame"),
            "length 1": (b"\0\1\0\0\0\1\1", "malformed-frame"),
            "trailing": (p.modbus(1, 1, b"\3\0\0\0\4\0"), "trailing-bytes"),
            "short": (p.modbus(1, 1, b"\3\0\0\0"), "malformed-frame"),
            "byte count": (p.modbus(1, 1, b"\x10\0\0\0\2\3\0\0\0\0"), "malformed-frame"),
            "reply bit": (p.modbus(1, 1, b"\x83\2"), "malformed-frame"),
        }
        for name, (frame, reason) in cases.items():
            with self.subTest(name):
                path = self.path("malformed")
                p.write_pcap(path, p.RAW, talk.handshake() + [talk.c(0, frame), talk.c(len(frame), good)])
                code, messages, summary = decode(path)
                self.assertEqual([m.get("malformed") for m in messages], [reason, None])
                self.assertEqual((code, summary["malformed"]), (1, 1))
                self.assertEqual(messages[1]["transaction"], 9)
                self.assertLess(messages[0].get("function", 0), 128)

    def test_members(self):
        """What each shape of message shows, against bytes written by hand."""
        cases = [
            (0, b"\5\0\x0a\xff\0", {"function": 5, "address": 10, "values": [1]}),
            (0, b"\x0f\0\1\0\x0a\2\xcd\1", {"address": 1, "quantity": 10,
                                            "values": [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]}),
            (0, b"\x10\0\1\0\2\4\0\x0a\1\2", {"address": 1, "quantity": 2, "values": [10, 258]}),
            (0, b"\x16\0\4\0\xf2\0\x25", {"address": 4, "and_mask": 0xf2, "or_mask": 0x25}),
            (0, b"\x17\0\3\0\6\0\x0e\0\1\2\0\xff", {"read": {"address": 3, "quantity": 6},
                                                    "write": {"address": 14, "quantity": 1},
                                                    "values": [255]}),
            (0, b"\x08\0\4\0\0", {"name": "diagnostics", "subfunction": 4, "data": "0000"}),
            (0, b"\x2b\x0e\1\0", {"mei_type": 14, "read_code": 1, "object_id": 0}),
            (0, b"\x14\7\6\0\4\0\1\0\2", {"parts": [{"file": 4, "record": 1, "length": 2}]}),
            (0, b"\x5a\0\1\2", {"function": 90, "name": None, "data": "000102"}),
            (1, b"\x90\2", {"function": 16, "name": "write-multiple-registers", "exception": 2}),
            (1, b"\3\4\0\1\0\2", {"values": [1, 2]}),
            (1, b"\1\1\x0d", {"data": "0d"}),
            (1, b"\x06\0\x0a\0\7", {"address": 10, "values": [7]}),
        ]
        talk = p.Conversation()
        for side, pdu, members in cases:
            with self.subTest(pdu=pdu):
                path = self.path("members")
                p.write_pcap(path, p.RAW, [talk.packet(side, 0, p.modbus(7, 3, pdu))])
                _, [message], _ = decode(path)
                head = {"frame": 1, "time": 1700000000, "protocol": "modbus",
                        "src": ("10.1.0.2:40000", "10.2.0.2:502")[side],
                        "dst": ("10.2.0.2:502", "10.1.0.2:40000")[side],
                        "direction": ("request", "reply")[side], "transaction": 7, "unit": 3}
                for name, want in {**head, **members}.items():
                    self.assertEqual(message[name], want, name)
                self.assertLessEqual(set(message) - set(head) - {"function", "name"}, set(members))

    def test_not_a_capture(self):
        path = self.path("text")
        pathlib.Path(path).write_text("this is no capture\n")
        for name, word in ((path, "capture"), (self.path("absent"), "absent")):
            done = subprocess.run([GATEHOUSE, "decode", name], capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (3, ""))
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main()
