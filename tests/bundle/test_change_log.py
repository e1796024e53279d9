#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The change log: whatever somebody does to it is found."""
import json
import unittest

from case import PlantCase
from plant import canonical, sha256


class ChangeLog(PlantCase):
    """Four changes by hand, as lines of the chain; a fifth by the program."""

    def setUp(self):
        super().setUp()
        self.plant.state.mkdir()
        self.path, self.head = self.plant.state / "changes.jsonl", self.plant.state / "changes.head"
        previous, lines = "0" * 64, []
        for number in range(1, 5):
            lines.append(canonical({"number": number, "previous": previous, "event": "test", "text": f"Change {number}",
                                    "time": "2026-11-25T22:00:00Z", "actor": {"user": "root", "keys": []}}))
            previous = sha256(lines[-1])
        self.lines = lines
        self.write(lines, f"4:{previous}")

    def write(self, lines, head):
        self.path.write_bytes(b"".join(line + b"\n" for line in lines))
        self.head.write_text(head + "\n")

    def append(self):
        """The program's own line: a trust document comes."""
        path = self.plant.trust(self.plant.draft(), ["anna", "olaf"])
        digest = json.loads(self.taken("trust", "show", path, "--json").stdout)["digest"]
        return self.taken("trust", "init", path, "--digest", digest)

    def found(self, code):
        done = self.plant.run("log", "verify")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(f"error[{code}]", done.stderr)
        return done.stderr

    def test_a_good_one(self):
        done = self.taken("log", "verify")
        self.assertIn("4 lines", done.stdout)
        self.assertIn(self.head.read_text().strip(), done.stdout)

    def test_import_on_the_next_box(self):
        copy = self.plant.folder / "copy.jsonl"
        self.taken("log", "export", "-o", copy)
        self.path.unlink()
        self.head.unlink()
        done = self.plant.run("log", "import", copy, "--head", f"4:{'0' * 64}")
        self.assertEqual((done.returncode, self.path.exists()), (1, False))
        self.taken("log", "import", copy)
        lines = self.path.read_bytes().splitlines()
        self.assertEqual(lines[:4], self.lines)
        last = json.loads(lines[4])
        self.assertEqual((last["event"], last["previous"]), ("log-imported", sha256(self.lines[3])))
        self.assertIn("5 lines", self.taken("log", "verify").stdout)
        # a box that has gone another way keeps what it has
        self.assertEqual(self.plant.run("log", "import", copy).returncode, 1)
        self.assertEqual(self.path.read_bytes().splitlines(), lines)

    def test_a_damaged_one_is_not_imported(self):
        copy = self.plant.folder / "copy.jsonl"
        copy.write_bytes(self.path.read_bytes().replace(b"Change 2", b"Change 9"))
        self.path.unlink()
        self.head.unlink()
        self.assertEqual(self.plant.run("log", "import", copy).returncode, 1)
        self.assertFalse(self.path.exists())

    def test_none_yet(self):
        self.path.unlink()
        self.head.unlink()
        self.assertIn("0 lines", self.taken("log", "verify").stdout)

    def test_the_program_goes_on_with_the_chain(self):
        self.append()
        lines = self.path.read_bytes().splitlines()
        self.assertEqual(lines[:4], self.lines)
        last = json.loads(lines[4])
        self.assertEqual((last["number"], last["previous"]), (5, sha256(self.lines[3])))
        self.assertEqual(lines[4], canonical(last))
        self.assertEqual(self.head.read_text(), f"5:{sha256(lines[4])}\n")
        self.taken("log", "verify")

    def test_every_edit(self):
        """Also one that leaves a line canonical, and one of the last line."""
        for at in range(4):
            lines = [bytes(line) for line in self.lines]
            lines[at] = lines[at].replace(b"Change", b"Chance")
            self.write(lines, self.head.read_text().strip())
            self.found("log-chain" if at < 3 else "log-cut")

    def test_every_cut(self):
        head = self.head.read_text().strip()
        for at in range(4):
            self.write(self.lines[:at] + self.lines[at + 1:], head)
            self.found("log-chain" if at < 3 else "log-cut")
        self.write([], head)
        self.found("log-cut")

    def test_every_reorder(self):
        head = self.head.read_text().strip()
        for at in range(3):
            lines = list(self.lines)
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
            self.write(lines, head)
            self.found("log-chain")

    def test_lines_made_up(self):
        """Whoever adds lines to the chain does not get them past its end."""
        lines = list(self.lines)
        for number in (5, 6):
            lines.append(canonical({**json.loads(lines[-1]), "number": number, "previous": sha256(lines[-1])}))
        self.write(lines, self.head.read_text().strip())
        self.found("log-cut")

    def test_a_line_that_is_none(self):
        head = self.head.read_text().strip()
        for line in (b"", b"{}", b"what", json.dumps(json.loads(self.lines[1])).encode()):
            self.write([self.lines[0], line, *self.lines[2:]], head)
            self.found("log-line")

    def test_a_lost_end(self):
        self.head.unlink()
        self.found("log-cut")
        self.head.write_text("what")
        self.found("log-cut")

    def test_what_was_cut_stays_visible(self):
        self.write(self.lines[:2], self.head.read_text().strip())
        self.append()
        self.found("log-chain")

    def test_a_lost_end_stays_visible(self):
        self.head.unlink()
        self.append()
        self.found("log-chain")

    def test_a_crash_between_line_and_end(self):
        """The line is there, the end not yet: that is one line more, and the next goes on from it."""
        self.write(self.lines, f"3:{sha256(self.lines[2])}")
        self.taken("log", "verify")
        self.append()
        self.assertEqual(json.loads(self.path.read_bytes().splitlines()[4])["previous"], sha256(self.lines[3]))
        self.taken("log", "verify")

    def test_a_crash_within_a_line(self):
        with open(self.path, "ab") as file:
            file.write(b'{"actor":{"keys":[')
        self.found("log-line")
        self.append()
        self.taken("log", "verify")

    def test_against_an_end_that_was_written_down(self):
        copy = self.plant.folder / "copy.jsonl"
        end = json.loads(self.taken("log", "export", "-o", copy, "--json").stdout)["head"]
        self.append()
        self.taken("log", "verify", "--head", end)
        self.assertEqual(copy.read_bytes().splitlines(), self.lines)
        self.taken("log", "verify", copy, "--head", end)
        # Rewritten from the start, ends and all: the chain is good, but not that one.
        lines, previous = [], "0" * 64
        for line in self.lines:
            lines.append(canonical({**json.loads(line), "text": "Nothing", "previous": previous}))
            previous = sha256(lines[-1])
        self.write(lines, f"4:{previous}")
        self.taken("log", "verify")
        self.refused("log-cut", "log", "verify", "--head", end)

    def test_it_is_shown(self):
        shown = self.taken("log", "show").stdout
        self.assertIn("Change 3", shown)
        self.assertEqual([json.loads(line) for line in self.taken("log", "show", "--json").stdout.splitlines()],
                         [json.loads(line) for line in self.lines])


if __name__ == "__main__":
    unittest.main()
