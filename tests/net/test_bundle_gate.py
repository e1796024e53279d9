#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bundles on a running gate: nothing else gets in, and what nobody confirms undoes itself, whatever dies meanwhile."""
import json
import pathlib
import shutil
import signal
import time
import unittest

from bundle.plant import Plant
from gate import READ, SETPOINT, WRITE, GateCase, rule, write_site
from lab import wait_until

READER = [rule("historian-press", "historian", "press-plc", [READ])]
WRITER = [rule("historian-press", "historian", "press-plc", [READ, WRITE])]


class BundleBox(GateCase):
    """Each test has a gate of its own, which trusts Anna, Olaf and Ivan, and laptops that are other machines."""
    rules = READER
    trust_more = {}  # members of the trust document

    @classmethod
    def before_start(cls):
        cls.gate.daemon = None

    def setUp(self):
        self.plant = Plant(self.lab.folder)
        self.plant.state = self.lab.folder / "laptop"
        self.new_gate()

    def new_gate(self):
        if self.gate.daemon:
            self.stop(signal.SIGTERM)
        shutil.rmtree(self.gate.state, ignore_errors=True)
        write_site(self.gate.site, READER)
        self.gate.daemon = None
        self.gate.start()
        trust = self.plant.trust({**self.plant.draft(), "site": "lab", **self.trust_more}, ["anna", "olaf"])
        self.digest = json.loads(self.plant.run("trust", "show", trust, "--json").stdout)["digest"]
        self.gate.command("trust", "init", trust, "--digest", self.digest)

    def bundle(self, serial, rules, **more):
        return self.plant.bundle(serial, site=write_site(self.lab.folder / "draft", rules), **more)

    def apply(self, path, *more):
        return self.gate.command("apply", path, *more)

    def refused(self, path, code):
        done = self.gate.command("apply", path, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(f"error[{code}]", done.stdout)

    def stop(self, how):
        if self.gate.daemon.process.poll() is None:
            self.gate.daemon.process.send_signal(how)
        self.gate.daemon.process.wait(20)

    def restart(self, how=signal.SIGKILL):
        self.stop(how)
        self.gate.start()

    def writes(self):
        """Does the gate let the historian write?"""
        answer = self.client().write(SETPOINT, SETPOINT)
        self.assertIn(answer[0], (6, 0x86))
        return answer[0] == 6

    def slots(self):
        return json.loads((self.gate.state / "bundles.json").read_text())

    def changes(self):
        self.gate.command("log", "verify")
        return [json.loads(line)["event"] for line in (self.gate.state / "changes.jsonl").read_text().splitlines()]


class BundleGate(BundleBox):
    # -- nothing else gets in --------------------------------------------------------------------------------

    def test_a_folder_is_refused(self):
        write_site(self.gate.site, WRITER)
        done = self.gate.command("apply", self.gate.site, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("only signed bundles", done.stdout)
        self.assertFalse(self.writes())
        # ... nor through the supervisor's socket, past the program
        (self.gate.state / "proposed.json").write_text(json.dumps({"documents": [
            {"path": f"site/{p.name}", "text": p.read_text()} for p in sorted(pathlib.Path(self.gate.site).iterdir())]}))
        answer = self.lab.run("gate", "python3", "-c", """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'{"command":"apply"}'); s.shutdown(1)
print(s.makefile().read())""", self.gate.runtime / "control.sock").stdout
        self.assertFalse(json.loads(answer)["ok"])
        self.assertFalse(self.writes())

    def test_a_folder_is_refused_without_a_supervisor(self):
        self.stop(signal.SIGTERM)
        for words in (("apply", self.gate.site), ("run", self.gate.site)):
            done = self.gate.command(*words, check=False)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("only signed bundles", done.stdout)
        self.assertEqual(self.apply_without(self.bundle(1, WRITER)), 3)
        self.gate.start()
        self.assertFalse(self.writes())

    def apply_without(self, path):
        return self.gate.command("apply", path, check=False).returncode

    def test_a_threshold_that_is_not_met(self):
        self.refused(self.bundle(1, WRITER, signers=("anna",)), "threshold")
        self.assertFalse(self.writes())
        self.assertFalse((self.gate.state / "bundles.json").exists())

    def test_rollback_to_an_older_one(self):
        first, second = self.bundle(1, WRITER), self.bundle(2, READER)
        for path in (first, second):
            self.apply(path)
            self.gate.command("confirm")
        self.refused(first, "old-serial")
        self.assertFalse(self.writes())
        # ... also one that was only tried
        self.apply(self.bundle(3, WRITER))
        self.gate.command("rollback")
        self.refused(self.bundle(2, WRITER, name="again"), "old-serial")

    def test_one_serial_is_one_content(self):
        first = self.bundle(1, WRITER)
        self.apply(first)
        self.gate.command("rollback")
        self.refused(self.bundle(1, READER, name="other"), "other-content")
        self.apply(first)
        self.assertTrue(self.writes())

    def test_a_serial_too_far_ahead(self):
        self.apply(self.bundle(1000, READER))
        self.gate.command("confirm")
        self.refused(self.bundle(2001, WRITER), "serial-jump")
        self.refused(self.bundle(5000, WRITER, more=("--reset-from", "999")), "reset-from")
        self.apply(self.bundle(5000, WRITER, name="reset", more=("--reset-from", "1000")))
        self.gate.command("confirm")
        self.apply(self.bundle(5001, READER))

    def test_no_trust_no_bundle(self):
        (self.gate.state / "trust.json").unlink()
        self.refused(self.bundle(1, WRITER), "no-trust")

    # -- the trial -----------------------------------------------------------------------------------------

    def test_confirmed_it_stays(self):
        self.assertFalse(self.writes())
        self.apply(self.bundle(1, WRITER), "--confirm-within", "1h")
        self.assertTrue(self.writes())
        self.assertLessEqual(self.gate.status()["trial"]["seconds_left"], 3600)
        self.gate.command("confirm")
        self.assertIsNone(self.gate.status()["trial"])
        self.restart()
        self.assertTrue(self.writes())
        self.assertEqual(self.gate.status()["policy"]["bundle"]["serial"], 1)
        self.assertEqual(self.changes(), ["trust-init", "bundle-trial", "bundle-confirmed"])
        self.gate.command("verify")

    def test_not_confirmed_it_undoes_itself(self):
        self.apply(self.bundle(1, WRITER), "--confirm-within", "1s")
        wait_until(lambda: self.gate.status()["trial"] is None, "the trial to end", 20)
        self.assertFalse(self.writes())
        self.assertEqual(self.changes(), ["trust-init", "bundle-trial", "bundle-undone"])
        self.gate.command("verify")

    def test_rolled_back_by_hand(self):
        self.apply(self.bundle(1, WRITER))
        self.gate.command("rollback")
        self.assertFalse(self.writes())
        for word in ("rollback", "confirm"):
            done = self.gate.command(word, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("no bundle is on trial", done.stdout)

    def test_the_first_one_ever_goes_back_to_nothing(self):
        self.stop(signal.SIGTERM)
        (self.gate.state / "in-force.json").unlink()
        self.gate.start()
        self.apply(self.bundle(1, WRITER))
        self.assertTrue(self.writes())
        self.gate.command("rollback")
        self.assertIsNone(self.gate.status()["policy"])
        with self.assertRaises((TimeoutError, OSError)):
            self.lab.connect("10.2.0.2", source="10.1.0.2", seconds=0.7)

    def test_bundles_that_nobody_names_are_removed(self):
        for serial, rules, end in ((1, WRITER, "confirm"), (2, READER, "rollback"), (3, READER, "confirm")):
            self.apply(self.bundle(serial, rules))
            self.gate.command(end)
            self.assertEqual([p.name for p in (self.gate.state / "bundles").iterdir()], [self.slots()["confirmed"]])

    def test_what_a_crash_left_half_written_is_removed(self):
        self.apply(self.bundle(1, WRITER))
        self.gate.command("confirm")
        self.stop(signal.SIGKILL)
        folder, digest = self.gate.state, self.slots()["confirmed"]
        left = [folder / "bundles.json.new-a1B2c3", folder / f"bundles/{digest}.new-ABCDEF"]
        others = [folder / "notes.new-ab", folder / "a.new-abcdefg"]
        for path in left + others:
            path.write_text("half")
        self.gate.start()
        self.assertEqual([p.exists() for p in left + others], [False, False, True, True])
        self.assertTrue(self.writes())

    def test_back_to_the_confirmed_one(self):
        self.apply(self.bundle(1, WRITER))
        self.gate.command("confirm")
        self.apply(self.bundle(2, READER))
        self.assertFalse(self.writes())
        self.gate.command("rollback")
        self.assertTrue(self.writes())
        self.assertEqual(self.gate.status()["policy"]["bundle"]["serial"], 1)

    def test_one_trial_at_a_time(self):
        self.apply(self.bundle(1, WRITER))
        self.refused(self.bundle(2, READER), "on-trial")
        self.assertTrue(self.writes())

    def test_it_outlives_the_supervisor(self):
        self.apply(self.bundle(1, WRITER), "--confirm-within", "1h")
        self.restart()
        self.assertTrue(self.writes())
        self.assertIsNotNone(self.gate.status()["trial"])
        self.gate.command("confirm")
        self.assertTrue(self.writes())

    def test_its_time_runs_on_without_the_supervisor(self):
        self.apply(self.bundle(1, WRITER), "--confirm-within", "1s")
        self.stop(signal.SIGKILL)
        wait_until(self.ended, "the trial's time", 20)
        self.gate.start()
        self.assertFalse(self.writes())
        self.assertIsNone(self.gate.status()["trial"])

    def ended(self):
        return "trial" not in self.slots() or time.clock_gettime(time.CLOCK_BOOTTIME) * 1000 > self.slots()["trial_ends"]

    def test_a_reboot_undoes_it(self):
        self.apply(self.bundle(1, WRITER), "--confirm-within", "1h")
        self.stop(signal.SIGKILL)
        state = self.slots()
        state["trial_boot"] = "00000000-0000-0000-0000-000000000000"  # as if that boot were another one
        (self.gate.state / "bundles.json").write_text(json.dumps(state))
        self.gate.start()
        self.assertFalse(self.writes())
        self.assertNotIn("trial", self.slots())
        self.assertEqual(self.changes()[-1], "bundle-undone")

    def test_a_damaged_bundle_denies_everything(self):
        self.apply(self.bundle(1, WRITER))
        self.gate.command("confirm")
        self.stop(signal.SIGTERM)
        path = self.gate.state / "bundles" / self.slots()["confirmed"]
        path.write_bytes(path.read_bytes().replace(b"A", b"B", 1))
        self.gate.start()
        self.assertIsNone(self.gate.status()["policy"])
        with self.assertRaises((TimeoutError, OSError)):
            self.lab.connect("10.2.0.2", source="10.1.0.2", seconds=0.7)
        self.apply(self.bundle(2, WRITER))  # and can be told anew
        self.assertTrue(self.writes())

    def test_the_dates_of_keys_do_not_close_a_running_plant(self):
        self.apply(self.bundle(1, WRITER))
        self.gate.command("confirm")
        payload, kind, _ = Plant.opened(self.gate.state / "trust.json")
        for key in payload["keys"].values():
            key["until"] = key["from"]
        Plant.write(self.gate.state / "trust.json", {**payload, "until": "2020-01-01"}, kind, [])
        self.restart()
        self.assertTrue(self.writes())
        self.refused(self.bundle(2, READER), "trust-expired")


if __name__ == "__main__":
    unittest.main()
