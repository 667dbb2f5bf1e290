"""The words that commands are made of: keys, values, numbers; few of each, so that commands meet each other's data."""

from .scripts import SCRIPTS

KEY_TYPES = ("string", "list", "set", "zset", "hash", "stream", "hll", "geo")

# Odd ones among them: braces, which matter to clusters, patterns, control characters, the whole range of bytes.
KEYS = (
    b"a", b"b", b"k1", b"k2", b"key:3", b"user:1000", b"user:1001", b"{t}a", b"{t}b", b"a{t}b", b"{", b"}", b"{}", b"{}x",
    b"}{", b"{a}{b}", b"{{x}}", b"", b" ", b"with space", b"\r\n", b"line\nline", b"\x00", b"\xff\xfe", bytes(range(256)), b"*",
    b"?", b"[a-c]", b"h\\*llo", b"nokey", b"__keyspace@0__:a", b"-1", b"k" * 70, b"long:" + b"x" * 300, "ключ".encode(), b"$3",
    b"~1{oa}a", b"~2{o}a", b"~{oa}", b"~1:a", b"~",
)

PATTERNS = (
    b"*", b"*", b"a", b"a*", b"k?", b"k*", b"user:100[01]", b"[a-k]*", b"[^a]*", b"?", b"??", b"\\*", b"{*", b"*}*", b"", b"[", b"\\",
    b"*\\", b"h\\\\\\*llo", b"*x", b"\xff*", b"nothing", b"{t}*", b"*{t}*", b"[a", b"k[1", b"k[1-", b"?*", b"**", b"*a*b*",
)

VALUES = (
    b"", b"a", b"b", b"c", b"1", b"2", b"10", b"-3", b"3.5", b"abc", b"hello world", b"\r\n", b"\x00\xff\x80", b"z" * 70, b"foobar",
    b"9223372036854775807", b"1e3", b" 7", b"+OK\r\n", b"*", b"ohmytext", b"mynewtext",
)
MEMBERS = (b"a", b"b", b"c", b"d", b"1", b"2", b"3", b"10", b"-5", b"", b"{t}", b"\xff\x00", b"m" * 65, b"k1", b"zz")
FIELDS = (b"f1", b"f2", b"f3", b"", b"1", b"\x00", b"name", b"f" * 66)
INTEGERS = (b"0", b"1", b"-1", b"2", b"3", b"7", b"100", b"-20", b"9223372036854775807", b"-9223372036854775808")
# Nothing too great for 64 bits: where a server of a cluster reads it as a number of keys, a SORT that follows may fail, as
# errno is not cleared (Redis 7.0).
JUNK = (b"", b"notanumber", b"-1", b"0", b"1.5e3", b"nan", b"inf", b"\xff", b"(", b"7x", b"~2:b")

_WORDS = {
    "value": VALUES,
    "member": MEMBERS,
    "field": FIELDS,
    "int": INTEGERS,
    "pattern": PATTERNS,
    "index": (b"0", b"1", b"2", b"3", b"-1", b"-2", b"-3", b"100", b"-100"),
    "count": (b"1", b"1", b"2", b"3", b"5", b"0", b"100"),
    "amount": (b"1", b"2", b"3", b"10"),
    "offset": (b"0", b"1", b"3", b"7", b"8", b"20", b"100", b"-1"),
    "bit": (b"0", b"1", b"1", b"2"),
    "bits": (b"u8", b"i8", b"u4", b"i16", b"u1", b"i64", b"u63", b"u64"),
    "place": (b"0", b"1", b"8", b"#0", b"#1", b"100", b"#-1"),
    "float": (b"0", b"1", b"0.1", b"-2.5", b"1e2", b"3.0", b"nan", b"inf"),
    "score": (b"0", b"1", b"1", b"2", b"3", b"-1.5", b"2.25", b"10", b"inf", b"-inf", b"1e20", b"nan"),
    "min": (b"-inf", b"0", b"1", b"(1", b"(0", b"-1.5", b"2", b"+inf", b"x"),
    "max": (b"+inf", b"3", b"2", b"(2", b"(10", b"10", b"-inf", b"x"),
    "lexmin": (b"-", b"[a", b"(a", b"[b", b"[", b"+", b"a"),
    "lexmax": (b"+", b"[c", b"(c", b"[zz", b"(", b"-", b"z"),
    "id": (b"1-1", b"1-2", b"2-0", b"2-1", b"3-0", b"4-0", b"5-5", b"0", b"3", b"9-9", b"0-0"),
    "newid": (b"1-1", b"1-2", b"1-*", b"2-0", b"2-*", b"3-0", b"3-*", b"4-0", b"5-5", b"6-*", b"9-9", b"0-0", b"0-1"),
    "first": (b"-", b"0", b"1", b"(1-1", b"1-1", b"2", b"x"),
    "last": (b"+", b"3", b"(2-1", b"2-1", b"9", b"x"),
    "group": (b"g1", b"g1", b"g2", b"none"),
    "consumer": (b"c1", b"c2", b"c3"),
    # Never so near that a program could see it happen.
    "seconds": (b"100000", b"1000000", b"0", b"-1", b"9223372036854775807"),
    "milliseconds": (b"100000000", b"1000000000", b"0", b"-1", b"9223372036854775807"),
    "ahead": (b"100000", b"1000000"),
    # SET and an earlier time would leave a key that disappears when the server comes to it.
    "later": (b"33177117420", b"-1"),
    "mslater": (b"33177117420123", b"0"),
    "timestamp": (b"33177117420", b"33177117421", b"1", b"0", b"-1"),
    "mstimestamp": (b"33177117420123", b"33177117421000", b"1", b"-1"),
    # Short, as there may be nothing to wait for.
    "wait": (b"0.001", b"0.002", b"-1", b"x"),
    "waitms": (b"1", b"2"),
    "lon": (b"13.361389", b"15.087269", b"0", b"-122.4", b"2.35", b"180", b"181"),
    "lat": (b"38.115556", b"37.502669", b"0", b"37.77", b"48.85", b"85", b"86"),
    "town": (b"Palermo", b"Catania", b"Paris", b"a", b"{t}"),
    "radius": (b"1", b"200", b"5000", b"20000", b"-1"),
    "unit": (b"km", b"m", b"mi", b"ft", b"miles"),
    "encoded": (b"int", b"\x00"),
    "sha": tuple(script.sha for script in SCRIPTS) + (b"0" * 40, b"x"),
}


def _chooser(words):
    count = len(words)
    return lambda state: words[int(state.random() * count)]


def _key_chooser(kind):
    def choose(state):
        own = state.keys_of[kind]
        if state.random() < 0.85:
            return own[int(state.random() * len(own))]
        return state.keys[int(state.random() * len(state.keys))]
    return choose


def kinds():
    """For grammar.parse_rows(): every kind of word by name. <key> is a key of any type."""
    result = {name: _chooser(words) for name, words in _WORDS.items()}
    result.update({kind: _key_chooser(kind) for kind in KEY_TYPES})
    result["key"] = lambda state: state.keys[int(state.random() * len(state.keys))]
    result["payload"] = lambda state: state.payloads[int(state.random() * len(state.payloads))]
    return result
