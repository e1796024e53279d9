# SPDX-License-Identifier: GPL-2.0-or-later
"""`if_inspector_down: open`: its conduit goes on without inspection while, and only while, its inspector makes no
progress; the closed ones stay closed; afterwards nothing of what passed is trusted. The supervisor is stopped
(SIGSTOP) where a test needs the inspector to stay away."""
import os
import signal
import subprocess
import unittest

import modbus
from gate import FORBIDDEN, PEERS, GateCase, children, rule, standard_rules
from lab import ENERGY, METER, PLC, wait_until

OPEN = 4426
BECAUSE = {"if_inspector_down": "open", "open_because": "The press line must see its counts at any price"}


class FailOpen(GateCase):
    queues = 2
    devices = (PLC, METER)
    rules = [rule("historian-press", "historian", "press-plc", **BECAUSE), *standard_rules()[1:]]

    def setUp(self):
        self.addCleanup(self.wake, self.gate.daemon.pid)
        wait_until(lambda: self.gate.queue(OPEN)["state"] == "serving", "the inspector")
        queues = self.gate.status()["queues"]
        self.pid = next(q["pid"] for q in queues if q["queue"] == OPEN)
        self.stand_in = next(pid for pid, name in children(self.gate.daemon.pid).items()
                             if name.startswith("gatehouse-insp") and pid not in {q["pid"] for q in queues})
        self.before = self.gate.status()["fail_open"]

    def wake(self, pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def answer_to_a_forbidden_write(self):
        """Of the value that is there; None while nothing comes back."""
        try:
            with self.lab.connect(PLC, source="10.1.0.2", seconds=0.5) as s:
                return modbus.Client(s).write(FORBIDDEN, FORBIDDEN)
        except OSError:
            return None

    def passes_unread(self):
        return (self.answer_to_a_forbidden_write() or b" ")[0] == modbus.WRITE_ONE

    def is_denied(self):
        return self.answer_to_a_forbidden_write() == bytes([0x86, 2])

    def back(self):
        """The supervisor goes on; waits for inspection to return."""
        os.kill(self.gate.daemon.pid, signal.SIGCONT)
        wait_until(self.is_denied, "inspection to return", 20)
        self.assert_untouched()
        wait_until(lambda: not self.gate.status()["fail_open"]["passing"], "the end of the opening")

    def events(self, name):
        return [e for e in self.gate.events() if e["event"] == name]

    def test_while_it_works_it_is_inspected_like_any_other(self):
        client = self.client()
        self.assertEqual(client.write(FORBIDDEN, 1), bytes([0x86, 2]))
        self.assert_serves(client)
        self.assertGreater(self.gate.queue(OPEN)["counters"]["received"], 0)
        status = self.gate.status()
        self.assertEqual({c["rules"]: c["fails_open"] for c in status["conduits"]}["historian-press"], True)
        self.assertEqual(sum(c["fails_open"] for c in status["conduits"]), 1)
        self.assertIn("FAILS OPEN", self.gate.command("status", check=False).stdout)
        self.gate.command("verify")

    def load(self, server, device):
        """Readers that never stop and connect again; returns how many requests the device has had."""
        words = self.lab.command("enterprise", PEERS / "load", "-s", server, "-c", 4, "-d", 3, "-n", 20000000,
                                 "-t", 600, "-m", "1:0:0", "-r", device)
        load = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        return lambda: sum(line.startswith("request ") for line in self.plcs[device].lines)

    def goes_on(self, requests, count=200):
        end = requests() + count
        wait_until(lambda: requests() >= end, "the load to go on", 20)

    def test_under_load(self):
        """Killed, then stuck: the open conduit's traffic goes on, the closed one's stops; afterwards both are inspected."""
        at_plc, at_meter = self.load("10.1.0.2", PLC), self.load(ENERGY, METER)
        for number in (signal.SIGKILL, signal.SIGSTOP):
            self.goes_on(at_plc)
            self.goes_on(at_meter)
            queues = self.gate.status()["queues"]
            os.kill(self.gate.daemon.pid, signal.SIGSTOP)
            for queue in queues:
                os.kill(queue["pid"], number)
            wait_until(self.passes_unread, "the conduit to fail open")
            before = at_meter()
            self.goes_on(at_plc, 1000)
            self.assertEqual(at_meter(), before)
            self.back()
            self.goes_on(at_plc)
            self.goes_on(at_meter)

    def test_nothing_is_left_waiting_in_the_queue(self):
        """What a killed inspector had taken and not answered is not kept by the kernel for ever."""
        at_plc = self.load("10.1.0.2", PLC)
        for _ in range(5):
            self.goes_on(at_plc)
            pid = wait_until(lambda: self.gate.queue(OPEN)["pid"], "an inspector", 20)
            os.kill(pid, signal.SIGKILL)
        self.goes_on(at_plc)
        self.doCleanups()  # the load ends

        def waiting():
            queues = self.lab.run("gate", "cat", "/proc/net/netfilter/nfnetlink_queue").stdout.splitlines()
            return next(int(q.split()[2]) for q in queues if int(q.split()[0]) == OPEN)
        wait_until(lambda: waiting() == 0, "the queue to be empty")

    def test_the_stand_in_is_watched_too(self):
        for number in (signal.SIGKILL, signal.SIGSTOP):
            before = self.stand_in
            os.kill(before, number)
            wait_until(lambda: not os.path.exists(f"/proc/{before}"), "its end", 20)
            wait_until(lambda: len(children(self.gate.daemon.pid)) == 4, "the next one")
            self.setUp()
            self.assertNotEqual(self.stand_in, before)
            os.kill(self.pid, signal.SIGSTOP)
            wait_until(self.passes_unread, "the conduit to fail open")
            self.back()

    def dead_or_stuck(self, number):
        """What both deaths have in common."""
        open_client, closed_client = self.client(), self.client(ENERGY, METER)
        for client in (open_client, closed_client):
            self.assert_serves(client)
        closed = [q["pid"] for q in self.gate.status()["queues"] if q["queue"] != OPEN]
        events = len(self.events("failed-open"))
        os.kill(self.gate.daemon.pid, signal.SIGSTOP)
        for pid in (self.pid, *closed):
            os.kill(pid, number)
        wait_until(self.passes_unread, "the conduit to fail open")
        self.assertEqual(open_client.read(10, 3), [10, 11, 12], "a connection of before must go on")
        open_client.socket.sendall(modbus.read(0, 1)[:5])  # half a frame, that nobody looked at
        closed_client.socket.settimeout(0.5)
        self.assertRaises(TimeoutError, closed_client.read, 10, 1)
        with self.assertRaises(OSError):
            self.lab.connect(METER, source=ENERGY, seconds=0.5)
        self.back()
        # what went on unread is not picked up in mid-stream: the other half of a frame could make it another one
        open_client.socket.settimeout(20)
        self.assertRaises(ConnectionError, open_client.write, FORBIDDEN, 1)
        wait_until(lambda: len(self.events("inspects-again")) > events, "the record of the opening")
        self.assertEqual(len(self.events("failed-open")), len(self.events("inspects-again")))
        status = self.gate.status()["fail_open"]
        self.assertGreater(status["openings"], self.before["openings"])
        self.assertGreater(status["packets"], self.before["packets"])
        unread = {c["rules"]: c["uninspected"] for c in self.gate.status()["conduits"]}
        self.assertEqual(unread.pop("historian-press"), status["packets"])
        self.assertEqual(set(unread.values()), {0})
        wait_until(lambda: self.client(ENERGY, METER).read(10, 1) == [10], "the closed conduit to return", 20)

    def test_killed(self):
        self.dead_or_stuck(signal.SIGKILL)

    def test_stuck(self):
        self.dead_or_stuck(signal.SIGSTOP)

    def test_stuck_under_the_supervisors_eyes(self):
        """Open until it is killed and started again; status says so meanwhile."""
        os.kill(self.pid, signal.SIGSTOP)
        wait_until(self.passes_unread, "the conduit to fail open")
        wait_until(lambda: self.gate.queue(OPEN)["pid"] not in (0, self.pid), "the inspector to be restarted", 20)
        self.back()

    def test_status_says_that_packets_pass(self):
        os.kill(self.pid, signal.SIGSTOP)
        seen = []

        def look():
            self.passes_unread()
            seen.extend(self.gate.status()["problems"])
            return any("PASS UNINSPECTED" in problem for problem in seen)
        wait_until(look, "status to say it")
        self.back()

    def test_a_short_absence_opens_nothing(self):
        """Restarted before patience ends: the connection goes on, inspected."""
        client = self.client()
        self.assert_serves(client)
        os.kill(self.pid, signal.SIGKILL)
        client.socket.settimeout(20)
        if self.gate.status()["fail_open"]["openings"] == self.before["openings"]:
            self.assertEqual(client.write(FORBIDDEN, 1), bytes([0x86, 2]))
        self.assert_untouched()

    def test_a_connection_without_traffic_meanwhile_costs_nothing(self):
        """Nothing passed: nothing is thrown away."""
        client = self.client()
        self.assert_serves(client)
        self.wait_for_looks(5)  # the client's last acknowledgement comes late
        os.kill(self.gate.daemon.pid, signal.SIGSTOP)
        os.kill(self.pid, signal.SIGSTOP)
        self.wait_for_looks(20)  # two seconds of the stand-in
        os.kill(self.pid, signal.SIGCONT)
        self.wait_for_looks(5)  # it gets on before anything comes
        os.kill(self.gate.daemon.pid, signal.SIGCONT)
        self.assertEqual(client.write(FORBIDDEN, 1), bytes([0x86, 2]))
        self.assertEqual(self.gate.status()["fail_open"], self.before)

    def wait_for_looks(self, count):
        """The stand-in sleeps and wakes so often: its own clock."""
        def switches():
            with open(f"/proc/{self.stand_in}/status") as status:
                return next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt"))
        end = switches() + count
        wait_until(lambda: switches() >= end, "the stand-in to look", 20)


if __name__ == "__main__":
    unittest.main()
