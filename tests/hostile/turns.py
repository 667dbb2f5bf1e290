"""How long the turns of the workers' loops have lasted: the daemon's histograms of them, one before and one after."""

import dataclasses
import re

# While one client's work goes on, the others of its worker wait. As the histograms have it, in seconds.
BAR = 0.02

# The turns as a clock on the wall has them, and without the time in which others ran in the workers' place.
_WALL, _CPU = "slotless_loop_turn_seconds", "slotless_loop_turn_cpu_seconds"
_BUCKET = re.compile(r'_bucket\{le="([^"]+)"\}$')


@dataclasses.dataclass(frozen=True)
class Turns:
    wall: dict  # upper bound in seconds → how many lasted no longer
    cpu: dict

    @staticmethod
    def of(metrics):
        return Turns(_buckets(metrics, _WALL), _buckets(metrics, _CPU))

    def since(self, before):
        """Those that have come since then; of a daemon that was started anew meanwhile, its own."""
        return Turns(_grown(before.wall, self.wall), _grown(before.cpu, self.cpu))

    @property
    def too_long(self):
        """How many have kept a processor for longer than is right."""
        return _all(self.cpu) - self.cpu.get(BAR, 0)

    def longest(self):
        """For people, in milliseconds."""
        return f"{_bound(self.wall)} (processor {_bound(self.cpu)})"


def _buckets(metrics, name):
    found = {}
    for key, value in metrics.items():
        bucket = _BUCKET.search(key)
        if bucket and key.startswith(f"{name}_bucket"):
            found[float(bucket[1])] = value
    if not found:
        raise AssertionError(f"{name} is not among the daemon's metrics")
    return found


def _grown(before, after):
    if _all(after) < _all(before):
        return after
    return {bound: count - before.get(bound, 0) for bound, count in after.items()}


def _all(buckets):
    return buckets[float("inf")]


def _bound(buckets):
    """The bound below which all of them are."""
    bounds = sorted(buckets)
    if not _all(buckets):
        return "-"
    longest = next(bound for bound in bounds if buckets[bound] == _all(buckets))
    return f"≤ {longest * 1000:g}" if longest < float("inf") else f"> {bounds[-2] * 1000:g}"
