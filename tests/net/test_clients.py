# SPDX-License-Identifier: GPL-2.0-or-later
"""Modbus clients that are not ours, some seconds through the gate, on a sound network and on one that loses packets:
the short sister of `make soak`, with those clients that need no npm."""
import os
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "soak"))
import enip_plant
import modbus
import plant
import watch
from lab import Lab
from soak import Soak

SECONDS = 5
SEED = 7


def request(step):
    """The step as a message."""
    function, unit = (plant.READS | plant.WRITES)[step["op"]], step.get("unit", 1)
    if "count" in step:
        return modbus.read(step["address"], step["count"], unit=unit, function=function)
    if step["op"] == "many":
        return modbus.write_many(step["address"], step["values"], unit=unit)
    return modbus.frame(struct.pack("!BHH", function, step["address"], step["values"][0]), unit=unit)


class Judges(unittest.TestCase):
    """What the soak is judged by can tell right from wrong."""

    def test_forbidden_requests_are_known(self):
        for peer in plant.PEERS.values():
            steps = plant.plan(peer, SEED)
            self.assertGreater(sum("exception" in step for step in steps), len(steps) // 4)
            for step in steps:
                with self.subTest(peer=peer.name, step=step):
                    self.assertEqual(plant.permitted(peer, request(step)), "exception" not in step)

    def test_forbidden_writes_of_tags_are_known(self):
        for done in ("did write Zone_0 offset 0 data dc050000", "did write Zone_1 offset 0 data ffffffff"):
            self.assertTrue(enip_plant.permitted(done), done)
        for done in ("did write Zone_0 offset 0 data dd050000", "did write Zone_0 offset 0 data ffffffff",
                     "did write Guard offset 0 data 01000000", "did stop, mode program",
                     "did write Zone_0 offset 1 data 00000000"):
            self.assertFalse(enip_plant.permitted(done), done)

    def test_growth_is_noticed(self):
        process = watch.Process("inspector", 0)
        process.memory = [(t, 5000 + 40 * (t < 10)) for t in range(100)]
        process.descriptors = [(t, 4 + (t == 50)) for t in range(100)]
        self.assertEqual(process.complaints(), [])
        process.memory = [(t, 5000 + 10 * t) for t in range(100)]
        process.descriptors = [(t, 4 + t // 20) for t in range(100)]
        self.assertEqual(len(process.complaints()), 2)


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid():
            raise unittest.SkipTest("network namespaces need root")
        names = ["libmodbus", "mbpoll"] + (["pymodbus"] if plant.has_pymodbus() else [])
        cls.soak = Soak([plant.PEERS[name] for name in names], SEED)
        cls.soak.start(cls.enterClassContext(Lab()))

    def work(self, name, loss):
        self.soak.complaints.clear()
        self.soak.run(name, SECONDS, loss)
        self.assertEqual(self.soak.finish(), [])
        clients = self.soak.phases[-1]["clients"]
        self.assertEqual(len(clients), len(self.soak.peers))
        return self.soak.phases[-1]

    def test_sound_network(self):
        self.assertEqual(self.work("sound", 0)["dropped"], 0)

    def test_lossy_network(self):
        self.assertGreater(self.work("lossy", 2)["dropped"], 0)


if __name__ == "__main__":
    unittest.main()
