# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel says of the running inspector: one capability, a seccomp filter, nothing open but its
sockets, memory and event channel."""
import os
import pathlib
import unittest

from gate import GateCase, children, rule
from lab import wait_until

CAP_NET_ADMIN = 1 << 12


class Confined(GateCase):
    def setUp(self):
        self.assert_serves(self.client())  # it is at work, not still preparing
        self.pid = self.process()
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        self.status = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)

    def process(self):
        return wait_until(self.gate.inspector, "an inspector")

    def test_one_capability_and_no_way_to_more(self):
        for name in ("CapEff", "CapPrm"):
            self.assertEqual(int(self.status[name], 16), CAP_NET_ADMIN, name)
        for name in ("CapInh", "CapAmb"):
            self.assertEqual(int(self.status[name], 16), 0, name)
        self.assertEqual(self.status["NoNewPrivs"].strip(), "1")

    def test_seccomp_filter(self):
        self.assertEqual(self.status["Seccomp"].strip(), "2")
        tasks = list(pathlib.Path(f"/proc/{self.pid}/task").iterdir())
        for task in tasks:
            self.assertIn("Seccomp:\t2\n", (task / "status").read_text())

    def test_nothing_open_but_sockets_memory_and_channel(self):
        opened = {n: os.readlink(f"/proc/{self.pid}/fd/{n}") for n in os.listdir(f"/proc/{self.pid}/fd")}
        strange = {n: what for n, what in opened.items()
                   if not what.startswith(("socket:[", "/memfd:", "anon_inode:[")) and what != "/dev/null"}
        self.assertEqual(strange, {})

    def test_gate_listens_to_nobody(self):
        """P2: no TCP or UDP socket of the gate's own."""
        for table in ("tcp", "tcp6", "udp", "udp6"):
            lines = pathlib.Path(f"/proc/{self.pid}/net/{table}").read_text().splitlines()[1:]
            self.assertEqual(lines, [], table)


class StandInConfined(Confined):
    """The process that lets packets of conduits that fail open pass; it has no raw socket and no core either."""
    rules = [rule("historian-press", "historian", "press-plc", if_inspector_down="open",
                  open_because="The press line must see its counts at any price")]

    def process(self):
        inspectors = {q["pid"] for q in self.gate.status()["queues"]}
        return next(pid for pid, name in children(self.gate.daemon.pid).items()
                    if name.startswith("gatehouse-insp") and pid not in inspectors)

    def test_channel_and_queue_are_all(self):
        self.assertEqual(len(os.listdir(f"/proc/{self.pid}/fd")), 2)


if __name__ == "__main__":
    unittest.main()
