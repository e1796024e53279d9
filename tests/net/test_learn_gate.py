# SPDX-License-Identifier: GPL-2.0-or-later
"""Mode observe and the usage ledger: what a rule would deny is let through and counted, and `learn` makes of the ledger
the rule that allows it."""
import json
import struct

import enip
import modbus
from gate import FORBIDDEN, PEERS, READ, WRITE, GateCase, day, rule
from lab import ENERGY, METER, PLC

ONE = {"function": "read-holding-registers", "unit": 1, "addresses": [10]}


class Observed(GateCase):
    devices = (PLC, METER)
    rules = [rule("press", "historian", "press-plc", [ONE], mode="observe", expires=day(10)),
             rule("meter", "energy", "meter", [READ, WRITE]),
             rule("tags", "historian", "press-plc", [{"read-tags": ["Count"]}], protocol="ethernet-ip",
                  mode="observe", expires=day(10))]

    @classmethod
    def before_start(cls):
        cls.lab.start("plant", PEERS / "logix", "-a", PLC, ready="^ready$", name="logix")

    def learned(self, *options):
        path = self.lab.folder / "learned.json"
        self.gate.command("learn", self.gate.state / "usage.db", "-o", path, *options)
        return {r["id"]: r for r in json.loads(path.read_text())["rules"]}

    def test_the_ledger_becomes_rules(self):
        press, meter = self.client(), self.client(ENERGY, METER)
        for address, quantity in ((10, 1), (20, 5), (25, 2)):
            press.read(address, quantity)
        self.assertEqual(press.write(FORBIDDEN, FORBIDDEN)[0], modbus.WRITE_ONE, "the rule only observes")
        meter.read(3, 4)
        self.assertEqual(meter.ask(struct.pack("!BHH", modbus.WRITE_ONE, FORBIDDEN, 1))[0], 0x86)
        tags = enip.Client(self.lab.connect(PLC, port=enip.PORT))
        self.assertEqual(tags.register(), 0)
        # each part of it for itself, also behind the first that the rule would deny
        parts = tags.ask_routed(enip.multiple(enip.read("Setpoint"), enip.read("Count"), enip.read("Temps", 3))).parts()
        self.assertEqual(len(parts), 3)
        self.assertEqual(self.gate.daemon.stop(), 0)
        rules = self.learned("--site", self.gate.site)
        self.assertEqual({r: [{k: v for k, v in e.items() if k != "note"} for e in rules[r]["allow"]] for r in rules}, {
            "press": [{"function": "read-holding-registers", "unit": 1, "addresses": [10, "20-26"]},
                      {"function": "write-single-register", "unit": 1, "addresses": [FORBIDDEN]}],
            "meter": [{"function": "read-holding-registers", "unit": 1, "addresses": ["3-6"]}],
            "tags": [{"read-tags": ["Count", "Setpoint", "Temps[0-2]"], "route": ["1/0"]}]})
        self.assertEqual({(r["from"], r["to"]) for r in rules.values()},
                         {("historian", "press-plc"), ("energy", "meter")})
        self.assertRegex(rules["press"]["allow"][0]["note"], "^Seen 3 times, ")
        self.assertEqual(set(self.learned("--rule", "meter")), {"meter"})
