"""APPEND by one client: the text is the sequence of its tokens, in the order sent, each at most once."""

from .history import ERROR, OK

TOKEN_BYTES = 11


def token(client, number):
    return f"{client:03d}.{number:06d};"


def check_appends(key, ops, final, windows, verdict):
    content = final or ""
    found = [content[at:at + TOKEN_BYTES] for at in range(0, len(content), TOKEN_BYTES)]
    position = {}
    for at, text in enumerate(found):
        if text in position:
            verdict.flag("duplicated", key, f"{text} at {position[text]} and at {at}")
        position.setdefault(text, at)
    ops = sorted(ops, key=lambda op: op.number)
    sent = {op.value for op in ops}
    for text in position.keys() - sent:
        verdict.flag("misrouted", key, f"holds {text!r}, which nobody appended to it")
    previous = -1
    for op in ops:
        at = position.get(op.value)
        if at is None:
            _check_missing(key, op, windows, verdict)
            continue
        if op.outcome == ERROR:
            verdict.flag("duplicated", key, f"{op.value} was refused ({op.reply}) and carried out")
        if at < previous:
            verdict.flag("reordered", key, f"{op.value} is at {at}, an earlier one at {previous}")
        previous = max(previous, at)
        if op.outcome == OK and windows.era(op) is not None and op.reply != (at + 1) * TOKEN_BYTES:
            verdict.flag("misrouted", key, f"{op.value} is at {at}, and was answered {op.reply!r}")


def _check_missing(key, op, windows, verdict):
    if windows.safe(op):
        verdict.flag("lost", key, f"{op.value} was acknowledged and is missing")
    elif op.outcome == OK:
        verdict.redis_lost += 1
