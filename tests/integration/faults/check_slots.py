"""The order over different keys of one slot: who sees what a client has written there sees, in what is read later, all that
the client had written before it, to whatever key of the slot."""

import bisect
import collections

from slots import slot_of

from .check_registers import version_in
from .history import OK

# What was seen by a moment, or by a position in a client's own sequence, as the number of the writer's operation.
Sight = collections.namedtuple("Sight", "at number")


def check_slots(writes, reads, windows, verdict):
    """`writes`: key → its Writes, all by one client; `reads`: key → (op, value). `windows`: of the whole history."""
    written = collections.defaultdict(set)
    for key, entries in writes.items():
        if entries:
            written[slot_of(key), entries[0].op.client].add(key)
    for (slot, _), keys in written.items():
        if len(keys) > 1:
            check_slot({key: writes[key] for key in keys}, {key: reads.get(key, ()) for key in keys},
                       windows.of_slot(slot), verdict)


def check_slot(writes, reads, windows, verdict):
    """Of one client and one slot."""
    numbers = {(key, write.version): write.op.number for key, entries in writes.items() for write in entries}
    seen = []  # (op, key, version, number of the write that it saw)
    for key, entries in reads.items():
        for op, value in entries:
            if op.outcome == OK and windows.era(op) is not None:
                version = version_in(key, value) if isinstance(value, str) else None
                seen.append((op, key, version, numbers.get((key, version), -1)))
    by_time = _Floor(Sight(op.done, number) for op, _, _, number in seen)
    by_client = collections.defaultdict(list)
    for op, _, _, number in seen:
        by_client[op.client].append(Sight(op.number, number))
    by_client = {client: _Floor(sights) for client, sights in by_client.items()}
    required = {key: _required(entries, windows) for key, entries in writes.items()}
    for op, key, version, _ in seen:
        floor = max(by_time.before(op.sent), by_client[op.client].before(op.number))
        least = required[key].before(floor)
        if version is None:  # deleted, or never there: there must have been such a moment since
            version = max((write.version for write in writes[key] if write.deletes), default=0)
        if version < least:
            verdict.flag("reordered", key, f"client {op.client} saw version {version} after a write that came later than "
                                           f"version {least}, to another key of the slot")


def _required(entries, windows):
    """Of the writes that must have been carried out: by the writer's number, the version."""
    return _Floor(Sight(write.op.number, write.version) for write in entries if windows.safe(write.op))


class _Floor:
    """The highest number that was seen before a point."""

    def __init__(self, sights):
        self._points, self._numbers, highest = [], [], -1
        for at, number in sorted(sights):
            highest = max(highest, number)
            self._points.append(at)
            self._numbers.append(highest)

    def before(self, point):
        at = bisect.bisect_left(self._points, point)
        return self._numbers[at - 1] if at else -1
