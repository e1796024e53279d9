#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`bundle update`: bundles of those sites of a repository that have changed, and of no others."""
import json
import shutil
import unittest

from case import PlantCase
from plant import PASSPHRASE, ROOT

SITES = ("east-mill", "north-mill", "south-mill")


class Fleet(PlantCase):
    def setUp(self):
        super().setUp()
        self.repository, self.last, self.out = (self.plant.folder / name for name in ("plants", "last", "next"))
        for name in SITES:
            shutil.copytree(ROOT / "rules", self.repository / name)
            self.edit(name, '"north-mill"', f'"{name}"', "site.json")
        self.last.mkdir()

    def edit(self, site, old, new, document="energy.json"):
        path = self.repository / site / document
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new))

    def update(self, check=0):
        return self.plant.run("bundle", "update", self.repository, "--last", self.last, "-o", self.out, "--key",
                              self.plant.key("eva"), "--passphrase-fd", 0, secrets=(PASSPHRASE,), check=check)

    def made(self):
        return {p.name: json.loads(self.taken("bundle", "show", p, "--json").stdout)["serial"]
                for p in self.out.iterdir()} if self.out.exists() else {}

    def carry(self):
        for path in self.out.iterdir():
            path.rename(self.last / path.name)

    def test_new_ones_and_changed_ones(self):
        self.update()
        self.assertEqual(self.made(), {f"{name}.bundle": 1 for name in SITES})
        self.carry()
        self.assertIn("0 of 3", self.update().stdout)
        self.assertEqual(self.made(), {})
        self.edit("south-mill", '"purpose": "', '"purpose": "Indeed: ')
        self.assertIn("1 of 3", self.update().stdout)
        self.assertEqual(self.made(), {"south-mill.bundle": 2})

    def test_one_with_errors_and_none_is_made(self):
        self.edit("south-mill", '"purpose"', '"porpoise"')
        self.assertIn("porpoise", self.update(check=1).stderr)
        self.assertEqual(self.made(), {})

    def test_two_of_one_name(self):
        self.edit("south-mill", '"south-mill"', '"east-mill"', "site.json")
        self.assertIn("both called east-mill", self.update(check=1).stderr)
        self.assertEqual(self.made(), {})

    def test_the_last_one_is_of_another_site(self):
        self.update()
        self.carry()
        shutil.copy(self.last / "east-mill.bundle", self.last / "south-mill.bundle")
        self.assertIn("no bundle of south-mill", self.update(check=1).stderr)

    def test_who_proposes_has_signed(self):
        self.update()
        trust = self.plant.trust({**self.plant.draft(), "site": "east-mill"}, ["anna", "olaf"])
        path = self.out / "east-mill.bundle"
        for name in ("anna", "ivan"):
            self.plant.sign("bundle", path, name)
        self.taken("bundle", "verify", path, "--trust", trust)


if __name__ == "__main__":
    unittest.main()
