#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Node-RED's EtherNet/IP nodes with the tests' device and nothing between them: `make soak-enip` (root; npm packages).

They read and write; then a device that refuses a tag shows what one forbidden write or read costs them. Every line says
what was seen; the exit code is 0 when all of it was as docs/peers.md tells.
"""
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "net"))
import enip  # noqa: E402
from lab import BUILD, PLC, Lab, wait_until  # noqa: E402

LOGIX = BUILD / "peers" / "logix"
NPM = BUILD / "soak" / "npm"


class Pair:
    """A device and Node-RED, in a lab of their own."""

    def __init__(self, lab, device_words, *words):
        self.device = lab.start("plant", LOGIX, "-a", PLC, *device_words, ready="^ready$")
        self.red = lab.start("enterprise", "node", HERE / "nodered/enip.js", PLC, *words, name="node-red",
                             env={"SOAK_NPM": str(NPM), "SOAK_WORK": str(lab.folder)})

    def line(self, pattern, start=0):
        found = self.red.wait_line(pattern, 60, start)
        print(f"    node-red: {found}", flush=True)

    def sessions(self):
        return sum(line.startswith("open ") for line in self.device.lines)


def works():
    print("it reads, writes, and sees what another client writes", flush=True)
    with Lab() as lab:
        pair = Pair(lab, (), "Count,Guard", "Count=42,Guard=7")
        for pattern in ("^status online", "^tag Guard 0", "^writes"):
            pair.line(pattern)
        pair.device.wait_line("did write Count offset 0 data 2a000000")
        pair.device.wait_line("did write Guard offset 0 data 07000000")
        client = enip.Client(lab.connect(PLC, port=enip.PORT))
        client.register()
        values = [client.ask(enip.read(tag)).values() for tag in ("Count", "Guard")]
        client.ask(enip.write("Count", enip.DINT, 5))
        pair.line("^tag Count 5")
        return values == [[42], [7]] and pair.sessions() == 2  # its own, and the other's


def refused(style):
    print(f"a write is refused, style {style}: it connects anew, forgets that write, and goes on", flush=True)
    with Lab() as lab:
        pair = Pair(lab, ("--deny", "Guard", "--deny-writes", "--deny-style", style), "Count,Guard", "Guard=7",
                    "Count=42")
        pair.line("^writes .*Guard")
        began = time.monotonic()
        pair.line("^status offline")
        pair.line("^writes .*Count")
        pair.device.wait_line("did write")
        print(f"    {time.monotonic() - began:.1f} s from the refused write to the next one done", flush=True)
        did = [line for line in pair.device.lines if "did write" in line]
        return pair.sessions() == 2 and did == ["did write Count offset 0 data 2a000000"]


def read_refused():
    print("a read is refused: no tag of the scan has a value, and it connects again and again", flush=True)
    with Lab() as lab:
        pair = Pair(lab, ("--deny", "Guard"), "Count,Guard")
        wait_until(lambda: pair.sessions() >= 3, "a third connection", 60)
        return not any(line.startswith("tag ") for line in pair.red.lines)


def main():
    if not (NPM / "installed").exists():
        print(f"SKIP: {os.path.relpath(NPM)} is missing; `make soak-enip` installs it")
        return 0
    results = [works()] + [refused(style) for style in ("parts", "all", "whole")] + [read_refused()]
    print("as expected" if all(results) else f"NOT as expected: {results}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
