#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The ruleset in the real kernel: three namespaces (it - gate - ot) and real packets."""
import contextlib
import ctypes
import errno
import json
import os
import pathlib
import socket
import struct
import subprocess
import time
import unittest

from listings import conduit_numbers, take_queue_rules, take_quoted_maps, without_handles

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("RULESET_TOOL", ROOT / os.environ.get("BUILD", "build") / "tools/ruleset_tool"))
PREFIX = f"netfilter-{os.getpid()}"
IT, GATE, OT = (f"{PREFIX}-{side}" for side in ("it", "gate", "ot"))
SERVER, DEVICE, METER = "10.1.0.2", "10.2.0.2", "10.2.0.3"
SERVER6, DEVICE6 = "fd00:1::2", "fd00:2::2"
INSPECTED, REPLY, TIMED, MADE = 0x40000000, 0x20000000, 0x10000000, 0x80000000
TIMETABLE = 1 << 17  # times its number
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


class Listing(Network):
    RULES = (HOMES + conduit(SERVER, DEVICE, "tcp", 502, INSPECTED | 1, "reads,writes")
             + conduit(SERVER, DEVICE, "udp", 5000, 2)
             + conduit(SERVER, METER, "tcp", 502, INSPECTED | TIMED | 2 * TIMETABLE | 3)
             + conduit(SERVER6, DEVICE6, "tcp", 4840, 4)
             + "window 2 1767225600 1798761600\nwindow 2 1798800000 1798900000 3600 7199\n"
             + "overdue 2 3 1798800000\noverdue 4 4 0\n"
             + "home it 10.3.0.7 32\nhome ot 10.40.0.0 13\nhome ot 10.2.0.128 25\nhome it fd00:1::7 128\n"
             + "own 10.1.0.5 udp 123 time-server rules/site.json 9\nown fd00:1::6 tcp 6514 log-collector rules/site.json 9\n")

    def test_text_and_netlink_make_the_same_table(self):
        text = inside(GATE, str(TOOL), "text-without-queue", text=self.RULES).stdout
        inside(GATE, "nft", "-f", "-", text=text)
        by_text = without_handles(listing())
        inside(GATE, "nft", "flush", "ruleset")
        inside(GATE, str(TOOL), "load", text=self.RULES)
        by_netlink = without_handles(listing())
        self.assertEqual(take_queue_rules(by_text), [{"drop": None}] * 17)
        self.assertNotIn({"drop": None}, take_queue_rules(by_netlink))
        quoted = take_quoted_maps(by_text)
        self.assertEqual(quoted, {f"quoted_{name}": conduit_numbers(by_netlink, name) for name in ("conduits4", "conduits6")})
        self.assertEqual({name: len(rows) for name, rows in quoted.items()}, {"quoted_conduits4": 3, "quoted_conduits6": 1})
        self.assertEqual(json.loads(json.dumps(by_text).replace("@quoted_", "@")), by_netlink)
        self.assertGreater(len([o for o in by_netlink if "rule" in o]), 40)

    def test_loading_the_text_twice_gives_the_same_table(self):
        text = inside(GATE, str(TOOL), "text-without-queue", text=self.RULES).stdout
        inside(GATE, "nft", "-f", "-", text=text)
        once = without_handles(listing())
        inside(GATE, "nft", "-f", "-", text=text)
        self.assertEqual(without_handles(listing()), once)

    def test_portable_text_differs_by_the_queue_alone(self):
        portable = inside(GATE, str(TOOL), "text", text=self.RULES).stdout.splitlines()
        without = inside(GATE, str(TOOL), "text-without-queue", text=self.RULES).stdout.splitlines()
        self.assertEqual([line.strip() for line in portable if line not in without],
                         ["meta mark & 0x08000000 == 0x08000000 queue num 4426"]
                         + [f"meta mark & 0x0000000f == 0x{bucket:08x} queue num 4410" for bucket in range(16)])

    def test_other_tables_are_left_alone(self):
        inside(GATE, "nft", "-f", "-", text="table ip plant { chain c { counter accept; }; }")
        before = without_handles([o for o in listing() if next(iter(o.values())).get("table") == "plant"])
        load()
        load(conduit(SERVER, DEVICE, "udp", 5000, 2))
        inside(GATE, str(TOOL), "remove-open")
        self.assertEqual(without_handles([o for o in listing() if next(iter(o.values())).get("table") == "plant"]),
                         before)
        self.assertEqual({o["table"]["name"] for o in listing() if "table" in o}, {"plant"})

    def test_refusal_names_the_line_and_changes_nothing(self):
        load(conduit(SERVER, DEVICE, "udp", 5000, 2))
        before = listing()
        done = load(conduit(SERVER, DEVICE, "udp", 5000, 2), conduit(SERVER, DEVICE, "udp", 6000, 3),
                    conduit(SERVER, DEVICE, "udp", 6000, 4, line=77), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("rules/x.json:77:1: error[kernel-refused]: the kernel refused the conduit "
                      "10.1.0.2 -> 10.2.0.2, udp port 6000: File exists", done.stderr)
        self.assertEqual(listing(), before)

    def test_ten_thousand_conduits_arrive_whole_and_fast(self):
        lines = [conduit(f"10.1.{i // 200}.{i % 200}", f"10.2.0.{i % 250}", "tcp", 502, INSPECTED | i + 1, f"rule-{i}")
                 for i in range(10000)]
        started = time.monotonic()
        load(*lines)
        took = time.monotonic() - started
        self.assertEqual(len(counts()), 10000)
        self.assertEqual(set(counts()), {INSPECTED | i + 1 for i in range(10000)})
        self.assertLess(took, 3, "seconds, on a slow and busy machine")

    def test_what_somebody_changed_is_put_right(self):
        load(conduit(SERVER, DEVICE, "udp", 5000, 2))
        good = without_handles(listing())
        for change in ("add rule inet gatehouse forward accept", "insert rule inet gatehouse forward accept",
                       "add chain inet gatehouse extra { type filter hook forward priority -1; policy accept; }",
                       "add chain inet gatehouse forward { policy accept; }",
                       "flush chain inet gatehouse forward", "flush set inet gatehouse homes4",
                       "add element inet gatehouse conduits4 { 10.1.0.9 . 10.2.0.9 . tcp . 1 : 0x9 }",
                       "add table inet gatehouse { flags dormant; }", "delete table inet gatehouse"):
            with self.subTest(change):
                inside(GATE, "nft", change)
                self.assertNotEqual(without_handles(listing()), good)
                load(conduit(SERVER, DEVICE, "udp", 5000, 2))
                self.assertEqual(without_handles(listing()), good)


class Packets(Network):
    def test_documented_tuple_passes_both_ways_and_nothing_else(self):
        load(conduit(SERVER, DEVICE, "udp", 5000, 2))
        client = self.bound(IT, (SERVER, 0))
        device, other = self.bound(OT, (DEVICE, 5000)), self.bound(OT, (DEVICE, 5001))
        peer = self.assertPasses(client, device, (DEVICE, 5000))
        self.assertPasses(device, client, peer)
        self.assertDropped("no-rule", lambda: client.sendto(b"x", (DEVICE, 5001)), other)
        self.assertDropped("no-rule", lambda: client.sendto(b"x", (METER, 5000)))
        self.assertDropped("to-gate", lambda: client.sendto(b"x", ("10.1.0.1", 5000)))
        self.assertEqual(counts(), {2: 2})

    def test_tcp_is_not_udp(self):
        load(conduit(SERVER, DEVICE, "udp", 5000, 2))
        self.bound(OT, (DEVICE, 5000), socket.SOCK_STREAM)
        client = self.new_socket(IT, kind=socket.SOCK_STREAM)
        client.setblocking(False)
        self.assertDropped("no-rule", lambda: client.connect_ex((DEVICE, 5000)))

    def test_ipv6(self):
        load(conduit(SERVER6, DEVICE6, "udp", 5000, 2))
        client = self.bound(IT, (SERVER6, 0))
        device, other = self.bound(OT, (DEVICE6, 5000)), self.bound(OT, (DEVICE6, 5001))
        peer = self.assertPasses(client, device, (DEVICE6, 5000))
        self.assertPasses(device, client, peer)
        self.assertDropped("no-rule", lambda: client.sendto(b"x", (DEVICE6, 5001)), other)
        self.assertDropped("to-gate", lambda: client.sendto(b"x", ("fd00:1::1", 5000)))

    def test_spoofed_source(self):
        load(conduit(SERVER, DEVICE, "udp", 5000, 2), conduit("10.9.0.9", DEVICE, "udp", 5000, 3))
        device = self.bound(OT, (DEVICE, 5000))
        stranger = self.bound(IT, ("10.9.0.9", 0))
        self.assertDropped("spoofed-source", lambda: stranger.sendto(b"x", (DEVICE, 5000)), device)
        raw = self.new_socket(OT, kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW)
        self.assertDropped("spoofed-source", lambda: raw.sendto(udp4(SERVER, 7, "10.2.0.1", 5000), ("10.2.0.1", 0)))

    def test_device_may_answer_but_not_open(self):
        load(conduit(SERVER, DEVICE, "tcp", 8000, 2))
        self.bound(IT, (SERVER, 9000), socket.SOCK_STREAM)
        device = self.bound(OT, (DEVICE, 8000), socket.SOCK_STREAM)
        rude = self.new_socket(OT, kind=socket.SOCK_STREAM)
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client = self.new_socket(IT, kind=socket.SOCK_STREAM)
        client.connect((DEVICE, 8000))
        device.accept()[0].close()
        device.close()
        rude.bind((DEVICE, 8000))
        rude.setblocking(False)
        before = drops()["device-initiated"]
        rude.connect_ex((SERVER, 9000))
        until("a drop", lambda: drops()["device-initiated"] > before)

    def test_revoked_rule_stops_an_established_connection_at_once(self):
        keep = conduit(SERVER, METER, "tcp", 8000, 3)
        load(conduit(SERVER, DEVICE, "tcp", 8000, 2), keep)
        listener = self.bound(OT, (DEVICE, 8000), socket.SOCK_STREAM)
        client = self.new_socket(IT, kind=socket.SOCK_STREAM)
        client.connect((DEVICE, 8000))
        device = listener.accept()[0]
        self.addCleanup(device.close)
        client.sendall(b"before")
        self.assertEqual(device.recv(100), b"before")
        load(keep)
        self.assertDropped("no-rule", lambda: client.sendall(b"after"), device)
        self.assertDropped("no-rule", lambda: device.sendall(b"after"), client)

    def test_inspected_passes_nowhere_without_an_inspector(self):
        load(conduit(SERVER, DEVICE, "udp", 5099, INSPECTED | 1))
        client, device = self.bound(IT, (SERVER, 0)), self.bound(OT, (DEVICE, 5099))
        client.sendto(b"x", (DEVICE, 5099))
        until("the conduit's counter", lambda: counts()[INSPECTED | 1] == 1)
        device.sendto(b"x", client.getsockname())
        until("the conduit's counter", lambda: counts()[INSPECTED | 1] == 2)
        for end in (client, device):
            end.setblocking(False)
            self.assertRaises(BlockingIOError, end.recv, 100)
        self.assertEqual(sum(drops().values()), 0)
        flows = pathlib.Path("/proc/net/nf_conntrack")
        if flows.exists():
            self.assertNotIn("port=5099", inside(GATE, "cat", str(flows)).stdout)

    def test_windows(self):
        now = int(time.time())
        marks = [TIMED | n | n * TIMETABLE for n in (1, 2, 3, 4)]
        spans = [(now - 60, now + 3600), (now - 7200, now - 3600), (now + 3600, now + 7200), (now - 60, now + 3600)]
        load(*(conduit(SERVER, DEVICE, "udp", 6000 + i, mark) for i, mark in enumerate(marks)),
             *(f"window {n} {a} {b}\n" for n, (a, b) in zip((1, 2, 3), spans)))
        client = self.bound(IT, (SERVER, 0))
        devices = [self.bound(OT, (DEVICE, 6000 + i)) for i in range(4)]
        peer = self.assertPasses(client, devices[0], (DEVICE, 6000))
        self.assertPasses(devices[0], client, peer)
        for i in (1, 2, 3):  # past, to come, and a timed conduit that has no window at all
            with self.subTest(i):
                self.assertDropped("outside-schedule", lambda i=i: client.sendto(b"x", (DEVICE, 6000 + i)), devices[i])
        self.assertDropped("outside-schedule", lambda: devices[1].sendto(b"x", client.getsockname()), client)

    def test_a_window_closes_and_opens_by_itself(self):
        now = int(time.time())
        load(conduit(SERVER, DEVICE, "udp", 6000, TIMED | TIMETABLE | 1),
             conduit(SERVER, DEVICE, "udp", 6001, TIMED | 2 * TIMETABLE | 2),
             f"window 1 {now - 10} {now + 3}\n", f"window 2 {now + 3} {now + 60}\n")
        client = self.bound(IT, (SERVER, 0))
        closing, opening = self.bound(OT, (DEVICE, 6000)), self.bound(OT, (DEVICE, 6001))
        self.assertPasses(client, closing, (DEVICE, 6000))
        self.assertDropped("outside-schedule", lambda: client.sendto(b"x", (DEVICE, 6001)), opening)
        self.assertLess(time.time(), now + 3, "the machine is too slow for this test")
        until("the second", lambda: time.time() >= now + 3.01)
        self.assertDropped("outside-schedule", lambda: client.sendto(b"x", (DEVICE, 6000)), closing)
        self.assertPasses(client, opening, (DEVICE, 6001))

    def test_a_window_ends_an_open_connection_with_nothing_running(self):
        now = int(time.time())
        load(conduit(SERVER, DEVICE, "tcp", 8000, TIMED | TIMETABLE | 2), f"window 1 {now - 60} {now + 3}\n")
        listener = self.bound(OT, (DEVICE, 8000), socket.SOCK_STREAM)
        client = self.new_socket(IT, kind=socket.SOCK_STREAM)
        client.connect((DEVICE, 8000))
        device = listener.accept()[0]
        self.addCleanup(device.close)
        client.sendall(b"before")
        self.assertEqual(device.recv(100), b"before")
        self.assertEqual(run("ip", "netns", "pids", GATE).stdout, "")
        until("the end of the window", lambda: time.time() >= now + 3.01)
        self.assertDropped("outside-schedule", lambda: client.sendall(b"after"), device)

    def test_a_refusal_names_the_line_of_the_rule(self):
        twice = conduit(SERVER, DEVICE, "udp", 5000, 1, "first", 7), conduit(SERVER, DEVICE, "udp", 5000, 2, "second", 19)
        done = load(*twice, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"rules/x\.json:(7|19):1: error\[kernel-refused\]: the kernel refused the conduit "
                         rf"{SERVER} -> {DEVICE}, udp port 5000")

    def test_an_overdue_review_keeps_what_is_open_and_refuses_what_is_new_with_nothing_running(self):
        now = int(time.time())
        load(conduit(SERVER, DEVICE, "tcp", 8000, 2), conduit(SERVER, DEVICE, "udp", 6000, 3),
             conduit(SERVER, DEVICE, "udp", 6001, 4), f"overdue 2 3 {now + 4}\noverdue 4 4 0\n")
        listener = self.bound(OT, (DEVICE, 8000), socket.SOCK_STREAM)
        client = self.new_socket(IT, kind=socket.SOCK_STREAM)
        client.connect((DEVICE, 8000))
        device = listener.accept()[0]
        self.addCleanup(device.close)
        asked, told, late = (self.bound(IT, (SERVER, 0)) for _ in range(3))
        clock, other = self.bound(OT, (DEVICE, 6000)), self.bound(OT, (DEVICE, 6001))
        peer = self.assertPasses(asked, clock, (DEVICE, 6000))
        self.assertPasses(clock, asked, peer)
        self.assertPasses(told, clock, (DEVICE, 6000))  # and is never answered
        for _ in range(2):  # overdue from the beginning on: a second try is no connection either
            self.assertDropped("review-overdue", lambda: told.sendto(b"x", (DEVICE, 6001)), other)
        self.assertLess(time.time(), now + 4, "the machine is too slow for this test")
        self.assertEqual(run("ip", "netns", "pids", GATE).stdout, "")
        until("the end of the review", lambda: time.time() >= now + 4.01)
        client.sendall(b"goes on")
        self.assertEqual(device.recv(100), b"goes on")
        device.sendall(b"as well")
        self.assertEqual(client.recv(100), b"as well")
        self.assertPasses(asked, clock, (DEVICE, 6000))
        self.assertPasses(clock, asked, peer)
        self.assertPasses(told, clock, (DEVICE, 6000))
        for _ in range(2):
            self.assertDropped("review-overdue", lambda: late.sendto(b"x", (DEVICE, 6000)), clock)
        second = self.new_socket(IT, kind=socket.SOCK_STREAM)
        second.setblocking(False)
        before = drops()["review-overdue"]
        self.assertEqual(second.connect_ex((DEVICE, 8000)), errno.EINPROGRESS)
        until("the refusal", lambda: drops()["review-overdue"] > before)

    def test_marks_from_outside_are_not_believed(self):
        """Neighbours share no marks; the gate's own do not help a packet that was not made for a conduit."""
        load(conduit(SERVER, DEVICE, "udp", 5000, INSPECTED | 1), conduit(SERVER, DEVICE, "udp", 5001, 2))
        raw = self.new_socket(GATE, kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW)
        device, server = self.bound(OT, (DEVICE, 5000)), self.bound(IT, (SERVER, 7777))
        uninspected = self.bound(OT, (DEVICE, 5001))
        forward, back = udp4(SERVER, 7777, DEVICE, 5000), udp4(DEVICE, 5000, SERVER, 7777)
        self.assertOutput("from-gate", raw, forward, DEVICE, device)
        for mark in (MADE | 1, INSPECTED | 1, 2, REPLY | INSPECTED | 1, 0xFFFFFFFF):
            raw.setsockopt(socket.SOL_SOCKET, SO_MARK, struct.pack("I", mark))
            self.assertOutput("from-gate", raw, forward, DEVICE, device)
        raw.setsockopt(socket.SOL_SOCKET, SO_MARK, struct.pack("I", MADE))
        raw.sendto(forward, (DEVICE, 0))
        self.assertEqual(device.recvfrom(100), (b"made", (SERVER, 7777)))
        raw.sendto(back, (SERVER, 0))
        self.assertEqual(server.recvfrom(100), (b"made", (DEVICE, 5000)))
        self.assertOutput("made-elsewhere", raw, udp4(SERVER, 7777, DEVICE, 5001), DEVICE, uninspected)
        self.assertOutput("made-elsewhere", raw, udp4(DEVICE, 5001, SERVER, 7777), SERVER, server)
        self.assertOutput("made-elsewhere", raw, udp4(SERVER, 7777, METER, 5000), METER)
        self.assertOutput("made-elsewhere", raw, udp4("10.2.0.1", 7777, DEVICE, 5000), DEVICE, device)

    def assertOutput(self, reason, raw, packet, to, receiver=None):
        def send():
            with contextlib.suppress(PermissionError):  # what output drops, the sender is told
                raw.sendto(packet, (to, 0))
        self.assertDropped(reason, send, receiver)

    def test_listener_is_told_why(self):
        load(conduit(SERVER, DEVICE, "udp", 5000, 2))
        listener = subprocess.Popen(["ip", "netns", "exec", GATE, str(TOOL), "listen", "3"],
                                    stdout=subprocess.PIPE, text=True)
        self.addCleanup(listener.stdout.close)
        self.addCleanup(listener.wait)
        self.assertEqual(listener.stdout.readline(), "listening\n")
        client, stranger = self.bound(IT, (SERVER, 7777)), self.bound(IT, ("10.9.0.9", 7778))
        client6 = self.bound(IT, (SERVER6, 7779))
        client.sendto(b"x", (DEVICE, 5001))
        self.assertEqual(listener.stdout.readline(),
                         "no-rule in=it 10.1.0.2:7777 10.2.0.2:5001 protocol=17\n")
        stranger.sendto(b"x", (DEVICE, 5000))
        self.assertEqual(listener.stdout.readline(),
                         "spoofed-source in=it 10.9.0.9:7778 10.2.0.2:5000 protocol=17\n")
        client6.sendto(b"x", (DEVICE6, 5001))
        self.assertEqual(listener.stdout.readline(),
                         "no-rule in=it fd00:1::2:7779 fd00:2::2:5001 protocol=17\n")
        self.assertEqual(listener.wait(SECONDS), 0)


class Reload(Network):
    def start(self):
        load(conduit(SERVER, DEVICE, "udp", 5000, 2), conduit(SERVER, DEVICE, "udp", 5001, 3))
        self.client = self.bound(IT, (SERVER, 0))
        self.device = self.bound(OT, (DEVICE, 5000))
        for _ in range(5):
            self.assertPasses(self.client, self.device, (DEVICE, 5000))
        self.client.sendto(b"x", (DEVICE, 9))
        until("a drop", lambda: drops()["no-rule"] == 1)
        self.assertEqual(counts(), {2: 5, 3: 0})

    def test_counters_survive_a_reload(self):
        self.start()
        load(conduit(SERVER, DEVICE, "udp", 5000, 2), conduit(SERVER, METER, "udp", 5000, 4))
        self.assertEqual(counts(), {2: 5, 4: 0})
        self.assertEqual(drops()["no-rule"], 1)
        self.assertPasses(self.client, self.device, (DEVICE, 5000))
        self.assertEqual(counts(), {2: 6, 4: 0})

    def test_counters_survive_a_change_of_the_conduits_rules(self):
        self.start()
        load(conduit(SERVER, DEVICE, "udp", 5000, 7, "another-rule"))
        self.assertEqual(counts(), {7: 5})

    def test_counters_survive_a_table_that_was_tampered_with(self):
        self.start()
        inside(GATE, "nft", "add chain inet gatehouse extra")
        load(conduit(SERVER, DEVICE, "udp", 5000, 2))
        self.assertEqual(counts(), {2: 5})
        self.assertEqual(drops()["no-rule"], 1)

    def test_no_packet_is_lost_while_reloading(self):
        self.start()
        kept = conduit(SERVER, DEVICE, "udp", 5000, 2)
        for i in range(20):
            loading = subprocess.Popen(["ip", "netns", "exec", GATE, str(TOOL), "load"], stdin=subprocess.PIPE,
                                       text=True)
            loading.stdin.write(HOMES + kept + (conduit(SERVER, METER, "udp", 5000, 9) if i % 2 else ""))
            loading.stdin.close()
            while loading.poll() is None:
                self.assertPasses(self.client, self.device, (DEVICE, 5000))
            self.assertEqual(loading.returncode, 0)

    def test_no_packet_is_lost_among_ten_thousand_conduits(self):
        """Half of them go and others come, again and again; one that stays has traffic all the while."""
        kept = conduit(SERVER, DEVICE, "udp", 5000, 2)
        rest = [conduit(f"10.1.{i // 200}.{i % 200}", f"10.2.1.{i % 250}", "tcp", 502, i + 10, f"rule-{i}")
                for i in range(15000)]
        self.start()
        load(kept, *rest[:10000])
        sent = 5
        for i in range(4):
            part = rest[:10000] if i % 2 else rest[5000:]
            loading = subprocess.Popen(["ip", "netns", "exec", GATE, str(TOOL), "load"], stdin=subprocess.PIPE, text=True)
            loading.stdin.write(HOMES + kept + "".join(part))
            loading.stdin.close()
            while loading.poll() is None:
                self.assertPasses(self.client, self.device, (DEVICE, 5000))
                sent += 1
            self.assertEqual(loading.returncode, 0)
            self.assertEqual(len(counts()), 10001)
        self.assertGreater(sent, 200)
        self.assertEqual(counts()[2], sent)

    def test_removal_says_what_it_leaves(self):
        self.start()
        inside(GATE, str(TOOL), "remove-closed")
        self.assertDropped("spoofed-source", lambda: self.client.sendto(b"x", (DEVICE, 5000)), self.device)
        inside(GATE, str(TOOL), "remove-open")
        self.assertEqual(listing(), [])
        other = self.bound(OT, (DEVICE, 5077))
        self.assertPasses(self.client, other, (DEVICE, 5077))
        inside(GATE, str(TOOL), "remove-open")


def reason_to_skip():
    if os.geteuid():
        return "needs root: network namespaces"
    if not TOOL.exists():
        return f"{TOOL} is not built"
    return None


def load_tests(loader, tests, pattern):
    if not (reason := reason_to_skip()):
        return tests
    for case in (Listing, Packets, Reload):
        unittest.skip(reason)(case)
    return tests


if __name__ == "__main__":
    unittest.main()
