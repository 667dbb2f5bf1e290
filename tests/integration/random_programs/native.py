"""Random programs on a native database: each reply is that of one Redis, or a refusal that the documentation names.

As on a grouped database, whose groups are hash tags here. Scripts call keys by their own names, so the nodes themselves
judge whether they may: a script that touches an undeclared key is refused where that key is another node's.
"""

from . import grouping
from .scripts import SCRIPTS

_TAGS = ("{0}", "{1}")
_HEADS = (b"{0}:", b"{1}:", b"{0}.", b"{1}.")
_LISTED = b"{?}?"
# Of nodes about a script, at the call: EVAL and EVAL_RO alike, even where one Redis has another objection to the call.
_OF_NODES = (b"ttempted to access a non local key", b"ttempted to access keys that do not hash to the same slot")
_UNTAGGED = tuple(script for script in SCRIPTS if script.keys == 0 or b"'sorted'" in script.text)
_UNTAGGED_WORDS = frozenset(word for script in _UNTAGGED for word in (script.text, script.sha))

GROUPS = _TAGS


def is_refusal(reply):
    return grouping.is_refusal(reply) or (reply[0] in (b"-", b"!") and any(each in reply[1] for each in _OF_NODES))


def in_tags(program, heads=_HEADS, listed=_LISTED):
    """With the program's keys in one slot or two. Within MULTI, where one Redis has carried it out by the time that a node's
    refusal is seen, no script touches keys without a tag."""
    program = grouping.in_groups(program, heads, listed)
    steps, queueing = [], False
    for step in program.steps:
        name = step.words[0].upper()
        if name in (b"MULTI", b"EXEC", b"DISCARD", b"RESET"):
            queueing = name == b"MULTI"
        if not (queueing and _UNTAGGED_WORDS.intersection(step.words)):
            steps.append(step)
    return program._replace(steps=tuple(steps))


class NativeTrial(grouping.GroupedTrial):
    name = "native"
    is_refusal = staticmethod(is_refusal)
    in_groups = staticmethod(in_tags)
