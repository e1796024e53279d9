# SPDX-License-Identifier: GPL-2.0-or-later
"""The usage ledger of a running gate: its counts are those of the test's own tally, through kills, restarts,
a full disk and a damaged file."""
import json
import os
import re
import signal
import sqlite3
import unittest

import modbus
from gate import FORBIDDEN, SETPOINT, GateCase, rule, standard_rules
from lab import ENERGY, HISTORIAN, METER, PLC, STRANGER, wait_until

ROUND = 30.0  # seconds; the ledger is written every 10


class LedgerCase(GateCase):
    @property
    def path(self):
        return self.gate.state / "usage.db"

    def ask(self, sql, *values):
        """Rows, read as anybody could read them while the gate writes."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def usage(self, verdict, of="historian-press", service="", detail=""):
        rows = self.ask("SELECT count FROM usage WHERE rule=? AND verdict=? AND service=? AND detail=?",
                        of, verdict, service, detail)
        return rows[0][0] if rows else 0

    def written(self):
        """What was allowed so far is in the file; before the first flush there may be a file without tables."""
        return "flushed" in self.gate.status()["ledger"] and self.usage("allowed") >= 1

    def conduit(self):
        return self.ask("SELECT count, bytes FROM conduit WHERE server=? AND device=? AND port=502", HISTORIAN, PLC)[0]

    def kernel(self):
        """The same conduit's counters, as nft says them."""
        text = self.lab.run("gate", "nft", "list", "map", "inet", "gatehouse", "conduits4").stdout
        found = re.search(rf"{HISTORIAN} \. {PLC} \. (?:tcp|6) \. (?:502|mbap) counter packets (\d+) bytes (\d+)", text)
        self.assertIsNotNone(found, text)
        return tuple(map(int, found.groups()))

    def stop(self):
        self.assertEqual(self.gate.daemon.stop(), 0, self.gate.daemon.text())


class Counts(LedgerCase):
    def test_counts_are_exact_through_kills_and_restarts(self):
        allowed = denied = values = 0
        for life in range(3):
            client = self.client()
            for _ in range(7 + life):
                client.read(10, 3)
            client.write(SETPOINT, 20 + life)
            allowed += 8 + life
            for _ in range(3):
                self.assertEqual(client.ask(modbus.write(FORBIDDEN, 1)[7:])[0], 0x86)
            self.assertEqual(client.ask(modbus.write(SETPOINT, 1501)[7:])[0], 0x86)
            denied, values = denied + 4, values + 1
            if life == 1:  # outside a decision: its memory goes on, and with it the counts
                before = self.gate.inspector()
                os.kill(before, signal.SIGKILL)
                wait_until(lambda: self.gate.inspector() not in (None, before), "another inspector")
            with self.assertRaises(OSError):
                self.lab.connect(PLC, source=STRANGER, port=4000 + life, seconds=0.5)
            self.stop()
            self.assertEqual(self.conduit(), self.kernel())
            self.gate.start()
        self.stop()
        self.assertEqual(self.usage("allowed"), allowed)
        self.assertEqual(self.usage("denied"), denied)
        self.assertEqual(self.usage("address-not-allowed", service="write-single-register",
                                    detail=f"unit=1 address={FORBIDDEN} quantity=1"), 3 * 3)
        self.assertEqual(self.usage("value-not-allowed", service="write-single-register",
                                    detail=f"unit=1 address={SETPOINT} quantity=1"), values)
        self.assertEqual(self.ask("SELECT json_extract(parts, '$.address') FROM usage WHERE verdict = "
                                  "'value-not-allowed'"), [(SETPOINT,)])
        self.assertEqual(self.ask("SELECT count(*) FROM usage WHERE rule = '' AND verdict = 'no-rule' AND count > 0"),
                         [(1,)])
        attempts = self.ask("SELECT port, reason FROM attempt WHERE source=? AND destination=? ORDER BY port",
                            STRANGER, PLC)
        self.assertEqual(attempts, [(4000, "no-rule"), (4001, "no-rule"), (4002, "no-rule")])
        # by the hour it is the same
        self.assertEqual(self.ask("SELECT sum(count) FROM usage_span WHERE id = (SELECT id FROM usage WHERE "
                                  "rule='historian-press' AND verdict='allowed')"), [(allowed,)])
        kinds = [kind for kind, in self.ask("SELECT kind FROM moment ORDER BY id")]
        self.assertEqual([kinds.count(k) for k in ("start", "stop", "inspector-restarted")], [4, 4, 1], kinds)
        digests = {d for d, in self.ask("SELECT digest FROM moment WHERE kind='policy-applied'")}
        self.assertEqual(len(digests), 1)
        self.assertRegex(digests.pop(), r"^fnv1a:[0-9a-f]{16}$")
        self.gate.start()


class SeveralInspectors(LedgerCase):
    queues = 2
    devices = (PLC, METER)
    rules = standard_rules()[:2]

    def test_counts_are_the_sum_of_all(self):
        """Each inspector is read for itself: what one began anew is not taken for another's."""
        press, meter = self.client(), self.client(ENERGY, METER)
        for _ in range(5):
            press.read(10, 3)
        for _ in range(4):
            meter.read(10, 3)
        self.assertEqual(meter.ask(modbus.read(FORBIDDEN, 1)[7:])[0], 0x83)
        queues = self.gate.status()["queues"]
        self.assertEqual([q["counters"]["flows_now"] for q in queues], [1, 1], "both conduits have one inspector")
        before = queues[0]
        os.kill(before["pid"], signal.SIGKILL)
        wait_until(lambda: self.gate.queue(before["queue"])["pid"] not in (0, before["pid"]), "another inspector")
        wait_until(lambda: self.gate.queue(before["queue"])["state"] == "serving", "it to serve")
        press.read(10, 3)
        meter.read(10, 3)
        self.stop()
        self.assertEqual((self.usage("allowed"), self.usage("denied")), (6, 0))
        self.assertEqual([self.usage(v, of="energy-meter") for v in ("allowed", "denied")], [5, 1])
        self.gate.start()


class RuleGoes(LedgerCase):
    def test_what_it_counted_stays(self):
        """Applied at once, not after the ledger's next reading."""
        client = self.client()
        for _ in range(6):
            client.read(10, 3)
        before = self.kernel()
        self.gate.apply([rule("energy-meter", "energy", "meter")])
        self.stop()
        self.assertEqual(self.usage("allowed"), 6)
        self.assertGreaterEqual(self.conduit(), before)
        self.assertEqual(len({d for d, in self.ask("SELECT digest FROM moment WHERE kind='policy-applied'")}), 2)


class Alive(LedgerCase):
    def test_it_is_written_while_the_gate_runs(self):
        self.assert_serves(self.client())
        wait_until(self.written, "the ledger to be written", ROUND)
        ledger = self.gate.status()["ledger"]
        self.assertEqual((ledger["writable"], ledger["lost"], ledger["path"]), (True, 0, str(self.path)))
        self.assertIn("Ledger     written", self.gate.command("status").stdout)

    def test_status_goes_on_when_asked_to(self):
        watch = self.lab.start("gate", *self.gate.words("status", "--watch"), name="status --watch")
        wait_until(lambda: sum(line.startswith("Ledger ") for line in watch.lines) >= 2, "two looks", 20.0)
        watch.stop()
        refused = self.gate.command("status", "--watch", "--json", check=False)
        self.assertEqual(refused.returncode, 2, refused.stdout)

    def test_a_supervisor_that_was_killed_goes_on_where_it_was(self):
        client = self.client()
        self.assert_serves(client)
        wait_until(self.written, "the ledger to be written", ROUND)
        self.gate.daemon.kill()
        self.gate.daemon.process.wait()
        self.gate.start()
        self.assert_serves(self.client())
        self.stop()
        self.assertEqual(self.conduit(), self.kernel())
        self.assertEqual(self.ask("PRAGMA integrity_check"), [("ok",)])
        self.gate.start()


class Damaged(LedgerCase):
    def test_a_damaged_file_is_set_aside(self):
        self.assert_serves(self.client())
        self.stop()
        self.path.write_bytes(b"what a failing disk leaves" * 500)
        self.gate.start()
        self.assert_serves(self.client())
        self.stop()
        self.assertEqual(len(list(self.gate.state.glob("usage.db.damaged-*Z"))), 1)
        self.assertIn("ledger-set-aside", [e["event"] for e in self.gate.events()])
        self.assertEqual(self.usage("allowed"), 1)
        self.gate.start()


class FullDisk(LedgerCase):
    """The state folder lies on a disk of 2 MiB, which the test fills."""
    @classmethod
    def before_start(cls):
        state, run = cls.gate.state, " ".join(map(str, cls.gate.words("run", cls.gate.site)))
        state.mkdir()
        cls.gate.start = lambda: None
        cls.gate.daemon = cls.lab.start("gate", "unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=2m tmpfs "
                                        f"{state} && exec {run}", ready=r"\bready\b", name="gatehouse")

    def inside(self, name):
        """The folder as the gate sees it."""
        return f"/proc/{self.gate.daemon.pid}/root{self.gate.state}/{name}"

    def ask(self, sql, *values):
        """SQLite does not open a file through another process's root: it is asked from inside."""
        program = ("import json, sqlite3, sys; c = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True); "
                   "print(json.dumps(c.execute(sys.argv[2], sys.argv[3:]).fetchall()))")
        done = self.lab.run("gate", "nsenter", "--mount", f"--target={self.gate.daemon.pid}", "python3", "-c", program,
                            self.path, sql, *values)
        return json.loads(done.stdout)

    def test_counts_wait_in_memory(self):
        client = self.client()
        self.assert_serves(client)
        wait_until(self.written, "the first flush", ROUND)
        with open(self.inside("filler"), "wb", buffering=0) as filler:
            with self.assertRaises(OSError):
                while filler.write(b"x" * 4096):
                    pass
        for port in range(300):  # more than what the ledger's own files have room for
            client.ask(modbus.write(200 + port, 1)[7:])
        self.gate.daemon.wait_line("cannot write .*usage.db: the disk is full", ROUND)
        status = self.gate.status()
        self.assertFalse(status["ledger"]["writable"])
        self.assertIn("The usage ledger cannot be written", " ".join(status["problems"]))
        self.assertIn("NOT WRITTEN (the disk is full", self.gate.command("status", check=False).stdout)
        self.assert_serves(client)
        os.unlink(self.inside("filler"))
        wait_until(lambda: self.gate.status()["ledger"]["writable"], "the ledger to be written again", ROUND)
        self.assertEqual(self.usage("denied"), 300)
        self.assertEqual(self.usage("allowed"), 2)
        said = [line for line in self.gate.daemon.lines if "usage.db" in line]
        self.assertEqual(len(said), 1, said)


if __name__ == "__main__":
    unittest.main()
