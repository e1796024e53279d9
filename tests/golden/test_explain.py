#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`gatehouse explain`: answers known beforehand, and for random questions the same verdict as the inspector core gives
about the same frame in a replayed capture."""
import json
import os
import pathlib
import random
import struct
import subprocess
import tempfile
import unittest

import pcapfile as p

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATEHOUSE = (ROOT / os.environ.get("BUILD", "build") / "gatehouse").resolve()
WEDNESDAY_NOON, WEDNESDAY_NIGHT = "2026-11-18T12:00:00Z", "2026-11-18T23:00:00Z"


def rule(name, allow, **other):
    return {"id": name, "from": "historian", "to": "press", "protocol": "modbus", **({"allow": allow} if allow else {}),
            "purpose": "Production counts for the schedule", "owner": "ot", "approved_by": "chief",
            "approved_on": "2026-01-10", "review_by": "2026-12-01", **other}


def write_site(folder, rules):
    documents = {
        "site": {"site": "mill", "timezone": "America/Toronto", "zones": {
            "office": {"side": "it", "interface": "eth0", "networks": ["10.1.0.0/24"]},
            "line": {"side": "ot", "interface": "eth1", "networks": ["10.2.0.0/24"]}},
            "people": {"ot": {"name": "OT group", "contact": "ext. 1"},
                       "chief": {"name": "The chief", "contact": "ext. 9"}}},
        "assets": {"assets": {
            "historian": {"role": "server", "zone": "office", "address": "10.1.0.2", "owner": "ot"},
            "laptop": {"role": "server", "zone": "office", "address": "10.1.0.3", "owner": "ot"},
            "press": {"role": "device", "zone": "line", "address": "10.2.0.2", "owner": "ot"},
            "oven": {"role": "device", "zone": "line", "address": "10.2.0.3", "owner": "chief"}}},
        "rules": {"rules": rules},
    }
    for kind, document in documents.items():
        document = {"$schema": f"../schemas/{kind}.schema.json", **document}
        (folder / f"{kind}.json").write_text(json.dumps(document, indent=2))


class Site(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.site = self.folder / "site"
        self.site.mkdir()

    def run_explain(self, *words):
        return subprocess.run([GATEHOUSE, "explain", self.site, *map(str, words)], capture_output=True,
                              text=True, timeout=60)

    def ask(self, *words, source="historian", target="press", code=None):
        done = self.run_explain("--from", source, "--to", target, "--json", *words)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if answer["verdict"] == "allow" else 1)
        if code is not None:
            self.assertEqual(done.returncode, code)
        return answer

    def differences(self, answer):
        return [(d["what"], d["asked"], d["allowed"]) for d in answer["differences"]]


READ = {"function": "read-holding-registers", "unit": 1, "addresses": ["0-99", 200]}
WRITE = {"function": "write-single-register", "unit": [1, 2], "addresses": [120],
         "values": {"min": 0, "max": 1500}}
BOTH = {"function": "read-write-multiple-registers", "unit": 1, "read": {"addresses": ["0-9"]},
        "write": {"addresses": ["50-59"], "values": {"one_of": [1, 2]}}}


class Answers(Site):
    maxDiff = None

    def setUp(self):
        super().setUp()
        write_site(self.site, [
            rule("reads", [READ], reference="MOC-7"),
            rule("sets", [WRITE, BOTH, {"function": "diagnostics", "unit": 1, "subfunctions": [0]},
                          {"function": "read-coils", "unit": 1, "addresses": ["0-99"], "max_quantity": 8}]),
            rule("by-day", [READ], to="oven",
                 schedule=[{"days": ["wed"], "from": "06:00", "to": "08:00"}]),
            rule("ended", [READ], **{"from": "laptop", "expires": "2026-02-01"}),
            {k: v for k, v in rule("logs", [], to="oven", protocol="tcp", port=7700,
                                   uninspected_because="Nobody knows the protocol").items() if k != "allow"},
        ])

    def read(self, unit, address, quantity=1, function="read-holding-registers", **other):
        return self.ask("--function", function, "--unit", unit, "--address", address, "--quantity", quantity,
                        **other)

    def write(self, value, address=120, unit=1):
        return self.ask("--function", "write-single-register", "--unit", unit, "--address", address, "--value",
                        value)

    def test_allowed(self):
        answer = self.read(1, 90, 10)
        self.assertEqual((answer["verdict"], answer["rule"], answer["reason"]), ("allow", "reads", None))
        self.assertEqual(answer["entry"], "read-holding-registers, unit 1, addresses 0-99, 200")
        self.assertEqual(answer["request"], "read-holding-registers, unit 1, addresses 90-99")
        told = answer["rules"][0]
        self.assertEqual(told["owner"], {"id": "ot", "name": "OT group", "contact": "ext. 1"})
        self.assertEqual(told["approved_by"]["name"], "The chief")
        self.assertEqual((told["approved_on"], told["review_by"], told["reference"], told["expires"]),
                         ("2026-01-10", "2026-12-01", "MOC-7", None))
        self.assertEqual((told["file"], told["open"], told["opening"]), ("site/rules.json", True, "always open"))
        self.assertEqual(told["breadth"], ["reads 101 of 65536 holding registers"])

    def test_by_address_of_the_host(self):
        answer = self.read(1, 0, source="10.1.0.2", target="10.2.0.2")
        self.assertEqual((answer["rule"], answer["from"]["asset"], answer["to"]["zone"]),
                         ("reads", "historian", "line"))

    def test_what_differs(self):
        for answer, reason, name, differences in (
                (self.read(1, 95, 10), "address-not-allowed", "reads", [("addresses", "95-104", "0-99, 200")]),
                (self.read(3, 95, 10), "unit-not-allowed", "reads",
                 [("unit", "3", "1"), ("addresses", "95-104", "0-99, 200")]),
                (self.write(1501), "value-not-allowed", "sets", [("values", "1501", "0 to 1500")]),
                (self.write(1501, 121, 3), "unit-not-allowed", "sets",
                 [("unit", "3", "1-2"), ("addresses", "121", "120"), ("values", "1501", "0 to 1500")]),
                (self.read(1, 0, 9, "read-coils"), "quantity-not-allowed", "sets",
                 [("quantity", "9", "at most 8")]),
                (self.read(1, 0, 126), "quantity-not-allowed", "reads",
                 [("quantity", "126", "1 to 125, by the Modbus specification")]),
                (self.ask("--function", "diagnostics", "--unit", 1, "--subfunction", 1), "function-not-allowed",
                 "sets", [("sub-function", "1", "0")]),
                (self.ask("--function", "read-input-registers", "--unit", 1, "--address", 0),
                 "function-not-allowed", "reads",
                 [("function", "read-input-registers", "read-holding-registers")])):
            with self.subTest(str(differences)):
                self.assertEqual((answer["verdict"], answer["reason"]), ("deny", reason))
                self.assertEqual(answer["nearest"]["id"], name)
                self.assertEqual(self.differences(answer), differences)
                self.assertEqual([who["contact"] for who in answer["call"]], ["ext. 1", "ext. 9"])

    def test_both_parts_of_function_23(self):
        def both(read, write, value=1, count=1):
            return self.ask("--function", 23, "--unit", 1, "--address", read, "--quantity", 2, "--write-address",
                            write, "--write-quantity", count, "--value", value)
        self.assertEqual(both(8, 58, 2, 2)["rule"], "sets")
        self.assertEqual(self.differences(both(9, 58)), [("addresses", "9-10", "0-9")])
        self.assertEqual(self.differences(both(0, 59, 1, 2)), [("write addresses", "59-60", "50-59")])
        self.assertEqual(self.differences(both(9, 60)),
                         [("addresses", "9-10", "0-9"), ("write addresses", "60", "50-59")])
        self.assertEqual(both(0, 50, "1,3", 2)["reason"], "value-not-allowed")

    def test_path_alone(self):
        answer = self.ask()
        self.assertEqual([r["id"] for r in answer["rules"]], ["reads", "sets"])
        self.assertEqual(answer["rule"], None)
        answer = self.ask("--protocol", "tcp", target="oven")
        self.assertEqual((answer["verdict"], answer["rule"]), ("allow", "logs"))
        self.assertEqual(answer["rules"][0]["breadth"], ["everything on TCP port 7700, not inspected"])
        self.assertEqual(self.ask("--protocol", "tcp", "--port", 7700, target="oven")["rule"], "logs")
        answer = self.ask("--protocol", "tcp", "--port", 7701, target="oven", code=1)
        self.assertEqual((answer["reason"], self.differences(answer)), ("no-rule", [("port", "7701", "7700")]))

    def test_schedule(self):
        """06:00 to 08:00 in Toronto is 11:00 to 13:00 UTC in winter."""
        open_, closed = (self.ask("--function", 3, "--unit", 1, "--address", 0, "--at", at, target="oven")
                         for at in (WEDNESDAY_NOON, WEDNESDAY_NIGHT))
        self.assertEqual((open_["rule"], open_["rules"][0]["opening"]),
                         ("by-day", "open until Wed 2026-11-18 08:00"))
        self.assertEqual((closed["reason"], closed["nearest"]["id"]), ("outside-schedule", "by-day"))
        self.assertEqual(closed["nearest"]["opening"], "closed; opens next on Wed 2026-11-25 06:00")
        self.assertEqual(closed["nearest"]["schedule"], "wed 06:00-08:00")
        answer = self.ask("--protocol", "modbus", "--at", WEDNESDAY_NIGHT, target="oven", code=1)
        self.assertEqual((answer["reason"], answer["nearest"]["id"]), ("outside-schedule", "by-day"))

    def test_no_rule(self):
        answer = self.read(1, 0, source="laptop")
        self.assertEqual((answer["reason"], answer["nearest"]["id"]), ("no-rule", "ended"))
        self.assertEqual(self.differences(answer), [("date", "now", "until 2026-02-01")])
        answer = self.read(1, 0, source="laptop", target="oven")
        self.assertEqual((answer["reason"], answer["nearest"]["id"]), ("no-rule", "by-day"))
        self.assertEqual(self.differences(answer), [("from", "laptop (10.1.0.3)", "historian (10.1.0.2)")])
        answer = self.read(1, 0, source="10.1.0.77")
        self.assertEqual((answer["reason"], answer["from"]["asset"]), ("no-rule", None))
        self.assertEqual(answer["call"][0]["name"], "OT group")

    def test_observe(self):
        write_site(self.site, [rule("watched", [READ], mode="observe", expires="2026-02-05")])
        answer = self.ask("--function", 3, "--unit", 9, "--address", 0, "--at", "2026-01-20")
        self.assertEqual((answer["verdict"], answer["observed"], answer["reason"]),
                         ("deny", True, "unit-not-allowed"))

    def test_ethernet_ip(self):
        """Asked of the inspector's matcher: tags, elements, services on objects, by the routes of the rules."""
        write_site(self.site, [rule("tags", [{"read-tags": ["Line3.Rate", "Counts[0-9]"]},
                                             {"write-tags": ["Recipe.*"], "values": {"min": 0, "max": 9}},
                                             {"service": "get-attribute-single", "class": "identity", "instance": 1,
                                              "attributes": ["product-name"]}], protocol="ethernet-ip", route=["1/3"])])
        for words in (("--read-tag", "line3.RATE"), ("--read-tag", "Counts[2-9]"), ("--write-tag", "Recipe.Speed"),
                      ("--service", "get-attribute-single", "--class", "identity", "--attribute", "product-name"),
                      ("--service", 14, "--class", 1, "--instance", 1, "--attribute", 7)):
            with self.subTest(words):
                answer = self.ask(*words)
                self.assertEqual((answer["verdict"], [r["id"] for r in answer["rules"]]), ("allow", ["tags"]))
                limited = "--write-tag" in words
                self.assertEqual(bool(answer["provided"]), limited)
                if limited:
                    self.assertIn("Recipe.*, values 0 to 9", answer["provided"])
        for reason, *words in (("tag-not-allowed", "--read-tag", "Counts[2-10]"), ("tag-not-allowed", "--read-tag", "X"),
                               ("tag-not-allowed", "--write-tag", "Line3.Rate"),
                               ("service-not-allowed", "--service", "stop", "--class", "processor"),
                               ("object-not-allowed", "--service", "get-attribute-single", "--class", "identity",
                                "--attribute", 1)):
            with self.subTest(words):
                answer = self.ask(*words, code=1)
                self.assertEqual((answer["verdict"], answer["reason"], answer["nearest"]["id"]), ("deny", reason, "tags"))
        for words in (("--service", "stop"), ("--read-tag", "A.*"),
                      ("--service", 1, "--class", 1, "--instance", 1, "--instance", 2), ("--read-tag", "A", "--write-tag", "A"),
                      ("--service", "halt", "--class", "processor"), ("--function", 3, "--read-tag", "A")):
            with self.subTest(words):
                done = self.run_explain("--from", "historian", "--to", "press", *words)
                self.assertEqual((done.returncode, "what is" in done.stderr), (2, False), done.stderr)

    def test_an_object_inside_others(self):
        """The whole path in its order; attributes in a list, as the service has them."""
        write_site(self.site, [rule("upload", [{"service": "get-attribute-list", "attributes": [2, 3], "path": [
            {"class": 104, "instance": 1}, {"class": "symbol", "instance": "5-9"}]}], protocol="ethernet-ip")])
        outer, inner = ("--class", 104, "--instance", 1), ("--class", "symbol", "--instance", 7)
        service = ("--service", "get-attribute-list")
        answer = self.ask(*service, *outer, *inner, "--attribute", 3)
        self.assertEqual((answer["verdict"], answer["request"]), (
            "allow", "get-attribute-list, class 104, instance 1 / class symbol, instance 7, attribute 3"))
        self.assertEqual(answer["rules"][0]["allows"], [
            "get-attribute-list, path class 104 instances 1 / class symbol instances 5-9, attributes 2, 3"])
        for words in ((*outer, *inner, "--attribute", 4), (*inner, *outer, "--attribute", 3), (*inner, "--attribute", 3),
                      (*outer, "--attribute", 3), (*outer, *outer, *inner, "--attribute", 3),
                      ("--class", 104, *inner[:2], "--attribute", 3)):
            with self.subTest(words):
                self.assertEqual(self.ask(*service, *words, code=1)["reason"], "object-not-allowed")

    def test_cyclic_connections(self):
        write_site(self.site, [rule("io", [{"io": "input-only", "assemblies": ["100-101", 152], "min_rpi_ms": 10}],
                                    protocol="ethernet-ip")])
        for words in (("--io", "input-only", "--assembly", "100,152", "--rpi", 10), ("--io", "listen-only", "--assembly", 101)):
            with self.subTest(words):
                self.assertEqual(self.ask(*words)["verdict"], "allow")
        for reason, *words in (("interval-not-allowed", "--io", "input-only", "--assembly", 100, "--rpi", 9.9),
                               ("object-not-allowed", "--io", "input-only", "--assembly", "100,102"),
                               ("connection-not-allowed", "--io", "exclusive-owner", "--assembly", 100)):
            with self.subTest(words):
                answer = self.ask(*words, code=1)
                self.assertEqual((answer["verdict"], answer["reason"], answer["nearest"]["id"]), ("deny", reason, "io"))
        for words in (("--io", "input-only"), ("--assembly", 1), ("--io", "owner", "--assembly", 1),
                      ("--io", "input-only", "--assembly", "1,"), ("--io", "input-only", "--assembly", 1, "--rpi", "x")):
            with self.subTest(words):
                self.assertEqual(self.run_explain("--from", "historian", "--to", "press", *words).returncode, 2)

    def test_data_files_and_functions_of_pccc(self):
        """By each function that names elements, as its family of controllers has it."""
        write_site(self.site, [rule("files", [{"pccc": "read", "files": ["N7:0-9", "T4:300", "F8"]},
                                              {"pccc": "write", "files": ["N7:5-6"]}, {"pccc": "diagnostic-status"},
                                              {"pccc": "0f/a3"}], protocol="ethernet-ip")])
        allowed = [("read", "N7:0-9"), ("read", "n7:9"), ("read", "T4:300"), ("write", "N7:5-6"), ("read", "F8:940-999"),
                   ("diagnostic-status",), ("06/03",), ("0f/a3",)]
        allowed += [(f, "N7:0-9") for f in ("typed-logical-read-2", "typed-read", "word-range-read")]
        allowed += [(f, "N7:5-6") for f in ("typed-logical-write-2", "typed-logical-write-3", "typed-logical-write-mask",
                                            "typed-write", "word-range-write")]
        denied = [("address-not-allowed", "read", "N7:0-10"), ("address-not-allowed", "write", "N7:6-7"),
                  ("address-not-allowed", "read", "T4:299"), ("address-not-allowed", "read", "N9:0"),
                  ("address-not-allowed", "read-modify-write", "N7:4"), ("service-not-allowed", "set-cpu-mode"),
                  ("service-not-allowed", "08"), ("service-not-allowed", "0f/a4")]
        denied += [("address-not-allowed", f, "N7:5-7") for f in ("typed-logical-write-2", "typed-logical-write-mask",
                                                                  "typed-write", "word-range-write")]
        denied += [("address-not-allowed", f, "N7:1-10") for f in ("typed-logical-read-2", "typed-read", "word-range-read")]
        for what, *file in (*allowed, ("read-modify-write", "N7:5")):
            with self.subTest(what=what, file=file):
                answer = self.ask("--pccc", what, *(w for f in file for w in ("--data-file", f)))
                self.assertEqual((answer["verdict"], answer["request"]), ("allow", " ".join(("pccc", what, *file))))
        for reason, what, *file in denied:
            with self.subTest(what=what, file=file):
                answer = self.ask("--pccc", what, *(w for f in file for w in ("--data-file", f)), code=1)
                self.assertEqual((answer["reason"], answer["nearest"]["id"]), (reason, "files"))
        for words in (("--pccc", "read"), ("--data-file", "N7"), ("--pccc", "read", "--data-file", "Q7:0"),
                      ("--pccc", "read", "--data-file", "F8"), ("--pccc", "echo", "--data-file", "N7:0"),
                      ("--pccc", "halt"), ("--pccc", "10"), ("--pccc", "0f"), ("--pccc", "08/01"),
                      ("--pccc", "read-modify-write", "--data-file", "N7:5-6"), ("--pccc", "echo", "--read-tag", "A"),
                      ("--service", "execute-pccc", "--class", "pccc")):
            with self.subTest(words):
                self.assertEqual(self.run_explain("--from", "historian", "--to", "press", *words).returncode, 2)

    def test_read_objects(self):
        """Whatever only reads, on every object; nothing that sets or controls, and no tag."""
        write_site(self.site, [rule("upload", [{"read-objects": True}], protocol="ethernet-ip")])
        for words in (("get-attributes-all", "--class", 104, "--instance", 9),
                      ("get-attribute-list", "--class", 104, "--class", "symbol", "--attribute", 3),
                      ("get-attribute-single", "--class", "identity", "--attribute", 7)):
            with self.subTest(words):
                answer = self.ask("--service", *words)
                self.assertEqual((answer["verdict"], answer["rules"][0]["allows"]), ("allow", ["read-objects"]))
        for words in (("--service", "set-attribute-single", "--class", "identity", "--attribute", 7),
                      ("--service", "reset", "--class", "identity"), ("--read-tag", "A"), ("--pccc", "echo")):
            with self.subTest(words):
                self.assertEqual(self.ask(*words, code=1)["reason"], "service-not-allowed")

    def test_a_protocol_that_is_not_inspected_opens_nothing(self):
        write_site(self.site, [rule("tags", [{"read-tags": ["Line3.Rate"]}], protocol="ethernet-ip")])
        answer = self.ask("--protocol", "opc-ua", code=1)
        self.assertIn("does not inspect opc-ua", answer["text"])

    def test_overdue_review(self):
        """Where overdue rules may serve nothing new, the day after the review is too late; the day itself is not."""
        write_site(self.site, [rule("reads", [READ])])
        site = json.loads((self.site / "site.json").read_text())
        site["review"] = {"overdue": "refuse-new"}
        (self.site / "site.json").write_text(json.dumps(site))
        for at, reason in (("2026-12-02T04:59:00Z", None), ("2026-12-02T05:00:00Z", "review-overdue")):
            for words in ((), ("--function", 3, "--unit", 1, "--address", 0)):
                answer = self.ask("--at", at, *words)
                self.assertEqual(answer["reason"], reason, (at, words))
        self.assertTrue(answer["nearest"]["review_overdue"])

    def test_overdue_review_of_what_is_not_inspected(self):
        write_site(self.site, [rule("clock", None, protocol="udp", port=123, uninspected_because="Only the time of day"),
                               rule("shell", None, protocol="tcp", port=22, uninspected_because="The vendor's tool",
                                    expires="2026-11-30")])
        site = json.loads((self.site / "site.json").read_text())
        for overdue in ("warn", "refuse-new"):
            site["review"] = {"overdue": overdue}
            (self.site / "site.json").write_text(json.dumps(site))
            for at, late in (("2026-12-02T04:59:00Z", False), ("2026-12-02T05:00:00Z", True)):
                answer = self.ask("--at", at, "--protocol", "udp", "--port", 123)
                self.assertEqual(answer["reason"], "review-overdue" if late and overdue == "refuse-new" else None)
            # it ends before its review is due
            answer = self.ask("--at", "2026-11-20T12:00:00Z", "--protocol", "tcp", "--port", 22)
            self.assertEqual(answer["reason"], None)

    def test_readable(self):
        done = self.run_explain("--from", "historian", "--to", "press", "--function", "write-single-register",
                                "--unit", 1, "--address", 120, "--value", 1501, "--at", WEDNESDAY_NOON)
        self.assertEqual(done.returncode, 1)
        before, _, _ = (self.site / "rules.json").read_text().partition('"id": "sets"')
        self.assertEqual(done.stdout.replace("\n  ", "\n"), f"""\
denied (value-not-allowed): historian (10.1.0.2) -> press (10.2.0.2), modbus
asked      write-single-register, unit 1, address 120
why        It may be written, but not with this value.
nearest    sets (site/rules.json:{before.count(chr(10)) + 1})
purpose    Production counts for the schedule
allows     write-single-register, units 1-2, address 120, values 0 to 1500
breadth    reads 100 of 65536 coils
           reads 10 of 65536 holding registers
           writes 11 of 65536 holding registers
           includes functions that control the device, or that only its vendor knows
open       always open
owner      OT group, ext. 1
approved   The chief on 2026-01-10
review     by 2026-12-01
differs    values: asked 1501, allowed 0 to 1500
call       OT group, ext. 1
           The chief, ext. 9
""")

    def test_wrong_usage(self):
        path = ("--from", "historian", "--to", "press")
        for words, said in (((), "--from and --to"),
                            (("--from", "historan", "--to", "press"), 'did you mean "historian"?'),
                            ((*path, "--function", "read-cols", "--unit", 1), 'did you mean "read-coils"?'),
                            ((*path, "--function", "read-coils", "--address", 1), "needs --unit"),
                            ((*path, "--function", "read-coils", "--unit", 1), "needs --address"),
                            ((*path, "--function", 6, "--unit", 1, "--address", 1), "add --value"),
                            ((*path, "--function", 3, "--unit", 1, "--address", 65536), "0 to 65535"),
                            ((*path, "--function", 3, "--unit", 1, "--address", 1, "--value", 1), "means nothing"),
                            ((*path, "--function", 16, "--unit", 1, "--address", 1, "--value", "1,2",
                              "--quantity", 3), "3 are written, but there are 2 values"),
                            ((*path, "--unit", 1), "--function"),
                            ((*path, "--protocol", "modbuss"), 'did you mean "modbus"?'),
                            ((*path, "--protocol", "tcp", "--function", 3, "--unit", 1, "--address", 1),
                             "one of modbus"),
                            ((*path, "--port", 0), "--port"), ((*path, "--at", "noon"), "--at"),
                            ((*path, "--colour"), "--colour")):
            with self.subTest(words):
                done = self.run_explain(*words)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(said, done.stderr)

    def test_other_failures(self):
        done = subprocess.run([GATEHOUSE, "explain", self.folder / "none", "--from", "a", "--to", "b"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 3)
        (self.site / "more.json").write_text("{")
        done = self.run_explain("--from", "historian", "--to", "press")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("error[syntax]", done.stderr)


class Agreement(Site):
    """The same questions to `explain` and, as frames, to the core."""

    FUNCTIONS = {"read-coils": 1, "read-holding-registers": 3, "write-single-coil": 5,
                 "write-single-register": 6, "write-multiple-coils": 15, "write-multiple-registers": 16,
                 "mask-write-register": 22, "read-write-multiple-registers": 23, "diagnostics": 8,
                 "read-exception-status": 7, "read-device-identification": 43, "read-fifo-queue": 24}

    def ranges(self, r):
        return [r.choice((a, f"{a}-{a + r.randrange(6)}"))
                for a in (r.randrange(12) for _ in range(r.randint(1, 3)))]

    def values(self, r):
        if r.random() < 0.4:
            return {}
        low = r.randrange(-2, 4)
        return {"values": r.choice(({"min": max(low, 0), "max": 4}, {"one_of": [1, 3]},
                                    {"type": "int16", "min": low, "max": 3}))}

    def entry(self, r):
        name = r.choice(list(self.FUNCTIONS))
        entry = {"function": name, "unit": r.choice((1, 2, [1, 3], "any"))}
        if name == "read-write-multiple-registers":
            return {**entry, "read": {"addresses": self.ranges(r)},
                    "write": {"addresses": self.ranges(r), **self.values(r)}}
        if name == "diagnostics":
            return {**entry, "subfunctions": [r.choice((0, 1, 10))]}
        if name in ("read-exception-status", "read-device-identification"):
            return entry
        entry["addresses"] = self.ranges(r)
        if name in ("write-single-register", "write-multiple-registers"):
            entry.update(self.values(r))
        if name in ("read-coils", "read-holding-registers", "write-multiple-registers") and r.random() < 0.3:
            entry["max_quantity"] = r.randint(1, 4)
        return entry

    def question(self, r):
        """Words for explain and the bytes of the same request, made here."""
        name = r.choice(list(self.FUNCTIONS))
        code, unit, a, n = self.FUNCTIONS[name], r.choice((1, 2, 3, 4)), r.randrange(14), r.randint(1, 5)
        v = [r.choice((0, 1, 2, 3, 4, 65535)) for _ in range(n)]
        words = ["--function", r.choice((name, code)), "--unit", unit]
        at, count = ["--address", a], ["--quantity", n]
        several = ["--value", ",".join(map(str, v))]
        head = struct.pack(">BH", code, a)
        if code in (1, 3):
            return words + at + count, unit, head + struct.pack(">H", n)
        if code == 5:
            on = v[0] != 0
            return words + at + ["--value", int(on)], unit, head + (b"\xff\0" if on else b"\0\0")
        if code == 6:
            return words + at + ["--value", v[0]], unit, head + struct.pack(">H", v[0])
        if code == 15:
            bits = sum((x != 0) << i for i, x in enumerate(v))
            return words + at + several, unit, head + struct.pack(">HBB", n, 1, bits)
        if code == 16:
            return words + at + several, unit, head + struct.pack(f">HB{n}H", n, 2 * n, *v)
        if code == 22:
            return words + at, unit, head + struct.pack(">HH", 0xffff, 0)
        if code == 23:
            w, q = r.randrange(14), r.randint(1, 5)
            return (words + at + ["--quantity", q, "--write-address", w] + several, unit,
                    head + struct.pack(f">HHHB{n}H", q, w, n, 2 * n, *v))
        if code == 8:
            sub = r.choice((0, 1, 10))
            return words + ["--subfunction", sub], unit, struct.pack(">BHH", 8, sub, 0)
        if code == 43:
            return words + ["--read-code", 2], unit, bytes([43, 14, 2, 0])
        if code == 24:
            return words + at, unit, head
        return words, unit, bytes([code])

    def replayed(self, frames):
        packets = []
        for i, frame in enumerate(frames):
            talk = p.Conversation(cport=20000 + i)
            packets += talk.handshake() + [talk.c(0, frame)]
        p.write_pcap(self.folder / "capture", p.RAW, packets)
        done = subprocess.run([GATEHOUSE, "replay", "--json", self.site, self.folder / "capture"],
                              capture_output=True, text=True, timeout=60)
        lines = [json.loads(line) for line in done.stdout.splitlines()][:-1]
        self.assertEqual(len(lines), len(frames), done.stderr)
        return {int(line["src"].rsplit(":", 1)[1]) - 20000: line for line in lines}

    def test_random(self):
        seen = set()
        for seed in range(8):
            r = random.Random(seed)
            write_site(self.site, [rule(f"r{i}", [self.entry(r) for _ in range(r.randint(1, 9))])
                                   for i in range(r.randint(1, 4))])
            questions = [self.question(r) for _ in range(60)]
            lines = self.replayed([p.modbus(1, unit, pdu) for _, unit, pdu in questions])
            for i, (words, _, _) in enumerate(questions):
                with self.subTest(seed=seed, words=words):
                    answer, line = self.ask(*words), lines[i]
                    self.assertEqual((answer["verdict"], answer["reason"]),
                                     (line["verdict"], line.get("reason")))
                    if answer["verdict"] == "allow":
                        self.assertEqual(answer["rule"], line["rule"])
                    else:
                        self.assertTrue(answer["differences"], answer)
                    seen.add(answer["reason"])
        self.assertEqual(seen, {None, "function-not-allowed", "unit-not-allowed", "address-not-allowed",
                                "quantity-not-allowed", "value-not-allowed"})


if __name__ == "__main__":
    unittest.main()
