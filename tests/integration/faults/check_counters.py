"""INCR, by one client or many, MULTI/INCR/INCR/EXEC and optimistic increments: each acknowledged one has a number of its
own, numbers grow in the order sent and in real time, and the last value is their count."""

import collections

from .history import OK


def check_counter(key, ops, final, windows, verdict):
    """`ops`: all increments of the key, as (op, number that it claims to have made or None)."""
    acknowledged = []
    for op, number in ops:
        if op.outcome != OK:
            continue
        if isinstance(number, int) and number > 0:
            acknowledged.append((op, number))
        else:
            verdict.flag("misrouted", key, f"{op.kind} was answered {op.reply!r}")
    _check_twins(key, acknowledged, windows, verdict)
    _check_order_of_each_client(key, acknowledged, windows, verdict)
    _check_real_time(key, acknowledged, windows, verdict)
    value = int(final or 0)
    possible = len(acknowledged) + sum(op.maybe for op, _ in ops)
    safe = sum(windows.safe(op) for op, _ in acknowledged)
    if value > possible:
        verdict.flag("duplicated", key, f"counts {value}, of at most {possible} increments")
    if value < safe:
        verdict.flag("lost", key, f"counts {value}, of at least {safe} increments")
    verdict.redis_lost += max(0, len(acknowledged) - max(value, safe))


def _check_twins(key, acknowledged, windows, verdict):
    by_number = collections.defaultdict(list)
    for op, number in acknowledged:
        by_number[number].append(op)
    for number, twins in by_number.items():
        # One of them may be the successor's, after the other one was lost.
        if sum(windows.era(op) is not None for op in twins) > 1:
            verdict.flag("lost", key, f"{len(twins)} increments made it {number}")


def _check_order_of_each_client(key, acknowledged, windows, verdict):
    latest = {}
    for op, number in sorted(acknowledged, key=lambda entry: (entry[0].client, entry[0].number)):
        place = (op.client, windows.era(op))
        if place[1] is None:
            continue
        if number <= latest.get(place, 0):
            verdict.flag("reordered", key, f"client {op.client} got {number} after {latest[place]}")
        latest[place] = number


def _check_real_time(key, acknowledged, windows, verdict):
    """What was answered before another one was sent has the smaller number."""
    for era in {windows.era(op) for op, _ in acknowledged} - {None}:
        same = [(op, number) for op, number in acknowledged if windows.era(op) == era]
        finished = sorted(same, key=lambda entry: entry[0].done)
        position, highest = 0, 0
        for op, number in sorted(same, key=lambda entry: entry[0].sent):
            while finished[position][0].done < op.sent:
                highest = max(highest, finished[position][1])
                position += 1
            if number <= highest:
                verdict.flag("stale", key, f"{op.kind} made it {number} after {highest} had been answered")


def check_pair(keys, ops, finals, windows, verdict):
    """Two counters that are only ever incremented together."""
    first, second = keys
    for op in ops:
        if op.outcome == OK:
            reply = op.reply
            if not isinstance(reply, list) or len(reply) != 2:
                verdict.flag("misrouted", first, f"EXEC was answered {reply!r}")
            elif reply[0] != reply[1]:
                verdict.flag("torn", first, f"EXEC was answered {reply!r}")
    if finals[0] != finals[1]:
        verdict.flag("torn", first, f"the counters of one transaction are {finals!r}")
    made = [(op, op.reply[0] if isinstance(op.reply, list) and op.reply else None) for op in ops]
    check_counter(first, made, finals[0], windows, verdict)
    check_counter(second, made, finals[1], windows, verdict)
