# SPDX-License-Identifier: GPL-2.0-or-later
"""A box whose clock is wrong: set back it opens nothing again, and while it is not trusted only what depends on it soon
is closed. The supervisor sees a clock of the test's (tests/shim/clock.c); the kernel, and so the windows in it, keep the
true one. When a clock is trusted at all: tests/unit/test_clock.c."""
import json
import struct
import time
import unittest

from gate import GateCase, day, rule, uninspected
from lab import BUILD, ENERGY, HISTORIAN, METER, PLC, wait_until

DAY, WEB = 86400, 8080
ALWAYS = [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00"}]


class ClockCase(GateCase):
    devices = (PLC, METER)
    rules = [rule("plain", "historian", "press-plc"),
             rule("scheduled", "energy", "meter", schedule=ALWAYS),
             rule("ends-soon", "historian", "meter", expires=day(10)),
             rule("ends-later", "energy", "press-plc", expires=day(170)),
             uninspected("scheduled-web", "historian", "press-plc", "tcp", WEB, schedule=ALWAYS)]
    ENDS = {"plain": (HISTORIAN, PLC), "scheduled": (ENERGY, METER), "ends-soon": (HISTORIAN, METER),
            "ends-later": (ENERGY, PLC)}
    OPEN_IN_DOUBT, CLOSED_IN_DOUBT = {"plain", "ends-later"}, {"scheduled", "ends-soon", "scheduled-web"}

    @classmethod
    def before_start(cls):
        cls.lab.start("plant", "python3", "-u", "-m", "http.server", WEB, "--bind", PLC, ready="^Serving")
        cls.shown = cls.lab.folder / "clock"
        cls.set_clock(0)
        cls.gate.env = {"LD_PRELOAD": str(BUILD / "shim/clock.so"), "CLOCK_SHIM": str(cls.shown)}

    @classmethod
    def set_clock(cls, offset, synchronised=False):
        """Written in place: the supervisor has the file mapped."""
        with open(cls.shown, "r+b" if cls.shown.exists() else "wb") as file:
            file.write(struct.pack("=qq", offset, synchronised))

    @staticmethod
    def stored(latest):
        """What a box that was just booted has in clock.json, when it was last on at `latest`."""
        booted_since = time.clock_gettime(time.CLOCK_BOOTTIME)
        return {"latest": int(latest - booted_since), "boot": "an earlier one", "boot_seconds": 1, "known": True}

    def reboot(self, stored=None, offset=0):
        """Ends the gate, and starts it with this in clock.json."""
        self.gate.daemon.stop()
        self.lab.run("gate", "nft", "delete", "table", "inet", "gatehouse", check=False)
        path = self.gate.state / "clock.json"
        path.unlink()
        if stored is not None:
            path.write_text(json.dumps(stored))
        self.set_clock(offset)
        self.gate.start()

    def tearDown(self):
        self.reboot(self.stored(time.time() - DAY))

    def reaches(self, device, source, port=502):
        try:
            with self.lab.connect(device, source=source, port=port, seconds=0.5):
                return True
        except OSError:
            return False

    def opened(self):
        return {name for name, (source, device) in self.ENDS.items() if self.reaches(device, source)}

    def clock(self):
        return self.gate.status()["clock"]

    def wait_clock(self, doubt):
        wait_until(lambda: self.clock()["doubt"] == doubt, f"the clock to be judged {doubt}, not {self.clock()}")
        wait_until(lambda: set(self.clock()["closed"]) == (self.CLOSED_IN_DOUBT if doubt else set()),
                   "the policy to follow")

    def told(self, event):
        return [e for e in self.gate.events() if e["event"] == event]


class Clock(ClockCase):
    def test_set_back_while_running(self):
        client = self.client()
        self.assert_serves(client)
        self.assertEqual(self.opened(), set(self.ENDS))
        doubts = len(self.told("clock-doubted"))
        self.set_clock(-DAY)
        self.wait_clock("behind")
        self.assertEqual(self.opened(), self.OPEN_IN_DOUBT)
        self.assert_serves(client)
        self.assertEqual(len(self.told("clock-doubted")), doubts + 1)
        screen = self.gate.command("status", check=False).stdout
        self.assertIn("The clock shows a time that is over already", screen)
        self.assertIn("closed until it is: rule scheduled", screen)
        self.assertEqual(self.gate.command("verify").returncode, 0)
        self.set_clock(0)
        self.wait_clock(None)
        self.assertEqual(self.opened(), set(self.ENDS))
        self.assert_serves(client)

    def test_what_was_over_stays_closed_in_the_kernel(self):
        """The gate knew that it is tomorrow, and is dead; the kernel's clock says today: it was set back."""
        for offset, reached in ((0, True), (DAY, False)):
            with self.subTest(offset=offset):
                self.reboot(self.stored(time.time()), offset=offset)
                self.assertEqual(self.clock()["doubt"], None)
                self.gate.daemon.kill()
                self.gate.daemon.process.wait()
                self.assertEqual(self.reaches(PLC, HISTORIAN, WEB), reached)

    def test_boot_in_1970(self):
        for stored in (self.stored(time.time() - 60), None):
            with self.subTest(stored=stored):
                self.reboot(stored, offset=-int(time.time()))
                self.wait_clock("behind")
                self.assertEqual(self.opened(), self.OPEN_IN_DOUBT)
                self.assertFalse(self.gate.status()["healthy"])
                self.assertEqual(self.gate.command("verify").returncode, 0)
                self.gate.daemon.stop()
                self.assertEqual(self.gate.command("verify").returncode, 0)
                self.gate.start()
                self.set_clock(0, synchronised=True)
                self.wait_clock(None)
                self.assertEqual(self.opened(), set(self.ENDS))

    def test_a_year_ahead_and_corrected(self):
        self.set_clock(365 * DAY)
        self.wait_clock("jumped")
        self.assertEqual(self.opened(), self.OPEN_IN_DOUBT)
        self.assertEqual(self.gate.status()["policy"]["expired"], 0)
        self.gate.daemon.stop()  # what is known outlives the process
        self.gate.start()
        self.wait_clock("jumped")
        self.set_clock(0)
        self.wait_clock(None)
        self.assertEqual(self.opened(), set(self.ENDS))

    def test_a_technician_has_the_last_word(self):
        confirmed = len(self.told("clock-confirmed"))
        self.set_clock(40 * DAY)
        self.wait_clock("jumped")
        self.assertEqual(self.gate.command("clock", check=False).returncode, 1)
        self.assertIn("It is trusted", self.gate.command("clock", "--confirm").stdout)
        self.wait_clock(None)
        self.assertEqual(self.gate.status()["policy"]["expired"], 1)
        self.set_clock(0)
        wait_until(lambda: self.clock()["doubt"] == "behind", "the clock to be doubted")
        self.assertTrue(json.loads(self.gate.command("clock", "--confirm", "--json").stdout)["trusted"])
        wait_until(lambda: self.opened() == set(self.ENDS), "everything to be open again")
        self.assertEqual(len(self.told("clock-confirmed")), confirmed + 2)

    def test_confirmed_before_it_was_doubted(self):
        for offset in (200 * DAY, 0):
            self.set_clock(offset)
            self.gate.command("clock", "--confirm")
        wait_until(lambda: self.opened() == set(self.ENDS), "everything to be open again")
        self.assertEqual(self.clock()["doubt"], None)

    def test_a_time_server_that_was_not_heard_yet(self):
        path = self.gate.site / "site.json"
        document = json.loads(path.read_text())
        self.addCleanup(self.gate.apply, self.rules)
        document["gate"] = {"mode": "routed", "addresses": {"eth0": ["10.1.0.1/24"], "eth1": ["10.2.0.1/24"]},
                            "time_servers": ["10.1.0.77"]}
        path.write_text(json.dumps(document))
        self.gate.command("apply", self.gate.site)
        self.wait_clock(None)
        stored = json.loads((self.gate.state / "clock.json").read_text())
        self.gate.daemon.stop()
        (self.gate.state / "clock.json").write_text(json.dumps(stored | self.stored(time.time() - 60)))
        self.gate.start()
        self.wait_clock("unconfirmed")
        self.assertEqual(self.opened(), self.OPEN_IN_DOUBT)
        self.set_clock(0, synchronised=True)
        self.wait_clock(None)
        self.assertEqual(self.opened(), set(self.ENDS))


if __name__ == "__main__":
    unittest.main()
