#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`gatehouse learn`: what it learns from captures written here, known beforehand; and of recorded ones, that the rules
allow what was seen and that nothing can be taken from them."""
import copy
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import pcapfile as p

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATEHOUSE = (ROOT / os.environ.get("BUILD", "build") / "gatehouse").resolve()
CAPTURES = ROOT.parent / "shared" / "captures"
BLANKS = {"purpose": "What the reviewers are told", "owner": "ot", "approved_by": "ot", "approved_on": "2026-01-10",
          "review_by": "2026-12-01"}
LARGEST = 60000  # bytes of a recording
EVERY = 3        # so many-th recording is tried; LEARN_EVERY=1: each


def run(*words):
    done = subprocess.run([GATEHOUSE, *map(str, words)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def asset(role, zone, address):
    return {"role": role, "zone": zone, "address": address, "owner": "ot", "description": "A host of a capture"}


def write_site(folder, rules):
    """A site of the rules' hosts, which are named by their addresses."""
    servers, devices = ({r[end] for r in rules} for end in ("from", "to"))
    names = {a: "host-" + re.sub("[.:]+", "-", a).strip("-") for a in servers | devices}
    rules = [{**r, "from": names[r["from"]], "to": names[r["to"]]} for r in rules]
    hosts = {"office": ("server", servers), "line": ("device", devices)}
    documents = {
        "site": {"site": "mill", "timezone": "UTC", "people": {"ot": {"name": "OT", "contact": "ext. 1"}},
                 "zones": {zone: {"side": "it" if zone == "office" else "ot", "interface": f"eth{i}",
                                  "networks": [f"{a}/{128 if ':' in a else 32}" for a in sorted(found)]}
                           for i, (zone, (_, found)) in enumerate(hosts.items())}},
        "assets": {"assets": {names[a]: asset(role, zone, a) for zone, (role, found) in hosts.items() for a in found}},
        "rules": {"rules": rules},
    }
    folder.mkdir(exist_ok=True)
    for kind, document in documents.items():
        document = {"$schema": f"../schemas/{kind}.schema.json", **document}
        (folder / f"{kind}.json").write_text(json.dumps(document))


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.site = self.folder / "site"

    def learn(self, capture, *options):
        """Exit code, the rules, what was said beside them."""
        code, out, said = run("learn", capture, *options)
        self.assertIn(code, (0, 1), said)
        return code, json.loads(out)["rules"], said

    def replay(self, rules, capture):
        """Messages denied under the rules."""
        write_site(self.site, [{**r, **BLANKS} for r in rules])
        code, out, said = run("replay", "--json", self.site, capture)
        self.assertIn(code, (0, 1), said + out)
        return json.loads(out.splitlines()[-1])["summary"]["verdicts"]["deny"]


def without_notes(entries):
    return [{k: v for k, v in e.items() if k != "note"} for e in entries]


class Written(Folder):
    def capture(self, requests, **other):
        talk = p.Conversation(**other)
        packets, sent = talk.handshake(), 0
        for data in requests:
            packets.append(talk.packet(0, sent, data))
            sent += len(data)
        path = self.folder / "capture"
        p.write_pcap(path, p.RAW, packets)
        return path

    @staticmethod
    def ask(*pdus, unit=1):
        return [p.modbus(i, unit, bytes(pdu)) for i, pdu in enumerate(pdus)]

    def entries(self, requests):
        code, rules, said = self.learn(self.capture(requests))
        self.assertEqual((code, len(rules)), (0, 1), said)
        return rules[0]["allow"]

    def test_ranges_that_touch_become_one(self):
        found = self.entries(self.ask((3, 0, 10, 0, 5), (3, 0, 0, 0, 10), (3, 0, 12, 0, 8), (3, 0, 30, 0, 1)))
        self.assertEqual(without_notes(found), [{"function": "read-holding-registers", "unit": 1,
                                                 "addresses": ["0-19", 30]}])
        self.assertRegex(found[0]["note"], r"^Seen 4 times, \S+Z to \S+Z$")

    def test_units_share_an_entry_only_when_they_have_the_same(self):
        asked = [*self.ask((3, 0, 0, 0, 2)), *self.ask((3, 0, 0, 0, 2), unit=7), *self.ask((3, 0, 9, 0, 2), unit=8)]
        self.assertEqual(without_notes(self.entries(asked)),
                         [{"function": "read-holding-registers", "unit": [1, 7], "addresses": ["0-1"]},
                          {"function": "read-holding-registers", "unit": 8, "addresses": ["9-10"]}])

    def test_both_halves_of_read_write(self):
        pdu = (23, 0, 3, 0, 6, 0, 14, 0, 1, 2, 0, 255)
        self.assertEqual(without_notes(self.entries(self.ask(pdu))),
                         [{"function": "read-write-multiple-registers", "unit": 1, "read": {"addresses": ["3-8"]},
                           "write": {"addresses": [14]}}])

    def test_writes_and_control_are_told(self):
        found = self.entries(self.ask((6, 0, 120, 0, 1), (8, 0, 1, 0, 0), (100, 1)))
        notes = {e["function"]: e["note"] for e in found}
        self.assertIn("Writes any value", notes["write-single-register"])
        for function in ("diagnostics", 100):
            self.assertIn("CONTROLS THE DEVICE", notes[function])
        self.assertIn("CONTROLS THE DEVICE", self.learn(self.folder / "capture")[2])

    def test_what_no_device_answers_is_not_learned(self):
        """More registers than the function has, and bytes that are no message."""
        for bad in ((3, 0, 0, 0, 200), (3, 255, 255, 0, 2), (3, 0, 0)):
            with self.subTest(bad):
                code, rules, said = self.learn(self.capture(self.ask((3, 0, 7, 0, 1), bad)))
                self.assertEqual((code, without_notes(rules[0]["allow"])),
                                 (1, [{"function": "read-holding-registers", "unit": 1, "addresses": [7]}]))
                self.assertIn("1 of 2 messages would still be denied", said)

    def test_nothing(self):
        code, rules, said = self.learn(self.capture([]))
        self.assertEqual((code, rules), (1, []))
        self.assertIn("nothing to learn", said)

    def test_a_port_of_its_own(self):
        code, rules, _ = self.learn(self.capture(self.ask((3, 0, 7, 0, 1)), sport=1502), "--port", "modbus=1502")
        self.assertEqual((code, rules[0]["port"], rules[0]["from"], rules[0]["to"]), (0, 1502, "10.1.0.2", "10.2.0.2"))

    def test_names_of_a_site(self):
        capture = self.capture(self.ask((3, 0, 7, 0, 1)))
        _, rules, _ = self.learn(capture)
        write_site(self.site, [{**r, **BLANKS} for r in rules])
        _, named, _ = self.learn(capture, "--site", self.site)
        self.assertEqual((named[0]["from"], named[0]["to"]), ("host-10-1-0-2", "host-10-2-0-2"))

    def test_check_asks_for_what_only_people_know(self):
        _, rules, _ = self.learn(self.capture(self.ask((3, 0, 7, 0, 1))))
        write_site(self.site, rules)
        code, out, _ = run("check", "--json", self.site)
        places = {f["pointer"].rsplit("/", 1)[1] for f in json.loads(out)["findings"] if f["severity"] == "error"}
        self.assertEqual((code, places), (1, set(BLANKS)))
        write_site(self.site, [{**r, **BLANKS} for r in rules])
        code, out, said = run("check", self.site)
        self.assertEqual(code, 0, out + said)

    def test_wrong_usage(self):
        for words in ((), ("one", "two"), ("--what", "one"), ("x.pcap", "--rule", "r"), ("x.pcap", "--port", "7")):
            with self.subTest(words):
                self.assertEqual(run("learn", *words)[0], 2)
        code, _, said = run("learn", self.folder / "missing.pcap")
        self.assertEqual(code, 3, said)


def narrower_ranges(ranges):
    """Each way to take the first or the last number out of one of them, or to leave one out."""
    for i, r in enumerate(ranges):
        rest = ranges[:i] + ranges[i + 1:]
        if rest:
            yield rest
        if isinstance(r, str) and re.fullmatch(r"\d+-\d+", r):
            first, last = map(int, r.split("-"))
            yield [*rest, f"{first + 1}-{last}"]
            yield [*rest, f"{first}-{last - 1}"]


def narrower_texts(texts):
    """The same of tags and data files."""
    for i, text in enumerate(texts):
        rest = texts[:i] + texts[i + 1:]
        if rest:
            yield rest
        found = re.fullmatch(r"(.*[\[:,])(\d+)-(\d+)(\]?)", text)
        if found:
            head, first, last, end = found[1], int(found[2]), int(found[3]), found[4]
            yield [*rest, f"{head}{first + 1}-{last}{end}"]
            yield [*rest, f"{head}{first}-{last - 1}{end}"]


def narrower_entries(entry):
    for name in ("addresses", "subfunctions", "read_codes", "object_ids", "records", "instance", "attributes"):
        for ranges in narrower_ranges(entry.get(name, [])):
            yield {**entry, name: ranges}
    for name in ("read", "write"):
        for ranges in narrower_ranges(entry.get(name, {}).get("addresses", [])):
            yield {**entry, name: {"addresses": ranges}}
    for name in ("read-tags", "write-tags", "files"):
        if isinstance(entry.get(name, [""])[0], str):
            for texts in narrower_texts(entry.get(name, [])):
                yield {**entry, name: texts}
    for unit in entry["unit"] if isinstance(entry.get("unit"), list) else ():
        yield {**entry, "unit": [u for u in entry["unit"] if u != unit]}


def narrower(rules):
    """Rules with one entry left out or narrowed; and which it was."""
    for i, rule in enumerate(rules):
        for k, entry in enumerate(rule["allow"]):
            rest = rule["allow"][:k] + rule["allow"][k + 1:]
            others = rules[:i] + rules[i + 1:]
            if rest or others:
                yield [*others, *([{**rule, "allow": rest}] if rest else [])], f"without {entry}"
            for less in narrower_entries(copy.deepcopy(entry)):
                yield [*others, {**rule, "allow": [*rest, less]}], f"{less} for {entry}"


class Recorded(Folder):
    """Each recording as a test of its own would take a process each: they are parts of one."""

    def captures(self, folder):
        if not (CAPTURES / folder).is_dir():
            self.skipTest(f"the captures are not here: {folder}")
        for path in sorted((CAPTURES / folder).rglob("*.pcap")):
            if path.stat().st_size <= LARGEST:
                yield path

    def check(self, path):
        """How many rules could be narrowed in how many ways."""
        code, rules, said = self.learn(path)
        told = re.search(r"(\d+) of \d+ messages would still be denied", said)
        denied = int(told[1]) if told else 0
        if not rules:
            return 0
        self.assertEqual(self.replay(rules, path), denied)
        ways = 0
        for less, what in narrower(rules):
            self.assertGreater(self.replay(less, path), denied, f"nothing needs it: {what}")
            ways += 1
        return ways

    def each(self, folder, word):
        ways = 0
        paths = [path for path in self.captures(folder) if re.search(word, path.name)]
        for path in paths[::int(os.environ.get("LEARN_EVERY", EVERY))]:
            with self.subTest(path.name):
                ways += self.check(path)
        return ways

    def test_modbus(self):
        self.assertGreater(self.each("own", r"modbus|mbpoll"), 50)

    def test_ethernet_ip(self):
        self.assertGreater(self.each("own", r"cpppo|plctag|eipjs|stenip"), 50)


if __name__ == "__main__":
    unittest.main()
