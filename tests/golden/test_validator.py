#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The schemas and the compiler refuse the same structures.

Several thousand documents, good ones and seeded mutations of them, are judged by a JSON Schema validator (ajv, from
npm, into the build folder) and by `gatehouse check`. The validator must refuse exactly those in which the compiler
finds an error of structure (src/policy/codes.c says which findings are that); names that refer to other documents,
the order of two numbers and the like are the compiler's alone.
"""
import copy
import datetime
import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import unittest

import npm

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
PROGRAM = BUILD / "gatehouse"
MODULES = BUILD / "schemas"
SOURCES = ROOT / "tests/schemas"
STRUCTURE = set(re.findall(r'\{ "([a-z-]+)", E, STRUCTURE', (ROOT / "src/policy/codes.c").read_text()))
SEED = 20261122
MUTANTS = 5000
BATCH = 40  # rules documents in one site folder


def day(delta):
    return (datetime.date.today() + datetime.timedelta(days=delta)).isoformat()


def rule(name, protocol, **members):
    return {"id": name, "from": "historian", "to": "plc", "protocol": protocol,
            "purpose": "Hourly counts for the schedule", "owner": "controls", "approved_by": "controls",
            "approved_on": day(-10), "review_by": day(200), **members}


MODBUS = [
    {"function": "read-holding-registers", "unit": 1, "addresses": ["0-99", 200], "max_quantity": 10, "note": "n"},
    {"function": "read-coils", "unit": [1, 2], "addresses": "all"},
    {"function": "write-single-register", "unit": "any", "registers": ["40001-40010", 400020],
     "values": {"min": -5, "max": 7, "type": "int16"}},
    {"function": "write-multiple-registers", "unit": 0, "addresses": 7,
     "values": {"one_of": [1.5, 2], "type": "float32", "word_order": "little"}},
    {"function": "read-write-multiple-registers", "unit": 1, "read": {"addresses": [1]},
     "write": {"registers": "40001", "values": {"min": 0, "max": 9}}},
    {"function": "diagnostics", "unit": 1, "subfunctions": [0, "2-4"]},
    {"function": "read-device-identification", "unit": 1, "object_ids": ["0-2"], "read_codes": [1]},
    {"function": "read-file-record", "unit": 1, "files": [1], "records": ["0-99"]},
    {"function": "report-server-id", "unit": 1},
    {"function": 100, "unit": 1},
    {"function": 43, "unit": 1, "mei_type": 13},
]
CIP = [
    {"read-tags": ["Line3.Rate", "Counts[0-9]", "Program:Main.Grid[1,0-3].X", "Recipe.*", "*"], "route": ["1/0"]},
    {"write-tags": ["Recipe.Speed"], "values": {"min": 0, "max": 1500.5}},
    {"write-tags": ["Mode"], "values": {"one_of": [0, 1]}, "note": "n"},
    {"service": "get-attribute-single", "class": "identity", "instance": 1, "attributes": [1, "serial-number", "6-7"]},
    {"service": 99, "class": 900, "instance": ["1-4", 9], "attributes": 3},
    {"service": "reset", "class": "identity", "instance": "all", "route": ["direct"]},
    {"service": "get-attribute-list", "path": [{"class": 104, "instance": ["0-9", 12]}, {"class": "symbol", "instance": "all"}],
     "attributes": ["symbol-name", 900]},
    {"service": 76, "path": [{"class": "processor", "instance": 1, "note": "n"}, {"class": 116, "instance": 1},
                             {"class": 7, "instance": 2}]},
    {"browse-tags": True},
    {"pccc": "read", "files": ["N7:0-99", "F8", "S"]},
    {"pccc": "diagnostic-status"},
    {"pccc": "0f/a3", "note": "n"},
    {"read-objects": True, "route": ["1/0"]},
    {"io": "input-only", "assemblies": [100, "101-102"], "min_rpi_ms": 10},
    {"list-identity": True},
]
GOOD = {
    "site": [{
        "$schema": "site.schema.json", "site": "mill", "timezone": "UTC", "note": "n",
        "zones": {"office": {"side": "it", "interface": "eth0", "networks": ["10.1.0.0/24"]},
                  "press": {"side": "ot", "interface": "eth1.20", "networks": ["10.2.0.0/24"], "note": "n"}},
        "people": {"controls": {"name": "OT controls", "contact": "ext. 4410"}},
        "review": {"every_days": 365, "overdue": "refuse-new"},
        "defaults": {"on_violation": "reply", "if_inspector_down": "closed"},
        "gate": {"mode": "routed", "addresses": {"eth0": ["10.1.0.1/24"]},
                 "routes": [{"to": "10.9.0.0/16", "via": "10.1.0.254"}], "time_servers": ["10.1.0.5"],
                 "log_collectors": [{"address": "10.1.0.6", "port": 6514, "transport": "tls"}],
                 "ethertypes": ["profinet-rt", 34980]}}],
    "assets": [{
        "$schema": "assets.schema.json", "note": "n", "assets": {
            "historian": {"role": "server", "zone": "office", "address": "10.1.0.2", "owner": "controls",
                          "description": "d", "location": "l", "note": "n"},
            "plc": {"role": ["server", "device"], "zone": "press", "address": "10.2.0.2", "owner": "controls"}}}],
    "profiles": [{"$schema": "profiles.schema.json",
                  "profiles": {"meter": {"protocol": protocol, "allow": allow, "description": "d", "note": "n"}}}
                 for protocol, allow in (("modbus", MODBUS), ("ethernet-ip", CIP))],
    "rules": [{"$schema": "rules.schema.json", "rules": [rule("reads", protocol, **members)]} for protocol, members in (
        *(("modbus", {"allow": [entry]}) for entry in MODBUS), *(("ethernet-ip", {"allow": [entry]}) for entry in CIP),
        ("modbus", {"profile": "modbus-read-only", "port": 1502, "expires": day(20), "mode": "observe",
                    "limits": {"connections": 2, "requests_per_second": 50}, "on_violation": "drop",
                    "quirks": ["transaction-id"], "reference": "MOC-1", "requested_by": "controls", "note": "n",
                    "schedule": [{"days": ["mon", "sun"], "from": "22:00", "to": "06:00"}],
                    "if_inspector_down": "open", "open_because": "the press must stop"}),
        ("ethernet-ip", {"profile": "identity-only", "route": ["1/3/2/10.3.0.7"], "if_inspector_down": "closed"}),
        ("tcp", {"port": 4000, "uninspected_because": "nothing decodes it"}),
        ("udp", {"port": 123, "uninspected_because": "time only", "expires": day(30)}))],
}
# Texts whose form a schema can judge, by member (or by the list they stand in).
PATTERNS = {
    "id": ["", "Reads", "a--b", "-a", "a b", "a" * 64], "site": ["", "a b", "x" * 64], "from": ["*", "a, b", "10.0.0.0/8", "any"],
    "to": ["all", "a b"], "approved_on": ["", "2026-13-01", "2026-02-30", "1.1.2026", "1969-01-01", "2026-1-1"],
    "expires": ["tomorrow", "2027-04-31"], "review_by": ["20270101"], "purpose": ["", " ", "word", " word "],
    "uninspected_because": ["because"], "open_because": [" "], "reference": ["", "\t"], "name": [" "], "contact": ["", " \n"],
    "interface": ["", "eth*", "eth 0", "a/b", "x" * 16, ".hidden"], "read-tags": ["", "3a", "a.5", "a[", "a..b", "a.*.b", "a b", "a:"],
    "write-tags": ["a[1,2,3,4]", "-"], "files": ["Q7", "N", "N7:", "N7/3"],
    "pccc": ["0f", "06/3", "08/00", "10/00", "0F/A3", "0f/a3/", "read "], "route": ["", "1", "door", "1/0/", "directly"],
    "addresses": ["1-", "a", "-5", "1..2"], "registers": ["x", "40"], "subfunctions": ["a"], "attributes": ["serial number", "1-"],
    "assemblies": ["x"], "schedule.from": ["24:00", "6:00", "12:60"], "schedule.to": ["24:01", "", "noon"], "instance": ["one"],
}
# Numbers out of range, by member.
NUMBERS = {
    "port": [0, 65536, -1], "unit": [-1, 256], "addresses": [-1, 65536], "max_quantity": [0, 2001], "function": [0, 128, 3, 16],
    "every_days": [0, 3651], "connections": [0, 65536], "requests_per_second": [0, 1000001], "subfunctions": [65536],
    "object_ids": [256], "read_codes": [0, 5], "files": [0, 65536], "records": [10000], "mei_type": [14, 12], "service": [0, 128],
    "class": [0, 65536], "instance": [-1], "attributes": [0, 65536], "assemblies": [0, 65536], "min_rpi_ms": [0, 60001],
    "ethertypes": [5, 2048, 65536], "registers": [0, 5, 999999], "one_of": [], "min": [-99999999999], "max": [99999999999],
}
# Values as good as others where the member stands, and names or addresses that only the compiler can judge.
ALIKE = {
    "unit": [5, [1, 255], "any"], "addresses": [5, "all", ["1-2", 9], "7-8"], "port": [5020], "on_violation": ["reset", "drop"],
    "purpose": ["For the shift's figures"], "reference": ["MOC-7"], "attributes": [1, "all", ["2-3", 7]], "instance": [0, "1-3", [4]],
    "read-tags": [["A", "B.C[1]"]], "files": [["N7:1"], ["B3"]], "route": [["1/2"], ["2/10.0.0.1"]], "min_rpi_ms": [0.5, 100],
    "expires": [day(25)], "max_quantity": [1], "subfunctions": ["all", 4], "name": ["Somebody"], "description": ["", "text"],
    "owner": ["nobody", ""], "from": ["ghost", "plc"], "to": ["historian", ""], "profile": ["none-such"], "zone": ["moon", "office"],
    "address": ["10.1.0.300", "wurst", "10.9.9.9", "10.1.0.2"], "timezone": ["Mars/Base", "Europe/Berlin"], "networks": [["wurst"]],
    "time_servers": [["pool.example"], []], "via": ["10.1.0.253"], "approved_by": ["controls", "ghost"],
    "review_by": [day(20), day(2000)], "approved_on": [day(5)], "every_days": [1], "ethertypes": [["lldp"], []], "days": [["tue"]],
}
OTHERS = [None, True, False, 7, 1.5, "text", [], {}, ["text"], [7], {"a": 1}]


def places(node, name=""):
    """Every (container, key, member name) in a document, except "$schema"."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        if key == "$schema":
            continue
        inner = key if isinstance(key, str) else name
        yield node, key, inner
        yield from places(value, inner)


def choose_text(rand, document, container, key, name):
    qualified = f"schedule.{key}" if isinstance(container, dict) and "days" in container else name
    return rand.choice(PATTERNS.get(qualified, PATTERNS.get(name) if qualified == name else None) or [None])


def mutate(rand, document):
    """One change of one kind; None when it does not apply at the place drawn."""
    container, key, name = rand.choice(list(places(document)))
    kind = rand.choice(["type", "missing", "unknown", "word", "pattern", "range", "empty", "extra", "rename", *["alike"] * 7])
    value = container[key]
    if kind == "type":
        container[key] = copy.deepcopy(rand.choice(OTHERS))
        # the forms of these are judged as text or number, and have their own kinds; what else an entry may
        # name depends on its class
        if isinstance(container[key], str) or (isinstance(value, (int, float)) and
                                               isinstance(container[key], (int, float))) or name == "class":
            return None
    elif kind == "missing":
        del container[key]
    elif kind == "unknown":
        target = value if isinstance(value, dict) else container
        if not isinstance(target, dict):
            return None
        target[rand.choice(["colour", "Note", "functions", "adresses"])] = rand.choice(["x", 1, []])
    elif kind == "word":
        if not isinstance(value, str) or name not in ("side", "role", "protocol", "function", "on_violation", "mode", "days",
                                                      "overdue", "transport", "type", "word_order", "quirks", "io", "pccc",
                                                      "if_inspector_down", "class", "service", "ethertypes", "unit"):
            return None
        container[key] = rand.choice(["wurst", value + "x", value.upper(), "", "mqtt", "multiple-service-packet"])
    elif kind == "pattern":
        text = choose_text(rand, document, container, key, name)
        if not isinstance(value, str) or text is None:
            return None
        container[key] = text
    elif kind == "range":
        if isinstance(value, (str, list, dict, bool)) or not NUMBERS.get(name):
            return None
        container[key] = rand.choice(NUMBERS[name])
    elif kind == "empty":
        if not isinstance(value, (list, dict)):
            return None
        container[key] = type(value)()
    elif kind == "extra":
        # a member that belongs elsewhere
        if not isinstance(container, dict):
            return None
        extra = rand.choice([{"values": {"min": 0, "max": 1}}, {"addresses": [1]}, {"route": ["1/0"]}, {"quirks": ["transaction-id"]},
                             {"files": [1]}, {"attributes": [1]}, {"mode": "observe"}, {"mei_type": 13}, {"read-tags": ["A"]},
                             {"path": [{"class": 1, "instance": 1}, {"class": 2, "instance": 1}]},
                             {"uninspected_because": "not looked at"}, {"open_because": "must stay open"}, {"note": 5}])
        if set(extra) & set(container) or name in ("zones", "people", "assets", "profiles"):
            return None
        container.update(extra)
    elif kind == "alike":
        if not isinstance(container, dict) or name not in ALIKE:
            return None
        container[key] = copy.deepcopy(rand.choice(ALIKE[name]))
    elif kind == "rename":
        if not isinstance(container, dict) or not isinstance(value, dict):
            return None
        container[rand.choice(["a b", "x" * 64, "ümlaut", ""])] = container.pop(key)
    return document


def corpus():
    rand = random.Random(SEED)
    documents = [(kind, document) for kind in GOOD for document in GOOD[kind]]
    originals = documents + [(kind, GOOD[kind][0]) for kind in ("site", "assets")] * 4
    while len(documents) < MUTANTS:
        kind, original = rand.choice(originals)
        mutant = mutate(rand, copy.deepcopy(original))
        if mutant is not None and mutant != original:
            documents.append((kind, mutant))
    return documents


def structural_errors(kind, documents):
    """For each document the compiler's findings of structure; the other documents of the site are good ones."""
    with tempfile.TemporaryDirectory() as folder:
        site = pathlib.Path(folder) / "site"
        site.mkdir()
        for other in ("site", "assets"):
            if other != kind:
                (site / f"{other}.json").write_text(json.dumps(GOOD[other][0]))
        for i, document in enumerate(documents):
            (site / f"d{i}.json").write_text(json.dumps(document))
        done = subprocess.run([PROGRAM, "check", "--json", site], capture_output=True, timeout=60)
        if done.returncode not in (0, 1):
            raise AssertionError(f"check ended with {done.returncode} on {json.dumps(documents)}")
        answer = json.loads(done.stdout)
    found = [[] for _ in documents]
    for finding in answer["findings"]:
        name = re.fullmatch(r"site/d(\d+)\.json", finding["file"] or "")
        if name and finding["code"] in STRUCTURE and finding["severity"] == "error":
            found[int(name[1])].append(f"{finding['code']} {finding['pointer']} {finding['message']}")
    return found


def compiler_says(documents):
    """In the order of the corpus. Only rules share a folder: of other things with one name only the first is read."""
    found = [None] * len(documents)
    for kind in GOOD:
        indices = [i for i, (k, _) in enumerate(documents) if k == kind]
        size = BATCH if kind == "rules" else 1
        for at in range(0, len(indices), size):
            batch = indices[at:at + size]
            for i, errors in zip(batch, structural_errors(kind, [documents[i][1] for i in batch])):
                found[i] = errors
    return found


class Validator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = npm.install(SOURCES, MODULES)
        if reason:
            raise unittest.SkipTest(reason)

    @staticmethod
    def validate(documents):
        done = subprocess.run(["node", SOURCES / "validate.js", MODULES, ROOT / "schemas"], timeout=120,
                              input=json.dumps(documents), capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(done.stderr[-2000:])
        return json.loads(done.stdout)

    def test_good_documents(self):
        documents = [(kind, document) for kind in GOOD for document in GOOD[kind]]
        self.assertEqual(self.validate(documents), [None] * len(documents))
        self.assertEqual(compiler_says(documents), [[]] * len(documents))

    def test_the_same_structures(self):
        documents = corpus()
        schema, compiler = self.validate(documents), compiler_says(documents)
        wrong = [f"{json.dumps(document)}\n  schema: {said}\n  compiler: {errors}"
                 for (_, document), said, errors in zip(documents, schema, compiler) if bool(said) != bool(errors)]
        self.assertEqual(len(wrong), 0, f"{len(wrong)} of {len(documents)} differ\n" + "\n".join(wrong[:15]))
        shown = {error.split()[0] for errors in compiler for error in errors}
        self.assertGreaterEqual(len(shown), len(STRUCTURE) - 2, STRUCTURE - shown)
        refused = sum(said is not None for said in schema)
        self.assertGreater(refused, len(documents) // 3)
        self.assertGreater(len(documents) - refused, len(documents) // 5)

    def test_documents_of_this_repository(self):
        documents = [(re.search(r"(\w+)\.schema\.json", text)[1], json.loads(text))
                     for path in (ROOT / "rules").glob("*.json") for text in [path.read_text()]]
        self.assertGreater(len(documents), 3)
        self.assertEqual(self.validate(documents), [None] * len(documents))


if __name__ == "__main__":
    unittest.main()
