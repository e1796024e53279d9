# SPDX-License-Identifier: GPL-2.0-or-later
"""An inspector around a core with planted faults (tests/faults/core.c): each is a trap that costs the packet
and nothing else; the third one quarantines its conduit, and the others go on."""
import unittest
from unittest import mock

import gate
import modbus
from gate import GateCase
from lab import BUILD, wait_until

FAULTS = {"out of bounds": 1, "recursion": 2, "unreachable": 3, "unknown conduit": 4, "giant packet": 5,
          "a billion packets": 6, "unknown verdict": 7, "giant replacement": 8, "foreign event": 9}


class Traps(GateCase):
    devices = ("10.2.0.2", "10.2.0.3")

    @classmethod
    def setUpClass(cls):
        with mock.patch.object(gate, "GATEHOUSE", BUILD / "faults" / "gatehouse"):
            super().setUpClass()

    def run(self, result=None):
        with mock.patch.object(gate, "GATEHOUSE", BUILD / "faults" / "gatehouse"):
            return super().run(result)

    def traps(self):
        return sum(e.get("repeated", 1) for e in self.gate.events() if e["event"] == "trap")

    def commit(self, fault):
        """Sends a request that ends with the fault's bytes: a write of (0x17, number) to register 0x..fa."""
        with self.lab.connect("10.2.0.2", source="10.1.0.2") as connection:
            before = self.traps()
            connection.sendall(modbus.write(0x02fa, 0x1700 | fault, transaction=fault))
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

if __name__ == "__main__":
    unittest.main()
