# SPDX-License-Identifier: GPL-2.0-or-later
"""The mbpoll client of the soak: a run of the program, and so a connection, for every request. It cannot choose
its source address: the route to its device does (see soak.py)."""
import re
import subprocess

from client import ANSWER_SECONDS, Lost, NoAnswer, Refused, Unconnected, main

TABLES = {"coils": 0, "coil": 0, "discrete": 1, "input": 3, "holding": 4, "write": 4, "many": 4}
SAYS = {"Illegal function": 1, "Illegal data address": 2, "Illegal data value": 3,
        "Gateway path unavailable": 10}


class Session:
    def __init__(self, host, port, source):
        self.host, self.port = host, port

    def ask(self, step):
        words = ["mbpoll", "-m", "tcp", "-p", self.port, "-o", ANSWER_SECONDS, "-a", step.get("unit", 1), "-0", "-1",
                 "-t", TABLES[step["op"]], "-r", step["address"]]
        words += ["-c", step["count"], self.host] if "count" in step else [self.host, *step["values"]]
        try:
            done = subprocess.run(list(map(str, words)), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=2 * ANSWER_SECONDS + 5)
        except subprocess.TimeoutExpired:
            raise NoAnswer from None
        for text, code in SAYS.items():
            if f"failed: {text}" in done.stdout:
                raise Refused(code)
        if "failed: Connection timed out" in done.stdout:
            raise NoAnswer
        # It waits half a second for a connection, whatever -o says: less than a lost SYN costs.
        if "Connection failed: Operation now in progress" in done.stdout:
            raise Unconnected("within half a second")
        if done.returncode:
            said = [line for line in done.stdout.splitlines() if "failed" in line or "rror" in line]
            raise Lost("; ".join(said) or f"exit code {done.returncode}")
        if "count" not in step:
            return None
        return [int(value) for value in re.findall(r"^\[\d+\]:\s+(\d+)", done.stdout, re.M)]

    def close(self):
        pass


main(Session)
