"""SET, MSET and DEL by one client per key, GET and MGET by anybody: a read gives the newest version there can be, never an
older one than was acknowledged or seen before it was asked."""

import bisect
import collections

from .history import ERROR, OK

Write = collections.namedtuple("Write", "op version deletes")


def value_of(key, version):
    return f"{key}#{version}"


def version_in(key, value):
    """None if it is no value of that key."""
    name, _, version = value.rpartition("#")
    return int(version) if name == key and version.isdigit() else None


class _Bound:
    """The highest version by a moment; `entries`: (moment, version)."""

    def __init__(self, entries):
        self._moments, self._versions, highest = [], [], 0
        for moment, version in sorted(entries):
            highest = max(highest, version)
            self._moments.append(moment)
            self._versions.append(highest)

    def before(self, moment):
        at = bisect.bisect_left(self._moments, moment)
        return self._versions[at - 1] if at else 0


def check_register(key, writes, reads, final, windows, verdict):
    """`reads`: (op, value). Versions start at 1 and grow in the order sent; version 0 is the key's absence at first."""
    by_version = {write.version: write for write in writes}
    absent = sorted([0] + [write.version for write in writes if write.deletes])
    sent = _Bound((write.op.sent, write.version) for write in writes)
    safe = [write for write in writes if windows.safe(write.op)]
    acknowledged = _Bound((write.op.done, write.version) for write in safe)
    own_acknowledged = _Bound((write.op.number, write.version) for write in safe)
    own_sent = _Bound((write.op.number, write.version) for write in writes)
    writer = writes[0].op.client if writes else None

    seen = []  # (op, version)
    for op, value in reads:
        if op.outcome != OK:
            continue
        ceiling = sent.before(op.done)
        floor = acknowledged.before(op.sent)
        if op.client == writer:
            ceiling = own_sent.before(op.number)
            floor = max(floor, own_acknowledged.before(op.number))
        version = _version(key, value, absent, ceiling, verdict)
        if version is None:
            continue
        if version > ceiling:
            verdict.flag("reordered", key, f"client {op.client} saw version {version} when there was none above {ceiling}")
        elif version < floor:
            verdict.flag("stale", key, f"client {op.client} saw version {version} after {floor} had been acknowledged")
        if version in by_version and by_version[version].op.outcome == ERROR and not by_version[version].op.maybe:
            verdict.flag("duplicated", key, f"version {version} was refused and carried out")
        if value is not None:
            seen.append((op, version))
    _check_monotonic(key, seen, by_version, windows, verdict)
    _check_final(key, final, absent, writes, safe, verdict)


def _version(key, value, absent, ceiling, verdict):
    if value is None:  # the newest absence that there can be
        return absent[bisect.bisect_right(absent, ceiling) - 1]
    version = version_in(key, value) if isinstance(value, str) else None
    if version is None:
        verdict.flag("misrouted", key, f"was read as {value!r}")
    return version


def _check_monotonic(key, seen, by_version, windows, verdict):
    """What one client saw, another one that asks later sees too."""
    lasting = [(op.done, version) for op, version in seen if version in by_version and windows.safe(by_version[version].op)]
    known = _Bound(lasting)
    for op, version in seen:
        if version < known.before(op.sent):
            verdict.flag("stale", key, f"client {op.client} saw version {version} after {known.before(op.sent)} was seen")


def _check_final(key, final, absent, writes, safe, verdict):
    newest = max((write.version for write in writes), default=0)
    kept = _version(key, final, absent, newest, verdict)
    if kept is None:
        return
    floor = max((write.version for write in safe), default=0)
    if kept < floor:
        verdict.flag("lost", key, f"holds version {kept}; {floor} was acknowledged")
    acknowledged = max((write.version for write in writes if write.op.outcome == OK), default=0)
    verdict.redis_lost += kept < acknowledged and kept >= floor
