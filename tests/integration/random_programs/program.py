"""Makes random programs: a seed and a number always give the same one."""

import bisect
import itertools
import random
from typing import NamedTuple

from . import rows, scripts, words
from .grammar import Row, parse_rows
from .replies import COMPARISONS

_KINDS = words.kinds()
_ROWS = parse_rows(rows.TEXT, _KINDS)
_SESSION_ROWS = parse_rows(rows.SESSION_TEXT, _KINDS)
_BLOCKED_ROWS = parse_rows(rows.BLOCKED_TEXT, _KINDS)


def _script_row(weight, first, keys, arguments):
    def write(state, written):
        written.extend((*first, b"%d" % keys))
        for kind in ("key", ) * keys + ("value", ) * arguments:
            written.append(_KINDS[kind](state))
    return Row(weight, write, "exact", True, first[0].decode())


_KEYED_ROWS = _ROWS + [_script_row(*row) for row in scripts.rows()]
_ALL_ROWS = _KEYED_ROWS + _SESSION_ROWS
assert all(row.comparison in COMPARISONS for row in _ALL_ROWS)

# Keys that exist only while somebody waits for them.
WAITED_FOR = (b"waited:1", b"{waited}2")
# Whose members have the same score, or else what a range by letters is depends on chance (Redis's skip list).
_LETTERS = b"letters"
_JUNK_KEYS = tuple(words.JUNK)


class Step(NamedTuple):
    """`who`: "main" and "other" are two connections; "walk" is a whole SCAN; "blocked": main waits for what other does next."""

    who: str
    words: tuple
    comparison: str


class Program(NamedTuple):
    number: int
    protocol: int
    steps: tuple
    keys: tuple

    @property
    def is_plain(self):
        """Can be sent in one piece."""
        return all(step.who == "main" for step in self.steps)


class _Choice:
    def __init__(self, choices):
        self._choices = choices
        self._sums = list(itertools.accumulate(row.weight for row in choices))

    def __call__(self, state):
        return self._choices[bisect.bisect(self._sums, state.random() * self._sums[-1])]


_any_row = _Choice(_ALL_ROWS)
_keyed_row = _Choice([row for row in _KEYED_ROWS if row.comparison != "walk" and row.damageable])
_blocked_row = _Choice(_BLOCKED_ROWS)


class _State:
    """What writers of words ask: chance, and the program's keys by type."""

    def __init__(self, chance, payloads):
        self.random = chance.random
        self.payloads = payloads
        self.keys = chance.sample(words.KEYS, 8 + int(chance.random() * 8))
        self.keys_of = {}
        position = 0
        for kind in words.KEY_TYPES:
            self.keys_of[kind] = [self.keys[(position + i) % len(self.keys)] for i in range(3)]
            position += 2


def _damaged(state, written):
    """Wrong in one place: a word too many or too few, or another one than should be there."""
    how = state.random()
    junk = words.JUNK[int(state.random() * len(words.JUNK))]
    if how < 0.3 and len(written) > 1:
        written.pop()
    elif how < 0.5:
        written.append(junk)
    elif how < 0.9 and len(written) > 1:
        written[1 + int(state.random() * (len(written) - 1))] = junk
    else:
        written[0] = written[0].lower()


def _step(state, row, who="main"):
    written = []
    row.write(state, written)
    if row.comparison == "walk":
        return Step("walk", tuple(written), "walk")
    if row.damageable and state.random() < 0.03:
        _damaged(state, written)
    return Step(who, tuple(written), row.comparison)


def _transaction(state):
    if state.random() < 0.4:
        yield Step("main", (b"WATCH", _KINDS["key"](state), _KINDS["key"](state)), "exact")
        chance = state.random()
        if chance < 0.2:
            yield _step(state, _keyed_row(state))
        elif chance < 0.3:
            yield _step(state, _keyed_row(state), "other")
    yield Step("main", (b"MULTI",), "exact")
    for _ in range(int(state.random() * 6)):
        yield _step(state, _keyed_row(state))
    yield Step("main", (b"DISCARD" if state.random() < 0.15 else b"EXEC",), "exact")


def _blocked(state):
    """The one that waits, and what ends its waiting if nothing was there; these two in whichever order they arrive."""
    yield Step("other", (b"DEL", *WAITED_FOR), "exact")
    written = []
    _blocked_row(state).write(state, written)
    cut = written.index(b";")
    yield Step("blocked", tuple(written[:cut]), "exact")
    yield Step("other", tuple(written[cut + 1:]), "exact")


def make(seed, number, payloads):
    chance = random.Random(f"{seed}/{number}")
    state = _State(chance, payloads)
    length = 6 + int(chance.random() * 16)
    steps = []
    while len(steps) < length:
        what = chance.random()
        if what < 0.04:
            steps.extend(_transaction(state))
        elif what < 0.045:
            steps.append(_step(state, _keyed_row(state), "other"))
        elif what < 0.049:
            steps.extend(_blocked(state))
        else:
            steps.append(_step(state, _any_row(state)))
    return Program(number, 2 + number % 2, tuple(steps), tuple(state.keys))


def ending(program):
    """After which nothing is left of a program."""
    keys = (*program.keys, *_JUNK_KEYS, *WAITED_FOR, _LETTERS)
    texts = ((b"DISCARD",), (b"UNWATCH",), (b"DEL", *keys), (b"DBSIZE",))
    return tuple(Step("main", text, "exact") for text in texts)


_LOOKS_INSIDE = (b"OBJECT", b"XINFO")


def bearing_moves(program):
    """What is the same also while keys are carried from node to node, which may encode them anew, and breaks a WATCH."""
    steps = tuple(step._replace(comparison="presence") if step.words[0].upper() in _LOOKS_INSIDE else step
                  for step in program.steps if step.words[0].upper() != b"WATCH")
    return program._replace(steps=steps)


def sample_payloads(call):
    """What DUMP gives for values of each type, and what RESTORE must refuse."""
    samples = (b"SET sample text", b"SET sample 17", b"RPUSH sample a b c", b"SADD sample 1 2 3", b"SADD sample a b",
               b"ZADD sample 1 a 2 b", b"HSET sample f1 v f2 w", b"XADD sample 1-1 f v")
    payloads = [b"", b"no payload"]
    for sample in samples:
        call(*sample.split())
        payloads.append(call(b"DUMP", b"sample")[1])
        call(b"DEL", b"sample")
    return tuple(payloads) + (payloads[2][:-1] + b"x",)
