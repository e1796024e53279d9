# SPDX-License-Identifier: GPL-2.0-or-later
"""The one screen: what is in force and since when, what is closed by its date, traffic now, what was denied and whom to call."""
import subprocess
import unittest

import modbus
from gate import FORBIDDEN, PEERS, GateCase, day, rule, standard_rules, uninspected
from lab import HISTORIAN, PLC, wait_until

TWO_ROUNDS = 45.0  # of the feed, which looks every ten seconds


class Status(GateCase):
    rules = [*standard_rules(), uninspected("energy-web", "energy", "press-plc", "tcp", 8080, expires=day(60)),
             rule("over", "historian", "meter", expires=day(-1)),
             rule("unreviewed", "raw-server", "meter", approved_on=day(-300), review_by=day(-1))]

    def tearDown(self):
        self.gate.apply(self.rules)

    def row(self, rules):
        return next(c for c in self.gate.status()["conduits"] if c["rules"] == rules)

    def rule(self, name):
        return next(r for r in self.gate.status()["rules"] if r["rule"] == name)

    def test_traffic_now(self):
        words = self.lab.command("enterprise", PEERS / "load", "-s", HISTORIAN, "-c", 2, "-n", 20000000, "-t", 600,
                                 "-m", "8:0:2", PLC)
        load = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)

        def flows():
            now = self.rule("historian-press")["now"]
            return now and now["allowed"] > 0 and now
        now = wait_until(flows, "traffic", TWO_ROUNDS)
        self.assertAlmostEqual(now["denied"] / now["allowed"], 2 / 8, delta=0.02)
        packets = self.row("historian-press")["now"]
        self.assertGreater(packets["packets"], now["allowed"])  # a request and an answer of each, and what TCP adds
        self.assertGreater(packets["bytes"], 40 * packets["packets"])
        self.assertEqual(self.rule("raw-press")["now"], {"allowed": 0, "denied": 0})
        self.assertRegex(self.gate.command("status").stdout, r"(?m)^  historian-press +\d+ +\d+ +\d+\.\d +\d+\.\d$")
        load.kill()
        load.wait()
        wait_until(lambda: self.rule("historian-press")["now"] == {"allowed": 0, "denied": 0}, "silence", TWO_ROUNDS)

    def test_what_is_in_force(self):
        before = self.gate.status()["policy"]
        self.assertEqual((before["rules"], before["expired"], before["overdue"]), (len(self.rules), 1, 1))
        self.assertIn("schedules_until", before)
        screen = self.gate.command("status").stdout
        self.assertIn(f"version {before['version']}, applied {before['applied']}", screen)
        self.assertIn("expired and closed: 1, overdue for review: 1", screen)
        self.gate.apply(self.rules[:1])
        after = self.gate.status()["policy"]
        self.assertNotEqual(after["version"], before["version"])
        self.assertNotIn("schedules_until", after)
        self.assertIsNone(self.row("historian-press")["now"], "what was counted is of another policy")
        self.gate.apply(self.rules)
        self.assertEqual(self.gate.status()["policy"]["version"], before["version"])

    def test_whom_to_call(self):
        self.assertEqual(self.client().write(FORBIDDEN, 1)[0], modbus.WRITE_ONE | 0x80)
        self.gate.wait_event("address-not-allowed")
        screen = self.gate.command("status").stdout
        self.assertRegex(screen, rf"historian sent press-plc write-single-register, unit 1, address {FORBIDDEN}")
        self.assertIn("Questions: OT controls, ext. 4410 (rule historian-press)", screen)


if __name__ == "__main__":
    unittest.main()
