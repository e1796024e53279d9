# SPDX-License-Identifier: GPL-2.0-or-later
"""Some of `make differential`: what the device's kernel puts together is what the core says it allowed."""
import os
import subprocess
import unittest

from lab import BUILD

CONNECTIONS = 3000


class Differential(unittest.TestCase):
    def test_the_kernel_receives_what_was_allowed(self):
        if os.geteuid():
            self.skipTest("network namespaces need root")
        if not os.path.exists("/dev/net/tun"):
            self.skipTest("this kernel has no TUN interfaces")
        done = subprocess.run(["unshare", "--net", BUILD / "tools/differential", str(CONNECTIONS)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        words = done.stdout.split()
        figures = dict(zip(words[::2], map(int, words[1::2])))
        self.assertEqual(figures["connections"], CONNECTIONS)
        for name in ("allowed", "answered", "reset"):
            self.assertGreater(figures[name], CONNECTIONS // 10, f"hardly any {name}: a test of nothing")


if __name__ == "__main__":
    unittest.main()
