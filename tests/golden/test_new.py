#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`gatehouse new`: a starting site that is clean, and nobody's folder overwritten."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = (ROOT / os.environ.get("BUILD", "build") / "gatehouse").resolve()


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)


class New(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.into = pathlib.Path(folder.name)

    def test_it_is_clean(self):
        site = self.into / "north-mill"
        self.assertEqual(run("new", site).returncode, 0)
        done = run("check", "--strict", site)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("3 documents, 1 rule, no errors, no warnings", done.stdout)
        self.assertEqual(run("compile", site, "-o", self.into / "out").returncode, 0)
        self.assertEqual(json.loads((site / "site.json").read_text())["site"], "north-mill")

    def test_it_explains_itself(self):
        site = self.into / "mill"
        run("new", site)
        for path in site.iterdir():
            self.assertIn('"note"', path.read_text(), path.name)
            self.assertNotIn("@", path.read_text(), path.name)

    def test_an_empty_folder_is_taken(self):
        done = run("new", self.into, "--json")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(sorted(json.loads(done.stdout)["documents"]), sorted(p.name for p in self.into.iterdir()))
        self.assertEqual(run("check", "--strict", self.into).returncode, 0)

    def test_a_name_that_no_site_can_have(self):
        site = self.into / "Werk Süd"
        self.assertEqual(run("new", site).returncode, 0)
        self.assertEqual(run("check", "--strict", site).returncode, 0)

    def test_what_is_there_stays(self):
        (self.into / "mine.txt").write_text("mine")
        done = run("new", self.into)
        self.assertEqual(done.returncode, 2)
        self.assertIn("not empty", done.stderr)
        self.assertEqual([p.name for p in self.into.iterdir()], ["mine.txt"])

    def test_the_system_refuses(self):
        (self.into / "file").write_text("")
        self.assertEqual(run("new", self.into / "file").returncode, 3)
        self.assertEqual(run("new", self.into / "no" / "such").returncode, 3)

    def test_usage(self):
        self.assertEqual(run("new").returncode, 2)
        self.assertEqual(run("new", "a", "b").returncode, 2)
        self.assertEqual(run("new", "--force").returncode, 2)


if __name__ == "__main__":
    unittest.main()
