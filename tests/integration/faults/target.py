"""What is being tried: a Slotless that the harness starts, or another proxy, started by a command of the user's."""

import re
import shlex
import subprocess
import time

import processes
import resp
from cluster import HOST, LOOPBACK, PASSWORD
from proxy import SANITIZERS, WORKERS, connect
from upgrading import UpgradingProxy, has_ended
from waiting import wait_until

LEVELS = ("slotless_clients", "slotless_held_requests", "slotless_held_bytes", "slotless_in_flight_requests",
          "slotless_blocked_clients", "slotless_blocking_leases", "slotless_transaction_leases",
          "slotless_tracking_leases", "slotless_subscriptions")
# Connections that wait for the next client, of each worker: they are kept.
IDLE_LEASES = 16
SETTLE_SECONDS = 10
# What a process may keep of its memory: allocators are not exact.
MEMORY_SLACK_BYTES = 16 << 20


class Slotless:
    password = PASSWORD

    def __init__(self, nodes, options=(), place=LOOPBACK):
        self._proxy = UpgradingProxy(nodes, options, place=place)
        self.host, self.port = self._proxy.host, self._proxy.port
        self._levels, self._memory = self._read_levels(), processes.memory_bytes(self._proxy.pid, "VmRSS")

    def kill_and_restart(self):
        self._proxy.kill_and_restart()

    def upgrade(self):
        """Returns when another process serves, and the one before has ended."""
        before = self._proxy.upgrade()
        wait_until(lambda: has_ended(before), SETTLE_SECONDS, "the old process to end")

    def residue(self):
        """What is not back at the level it had before the load, after a while: name → (before, after)."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            levels, memory = self._read_levels(), processes.memory_bytes(self._proxy.pid, "VmRSS")
            found = {name: (self._levels[name], level) for name, level in levels.items() if level > self._levels[name]}
            if not SANITIZERS and memory > self._memory + MEMORY_SLACK_BYTES:  # they keep what is freed
                found["memory"] = (self._memory, memory)
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.2)

    def _read_levels(self):
        samples = self._proxy.metrics()
        levels = {level: sum(value for name, value in samples.items() if name.split("{")[0] == level) for level in LEVELS}
        with connect(self._proxy) as connection:
            uses = re.findall(r"\buse=(\S+)", connection.command("PROXY", "LINKS").decode())
        idle = uses.count("idle-lease")
        levels["links"] = len(uses) - idle
        levels["idle leases"] = max(0, idle - IDLE_LEASES * WORKERS)
        return levels

    def log(self):
        return self._proxy.child.output()

    def stop(self):
        self._proxy.stop()


class Foreign:
    """Started by `start`, a command line with {port}, {nodes} (host:port,…) and {password} in it; ended by its process."""

    password = ""

    def __init__(self, nodes, start, place=LOOPBACK):
        self.host, self.port = HOST, processes.free_port()
        words = [word.format(port=self.port, nodes=",".join(nodes), password=PASSWORD) for word in shlex.split(start)]
        self._child = processes.Child([*place.command, *words], processes.directory() / f"peer-{self.port}")
        self._wait()

    def _wait(self):
        def answers():
            if self._child.exit_code() is not None:
                raise RuntimeError(f"the proxy ended:\n{self._child.output()}")
            with resp.Connection(self.host, self.port, None, 2) as connection:
                connection.send(resp.pack("GET", "is-it-there"))
                return not isinstance(connection.read(), resp.ReplyError)
        wait_until(answers, 30, "the proxy to answer")

    def kill_and_restart(self):
        self._child.kill()
        self._child = self._child.again()
        self._wait()

    def residue(self):
        return {}

    def log(self):
        return self._child.output()

    def stop(self):
        self._child.signal(15)
        try:
            self._child.wait(10)
        except subprocess.TimeoutExpired:
            pass


class Running:
    """One that runs already, at host:port."""

    def __init__(self, address, password=""):
        self.host, _, port = address.rpartition(":")
        self.port, self.password = int(port), password

    def kill_and_restart(self):
        raise RuntimeError("who did not start it cannot restart it")

    def residue(self):
        return {}

    def log(self):
        return ""

    def stop(self):
        pass
