"""The little language in which rows.py describes commands, and its translation into functions that write one at random.

A row is `[WEIGHTx] [!] WORDS [=> COMPARISON]`. WORDS are literals, and
    <name>       one word of that kind (words.py), the key kinds among them
    ( A | B )    one of the alternatives       [ A ]    A or nothing (as often)
    X+           X one to four times; X is a word or a group
    #X+          the same, with the number of repetitions before it
    \"\"          the empty word
COMPARISON names how replies are compared (replies.py; `exact` by default). `!` keeps a row from being damaged on purpose.
"""

import re
from typing import NamedTuple

_TOKEN = re.compile(r"#?<[^>]+>\+?|\)\+?|\]|#?\(|\[|\||[^\s]+")
_MOST = 4


class Row(NamedTuple):
    weight: float
    write: object  # (state, list of words to append to) → None
    comparison: str
    damageable: bool
    text: str


def parse_rows(text, kinds):
    """The rows of a text, one a line; `kinds`: the name of a kind → function (state) → bytes."""
    return [_parse_row(line.strip(), kinds) for line in text.splitlines() if line.strip() and not line.strip().startswith("--")]


def _parse_row(line, kinds):
    body, _, comparison = line.partition(" => ")
    match = re.match(r"(?:([0-9.]+)x )?(! )?(.*)", body)
    tokens = _TOKEN.findall(match[3])
    writers, rest = _sequence(tokens, kinds, line)
    if rest:
        raise ValueError(f"{rest[0]!r} is one too many in {line!r}")
    return Row(float(match[1] or 1), _all_of(writers), comparison.strip() or "exact", not match[2], line)


def _sequence(tokens, kinds, line):
    """Writers up to the end, or to the closing token, which stays in the rest."""
    writers = []
    while tokens and tokens[0][0] not in ")]|":
        token, tokens = tokens[0], tokens[1:]
        if token in ("(", "#("):
            writer, closing, tokens = _alternatives(tokens, kinds, line)
            if not closing.startswith(")"):
                raise ValueError(f"( without ) in {line!r}")
            writers.append(_repeated(writer, token == "#(") if closing == ")+" else writer)
        elif token == "[":
            writer, closing, tokens = _alternatives(tokens, kinds, line)
            if closing != "]":
                raise ValueError(f"[ without ] in {line!r}")
            writers.append(_perhaps(writer))
        else:
            writers.append(_word(token, kinds))
    return writers, tokens


def _alternatives(tokens, kinds, line):
    choices = []
    while True:
        writers, tokens = _sequence(tokens, kinds, line)
        choices.append(_all_of(writers))
        if not tokens:
            raise ValueError(f"a group has no end in {line!r}")
        token, tokens = tokens[0], tokens[1:]
        if token != "|":
            return _one_of(choices), token, tokens


def _word(token, kinds):
    if token.lstrip("#").startswith("<"):
        kind = kinds[token.strip("#<>+")]
        if not token.endswith("+"):
            return lambda state, words: words.append(kind(state))
        return _repeated(lambda state, words: words.append(kind(state)), token.startswith("#"))
    literal = b"" if token == '""' else token.encode()
    return lambda state, words: words.append(literal)


def _all_of(writers):
    if len(writers) == 1:
        return writers[0]

    def write(state, words):
        for each in writers:
            each(state, words)
    return write


def _one_of(choices):
    if len(choices) == 1:
        return choices[0]
    return lambda state, words: choices[int(state.random() * len(choices))](state, words)


def _perhaps(writer):
    def write(state, words):
        if state.random() < 0.5:
            writer(state, words)
    return write


def _repeated(writer, counted):
    def write(state, words):
        # Few are the rule.
        count = 1 + int(state.random() * state.random() * _MOST)
        if counted:
            words.append(b"%d" % count)
        for _ in range(count):
            writer(state, words)
    return write
