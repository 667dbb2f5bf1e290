"""The daemon under test: what it holds and uses, compared with what it held before anybody came."""

import http.client
import os
import re
import threading
import time

from cluster import LOOPBACK, PASSWORD
from proxy import READY_SECONDS, SANITIZERS, Proxy
from waiting import wait_until

from .turns import Turns

MIB = 1 << 20
# The process itself (code, stacks, the allocator's own) beside what memory-limit is about.
BASE_BYTES = 32 * MIB
BACK_BYTES = 20 * MIB
BACK_SECONDS = 10
# What the daemon may have above its bound before the family is stopped: this machine is others', too.
RUNAWAY_BYTES = 1500 * MIB
MEMORY_COUNTED = not SANITIZERS  # these keep what is freed
PROBE_SECONDS = 0.25

_GAUGE = re.compile(r"^# TYPE (slotless_\w+) gauge$", re.MULTILINE)
# Not about clients: time, the cluster, and connections that wait for the next client.
_NOT_HELD = ("slotless_topology", "slotless_links", "slotless_database_keys", "slotless_build_info", "slotless_hottest_key", "slotless_peer")
# Memory is counted once a second, and a connection that is kept has its buffers; each worker may keep some for the next burst.
_MEMORY_SLACK_BYTES, _IDLE_SLACK_BYTES = MIB, 8 * MIB


class Daemon(Proxy):
    def __init__(self, nodes, options=(), memory_limit_mb=100, place=LOOPBACK, password=PASSWORD):
        self.bound_bytes = memory_limit_mb * MIB * 11 // 10 + BASE_BYTES
        super().__init__(nodes, ["--memory-limit", f"{memory_limit_mb}mb", *options], place=place, password=password)
        self.held_at_start = self.held()
        self.memory_at_start = self.memory()

    def start_again(self):
        """After its end: the same once more, on the same ports."""
        self.child = self.child.again()
        wait_until(lambda: self.http("/readyz")[0] == 200, READY_SECONDS, "/readyz of the daemon started again")

    def memory(self):
        return self.child.memory_bytes("VmRSS")

    def peak_memory(self):
        return self.child.memory_bytes("VmHWM")

    def turns(self):
        return Turns.of(self.metrics())

    def has_run_away(self):
        return self.memory() > self.bound_bytes + RUNAWAY_BYTES * (4 if SANITIZERS else 1)

    def held(self):
        """Every gauge about clients and what is done for them, by its name with labels."""
        status, text = self.http("/metrics")
        if status != 200:
            raise AssertionError(f"/metrics gave {status}")
        names = set(_GAUGE.findall(text))
        return {key: value for key, value in self.metrics().items()
                if key.split("{")[0] in names and not key.startswith(_NOT_HELD)}

    def left_behind(self):
        """Gauges that are not where they began: name → (before, now)."""
        found = {}
        for name, now in self.held().items():
            before = self.held_at_start.get(name, 0)
            if now > before + _slack(name):
                found[name] = (before, now)
        return found

    def wait_until_nothing_is_left(self):
        """What is left all the same."""
        self._settled(lambda: not self.left_behind())
        return self.left_behind()

    def wait_until_memory_is_back(self):
        """The memory at the end of it, whether it is back or not."""
        if MEMORY_COUNTED:
            self._settled(lambda: self.memory() <= self.memory_at_start + BACK_BYTES)
        return self.memory()

    @staticmethod
    def _settled(condition):
        try:
            wait_until(condition, BACK_SECONDS, "")
        except AssertionError:
            pass


def _slack(gauge):
    if gauge.startswith("slotless_memory_in_use_bytes"):
        return BACK_BYTES  # the sum of all kinds, scripts that are remembered, and links that came to be
    if not gauge.startswith("slotless_memory_bytes"):
        return 0
    return _IDLE_SLACK_BYTES if 'kind="idle"' in gauge else _MEMORY_SLACK_BYTES


class Probe(threading.Thread):
    """What a kubelet does: asks for /healthz all the time. `patience`: how long it waits for the answer."""

    def __init__(self, daemon, patience):
        super().__init__(daemon=True)
        self.failures, self.slowest = [], 0.0
        self._daemon, self._patience = daemon, patience
        self._stopping = threading.Event()
        self.start()

    def run(self):
        while not self._stopping.wait(PROBE_SECONDS):
            begin = time.monotonic()
            try:
                self._ask()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"/healthz: {error!r}")
            self.slowest = max(self.slowest, time.monotonic() - begin)

    def _ask(self):
        connection = http.client.HTTPConnection(self._daemon.host, self._daemon.admin_port, timeout=self._patience)
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            if answer.status != 200:
                self.failures.append(f"/healthz: {answer.status}")
        finally:
            connection.close()

    def stop(self):
        self._stopping.set()
        self.join(2 * self._patience)


def priority(nice):
    """Of the calling thread, and of those that it starts; ignored where it is not permitted."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
    except OSError:
        pass
