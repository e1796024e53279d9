# SPDX-License-Identifier: GPL-2.0-or-later
"""An inspector around a core with planted faults (tests/faults/core.c): each is a trap that costs the packet
and nothing else; the third one quarantines its conduit, and the others go on."""
import unittest
from unittest import mock

import gate
import modbus
from gate import GateCase, rule
from lab import BUILD, wait_until

REFUSING, ENDLESS = 10, 11  # no traps
FAULTS = {"out of bounds": 1, "recursion": 2, "unreachable": 3, "unknown conduit": 4, "giant packet": 5,
          "a billion packets": 6, "unknown verdict": 7, "giant replacement": 8, "foreign event": 9}


class Faulty(GateCase):
    devices = ("10.2.0.2", "10.2.0.3")

    @classmethod
    def setUpClass(cls):
        with mock.patch.object(gate, "GATEHOUSE", BUILD / "faults" / "gatehouse"):
            super().setUpClass()

    def run(self, result=None):
        with mock.patch.object(gate, "GATEHOUSE", BUILD / "faults" / "gatehouse"):
            return super().run(result)

    def send(self, connection, fault):
        """A request that ends with the fault's bytes: a write of (0x17, number) to register 0x..fa."""
        connection.sendall(modbus.write(0x02fa, 0x1700 | fault, transaction=fault))


class Traps(Faulty):
    def traps(self):
        return sum(e.get("repeated", 1) for e in self.gate.events() if e["event"] == "trap")

    def commit(self, fault):
        with self.lab.connect("10.2.0.2", source="10.1.0.2") as connection:
            before = self.traps()
            self.send(connection, fault)
            wait_until(lambda: self.traps() > before, f"a trap event for fault {fault}", 10)
            connection.setsockopt(*RESET)

    def test_each_fault_costs_its_packet_only(self):
        other = self.client(source="10.1.0.3", device="10.2.0.3")
        pid = self.gate.inspector()
        for name, fault in FAULTS.items():
            with self.subTest(name):
                self.commit(fault)
                self.assert_serves(other)
                self.assertEqual(self.gate.inspector(), pid, "the host did not survive")
                self.assertNotIn(modbus.write(0x02fa, 0x1700 | fault, transaction=fault), self.requests())
                self.gate.command("apply", self.gate.site)  # by hand: lifts the quarantine

    def test_third_trap_is_quarantine(self):
        other = self.client(source="10.1.0.3", device="10.2.0.3")
        with self.lab.connect("10.2.0.2", source="10.1.0.2") as connection:
            connection.sendall(modbus.write(0x02fa, 0x1701))  # its kernel repeats the packet
            wait_until(lambda: any(e["event"] == "quarantined" for e in self.gate.events()), "quarantine", 20)
            connection.setsockopt(*RESET)
        self.assert_serves(other)
        with self.assertRaises(OSError):
            self.lab.connect("10.2.0.2", source="10.1.0.2", seconds=1)
        self.gate.command("apply", self.gate.site)
        self.assert_serves(self.client())


RESET = (1, 13, b"\1\0\0\0\0\0\0\0")  # SOL_SOCKET, SO_LINGER: close without a FIN that would linger

class Apart(Faulty):
    """Two queues: press-plc's conduit fails open, meter's does not."""
    rules = [rule("historian-press", "historian", "press-plc", if_inspector_down="open",
                  open_because="The press line must see its counts at any price"),
             rule("energy-meter", "energy", "meter")]

    def test_an_endless_core_opens_its_conduit_alone(self):
        """The host is inside the core: who lets packets pass is the stand-in."""
        client, other = self.client(), self.client("10.1.0.3", "10.2.0.3")
        self.assert_serves(client)
        self.send(client.socket, ENDLESS)
        self.assertEqual(client.receive()[7:8], b"\x06")  # passed after a second, the poison with it
        self.assert_serves(other)
        wait_until(lambda: self.gate.queue(4426)["restarts"] and self.gate.queue(4426)["state"] == "serving",
                   "the inspector to be restarted", 20)
        fail_open = self.gate.status()["fail_open"]
        self.assertGreater(fail_open["openings"], 0)
        self.assertGreater(fail_open["packets"], 0)
        self.assertEqual(self.gate.queue(4410)["restarts"], 0)

    def test_one_that_refuses_leaves_all_as_they_were(self):
        client, other = self.client(), self.client("10.1.0.3", "10.2.0.3")
        self.send(other.socket, REFUSING)
        self.assertEqual(other.receive()[7:8], b"\x06")
        before = (self.gate.state / "in-force.json").read_bytes()
        gate.write_site(self.gate.site, [*self.rules, rule("historian-meter", "historian", "meter")])
        done = self.gate.command("apply", self.gate.site, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nothing was changed", done.stdout)
        self.assertEqual((self.gate.state / "in-force.json").read_bytes(), before)
        self.assertEqual(len(self.gate.status()["conduits"]), 2)
        self.gate.command("verify")
        with self.assertRaises(OSError):
            self.lab.connect("10.2.0.3", source="10.1.0.2", seconds=0.5)
        for c in (client, other):
            self.assert_serves(c)


if __name__ == "__main__":
    unittest.main()
