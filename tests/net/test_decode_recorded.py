# SPDX-License-Identifier: GPL-2.0-or-later
"""A session with every function, through the gate, recorded on both of its sides: `decode` says of each recording
what tshark says."""
import pathlib
import shutil
import struct
import subprocess
import sys
import unittest

import modbus
import tcp
from gate import RAW_DEVICE, GateCase, rule
from lab import HISTORIAN, ROOT, wait_until

sys.path.insert(0, str(ROOT / "tests/golden"))
import pcapfile  # noqa: E402
import test_decode  # noqa: E402

# A request and its reply, from the specification's own words; what the gate denies has no reply of the device.
EXCHANGES = [
    (b"\x01\0\x13\0\x13", b"\x01\x03\xcd\x6b\x05"),
    (b"\x02\0\xc4\0\x16", b"\x02\x03\xac\xdb\x35"),
    (b"\x03\0\x6b\0\x03", b"\x03\x06\x02\x2b\0\0\0\x64"),
    (b"\x04\0\x08\0\x01", b"\x04\x02\0\x0a"),
    (b"\x05\0\xac\xff\0", b"\x05\0\xac\xff\0"),
    (b"\x06\0\x01\0\x03", b"\x06\0\x01\0\x03"),
    (b"\x07", b"\x07\x6d"),
    (b"\x08\0\0\xa5\x37", b"\x08\0\0\xa5\x37"),
    (b"\x08\0\x0b\0\0", b"\x08\0\x0b\0\x05"),
    (b"\x0b", b"\x0b\xff\xff\x01\x08"),
    (b"\x0c", b"\x0c\x08\0\0\x01\x08\x01\x21\x20\0"),
    (b"\x0f\0\x13\0\x0a\x02\xcd\x01", b"\x0f\0\x13\0\x0a"),
    (b"\x10\0\x01\0\x02\x04\0\x0a\x01\x02", b"\x10\0\x01\0\x02"),
    (b"\x11", b"\x11\x03\x2a\xff\x41"),
    (b"\x14\x07\x06\0\x04\0\x01\0\x02", b"\x14\x06\x05\x06\x0d\xfe\0\x20"),
    (b"\x15\x0d\x06\0\x04\0\x07\0\x03\x06\xaf\x04\xbe\x10\x0d",
     b"\x15\x0d\x06\0\x04\0\x07\0\x03\x06\xaf\x04\xbe\x10\x0d"),
    (b"\x16\0\x04\0\xf2\0\x25", b"\x16\0\x04\0\xf2\0\x25"),
    (b"\x17\0\x03\0\x06\0\x0e\0\x03\x06\0\xff\0\xff\0\xff", b"\x17\x0c\0\xfe\x0a\xcd\0\x01\0\x03\0\x0d\0\xff"),
    (b"\x18\x04\xde", b"\x18\0\x06\0\x02\x01\xb8\x12\x84"),
    (b"\x2b\x0e\x01\0", b"\x2b\x0e\x01\x01\0\0\x02\0\x03abc\x01\x02de"),
    (b"\x03\0\x6b\0\x03", b"\x83\x04"),
    (b"\x10\0\x01\0\x02\x04\0\x0a\x01\x02", b"\x90\x06"),
    (b"\x06\x02\x9a\0\x01", None),
    (b"\x05\xff\xff\xff\0", None),
]
ALL = {"unit": 1, "addresses": "0-9999"}
ALLOW = [dict(ALL, function=name) for name in (
    "read-coils", "read-discrete-inputs", "read-holding-registers", "read-input-registers", "write-single-coil",
    "write-multiple-coils", "write-multiple-registers", "mask-write-register", "read-fifo-queue")]
ALLOW += [{"function": name, "unit": 1} for name in (
    "read-exception-status", "get-comm-event-counter", "get-comm-event-log", "report-server-id",
    "read-device-identification")]
ALLOW += [{"function": name, "unit": 1, "files": [4], "records": ["0-99"]} for name in
          ("read-file-record", "write-file-record")]
ALLOW += [{"function": "write-single-register", "unit": 1, "addresses": [1]},
          {"function": "diagnostics", "unit": 1, "subfunctions": [0, 11]},
          {"function": "read-write-multiple-registers", "unit": 1, "read": {"addresses": ["0-99"]},
           "write": {"addresses": ["0-99"]}}]
FIELDS = ("frame.number", "tcp.dstport", "mbtcp.trans_id", "mbtcp.unit_id", "modbus.func_code",
          "modbus.exception_code", "modbus.reference_num", "modbus.read_reference_num", "modbus.reference_num_32",
          "modbus.word_cnt", "modbus.bit_cnt", "modbus.read_word_cnt", "modbus.write_reference_num",
          "modbus.write_word_cnt")


class Recorded(GateCase):
    rules = [rule("historian-raw", "historian", "raw-device", ALLOW)]

    @classmethod
    def before_start(cls):
        if not shutil.which("tshark"):
            raise unittest.SkipTest("tshark is not installed")
        cls.device = tcp.Host(cls.lab, "plant", RAW_DEVICE)
        cls.accepted = cls.device.listen(502)
        cls.captures = {"enterprise": cls.lab.capture("enterprise", "eth0"), "plant": cls.lab.capture("plant", "eth1")}

    def talk(self):
        with self.lab.connect(RAW_DEVICE, source=HISTORIAN) as connection:
            client = modbus.Client(connection)
            wait_until(lambda: self.accepted, "the connection at the device")
            device = self.accepted[-1]
            for i, (request, reply) in enumerate(EXCHANGES):
                connection.sendall(modbus.frame(request, i))
                if reply is not None:
                    self.assertEqual(device.read(len(request) + 7), modbus.frame(request, i))
                    device.send(modbus.frame(reply, i))
                self.assertEqual(client.receive(), modbus.frame(reply or bytes([request[0] | 0x80, 2]), i))

    def record(self, side):
        """The recording as a file, when everything that was said is in it."""
        capture = self.captures[side]
        replies = [modbus.frame(reply or bytes([request[0] | 0x80, 2]), i)
                   for i, (request, reply) in enumerate(EXCHANGES) if reply or side == "enterprise"]
        wait_until(lambda: any(replies[-1] in frame for _, frame in list(capture.packets)), "the last reply")
        path = pathlib.Path(self.lab.folder / f"{side}.pcap")
        pcapfile.write_pcap(path, pcapfile.ETHERNET, [frame for _, frame in list(capture.packets)])
        return path

    @staticmethod
    def truth(path):
        """A row a message, as test_decode compares them. There is one message a segment."""
        words = ["tshark", "-n", "-r", path, "-o", "tcp.reassemble_out_of_order:TRUE", "-Y", "mbtcp", "-T", "fields",
                 "-E", "occurrence=f"] + [word for field in FIELDS for word in ("-e", field)]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
        rows = []
        for line in done.stdout.splitlines():
            at = dict(zip(FIELDS, line.split("\t")))

            def first(*names, at=at):
                return next((str(int(at[f"modbus.{n}"], 0)) for n in names if at[f"modbus.{n}"]), "")
            rows.append({"frame": at["frame.number"], "dir": "q" if at["tcp.dstport"] == "502" else "r",
                         "trans_id": at["mbtcp.trans_id"], "unit": at["mbtcp.unit_id"], "func": first("func_code"),
                         "exc_code": first("exception_code"),
                         "ref": first("reference_num", "read_reference_num", "reference_num_32"),
                         "qty": first("word_cnt", "bit_cnt", "read_word_cnt"),
                         "ref2": first("write_reference_num"), "qty2": first("write_word_cnt")})
        return rows

    def test_both_sides_of_the_gate(self):
        self.talk()
        denied = sum(reply is None for _, reply in EXCHANGES)
        for side, count in (("enterprise", 2 * len(EXCHANGES)), ("plant", 2 * (len(EXCHANGES) - denied))):
            with self.subTest(side=side):
                path = self.record(side)
                code, messages, summary = test_decode.decode(path)
                self.assertEqual((code, len(messages), summary["malformed"]), (0, count, 0))
                self.assertEqual(test_decode.differences(messages, self.truth(path)), {})
        self.assertEqual({r[0] for r, _ in EXCHANGES},
                         {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43})


if __name__ == "__main__":
    unittest.main()
