# SPDX-License-Identifier: GPL-2.0-or-later
"""A state folder that a failing disk or a person has damaged, found at boot: never an open gate."""
import json
import unittest

import gate
from gate import GateCase


class DamagedState(GateCase):
    """Each test boots the box: no process, and no ruleset in the kernel."""

    def boot(self, **files):
        """Returns what `run` said; None when it said "ready"."""
        if self.gate.daemon.process.poll() is None:
            self.gate.daemon.kill()
            self.gate.daemon.process.wait()
        self.lab.run("gate", "nft", "delete", "table", "inet", "gatehouse", check=False)
        for name, text in files.items():
            (self.gate.state / f"{name}.json").write_text(text)
        try:
            self.gate.start()
        except AssertionError as failure:
            return str(failure)
        return None

    def setUp(self):
        self.kept = {path.stem: path.read_text() for path in self.gate.state.glob("*.json")}
        self.addCleanup(lambda: [(self.gate.state / f"{name}.json").write_text(text)
                                 for name, text in self.kept.items()])

    def test_without_a_readable_policy_everything_is_denied(self):
        for text in ("", self.kept["in-force"][:200]):
            said = self.boot(**{"in-force": text})
            self.assertIn("in-force.json", said or "it started")
            self.assertIn("stays closed", said)
            with self.assertRaises(OSError):
                self.lab.connect("10.2.0.2", source="10.1.0.2", seconds=1)

    def test_conduit_numbers_are_given_anew(self):
        same = json.loads(self.kept["conduits"])
        for row in same["conduits"]:
            row["number"] = 1
        for text in ("", "{", json.dumps(same)):
            self.assertIsNone(self.boot(conduits=text))
            self.assertIn("conduits.json", self.gate.daemon.text())
            self.assert_serves(self.client())
            self.assertEqual(self.client().write(gate.FORBIDDEN, 1), bytes([0x86, 2]))


if __name__ == "__main__":
    unittest.main()
