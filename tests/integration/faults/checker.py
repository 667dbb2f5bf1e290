"""Checks a whole history against what the cluster holds in the end: sorts the operations by key, and asks the check of
each kind of key. Pure; what a key's operations mean is in the check_*.py beside it."""

import collections

from .check_appends import check_appends
from .check_counters import check_counter, check_pair
from .check_queues import check_queue
from .check_registers import Write, check_register
from .check_slots import check_slots
from .history import OK, Verdict, Windows


def check(ops, finals, loss_windows=()):
    """`finals`: key → its content (text, a list of items with the oldest first, or None). Returns a Verdict."""
    windows = Windows(loss_windows)
    verdict = Verdict()
    mark_waited(ops)
    increments, pairs = collections.defaultdict(list), collections.defaultdict(list)
    appends, pushes, pops = (collections.defaultdict(list) for _ in range(3))
    writes, reads = collections.defaultdict(list), collections.defaultdict(list)
    for op in ops:
        if op.kind == "INCR":
            increments[op.keys[0]].append((op, op.reply))
        elif op.kind == "WATCHED":
            if op.outcome != OK or op.reply is not None:  # nil: a watched key had changed, nothing was done
                increments[op.keys[0]].append((op, op.value))
        elif op.kind == "PAIR":
            pairs[op.keys].append(op)
        elif op.kind == "APPEND":
            appends[op.keys[0]].append(op)
        elif op.kind == "PUSH":
            pushes[op.keys[0]].append(op)
        elif op.kind == "POP":
            pops[op.keys[0]].append((op, _popped(op, verdict)))
        elif op.kind in ("SET", "MSET", "DEL"):
            for key in op.keys:
                writes[key].append(Write(op, op.value, op.kind == "DEL"))
        elif op.kind in ("GET", "MGET"):
            for key, value in _values(op, verdict):
                reads[key].append((op, value))
        elif op.kind == "ECHO" and op.outcome == OK and op.reply != op.value:
            verdict.flag("misrouted", "", f"ECHO {op.value} was answered {op.reply!r}")
        _check_type(op, verdict)
    for key, entries in increments.items():
        check_counter(key, entries, finals.get(key), windows.of_key(key), verdict)
    for keys, entries in pairs.items():
        check_pair(keys, entries, [finals.get(key) for key in keys], windows.of_key(keys[0]), verdict)
    for key, entries in appends.items():
        check_appends(key, entries, finals.get(key), windows.of_key(key), verdict)
    for key in pushes.keys() | pops.keys():
        check_queue(key, pushes[key], pops[key], finals.get(key), windows.of_key(key), verdict)
    for key in writes.keys() | reads.keys():
        check_register(key, writes[key], reads[key], finals.get(key), windows.of_key(key), verdict)
    check_slots(writes, reads, windows, verdict)
    return verdict


def mark_waited(ops):
    """A WAIT that counted a replica speaks for what the client had sent since the WAIT before it. (What was lost before
    that, one WAIT has told.)"""
    confirmed = {}
    for op in sorted(ops, key=lambda op: (op.client, -op.number)):
        if op.kind == "WAIT":
            confirmed[op.client] = op.outcome == OK and isinstance(op.reply, int) and op.reply >= 1
        op.waited = op.kind != "WAIT" and confirmed.get(op.client, False)


def _popped(op, verdict):
    """RPOP gives the item, BLPOP the key and the item."""
    if op.outcome != OK or op.reply is None:
        return None
    if isinstance(op.reply, list):
        if len(op.reply) == 2 and op.reply[0] == op.keys[0]:
            return op.reply[1]
    elif isinstance(op.reply, str):
        return op.reply
    verdict.flag("misrouted", op.keys[0], f"a pop was answered {op.reply!r}")
    return None


def _values(op, verdict):
    if op.outcome != OK:
        return []
    if op.kind == "GET":
        return [(op.keys[0], op.reply)]
    if not isinstance(op.reply, list) or len(op.reply) != len(op.keys):
        verdict.flag("misrouted", op.keys[0], f"MGET of {len(op.keys)} keys was answered {op.reply!r}")
        return []
    return zip(op.keys, op.reply)


def _check_type(op, verdict):
    if op.outcome != OK:
        return
    if op.kind in ("SET", "MSET") and op.reply != "OK":
        verdict.flag("misrouted", op.keys[0], f"{op.kind} was answered {op.reply!r}")
    if op.kind in ("DEL", "PUSH", "WAIT") and not isinstance(op.reply, int):
        verdict.flag("misrouted", op.keys[0] if op.keys else "", f"{op.kind} was answered {op.reply!r}")
