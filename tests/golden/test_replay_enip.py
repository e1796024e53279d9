# SPDX-License-Identifier: GPL-2.0-or-later
"""Recorded EtherNet/IP traffic through the decision core, under logix-read-only and under policies that permit what
the capture does. What the profile allows is written down here in its own words, not read from the program."""
import collections
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = (ROOT / os.environ.get("BUILD", "build") / "gatehouse").resolve()
CAPTURES = ROOT.parent / "shared" / "captures"
PUBLIC = CAPTURES / "ITI_ICS-Security-Tools"
SITE = {"$schema": "site.schema.json", "site": "x", "timezone": "UTC",
        "zones": {"it": {"side": "it", "interface": "eth0", "networks": ["10.1.0.0/24"]},
                  "ot": {"side": "ot", "interface": "eth1", "networks": ["10.2.0.0/24"]}},
        "people": {"controls": {"name": "Controls", "contact": "4410"}}}
ASSETS = {"$schema": "assets.schema.json", "assets": {
    "server": {"role": "server", "zone": "it", "address": "10.1.0.2", "owner": "controls", "description": "A server"},
    "plc": {"role": "device", "zone": "ot", "address": "10.2.0.2", "owner": "controls", "description": "A device"}}}
RULE = {"id": "only", "from": "server", "to": "plc", "protocol": "ethernet-ip", "purpose": "A permit for this test",
        "owner": "controls", "approved_by": "controls", "approved_on": "2026-01-01", "review_by": "2026-12-01"}
OTHER_ROUTES = {"openics__EIP-IPAddressChangeAttempt.pcap", "plctag26-abfixed-clx-err-badpath.pcap"}
# Simulators that break off or answer what is no message: the connection is reset, and what follows is judged anew.
BROKEN_DEVICES = ("abstock", "fo-rejected-retry")
CARRIERS = {"forward-open", "large-forward-open", "forward-close"}
WRITES = {0x02, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x4D, 0x4E, 0x50, 0x53}


def names(request):
    """The members of a path by name, or None when one stands twice."""
    found = [next(iter(segment.items())) for segment in request.get("path", [])]
    return dict(found) if len({name for name, _ in found}) == len(found) else None


def reads_only(request):
    """Is it something that logix-read-only allows?"""
    if request.get("name") in CARRIERS:
        return True
    where = names(request)
    if request.get("tag"):
        return request["service"] in (0x4C, 0x52)
    if where is None or "class" not in where:
        return False
    if where["class"] == 1 and where.get("instance") == 1:
        return request["service"] == 1 or (request["service"] == 0x0E and "attribute" in where)
    return where["class"] in (0x6B, 0x6C) and request["service"] in (0x01, 0x03, 0x0E, 0x55) or (
        where["class"] == 0x6C and request["service"] == 0x4C)


def captures():
    found = sorted(CAPTURES.glob("own/*.pcap")) + sorted(PUBLIC.glob("*EIP*.pcap")) + sorted(PUBLIC.glob("E*.pcap"))
    return [path for path in found if path.name not in OTHER_ROUTES]


def lines(*words):
    done = subprocess.run([PROGRAM, *map(str, words), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=120, check=False)
    if done.returncode not in (0, 1) or not done.stdout:
        raise AssertionError(done.stderr)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [line for line in found if line.get("protocol") == "ethernet-ip" and not line.get("malformed")
            and line["direction"] in ("request", "reply")]


@unittest.skipUnless(CAPTURES.is_dir(), f"{CAPTURES} is missing")
class Captures(unittest.TestCase):
    def site(self, **rule):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, document in (("site", SITE), ("assets", ASSETS),
                               ("rules", {"$schema": "rules.schema.json", "rules": [{**RULE, **rule}]})):
            (pathlib.Path(folder.name) / f"{name}.json").write_text(json.dumps(document))
        return folder.name

    def test_read_only(self):
        """Every read of the profile is allowed, everything else is denied: writes, start, stop, unlock, download."""
        site = self.site(profile="logix-read-only")
        seen = collections.Counter()
        for path in captures():
            if any(word in path.name for word in BROKEN_DEVICES):
                continue
            for line in lines("replay", site, path, "--as", "only"):
                if line["direction"] != "request" or not line.get("cip"):
                    continue
                with self.subTest(path.name, frame=line["frame"]):
                    wanted = all(map(reads_only, line["cip"]))
                    self.assertEqual(line["verdict"], "allow" if wanted else "deny", line)
                    seen[wanted, any(c["service"] in WRITES for c in line["cip"])] += 1
        self.assertGreater(seen[True, False], 100)
        self.assertGreater(seen[False, True], 10000)

    def test_what_is_permitted_passes(self):
        """No false denial: all of it that a rule can name is named."""
        judged = 0
        for path in captures():
            requests = [line for line in lines("decode", path) if line["direction"] == "request"]
            named = [request for line in requests for request in line.get("cip", []) if self.can_be_named(request)]
            if not named or any(word in path.name for word in BROKEN_DEVICES):
                continue
            site = self.site(allow=self.permit(named))
            for line in lines("replay", site, path, "--as", "only"):
                if line["direction"] == "request" and line.get("cip") and all(map(self.can_be_named, line["cip"])):
                    with self.subTest(path.name, frame=line["frame"]):
                        self.assertEqual((line["verdict"], line.get("reason")), ("allow", None), line)
                        judged += 1
        self.assertGreater(judged, 10000)

    @staticmethod
    def can_be_named(request):
        where = names(request)
        return bool(request.get("tag") or request.get("name") in CARRIERS or
                    ("pccc" not in request and where and set(where) <= {"class", "instance", "attribute"} and
                     "class" in where))

    @staticmethod
    def permit(requests):
        """The entries of `allow` for them."""
        objects = collections.defaultdict(set)
        for request in requests:
            where = names(request)
            if not request.get("tag") and request.get("name") not in CARRIERS and request["service"] != 0x55:
                objects[request["service"], where["class"], where.get("instance", 0)].add(where.get("attribute"))
        found = [{"read-tags": ["*"]}, {"write-tags": ["*"]}, {"browse-tags": True}]
        for (service, number, instance), attributes in objects.items():
            entry = {"service": service, "class": number, "instance": instance}
            if attributes - {None}:
                entry["attributes"] = sorted(attributes - {None})
            elif service in (3, 4):
                entry["attributes"] = "all"
            found.append(entry)
        return found


if __name__ == "__main__":
    unittest.main()
