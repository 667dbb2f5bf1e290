"""LPUSH and RPOP, RPUSH and BLPOP …: each item comes out at most once, in the order in which its producer put it in, and
none is missing that no ambiguous pop can have taken."""

import collections

from .history import ERROR, OK


def check_queue(key, pushes, pops, final, windows, verdict):
    """`pops`: (op, item or None). `final`: the items left, the oldest first."""
    pushed = {op.value: op for op in pushes}
    taken = collections.defaultdict(list)
    for op, item in pops:
        if op.outcome == OK and item is not None:
            taken[item].append(op)
    left = list(final or [])
    for item in (taken.keys() | set(left)) - pushed.keys():
        verdict.flag("misrouted", key, f"gave {item!r}, which nobody had put in")
    for item, times in collections.Counter(left).items():
        if times > 1:
            verdict.flag("duplicated", key, f"holds {item} {times} times")
    for item, poppers in taken.items():
        lasting = [op for op in poppers if windows.safe(op)]  # of the others, the list may have been put back
        if len(lasting) > 1 or (lasting and item in left):
            verdict.flag("duplicated", key, f"{item} came out more than once, or is still there")
    for item, op in pushed.items():
        if op.outcome == ERROR and (item in taken or item in left):
            verdict.flag("duplicated", key, f"{item} was refused ({op.reply}) and put in")
    _check_missing(key, pushes, pops, taken, left, windows, verdict)
    _check_order(key, pushes, taken, left, windows, verdict)


def _check_missing(key, pushes, pops, taken, left, windows, verdict):
    gone = [op for op in pushes if op.outcome == OK and op.value not in taken and op.value not in left]
    missing = [op for op in gone if windows.safe(op)]
    may_have_taken = sum(op.maybe for op, _ in pops)
    # A pop that was lost with its master may have been acknowledged, then the item was taken once more.
    if len(missing) > may_have_taken:
        verdict.flag("lost", key, f"{len(missing)} items are missing, such as {missing[0].value}; "
                                  f"{may_have_taken} pops are ambiguous")
    verdict.redis_lost += len(gone) - len(missing)


def _check_order(key, pushes, taken, left, windows, verdict):
    by_producer = collections.defaultdict(list)
    for op in pushes:
        if op.outcome == OK and windows.era(op) is not None:
            by_producer[op.client, windows.era(op)].append(op)
    for made in by_producer.values():
        made.sort(key=lambda op: op.number)
        earliest_end = float("inf")         # of the pops of later items
        first_number = {}                   # popping client -> the number of its first pop of a later item
        for push in reversed(made):
            poppers = taken.get(push.value, [])
            if not poppers and push.value in left and earliest_end < float("inf"):
                verdict.flag("reordered", key, f"{push.value} is still there, and a later item came out")
            if len(poppers) != 1 or windows.era(poppers[0]) is None:
                continue
            pop = poppers[0]
            if earliest_end < pop.sent or first_number.get(pop.client, pop.number) < pop.number:
                verdict.flag("reordered", key, f"{push.value} came out after a later item")
            earliest_end = min(earliest_end, pop.done)
            first_number[pop.client] = min(first_number.get(pop.client, pop.number), pop.number)
