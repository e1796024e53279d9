#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random sites, random packets, one verdict: what the documents mean (site_model.py), what `apply` puts into
the kernel, and what `compile`'s text puts there by `nft -f` must agree about every packet and count every
drop at the same place. Raw frames go into a gate between three wires and are looked for behind it.

A failure names its seed; PROPERTY_SEEDS=17,18 tries those again and no others.
"""
import array
import collections
import contextlib
import json
import os
import pathlib
import random
import re
import select
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from gate import PEERS
from lab import BUILD
from site_model import (ICMP, ICMP6, INTERFACES, TCP, UDP, Model, Packet, Site, gate_addresses, networks)
from test_ruleset import entered

FIXED, FRESH = range(1, 9), 2
PACKETS = 220     # of a site
SECONDS = 5.0     # the longest wait for packets that should come
TAG = struct.Struct(">4sI")  # at the end of every packet
PREFIX = f"property-{os.getpid()}"
WORLD, GATE = f"{PREFIX}-world", f"{PREFIX}-gate"
GATEHOUSE = BUILD / "gatehouse"
DROPS = ("no_rule", "spoofed_source", "outside_schedule", "review_overdue", "not_asked")


def seeds():
    if given := os.environ.get("PROPERTY_SEEDS"):
        return [int(s) for s in given.split(",")]
    return [*FIXED, *(random.SystemRandom().randrange(1 << 32) for _ in range(FRESH))]


# ---- packets as bytes ------------------------------------------------------------------------------------

def checksum(data):
    words = array.array("H", data + b"\0" * (len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("=H", ~total & 0xFFFF)


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def transport(p, tag):
    """The bytes after the IP header, the tag at their end; where the checksum is."""
    if p.protocol == UDP:
        return struct.pack(">HHHH", p.sport, p.dport, 8 + len(tag), 0) + tag, 6
    if p.protocol == TCP:
        return struct.pack(">HHIIBBHHH", p.sport, p.dport, 1000, 2000, 0x50, p.flags or flags_of(p), 8192, 0, 0) + tag, 16
    if p.icmp:
        quoted = ip_packet(p.quoted, b"") if p.quoted else b""
        return struct.pack(">BBHI", p.icmp[1], 0, 0, 1400) + quoted + tag, 2
    return struct.pack(">HH", p.sport, p.dport) + b"\0" * 20 + tag, None


def flags_of(p):
    """Of TCP packets: half of the connections only ever open, the others are met in mid-stream."""
    if max(p.sport, p.dport) < 6000 or (p.sport + p.dport) % 2:  # two service ports: either may have asked
        return 0x18
    return 0x02 if p.sport > p.dport else 0x12


def ip_packet(p, tag):
    source, destination = address(p.source), address(p.destination)
    body, at = transport(p, tag)
    if at is not None:
        pseudo = source + destination + struct.pack(">II", len(body), p.protocol)
        whole = body if p.protocol == ICMP else pseudo + body
        body = body[:at] + checksum(whole) + body[at + 2:]
    if len(source) == 16:
        return struct.pack(">IHBB", 6 << 28, len(body), p.protocol, 64) + source + destination + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0, 64, p.protocol, 0) + source + destination
    return head[:10] + checksum(head) + head[12:] + body


# ---- packets by lot --------------------------------------------------------------------------------------

class Traffic:
    """Packets near what the rules say: allowed ones, their answers, and what differs in one thing."""

    def __init__(self, site, seed):
        self.random, self.site = random.Random(seed ^ 0x5EED), site
        self.addresses = [a["address"] for a in site.assets.values()]
        self.interface = {a["address"]: site.zones[a["zone"]]["interface"] for a in site.assets.values()}
        self.tuples = [(site.assets[r["from"]]["address"], site.assets[r["to"]]["address"],
                        UDP if r["protocol"] == "udp" else TCP, r["port"]) for r in site.rules]
        self.flows, self.errors = [], 0

    def packets(self):
        if not self.tuples:
            return []
        return [self.packet() for _ in range(PACKETS)]

    def packet(self):
        r = self.random
        make = r.choices((self.request, self.answer, self.near, self.spoofed, self.opened_by_device, self.other,
                          self.error, self.to_gate), (30, 30, 25, 6, 8, 6, 12, 3))[0]
        return make()

    def flow(self):
        r = self.random
        if not self.flows or r.random() < 0.3:
            server, device, protocol, port = r.choice(self.tuples)
            sport = r.choice([port, r.choice(self.tuples)[3], r.randint(6000, 65535), r.randint(6000, 65535)])
            self.flows.append((protocol, server, sport, device, port))
        return r.choice(self.flows)

    def request(self):
        protocol, server, sport, device, port = self.flow()
        return Packet(self.interface[server], protocol, server, device, sport, port)

    def answer(self):
        protocol, server, sport, device, port = self.flow()
        return Packet(self.interface[device], protocol, device, server, port, sport)

    def near(self):
        """An allowed packet or an answer to one, with one thing changed."""
        r = self.random
        p = r.choice((self.request, self.answer))()
        kind = r.choice(("protocol", "source", "destination", "sport", "dport", "swap"))
        if kind == "protocol":
            p.protocol = TCP if p.protocol == UDP else UDP
        elif kind == "swap":
            p.sport, p.dport = p.dport, p.sport
        elif kind in ("sport", "dport"):
            setattr(p, kind, (getattr(p, kind) + r.choice([-1, 1, 256])) % 65536)
        else:
            family = ":" in p.source
            setattr(p, kind, r.choice([a for a in self.addresses if (":" in a) == family]))
            p.interface = self.interface[p.source]
        return p

    def spoofed(self):
        p = self.random.choice((self.request, self.answer))()
        p.interface = self.random.choice([i for i in INTERFACES if i != p.interface])
        return p

    def opened_by_device(self):
        server, device, protocol, port = self.random.choice(self.tuples)
        p = Packet(self.interface[device], protocol, device, server, port, self.random.randint(6000, 65535))
        p.flags = self.random.choice([0x02, None])
        return p

    def other(self):
        """No TCP, no UDP; where there might be ports are those of a rule."""
        r = self.random
        server, device, _, port = r.choice(self.tuples)
        if r.random() < 0.5:
            return Packet(self.interface[server], r.choice([132, 136, 253]), server, device, port, port)
        p = Packet(self.interface[server], ICMP6 if ":" in server else ICMP, server, device)
        p.icmp = (p.protocol, 128 if ":" in server else r.choice([0, 8, 5, 13]))
        return p

    def error(self):
        """About a packet that was sent, that never was, or that no rule names."""
        r = self.random
        about = r.choice((self.request, self.answer, self.near))()
        if about.destination == about.source or self.errors == 60:  # the inspector takes a hundred a second
            return about
        self.errors += 1
        six = ":" in about.source
        p = Packet(self.interface[about.destination], ICMP6 if six else ICMP, about.destination, about.source,
                   quoted=about)
        p.icmp = (p.protocol, r.choice([1, 2, 3, 4] if six else [3, 3, 11, 12]))
        return p

    def to_gate(self):
        p = self.request()
        six = ":" in p.source
        p.destination = gate_addresses(self.random.choice(INTERFACES))[six]
        return p


# ---- the wires -------------------------------------------------------------------------------------------

def run(*command, check=True, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def in_gate(*command, **options):
    return run("ip", "netns", "exec", GATE, *command, **options)


class Wires:
    """A gate between three wires whose far ends are raw sockets: no neighbour discovery, no stack behind."""

    def __init__(self):
        for namespace in (WORLD, GATE):
            run("ip", "netns", "add", namespace)
        for interface in INTERFACES:
            self.lay(interface)
        for key in ("ipv4.ip_forward", "ipv6.conf.all.forwarding", "netfilter.nf_conntrack_tcp_be_liberal"):
            in_gate("sysctl", "-qw", f"net.{key}=1")
        self.sockets = {i: self.open(i) for i in INTERFACES}
        self.macs = {i: self.mac(i) for i in INTERFACES}

    @staticmethod
    def lay(interface):
        run("ip", "link", "add", interface, "netns", WORLD, "type", "veth", "peer", interface, "netns", GATE)
        in_gate("sysctl", "-qw", f"net.ipv4.conf.{interface}.rp_filter=0", "net.ipv4.conf.all.rp_filter=0")
        for namespace in (WORLD, GATE):
            run("ip", "-n", namespace, "link", "set", interface, "arp", "off")
            run("ip", "-n", namespace, "link", "set", interface, "up")
        for network in networks(interface):
            run("ip", "-n", GATE, "route", "add", network, "dev", interface)
        for gate in gate_addresses(interface):
            run("ip", "-n", GATE, "addr", "add", gate, "dev", interface)

    @staticmethod
    def open(interface):
        with entered(WORLD):
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        s.bind((interface, 3))
        return s

    @staticmethod
    def mac(interface):
        link = json.loads(run("ip", "-n", GATE, "-j", "link", "show", interface).stdout)[0]
        return bytes.fromhex(link["address"].replace(":", ""))

    def send(self, interface, packet):
        kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
        self.sockets[interface].send(self.macs[interface] + b"\2\0\0\0\0\1" + struct.pack(">H", kind) + packet)

    def arrived(self, seconds):
        """Tags of the packets that came out of the gate; waits so long for the first."""
        found = []
        ready = select.select(self.sockets.values(), [], [], seconds)[0]
        for s in ready:
            with contextlib.suppress(BlockingIOError):
                while True:
                    frame, where = s.recvfrom(2048, socket.MSG_DONTWAIT)
                    if where[2] != socket.PACKET_OUTGOING and len(frame) >= 30:
                        found.append(frame[-TAG.size:])
        return found

    def close(self):
        for s in self.sockets.values():
            s.close()


def forget_connections():
    """Empties conntrack (IPCTNL_MSG_CT_DELETE with nothing named)."""
    with entered(GATE):
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    with s:
        s.send(struct.pack("=IHHII", 20, 1 << 8 | 2, 5, 1, 0) + b"\0\0\0\0")
        code = struct.unpack_from("=i", s.recv(4096), 16)[0]
    if code:
        raise OSError(-code, "conntrack")


def counted():
    objects = json.loads(in_gate("nft", "-j", "list", "counters", "table", "inet", "gatehouse").stdout)["nftables"]
    counts = {o["counter"]["name"]: o["counter"]["packets"] for o in objects if "counter" in o}
    counts["not_asked"] = counts.pop("device_initiated") + counts.pop("unknown_connection")
    return {name: counts[name] for name in DROPS}


@contextlib.contextmanager
def everything_accepted():
    """Someone at the queue who lets everything go."""
    process = subprocess.Popen(["ip", "netns", "exec", GATE, str(PEERS / "accept_all")], stdout=subprocess.PIPE, text=True)
    try:
        if not re.match("ready", process.stdout.readline()):
            raise AssertionError("accept_all does not start")
        yield
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


class SameVerdict(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(lambda: [run("ip", "netns", "del", n, check=False) for n in (WORLD, GATE)])
        before = os.sched_getaffinity(0)
        cls.addClassCleanup(os.sched_setaffinity, 0, before)
        os.sched_setaffinity(0, {min(before)})  # one backlog: packets are judged in the order of sending
        cls.wires = Wires()
        cls.addClassCleanup(cls.wires.close)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.number = 0

    # -- ways into the kernel --

    def apply(self):
        state = self.folder / "state"
        in_gate(GATEHOUSE, "--state", state, "--runtime", self.folder / "runtime", "apply", self.folder / "site")

    def load_text(self, instead_of_queue):
        text = (self.folder / "out/ruleset.nft").read_text()
        text, queues = re.subn(r"queue num \d+", instead_of_queue, text)
        self.assertEqual(queues, 17)
        in_gate("nft", "-f", "-", input=text)

    def write(self, site):
        run("rm", "-rf", self.folder / "site", self.folder / "out", self.folder / "state")
        (self.folder / "site").mkdir()
        for name, document in site.documents.items():
            (self.folder / "site" / name).write_text(json.dumps(document, indent=1))
        run(GATEHOUSE, "compile", self.folder / "site", "-o", self.folder / "out")

    # -- packets and verdicts --

    def seen(self, packets, expected):
        """Numbers of the packets that came out, after waiting for those that should."""
        type(self).number += 1
        run_tag = struct.pack(">HH", os.getpid() & 0xFFFF, self.number)
        missing, found = set(expected), []

        def take(seconds):
            tags = [TAG.unpack(tag)[1] for tag in self.wires.arrived(seconds) if tag[:4] == run_tag]
            found.extend(tags)
            missing.difference_update(tags)
        for i, packet in enumerate(packets):
            self.wires.send(packet.interface, ip_packet(packet, TAG.pack(run_tag, i)))
            if i % 16 == 15:
                take(0)
        end = time.monotonic() + SECONDS
        while missing and time.monotonic() < end:
            take(0.05)
        take(0.02)
        return found

    def compare(self, seed, way, packets, verdicts, passing):
        forget_connections()
        before = counted()
        expected = [i for i, verdict in enumerate(verdicts) if verdict in passing]
        found = self.seen(packets, expected)
        wrong = [f"{packets[i]!r}: the documents say {verdicts[i]}, but it "
                 f"{'passed' if i in found else 'did not pass'} ({i})" for i in sorted(set(found) ^ set(expected))]
        self.assertFalse(wrong, f"seed {seed}, {way}:\n" + "\n".join(wrong))
        self.assertEqual(len(found), len(set(found)), f"seed {seed}, {way}: a packet came out twice")
        drops = {name: n - before[name] for name, n in counted().items()}
        self.assertEqual(drops, {name: verdicts.count(name) for name in DROPS}, f"seed {seed}, {way}: where they fell")

    def site_agrees(self, seed):
        site = Site(seed, time.time())
        self.write(site)
        packets, model = Traffic(site, seed).packets(), Model(site)
        verdicts = [model.verdict(packet) for packet in packets]
        self.assertNotIn(None, verdicts)
        total = collections.Counter(verdicts)
        self.apply()
        self.compare(seed, "applied, nobody at the queue", packets, verdicts, ("pass",))
        self.apply()
        with everything_accepted():
            self.compare(seed, "applied, queue accepts", packets, verdicts, ("pass", "queue"))
        self.load_text("drop")
        self.compare(seed, "nft -f, queue drops", packets, verdicts, ("pass",))
        self.load_text("accept")
        self.compare(seed, "nft -f, queue accepts", packets, verdicts, ("pass", "queue"))
        return total

    def test_random_sites(self):
        total = collections.Counter()
        for seed in seeds():
            with self.subTest(seed=seed):
                total += self.site_agrees(seed)
        print(dict(total))
        if not os.environ.get("PROPERTY_SEEDS"):  # the lot must have drawn enough of everything
            for verdict in ("pass", "queue", "to_gate", *DROPS):
                self.assertGreater(total[verdict], 20, verdict)


if os.geteuid():
    SameVerdict = unittest.skip("needs root: network namespaces")(SameVerdict)

if __name__ == "__main__":
    unittest.main()
