# SPDX-License-Identifier: GPL-2.0-or-later
"""Small capture files for tests: Modbus frames in TCP/IP in any link layer, as pcap or pcapng."""
import ipaddress
import struct

ETHERNET, LOOPBACK, RAW, COOKED, COOKED2 = 1, 0, 101, 113, 276
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def modbus(transaction, unit, pdu):
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def read_request(transaction, address=0, quantity=4, unit=1):
    return modbus(transaction, unit, struct.pack(">BHH", 3, address, quantity))


def read_reply(transaction, values, unit=1):
    return modbus(transaction, unit, struct.pack(f">BB{len(values)}H", 3, 2 * len(values), *values))


def tcp(sport, dport, sequence, acknowledged, flags, data=b""):
    return struct.pack(">HHIIBBHHH", sport, dport, sequence & 0xffffffff, acknowledged & 0xffffffff,
                       0x50, flags, 64240, 0, 0) + data


def udp(sport, dport, data):
    return struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data


def ipv4(source, target, payload, identification=1, offset=0, more=False, protocol=6):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identification,
                       offset // 8 | (0x2000 if more else 0), 64, protocol, 0,
                       ipaddress.ip_address(source).packed, ipaddress.ip_address(target).packed) + payload


def ipv6(source, target, payload, options=False):
    behind = struct.pack(">BBHI", 6, 0, 0x0104, 0) + payload if options else payload
    return struct.pack(">IHBB16s16s", 6 << 28, len(behind), 0 if options else 6, 64,
                       ipaddress.ip_address(source).packed, ipaddress.ip_address(target).packed) + behind


def link(kind, packet, tags=()):
    """The IP packet in a frame of this link layer; tags: (EtherType, VLAN id), outermost first."""
    ether = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    if kind == ETHERNET:
        inner = b"".join(struct.pack(">HH", *tag) for tag in tags)
        frame = b"\x02\0\0\0\0\1\x02\0\0\0\0\2" + inner + ether + packet
        return frame + bytes(max(0, 60 - len(frame)))
    if kind == LOOPBACK:
        return struct.pack("<I", 24 if packet[0] >> 4 == 6 else 2) + packet
    if kind == COOKED:
        return struct.pack(">HHH8s", 0, 1, 6, b"\2\0\0\0\0\1") + ether + packet
    if kind == COOKED2:
        return ether + struct.pack(">HIHBB8s", 0, 1, 1, 0, 6, b"\2\0\0\0\0\1") + packet
    return packet


class Conversation:
    """The two ends of a connection; c() and s() give a segment of the client's or the server's bytes."""

    def __init__(self, client="10.1.0.2", server="10.2.0.2", cport=40000, sport=502, base=1000):
        self.ends = ((client, cport), (server, sport))
        self.base = (base, 5000)

    def packet(self, side, offset, data, flags=PSH | ACK, acknowledged=0):
        (src, sport), (dst, dport) = self.ends[side], self.ends[1 - side]
        segment = tcp(sport, dport, self.base[side] + 1 + offset, self.base[1 - side] + 1 + acknowledged,
                      flags, data)
        return (ipv6 if ":" in src else ipv4)(src, dst, segment)

    def c(self, offset, data, acknowledged=0, flags=PSH | ACK):
        return self.packet(0, offset, data, flags, acknowledged)

    def s(self, offset, data, acknowledged=0, flags=PSH | ACK):
        return self.packet(1, offset, data, flags, acknowledged)

    def handshake(self):
        return [self.c(-1, b"", -6001, SYN), self.s(-1, b"", 0, SYN | ACK), self.c(0, b"", 0, ACK)]


def write_pcap(path, kind, frames, snap=0):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, kind))
        for i, frame in enumerate(frames):
            kept = frame[:snap] if snap else frame
            out.write(struct.pack("<IIII", 1700000000, 1000 * i, len(kept), len(frame)) + kept)


def write_pcapng(path, kind, frames):
    def block(code, body):
        body += bytes(-len(body) % 4)
        size = len(body) + 12
        return struct.pack("<II", code, size) + body + struct.pack("<I", size)

    with open(path, "wb") as out:
        out.write(block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)))
        out.write(block(1, struct.pack("<HHI", kind, 0, 0)))
        for i, frame in enumerate(frames):
            stamp = 1700000000 * 1000000 + 1000 * i
            out.write(block(6, struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xffffffff, len(frame),
                                           len(frame)) + frame))
