"""Parses replies without losing their types, and judges whether two replies say the same.

A reply is (type byte, content): bytes of a line or a string, None for a null, a list for arrays, sets and pushes, and
a list of (name, value) for maps.
"""

NULL = (b"_", None)
_LINES = frozenset(b"+-:,#(")
_STRINGS = frozenset(b"$!=")
_LISTS = frozenset(b"*~>")


class Incomplete(Exception):
    """The bytes end before the reply does."""


# Behind it Slotless says why.
_ABORTED = b"EXECABORT Transaction discarded because of previous errors."


class _Aborted(bytes):
    """Is compared without its cause, and shown with it."""

    def __new__(cls, line):
        self = super().__new__(cls, _ABORTED)
        self.line = line
        return self

    def __repr__(self):
        return repr(self.line)


def parse(data, start=0):
    """The reply that begins at `start`, and where the next one begins. EXECABORT is compared without its cause."""
    end = data.find(b"\r\n", start)
    if end < 0:
        raise Incomplete
    kind, line, position = data[start], bytes(data[start + 1:end]), end + 2
    tag = bytes((kind,))
    if kind in _LINES:
        return (tag, _Aborted(line) if line.startswith(_ABORTED) else line), position
    if kind == 0x5F:  # _
        return NULL, position
    length = int(line)
    if length < 0:
        return (tag, None), position
    if kind in _STRINGS:
        if len(data) < position + length + 2:
            raise Incomplete
        return (tag, bytes(data[position:position + length])), position + length + 2
    items = []
    if kind in _LISTS:
        for _ in range(length):
            item, position = parse(data, position)
            items.append(item)
    elif kind == 0x25:  # %
        for _ in range(length):
            name, position = parse(data, position)
            value, position = parse(data, position)
            items.append((name, value))
    else:
        raise ValueError(f"no RESP: {bytes(data[start:start + 80])!r}")
    return (tag, items), position


def parse_all(data):
    replies, position = [], 0
    while position < len(data):
        reply, position = parse(data, position)
        replies.append(reply)
    return replies


def _unordered(reply):
    tag, content = reply
    return (tag, sorted(content, key=repr)) if isinstance(content, list) else reply


def _in_pairs(items):
    """A flat list of names and values as sorted pairs; RESP3 has them as pairs already."""
    if items and isinstance(items[0][1], list):
        return sorted(items, key=repr)
    return sorted(zip(items[::2], items[1::2]), key=repr)


def _pairs(reply):
    tag, content = reply
    if tag == b"%":
        return tag, sorted(content, key=repr)
    return (tag, _in_pairs(content)) if isinstance(content, list) else reply


def _is_scan(reply):
    """A cursor and what was found."""
    return (reply[0] == b"*" and isinstance(reply[1], list) and len(reply[1]) == 2 and
            isinstance(reply[1][1], tuple) and isinstance(reply[1][1][1], list))


def _scan(reply):
    tag, content = reply
    return (tag, [content[0], _unordered(content[1])]) if _is_scan(reply) else reply


def _scan_pairs(reply):
    tag, content = reply
    return (tag, [content[0], (content[1][0], _in_pairs(content[1][1]))]) if _is_scan(reply) else reply


def _presence(reply):
    return reply[1] is not None


def _sign(reply):
    return reply[0] == b":" and int(reply[1]) > 0 or reply


_IDLE = (b"$", b"idle")
_A_TIME = 10 ** 12  # milliseconds since 1970 have as many digits


def _times(reply):
    """Without the times at which the servers saw something."""
    tag, content = reply
    if tag == b":" and int(content) >= _A_TIME:
        return tag, b"a time"
    if tag == b"%":
        return tag, [(name, "idle" if name == _IDLE else _times(value)) for name, value in content]
    if isinstance(content, list):
        return tag, ["idle" if i and content[i - 1] == _IDLE else _times(item) for i, item in enumerate(content)]
    return reply


def _pending(reply):
    """XPENDING's rows are id, consumer, milliseconds, deliveries."""
    tag, content = reply
    if not isinstance(content, list):
        return reply
    return tag, [(row[0], row[1][:2] + row[1][3:]) if isinstance(row[1], list) else row for row in content]


_FORMS = {"unordered": _unordered, "pairs": _pairs, "scan": _scan, "scan-pairs": _scan_pairs, "presence": _presence,
          "sign": _sign, "times": _times, "pending": _pending}
NEAR = 30  # seconds; a busy machine takes its time
COMPARISONS = frozenset(_FORMS) | {"exact", "near", "walk"}


def same(comparison, expected, actual):
    """Errors and QUEUED are always compared as they are."""
    if expected == actual:
        return True
    if expected[0] in b"-!" or actual[0] in b"-!" or b"QUEUED" in (expected[1], actual[1]) or comparison == "exact":
        return False
    if comparison == "near":
        return expected[0] == actual[0] == b":" and abs(int(expected[1]) - int(actual[1])) <= NEAR
    if comparison == "walk":
        return _is_scan(expected) and _is_scan(actual)  # within EXEC, how many one call finds is the server's choice
    form = _FORMS[comparison]
    return form(expected) == form(actual)


class Judge:
    """Compares one connection's replies in turn; knows from QUEUED what the replies within EXEC's belong to."""

    def __init__(self):
        self._queued = []

    def same(self, name, comparison, expected, actual):
        if expected == (b"+", b"QUEUED"):
            self._queued.append(comparison)
            return expected == actual
        if name not in (b"EXEC", b"DISCARD", b"RESET"):
            return same(comparison, expected, actual)
        queued, self._queued = self._queued, []
        both = (expected, actual)
        if name != b"EXEC" or any(reply[0] != b"*" or reply[1] is None for reply in both):
            return expected == actual
        if any(len(reply[1]) != len(queued) for reply in both):
            return expected == actual
        return all(same(*each) for each in zip(queued, expected[1], actual[1]))


def first_difference(steps, expected, actual):
    """The number of the first step whose replies differ, or None. `steps` are (words, comparison, who)."""
    judges = {}
    for number, (words, comparison, who) in enumerate(steps):
        if number >= len(expected) or number >= len(actual):
            return number
        judge = judges.setdefault(who == "other", Judge())
        if not judge.same(words[0].upper(), comparison, expected[number], actual[number]):
            return number
    return None
