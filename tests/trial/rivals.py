"""How fast others copy the same keys while the same clients work: redis-cli --cluster import, and a loop of SCAN, DUMP and RESTORE.
Both know database 0 only."""

import contextlib
import dataclasses
import pathlib
import sys
import time

import processes
from cluster import HOST, PASSWORD, Cluster


@dataclasses.dataclass
class Pace:
    name: str
    keys: int
    seconds: float
    begin: float
    note: str = ""

    @property
    def end(self):
        return self.begin + self.seconds

    @property
    def keys_per_second(self):
        return round(self.keys / self.seconds) if self.seconds else 0


def measure(port, seconds, program):
    """Each into a cluster of the same kind as the target, empty, for at most so many seconds."""
    cluster = Cluster(replicas=1, options=("--maxmemory", "0"), program=program)
    try:
        node = cluster.first_masters[0].port
        loop = pathlib.Path(__file__).with_name("plain_loop.py")
        yield _pace("redis-cli --cluster import", cluster, seconds, [
            "redis-cli", "-a", PASSWORD, "--no-auth-warning", "--cluster", "import", f"{HOST}:{node}", "--cluster-from", f"{HOST}:{port}",
            "--cluster-from-pass", PASSWORD, "--cluster-copy", "--cluster-replace"])
        for master in cluster.masters():
            master.command("FLUSHALL")
        yield _pace("SCAN/DUMP/RESTORE loop", cluster, seconds, [sys.executable, loop, str(port), PASSWORD, str(node)])
    finally:
        cluster.stop()


def _pace(name, cluster, seconds, command):
    child = processes.Child(command, processes.directory() / name.replace(" ", "-").replace("/", "-"))
    began = time.monotonic()
    try:
        with contextlib.suppress(Exception):
            child.wait(seconds)
        took = time.monotonic() - began
        keys = sum(master.command("DBSIZE") for master in cluster.masters())
        code = child.exit_code()
        note = "" if code == 0 else "ended by the clock" if code == -9 else f"ended with {code}: {child.output()[-300:]}"
        return Pace(name, keys, took, began, note)
    finally:
        child.kill()
