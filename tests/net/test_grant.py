#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Grants on a running gate: an ot-approver signs, somebody at the box begins it, the kernel ends it."""
import json
import signal
import time
import unittest

from bundle.plant import TYPES, Plant, sha256
from gate import READ, rule, uninspected
from lab import PLC, wait_until
from test_bundle_gate import READER, WRITER, BundleBox

WEB = 8080
METER = {"$schema": "../schemas/rules.schema.json", "rules": [rule("energy-press", "energy", "press-plc", [READ])]}


class GrantBox(BundleBox):
    trust_more = {"grant_hours": 8}

    @classmethod
    def before_start(cls):
        super().before_start()
        cls.lab.start("plant", "python3", "-u", "-m", "http.server", WEB, "--bind", PLC, ready="^Serving")

    def setUp(self):
        Plant(self.lab.folder).openssl_key("olaf")
        super().setUp()
        self.apply(self.bundle(1, READER))
        self.gate.command("confirm")

    def grant(self, name="one", content=None, signer="anna", check=0, **more):
        """A grant for the energy server to read from the press; its path."""
        path, words = self.lab.folder / f"{name}.grant", {"--for": "1h", "--note": "The meter is down", **more}
        document = self.lab.folder / f"{name}.json"
        document.write_text(json.dumps(content or METER))
        self.plant.run("grant", "create", document, "--site", self.lab.folder / "draft", "--key", self.plant.key(signer),
                       "--passphrase-fd", 0, "-o", path, *(w for pair in words.items() for w in pair), check=check)
        return path

    def begin(self, path):
        return self.gate.command("grant", "begin", path, "--yes")

    def refused(self, path, code):
        done = self.gate.command("grant", "begin", path, "--yes", check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(f"error[{code}]", done.stdout)
        self.assertFalse(self.reads())
        self.assertEqual(self.gate.status()["grants"], [])

    def reads(self, port=502):
        """Does the gate let the energy server through?"""
        try:
            connection = self.lab.connect(PLC, port=port, source="10.1.0.3", seconds=0.7)
        except (TimeoutError, OSError):
            return False
        connection.close()
        return True

    def grants(self):
        return self.gate.status()["grants"]


class Grant(GrantBox):
    # -- how it goes -----------------------------------------------------------------------------------------

    def test_begun_and_ended(self):
        path = self.grant()
        self.assertFalse(self.reads())
        self.begin(path)
        self.assertTrue(self.reads())
        self.assertFalse(self.writes())
        seen, = self.grants()
        self.assertEqual((seen["note"], seen["rules"]), ("The meter is down", ["energy-press"]))
        self.assertIn("GRANT", self.gate.command("status", check=False).stdout)
        self.gate.command("verify")
        self.gate.command("grant", "end", seen["digest"][:8])
        self.assertFalse(self.reads())
        self.assertEqual(self.grants(), [])
        self.gate.command("verify")
        self.assertEqual(self.changes()[-2:], ["grant-begun", "grant-ended"])
        entry = json.loads((self.gate.state / "changes.jsonl").read_text().splitlines()[-2])
        self.assertEqual(entry["actor"]["keys"], [self.plant.key_id("anna")])
        self.refused(path, "grant-used")

    def test_it_ends_by_itself(self):
        self.begin(self.grant(**{"--for": "2s"}))
        wait_until(lambda: self.grants() == [], "the grant to end", 20)
        self.assertFalse(self.reads())
        self.assertEqual(self.changes()[-1], "grant-ended")
        self.gate.command("verify")

    def test_the_kernel_ends_it_without_the_supervisor(self):
        """A conduit that nobody inspects goes on when the supervisor dies, but not beyond its time."""
        content = {**METER, "rules": [uninspected("energy-web", "energy", "press-plc", "tcp", WEB)]}
        self.begin(self.grant(content=content, **{"--for": "15s"}))
        ends = time.time() + 16
        self.stop(signal.SIGKILL)
        self.assertTrue(self.reads(WEB))
        wait_until(lambda: time.time() > ends, "the grant's time", 30)
        self.assertFalse(self.reads(WEB))

    def test_it_outlives_the_supervisor(self):
        self.begin(self.grant())
        self.stop(signal.SIGKILL)
        self.gate.command("verify")
        self.gate.start()
        self.assertTrue(self.reads())
        self.assertEqual(len(self.grants()), 1)

    def test_beside_a_new_bundle(self):
        """A bundle comes to its own permit list whatever is granted, and what is granted stays."""
        self.begin(self.grant())
        self.apply(self.bundle(2, WRITER))
        self.assertTrue(self.reads() and self.writes())
        self.gate.command("rollback")
        self.assertTrue(self.reads())
        self.assertFalse(self.writes())

    def test_what_does_not_fit_any_more(self):
        """A rule of the same name: the bundle is refused while the grant runs."""
        self.begin(self.grant())
        same = READER + [rule("energy-press", "energy", "press-plc", [READ])]
        BundleBox.refused(self, self.bundle(2, same), "duplicate-id")
        self.gate.command("grant", "end")
        self.apply(self.bundle(2, same))
        self.assertTrue(self.reads())

    def test_one_that_does_not_fit_can_be_tried_again(self):
        first, again = self.grant(), self.grant("again", **{"--note": "The same once more"})
        self.begin(first)
        done = self.gate.command("grant", "begin", again, "--yes", check=False)
        self.assertIn("error[duplicate-id]", done.stdout)
        self.assertEqual((done.returncode, len(self.grants())), (1, 1))
        self.gate.command("grant", "end")
        self.begin(again)
        self.assertTrue(self.reads())

    def test_plan_shows_what_it_adds(self):
        path = self.grant()
        shown = self.plant.run("grant", "show", path, "--site", self.lab.folder / "draft", check=0).stdout
        self.assertIn("energy-press", shown)
        self.assertNotIn("historian-press", shown)

    # -- what is refused ---------------------------------------------------------------------------------------

    def test_only_an_approver(self):
        for name in ("eva", "ivan"):
            self.refused(self.grant(name, signer=name), "threshold")

    def test_no_longer_than_allowed(self):
        self.refused(self.grant(**{"--for": "9h"}), "grant-too-long")

    def test_it_adds_and_changes_nothing(self):
        """Neither a profile nor a site document: they could change what reviewed rules mean."""
        kinds = {"profiles": {"profiles": {"modbus-read-only": {"protocol": "modbus", "allow": [READ]}}},
                 "site": {"site": "lab"}}
        for kind, content in kinds.items():
            self.grant(kind, content={"$schema": f"../schemas/{kind}.schema.json", **content}, check=1)
        payload, _, _ = Plant.opened(self.grant())
        payload["documents"][0]["text"] = text = json.dumps({"$schema": "x/profiles.schema.json", "profiles": {}})
        payload["documents"][0]["sha256"] = sha256(text.encode())
        self.refused(self.signed(payload, "olaf"), "payload")

    def signed(self, payload, name):
        """Signed by openssl, by a key that the box trusts."""
        return self.plant.resign(self.lab.folder / "forged.grant", payload, TYPES["grant"], [name])

    def test_times_and_sites(self):
        good, _, _ = Plant.opened(self.grant())
        cases = {"wrong-site": {"site": "south-mill"},
                 "grant-expired": {"created": "2026-01-01T00:00:00Z", "begin_by": "2026-01-01T10:00:00Z"}}
        for code, change in cases.items():
            with self.subTest(code=code):
                self.refused(self.signed({**good, **change}, "olaf"), code)
        for change in ({"seconds": 0}, {"seconds": 73 * 3600}, {"begin_by": "2099-01-01T00:00:00Z"}, {"documents": []},
                       {"more": 1}):
            with self.subTest(change=change):
                self.refused(self.signed({**good, **change}, "olaf"), "payload" if "more" not in change else
                             "unknown-member")

    def test_a_bundle_is_no_grant(self):
        self.refused(self.bundle(2, WRITER), "wrong-type")

    def test_nobody_at_a_terminal(self):
        done = self.gate.command("grant", "begin", self.grant(), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertFalse(self.reads())


class NotAllowed(GrantBox):
    trust_more = {}

    def test_the_trust_document_does_not_allow_them(self):
        self.refused(self.grant(), "no-grants")


if __name__ == "__main__":
    unittest.main()
