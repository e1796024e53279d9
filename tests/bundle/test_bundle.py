#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bundles: what `verify` refuses (adversary.md, item 17), what `create` and `sign` let nobody do, and that other
programs find our signatures good."""
import base64
import json
import os
import shutil
import subprocess
import unittest

from case import PlantCase
from plant import ROOT, TYPES, canonical, day, pae, sha256

NODE_CHECK = """
const crypto = require("crypto"), fs = require("fs");
const [file, ...keys] = process.argv.slice(1);
const envelope = JSON.parse(fs.readFileSync(file));
const payload = Buffer.from(envelope.payload, "base64");
const head = `DSSEv1 ${Buffer.byteLength(envelope.payloadType)} ${envelope.payloadType} ${payload.length} `;
const message = Buffer.concat([Buffer.from(head), payload]);
const publics = keys.map(name => crypto.createPublicKey(fs.readFileSync(name)));
for (const s of envelope.signatures) {
	const good = publics.filter(key => crypto.verify(null, message, key, Buffer.from(s.sig, "base64")));
	console.log(good.length === 1 ? s.keyid : "bad");
}
"""


class BundleCase(PlantCase):
    """Anna and Ivan have keys that openssl can sign with, too."""

    def setUp(self):
        super().setUp()
        for name in ("anna", "ivan", "eva"):
            self.plant.openssl_key(name)
        self.trust = self.plant.trust(self.plant.draft(), ["anna", "olaf"])
        self.good = self.plant.bundle()
        self.payload, self.kind, self.signatures = self.plant.opened(self.good)

    def verify(self, path, code):
        return self.refused(code, "bundle", "verify", path, "--trust", self.trust)

    def forged(self, payload=None, signers=("eva", "anna", "ivan"), kind=None):
        """Rightly signed, whatever it says."""
        return self.plant.resign(self.good, self.payload if payload is None else payload, kind or self.kind, signers)

    def changed(self, **members):
        return self.forged({**self.payload, **members})


class Verify(BundleCase):
    def test_a_good_one(self):
        done = self.taken("bundle", "verify", self.good, "--trust", self.trust, "--json")
        seen = json.loads(done.stdout)
        self.assertEqual((seen["site"], seen["serial"]), ("north-mill", 1))
        self.assertEqual({(s["person"], s["state"]) for s in seen["signatures"]},
                         {("Eva Lind", "good"), ("Anna Berg", "good"), ("Ivan Novak", "good")})
        self.taken("bundle", "verify", self.forged(), "--trust", self.trust)  # signed by openssl

    def test_nobody_says_whose_signatures_count(self):
        done = self.plant.run("bundle", "verify", self.good)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--trust", done.stderr)

    # -- signatures ----------------------------------------------------------------------------------------

    def test_signatures_taken_out(self):
        for left, code in ((("eva",), "threshold"), (("eva", "anna"), "threshold"), (("eva", "ivan"), "threshold"),
                           (("anna", "ivan"), "not-proposed"), ((), "not-proposed")):
            self.verify(self.forged(signers=left), code)

    def test_a_signature_added_by_an_unknown_key(self):
        self.plant.openssl_key("mallory")
        self.verify(self.forged(signers=("eva", "anna", "ivan", "mallory")), "unknown-key")

    def test_a_signature_twice(self):
        path = self.plant.write(self.plant.folder / "twice.bundle", self.payload, self.kind,
                                [*self.signatures, self.signatures[0]])
        self.verify(path, "not-canonical")

    def test_signatures_in_another_order(self):
        envelope = json.loads(self.good.read_bytes())
        envelope["signatures"].reverse()
        self.good.write_bytes(canonical(envelope) + b"\n")
        self.verify(self.good, "not-canonical")

    def test_a_bad_signature_beside_enough_good_ones(self):
        self.plant.sign("bundle", self.good, "olaf")
        payload, kind, signatures = self.plant.opened(self.good)
        for s in signatures:
            if s["keyid"] == self.plant.key_id("olaf"):
                s["sig"] = next(o["sig"] for o in signatures if o is not s)
        self.verify(self.plant.write(self.good, payload, kind, signatures), "bad-signature")

    def test_a_signature_of_one_under_the_name_of_another(self):
        for s in self.signatures:
            if s["keyid"] == self.plant.key_id("ivan"):
                s["keyid"] = self.plant.key_id("olaf")
        self.verify(self.plant.write(self.good, self.payload, self.kind, self.signatures), "bad-signature")

    def test_signed_as_something_else(self):
        """The type is under the signature: a signed grant with these bytes is no bundle."""
        signatures = [{"keyid": self.plant.key_id(name), "sig": base64.b64encode(
            self.plant.openssl_sign(name, pae(TYPES["grant"], canonical(self.payload)))).decode()}
            for name in ("eva", "anna", "ivan")]
        self.verify(self.plant.write(self.plant.folder / "x.bundle", self.payload, self.kind, signatures),
                    "bad-signature")

    def test_another_type(self):
        for kind in ("trust", "decision", "grant", "image"):
            self.verify(self.forged(kind=TYPES[kind]), "wrong-type")
        self.verify(self.forged(kind="application/json"), "wrong-type")

    # -- who ---------------------------------------------------------------------------------------------

    def test_it_alone(self):
        self.verify(self.plant.bundle(2, proposer="eva", signers=("ivan", "iris")), "threshold")

    def test_a_key_of_the_wrong_role(self):
        self.verify(self.plant.bundle(2, proposer="anna", signers=("eva", "ivan")), "threshold")

    def test_who_proposes_does_not_approve(self):
        self.verify(self.plant.bundle(2, proposer="anna", signers=("ivan",)), "threshold")

    def test_one_person_with_two_keys(self):
        keys = self.plant.draft()["keys"]
        keys["anna-2"] = self.plant.member("anna", public=self.plant.pem("anna-2"))
        self.trust = self.plant.trust(self.plant.draft(keys=keys, thresholds=[{"ot-approver": 2}]), ["anna", "olaf"],
                                      "two")
        self.verify(self.plant.bundle(2, signers=("anna", "anna-2")), "threshold")
        self.verify(self.plant.bundle(3, proposer="anna", signers=("anna-2", "olaf")), "threshold")
        self.taken("bundle", "verify", self.plant.bundle(4, signers=("anna", "anna-2", "olaf")), "--trust", self.trust)

    def test_one_stolen_key_is_not_enough(self):
        for thief in ("anna", "ivan"):
            self.verify(self.plant.bundle(2, proposer=thief, signers=()), "threshold")

    def trusted(self, **changes):
        """Anna's key is another in the trust document."""
        keys = self.plant.draft()["keys"]
        keys["anna"].update(changes)
        return self.plant.trust(self.plant.draft(keys=keys), (), "changed")

    def test_an_expired_key(self):
        self.trust = self.trusted(until=day(-1))
        self.assertIn("Anna Berg", self.verify(self.good, "expired-key"))

    def test_a_key_of_tomorrow(self):
        self.trust = self.trusted(**{"from": day(1)})
        self.verify(self.good, "expired-key")

    def test_a_revoked_key(self):
        self.trust = self.trusted(revoked=day(0))
        self.verify(self.good, "revoked-key")

    def test_an_expired_trust_document(self):
        self.trust = self.plant.trust({**self.plant.draft(), "until": day(-1)}, (), "old")
        self.verify(self.good, "trust-expired")

    # -- content -----------------------------------------------------------------------------------------

    def test_another_site(self):
        self.trust = self.plant.trust({**self.plant.draft(), "site": "south-mill"}, (), "south")
        self.verify(self.good, "wrong-site")

    def test_a_site_that_its_documents_do_not_know(self):
        self.trust = self.plant.trust({**self.plant.draft(), "site": "south-mill"}, (), "south")
        self.verify(self.changed(site="south-mill"), "wrong-site")

    def test_kept_too_long(self):
        self.verify(self.changed(apply_by=day(-1)), "bundle-expired")

    def test_mixed_documents(self):
        """A document of another bundle, with its own digest: the permit list is another one."""
        site = self.plant.folder / "wider"
        shutil.copytree(self.plant.site, site)
        text = (site / "press-3.json").read_text()
        (site / "press-3.json").write_text(text.replace('"0-99"', '"0-299"'))
        self.assertNotEqual((site / "press-3.json").read_text(), text)
        other = self.plant.opened(self.plant.bundle(2, signers=(), site=site))[0]
        theirs = next(d for d in other["documents"] if d["path"].endswith("/press-3.json"))
        mixed = [{**theirs, "path": d["path"]} if d["path"].endswith("/press-3.json") else d
                 for d in self.payload["documents"]]
        self.verify(self.changed(documents=mixed), "permits-differ")

    def test_a_document_with_another_digest(self):
        documents = [dict(d) for d in self.payload["documents"]]
        documents[0]["text"] += " "
        self.verify(self.changed(documents=documents), "payload")

    def test_a_document_left_out(self):
        left = [d for d in self.payload["documents"] if not d["path"].endswith("/energy.json")]
        self.verify(self.changed(documents=left), "permits-differ")

    def test_names_that_lead_elsewhere(self):
        text = self.payload["documents"][0]["text"]
        for path in ("../../etc/passwd", "/etc/passwd", "a/../../b.json", "a/./b.json", "a//b.json", ""):
            documents = [{"path": path, "text": text, "sha256": sha256(text.encode())}]
            self.verify(self.changed(documents=documents), "payload")

    def test_documents_twice_or_not_sorted(self):
        documents = self.payload["documents"]
        self.verify(self.changed(documents=[documents[0], documents[0]]), "payload")
        self.verify(self.changed(documents=documents[::-1]), "payload")

    def test_another_permit_list(self):
        permits = self.payload["permits"]
        self.verify(self.changed(permits={**permits, "sha256": "0" * 64}), "permits-differ")
        self.verify(self.changed(permits={**permits, "format": 2}), "permits-differ")

    def test_members_that_it_does_not_know(self):
        self.verify(self.changed(more=1), "unknown-member")
        del self.payload["created"]
        self.verify(self.forged(), "missing-member")
        self.verify(self.changed(created="yesterday"), "payload")

    def test_an_unknown_format(self):
        self.assertIn("newer program", self.verify(self.changed(format=2), "payload"))

    def test_payloads_that_are_not_canonical(self):
        text = canonical(self.payload)
        for other in (text + b"\n", b" " + text, json.dumps(self.payload).encode(),
                      text.replace(b'"format":1,', b'"format":1,"format":1,', 1),
                      text.replace(b'"format":1,', b'"format":1.0,', 1)):
            self.verify(self.forged(other), "not-canonical")

    def test_payloads_that_are_no_json(self):
        for other in (b"", b"{", b"\xff", b"[" * 100000, canonical(self.payload) + b"\0"):
            done = self.plant.run("bundle", "verify", self.forged(other), "--trust", self.trust)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, r"error\[(syntax|not-canonical)\]")
        self.verify(self.forged(b"1"), "not-canonical")

    # -- files -------------------------------------------------------------------------------------------

    def test_endless_data(self):
        with open(self.good, "ab") as file:
            file.truncate(1 << 40)
        self.verify(self.good, "too-large")

    def test_what_is_no_file(self):
        pipe = self.plant.folder / "pipe"
        os.mkfifo(pipe)
        self.verify(pipe, "unreadable")
        self.verify("/dev/zero", "unreadable")
        self.assertEqual(self.plant.run("bundle", "verify", "/nonexistent", "--trust", self.trust).returncode, 3)

    def test_cut_off(self):
        whole = self.good.read_bytes()
        for size in (0, 1, len(whole) // 2, len(whole) - 1):
            self.good.write_bytes(whole[:size])
            done = self.plant.run("bundle", "verify", self.good, "--trust", self.trust)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"error\[(syntax|not-canonical)\]")


class Make(BundleCase):
    def test_a_site_with_errors(self):
        (self.plant.site / "broken.json").write_text("{")
        done = self.plant.run("bundle", "create", self.plant.site, "--serial", 2, "--key", self.plant.key("eva"), "-o",
                              self.plant.folder / "x.bundle", "--passphrase-fd", 0)
        self.assertEqual(done.returncode, 1)
        self.assertIn("error[syntax]", done.stderr)
        self.assertFalse((self.plant.folder / "x.bundle").exists())

    def test_nobody_signs_what_this_program_reads_differently(self):
        before = self.forged({**self.payload, "permits": {**self.payload["permits"], "sha256": "0" * 64}})
        text = before.read_bytes()
        done = self.plant.sign("bundle", before, "olaf", check=1)
        self.assertIn("error[permits-differ]", done.stderr)
        self.assertEqual(before.read_bytes(), text)

    def test_signing_shows_what_it_changes(self):
        shown = self.taken("bundle", "sign", self.good, "--key", self.plant.key("olaf"), "--passphrase-fd", 0,
                           "--against", self.plant.site).stdout
        self.assertIn("0 added, 0 removed, 0 widened", shown)

    def test_the_order_of_signing_does_not_matter(self):
        other = self.plant.folder / "other.bundle"
        for signers, path in ((("anna", "ivan"), self.good), (("ivan", "anna"), other)):
            self.plant.write(path, self.payload, self.kind, [s for s in self.signatures
                                                             if s["keyid"] == self.payload["proposer"]])
            for name in signers:
                self.plant.sign("bundle", path, name)
        self.assertEqual(self.good.read_bytes(), other.read_bytes())

    def test_diff_of_two(self):
        text = (self.plant.site / "press-3.json").read_text()
        (self.plant.site / "press-3.json").write_text(text.replace('"0-99"', '"0-199"'))
        two = self.plant.bundle(2)
        self.assertIn("1 widened", self.taken("bundle", "diff", self.good, two).stdout)
        self.assertIn("1 narrowed", self.taken("plan", self.good, "--against", two).stdout)

    def test_the_permit_list_is_what_compile_writes(self):
        out = self.plant.folder / "out"
        for at in ("2020-01-01T00:00:00Z", "2026-11-01T00:00:00Z", "2049-01-01T00:00:00Z"):
            self.plant.run("compile", self.plant.site, "-o", out, "--at", at, check=0)
            self.assertEqual(sha256((out / "permits.jsonl").read_bytes()), self.payload["permits"]["sha256"], at)

    def test_the_permit_list_tells_every_rule(self):
        out = self.plant.folder / "out"
        self.plant.run("compile", self.plant.site, "-o", out, check=0)
        lines = [json.loads(line) for line in (out / "permits.jsonl").read_text().splitlines()]
        rules = [r for path in sorted(self.plant.site.glob("*.json"))
                 for r in json.loads(path.read_text()).get("rules", [])]
        self.assertEqual([line["rule"] for line in lines[1:]], sorted(r["id"] for r in rules))
        for line in lines[1:]:
            rule = next(r for r in rules if r["id"] == line["rule"])
            self.assertEqual((line["server"]["asset"], line["device"]["asset"]), (rule["from"], rule["to"]))


class OtherPrograms(BundleCase):
    def publics(self):
        paths = []
        for name in ("anna", "ivan", "eva"):
            paths.append(self.plant.folder / f"{name}.pub")
            paths[-1].write_text(self.plant.pem(name))
        return paths

    def test_node_finds_the_signatures_good(self):
        node = shutil.which("node") or shutil.which("nodejs")
        if not node:
            self.skipTest("Node.js is not installed")
        done = subprocess.run([node, "-e", NODE_CHECK, self.good, *self.publics()], capture_output=True, text=True,
                              timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.split(), sorted(self.plant.key_id(n) for n in ("anna", "ivan", "eva")))
        # That it can fail: with another key's signature it says so.
        self.signatures[0]["sig"], self.signatures[1]["sig"] = self.signatures[1]["sig"], self.signatures[0]["sig"]
        self.signatures[2]["sig"] = "A" * 86 + "=="
        self.plant.write(self.good, self.payload, self.kind, self.signatures)
        done = subprocess.run([node, "-e", NODE_CHECK, self.good, *self.publics()], capture_output=True, text=True,
                              timeout=30)
        self.assertIn("bad", done.stdout)

    def test_openssl_finds_the_signatures_good(self):
        message = self.plant.folder / "message"
        message.write_bytes(pae(self.kind, canonical(self.payload)))
        for public, name in zip(self.publics(), ("anna", "ivan", "eva")):
            signature = self.plant.folder / "signature"
            signature.write_bytes(base64.b64decode(next(s["sig"] for s in self.signatures
                                                        if s["keyid"] == self.plant.key_id(name))))
            subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-in", message,
                            "-sigfile", signature], check=True, capture_output=True, timeout=20)

    def test_the_payload_is_what_another_canonical_writer_writes(self):
        envelope = json.loads(self.good.read_bytes())
        self.assertEqual(base64.b64decode(envelope["payload"]), canonical(self.payload))
        self.assertEqual(self.good.read_bytes(), canonical(envelope) + b"\n")
        for document in self.payload["documents"]:
            text = (self.plant.site / document["path"].split("/", 1)[1]).read_text()
            self.assertEqual((document["text"], document["sha256"]), (text, sha256(text.encode())))

    def test_what_needs_escaping(self):
        site = self.plant.folder / "odd"
        shutil.copytree(ROOT / "rules", site)
        path = site / "site.json"
        members = json.loads(path.read_text())
        members["note"] = "tab\t, \"quotes\", back\\slash, \u00e9, \u20ac, \U0001f600, \x7f, \u2028"
        path.write_text(json.dumps(members, ensure_ascii=False, indent="\t"))
        bundle = self.plant.bundle(2, site=site)
        self.taken("bundle", "verify", bundle, "--trust", self.trust)
        envelope = json.loads(bundle.read_bytes())
        self.assertEqual(base64.b64decode(envelope["payload"]), canonical(self.plant.opened(bundle)[0]))


if __name__ == "__main__":
    unittest.main()
