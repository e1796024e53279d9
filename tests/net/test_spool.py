#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A bundle in the spool folder goes on trial: one, by the site's name, and never two."""
import os
import shutil
import signal
import unittest

from lab import wait_until
from test_bundle_gate import READER, WRITER, BundleBox


class Spool(BundleBox):
    def setUp(self):
        super().setUp()
        self.spool = self.gate.state / "spool"

    def put(self, path, name="lab.bundle"):
        """As rsync does it: beside, then renamed."""
        shutil.copy(path, self.spool / f".{name}.part")
        os.rename(self.spool / f".{name}.part", self.spool / name)

    def names(self):
        return sorted(p.name for p in self.spool.iterdir())

    def told(self):
        return [e["text"] for e in self.gate.events() if e["event"] == "bundle-spooled"]

    def wait_told(self, words, count=1):
        wait_until(lambda: sum(words in text for text in self.told()) >= count, f"\"{words}\" in {self.told()}")

    def test_taken_on_trial(self):
        self.put(self.bundle(1, WRITER))
        wait_until(lambda: self.gate.status()["trial"], "the trial")
        self.assertTrue(self.writes())
        self.assertEqual(self.names(), [])
        self.gate.command("confirm")
        self.assertEqual(self.changes(), ["trust-init", "bundle-trial", "bundle-confirmed"])

    def test_copied_in_place(self):
        """scp: it is taken when the file is closed, not before."""
        data = self.bundle(1, WRITER).read_bytes()
        with (self.spool / "lab.bundle").open("wb") as out:
            out.write(data[:100])
            out.flush()
            self.gate.status()
            self.assertEqual((self.names(), self.told()), (["lab.bundle"], []))
            out.write(data[100:])
        wait_until(lambda: self.gate.status()["trial"], "the trial")

    def test_what_waited_for_the_start(self):
        self.stop(signal.SIGTERM)
        self.put(self.bundle(1, WRITER))
        self.gate.start()
        self.assertTrue(self.writes())

    def test_never_two(self):
        path = self.bundle(1, WRITER)
        shutil.copy(path, self.spool / ".wait")
        self.put(path, "other.bundle")
        self.wait_told("left alone")
        self.put(path)
        self.wait_told("several bundles")
        self.assertEqual(self.names(), [".wait", "lab.bundle", "other.bundle"])
        self.assertIsNone(self.gate.status()["trial"])

    def test_not_beside_a_trial(self):
        self.apply(self.bundle(1, READER))
        self.put(self.bundle(2, WRITER))
        self.wait_told("on trial")
        self.assertEqual(self.names(), ["lab.bundle.refused"])
        self.gate.command("confirm")
        self.assertFalse(self.writes())

    def test_refused(self):
        path = self.bundle(1, WRITER, signers=("anna",))
        self.put(path)
        self.wait_told("was refused")
        self.assertEqual(self.names(), ["lab.bundle.refused"])
        self.assertEqual((self.spool / "lab.bundle.refused").read_bytes(), path.read_bytes())
        self.assertFalse(self.writes())

    def test_a_link_is_not_followed(self):
        os.symlink(self.bundle(1, WRITER), self.spool / "lab.bundle.part")
        os.rename(self.spool / "lab.bundle.part", self.spool / "lab.bundle")
        self.wait_told("cannot be taken")
        self.assertIsNone(self.gate.status()["trial"])
        self.assertEqual(self.names(), [])


if __name__ == "__main__":
    unittest.main()
