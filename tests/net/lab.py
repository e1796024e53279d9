# SPDX-License-Identifier: GPL-2.0-or-later
"""Three network namespaces and the processes in them: enterprise -- gate -- plant.

    enterprise  eth0 10.1.0.2 historian, .3 energy server, .9 an undocumented host    fd00:1::2, ::3, ::9
    gate        eth0 10.1.0.1, eth1 10.2.0.1, forwarding                              fd00:1::1, fd00:2::1
    plant       eth1 10.2.0.2 press PLC, .3 meter                                     fd00:2::2, ::3

Everything that a Lab started (processes by pid, namespaces by name) ends with it, also after a failure.
Waiting is always for a condition, with a deadline. Needs root.
"""
import contextlib
import ctypes
import fcntl
import itertools
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
SIDES = ("enterprise", "gate", "plant")
PREFIX = "ghlab"

HISTORIAN, ENERGY, STRANGER = "10.1.0.2", "10.1.0.3", "10.1.0.9"
PLC, METER = "10.2.0.2", "10.2.0.3"

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET, PR_SET_PDEATHSIG = 0x40000000, 1
_labs = itertools.count(1)


def wait_until(condition, what, seconds=10.0):
    """Asks `condition` until it is true and returns what it gave; AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.005)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Daemon:
    """A process whose standard output and error go to a file, and the lines of it so far."""

    def __init__(self, name, process, path):
        self.name, self.process = name, process
        self._file, self._lines, self._rest = open(path, errors="replace"), [], ""

    @property
    def pid(self):
        return self.process.pid

    @property
    def lines(self):
        if self._file.closed:
            return self._lines
        *whole, self._rest = (self._rest + self._file.read()).split("\n")
        self._lines += whole
        return self._lines

    def text(self):
        return "\n".join(self.lines)

    def wait_line(self, pattern, seconds=10.0, start=0):
        """The first line that matches, from line `start` on; fails at once when the process ends without it."""
        def look():
            for line in self.lines[start:]:
                if re.search(pattern, line):
                    return line
            if self.process.poll() is not None:
                ended.append(self.process.returncode)
            return len(ended) > 1
        ended = []  # looked at twice: its last lines may come after its end was seen
        try:
            line = wait_until(look, f"{self.name} to say {pattern!r}", seconds)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.text()}") from None
        if line is True:
            raise AssertionError(f"{self.name} ended (code {ended[0]}) before it said {pattern!r}:\n{self.text()}")
        return line

    def kill(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self, seconds=5.0):
        """SIGTERM, then SIGKILL. Returns the exit code."""
        self.kill(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        return self.process.wait()


    def close(self):
        self._lines = self.lines
        self._file.close()


class Capture:
    """Every IP packet on one interface: list of (is_sent, frame bytes), from an AF_PACKET socket."""

    def __init__(self, lab, side, interface):
        with lab.inside(side):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self._socket.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
            self._socket.bind((interface, 3))
        self._packets, self._over, self._lock = [], False, threading.Lock()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _drain(self):
        with self._lock:
            while True:
                try:
                    frame, where = self._socket.recvfrom(65600, socket.MSG_DONTWAIT)
                except OSError:  # nothing more for now, or the interface went down
                    return
                self._packets.append((where[2] == socket.PACKET_OUTGOING, frame))

    def _read(self):
        while not self._over:
            if select.select([self._socket], [], [], 0.05)[0]:
                self._drain()

    @property
    def packets(self):
        """All that had passed when this was asked, also what the thread has not taken yet."""
        self._drain()
        return list(self._packets)

    def tcp(self, source=None, destination=None):
        """(source, destination, flags, sequence, payload) of the IPv4 TCP packets seen."""
        found = []
        for _, frame in self.packets:
            if frame[12:14] != b"\x08\x00" or frame[23] != 6:
                continue
            ip = frame[14:14 + struct.unpack("!H", frame[16:18])[0]]
            segment = ip[(ip[0] & 15) * 4:]
            if len(segment) < 20:
                continue
            src, dst = socket.inet_ntoa(ip[12:16]), socket.inet_ntoa(ip[16:20])
            if source in (None, src) and destination in (None, dst):
                sport, dport, seq = struct.unpack("!HHI", segment[:8])
                found.append(((src, sport), (dst, dport), segment[13], seq,
                              segment[(segment[12] >> 4) * 4:]))
        return found

    def close(self):
        self._over = True
        self._thread.join(2)
        self._socket.close()


def sweep():
    """Removes what a lab left behind whose process is gone (it was killed, or the machine was)."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else ():
        if (m := re.fullmatch(rf"{PREFIX}(\d+)x\d+-\w+", name)) and not os.path.exists(f"/proc/{m[1]}"):
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)
    for folder in pathlib.Path(tempfile.gettempdir()).glob(f"{PREFIX}*x*-*"):
        if not os.path.exists(f"/proc/{folder.name[len(PREFIX):].split('x')[0]}"):
            shutil.rmtree(folder, ignore_errors=True)


def end_namespaces(label):
    """Ends every process in the namespaces of that label, and the namespaces."""
    for side in SIDES:
        name = f"{label}-{side}"
        if os.path.exists(f"/run/netns/{name}"):
            _end_processes(name)
            subprocess.run(["ip", "netns", "del", name], check=False)


def _pids(name):
    listed = subprocess.run(["ip", "netns", "pids", name], text=True, capture_output=True)
    return [int(word) for word in listed.stdout.split() if int(word) != os.getpid()]


def _end_processes(name):
    def gone():
        for pid in _pids(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not _pids(name)
    wait_until(gone, f"the processes in {name} to end")


class Lab:
    """offload=False turns checksum and segmentation offload off. A lab with keep=True may outlive the
    program: its label is not swept, and leave() hands it over to end_namespaces(label)."""

    def __init__(self, offload=True, keep=False, prefix=PREFIX):
        self.offload, self.keep = offload, keep
        self.label = f"{prefix}{os.getpid()}x{next(_labs)}"
        self._left = False
        self.folder = None
        self.daemons, self.captures, self._namespaces, self._closers = [], [], {}, []

    def __enter__(self):
        sweep()
        try:
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.label}-"))
            self._build()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def leave(self):
        """Leaves everything running when the lab ends."""
        self._left = True

    def __exit__(self, kind, error, trace):
        if self._left:
            return
        for close in reversed(self._closers):
            close()
        for daemon in reversed(self.daemons):
            daemon.stop()
        for capture in self.captures:
            capture.close()
        for fd in self._namespaces.values():
            os.close(fd)
        end_namespaces(self.label)
        self._namespaces = {}
        if error is not None:
            for daemon in self.daemons:
                print(f"-- {daemon.name} said:\n" + "\n".join(daemon.lines[-40:]))
        for daemon in self.daemons:
            daemon.close()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def at_end(self, close):
        self._closers.append(close)

    def name(self, side):
        return f"{self.label}-{side}"

    # -- the wires -----------------------------------------------------------------------------------

    def _build(self):
        for side in SIDES:
            subprocess.run(["ip", "netns", "add", self.name(side)], check=True)
            self._namespaces[side] = os.open(f"/run/netns/{self.name(side)}", os.O_RDONLY | os.O_CLOEXEC)
        self._sysctl("gate", "net/ipv4/ip_forward", 1)
        self._sysctl("gate", "net/ipv6/conf/all/forwarding", 1)
        for side in SIDES:
            self._sysctl(side, "net/ipv6/conf/all/accept_dad", 0)
            self._sysctl(side, "net/ipv6/conf/default/accept_dad", 0)
            self.ip(side, "link set lo up")
        self._wire("enterprise", "eth0", ["10.1.0.2/24", "10.1.0.3/24", "10.1.0.9/24",
                                          "fd00:1::2/64", "fd00:1::3/64", "fd00:1::9/64"],
                   ["10.1.0.1/24", "fd00:1::1/64"])
        self._wire("plant", "eth1", ["10.2.0.2/24", "10.2.0.3/24", "fd00:2::2/64", "fd00:2::3/64"],
                   ["10.2.0.1/24", "fd00:2::1/64"])
        self.ip("enterprise", "route add 10.2.0.0/24 via 10.1.0.1")
        self.ip("enterprise", "-6 route add fd00:2::/64 via fd00:1::1")
        self.ip("plant", "route add default via 10.2.0.1")
        self.ip("plant", "-6 route add default via fd00:2::1")

    def _wire(self, side, interface, addresses, gate_addresses):
        self.ip(side, f"link add {interface} type veth peer name {interface} netns {self.name('gate')}")
        for where, mine in ((side, addresses), ("gate", gate_addresses)):
            for address in mine:
                self.ip(where, f"addr add {address} dev {interface}" + (" nodad" if ":" in address else ""))
            if not self.offload:
                self._no_offload(where, interface)
            self.ip(where, f"link set {interface} up")

    def _sysctl(self, side, path, value):
        with self.inside(side):
            pathlib.Path("/proc/sys", path).write_text(str(value))

    def _no_offload(self, side, interface):
        """Turns off checksum and segmentation offload (ETHTOOL_STXCSUM, STSO, SGSO, SGRO)."""
        with self.inside(side), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for command in (0x17, 0x1F, 0x24, 0x2C):
                value = ctypes.create_string_buffer(struct.pack("=II", command, 0))
                request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
                fcntl.ioctl(s, 0x8946, request)  # SIOCETHTOOL

    def ip(self, side, words):
        done = subprocess.run(["ip", "-n", self.name(side), *words.split()], text=True, capture_output=True)
        if done.returncode:
            raise OSError(f"ip {words} in {side}: {done.stderr.strip()}")
        return done.stdout

    def mac(self, side, interface):
        return bytes.fromhex(json.loads(self.ip(side, f"-j link show {interface}"))[0]["address"].replace(":", ""))

    # -- inside --------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def inside(self, side):
        """The calling thread is in that namespace: sockets made here belong to it for ever."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(self._namespaces[side])
            yield
        finally:
            _setns(home)
            os.close(home)

    def connect(self, address, source=HISTORIAN, port=502, side="enterprise", seconds=5.0, source_port=0):
        """A TCP connection of the kernel's own."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.inside(side):
            s = socket.socket(family, socket.SOCK_STREAM)
        try:
            s.settimeout(seconds)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.bind((source, source_port))
            s.connect((address, port))
        except BaseException:
            s.close()
            raise
        self.at_end(s.close)
        return s

    def command(self, side, *words):
        return ["ip", "netns", "exec", self.name(side), *map(str, words)]

    def run(self, side, *words, check=True, seconds=60, **more):
        """Runs a command to its end; standard output and error as text."""
        done = subprocess.run(self.command(side, *words), text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds, stdin=subprocess.DEVNULL, **more)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(map(str, words))} in {side}: exit code {done.returncode}\n"
                                 f"{done.stdout}")
        return done

    def start(self, side, *words, ready=None, seconds=15.0, env=None, name=None):
        """Starts a daemon; with `ready`, returns when it has printed a line that matches."""
        name = name or pathlib.Path(str(words[0])).name
        path = self.folder / f"{len(self.daemons)}-{name}.log"
        with open(path, "w") as log:
            process = subprocess.Popen(self.command(side, *words), stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=subprocess.STDOUT, env=dict(os.environ, **(env or {})),
                                       preexec_fn=None if self.keep else _die_with_parent)
        daemon = Daemon(name, process, path)
        self.daemons.append(daemon)
        if ready:
            daemon.wait_line(ready, seconds)
        return daemon

    def capture(self, side, interface):
        capture = Capture(self, side, interface)
        self.captures.append(capture)
        return capture
