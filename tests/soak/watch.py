# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory and descriptors of processes over time, and what the device's log says, read as it grows."""
import os
import pathlib
import re
import threading

import plant

WARM_UP = 0.25              # of the samples: what is taken at first is not growth
MEMORY_KIB_AN_HOUR = 2048   # growth that a slope may show: below it is noise of a run of minutes
MEMORY_KIB = 256            # and so much may always come
SHORTEST = 20               # samples, for a slope to mean anything


def memory_kib(pid):
    return int(re.search(r"^VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def slope(samples):
    """Least squares, per second, of (seconds, value)."""
    n = len(samples)
    mean_t, mean_v = sum(t for t, _ in samples) / n, sum(v for _, v in samples) / n
    spread = sum((t - mean_t) ** 2 for t, _ in samples)
    return sum((t - mean_t) * (v - mean_v) for t, v in samples) / spread if spread else 0.0


class Process:
    def __init__(self, name, pid):
        self.name, self.pid, self.memory, self.descriptors = name, pid, [], []

    def sample(self, seconds):
        self.memory.append((seconds, memory_kib(self.pid)))
        self.descriptors.append((seconds, descriptors(self.pid)))

    def summary(self):
        late = self.memory[int(len(self.memory) * WARM_UP):]
        return {"process": self.name, "memory_first_kib": self.memory[0][1], "memory_warm_kib": late[0][1],
                "memory_last_kib": late[-1][1], "memory_kib_an_hour": round(slope(late) * 3600),
                "descriptors_first": self.descriptors[0][1], "descriptors_last": self.descriptors[-1][1],
                "descriptors_highest": max(v for _, v in self.descriptors)}

    def complaints(self):
        warm = int(len(self.memory) * WARM_UP)
        late, more = self.memory[warm:], self.descriptors[warm:]
        found = []
        if len(late) < SHORTEST:
            return found
        lasts = late[-1][0] - late[0][0]
        if slope(late) * lasts > max(MEMORY_KIB, MEMORY_KIB_AN_HOUR * lasts / 3600):
            found.append(f"the memory of the {self.name} grew from {late[0][1]} to {late[-1][1]} KiB after warm-up")
        if slope(more) * lasts >= 1:
            found.append(f"the descriptors of the {self.name} grew from {more[0][1]} to {more[-1][1]} after warm-up")
        return found


class DeviceLog(threading.Thread):
    """Reads the device's lines once and forgets them: connections and requests by client, and what the rule
    of its client does not permit."""

    def __init__(self, daemon, peers):
        super().__init__(daemon=True)
        self.daemon_log, self.peers = daemon, {p.address: p for p in peers}
        self.opened, self.requests, self.forbidden = {}, {}, []
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.2):
            self.read()

    def read(self):
        lines = self.daemon_log.lines
        for line in lines:
            self.take(line.split())
        lines.clear()

    def take(self, words):
        peer = self.peers.get(words[1].rsplit(":", 1)[0]) if len(words) > 1 else None
        if peer and words[0] == "open":
            self.opened[peer.name] = self.opened.get(peer.name, 0) + 1
        elif words[0] == "request":
            name = peer.name if peer else words[1]
            self.requests[name] = self.requests.get(name, 0) + 1
            if not peer or not plant.permitted(peer, bytes.fromhex(words[2])):
                self.forbidden.append(f"{name}: {words[2]}")

    def finish(self):
        self.over.set()
        self.join()
        self.read()
        return self
