#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`make install` puts what works into a folder, and `make uninstall` takes away just that."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve()


class Install(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gatehouse-install-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.make("install")

    def make(self, target):
        done = subprocess.run(["make", "-s", target, f"DESTDIR={self.root}", f"BUILD={BUILD}"], cwd=ROOT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_program_checks_the_example_beside_it(self):
        done = subprocess.run([self.root / "usr/sbin/gatehouse", "check", self.root / "usr/share/gatehouse/rules"],
                              text=True, capture_output=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_unit_names_what_is_there(self):
        unit = (self.root / "usr/lib/systemd/system/gatehouse.service").read_text()
        named = re.findall(r"(?:ExecStart=|Documentation=file:)(/usr/\S+)", unit)
        self.assertEqual(len(named), 2)
        for path in named:
            self.assertTrue((self.root / path[1:]).exists(), path)
        self.assertTrue(os.access(self.root / "usr/sbin/gatehouse-inspect", os.X_OK))

    def test_the_example_finds_its_schemas(self):
        for path in (self.root / "usr/share/gatehouse/rules").glob("*.json"):
            schema = re.search(r'"\$schema": "([^"]+)"', path.read_text())[1]
            self.assertTrue((path.parent / schema).exists(), (path, schema))

    def test_the_account_and_the_folders_can_be_made(self):
        (self.root / "etc").mkdir()
        for tool, words in (("systemd-sysusers", []), ("systemd-tmpfiles", ["--create"])):
            if not shutil.which(tool):
                self.skipTest(f"{tool} is not installed (package systemd)")
            name = tool.split("-")[1]
            done = subprocess.run([tool, *words, f"--root={self.root}",
                                   self.root / f"usr/lib/{name}.d/gatehouse.conf"], text=True, capture_output=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        accounts = (self.root / "etc/passwd").read_text()
        self.assertRegex(accounts, r"(?m)^gatehouse-inspect:[^:]*:[1-9]\d*:[1-9]\d*:gatehouse inspector:/:\S*nologin$")
        self.assertEqual((self.root / "var/lib/gatehouse").stat().st_mode & 0o777, 0o750)
        self.assertEqual((self.root / "run/gatehouse").stat().st_mode & 0o777, 0o755)

    def test_the_unit_is_one(self):
        """What systemd says of it: nothing, but for the program, which is not where the unit will look."""
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed (package systemd)")
        done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                               self.root / "usr/lib/systemd/system/gatehouse.service"], text=True, capture_output=True)
        said = [line for line in done.stderr.splitlines() if "gatehouse" in line and "is not executable" not in line]
        self.assertEqual(said, [])

    def test_uninstall_leaves_nothing(self):
        self.make("uninstall")
        self.assertEqual([p for p in self.root.rglob("*") if not p.is_dir()], [])


if __name__ == "__main__":
    unittest.main()
