# SPDX-License-Identifier: GPL-2.0-or-later
"""Random sites and what they mean, from the documents' own words: nothing here knows the C code.

A site is a dict of documents (as a site folder has them) made from a seed. Model(site, now) answers for a
packet: "pass" (forwarded, not inspected), "queue" (the inspector's to decide) or a reason to drop it.
"""
import datetime
import ipaddress
import random
import zoneinfo

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
INTERFACES = ("ga", "gb", "gc")
SIDES = {"ga": ["it"], "gb": ["dmz", "ot"], "gc": ["ot"]}
ZONES = ("America/Toronto", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Tokyo", "America/St_Johns", "UTC",
         "Pacific/Apia", "Pacific/Pago_Pago", "Asia/Kathmandu")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MARGIN = 5  # minutes around now in which nothing opens or closes


def networks(interface):
    """Of the wire: what random sites choose from."""
    n = INTERFACES.index(interface) + 1
    return [f"10.{n}.0.0/24", f"fd00:{n}::/64", f"10.{n + 10}.4.0/22"]


def gate_addresses(interface):
    n = INTERFACES.index(interface) + 1
    return f"10.{n}.0.1", f"fd00:{n}::1"


def clock(minutes):
    return f"{minutes // 60:02}:{minutes % 60:02}"


class Site:
    """documents: file name -> content."""

    def __init__(self, seed, now):
        self.random = random.Random(seed)
        self.timezone = self.pick_zone(now)
        self.local = datetime.datetime.fromtimestamp(now, zoneinfo.ZoneInfo(self.timezone))
        self.assets, self.rules, self.conduits, self.ports = {}, [], {}, {}
        self.refuses_new = self.random.random() < 0.85
        self.zones = {f"zone-{i}": {"side": self.random.choice(SIDES[i]), "interface": i, "networks": networks(i)}
                      for i in INTERFACES}
        for zone in self.zones:
            self.add_assets(zone)
        for _ in range(self.random.randint(4, 14)):
            self.add_rule()
        self.documents = self.write()

    def pick_zone(self, now):
        """One where midnight, at which rules expire, is not near."""
        while True:
            zone = self.random.choice(ZONES)
            local = datetime.datetime.fromtimestamp(now, zoneinfo.ZoneInfo(zone))
            if MARGIN <= local.hour * 60 + local.minute < 1440 - MARGIN:
                return zone

    def add_assets(self, zone):
        r, n = self.random, INTERFACES.index(self.zones[zone]["interface"]) + 1
        for i in range(r.randint(2, 5)):
            host = 10 + 7 * i
            address = r.choice([f"10.{n}.0.{host}", f"fd00:{n}::{host:x}", f"10.{n + 10}.{4 + i % 4}.{host}"])
            self.assets[f"host-{n}-{i}"] = {
                "role": r.choice(["server", "device", ["server", "device"], ["server", "device"]]), "zone": zone,
                "address": address, "owner": "somebody", "description": "Something in the plant"}

    def day(self, ahead):
        return (self.local.date() + datetime.timedelta(ahead)).isoformat()

    def schedule(self):
        """Windows whose ends are not near now."""
        r, now = self.random, self.local.hour * 60 + self.local.minute
        windows = []
        while len(windows) < r.choice([1, 1, 2]):
            start, end = r.randrange(0, 1440), r.randrange(0, 1441)
            if all(abs(edge - now) % 1440 > MARGIN and abs(edge - now) % 1440 < 1440 - MARGIN for edge in (start, end)):
                windows.append({"days": r.sample(DAYS, r.randint(1, 7)), "from": clock(start), "to": clock(end)})
        return windows

    def ends(self):
        """A server and a device of different zones and the same family."""
        pairs = [(a, b) for a in self.assets for b in self.assets
                 if "server" in self.assets[a]["role"] and "device" in self.assets[b]["role"]
                 and self.assets[a]["zone"] != self.assets[b]["zone"]
                 and (":" in self.assets[a]["address"]) == (":" in self.assets[b]["address"])]
        return self.random.choice(pairs) if pairs else None

    def add_rule(self):
        r, ends = self.random, self.ends()
        if not ends:
            return
        name = r.choice(["modbus", "modbus", "tcp", "udp"])
        port = r.choice([502, 1502]) if name == "modbus" else r.choice([502, 5000, 5001, 102])
        ends, name, port = self.mirrored(name, port) or (ends, name, port)
        transport = UDP if name == "udp" else TCP
        if self.ports.setdefault((ends[1], transport, port), name) != name:
            return  # a port of a device speaks one protocol
        if name != "modbus" and (*ends, transport, port) in self.conduits:
            return  # one rule a conduit where nothing is inspected
        self.conduits.setdefault((*ends, transport, port), []).append(len(self.rules))
        for _ in range(r.randint(1, 3) if name == "modbus" else 1):
            self.rules.append(self.rule(ends, name, port))

    def mirrored(self, name, port):
        """Now and then the opposite of a rule that is there, or nearly so: two brokers that ask each other."""
        rule = self.random.choice(self.rules) if self.rules and self.random.random() < 0.3 else None
        if not rule or any(len(self.assets[rule[end]]["role"]) != 2 for end in ("from", "to")):
            return None
        return (rule["to"], rule["from"]), *self.random.choice([(rule["protocol"], rule["port"]), (name, port)])

    def rule(self, ends, name, port):
        r = self.random
        rule = {"id": f"rule-{len(self.rules)}", "from": ends[0], "to": ends[1], "protocol": name, "port": port,
                "purpose": "Drawn by lot for a test", "owner": "somebody", "approved_by": "somebody",
                "approved_on": self.day(-200), "review_by": self.day(r.choice([-60, -1, r.randint(-5, 100)]))}
        if name == "modbus":
            rule["allow"] = [{"function": "read-holding-registers", "unit": 1, "addresses": [len(self.rules)]}]
        else:
            rule["uninspected_because"] = "Nobody looks into it"
        if r.random() < 0.4:
            rule["expires"] = self.day(r.choice([-150, -1, 0, 1, 300, 3000]))
        if r.random() < 0.25:
            rule["schedule"] = self.schedule()
        return rule

    def write(self):
        documents = {"site.json": {"$schema": "../schemas/site.schema.json", "site": "by-lot",
                                   "timezone": self.timezone, "zones": self.zones,
                                   "review": {"overdue": "refuse-new" if self.refuses_new else "warn"},
                                   "people": {"somebody": {"name": "Somebody", "contact": "ext. 1"}}}}
        for part, name in ((self.assets, "assets"), (None, "rules")):
            for i in range(self.random.randint(1, 3)):
                schema = f"../schemas/{name}.schema.json"
                documents[f"{self.random.choice('abz')}-{name}-{i}.json"] = {"$schema": schema, name: {} if part else []}
        files = {kind: [d for n, d in documents.items() if f"-{kind}-" in n] for kind in ("assets", "rules")}
        for name, asset in self.assets.items():
            self.random.choice(files["assets"])["assets"][name] = asset
        for rule in self.rules:
            self.random.choice(files["rules"])["rules"].append(rule)
        # a document says something
        return {n: d for n, d in documents.items() if d.get("assets", True) and d.get("rules", True)}


def open_now(rule, local):
    """By the wall clock of the site."""
    if "expires" in rule and local.date() > datetime.date.fromisoformat(rule["expires"]):
        return False
    if "schedule" not in rule:
        return True
    minute = local.hour * 60 + local.minute
    for window in rule["schedule"]:
        start, end = (int(t[:2]) * 60 + int(t[3:]) for t in (window["from"], window["to"]))
        today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
        if start < end:
            if today in window["days"] and start <= minute < end:
                return True
        elif (today in window["days"] and minute >= start) or (yesterday in window["days"] and minute < end):
            return True
    return False


class Conduit:
    def __init__(self, inspected):
        self.inspected, self.open, self.overdue = inspected, False, False


class Packet:
    """A tuple as it comes in by an interface. kind: TCP and UDP have ports; an error quotes a packet."""

    def __init__(self, interface, protocol, source, destination, sport=0, dport=0, quoted=None, icmp=None):
        self.interface, self.protocol, self.source, self.destination = interface, protocol, source, destination
        self.sport, self.dport, self.quoted, self.icmp = sport, dport, quoted, icmp
        self.flags = None  # of TCP, if they matter

    def __repr__(self):
        what = {TCP: "tcp", UDP: "udp"}.get(self.protocol, f"protocol {self.protocol} {self.icmp or ''}")
        about = f" about [{self.quoted!r}]" if self.quoted else ""
        return f"{self.interface}: {what} {self.source}:{self.sport} -> {self.destination}:{self.dport}{about}"


class Model:
    """What the documents say of packets, one after another: connections are opened by the servers."""

    def __init__(self, site):
        self.homes = {(z["interface"], n) for z in site.zones.values() for n in z["networks"]}
        self.conduits, self.opened = {}, set()
        for rule in site.rules:
            if "expires" in rule and site.local.date() > datetime.date.fromisoformat(rule["expires"]):
                continue  # it opens nothing at all
            key = (site.assets[rule["from"]]["address"], site.assets[rule["to"]]["address"],
                   UDP if rule["protocol"] == "udp" else TCP, rule["port"])
            conduit = self.conduits.setdefault(key, Conduit(rule["protocol"] == "modbus"))
            conduit.open |= open_now(rule, site.local)
            conduit.overdue = site.refuses_new and site.local.date() > datetime.date.fromisoformat(rule["review_by"])

    def at_home(self, packet):
        source = ipaddress.ip_address(packet.source)
        return any(interface == packet.interface and source.version == network.version and source in network
                   for interface, network in ((i, ipaddress.ip_network(n)) for i, n in self.homes))

    def verdict(self, packet):
        if not self.at_home(packet):
            return "spoofed_source"
        asked = self.conduits.get((packet.source, packet.destination, packet.protocol, packet.dport))
        answers = self.conduits.get((packet.destination, packet.source, packet.protocol, packet.sport))
        if asked or answers:
            return self.of_conduit(packet, asked, answers)
        if any(packet.destination in gate_addresses(i) for i in INTERFACES):
            return "to_gate"
        return self.of_error(packet) if packet.quoted else "no_rule"

    def of_conduit(self, packet, asked, answers):
        conduit = asked or answers
        if not conduit.open:
            return "outside_schedule"
        if conduit.inspected:
            return "queue"
        there = (packet.protocol, packet.source, packet.sport, packet.destination, packet.dport)
        back = (packet.protocol, packet.destination, packet.dport, packet.source, packet.sport)
        if not asked:
            return "pass" if back in self.opened else "not_asked"
        if conduit.overdue and there not in self.opened and back not in self.opened:
            return "review_overdue"
        self.opened.add(there)
        return "pass"

    def of_error(self, packet):
        """Errors about a connection that is open pass, the inspector looks at those of its own, the rest is nothing."""
        if packet.icmp not in ((ICMP, 3), (ICMP, 11), (ICMP6, 1), (ICMP6, 2), (ICMP6, 3)):
            return "no_rule"
        q = packet.quoted
        there, back = (q.source, q.sport, q.destination, q.dport), (q.destination, q.dport, q.source, q.sport)
        for source, _, destination, port in (t for t in (there, back) if (q.protocol, *t) in self.opened):
            conduit = self.conduits[(source, destination, q.protocol, port)]
            return "pass" if conduit.open else "outside_schedule"
        for source, destination, port in ((q.source, q.destination, q.dport), (q.destination, q.source, q.sport)):
            conduit = self.conduits.get((source, destination, q.protocol, port))
            if conduit and conduit.inspected:
                return "queue" if conduit.open else "outside_schedule"
            if conduit:
                break
        return "no_rule"
