# SPDX-License-Identifier: GPL-2.0-or-later
"""Cyclic data (class 1, UDP 2222) through the gate to a device that behaves like a Logix controller: what a permitted
Forward Open negotiated passes, in both directions, and nothing else reaches anybody. What the device gets of cyclic data
and does not take it logs as "io ignored"; nothing of that kind may come through a gate."""
import contextlib
import json
import os
import signal
import socket
import struct
import threading
import unittest

import enip
from gate import Gate, day, rule, write_site
from lab import BUILD, ENERGY, HISTORIAN, PLC, Lab, wait_until
from test_logix_target import write_pcap

LOGIX = BUILD / "peers" / "logix"
REFUSED = 0x0F
READS = {"read-tags": ["Count"]}
OWNER = {"io": "exclusive-owner", "assemblies": [enip.INPUTS, enip.OUTPUTS, enip.CONFIGURATION], "min_rpi_ms": 10}
READER = {"io": "input-only", "assemblies": [enip.INPUTS, enip.CONFIGURATION, enip.HEART_INPUT], "min_rpi_ms": 10}
LONG = 7  # a time-out of 512 packet intervals: no test loses its connection to a slow machine


def rules(owner=OWNER, **more):
    return [rule("sets", "historian", "press-plc", [READS, owner], protocol="ethernet-ip", **more),
            rule("reads", "energy", "press-plc", [READS, READER], protocol="ethernet-ip")]


class Pump(threading.Thread):
    """Sends outputs again and again, as an originator does, until it is stopped; counts the inputs that came."""

    def __init__(self, originator, outputs=b"\7" * 32):
        super().__init__(daemon=True)
        self.originator, self.outputs, self.stopped = originator, outputs, threading.Event()
        self.inputs = 0
        self.start()

    def run(self):
        while not self.stopped.wait(0.02):
            with contextlib.suppress(TimeoutError, BlockingIOError):
                self.originator.send(self.outputs)
                while True:
                    self.originator.receive(0.001)
                    self.inputs += 1

    def stop(self):
        self.stopped.set()
        self.join()


class IoCase(unittest.TestCase):
    """A lab, a device and a gate for each test: a device has one owner."""

    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.lab = stack.enter_context(Lab())
        self.device = self.lab.start("plant", LOGIX, "-a", PLC, *self.device_words(), ready="^ready$")
        self.gate = Gate(self.lab, rules()).start()

    @staticmethod
    def device_words():
        return []

    def udp(self, side="enterprise", source=HISTORIAN, port=enip.IO_PORT):
        with self.lab.inside(side):
            found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(found.close)
        found.bind((source, port))
        found.settimeout(5)
        return found

    def client(self, source=HISTORIAN):
        found = enip.Client(self.lab.connect(PLC, source=source, port=enip.PORT))
        self.addCleanup(found.socket.close)
        self.assertEqual(found.register(), 0)
        return found

    def originator(self, source=HISTORIAN):
        return enip.Originator(self.client(source), self.udp(source=source), PLC)

    def owner(self, **more):
        found = self.originator()
        reply = found.open(**{"multiplier": LONG, **more})
        self.assertEqual(reply.status, 0, reply)
        return found

    def reader(self, **more):
        found = self.originator(ENERGY)
        reply = found.open(consumed=enip.HEART_INPUT, ot_size=2, **{"serial": 0x202, "multiplier": LONG, **more})
        self.assertEqual(reply.status, 0, reply)
        return found

    def assert_runs(self, owner, mark):
        """Outputs with that byte are taken, and come back in the inputs."""
        outputs = bytes([mark]) * 32
        owner.send(outputs)
        self.device.wait_line(f"did output run data {outputs.hex()}")
        wait_until(lambda: owner.receive()[2][4:] == outputs[:28], "the outputs to come back")

    def assert_nothing_came_through(self):
        """Behind a fence: what is sent past the gate is logged after all that had come."""
        fence = self.udp("plant", PLC, 0)
        fence.sendto(b"fence", (PLC, enip.IO_PORT))
        self.device.wait_line("io ignored: malformed")
        self.assertEqual([line for line in self.device.lines if line.startswith("io ignored")], ["io ignored: malformed"])

    def open_now(self):
        return self.gate.status()["counters"]["cyclics_now"]

    def assert_recorded(self, reason, **members):
        def look():
            found = [e for e in self.gate.events() if e.get("reason") == reason]
            return [e for e in found if all(e.get(name) == value for name, value in members.items())]
        wait_until(look, f"an event {reason} with {members}")


class Passes(IoCase):
    def test_outputs_and_inputs(self):
        owner = self.owner()
        self.assert_runs(owner, 1)
        self.assertEqual(self.open_now(), 1)
        event = wait_until(lambda: next((e for e in self.gate.events() if e["event"] == "opened" and "connection_id" in e),
                                        None), "the opening to be recorded")
        self.assertEqual((event["connection_id"], event["rule"], event["server"]["name"]), (owner.ot, "sets", "historian"))
        self.assertEqual(owner.close().status, 0)
        self.device.wait_line("did forward-close")
        wait_until(lambda: self.open_now() == 0, "the gate to count none")
        owner.send(b"\2" * 32)
        self.assert_recorded("connection-not-allowed", connection_id=owner.ot, action="dropped")
        self.assert_nothing_came_through()

    def test_what_the_kernel_has_and_counts(self):
        self.assert_runs(self.owner(), 1)
        rows = [(c["server"]["name"], c["device"]["name"], c["by_device"], c["packets"] > 0)
                for c in self.gate.status()["conduits"] if (c["transport"], c["port"]) == ("udp", enip.IO_PORT)]
        self.assertEqual(sorted(rows), [("energy", "press-plc", False, False), ("energy", "press-plc", True, False),
                                        ("historian", "press-plc", False, True), ("historian", "press-plc", True, True)])
        self.assertEqual(self.gate.command("verify", check=False).returncode, 0)

    def test_two_servers_and_a_heartbeat(self):
        owner, reader = self.owner(), self.reader()
        reader.send(None)
        self.assert_runs(owner, 3)
        wait_until(lambda: reader.receive()[2][4:] == b"\3" * 28, "the other server to see it")
        self.assertEqual(self.open_now(), 2)
        self.assert_nothing_came_through()

    def test_it_outlives_its_session(self):
        owner = self.owner()
        owner.client.socket.close()
        self.device.wait_line("connection-outlives-session")
        self.assert_runs(owner, 4)
        owner.client = self.client()
        self.assertEqual(owner.close().status, 0)  # in another session
        self.device.wait_line("did forward-close")
        self.assertEqual(self.open_now(), 0)

    def test_the_inspector_is_killed(self):
        owner = self.owner()
        pump = Pump(owner)
        wait_until(lambda: pump.inputs > 5, "cyclic data")
        pid = self.gate.inspector()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.gate.inspector() not in (None, pid), "the inspector to be restarted", 20)
        seen = pump.inputs
        wait_until(lambda: pump.inputs > seen + 20, "cyclic data to go on")
        pump.stop()
        self.assert_runs(owner, 5)
        self.assertFalse([line for line in self.device.lines if line.startswith("connection-end")])

    def test_the_gate_is_started_anew(self):
        """All that was known is gone: nothing passes until the originator has opened again."""
        owner = self.owner(multiplier=2)
        self.assert_runs(owner, 1)
        self.gate.daemon.stop()
        self.gate.start()
        owner.send(b"\2" * 32)
        self.assert_recorded("connection-not-allowed", connection_id=owner.ot)
        self.device.wait_line("connection-end exclusive-owner .* timed out")
        owner.client = self.client()
        self.assertEqual(owner.open(multiplier=LONG).status, 0)
        self.assert_runs(owner, 3)
        self.assert_nothing_came_through()

    def test_a_new_policy(self):
        owner = self.owner()
        pump = Pump(owner)
        self.gate.apply([*rules(), rule("more", "historian", "meter")])
        seen = pump.inputs
        wait_until(lambda: pump.inputs > seen + 20, "cyclic data to go on")
        self.gate.apply(rules({**OWNER, "min_rpi_ms": 100}))
        self.assert_recorded("revoked", event="closed", connection_id=owner.ot)
        self.assert_recorded("revoked", event="denied", connection_id=owner.ot)
        pump.stop()
        self.assertEqual(self.open_now(), 0)
        self.assertEqual(owner.client.ask(enip.read("Count")).status, 0)  # its other entry goes on
        self.assertEqual(owner.open(rpi=20000, serial=7).status, REFUSED)
        self.assert_recorded("interval-not-allowed")

    def test_no_policy_for_it_any_more(self):
        owner = self.owner()
        self.assert_runs(owner, 1)
        self.gate.apply([rule("sets", "historian", "press-plc", [READS], protocol="ethernet-ip")])
        owner.send(b"\2" * 32)
        self.assert_recorded("no-rule", protocol="udp")
        self.assertNotIn("did output run data " + "02" * 32, self.device.lines)


class Refused(IoCase):
    """Forward Opens that the rule, or no gate, can permit; something else runs meanwhile."""

    def test_not_as_the_rule_says(self):
        owner = self.owner()
        pump = Pump(owner)
        client = self.client()
        io, outputs = enip.io_path(), {"ot_size": 38, "to_size": 34, "transport": 1, "variable": False, "serial": 9}

        def opens(reason, where=io, **more):
            ask = {**outputs, "ot_rpi": 20000, "to_rpi": 20000, **more}
            with self.subTest(reason=reason, **more):
                self.assertEqual(client.ask(enip.forward_open(where, **ask)).status, REFUSED)
                self.gate.wait_event(reason, client.socket.getsockname()[1])

        opens("multicast-not-allowed", to_type=1)
        opens("interval-not-allowed", to_rpi=9000)
        opens("interval-not-allowed", ot_rpi=1)
        opens("interval-not-allowed", ot_rpi=0)
        opens("connection-not-allowed", to_type=0, ot_type=0)
        opens("connection-not-allowed", ot_size=2)
        opens("connection-not-allowed", to=owner.answers_to)
        opens("object-not-allowed", enip.io_path(enip.HEART_INPUT), ot_size=38)
        opens("object-not-allowed", enip.io_path(enip.OUTPUTS, 101))
        opens("route-not-allowed", b"\1\1" + io)
        opens("size-mismatch", large=True, to_size=4000)
        opens("connection-not-allowed", enip.path(1, 1))
        seen = pump.inputs
        wait_until(lambda: pump.inputs > seen + 5, "the other connection to go on")
        pump.stop()
        self.assertEqual(sum(line.startswith("did forward-open") for line in self.device.lines), 1)

    def test_the_one_who_only_reads_sets_nothing(self):
        client = self.client(ENERGY)
        opening = enip.forward_open(enip.io_path(enip.OUTPUTS), transport=1, ot_size=38, to_size=34, ot_rpi=20000,
                                    to_rpi=20000, variable=False)
        self.assertEqual(client.ask(opening).status, REFUSED)
        self.assertFalse([line for line in self.device.lines if line.startswith("did forward-open")])

    def test_packets_to_another_port_or_host(self):
        client, opening = self.client(), enip.forward_open(enip.io_path(), transport=1, ot_size=38, to_size=34,
                                                            ot_rpi=20000, to_rpi=20000, variable=False)
        for port, address in ((2223, "0.0.0.0"), (enip.IO_PORT, ENERGY), (enip.IO_PORT, "239.192.1.1")):
            item = struct.pack(">HH4s8x", 2, port, socket.inet_aton(address))
            body = enip.items((enip.NULL, b""), (enip.DATA, opening), (0x8001, item))
            *_, data = client.ask_frame(enip.frame(enip.SEND_RR_DATA, body, client.session))
            self.assertEqual(enip.Reply(enip.parse_items(data)[1][1]).status, REFUSED)
        self.assertFalse([line for line in self.device.lines if line.startswith("did forward-open")])

    def test_replayed(self):
        owner = self.owner()
        self.assert_runs(owner, 1)
        reply = owner.client.ask(enip.forward_open(enip.io_path(), transport=1, serial=0x0101, ot_size=38, to_size=34,
                                                   ot_rpi=20000, to_rpi=20000, to=owner.answers_to, variable=False))
        self.assertEqual((reply.status, reply.extended), (1, [0x0100]))  # the device's own answer: it has that one
        self.assert_runs(owner, 2)


class Forged(IoCase):
    """Packets that no Forward Open made, beside a connection that must go on."""

    def test_by_a_server(self):
        owner, other = self.owner(), self.reader()
        other.send(None)
        self.assert_runs(owner, 1)
        owner.send(b"\x66" * 32, connection=owner.ot ^ 1)
        self.assert_recorded("connection-not-allowed", connection_id=owner.ot ^ 1)
        owner.send(b"\x66" * 32, connection=owner.answers_to)
        self.assert_recorded("connection-not-allowed", connection_id=owner.answers_to)
        other.send(b"\x66" * 32, connection=owner.ot)  # another server's
        self.assert_recorded("connection-not-allowed", connection_id=owner.ot)
        owner.send(b"\x66" * 31)
        self.assert_recorded("size-mismatch", connection_id=owner.ot)
        owner.send(b"\x66" * 32, number=1)
        self.assert_recorded("old-sequence", connection_id=owner.ot, sequence=1)
        owner.number = 100
        for bad in (b"", b"\x66" * 64, enip.frame(enip.LIST_IDENTITY), struct.pack("<H", 3) + bytes(30),
                    enip.io_packet(owner.ot, 101, bytes(38)) + b"\0"):
            owner.udp.sendto(bad, (PLC, enip.IO_PORT))
        self.assert_recorded("malformed-frame", action="dropped")
        self.assert_recorded("trailing-bytes", action="dropped")
        self.assert_runs(owner, 2)
        self.assertFalse([line for line in self.device.lines if "66666666" in line])
        self.assert_nothing_came_through()

    def test_from_another_port_of_the_server_it_passes(self):
        """As in the specification: the port that packets come from says nothing."""
        owner = self.owner()
        owner.udp, hears = self.udp(port=0), owner.udp
        owner.send(b"\3" * 32)
        self.device.wait_line("did output run data " + "03" * 32)
        owner.udp = hears

    def test_by_a_device(self):
        owner = self.owner()
        self.assert_runs(owner, 1)
        liar = self.udp("plant", PLC, 0)
        hears = self.udp(port=3333)
        for connection, number, size, reason in ((owner.answers_to + 1, 1, 34, "connection-not-allowed"),
                                                 (owner.ot, 1, 34, "connection-not-allowed"),
                                                 (owner.answers_to, 1 << 20, 33, "size-mismatch"),
                                                 (owner.answers_to, 0, 34, "old-sequence")):
            liar.sendto(enip.io_packet(connection, number, b"\x66" * size), (HISTORIAN, enip.IO_PORT))
            self.assert_recorded(reason, connection_id=connection, sequence=number)
        liar.sendto(enip.io_packet(owner.answers_to, 1 << 20, b"\x66" * 34), (HISTORIAN, 3333))
        self.assert_recorded("no-rule", protocol="udp")
        self.assert_runs(owner, 2)
        with self.assertRaises(BlockingIOError):
            hears.setblocking(False)
            hears.recv(2048)

    def test_before_the_answer(self):
        """The device is stopped: the Forward Open is under way, and nothing has been agreed on."""
        owner = self.originator()
        os.kill(self.device.pid, signal.SIGSTOP)
        opening = enip.forward_open(enip.io_path(), transport=1, serial=0x0101, ot_size=38, to_size=34, ot_rpi=20000,
                                    to_rpi=20000, to=0x51000101, variable=False, multiplier=LONG)
        owner.client.socket.sendall(enip.unconnected(opening, owner.client.session))
        owner.ot = 0x40B20006
        owner.send(b"\x66" * 32)
        self.assert_recorded("connection-not-allowed", connection_id=owner.ot)
        os.kill(self.device.pid, signal.SIGCONT)
        *_, data = enip.parse_frame(owner.client.receive())
        owner.ot, owner.answers_to = struct.unpack("<II", enip.Reply(enip.parse_items(data)[1][1]).data[:8])
        self.assert_runs(owner, 1)
        self.assert_nothing_came_through()

    def test_after_its_time(self):
        owner = self.owner(rpi=10000, multiplier=0)  # 40 ms
        owner.send(b"\1" * 32)
        self.device.wait_line("connection-end exclusive-owner .* timed out")
        self.assert_recorded("timed-out", event="closed", connection_id=owner.ot)
        owner.send(b"\2" * 32)
        self.assert_recorded("timed-out", event="denied", connection_id=owner.ot)
        self.assertEqual(self.open_now(), 0)
        self.assertEqual(owner.open(multiplier=LONG).status, 0)
        self.assert_runs(owner, 3)
        self.assert_nothing_came_through()


class Recorded(IoCase):
    """What passed, recorded behind the gate: `replay` says of each packet what the gate has said."""

    def replay(self, site, *words):
        found = self.gate.command("replay", site, self.recording, *words, "--json", check=False)
        *messages, _ = [json.loads(line) for line in found.stdout.splitlines()]
        return found.returncode, [m for m in messages if m["direction"] == "io"], messages

    def record(self):
        wire = self.lab.capture("plant", "eth1")
        owner = self.owner()
        self.assert_runs(owner, 1)
        self.assertEqual(owner.close().status, 0)
        wait_until(lambda: sum(data[40:44] == b"\xce\0\0\0" for *_, data in wire.tcp(source=PLC)) == 1,
                   "the last answer to be captured")
        self.recording = self.lab.folder / "io.pcap"
        write_pcap(self.recording, wire.packets)
        return owner

    def test_replay(self):
        owner = self.record()
        code, packets, messages = self.replay(self.gate.site)
        self.assertEqual((code, {m["verdict"] for m in messages}), (0, {"allow"}))
        self.assertEqual({(m["connection_id"], m["rule"]) for m in packets}, {(owner.ot, "sets"), (owner.answers_to, "sets")})
        code, packets, messages = self.replay(self.gate.site, "--as", "reads")
        self.assertEqual((code, {(m["verdict"], m["reason"], m["rule"]) for m in packets}),
                         (1, {("deny", "connection-not-allowed", "reads")}))
        write_site(self.gate.site, [rule("sets", "historian", "press-plc", [READS], protocol="ethernet-ip")])
        code, packets, messages = self.replay(self.gate.site)
        self.assertEqual({(m["verdict"], m["reason"], m["rule"]) for m in packets}, {("deny", "no-rule", None)})


class Hours(IoCase):
    def test_an_expired_rule(self):
        """The kernel's windows close it; nothing is let through by what the inspector still knows."""
        owner = self.owner()
        self.assert_runs(owner, 1)
        self.gate.apply(rules(expires=day(-1)))
        owner.send(b"\2" * 32)
        self.assert_recorded("no-rule", protocol="udp")
        self.assertNotIn("did output run data " + "02" * 32, self.device.lines)


if __name__ == "__main__":
    unittest.main()
