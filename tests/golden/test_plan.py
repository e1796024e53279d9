#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`gatehouse plan`: differences known beforehand, and for random pairs of rules what trying every request of a small
domain says (small_requests.py, small_cip.py). The same trial judges the warnings about overlaps."""
import datetime
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import unittest

import small_cip
import small_requests as small
from test_explain import Site, rule, write_site

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATEHOUSE = (ROOT / os.environ.get("BUILD", "build") / "gatehouse").resolve()
NOON = "2026-11-18T12:00:00Z"

READ = {"function": "read-holding-registers", "unit": 1, "addresses": ["0-99"]}
WRITE = {"function": "write-single-register", "unit": 1, "addresses": [120], "values": {"min": 0, "max": 1500}}


class Plan(Site):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.old = self.folder / "old"
        self.old.mkdir()

    def run_plan(self, *words):
        return subprocess.run([GATEHOUSE, "plan", *map(str, words)], capture_output=True, text=True, timeout=60)

    def plan(self, before, after):
        write_site(self.old, before)
        write_site(self.site, after)
        done = self.run_plan(self.site, "--against", self.old, "--at", NOON, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def one(self, before, after):
        """The change of the only rule."""
        answer = self.plan([before], [after])["rules"]
        self.assertEqual(len(answer), 1)
        return answer[0]


class Differences(Plan):
    def members(self, change):
        return [(m["what"], m["change"], m["before"], m["after"]) for m in change["members"]]

    def test_writing_it_in_another_way_changes_nothing(self):
        a = rule("r", [{**READ, "unit": [2, 1], "addresses": ["0-9", "5-40", "0-40"]}, WRITE])
        b = rule("r", [{**WRITE, "values": {"min": 0, "max": 1500, "type": "uint16"}},
                       {"function": "read-holding-registers", "unit": 2, "registers": "40001-40041"},
                       {"function": "read-holding-registers", "unit": 1, "addresses": ["0-40"]}])
        change = self.one(a, b)
        self.assertEqual((change["change"], change["services"], change["members"], change["papers"]),
                         ("unchanged", [], [], []))

    def test_wider_and_narrower(self):
        wide = {**READ, "unit": [1, 2], "addresses": ["0-120"]}
        change = self.one(rule("r", [READ]), rule("r", [wide]))
        self.assertEqual(change["change"], "widened")
        self.assertEqual(change["services"], [{
            "function": "read-holding-registers", "code": 3, "change": "widened",
            "before": ["read-holding-registers, unit 1, addresses 0-99"],
            "after": ["read-holding-registers, units 1-2, addresses 0-120"],
            "gained": [{"units": "1", "addresses": "100-120"}, {"units": "2", "addresses": "0-120"}],
            "lost": []}])
        change = self.one(rule("r", [wide]), rule("r", [READ]))
        self.assertEqual((change["change"], change["services"][0]["lost"]),
                         ("narrowed", [{"units": "1", "addresses": "100-120"},
                                       {"units": "2", "addresses": "0-120"}]))

    def test_a_gap_between_two_ranges_is_a_loss(self):
        """A request must lie inside one range: 45-54 is read in one go before, and not after."""
        change = self.one(rule("r", [READ]), rule("r", [{**READ, "addresses": ["0-49", "50-99"]}]))
        self.assertEqual((change["change"], change["services"][0]["lost"]), ("narrowed", []))

    def test_one_function_more_one_less(self):
        change = self.one(rule("r", [READ]), rule("r", [WRITE]))
        self.assertEqual(change["change"], "changed")
        self.assertEqual([(s["function"], s["change"]) for s in change["services"]],
                         [("read-holding-registers", "removed"), ("write-single-register", "added")])

    def test_values(self):
        def limits(**values):
            return rule("r", [{**WRITE, "values": values}])
        for before, after, change in (
                (limits(min=0, max=10), limits(min=0, max=11), "widened"),
                (limits(min=0, max=10), limits(one_of=[0, 10]), "narrowed"),
                (limits(min=0, max=3), limits(one_of=[3, 2, 1, 0]), "unchanged"),
                (limits(min=0, max=65535), rule("r", [{k: v for k, v in WRITE.items() if k != "values"}]),
                 "unchanged"),
                (limits(min=-1, max=1, type="int16"), limits(one_of=[65535, 0, 1]), "unchanged"),
                (limits(min=-1, max=1, type="int16"), limits(one_of=[65535, 1]), "narrowed"),
                (limits(min=5, max=9), limits(min=0, max=6), "changed")):
            with self.subTest(change=change, before=before["allow"], after=after["allow"]):
                self.assertEqual(self.one(before, after)["change"], change)

    def test_times(self):
        def at(first, last, *days, **other):
            return rule("r", [READ], schedule=[{"days": list(days or ("mon", "tue")), "from": first, "to": last}],
                        **other)
        always = rule("r", [READ])
        for before, after, change in (
                (always, at("06:00", "18:00"), "narrowed"), (at("06:00", "18:00"), always, "widened"),
                (at("06:00", "18:00"), at("07:00", "18:00"), "narrowed"),
                (at("06:00", "18:00"), at("07:00", "19:00"), "changed"),
                # Sunday's night reaches into Monday
                (at("22:00", "04:00", "sun"),
                 rule("r", [READ], schedule=[{"days": ["sun"], "from": "22:00", "to": "24:00"},
                                             {"days": ["mon"], "from": "00:00", "to": "04:00"}]), "unchanged"),
                (always, rule("r", [READ], expires="2027-01-01"), "narrowed"),
                (rule("r", [READ], expires="2027-01-01"), rule("r", [READ], expires="2027-02-01"), "widened"),
                (at("06:00", "18:00"), at("06:00", "17:00", expires="2027-01-01"), "narrowed")):
            with self.subTest(change=change, before=before.get("schedule"), after=after.get("schedule")):
                self.assertEqual(self.one(before, after)["change"], change)

    def test_limits_and_handling(self):
        plain = rule("r", [READ])
        for other, change, member in (
                ({"limits": {"connections": 2}}, "narrowed", ("limits.connections", "narrowed", "no limit", "2")),
                ({"limits": {"requests_per_second": 9}}, "narrowed",
                 ("limits.requests_per_second", "narrowed", "no limit", "9")),
                ({"on_violation": "drop"}, "changed", ("on_violation", "changed", "reply", "drop")),
                ({"quirks": ["transaction-id"]}, "widened", ("quirks", "widened", "none", "transaction-id")),
                ({"port": 1502}, "changed", ("port", "changed", "502", "1502")),
                ({"to": "oven"}, "changed", ("to", "changed", "press (10.2.0.2)", "oven (10.2.0.3)"))):
            with self.subTest(other):
                answer = self.one(plain, {**plain, **other})
                self.assertEqual((answer["change"], self.members(answer)), (change, [member]))
        answer = self.one(rule("r", [READ], expires="2026-12-01"),
                          rule("r", [READ], expires="2026-12-01", mode="observe"))
        self.assertEqual((answer["change"], self.members(answer)),
                         ("widened", [("mode", "widened", "enforce", "observe")]))

    def test_papers_change_no_permission(self):
        answer = self.plan([rule("r", [READ])], [rule("r", [READ], owner="chief", review_by="2026-12-24")])
        self.assertEqual(answer["rules"][0]["change"], "unchanged")
        self.assertEqual([(m["what"], m["before"], m["after"]) for m in answer["rules"][0]["papers"]],
                         [("owner", "ot", "chief"), ("review_by", "2026-12-01", "2026-12-24")])
        self.assertEqual((answer["summary"]["unchanged"], answer["summary"]["papers_only"]), (1, 1))

    def test_live_connections(self):
        before = [rule("stays", [READ]), rule("goes", [READ], to="oven"),
                  rule("sleeps", [READ], **{"from": "laptop"})]
        after = [rule("renamed", [READ]), rule("comes", [READ], to="oven", **{"from": "laptop"}),
                 rule("sleeps", [READ], **{"from": "laptop"},
                      schedule=[{"days": ["sun"], "from": "01:00", "to": "02:00"}])]
        answer = self.plan(before, after)
        self.assertEqual({r["id"]: r["change"] for r in answer["rules"]},
                         {"stays": "removed", "goes": "removed", "sleeps": "narrowed", "renamed": "added",
                          "comes": "added"})
        self.assertEqual([(c["server"], c["device"], c["change"], c["connections"], c["rules"])
                          for c in answer["conduits"]],
                         [("10.1.0.2", "10.2.0.3", "removed", "reset", "goes"),
                          ("10.1.0.3", "10.2.0.2", "narrowed", "reset", "sleeps"),
                          ("10.1.0.3", "10.2.0.3", "added", "new", "comes")])
        self.assertEqual(answer["summary"], {"unchanged": 0, "added": 2, "removed": 2, "widened": 0, "narrowed": 1,
                                             "changed": 0, "papers_only": 0, "conduits_stay": 1})

    def test_a_rule_that_has_ended_is_removed(self):
        answer = self.plan([rule("r", [READ])], [rule("r", [READ], expires="2026-11-17")])
        self.assertEqual((answer["rules"][0]["change"], answer["conduits"][0]["connections"]),
                         ("removed", "reset"))

    def tags(self, *allow, **other):
        return rule("r", list(allow), protocol="ethernet-ip", **other)

    def test_ethernet_ip(self):
        identity = {"service": "get-attribute-single", "class": "identity", "instance": 1, "attributes": [1, 7]}
        counts = {"read-tags": ["Line3.Rate", "Counts[0-9]"]}
        nested = {"service": "get-attributes-all", "path": [{"class": 104, "instance": "1-2"}, {"class": "symbol", "instance": 5}]}
        for before, after, change in (
                ((counts, identity), ({**identity, "class": 1, "attributes": ["7", 1]}, counts), "unchanged"),
                ((counts,), ({"read-tags": ["COUNTS[0-9]"]}, {"read-tags": ["line3.RATE"]}), "unchanged"),
                ((counts,), ({"read-tags": ["Line3.Rate", "Counts[0-19]"]},), "widened"),
                ((counts,), ({"read-tags": ["Line3.*", "Counts[0-9]"]},), "widened"),
                ((counts,), ({"read-tags": ["Line3.Rate", "Counts"]},), "widened"),
                (({"read-tags": ["A", "A.*", "A[7]", "A[1].X"]},), ({"read-tags": ["a.*"]},), "unchanged"),
                (({"read-tags": ["A[0-3].*"]},), ({"read-tags": ["A[0-3]"]},), "narrowed"),
                (({"read-tags": ["A.X"]},), ({"read-tags": ["A[1].X"]},), "narrowed"),
                # structures may be written only where no elements are named, however many they are
                (({"write-tags": ["Pumps"]},), ({"write-tags": ["Pumps[0-999999999]"]},), "narrowed"),
                (({"read-tags": ["A[1,0-3]"]},), ({"read-tags": ["A[0-3]"]},), "changed"),
                ((counts,), ({"read-tags": ["Line3.Rate", "Counts[0-4]", "Counts[5-9]"]},), "narrowed"),
                ((identity,), ({**identity, "attributes": [1]}, {**identity, "attributes": [7]}), "unchanged"),
                (({**identity, "service": "get-attribute-list"},),
                 ({**identity, "service": "get-attribute-list", "attributes": [1]},
                  {**identity, "service": "get-attribute-list", "attributes": [7]}), "narrowed"),
                ((counts,), ({**counts, "route": ["1/0"]},), "narrowed"),
                ((counts,), ({**counts, "route": ["1/3"]},), "changed"),
                (({"pccc": "read", "files": ["N7:0-9"]},), ({"pccc": "read", "files": ["n7"]},), "widened"),
                (({"io": "listen-only", "assemblies": [100]},),
                 ({"io": "listen-only", "assemblies": [100], "min_rpi_ms": 10},), "narrowed"),
                (({"write-tags": ["Speed"]},), ({"write-tags": ["Speed"], "values": {"min": 0, "max": 9}},), "narrowed"),
                (({"write-tags": ["Speed"], "values": {"min": 0, "max": 3}},),
                 ({"write-tags": ["Speed"], "values": {"one_of": [0, 1, 2, 3]}},), "narrowed"),
                ((nested,), ({**nested, "path": [{"class": 104, "instance": [2, 1]}, {"class": 107, "instance": 5}]},), "unchanged"),
                ((nested,), ({**nested, "path": [{"class": 104, "instance": "1-3"}, {"class": 107, "instance": 5}]},), "widened"),
                ((nested,), ({**nested, "path": [{"class": 104, "instance": 1}, {"class": 107, "instance": 5}]},), "narrowed"),
                ((nested,), ({**nested, "path": [{"class": 107, "instance": 5}, {"class": 104, "instance": "1-2"}]},), "changed"),
                ((nested,), ({"service": "get-attributes-all", "class": 107, "instance": 5},), "changed"),
                ((identity,), (identity, {"browse-tags": True}), "widened")):
            with self.subTest(before=before, after=after):
                self.assertEqual(self.one(self.tags(*before), self.tags(*after))["change"], change)

    def test_ethernet_ip_says_what_is_gained_and_lost(self):
        change = self.one(self.tags({"read-tags": ["Line3.Rate", "Counts[0-9]", "Old"]}),
                          self.tags({"read-tags": ["Line3.Rate", "Counts[0-19]"]},
                                    {"write-tags": ["Speed"], "values": {"min": 0, "max": 9}}))
        self.assertEqual(change["services"], [
            {"function": "read-tags", "code": 0, "change": "changed",
             "before": ["read-tags Line3.Rate, Counts[0-9], Old"], "after": ["read-tags Line3.Rate, Counts[0-19]"],
             "gained": [{"name": "Counts[0-19]"}], "lost": [{"name": "Old"}]},
            {"function": "write-tags", "code": 0, "change": "added", "before": [],
             "after": ["write-tags Speed, values 0 to 9"], "gained": [{"name": "Speed"}], "lost": []}])

    def test_the_route_of_a_rule_is_that_of_its_entries(self):
        read = {"read-tags": ["Line3.Rate"]}
        change = self.one(self.tags(read), self.tags(read, route=["1/0"]))
        self.assertEqual((change["change"], change["services"][0]["after"], change["members"]),
                         ("narrowed", ["read-tags Line3.Rate, route 1/0"], []))
        # those of an entry are its own, whatever its rule says
        self.assertEqual(self.one(self.tags({**read, "route": ["1/2"]}),
                                  self.tags({**read, "route": ["1/2"]}, route=["1/0"]))["change"], "unchanged")

    def test_the_site(self):
        write_site(self.old, [rule("r", [READ])])
        write_site(self.site, [rule("r", [READ])])
        site = json.loads((self.site / "site.json").read_text())
        site["review"] = {"overdue": "refuse-new"}
        site["zones"]["line"]["networks"].append("10.3.0.0/24")
        site["zones"]["office"]["interface"] = "eth7"
        (self.site / "site.json").write_text(json.dumps(site))
        answer = json.loads(self.run_plan(self.site, "--against", self.old, "--at", NOON, "--json").stdout)
        self.assertEqual([(m["what"], m["change"], m["before"], m["after"]) for m in answer["site_changes"]],
                         [("review.overdue", "changed", "warn", "refuse-new"),
                          ("network", "removed", "eth0 10.1.0.0/24", None),
                          ("network", "added", None, "eth1 10.3.0.0/24"),
                          ("network", "added", None, "eth7 10.1.0.0/24")])

    def test_another_review_date_where_overdue_rules_are_refused(self):
        def change(before, after, *overdue):
            for folder, date, word in ((self.old, before, overdue[0]), (self.site, after, overdue[1])):
                write_site(folder, [rule("r", [READ], review_by=date)])
                site = json.loads((folder / "site.json").read_text())
                site["review"] = {"overdue": word}
                (folder / "site.json").write_text(json.dumps(site))
            done = self.run_plan(self.site, "--against", self.old, "--at", NOON, "--json")
            return json.loads(done.stdout)["rules"][0]["change"]
        early, late = "2026-12-01", "2026-12-15"
        self.assertEqual(change(early, late, "warn", "warn"), "unchanged")
        self.assertEqual(change(early, late, "refuse-new", "refuse-new"), "widened")
        self.assertEqual(change(late, early, "refuse-new", "refuse-new"), "narrowed")
        self.assertEqual(change(early, early, "warn", "refuse-new"), "narrowed")
        self.assertEqual(change(early, early, "refuse-new", "warn"), "widened")

    def test_readable(self):
        write_site(self.old, [rule("reads", [READ]), rule("sets", [WRITE])])
        write_site(self.site, [rule("reads", [{**READ, "addresses": ["0-120"]}], reference="MOC-9")])
        done = self.run_plan(self.site, "--against", self.old, "--at", NOON)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.replace(str(self.folder), ""), """\
/site, compared with /old

~ reads: widened
    historian (10.1.0.2) -> press (10.2.0.2), modbus port 502
    read-holding-registers: widened
      - read-holding-registers, unit 1, addresses 0-99
      + read-holding-registers, unit 1, addresses 0-120
        gains unit 1: addresses 100-120
    reference: none -> MOC-9

- sets: removed
    historian (10.1.0.2) -> press (10.2.0.2), modbus port 502
    write-single-register: removed
      - write-single-register, unit 1, address 120, values 0 to 1500

  live connections
    1 conduit stays open, with its connections

0 added, 1 removed, 1 widened, 0 narrowed, 0 changed, 0 unchanged
""")

    def test_against_what_is_in_force(self):
        state = self.folder / "state"
        write_site(self.site, [rule("reads", [READ])])
        done = self.run_plan(self.site, "--state", state, "--json")
        answer = json.loads(done.stdout)
        self.assertEqual((answer["against"], answer["rules"][0]["change"]), (None, "added"))
        state.mkdir()
        documents = [{"path": f"site/{f.name}", "text": f.read_text()} for f in sorted(self.site.iterdir())]
        (state / "in-force.json").write_text(json.dumps({"documents": documents}))
        answer = json.loads(self.run_plan(self.site, "--state", state, "--json").stdout)
        self.assertEqual((answer["against"], answer["rules"][0]["change"]), ("in-force", "unchanged"))
        (state / "in-force.json").write_text("{}")
        self.assertEqual(self.run_plan(self.site, "--state", state).returncode, 3)

    def test_failures(self):
        write_site(self.site, [rule("reads", [READ])])
        write_site(self.old, [rule("reads", [{**READ, "unit": 256}])])
        for words, code in (((self.site, "--against", self.old), 1), ((self.old, "--against", self.site), 1),
                            ((self.site, "--against", self.folder / "none"), 3), ((), 2),
                            ((self.site, "--against"), 2), ((self.site, self.old), 2), ((self.site, "--no"), 2)):
            with self.subTest(words):
                done = self.run_plan(*words)
                self.assertEqual((done.returncode, done.stdout), (code, ""))
                self.assertTrue(done.stderr)


def numbers(text, domain):
    if text == "any":
        return set(domain)
    found = set()
    for part in text.split(", "):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


@unittest.skipIf("san" in os.environ.get("BUILD", ""), "a sanitizer's memory is its own")
class Memory(Plan):
    """10000 rules of two sites in less than 64 MB, against a folder and against what is in force."""
    COUNTS = r"\n1429 added, 1429 removed, 1714 widened, 0 narrowed, 0 changed, 6857 unchanged\n$"

    def entries(self, protocol, i, changed):
        if protocol == "modbus":
            return [{**READ, "unit": 1 + i % 200, "addresses": ["0-99"] if changed else ["0-99", 200]}, WRITE]
        tags = [f"Line{i % 50}.Count", f"Line{i % 50}.Rate"]
        return [{"read-tags": tags[:1] if changed else tags}, {"write-tags": ["Setpoint"], "values": WRITE["values"]},
                {"service": "get-attribute-single", "class": 4, "instance": 100, "attributes": [3]}]

    def rules(self, protocol, version):
        """In the second version, every fifth rule allows less, and every seventh has another id."""
        return [rule(f"rule-{i}{'x' if version and i % 7 == 3 else ''}", self.entries(protocol, i, version and i % 5 == 2),
                     protocol=protocol) | {"from": f"server-{i % 100}", "to": f"device-{i // 100}"} for i in range(10000)]

    def write(self, folder, protocol, version):
        write_site(folder, self.rules(protocol, version))
        assets = {f"{role}-{i}": {"role": role, "zone": zone, "address": f"10.{net}.0.{10 + i}", "owner": "ot"}
                  for role, zone, net in (("server", "office", 1), ("device", "line", 2)) for i in range(100)}
        (folder / "more.json").write_text(json.dumps({"$schema": "../assets.schema.json", "assets": assets}))

    def peak(self, *words):
        """MB of a command that finds the changes above. Started by a small process: what a command is said to need at
        most includes what its parent was when it forked."""
        small_parent = ("import resource, subprocess, sys\n"
                        "code = subprocess.run(sys.argv[1:]).returncode\n"
                        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n"
                        "sys.exit(code)")
        done = subprocess.run([sys.executable, "-c", small_parent, GATEHOUSE, *map(str, words), "--at", NOON],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, self.COUNTS)
        return int(done.stderr) / 1024

    def test_two_sites_of_10000_rules(self):
        for protocol in ("modbus", "ethernet-ip"):
            self.write(self.site, protocol, 0)
            self.write(self.old, protocol, 1)
            documents = [{"path": f"old/{f.name}", "text": f.read_text()} for f in sorted(self.old.iterdir())]
            (self.folder / "in-force.json").write_text(json.dumps({"documents": documents}))
            with self.subTest(protocol):
                self.assertLess(self.peak("plan", self.site, "--against", self.old), 64)
                self.assertLess(self.peak("--state", self.folder, "plan", self.site), 64)


class Trial(Plan):
    """Every request of a small domain, tried in Python."""

    @staticmethod
    def word(before, after, added_words=False):
        if added_words and not (before and after):
            return "added" if after else "removed"
        return {(False, False): "unchanged", (True, False): "widened", (False, True): "narrowed",
                (True, True): "changed"}[bool(after - before), bool(before - after)]

    def check_services(self, old, new, change):
        told = {s["function"]: s for s in change["services"]}
        for name in {e["function"] for e in old + new}:
            mine = [[e for e in side if e["function"] == name] for side in (old, new)]
            before, after = map(small.permitted, mine)
            word = self.word(before, after, added_words=True)
            self.assertEqual(told[name]["change"] if name in told else "unchanged", word)
            if word == "unchanged" or "addresses" not in (mine[0] + mine[1])[0]:
                continue
            cells = [{(unit, a) for e in side for unit in small.units(e)
                      for first, last in small.ranges(e["addresses"]) for a in range(first, last + 1)}
                     for side in mine]
            for member, expected in (("gained", cells[1] - cells[0]), ("lost", cells[0] - cells[1])):
                found = {(unit, a) for cell in told[name][member]
                         for unit in numbers(cell["units"], small.UNITS) & set(small.UNITS)
                         for a in numbers(cell["addresses"], ())}
                self.assertEqual(found, expected)

    def mutated(self, r, entries):
        """Entries like these: some dropped, some new, some said in another way."""
        entries = [dict(e) for e in entries if r.random() < 0.9] or entries
        if r.random() < 0.4:
            entries.append(small.random_entry(r, r.choice(entries)["function"]))
        for entry in entries:
            if "addresses" in entry and r.random() < 0.3 and entry["function"] != "write-multiple-registers":
                first, last = r.choice(list(small.ranges(entry["addresses"])))
                entry["addresses"] = entry["addresses"] + [f"{first}-{max(first, last - r.randrange(2))}"]
            if entry.get("unit") == [1, 3] and r.random() < 0.5:
                entry["unit"] = r.choice(([3, 1], 1, [1, 3, 4]))
        r.shuffle(entries)
        return entries

    def test_widened_and_narrowed(self):
        seen = set()
        for seed in range(6):
            r = random.Random(seed)
            pairs = []
            for _ in range(40):
                old = [small.random_entry(r) for _ in range(r.randint(1, 5))]
                pairs.append((old, self.mutated(r, old)))
            answer = self.plan(*([rule(f"r{i:02}", pair[side]) for i, pair in enumerate(pairs)]
                                 for side in (0, 1)))
            for (old, new), change in zip(pairs, answer["rules"]):
                with self.subTest(seed=seed, old=old, new=new):
                    word = self.word(small.permitted(old), small.permitted(new))
                    self.assertEqual(change["change"], word)
                    self.check_services(old, new, change)
                    seen.add(word)
        self.assertEqual(seen, {"unchanged", "widened", "narrowed", "changed"})

    def mutated_cip(self, r, entries):
        entries = [dict(e) for e in entries if r.random() < 0.9] or entries
        entries = [part for e in entries for part in (small_cip.split(r, e) if r.random() < 0.3 else [e])]
        if r.random() < 0.4:
            entries.append(small_cip.random_entry(r, small_cip.kind(r.choice(entries))))
        for entry in entries:
            if r.random() < 0.2 and "list-identity" not in entry:
                entry["route"] = r.choice((["1/1"], ["1/0", "1/1"]))
            if "read-tags" in entry and r.random() < 0.3:
                entry["read-tags"] = entry["read-tags"] + [small_cip.random_tag(r)]
        r.shuffle(entries)
        return entries

    def test_ethernet_ip_widened_and_narrowed(self):
        seen = set()
        for seed in range(5):
            r = random.Random(seed)
            pairs = []
            for _ in range(40):
                old = [small_cip.random_entry(r) for _ in range(r.randint(1, 4))]
                route = r.choice((None, ["1/0"], ["1/1"]))
                pairs.append((old, self.mutated_cip(r, old), route))
            answer = self.plan(*([rule(f"r{i:02}", pair[side], protocol="ethernet-ip",
                                       **({"route": pair[2]} if pair[2] else {})) for i, pair in enumerate(pairs)]
                                 for side in (0, 1)))
            for (old, new, route), change in zip(pairs, answer["rules"]):
                with self.subTest(seed=seed, old=old, new=new, route=route):
                    word = self.word(small_cip.permitted(old, route), small_cip.permitted(new, route))
                    self.assertEqual(change["change"], word)
                    seen.add(word)
        self.assertEqual(seen, {"unchanged", "widened", "narrowed", "changed"})

    def findings(self, rules):
        """{(rule, entry): code} of what `check` says about overlaps."""
        write_site(self.site, rules)
        done = subprocess.run([GATEHOUSE, "check", "--json", self.site], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)
        return {tuple(map(int, re.findall(r"\d+", f["pointer"]))): f["code"]
                for f in json.loads(done.stdout)["findings"]
                if f["code"] in ("overlapping-rules", "shadowed-rule", "duplicate-rule")}

    def check_overlaps(self, rules, sets):
        """Whatever is told is so; of two services with something in common one is told. sets: what each permits, by its
        place in the document."""
        found = self.findings(rules)
        for place, code in found.items():
            others = [s for other, s in sets.items() if other[0] != place[0]]
            together = set().union(*others)
            if code == "duplicate-rule":
                self.assertIn(sets[place], others)
            elif code == "shadowed-rule":
                self.assertLessEqual(sets[place], together)
            else:
                self.assertTrue(sets[place] & together)
                # of two that are the same, the second is told as such
                self.assertFalse(any(sets[place] < s or (sets[place] == s and other[0] < place[0])
                                     for other, s in sets.items() if other[0] != place[0]))
        for place, mine in sets.items():
            if place in found:
                continue
            for other, theirs in sets.items():
                if other[0] != place[0] and mine & theirs:
                    self.assertIn(other, found, (place, other))
            # nothing that a single other covers goes untold, but for the first of two that are the same
            self.assertFalse(any(mine < s for other, s in sets.items() if other[0] != place[0]))
        return set(found.values())

    def test_overlaps(self):
        seen = set()
        for seed in range(25):
            r = random.Random(seed)
            name = r.choice(small.NAMES)
            rules = [rule(f"r{i}", [small.random_entry(r, r.choice((name, None))) for _ in range(r.randint(1, 2))])
                     for i in range(r.randint(2, 6))]
            sets = {(i, k): small.permitted([e]) for i, rl in enumerate(rules) for k, e in enumerate(rl["allow"])}
            with self.subTest(seed):
                seen |= self.check_overlaps(rules, sets)
        self.assertEqual(seen, {"overlapping-rules", "shadowed-rule", "duplicate-rule"})

    @staticmethod
    def sets_of(rules):
        """By rule and entry, and by position of the tag or file where one entry lists several."""
        sets = {}
        for i, rl in enumerate(rules):
            for k, entry in enumerate(rl["allow"]):
                name = next((n for n in ("read-tags", "write-tags", "files") if n in entry), None)
                for n in range(len(entry[name]) if name else 1):
                    one = {**entry, name: [entry[name][n]]} if name else entry
                    sets[(i, k, n) if name else (i, k)] = small_cip.permitted([one], rl.get("route"))
        return sets

    def test_ethernet_ip_overlaps(self):
        seen = set()
        for seed in range(30):
            r = random.Random(seed)
            name = r.choice(tuple(small_cip.REQUESTS))
            rules = [rule(f"r{i}", [small_cip.random_entry(r, r.choice((name, name, None)))
                                    for _ in range(r.randint(1, 2))], protocol="ethernet-ip")
                     for i in range(r.randint(2, 6))]
            if r.random() < 0.3:
                rules[0]["route"] = ["1/0"]
            with self.subTest(seed, rules=[rl["allow"] for rl in rules]):
                seen |= self.check_overlaps(rules, self.sets_of(rules))
        self.assertEqual(seen, {"overlapping-rules", "shadowed-rule", "duplicate-rule"})

    def warned(self, entries, **other):
        """How many warnings many rules with one entry each have, but for the assets and people that no rule names."""
        today = datetime.datetime.now(datetime.timezone.utc).date()
        dates = {"approved_on": (today - datetime.timedelta(days=5)).isoformat(),
                 "review_by": (today + datetime.timedelta(days=200)).isoformat()}
        write_site(self.site, [rule(f"r{i:04}", [entry], **dates, **other) for i, entry in enumerate(entries)])
        done = subprocess.run([GATEHOUSE, "check", "--json", self.site], capture_output=True, text=True, timeout=60)
        return json.loads(done.stdout)["warnings"] - 2

    def test_many_rules_on_one_conduit(self):
        """Every one is told once, however many there are."""
        for ranges, expected in ((lambda i: "0-99", 1999), (lambda i: f"{10 * i}-{10 * i + 10}", 1999),
                                 (lambda i: f"{10 * i}-{10 * i + 9}", 0), (lambda i: f"{i}-{9000 - i}", 1999)):
            self.assertEqual(self.warned({**READ, "addresses": [ranges(i)]} for i in range(2000)), expected)

    def test_many_ethernet_ip_rules_on_one_conduit(self):
        for tag, expected in ((lambda i: "Rate", 1999), (lambda i: f"Rate{i}", 0), (lambda i: f"Rate[{i}]", 0),
                              (lambda i: f"Rate[{i}-{i + 1}]", 1999), (lambda i: f"Rate{i // 2}", 1000),
                              (lambda i: f"Rate[{i // 2}]", 1000), (lambda i: f"Rate[{i % 50},{i // 100}]", 1000),
                              (lambda i: f"R{i % 50}.X[{i // 100}]", 1000),
                              (lambda i: f"R{i}" if i else "*", 1999 + 1)):
            with self.subTest(tag(7)):
                self.assertEqual(self.warned(({"read-tags": [tag(i)]} for i in range(2000)),
                                             protocol="ethernet-ip"), expected)


if __name__ == "__main__":
    unittest.main()
