# SPDX-License-Identifier: GPL-2.0-or-later
"""EtherNet/IP and CIP messages for tests, written from the specification and not from the gate's tables.

Builders take what they are told, also lies; parsers raise ValueError for what is not well formed.
"""
import socket
import struct
import time

PORT, IO_PORT = 44818, 2222
NOP, LIST_SERVICES, LIST_IDENTITY, LIST_INTERFACES = 0x0000, 0x0004, 0x0063, 0x0064
REGISTER, UNREGISTER, SEND_RR_DATA, SEND_UNIT_DATA = 0x0065, 0x0066, 0x006F, 0x0070
NULL, CONNECTED, CONNECTED_DATA, DATA, SEQUENCED = 0x0000, 0x00A1, 0x00B1, 0x00B2, 0x8002

GET_ALL, GET_LIST, RESET, START, STOP, MULTIPLE, GET_ONE, SET_ONE = 1, 3, 5, 6, 7, 0x0A, 0x0E, 0x10
PCCC, READ, WRITE, MODIFY, FORWARD_CLOSE = 0x4B, 0x4C, 0x4D, 0x4E, 0x4E
READ_FRAGMENT, WRITE_FRAGMENT, UNCONNECTED_SEND = 0x52, 0x53, 0x52
FORWARD_OPEN, LARGE_FORWARD_OPEN, LIST = 0x54, 0x5B, 0x55
BOOL, SINT, INT, DINT, LINT, REAL, STRUCT = 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xCA, 0x02A0
FORMATS = {BOOL: "B", SINT: "b", INT: "h", DINT: "i", LINT: "q", REAL: "f", 0xD3: "I"}

# -- paths ---------------------------------------------------------------------------------------------------


def logical(kind, number, bits=None):
    """A logical segment: kind 0x20 class, 24 instance, 28 member, 2C point, 30 attribute; `bits` may be more
    than the number needs."""
    bits = bits or (8 if number < 256 else 16 if number < 65536 else 32)
    if bits == 8:
        return bytes([kind, number])
    return struct.pack("<BBH" if bits == 16 else "<BBI", kind + (1 if bits == 16 else 2), 0, number)


def path(cls, instance=None, attribute=None, bits=None):
    found = logical(0x20, cls, bits)
    if instance is not None:
        found += logical(0x24, instance, bits)
    return found + (logical(0x30, attribute, bits) if attribute is not None else b"")


def symbol(name):
    """One symbol segment, whatever the name holds."""
    text = name.encode()
    return bytes([0x91, len(text)]) + text + bytes(len(text) & 1)


def tag(name):
    """The path of a tag as engineers write it: Program:Main.Pumps[1].Range.High, Matrix[2,3]."""
    found = b""
    for part in name.split("."):
        text, *indexes = part.replace("]", "").split("[")
        found += symbol(text)
        found += b"".join(logical(0x28, int(i)) for index in indexes for i in index.split(","))
    return found


ROUTER, MANAGER, IDENTITY, PROCESSOR = path(2, 1), path(6, 1), path(1, 1), path(0x8E, 1)
BACKPLANE = b"\x01\x00"  # port 1, slot 0

# -- messages ------------------------------------------------------------------------------------------------


def request(service, where, data=b""):
    return bytes([service, len(where) // 2]) + where + data


def read(name, elements=1):
    return request(READ, tag(name), struct.pack("<H", elements))


def read_fragment(name, elements, offset):
    return request(READ_FRAGMENT, tag(name), struct.pack("<HI", elements, offset))


def write(name, kind, *values):
    return request(WRITE, tag(name), struct.pack(f"<HH{len(values)}{FORMATS[kind]}", kind, len(values), *values))


def write_fragment(name, kind, elements, offset, data):
    return request(WRITE_FRAGMENT, tag(name), struct.pack("<HHI", kind, elements, offset) + data)


def modify(name, ored, anded):
    return request(MODIFY, tag(name), struct.pack("<H", len(ored)) + ored + anded)


def listing(first=0, attributes=(1, 2), program=None):
    where = (symbol(f"Program:{program}") if program else b"") + path(0x6B) + logical(0x24, first, 16)
    return request(LIST, where, struct.pack(f"<H{len(attributes)}H", len(attributes), *attributes))


def multiple(*parts, offsets=None, count=None):
    """A Multiple Service Packet; `offsets` and `count` lie."""
    if offsets is None:
        offsets, at = [], 2 + 2 * len(parts)
        for part in parts:
            offsets.append(at)
            at += len(part)
    head = struct.pack("<H", len(parts) if count is None else count)
    return request(MULTIPLE, ROUTER, head + struct.pack(f"<{len(offsets)}H", *offsets) + b"".join(parts))


def unconnected_send(message, route=BACKPLANE, size=None):
    size = len(message) if size is None else size
    return request(UNCONNECTED_SEND, MANAGER, struct.pack("<BBH", 7, 249, size) + message +
                   bytes(len(message) & 1) + bytes([len(route) // 2, 0]) + route)


def pccc(function, data, transaction=1, command=0x0F):
    """Execute PCCC on class 67 for a requestor of vendor 1, serial number 2."""
    return request(PCCC, path(0x67, 1), struct.pack("<BHIBBHB", 7, 1, 2, command, 0, transaction, function) + data)


def typed_address(file, kind, element, size):
    """Three address fields, as the functions A2 and AA want them."""
    return bytes([size, file, kind, element, 0])


def forward_open(where, transport=0xA3, serial=0x1234, ot_size=500, to_size=500, ot_rpi=2000000, to_rpi=2000000,
                 multiplier=0, large=False, ot=0, to=0x00C0FFEE, vendor=0x0BAD, originator=0x600DF00D,
                 ot_type=2, to_type=2, variable=True):
    """RPIs in microseconds. `where` is the connection path. The size of a connection counts its sequence
    count, and in class 1 from the originator the run/idle word."""
    kind = "I" if large else "H"

    def parameters(size, which):
        return which << (29 if large else 13) | (variable << (25 if large else 9)) | size
    data = struct.pack("<BBIIHHIB3x", 10, 100, ot, to, serial, vendor, originator, multiplier)
    data += struct.pack(f"<I{kind}I{kind}B", ot_rpi, parameters(ot_size, ot_type), to_rpi,
                        parameters(to_size, to_type), transport)
    return request(LARGE_FORWARD_OPEN if large else FORWARD_OPEN, MANAGER, data + bytes([len(where) // 2]) + where)


def forward_close(where=BACKPLANE + ROUTER, serial=0x1234, vendor=0x0BAD, originator=0x600DF00D):
    return request(FORWARD_CLOSE, MANAGER, struct.pack("<BBHHI", 10, 100, serial, vendor, originator) +
                   bytes([len(where) // 2, 0]) + where)


class Reply:
    """A message's reply: service without the high bit, status, extended status, data."""

    def __init__(self, message):
        if len(message) < 4 or not message[0] & 0x80 or message[1] or len(message) < 4 + 2 * message[3]:
            raise ValueError(f"no reply: {message.hex()}")
        self.service, self.status = message[0] & 0x7F, message[2]
        self.extended = list(struct.unpack(f"<{message[3]}H", message[4:4 + 2 * message[3]]))
        self.data = message[4 + 2 * message[3]:]

    def __repr__(self):
        return f"Reply({self.service:#x}, {self.status:#x}, {self.extended}, {self.data.hex()})"

    def values(self):
        """What a tag held, of an atomic type."""
        kind = struct.unpack("<H", self.data[:2])[0]
        size = struct.calcsize("<" + FORMATS[kind])
        return list(struct.unpack(f"<{(len(self.data) - 2) // size}{FORMATS[kind]}", self.data[2:]))

    def parts(self):
        count = struct.unpack("<H", self.data[:2])[0]
        at = [*struct.unpack(f"<{count}H", self.data[2:2 + 2 * count]), len(self.data)]
        if at[0] != 2 + 2 * count or sorted(at) != at:
            raise ValueError(f"offsets {at}")
        return [Reply(self.data[a:b]) for a, b in zip(at, at[1:])]


def listed(data):
    """(instance, name, type) of a listing of attributes 1 and 2."""
    found = []
    while data:
        instance, size = struct.unpack("<IH", data[:6])
        found.append((instance, data[6:6 + size].decode(), struct.unpack("<H", data[6 + size:8 + size])[0]))
        data = data[8 + size:]
    return found

# -- frames --------------------------------------------------------------------------------------------------


def frame(command, data=b"", session=0, context=b"gatetest", status=0, options=0, length=None):
    length = len(data) if length is None else length
    return struct.pack("<HHII8sI", command, length, session, status, context, options) + data


def items(*pairs, interface=0, seconds=0, count=None):
    """Interface handle, time-out and the items as (type, data)."""
    count = len(pairs) if count is None else count
    return struct.pack("<IHH", interface, seconds, count) + cpf(*pairs)


def cpf(*pairs):
    return b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in pairs)


def unconnected(message, session, context=b"gatetest"):
    return frame(SEND_RR_DATA, items((NULL, b""), (DATA, message)), session, context)


def connected(message, session, connection, sequence, context=b"gatetest"):
    return frame(SEND_UNIT_DATA, items((CONNECTED, struct.pack("<I", connection)),
                                       (CONNECTED_DATA, struct.pack("<H", sequence) + message)), session, context)


def parse_frame(data):
    """(command, session, status, context, data) of exactly one frame."""
    command, length, session, status, context, options = struct.unpack("<HHII8sI", data[:24])
    if len(data) != 24 + length or options:
        raise ValueError(f"length {length} or options {options} in {data.hex()}")
    return command, session, status, context, data[24:]


def parse_items(data, header=6):
    count = struct.unpack("<H", data[header:header + 2])[0]
    found, at = [], header + 2
    for _ in range(count):
        kind, size = struct.unpack("<HH", data[at:at + 4])
        found.append((kind, data[at + 4:at + 4 + size]))
        at += 4 + size
    if at != len(data):
        raise ValueError(f"items end at {at} of {len(data)}")
    return found


def frames(stream):
    """The whole frames at the start of a byte stream, and what is left."""
    found = []
    while len(stream) >= 24 and len(stream) >= 24 + struct.unpack("<H", stream[2:4])[0]:
        size = 24 + struct.unpack("<H", stream[2:4])[0]
        found.append(stream[:size])
        stream = stream[size:]
    return found, stream


class Client:
    """A client on one kernel socket; raises ConnectionError when the connection is gone."""

    def __init__(self, connection):
        self.socket, self.session = connection, 0
        self.connection, self.answers_to, self.sequence = None, None, 0
        self.opened = None  # items of the last Forward Open's reply

    def receive(self):
        """One frame."""
        data = b""
        while len(data) < 24 or len(data) < 24 + struct.unpack("<H", data[2:4])[0]:
            want = 24 - len(data) if len(data) < 24 else 24 + struct.unpack("<H", data[2:4])[0] - len(data)
            more = self.socket.recv(want)
            if not more:
                raise ConnectionResetError("closed by the peer")
            data += more
        return data

    def ask_frame(self, data):
        self.socket.sendall(data)
        return parse_frame(self.receive())

    def register(self, version=1, options=0):
        """The status; 0 = there is a session."""
        _, session, status, _, _ = self.ask_frame(frame(REGISTER, struct.pack("<HH", version, options)))
        self.session = session if status == 0 else self.session
        return status

    def unregister(self):
        self.socket.sendall(frame(UNREGISTER, session=self.session))

    def ask(self, message):
        """The reply to a message sent unconnected, as it is."""
        command, _, status, _, data = self.ask_frame(unconnected(message, self.session))
        if (command, status) != (SEND_RR_DATA, 0):
            raise ValueError(f"command {command:#x}, encapsulation status {status:#x}")
        self.opened = parse_items(data)
        if [kind for kind, _ in self.opened[:2]] != [NULL, DATA]:
            raise ValueError(f"items {self.opened}")
        return Reply(self.opened[1][1])

    def ask_routed(self, message, route=BACKPLANE):
        return self.ask(unconnected_send(message, route))

    def open(self, where=BACKPLANE + ROUTER, **more):
        """Forward Open of an explicit connection."""
        reply = self.ask(forward_open(where, **more))
        if reply.status == 0:
            self.connection, self.answers_to = struct.unpack("<II", reply.data[:8])
            self.sequence = 0
        return reply

    def ask_connected(self, message, sequence=None):
        self.sequence = (self.sequence + 1 if sequence is None else sequence) & 0xFFFF
        command, _, status, _, data = self.ask_frame(connected(message, self.session, self.connection, self.sequence))
        found = dict(parse_items(data))
        if (command, status, found[CONNECTED]) != (SEND_UNIT_DATA, 0, struct.pack("<I", self.answers_to)):
            raise ValueError(f"command {command:#x}, encapsulation status {status:#x}, items {found}")
        if found[CONNECTED_DATA][:2] != struct.pack("<H", self.sequence):
            raise ValueError(f"asked with {self.sequence}, answered {found[CONNECTED_DATA].hex()}")
        return Reply(found[CONNECTED_DATA][2:])

# -- class 0 and 1 -------------------------------------------------------------------------------------------


INPUTS, OUTPUTS, CONFIGURATION, HEART_INPUT, HEART_LISTEN = 100, 150, 151, 152, 153  # the device's assemblies


def io_path(consumed=OUTPUTS, produced=INPUTS):
    return path(4, CONFIGURATION) + logical(0x2C, consumed) + logical(0x2C, produced)


def io_packet(connection, number, data):
    return struct.pack("<H", 2) + cpf((SEQUENCED, struct.pack("<II", connection, number)), (CONNECTED_DATA, data))


class Originator:
    """One class 1 connection, opened through a Client: sends outputs, takes inputs, over a UDP socket that is
    bound to the originator's port. Nothing is sent unless asked for."""

    def __init__(self, client, udp, device, port=IO_PORT):
        self.client, self.udp, self.to = client, udp, (device, port)
        self.ot = self.answers_to = None
        self.number = self.count = 0

    def open(self, consumed=OUTPUTS, rpi=20000, serial=0x0101, ot_size=38, **more):
        reply = self.client.ask(forward_open(io_path(consumed), transport=1, serial=serial, ot_size=ot_size, to_size=34,
                                             ot_rpi=rpi, to_rpi=rpi, to=0x51000000 | serial, variable=False, **more))
        if reply.status == 0:
            self.ot, self.answers_to = struct.unpack("<II", reply.data[:8])
        return reply

    def close(self, serial=0x0101):
        return self.client.ask(forward_close(io_path(), serial))

    def send(self, outputs, run=True, number=None, connection=None):
        """`outputs` None: a heartbeat."""
        self.number = self.number + 1 if number is None else number
        self.count = (self.count + 1) & 0xFFFF
        data = struct.pack("<H", self.count)
        if outputs is not None:
            data += struct.pack("<I", run) + outputs
        self.udp.sendto(io_packet(self.ot if connection is None else connection, self.number, data), self.to)

    def receive(self, seconds=5.0):
        """(number, count, inputs) of the next packet of this connection, or TimeoutError."""
        deadline = time.monotonic() + seconds
        while True:
            self.udp.settimeout(max(deadline - time.monotonic(), 0.001))
            data, _ = self.udp.recvfrom(2048)
            (kind, address), (kind_of_data, found) = parse_items(data, header=0)
            if (kind, kind_of_data) != (SEQUENCED, CONNECTED_DATA):
                raise ValueError(f"items {kind:#x}, {kind_of_data:#x}")
            connection, number = struct.unpack("<II", address)
            if connection == self.answers_to:
                return number, struct.unpack("<H", found[:2])[0], found[2:]


def list_identity(udp, device, port=PORT):
    """The item of the answer to a datagram."""
    udp.sendto(frame(LIST_IDENTITY), (device, port))
    _, _, status, _, data = parse_frame(udp.recv(2048))
    (kind, found), = parse_items(data, header=0)
    if status or kind != 0x000C:
        raise ValueError(f"status {status}, item {kind:#x}")
    return found
