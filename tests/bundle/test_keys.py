#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Private key files: who may read them, what opens them; and that other programs understand ours."""
import hashlib
import json
import os
import pty
import subprocess
import unittest

from case import PlantCase
from plant import PASSPHRASE, PROGRAM, canonical


class Keys(PlantCase):
    def test_the_file_is_its_owners_alone(self):
        path = self.plant.key("anna")
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        for mode in (0o640, 0o604, 0o620, 0o602):
            path.chmod(mode)
            self.assertIn("chmod 600", self.refused("key-file", "key", "export", path))

    def test_it_holds_no_secret_in_the_clear(self):
        private = self.plant.openssl_key("anna").with_suffix(".pem")
        seed = subprocess.run(["openssl", "pkey", "-in", private, "-outform", "DER"], check=True,
                              capture_output=True).stdout[16:]
        members = json.loads(self.plant.key("anna").read_bytes())
        self.assertEqual(len(seed), 32)
        self.assertEqual(members["kdf"], "argon2id")
        self.assertNotIn(seed.hex(), self.plant.key("anna").read_bytes().hex())

    def test_a_wrong_passphrase(self):
        self.refused("passphrase", "key", "passphrase", self.plant.key("anna"), "--passphrase-fd", 0,
                     secrets=("four words of yours", PASSPHRASE))

    def test_another_passphrase(self):
        path = self.plant.key("anna")
        before = self.plant.pem("anna")
        words = ("key", "passphrase", path, "--passphrase-fd", 0, "--cost", "low")
        self.taken(*words, secrets=(PASSPHRASE, "quite another one"))
        self.refused("passphrase", *words)
        self.taken(*words, secrets=("quite another one", PASSPHRASE))
        self.assertEqual(self.plant.pem("anna"), before)

    def test_a_short_passphrase(self):
        done = self.plant.run("key", "new", "-o", self.plant.folder / "a.key", "--passphrase-fd", 0,
                              secrets=("eleven char",))
        self.assertEqual(done.returncode, 1)
        self.assertIn("12 characters", done.stderr)
        self.assertFalse((self.plant.folder / "a.key").exists())

    def test_no_passphrase_at_all(self):
        done = self.plant.run("key", "new", "-o", self.plant.folder / "a.key", "--passphrase-fd", 0, secrets=())
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing is there", done.stderr)

    def test_keys_are_not_written_over(self):
        before = self.plant.key("anna").read_bytes()
        done = self.plant.run("key", "new", "-o", self.plant.key("anna"), "--cost", "low", "--passphrase-fd", 0)
        self.assertEqual(done.returncode, 3)
        self.assertEqual(self.plant.key("anna").read_bytes(), before)

    def test_every_member_is_guarded(self):
        path = self.plant.key("anna")
        whole = json.loads(path.read_bytes())
        other = json.loads(self.plant.key("olaf").read_bytes())
        for name in ("nonce", "salt", "sealed", "public"):
            path.write_bytes(canonical({**whole, name: other[name]}) + b"\n")
            self.refused("passphrase", "key", "passphrase", path, "--passphrase-fd", 0)
        for name, value in (("passes", 9), ("memory", 1 << 40), ("memory", 1024), ("format", 2), ("kdf", "scrypt")):
            path.write_bytes(canonical({**whole, name: value}) + b"\n")
            self.refused("key-file", "key", "passphrase", path, "--passphrase-fd", 0)

    def test_the_public_half_is_what_openssl_says(self):
        path = self.plant.openssl_key("anna")
        wanted = subprocess.run(["openssl", "pkey", "-in", path.with_suffix(".pem"), "-pubout"], check=True,
                                capture_output=True, text=True).stdout
        self.assertEqual(self.plant.pem("anna"), wanted)
        der = subprocess.run(["openssl", "pkey", "-in", path.with_suffix(".pem"), "-pubout", "-outform", "DER"],
                             check=True, capture_output=True).stdout
        self.assertEqual(self.plant.key_id("anna"), hashlib.sha256(der[12:]).hexdigest()[:32])

    def test_only_ed25519_is_imported(self):
        private = self.plant.folder / "rsa.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "x25519", "-out", private], check=True)
        done = self.plant.run("key", "import", private, "-o", self.plant.folder / "a.key", "--passphrase-fd", 0)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no Ed25519 private key", done.stderr)

    def test_typed_at_a_terminal_it_is_not_shown(self):
        path = self.plant.folder / "a.key"
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(PROGRAM, [PROGRAM, "--state", "/nonexistent", "key", "new", "-o", str(path), "--cost", "low"])
        seen = b""
        for prompt in (b"New passphrase", b"The same again"):
            while prompt not in seen or not seen.endswith(b": "):
                seen += os.read(terminal, 1024)
            os.write(terminal, PASSPHRASE.encode() + b"\n")
        try:
            while chunk := os.read(terminal, 1024):
                seen += chunk
        except OSError:
            pass  # the terminal's other end is closed
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, seen)
        self.assertNotIn(PASSPHRASE.encode(), seen)
        self.taken("key", "passphrase", path, "--passphrase-fd", 0, "--cost", "low")

    def test_a_gate_has_no_private_keys(self):
        key = self.plant.key("anna")
        self.plant.state.mkdir()
        (self.plant.state / "trust.json").write_text("")
        for words in (("key", "new", "-o", self.plant.folder / "b.key"), ("bundle", "sign", "x", "--key", key),
                      ("trust", "sign", "x", "--key", key)):
            done = self.plant.run(*words, "--passphrase-fd", 0)
            self.assertEqual(done.returncode, 1)
            self.assertIn("this machine is a gate", done.stderr)


if __name__ == "__main__":
    unittest.main()
