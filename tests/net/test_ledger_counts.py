# SPDX-License-Identifier: GPL-2.0-or-later
"""The ledger's counts against an independent count: what tshark finds in recordings of both sides of the gate. What
arrived on the side of the servers was asked for; what left on the side of the devices was allowed; the difference was
denied."""
import collections
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import unittest

import enip
import modbus
from gate import FORBIDDEN, PEERS, READ, SETPOINT, WRITE, GateCase, rule
from lab import ENERGY, HISTORIAN, METER, PLC, ROOT, wait_until

sys.path.insert(0, str(ROOT / "tests/golden"))
import pcapfile  # noqa: E402

SEED = 20
ROUND = 30.0  # seconds; the ledger is written every 10
TAGS = [{"read-tags": ["Count", "Temps[0-3]"]}]
SETS = [{"write-tags": ["Setpoint"], "values": {"min": 0, "max": 1500}}]
EXCEPTIONS = {1: "function-not-allowed", 2: "address-not-allowed", 3: "value-not-allowed"}
FUNCTIONS = {3: "read-holding-registers", 4: "read-input-registers", 6: "write-single-register"}
RULES = {(PLC, 3): "reads", (PLC, 6): "sets", (METER, 3): "meter"}
SERVICES = {0x4c: "read-tag", 0x4d: "write-tag"}
NO_TAG = (0x52, 0x0a, 0x54)  # the carriers, and Forward Open
MODBUS = ("ip.src", "ip.dst", "tcp.dstport", "mbtcp.trans_id", "mbtcp.len", "mbtcp.unit_id", "modbus.func_code",
          "modbus.reference_num", "modbus.word_cnt", "modbus.exception_code")
CIP = ("tcp.dstport", "cip.rr", "cip.sc", "cip.symbol")


def tshark(path, what, fields):
    """A dictionary a message, fields that repeat as lists."""
    words = ["tshark", "-n", "-r", path, "-Y", what, "-T", "fields", "-E", "aggregator=|"]
    done = subprocess.run(words + [w for f in fields for w in ("-e", f)], capture_output=True, text=True, check=True,
                          timeout=60)
    return [dict(zip(fields, ([v for v in text.split("|") if v] for text in line.split("\t"))))
            for line in done.stdout.splitlines()]


def modbus_counts(path):
    """Requests by (device, unit, function, address, quantity), bytes by (device, function), exceptions by request."""
    asked, size, refused, open_ones = collections.Counter(), collections.Counter(), collections.Counter(), {}
    for row in tshark(path, "mbtcp", MODBUS):
        request = row["tcp.dstport"] == ["502"]
        device = row["ip.dst" if request else "ip.src"][0]
        function = int(row["modbus.func_code"][0])
        exchange = row["ip.src" if request else "ip.dst"][0], row["mbtcp.trans_id"][0]
        size[device, function] += int(row["mbtcp.len"][0]) + 6
        if request:
            quantity = int(row["modbus.word_cnt"][0]) if row["modbus.word_cnt"] else 1
            key = device, int(row["mbtcp.unit_id"][0]), function, int(row["modbus.reference_num"][0]), quantity
            asked[key] += 1
            open_ones[exchange] = key
        elif row["modbus.exception_code"]:
            refused[open_ones[exchange], EXCEPTIONS[int(row["modbus.exception_code"][0])]] += 1
    return asked, size, refused


def cip_counts(path):
    """Innermost requests by (service, tag); how many messages they came in."""
    asked, messages = collections.Counter(), 0
    for row in tshark(path, "cip.sc && tcp.dstport == 44818", CIP):
        services = [int(s, 0) for s in row["cip.sc"] if int(s, 0) not in NO_TAG]
        asked.update(zip(services, row["cip.symbol"], strict=True))
        messages += bool(services)
    return asked, messages


class Counted(GateCase):
    devices = (PLC, METER)
    rules = [rule("reads", "historian", "press-plc", [READ]), rule("sets", "historian", "press-plc", [WRITE]),
             rule("meter", "energy", "meter", [READ]),
             rule("tags", "historian", "press-plc", TAGS, protocol="ethernet-ip"),
             rule("recipe", "historian", "press-plc", SETS, protocol="ethernet-ip")]

    @classmethod
    def before_start(cls):
        if not shutil.which("tshark"):
            raise unittest.SkipTest("tshark is not installed")
        cls.lab.start("plant", PEERS / "logix", "-a", PLC, ready="^ready$", name="logix")

    def setUp(self):
        self.random = random.Random(SEED)
        self.sides = {"enterprise": self.lab.capture("enterprise", "eth0"), "plant": self.lab.capture("plant", "eth1")}
        self.transaction = 0

    # -- traffic -----------------------------------------------------------------------------------------

    def some_modbus(self, source, device, count):
        """Reads and writes, a third of them forbidden in one way or another."""
        client = self.client(source, device)
        client.numbers = iter(range(self.transaction, 1 << 16))
        for _ in range(count):
            address, quantity = self.random.choice((0, 5, 90, 98, 120, FORBIDDEN)), self.random.choice((1, 2, 7))
            value = self.random.choice((0, 1500, 1501))
            client.ask(self.random.choice((struct.pack("!BHH", modbus.READ_HOLDING, address, quantity),
                                           struct.pack("!BHH", modbus.READ_INPUT, address, quantity),
                                           struct.pack("!BHH", modbus.WRITE_ONE, self.random.choice(
                                               (SETPOINT, FORBIDDEN)), value))))
            self.transaction += 1
        client.socket.close()

    def some_enip(self, count):
        client = enip.Client(self.lab.connect(PLC, port=enip.PORT))
        self.assertEqual(client.register(), 0)
        self.assertEqual(client.open().status, 0)
        wanted = (enip.read("Count"), enip.read("Temps", 4), enip.read("Setpoint"),
                  enip.write("Setpoint", enip.DINT, 1500), enip.write("Setpoint", enip.DINT, 1501),
                  enip.write("Count", enip.DINT, 1))
        for _ in range(count):
            one, other = self.random.choice(wanted), self.random.choice(wanted)
            how = self.random.choice((client.ask, client.ask_routed, client.ask_connected))
            how(one if self.random.random() < 0.5 else enip.multiple(one, other))
        client.socket.close()

    def mbpoll(self):
        """Somebody else's client: one read, ten registers from the first one on."""
        self.lab.run("enterprise", "mbpoll", "-m", "tcp", "-1", "-q", "-a", "1", "-t", "4", "-r", "1", "-c", "10", PLC)

    def traffic(self, count=40):
        self.some_modbus(HISTORIAN, PLC, count)
        self.some_modbus(ENERGY, METER, count // 2)
        self.some_enip(count // 2)
        if shutil.which("mbpoll"):
            self.mbpoll()

    # -- the two counts ----------------------------------------------------------------------------------

    def record(self, side):
        path = pathlib.Path(self.lab.folder / f"{side}.pcap")
        pcapfile.write_pcap(path, pcapfile.ETHERNET, [frame for _, frame in self.sides[side].packets])
        return path

    def ask(self, sql, *values):
        connection = sqlite3.connect(f"file:{self.gate.state}/usage.db?mode=ro", uri=True)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def ledger(self, protocol):
        """(rule, service, detail, verdict) -> count, of everything that has a service and is no opening of sessions or connections."""
        rows = self.ask("SELECT rule, service, detail, verdict, count FROM usage WHERE protocol=? AND service <> '' AND "
                        "service NOT IN ('register-session', 'forward-open')", protocol)
        return collections.Counter({tuple(row[:4]): row[4] for row in rows})

    def whole(self, verdict, what="count"):
        return dict(self.ask(f"SELECT rule, {what} FROM usage WHERE service='' AND protocol='' AND verdict=?", verdict))

    @staticmethod
    def name(key):
        device, unit, function, address, quantity = key
        return (RULES.get((device, function), ""), FUNCTIONS[function],
                f"unit={unit} address={address} quantity={quantity}")

    def expected_modbus(self):
        """The same from the recordings; and what passed of each rule, in messages and bytes."""
        asked, _, refused = modbus_counts(self.record("enterprise"))
        passed, size, _ = modbus_counts(self.record("plant"))
        self.assertEqual(sum((asked - passed).values()), sum(refused.values()))
        rows = collections.Counter()
        for key, n in passed.items():
            rows[(*self.name(key), "allowed")] += n
        for (key, reason), n in refused.items():
            rows[(*self.name(key), reason)] += n
        by_rule, bytes_by_rule = collections.Counter(), collections.Counter()
        for (device, _, function, *_), n in passed.items():
            by_rule[RULES[device, function]] += n
        for where, n in size.items():
            bytes_by_rule[RULES[where]] += n
        return rows, by_rule, bytes_by_rule

    def check_modbus(self):
        rows, by_rule, size = self.expected_modbus()
        self.assertEqual({v for *_, v in rows}, {"allowed", *EXCEPTIONS.values()}, "the traffic has some of each")
        self.assertEqual(sorted(self.ledger("modbus").items()), sorted(rows.items()))
        allowed, in_bytes = self.whole("allowed"), self.whole("allowed", "bytes")
        for name in ("reads", "sets", "meter"):
            self.assertEqual((allowed[name], in_bytes[name]), (by_rule[name], size[name]), name)

    def check_cip(self):
        """The tag and its service; whether it passed."""
        asked, sent = cip_counts(self.record("enterprise"))
        passed, arrived = cip_counts(self.record("plant"))
        found = {True: collections.Counter(), False: collections.Counter()}
        for (_, service, detail, verdict), n in self.ledger("ethernet-ip").items():
            found[verdict == "allowed"][service, detail.split("tag=")[1]] += n
        names = {(SERVICES[service], tag): n for (service, tag), n in passed.items()}
        self.assertEqual(sorted(found[True].items()), sorted(names.items()))
        self.assertEqual({tag for _, tag in names}, {"Count", "Temps", "Setpoint"})
        # of a message with a denied part that part alone is counted; it took the others with it
        self.assertEqual(sum(found[False].values()), sent - arrived)
        for key, n in found[False].items():
            code = next(c for c, name in SERVICES.items() if name == key[0])
            self.assertLessEqual(n, (asked - passed)[code, key[1]], key)

    def stop(self):
        self.assertEqual(self.gate.daemon.stop(), 0, self.gate.daemon.text())


class Exact(Counted):
    def test_a_clean_stop(self):
        self.traffic()
        self.stop()
        self.check_modbus()
        self.check_cip()

    def test_no_count_is_in_two_hours_or_none(self):
        """After the other one, on the same file."""
        self.assertEqual(self.ask("SELECT count(*) FROM usage WHERE count <> (SELECT sum(count) FROM usage_span "
                                  "WHERE usage_span.id = usage.id)"), [(0,)])
        self.assertEqual(self.ask("SELECT count(*) FROM usage WHERE verdict = 'other'"), [(0,)])


class InspectorKilled(Counted):
    def test_nothing_is_lost(self):
        """Outside a decision, as nearly always: its memory goes on."""
        for _ in range(3):
            self.traffic(15)
            before = self.gate.inspector()
            os.kill(before, signal.SIGKILL)
            wait_until(lambda b=before: self.gate.inspector() not in (None, b), "another inspector")
            wait_until(lambda: self.gate.status()["queues"][0]["state"] == "serving", "it to serve")
        self.stop()
        self.check_modbus()
        self.check_cip()


class SupervisorKilled(Counted):
    def test_what_was_written_stays_and_the_rest_counts_on(self):
        """The last seconds may be lost, and nothing else; nothing is counted twice."""
        self.traffic(15)
        written = self.expected_modbus()[0]
        wait_until(lambda: self.gate.status()["ledger"].get("flushed") and self.ledger("modbus") == written,
                   "the ledger to have it all", ROUND)
        self.traffic(5)
        self.gate.daemon.kill()
        self.gate.daemon.process.wait()
        at_death = self.expected_modbus()[0]
        self.gate.start()
        self.traffic(15)
        self.stop()
        after = self.expected_modbus()[0] - at_death
        found, most = self.ledger("modbus"), written + (at_death - written) + after
        for key in most.keys() | found.keys():
            self.assertGreaterEqual(found[key], written[key] + after[key], key)
            self.assertLessEqual(found[key], most[key], key)


if __name__ == "__main__":
    unittest.main()
