#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages say what the program does: commands, options, finding and reason codes, and nothing that is not there."""
import json
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATEHOUSE = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve() / "gatehouse"
OPTION = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*)\b")
EVERYWHERE = {"--state", "--runtime", "--json", "--help", "-h", "--version"}


def page(name):
    return (ROOT / name).read_text()


def said(*words):
    done = subprocess.run([GATEHOUSE, *words], text=True, capture_output=True, timeout=20, check=True)
    return done.stdout


def commands():
    listed = re.search(r"\ncommands\n(.*?)\n\n", said("--help"), re.S)[1]
    return [line.split()[0] for line in listed.splitlines()]


def own_options(command):
    """The options of a command's usage line and of the table in its help."""
    text = said(command, "--help")
    usage = re.search(r"^usage: .*$", text, re.M)[0]
    table = " ".join(re.findall(r"^  (-.*?)(?:  |$)", text, re.M))  # the left column
    return set(OPTION.findall(usage + " " + table)) - EVERYWHERE


def sections():
    """Of docs/commands.md: the text below each heading."""
    parts = re.split(r"^## (.*)$", page("docs/commands.md"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def documented_options(section):
    """Of the first column of a section's tables."""
    cells = re.findall(r"^\| (`-.*?) \|", sections()[section], re.M)
    return set(re.findall(r"`(--?[a-z][a-z-]*)", " ".join(cells)))


def shell_lines(name):
    """The lines of a page's code blocks that call gatehouse, as words."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", page(name), re.S | re.M)
    for line in "\n".join(blocks).splitlines():
        if m := re.match(r"\s*(?:sudo )?(?:build/)?gatehouse (.*?)(?:\s{2,}.*)?$", line):
            yield m[1].split()


def table_codes(name):
    return re.findall(r"^\| `([a-z-]+)` \|", page(name), re.M)


class Commands(unittest.TestCase):
    def test_every_command_is_documented_and_no_other(self):
        headings = [h for h in sections() if h != "Options of every command"]
        self.assertEqual(sorted(headings), sorted(commands()))

    def test_the_options_of_each_command(self):
        for command in commands():
            self.assertEqual(documented_options(command), own_options(command), command)

    def test_the_options_of_every_command(self):
        shown = re.search(r"\noptions\n(.*?)\n\n", said("--help"), re.S)[1]
        self.assertEqual(documented_options("Options of every command"),
                         set(re.findall(r"^  (--[a-z-]+)", shown, re.M)))

    def test_exit_codes(self):
        for command in commands():
            documented = re.search(r"Exit codes: (.*?)\.(?:\s|$)", sections()[command], re.S)
            shown = re.search(r"exit codes: (.*)", said(command, "--help"), re.S | re.I)
            self.assertTrue(documented and shown, command)
            codes = [set(re.findall(r"(?:^|[,;]\s|\)\s)([0-3]) ", m[1])) for m in (documented, shown)]
            self.assertEqual(codes[0], codes[1], command)
            self.assertIn("0", codes[0], command)

    def test_examples_name_what_exists(self):
        known = commands()
        for name in ("README.md", "docs/decode.md", "docs/when-the-gate-is-down.md"):
            lines = list(shell_lines(name))
            self.assertTrue(lines, name)
            for words in lines:
                self.assertIn(words[0], known, name)
                options = {w.split("=")[0] for w in words if w.startswith("-")} - EVERYWHERE
                self.assertLessEqual(options, own_options(words[0]), (name, words))

    def test_what_readme_calls_missing_is_missing(self):
        missing = page("README.md").split("## What is not there yet")[1].split("\n## ")[0]
        named = set(re.findall(r"`([a-z]+)`", missing))
        self.assertTrue(named)
        self.assertEqual(named & set(commands()), set())

    def test_readme_make_targets(self):
        targets = re.findall(r"^sudo make ([a-z-]+)$", page("README.md"), re.M)
        self.assertEqual(targets, ["demo", "check"])
        for target in targets:
            self.assertRegex(page("Makefile"), rf"(?m)^{target}:")


def completions(*words):
    """What bash offers for the last word."""
    script = ('source image/gatehouse.bash-completion; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gatehouse; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", GATEHOUSE, *words], cwd=ROOT, text=True, timeout=20,
                          capture_output=True, check=True)
    return done.stdout.split()


class Completion(unittest.TestCase):
    def test_commands(self):
        self.assertEqual(sorted(completions("")), sorted(commands()))
        self.assertEqual(completions("--state", "/tmp", "stat"), ["status"])

    def test_options(self):
        for command in commands():
            everywhere = {"--state", "--runtime", "--json", "--help"}
            self.assertEqual(set(completions(command, "-")), own_options(command) | everywhere, command)

    def test_files(self):
        self.assertIn("rules", completions("check", "rul"))
        self.assertIn("schemas", completions("compile", "rules", "-o", "sch"))


class Json(unittest.TestCase):
    def assert_documented(self, command, value):
        if isinstance(value, dict):
            for name, member in value.items():
                self.assertIn(f"`{name}`", sections()[command], command)
                self.assert_documented(command, member)
        elif isinstance(value, list):
            for element in value:
                self.assert_documented(command, element)

    def test_members(self):
        for words in (["check", ROOT / "rules"], ["profiles"], ["services"], ["services", "--reasons"]):
            self.assert_documented(words[0], json.loads(said(*words, "--json")))

    def test_members_of_status(self):
        source = page("src/run/status.c") + page("src/run/status_inspectors.c")
        names = re.findall(r'(?:writer_put_\w+\(w|writer_name\(w|\w*put_time\(w|write_end\(s, w), "(\w+)"', source)
        self.assertGreater(len(names), 40)
        for name in names:
            self.assertIn(f"`{name}`", sections()["status"])


class Codes(unittest.TestCase):
    def test_findings(self):
        rows = re.findall(r'\[FINDING_\w+\] = \{ "([a-z-]+)"', page("src/policy/codes.c"))
        self.assertGreater(len(rows), 50)
        documented = table_codes("docs/writing-a-rule.md")
        self.assertEqual(sorted(documented), sorted(rows))

    def test_reasons(self):
        reasons = [r["code"] for r in json.loads(said("services", "--reasons", "--json"))["reasons"]]
        block = re.search(r"kernel_reasons\[\] = \{(.*?)\n\};", page("src/run/events.c"), re.S)[1]
        reasons += re.findall(r'\{ "([a-z-]+)"', block)
        self.assertGreater(len(reasons), 25)
        below = page("docs/record.md").split("## Reasons")[1]
        self.assertEqual(re.findall(r"^\| `([a-z-]+)` \|", below, re.M), reasons)

    def test_events(self):
        source = "".join(p.read_text() for p in sorted((ROOT / "src/run").glob("*.c")))
        kinds = set(re.findall(r'(?:\.event = |events_gate\([^,]+, )"([a-z-]+)"', source)) | {"events-lost"}
        names = re.search(r"kind_names\[\] = \{(.*?)\n\};", source, re.S)[1]
        kinds |= set(re.findall(r'"([a-z]+)"', names)) - {"allowed"}  # the core says so only to replay
        documented = page("docs/record.md").split("## Events")[1].split("## Members")[0]
        self.assertEqual(set(re.findall(r"`([a-z-]+)`", documented)) - {"event", "count"}, kinds)

    def test_members_of_events(self):
        source = page("src/run/events.c") + page("src/record/event_log.c")
        names = set(re.findall(r'(?:writer_put_\w+\(w|put_some\(w|event_add_number\(\S+), "(\w+)"', source))
        self.assertGreater(len(names), 20)
        for name in names:
            self.assertIn(f"`{name}`", page("docs/record.md"))


class Adversary(unittest.TestCase):
    def test_every_test_that_is_named_exists(self):
        sources = [p for p in (ROOT / "tests").rglob("test_*") if p.suffix in (".py", ".c")]
        text = "\n".join(p.read_text() for p in sources)
        named = re.findall(r"(?:`|class `)(\w+)`", page("docs/design/adversary.md"))
        self.assertGreater(len(named), 60)
        for name in named:
            self.assertTrue(any(p.stem == name for p in sources)
                            or re.search(rf"(?:def|class|void) {name}\(", text), name)


class Links(unittest.TestCase):
    def test_they_lead_somewhere(self):
        pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
        for source in pages:
            for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", source.read_text()):
                if "://" not in target:
                    self.assertTrue((source.parent / target).exists(), (source, target))

    def test_the_index_names_every_page(self):
        index = page("docs/README.md")
        for path in sorted((ROOT / "docs").glob("*.md")):
            if path.name != "README.md":
                self.assertIn(f"({path.name})", index)


if __name__ == "__main__":
    unittest.main()
