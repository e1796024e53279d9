#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The compiler's outputs: the same documents give the same bytes, whatever their files are called, and nft
takes them."""
import datetime
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATEHOUSE = ROOT / os.environ.get("BUILD", "build") / "gatehouse"
NOW = 1795348800  # 2026-11-22 12:00 UTC
DAY = 86400
RULES = 60


def rule(number):
    common = {"id": f"rule-{number}", "from": f"server-{number % 3}", "to": f"device-{number % 7}",
              "purpose": "Counts for the schedule", "owner": "p", "approved_by": "p", "approved_on": "2026-10-01",
              "review_by": "2027-09-01"}
    if number % 4 == 0:
        common["expires"] = "2027-03-01"
    if number % 5 == 0:
        common["schedule"] = [{"days": ["mon", "sat"], "from": "22:00", "to": "02:00"}]
    if number % 2:
        return common | {"protocol": "udp", "port": 2000 + number, "uninspected_because": "Nobody looks"}
    return common | {"protocol": "modbus", "allow": [
        {"function": "read-holding-registers", "unit": 1, "addresses": [f"{10 * number}-{10 * number + 9}"]}]}


def address(zone, host):
    return f"10.{zone}.0.{host}" if host % 2 else f"fd00:{zone}::{host}"


SITE = {"site": "s", "timezone": "America/Toronto", "people": {"p": {"name": "P", "contact": "1"}}, "zones": {
    "z": {"side": "it", "interface": "eth0", "networks": ["10.1.0.0/24", "fd00:1::/64"]},
    "y": {"side": "ot", "interface": "eth1", "networks": ["10.2.0.0/24", "fd00:2::/64"]}}}


def site(rules):
    """Servers and devices have both families; a rule needs ends of one."""
    assets = {}
    for r in rules:
        family = int(r["id"][5:]) % 2
        r["from"], r["to"] = f"{r['from']}-{family}", f"{r['to']}-{family}"
        for name, role, zone in ((r["from"], "server", "z"), (r["to"], "device", "y")):
            host = 10 + 2 * int(name.split("-")[1]) + family
            assets[name] = {"role": role, "zone": zone, "address": address(1 if zone == "z" else 2, host), "owner": "p"}
    return assets


class Compile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, lot):
        """The same site over files of other names and sizes, in another order."""
        where = self.folder / name
        where.mkdir()
        rules = [rule(i) for i in range(RULES)]
        assets = list(site(rules).items())
        lot.shuffle(rules)
        lot.shuffle(assets)
        parts = [{"$schema": "x/site.schema.json", **SITE}]
        for i in range(3):
            parts.append({"$schema": "x/rules.schema.json", "rules": rules[i::3]})
            parts.append({"$schema": "x/assets.schema.json", "assets": dict(assets[i::3])})
        for part, file in zip(parts, lot.sample(range(1000), len(parts))):
            (where / f"{file}.json").write_text(json.dumps(part, indent=lot.choice([None, 1, 4])))
        return where

    def compile(self, where, at=NOW):
        out = self.folder / f"{where.name}-out-{at}"
        done = subprocess.run([GATEHOUSE, "compile", where, "-o", out, "--at", str(at)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {name: (out / name).read_text() for name in ("ruleset.nft", "policy.json", "rsyslog.conf")}

    def test_same_documents_same_bytes(self):
        first = self.write("first", random.Random(1))
        once = self.compile(first)
        self.assertEqual(len(re.findall(r'comment "rule-', once["ruleset.nft"])), 51)
        self.assertEqual(self.compile(first), once)
        for seed in range(2, 6):
            self.assertEqual(self.compile(self.write(f"shuffled-{seed}", random.Random(seed))), once)

    def one_server(self, rules):
        where = self.folder / "site"
        where.mkdir()
        common = {"owner": "p"}
        assets = {"server": common | {"role": "server", "zone": "z", "address": "10.1.0.9"},
                  "device": common | {"role": "device", "zone": "y", "address": "10.2.0.9"}}
        for kind, part in (("site", SITE), ("assets", {"assets": assets}), ("rules", {"rules": rules})):
            (where / f"{kind}.json").write_text(json.dumps({"$schema": f"x/{kind}.schema.json", **part}))
        return where

    @staticmethod
    def timed(number, **more):
        return {"id": f"rule-{number}", "from": "server", "to": "device", "protocol": "udp", "port": 1000 + number,
                "purpose": "A rule of the test", "owner": "p", "approved_by": "p", "approved_on": "2026-11-01",
                "review_by": "2027-06-01", "uninspected_because": "Nobody looks"} | more

    def test_rules_with_one_schedule_share_their_windows(self):
        shifts = [[{"days": ["mon", "tue", "wed", "thu", "fri"], "from": f"{h:02}:00", "to": f"{h + 8:02}:00"}] for h in (6, 14)]
        text = self.compile(self.one_server([self.timed(i, schedule=shifts[i % 2]) for i in range(40)]))["ruleset.nft"]
        marks = {int(m, 16) >> 17 & 0x3FF for m in re.findall(r": (0x1[0-9a-f]{7})", text)}
        rows = re.findall(r"(0x[0-9a-f]+) \. \d+-\d+ \. \d+-\d+", text)
        self.assertEqual((marks, {int(r, 16) >> 17 for r in rows}), ({1, 2}, {1, 2}))
        # a row a week, of the later shift two: it goes over midnight UTC
        self.assertLess(len(rows), 3 * 60)

    def test_more_opening_times_than_numbers_are_refused(self):
        day = datetime.date(2026, 12, 1)

        def compiled(count):
            where = self.one_server([self.timed(i, expires=str(day + datetime.timedelta(i))) for i in range(count)])
            done = subprocess.run([GATEHOUSE, "compile", where, "-o", self.folder / "out", "--at", str(NOW)],
                                  capture_output=True, text=True)
            shutil.rmtree(where)
            return done.returncode, done.stderr
        self.assertEqual(compiled(1023)[0], 0)
        code, said = compiled(1024)
        self.assertEqual(code, 1)
        self.assertIn("error[site-too-large]: the rules have 1024 different opening times (schedule and expiry); the "
                      "kernel's table has room for 1023", said)

    def test_more_conduits_than_the_kernel_has_room_for_are_refused(self):
        """Those that ask by UDP too take two places each: 65536 fill the table."""
        servers, devices = 300, 219

        def asks(number):
            made = self.timed(number, protocol="ethernet-ip", allow=[{"list-identity": True}])
            made |= {"from": f"s{number % servers}", "to": f"d{number // servers}"}
            return {name: made[name] for name in made if name not in ("port", "uninspected_because")}

        def checked(count):
            where = self.folder / str(count)
            where.mkdir()
            assets = {f"{letter}{i}": {"role": role, "zone": zone, "address": f"10.{net}.{i // 250}.{i % 250 + 1}", "owner": "p"}
                      for letter, role, zone, net, most in (("s", "server", "z", 1, servers), ("d", "device", "y", 2, devices))
                      for i in range(most)}
            zones = {name: zone | {"networks": [f"10.{net}.0.0/16"]}
                     for net, (name, zone) in enumerate(SITE["zones"].items(), 1)}
            parts = [{"$schema": "x/site.schema.json", **SITE, "zones": zones}, {"$schema": "x/assets.schema.json", "assets": assets}]
            parts += [{"$schema": "x/rules.schema.json", "rules": [asks(i) for i in range(first, min(first + 30000, count))]}
                      for first in range(0, count, 30000)]
            for i, part in enumerate(parts):
                (where / f"{i}.json").write_text(json.dumps(part))
            done = subprocess.run([GATEHOUSE, "check", where], capture_output=True, text=True)
            return done.returncode, done.stderr
        code, said = checked(65536)
        self.assertEqual(code, 0, said[-2000:])
        code, said = checked(65537)
        self.assertEqual(code, 1)
        self.assertIn("error[site-too-large]: the conduits take 131074 rows of the kernel's map, which has room for 131072",
                      said)

    def test_later_reaches_further(self):
        """What the daemon's renewal does: windows end as much later as it comes later."""
        where = self.write("site", random.Random(1))

        def ends(text):
            return [int(end) for end in re.findall(r"0x[0-9a-f]+ \. \d+-\d+ \. \d+-(\d+)", text)]
        now = ends(self.compile(where)["ruleset.nft"])
        later = ends(self.compile(where, NOW + 28 * DAY)["ruleset.nft"])
        self.assertGreater(max(now), NOW + 390 * DAY)
        # four weeks on, but between them the clocks do not change at the horizon: 2027-12-27 and 2028-01-24
        # (a row ends where it is roundest between the last closing and the next opening)
        self.assertAlmostEqual(max(later) - max(now), 28 * DAY, delta=DAY)
        self.assertLess(min(later), max(now))

    @unittest.skipIf(os.geteuid(), "nft wants root even to check")
    def test_nft_takes_it(self):
        text = self.compile(self.write("site", random.Random(1)))["ruleset.nft"]
        for instead in (r"\g<0>", "drop"):
            done = subprocess.run(["unshare", "-n", "nft", "-c", "-f", "-"], capture_output=True, text=True,
                                  input=re.sub(r"queue num \d+", instead, text))
            if instead == "drop" or done.returncode == 0:
                self.assertEqual((done.returncode, done.stderr), (0, ""))
            else:  # a kernel without nft_queue: nothing else may be wrong
                self.assertEqual(len(re.findall("Error: ", done.stderr)), len(re.findall("queue num", text)), done.stderr)
                self.assertEqual(len(re.findall("No such file", done.stderr)), len(re.findall("queue num", text)))


if __name__ == "__main__":
    unittest.main()
