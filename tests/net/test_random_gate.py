# SPDX-License-Identifier: GPL-2.0-or-later
"""Random misbehaviour on the wire, from a seed (RANDOM_SEED repeats a run): whatever is sent, the device acts
on allowed requests only, the inspector lives, and an honest client is served all along."""
import os
import random
import struct
import unittest

import modbus
import tcp
from gate import FORBIDDEN, RAW_SERVER, SETPOINT, RawCase
from lab import PLC

CONNECTIONS, SEGMENTS = 150, 30


class Random(RawCase):
    def message(self):
        r, transaction = self.random, self.random.randrange(65536)
        return r.choices([
            lambda: modbus.read(r.randrange(90), r.randrange(1, 10), transaction),
            lambda: modbus.write(SETPOINT, r.randrange(1501), transaction),
            lambda: modbus.write(FORBIDDEN, r.randrange(65536), transaction),
            lambda: modbus.write(SETPOINT, r.randrange(1501, 65536), transaction),
            lambda: modbus.write_many(FORBIDDEN, [r.randrange(65536)] * r.randrange(1, 100), transaction),
            lambda: modbus.frame(r.randbytes(r.randrange(1, 60)), transaction),
            lambda: modbus.frame(r.randbytes(r.randrange(1, 20)), transaction, length=r.randrange(65536)),
        ], (40, 20, 15, 15, 5, 1, 1))[0]()

    def misbehave(self, connection, stream):
        """Pieces of the stream, most of them in order; some repeated, early, changed or with odd flags."""
        r, start, at = self.random, connection.next, 0
        for _ in range(SEGMENTS):
            size = r.choice((1, 2, 5, 12, 13, 40, 200))
            first = at if r.random() < 0.6 else max(0, at + r.randrange(-30, 30))
            data = bytearray(stream[first:first + size])
            if data and r.random() < 0.03:
                data[r.randrange(len(data))] ^= 1 << r.randrange(8)
            flags = tcp.PSH | tcp.ACK if r.random() < 0.99 else r.randrange(64)
            connection.segment(bytes(data), flags, seq=(start + first) & tcp.MASK,
                               bad_checksum=r.random() < 0.02, window=r.choice((0, 10, 65000)))
            if first <= at:
                at = max(at, first + len(data))

    def allowed(self, request):
        address, value = struct.unpack("!HH", request[8:12])
        return (request[7] == 3 and address + value <= 100) or (request[7] == 6 and address == SETPOINT
                                                               and value <= 1500)

    def test_random_segments(self):
        seed = int(os.environ.get("RANDOM_SEED", random.randrange(1 << 32)))
        self.random = random.Random(seed)
        restarts = self.gate.status()["inspector"]["restarts"]
        honest = self.client()
        for i in range(CONNECTIONS):
            connection = self.raw.connect(PLC, isn=self.random.randrange(1 << 32))
            self.misbehave(connection, b"".join(self.message() for _ in range(12)))
            if i % 10 == 0:
                self.assert_serves(honest)
            connection.abort()
        self.assert_serves(honest)
        acted = [r for r in self.requests() if len(r) == 12 and r[6] == 1]
        self.assertEqual([r.hex() for r in self.requests() if not self.allowed(r)], [], f"RANDOM_SEED={seed}")
        self.assertGreater(len(acted), CONNECTIONS, "hardly anything got through: a test of nothing")
        self.assertEqual(self.gate.status()["inspector"]["restarts"], restarts, f"RANDOM_SEED={seed}")
        self.assertTrue(any(line.startswith(f"request {RAW_SERVER}:") for line in self.plcs[PLC].lines))
        self.assert_untouched()


class RandomWithoutOffload(Random):
    offload = False


if __name__ == "__main__":
    unittest.main()
