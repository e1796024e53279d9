# SPDX-License-Identifier: GPL-2.0-or-later
"""A running gatehouse in a lab's gate, with a site that the test writes; what it recorded, and its parts."""
import datetime
import json
import os
import pathlib
import unittest

import modbus
import tcp
from lab import BUILD, PLC, Lab, wait_until

GATEHOUSE = BUILD / "gatehouse"
PEERS = BUILD / "peers"

# Addresses that no kernel owns: for the raw TCP peers of tcp.py.
RAW_SERVER, RAW_DEVICE = "10.1.0.50", "10.2.0.50"
SERVERS = {"historian": "10.1.0.2", "energy": "10.1.0.3", "raw-server": RAW_SERVER, "historian6": "fd00:1::2"}
DEVICES = {"press-plc": "10.2.0.2", "meter": "10.2.0.3", "raw-device": RAW_DEVICE, "press6": "fd00:2::2"}

READ = {"function": "read-holding-registers", "unit": 1, "addresses": ["0-99"]}
WRITE = {"function": "write-single-register", "unit": 1, "addresses": [120], "values": {"min": 0, "max": 1500}}
SETPOINT, FORBIDDEN = 120, 666
EVENT_BURST = 10  # events of one cause that are written one by one in ten seconds
BAD = modbus.write(FORBIDDEN, 0xDEAD, transaction=9)
BAD_VALUE = modbus.write(SETPOINT, 1501, transaction=9)


def day(offset):
    return (datetime.date.today() + datetime.timedelta(days=offset)).isoformat()


def rule(name, server, device, allow=(READ, WRITE), **more):
    return {"id": name, "from": server, "to": device, "protocol": "modbus", "allow": list(allow),
            "purpose": "A permit that exists for this test only", "owner": "ot-controls",
            "approved_by": "ot-controls", "approved_on": day(-30), "review_by": day(180), **more}


def uninspected(name, server, device, protocol, port, **more):
    whole = rule(name, server, device, (), protocol=protocol, port=port,
                 uninspected_because="Nothing that could be decoded", **more)
    del whole["allow"]
    return whole


def standard_rules(**more):
    return [rule("historian-press", "historian", "press-plc", **more),
            rule("energy-meter", "energy", "meter", [READ], **more),
            rule("raw-press", "raw-server", "press-plc", **more),
            rule("historian-raw", "historian", "raw-device", **more)]


def write_site(folder, rules):
    """Writes a site folder with these rules between the lab's hosts."""
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    site = {"$schema": "../schemas/site.schema.json", "site": "lab", "timezone": "UTC",
            "zones": {"enterprise": {"side": "it", "interface": "eth0",
                                     "networks": ["10.1.0.0/24", "fd00:1::/64"]},
                      "press-line": {"side": "ot", "interface": "eth1",
                                     "networks": ["10.2.0.0/24", "fd00:2::/64"]}},
            "people": {"ot-controls": {"name": "OT controls", "contact": "ext. 4410"}},
            "review": {"overdue": "refuse-new"}}
    assets = {name: {"role": role, "zone": zone, "address": address, "owner": "ot-controls",
                     "description": "A host of the test lab"}
              for role, zone, hosts in (("server", "enterprise", SERVERS), ("device", "press-line", DEVICES))
              for name, address in hosts.items()}
    documents = {"site": site, "assets": {"$schema": "../schemas/assets.schema.json", "assets": assets},
                 "rules": {"$schema": "../schemas/rules.schema.json", "rules": rules}}
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document, indent=2))
    return folder


def children(pid):
    """Direct children of a process: pid -> program name."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                name, fields = pathlib.Path(f"/proc/{entry}/stat").read_text().split("(", 1)[1].rsplit(")", 1)
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields.split()[1]) == pid:
                found[int(entry)] = name
    return found


class Gate:
    def __init__(self, lab, rules=None, env=None, queues=1):
        self.lab, self.env, self.queues = lab, env, queues
        self.state, self.runtime = lab.folder / "state", lab.folder / "run"
        self.site = write_site(lab.folder / "site", standard_rules() if rules is None else rules)
        self.daemon = None

    def words(self, *words):
        return [GATEHOUSE, "--state", self.state, "--runtime", self.runtime, *words]

    def command(self, *words, check=True, **more):
        return self.lab.run("gate", *self.words(*words), check=check, **more)

    def start(self, *site):
        """`run` with the site (or what is in force, when site is empty and was started before)."""
        first = self.daemon is None
        self.daemon = self.lab.start("gate", *self.words("run", "--queues", self.queues,
                                                             *([self.site] if first else site)),
                                     ready=r"\bready\b", env=self.env, name="gatehouse")
        return self

    def apply(self, rules):
        write_site(self.site, rules)
        return self.command("apply", self.site)

    def inspector(self):
        """The inspector's pid (of a gate with one queue), or None while there is none."""
        return next((pid for pid, name in children(self.daemon.pid).items() if name.startswith("gatehouse-insp")),
                    None)

    def queue(self, number):
        """What `status` says of a packet queue."""
        return next((q for q in self.status()["queues"] if q["queue"] == number), None)

    def status(self):
        return json.loads(self.command("status", "--json", check=False).stdout)

    # -- the record ------------------------------------------------------------------------------------

    def events(self):
        try:
            text = (self.state / "events.jsonl").read_text()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def wait_event(self, reason, port=None, seconds=5.0):
        """The first event with that reason (and about that port of the server). When the log's limit
        for events of one cause is reached, the newest of that reason."""
        def look():
            found = [e for e in self.events() if e.get("reason") == reason]
            mine = [e for e in found if port in (None, e.get("server", {}).get("port"))]
            return mine[0] if mine else found[-1] if self._limited(found) else None
        try:
            return wait_until(look, f"an event {reason}, server port {port}", seconds)
        except AssertionError as failure:
            tail = "\n".join(json.dumps(e) for e in self.events()[-8:])
            raise AssertionError(f"{failure}; the record ends with\n{tail}") from None

    @staticmethod
    def _limited(events):
        now = datetime.datetime.now(datetime.timezone.utc)
        recent = [e for e in events if (now - datetime.datetime.fromisoformat(e["time"])).total_seconds() < 12]
        return len(recent) >= EVENT_BURST

    def count(self, reason):
        """How often it happened, those counted and not written one by one included."""
        return sum(e.get("repeated", 1) for e in self.events() if e.get("reason") == reason)


class GateCase(unittest.TestCase):
    """A lab with a PLC and a gate, shared by the tests of a class; each test takes connections of its own."""
    offload = True
    rules = None
    queues = 1
    devices = ("10.2.0.2",)

    @classmethod
    def setUpClass(cls):
        if os.geteuid():
            raise unittest.SkipTest("network namespaces need root")
        if not GATEHOUSE.exists():
            raise AssertionError(f"{GATEHOUSE} is not built: run make tests-built")
        cls.lab = Lab(offload=cls.offload)
        cls.enterClassContext(cls.lab)
        cls.plcs = {a: cls.lab.start("plant", PEERS / "plc", "-a", a, ready="^ready", name=f"plc {a}")
                    for a in cls.devices}
        cls.gate = Gate(cls.lab, cls.rules, queues=cls.queues)
        cls.before_start()
        cls.gate.start()

    @classmethod
    def before_start(cls):
        """For classes that need more peers."""

    # -- what the device has, and got --------------------------------------------------------------------

    def register(self, number, device=PLC):
        """Read from inside the plant, past the gate."""
        with self.lab.connect(device, source=device, side="plant") as direct:
            return modbus.Client(direct).read(number, 1)[0]

    def requests(self, device=PLC, peer=None):
        """Every whole request that the device acted on so far, as bytes; only that peer's ("10.1.0.2:4000")."""
        plc = self.plcs[device]
        with self.lab.connect(device, source=device, side="plant") as fence:
            mark = f"request {device}:{fence.getsockname()[1]} "
            modbus.Client(fence).read(0, 1)
            wait_until(lambda: any(line.startswith(mark) for line in plc.lines), "the device to log the fence")
        lines = [line.split() for line in plc.lines if line.startswith("request ")]
        return [bytes.fromhex(words[2]) for words in lines if peer in (None, words[1])]

    def client(self, source="10.1.0.2", device=PLC):
        return modbus.Client(self.lab.connect(device, source=source))

    def assert_serves(self, client):
        """This connection reads what it may read."""
        self.assertEqual(client.read(10, 3), [10, 11, 12])

    def assert_raw_serves(self, connection, transaction=77):
        connection.received = b""
        connection.send(modbus.read(10, 2, transaction))
        self.assertEqual(connection.read(13), modbus.read_answer([10, 11], transaction))

    def assert_untouched(self, register=FORBIDDEN, value=None):
        self.assertEqual(self.register(register), register if value is None else value,
                         "the device's register was changed by a forbidden write")


class RawCase(GateCase):
    """With a raw TCP peer that may do what the historian may."""

    @classmethod
    def before_start(cls):
        cls.raw = tcp.Host(cls.lab, "enterprise", RAW_SERVER)
        cls.wire = cls.lab.capture("plant", "eth1")

    def device_saw(self, connection):
        """The payload bytes that reached the plant on this connection, by sequence number."""
        seen = {}
        for source, _, _, seq, data in self.wire.tcp(source=RAW_SERVER, destination=PLC):
            if source[1] == connection.sport:
                for i, byte in enumerate(data):
                    seen.setdefault((seq + i) & tcp.MASK, set()).add(byte)
        return seen

    def assert_denied(self, connection, start, size, code, reason):
        """The frame of `size` bytes at `start` was denied, as the last byte rule and I1 demand."""
        self.assertEqual(connection.read(9), modbus.exception(modbus.WRITE_ONE, code, transaction=9))
        reached = [i for i in range(size) if (start + i) & tcp.MASK in self.device_saw(connection)]
        self.assertNotIn(size - 1, reached, "the last byte of a forbidden frame left the gate")
        if reached:
            connection.wait_reset()
            self.gate.wait_event("denied-after-partial", connection.sport)
        else:
            self.gate.wait_event(reason, connection.sport)
            self.assert_raw_serves(connection)
