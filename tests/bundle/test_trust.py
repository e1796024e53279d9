#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The trust document: what it must say, how the first one comes, and that only those trusted before change it."""
import json
import unittest

from case import PlantCase
from plant import THRESHOLDS, TYPES, day


class Drafts(PlantCase):
    def create(self, draft, code="payload"):
        path = self.plant.folder / "draft.json"
        path.write_text(json.dumps(draft))
        return self.refused(code, "trust", "create", path, "-o", self.plant.folder / "x.trust")

    def test_it_alone_is_never_enough(self):
        for threshold in ({"it-countersign": 2}, {"it-countersign": 1, "ot-engineer": 1}):
            said = self.create(self.plant.draft(thresholds=[*THRESHOLDS, threshold]))
            self.assertIn("OT holds the pen", said)

    def test_one_key_is_of_one_person(self):
        keys = self.plant.draft()["keys"]
        keys["second"] = {**keys["anna"], "person": "Somebody Else"}
        self.assertIn("is the same key as", self.create(self.plant.draft(keys=keys)))

    def test_one_person_has_one_role(self):
        keys = self.plant.draft()["keys"]
        keys["ivan"]["person"] = "anna berg"
        self.assertIn("as well as", self.create(self.plant.draft(keys=keys)))

    def test_a_threshold_that_nobody_reaches(self):
        keys = {name: self.plant.member(name) for name in ("anna", "olaf")}
        # Two approvers are there, but who proposes does not count.
        self.assertIn("can be reached", self.create(self.plant.draft(keys=keys, thresholds=[{"ot-approver": 2}])))
        keys["olaf"]["person"] = keys["anna"]["person"]
        keys["eva"] = self.plant.member("eva")
        self.assertIn("can be reached", self.create(self.plant.draft(keys=keys, thresholds=[{"ot-approver": 2}])))

    def test_what_is_no_key(self):
        keys = self.plant.draft()["keys"]
        for public in ("", "AAAA", "MCowBQYDK2VwAyEA" + "A" * 43 + "="):  # the last: a point that is no key
            keys["anna"]["public"] = public
            self.assertIn("no public Ed25519 key", self.create(self.plant.draft(keys=keys)))

    def test_mistakes_of_writing(self):
        draft = self.plant.draft()
        self.create({**draft, "site": ""})
        self.create({**draft, "serial": 0})
        self.create({**draft, "until": "soon"})
        self.create({**draft, "thresholds": []})
        self.create({**draft, "threshold": []}, "unknown-member")
        draft["keys"]["anna"]["role"] = "ot-aprover"
        self.assertIn('did you mean "ot-approver"', self.create(draft))


class First(PlantCase):
    def digest(self, path):
        return json.loads(self.taken("trust", "show", path, "--json").stdout)["digest"]

    def test_it_wants_its_own_threshold(self):
        path = self.plant.trust(self.plant.draft(), ["anna"])
        self.refused("threshold", "trust", "init", path, "--digest", self.digest(path))
        self.assertFalse(self.plant.state.exists())

    def test_it_wants_the_digest_that_was_told(self):
        path = self.plant.trust(self.plant.draft(), ["anna", "olaf"])
        for words in ((), ("--digest", "0123456789abcdef")):
            done = self.plant.run("trust", "init", path, *words)
            self.assertEqual(done.returncode, 1)
            self.assertIn("digest", done.stderr)
        self.assertFalse(self.plant.state.exists())
        self.taken("trust", "init", path, "--digest", self.digest(path)[:8])
        self.assertEqual((self.plant.state / "trust.json").read_bytes(), path.read_bytes())
        self.assertEqual(self.digest(path), json.loads(self.taken("trust", "show", "--json").stdout)["digest"])

    def test_there_is_one_first_one(self):
        path = self.plant.trust(self.plant.draft(), ["anna", "olaf"])
        self.taken("trust", "init", path, "--digest", self.digest(path))
        done = self.plant.run("trust", "init", path, "--digest", self.digest(path))
        self.assertEqual(done.returncode, 1)
        self.assertIn("trust rotate", done.stderr)

    def test_it_is_in_the_change_log(self):
        path = self.plant.trust(self.plant.draft(), ["anna", "olaf"])
        self.taken("trust", "init", path, "--digest", self.digest(path))
        line = json.loads((self.plant.state / "changes.jsonl").read_text())
        self.assertEqual((line["event"], line["trust"]), ("trust-init", self.digest(path)))
        self.assertEqual(line["actor"]["keys"], sorted(s["keyid"] for s in self.plant.opened(path)[2]))


class Rotation(PlantCase):
    def setUp(self):
        super().setUp()
        self.first = self.plant.trust(self.plant.draft(), ["anna", "olaf"])
        # The box is another machine than the laptops.
        self.laptop, self.box = self.plant.state, self.plant.folder / "box"
        self.on_box("init", self.first, "--digest",
                    json.loads(self.taken("trust", "show", self.first, "--json").stdout)["digest"])

    def on_box(self, *words, code=None):
        self.plant.state = self.box
        try:
            return self.refused(code, "trust", *words) if code else self.taken("trust", *words)
        finally:
            self.plant.state = self.laptop

    def next(self, signers, serial=2, name="two", **changes):
        return self.plant.trust({**self.plant.draft(serial=serial), **changes}, signers, name)

    def serial(self):
        return self.plant.opened(self.box / "trust.json")[0]["serial"]

    def test_add_and_remove(self):
        keys = self.plant.draft()["keys"]
        keys["nora"] = {**self.plant.member("nora"), "person": "Nora Dahl"}
        del keys["olaf"]
        path = self.next(["anna", "olaf", "nora"], keys=keys)
        self.on_box("rotate", path)
        self.assertEqual(set(self.plant.opened(self.box / "trust.json")[0]["keys"]), set(keys))

    def test_only_by_those_trusted_before(self):
        keys = {name: self.plant.member(name) for name in ("mallory", "mike", "eva")}
        keys["mike"]["person"] = "Mike"
        path = self.next(["mallory", "mike"], keys=keys)
        self.on_box("rotate", path, code="threshold")
        self.assertEqual(self.serial(), 1)

    def test_it_alone_does_not_rotate(self):
        self.on_box("rotate", self.next(["ivan", "iris"]), code="threshold")

    def test_one_signature_of_two(self):
        self.on_box("rotate", self.next(["anna"]), code="threshold")

    def test_the_new_one_must_be_reached_as_well(self):
        keys = self.plant.draft()["keys"]
        for name in ("anna", "olaf"):  # both have a new key that they have not signed with
            keys[name]["public"] = self.plant.pem(f"{name}2")
        path = self.next(["anna", "olaf"], keys=keys)
        self.on_box("rotate", path, code="threshold")
        for name in ("anna2", "olaf2"):
            self.plant.sign("trust", path, name)
        self.on_box("rotate", path)

    def test_revoked_keys_do_not_count_any_more(self):
        keys = self.plant.draft()["keys"]
        keys["olaf"]["revoked"] = day(0)
        self.on_box("rotate", self.next(["anna", "ivan"], keys=keys))
        self.on_box("rotate", self.next(["anna", "olaf"], serial=3, name="three"), code="revoked-key")

    def test_one_serial_at_a_time(self):
        for serial in (1, 3):
            self.on_box("rotate", self.next(["anna", "olaf"], serial=serial), code="wrong-serial")

    def test_an_old_one_does_not_come_back(self):
        self.on_box("rotate", self.next(["anna", "olaf"]))
        self.on_box("rotate", self.first, code="wrong-serial")

    def test_another_site(self):
        self.on_box("rotate", self.next(["anna", "olaf"], site="south-mill"), code="wrong-site")

    def test_an_expired_one_can_be_rotated(self):
        path = self.plant.trust({**self.plant.draft(serial=2), "until": day(-1)}, ["anna", "olaf"], "old")
        self.on_box("rotate", path, code="trust-expired")
        # One that ended in the meantime: put there as time would.
        payload, kind, _ = self.plant.opened(self.box / "trust.json")
        self.plant.write(self.box / "trust.json", {**payload, "until": day(-1)}, kind, [])
        self.on_box("rotate", self.next(["anna", "olaf"]))

    def test_a_bundle_is_no_trust_document(self):
        self.on_box("rotate", self.plant.bundle(), code="wrong-type")

    def test_the_same_payload_under_another_type(self):
        payload, kind, signatures = self.plant.opened(self.next(["anna", "olaf"]))
        self.assertEqual(kind, TYPES["trust"])
        path = self.plant.write(self.plant.folder / "moved.bundle", payload, TYPES["bundle"], signatures)
        self.on_box("rotate", path, code="wrong-type")


if __name__ == "__main__":
    unittest.main()
