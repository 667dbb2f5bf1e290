"""Random programs on a grouped database: each reply is that of one Redis, or a refusal that the documentation names.

Programs are those of program.py with their keys in one group or two. Commands are sent one at a time, to the grouped
database first: what it refuses the one Redis is not asked for, so that both go on with the same data.
"""

import collections
import hashlib

from . import replies
from .program import WAITED_FOR, bearing_moves, ending, make, sample_payloads
from .scripts import LIBRARY, SCRIPTS
from .shrink import shrink
from .side import Lost, walk

PATTERNS = "q*:|u.*%:"
GROUPS = ("0", "1")
_HEADS = (b"q0:", b"q1:", b"u.0%:", b"u.1%:")  # of the groups 0, 1, 0, 1

_REFUSALS = (b"CROSSSLOT ", b"EXECABORT Transaction discarded because of: CROSSSLOT ")
_ALSO_REFUSALS = (b" cannot be part of a transaction", b" in a script would concern one node, not a database")
_ABORTED = b"EXECABORT "
# Asked of all masters, not at one moment: a key that is being moved may be seen twice, or not at all.
_WHOLE_DATABASE = (b"KEYS", b"DBSIZE", b"RANDOMKEY", b"FLUSHDB")
# The same of scripts that all masters run.
_WHOLE_DATABASE_SCRIPTS = frozenset(
    word for script in SCRIPTS if script.keys == 0 and b"'DBSIZE'" in script.text for word in (script.text, script.sha))


def is_refusal(reply):
    tag, text = reply
    return tag in (b"-", b"!") and (text.startswith(_REFUSALS) or any(each in text for each in _ALSO_REFUSALS))


def is_refusal_while_slots_move(reply):
    """A script that carries a command out over slots may meet a slot that has just left: the command was not run. And a script
    without keys may meet a master that has just become a replica: that is the client's to hear."""
    texts = (b"ttempted to access a non local key", b"READONLY You can't write against a read only replica. script: ")
    return is_refusal(reply) or (reply[0] in (b"-", b"!") and any(text in reply[1] for text in texts))


def in_groups(program, all_heads=_HEADS, listed=b"q?:"):
    """The program with its keys in one group, or in two: each third program."""
    both = program.number % 3 == 0
    heads = all_heads if both else all_heads[program.number % 2::2]

    def head_of(key):
        return heads[hashlib.sha1(key).digest()[0] % len(heads)]

    names = {key: head_of(key) + key for key in (*program.keys, *WAITED_FOR)}
    steps, after_blocked = [], False
    for step in program.steps:
        skipped = step.who == "blocked" or after_blocked  # whose two connections would have to be told apart by time
        after_blocked = step.who == "blocked"
        if skipped:
            continue
        words = [names.get(word, word) for word in step.words]
        if step.who == "walk" or words[0].upper() == b"KEYS":
            words[1:2] = [listed + word for word in words[1:2]]
        steps.append(step._replace(words=tuple(words)))
    return program._replace(steps=tuple(steps), keys=tuple(names.values()))


class _Speaker:
    """One connection of each side, and what is queued on them."""

    def __init__(self, reference, subject, figures, is_refusal):
        self._reference, self._subject, self._figures = reference, subject, figures
        self._is_refusal = is_refusal
        self._queued, self._aborted = None, False
        self.parted = False  # what EXEC has carried out at one side only: from here on the two have other data

    def differs(self, step):
        """None, or what the two answered."""
        name = step.words[0].upper()
        if len(step.words) > 1 and name in (b"EXEC", b"DISCARD"):
            name = b""  # an error, which ends no transaction

        def ask(wire):
            return walk(wire, step.words) if step.who == "walk" else wire.call(*step.words)

        actual = ask(self._subject)
        if self._queued is not None and self._aborted and name == b"EXEC":
            self._queued, self._aborted = None, False
            self._reference.call(b"DISCARD")
            return None if actual[1] and actual[1].startswith(_ABORTED) else ("EXECABORT", actual)
        if self._is_refusal(actual):
            self._figures["refused"] += 1
            self._aborted = self._queued is not None
            return None
        expected = ask(self._reference)
        self._figures["compared"] += 1
        return None if self._same(name, step.comparison, expected, actual) else (expected, actual)

    def _same(self, name, comparison, expected, actual):
        if name == b"MULTI" and expected == actual == (b"+", b"OK"):
            self._queued = []
        elif expected == (b"+", b"QUEUED"):
            self._queued.append(comparison)
            return expected == actual
        elif name in (b"EXEC", b"DISCARD") and self._queued is not None and actual != expected:
            queued, self._queued = self._queued, None
            arrays = all(reply[0] == b"*" and reply[1] is not None and len(reply[1]) == len(queued) for reply in (expected, actual))
            if not arrays:
                return False
            for how, theirs, ours in zip(queued, expected[1], actual[1]):
                self.parted = self._is_refusal(ours)
                if self.parted:
                    return True
                if not replies.same(how, theirs, ours):
                    return False
            return True
        elif name in (b"EXEC", b"DISCARD"):
            self._queued, self._aborted = None, False
        return replies.same(comparison, expected, actual)


class GroupedTrial:
    """Both sides are the trial's alone; `moving`: slots move meanwhile, which breaks a WATCH. The databases as a whole are not
    looked at then."""

    name = "grouped"
    is_refusal = staticmethod(is_refusal)
    in_groups = staticmethod(in_groups)

    def __init__(self, reference, subject, seed, moving=False):
        self._reference, self._subject, self._seed, self._moving = reference, subject, seed, moving
        self.figures = collections.Counter()
        for side in (reference, subject):
            side.start_over()
            for script in SCRIPTS:
                side.wire(2).call(b"SCRIPT", b"LOAD", script.text)
            side.wire(2).call(b"FUNCTION", b"LOAD", b"REPLACE", LIBRARY)
        self._payloads = sample_payloads(reference.wire(2).call)

    def program(self, number):
        program = self.in_groups(make(self._seed, number, self._payloads))
        quiet = bearing_moves(program)  # COPY over slots may encode a value anew, too
        if self._moving:
            return quiet._replace(steps=tuple(step for step in quiet.steps if self._is_asked(step)))
        looks = iter(step for step in quiet.steps)
        return program._replace(steps=tuple(step if step.words[0].upper() == b"WATCH" else next(looks) for step in program.steps))

    def run(self, number):
        """What differs, as text, made short; None: nothing."""
        program = self.program(number)
        self.figures["programs"] += 1
        found = self._difference(program)
        if found is None:
            return None
        shorter = program._replace(steps=shrink(program.steps, lambda steps: self._anew(program._replace(steps=steps)) is not None))
        again = self._anew(shorter)
        self._start_over()
        return again or f"{found}\n(not when repeated)"

    def _is_asked(self, step):
        whole = step.words[0].upper() in _WHOLE_DATABASE or _WHOLE_DATABASE_SCRIPTS.intersection(step.words)
        return not self._moving or (step.who != "walk" and not whole)

    def _refusal(self):
        if not self._moving:
            return self.is_refusal
        return lambda reply: self.is_refusal(reply) or is_refusal_while_slots_move(reply)

    def _start_over(self):
        for side in (self._reference, self._subject):
            side.start_over()

    def _anew(self, program):
        self._start_over()
        return self._difference(program)

    def _difference(self, program):
        speakers = {who: _Speaker(*(side.wire(program.protocol, who) for side in (self._reference, self._subject)), self.figures,
                                       self._refusal())
                    for who in ("main", "other")}
        said = []
        for step in filter(self._is_asked, (*program.steps, *ending(program))):
            said.append(b" ".join(repr(word).encode() for word in step.words).decode())
            try:
                found = speakers["other" if step.who == "other" else "main"].differs(step)
            except Lost as lost:
                found = ("a reply", str(lost))
            if found:
                expected, actual = found
                return "\n".join(f"    {line}" for line in said) + f"\n  one Redis: {expected}\n  {self.name}: {actual}"
            if any(speaker.parted for speaker in speakers.values()):
                self.figures["parted"] += 1
                self._start_over()
                return None
        return None
