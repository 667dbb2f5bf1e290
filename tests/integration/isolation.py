"""Two applications with a user and a database each see nothing of one another, whatever command they give."""

import pathlib
import random
import select
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD, Cluster
from generated_commands import TYPES, Catalogue, Maker
from proxy import Proxy, connect

# In everything that the first application has, and in nothing that the other one says.
MARK = b"zqmark"
FIRST = "app" + MARK.decode()
RULES = "on nopass ~* &{channels}* +@all -@admin {more} databases={number} database={number}"
# Databases 1 and 2 are pinned, 3 and 4 spread, 5 and 6 grouped. The last pairs may use what is dangerous.
PAIRS = {"pinned": (FIRST + "-p", 1, "second-p", 2), "spread": (FIRST + "-s", 3, "second-s", 4),
         "grouped": (FIRST + "-g", 5, "second-g", 6), "dangerous": (FIRST + "-d", 1, "second-d", 2),
         "dangerous grouped": (FIRST + "-dg", 5, "second-dg", 6)}
# Beside one another, and to each alone what the others may not: INFO, SORT, KEYS, RESTORE …
HARMLESS, DANGEROUS = "-@dangerous", ""
END = b"end-of-the-answer"
# What the first application's client waits in, is called by and listens to.
CHANNEL = "c-" + MARK.decode()


def setUpModule():
    global cluster, proxy, oracle, catalogue
    cluster = Cluster()
    users = ["user root on nopass ~* &* +@all"]
    for layout, (first, one, second, two) in PAIRS.items():
        more = DANGEROUS if layout.startswith("dangerous") else HARMLESS
        users += [f"user {first} " + RULES.format(channels="c-", number=one, more=more),
                  f"user {second} " + RULES.format(channels="item", number=two, more=more)]
    proxy = Proxy(cluster.addresses(), ["--databases", "7", "--database-layout", "3-4=spread", "--database-layout", "5-6=grouped:*:",
                                        "--allow-admin-commands", "yes",
                                        "--slowlog-log-slower-than", "0", "--latency-monitor-threshold", "1ms",
                                        *(argument for line in users for argument in ("--users", line))])
    oracle, port = fixture.start_oracle()
    with resp.Connection(HOST, port, PASSWORD) as connection:
        catalogue = Catalogue(connection)


def tearDownModule():
    try:
        proxy.stop()
    finally:
        oracle.kill()
        cluster.stop()


def enter(user, protocol=2):
    connection = connect(proxy, None)
    if protocol == 3:
        connection.command("HELLO", "3", "AUTH", user, "")
    else:
        connection.command("AUTH", user, "")
    return connection


def everything_said(connection, *requests):
    """The bytes until the reply of a PING behind the requests, or until the end; some commands have no reply."""
    connection.send(resp.pack_all([*requests, ("PING", END)]))
    said = b""
    while END not in said and select.select([connection.socket], [], [], 2)[0]:
        try:
            more = connection.socket.recv(1 << 16)
        except ConnectionResetError:
            break
        if not more:
            break
        said += more
    return said


def plant(user):
    """Keys of all types, under names that the other application has, too, and under names of its own."""
    mark = MARK.decode()
    with enter(user) as first:
        first.command("CLIENT", "SETNAME", "name-" + mark)
        for key in ("item", "own-" + mark):
            for words in (("SET", key + ":string", mark), ("RPUSH", key + ":list", mark, mark), ("SADD", key + ":set", mark),
                          ("ZADD", key + ":zset", "1", mark), ("HSET", key + ":hash", mark, mark),
                          ("XADD", key + ":stream", "*", mark, mark), ("GEOADD", key + ":geo", "1", "1", mark),
                          ("PFADD", key + ":hll", mark), ("XGROUP", "CREATE", key + ":stream", "group-" + mark, "0")):
                first.command(*words)
        assert first.error("FUNCTION", "LOAD", f"#!lua name=lib{mark}\nredis.register_function('f', function() end)")
        first.command("PUBLISH", CHANNEL, mark)


class Presence:
    """The first application is there all the time: it listens, waits and watches."""

    def __init__(self, user):
        self.connections = [enter(user) for _ in range(4)]
        listening, waiting, watching, sharded = self.connections
        for each in self.connections:
            each.command("CLIENT", "SETNAME", "name-" + MARK.decode())
        listening.command("SUBSCRIBE", CHANNEL)
        sharded.command("SSUBSCRIBE", CHANNEL)
        waiting.send(resp.pack("BLPOP", "waits-" + MARK.decode(), "0"))
        watching.command("WATCH", "item:string")

    def check(self):
        """Nobody has ended or woken them, or touched what is watched."""
        listening, waiting, watching, sharded = self.connections
        for each in (listening, waiting, sharded):
            if select.select([each.socket], [], [], 0)[0]:
                raise AssertionError(f"the other application was heard: {each.socket.recv(1000)!r}")
        watching.command("MULTI")
        watching.command("PING")
        if watching.command("EXEC") is None:
            raise AssertionError("the other application has changed a key")

    def close(self):
        for each in self.connections:
            each.close()


def contents(user):
    """Of the database, by name: what DUMP says."""
    with enter(user) as connection:
        keys = sorted(connection.command("SCAN", "0", "COUNT", "100000")[1])
        return {key: connection.command("DUMP", key) for key in keys}


def calls(seed, forms):
    """Each command that one Redis has, in several forms."""
    chance = random.Random(seed)
    maker = Maker(chance, lambda: "item:" + chance.choice(TYPES))
    for name, arguments in sorted(catalogue.arguments.items()):
        seen = set()
        for form in range(forms):
            words = tuple(maker.call(name, arguments, options=0 if form == 0 else 0.4))
            if words not in seen:
                seen.add(words)
                yield name, words


def wrapped(words, context):
    return [("MULTI",), words, ("EXEC",)] if context == "multi" else [words]


class EveryCommand(unittest.TestCase):
    FORMS = 5
    # After these a connection is another one.
    CHANGING = set("auth hello reset quit select client subscribe psubscribe ssubscribe multi exec watch discard monitor".split())

    def test_the_catalogue_has_all_commands(self):
        containers = {name.split("|")[0] for name in catalogue.arguments if "|" in name}
        self.assertLessEqual(set(catalogue.names) - set(catalogue.arguments), containers)
        self.assertGreater(len(catalogue.arguments), 350)

    def go_through(self, layout, protocol, context):
        first, _, second, _ = PAIRS[layout]
        with enter("root") as root:
            root.command("FLUSHALL")
        plant(first)
        before = contents(first)
        presence = Presence(first)
        self.addCleanup(presence.close)
        witness = enter(second, 3)
        self.addCleanup(witness.close)
        witness.command("CLIENT", "TRACKING", "ON", "BCAST")
        told = []
        connection = enter(second, protocol)
        for name, words in calls(f"{layout} {protocol} {context}", self.FORMS):
            said = everything_said(connection, *wrapped(words, context))
            if MARK in said:
                told.append((words, said[:300]))
            if END not in said or name.split("|")[0] in self.CHANGING:
                connection.close()
                connection = enter(second, protocol)
        connection.close()
        self.assertEqual(told, [])
        presence.check()
        self.assertEqual(contents(first), before)
        with enter(first) as writing:
            writing.command("SET", "item:string", "x")
            writing.command("SET", "own-" + MARK.decode() + ":string", "x")
        said = everything_said(witness, ("GET", "item:string"))
        self.assertNotIn(MARK, said)

    def test_pinned(self):
        self.go_through("pinned", 2, "plain")

    def test_pinned_resp3_in_transactions(self):
        self.go_through("pinned", 3, "multi")

    def test_spread_resp3(self):
        self.go_through("spread", 3, "plain")

    def test_spread_in_transactions(self):
        self.go_through("spread", 2, "multi")

    def test_grouped(self):
        self.go_through("grouped", 2, "plain")

    def test_grouped_resp3_in_transactions(self):
        self.go_through("grouped", 3, "multi")

    def test_dangerous_commands_resp3(self):
        self.go_through("dangerous", 3, "plain")

    def test_dangerous_commands_in_transactions(self):
        self.go_through("dangerous", 2, "multi")

    def test_dangerous_commands_in_grouped_databases(self):
        self.go_through("dangerous grouped", 2, "plain")

    # Of each kind of command, what shows something of the first application to an administrator.
    TELLING = ("get item:string|mget item:string|lrange item:list 0 -1|smembers item:set|hgetall item:hash|zrange item:zset 0 1|"
               "xrange item:stream - +|dump item:string|georadius item:geo 1 1 9 km|xinfo groups item:stream|keys *|scan 0|"
               "client list|slowlog get -1|pubsub channels|pubsub shardchannels|acl list|acl users|acl log").split("|")

    def test_the_marks_would_be_seen(self):
        """What the test looks for is there: an administrator in the first application's database sees it."""
        with enter("root") as root:
            root.command("FLUSHALL")
            plant(FIRST + "-p")
            with enter(FIRST + "-p") as first:
                first.error("KEYS", "*")
            presence = Presence(FIRST + "-p")
            self.addCleanup(presence.close)
            root.command("SELECT", "1")
            for line in self.TELLING:
                self.assertIn(MARK, everything_said(root, line.split()), line)


class WhatIsSeen(unittest.TestCase):
    """The rows of the table in docs/access.md."""

    def setUp(self):
        self.root = enter("root")
        self.addCleanup(self.root.close)
        self.root.command("FLUSHALL")
        self.first, self.one, self.second, self.two = PAIRS["pinned"]

    def user(self, name, rules, protocol=2):
        self.root.command("ACL", "SETUSER", name, "reset", "on", "nopass", *rules.split())
        connection = enter(name, protocol)
        self.addCleanup(connection.close)
        return connection

    def application(self, protocol=2):
        connection = enter(self.first, protocol)
        self.addCleanup(connection.close)
        return connection

    def test_databases(self):
        with enter(self.first) as first, enter(self.second) as second:
            first.command("SET", "a", "1")
            for words, empty in ((("KEYS", "*"), None), (("RANDOMKEY",), None), (("DBSIZE",), 0), (("EXISTS", "a"), 0)):
                if words[0] == "KEYS":
                    self.assertRegex(second.error(*words), "^NOPERM ")
                    continue
                self.assertEqual(second.command(*words), empty)
            self.assertEqual(second.command("SCAN", "0"), [b"0", []])
            for words in (("SELECT", "1"), ("MOVE", "a", "1"), ("COPY", "a", "b", "DB", "1"), ("SWAPDB", "1", "2")):
                self.assertRegex(second.error(*words), "^NOPERM ", words)
        flushing = self.user("flushing", "~* +@all databases=2 database=2")
        self.assertRegex(flushing.error("FLUSHALL"), "^NOPERM ")
        flushing.command("FLUSHDB")
        self.assertRegex(flushing.error("SWAPDB", "1", "2"), "^NOPERM ")
        with enter(self.first) as first:
            self.assertEqual(first.command("GET", "a"), b"1")

    def test_names_are_not_filtered_by_patterns(self):
        with enter(self.first) as first:
            first.command("SET", "a", "1")
        self.assertEqual(self.user("narrow", "~b* +@all databases=1 database=1").command("KEYS", "*"), [b"a"])

    def test_info_shows_sizes_of_the_users_databases(self):
        with enter(self.first) as first, enter(self.second) as second:
            first.command("SET", "a", "1")
            second.command("SET", "b", "1")
            self.assertRegex(second.error("INFO"), "^NOPERM ")
        told = self.user("informed", "~* +@all -@admin databases=2 database=2").command("INFO", "keyspace")
        self.assertIn(b"db2:", told)
        self.assertNotIn(b"db1:", told)
        self.assertIn(b"db1:", self.root.command("INFO", "keyspace"))

    def test_what_is_about_all_databases_is_for_who_may_use_them(self):
        with enter(self.second) as second:
            for line in ("MEMORY STATS", "MEMORY DOCTOR", "MEMORY MALLOC-STATS", "MEMORY PURGE", "PUBSUB NUMPAT"):
                self.assertRegex(second.error(*line.split()), "^NOPERM .* it is about all databases", line)
            second.command("SET", "b", "1")
            self.assertGreater(second.command("MEMORY", "USAGE", "b"), 0)
        everywhere = self.user("everywhere", "~* &* +@all -@admin -@dangerous")
        self.assertEqual(everywhere.command("PUBSUB", "NUMPAT"), 0)
        self.assertIn(b"keys.count", everywhere.command("MEMORY", "STATS"))

    def test_who_may_use_dangerous_commands_is_alone_with_them(self):
        _, _, name, _ = PAIRS["dangerous"]
        with enter(self.first) as first, enter(name) as second, enter(self.first) as listening:
            mark = MARK.decode()
            first.command("CLIENT", "SETNAME", "name-" + mark)
            first.command("SET", "key-" + mark, mark)
            listening.command("SUBSCRIBE", CHANNEL)
            self.assertEqual(second.command("KEYS", "*"), [])
            self.assertIsNone(second.command("RANDOMKEY"))
            self.assertEqual(second.command("SCAN", "0"), [b"0", []])
            for line in ("FLUSHALL", "SWAPDB 1 2", "CLIENT LIST", "CLIENT KILL ID 1", "CLIENT NO-EVICT on", "SLOWLOG GET", "LATENCY LATEST",
                         "MONITOR", "CONFIG GET *", "ACL LOG", "ACL USERS", "DEBUG OBJECT a", f"OBJECT ENCODING key-{mark}"):
                if line.startswith("OBJECT"):
                    self.assertIsNone(second.command(*line.split()))
                    continue
                self.assertRegex(second.error(*line.split()), "^NOPERM ", line)
            for section in ("everything", "keyspace", "commandstats", "clients", "errorstats", "modules"):
                told = second.command("INFO", section)
                self.assertNotIn(MARK, told, section)
                self.assertNotIn(b"db1:", told, section)
            self.assertEqual(second.command("PUBSUB", "CHANNELS"), [])
            self.assertEqual(second.command("PUBSUB", "SHARDCHANNELS"), [])
            self.assertRegex(second.error("PUBSUB", "NUMSUB", CHANNEL), "^NOPERM ")
            self.assertEqual(first.command("GET", "key-" + mark), MARK)

    def test_clients_see_themselves_only(self):
        with enter(self.first) as first, enter(self.second) as second:
            first.command("CLIENT", "SETNAME", "theirs")
            number = first.command("CLIENT", "ID")
            for words in (("LIST",), ("KILL", "ID", number), ("UNBLOCK", number), ("PAUSE", "1"), ("UNPAUSE",), ("NO-EVICT", "on")):
                self.assertRegex(second.error("CLIENT", *words), "^NOPERM ", words)
            self.assertNotIn(b"theirs", second.command("CLIENT", "INFO"))
            self.assertIsNone(second.command("CLIENT", "GETNAME"))
            self.assertIn(b"theirs", self.root.command("CLIENT", "LIST"))

    def test_invalidations_go_to_clients_of_the_same_user(self):
        with enter(self.first, 3) as first, enter(self.second) as second, enter(self.second, 3) as caching:
            number = first.command("CLIENT", "ID")
            for words in (("ON", "REDIRECT", number), ("ON", "REDIRECT", number, "BCAST"), ("OFF", "REDIRECT", number)):
                self.assertRegex(second.error("CLIENT", "TRACKING", *words), "^ERR The client ID you want redirect to does not exist", words)
            self.assertEqual(second.command("CLIENT", "TRACKING", "ON", "REDIRECT", caching.command("CLIENT", "ID"), "BCAST"), b"OK")
            self.assertEqual(self.root.command("CLIENT", "TRACKING", "ON", "REDIRECT", number), b"OK")

    def test_what_tells_of_all_is_for_administrators(self):
        with enter(self.second) as second:
            for line in ("MONITOR", "SLOWLOG GET", "SLOWLOG LEN", "SLOWLOG RESET", "LATENCY LATEST", "LATENCY HISTOGRAM",
                         "LATENCY HISTORY x", "LATENCY DOCTOR", "ACL LOG", "ACL LIST", "ACL USERS", "ACL GETUSER second-p",
                         "ACL SETUSER x", "ACL DELUSER x", "ACL DRYRUN second-p get", "ACL SAVE", "ACL LOAD", "CONFIG GET *",
                         "PROXY STATS", "PROXY CLIENTS", "DEBUG OBJECT a", "INFO commandstats"):
                self.assertRegex(second.error(*line.split()), "^NOPERM ", line)
            self.assertEqual(second.command("ACL", "WHOAMI"), self.second.encode())
            self.assertIn(b"read", second.command("ACL", "CAT"))
            self.assertEqual(len(second.command("ACL", "GENPASS")), 64)

    def test_monitor_shows_all_clients_to_administrators(self):
        with enter("root") as watching, enter(self.first) as first:
            watching.command("MONITOR")
            first.command("GET", "seen")
            self.assertIn(b"seen", watching.read_raw())

    def test_invalidations_are_of_the_users_database(self):
        for words in (("BCAST",), ()):
            with enter(self.second, 3) as caching, enter(self.first) as first, enter(self.second) as second:
                caching.command("CLIENT", "TRACKING", "ON", *words)
                caching.command("MGET", "a", "end")
                first.command("SET", "a", "1")
                second.command("SET", "end", "1")
                heard = []
                while b"end" not in heard:
                    heard += caching.read()[1]
                pushes = []
                caching.send(resp.pack("PING"))
                self.assertEqual(caching.read_between(pushes), b"PONG")
                self.assertEqual((heard, pushes), ([b"end"], []))

    def test_broadcasts_tell_of_keys_that_may_not_be_read(self):
        narrow = self.user("narrow", "~b* +@all -@dangerous databases=1 database=1", 3)
        narrow.command("CLIENT", "TRACKING", "ON", "BCAST")
        with enter(self.first) as first:
            first.command("SET", "a", "1")
        self.assertEqual(narrow.read(), [b"invalidate", [b"a"]])

    def test_channels_are_told_of_to_those_who_may_hear_them(self):
        with enter(self.first) as first, enter(self.first) as sharded, enter(self.second) as second:
            first.command("SUBSCRIBE", "c-1")
            sharded.command("SSUBSCRIBE", "c-2")
            for words in (("CHANNELS",), ("CHANNELS", "*"), ("SHARDCHANNELS",), ("SHARDCHANNELS", "c-*")):
                self.assertEqual(second.command("PUBSUB", *words), [], words)
            for words in (("NUMSUB", "c-1"), ("SHARDNUMSUB", "c-2")):
                self.assertRegex(second.error("PUBSUB", *words), "^NOPERM ", words)
            for words in (("PUBLISH", "c-1", "x"), ("SPUBLISH", "c-2", "x"), ("SUBSCRIBE", "c-1"), ("SSUBSCRIBE", "c-2"),
                          ("PSUBSCRIBE", "*"), ("PSUBSCRIBE", "item?")):
                self.assertRegex(second.error(*words), "^NOPERM ", words)
            with enter(self.first) as asking:
                self.assertEqual(asking.command("PUBSUB", "CHANNELS"), [b"c-1"])
                self.assertEqual(asking.command("PUBSUB", "SHARDCHANNELS"), [b"c-2"])
                self.assertEqual(asking.command("PUBSUB", "NUMSUB", "c-1"), [b"c-1", 1])
                self.assertEqual(asking.command("PUBSUB", "SHARDNUMSUB", "c-2"), [b"c-2", 1])
            self.assertEqual(self.root.command("PUBSUB", "CHANNELS"), [b"c-1"])
            self.assertEqual(self.root.command("PUBSUB", "SHARDCHANNELS"), [b"c-2"])

    def test_events_are_of_the_users_databases(self):
        self.root.command("CONFIG", "SET", "notify-keyspace-events", "KEA")
        self.addCleanup(self.root.command, "CONFIG", "SET", "notify-keyspace-events", "")
        listening = self.user("listening", "~* &* +@all -@dangerous databases=2 database=2")
        listening.command("PSUBSCRIBE", "__key*__:*")
        with enter(self.first) as first, enter(self.second) as second:
            first.command("SET", "theirs", "1")
            second.command("SET", "ours", "1")
        heard = [listening.read(), listening.read()]
        self.assertEqual(sorted(event[2] for event in heard), [b"__keyevent@2__:set", b"__keyspace@2__:ours"])

    def test_scripts_and_functions_are_for_those_who_may_run_them(self):
        self.root.command("FUNCTION", "LOAD", "REPLACE", "#!lua name=lib\nredis.register_function('f', function() return 1 end)")
        self.addCleanup(self.root.command, "FUNCTION", "FLUSH")
        with enter(self.second) as second:
            for words in (("EVAL", "return 1", "0"), ("EVAL_RO", "return 1", "0"), ("EVALSHA", "0" * 40, "0"), ("FCALL", "f", "0"),
                          ("FCALL_RO", "f", "0"), ("SCRIPT", "LOAD", "return 1"), ("SCRIPT", "EXISTS", "0" * 40),
                          ("SCRIPT", "FLUSH"), ("SCRIPT", "KILL"), ("FUNCTION", "LIST"), ("FUNCTION", "DUMP"), ("FUNCTION", "STATS"),
                          ("FUNCTION", "LOAD", "x"), ("FUNCTION", "DELETE", "lib"), ("FUNCTION", "FLUSH"),
                          ("FUNCTION", "RESTORE", "x"), ("FUNCTION", "KILL")):
                self.assertRegex(second.error(*words), "^NOPERM .*scripts=unchecked", words)
        trusted = self.user("trusted", "~* +@all -@admin -@dangerous databases=2 database=2 scripts=unchecked")
        self.assertEqual(trusted.command("EVAL", "return 1", "0"), 1)
        self.assertEqual(len(trusted.command("FUNCTION", "LIST")), 1)


if __name__ == "__main__":
    fixture.main()
