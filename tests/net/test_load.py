# SPDX-License-Identifier: GPL-2.0-or-later
"""Many connections, deep pipelines, allowed and forbidden requests mixed: every answer is the right one, every
forbidden write is answered by an exception, and none reaches the device."""
import json
import unittest

import modbus
from gate import PEERS, SETPOINT, GateCase
from lab import HISTORIAN, PLC


class Load(GateCase):
    def load(self, connections, depth, transactions, mix="6:2:2"):
        done = self.lab.run("enterprise", PEERS / "load", "-s", HISTORIAN, "-c", connections, "-d", depth,
                            "-n", transactions, "-m", mix, PLC, seconds=100, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + "the record:\n" + "\n".join(
            str(e) for e in self.gate.events() if e["event"] not in ("opened", "closed"))[-3000:])
        result = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual((result["transactions"], result["wrong"], result["reconnects"]), (transactions, 0, 0))
        self.assertGreater(result["denied"], transactions // 10)
        writes = [r for r in self.requests() if r[7] == modbus.WRITE_ONE]
        self.assertFalse([w.hex() for w in writes if w[8:10] != SETPOINT.to_bytes(2, "big")])
        self.assertEqual(len(writes) - self.writes_before, result["writes"])
        self.writes_before = len(writes)

    def setUp(self):
        self.writes_before = sum(r[7] == modbus.WRITE_ONE for r in self.requests())

    def test_one_at_a_time(self):
        self.load(1, 1, 3000)

    def test_many_connections(self):
        self.load(64, 1, 20000)

    def test_pipelines(self):
        self.load(16, 7, 20000)

    def test_pipelines_deeper_than_the_gate_keeps(self):
        """More requests outstanding than a flow has places for: slower, but right."""
        self.load(2, 32, 2000)

    def test_hundreds_of_connections(self):
        self.load(400, 2, 8000)


class LoadWithoutOffload(Load):
    offload = False


if __name__ == "__main__":
    unittest.main()
