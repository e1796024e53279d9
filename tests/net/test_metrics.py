# SPDX-License-Identifier: GPL-2.0-or-later
"""The metrics file: a real parser reads it, its numbers are those of `status`, every name is documented."""
import re
import sys
import time
import unittest

import modbus
from gate import FORBIDDEN, GateCase, rule, standard_rules
from lab import ENERGY, METER, PLC, ROOT, STRANGER, wait_until

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, whichever Python this is
try:
    from prometheus_client.parser import text_string_to_metric_families as parse
except ImportError:
    parse = None


class MetricsCase(GateCase):
    def setUp(self):
        if parse is None:
            self.skipTest("the parser of python3-prometheus-client is not installed")
        self.path = self.gate.runtime / "metrics.prom"

    def read(self, after):
        """{name: {labels: value}}, of a file that was written after that time."""
        def look():
            text = self.path.read_text() if self.path.exists() else ""
            found = {f.name: f for f in parse(text)}
            written = found.get("gatehouse_written_seconds")
            return found if written and written.samples[0].value > after else None
        self.families = wait_until(look, "a metrics file written now", 30.0)
        return {s.name: {tuple(sorted(t.labels.items())): t.value for t in f.samples if t.name == s.name}
                for f in self.families.values() for s in f.samples}


class Metrics(MetricsCase):
    def test_numbers_are_those_of_status(self):
        client = self.client()
        for _ in range(5):
            client.read(10, 3)
        for _ in range(3):
            client.ask(modbus.write(FORBIDDEN, 1)[7:])
        with self.assertRaises(OSError):
            self.lab.connect(PLC, source=STRANGER, seconds=0.3)
        found, status = self.read(time.time()), self.gate.status()
        queue = (("queue", str(status["queues"][0]["queue"])),)
        for name, counter in (("packets_received", "received"), ("packets_passed", "passed"),
                              ("packets_dropped", "dropped"), ("requests_allowed", "requests_allowed"),
                              ("requests_denied", "requests_denied"), ("flows_opened", "flows_opened")):
            self.assertEqual(found[f"gatehouse_{name}_total"][queue], status["counters"][counter], name)
        self.assertEqual(found["gatehouse_flows"][queue], status["counters"]["flows_now"])
        self.assertEqual(found["gatehouse_inspector_serving"], {queue: 1})
        rules = found["gatehouse_rule_requests_total"]
        self.assertEqual(rules[("rule", "historian-press"), ("verdict", "allowed")], 5)
        self.assertEqual(rules[("rule", "historian-press"), ("verdict", "denied")], 3)
        self.assertEqual(len(rules), 2 * len(status["rules"]))
        drops = {labels[0][1]: value for labels, value in found["gatehouse_kernel_dropped_packets_total"].items()}
        self.assertEqual(set(drops), {d["reason"] for d in status["drops"]})
        self.assertGreaterEqual(drops["no-rule"], 1)
        for name in ("healthy", "kernel_table_in_force", "policy_in_force", "ledger_writable"):
            self.assertEqual(found[f"gatehouse_{name}"][()], 1, name)
        self.assertEqual(found["gatehouse_policy_rules"][()], status["policy"]["rules"])

    def test_every_metric_has_help_and_type(self):
        self.read(0)
        for family in self.families.values():
            self.assertTrue(family.documentation, family.name)
            self.assertIn(family.type, ("gauge", "counter"), family.name)

    def test_the_file_goes_with_the_supervisor(self):
        self.read(0)
        self.gate.daemon.stop()
        self.assertEqual([p.name for p in self.gate.runtime.iterdir() if p.name.startswith("metrics")], [])
        self.gate.start()


class SeveralQueues(MetricsCase):
    queues = 2
    devices = (PLC, METER)
    rules = [*standard_rules()[:2], rule("raw-press", "raw-server", "press-plc", if_inspector_down="open",
                                         open_because="The press line must see its counts at any price")]

    def test_numbers_by_queue_are_those_of_status(self):
        press, meter = self.client(), self.client(ENERGY, METER)
        for _ in range(3):
            press.read(10, 3)
        meter.read(10, 3)
        found, status = self.read(time.time()), self.gate.status()
        for name, counter in (("requests_allowed_total", "requests_allowed"), ("flows", "flows_now")):
            self.assertEqual(found[f"gatehouse_{name}"],
                             {(("queue", str(q["queue"])),): q["counters"][counter] for q in status["queues"]})
        self.assertEqual(sorted(found["gatehouse_requests_allowed_total"].values()), [0, 1, 3])
        rules = found["gatehouse_rule_requests_total"]
        self.assertEqual([rules[("rule", name), ("verdict", "allowed")] for name in ("historian-press", "energy-meter")],
                         [3, 1])
        self.assertEqual([found[f"gatehouse_fail_open_{name}"][()] for name in
                          ("passing", "openings_total", "packets_total")], [0, 0, 0])

    def test_every_name_is_documented(self):
        self.read(0)
        page = (ROOT / "docs/metrics.md").read_text()
        told = set(re.findall(r"`(gatehouse_\w+?)(?:\{[\w,]+\})?`", page))
        for line in page.splitlines():
            if m := re.search(r"with `(gatehouse_\w+)` before it", line):
                told |= {m[1] + rest for rest in re.findall(r"`(_\w+)`", line)}
        names = {s.name for f in self.families.values() for s in f.samples}
        self.assertEqual(names - told, set())


if __name__ == "__main__":
    unittest.main()
