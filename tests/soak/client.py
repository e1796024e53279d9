# SPDX-License-Identifier: GPL-2.0-or-later
"""What the Python clients of the soak share: arguments, the round of requests, the checks and the report.

    client_X.py HOST PORT SOURCE-ADDRESS END PLAN PAUSE

repeats the steps of PLAN (JSON, see plant.py) with PAUSE seconds between them until END (seconds since
1970), and prints "report {...}". client.js does the same for Node.
"""
import json
import pathlib
import sys
import time

ANSWER_SECONDS = 10  # without an answer for so long on a connection that lives, a request hangs
COMPLAINTS = 8
ON, ANEW, AGAIN = range(3)


class Refused(Exception):
    """A Modbus exception."""

    def __init__(self, code):
        super().__init__(f"exception {code}")
        self.code = code


class NoAnswer(Exception):
    """Nothing came in ANSWER_SECONDS, and the connection is still there."""


class Lost(Exception):
    """The connection is gone."""


class Unconnected(Exception):
    """The connection could not be made."""


class Tally:
    def __init__(self):
        self.counts = dict.fromkeys(("requests", "allowed", "exceptions", "timeouts", "reconnects", "hangs",
                                     "unconnected", "wrong"), 0)
        self.slowest, self.complaints = 0.0, []

    def add(self, name, complaint=None):
        self.counts[name] += 1
        if complaint and len(self.complaints) < COMPLAINTS:
            self.complaints.append(complaint)

    def report(self):
        print("report " + json.dumps(self.counts | {"slowest_ms": round(self.slowest * 1000),
                                                    "complaints": self.complaints}), flush=True)


def judge(tally, step, values, code):
    """Holds one answer against what the step expects."""
    tally.add("exceptions" if code else "allowed")
    if code != step.get("exception") or (not code and values != step.get("expect", values)):
        tally.add("wrong", f"{json.dumps(step)} was answered by {f'exception {code}' if code else values}")


def one(tally, session, step):
    """Asks. Says what to do next: ON, or to make the connection ANEW, or the same request AGAIN."""
    began = time.monotonic()
    tally.add("requests")
    try:
        judge(tally, step, session.ask(step), None)
    except Refused as refusal:
        judge(tally, step, None, refusal.code)
    except NoAnswer:
        tally.add("timeouts")
        tally.add("hangs", f"no answer to {json.dumps(step)}")
        return ANEW
    except Unconnected as failure:
        tally.add("unconnected", f"no connection: {failure}")
        tally.counts["requests"] -= 1  # it never left
        return AGAIN
    except Lost as loss:
        tally.add("reconnects", f"lost at {json.dumps(step)}: {loss}")
        return ANEW
    finally:
        tally.slowest = max(tally.slowest, time.monotonic() - began)
    return ON


def connected(connect, tally, end):
    while time.time() < end:
        try:
            return connect()
        except Unconnected as failure:
            tally.add("unconnected", f"no connection: {failure}")
            time.sleep(0.5)
    return None


def main(make):
    """make(host, port, source) gives a session: ask(step) returns the values read (None for writes), or
    raises one of the above; close()."""
    host, port, source, end, path, pause = sys.argv[1:]
    steps, end, pause = json.loads(pathlib.Path(path).read_text()), float(end), float(pause)
    tally, at = Tally(), 0
    session = connected(lambda: make(host, int(port), source), tally, end)
    while session and time.time() < end:
        then = one(tally, session, steps[at % len(steps)])
        if then == ANEW:
            session.close()
            session = connected(lambda: make(host, int(port), source), tally, end)
        at += then != AGAIN
        time.sleep(pause)
    if session:
        session.close()
    tally.report()
