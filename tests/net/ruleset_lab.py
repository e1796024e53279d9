#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The ruleset alone in the real kernel: three namespaces (it - gate - ot), and packets to send and see."""
import contextlib
import ctypes
import json
import os
import pathlib
import socket
import struct
import subprocess
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("RULESET_TOOL", ROOT / os.environ.get("BUILD", "build") / "tools/ruleset_tool"))
PREFIX = f"netfilter-{os.getpid()}"
IT, GATE, OT = (f"{PREFIX}-{side}" for side in ("it", "gate", "ot"))
SERVER, DEVICE, METER = "10.1.0.2", "10.2.0.2", "10.2.0.3"
SERVER6, DEVICE6 = "fd00:1::2", "fd00:2::2"
INSPECTED, REPLY, TIMED, MADE = 0x40000000, 0x20000000, 0x10000000, 0x80000000
SECONDS = 10  # the longest that anything is waited for
SO_MARK = 36
LIBC = ctypes.CDLL(None, use_errno=True)

HOMES = """\
home it 10.1.0.0 24
home ot 10.2.0.0 24
home it fd00:1:: 64
home ot fd00:2:: 64
"""


def run(*command, text=None, check=True):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def inside(namespace, *command, **options):
    return run("ip", "netns", "exec", namespace, *command, **options)


@contextlib.contextmanager
def entered(namespace):
    """What is opened meanwhile belongs to the namespace and stays there."""
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
        if LIBC.setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            LIBC.setns(home.fileno(), 0)


def until(what, condition):
    """Waits for an event; fails when it does not come."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if got := condition():
            return got
        time.sleep(0.01)
    raise AssertionError(f"not within {SECONDS} s: {what}")


def conduit(server, device, transport, port, mark, rules="a-rule", line=1):
    return f"conduit {server} {device} {transport} {port} 0x{mark:08x} {rules} rules/x.json {line}\n"


def load(*lines, check=True):
    return inside(GATE, str(TOOL), "load", text=HOMES + "".join(lines), check=check)


def drops():
    lines = inside(GATE, str(TOOL), "drops").stdout.splitlines()
    return {name: int(count) for name, count in (line.split() for line in lines)}


def counts():
    lines = inside(GATE, str(TOOL), "counts").stdout.splitlines()
    return {int(mark, 16): int(packets) for mark, packets, *_ in (line.split() for line in lines)}


def listing():
    objects = json.loads(inside(GATE, "nft", "-j", "list", "ruleset").stdout)["nftables"]
    return [o for o in objects if "metainfo" not in o]


def without_handles(thing):
    """Without what differs between two tables that say the same: handles, counts, the order of elements."""
    if isinstance(thing, dict):
        kept = {k: without_handles(v) for k, v in thing.items() if k not in ("handle", "packets", "bytes")}
        if "elem" in kept and isinstance(kept["elem"], list):
            kept["elem"].sort(key=json.dumps)
        return kept
    if isinstance(thing, list):
        return [without_handles(v) for v in thing]
    return thing


def take_queue_rules(objects):
    """Cuts the last statement (queue, xt or drop) from the two rules that queue; returns what they were."""
    first = {}
    for rule in (o["rule"] for o in objects if "rule" in o):
        first.setdefault(rule["chain"], rule)
    return [first[chain]["expr"].pop() if len(first[chain]["expr"]) > 1 else None for chain in ("ask", "forward")]


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def udp4(source, sport, destination, dport, payload=b"made"):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 1, 0, 64, 17, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return head + struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


class Network(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls.remove)
        for namespace in (IT, GATE, OT):
            run("ip", "netns", "add", namespace)
            # Neither router solicitations nor late multicast reports: they would be counted as drops.
            inside(namespace, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1",
                   "net.ipv6.conf.default.mldv2_unsolicited_report_interval=1")
            inside(namespace, "ip", "link", "set", "lo", "up")
        for side, namespace, net in (("it", IT, 1), ("ot", OT, 2)):
            run("ip", "link", "add", side, "netns", GATE, "type", "veth", "peer", "gate", "netns", namespace)
            for where, device, host in ((GATE, side, 1), (namespace, "gate", 2)):
                inside(where, "ip", "addr", "add", f"10.{net}.0.{host}/24", "dev", device)
                inside(where, "ip", "addr", "add", f"fd00:{net}::{host}/64", "dev", device, "nodad")
                inside(where, "ip", "link", "set", device, "up")
            inside(namespace, "ip", "route", "add", "default", "via", f"10.{net}.0.1")
            inside(namespace, "ip", "-6", "route", "add", "default", "via", f"fd00:{net}::1")
        inside(OT, "ip", "addr", "add", f"{METER}/24", "dev", "gate")
        inside(IT, "ip", "addr", "add", "10.9.0.9/32", "dev", "lo")
        for key in ("ipv4.ip_forward=1", "ipv4.conf.all.rp_filter=0",
                    "ipv4.conf.it.rp_filter=0", "ipv4.conf.ot.rp_filter=0"):
            inside(GATE, "sysctl", "-qw", f"net.{key}")
        load()
        seen = [None] * 20
        def quiet():
            seen.append(drops())
            return seen[-1] == seen[-20]
        until("quiet on the wires", quiet)

    @classmethod
    def remove(cls):
        for namespace in (IT, GATE, OT):
            run("ip", "netns", "del", namespace, check=False)

    def setUp(self):
        inside(GATE, "nft", "flush", "ruleset")

    def new_socket(self, namespace, family=socket.AF_INET, kind=socket.SOCK_DGRAM, protocol=0):
        with entered(namespace):
            s = socket.socket(family, kind, protocol)
        self.addCleanup(s.close)
        s.settimeout(SECONDS)
        if kind == socket.SOCK_STREAM:  # closed at once: nothing is sent again into the next test
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return s

    def bound(self, namespace, address, kind=socket.SOCK_DGRAM):
        s = self.new_socket(namespace, socket.AF_INET6 if ":" in address[0] else socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(address)
        if kind == socket.SOCK_STREAM:
            s.listen()
        return s

    def assertPasses(self, sender, receiver, address, payload=b"hello"):
        sender.sendto(payload, address)
        got, peer = receiver.recvfrom(2048)
        self.assertEqual(got, payload)
        return peer

    def assertDropped(self, reason, send, receiver=None):
        """The packet reaches that drop place and nothing else; the receiver stays empty."""
        before = drops()
        send()
        until(f"a drop counted as {reason}", lambda: drops()[reason] > before[reason])
        others = {k: v for k, v in drops().items() if k != reason}
        self.assertEqual(others, {k: v for k, v in before.items() if k != reason})
        if receiver:
            receiver.setblocking(False)
            self.assertRaises(BlockingIOError, receiver.recv, 2048)
            receiver.settimeout(SECONDS)
