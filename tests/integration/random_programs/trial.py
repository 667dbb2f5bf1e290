"""Runs programs on both sides and compares what they answer: most in long pipelines, byte by byte if that will do."""

import collections
import time
from typing import NamedTuple

import resp

from . import replies
from .program import Program, bearing_moves, ending, make, sample_payloads
from .scripts import LIBRARY, SCRIPTS
from .shrink import shrink
from .side import Lost

_BATCH = 60


class Difference(NamedTuple):
    """What the sides answered to the step of that number; `expected` or `actual` may be words about why there is none."""

    program: Program
    number: int
    expected: object
    actual: object
    note: str

    @property
    def step(self):
        return (*self.program.steps, *ending(self.program))[self.number]


class Figures:
    """What a trial has done. Commands within transactions count; those that clear up after a program do not."""

    def __init__(self):
        self.programs = self.errors = 0
        self.commands = collections.Counter()
        self.seconds = 0.0

    def __str__(self):
        refused = f", {self.errors} refused" if self.errors else ""
        return (f"{self.programs} programs with {sum(self.commands.values())} commands ({len(self.commands)} different ones"
                f"{refused}) in {self.seconds:.0f} s")


class Trial:
    """Both sides are the trial's alone; it leaves their databases empty. Programs are named by their numbers.

    `moving`: the cluster changes meanwhile. Then commands are sent one at a time: one that must wait for a slot fails with
    TRYAGAIN if one behind it could be carried out.
    """

    def __init__(self, reference, subject, seed, moving=False):
        self.reference, self.subject, self.seed = reference, subject, seed
        self._moving = moving
        self.figures = Figures()
        for side in (reference, subject):
            side.start_over()
            for script in SCRIPTS:
                side.wire(2).call(b"SCRIPT", b"LOAD", script.text)
            side.wire(2).call(b"FUNCTION", b"LOAD", b"REPLACE", LIBRARY)
        self._payloads = sample_payloads(reference.wire(2).call)

    def program(self, number):
        program = make(self.seed, number, self._payloads)
        return bearing_moves(program) if self._moving else program

    def _fits_batch(self, program):
        return program.is_plain and not self._moving

    def run(self, numbers):
        """Yields a Difference for each program that has one."""
        began, sent = time.monotonic(), ()
        for first in range(0, len(numbers), _BATCH):
            # The servers work on the last ones meanwhile.
            programs = [self.program(number) for number in numbers[first:first + _BATCH]]
            yield from self._received(sent)
            for program in programs:
                self._count(program)
                if not self._fits_batch(program):
                    yield from self._explained([program], self.alone(program))
            sent = [[p for p in programs if self._fits_batch(p) and p.protocol == protocol] for protocol in (2, 3)]
            for batch in sent:
                self._send(batch)
            self.figures.seconds = time.monotonic() - began
        yield from self._received(sent)
        self.figures.seconds = time.monotonic() - began

    def alone(self, program, anew=False):
        """The Difference, or None; `anew`: on new connections, and beginning with empty databases."""
        found = []
        for side in (self.reference, self.subject):
            try:
                if anew:
                    side.start_over()
                found.append(side.answers(program, pipelined=not self._moving))
            except Lost as lost:
                side.close()
                found.append(str(lost))
        return _compare(program, *found)

    def shortened(self, program):
        """The Difference of the shortest program found that still has one; None if there is none when it is repeated."""
        if self.alone(program, anew=True) is None:
            return None
        steps = shrink(program.steps, lambda steps: self.alone(program._replace(steps=steps), anew=True) is not None)
        return self.alone(program._replace(steps=steps), anew=True)

    def _count(self, program):
        self.figures.programs += 1
        self.figures.commands.update(step.words[0].upper() for step in program.steps)

    def _send(self, batch):
        data = b"".join(_packed(program) for program in batch)
        if data:
            for side in (self.reference, self.subject):
                try:
                    side.wire(batch[0].protocol).send(data)
                except Lost:
                    pass  # and so will be the replies

    def _received(self, batches):
        """Both batches are read before anything else is asked of their connections."""
        for batch, expected, actual in [(batch, *self._replies(batch)) for batch in batches if batch]:
            if expected is None:
                raise RuntimeError("the reference gave no replies")
            if actual is None:
                yield from self._lost(batch)
                continue
            for place, program in enumerate(batch):
                self.figures.errors += expected[place].count(b"\n-ERR ") + expected[place].count(b"\n-WRONGTYPE ")
                if not expected[place].endswith(b"\r\n:0\r\n"):
                    raise RuntimeError(f"program {program.number} leaves something behind: {expected[place][-200:]!r}")
                if expected[place] != actual[place]:
                    difference = _compare(program, replies.parse_all(expected[place]), replies.parse_all(actual[place]))
                    yield from self._explained(batch[:place + 1], difference)

    def _replies(self, batch):
        """Each side's, one part for each program."""
        for side in (self.reference, self.subject):
            try:
                yield _parts(side.wire(batch[0].protocol).until(_answered_mark(batch[-1])), batch)
            except Lost:
                side.close()
                yield None

    def _lost(self, batch):
        """One of them has cost the connection."""
        for program in batch:
            difference = self.alone(program)
            if difference:
                yield from self._explained([program], difference)
                return
        yield Difference(batch[-1], 0, "replies", "none", "a pipeline of programs was not answered, though each is alone")

    def _explained(self, batch, difference):
        """The last one of the batch differs: alone, perhaps, or only after the others."""
        if difference is None:
            return
        steps = [step for program in batch[:-1] for step in (*program.steps, *ending(program))]
        together = batch[-1]._replace(steps=(*steps, *batch[-1].steps))
        for program, note in ((batch[-1], ""), (together, "only after other programs")):
            shorter = self.shortened(program)
            if shorter:
                yield shorter._replace(note=note)
                return
        for side in (self.reference, self.subject):
            side.start_over()
        yield difference._replace(note="not when repeated")


def _compare(program, expected, actual):
    if isinstance(expected, str) or isinstance(actual, str):
        return Difference(program, max(len(program.steps) - 1, 0), expected, actual, "")
    steps = [(step.words, step.comparison, step.who) for step in (*program.steps, *ending(program))]
    number = replies.first_difference(steps, expected, actual)
    if number is None:
        return None
    return Difference(program, number, *(found[number] if number < len(found) else "nothing" for found in (expected, actual)), "")


def _mark(program):
    """Parts the replies of one program from the next one's."""
    return b"end of %016d of these programs" % program.number


def _answered_mark(program):
    mark = _mark(program)
    return b"$%d\r\n%s\r\n" % (len(mark), mark)


def _packed(program):
    requests = [step.words for step in (*program.steps, *ending(program))]
    return resp.pack_all((*requests, (b"ECHO", _mark(program))))


def _parts(data, batch):
    parts = []
    for program in batch:
        part, _, data = data.partition(_answered_mark(program))
        parts.append(part)
    return parts
