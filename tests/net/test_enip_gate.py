# SPDX-License-Identifier: GPL-2.0-or-later
"""EtherNet/IP through the gate to a device that behaves like a Logix controller: what the rule does not allow never
reaches it, the client is told in its own words, and everything else goes on. The device logs each frame that it got
and each thing that it did."""
import contextlib
import fcntl
import socket
import sqlite3
import struct
import termios
import unittest

import enip
from gate import Gate, rule
from lab import BUILD, ENERGY, HISTORIAN, PLC, Lab, wait_until

LOGIX = BUILD / "peers" / "logix"
READS = [{"read-tags": ["Count", "Temps[0-3]", "Program:Main.*", "Press.*"]},
         {"browse-tags": True},
         {"service": "get-attributes-all", "class": "identity", "instance": 1},
         {"service": "get-attribute-single", "class": "identity", "instance": 1, "attributes": ["product-name"]}]
WRITES = [{"write-tags": ["Setpoint"], "values": {"min": 0, "max": 1500}}]
REFUSED = 0x0F
NAME = b"1756-L83E/B"


def unacknowledged(connection):
    """Bytes that the peer's kernel has not acknowledged."""
    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]


class EnipCase(unittest.TestCase):
    """One lab, one device and one gate for all tests of a class."""
    rules = [rule("reads", "historian", "press-plc", READS, protocol="ethernet-ip"),
             rule("sets", "historian", "press-plc", WRITES, protocol="ethernet-ip")]

    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        cls.lab = stack.enter_context(Lab())
        cls.device = cls.lab.start("plant", LOGIX, "-a", PLC, ready="^ready$")
        cls.gate = Gate(cls.lab, cls.rules).start()

    def client(self, session=True):
        found = enip.Client(self.lab.connect(PLC, port=enip.PORT))
        self.addCleanup(found.socket.close)
        if session:
            self.assertEqual(found.register(), 0)
        return found

    def did(self):
        return [line for line in self.device.lines if line.startswith("did ") and "forward-" not in line]

    def assert_serves(self, client):
        self.assertEqual(client.ask_routed(enip.read("Count")).status, 0)

    def assert_recorded(self, client, reason, **members):
        event = self.gate.wait_event(reason, client.socket.getsockname()[1])
        self.assertEqual({name: event.get(name) for name in members}, members)
        self.assertEqual((event["protocol"], event["device"]["port"]), ("ethernet-ip", 44818))

    def refused(self, client, message, answered, reason, **members):
        before = self.did()
        reply = client.ask_routed(message)
        self.assertEqual((reply.service, reply.status, reply.data), (answered, REFUSED, b""))
        self.assert_serves(client)
        self.assertEqual(self.did(), before)
        self.assert_recorded(client, reason, **members)


class Requests(EnipCase):
    def test_reads_and_a_write(self):
        client = self.client()
        for message in (enip.read("Count"), enip.read("count"), enip.read("Temps", 4), enip.read("Temps[3]"),
                        enip.read("Program:Main.Step"), enip.request(enip.GET_ALL, enip.IDENTITY),
                        enip.request(enip.GET_ONE, enip.path(1, 1, 7))):
            self.assertEqual(client.ask_routed(message).status, 0, message.hex())
        self.assertEqual(client.ask_routed(enip.write("Setpoint", enip.INT, 1500)).status, 0)
        self.assertIn("did write Setpoint offset 0 data dc05", self.did())

    def test_writes_and_control(self):
        self.refused(self.client(), enip.write("Count", enip.DINT, 5), enip.WRITE, "tag-not-allowed",
                     tag="Count", rule="sets", name="write-tag", action="replied")
        self.refused(self.client(), enip.write("Setpoint", enip.INT, 1501), enip.WRITE, "value-not-allowed")
        self.refused(self.client(), enip.modify("Setpoint", b"\1\0", b"\xff" * 2), enip.MODIFY,
                     "value-not-allowed")
        self.refused(self.client(), enip.read("Temps", 5), enip.READ, "tag-not-allowed")
        self.refused(self.client(), enip.request(enip.STOP, enip.PROCESSOR), enip.STOP, "service-not-allowed",
                     **{"service": 7, "class": 0x8E, "instance": 1})
        self.refused(self.client(), enip.request(enip.RESET, enip.IDENTITY, b"\0"), enip.RESET,
                     "service-not-allowed")
        self.refused(self.client(), enip.request(enip.SET_ONE, enip.path(0xF5, 1, 5), b"\1"), enip.SET_ONE,
                     "service-not-allowed")

    def test_other_ways_to_write_the_same_name(self):
        """Path aliases (12 of the adversary's list)."""
        client = self.client()
        for name in ("COUNT", "cOuNt"):
            self.refused(client, enip.write(name, enip.DINT, 5), enip.WRITE, "tag-not-allowed")
        wide = enip.request(enip.STOP, enip.path(0x8E, 1, bits=16))
        self.refused(client, wide, enip.STOP, "service-not-allowed")
        self.assertNotEqual(client.ask_routed(enip.request(enip.GET_ONE, enip.path(1, 1, 7, bits=16))).status, REFUSED)

    def test_multiple_service_packet_with_one_forbidden_part(self):
        client = self.client()
        good = client.ask_routed(enip.multiple(enip.read("Count"), enip.read("Temps", 4)))
        self.assertEqual([part.status for part in good.parts()], [0, 0])
        before = self.did()
        for bad in (enip.write("Count", enip.DINT, 5), enip.request(enip.STOP, enip.PROCESSOR)):
            for parts in ((enip.read("Count"), bad), (bad, enip.read("Count"))):
                reply = client.ask_routed(enip.multiple(*parts))
                self.assertEqual(reply.status, 0x1E)
                self.assertEqual([part.status for part in reply.parts()], [REFUSED, REFUSED])
        self.assertEqual(self.did(), before)
        self.assert_serves(client)

    def test_routes(self):
        client = self.client()
        before = len([line for line in self.device.lines if line.startswith("request ")])
        for route in (b"\x01\x01", b"\x02\x00", b"\x12\x0810.3.0.7", b"\x01\x00\x02\x00"):
            reply = client.ask_routed(enip.read("Count"), route)
            self.assertEqual(reply.status, REFUSED, route.hex())
        self.assertEqual(len([line for line in self.device.lines if line.startswith("request ")]), before)
        self.assert_recorded(client, "route-not-allowed")
        self.assertEqual(client.ask(enip.read("Count")).status, 0)  # the device itself

    def test_pipelined(self):
        client = self.client()
        messages = [enip.read("Count"), enip.write("Count", enip.DINT, 9), enip.read("Temps")]
        client.socket.sendall(b"".join(enip.unconnected(enip.unconnected_send(m, enip.BACKPLANE), client.session,
                                                        bytes([65 + i]) * 8) for i, m in enumerate(messages)))
        found = [enip.parse_frame(client.receive()) for _ in messages]
        self.assertEqual([context for _, _, _, context, _ in found], [b"A" * 8, b"B" * 8, b"C" * 8])
        replies = [enip.Reply(enip.parse_items(data)[1][1]) for *_, data in found]
        self.assertEqual([reply.status for reply in replies], [0, REFUSED, 0])

    def test_byte_by_byte(self):
        client = self.client()
        read = enip.unconnected(enip.unconnected_send(enip.read("Count"), enip.BACKPLANE), client.session)
        for byte in read:
            client.socket.sendall(bytes([byte]))
        self.assertEqual(enip.parse_frame(client.receive())[2], 0)
        before = self.did()
        with contextlib.suppress(ConnectionError, BrokenPipeError):
            for byte in enip.unconnected(enip.write("Count", enip.DINT, 7), client.session):
                client.socket.sendall(bytes([byte]))
            client.receive()
            client.receive()
        self.assertEqual(self.did(), before)
        self.assert_serves(self.client())


class Sessions(EnipCase):
    def test_another_connections_session(self):
        first, second = self.client(), self.client()
        for session in (first.session, 0, 0xFFFFFFFF):
            stolen = enip.unconnected(enip.unconnected_send(enip.read("Count"), enip.BACKPLANE), session)
            command, told, status, context, data = second.ask_frame(stolen)
            self.assertEqual((command, told, status, data), (enip.SEND_RR_DATA, session, 0x64, b""))
        self.assert_recorded(second, "wrong-session")
        self.assert_serves(first)
        self.assert_serves(second)

    def test_before_registering(self):
        client = self.client(session=False)
        status = client.ask_frame(enip.unconnected(enip.read("Count"), 1))[2]
        self.assertEqual(status, 0x64)
        self.assertEqual(client.register(), 0)
        self.assert_serves(client)

    def test_what_comes_with_any_entry_and_what_does_not(self):
        client = self.client(session=False)
        self.assertEqual(client.ask_frame(enip.frame(enip.LIST_SERVICES))[2], 0)
        client.socket.sendall(enip.frame(enip.NOP, b"abc"))
        self.assertEqual(client.ask_frame(enip.frame(enip.LIST_IDENTITY))[2], 1)
        self.assert_recorded(client, "service-not-allowed")
        self.assertEqual(client.register(), 0)
        self.assert_serves(client)


class Connections(EnipCase):
    def test_connected_reads_and_a_refused_write(self):
        client = self.client()
        self.assertEqual(client.open().status, 0)
        self.assertEqual(client.ask_connected(enip.read("Count")).status, 0)
        before = self.did()
        reply = client.ask_connected(enip.write("Count", enip.DINT, 5))
        self.assertEqual((reply.service, reply.status), (enip.WRITE, REFUSED))
        self.assertEqual(self.did(), before)
        for _ in range(3):
            self.assertEqual(client.ask_connected(enip.read("Count")).status, 0)
        self.assertEqual(client.ask(enip.forward_close()).status, 0)
        status = client.ask_frame(enip.connected(enip.read("Count"), client.session, client.connection, 9))[2]
        self.assertNotEqual(status, 0)
        self.assert_recorded(client, "connection-not-allowed")

    def test_data_without_a_forward_open(self):
        first, second = self.client(), self.client()
        self.assertEqual(first.open().status, 0)
        data = enip.connected(enip.read("Count"), second.session, first.connection, 1)
        self.assertNotEqual(second.ask_frame(data)[2], 0)
        self.assert_recorded(second, "connection-not-allowed")
        self.assertEqual(first.ask_connected(enip.read("Count")).status, 0)
        self.assertEqual(second.ask(enip.forward_close()).status, REFUSED)  # not its own
        self.assertEqual(first.ask_connected(enip.read("Count")).status, 0)

    def test_opening_twice_and_otherwise(self):
        client = self.client()
        self.assertEqual(client.open(serial=0x77).status, 0)
        self.assertNotEqual(client.ask(enip.forward_open(enip.BACKPLANE + enip.ROUTER, serial=0x77)).status, 0)
        self.assertEqual(client.ask_connected(enip.read("Count")).status, 0)
        self.assertEqual(client.ask(enip.forward_open(b"\x01\x01" + enip.ROUTER, serial=0x78)).status, REFUSED)
        self.assertEqual(client.ask(enip.forward_open(enip.io_path(), transport=1, serial=0x79)).status, REFUSED)
        self.assertEqual(client.ask(enip.forward_open(enip.BACKPLANE + enip.path(1, 1), serial=0x7A)).status, REFUSED)
        self.assertEqual(client.ask_connected(enip.read("Count")).status, 0)


class Hostile(EnipCase):
    """Whatever is nested, mislabelled or cut wrongly stops at the gate (11 to 15 of the adversary's list)."""
    def frames(self):
        """What the device got, but for the opening of sessions."""
        frames = [bytes.fromhex(line.split()[2]) for line in self.device.lines if line.startswith("request ")]
        return [f for f in frames if struct.unpack("<H", f[:2])[0] != enip.REGISTER]

    def assert_stopped(self, data, session=True):
        before = len(self.frames())
        client = self.client()
        data = data(client.session) if callable(data) else data
        with contextlib.suppress(ConnectionError):
            client.socket.sendall(data)
            command, _, status, _, body = enip.parse_frame(client.receive())
            reply = None if status else enip.Reply(enip.parse_items(body)[1][1])
            self.assertTrue(status or reply.status in (REFUSED, 0x1E), (hex(command), reply))
        self.assert_serves(self.client())
        self.assertEqual(len(self.frames()), before + 1, data.hex())  # the read that was just served

    def test_nested_and_cut_wrongly(self):
        read, stop = enip.read("Count"), enip.request(enip.STOP, enip.PROCESSOR)
        packet, send = enip.multiple, enip.unconnected_send
        for message in (packet(packet(read)), send(packet(packet(read))), send(send(read)), packet(send(read)),
                        packet(read, stop), packet(stop), send(stop), packet(read, read, offsets=(6, 6)),
                        packet(read, read, offsets=(30, 6)), packet(read, offsets=(4000,)), packet(read, count=0),
                        packet(read, count=256), packet(read, count=65535), packet(), read + b"\0", read[:-1],
                        bytes([read[0] | 0x80]) + read[1:], packet(enip.forward_open(enip.BACKPLANE + enip.ROUTER)),
                        enip.request(enip.READ, enip.PROCESSOR, b"\1\0"), enip.request(0x4E, enip.PROCESSOR, b""),
                        enip.pccc(0x0F, b"\x80"), packet(enip.pccc(0xA2, b"\2\7\x89\0\0")),
                        send(read, route=b"\x0f\x12\0\0"), enip.request(0, enip.IDENTITY)):
            with self.subTest(message.hex()):
                self.assert_stopped(lambda session, m=message: enip.unconnected(m, session))

    def test_items_and_encapsulation(self):
        read = enip.read("Count")
        for body in (struct.pack("<IHH", 0, 0, 0), struct.pack("<IHHHHH", 0, 0, 1, enip.NULL, 0, 0)[:-2],
                     enip.items((enip.NULL, b""), (enip.DATA, read), count=0xE801),
                     enip.items((enip.NULL, b""), (enip.DATA, read), count=1),
                     enip.items((enip.DATA, read), (enip.NULL, b"")), enip.items((enip.NULL, b""), (0x1234, read)),
                     enip.items((enip.NULL, b""), (enip.DATA, read), (enip.DATA, read)),
                     enip.items((enip.NULL, b""), (enip.DATA, read), interface=1),
                     enip.items((enip.NULL, b"x"), (enip.DATA, read)), enip.items((enip.NULL, b""), (enip.DATA, read))[:-1]):
            with self.subTest(body.hex()):
                self.assert_stopped(lambda session, b=body: enip.frame(enip.SEND_RR_DATA, b, session))
        for command in (0x0072, 0x0073, 0x00C8, 0xFFFF):
            self.assert_stopped(lambda session, c=command: enip.frame(c, b"", session))
        self.assert_stopped(lambda session: enip.frame(enip.SEND_RR_DATA, b"", session, length=65535))

    def test_connections_of_other_kinds(self):
        where = enip.BACKPLANE + enip.ROUTER
        for message in (enip.forward_open(where, ot_rpi=0),
                        enip.forward_open(where, transport=0x01), enip.forward_open(enip.io_path(), transport=0x01),
                        enip.forward_open(where + enip.path(1, 1)), enip.forward_open(enip.BACKPLANE + enip.path(1, 1)),
                        enip.forward_close(serial=0x4242), enip.forward_close(originator=1)):
            with self.subTest(message.hex()):
                self.assert_stopped(lambda session, m=message: enip.unconnected(m, session))


class ManyParts(EnipCase):
    """Multiple Service Packets as large as their connection lets them be: each part gets its own answer."""
    def assert_answered(self, ask, count, bad):
        good = [enip.read("Count")] * count
        reply = ask(enip.multiple(*good))
        self.assertEqual((reply.status, [part.status for part in reply.parts()]), (0, [0] * count))
        for at in (0, count // 2, count - 1):
            reply = ask(enip.multiple(*good[:at], bad, *good[at + 1:]))
            self.assertEqual((reply.status, [part.status for part in reply.parts()]), (0x1E, [REFUSED] * count))
            self.assertEqual([part.service for part in reply.parts()],
                             [enip.READ] * at + [bad[0]] + [enip.READ] * (count - 1 - at))
        self.assertEqual(ask(enip.multiple(*good)).status, 0)

    def test_unconnected(self):
        self.assert_answered(self.client().ask, 40, enip.read("Guard"))

    def test_in_a_large_connection(self):
        client = self.client()
        self.assertEqual(client.open(large=True, ot_size=4000, to_size=4000).status, 0)
        before = self.did()
        self.assert_answered(client.ask_connected, 270, enip.write("Count", enip.DINT, 5))
        self.assertEqual(self.did(), before)
        self.assertEqual(self.gate.count("denied-after-partial"), 0)

    def test_by_a_sender_that_waits(self):
        """It sends the second half when the first was acknowledged: that goes on as it comes."""
        client = self.client()
        self.assertEqual(client.open(large=True, ot_size=4000, to_size=4000).status, 0)
        for sequence in (1, 2):
            packet = enip.connected(enip.multiple(*[enip.read("Count")] * 270), client.session, client.connection, sequence)
            client.socket.sendall(packet[:1500])
            wait_until(lambda: unacknowledged(client.socket) == 0, "an acknowledgement")
            client.socket.sendall(packet[1500:])
            self.assertEqual(enip.parse_frame(client.receive())[2], 0)


class Offsets(EnipCase):
    """Recipe is DINT[400], of which elements 0 to 9 are allowed; Pumps is a structure[3]."""
    rules = [rule("some", "historian", "press-plc", [{"read-tags": ["Count", "Recipe[0-9]", "Pumps[0-1]", "Batch"]},
                                                     {"write-tags": ["Recipe[0-9]", "Pumps[0-1]"]}], protocol="ethernet-ip")]

    def test_offsets_beyond_the_elements(self):
        client, word = self.client(), struct.pack("<i", 7)
        for service, offset in ((enip.read_fragment("Recipe", 10, 36), 36),
                                (enip.write_fragment("Recipe", enip.DINT, 10, 36, word), 36)):
            self.assertEqual(client.ask_routed(service).status, 0, offset)
        before = self.did()
        for offset in (37, 40, 1500):
            with contextlib.suppress(ConnectionError):
                lost = self.client()
                lost.ask_routed(enip.write_fragment("Recipe", enip.DINT, 10, offset, word))
                self.fail("answered")
        self.refused(client, enip.write_fragment("Recipe", enip.DINT, 400, 1500, word), enip.WRITE_FRAGMENT, "tag-not-allowed")
        self.refused(client, enip.write_fragment("Recipe[5]", enip.DINT, 6, 20, word), enip.WRITE_FRAGMENT, "tag-not-allowed")
        self.assertEqual(self.did(), before)

    def test_structures(self):
        client, pump = self.client(), struct.pack("<HHHI", enip.STRUCT, 0x4C7E, 1, 0) + bytes(24)
        self.refused(client, enip.request(enip.WRITE_FRAGMENT, enip.tag("Pumps[1]"), pump), enip.WRITE_FRAGMENT, "tag-not-allowed")
        self.assertEqual(client.ask_routed(enip.read_fragment("Pumps", 2, 0)).status, 0)
        self.refused(client, enip.read_fragment("Pumps", 2, 24), enip.READ_FRAGMENT, "tag-not-allowed")
        self.assertEqual(client.ask_routed(enip.read_fragment("Batch", 1, 24)).status, 0)


class Symbols(EnipCase):
    @staticmethod
    def by_number(instance):
        return enip.request(enip.READ, enip.path(0x6B, instance), struct.pack("<H", 1))

    def test_by_number_only_after_a_listing_and_only_as_named(self):
        client = self.client()
        self.assertEqual(client.ask_routed(self.by_number(1)).status, REFUSED)
        reply = client.ask_routed(enip.listing())
        self.assertIn(reply.status, (0, 6))
        names = {name: instance for instance, name, *_ in self.rows(reply.data)}
        self.assertEqual(client.ask_routed(self.by_number(names["Count"])).status, 0)
        self.assertEqual(client.ask_routed(self.by_number(names["Setpoint"])).status, REFUSED)
        self.assertEqual(self.client().ask_routed(self.by_number(names["Count"])).status, REFUSED)

    @staticmethod
    def rows(data):
        while data:
            instance, length = struct.unpack("<IH", data[:6])
            name, kind = data[6:6 + length].decode(), struct.unpack("<H", data[6 + length:8 + length])[0]
            yield instance, name, kind
            data = data[8 + length:]


class Ledger(EnipCase):
    def test_denials_are_counted_by_service_and_object(self):
        client = self.client()
        for message in (enip.write("Count", enip.DINT, 5), enip.write("Count", enip.DINT, 6),
                        enip.request(enip.STOP, enip.PROCESSOR)):
            self.assertEqual(client.ask_routed(message).status, REFUSED)
        self.assertEqual(self.gate.daemon.stop(), 0)
        with contextlib.closing(sqlite3.connect(f"file:{self.gate.state}/usage.db?mode=ro", uri=True)) as ledger:
            found = ledger.execute("SELECT protocol, service, detail, verdict, count FROM usage WHERE service <> '' "
                                   "ORDER BY service").fetchall()
        self.assertEqual(found, [
            ("ethernet-ip", "register-session", "", "allowed", 1),
            ("ethernet-ip", "stop", "class=142 instance=1 route=1/0", "service-not-allowed", 1),
            ("ethernet-ip", "write-tag", "elements=1 route=1/0 tag=Count", "tag-not-allowed", 2)])


class Datagrams(EnipCase):
    """List Identity by UDP. One rule allows it to one server; the other server's rule has no such entry."""
    rules = [rule("who", "historian", "press-plc", [*READS, {"list-identity": True}], protocol="ethernet-ip"),
             rule("reads", "energy", "press-plc", READS, protocol="ethernet-ip")]

    def udp(self, source=HISTORIAN):
        with self.lab.inside("enterprise"):
            found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(found.close)
        found.bind((source, 0))
        found.settimeout(5)
        return found

    def datagrams(self):
        """Packets of the kernel's rows for UDP."""
        rows = [c for c in self.gate.status()["conduits"] if c["transport"] == "udp"]
        return [(c["server"]["address"], c["port"], c["packets"]) for c in rows]

    def test_allowed_and_answered(self):
        before = self.datagrams()
        self.assertEqual([row[:2] for row in before], [(HISTORIAN, enip.PORT)])
        self.assertIn(NAME, enip.list_identity(self.udp(), PLC))
        self.assertEqual(self.datagrams()[0][2], before[0][2] + 2)
        self.assert_serves(self.client())

    def test_other_messages_by_udp(self):
        asks = self.udp()
        asks.sendto(enip.frame(enip.REGISTER, b"\1\0\0\0"), (PLC, enip.PORT))
        event = self.gate.wait_event("malformed-frame", asks.getsockname()[1])
        self.assertEqual((event["action"], event["device"]["port"]), ("dropped", enip.PORT))
        self.assertIn(NAME, enip.list_identity(asks, PLC))  # and nothing answered the first

    def test_of_a_server_without_the_entry(self):
        asks = self.udp(ENERGY)
        asks.sendto(enip.frame(enip.LIST_IDENTITY), (PLC, enip.PORT))
        event = self.gate.wait_event("no-rule", asks.getsockname()[1])
        self.assertEqual((event["protocol"], event["server"]["address"]), ("udp", ENERGY))

    def test_an_answer_that_nobody_asked_for(self):
        hears = self.udp()
        port = hears.getsockname()[1]
        answer = enip.frame(enip.LIST_IDENTITY, struct.pack("<H", 1) + enip.cpf((0x000C, bytes(40))))
        udp = struct.pack(">HHHH", enip.PORT, port, 8 + len(answer), 0) + answer
        with self.lab.inside("plant"), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as device:
            device.bind((PLC, 0))
            device.sendto(udp, (HISTORIAN, 0))
        event = self.gate.wait_event("unexpected-reply", port)
        self.assertEqual((event["action"], event["protocol"]), ("dropped", "ethernet-ip"))
        self.assertIn(NAME, enip.list_identity(hears, PLC))  # the next that it hears is its own


if __name__ == "__main__":
    unittest.main()
