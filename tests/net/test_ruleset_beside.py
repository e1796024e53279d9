#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What passes beside the conduits' own packets: ICMP errors about them, and what the gate itself needs."""
import contextlib
import socket
import struct
import unittest

import test_ruleset
from test_ruleset import (DEVICE, DEVICE6, GATE, HOMES, INSPECTED, IT, OT, SERVER, SERVER6, TIMED, TOOL, checksum, conduit,
                          counts, drops, entered, inside, load, reason_to_skip, udp4, until)


def icmp4(source, destination, kind, code, quoted, rest=0):
    body = struct.pack(">BBHI", kind, code, 0, rest) + quoted[:28]
    body = body[:2] + struct.pack(">H", checksum(body)) + body[4:]
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, 0, 64, 1, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


class Errors(test_ruleset.Network):
    """ICMP errors about packets of conduits, and nothing else of ICMP."""

    def listener(self, namespace, protocol=socket.IPPROTO_ICMP):
        """Sees the ICMP packets that arrive; a reply that was not asked for does not disturb it."""
        family = socket.AF_INET if protocol == socket.IPPROTO_ICMP else socket.AF_INET6
        return self.new_socket(namespace, family, socket.SOCK_RAW, protocol)

    def raw(self, namespace):
        return self.new_socket(namespace, kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW)

    def assertArrives(self, listener, kind, code):
        def arrived():
            data = listener.recv(2048)
            at = (data[0] & 15) * 4 if listener.family == socket.AF_INET else 0
            return tuple(data[at:at + 2]) == (kind, code)
        until(f"ICMP type {kind} code {code}", arrived)

    def test_port_unreachable_of_an_uninspected_conduit_passes_back(self):
        load(conduit(SERVER, DEVICE, "udp", 5000, 2), conduit(SERVER6, DEVICE6, "udp", 5000, 3))
        for address in (DEVICE, DEVICE6):
            client = self.new_socket(IT, socket.AF_INET6 if ":" in address else socket.AF_INET)
            client.connect((address, 5000))
            client.send(b"x")
            with self.assertRaises(ConnectionRefusedError):
                client.recv(100)
        self.assertEqual(counts(), {2: 2, 3: 2})  # the errors count on their conduits
        self.assertEqual(sum(drops().values()) - drops()["to-gate"], 0)  # late multicast reports come to it

    def test_the_server_too_may_tell(self):
        load(conduit(SERVER, DEVICE, "udp", 5000, 2))
        client, device = self.bound(IT, (SERVER, 7000)), self.bound(OT, (DEVICE, 5000))
        self.assertPasses(client, device, (DEVICE, 5000))
        client.close()
        device.connect((SERVER, 7000))
        device.send(b"x")
        with self.assertRaises(ConnectionRefusedError):
            device.recv(100)

    def test_errors_about_nothing_do_not_pass(self):
        load(conduit(SERVER, DEVICE, "udp", 5000, 2))
        raw, listener = self.raw(OT), self.listener(IT)
        client, device = self.bound(IT, (SERVER, 7000)), self.bound(OT, (DEVICE, 5000))
        self.assertPasses(client, device, (DEVICE, 5000))
        quoted = udp4(SERVER, 7000, DEVICE, 5000)
        before = drops()["no-rule"]
        for kind, code in ((8, 0), (0, 0), (5, 1), (13, 0), (12, 0), (4, 0)):
            raw.sendto(icmp4(DEVICE, SERVER, kind, code, quoted), (SERVER, 0))
        until("the drops", lambda: drops()["no-rule"] == before + 6)
        raw.sendto(icmp4(DEVICE, SERVER, 3, 4, udp4(SERVER, 7001, DEVICE, 5000)), (SERVER, 0))  # no such flow
        raw.sendto(icmp4(DEVICE, SERVER, 3, 4, quoted, 576), (SERVER, 0))
        self.assertArrives(listener, 3, 4)
        self.assertEqual(counts()[2], 3)  # that of no flow is found by what it quotes, and dropped
        self.assertEqual(drops()["no-rule"], before + 7)

    def test_errors_end_with_their_rule(self):
        load(conduit(SERVER, DEVICE, "udp", 5000, 2))
        client, device = self.bound(IT, (SERVER, 7000)), self.bound(OT, (DEVICE, 5000))
        raw, listener = self.raw(OT), self.listener(IT)
        self.assertPasses(client, device, (DEVICE, 5000))
        error = icmp4(DEVICE, SERVER, 3, 4, udp4(SERVER, 7000, DEVICE, 5000), 576)
        raw.sendto(error, (SERVER, 0))
        self.assertArrives(listener, 3, 4)
        load()  # conntrack remembers the flow, the ruleset does not
        self.assertDropped("no-rule", lambda: raw.sendto(error, (SERVER, 0)), listener)
        load(conduit(SERVER, DEVICE, "udp", 5000, TIMED | 2))
        self.assertDropped("outside-schedule", lambda: raw.sendto(error, (SERVER, 0)), listener)
        load(conduit(SERVER, DEVICE, "udp", 5000, INSPECTED | 2))
        self.assertDropped("unknown-connection", lambda: raw.sendto(error, (SERVER, 0)), listener)

    def test_the_gate_tells_that_a_packet_is_too_big(self):
        """About packets of a conduit, inspected or not; about others it says nothing."""
        load(conduit(SERVER, DEVICE, "udp", 5000, INSPECTED | 2), conduit(SERVER, DEVICE, "udp", 5001, 3),
             conduit(SERVER6, DEVICE6, "udp", 5000, INSPECTED | 4))
        inside(GATE, "ip", "link", "set", "ot", "mtu", "1300")
        self.addCleanup(inside, GATE, "ip", "link", "set", "ot", "mtu", "1500")
        listener, listener6 = self.listener(IT), self.listener(IT, socket.IPPROTO_ICMPV6)
        for port in (5000, 5001):
            client = self.new_socket(IT)
            client.setsockopt(socket.IPPROTO_IP, 10, 3)  # IP_MTU_DISCOVER: do not fragment, do not remember
            client.sendto(b"x" * 1400, (DEVICE, port))
            self.assertArrives(listener, 3, 4)
        client6 = self.new_socket(IT, socket.AF_INET6)
        client6.setsockopt(socket.IPPROTO_IPV6, 23, 3)
        client6.sendto(b"x" * 1400, (DEVICE6, 5000))
        self.assertArrives(listener6, 2, 0)
        client = self.new_socket(IT)
        client.setsockopt(socket.IPPROTO_IP, 10, 3)
        self.assertDropped("from-gate", lambda: client.sendto(b"x" * 1400, (DEVICE, 5002)), listener)


class Own(test_ruleset.Network):
    """What the gate itself needs: the documented tuples out, their answers in."""

    def test_documented_tuple_and_its_answers_alone(self):
        load(f"own {SERVER} udp 123 time-server x.json 1\nown {SERVER6} udp 123 time-server x.json 2\n")
        for here, there in (("10.1.0.1", SERVER), ("fd00:1::1", SERVER6)):
            clock, gate = self.bound(IT, (there, 123)), self.bound(GATE, (here, 0))
            stranger = self.bound(IT, (there, 124))
            peer = self.assertPasses(gate, clock, (there, 123))
            self.assertPasses(clock, gate, peer)
            self.assertDropped("to-gate", lambda: stranger.sendto(b"x", peer), gate)
            other = self.bound(GATE, (here, 4444))
            self.assertDropped("to-gate", lambda: clock.sendto(b"x", (here, 4444)), other)  # not asked
            for address in ((there, 124), (there.replace("::2", "::3").replace(".0.2", ".0.3"), 123)):
                self.assertDropped("from-gate", lambda: self.attempt(gate, address))
        self.assertDropped("no-rule", lambda: self.bound(OT, (DEVICE, 0)).sendto(b"x", (SERVER, 123)))

    def attempt(self, sender, address):
        with contextlib.suppress(PermissionError):  # what output drops, the sender is told
            sender.sendto(b"x", address)

    def test_tcp_to_a_log_collector(self):
        load(f"own {SERVER} tcp 6514 log-collector x.json 1\n")
        collector = self.bound(IT, (SERVER, 6514), socket.SOCK_STREAM)
        gate = self.new_socket(GATE, kind=socket.SOCK_STREAM)
        gate.connect((SERVER, 6514))
        peer = collector.accept()[0]
        self.addCleanup(peer.close)
        gate.sendall(b"line")
        self.assertEqual(peer.recv(100), b"line")
        peer.sendall(b"good")
        self.assertEqual(gate.recv(100), b"good")
        load()  # taken away: the connection stops at once
        self.assertDropped("from-gate", lambda: gate.sendall(b"more"), peer)

    def test_its_count_survives_a_reload(self):
        own = f"own {SERVER} udp 123 time-server x.json 1\n"
        load(own)
        clock, gate = self.bound(IT, (SERVER, 123)), self.bound(GATE, ("10.1.0.1", 0))
        self.assertPasses(gate, clock, (SERVER, 123))
        load(own, conduit(SERVER, DEVICE, "udp", 5000, 2))
        listed = inside(GATE, "nft", "list", "set", "inet", "gatehouse", "own4").stdout
        # where no package brings the names of protocols, nft lists numbers
        self.assertRegex(listed, r'10\.1\.0\.2 \. (udp|17) \. 123 counter packets 1 bytes 33 comment "time-server"')

    def test_it_is_proved_like_conduits(self):
        rules = HOMES + f"own {SERVER} udp 123 time-server x.json 1\n"
        inside(GATE, str(TOOL), "load", text=rules)
        self.assertEqual(inside(GATE, str(TOOL), "verify", text=rules).stdout, "")
        inside(GATE, "nft", "add element inet gatehouse own4 { 10.1.0.9 . tcp . 22 }")
        found = inside(GATE, str(TOOL), "verify", text=rules).stdout
        self.assertRegex(found, r"\Afinding element-added\|set own4\|.*the gate's own permit to 10.1.0.9, tcp port 22")
        inside(GATE, "nft", "delete element inet gatehouse own4 { 10.1.0.9 . tcp . 22 }")
        inside(GATE, "nft", "flush set inet gatehouse own4")
        found = inside(GATE, str(TOOL), "verify", text=rules).stdout
        self.assertRegex(found, r"\Afinding element-removed\|set own4\|.*the gate's own permit to 10.1.0.2, udp port 123")

    def test_a_refusal_names_its_line(self):
        own = f"own {SERVER} udp 123 time-server rules/site.json 7\n"
        done = load(own, own, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("rules/site.json:7:1: error[kernel-refused]: the kernel refused the gate's own permit "
                      "to 10.1.0.2, udp port 123: File exists", done.stderr)

    def test_multicast_listener_reports_leave(self):
        load()
        sniffer = self.new_socket(IT, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
        with entered(IT):
            sniffer.bind(("gate", 0x86DD))
        group = socket.inet_pton(socket.AF_INET6, "ff15::7") + struct.pack("I", 0)
        gate = self.new_socket(GATE, socket.AF_INET6)
        with entered(GATE):
            index = socket.if_nametoindex("it")
        gate.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group[:16] + struct.pack("I", index))

        def reported():
            frame = sniffer.recv(2048)
            return frame[20] == 0 and frame[62] == 143 and group[:16] in frame
        until("the report", reported)
        self.assertEqual(drops()["from-gate"], 0)


def load_tests(loader, tests, pattern):
    if reason := reason_to_skip():
        for case in (Errors, Own):
            unittest.skip(reason)(case)
    return tests


if __name__ == "__main__":
    unittest.main()
