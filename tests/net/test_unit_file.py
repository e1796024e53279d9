# SPDX-License-Identifier: GPL-2.0-or-later
"""The systemd unit: how much it leaves the service to do, that the service needs no more than that, and that its
watchdog is told of progress."""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from gate import GateCase, write_site, standard_rules
from lab import ROOT, wait_until

UNIT = ROOT / "image/gatehouse.service"
EXPOSURE = 3.0  # of 10, as `systemd-analyze security` counts; its green begins below 5


def analyze(*words):
    if not shutil.which("systemd-analyze"):
        raise unittest.SkipTest("systemd-analyze is not installed (package systemd)")
    done = subprocess.run(["systemd-analyze", *words], text=True, capture_output=True, timeout=60)
    if "Unknown" in done.stderr or "unrecognized" in done.stderr:
        raise unittest.SkipTest(f"this systemd-analyze cannot do it: {done.stderr.strip()}")
    return done.stdout


def setting(name):
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def calls_of(word):
    """The system calls that an entry of SystemCallFilter names."""
    if not word.startswith("@"):
        return {word}
    found = set()
    for line in analyze("syscall-filter", word).splitlines()[1:]:
        name = line.strip()
        if name and not name.startswith("#"):
            found |= calls_of(name)
    return found


class Exposure(unittest.TestCase):
    def test_it_leaves_little_to_do(self):
        text = analyze("security", "--offline=yes", "--no-pager", str(UNIT))
        found = re.search(r"exposure level for gatehouse.service: ([\d.]+)", text)
        self.assertIsNotNone(found, text)
        self.assertLess(float(found[1]), EXPOSURE, text)


class Needs(GateCase):
    """Every system call of a gate at work is one that the unit allows; no memory is written and run."""
    @classmethod
    def before_start(cls):
        if not shutil.which("strace"):
            raise unittest.SkipTest("strace is not installed")
        cls.trace = cls.lab.folder / "trace"
        words = ["strace", "-f", "-qq", "-s", "0", "-o", cls.trace, *cls.gate.words("run", cls.gate.site)]
        cls.gate.start = lambda: None
        cls.gate.daemon = cls.lab.start("gate", *words, ready=r"\bready\b", name="gatehouse under strace")

    def test_calls(self):
        self.assert_serves(self.client())
        with self.assertRaises(OSError):
            self.lab.connect("10.2.0.2", source="10.1.0.9", seconds=0.3)
        write_site(self.gate.site, standard_rules()[:2])
        self.gate.command("apply", self.gate.site)
        self.gate.status()
        wait_until(lambda: "flushed" in self.gate.status()["ledger"], "the ledger to be written", 40.0)
        supervisor = int(self.gate.status()["supervisor"]["pid"])
        os.kill(self.gate.status()["queues"][0]["pid"], signal.SIGKILL)
        wait_until(lambda: self.gate.status()["inspector"]["restarts"] >= 1, "the inspector to be started again", 20.0)
        os.kill(supervisor, signal.SIGTERM)
        self.gate.daemon.process.wait(20)
        allowed = set()
        for line in setting("SystemCallFilter"):
            words = line.lstrip("~").split()
            calls = set().union(*map(calls_of, words))
            allowed = allowed - calls if line.startswith("~") else allowed | calls
        text = self.trace.read_text(errors="replace")
        used = set(re.findall(r"^\d+ +(\w+)\(", text, re.MULTILINE))
        self.assertIn("execveat", used)
        self.assertIn("fsync", used | {c.replace("fdatasync", "fsync") for c in used})
        self.assertEqual(used - allowed, set())
        self.assertNotRegex(text, r"PROT_WRITE\|PROT_EXEC")
        families = set(re.findall(r"\bsocket\((AF_\w+)", text))
        self.assertEqual(families - set(setting("RestrictAddressFamilies")[0].split()), set())


class Watchdog(GateCase):
    @classmethod
    def before_start(cls):
        cls.told, cls.over = [], False
        path = str(cls.lab.folder / "notify")
        cls.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        cls.socket.bind(path)
        cls.socket.settimeout(0.2)
        cls.gate.env = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="400000")
        thread = threading.Thread(target=cls.listen, daemon=True)
        thread.start()
        cls.lab.at_end(lambda: (setattr(cls, "over", True), thread.join(2), cls.socket.close()))

    @classmethod
    def listen(cls):
        while not cls.over:
            try:
                cls.told.append((time.monotonic(), cls.socket.recv(200).decode()))
            except TimeoutError:
                continue

    def signs(self):
        return [t for t, text in list(self.told) if text == "WATCHDOG=1"]

    def test_signs_of_life_come_while_it_gets_on(self):
        wait_until(self.signs, "a sign of life")
        self.assertEqual(self.told[0][1], "READY=1")
        before = len(self.signs())
        wait_until(lambda: len(self.signs()) > before + 5, "signs of life")

    def test_none_comes_while_nothing_is_inspected(self):
        """Its inspector is killed until the supervisor waits for seconds before it starts another."""
        wait_until(self.signs, "a sign of life")

        def kill():
            with contextlib.suppress(TypeError, ProcessLookupError):  # there is none just now
                os.kill(self.gate.inspector(), signal.SIGKILL)
            return time.monotonic() - self.signs()[-1] > 1.6
        wait_until(kill, "a silence of four limits", 60.0)
        wait_until(lambda: self.gate.status()["inspector"]["state"] == "serving", "it to serve again", 20.0)
        before = len(self.signs())
        wait_until(lambda: len(self.signs()) > before + 5, "signs of life again")


if __name__ == "__main__":
    unittest.main()
