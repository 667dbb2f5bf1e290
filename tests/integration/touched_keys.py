"""Which keys the proxy touches while it composes what one Redis would do, by MONITOR at the nodes: those that its client has
named, and reserved ones of its own."""

import codecs
import pathlib
import re
import shlex
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD
from cross_slot import CONVERSATIONS

# What is composed beside the commands over slots.
OTHERS = """
    MSET m1 1 m2 2 m3 3
    MGET m1 m2 m3
    EXISTS m1 m2 none
    TOUCH m1 m2
    RPUSH sorted 2 1 3
    MSET w_1 30 w_2 20 w_3 10
    SORT sorted BY w_* GET w_* GET #
    SORT sorted BY w_* STORE put
    SORT sorted STORE other
    COPY m1 m4
    COPY m1 m5 DB 1
    MOVE m4 2
    WAIT 1 100
    DBSIZE
    KEYS *
    SCAN 0 COUNT 1000
    RANDOMKEY
    MEMORY USAGE m1
    OBJECT ENCODING m1
    EVAL "return redis.call('get', KEYS[1])" 1 m1
    EVAL "return redis.call('set', 'literal', '1')" 0
    PUBLISH channel text
    WATCH m1
    MULTI
    INCR m1
    GET m1
    EXEC
    WATCH m1
    UNWATCH
    UNLINK m1 m2
    DEL m3 w_1 w_2 w_3
    EXPIRE put 1000"""
WHOLE_DATABASE = """
    MSET q:a:d1 1 q:a:d2 2
    RENAME q:a:d1 q:a:d3
    RPUSH q:a:list 2 1
    SORT q:a:list BY q:a:w_* GET q:a:w_*
    DBSIZE
    KEYS *
    SCAN 0
    RANDOMKEY
    WAIT 0 10
    EVAL "return redis.call('incr', KEYS[1])" 1 q:a:d2
    FLUSHDB"""
# What a look-up by a pattern leads to.
LOOKED_UP = [f"{group}w_{number}".encode() for group in ("", "q:a:") for number in (1, 2, 3)]
NEWER = {"MSETEX": "MSETEX 3 m1 1 m2 2 m3 3 EX 100\n MSETEX 2 m1 1 m6 2 NX"}
# Called as the proxy's own might be.
BYSTANDERS = [b"slotless:wait:0", b"slotless:operand:0", b"{m1}slotless:operand:1", b"slotless-wait", b"{slotless-0}", b"slotless",
              b"operand:0", b"wait:0"]
# ~{…}slotless:operand:…, ~{slotless-…}…, and ~{TAG}, which never exists.
OWN = re.compile(rb"~\{[^}]*\}slotless:operand:|~\{slotless-|~\{[^}]*\}$")
# A database's name of a key: ~N{TAG}key or ~N:key.
MAPPED = re.compile(rb"~\d+(?:\{[^}]*\}|:)(.*)", re.S)
LINE = re.compile(rb"[\d.]+ \[\d+ [^\]]*\] (.*)", re.S)
QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.S)


def setUpModule():
    global site
    site = fixture.open_site(options=("--cross-slot-transactions", "each", "--database-layout", "2=grouped:q:*:",
                                      "--database-layout", "3=spread"))


def tearDownModule():
    fixture.close_site()


def requests_in(text):
    return [[word.encode() for word in shlex.split(line.strip().removeprefix("any order: "))]
            for line in text.split("\n") if line.strip()]


class Watch:
    """All that the masters are told between `with` and its end, scripts' calls included."""

    def __enter__(self):
        self.lines = []
        self.monitors = [(node, node.connect()) for node in site.cluster.masters()]
        for _, monitor in self.monitors:
            assert monitor.command("MONITOR") == b"OK"
        return self

    def __exit__(self, *_):
        for node, monitor in self.monitors:
            node.command("ECHO", "the end of the watch")
            while b"the end of the watch" not in (line := monitor.read()):
                self.lines.append(line)
            monitor.close()

    def commands(self):
        for line in self.lines:
            yield tuple(codecs.escape_decode(word)[0] for word in QUOTED.findall(LINE.fullmatch(line).group(1)))


def keys_of(commands):
    """The keys of each, as a server tells them."""
    node = site.cluster.masters()[0]
    keys = set()
    for command in set(commands):
        try:
            keys.update(node.command("COMMAND", "GETKEYS", *command))
        except resp.ReplyError:
            pass  # it has none
    return keys


@unittest.skipIf(fixture.STANDIN, "there is no cluster")
class TouchedKeys(unittest.TestCase):
    def setUp(self):
        self.connection = site.connect()
        self.addCleanup(self.connection.close)
        self.connection.command("FLUSHALL")

    def run_through(self, text):
        for request in requests_in(text):
            self.connection.send(resp.pack(*request))
            self.connection.read()
        return requests_in(text)

    def test_only_named_and_reserved_keys_are_touched(self):
        for key in BYSTANDERS:
            self.connection.command("SET", key, b"mine")
        said = []
        with Watch() as watch:
            for text in (*CONVERSATIONS.values(), OTHERS):
                said += self.run_through(text)
            for command, text in NEWER.items():
                if site.cluster.nodes[0].command("COMMAND", "INFO", command) != [None]:
                    said += self.run_through(text)
            for database in (1, 2, 3):
                self.connection.command("SELECT", database)
                said += self.run_through(WHOLE_DATABASE)
            self.connection.command("SELECT", 0)
        named = keys_of(tuple(request) for request in said) | set(LOOKED_UP) | {b"literal"}
        touched = keys_of(watch.commands())
        own = {key for key in touched if OWN.match(key)}
        strange = {key for key in touched - own
                   if key not in named and not ((mapped := MAPPED.fullmatch(key)) and mapped.group(1) in named)}
        self.assertEqual(strange, set())
        # It has been seen at work.
        self.assertTrue(any(b"slotless:operand:" in key for key in own), own)
        self.assertTrue(any(key.startswith(b"~{slotless-") for key in own), own)
        self.assertEqual([self.connection.command("GET", key) for key in BYSTANDERS], [b"mine"] * len(BYSTANDERS))
        left = [key for node in site.cluster.masters() for key in node.command("KEYS", "~{*")]
        self.assertEqual(left, [])

    def test_no_client_can_name_a_reserved_key(self):
        for key in (b"~{a}slotless:operand:1", b"~{slotless-wait}", b"~{a}", b"~1{a}k", b"~3:k"):
            for request in (("SET", key, "1"), ("GET", key), ("MGET", "m1", key), ("SUNION", "m1", key), ("DEL", key),
                            ("RENAME", "m1", key)):
                with self.subTest(request=request):
                    self.assertRegex(self.connection.error(*request), "reserved")


if __name__ == "__main__":
    fixture.main()
