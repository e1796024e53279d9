# SPDX-License-Identifier: GPL-2.0-or-later
"""Several packet queues, an inspector each: a conduit belongs to one of them, and to no other's fate."""
import os
import signal
import unittest

from gate import FORBIDDEN, PEERS, GateCase, rule, standard_rules
from lab import ENERGY, METER, PLC, wait_until

FIRST = 4410


class Status(GateCase):
    """A gate of its own: nothing that another test left unanswered is sent again while it counts."""
    queues = 4
    devices = (PLC, METER)

    def test_status_counts_over_all(self):
        def allowed():
            return {r["rule"]: r["allowed"] for r in self.gate.status()["rules"]}
        press, meter, before = self.client(), self.client(ENERGY, METER), allowed()
        for client in (press, press, meter):
            self.assert_serves(client)
        after = allowed()
        self.assertEqual({name: after[name] - before[name] for name in after if after[name] != before[name]},
                         {"historian-press": 2, "energy-meter": 1})
        status = self.gate.status()
        self.assertEqual(status["counters"]["flows_now"],
                         sum(q["counters"]["flows_now"] for q in status["queues"]))
        self.assertEqual([q["queue"] for q in status["queues"]], [FIRST + i for i in range(4)])
        self.assertEqual(len({q["pid"] for q in status["queues"]}), 4)
        self.assertTrue(status["healthy"], status["problems"])
        self.assertIsNone(status["fail_open"])


class Queues(GateCase):
    queues = 4
    devices = (PLC, METER)
    rules = [*standard_rules(), rule("historian-meter", "historian", "meter")]

    def number(self, name):
        return next(c["number"] for c in self.gate.status()["conduits"] if c["rules"] == name)

    def queue_of(self, name):
        return FIRST + self.number(name) % self.queues

    def received(self):
        return {q["queue"]: q["counters"]["received"] for q in self.gate.status()["queues"]}

    def test_a_conduits_packets_go_to_the_queue_of_its_number(self):
        self.assertEqual(len({self.queue_of(name) for name in ("historian-press", "energy-meter")}), 2)
        for name, source, device in (("historian-press", "10.1.0.2", PLC), ("energy-meter", ENERGY, METER),
                                     ("historian-meter", "10.1.0.2", METER)):
            with self.subTest(name):
                client, before = self.client(source, device), self.received()
                for _ in range(10):
                    self.assert_serves(client)
                grown = {queue for queue, count in self.received().items() if count >= before[queue] + 20}
                self.assertEqual(grown, {self.queue_of(name)})

    def restarted(self, number, pid):
        wait_until(lambda: self.gate.queue(number)["pid"] not in (0, pid)
                   and self.gate.queue(number)["state"] == "serving", "the inspector to be restarted", 20)

    def test_one_that_stands_still_closes_its_own_conduits_alone(self):
        mine, other = self.client(), self.client(ENERGY, METER)
        self.assert_serves(mine)
        number = self.queue_of("historian-press")
        pid = self.gate.queue(number)["pid"]
        others = {q["queue"]: q["pid"] for q in self.gate.status()["queues"] if q["queue"] != number}
        os.kill(pid, signal.SIGSTOP)
        self.assert_serves(other)
        self.assert_serves(self.client(ENERGY, METER))
        mine.socket.settimeout(0.3)
        self.assertRaises(TimeoutError, self.assert_serves, mine)
        self.assert_serves(other)
        self.restarted(number, pid)  # the supervisor does not wait for ever
        wait_until(lambda: self.client().read(10, 1) == [10], "service to return")
        self.assert_serves(other)
        self.assertEqual({q["queue"]: q["pid"] for q in self.gate.status()["queues"] if q["queue"] != number}, others)

    def test_one_that_is_killed_takes_nothing_along(self):
        mine, other = self.client(), self.client(ENERGY, METER)
        for client in (mine, other):
            self.assert_serves(client)
        number = self.queue_of("historian-press")
        pid = self.gate.queue(number)["pid"]
        os.kill(pid, signal.SIGKILL)
        self.assert_serves(other)
        self.restarted(number, pid)
        mine.socket.settimeout(20)
        self.assert_serves(mine)  # its state was kept
        self.assertEqual(mine.write(FORBIDDEN, 1), bytes([0x86, 2]))
        self.assert_untouched()

    def test_a_policy_waits_for_all(self):
        """Applied while one of them stands still: in force when that one, started again, has it too."""
        number = self.queue_of("historian-press")
        pid = self.gate.queue(number)["pid"]
        os.kill(pid, signal.SIGSTOP)
        self.gate.apply([*self.rules, rule("raw-meter", "raw-server", "meter")])
        queue = self.gate.queue(number)
        self.assertNotEqual(queue["pid"], pid)
        self.assertEqual(queue["state"], "serving")
        self.gate.apply(self.rules)
        self.assert_serves(self.client())


class Number(GateCase):
    """How many there are may change from one start to the next."""
    rules = [*standard_rules(), rule("historian-meter", "historian", "meter")]
    devices = (PLC, METER)

    def test_it_may_change_at_a_restart(self):
        def numbers():
            return {c["rules"]: c["number"] for c in self.gate.status()["conduits"]}
        before = numbers()
        for queues in (4, 1, 3, 16):
            with self.subTest(queues):
                self.gate.daemon.stop()
                self.gate.command("verify")  # of the queues that were
                self.gate.queues = queues
                self.gate.start()
                self.assertEqual(numbers(), before)
                self.assertEqual(len(self.gate.status()["queues"]), queues)
                for source, device in (("10.1.0.2", PLC), (ENERGY, METER), ("10.1.0.2", METER)):
                    client = self.client(source, device)
                    self.assertEqual(client.write(FORBIDDEN, 1)[0], 0x86)
                    self.assert_serves(client)
                self.gate.command("verify")
        self.assert_untouched()

    def test_not_ready_when_one_queue_is_taken(self):
        self.gate.daemon.stop()
        taker = self.lab.start("gate", PEERS / "accept_all", "-q", FIRST + 2, ready="ready")
        done = self.gate.command("run", "--queues", 4, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("another program has the packet queue", done.stdout)
        taker.stop()
        self.gate.queues = 4
        self.gate.start()
        self.assert_serves(self.client())

    def test_a_queue_that_is_about_to_be_free_is_waited_for(self):
        """As after a kill: the inspectors of the former gate hold it until they are gone."""
        self.gate.daemon.stop()
        taker = self.lab.start("gate", PEERS / "accept_all", "-q", FIRST + 1, ready="ready")
        self.gate.daemon = self.lab.start("gate", *self.gate.words("run", "--queues", 4), name="gatehouse",
                                          ready=f"packet queue {FIRST + 1} is in use")
        taker.stop()
        self.gate.daemon.wait_line(r"\bready\b", 15.0)
        self.gate.queues = 4
        self.assert_serves(self.client())

    def test_wrong_numbers_are_refused(self):
        for number in ("0", "17", "-1", "two", ""):
            done = self.gate.command("run", "--queues", number, check=False)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn("1 to 16", done.stdout)


if __name__ == "__main__":
    unittest.main()
