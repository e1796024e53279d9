# SPDX-License-Identifier: GPL-2.0-or-later
"""Selective acknowledgements (RFC 2018) between two kernels, with packets lost on both sides of a gate that has
taken requests out and put error replies in: each side is told about its own sequence numbers, and the transfer
comes to its end."""
import collections
import socket
import struct
import unittest

import modbus
from gate import BAD, SETPOINT, GateCase
from lab import HISTORIAN, PLC
from tcp import ACK, MASK

REQUESTS, OUTSTANDING = 600, 12
DENIED_SIZE, ERROR_SIZE = len(BAD), len(modbus.exception(modbus.WRITE_ONE, 2))
# Behind the gate, so that the receiver sees a hole and later segments; every 19th segment with data.
LOSS = """
table ip loss {
	chain arriving {
		type filter hook prerouting priority raw
		tcp %s 502 ip length > 60 numgen inc mod 19 == 7 counter drop
	}
}
"""

Packet = collections.namedtuple("Packet", "sent source identification seq ack sacks size")


def sack_blocks(options):
    """The blocks of the SACK option (kind 5), from RFC 2018 and 9293 alone."""
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        kind, size = options[at], options[at + 1]
        if kind == 5:
            edges = struct.unpack(f"!{(size - 2) // 4}I", options[at + 2:at + size])
            return list(zip(edges[::2], edges[1::2]))
        at += size
    return []


def packets(capture, port):
    """Every segment of the server's connection from that port, in the order in which it went by."""
    found = []
    for sent, frame in list(capture.packets):
        if frame[12:14] != b"\x08\x00" or frame[23] != 6 or port not in struct.unpack("!HH", frame[34:38]):
            continue
        ip = frame[14:14 + struct.unpack("!H", frame[16:18])[0]]
        head = (ip[32] >> 4) * 4
        seq, ack = struct.unpack("!II", ip[24:32])
        found.append(Packet(sent, socket.inet_ntoa(ip[12:16]), struct.unpack("!H", ip[4:6])[0], seq,
                            ack if ip[33] & ACK else None, sack_blocks(ip[40:20 + head]), len(ip) - 20 - head))
    return found


class Sack(GateCase):
    offload = False  # what is captured are the segments as they are on the wire

    @classmethod
    def before_start(cls):
        cls.captures = {"enterprise": cls.lab.capture("enterprise", "eth0"), "plant": cls.lab.capture("plant", "eth1")}

    def lose(self, side, what):
        path = self.lab.folder / f"loss-{side}.nft"
        path.write_text(LOSS % what)
        self.lab.run(side, "nft", "-f", path)

    def dropped(self, side):
        return int(self.lab.run(side, "nft", "list", "table", "ip", "loss").stdout.split("packets ")[1].split()[0])

    @staticmethod
    def request(i):
        if i % 4 == 1:
            return modbus.write(666, i, transaction=i)
        return modbus.write(SETPOINT, i, transaction=i) if i % 4 == 3 else modbus.read(i % 90, 10, transaction=i)

    @staticmethod
    def answer(i):
        if i % 4 == 1:
            return modbus.exception(modbus.WRITE_ONE, 2, transaction=i)
        return Sack.request(i) if i % 4 == 3 else modbus.read_answer(range(i % 90, i % 90 + 10), transaction=i)

    def transfer(self, connection):
        """Every request in a segment of its own, so many unanswered at once; returns the answers by transaction."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers, stream, asked = {}, b"", 0
        while len(answers) < REQUESTS:
            while asked < REQUESTS and asked - len(answers) < OUTSTANDING:
                connection.sendall(self.request(asked))
                asked += 1
            more = connection.recv(4096)
            self.assertTrue(more, "the connection was closed")
            found, stream = modbus.frames(stream + more)
            for frame in found:
                transaction = struct.unpack("!H", frame[:2])[0]
                self.assertNotIn(transaction, answers, "answered twice")
                answers[transaction] = frame
        return answers

    def translated(self, near, far, source, unit):
        """The SACK blocks of that host as it sent them and as they came out on the far side: the far ones lie
        on edges of what the far host sent; how far both are apart is a number of changes of `unit` bytes."""
        edges, distances = set(), set()
        for packet in far:
            if packet.source != source and packet.size:
                edges |= {packet.seq, (packet.seq + packet.size) & MASK}
        said = {p.identification: p.sacks for p in near if p.source == source and p.sacks}
        for packet in far:
            if packet.source != source or not packet.sacks:
                continue
            self.assertEqual(len(packet.sacks), len(said[packet.identification]))
            for mine, theirs in zip(said[packet.identification], packet.sacks):
                self.assertFalse(set(theirs) - edges, "these are no edges of what the far host sent")
                distances |= {(a - b + (1 << 31)) % (1 << 32) - (1 << 31) for a, b in zip(mine, theirs)}
        self.assertTrue(distances - {0}, "no SACK block came after the numbers had shifted")
        self.assertFalse([d for d in distances if d % unit], "apart by something else than whole changes")
        return distances

    def test_blocks_are_translated_in_both_directions(self):
        with self.lab.connect(PLC, source=HISTORIAN) as connection:
            connection.settimeout(20)
            self.lose("plant", "dport")
            self.lose("enterprise", "sport")
            answers = self.transfer(connection)
            port = connection.getsockname()[1]
        self.assertEqual(answers, {i: self.answer(i) for i in range(REQUESTS)})
        for side in ("plant", "enterprise"):
            self.assertGreater(self.dropped(side), 10, f"hardly anything was lost in the {side}")
        office, plant = (packets(self.captures[side], port) for side in ("enterprise", "plant"))
        # Of the device's answers the server has more than was sent: the errors. Of its requests the device has less.
        self.assertGreater(max(self.translated(office, plant, HISTORIAN, ERROR_SIZE)), 10 * ERROR_SIZE)
        self.assertLess(min(self.translated(plant, office, PLC, DENIED_SIZE)), -10 * DENIED_SIZE)
        acted = self.requests(peer=f"{HISTORIAN}:{port}")
        self.assertEqual(acted, [self.request(i) for i in range(REQUESTS) if i % 4 != 1])


if __name__ == "__main__":
    unittest.main()
