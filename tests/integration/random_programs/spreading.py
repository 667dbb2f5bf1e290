"""Random programs on a spread database: each reply is that of one Redis, or a refusal that the documentation names.

As on a native database; and half of the programs have keys without tags, each in a slot of its own.
"""

from slots import slot_of

from . import native, words

_NO_HEADS = (b"",) * 4


def slots():
    """Where the keys of programs are."""
    return sorted({slot_of(key) for key in (*words.KEYS, *(group.encode() for group in native.GROUPS))})


def in_slots(program):
    return native.in_tags(program, _NO_HEADS, b"") if program.number // 2 % 2 else native.in_tags(program)


class SpreadTrial(native.NativeTrial):
    name = "spread"
    in_groups = staticmethod(in_slots)
