#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`gatehouse replay`: captures written here against a small site, every verdict known beforehand."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import pcapfile as p

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATEHOUSE = (ROOT / os.environ.get("BUILD", "build") / "gatehouse").resolve()


def rule(name, allow, **other):
    return {"id": name, "from": "historian", "to": "press", "protocol": "modbus", "allow": allow,
            "purpose": "Production counts for the schedule", "owner": "ot", "requested_by": "it",
            "approved_by": "ot", "approved_on": "2026-01-10", "review_by": "2026-12-01", **other}


READ = {"function": "read-holding-registers", "unit": 1, "addresses": ["0-99"]}
WRITE = {"function": "write-single-register", "unit": 1, "addresses": [120],
         "values": {"min": 0, "max": 1500}}


def write_site(folder, rules):
    documents = {
        "site": {"site": "mill", "timezone": "UTC", "zones": {
            "office": {"side": "it", "interface": "eth0", "networks": ["10.1.0.0/24"]},
            "line": {"side": "ot", "interface": "eth1", "networks": ["10.2.0.0/24"]}},
            "people": {"ot": {"name": "OT", "contact": "ext. 1"}, "it": {"name": "IT", "contact": "ext. 2"}},
            "defaults": {"on_violation": "reply", "if_inspector_down": "closed"}},
        "assets": {"assets": {
            "historian": {"role": "server", "zone": "office", "address": "10.1.0.2", "owner": "it",
                          "description": "Historian"},
            "press": {"role": "device", "zone": "line", "address": "10.2.0.2", "owner": "ot",
                      "description": "Press"}}},
        "rules": {"rules": rules},
    }
    for kind, document in documents.items():
        document = {"$schema": f"../schemas/{kind}.schema.json", **document}
        (folder / f"{kind}.json").write_text(json.dumps(document, indent=2))


def write_request(transaction, address, value):
    return p.modbus(transaction, 1, b"\x06" + address.to_bytes(2, "big") + value.to_bytes(2, "big"))


class Replay(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.site = self.folder / "site"
        self.site.mkdir()
        write_site(self.site, [rule("reads", [READ]), rule("sets", [WRITE])])

    def run_replay(self, packets, *options):
        capture = self.folder / "capture"
        p.write_pcap(capture, p.RAW, packets)
        done = subprocess.run([GATEHOUSE, "replay", "--json", self.site, capture, *options],
                              capture_output=True, text=True, timeout=60)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertTrue(lines, done.stderr)
        *messages, summary = lines
        return done.returncode, messages, summary["summary"]

    @staticmethod
    def verdicts(messages):
        return [(m["transaction"], m["direction"], m["verdict"], m.get("reason"), m["rule"])
                for m in messages]

    def conversation(self, exchanges, **other):
        """Packets of requests and their replies, a segment each."""
        talk = p.Conversation(**other)
        packets, sent = talk.handshake(), [0, 0]
        for side, data in exchanges:
            packets.append(talk.packet(side, sent[side], data, acknowledged=sent[1 - side]))
            sent[side] += len(data)
        return packets

    def mixed(self):
        allowed, high = write_request(2, 120, 1500), write_request(3, 120, 1501)
        return [(0, p.read_request(1, 96, 4)), (1, p.read_reply(1, [1, 2, 3, 4])),
                (0, allowed), (1, allowed), (0, high), (1, high),
                (0, p.read_request(4, 97, 4)), (1, p.read_reply(4, [1, 2, 3, 4])),
                (0, p.read_request(5, 0, 1)), (1, p.read_reply(5, [9]))]

    MIXED = [(1, "request", "allow", None, "reads"), (1, "reply", "allow", None, "reads"),
             (2, "request", "allow", None, "sets"), (2, "reply", "allow", None, "sets"),
             (3, "request", "deny", "value-not-allowed", "sets"),
             (3, "reply", "deny", "unexpected-reply", None),
             (4, "request", "deny", "address-not-allowed", "reads"),
             (4, "reply", "deny", "unexpected-reply", None),
             (5, "request", "allow", None, "reads"), (5, "reply", "allow", None, "reads")]

    def test_verdicts(self):
        code, messages, summary = self.run_replay(self.conversation(self.mixed()))
        self.assertEqual(self.verdicts(messages), self.MIXED)
        self.assertEqual(code, 1)
        self.assertEqual(summary["verdicts"], {"allow": 6, "deny": 4})
        self.assertEqual(summary["reasons"], {"value-not-allowed": 1, "address-not-allowed": 1,
                                              "unexpected-reply": 2})
        self.assertEqual(summary["rules"], {"reads": {"allow": 4, "deny": 1},
                                            "sets": {"allow": 2, "deny": 1}})

    def test_every_way_to_answer_a_violation(self):
        """What the gate does about a violation changes no verdict on what follows it."""
        for way in ("reply", "reset", "drop"):
            with self.subTest(way):
                write_site(self.site, [rule("reads", [READ], on_violation=way),
                                       rule("sets", [WRITE], on_violation=way)])
                _, messages, _ = self.run_replay(self.conversation(self.mixed()))
                self.assertEqual(self.verdicts(messages), self.MIXED)

    def test_no_handshake_and_all_allowed(self):
        code, messages, _ = self.run_replay(
            self.conversation([(0, p.read_request(1)), (1, p.read_reply(1, [1, 2, 3, 4]))])[3:])
        self.assertEqual(code, 0)
        self.assertEqual([m["verdict"] for m in messages], ["allow", "allow"])

    def test_out_of_order(self):
        talk = p.Conversation()
        first, second = p.read_request(1), write_request(2, 121, 1)
        code, messages, _ = self.run_replay(
            talk.handshake() + [talk.c(12, second), talk.c(12, second), talk.c(0, first)])
        self.assertEqual(self.verdicts(messages), [(1, "request", "allow", None, "reads"),
                                                   (2, "request", "deny", "address-not-allowed", "sets")])
        self.assertEqual([m["frame"] for m in messages], [6, 6])
        self.assertEqual(code, 1)

    def test_split_at_every_offset(self):
        """A forbidden value in two segments; what follows on the connection is judged as ever."""
        bad, good = write_request(1, 120, 2000), p.read_request(2)
        talk = p.Conversation()
        for cut in range(1, len(bad)):
            with self.subTest(cut):
                _, messages, _ = self.run_replay(
                    talk.handshake() + [talk.c(0, bad[:cut]), talk.c(cut, bad[cut:] + good)])
                self.assertEqual([m["verdict"] for m in messages], ["deny", "allow"])
                self.assertEqual(messages[0]["reason"], "denied-after-partial")

    def test_hidden_behind_an_allowed_read(self):
        _, messages, _ = self.run_replay(
            self.conversation([(0, p.read_request(1) + write_request(2, 5, 1) + p.read_request(3))]))
        self.assertEqual([m["verdict"] for m in messages], ["allow", "deny", "allow"])

    def test_malformed(self):
        bad = p.modbus(1, 1, b"\3\0\0\0\4\0")
        code, messages, summary = self.run_replay(self.conversation([(0, bad), (0, p.read_request(2))]))
        self.assertEqual((messages[0]["malformed"], messages[0]["verdict"], messages[0]["reason"]),
                         ("trailing-bytes", "deny", "trailing-bytes"))
        self.assertEqual(messages[1]["verdict"], "allow")
        self.assertEqual((code, summary["malformed"]), (1, 1))

    def test_no_rule(self):
        code, messages, summary = self.run_replay(
            self.conversation([(0, p.read_request(1))], client="10.1.0.3"))
        self.assertEqual(self.verdicts(messages), [(1, "request", "deny", "no-rule", None)])
        self.assertEqual((code, summary["reasons"], summary["rules"]), (1, {"no-rule": 1}, {}))

    def test_as(self):
        """One rule for everybody: two other pairs with the same ports, IPv4 and IPv6."""
        packets = []
        for client, server in (("192.0.2.1", "192.0.2.9"), ("192.0.2.2", "192.0.2.9"),
                               ("fd00::1", "fd00::9")):
            packets += self.conversation([(0, p.read_request(1)), (1, p.read_reply(1, [1, 2, 3, 4])),
                                          (0, write_request(2, 120, 5))], client=client, server=server)
        code, messages, summary = self.run_replay(packets, "--as", "reads")
        self.assertEqual([(m["verdict"], m["rule"]) for m in messages],
                         [("allow", "reads"), ("allow", "reads"), ("deny", "reads")] * 3)
        self.assertEqual(messages[0]["src"], "192.0.2.1:40000")
        self.assertEqual((code, summary["rules"]), (1, {"reads": {"allow": 6, "deny": 3}}))

    def test_dates(self):
        write_site(self.site, [rule("reads", [READ], review_by="2026-06-01",
                                         expires="2026-06-30")])
        packets = self.conversation([(0, p.read_request(1))])
        self.assertEqual(self.run_replay(packets)[0], 0)
        self.assertEqual(self.run_replay(packets, "--at", "2026-06-01T12:00:00Z")[0], 0)
        self.assertEqual(self.run_replay(packets, "--at", "2026-08-01T12:00:00Z")[0], 1)

    def test_wrong_usage(self):
        capture = self.folder / "capture"
        p.write_pcap(capture, p.RAW, [])
        for options in ([self.site], [self.site, capture, "--as", "nobody"],
                        [self.site, capture, "--at", "yesterday"], [self.site, capture, "--port", "x=1"]):
            done = subprocess.run([GATEHOUSE, "replay", *options], capture_output=True, text=True,
                                  timeout=60)
            self.assertEqual((done.returncode, done.stdout), (2, ""))


if __name__ == "__main__":
    unittest.main()
