#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Full load through the gate for T seconds: Modbus and EtherNet/IP on many connections, as fast as they are answered, a
part of it denied, and connections that come and go. `make soak-load T=1800`. Exit code 0 only when memory and descriptors
of each of the gate's processes stayed flat, none died, every answer was right, and nothing forbidden reached the device.

    load.py [-t SECONDS] [--json FILE]
"""
import argparse
import json
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/net"))
import watch  # noqa: E402
from gate import FORBIDDEN, PEERS, Gate, children, rule, standard_rules  # noqa: E402
from lab import HISTORIAN, PLC, Lab  # noqa: E402
import modbus  # noqa: E402

CONNECTIONS, DEPTH, EVERY = 16, 4, 1.0
TRANSACTIONS = 50000000  # of Modbus, more than fit: time ends it
TAGS = 50000             # of EtherNet/IP, then anew
ROUND = 60.0             # seconds that a set of Modbus connections lives


def words(name, seconds):
    """Reads, writes and forbidden writes; and tags beside them."""
    if name == "modbus":
        return [PEERS / "load", "-s", HISTORIAN, "-c", CONNECTIONS, "-t", max(1, round(seconds)), "-n", TRANSACTIONS,
                "-d", DEPTH, "-m", "7:2:1", PLC]
    return [PEERS / "load_enip", "-s", HISTORIAN, "-c", CONNECTIONS, "-n", TAGS, "-k", "connected", PLC]


class Load:
    def __init__(self, lab):
        self.lab, self.complaints, self.requests, self.began = lab, [], {}, time.monotonic()
        lab.start("plant", PEERS / "plc", "-q", "-a", PLC, ready="^ready")
        lab.start("plant", PEERS / "logix", "-q", "-a", PLC, ready="^ready")
        tags = rule("historian-tags", "historian", "press-plc", [{"read-tags": ["Count"]}], protocol="ethernet-ip")
        self.gate = Gate(lab, [*standard_rules(), tags], queues=os.cpu_count() or 1).start()
        pids = [(f"{name} {pid}", pid) for pid, name in children(self.gate.daemon.pid).items()
                if name.startswith("gatehouse-insp")]
        self.processes = [watch.Process(*p) for p in [("supervisor", self.gate.daemon.pid), *pids]]

    def complain(self, text):
        if text not in self.complaints:
            self.complaints.append(text)

    def sample(self):
        for process in self.processes:
            try:
                process.sample(time.monotonic() - self.began)
            except (FileNotFoundError, ProcessLookupError):
                self.complain(f"{process.name} is gone")

    def start(self, name, seconds):
        return self.lab.start("enterprise", *words(name, seconds), name=name)

    def run(self, seconds):
        """Each load is started anew when it has ended, until the time is over."""
        end = time.monotonic() + seconds
        running = {name: self.start(name, min(seconds, ROUND)) for name in ("modbus", "ethernet-ip")}
        while running and time.monotonic() < end + 60:
            self.sample()
            time.sleep(EVERY)
            for name, daemon in list(running.items()):
                if daemon.process.poll() is None:
                    continue
                self.judge(name, running.pop(name))
                if (left := end - time.monotonic()) > 1:
                    running[name] = self.start(name, min(left, ROUND))
        for name in running:
            self.complain(f"{name} does not end")

    def judge(self, name, daemon):
        found = [line for line in daemon.lines if line.startswith("{")]
        if not found:
            self.complain(f"{name} gave no report: {daemon.lines[-3:]}")
            return
        report = json.loads(found[-1])
        self.requests.setdefault(name, []).append(report)
        if report.get("wrong"):
            self.complain(f"{name}: {report['wrong']} wrong answers")
        self.lab.daemons.remove(daemon)
        daemon.close()

    def finish(self):
        status = self.gate.status()
        if status["inspector"]["restarts"] or not status["healthy"]:
            self.complain(f"the gate was not healthy: {status['inspector']}, {status['problems']}")
        with self.lab.connect(PLC, source=PLC, side="plant") as direct:
            if modbus.Client(direct).read(FORBIDDEN, 1) != [FORBIDDEN]:
                self.complain("a forbidden write reached the device")
        for process in self.processes:
            self.complaints += process.complaints()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("-t", type=float, default=1800, metavar="SECONDS")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if os.geteuid():
        sys.exit("load: network namespaces need root")
    with Lab() as lab:
        load = Load(lab)
        load.run(options.t)
        load.finish()
    for process in load.processes:
        print("  " + "  ".join(f"{name}: {value}" for name, value in process.summary().items()))
    for name, reports in load.requests.items():
        print(f"  {name}: " + ", ".join(f"{figure} {sum(r.get(figure, 0) for r in reports)}"
                                        for figure in ("transactions", "reads", "writes", "denied", "wrong")
                                        if figure in reports[0]))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"complaints": load.complaints, "requests": load.requests,
            "processes": [p.summary() for p in load.processes]}, indent=2))
    for complaint in load.complaints:
        print(f"FAILED: {complaint}")
    print(f"soak-load: {'failed' if load.complaints else 'everything held'}")
    sys.exit(1 if load.complaints else 0)


if __name__ == "__main__":
    main()
