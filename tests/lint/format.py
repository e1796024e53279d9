#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds every file of the repository to the rules of form that a machine can check. One line a finding."""
import pathlib
import re
import subprocess
import sys

COLUMNS = 135        # the house writes 100; this is where a line is refused
FILE_LINES = 600
FUNCTION_LINES = 70
TAB = 8
# Data and texts that are not ours to form: they are written for their content.
DATA = re.compile(r"^(LICENSE|tests/golden/(documents|ruleset)/|tests/fuzz/corpus/)")
NO_LICENCE_LINE = re.compile(r"(\.json|\.md|\.gitignore|\.npmrc)$")
# Assembled here, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
MACHINE = re.compile(r"(?<![\w./])/wo" r"rk/|registry\.np" r"mjs|pypi\.o" r"rg|proxy\.go" r"lang")
# A test waits for an event, bounded. Those that look again and again do it in these places, and the soak's
# clients pause between two requests.
SLEEP = re.compile(r"\b(sleep|usleep|nanosleep)\s*\(|^\s*sleep\s")
MAY_SLEEP = {"tests/net/lab.py", "tests/net/test_ruleset.py", "tests/soak/client.js", "tests/soak/client.py",
             "tests/soak/soak.py", "tests/soak/load.py"}


def listed():
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         check=True, capture_output=True).stdout
    return [p for p in sorted(out.decode().split("\0")) if p and pathlib.Path(p).is_file()]


def functions(lines):
    """(first line, length) of every function body: an opening brace alone in the first column."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            yield start, number - start + 1
            start = None


def c_findings(lines):
    for number, length in functions(lines):
        if length > FUNCTION_LINES:
            yield number, "function-too-long", f"{length} lines; a function has at most {FUNCTION_LINES}"
    for number, line in enumerate(lines, 1):
        if re.match(r"\t* {8}", line):
            yield number, "spaces", "indentation is tabs"
        if re.match(r"\s*typedef\s+(struct|union|enum)\b[^()]*[;{]?$", line):
            yield number, "typedef", "a struct keeps its name: `struct x`"
        if "//" in re.sub(r'"(\\.|[^"\\])*"', '""', line).split("/*")[0]:
            yield number, "comment", "comments are /* ... */"


def line_findings(path, lines):
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "trailing-blank", "blanks at the end of the line"
        if len(line.expandtabs(TAB)) > COLUMNS and not path.endswith((".md", ".json")):
            yield number, "too-wide", f"{len(line.expandtabs(TAB))} columns; at most {COLUMNS}"
        if UNFINISHED.search(line):
            yield number, "unfinished", "finish it, or say in docs/ what is not there"
        if MACHINE.search(line):
            yield number, "machine", "a path of one machine, or the host of a package registry"
        if path.startswith("tests/") and path not in MAY_SLEEP and SLEEP.search(line):
            yield number, "sleep", "wait for the event, with a limit, not for time to pass"


def file_findings(path, text):
    lines = text.splitlines()
    if text and not text.endswith("\n"):
        yield len(lines), "no-newline", "the last line has no end"
    if text.endswith("\n\n"):
        yield len(lines), "blank-end", "empty lines at the end"
    if not NO_LICENCE_LINE.search(path) and not any("SPDX-License-Identifier: GPL-2.0-or-later" in line
                                                    for line in lines[:2]):
        yield 1, "licence", "the first line (the second behind #!) is the SPDX line"
    if path.endswith((".c", ".h", ".py")) and len(lines) > FILE_LINES:
        yield 1, "file-too-long", f"{len(lines)} lines; a file has one purpose and at most {FILE_LINES}"
    if path.endswith(".h") and "#pragma once\n" not in text:
        yield 1, "pragma", "a header says #pragma once"
    yield from line_findings(path, lines)
    if path.endswith((".c", ".h")):
        yield from c_findings(lines)


def main():
    found, count = [], 0
    for path in listed():
        if DATA.search(path):
            continue
        count += 1
        try:
            text = pathlib.Path(path).read_text()
        except UnicodeDecodeError:
            found.append(f"{path}: error[not-text]: not UTF-8")
            continue
        found += [f"{path}:{number}: error[{code}]: {why}" for number, code, why in file_findings(path, text)]
    print("\n".join(found) if found else f"format: {count} files in good form")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
