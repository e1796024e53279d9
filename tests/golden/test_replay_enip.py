# SPDX-License-Identifier: GPL-2.0-or-later
"""Recorded EtherNet/IP traffic through the decision core: under logix-read-only, and under documents that permit exactly
what a capture does. What a request is (read, write, control) and what permits it is worked out here, from the bytes of
the request paths in tshark's truth tables; nothing of it comes from the program."""
import collections
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from test_decode_enip import CAPTURES, EARLIER, innermost, number, rows_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = (ROOT / os.environ.get("BUILD", "build") / "gatehouse").resolve()
SITE = {"$schema": "site.schema.json", "site": "x", "timezone": "UTC",
        "zones": {"it": {"side": "it", "interface": "eth0", "networks": ["10.1.0.0/24"]},
                  "ot": {"side": "ot", "interface": "eth1", "networks": ["10.2.0.0/24"]}},
        "people": {"controls": {"name": "Controls", "contact": "4410"}}}
ASSETS = {"$schema": "assets.schema.json", "assets": {
    "server": {"role": "server", "zone": "it", "address": "10.1.0.2", "owner": "controls", "description": "A server"},
    "plc": {"role": "device", "zone": "ot", "address": "10.2.0.2", "owner": "controls", "description": "A device"}}}
RULE = {"id": "only", "from": "server", "to": "plc", "protocol": "ethernet-ip", "purpose": "A permit for this test",
        "owner": "controls", "approved_by": "controls", "approved_on": "2026-01-01", "review_by": "2026-12-01"}
# Simulators that break off or answer what is no message: the connection is reset, and what follows is judged anew.
BROKEN_DEVICES = ("-abstock-", "-fo-rejected-retry")

# ---- what a request is, after the lists of services in CIP and the manuals of the objects ----

CONNECTION = {(0x54, 0x06), (0x5B, 0x06), (0x4E, 0x06)}  # Forward Open, Large Forward Open, Forward Close
COMMON_READS = {0x01, 0x03, 0x0E, 0x18}
READS = {(0x4C, 0x6B), (0x52, 0x6B), (0x55, 0x6B), (0x55, 0x6C), (0x4C, 0x6C), (0x4C, 0x72), (0x4C, 0xB2)}
WRITES = {0x02, 0x04, 0x10, 0x19, 0x1A, 0x1B, 0x4D, 0x4E, 0x53}
CONTROL = {0x05, 0x06, 0x07, 0x08, 0x09, 0x0D, 0x15, 0x16}
PCCC_READS = {(0x06, 0x03), (0x0F, 0xA2), (0x0F, 0x68), (0x0F, 0x01)}
PCCC_WRITES = {(0x0F, 0xAA), (0x0F, 0xAB), (0x0F, 0x67), (0x0F, 0x00)}
SETS_ATTRIBUTES = {0x03, 0x04, 0x0E, 0x10, 0x18, 0x19, 0x1A, 0x1B}  # services that name attributes

Request = collections.namedtuple("Request", "service objects symbols attribute pccc")


def parse_path(path):
    """The objects (class, instance), symbols and attribute of a padded EPATH."""
    objects, symbols, attribute, at = [], [], None, 0
    while at < len(path):
        kind = path[at]
        if kind == 0x91:
            length = path[at + 1]
            symbols.append(path[at + 2:at + 2 + length].decode())
            at += 2 + length + length % 2
            continue
        size = {0: 1, 1: 2, 2: 4}[kind & 3]
        start = at + 1 if size == 1 else at + 2
        value = int.from_bytes(path[start:start + size], "little")
        at = start + size
        if kind & 0xFC == 0x20:
            objects.append((value, 0))
        elif kind & 0xFC == 0x24:
            objects[-1] = (objects[-1][0], value)
        elif kind & 0xFC == 0x30:
            attribute = value
        elif kind & 0xFC != 0x28:
            raise ValueError(path.hex())
    return tuple(objects), ".".join(symbols), attribute


def request_of(row):
    pccc = (number(row["pccc_cmd"]), number(row["pccc_fnc"])) if row["pccc_cmd"] else None
    return Request(number(row["service"]), *parse_path(bytes.fromhex(row["path_hex"])), pccc)


def access(request):
    """connection, read, write, control; None: the object's own manual would have to say."""
    inner = request.objects[-1][0] if request.objects else 0x6B
    if (request.service, inner) in CONNECTION:
        return "connection"
    if request.pccc:
        return "read" if request.pccc in PCCC_READS else "write" if request.pccc in PCCC_WRITES else None
    if request.service in COMMON_READS and request.objects or (request.service, inner) in READS:
        return "read"
    if request.service in WRITES:
        return "write"
    return "control" if request.service in CONTROL else None


# ---- what permits a request ----

def entry_for(request):
    tag = request.symbols
    if tag and not request.objects:
        return {"read-tags" if access(request) == "read" else "write-tags": [tag]}
    if tag:
        return {"browse-tags": True}
    if request.pccc:
        return {"pccc": f"{request.pccc[0]:02x}/{request.pccc[1]:02x}"}
    objects = [{"class": number, "instance": instance} for number, instance in request.objects]
    entry = {"service": request.service, **(objects[0] if len(objects) == 1 else {"path": objects})}
    if request.service in SETS_ATTRIBUTES or request.attribute is not None or (request.service, request.objects[-1][0]) in (
            (0x55, 0x6B), (0x55, 0x6C)):
        entry["attributes"] = "all"
    return entry


def routes_of(rows):
    """The ways that requests take: of Unconnected Send, and of connections."""
    found = {"direct", "1/0"}
    for row in rows:
        for fact in row["cm"].split(";"):
            name, _, value = fact.partition("=")
            path = bytes.fromhex(value) if name in ("route", "cpath") else b""
            if path and path[0] < 0x10:
                found.add(f"{path[0]}/{path[1]}")
    return sorted(found)


class Capture:
    """A capture with its truth: a list of messages, each (frame, command, requests)."""

    def __init__(self, truth):
        self.name = f"{truth.parent.name}/{truth.name.split('.cip.tsv')[0]}"
        self.path = CAPTURES / self.name
        rows = rows_of(truth)
        self.routes = routes_of(rows)
        # Answered by one device each time; the question passes no router, so nothing was asked.
        self.broadcasts = sum(row["dir"] == "q" and row["dst"] == "255.255.255.255" for row in rows)
        messages = collections.defaultdict(list)
        for row in rows:
            if row["dir"] == "q" and row["proto"] == "tcp":
                messages[int(row["frame"]), int(row["pdu"])].append(row)
        self.messages = [(key[0], number(found[0]["enip_cmd"]), [request_of(row) for row in innermost(found)])
                         for key, found in sorted(messages.items())]
        self.requests = {request for _, _, requests in self.messages for request in requests}

    def permit(self, leave_out=lambda request: False):
        """The entries that permit its requests one by one, and session handling whatever it does."""
        entries = [entry_for(r) for r in sorted(self.requests, key=str) if access(r) != "connection" and not leave_out(r)]
        return [{"list-identity": True}, *{json.dumps(entry): entry for entry in entries}.values()]


@unittest.skipUnless((CAPTURES / "truth").is_dir(), f"no captures with truth tables at {CAPTURES}")
class Captures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        found = map(Capture, sorted((CAPTURES / "truth").glob("*/*.cip.tsv*")))
        cls.captures = [c for c in found if not any(word in c.name for word in BROKEN_DEVICES)]
        cls.public = [c for c in cls.captures if not c.name.startswith("own/")]

    def replay(self, capture, **rule):
        """(requests, replies): what replay says of each."""
        with tempfile.TemporaryDirectory() as folder:
            for name, document in (("site", SITE), ("assets", ASSETS), ("rules", {"$schema": "rules.schema.json",
                                                                                  "rules": [{**RULE, **rule}]})):
                (pathlib.Path(folder) / f"{name}.json").write_text(json.dumps(document))
            done = subprocess.run([PROGRAM, "replay", folder, capture.path, "--as", "only", "--json"], capture_output=True,
                                  text=True, timeout=120, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        lines = [line for line in lines if line.get("protocol") == "ethernet-ip"]
        broadcasts = [line for line in lines if line["dst"].startswith("255.")]  # no router passes them
        self.assertFalse([line for line in broadcasts if line["reason"] != "no-rule"])
        lines = [line for line in lines if line not in broadcasts]
        self.assertFalse([line for line in lines if "malformed" in line])
        requests, replies = ([line for line in lines if line["direction"] == way] for way in ("request", "reply"))
        self.assertEqual([line["frame"] for line in requests], [frame for frame, _, _ in capture.messages])
        return requests, replies

    def test_read_only(self):
        """Every read is allowed; every write, start, stop, unlock, download, and what is not known, is denied."""
        seen = collections.Counter()
        for capture in self.captures:
            with self.subTest(capture.name):
                for routes in ({}, {"route": capture.routes}) if len(capture.routes) > 2 else ({},):
                    lines, _ = self.replay(capture, profile="logix-read-only", **routes)
                    for line, (frame, _, requests) in zip(lines, capture.messages):
                        kinds = set(map(access, requests))
                        wanted = "allow" if kinds <= {"read", "connection"} else "deny"
                        elsewhere = not routes and line.get("reason") == "route-not-allowed"
                        if not elsewhere:
                            self.assertEqual((line["verdict"], line["frame"]), (wanted, frame), line)
                        seen.update(kinds if not elsewhere else ())
                        seen.update((r.service, *(number for number, _ in r.objects)) for r in requests)
        self.assertGreater(min(seen[kind] for kind in ("read", "write", "control", "connection", None)), 15, seen)
        for what in ((0x06, 0x8E), (0x07, 0x8E), (0x4C, 0x8E, 0x74), (0x08, 0x6B), (0x50, 0x6A), (0x50, 0x68, 0x6A), (0x4D, 0xA1),
                     (0x05, 0x01), (0x10, 0xF6), (0x04, 0x8B), (0x04, 0x68, 0x6B), (0x4E,),  # start .. firmware .. panel
                     (0x4C, 0x72), (0x03, 0x68, 0x6B), (0x03, 0x69, 0x7E), (0x01, 0xAC), (0x0E, 0xF5)):  # reads
            self.assertGreater(seen[what], 0, what)

    def test_what_is_permitted_passes(self):
        """No false denial, neither of requests nor of replies."""
        judged = 0
        for capture in self.captures:
            with self.subTest(capture.name):
                requests, replies = self.replay(capture, allow=capture.permit(), route=capture.routes)
                self.assertEqual([line for line in requests if line["verdict"] != "allow"], [])
                denied = [line["reason"] for line in replies if line["verdict"] != "allow"]
                self.assertEqual(denied, ["unexpected-reply"] * (EARLIER.get(capture.name, 0) + capture.broadcasts))
                judged += len(requests)
        self.assertGreater(judged, 20000)

    def test_what_is_left_out_is_denied(self):
        """Without the entries for objects inside others, exactly the messages that ask for such are denied."""
        def nested(request):
            return len(request.objects) > 1
        denied = 0
        for capture in self.public:
            if not any(map(nested, capture.requests)):
                continue
            with self.subTest(capture.name):
                lines, _ = self.replay(capture, allow=capture.permit(nested), route=capture.routes)
                self.assertEqual([line["frame"] for line in lines if line["verdict"] == "deny"],
                                 [frame for frame, _, requests in capture.messages if any(map(nested, requests))])
                denied += sum(line["verdict"] == "deny" for line in lines)
        self.assertGreater(denied, 50)


if __name__ == "__main__":
    unittest.main()
