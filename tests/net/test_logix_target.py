# SPDX-License-Identifier: GPL-2.0-or-later
"""The EtherNet/IP device of the tests (tests/peers/logix) does what a Logix controller does: asked by our own client,
without a gate's policy between them, and every packet that it sends read by tshark."""
import contextlib
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest

import enip
from lab import BUILD, HISTORIAN, PLC, Lab, wait_until

LOGIX = BUILD / "peers" / "logix"


def write_pcap(path, packets):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, (_, frame) in enumerate(packets):
            out.write(struct.pack("<IIII", number // 1000, number % 1000 * 1000, len(frame), len(frame)) + frame)


def shown(path, display, *fields):
    """tshark's rows for what that filter takes."""
    words = [word for field in fields for word in ("-e", field)]
    done = subprocess.run(["tshark", "-n", "-r", path, "-Y", display, "-T", "fields", *words], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, check=True)
    return done.stdout.splitlines()


class Target(unittest.TestCase):
    """One lab for all; a device of its own for each test."""
    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        cls.lab = stack.enter_context(Lab(offload=False))
        cls.wire = cls.lab.capture("plant", "eth1")

    def device(self, *words):
        found = self.lab.start("plant", LOGIX, "-a", PLC, *words, ready="^ready$")
        self.addCleanup(found.stop)
        return found

    def client(self, session=True):
        found = enip.Client(self.lab.connect(PLC, port=enip.PORT))
        self.addCleanup(found.socket.close)
        if session:
            self.assertEqual(found.register(), 0)
        return found

    def udp(self, port=0):
        with self.lab.inside("enterprise"):
            found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(found.close)
        found.bind((HISTORIAN, port))
        found.settimeout(5)
        return found

    def did(self, device):
        return [line for line in device.lines if line.startswith("did ")]

    def assert_refused(self, reply, status, *extended):
        self.assertEqual((reply.status, reply.extended), (status, list(extended)), reply)


class Encapsulation(Target):
    def test_lists_on_tcp_without_a_session_and_on_udp(self):
        self.device()
        client = self.client(session=False)
        services = enip.parse_items(client.ask_frame(enip.frame(enip.LIST_SERVICES))[4], header=0)
        self.assertEqual(services, [(0x0100, struct.pack("<HH16s", 1, 0x0120, b"Communications"))])
        self.assertEqual(client.ask_frame(enip.frame(enip.LIST_INTERFACES))[4], b"\0\0")
        (kind, item), = enip.parse_items(client.ask_frame(enip.frame(enip.LIST_IDENTITY))[4], header=0)
        self.assertEqual((kind, item[:6]), (0x000C, b"\x01\x00\x00\x02\xaf\x12"))
        self.assertIn(b"1756-L83E", item)
        self.assertEqual(enip.list_identity(self.udp(), PLC), item)

    def test_sessions(self):
        self.device()
        client, other = self.client(session=False), self.client()
        ask = enip.unconnected(enip.request(enip.GET_ALL, enip.IDENTITY), 0)
        self.assertEqual(client.ask_frame(ask)[2], 0x64)
        self.assertEqual(client.register(version=2), 0x69)
        self.assertEqual(client.register(), 0)
        self.assertEqual(client.register(), 0x01)
        self.assertEqual(client.ask_frame(enip.unconnected(b"\x01\x00", other.session))[2], 0x64)
        self.assertEqual(client.ask_frame(enip.frame(0x0001, session=client.session))[2], 0x01)
        client.socket.sendall(enip.frame(enip.NOP))
        self.assertEqual(client.ask(enip.request(enip.GET_ALL, enip.IDENTITY)).status, 0)
        client.unregister()
        self.assertRaises(ConnectionError, client.receive)

    def test_frames_cut_and_glued(self):
        self.device()
        client = self.client()
        two = enip.unconnected(enip.read("Count"), client.session) * 2
        for byte in two:
            client.socket.sendall(bytes([byte]))
        self.assertEqual([enip.parse_frame(client.receive())[0] for _ in range(2)], [enip.SEND_RR_DATA] * 2)


class Messages(Target):
    def test_identity(self):
        self.device()
        client = self.client()
        whole = client.ask_routed(enip.request(enip.GET_ALL, enip.IDENTITY)).data
        self.assertEqual(whole[:4] + whole[14:], b"\x01\x00\x0e\x00\x0b1756-L83E/B")
        one_by_one = [client.ask(enip.request(enip.GET_ONE, enip.path(1, 1, n))).data for n in range(1, 8)]
        self.assertEqual(b"".join(one_by_one), whole)
        self.assert_refused(client.ask(enip.request(enip.GET_ONE, enip.path(1, 1, 8))), 0x14)
        self.assert_refused(client.ask(enip.request(enip.GET_ALL, enip.path(0x77, 1))), 0x05)

    def test_routes(self):
        self.device()
        client, message = self.client(), enip.read("Count")
        self.assertEqual(client.ask_routed(message).values(), [0])
        self.assertEqual(client.ask(message).values(), [0])
        self.assert_refused(client.ask_routed(message, b"\x01\x03"), 0x01, 0x0312)
        self.assert_refused(client.ask_routed(message, b"\x02\x00"), 0x01, 0x0311)
        self.assert_refused(client.ask_routed(enip.unconnected_send(message)), 0x08)

    def test_tags(self):
        device, client = self.device(), self.client()
        for name, kind, value in (("Count", enip.DINT, -5), ("Speed", enip.REAL, 1.5), ("Setpoint", enip.INT, 300),
                                  ("Level", enip.SINT, -1), ("Running", enip.BOOL, 1), ("Total", enip.LINT, 1 << 40),
                                  ("Temps[9]", enip.REAL, 2.5), ("Matrix[2,3]", enip.DINT, 11),
                                  ("Pumps[2].Range.High", enip.REAL, 9.0), ("Press.Hours[1]", enip.INT, 7),
                                  ("Press.Fault", enip.BOOL, 1), ("Program:Main.Step", enip.DINT, 4)):
            with self.subTest(tag=name):
                self.assertEqual(client.ask(enip.write(name, kind, value)).status, 0)
                self.assertEqual(client.ask(enip.read(name.upper().replace("PROGRAM", "Program"))).values(), [value])
        self.assertEqual(client.ask(enip.read("Press.ZZZZZZZZZZMotor0")).values(), [2], "Fault is bit 1 of it")
        self.assertEqual(client.ask(enip.read("Matrix", 12)).values()[11], 11)
        self.assertEqual(len(self.did(device)), 12)
        self.assertIn("did write Pumps[2].Range.High offset 0 data 00001041", self.did(device))

    def test_tags_refused(self):
        device, client = self.device(), self.client()
        for message, refusal in ((enip.read("Nothing"), (0x04,)), (enip.read("Temps[10]"), (0xFF, 0x2105)),
                                 (enip.read("Temps[5]", 6), (0xFF, 0x2105)), (enip.read("Count.X"), (0x04,)),
                                 (enip.request(enip.READ, enip.symbol("Press.Speed"), b"\1\0"), (0x04,)),
                                 (enip.read_fragment("Recipe", 10, 40), (0xFF, 0x2104)),
                                 (enip.write("Count", enip.REAL, 1.0), (0xFF, 0x2107)),
                                 (enip.write("Count", enip.DINT, 1, 2), (0xFF, 0x2105)),
                                 (enip.write("Count", enip.DINT, 1)[:-1], (0x13,)),
                                 (enip.write("Count", enip.DINT, 1) + b"\0", (0x15,)),
                                 (enip.request(enip.READ, enip.tag("Count"), b"\1"), (0x13,)),
                                 (enip.request(0x33, enip.tag("Count")), (0x08,))):
            with self.subTest(message=message.hex()):
                self.assert_refused(client.ask(message), *refusal)
        self.assertEqual(self.did(device), [])

    def test_fragments(self):
        device, client = self.device(), self.client()
        values = list(range(1000, 1400))
        data = struct.pack("<400i", *values)
        for at in range(0, 1600, 400):
            message = enip.write_fragment("Recipe", enip.DINT, 400, at, data[at:at + 400])
            self.assertEqual(client.ask(message).status, 0)
        found, status = b"", 6
        while status == 6:
            reply = client.ask(enip.read_fragment("Recipe", 400, len(found)))
            found, status = found + reply.data[2:], reply.status
        self.assertEqual((status, found), (0, data))
        first = client.ask(enip.read("Recipe", 400))
        self.assertEqual((first.status, first.values()), (6, values[:len(first.values())]))
        self.assertEqual(len(self.did(device)), 4)

    def test_read_modify_write(self):
        device, client = self.device(), self.client()
        client.ask(enip.write("Count", enip.DINT, 0x0F))
        self.assertEqual(client.ask(enip.modify("Count", b"\x30\0\0\0", b"\xfe\xff\xff\xff")).status, 0)
        self.assertEqual(client.ask(enip.read("Count")).values(), [0x3E])
        self.assertEqual(self.did(device)[-1], "did modify Count or 30000000 and feffffff")

    def test_listing_and_instances(self):
        self.device("-n", "100")
        client = self.client()
        found, pages, status = [], 0, 6
        while status == 6:
            reply = client.ask_routed(enip.listing(found[-1][0] + 1 if found else 0))
            status, pages = reply.status, pages + 1
            found += enip.listed(reply.data)
        names = {name: (instance, kind) for instance, name, kind in found}
        self.assertEqual((status, len(found), pages > 3), (0, 115, True))
        self.assertEqual([i for i, _, _ in found], sorted(i for i, _, _ in found))
        self.assertEqual(names["Pumps"][1] & 0xE000, 0xA000, "a structure, of one dimension")
        inner = enip.listed(client.ask_routed(enip.listing(program="Main")).data)
        self.assertEqual([name for _, name, _ in inner], ["Step", "Delays"])
        client.ask(enip.write("Zone_99", enip.DINT, 77))
        where = enip.path(0x6B) + enip.logical(0x24, names["Zone_99"][0], 16)
        self.assertEqual(client.ask(enip.request(enip.READ, where, b"\1\0")).values(), [77])
        self.assert_refused(client.ask(enip.request(enip.READ, where[:-1] + b"\x7f", b"\1\0")), 0x05)

    def test_templates(self):
        self.device()
        client = self.client()
        kind = {name: kind for _, name, kind in enip.listed(client.ask(enip.listing()).data)}["Press"] & 0xFFF
        asked = struct.pack("<5H", 4, 4, 5, 2, 1)
        told = struct.unpack("<HHHIHHIHHHHHH", client.ask(enip.request(enip.GET_LIST, enip.path(0x6C, kind), asked)).data)
        words, size, members = told[3], told[6], told[9]
        self.assertEqual((told[0], size, members), (4, 24, 7))
        reply = client.ask(enip.request(enip.READ, enip.path(0x6C, kind), struct.pack("<IH", 0, 4 * words - 20)))
        self.assertEqual(reply.data[8 * members:].split(b"\0")[0].split(b";")[0], b"Motor")
        self.assertIn(b"Setpoint\0", reply.data)

    def test_multiple_service_packet(self):
        device, client = self.device(), self.client()
        both = [enip.write("Count", enip.DINT, 3), enip.read("Count"), enip.read("Speed")]
        reply = client.ask_routed(enip.multiple(*both))
        self.assertEqual((reply.status, [p.status for p in reply.parts()]), (0, [0, 0, 0]))
        self.assertEqual(reply.parts()[1].values(), [3])
        reply = client.ask(enip.multiple(enip.read("Nothing"), enip.read("Count"), enip.multiple(enip.read("Count"))))
        self.assertEqual((reply.status, [p.status for p in reply.parts()]), (0x1E, [4, 0, 8]))
        for lie in ({"count": 0}, {"count": 3}, {"offsets": [2, 3]}, {"offsets": [90, 99]}):
            with self.subTest(lie=lie):
                self.assertEqual(client.ask(enip.multiple(*both[:2], **lie)).status, 0x13)
        self.assertEqual(len(self.did(device)), 1)

    def test_control_is_seen(self):
        device, client = self.device(), self.client()
        status = enip.request(enip.GET_ONE, enip.path(1, 1, 5))
        self.assertEqual(client.ask(status).data, b"\x60\x30")
        self.assertEqual(client.ask(enip.request(enip.STOP, enip.PROCESSOR)).status, 0)
        self.assertEqual(client.ask(status).data, b"\x70\x30")
        self.assertEqual(client.ask(enip.request(enip.START, enip.PROCESSOR)).status, 0)
        self.assertEqual(client.ask(enip.request(enip.SET_ONE, enip.path(0xF5, 1, 5), b"\x0a\0\0\1")).status, 0)
        self.assertEqual(client.ask(enip.request(enip.RESET, enip.IDENTITY)).status, 0)
        self.assertRaises(ConnectionError, client.receive)
        self.assertEqual(self.did(device), ["did stop, mode program", "did start, mode run",
                                            "did set-attribute f5/1/5 data 0a000001", "did reset 0"])

    def test_pccc(self):
        device, client = self.device(), self.client()
        seven, eight = enip.typed_address(7, 0x89, 3, 4), enip.typed_address(8, 0x8A, 0, 4)
        self.assertEqual(client.ask(enip.pccc(0xAA, seven + b"\x11\x22\x33\x44", 9)).data[7:], b"\x4f\0\x09\0")
        self.assertEqual(client.ask(enip.pccc(0xAB, seven + b"\xff\x00" + b"\xaa\xbb\xcc\xdd")).data[8], 0)
        self.assertEqual(client.ask(enip.pccc(0xA2, seven)).data[11:], b"\xaa\x22\xcc\x44")
        self.assertEqual(client.ask(enip.pccc(0xA2, eight)).data[11:], bytes(4))
        self.assertEqual(client.ask(enip.pccc(0xA2, enip.typed_address(7, 0x89, 99, 4))).data[8], 0x50)
        self.assertEqual(client.ask(enip.pccc(0x80, b"")).data[8], 0x10)
        self.assertEqual(self.did(device)[0], "did pccc write N7:3 mask ffff data 11223344")

    def test_a_denied_tag(self):
        both = enip.multiple(enip.write("Count", enip.DINT, 3), enip.read("Guard"))
        for style, status, parts in (("parts", 0x1E, [0, 15]), ("all", 0x1E, [15, 15]), ("whole", 0x0F, None),
                                     ("zero", 0, [0, 15])):
            with self.subTest(style=style):
                device, client = self.device("--deny", "guard", "--deny-style", style), self.client()
                self.assert_refused(client.ask(enip.read("Guard")), 0x0F)
                reply = client.ask(both)
                self.assertEqual((reply.status, parts and [p.status for p in reply.parts()]), (status, parts))
                self.assertEqual(bool(self.did(device)), style in ("parts", "zero"))
                device.stop()


class Connections(Target):
    def test_explicit_messages(self):
        device, client = self.device(), self.client()
        self.assertEqual(client.open().status, 0)
        self.assertEqual(client.ask_connected(enip.write("Count", enip.DINT, 8)).status, 0)
        again = client.ask_connected(enip.write("Count", enip.DINT, 9), sequence=client.sequence)
        self.assertEqual(again.status, 0, "a repeated sequence count gets the repeated answer")
        self.assertEqual(client.ask_connected(enip.read("Count")).values(), [8])
        parts = client.ask_connected(enip.multiple(enip.read("Count"), enip.read("Speed"))).parts()
        self.assertEqual([p.status for p in parts], [0, 0])
        self.assert_refused(client.open(), 0x01, 0x0100)
        self.assertEqual(client.ask(enip.forward_close()).status, 0)
        self.assert_refused(client.ask(enip.forward_close()), 0x01, 0x0107)
        self.assertEqual(sum("did write" in line for line in device.lines), 1)

    def test_large(self):
        self.device()
        client = self.client()
        self.assertEqual(client.open(large=True, ot_size=4000, to_size=4000).status, 0)
        self.assertEqual(len(client.ask_connected(enip.read("Recipe", 400)).values()), 400)

    def test_large_refused(self):
        self.device("--no-large-open")
        client = self.client()
        self.assert_refused(client.open(large=True, ot_size=4000, to_size=4000), 0x08)
        self.assertEqual(client.open().status, 0)

    def test_refusals(self):
        device, client = self.device(), self.client()
        for more, extended in (({"where": b"\x01\x05" + enip.ROUTER}, 0x0312), ({"to_type": 1}, 0x0124),
                               ({"ot_rpi": 0}, 0x0112), ({"where": enip.BACKPLANE + enip.path(1, 1)}, 0x0315),
                               ({"transport": 2}, 0x0103), ({"large": True, "to_size": 9000}, 0x0109)):
            with self.subTest(**more):
                self.assert_refused(client.open(**more), 0x01, extended)
        self.assertEqual(self.did(device), [])

    def test_a_connection_belongs_to_its_session(self):
        device, client, other = self.device(), self.client(), self.client()
        client.open()
        other.socket.sendall(enip.connected(enip.write("Count", enip.DINT, 1), other.session, client.connection, 1))
        device.wait_line("connected data ignored: no such connection")
        client.socket.close()
        device.wait_line("connection-end messages .* session over")
        self.assertFalse(any("did write" in line for line in device.lines))


class InputsAndOutputs(Target):
    def opened(self, *words, **more):
        device, client = self.device(*words), self.client()
        originator = enip.Originator(client, self.udp(enip.IO_PORT), PLC)
        reply = originator.open(**more)
        self.assertEqual(reply.status, 0, reply)
        return device, client, originator

    def test_an_exclusive_owner(self):
        device, client, owner = self.opened()
        self.assertEqual(client.opened[2][0], 0x8000, "where to send is told")
        self.assertEqual(client.opened[2][1][:4], struct.pack("!HH", 2, enip.IO_PORT))
        outputs = bytes(range(1, 33))
        owner.send(outputs)
        device.wait_line(f"did output run data {outputs.hex()}")
        numbers = []
        wait_until(lambda: numbers.append(owner.receive()) or numbers[-1][2][4:] == outputs[:28], "outputs to come back")
        self.assertEqual([n for n, _, _ in numbers], list(range(numbers[0][0], numbers[0][0] + len(numbers))))
        self.assertEqual(client.ask(enip.forward_open(enip.io_path(), 1, 2, 38, 34)).extended, [0x0106])
        self.assertEqual(owner.close().status, 0)
        owner.send(bytes(32))
        device.wait_line("io ignored: id .* no such connection")
        self.assertEqual(sum("did output" in line for line in device.lines), 1)

    def test_old_and_foreign_data_is_not_taken(self):
        device, _, owner = self.opened()
        owner.send(b"\1" * 32, number=10)
        device.wait_line("did output")
        owner.send(b"\2" * 32, number=10)
        device.wait_line("io ignored: .* number 10 after 10")
        owner.send(b"\3" * 32, number=11, connection=owner.ot + 1)
        device.wait_line("io ignored: .* no such connection")
        owner.send(b"\4" * 31, number=12)
        device.wait_line("io ignored: .* another size")
        self.assertEqual(sum("did output" in line for line in device.lines), 1)

    def test_input_only_and_listen_only(self):
        self.device()
        client, udp = self.client(), self.udp(enip.IO_PORT)
        listener, reader = enip.Originator(client, udp, PLC), enip.Originator(client, udp, PLC)
        refused = listener.open(consumed=enip.HEART_LISTEN, ot_size=2)
        self.assert_refused(refused, 0x01, 0x0119)
        self.assertEqual(reader.open(consumed=enip.HEART_INPUT, ot_size=2, serial=2).status, 0)
        self.assertEqual(listener.open(consumed=enip.HEART_LISTEN, ot_size=2).status, 0)
        reader.send(None)
        self.assertEqual(len(reader.receive()[2]), 32)
        self.assertEqual(len(listener.receive()[2]), 32)

    def test_it_times_out(self):
        device, _, owner = self.opened(rpi=5000)
        owner.send(bytes(32))
        device.wait_line("connection-end exclusive-owner .* timed out")

    def test_it_outlives_its_session(self):
        device, client, owner = self.opened(rpi=50000, multiplier=7)
        client.socket.close()
        device.wait_line("connection-outlives-session exclusive-owner")
        owner.send(b"\5" * 32)
        device.wait_line("did output run data 0505")

    def test_or_ends_with_it_when_told_so(self):
        device, client, owner = self.opened("--io-ends-with-session")
        client.socket.close()
        device.wait_line("connection-end exclusive-owner .* session over")


@unittest.skipUnless(shutil.which("tshark"), "tshark is not installed")
class OnTheWire(Target):
    def test_nothing_it_sends_is_malformed(self):
        """A conversation that has every kind of reply in it."""
        self.device("--deny", "Guard")
        client, udp = self.client(), self.udp(enip.IO_PORT)
        for command in (enip.LIST_SERVICES, enip.LIST_IDENTITY, enip.LIST_INTERFACES):
            client.ask_frame(enip.frame(command))
        enip.list_identity(self.udp(), PLC)
        sent = [enip.request(enip.GET_ALL, enip.IDENTITY), enip.request(enip.GET_ONE, enip.path(1, 1, 7)),
                enip.request(enip.GET_LIST, enip.IDENTITY, struct.pack("<3H", 2, 1, 7)),
                enip.read("Press"), enip.read("Recipe", 400), enip.read_fragment("Recipe", 400, 400),
                enip.write("Count", enip.DINT, 1), enip.read("Nothing"), enip.read("Temps[99]"), enip.read("Guard"),
                enip.listing(), enip.request(enip.GET_LIST, enip.path(0x6C, 0x153), struct.pack("<3H", 2, 4, 1)),
                enip.request(enip.READ, enip.path(0x6C, 0x153), struct.pack("<IH", 0, 60)),
                enip.multiple(enip.read("Count"), enip.read("Guard"), enip.write("Speed", enip.REAL, 2.0)),
                enip.pccc(0xA2, enip.typed_address(7, 0x89, 0, 2)), enip.request(enip.STOP, enip.PROCESSOR)]
        for message in sent:
            client.ask(message)
            client.ask_routed(message)
        client.ask_routed(enip.read("Count"), b"\x01\x09")
        client.open(large=True, ot_size=4000, to_size=4000)
        for message in sent:
            client.ask_connected(message)
        client.open(to_type=1, serial=9)
        client.ask(enip.forward_close())
        owner = enip.Originator(client, udp, PLC)
        owner.open()
        owner.send(bytes(32))
        owner.receive()
        owner.close()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "all.pcap")
            wait_until(lambda: sum(data[40:44] == b"\xce\0\0\0" for *_, data in self.wire.tcp(source=PLC)) == 2,
                       "the last reply to be captured")
            write_pcap(path, self.wire.packets)
            mine = f"ip.src == {PLC}"
            self.assertEqual(shown(path, f"{mine} && _ws.malformed", "frame.number", "_ws.col.Info"), [])
            self.assertEqual(len(shown(path, f"{mine} && cip.rr == 1", "frame.number")), 3 * len(sent) + 6)
            self.assertEqual(len(shown(path, f"{mine} && cip.genstat == 0x0f", "frame.number")), 6)
            self.assertGreaterEqual(len(shown(path, f"{mine} && cipio", "frame.number")), 1)


if __name__ == "__main__":
    unittest.main()
