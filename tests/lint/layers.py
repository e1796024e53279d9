#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds every file of src/ to the floors of the Makefile: FLOOR:ALLOWED,ALLOWED ... as arguments."""
import pathlib
import re
import sys

# The only places that may use a system library's headers.
OWNERS = {"sodium.h": "bundle", "jansson.h": "json", "sqlite3.h": "record", "pcap/pcap.h": "capture"}
# Floors compiled to WebAssembly: nothing but these system headers, which need no libc.
CORE = {"protocol", "inspect"}
FREESTANDING = {"stdbool.h", "stddef.h", "stdint.h"}


def findings(src, layers):
    for path in sorted(src.rglob("*.[ch]")):
        floor = path.relative_to(src).parts[0]
        if floor not in layers:
            yield f"{path}: error[layer]: no floor is called \"{floor}\"; the floors are in the Makefile"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if m := re.match(r'\s*#\s*include\s+"([^/"]+)/', line):
                if m[1] not in layers[floor] | {floor}:
                    yield f"{path}:{number}: error[layer]: {floor}/ may not include from {m[1]}/"
            elif m := re.match(r"\s*#\s*include\s+<([^>]+)>", line):
                if m[1] in OWNERS and floor != OWNERS[m[1]]:
                    yield f"{path}:{number}: error[layer]: only {OWNERS[m[1]]}/ includes <{m[1]}>"
                if floor in CORE and m[1] not in FREESTANDING:
                    yield f"{path}:{number}: error[layer]: the decision core is freestanding; <{m[1]}> is not"


def main(args):
    layers = {}
    for arg in args:
        floor, _, allowed = arg.partition(":")
        layers[floor] = set(filter(None, allowed.split(",")))
    found = list(findings(pathlib.Path("src"), layers))
    print("\n".join(found) if found else f"layers: {len(layers)} floors, every include in place")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
