# SPDX-License-Identifier: GPL-2.0-or-later
"""The libmodbus client of the soak: drives build/peers/session, one line a request."""
import os
import pathlib
import subprocess

from client import ANSWER_SECONDS, Lost, NoAnswer, Refused, Unconnected, main

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SESSION = (ROOT / os.environ.get("BUILD", "build")).resolve() / "peers" / "session"
WORDS = {"holding": "read", "input": "input", "write": "write", "many": "many", "coil": "coil"}


class Session:
    def __init__(self, host, port, source):
        self.process = subprocess.Popen([SESSION, host, str(port), "1", source, str(ANSWER_SECONDS)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        if line != "connected\n":
            self.close()
            raise Unconnected(line.strip())

    def ask(self, step):
        numbers = [step["count"]] if "count" in step else step["values"]
        self.process.stdin.write(f"{WORDS[step['op']]} {step['address']} {' '.join(map(str, numbers))}\n")
        self.process.stdin.flush()
        word, *rest = self.process.stdout.readline().split() or ["lost"]
        if word == "exception":
            raise Refused(int(rest[0]))
        if word == "lost" and " ".join(rest) == "Connection timed out":
            raise NoAnswer
        if word != "ok":
            raise Lost(" ".join(rest))
        return [int(value) for value in rest] if "count" in step else None

    def close(self):
        self.process.stdin.close()
        self.process.wait()


main(Session)
