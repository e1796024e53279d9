# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 of the inspector and of the supervisor at random moments under load: nothing forbidden reaches the
device meanwhile, and service returns by itself. CRASH_SEED repeats a run; the test plays systemd."""
import json
import os
import random
import signal
import subprocess
import unittest

import modbus
from gate import FORBIDDEN, PEERS, GateCase
from lab import HISTORIAN, PLC, wait_until

ROUNDS = 8


class Crash(GateCase):
    def setUp(self):
        self.seed = int(os.environ.get("CRASH_SEED", random.randrange(1 << 32)))
        print(f"CRASH_SEED={self.seed}")
        self.random = random.Random(self.seed)
        words = self.lab.command("enterprise", PEERS / "load", "-s", HISTORIAN, "-c", 4, "-d", 3, "-n", 20000000,
                                 "-t", 600, "-m", "6:2:2", "-r", PLC)
        self.load = subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(self.load.wait)
        self.addCleanup(self.load.kill)

    def answered(self):
        return sum(line.startswith("request ") for line in self.plcs[PLC].lines)

    def serves(self):
        try:
            return self.client().read(10, 3) == [10, 11, 12]
        except (OSError, AssertionError):
            return False

    def random_moment(self):
        """After a random number of further requests at the device: a moment in the load, not on the clock."""
        target = self.answered() + self.random.randrange(50, 1500)
        wait_until(lambda: self.answered() >= target, "the load to go on", 60)

    def assert_nothing_forbidden(self):
        forbidden = [r.hex() for r in self.requests() if r[7] == modbus.WRITE_ONE
                     and not (r[8:10] == b"\0\x78" and int.from_bytes(r[10:12], "big") <= 1500)]
        self.assertEqual(forbidden, [], f"reached the device (CRASH_SEED={self.seed})")
        self.assert_untouched()

    def test_inspector(self):
        for _ in range(ROUNDS):
            self.random_moment()
            pid = wait_until(self.gate.inspector, "an inspector", 20)
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.gate.inspector() not in (None, pid), "the inspector to be restarted", 20)
            wait_until(self.serves, "service to return", 30)
            self.assertIsNone(self.gate.daemon.process.poll(), "the supervisor ended too")
        self.assert_nothing_forbidden()

    def test_supervisor(self):
        for _ in range(ROUNDS // 2):
            self.random_moment()
            self.gate.daemon.kill()
            self.gate.daemon.process.wait()
            self.gate.start()  # on the policy in force, as the service unit does
            wait_until(self.serves, "service to return", 30)
        self.assert_nothing_forbidden()

    def test_both_at_once(self):
        for _ in range(ROUNDS // 2):
            self.random_moment()
            pid = wait_until(self.gate.inspector, "an inspector", 20)
            for victim in self.random.sample([pid, self.gate.daemon.pid], 2):
                os.kill(victim, signal.SIGKILL)
            self.gate.daemon.process.wait()
            self.gate.start()
            wait_until(self.serves, "service to return", 30)
        self.assert_nothing_forbidden()

    def test_idle_connection_outlives_its_inspector(self):
        """Killed outside a decision: the state is kept, translated sequence numbers and all."""
        self.stop_load()
        client = self.client()
        for i in range(3):
            self.assertEqual(client.write(FORBIDDEN, i), bytes([0x86, 2]))
            self.assertEqual(client.read(i, 1), [i])
        pid = self.gate.inspector()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.gate.inspector() not in (None, pid), "the inspector to be restarted", 20)
        client.socket.settimeout(20)
        for i in range(3):
            self.assertEqual(client.read(i, 1), [i])
            self.assertEqual(client.write(FORBIDDEN, i), bytes([0x86, 2]))
        self.assert_nothing_forbidden()

    def test_connections_of_before_the_supervisor_died_are_ended(self):
        """Nothing is known of them any more: both sides are told, at the next packet."""
        self.stop_load()
        client = self.client()
        self.assert_serves(client)
        self.gate.daemon.kill()
        self.gate.daemon.process.wait()
        self.gate.start()
        client.socket.settimeout(20)
        self.assertRaises(ConnectionResetError, client.write, FORBIDDEN, 1)
        self.assert_nothing_forbidden()
        self.assert_serves(self.client())

    def stop_load(self):
        self.load.kill()
        self.load.wait()
        wait_until(self.serves, "service", 30)

    def test_dead_gate_is_a_closed_gate(self):
        """Nobody restarts it: nothing passes, not even on open connections."""
        client = self.client()
        self.assert_serves(client)
        pid = self.gate.inspector()
        self.gate.daemon.kill()
        os.kill(pid, signal.SIGKILL)
        self.gate.daemon.process.wait()
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the inspector to be gone")
        try:
            client.socket.settimeout(0.7)
            client.socket.sendall(modbus.write(FORBIDDEN, 1))
            with self.assertRaises((TimeoutError, OSError)):
                self.lab.connect(PLC, source=HISTORIAN, seconds=0.7)
            self.assert_nothing_forbidden()
        finally:
            self.gate.start()
        wait_until(self.serves, "service to return", 30)

    def test_the_load_itself_saw_right_answers(self):
        """Every answer that came, before and after a kill, was the right one."""
        self.random_moment()
        os.kill(wait_until(self.gate.inspector, "an inspector", 20), signal.SIGKILL)
        wait_until(self.serves, "service to return", 30)
        self.random_moment()
        self.load.terminate()
        words = self.lab.command("enterprise", PEERS / "load", "-s", HISTORIAN, "-c", 4, "-d", 3, "-n", 20000000,
                                 "-t", 4, "-m", "6:2:2", "-r", PLC)
        load = subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(load.wait)
        start = self.answered()
        wait_until(lambda: self.answered() > start + 500, "the load to go on", 30)
        os.kill(wait_until(self.gate.inspector, "an inspector", 20), signal.SIGKILL)
        out, errors = load.communicate(timeout=60)
        result = json.loads(out.splitlines()[-1])
        self.assertEqual(result["wrong"], 0, errors)
        self.assertGreater(result["denied"], 0)
        self.assertGreater(result["reads"], 500)


if __name__ == "__main__":
    unittest.main()
