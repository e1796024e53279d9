# SPDX-License-Identifier: GPL-2.0-or-later
"""What a box does to the gate in its years: every process killed at random moments under load, a full disk, no memory, no
descriptors, a ledger that is damaged under it, a ruleset that somebody flushes. Of each: nothing forbidden reached the
device, service returned by itself (the test plays systemd), the event log tells of it, and the ledger opens.

CRASH_SEED repeats a run; CRASH_SECONDS says how long processes are killed (`make soak`), otherwise it is a few rounds."""
import contextlib
import os
import pathlib
import random
import resource
import signal
import sqlite3
import subprocess
import time
import unittest

import modbus
from gate import PEERS, GateCase, children, rule, standard_rules
from lab import HISTORIAN, METER, PLC, wait_until

ROUNDS = 10
MEMORY = pathlib.Path("/sys/fs/cgroup/memory")
BECAUSE = {"if_inspector_down": "open", "open_because": "The meter must be read at any price"}


class FaultCase(GateCase):
    """With a load that reads, writes and tries the forbidden all the while."""
    connections = 4

    def setUp(self):
        words = self.lab.command("enterprise", PEERS / "load", "-s", HISTORIAN, "-c", self.connections, "-d", 3,
                                 "-n", 20000000, "-t", 3600, "-m", "6:2:2", "-r", PLC)
        self.load = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.load.wait)
        self.addCleanup(self.load.kill)
        if self.gate.daemon.process.poll() is not None:
            self.gate.start()
        wait_until(self.serves, "service", 30)
        seen = self.answered()
        wait_until(lambda: self.answered() > seen + 20, "the load to begin")

    def answered(self):
        return len(self.plcs[PLC].lines)

    def serves(self):
        try:
            with self.lab.connect(PLC, source=HISTORIAN, seconds=1.0) as s:
                return modbus.Client(s).read(10, 3) == [10, 11, 12]
        except (OSError, AssertionError):
            return False

    def forbidden(self):
        """Every whole write to the press that its rule does not allow."""
        return [r.hex() for r in self.requests() if r[7] == modbus.WRITE_ONE
                and not (r[8:10] == b"\0\x78" and int.from_bytes(r[10:12], "big") <= 1500)]

    def assert_held(self):
        """Nothing forbidden passed, service is back, and the ledger opens and is whole."""
        wait_until(self.serves, "service to return", 60)
        self.assertEqual(self.forbidden(), [])
        self.assert_untouched()
        self.assert_ledger()

    def assert_ledger(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.gate.state}/usage.db?mode=ro", uri=True)) as ledger:
            self.assertEqual(ledger.execute("PRAGMA integrity_check").fetchall(), [("ok",)])

    def told(self, event):
        return [e for e in self.gate.events() if e["event"] == event]

    def count(self, event):
        return sum(e.get("repeated", 1) for e in self.told(event))

    def revive(self):
        """As systemd does, when the supervisor has ended."""
        if self.gate.daemon.process.poll() is not None:
            self.gate.start()

    def flushed(self):
        before = self.gate.status()["ledger"].get("flushed")
        wait_until(lambda: self.gate.status()["ledger"].get("flushed") != before, "the ledger to be written", 40)


class Kills(FaultCase):
    queues = 2
    devices = (PLC, METER)
    rules = [rule("energy-meter", "energy", "meter", **BECAUSE),
             *(r for r in standard_rules() if r["id"] != "energy-meter")]

    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("CRASH_SEED", random.randrange(1 << 32)))
        print(f"CRASH_SEED={self.seed}")
        self.random = random.Random(self.seed)

    def processes(self):
        return [self.gate.daemon.pid, *(pid for pid, name in children(self.gate.daemon.pid).items()
                                        if name.startswith("gatehouse-insp"))]

    def test_every_process_at_random_moments(self):
        """Supervisor, inspectors and the stand-in, one or several at once."""
        end = time.monotonic() + float(os.environ.get("CRASH_SECONDS", 0))
        kills, starts, rounds = 0, len(self.told("started")), 0
        while rounds < ROUNDS or time.monotonic() < end:
            target = self.answered() + self.random.randrange(50, 1500)
            wait_until(lambda: self.answered() >= target, "the load to go on", 60)
            everyone = wait_until(lambda: len(p := self.processes()) == 5 and p, "all processes to run", 60)
            victims = self.random.sample(everyone, self.random.choice((1, 1, 1, 2, 5)))
            for pid in victims:
                with contextlib.suppress(ProcessLookupError):  # it ended with the supervisor
                    os.kill(pid, signal.SIGKILL)
            if self.gate.daemon.pid in victims:
                kills += 1
                self.gate.daemon.process.wait()
                self.revive()
            wait_until(self.serves, f"service to return (CRASH_SEED={self.seed})", 60)
            if rounds % 20 == 19:
                self.check_and_forget()
            rounds += 1
        self.assert_held()
        told = self.told("started")[starts:] if rounds <= ROUNDS else self.told("started")
        self.assertGreaterEqual(sum("did not end by itself" in e["text"] for e in told), min(kills, 1))
        self.assertGreater(self.count("inspector-restarted"), 0)

    def check_and_forget(self):
        """The device's log of hours is not kept."""
        seen = len(self.plcs[PLC].lines)
        self.assertEqual(self.forbidden(), [], f"CRASH_SEED={self.seed}")
        del self.plcs[PLC].lines[:seen]


class Descriptors(FaultCase):
    def test_none_left(self):
        """The supervisor can open nothing, and then its inspector dies."""
        wait_until((self.gate.state / "usage.db").exists, "the ledger to be there", 60)
        supervisor, inspector = self.gate.daemon.pid, self.gate.inspector()
        before = resource.prlimit(supervisor, resource.RLIMIT_NOFILE)
        used = max(int(fd) for fd in os.listdir(f"/proc/{supervisor}/fd")) + 1
        resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (used, before[1]))
        try:
            self.assertTrue(self.serves(), "the inspector needs no descriptor of the supervisor's")
            os.kill(inspector, signal.SIGKILL)
            self.gate.daemon.wait_line("inspector of queue 4410 cannot be started: .*descriptors", 30)
            self.assertFalse(self.serves())
        finally:
            resource.prlimit(supervisor, resource.RLIMIT_NOFILE, before)
        self.assert_held()
        self.assertIsNone(self.gate.daemon.process.poll(), "the supervisor ended")
        self.assertGreater(self.count("inspector-restarted"), 0)
        self.assertGreater(self.count("inspector-not-started"), 0)


class Memory(FaultCase):
    """A control group of the test's, with less memory than what it holds needs."""

    def setUp(self):
        super().setUp()
        self.group = MEMORY / f"gatehouse-test-{os.getpid()}"
        try:
            self.group.mkdir()
            (self.group / "memory.limit_in_bytes").read_text()
        except OSError as error:
            self.skipTest(f"no memory control group can be made here: {error}")
        self.addCleanup(self.give_back)

    def give_back(self):
        for pid in (self.group / "cgroup.procs").read_text().split():
            (MEMORY / "cgroup.procs").write_text(pid)
        wait_until(self.remove, "the group to be empty")

    def remove(self):
        with contextlib.suppress(OSError):
            self.group.rmdir()
        return not self.group.exists()

    def confine(self, pid, room):
        """What it has stays accounted where it was; it may take `room` bytes more."""
        (self.group / "memory.limit_in_bytes").write_text(str(room))
        (self.group / "cgroup.procs").write_text(str(pid))

    def is_killed(self):
        return "oom_kill 0" not in (self.group / "memory.oom_control").read_text()

    def test_inspector(self):
        inspector = self.gate.inspector()
        restarts = self.count("inspector-restarted")
        self.confine(inspector, 256 << 10)
        many = self.lab.start("enterprise", PEERS / "load", "-s", HISTORIAN, "-c", 1000, "-n", 20000000, "-t", 600,
                              "-m", "9:1:1", "-r", PLC)
        self.addCleanup(many.kill)
        wait_until(lambda: not os.path.exists(f"/proc/{inspector}"), "the kernel to end the inspector", 60)
        self.assertTrue(self.is_killed())
        wait_until(lambda: self.count("inspector-restarted") > restarts, "the event", 20)
        many.kill()
        self.assert_held()

    def test_supervisor(self):
        """A policy that it has no room for. What was in force stays so in the kernel, and is so after the restart."""
        self.flushed()
        supervisor, inspector = self.gate.daemon.pid, self.gate.inspector()
        self.confine(supervisor, 1 << 20)
        bulk = [rule(f"bulk-{i}", "historian", "press-plc", purpose="x" * 400) for i in range(3000)]
        with contextlib.suppress(AssertionError, subprocess.CalledProcessError):
            self.gate.apply([*standard_rules(), *bulk])
        self.gate.daemon.process.wait(60)
        self.assertTrue(self.is_killed())
        wait_until(lambda: not os.path.exists(f"/proc/{inspector}"), "the inspector to follow")
        self.revive()
        self.assert_held()
        self.assertIn("did not end by itself", self.told("started")[-1]["text"])
        self.assertEqual(self.gate.status()["policy"]["rules"], len(standard_rules()))


class Ledger(FaultCase):
    def test_damaged_while_it_is_in_use(self):
        """And then the power fails."""
        self.flushed()
        for name in ("usage.db", "usage.db-wal"):
            path = self.gate.state / name
            with open(path, "r+b") as file:
                file.write(b"what a failing disk leaves" * (path.stat().st_size // 26))
        self.gate.daemon.kill()
        self.gate.daemon.process.wait()
        self.revive()
        wait_until(lambda: self.told("ledger-set-aside"), "the log to tell of it", 60)
        wait_until(lambda: self.gate.status()["ledger"]["writable"], "the ledger to be written again", 60)
        self.flushed()
        self.assert_held()


class Flushed(FaultCase):
    def test_the_ruleset_again_and_again(self):
        restored = self.gate.status()["drift"]["restored"]
        for _ in range(3):
            done = self.gate.status()["drift"]["restored"]
            self.lab.run("gate", "nft", "flush", "ruleset")
            wait_until(lambda: self.gate.status()["drift"]["restored"] > done, "the ruleset to be put back", 20)
        self.assertGreaterEqual(self.gate.status()["drift"]["restored"], restored + 3)
        self.assert_held()
        self.assertIn("table-removed", [e["reason"] for e in self.told("drift")])
        self.assertGreater(self.count("restored"), 0)


class FullDisk(FaultCase):
    @classmethod
    def before_start(cls):
        state, run = cls.gate.state, " ".join(map(str, cls.gate.words("run", cls.gate.site)))
        state.mkdir()
        cls.gate.start = cls.start_on_a_small_disk
        cls.disk = cls.lab.folder / "disk"
        cls.disk.mkdir()
        cls.holder = cls.lab.start("gate", "unshare", "--mount", "--propagation=private", "sh", "-c",
                                   f"mount -t tmpfs -o size=3m tmpfs {state} && echo mounted && exec sleep 3600",
                                   ready="^mounted", name="disk")

    @classmethod
    def start_on_a_small_disk(cls):
        site = [cls.gate.site] if cls.gate.daemon is None else []
        cls.gate.daemon = cls.lab.start("gate", "nsenter", "--mount", f"--target={cls.holder.pid}", "--",
                                        *cls.gate.words("run", "--queues", 1, *site), ready=r"\bready\b",
                                        name="gatehouse")

    def inside(self, name):
        return pathlib.Path(f"/proc/{self.holder.pid}/root{self.gate.state}/{name}")

    def told(self, event):
        return [line for line in self.inside("events.jsonl").read_text().splitlines() if f'"event": "{event}"' in line]

    def assert_ledger(self):
        program = ("import sqlite3, sys; c = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True); "
                   "print(c.execute('PRAGMA integrity_check').fetchall())")
        done = self.lab.run("gate", "nsenter", "--mount", f"--target={self.holder.pid}", "python3", "-c", program,
                            f"{self.gate.state}/usage.db")
        self.assertEqual(done.stdout.strip(), "[('ok',)]")

    def test_and_everything_dies_meanwhile(self):
        with open(self.inside("filler"), "wb", buffering=0) as filler, self.assertRaises(OSError):
            while filler.write(b"x" * 4096):
                pass
        wait_until(lambda: "Events cannot be written: is the disk full or read-only? The gate guards all the same."
                   in self.gate.status()["problems"], "it to be noticed", 60)
        self.assertTrue(self.serves())
        pid = self.gate.inspector()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.gate.inspector() not in (None, pid), "the inspector to be restarted", 20)
        wait_until(self.serves, "service to return", 30)
        self.gate.daemon.kill()
        self.gate.daemon.process.wait()
        self.gate.start()
        wait_until(self.serves, "service to return", 30)
        self.inside("filler").unlink()
        wait_until(lambda: self.told("events-lost"), "the log to tell what it lost", 60)
        self.flushed()
        self.assert_held()


if __name__ == "__main__":
    unittest.main()
