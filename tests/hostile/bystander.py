"""The well-behaved client as the suite sees it: starts its process, and judges what it has recorded."""

import collections
import json
import pathlib
import re
import signal
import sys

import processes
from waiting import wait_until

from .bystander_process import RECORD

CONNECTIONS = 2  # one for each worker
INTERVAL_SECONDS = 0.002
# Slower than this, requests of the sanitizers' daemon would queue.
SLOW_INTERVAL_SECONDS = 0.01
GOING_SECONDS = 12

Window = collections.namedtuple("Window", "count p50_ms p99_ms max_ms")


class Bystander:
    """`keys`: one of each slot that it is to visit."""

    _count = 0

    def __init__(self, endpoint, password, keys, interval=INTERVAL_SECONDS):
        Bystander._count += 1
        plan = {"host": endpoint.host, "port": endpoint.port, "password": password, "keys": keys,
                "connections": CONNECTIONS, "interval": interval}
        here = pathlib.Path(__file__).resolve().parent
        environment = {"PYTHONPATH": str(here.parent / "support"), "PYTHONDONTWRITEBYTECODE": "1"}
        self._child = processes.Child([sys.executable, here / "bystander_process.py", json.dumps(plan)],
                                      processes.directory() / f"bystander-{Bystander._count}", environment)

    def wait_until_going(self):
        """Until a few more requests of this moment have been answered. AssertionError if they are not."""
        goal = self._answered() + 10 * CONNECTIONS
        wait_until(lambda: self._answered() >= goal, GOING_SECONDS, "the bystander to be answered")

    def stop(self):
        if self._child.exit_code() is None:
            self._child.signal(signal.SIGTERM)
        code = self._child.wait(10)
        if code != 0:
            raise AssertionError(f"the bystander ended with {code}: {self._child.stderr_path.read_text()[-2000:]}")

    def errors(self, tolerated=None, times=None):
        """Texts. Those that match `tolerated` do not count, or only the first so many on each connection do not."""
        errors, forgiven = [], collections.Counter()
        for line in self._child.stderr_path.read_text().splitlines():
            try:
                _, connection, text = json.loads(line)
            except ValueError:
                errors.append(line)  # Python's own
                continue
            if tolerated and re.match(tolerated, text) and (times is None or forgiven[connection] < times):
                forgiven[connection] += 1
            else:
                errors.append(text)
        return errors

    def window(self, begin, end):
        """The requests that were sent, or would have been, between these moments (time.monotonic())."""
        data = self._child.stdout_path.read_bytes()
        data = data[:len(data) // RECORD.size * RECORD.size]
        return summary(sorted(latency for due, latency in RECORD.iter_unpack(data) if begin <= due < end))

    def _answered(self):
        return self._child.stdout_path.stat().st_size // RECORD.size


def summary(latencies):
    """Of sorted seconds."""
    if not latencies:
        return Window(0, float("nan"), float("nan"), float("nan"))

    def at(share):
        return latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1000

    return Window(len(latencies), at(0.5), at(0.99), latencies[-1] * 1000)
