# SPDX-License-Identifier: GPL-2.0-or-later
"""EtherNet/IP clients that are not ours, through the gate: what their rules allow works as without it, a refused write
is told to them, and what they do afterwards works."""
import os
import unittest

import test_npm_clients as npm_clients
from gate import Gate, rule
from lab import HISTORIAN, PLC, wait_until

# Both libraries ask for more than tags when they connect and list.
ALLOW = [{"read-tags": ["*"]}, {"browse-tags": True}, {"write-tags": ["Speed", "Level", "Program:Main.*"]},
         {"service": "get-attributes-all", "class": "identity", "instance": 1}]


class ThroughTheGate(npm_clients.Clients):
    def setUp(self):
        super().setUp()
        self.plc = self.device()
        self.gate = Gate(self.lab, [rule("tags", "historian", "press-plc", ALLOW, protocol="ethernet-ip")]).start()

    def test_at_work_and_refused(self):
        for library in npm_clients.LIBRARIES:
            with self.subTest(library=library):
                before = len(self.did(self.plc))
                found = self.told(library, "identity", "read:Count", "write:Speed=1.5", "read:Speed", "write:Count=-7",
                                  "read:Count", "write:Program:Main.Step=9", "group:Count,Speed,Program:Main.Step",
                                  "wgroup:Count=4,Level=6", "group:Count,Speed", "reconnect", "read:Speed")
                values = [f.get("value", f.get("status")) for f in found]
                self.assertEqual(values[0]["name"], "1756-L83E/B")
                self.assertEqual(values[1:8], [0, 1.5, 1.5, 15, 0, 9, [0, 1.5, 9]])
                self.assertIn(values[8], (15, 30))
                self.assertEqual(values[9:], [[0, 1.5], True, 1.5])
                self.assertFalse([line for line in self.did(self.plc)[before:] if "Count" in line or "Level" in line])
        self.assertGreaterEqual(self.gate.count("tag-not-allowed"), 6)
        self.assertEqual(self.gate.count("reply-mismatch") + self.gate.count("malformed-frame"), 0)

    def test_the_list_of_tags(self):
        for library in npm_clients.LIBRARIES[:2]:
            with self.subTest(library=library):
                self.assertEqual(len(self.told(library, "list")[0]["value"]), 16 + npm_clients.FILLERS)


class GroupsOfManyTags(npm_clients.Clients):
    """More tags than one Multiple Service Packet of these clients takes, one of them denied."""
    ALLOW = [{"read-tags": ["Count", *(f"Zone_{i}" for i in range(npm_clients.FILLERS))]}, {"browse-tags": True},
             {"service": "get-attributes-all", "class": "identity", "instance": 1}]

    def test_one_is_denied(self):
        plc = self.device()
        gate = Gate(self.lab, [rule("tags", "historian", "press-plc", self.ALLOW, protocol="ethernet-ip")]).start()
        group = [f"Zone_{i}" for i in range(npm_clients.FILLERS)]
        for library in npm_clients.LIBRARIES:
            with self.subTest(library=library):
                before = len(self.did(plc))
                found = self.told(library, "group:" + ",".join(group), "group:" + ",".join(["Guard"] + group),
                                  "group:" + ",".join(group))
                self.assertEqual([found[0].get("value"), found[2].get("value")], [[0] * len(group)] * 2)
                # 30 (1E): the packet was refused part by part; the other library tells what its last part got.
                self.assertEqual(found[1].get("status"), 30 if library == "ethernet-ip" else 15)
                self.assertFalse([line for line in self.did(plc)[before:] if "Guard" in line])
        self.assertEqual(gate.count("tag-not-allowed"), len(npm_clients.LIBRARIES))


class Cyclic(npm_clients.Clients):
    """The class 1 originator of st-ethernet-ip."""
    ENTRY = {"assemblies": [100, 150, 151], "min_rpi_ms": 10}

    def start_gate(self, kind):
        self.plc = self.device()
        self.gate = Gate(self.lab, [rule("io", "historian", "press-plc", [{"io": kind, **self.ENTRY}],
                                         protocol="ethernet-ip")]).start()

    def originator(self, milliseconds=20):
        return self.lab.start("enterprise", "node", npm_clients.HERE / "io.js", PLC, HISTORIAN, milliseconds,
                              env=dict(os.environ, ENIP_NPM=str(npm_clients.MODULES)), name="io.js")

    def test_outputs_come_back(self):
        self.start_gate("exclusive-owner")
        peer = self.originator()
        peer.wait_line("^echo 20$", 30)
        peer.wait_line("^packets 300$", 30)
        self.assertIn("did output run data " + "14" * 32, self.plc.lines)
        self.assertFalse([line for line in self.plc.lines if line.startswith("io ignored")])
        self.assertEqual([e for e in self.gate.events() if e["event"] == "denied"], [])
        # Its process ends without a Forward Close: the device and the gate see silence, and it may open again.
        peer.kill()
        self.plc.wait_line("connection-end exclusive-owner .* timed out", 20)
        wait_until(lambda: self.gate.count("timed-out") == 1, "the gate to see it, too", 20)
        self.originator().wait_line("^echo 3$", 30)

    def test_refused(self):
        self.start_gate("input-only")
        self.originator()
        self.gate.wait_event("connection-not-allowed", seconds=20)
        self.assertFalse([line for line in self.plc.lines if line.startswith("did ")])


if __name__ == "__main__":
    unittest.main()
