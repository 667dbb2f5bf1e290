"""CONFIG SET and GET of every parameter that one plain Redis has: told back as there, or refused with a reason."""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD
from waiting import wait_until

# What would have no effect, or cut the nodes off: refused by the daemon, whatever one Redis says.
REFUSED = {
    "bind", "bind-source-addr", "cluster-announce-bus-port", "cluster-announce-hostname", "cluster-announce-ip",
    "cluster-announce-port", "cluster-announce-tls-port", "databases", "masterauth", "masteruser", "maxmemory-clients", "port",
    "protected-mode", "replica-announce-ip", "replica-announce-port", "slave-announce-ip",
    "slave-announce-port", "tcp-backlog", "tls-port", "unixsocket", "unixsocketperm", "cluster-port",
    "cluster-preferred-endpoint-type",
}
# Masked, and has tests of its own.
SECRET = "requirepass"
# Where neither the next number nor any word would do.
VALUES = {
    "client-output-buffer-limit": "normal 100000000 0 0 slave 268435456 67108864 61 pubsub 33554432 8388608 70",
    "latency-tracking-info-percentiles": "50 90",
    "maxclients": "5000",
    "maxmemory": "104857600",
    "notify-keyspace-events": "AKE",
    "oom-score-adj-values": "0 100 900",
    "save": "3600 1",
}
NO_WORD = "no such word"  # and yet a text, where any text will do
SIZE = "3mb"
FAILED = "CONFIG SET failed (possibly related to argument '{}') - "


def setUpModule():
    global site
    site = fixture.open_site(options=("--allow-admin-commands", "yes"))


def tearDownModule():
    fixture.close_site()


class Parameters(unittest.TestCase):
    def setUp(self):
        child, port = fixture.start_oracle()
        self.addCleanup(child.kill)
        self.oracle = resp.Connection(HOST, port, PASSWORD)
        self.addCleanup(self.oracle.close)
        self.connection = site.connect()
        self.addCleanup(self.connection.close)

    @staticmethod
    def told(connection, pattern):
        words = [word.decode() for word in connection.command("CONFIG", "GET", pattern)]
        return dict(zip(words[::2], words[1::2]))

    @staticmethod
    def set(connection, name, value):
        """The error, or None."""
        try:
            connection.command("CONFIG", "SET", name, value)
        except resp.ReplyError as error:
            return str(error)
        return None

    def others(self, name, value):
        """Values that differ from its own: all other words of an enumeration, which one Redis names itself when it refuses
        one; the next number, and a size; the other of two; a text."""
        if name in VALUES:
            return [VALUES[name]]
        if re.fullmatch(r"-?\d+", value):
            return [str(int(value) + 1), SIZE]
        refusal = self.set(self.oracle, name, NO_WORD)
        self.set(self.oracle, name, value)
        if words := re.search("must be one of the following: (.*)", refusal or ""):
            return [word for word in words.group(1).split(", ") if word != value]
        return [{"yes": "no", "no": "yes"}.get(value, NO_WORD)]

    @fixture.NOT_ONE_REDIS
    def test_each_parameter_is_told_back_or_refused(self):
        before = self.told(self.oracle, "*")
        here = self.told(self.connection, "*")
        self.assertEqual(set(before), set(here))
        changed = set()
        for name, value in before.items():
            for wanted in self.others(name, value) if name != SECRET else ():
                with self.subTest(name=name, wanted=wanted):
                    self.assertNotEqual(wanted, value)
                    if self.is_set_as_there(name, wanted, value, here):
                        changed.add(name)
        # Enumerations, sizes, switches and texts are among those that were set.
        for name in ("maxmemory-policy", "appendfsync", "loglevel", "sanitize-dump-payload", "repl-diskless-load",
                     "auto-aof-rewrite-min-size", "list-max-listpack-size", "lazyfree-lazy-expire", "proc-title-template"):
            if name in before:
                with self.subTest(name=name):
                    self.assertTrue(name in changed or self.set(self.oracle, name, before[name]))

    @fixture.NOT_ONE_REDIS
    def test_the_value_that_is_there_is_taken_where_one_redis_takes_it(self):
        before = self.told(self.oracle, "*")
        here = self.told(self.connection, "*")
        for name in REFUSED & set(before):
            with self.subTest(name=name):
                theirs = self.set(self.oracle, name, before[name])
                ours = self.set(self.connection, name, here[name])
                self.assertEqual(theirs is None, ours is None, f"{theirs} / {ours}")
        self.assertEqual(self.told(self.connection, "*"), here)

    def is_set_as_there(self, name, wanted, value, here):
        """Refused by both, or told back by both as the same; whether it was set. Then all is as before."""
        if name in REFUSED:
            self.assertIn(FAILED.format(name), self.set(self.connection, name, wanted) or "OK")
            self.assertEqual(here[name], self.told(self.connection, name)[name])
            return False
        theirs = self.set(self.oracle, name, wanted)
        ours = self.set(self.connection, name, wanted)
        self.assertEqual(theirs is None, ours is None, f"{theirs} / {ours}")
        if theirs is None:
            self.assertEqual(self.told(self.oracle, name), self.told(self.connection, name))
        self.set(self.oracle, name, value)
        if theirs is None:
            self.assertIsNone(self.set(self.connection, name, here[name]))
        return theirs is None

    @staticmethod
    def enters(password):
        """What a new client is told, with that password or (None) without one."""
        with site.connect(password) as fresh:
            return fresh.command("ECHO", "x")

    @fixture.NOT_ONE_REDIS
    def test_the_password_of_clients_changes_and_those_that_are_there_stay(self):
        there = site.connect()
        self.addCleanup(there.close)
        try:
            self.assertIsNone(self.set(self.connection, SECRET, "another"))
            self.assertEqual(there.command("ECHO", "x"), b"x")
            with self.assertRaisesRegex(resp.ReplyError, "^WRONGPASS "):
                self.enters(PASSWORD)
            for _ in range(4):  # at each worker
                self.assertEqual(self.enters("another"), b"x")
            self.assertEqual(self.told(self.connection, SECRET), {SECRET: "(redacted)"})
            self.assertIsNone(self.set(self.connection, SECRET, ""))
            self.assertEqual(self.enters(None), b"x")
            self.assertEqual(self.told(self.connection, SECRET), {SECRET: ""})
        finally:
            self.set(self.connection, SECRET, PASSWORD)
        with self.assertRaisesRegex(resp.ReplyError, "^NOAUTH "):
            self.enters(None)

    def test_what_was_set_stays_while_more_is_set(self):
        """The rest of the process hears of each a moment later, and must not bring back what was before the next."""
        was = self.told(self.connection, "*")
        self.addCleanup(lambda: [self.set(self.connection, name, was[name]) for name in ("timeout", "maxclients")])
        for number in range(200):
            wanted = {"timeout": str(1000 + number), "maxclients": str(5000 + number)}
            for name, value in wanted.items():
                self.assertIsNone(self.set(self.connection, name, value))
            for name, value in wanted.items():
                self.assertEqual(self.told(self.connection, name), {name: value})

    def restored(self, name):
        was = self.told(self.connection, name)[name]
        self.addCleanup(self.set, self.connection, name, was)

    def test_maxclients_turns_the_next_client_away(self):
        there = [site.connect() for _ in range(3)]
        for each in there:
            self.addCleanup(each.close)
        self.restored("maxclients")
        self.assertIsNone(self.set(self.connection, "maxclients", 2))

        def turned_away():
            try:
                with site.connect():
                    return False
            except (resp.ReplyError, EOFError, OSError):
                return True

        wait_until(turned_away, 20, "a client to be turned away")
        self.assertEqual([each.command("ECHO", "x") for each in there], [b"x"] * 3)

    def test_a_subscriber_that_does_not_read_is_closed_at_its_limit(self):
        self.restored("client-output-buffer-limit")
        self.assertIsNone(self.set(self.connection, "client-output-buffer-limit", "pubsub 2097152 0 0"))
        reader = site.connect()
        self.addCleanup(reader.close)
        reader.command("CLIENT", "SETNAME", "slow-reader")
        reader.command("SUBSCRIBE", "news")

        def closed():
            self.connection.command("PUBLISH", "news", "x" * 1_000_000)
            return b"name=slow-reader" not in self.connection.command("CLIENT", "LIST")

        wait_until(closed, 60, "the subscriber to be closed")

    @fixture.NOT_ONE_REDIS
    def test_a_timeout_closes_clients_that_are_idle_also_at_the_other_worker(self):
        idle = [site.connect() for _ in range(4)]
        for each in idle:
            self.addCleanup(each.close)
        self.connection.command("CONFIG", "SET", "timeout", 1)
        try:
            for each in idle:
                with self.assertRaises((ConnectionError, EOFError, resp.ReplyError, OSError)):
                    each.read()
        finally:
            with site.connect() as fresh:
                fresh.command("CONFIG", "SET", "timeout", 0)


if __name__ == "__main__":
    fixture.main()
