#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`gatehouse decode` of EtherNet/IP against tshark: captures with truth tables, where they are."""
import collections
import csv
import gzip
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import pcapfile as p

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATEHOUSE = (ROOT / os.environ.get("BUILD", "build") / "gatehouse").resolve()
PAIRS = (ROOT / os.environ.get("BUILD", "build") / "tools/enip_pairs").resolve()
CAPTURES = pathlib.Path(os.environ.get("GATEHOUSE_CAPTURES", ROOT / ".." / "shared" / "captures"))

# Where decode and tshark differ, by capture: how often, and how (docs/decode-and-tshark.md says why).
MALFORMED = ("stricter", "malformed-frame")
DIFFERENCES = {
    "own/plctag26-abfixed-clx-fo-rejected-retry.pcap": {MALFORMED: 2},
    "own/plctag26-abstock-clx-read.pcap": {MALFORMED: 4},
    "own/plctag26-abstock-clx-write.pcap": {MALFORMED: 6},
}
# Replies whose request came before the capture began.
EARLIER = {
    "ITI_ICS-Security-Tools/CIP__cip_only.pcap": 1,
    "ITI_ICS-Security-Tools/EthernetIP__EthernetIP-CIP.pcap": 1,
    "ITI_ICS-Security-Tools/EthernetIP__cip-eth-set-2.pcap": 1,
    "ITI_ICS-Security-Tools/EthernetIP__cip-multiple-2.pcap": 1,
}
NUMBERS = {"class": "class", "instance": "instance", "attribute": "attribute", "member": "member",
           "connpoint": "connection_point"}


def decode(path):
    """(exit code, messages, summary)"""
    done = subprocess.run([GATEHOUSE, "decode", "--json", path], capture_output=True, text=True, timeout=120)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, lines[:-1], lines[-1]["summary"]


def rows_of(truth):
    with (gzip.open if truth.suffix == ".gz" else open)(truth, "rt") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


def number(text):
    return int(text, 0) if text else None


def numbers(text):
    return [int(one, 0) for one in text.split(",")] if text else []


def innermost(rows):
    """The rows of a message without those of carriers whose content has rows of its own."""
    return [row for i, row in enumerate(rows)
            if row["rr"] and not (i + 1 < len(rows) and int(rows[i + 1]["depth"]) > int(row["depth"]))]


def wrong_request(ours, row):
    wrong = [] if ours["service"] == number(row["service"]) else ["service"]
    for column, kind in NUMBERS.items():
        if [s[kind] for s in ours["path"] if kind in s] != numbers(row[column]):
            wrong.append(column)
        if row[column] and ours.get(kind) != numbers(row[column])[-1]:
            wrong.append(f"last {column}")
    if ".".join(s["symbol"] for s in ours["path"] if "symbol" in s) != row["symbol"]:
        wrong.append("symbol")
    within = {"-": [], "US": ["unconnected-send"], "MSP": ["multiple-service-packet"],
              "US>MSP": ["unconnected-send", "multiple-service-packet"]}[row["container"]]
    if ours.get("within", []) != within:
        wrong.append("within")
    pccc = ours.get("pccc", {})
    if row["pccc_cmd"] and pccc.get("command") != number(row["pccc_cmd"]):
        wrong.append("pccc command")
    if row["pccc_fnc"] and pccc.get("function") != number(row["pccc_fnc"]):
        wrong.append("pccc function")
    return wrong


def wrong_reply(ours, row):
    wrong = [] if ours["service"] == number(row["service"]) else ["service"]
    if ours["status"] != number(row["genstat"]):
        wrong.append("status")
    if row["addstat"] and ours.get("extended_status") != numbers(row["addstat"])[0]:
        wrong.append("extended status")
    if ("within" in ours) != (row["container"] != "-"):
        wrong.append("within")
    return wrong


def wrong_members(ours, rows):
    """What a message does not say as its truth rows say it."""
    head = rows[0]
    if head["enip_cmd"] == "IO":
        return [] if ours["direction"] == "io" and ours["connection_id"] == number(head["conn_id"]) else ["io"]
    wrong = [name for name, column in (("command", "enip_cmd"), ("session", "session"))
             if ours[name] != number(head[column])]
    if ours.get("encapsulation_status", 0) != number(head["enip_status"]):
        wrong.append("encapsulation status")
    if ours["direction"] != {"q": "request", "r": "reply"}[head["dir"]]:
        wrong.append("direction")
    if head["conn_id"] and head["cpf_items"].startswith("0x00a1") and \
            (ours["connection_id"], ours["sequence"]) != (number(head["conn_id"]), number(head["seq"])):
        wrong.append("connection")
    cip = innermost(rows)
    if len(ours.get("cip", [])) != len(cip):
        return wrong + [f"{len(ours.get('cip', []))} requests for {len(cip)}"]
    for one, row in zip(ours.get("cip", []), cip):
        wrong += wrong_request(one, row) if row["rr"] == "req" else wrong_reply(one, row)
    return wrong


def differences(messages, rows):
    found = collections.Counter()
    ours, theirs = collections.defaultdict(list), collections.defaultdict(dict)
    for message in messages:
        ours[message["frame"]].append(message)
    for row in rows:
        theirs[int(row["frame"])].setdefault(int(row["pdu"]), []).append(row)
    for frame in ours.keys() | theirs.keys():
        left, right = ours[frame], list(theirs[frame].values())
        for message, its_rows in zip(left, right):
            if "malformed" in message:
                found["stricter", message["malformed"]] += 1
            elif wrong := wrong_members(message, its_rows):
                found["wrong", ", ".join(wrong)] += 1
        for message in left[len(right):]:
            found["only decode", message.get("malformed")] += 1
        for _ in right[len(left):]:
            found["only tshark", f"frame {frame}"] += 1
    return dict(found)


class PublicCaptures(unittest.TestCase):
    def test_every_row(self):
        if not (CAPTURES / "truth").is_dir():
            self.skipTest(f"no captures with truth tables at {CAPTURES}")
        rows_compared = 0
        for truth in sorted((CAPTURES / "truth").glob("*/*.cip.tsv*")):
            name = f"{truth.parent.name}/{truth.name.split('.cip.tsv')[0]}"
            with self.subTest(capture=name):
                rows = rows_of(truth)
                code, messages, summary = decode(CAPTURES / name)
                messages = [m for m in messages if m["protocol"] == "ethernet-ip"]
                found = differences(messages, rows)
                if name in DIFFERENCES:
                    self.assertEqual(found, DIFFERENCES[name])
                else:
                    # a capture that nobody looked at: decode may be stricter than tshark, no more
                    self.assertFalse([d for d in found if d[0] != "stricter"], found)
                rows_compared += len(rows)
        self.assertGreater(rows_compared, 1000)


class Pairs(unittest.TestCase):
    def test_every_reply_answers_its_request(self):
        """Of real devices and of simulators; ab_server (libplctag's) does not repeat the sender context."""
        if not (CAPTURES / "truth").is_dir():
            self.skipTest(f"no captures with truth tables at {CAPTURES}")
        answered = 0
        for truth in sorted((CAPTURES / "truth").glob("*/*.cip.tsv*")):
            name = f"{truth.parent.name}/{truth.name.split('.cip.tsv')[0]}"
            with self.subTest(capture=name):
                done = subprocess.run([PAIRS, CAPTURES / name], capture_output=True, text=True, check=True,
                                      timeout=120)
                words = [one.split() for one in done.stdout.splitlines()[-1].split(", ")]
                counts = {what: int(count) for what, count in words}
                self.assertEqual(counts["mismatched"], 0, done.stdout)
                if not any(simulator in name for simulator in ("-ab-", "-abfixed-", "-abstock-")):
                    self.assertEqual(counts["unpaired"], EARLIER.get(name, 0))
                answered += counts["answered"]
        self.assertGreater(answered, 1000)


class Datagrams(unittest.TestCase):
    def decode(self, *packets):
        with tempfile.NamedTemporaryFile() as file:
            p.write_pcap(file.name, p.RAW, packets)
            return decode(file.name)

    def datagram(self, sport, dport, hexadecimal, server_sends=True):
        ends = ("10.1.0.2", "10.2.0.2") if server_sends else ("10.2.0.2", "10.1.0.2")
        return p.ipv4(*ends, p.udp(sport, dport, bytes.fromhex(hexadecimal)), protocol=17)

    def test_list_identity(self):
        header = "6300%s 00000000 00000000 0102030405060708 00000000"
        code, (request, reply), summary = self.decode(
            self.datagram(50000, 44818, header % "0000"),
            self.datagram(44818, 50000, header % "0800" + "0100 0c00 0200 0100", False))
        self.assertEqual((code, summary["requests"], summary["replies"]), (0, 1, 1))
        self.assertEqual((request["direction"], request["command_name"]), ("request", "list-identity"))
        self.assertEqual((reply["direction"], reply["src"]), ("reply", "10.2.0.2:44818"))

    def test_a_command_that_may_not_come_by_udp(self):
        code, (message,), _ = self.decode(self.datagram(
            50000, 44818, "65000400 00000000 00000000 0000000000000000 00000000 01000000"))
        self.assertEqual((code, message["malformed"]), (1, "malformed-frame"))

    def test_io(self):
        packet = "0200 0280 0800 ddccbbaa 05000000 b100 0600 010000000042"
        code, messages, summary = self.decode(
            self.datagram(2222, 2222, packet), self.datagram(44818, 2222, packet, False),
            self.datagram(2222, 2222, packet + "00"))
        self.assertEqual((code, summary["io"], summary["malformed"]), (1, 2, 1))
        for message in messages[:2]:
            self.assertEqual([message[name] for name in ("direction", "connection_id", "sequence", "length")],
                             ["io", 0xaabbccdd, 5, 6])
        self.assertEqual(messages[2]["malformed"], "trailing-bytes")


if __name__ == "__main__":
    unittest.main()
