# SPDX-License-Identifier: GPL-2.0-or-later
"""Modbus/TCP messages for tests, written from the specification and not from the gate's tables."""
import itertools
import struct

READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY, MASK_WRITE, READ_WRITE = 3, 4, 6, 16, 22, 23


def frame(pdu, transaction=1, unit=1, protocol=0, length=None):
    """MBAP header and PDU; `length` lies about the size."""
    length = len(pdu) + 1 if length is None else length
    return struct.pack("!HHHB", transaction, protocol, length, unit) + pdu


def read(address, quantity, transaction=1, unit=1, function=READ_HOLDING):
    return frame(struct.pack("!BHH", function, address, quantity), transaction, unit)


def write(register, value, transaction=1, unit=1):
    return frame(struct.pack("!BHH", WRITE_ONE, register, value), transaction, unit)


def write_many(register, values, transaction=1, unit=1):
    return frame(struct.pack(f"!BHHB{len(values)}H", WRITE_MANY, register, len(values), 2 * len(values),
                             *values), transaction, unit)


def exception(function, code, transaction=1, unit=1):
    return frame(bytes([function | 0x80, code]), transaction, unit)


def read_answer(values, transaction=1, unit=1, function=READ_HOLDING):
    return frame(struct.pack(f"!BB{len(values)}H", function, 2 * len(values), *values), transaction, unit)


def frames(stream):
    """The whole frames at the start of a byte stream, and what is left."""
    found = []
    while len(stream) >= 6 and len(stream) >= 6 + struct.unpack("!H", stream[4:6])[0]:
        size = 6 + struct.unpack("!H", stream[4:6])[0]
        found.append(stream[:size])
        stream = stream[size:]
    return found, stream


class Client:
    """A client on one kernel socket; raises ConnectionError when the connection is gone."""

    def __init__(self, connection):
        self.socket, self.numbers = connection, itertools.count(100)

    def receive(self):
        """One frame."""
        data = b""
        while len(data) < 6 or len(data) < 6 + struct.unpack("!H", data[4:6])[0]:
            want = 6 - len(data) if len(data) < 6 else 6 + struct.unpack("!H", data[4:6])[0] - len(data)
            more = self.socket.recv(want)
            if not more:
                raise ConnectionResetError("closed by the peer")
            data += more
        return data

    def ask(self, pdu, unit=1):
        """The PDU that answers this PDU."""
        transaction = next(self.numbers)
        self.socket.sendall(frame(pdu, transaction, unit))
        answer = self.receive()
        if answer[:2] != struct.pack("!H", transaction):
            raise AssertionError(f"asked with transaction {transaction}, answered {answer.hex()}")
        return answer[7:]

    def read(self, address, quantity):
        answer = self.ask(struct.pack("!BHH", READ_HOLDING, address, quantity))
        if answer[0] != READ_HOLDING:
            raise AssertionError(f"read of {address} answered {answer.hex()}")
        return list(struct.unpack(f"!{quantity}H", answer[2:]))

    def write(self, register, value):
        """The answer's PDU: an echo or an exception."""
        return self.ask(struct.pack("!BHH", WRITE_ONE, register, value))
