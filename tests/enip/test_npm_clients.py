# SPDX-License-Identifier: GPL-2.0-or-later
"""EtherNet/IP clients that are not ours, at work with the tests' device and nothing between them: what they say about it
is what it is proven by, and what they do with a refusal is what the gate's answers are chosen by (docs/peers.md)."""
import json
import os
import pathlib
import struct
import sys
import unittest

import npm

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "net"))
import enip  # noqa: E402
from lab import BUILD, PLC, Lab  # noqa: E402

MODULES = BUILD / "enip" / "npm"
LOGIX = BUILD / "peers" / "logix"
LIBRARIES = ("st-connected", "st-unconnected", "ethernet-ip")
FILLERS = 40
GROUP, WRITES = "group:Count,Guard,Speed", "wgroup:Count=5,Guard=1,Level=6"


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = npm.install(HERE, MODULES)
        if reason:
            raise unittest.SkipTest(reason)

    def setUp(self):
        self.lab = Lab().__enter__()
        self.addCleanup(self.lab.__exit__, None, None, None)

    def device(self, *words):
        found = self.lab.start("plant", LOGIX, "-a", PLC, "-n", FILLERS, *words, ready="^ready$")
        self.addCleanup(found.stop)
        return found

    def told(self, library, *steps, code=0):
        """What the client told of each step: the value, or the CIP status of the refusal."""
        done = self.lab.run("enterprise", "node", HERE / "client.js", library, PLC, *steps, check=False,
                            env=dict(os.environ, ENIP_NPM=str(MODULES)))
        self.assertEqual(done.returncode, code, done.stdout)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([f["step"] for f in found], ["crash"] if code else [*steps])
        return [{k: v for k, v in f.items() if k != "step"} for f in found]

    def did(self, device):
        return [line for line in device.lines if line.startswith("did ") and "forward-" not in line]


class AtWork(Clients):
    def test_connect_read_write_reconnect(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                device = self.device()
                found = self.told(library, "identity", "read:Count", "write:Count=-7", "read:Count", "write:Speed=1.5",
                                  "read:Speed", "read:Temps[3]", "write:Program:Main.Step=9", "read:Program:Main.Step",
                                  "group:Count,Speed,Program:Main.Step", "wgroup:Count=4,Level=6", "group:Count,Level",
                                  "reconnect", "read:Level", "read:Nothing", "read:Count")
                values = [f.get("value", f.get("status")) for f in found]
                self.assertEqual(values[0]["name"], "1756-L83E/B")
                self.assertEqual(values[1:], [0, -7, -7, 1.5, 1.5, 0, 9, 9, [-7, 1.5, 9], [4, 6], [4, 6], True, 6, 4, 4])
                self.assertEqual(self.did(device), [
                    "did write Count offset 0 data f9ffffff", "did write Speed offset 0 data 0000c03f",
                    "did write Program:Main.Step offset 0 data 09000000", "did write Count offset 0 data 04000000",
                    "did write Level offset 0 data 06"])
                device.stop()

    def test_the_list_of_tags(self):
        for library in LIBRARIES[:2]:
            with self.subTest(library=library):
                device = self.device()
                found = self.told(library, "list")[0]["value"]
                self.assertEqual(len(found), 16 + FILLERS)
                for tag in (["", "Matrix", "DINT", 2], ["", "Pumps", "Motor", 1], ["", "Batch", "STRING", 0],
                            ["Main", "Step", "DINT", 0]):
                    self.assertIn(tag, found)
                device.stop()


    def test_a_long_array_comes_in_fragments(self):
        values = list(range(-200, 200))
        for library in LIBRARIES[:2]:
            with self.subTest(library=library):
                device, data = self.device(), struct.pack("<400i", *values)
                writer = enip.Client(self.lab.connect(PLC, port=enip.PORT))
                writer.register()
                for at in range(0, len(data), 400):
                    writer.ask(enip.write_fragment("Recipe", enip.DINT, 400, at, data[at:at + 400]))
                self.assertEqual(self.told(library, "array:Recipe=400")[0].get("value"), values)
                device.stop()


class Refused(Clients):
    """The tag Guard is answered by 0F."""

    def test_a_single_request_keeps_the_connection(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                device = self.device("--deny", "Guard", "--deny-writes")
                found = self.told(library, "write:Guard=3", "read:Guard", "write:Count=2", "read:Count")
                self.assertEqual(found[0].get("status"), 0x0F)
                self.assertEqual([f.get("value") for f in found[1:]], [0, 2, 2])
                self.assertEqual(sum(line.startswith("open") for line in device.lines), 1)
                self.assertEqual(self.did(device), ["did write Count offset 0 data 02000000"])
                device.stop()

    def statuses(self, library, style, *words):
        """Of the group with a refused part; then reading goes on, on the same connection."""
        device = self.device("--deny", "Guard", "--deny-style", style, *words)
        step = WRITES if words else GROUP
        refused, after = self.told(library, step, "read:Count")
        self.assertIn("value", after)
        self.assertEqual(sum(line.startswith("open") for line in device.lines), 1)
        device.stop()
        self.assertIn(refused.get("value"), (None, [None] * 3), "no value of the group reaches the application")
        return refused["status"], self.did(device)

    def test_a_group_is_lost_as_a_whole(self):
        for style, expected in (("parts", (15, 30, 30)), ("all", (15, 15, 30)), ("whole", (15, 15, 15))):
            for library, status in zip(LIBRARIES, expected):
                with self.subTest(style=style, library=library):
                    self.assertEqual(self.statuses(library, style)[0], status)
                    found, did = self.statuses(library, style, "--deny-writes")
                    self.assertEqual(found, status)
                    self.assertEqual(bool(did), style == "parts", "only there are the others carried out")

    def test_status_zero_around_a_refused_part_ends_a_process(self):
        self.device("--deny", "Guard", "--deny-style", "zero")
        found = self.told("st-unconnected", GROUP, code=3)
        self.assertIn("generalStatusCode", found[0]["error"])


class Habits(Clients):
    """What docs/peers.md says that they send."""

    def sent(self, library, *steps):
        device = self.device()
        self.told(library, *steps)
        device.stop()
        found = [bytes.fromhex(line.split()[2]) for line in device.lines if line.startswith("request ")]
        return [(struct.unpack("<H", f[:2])[0], f[24:]) for f in found]

    def test_they_wrap_or_connect(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                sent = self.sent(library, "read:Count", "group:Count,Speed")
                commands = [command for command, _ in sent]
                self.assertEqual(commands[0], enip.REGISTER)
                if library == "st-connected":
                    opened = enip.parse_items(sent[1][1])[1][1]
                    self.assertEqual((opened[0], opened[32], opened[33]), (enip.FORWARD_OPEN, 0xF4, 0x43))
                    self.assertEqual(set(commands[2:]), {enip.SEND_UNIT_DATA})
                else:
                    self.assertEqual(set(commands[1:]), {enip.SEND_RR_DATA})
                    wrapped = {enip.parse_items(data)[1][1][0] for _, data in sent[1:]}
                    self.assertEqual(wrapped, {enip.UNCONNECTED_SEND})


if __name__ == "__main__":
    unittest.main()
