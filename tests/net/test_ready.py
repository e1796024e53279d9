# SPDX-License-Identifier: GPL-2.0-or-later
"""When `run` says ready, the very next packet is inspected; before that, none passes."""
import struct
import threading
import unittest

import modbus
from gate import FORBIDDEN, GateCase
from lab import PLC, wait_until


class Ready(GateCase):
    @classmethod
    def before_start(cls):
        cls.gate.start = lambda: None  # each test starts it itself
        cls.wire = cls.lab.capture("plant", "eth1")

    def setUp(self):
        type(self.gate).start(self.gate, self.gate.site)

    def tearDown(self):
        self.gate.daemon.stop()

    def test_first_packet_after_ready_is_inspected(self):
        client = self.client()
        self.assertEqual(client.write(FORBIDDEN, 1), bytes([0x86, 2]))
        self.assert_serves(client)
        self.assert_untouched()

    def test_first_packet_after_ready_is_answered(self):
        self.assert_serves(self.client())

    def test_nothing_passes_after_the_end(self):
        """A gate that was stopped leaves its default deny behind."""
        self.assert_serves(self.client())
        self.gate.daemon.stop()
        before = len(self.wire.tcp(source="10.1.0.2"))
        with self.assertRaises((TimeoutError, OSError)):
            self.lab.connect(PLC, source="10.1.0.2", seconds=0.7)
        self.assertEqual(len(self.wire.tcp(source="10.1.0.2")), before)


class Impatient(GateCase):
    """A client that tries all the time while the gate starts: it gets in by the gate, or not at all."""

    @classmethod
    def before_start(cls):
        cls.started = cls.gate.start
        cls.gate.start = lambda: None

    def test_requests_during_the_start(self):
        # The box forwards nothing before its ruleset is in force; here the lab plays the closed box.
        self.lab.run("gate", "sysctl", "-q", "-w", "net.ipv4.ip_forward=0")
        answers, over = [], threading.Event()

        def knock():
            while not over.is_set():
                try:
                    with self.lab.connect(PLC, source="10.1.0.2", seconds=0.3) as s:
                        answers.append(modbus.Client(s).ask(struct.pack("!BHH", 6, FORBIDDEN, 1)))
                except (OSError, AssertionError):
                    pass
        thread = threading.Thread(target=knock)
        thread.start()
        try:
            daemon = self.lab.start("gate", *self.gate.words("run", self.gate.site), name="gatehouse")
            self.gate.daemon = daemon
            wait_until(lambda: "table inet" in self.lab.run("gate", "nft", "list", "tables", check=False).stdout
                       or daemon.process.poll() is not None, "a ruleset")
            self.lab.run("gate", "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
            daemon.wait_line(r"\bready\b")
            wait_until(lambda: answers, "an answer")
        finally:
            over.set()
            thread.join(5)
        self.assertEqual(set(answers), {bytes([0x86, 2])})
        self.assert_untouched()


if __name__ == "__main__":
    unittest.main()
