# SPDX-License-Identifier: GPL-2.0-or-later
"""A TCP peer that does as it is told: any segment, any order, any bytes; nothing retransmitted unasked.

A Host lives at a spare address of a namespace, one that the kernel there does not own: it answers ARP
itself and the kernel never sees a connection to reset. Written from RFC 791, 826 and 9293 alone; it
shares nothing with the gate's own engine. Sequence numbers are absolute, 32 bits.
"""
import collections
import os
import random
import socket
import struct
import threading
import time

from lab import wait_until

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
PACKET_AUXDATA, CSUM_NOT_READY = 8, 8
SOL_PACKET = 263
MASK = 0xFFFFFFFF

Segment = collections.namedtuple("Segment", "source sport dport seq ack flags window urgent options data "
                                            "checksum_ok ttl")


def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(source, destination, length, protocol=6):
    return socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, protocol, length)


def segment_bytes(source, destination, sport, dport, seq, ack=0, flags=ACK, window=65000, urgent=0,
                  options=b"", data=b"", bad_checksum=False, header_words=None):
    options += b"\0" * (-len(options) % 4)
    words = 5 + len(options) // 4 if header_words is None else header_words
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & MASK, ack & MASK, words << 4, flags, window, 0, urgent)
    whole = head + options + data
    value = checksum(pseudo(source, destination, len(whole)) + whole)
    if bad_checksum:
        value ^= 0x5A5A
    return whole[:16] + struct.pack("!H", value) + whole[18:]


def ip_packet(source, destination, payload, identification=0, offset=0, more=False, ttl=64, protocol=6,
              dont_fragment=False):
    """One IPv4 packet or fragment; `offset` in bytes, a multiple of 8."""
    field = offset // 8 | (0x2000 if more else 0) | (0x4000 if dont_fragment else 0)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), identification, field, ttl, protocol, 0)
    head += socket.inet_aton(source) + socket.inet_aton(destination)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def mss_option(size):
    return struct.pack("!BBH", 2, 4, size)


class Host:
    """An address of its own on one interface of a namespace; packets leave through the gate."""

    def __init__(self, lab, side, address, seed=1):
        interface = {"enterprise": "eth0", "plant": "eth1"}[side]
        self.address, self.random = address, random.Random(seed)
        self.mac, self.gate_mac = lab.mac(side, interface), lab.mac("gate", interface)
        with lab.inside(side):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self._socket.bind((interface, 3))
        self._socket.settimeout(0.05)
        self.connections, self.listening, self.strays = {}, {}, []
        self.icmp = []
        self._ports = iter(range(20000 + os.getpid() % 20000, 65000))
        self._lock, self._over = threading.RLock(), False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        lab.at_end(self.close)

    def close(self):
        self._over = True
        self._thread.join(2)
        self._socket.close()

    # -- sending ---------------------------------------------------------------------------------------

    def send_frame(self, packet, ethertype=0x0800):
        self._socket.send(self.gate_mac + self.mac + struct.pack("!H", ethertype) + packet)

    def send_segment(self, destination, sport, dport, seq, source=None, ttl=64, fragments=None, **fields):
        """One segment; `fragments` = list of (first, last) byte ranges of it to send as IP fragments."""
        source = source or self.address
        whole = segment_bytes(source, destination, sport, dport, seq, **fields)
        if fragments is None:
            self.send_frame(ip_packet(source, destination, whole, self.random.randrange(65536), ttl=ttl))
            return
        identification = self.random.randrange(65536)
        for first, last in fragments:
            self.send_frame(ip_packet(source, destination, whole[first:last], identification, first,
                                      last < len(whole), ttl))

    def connect(self, destination, port=502, **how):
        """A connection after its handshake; the SYN is repeated until it is answered."""
        c = self.prepare(destination, port, **how)
        c.open()
        return c

    def prepare(self, destination, port=502, sport=None, isn=None, **how):
        """A connection of which nothing has been sent yet."""
        sport = sport or next(self._ports)
        isn = self.random.randrange(1 << 32) if isn is None else isn
        with self._lock:
            c = self.connections[destination, port, sport] = Connection(self, destination, sport, port, isn, **how)
        return c

    def listen(self, port=502, **how):
        """Connections that peers open to this port, as a list that grows."""
        opened = []
        self.listening[port] = (opened, how)
        return opened

    # -- receiving -------------------------------------------------------------------------------------

    def _read(self):
        while not self._over:
            try:
                frame, ancillary, _, where = self._socket.recvmsg(65600, 256)
            except TimeoutError:
                continue
            except OSError:
                return
            if where[2] == socket.PACKET_OUTGOING:
                continue
            unfinished = any(level == SOL_PACKET and kind == PACKET_AUXDATA
                             and struct.unpack("=I", value[:4])[0] & CSUM_NOT_READY
                             for level, kind, value in ancillary)
            if frame[12:14] == b"\x08\x06":
                self._arp(frame)
            elif frame[12:14] == b"\x08\x00":
                self._ipv4(frame[14:], unfinished)

    def _arp(self, frame):
        operation, sender_mac, sender, _, target = struct.unpack("!H6s4s6s4s", frame[20:42])
        if operation == 1 and target == socket.inet_aton(self.address):
            answer = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 2, self.mac, target, sender_mac, sender)
            self._socket.send(sender_mac + self.mac + b"\x08\x06" + answer)

    def _ipv4(self, packet, unfinished):
        if packet[16:20] != socket.inet_aton(self.address):
            return
        packet = packet[:struct.unpack("!H", packet[2:4])[0]]
        head = (packet[0] & 15) * 4
        if packet[9] == 1:
            self.icmp.append(packet[head:])
        if packet[9] != 6:
            return
        source, body = socket.inet_ntoa(packet[12:16]), packet[head:]
        sport, dport, seq, ack, words, flags, window, _, urgent = struct.unpack("!HHIIBBHHH", body[:20])
        size = (words >> 4) * 4
        good = unfinished or checksum(pseudo(source, self.address, len(body)) + body) == 0
        segment = Segment(source, sport, dport, seq, ack, flags, window, urgent, body[20:size], body[size:],
                          good, packet[8])
        with self._lock:
            c = self.connections.get((source, sport, dport))
            if c is None and flags & (SYN | ACK) == SYN and dport in self.listening:
                opened, how = self.listening[dport]
                c = Connection(self, source, dport, sport, self.random.randrange(1 << 32), **how)
                self.connections[source, sport, dport] = c
                opened.append(c)
            if c is None:
                self.strays.append(segment)
            else:
                c.take(segment)


class Connection:
    """One connection of a Host: what it sends is the caller's affair, what arrives is kept and acknowledged."""

    def __init__(self, host, peer, sport, dport, isn, acknowledge=True, window=65000, mss=1460):
        self.host, self.peer, self.sport, self.dport = host, peer, sport, dport
        self.acknowledge, self.window, self.mss = acknowledge, window, mss
        self.isn = self.next = isn  # `next`: sequence number of the next new byte
        self.expected = None        # of the peer's next byte
        self.acked = isn            # the newest of our bytes that the peer acknowledged
        self.established = False
        self.segments = []          # everything received
        self.received = b""         # the peer's bytes in order
        self.finished = False       # the peer sent FIN, in order
        self.reset = False          # the peer sent a reset that a kernel would accept
        self._early = {}

    # -- sending ---------------------------------------------------------------------------------------

    def segment(self, data=b"", flags=ACK, seq=None, ack=None, **fields):
        """Exactly one segment; `seq` None takes the next new byte, and only then moves `next` on."""
        use = self.next if seq is None else seq
        ack = ack if ack is not None else (self.expected or 0) if flags & ACK else 0
        fields.setdefault("window", self.window)
        if seq is None:
            self.next = (self.next + len(data) + bool(flags & SYN) + bool(flags & FIN)) & MASK
        self.host.send_segment(self.peer, self.sport, self.dport, use, ack=ack, flags=flags, data=data, **fields)

    def open(self, seconds=5.0):
        self.segment(flags=SYN, options=mss_option(self.mss))
        deadline = time.monotonic() + seconds
        while not self.established:
            try:
                wait_until(lambda: self.established or self.reset, "the handshake", 0.5)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                self.segment(flags=SYN, seq=self.isn, options=mss_option(self.mss))
            if self.reset:
                raise ConnectionResetError(f"{self.peer}:{self.dport} refused")

    def send(self, data, sizes=None):
        """New bytes, in one segment or in segments of these sizes (the rest in a last one)."""
        for size in sizes or ():
            if data:
                self.segment(data[:size], PSH | ACK)
                data = data[size:]
        if data:
            self.segment(data, PSH | ACK)

    def abort(self):
        self.segment(flags=RST | ACK)

    def finish(self):
        self.segment(flags=FIN | ACK)

    # -- receiving -------------------------------------------------------------------------------------

    def take(self, segment):
        self.segments.append(segment)
        if segment.flags & RST:
            if self.expected is None or segment.seq == self.expected:
                self.reset = True
            return
        if segment.flags & ACK and (segment.ack - self.acked) & MASK < 1 << 31:
            self.acked = segment.ack
        if segment.flags & SYN:
            self._take_syn(segment)
            return
        if self.expected is None:
            return
        if segment.data or segment.flags & FIN:
            self._early[segment.seq] = segment
            self._in_order()
            if self.acknowledge:
                self.segment()

    def _take_syn(self, segment):
        if self.expected is None:
            self.expected = (segment.seq + 1) & MASK
        if segment.flags & ACK:
            self.segment()
            self.established = True
        else:
            self.next = (self.isn + 1) & MASK
            self.segment(flags=SYN | ACK, seq=self.isn, options=mss_option(self.mss))
            self.established = True

    def _in_order(self):
        for seq in sorted(self._early, key=lambda s: (s - self.expected + (1 << 31)) & MASK):
            segment, skip = self._early[seq], (self.expected - seq) & MASK
            if skip >= 1 << 31:
                continue
            del self._early[seq]
            fresh = segment.data[skip:] if skip <= len(segment.data) else b""
            self.received += fresh
            self.expected = (self.expected + len(fresh)) & MASK
            if segment.flags & FIN and not self.finished and (seq + len(segment.data)) & MASK == self.expected:
                self.finished = True
                self.expected = (self.expected + 1) & MASK

    def read(self, count, seconds=5.0):
        """Takes the next `count` bytes of the peer's stream."""
        try:
            wait_until(lambda: len(self.received) >= count, f"{count} bytes from {self.peer}", seconds)
        except AssertionError as failure:
            raise AssertionError(f"{failure}; have {self.received.hex() or 'nothing'}, reset={self.reset}, "
                                 f"fin={self.finished}") from None
        with self.host._lock:
            data, self.received = self.received[:count], self.received[count:]
        return data

    def wait_reset(self, seconds=5.0):
        wait_until(lambda: self.reset, f"a reset from {self.peer}", seconds)

    def wait_acked(self, seconds=5.0):
        """Until the peer has acknowledged every new byte sent."""
        wait_until(lambda: self.acked == self.next, f"{self.peer} to acknowledge", seconds)
