# SPDX-License-Identifier: GPL-2.0-or-later
"""EtherNet/IP on many connections, unconnected, connected and many reads in one packet: every answer is the right one."""
import json
import unittest

from gate import PEERS
from lab import HISTORIAN, PLC
from test_enip_gate import EnipCase


class Load(EnipCase):
    def test_every_answer_is_right(self):
        before = self.gate.status()["counters"]["requests_allowed"]
        for kind in ("unconnected", "connected", "multiple"):
            with self.subTest(kind=kind):
                done = self.lab.run("enterprise", PEERS / "load_enip", "-s", HISTORIAN, "-c", 32, "-n", 3000, "-k", kind,
                                    PLC)
                result = json.loads(done.stdout.splitlines()[-1])
                self.assertEqual((result["transactions"], result["wrong"]), (3000, 0))
        self.assertGreaterEqual(self.gate.status()["counters"]["requests_allowed"] - before, 9000)
        self.assertFalse([e for e in self.gate.events() if e.get("reason")])


if __name__ == "__main__":
    unittest.main()
