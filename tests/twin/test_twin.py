# SPDX-License-Identifier: GPL-2.0-or-later
"""The core in its sandbox and the core built natively give the same answers: every verdict, every byte of
replaced and made packets, every event and counter, after packets, policy changes, sweeps and timers."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build"))
CAPTURES = pathlib.Path(os.environ.get("GATEHOUSE_CAPTURES", ROOT / ".." / "shared" / "captures"))
sys.path.insert(0, str(ROOT / "tests" / "golden"))
import pcapfile  # noqa: E402


def run(kind, *args):
    done = subprocess.run([BUILD / f"twin-{kind}", *map(str, args)], capture_output=True, text=True)
    if done.returncode or done.stderr != f"{kind}\n":
        raise AssertionError(f"twin-{kind} {args}: {done.returncode} {done.stderr}")
    return done.stdout.splitlines()


def count(lines, word):
    return sum(int(n) for line in lines for n in re.findall(rf" {word} (\d+)", line))


class Twin(unittest.TestCase):
    def same(self, *args):
        """The lines of both, once they are found equal."""
        sandbox, native = run("sandbox", *args), run("native", *args)
        for i, (a, b) in enumerate(zip(sandbox, native)):
            self.assertEqual(a, b, f"line {i + 1} of {args}")
        self.assertEqual(len(sandbox), len(native))
        return native

    def test_sessions(self):
        seen = []
        for seed in range(1, 13):
            seen += self.same("session", seed, 1500)
        # The comparison is worth something only when much of everything happened.
        kinds = [line.split()[1] for line in seen]
        self.assertGreater(kinds.count("packet"), 10000)
        self.assertGreater(kinds.count("sweep"), 50)
        self.assertGreater(kinds.count("tick"), 500)
        for verdict in 0, 1, 2:
            self.assertGreater(sum(f" verdict {verdict} " in line for line in seen), 500)
        self.assertGreater(count(seen, "made"), 500)
        self.assertGreater(count(seen, "events"), 5000)
        self.assertTrue(any(re.search(r" load \d+ 0$", line) for line in seen), "no program was refused")

    def test_captures_written_here(self):
        talk = pcapfile.Conversation()
        packets = talk.handshake()
        asked = answered = 0
        for i in range(20):
            request = pcapfile.read_request(i, quantity=2)
            reply = pcapfile.read_reply(i, [i, i + 1])
            packets += [talk.c(asked, request, answered), talk.s(answered, reply, asked + len(request))]
            asked, answered = asked + len(request), answered + len(reply)
        packets += [talk.c(asked, b"", answered, pcapfile.FIN | pcapfile.ACK)]
        for kind in pcapfile.ETHERNET, pcapfile.COOKED, pcapfile.RAW:
            with self.subTest(kind), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, "talk.pcap")
                pcapfile.write_pcap(path, kind, [pcapfile.link(kind, p) for p in packets])
                lines = self.same("replay", path)
                passed = sum(" packet verdict 1 " in line for line in lines)
                self.assertEqual(passed, len(packets))

    def test_public_captures(self):
        if not CAPTURES.is_dir():
            self.skipTest(f"no captures in {CAPTURES}")
        small = [p for p in sorted(CAPTURES.glob("**/*.pcap*")) if p.stat().st_size < 2000000
                 and "truth" not in p.parts]
        for words, least in (("modbus",), 1000), (("eip", "ethernetip", "plctag", "stenip", "cpppo"), 1000):
            packets = 0
            for path in small:
                if any(word in path.name.lower() for word in words):
                    with self.subTest(path.name):
                        packets += sum(" packet " in line for line in self.same("replay", path))
            self.assertGreater(packets, least, words)


if __name__ == "__main__":
    unittest.main()
