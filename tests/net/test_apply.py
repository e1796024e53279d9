# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules change under live traffic: what was taken away stops at once, what stays loses nothing."""
import json
import subprocess
import unittest

import modbus
from gate import PEERS, READ, SETPOINT, WRITE, GateCase, rule, standard_rules
from lab import ENERGY, HISTORIAN, METER, PLC, wait_until

WITHOUT = [r for r in standard_rules() if r["id"] != "historian-press"]


class Apply(GateCase):
    devices = (PLC, METER)

    @classmethod
    def before_start(cls):
        cls.wire = cls.lab.capture("plant", "eth1")

    def setUp(self):
        self.gate.apply(standard_rules())

    def allowed(self, name):
        """The counter of a rule's allowed requests, from `status --json`."""
        return next(r for r in self.gate.status()["rules"] if r["rule"] == name)["allowed"]

    def packets(self, rules):
        """The kernel's counter of the conduit that these rules share."""
        return next(c for c in self.gate.status()["conduits"] if c["rules"] == rules)["packets"]

    def test_rule_removed_resets_its_live_connection(self):
        client = self.client()
        self.assert_serves(client)
        port = client.socket.getsockname()[1]
        self.gate.apply(WITHOUT)
        client.socket.settimeout(2)
        with self.assertRaises(ConnectionResetError):
            self.assertEqual(client.socket.recv(1), b"data")  # without sending anything
        self.gate.wait_event("revoked", port)
        wait_until(lambda: f"close {HISTORIAN}:{port}" in self.plcs[PLC].lines, "the device's side to close")
        with self.assertRaises((TimeoutError, OSError)):
            self.lab.connect(PLC, source=HISTORIAN, seconds=0.7)

    def test_rule_narrowed_holds_for_live_connections(self):
        client = self.client()
        self.assertEqual(client.write(SETPOINT, SETPOINT)[0], 6)
        self.gate.apply([rule("historian-press", "historian", "press-plc", [READ])] + WITHOUT)
        try:
            answer = client.write(SETPOINT, 1)
        except ConnectionError:
            answer = None  # closing it is as good
        self.assertIn(answer, (None, bytes([0x86, 1])))
        self.assert_untouched(SETPOINT)

    def test_the_others_lose_nothing(self):
        before = self.packets("energy-meter")
        words = self.lab.command("enterprise", PEERS / "load", "-s", ENERGY, "-c", 4, "-n", 20000, "-m", "1:0:0", METER)
        load = subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        changes = 0
        while load.poll() is None and changes < 200:
            self.gate.apply(WITHOUT if changes % 2 == 0 else standard_rules())
            changes += 1
        out, _ = load.communicate(timeout=60)
        self.assertEqual(load.returncode, 0, out)
        result = json.loads(out.splitlines()[-1])
        self.assertGreater(changes, 2)
        self.assertEqual((result["transactions"], result["wrong"], result["reconnects"]), (20000, 0, 0))
        # A request and a reply each, some of them several in a packet; and what TCP itself sends.
        self.assertGreater(self.packets("energy-meter"), before + 20000)

    def test_counters_of_a_rule_that_stays_survive(self):
        client = self.client(ENERGY, METER)
        before = self.allowed("energy-meter")
        for i in range(5):
            client.read(i, 1)
        wait_until(lambda: self.allowed("energy-meter") == before + 5, "five requests to be counted")
        self.gate.apply(WITHOUT)
        self.assertEqual(self.allowed("energy-meter"), before + 5)
        self.gate.apply(standard_rules())
        self.assertEqual(self.allowed("energy-meter"), before + 5)

    def test_documents_with_errors_change_nothing(self):
        client = self.client()
        self.assert_serves(client)
        done = self.apply_broken()
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("unknown-asset", done.stdout)
        self.assert_serves(client)

    def apply_broken(self):
        rules = standard_rules() + [rule("broken", "nobody", "press-plc")]
        (self.gate.site / "rules.json").write_text(
            json.dumps({"$schema": "../schemas/rules.schema.json", "rules": rules}, indent=2))
        return self.gate.command("apply", self.gate.site, check=False)

    def test_rule_added_opens_at_once(self):
        self.gate.apply(WITHOUT)
        self.gate.apply(WITHOUT + [rule("historian-press", "historian", "press-plc", [READ, WRITE])])
        self.assert_serves(self.client())

    def test_two_rules_on_one_conduit(self):
        self.gate.apply(WITHOUT + [rule("reads", "historian", "press-plc", [READ]),
                                   rule("writes", "historian", "press-plc", [WRITE])])
        client = self.client()
        self.assert_serves(client)
        self.assertEqual(client.write(SETPOINT, SETPOINT), modbus.write(SETPOINT, SETPOINT)[7:])
        self.assertEqual(client.write(SETPOINT + 1, 1), bytes([0x86, 2]))


if __name__ == "__main__":
    unittest.main()
