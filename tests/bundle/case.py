# SPDX-License-Identifier: GPL-2.0-or-later
"""A test with a plant of its own."""
import tempfile
import unittest

from plant import Plant


class PlantCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gatehouse-bundle-")
        self.addCleanup(folder.cleanup)
        self.plant = Plant(folder.name)

    def refused(self, code, *words, **more):
        """It is refused with this finding, and nothing else; what it said."""
        done = self.plant.run(*words, **more)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(f"error[{code}]", done.stderr)
        self.assertNotIn("error[", done.stderr.replace(f"error[{code}]", "", 1))
        return done.stderr

    def taken(self, *words, **more):
        return self.plant.run(*words, check=0, **more)
