# SPDX-License-Identifier: GPL-2.0-or-later
"""What the soak is about: the clients, what each may do and asks for, and what the device may see of it.

Holding and input register n of the device hold n, coil n holds n mod 2 (tests/peers/plc.c); 0 to 99 are
never written. Every client has one register and one block of four of its own, so that it knows what is in them.
"""
import dataclasses
import os
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "net"))
import gate  # noqa: E402
from gate import DEVICES  # noqa: E402
from lab import BUILD  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
NPM = BUILD / "soak" / "npm"
DEBIAN_PYTHON = "/usr/bin/python3"
LIMIT = 1500        # highest value that may be written
FORBIDDEN = 666     # nothing may be written there
OTHER_UNIT = 2
READS = {"coils": 1, "discrete": 2, "holding": 3, "input": 4}
WRITES = {"coil": 5, "write": 6, "many": 16}
ALL = frozenset([*READS, *WRITES, "unit"])


@dataclasses.dataclass(frozen=True)
class Peer:
    """One client program. `words` start it, up to the arguments that every client takes."""
    name: str
    number: int
    address: str
    words: tuple
    can: frozenset = ALL           # which operations its library offers here
    a_connection_each: bool = False
    polls: bool = False            # may end with an answer on its way
    device: str = "press-plc"

    @property
    def register(self):
        return 200 + self.number

    @property
    def block(self):
        return 240 + 8 * self.number


def python(script):
    return (DEBIAN_PYTHON, HERE / script)


def node(script):
    return ("node", HERE / script)


PEERS = {p.name: p for p in (
    Peer("libmodbus", 1, "10.1.0.11", python("client_libmodbus.py"), ALL - {"coils", "discrete", "unit"}),
    Peer("mbpoll", 2, "10.1.0.3", python("client_mbpoll.py"), a_connection_each=True, device="meter"),
    Peer("pymodbus", 3, "10.1.0.13", python("client_pymodbus.py")),
    Peer("modbus-serial", 4, "10.1.0.14", node("client_modbus_serial.js")),
    Peer("jsmodbus", 5, "10.1.0.15", node("client_jsmodbus.js"), ALL - {"unit"}),
    Peer("node-red", 6, "10.1.0.2", node("nodered/start.js"), polls=True),
)}


def has_pymodbus():
    return os.system(f"{DEBIAN_PYTHON} -c 'import pymodbus.client' 2>/dev/null") == 0


# -- the permits ---------------------------------------------------------------------------------------------

def rules(peers):
    """One rule a client, between servers that are added to the site's."""
    found = []
    for peer in peers:
        name = f"soak-{peer.name}"
        gate.SERVERS = {k: v for k, v in gate.SERVERS.items() if v != peer.address} | {name: peer.address}
        mine = f"{peer.block}-{peer.block + 3}"
        values = {"min": 0, "max": LIMIT}
        found.append(gate.rule(name, name, peer.device, [
            {"function": "read-coils", "unit": 1, "addresses": ["0-99"]},
            {"function": "read-discrete-inputs", "unit": 1, "addresses": ["0-99"]},
            {"function": "read-holding-registers", "unit": 1, "addresses": ["0-99", peer.register, mine]},
            {"function": "read-input-registers", "unit": 1, "addresses": ["0-99"]},
            {"function": "write-single-register", "unit": 1, "addresses": [peer.register], "values": values},
            {"function": "write-multiple-registers", "unit": 1, "addresses": [mine], "values": values}]))
    return found


def permitted(peer, frame):
    """Whether the device may see this request of that client: the rule above, said once more by hand."""
    unit, function, address, count = struct.unpack("!6xBBHH", frame[:12])
    if unit != 1:
        return False
    block = range(peer.block, peer.block + 5 - max(count, 1)) if count <= 4 else ()
    if function in READS.values():
        return address + count <= 100 or (function == 3 and ((address, count) == (peer.register, 1)
                                                             or address in block))
    if function == WRITES["write"]:
        return address == peer.register and count <= LIMIT
    if function == WRITES["many"]:
        return address in block and max(struct.unpack(f"!{count}H", frame[13:])) <= LIMIT
    return False


# -- what each asks for -----------------------------------------------------------------------------------------

def allowed_steps(peer, rng):
    at, count = rng.randrange(60), rng.randrange(1, 40)
    bits, words = [n % 2 for n in range(at, at + count)], list(range(at, at + count))
    value, values = rng.randrange(LIMIT + 1), [rng.randrange(LIMIT + 1) for _ in range(4)]
    for op in READS:
        yield [{"op": op, "address": at, "count": count, "expect": bits if READS[op] < 3 else words}]
    yield [{"op": "write", "address": peer.register, "values": [value]},
           {"op": "holding", "address": peer.register, "count": 1, "expect": [value]}]
    yield [{"op": "many", "address": peer.block, "values": values},
           {"op": "holding", "address": peer.block, "count": 4, "expect": values}]


def denied_steps(peer, rng):
    high = rng.randrange(LIMIT + 1, 65536)
    yield [{"op": "write", "address": FORBIDDEN, "values": [1], "exception": 2}]
    yield [{"op": "write", "address": peer.register, "values": [high], "exception": 3}]
    yield [{"op": "many", "address": FORBIDDEN, "values": [1, 2], "exception": 2}]
    yield [{"op": "many", "address": peer.block, "values": [1, 2, high, 4], "exception": 3}]
    yield [{"op": "holding", "address": 95, "count": 6, "exception": 2}]
    yield [{"op": "input", "address": 100, "count": 1, "exception": 2}]
    yield [{"op": "coils", "address": 90, "count": 11, "exception": 2}]
    yield [{"op": "coil", "address": 5, "values": [0], "exception": 1}]
    yield [{"op": "holding", "address": 0, "count": 1, "unit": OTHER_UNIT, "exception": 10}]


def plan(peer, seed, rounds=12):
    """The steps that a client repeats: writes are followed by the reading of what they wrote."""
    rng = random.Random(f"{seed} {peer.name}")
    groups = []
    for _ in range(rounds):
        groups += [*allowed_steps(peer, rng), *denied_steps(peer, rng)]
    rng.shuffle(groups)
    return [step for group in groups for step in group
            if step["op"] in peer.can and ("unit" not in step or "unit" in peer.can)]
