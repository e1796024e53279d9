# SPDX-License-Identifier: GPL-2.0-or-later
"""The supervisor sends itself what must be denied, and says so when it is not."""
import json
import unittest

from gate import GateCase
from lab import wait_until

# In the kernel's order before the self-test's own table: what is sent to the queues never gets there.
BLOCK = "add table inet block; add chain inet block out {{ type filter hook output priority -400; }};" \
        "add rule inet block out meta mark {} drop"
TO_QUEUE = (0xC0000000, 0xC0020000)


class SelfTest(GateCase):
    queues = 2

    def self_test(self):
        return self.gate.status()["self_test"]

    def told(self, event):
        return [e for e in self.gate.events() if e["event"] == event]

    def try_now(self):
        """Applying tries at once."""
        self.gate.command("apply", self.gate.site)

    def test_every_inspector_denies(self):
        before = wait_until(lambda: self.self_test()["times"], "the first self-test")
        status = self.gate.status()
        self.assertTrue(status["healthy"], status["problems"])
        self.assertEqual((status["self_test"]["possible"], status["self_test"]["fails"]), (True, False))
        self.try_now()
        wait_until(lambda: self.self_test()["times"] > before, "another")
        self.assertIn("what must be denied was denied by every inspector", self.gate.command("status").stdout)
        self.assertEqual(self.gate.status()["counters"]["requests_denied"], 0)
        self.assertEqual(json.loads(self.gate.command("verify", "--json").stdout)["findings"], [])

    def test_one_queue_that_gets_nothing_is_enough_to_fail(self):
        wait_until(lambda: self.self_test()["times"], "the first self-test")
        for mark in TO_QUEUE:
            with self.subTest(mark=hex(mark)):
                failed, works = len(self.told("self-test-failed")), len(self.told("self-test-works"))
                self.lab.run("gate", "nft", BLOCK.format(mark))
                try:
                    self.try_now()
                    wait_until(lambda: self.self_test()["fails"], "it to fail", 30)
                    status = self.gate.status()
                    self.assertFalse(status["healthy"])
                    self.assertIn("not denied in time", " ".join(status["problems"]))
                    self.assertEqual(len(self.told("self-test-failed")), failed + 1)
                    self.assert_serves(self.client())
                finally:
                    self.lab.run("gate", "nft", "delete table inet block")
                wait_until(lambda: not self.self_test()["fails"], "it to work again", 30)
                self.assertEqual(len(self.told("self-test-works")), works + 1)

    def test_nobody_else_can_take_it_away(self):
        for words in ("delete table inet gatehouse-self-test", "insert rule inet gatehouse-self-test output accept"):
            self.assertNotEqual(self.lab.run("gate", "nft", words, check=False).returncode, 0)

    def test_it_needs_no_loopback_interface(self):
        self.lab.ip("gate", "link set lo down")
        self.addCleanup(self.lab.ip, "gate", "link set lo up")
        before = wait_until(lambda: self.self_test()["times"], "the first self-test")
        self.try_now()
        wait_until(lambda: self.self_test()["times"] > before, "another")


if __name__ == "__main__":
    unittest.main()
