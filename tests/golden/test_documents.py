#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings about rule documents, word for word.

documents/good/ is a site without findings. Every other folder of documents/ holds the documents that differ
from it and expected.txt: what `gatehouse check` says then. TODAY+0010 stands for the day ten days from now,
so that columns stay what they are. `test_documents.py --update` writes expected.txt anew; read the difference
before it is committed.
"""
import datetime
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = (ROOT / os.environ.get("BUILD", "build") / "gatehouse").resolve()
FOLDER = pathlib.Path(__file__).resolve().parent / "documents"
# Findings that no small folder can show; each has a test of its own here or in tests/unit/.
ELSEWHERE = {"document-too-large", "unreadable-document", "site-too-large"}


def day(match):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return (today + datetime.timedelta(days=int(match[1]))).isoformat()


def dated(text):
    return re.sub(r"TODAY([+-]\d{4})", day, text)


def run(folder, *options, **more):
    return subprocess.run([PROGRAM, "check", folder, *options], capture_output=True, timeout=60, **more)


def lay_out(case, into):
    """The good site with the case's documents over it; a file of size 0 takes one away."""
    site = pathlib.Path(into) / "site"
    shutil.copytree(FOLDER / "good", site, ignore=shutil.ignore_patterns("expected.txt"))
    for path in case.glob("*.json"):
        (site / path.name).unlink(missing_ok=True)
        if path.stat().st_size:
            shutil.copy(path, site)
    for path in site.glob("*.json"):
        text = path.read_bytes()
        path.write_bytes(re.sub(rb"TODAY([+-]\d{4})", lambda m: day(m).encode(), text))
    return site


def said(case):
    with tempfile.TemporaryDirectory() as into:
        done = run(lay_out(case, into))
    return done, done.stderr.decode() + done.stdout.decode().replace(f"{into}/", "")


class Documents(unittest.TestCase):
    maxDiff = None

    def test_every_case(self):
        cases = sorted(path for path in FOLDER.iterdir() if path.is_dir())
        self.assertGreater(len(cases), 60)
        for case in cases:
            with self.subTest(case.name):
                done, text = said(case)
                self.assertEqual(text, dated((case / "expected.txt").read_text()))
                self.assertEqual(done.returncode, 1 if "error[" in text else 0)

    def test_every_code_has_a_case(self):
        table = (ROOT / "src/policy/codes.c").read_text()
        codes = set(re.findall(r'= \{ "([a-z-]+)", [EW]', table))
        shown = set()
        for path in FOLDER.glob("*/expected.txt"):
            shown |= set(re.findall(r"(?:error|warning)\[([a-z-]+)\]", path.read_text()))
        self.assertEqual(codes - shown, ELSEWHERE)
        self.assertEqual(shown - codes, set())

    def test_every_code_is_documented(self):
        table = (ROOT / "src/policy/codes.c").read_text()
        documented = (ROOT / "docs/writing-a-rule.md").read_text()
        for code in re.findall(r'= \{ "([a-z-]+)", [EW]', table):
            self.assertIn(f"`{code}`", documented)

    def test_json_says_the_same(self):
        with tempfile.TemporaryDirectory() as into:
            site = lay_out(FOLDER / "unknown-asset", into)
            answer = json.loads(run(site, "--json").stdout)
        self.assertEqual((answer["errors"], answer["findings"][0]["code"]), (1, "unknown-asset"))
        self.assertEqual(answer["findings"][0]["file"], "site/rules.json")
        self.assertEqual(answer["findings"][0]["pointer"], "/rules/0/from")

    def test_strict(self):
        with tempfile.TemporaryDirectory() as into:
            site = lay_out(FOLDER / "broad-unit", into)
            self.assertEqual(run(site).returncode, 0)
            self.assertEqual(run(site, "--strict").returncode, 1)

    def test_example_site(self):
        done = run(ROOT / "rules")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual(re.findall(r"\[([a-z-]+)\]", done.stderr.decode()), ["uninspected"])


class Hostile(unittest.TestCase):
    """Refused with a place, within 20 seconds and 1.5 GB."""

    @staticmethod
    def limit():
        size = 3 << 29
        # a sanitizer reserves terabytes of address space
        if "san" not in os.environ.get("BUILD", ""):
            resource.setrlimit(resource.RLIMIT_AS, (size, size))

    def refused(self, content, code, place):
        with tempfile.TemporaryDirectory() as into:
            site = pathlib.Path(into) / "site"
            shutil.copytree(FOLDER / "good", site, ignore=shutil.ignore_patterns("expected.txt"))
            (site / "hostile.json").write_bytes(content)
            began = time.monotonic()
            done = run(site, preexec_fn=self.limit)
            self.assertLess(time.monotonic() - began, 20)
        self.assertEqual(done.returncode, 1, done.stderr[-400:])
        self.assertIn(f"site/hostile.json:{place}: error[{code}]", done.stderr.decode(errors="replace"))

    def test_100_megabytes(self):
        self.refused(b'{"note":"' + b"x" * (100 << 20) + b'"}', "document-too-large", "1:1")

    def test_a_million_nestings(self):
        self.refused(b"[" * 999_999, "syntax", "1:2049")

    def test_two_million_nestings(self):
        self.refused(b'{"a":' * 2_000_000, "document-too-large", "1:1")

    def test_many_values(self):
        self.refused(b"[" + b"1," * 10_000_000 + b"1]", "document-too-large", "1:1")

    def test_nul(self):
        self.refused(b'{"a":\n "x\0y"}', "syntax", "2:2")

    def test_escaped_nul(self):
        self.refused(b'{"a":\n "\\u0000"}', "syntax", "2:2")

    def test_invalid_utf8(self):
        self.refused(b'{"a":\n "\xff"}', "syntax", "2:3")

    def test_giant_number(self):
        self.refused(b'{"a":\n [0, 1e999]}', "syntax", "2:6")

    def test_duplicate_members(self):
        self.refused(b'{"$schema":"rules.schema.json","rules":[],\n"rules":[]}', "duplicate-member", "2:1")

    def test_half_a_million_duplicates(self):
        self.refused(b'{"$schema":"rules.schema.json","rules":[]' + b',\n"rules":[]' * 400_000 + b"}",
                     "duplicate-member", "2:1")

    def test_half_a_million_unknown_members(self):
        self.refused(b'{"$schema":"rules.schema.json","rules":[]' +
                     b"".join(b',\n"m%d":1' % i for i in range(500_000)) + b"}", "unknown-member", "2:1")

    def test_terminal_is_left_alone(self):
        with tempfile.TemporaryDirectory() as into:
            site = pathlib.Path(into) / "site"
            site.mkdir()
            (site / "a.json").write_text('{"$schema": "\\u001b[2J\u009b2J\u202e"}')
            done = run(site)
        self.assertNotIn(b"\x1b", done.stderr)
        self.assertNotIn("\u009b", done.stderr.decode())
        self.assertNotIn("\u202e", done.stderr.decode())

    def test_links_are_not_followed(self):
        with tempfile.TemporaryDirectory() as into:
            site = pathlib.Path(into) / "site"
            shutil.copytree(FOLDER / "good", site, ignore=shutil.ignore_patterns("expected.txt"))
            (site / "passwd.json").symlink_to("/etc/passwd")
            os.mkfifo(site / "pipe.json")
            done = run(site)
        self.assertEqual(re.findall(r"site/(\S+):1:1: error\[unreadable-document\]", done.stderr.decode()),
                         ["passwd.json", "pipe.json"])


def update():
    today = datetime.datetime.now(datetime.timezone.utc).date()
    for case in sorted(path for path in FOLDER.iterdir() if path.is_dir()):
        text = said(case)[1]
        for delta in {355} | {int(d) for p in case.glob("*.json") for d in
                      re.findall(rb"TODAY([+-]\d{4})", p.read_bytes())}:
            text = text.replace((today + datetime.timedelta(days=delta)).isoformat(), f"TODAY{delta:+05d}")
        (case / "expected.txt").write_text(text)


if __name__ == "__main__":
    update() if sys.argv[1:] == ["--update"] else unittest.main()
