#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An island: every conduit is closed at once, without a key, over restarts, until somebody reopens."""
import json
import signal
import unittest

from gate import READ, rule, standard_rules, uninspected
from lab import PLC, wait_until
from test_bundle_gate import READER, BundleBox

WEB = 8080
RULES = [*standard_rules(), uninspected("energy-web", "energy", "press-plc", "tcp", WEB)]


class Island(BundleBox):
    rules = RULES

    @classmethod
    def before_start(cls):
        super().before_start()
        cls.lab.start("plant", "python3", "-u", "-m", "http.server", WEB, "--bind", PLC, ready="^Serving")

    def setUp(self):
        super().setUp()
        self.apply(self.bundle(1, RULES))
        self.gate.command("confirm")

    def passes(self, port, source):
        try:
            connection = self.lab.connect(PLC, port=port, source=source, seconds=0.7)
        except (TimeoutError, OSError):
            return False
        connection.close()
        return True

    def open_ones(self):
        """Which of the two kinds of conduits let a connection through: inspected, not inspected."""
        return self.passes(502, "10.1.0.2"), self.passes(WEB, "10.1.0.3")

    def reopen(self):
        self.gate.command("island", "--end", "--yes")

    def test_closed_and_reopened(self):
        self.assertEqual(self.open_ones(), (True, True))
        client = self.client()
        self.gate.command("island", "--because", "A worm in the office")
        self.assertEqual(self.open_ones(), (False, False))
        with self.assertRaises((TimeoutError, OSError, AssertionError)):
            client.read(0, 1)
        status = self.gate.status()
        self.assertEqual((status["healthy"], status["island"]["because"]), (False, "A worm in the office"))
        self.assertIn("ISLAND", self.gate.command("status", check=False).stdout)
        self.gate.command("verify")
        self.reopen()
        self.assertEqual(self.open_ones(), (True, True))
        self.assertIsNone(self.gate.status()["island"])
        self.gate.command("verify")
        self.assertEqual(self.changes()[-2:], ["island-begun", "island-ended"])

    def test_it_outlives_the_supervisor(self):
        self.gate.command("island")
        self.stop(signal.SIGKILL)
        self.assertEqual(self.open_ones(), (False, False))
        self.gate.command("verify")
        self.gate.start()
        self.assertEqual(self.open_ones(), (False, False))
        self.assertIsNotNone(self.gate.status()["island"])
        self.reopen()
        self.assertEqual(self.open_ones(), (True, True))

    def test_over_a_reboot(self):
        """The kernel forgets everything; what is on the disk closes it again."""
        self.gate.command("island")
        self.stop(signal.SIGKILL)
        self.lab.run("gate", "nft", "flush", "ruleset")
        self.gate.start()
        self.assertEqual(self.open_ones(), (False, False))

    def test_without_a_supervisor(self):
        self.stop(signal.SIGKILL)
        self.assertEqual(self.open_ones(), (False, True))  # what is not inspected goes on
        self.gate.command("island")
        self.assertEqual(self.open_ones(), (False, False))
        self.gate.start()
        self.assertEqual(self.open_ones(), (False, False))
        self.stop(signal.SIGTERM)
        self.reopen()
        self.assertEqual(self.open_ones(), (False, False))  # the next start opens
        self.gate.start()
        self.assertEqual(self.open_ones(), (True, True))

    def test_past_a_supervisor_that_hangs(self):
        self.gate.daemon.process.send_signal(signal.SIGSTOP)
        try:
            (self.gate.state / "island.json").write_text("{}")  # as the program leaves it
        finally:
            self.gate.daemon.process.send_signal(signal.SIGCONT)
        self.lab.run("gate", "nft", "flush", "table", "inet", "gatehouse", check=False)
        wait_until(lambda: self.gate.status()["island"], "the supervisor to follow", 30)
        self.assertEqual(self.open_ones(), (False, False))

    def test_a_damaged_file_is_an_island(self):
        self.stop(signal.SIGTERM)
        (self.gate.state / "island.json").write_text("{{{")
        self.gate.start()
        self.assertEqual(self.open_ones(), (False, False))
        self.reopen()
        self.assertEqual(self.open_ones(), (True, True))

    def test_a_bundle_does_not_open_it(self):
        self.gate.command("island")
        self.apply(self.bundle(2, [*RULES, rule("energy-press", "energy", "press-plc", [READ])]))
        self.gate.command("confirm")
        self.assertEqual(self.open_ones(), (False, False))
        self.gate.command("verify")
        self.reopen()
        self.assertTrue(self.passes(502, "10.1.0.3"))

    def test_a_rollback_does_not_open_it(self):
        self.apply(self.bundle(2, READER))
        self.gate.command("island")
        self.gate.command("rollback")
        self.assertEqual(self.open_ones(), (False, False))

    def test_reopening_is_asked_for(self):
        self.gate.command("island")
        done = self.gate.command("island", "--end", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.open_ones(), (False, False))

    def test_no_island(self):
        done = self.gate.command("island", "--end", "--yes", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("island", json.dumps(self.changes()))


if __name__ == "__main__":
    unittest.main()
