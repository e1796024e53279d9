# SPDX-License-Identifier: GPL-2.0-or-later
"""What somebody changed in the kernel's ruleset is found, named and put back."""
import json
import os
import socket
import subprocess
import threading
import time
import unittest

from gate import GATEHOUSE, READ, Gate, GateCase, day, rule, standard_rules, uninspected
from lab import BUILD, HISTORIAN, PLC, STRANGER, Lab, wait_until

INSPECTED = 0x40000000
TOOL = BUILD / "tools/ruleset_tool"
T = "inet gatehouse"
HISTORIAN_PRESS = f"{HISTORIAN} . {PLC} . tcp . 502"
RULES = standard_rules() + [rule("timed", "energy", "press-plc", [READ], expires=day(100)),
                            uninspected("clock", "historian", "press-plc", "udp", 123)]

# What is done (nft's words), what it is called, where, and a rule that it concerns.
TAMPERING = [
    ("flush ruleset", "table-removed", "table inet gatehouse", None),
    (f"delete table {T}", "table-removed", "table inet gatehouse", None),
    (f"flush table {T}", "table-flushed", "table inet gatehouse", None),
    (f"add table {T} {{ flags dormant; }}", "table-asleep", "table inet gatehouse", None),
    ("add table ip gatehouse", "table-twice", "table ip gatehouse", None),
    (f"add chain {T} extra", "chain-added", "chain extra", None),
    (f"add chain {T} extra {{ type filter hook forward priority -10; }}", "chain-added", "chain extra", None),
    (f"flush chain {T} exempt; delete chain {T} exempt", "chain-removed", "chain exempt", None),
    (f"flush chain {T} exempt; delete chain {T} exempt; "
     f"add chain {T} exempt {{ type filter hook output priority 5; }}; "
     f"add rule {T} exempt meta mark 0x80000000 notrack",
     "chain-changed", "chain exempt", None),
    (f"add chain {T} forward {{ policy accept; }}", "chain-policy", "chain forward", None),
    (f"add chain {T} input {{ policy accept; }}", "chain-policy", "chain input", None),
    (f"insert rule {T} forward accept", "rule-added", "chain forward", None),
    (f"insert rule {T} classify meta mark set 0x{INSPECTED:08x}", "rule-added", "chain classify", None),
    (f"add rule {T} no_rule accept", "rule-added", "chain no_rule", None),
    (f"flush chain {T} known", "rule-removed", "chain known", None),
    (f"add set {T} extra {{ type mark; }}", "set-added", "set extra", None),
    (f"add counter {T} extra", "object-added", "object extra", None),
    (f"flush map {T} conduits4", "set-flushed", "map conduits4", None),
    (f"add element {T} conduits4 {{ {STRANGER} . {PLC} . tcp . 502 : 0x{INSPECTED | 1:08x} }}",
     "element-added", "map conduits4", None),
    (f"add element {T} conduits4 {{ * : 0x{INSPECTED | 1:08x} }}", "element-added", "map conduits4", None),
    (f"delete element {T} conduits4 {{ {HISTORIAN_PRESS} }}", "element-removed", "map conduits4", "historian-press"),
    (f"delete element {T} conduits4 {{ {HISTORIAN_PRESS} }}; add element {T} conduits4 {{ {HISTORIAN_PRESS} : 1 }}",
     "element-changed", "map conduits4", "historian-press"),
    (f"flush set {T} windows", "window-changed", "set windows", "timed"),
    (f"flush set {T} overdue", "window-changed", "set overdue", "clock"),
    (f'add element {T} homes4 {{ "eth0" . 10.9.0.0/16 }}', "home-added", "set homes4", None),
    (f'delete element {T} homes4 {{ "eth0" . 10.1.0.0/24 }}', "home-removed", "set homes4", None),
]

# Other tables: what makes them, and whether they could open anything.
FOREIGN = [
    ("add chain ip other c { type filter hook forward priority 0; }; "
     "add rule ip other c ip saddr 10.1.0.7 drop", "warning"),
    ("add chain ip other c { type filter hook input priority 0; policy drop; }", "warning"),
    ("add chain ip other c { type filter hook prerouting priority 0; }; "
     "add rule ip other c meta mark set 1", "finding"),
    ("add chain ip other c { type filter hook forward priority -5; }; add rule ip other c ip ttl set 9", "finding"),
    ("add chain ip other c { type nat hook postrouting priority 100; }", "finding"),
    ("add chain ip other c { type filter hook prerouting priority -300; }; add rule ip other c notrack", "finding"),
]


class Quiet(unittest.TestCase):
    """Without a supervisor: the policy is compiled again from the state folder."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid():
            raise unittest.SkipTest("network namespaces need root")
        cls.lab = Lab()
        cls.enterClassContext(cls.lab)
        cls.gate = Gate(cls.lab, RULES)

    def setUp(self):
        self.nft("flush ruleset")
        self.gate.command("apply", self.gate.site)

    def nft(self, words):
        return self.lab.run("gate", "nft", words)

    def verify(self):
        done = self.gate.command("verify", "--json", check=False)
        result = json.loads(done.stdout)
        self.assertEqual(result["clean"], done.returncode == 0)
        self.assertIn(done.returncode, (0, 1))
        return result

    def assert_clean(self):
        result = self.verify()
        self.assertEqual(result["findings"], [])
        self.assertTrue(result["clean"])

    def test_what_was_applied_is_clean(self):
        result = self.verify()
        self.assertEqual((result["findings"], result["conduits"], result["windows"], result["compared_with"]),
                         ([], 6, 1, "state"))
        self.assertIn("permits exactly what the policy of lab says", self.gate.command("verify").stdout)

    def test_each_tampering_is_named_and_put_right_by_applying_again(self):
        for words, code, where, rule_id in TAMPERING:
            with self.subTest(words):
                self.setUp()
                self.nft(words)
                result = self.verify()
                found = {(f["code"], f["where"], f["rules"]) for f in result["findings"]}
                self.assertEqual(found, {(code, where, rule_id)}, json.dumps(result, indent=1))
                if rule_id:
                    finding = result["findings"][0]
                    self.assertTrue(finding["file"].endswith("rules.json"), finding)
                    line = (self.gate.site / "rules.json").read_text().splitlines()[finding["line"] - 1:][:2]
                    self.assertIn(rule_id, "".join(line))
                if code != "table-twice":
                    self.gate.command("apply", self.gate.site)
                    self.assert_clean()

    def test_text_says_what_where_and_what_to_do(self):
        self.nft(f"delete element {T} conduits4 {{ {HISTORIAN_PRESS} }}")
        done = self.gate.command("verify", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"site/rules\.json:\d+: drift\[element-removed\]: map conduits4: the conduit "
                         rf"{HISTORIAN} -> {PLC}, tcp port 502 is in the policy, but not in the kernel "
                         r"\(rule historian-press\)")
        self.assertIn("what to do: ", done.stdout)

    def handles(self, chain):
        """Of the chain's rules, in their order."""
        listed = self.lab.run("gate", "nft", "-j", "-a", "list", "chain", "inet", "gatehouse", chain).stdout
        return [o["rule"]["handle"] for o in json.loads(listed)["nftables"] if "rule" in o]

    def test_one_rule_replaced_is_one_finding(self):
        self.nft(f"replace rule {T} forward handle {self.handles('forward')[1]} meta mark 1 goto no_rule")
        found = [(f["code"], f["where"]) for f in self.verify()["findings"]]
        self.assertEqual(found, [("rule-changed", "chain forward")])

    def test_rules_in_another_order_are_found(self):
        self.nft(f'delete rule {T} input handle {self.handles("input")[0]}; add rule {T} input iifname "lo" accept')
        self.assertEqual({f["code"] for f in self.verify()["findings"]}, {"rule-removed", "rule-added"})

    def test_queue_numbers_are_compared(self):
        def tool(command, text):
            return subprocess.run(self.lab.command("gate", TOOL, command), input=text, text=True,
                                  capture_output=True, check=True).stdout
        tool("load", "queues 2\n")
        self.assertEqual(tool("verify", "queues 2\n"), "")
        found = tool("verify", "queues 1\n").splitlines()
        self.assertEqual(len(found), 8)  # every second one is another queue's
        for line in found:
            self.assertRegex(line, r"\Afinding rule-(changed|added|removed)\|chain queues\|")

    def test_tables_of_others(self):
        for words, severity in FOREIGN:
            with self.subTest(words):
                self.nft("flush ruleset")
                self.gate.command("apply", self.gate.site)
                self.nft(f"add table ip other; {words}")
                result = self.verify()
                self.assertEqual([(f["code"], f["where"], f["severity"]) for f in result["findings"]],
                                 [("foreign-hook", "table ip other", severity)])
                self.assertEqual(result["clean"], severity == "warning")

    def test_a_table_that_sees_no_packets_is_nobodys_business(self):
        self.nft("add table ip other; add chain ip other c; add rule ip other c accept")
        self.assert_clean()

    def test_without_a_policy_everything_should_be_denied(self):
        elsewhere = [GATEHOUSE, "--state", self.lab.folder / "none", "--runtime", self.lab.folder / "none"]
        done = self.lab.run("gate", *elsewhere, "verify", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("drift[element-added]", done.stdout)

    def test_without_permission_it_is_the_system_that_refused(self):
        # Entering the namespace needs the rights that are then given up.
        code = ("import ctypes, os, sys; os.setgid(65534); os.setuid(65534); "
                "os.execv(sys.argv[1], sys.argv[1:])")
        done = self.lab.run("gate", "python3", "-c", code, GATEHOUSE, "--state", "/nonexistent", "--runtime",
                            "/nonexistent", "verify", check=False)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("no permission; run this as root", done.stdout)


class Running(GateCase):
    """With a supervisor: it hears of every change and puts the ruleset back."""

    @classmethod
    def before_start(cls):
        with cls.lab.inside("enterprise"):
            cls.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            cls.sender.bind((STRANGER, 0))
        with cls.lab.inside("plant"):
            cls.target = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            cls.target.bind((PLC, 9999))
        cls.target.setblocking(False)
        for s in (cls.sender, cls.target):
            cls.addClassCleanup(s.close)

    def setUp(self):
        self.addCleanup(self.settle)

    def settle(self):
        self.lab.run("gate", "nft", "delete table ip other", check=False)
        self.gate.command("maintenance", "--end")
        wait_until(lambda: self.verify()["clean"], "the ruleset to be put back")

    def nft(self, words, check=True):
        return self.lab.run("gate", "nft", words, check=check)

    def verify(self):
        return json.loads(self.gate.command("verify", "--json", check=False).stdout)

    def restored(self):
        return self.gate.status()["drift"]["restored"]

    def told(self, name):
        return [e for e in self.gate.events() if e["event"] == name]

    def passed(self):
        """How many of the stranger's packets reached the plant since the last call."""
        count = 0
        while True:
            try:
                self.target.recv(64)
            except BlockingIOError:
                return count
            count += 1

    def forbidden_traffic(self):
        """A stranger sends without end; returns what says how much it has sent and what stops it."""
        sent, over = [0], threading.Event()

        def send():
            while not over.is_set():
                self.sender.sendto(b"forbidden", (PLC, 9999))
                sent[0] += 1
                over.wait(0.0002)
        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(over.set)
        return sent

    def assert_restored(self, words, code):
        before, events = self.restored(), len(self.told("drift"))
        self.nft(words)
        wait_until(lambda: self.restored() > before, f"{words}: to be put back", 5)
        result = self.verify()
        self.assertEqual((result["clean"], result["findings"], result["compared_with"]), (True, [], "supervisor"))
        told = self.told("drift")[events:]
        self.assertIn(code, [e["reason"] for e in told])
        self.assertRegex(told[0]["text"], r"Changed by nft, process \d+\.")

    def test_what_opens_is_put_back_and_nothing_forbidden_passes(self):
        client = self.client()
        self.assert_serves(client)
        sent = self.forbidden_traffic()
        for words, code in (("flush ruleset", "table-removed"), (f"delete table {T}", "table-removed"),
                            (f"add table {T} {{ flags dormant; }}", "table-asleep"),
                            (f"insert rule {T} forward accept", "rule-added"),
                            (f"add chain {T} forward {{ policy accept; }}", "chain-policy"),
                            (f"flush chain {T} no_rule; add chain {T} forward {{ policy accept; }}", "rule-removed")):
            with self.subTest(words):
                begin = sent[0]
                wait_until(lambda: sent[0] > begin + 20, "forbidden traffic")
                self.assert_restored(words, code)
                self.assertEqual(self.passed(), 0)
        # Sent, dropped and answered meanwhile: the peers' TCP carried the connection over it.
        self.assert_serves(client)

    def test_without_the_guard_packets_would_have_passed(self):
        # What the test above rests on: the same packets pass where nothing filters.
        self.gate.daemon.stop()
        try:
            self.nft("flush ruleset")
            self.sender.sendto(b"open", (PLC, 9999))
            wait_until(self.passed, "the packet to pass")
        finally:
            self.gate.start()

    def test_the_guard_cannot_be_taken_away(self):
        self.assertTrue(self.gate.status()["drift"]["guarded"])
        self.assertNotEqual(self.nft("delete table inet gatehouse-guard", check=False).returncode, 0)
        self.assertNotEqual(self.nft("insert rule inet gatehouse-guard forward accept", check=False).returncode, 0)
        self.assertIn("gatehouse-guard", self.nft("list tables").stdout)

    def test_what_closes_is_put_back(self):
        self.assert_restored(f"delete element {T} conduits4 {{ {HISTORIAN_PRESS} }}", "element-removed")
        self.assert_serves(self.client())
        self.assert_restored(f"flush map {T} conduits4", "set-flushed")
        self.assert_serves(self.client())

    def test_an_added_element_is_taken_out_and_counters_stay(self):
        self.assert_serves(self.client())
        def packets():
            return next(c["packets"] for c in self.gate.status()["conduits"] if c["rules"] == "historian-press")
        before = packets()
        self.assertGreater(before, 0)
        self.assert_restored(f"add element {T} conduits4 {{ {STRANGER} . {PLC} . udp . 9999 : 77 }}", "element-added")
        self.assertGreaterEqual(packets(), before)

    def test_tables_of_others_are_told_once_and_left_alone(self):
        self.nft("add table ip other; add chain ip other c { type filter hook prerouting priority 0; }; "
                 "add rule ip other c meta mark set 0")
        wait_until(lambda: self.gate.status()["drift"]["findings"] == 1, "the foreign table to be found")
        told = [e for e in self.told("drift") if e["reason"] == "foreign-hook"]
        self.nft("add counter ip other more")  # another change, the same finding
        self.assertEqual(self.verify()["findings"][0]["code"], "foreign-hook")
        status = self.gate.status()
        self.assertFalse(status["healthy"])
        self.assertIn("other", self.nft("list tables").stdout)
        self.assertEqual(len([e for e in self.told("drift") if e["reason"] == "foreign-hook"]), len(told))
        self.nft("delete table ip other")
        wait_until(lambda: self.gate.status()["healthy"], "health")

    def test_a_fight_is_bounded_and_said(self):
        before, begin = self.restored(), time.monotonic()
        over = begin + 4
        changes = 0
        while time.monotonic() < over:
            self.nft(f"delete table {T}", check=False)
            changes += 1
        lasted = time.monotonic() - begin
        self.assertGreater(changes, 20)
        wait_until(lambda: self.told("drift-fight"), "the fight to be said")
        wait_until(lambda: self.verify()["clean"], "peace", 5)
        # Five at once, a few at growing distances, then one a second.
        self.assertLess(self.restored() - before, 5 + 5 + lasted + 2)
        self.assertEqual(self.passed(), 0)

    def test_maintenance_leaves_drift_and_records_it(self):
        begun, ended = len(self.told("maintenance-begun")), len(self.told("maintenance-ended"))
        self.gate.command("maintenance", "--for", "30m")
        self.assertEqual(len(self.told("maintenance-begun")), begun + 1)
        self.assertIsNotNone(self.gate.status()["maintenance"]["until"])
        self.assertIn("Maintenance until", self.gate.command("status", check=False).stdout)
        before, events = self.restored(), len(self.told("drift"))
        self.nft(f"add rule {T} to_gate accept")
        wait_until(lambda: len(self.told("drift")) > events, "the drift to be recorded")
        self.nft(f"add rule {T} to_gate drop")
        wait_until(lambda: len(self.told("drift")) > events + 2, "the second one, too")
        self.assertEqual(self.restored(), before)
        self.assertFalse(self.verify()["clean"])
        self.gate.command("maintenance", "--end")
        wait_until(lambda: self.restored() > before, "the ruleset to be put back")
        self.assertTrue(self.verify()["clean"])
        self.assertEqual(len(self.told("maintenance-ended")), ended + 1)
        self.assertIsNone(self.gate.status()["maintenance"])

    def test_maintenance_ends_by_itself(self):
        self.gate.command("maintenance", "--for", "1s")
        before = self.restored()
        self.nft(f"add rule {T} to_gate accept")
        wait_until(lambda: self.restored() > before, "the end of maintenance", 5)

    def test_maintenance_is_bounded(self):
        for words in (["--for", "13h"], ["--for", "0m"], ["--for", "soon"], ["--for"], []):
            self.assertEqual(self.gate.command("maintenance", *words, check=False).returncode, 2, words)
        self.assertIsNone(self.gate.status()["maintenance"])

    def test_its_own_changes_are_no_drift(self):
        events = len(self.told("drift"))
        for _ in range(3):
            self.gate.apply(standard_rules()[1:])
            self.gate.apply(standard_rules())
        self.assertTrue(self.verify()["clean"])
        self.assertEqual(len(self.told("drift")), events)


if __name__ == "__main__":
    unittest.main()
