#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The supervisor is killed at the system calls of `apply`, `confirm` and `rollback`, and `trust rotate` at its own: the box
is afterwards in the old state or in the new one, the kernel enforces all the while, and the log holds together.

Which calls there are is found by strace, not guessed. `make fault-check` (CALLS=all) takes every one of them; otherwise all
that give or take a name on the disk, and of the others that change something there or in the kernel the first, the last and one
between: a crash between two changes leaves what a crash before the second one leaves.
"""
import collections
import json
import os
import re
import shutil
import signal
import unittest

from gate import READ, rule
from lab import wait_until
from test_bundle_gate import BundleBox

OLD = [rule("historian-press", "historian", "press-plc", [READ])]
NEW = OLD + [rule("energy-press", "energy", "press-plc", [READ])]
NAMING = {"rename", "renameat", "renameat2", "unlink", "unlinkat"}
ON_DISK = {"rename", "fsync", "write", "mkdir", "ftruncate", "fchmod"}
CHANGING = NAMING | {"fsync", "fdatasync", "write", "pwrite64", "writev", "mkdir", "ftruncate", "fchmod", "sendmsg", "sendto"}


def calls_of(trace):
    """How often each system call stands in a trace, in the order in which they first come."""
    found = collections.Counter()
    for line in trace.read_text(errors="replace").splitlines():
        if m := re.match(r"(?:\d+ +)?(\w+)\(", line):
            found[m[1]] += m[1] not in ("execve", "exit_group")  # before the first and behind the last of its steps
    return [(name, k) for name, n in found.items() for k in picked(name, n)]


def picked(name, count):
    if os.environ.get("CALLS") == "all" or name in NAMING:
        return range(1, count + 1)
    return sorted({1, (count + 1) // 2, count}) if name in CHANGING else ()


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class Crash(BundleBox):
    rules = OLD

    def setUp(self):
        super().setUp()
        self.paths = {1: self.bundle(1, OLD), 2: self.bundle(2, NEW)}
        self.serials = {json.loads(self.plant.run("bundle", "show", path, "--json").stdout)["digest"]: serial
                        for serial, path in self.paths.items()}
        self.gate.command("apply", self.paths[1])
        self.gate.command("confirm")

    # -- strace at the supervisor ----------------------------------------------------------------------------

    def attach(self, *words):
        """strace on the supervisor; returns when it is attached."""
        trace = self.lab.folder / "crash.trace"
        tracer = self.lab.start("gate", "strace", "-o", trace, *words, "-p", self.gate.daemon.pid, ready="attached",
                                name="strace")
        return tracer, trace

    def calls(self, *command):
        """The calls that the supervisor makes when it is asked so."""
        tracer, trace = self.attach()
        self.gate.command(*command)
        tracer.process.send_signal(signal.SIGINT)
        tracer.process.wait(20)
        return calls_of(trace)

    def kill_at(self, call, count, *command):
        """False when it came through before that call."""
        tracer, trace = self.attach("-e", f"inject={call}:signal=KILL:when={count}")
        done = self.gate.command(*command, check=False)
        if done.returncode == 0 and self.gate.daemon.process.poll() is None:
            tracer.process.send_signal(signal.SIGINT)
        tracer.process.wait(20)
        if done.returncode != 0 or "killed by SIGKILL" in trace.read_text(errors="replace"):
            self.gate.daemon.process.wait(20)
        return self.gate.daemon.process.poll() is not None

    # -- what must be so afterwards ----------------------------------------------------------------------------

    def assert_enforcing(self):
        """Without a supervisor: the kernel has the gate's table, with what both policies allow and no more than both."""
        text = self.lab.run("gate", "nft", "list", "ruleset").stdout
        self.assertIn("policy drop", text)
        self.assertIn("10.1.0.2 . 10.2.0.2 . tcp . 502", text)
        self.assertNotIn("10.1.0.50", text)

    def assert_whole(self, allowed):
        """With it: one of the allowed (confirmed, trial) serials, and kernel, state and log agree."""
        self.gate.command("verify")
        self.gate.command("log", "verify")
        status, slots = self.gate.status(), self.slots()
        seen = (self.serials[slots["confirmed"]], self.serials.get(slots.get("trial")))
        self.assertIn(seen, allowed)
        self.assertEqual(status["policy"]["bundle"]["serial"], seen[1] or seen[0])
        # The log tells of the last step, whatever came between them.
        wanted = ["bundle-trial"] if seen[1] else ["bundle-confirmed", "bundle-undone", "bundle-refused"]
        wait_until(lambda: [e for e in self.changes() if e.startswith("bundle-")][-1] in wanted, f"{wanted} in the log")

    def crash_everywhere(self, before, command, allowed):
        """before(): brings the box to where the command makes sense."""
        before()
        calls = self.calls(*command)
        self.assertTrue(any(name.startswith("rename") for name, _ in calls), calls)
        hit = set()
        for call, count in calls:
            with self.subTest(call=call, count=count):
                before()
                if self.kill_at(call, count, *command):
                    hit.add(call)
                    self.assert_enforcing()
                    self.gate.start()
                self.assert_whole(allowed)
        # What the supervisor does by the clock stands among its calls, too, and is not met again: only kinds are sure.
        self.assertTrue({"fsync", "write"} <= hit and any(name.startswith("rename") for name in hit), hit)

    def to_confirmed(self):
        if "trial" in self.slots():
            self.gate.command("rollback")

    def to_trial(self):
        """The second one on trial, the first one confirmed."""
        if self.serials[self.slots()["confirmed"]] == 2:
            self.stop(signal.SIGTERM)
            shutil.copy(self.saved, self.gate.state / "bundles.json")
            (self.gate.state / "bundles" / self.first[0]).write_bytes(self.first[1])
            self.gate.start()
        if "trial" not in self.slots():
            self.gate.command("apply", self.paths[2], "--confirm-within", "2h")

    def save(self):
        self.saved = self.lab.folder / "saved.json"
        shutil.copy(self.gate.state / "bundles.json", self.saved)
        name = self.slots()["confirmed"]
        self.first = name, (self.gate.state / "bundles" / name).read_bytes()

    def test_apply(self):
        self.crash_everywhere(self.to_confirmed, ("apply", self.paths[2], "--confirm-within", "2h"),
                              {(1, None), (1, 2)})

    def test_confirm(self):
        self.save()
        self.crash_everywhere(self.to_trial, ("confirm",), {(1, 2), (2, None)})

    def test_rollback(self):
        self.save()
        self.crash_everywhere(self.to_trial, ("rollback",), {(1, 2), (1, None)})

    # -- a full disk ---------------------------------------------------------------------------------------------

    def fail_at(self, call, count, *command):
        tracer, _ = self.attach("-e", f"inject={call}:error=ENOSPC:when={count}")
        done = self.gate.command(*command, check=False)
        tracer.process.send_signal(signal.SIGINT)
        tracer.process.wait(20)
        return done

    def test_a_full_disk(self):
        """It is taken or refused, and says so; the supervisor lives on."""
        command = ("apply", self.paths[2], "--confirm-within", "2h")
        calls = [(call, count) for call, count in self.calls(*command) if call in ON_DISK]
        self.assertTrue(calls)
        codes = set()
        for call, count in calls:
            with self.subTest(call=call, count=count):
                self.to_confirmed()
                done = self.fail_at(call, count, *command)
                codes.add(done.returncode)
                self.assertIsNone(self.gate.daemon.process.poll())
                self.assertEqual("trial" in self.slots(), done.returncode == 0, done.stdout)
                self.assert_whole({(1, 2)} if done.returncode == 0 else {(1, None)})
        self.assertEqual(codes, {0, 3})

    # -- trust rotate: a process of its own --------------------------------------------------------------------

    def test_trust_rotate(self):
        path = self.plant.trust({**self.plant.draft(serial=2), "site": "lab"}, ["anna", "olaf"], "two")
        trust = self.gate.state / "trust.json"
        old, new, trace = trust.read_bytes(), path.read_bytes(), self.lab.folder / "rotate.trace"
        rotate = self.gate.words("trust", "rotate", path)
        self.lab.run("gate", "strace", "-o", trace, *rotate)
        calls = calls_of(trace)
        self.assertTrue(any(name.startswith("rename") for name, _ in calls), calls)
        self.assertEqual(trust.read_bytes(), new)
        ends = set()
        for call, count in calls:
            with self.subTest(call=call, count=count):
                trust.write_bytes(old)
                done = self.lab.run("gate", "strace", "-o", trace, "-e", f"inject={call}:signal=KILL:when={count}",
                                    *rotate, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(trust.read_bytes(), (old, new))
                ends.add(trust.read_bytes() == new)
                self.gate.command("trust", "show")
                self.gate.command("log", "verify")
                self.assertEqual(self.gate.status()["policy"]["bundle"]["serial"], 1)
        self.assertEqual(ends, {True, False})


if __name__ == "__main__":
    unittest.main()
