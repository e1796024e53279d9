#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Modbus and EtherNet/IP clients that are not ours work through the gate for T seconds: the first half on a sound network, the
second on one that loses packets. `make soak T=600`. Prints a table; exit code 0 only when no client was hung,
misled or cut off, the device saw nothing forbidden, and the gate's processes neither grew nor died.

    soak.py [-t SECONDS] [--loss PERCENT] [--json FILE] [CLIENT...]
"""
import argparse
import json
import os
import random
import sys
import time

import enip_plant
import plant
import watch
from gate import PEERS as PROGRAMS, Gate
from lab import ENERGY, HISTORIAN, METER, Lab, wait_until

EXPECTED_REASONS = {"address-not-allowed", "value-not-allowed", "function-not-allowed", "unit-not-allowed",
                    "tag-not-allowed"}
PAUSE = 0.01        # between two requests of a client: it is about time, not about speed
SLOW_PAUSE = 0.3    # for one that starts a process for each
GRACE = 30.0        # for the last answer of a client, and the report
LOSS = """table netdev loss {{
	chain in {{
		type filter hook ingress device "{0}" priority 0
		numgen random mod 1000 < {1} counter drop
	}}
	chain out {{
		type filter hook egress device "{0}" priority 0
		numgen random mod 1000 < {1} counter drop
	}}
}}
"""


class Soak:
    """A lab, a gate and its clients. run() may be called several times; `complaints` is what was wrong."""

    def __init__(self, peers, seed, enip_peers=()):
        self.peers, self.seed, self.enip_peers = peers, seed, enip_peers
        self.complaints, self.phases, self.began = [], [], time.monotonic()

    def start(self, lab):
        self.lab = lab
        for peer in self.peers:
            if peer.address not in (HISTORIAN, ENERGY):
                lab.ip("enterprise", f"addr add {peer.address}/24 dev eth0")
        # For the client that cannot choose: whoever goes to the meter is the energy server.
        lab.ip("enterprise", f"route add {METER}/32 via 10.1.0.1 src {ENERGY}")
        self.plc = lab.start("plant", PROGRAMS / "plc", ready="^ready")
        self.enip = enip_plant.Work(lab, self.enip_peers, self.complain)
        self.gate = Gate(lab, plant.rules(self.peers) + enip_plant.rules(self.enip_peers)).start()
        self.processes = [watch.Process("supervisor", self.gate.daemon.pid),
                          watch.Process("inspector", wait_until(self.gate.inspector, "an inspector"))]
        self.sample()
        return self

    def sample(self):
        for process in self.processes:
            try:
                process.sample(time.monotonic() - self.began)
            except (FileNotFoundError, ProcessLookupError):
                self.complain(f"the {process.name} (pid {process.pid}) is gone")

    def complain(self, text):
        if text not in self.complaints:
            self.complaints.append(text)

    # -- one phase ---------------------------------------------------------------------------------------------

    def run(self, name, seconds, loss=0.0):
        """Starts every client, waits for their reports, and judges them."""
        before, events_before = self.gate.status()["counters"], len(self.gate.events())
        log = watch.DeviceLog(self.plc, self.peers)
        self.lose(loss)
        end = time.time() + seconds
        clients = {peer: self.launch(peer, end, name) for peer in self.peers}
        self.enip.launch(name, self.seed, end, PAUSE)
        while time.time() < end or (time.time() < end + GRACE and
                                    (any(c.process.poll() is None for c in clients.values()) or self.enip.running())):
            time.sleep(min(1.0, max(0.1, end - time.time())))
            self.sample()
            self.enip.sample()
        self.lose(0)
        reports = {peer: self.report(peer, client) for peer, client in clients.items()}
        log.finish()
        enip_reports = self.enip.reports(name, loss)
        self.phases.append({"name": name, "seconds": seconds, "loss": loss, "dropped": self.dropped,
                            "clients": {p.name: r for p, r in reports.items() if r} | enip_reports})
        for peer, report in reports.items():
            if report:
                self.judge(name, peer, report, log, loss)
        self.judge_gate(name, [*reports.values(), *enip_reports.values()], before, events_before)
        for what in log.forbidden[:5]:
            self.complain(f"{name}: the device saw a forbidden request of {what}")

    def launch(self, peer, end, phase):
        path = self.lab.folder / f"plan-{phase}-{peer.name}.json"
        path.write_text(json.dumps(plant.plan(peer, f"{self.seed} {phase}")))
        pause = SLOW_PAUSE if peer.a_connection_each else PAUSE
        words = [*peer.words, plant.DEVICES[peer.device], 502, peer.address, end, path, pause]
        return self.lab.start("enterprise", *words, name=peer.name,
                              env={"SOAK_NPM": str(plant.NPM), "SOAK_WORK": str(self.lab.folder)})

    def report(self, peer, client):
        if client.process.poll() is None:
            self.complain(f"{peer.name} did not end: it hangs")
            client.kill()
        found = [line for line in client.lines if line.startswith("report ")]
        if not found:
            self.complain(f"{peer.name} gave no report; it said: " + " / ".join(client.lines[-5:]))
            return None
        return json.loads(found[-1].removeprefix("report "))

    def lose(self, percent):
        """Drops packets at random on the wires' far ends, both directions; 0 = no more."""
        self.dropped = 0
        for side, interface in (("enterprise", "eth0"), ("plant", "eth1")):
            listed = self.lab.run(side, "nft", "-j", "list", "tables", "netdev").stdout
            if '"loss"' in listed:
                rules = json.loads(self.lab.run(side, "nft", "-j", "list", "table", "netdev", "loss").stdout)
                self.dropped += sum(e["counter"]["packets"] for item in rules["nftables"] if "rule" in item
                                    for e in item["rule"]["expr"] if "counter" in e)
                self.lab.run(side, "nft", "delete", "table", "netdev", "loss")
            if percent:
                path = self.lab.folder / "loss.nft"
                path.write_text(LOSS.format(interface, round(percent * 10)))
                self.lab.run(side, "nft", "-f", path)

    # -- what has to hold --------------------------------------------------------------------------------------

    def judge(self, phase, peer, report, log, loss):
        for what in ("hangs", "wrong"):
            if report[what]:
                self.complain(f"{phase}: {peer.name}: {report[what]} {what}: {report['complaints'][:3]}")
        if not report["allowed"] or not report["exceptions"]:
            self.complain(f"{phase}: {peer.name} did not work: {report}")
        opened = log.opened.get(peer.name, 0)
        wanted = report["requests"] if peer.a_connection_each else 1
        report["connections"] = opened
        # Only the making of a connection may fail, by loss or by haste: some clients give up very early.
        failed = report["unconnected"]
        if report["reconnects"] or not wanted <= opened <= wanted + failed or (
                failed and not loss and not peer.a_connection_each):
            self.complain(f"{phase}: {peer.name} had {opened} connections instead of {wanted}: "
                          f"{report['complaints'][:3]}")
        seen = log.requests.get(peer.name, 0)
        if not 0 <= seen - report["allowed"] <= peer.polls:
            self.complain(f"{phase}: {peer.name} had {report['allowed']} answers, the device saw {seen} requests")

    def judge_gate(self, phase, reports, before, events_before):
        status = self.gate.status()
        denied = status["counters"]["requests_denied"] - before["requests_denied"]
        exceptions = sum(r["exceptions"] for r in reports if r)
        if denied != exceptions:
            self.complain(f"{phase}: the gate denied {denied} requests, the clients had {exceptions} exceptions")
        for what in ("overruns", "truncated", "unsent", "quarantined"):
            if status["counters"][what] != before[what]:
                self.complain(f"{phase}: {what}: {status['counters'][what] - before[what]}")
        if status["inspector"]["restarts"] or not status["healthy"]:
            self.complain(f"{phase}: the gate was not healthy: {status['inspector']}, {status['problems']}")
        if (pid := self.gate.inspector()) != self.processes[1].pid:
            self.complain(f"{phase}: the inspector is another one: {pid}")
        strange = {e.get("reason") for e in self.gate.events()[events_before:]} - EXPECTED_REASONS - {None}
        if strange:
            self.complain(f"{phase}: the gate recorded {', '.join(sorted(strange))}")

    def finish(self):
        for process in self.processes:
            self.complaints += process.complaints()
        return self.complaints


# -- the command -------------------------------------------------------------------------------------------------

COLUMNS = ("requests", "allowed", "exceptions", "timeouts", "reconnects", "hangs", "wrong", "unconnected",
           "connections",
           "slowest_ms")


def print_phase(phase):
    print(f"\n{phase['name']}: {phase['seconds']:g} s, {phase['loss']:g} % lost at each of four places"
          f" ({phase['dropped']} packets)")
    print(f"  {'client':14}" + "".join(f"{c:>13}" for c in COLUMNS))
    for name, report in phase["clients"].items():
        print(f"  {name:14}" + "".join(f"{report.get(c, '-'):>13}" for c in COLUMNS), flush=True)


def print_processes(processes):
    print(f"\n  {'process':14}{'KiB first':>13}{'warm':>13}{'last':>13}{'KiB an hour':>13}{'descriptors':>22}")
    for s in (p.summary() for p in processes):
        files = f"{s['descriptors_first']}, {s['descriptors_last']}, at most {s['descriptors_highest']}"
        print(f"  {s['process']:14}{s['memory_first_kib']:>13}{s['memory_warm_kib']:>13}{s['memory_last_kib']:>13}"
              f"{s['memory_kib_an_hour']:>13}{files:>22}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("-t", type=float, default=600, metavar="SECONDS", help="both halves together")
    parser.add_argument("--loss", type=float, default=1, metavar="PERCENT", help="at each of four places")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=", ".join(plant.PEERS | enip_plant.PEERS))
    options = parser.parse_args()
    if unknown := set(options.clients) - set(plant.PEERS | enip_plant.PEERS):
        parser.error(f"no such client: {', '.join(unknown)}")
    return options


def main():
    options = parse()
    if os.geteuid():
        sys.exit("soak: network namespaces need root")
    chosen = options.clients or [*plant.PEERS, *enip_plant.PEERS]
    soak = Soak([plant.PEERS[name] for name in chosen if name in plant.PEERS], options.seed,
                [enip_plant.PEERS[name] for name in chosen if name in enip_plant.PEERS])
    if soak.enip_peers and (reason := enip_plant.installed()):
        sys.exit(f"soak: {reason}")
    print(f"soak: {options.t:g} s, seed {options.seed}, clients: {', '.join(chosen)}", flush=True)
    with Lab() as lab:
        soak.start(lab)
        for name, loss in (("sound", 0.0), ("lossy", options.loss)):
            soak.run(name, options.t / 2, loss)
            print_phase(soak.phases[-1])
        complaints = soak.finish()
    print_processes(soak.processes)
    if options.json:
        with open(options.json, "w") as out:
            json.dump({"phases": soak.phases, "processes": [p.summary() for p in soak.processes],
                       "complaints": complaints}, out, indent=2)
    for complaint in complaints:
        print(f"FAILED: {complaint}")
    print(f"\nsoak: {'failed' if complaints else 'everything held'}")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
