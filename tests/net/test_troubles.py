# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong around the gate: damaged, full and read-only disks, a second supervisor, nothing loaded."""
import shutil
import unittest

import modbus
from gate import GATEHOUSE, GateCase
from lab import PLC


class Troubles(GateCase):
    @classmethod
    def before_start(cls):
        cls.gate.start = lambda: None  # each test starts what it needs

    def setUp(self):
        shutil.rmtree(self.gate.state, ignore_errors=True)
        self.lab.run("gate", "nft", "delete", "table", "inet", "gatehouse", check=False)
        self.daemon = None

    def tearDown(self):
        if self.daemon:
            self.daemon.stop()

    def start(self, *site):
        self.daemon = self.lab.start("gate", *self.gate.words("run", *site), ready=r"\bready\b", name="gatehouse")

    def assert_open(self):
        with self.lab.connect(PLC, source="10.1.0.9") as stranger:
            self.assertEqual(modbus.Client(stranger).read(10, 1), [10])

    def assert_closed(self):
        with self.assertRaises(OSError):
            self.lab.connect(PLC, source="10.1.0.9", seconds=0.7)

    def test_a_box_with_a_damaged_policy_comes_up_closed(self):
        """What damaged conduit numbers do is in test_damaged_state.py."""
        self.gate.state.mkdir(exist_ok=True)
        (self.gate.state / "in-force.json").write_text("what a failing disk leaves")
        self.assert_open()
        done = self.gate.command("run", check=False)
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn(f"cannot read {self.gate.state}/in-force.json", done.stdout)
        self.assertIn("gatehouse run DIR", done.stdout)
        self.assert_closed()

    def test_a_failing_start_leaves_what_is_in_the_kernel(self):
        self.start(self.gate.site)
        self.daemon.stop()
        before = self.lab.run("gate", "nft", "list", "map", "inet", "gatehouse", "conduits4").stdout
        self.assertIn(PLC, before)
        (self.gate.state / "in-force.json").write_text("what a failing disk leaves")
        self.assertEqual(self.gate.command("run", check=False).returncode, 3)
        after = self.lab.run("gate", "nft", "list", "map", "inet", "gatehouse", "conduits4").stdout
        self.assertEqual(after, before)

    def test_bad_documents_by_hand_change_nothing(self):
        bad = self.lab.folder / "bad"
        shutil.copytree(self.gate.site, bad, dirs_exist_ok=True)
        (bad / "rules.json").write_text("{")
        done = self.gate.command("run", bad, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("error[syntax]", done.stdout)
        self.assert_open()

    def test_a_read_only_disk_costs_the_record_alone(self):
        self.gate.state.mkdir(exist_ok=True)
        run = " ".join(map(str, self.gate.words("run", self.gate.site)))
        self.daemon = self.lab.start("gate", "unshare", "--mount", "sh", "-c",
                                     f"mount -t tmpfs -o ro tmpfs {self.gate.state} && exec {run}",
                                     ready=r"\bready\b", name="gatehouse")
        self.assert_serves(self.client())
        self.assert_closed()
        said = "\n".join(self.daemon.lines)
        self.assertIn(f"cannot write {self.gate.state}/events.jsonl: the disk is read-only", said)
        self.assertIn("The gate guards without a record", said)

    def test_the_second_supervisor_is_told(self):
        self.start(self.gate.site)
        done = self.gate.command("run", self.gate.site, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("another supervisor is running", done.stdout)
        self.assert_serves(self.client())

    def test_a_lock_that_was_left_behind_is_no_lock(self):
        self.start(self.gate.site)
        self.daemon.process.kill()
        self.daemon.process.wait()
        self.assertTrue((self.gate.runtime / "lock").exists())
        self.start()
        self.assert_serves(self.client())

    def test_status_without_a_supervisor(self):
        none = self.gate.command("status", check=False)
        self.assertEqual((none.returncode, "NOTHING IS GUARDED" in none.stdout), (1, True), none.stdout)
        self.assertEqual(self.gate.status(), {"running": False, "in_kernel": False})
        self.start(self.gate.site)
        self.daemon.stop()
        closed = self.gate.command("status", check=False)
        self.assertEqual((closed.returncode, "inspected traffic is closed" in closed.stdout), (1, True))
        self.assertEqual(self.gate.status(), {"running": False, "in_kernel": True})

    def test_who_is_not_root_is_told_so(self):
        self.start(self.gate.site)
        for words in (["status"], ["apply", self.gate.site], ["run", self.gate.site]):
            done = self.lab.run("gate", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                *self.gate.words(*words), check=False)
            if "Permission denied" in done.stdout and str(GATEHOUSE) in done.stdout:
                self.skipTest(f"nobody may execute {GATEHOUSE}")
            self.assertEqual(done.returncode, 3, done.stdout)
            self.assertIn("no permission", done.stdout)


if __name__ == "__main__":
    unittest.main()
