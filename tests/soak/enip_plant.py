# SPDX-License-Identifier: GPL-2.0-or-later
"""The EtherNet/IP part of the soak: its clients, what each may do and asks for, and whether that is what happened.

Each client has a Logix-like device (tests/peers/logix) of its own, since none of them can choose its source address: the
route to its device does. Of the device's tags it may read Count and Zone_0 to Zone_2 and write Zone_0 within limits;
Zone_1 is written from within the plant, so that there is something to see for who only scans.
"""
import dataclasses
import json
import random
import re
import sys

from plant import HERE, LIMIT, gate, node

sys.path.insert(0, str(HERE.parent))
import enip  # noqa: E402
import npm  # noqa: E402
from lab import BUILD  # noqa: E402

MODULES = BUILD / "enip" / "npm"
REFUSED = 15        # CIP's "privilege violation"
PARTLY = 30         # and "embedded service error": what some libraries say of a whole group
SCANNED = "Count,Zone_0,Zone_1"
ALLOW = [{"read-tags": ["Count", "Zone_0", "Zone_1", "Zone_2"]}, {"browse-tags": True},
         {"service": "get-attributes-all", "class": "identity", "instance": 1},
         {"write-tags": ["Zone_0"], "values": {"min": 0, "max": LIMIT}}]
FEWEST_CHANGES = 3  # of Zone_1, that a scanner tells


@dataclasses.dataclass(frozen=True)
class Peer:
    name: str
    number: int
    words: tuple
    group_refused: int = REFUSED   # what its library makes of a group with a part that is refused
    scans: bool = False            # Node-RED: reads a list again and again, and writes two times

    @property
    def address(self):
        return f"10.1.0.{20 + self.number}"

    @property
    def device(self):
        return f"10.2.0.{20 + self.number}"


PEERS = {p.name: p for p in (
    Peer("st-connected", 1, (*node("client_enip.js"), "st-connected")),
    Peer("st-unconnected", 2, (*node("client_enip.js"), "st-unconnected")),
    Peer("ethernet-ip", 3, (*node("client_enip.js"), "ethernet-ip"), PARTLY),
    Peer("node-red-enip", 4, node("nodered/enip.js"), scans=True),
)}


def installed():
    """None, or why the packages are not there."""
    return npm.install(HERE.parent / "enip", MODULES)


def rules(peers):
    found = []
    for peer in peers:
        name = f"soak-{peer.name}"
        gate.SERVERS |= {name: peer.address}
        gate.DEVICES |= {f"logix-{peer.name}": peer.device}
        found.append(gate.rule(name, name, f"logix-{peer.name}", ALLOW, protocol="ethernet-ip"))
    return found


def plan(peer, seed, rounds=12):
    """The steps that a client repeats; a write is followed by the reading of what it wrote."""
    rng, groups = random.Random(f"{seed} {peer.name}"), []
    for _ in range(rounds):
        value, high = rng.randrange(LIMIT + 1), rng.randrange(LIMIT + 1, 1 << 31)
        write = {"op": "write", "tags": ["Zone_0"], "values": [value]}
        groups += [[{"op": "read", "tags": ["Count"], "expect": [0]}],
                   [{"op": "group", "tags": ["Count", "Zone_2"], "expect": [0, 0]}],
                   [write, {"op": "read", "tags": ["Zone_0"], "expect": [value]}],
                   [write, {"op": "group", "tags": ["Count", "Zone_0"], "expect": [0, value]}],
                   [{"op": "write", "tags": ["Zone_0"], "values": [high], "exception": REFUSED}],
                   [{"op": "write", "tags": ["Guard"], "values": [1], "exception": REFUSED}],
                   [{"op": "read", "tags": ["Guard"], "exception": REFUSED}],
                   [{"op": "group", "tags": ["Count", "Guard"], "exception": peer.group_refused}]]
    rng.shuffle(groups)
    return [step for group in groups for step in group]


def permitted(did):
    """Whether the device may have done this: the rule above, said once more by hand, and the plant's own writes."""
    m = re.fullmatch(r"did write (\w+) offset 0 data ([0-9a-f]{8})", did)
    value = int.from_bytes(bytes.fromhex(m[2]), "little", signed=True) if m else -1
    return bool(m) and (m[1] == "Zone_1" or (m[1] == "Zone_0" and 0 <= value <= LIMIT))


class Device:
    """A peer's device: what became of it since the last forget()."""

    def __init__(self, lab, peer):
        self.peer, self.written, self.goal = peer, 0, 0
        lab.ip("plant", f"addr add {peer.device}/24 dev eth1")
        lab.ip("enterprise", f"addr add {peer.address}/24 dev eth0")
        lab.ip("enterprise", f"route add {peer.device}/32 via 10.1.0.1 src {peer.address}")
        self.log = lab.start("plant", gate.PEERS / "logix", "-a", peer.device, "-n", 3, ready="^ready$",
                             name=f"logix-{peer.name}")
        self.plant = enip.Client(lab.connect(peer.device, source=peer.device, side="plant", port=enip.PORT))
        self.plant.register()
        self.forget()

    def forget(self):
        self.goal += 1  # what a scanner writes in the end: another value each time, for it writes no value twice
        self.opened, self.done, self.forbidden = 0, False, []

    def take(self):
        """Reads the log once and forgets its lines."""
        lines = self.log.lines
        for line in lines:
            self.opened += line.startswith(f"open {self.peer.address}:")
            if line.startswith("did ") and "forward-" not in line:
                self.done |= line == f"did write Zone_0 offset 0 data {self.goal.to_bytes(4, 'little').hex()}"
                self.forbidden += [] if permitted(line) else [line]
        lines.clear()

    def change(self):
        """Another value in Zone_1, from within the plant."""
        self.written += 1
        self.plant.ask(enip.write("Zone_1", enip.DINT, self.written))
        self.take()


class Work:
    """The devices and clients of one soak; complaints go to `complain`."""

    def __init__(self, lab, peers, complain):
        self.lab, self.complain = lab, complain
        self.devices = {peer: Device(lab, peer) for peer in peers}

    def launch(self, phase, seed, end, pause):
        self.clients = {}
        for peer, device in self.devices.items():
            device.take()
            device.forget()
            if peer.scans:
                arguments, modules = (peer.device, SCANNED, "Count=7", f"Zone_0={device.goal}"), BUILD / "soak" / "npm"
            else:
                path = self.lab.folder / f"plan-{phase}-{peer.name}.json"
                path.write_text(json.dumps(plan(peer, f"{seed} {phase}")))
                arguments, modules = (peer.device, enip.PORT, peer.address, end, path, pause), MODULES
            self.clients[peer] = self.lab.start("enterprise", *peer.words, *arguments, name=peer.name,
                                                env={"SOAK_NPM": str(modules), "SOAK_WORK": str(self.lab.folder)})

    def sample(self):
        for device in self.devices.values():
            device.change()

    def running(self):
        return any(c.process.poll() is None for p, c in self.clients.items() if not p.scans)

    def reports(self, phase, loss):
        """Ends what does not end by itself; judges each client. Name -> report."""
        found = {}
        for peer, client in self.clients.items():
            device = self.devices[peer]
            device.take()
            report = self.scanned(device, client) if peer.scans else self.told(peer, client)
            if report:
                report["connections"] = device.opened
                found[peer.name] = report
                self.judge(phase, peer, report, 2 if peer.scans else 1, loss)
            for what in device.forbidden[:5]:
                self.complain(f"{phase}: the device of {peer.name} did what is forbidden: {what}")
        return found

    def told(self, peer, client):
        if client.process.poll() is None:
            self.complain(f"{peer.name} did not end: it hangs")
            client.kill()
        lines = [line for line in client.lines if line.startswith("report ")]
        if not lines:
            self.complain(f"{peer.name} gave no report; it said: " + " / ".join(client.lines[-5:]))
            return None
        return json.loads(lines[-1].removeprefix("report "))

    @staticmethod
    def scanned(device, client):
        """What Node-RED told, in the form of a report: each change that it saw is an allowed request, and each time
        that it went offline an exception (the one write that is refused) or a connection lost."""
        lines = client.lines
        client.stop()
        told = {word: sum(line.startswith(word) for line in lines)
                for word in ("tag Zone_1", "status offline", "writes")}
        return {"allowed": told["tag Zone_1"], "exceptions": 1 if told["status offline"] else 0,
                "requests": told["tag Zone_1"] + told["writes"], "timeouts": 0, "hangs": 0,
                "reconnects": max(told["status offline"] - 1, 0), "unconnected": 0,
                "wrong": int(not device.done), "complaints": lines[-5:]}

    def judge(self, phase, peer, report, wanted, loss):
        for what in ("hangs", "wrong"):
            if report[what]:
                self.complain(f"{phase}: {peer.name}: {report[what]} {what}: {report['complaints'][:3]}")
        if report["allowed"] < FEWEST_CHANGES or not report["exceptions"]:
            self.complain(f"{phase}: {peer.name} did not work: {report}")
        most = wanted + report["unconnected"]
        if report["reconnects"] or not wanted <= report["connections"] <= most or (report["unconnected"] and not loss):
            self.complain(f"{phase}: {peer.name} had {report['connections']} connections instead of {wanted}: "
                          f"{report['complaints'][:3]}")
