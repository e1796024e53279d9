# SPDX-License-Identifier: GPL-2.0-or-later
"""People with keys, a site and trust documents, as files in a folder; and what the program says about them."""
import base64
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = (ROOT / os.environ.get("BUILD", "build") / "gatehouse").resolve()
PASSPHRASE = "four words of mine"
TYPES = {kind: f"application/vnd.gatehouse.{kind}+json" for kind in ("bundle", "trust", "decision", "grant", "image")}
PEOPLE = {"anna": ("Anna Berg", "ot-approver"), "olaf": ("Olaf Brandt", "ot-approver"),
          "eva": ("Eva Lind", "ot-engineer"), "ivan": ("Ivan Novak", "it-countersign"),
          "iris": ("Iris Holm", "it-countersign")}
KEYS = tempfile.TemporaryDirectory(prefix="gatehouse-keys-")  # made once a process: they cost a while
THRESHOLDS = [{"ot-approver": 2}, {"ot-approver": 1, "it-countersign": 1}]


def day(offset):
    return (datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=offset)).isoformat()


def canonical(value):
    """RFC 8785, for what has ASCII names and whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def pae(kind, payload):
    """DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Plant:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.state = self.folder / "state"
        self.site = self.folder / "site"

    def run(self, *words, secrets=(PASSPHRASE,) * 2, check=None):
        text = "".join(f"{line}\n" for line in secrets)
        done = subprocess.run([PROGRAM, "--state", self.state, "--runtime", self.folder / "run", *map(str, words)],
                              input=text, capture_output=True, text=True, timeout=60)
        if check is not None and done.returncode != check:
            raise AssertionError(f"{words}: exit code {done.returncode}, not {check}\n{done.stdout}{done.stderr}")
        return done

    # -- keys ----------------------------------------------------------------------------------------------

    def key(self, name):
        """The key file of a person, made when it is asked for first."""
        path, made = self.folder / f"{name}.key", pathlib.Path(KEYS.name) / f"{name}.key"
        if not path.exists():
            if not made.exists():
                self.run("key", "new", "-o", made, "--cost", "low", "--passphrase-fd", 0, check=0)
            shutil.copy(made, path)
        return path

    def openssl_key(self, name):
        """A key made by openssl and imported: there is FOLDER/NAME.pem for openssl_sign()."""
        private, made = self.folder / f"{name}.pem", pathlib.Path(KEYS.name) / f"{name}.openssl"
        if not made.exists():
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", made], check=True, timeout=20)
            self.run("key", "import", made, "-o", made.with_suffix(".imported"), "--cost", "low", "--passphrase-fd", 0,
                     check=0)
        shutil.copy(made, private)
        shutil.copy(made.with_suffix(".imported"), self.folder / f"{name}.key")
        return self.folder / f"{name}.key"

    def pem(self, name):
        return self.run("key", "export", self.key(name), check=0).stdout

    def key_id(self, name):
        return json.loads(self.run("key", "show", self.key(name), "--json", check=0).stdout)["id"]

    def openssl_sign(self, name, message):
        """A signature that is not made by the program, with a key of openssl_key()."""
        (self.folder / "message").write_bytes(message)
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.folder / f"{name}.pem",
                               "-in", self.folder / "message"], check=True, capture_output=True, timeout=20).stdout

    # -- trust ---------------------------------------------------------------------------------------------

    def member(self, name, **more):
        person, role = PEOPLE.get(name, (name.title(), "ot-approver"))
        return {"person": person, "role": role, "public": self.pem(name), "from": day(-10), "until": day(300), **more}

    def draft(self, serial=1, keys=None, thresholds=None, **more):
        members = {name: self.member(name) for name in PEOPLE} if keys is None else keys
        return {"site": "north-mill", "serial": serial, "until": day(300), "keys": members,
                "thresholds": thresholds or THRESHOLDS, **more}

    def trust(self, draft, signers, name="one"):
        """A trust document out of a draft, signed by these; its path."""
        source, path = self.folder / f"{name}.json", self.folder / f"{name}.trust"
        source.write_text(json.dumps(draft))
        self.run("trust", "create", source, "-o", path, check=0)
        for signer in signers:
            self.sign("trust", path, signer)
        return path

    def sign(self, what, path, name, check=0):
        return self.run(what, "sign", path, "--key", self.key(name), "--passphrase-fd", 0, check=check)

    # -- bundles -------------------------------------------------------------------------------------------

    def bundle(self, serial=1, proposer="eva", signers=("anna", "ivan"), name=None, site=None, more=()):
        path = self.folder / f"{name or serial}.bundle"
        if site is None:
            site = self.site
            if not site.exists():
                shutil.copytree(ROOT / "rules", site)
        self.run("bundle", "create", site, "--serial", serial, "--key", self.key(proposer), "-o", path,
                 "--passphrase-fd", 0, *more, check=0)
        for signer in signers:
            self.sign("bundle", path, signer)
        return path

    # -- files that the program would not make ------------------------------------------------------------

    @staticmethod
    def opened(path):
        """(payload, type, signatures) of an envelope."""
        envelope = json.loads(path.read_bytes())
        return json.loads(base64.b64decode(envelope["payload"])), envelope["payloadType"], envelope["signatures"]

    @staticmethod
    def write(path, payload, kind, signatures):
        """An envelope, canonical whatever is in it; payload: bytes or a value."""
        if not isinstance(payload, bytes):
            payload = canonical(payload)
        signatures = sorted(signatures, key=lambda s: s["keyid"])
        path.write_bytes(canonical({"payload": base64.b64encode(payload).decode(), "payloadType": kind,
                                    "signatures": signatures}) + b"\n")
        return path

    def resign(self, path, payload, kind, signers, name="forged"):
        """The same signed anew by keys of openssl (openssl_key())."""
        data = payload if isinstance(payload, bytes) else canonical(payload)
        signatures = [{"keyid": self.key_id(s),
                       "sig": base64.b64encode(self.openssl_sign(s, pae(kind, data))).decode()} for s in signers]
        return self.write(self.folder / f"{name}{path.suffix}", data, kind, signatures)
