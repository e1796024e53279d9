# SPDX-License-Identifier: GPL-2.0-or-later
"""The event log forwarded by rsyslog, as `gatehouse compile` configures it: a collector beyond the gate's own ruleset
receives RFC 5424 with the event's JSON, over UDP, TCP and TLS."""
import json
import re
import shutil
import socket
import ssl
import subprocess
import unittest

import modbus
from gate import FORBIDDEN, GateCase, standard_rules, write_site
from lab import STRANGER, wait_until

PORTS = {"udp": 5514, "tcp": 6601, "tls": 6514}
COLLECTOR = STRANGER  # an address of the enterprise side that no rule names
RFC5424 = re.compile(r"<(?P<pri>\d{1,3})>1 (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)) "
                     r"(?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<proc>[!-~]{1,128}) (?P<id>[!-~]{1,32}) - "
                     r"(?P<message>.*)", re.DOTALL)


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)


def make_certificates(folder):
    """A CA for this test, and the collector's certificate; one more that the CA has not signed."""
    for name in ("ca", "stranger"):
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={COLLECTOR}",
                "-addext", f"subjectAltName=IP:{COLLECTOR}",
                "-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={COLLECTOR}", "-keyout", "collector.key",
            "-out", "collector.csr")
    (folder / "san").write_text(f"subjectAltName=IP:{COLLECTOR}")
    openssl(folder, "x509", "-req", "-in", "collector.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "san", "-out", "collector.pem")


class ForwardCase(GateCase):
    transport, certificate = "udp", "collector"

    @classmethod
    def before_start(cls):
        if not shutil.which("rsyslogd"):
            raise unittest.SkipTest("rsyslogd is not installed (packages rsyslog, rsyslog-gnutls)")
        write_site(cls.gate.site, standard_rules())
        site = json.loads((cls.gate.site / "site.json").read_text())
        site["gate"] = {"log_collectors": [{"address": COLLECTOR, "port": PORTS[cls.transport],
                                            "transport": cls.transport}]}
        (cls.gate.site / "site.json").write_text(json.dumps(site))
        make_certificates(cls.lab.folder)

    def listen(self):
        with self.lab.inside("enterprise"):
            self.listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if self.transport == "udp"
                                          else socket.SOCK_STREAM)
        self.addCleanup(self.listener.close)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((COLLECTOR, PORTS[self.transport]))
        self.listener.settimeout(20)
        if self.transport != "udp":
            self.listener.listen()

    def start_rsyslog(self):
        """With the file that compile writes; its paths of an installation become the lab's."""
        out = self.lab.folder / "out"
        self.gate.command("compile", self.gate.site, "-o", out)
        text = (out / "rsyslog.conf").read_text()
        text = text.replace("/var/lib/gatehouse/events.jsonl", str(self.gate.state / "events.jsonl"))
        text = text.replace("/etc/gatehouse/collector-ca.pem", str(self.lab.folder / "ca.pem"))
        path = self.lab.folder / "rsyslog.conf"
        path.write_text(f'global(workDirectory="{self.lab.folder}" localHostname="gate-1")\n{text}')
        check = subprocess.run(["rsyslogd", "-N1", "-f", path], text=True, capture_output=True)
        self.assertEqual((check.returncode, "error" in check.stderr.lower()), (0, False), check.stderr)
        self.daemon = self.lab.start("gate", "rsyslogd", "-n", "-f", path, "-i", self.lab.folder / "rsyslog.pid",
                                     ready=None, name="rsyslogd")
        self.addCleanup(self.daemon.stop)

    def deny(self):
        client = self.client()
        client.ask(modbus.write(FORBIDDEN, 1)[7:])
        self.gate.wait_event("address-not-allowed")

    def assert_is_the_event(self, messages):
        """The denial, as the event log has it."""
        found = [m for m in map(RFC5424.fullmatch, messages) if m and m["id"] == "denied"]
        self.assertTrue(found, messages)
        event = json.loads(found[0]["message"])
        logged = [e for e in self.gate.events() if e["event"] == "denied"]
        self.assertIn(event, logged)
        self.assertEqual((found[0]["pri"], found[0]["time"], found[0]["host"], found[0]["app"], found[0]["proc"]),
                         (str(16 * 8 + 5), event["time"], "gate-1", "gatehouse", "-"))

    def assert_all_are_rfc5424(self, messages):
        self.assertEqual([m for m in messages if not RFC5424.fullmatch(m)], [])

    def read_stream(self, connection):
        """Octet-counted messages (RFC 6587, RFC 5425) until the denial came."""
        connection.settimeout(20)
        data, messages = b"", []
        while not any(" denied - " in m for m in messages):
            chunk = connection.recv(65536)
            self.assertTrue(chunk, messages)
            data += chunk
            while m := re.match(rb"(\d+) ", data):
                end = m.end() + int(m[1])
                if len(data) < end:
                    break
                messages.append(data[m.end():end].decode())
                data = data[end:]
        return messages


class OverUdp(ForwardCase):
    def test_it_arrives(self):
        self.listen()
        self.start_rsyslog()
        self.deny()
        messages = []
        while not any(" denied - " in m for m in messages):
            messages.append(self.listener.recv(65536).decode())
        self.assert_all_are_rfc5424(messages)
        self.assert_is_the_event(messages)


class OverTcp(ForwardCase):
    transport = "tcp"

    def test_it_arrives_also_what_was_logged_while_nobody_listened(self):
        self.start_rsyslog()
        self.deny()
        self.daemon.wait_line("cannot connect|suspended", 20)
        self.daemon.stop(20)  # what was not taken outlives it
        self.start_rsyslog()
        self.listen()
        connection, _ = self.listener.accept()
        self.addCleanup(connection.close)
        messages = self.read_stream(connection)
        self.assert_all_are_rfc5424(messages)
        self.assert_is_the_event(messages)


class OverTls(ForwardCase):
    transport = "tls"

    def accept(self, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.lab.folder / f"{certificate}.pem", self.lab.folder / f"{certificate}.key")
        plain, _ = self.listener.accept()
        self.addCleanup(plain.close)
        plain.settimeout(20)
        return context.wrap_socket(plain, server_side=True)

    def test_it_arrives_and_at_nobody_else(self):
        self.listen()
        self.deny()
        self.start_rsyslog()
        with self.assertRaises((OSError, AssertionError)):
            self.read_stream(self.accept("stranger"))
        connection = self.accept("collector")
        self.addCleanup(connection.close)
        messages = self.read_stream(connection)
        self.assertIn(connection.version(), ("TLSv1.2", "TLSv1.3"))
        self.assert_all_are_rfc5424(messages)
        self.assert_is_the_event(messages)


class NoCollector(GateCase):
    def test_nothing_is_forwarded(self):
        out = self.lab.folder / "out"
        self.gate.command("compile", self.gate.site, "-o", out)
        text = (out / "rsyslog.conf").read_text()
        self.assertNotIn("omfwd", text)
        self.assertTrue(all(line.startswith("#") for line in text.splitlines()), text)


if __name__ == "__main__":
    unittest.main()
