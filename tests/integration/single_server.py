"""Upstream single: in front of one plain server everything is as on it, and a restart costs waiting, not errors.

SLOTLESS_PROGRAMS_COUNT, _SEED and _FIRST choose other random programs than the usual ones.
"""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import redis
import resp
from certificates import Authority
from cluster import HOST, PASSWORD
from load import Appends, Load
from plain_servers import Server
from proxy import Proxy, connect
from random_programs.judging import judge
from random_programs.report import describe
from random_programs.side import Side
from random_programs.trial import Trial
from waiting import wait_until

COUNT = int(os.environ.get("SLOTLESS_PROGRAMS_COUNT", "250"))
FIRST = int(os.environ.get("SLOTLESS_PROGRAMS_FIRST", "0"))
SEED = os.environ.get("SLOTLESS_PROGRAMS_SEED", "18")

# Each line is one request; the same conversation is held with the server itself, which is emptied before and after.
CONVERSATION = """
    MSET a 1 b 2 c 3 {x}d 4
    MGET a b c {x}d nosuch
    DBSIZE
    RENAME a e
    RENAMENX b c
    MSETNX n1 1 n2 2
    SINTERSTORE s 2 x y
    SADD s1 1 2 3
    SADD s2 2 3 4
    SINTERSTORE s3 s1 s2
    SMOVE s1 s2 1
    SUNION s1 s2 s3
    SORT s2
    LPUSH l 3 1 2
    SET w_1 5
    SET w_2 4
    SET w_3 3
    SORT l BY w_* GET w_* GET #
    SORT l BY w_* STORE sorted
    LRANGE sorted 0 -1
    LMOVE l other LEFT RIGHT
    BLPOP nosuch l other 1
    BLMPOP 1 2 nosuch l LEFT
    XADD x1 1-1 f v
    XREAD COUNT 5 STREAMS x1 x2 0 0
    PFADD p1 a b
    PFADD p2 c
    PFMERGE p3 p1 p2
    PFCOUNT p1 p2 p3
    BITOP XOR bits w_1 w_2
    ZADD z1 1 a 2 b
    ZADD z2 3 b
    ZUNIONSTORE z3 2 z1 z2
    ZRANGE z3 0 -1 WITHSCORES
    COPY a e
    COPY e copied
    OBJECT ENCODING e
    MULTI
    SET m1 1
    INCR m2
    GET e
    DBSIZE
    EXEC
    WATCH m1 m2
    MULTI
    MGET m1 m2
    EXEC
    EVAL return{redis.call('incr',KEYS[1]),redis.call('incr',KEYS[2]),redis.call('get','e')} 2 k1 k2
    EVAL return(redis.call('dbsize')) 0
    EVAL return(redis.sha1hex('')) 0
    FUNCTION STATS
    SCRIPT EXISTS 0000000000000000000000000000000000000000
    TOUCH k1 k2 nosuch
    EXISTS k1 k2 nosuch
    UNLINK k1 k2 nosuch
    DEL m1 m2 n1 n2
    KEYS w_?
    SCAN 0 COUNT 1000 MATCH w_1
    SCAN 0 TYPE hash COUNT 1000
    SCAN x
    DBSIZE
    CLUSTER INFO
    READONLY
    WAIT 0 10
    PUBLISH nobody hears
    FLUSHDB
    RANDOMKEY
    DBSIZE
    FLUSHALL
"""


class OneServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("server", ("--hz", "100", "--appendonly", "yes", "--appendfsync", "always"))
        cls.oracle, cls.oracle_port = fixture.start_oracle()
        with resp.Connection(HOST, cls.oracle_port, PASSWORD) as connection:
            connection.command("CONFIG", "SET", "hz", "100")
        cls.proxy = Proxy(None, ["--upstream", "single", "--server", cls.server.address])

    @classmethod
    def tearDownClass(cls):
        try:
            cls.proxy.stop()
        finally:
            cls.server.kill()
            cls.oracle.kill()

    def answers(self, connection):
        replies = []
        for line in CONVERSATION.split("\n"):
            words = line.split()
            if not words:
                continue
            try:
                reply = connection.command(*words)
            except resp.ReplyError as error:
                reply = str(error)
            unordered = words[0] in ("KEYS", "SUNION", "SMEMBERS")
            replies.append((line.strip(), sorted(reply) if unordered else reply))
        return replies

    def test_1_each_answer_is_the_server_s_own(self):
        with resp.Connection(HOST, self.oracle_port, PASSWORD) as direct, connect(self.proxy) as connection:
            for expected, found in zip(self.answers(direct), self.answers(connection), strict=True):
                self.assertEqual(found, expected)

    def test_2_random_programs_are_answered_alike(self):
        databases = {2: 0, 3: 0}
        reference = Side("one Redis", HOST, self.oracle_port, PASSWORD, databases)
        subject = Side("the proxy in front of one", HOST, self.proxy.port, PASSWORD, databases)
        self.addCleanup(reference.close)
        self.addCleanup(subject.close)
        trial = Trial(reference, subject, SEED)
        differences = (describe(difference, SEED) for number in range(FIRST, FIRST + COUNT)
                       if (difference := trial.alone(trial.program(number))))
        judge(self, trial.figures, differences, SEED)

    def test_3_a_cursor_of_scan_is_the_server_s(self):
        with connect(self.proxy) as connection, self.server.connect() as direct:
            connection.command("FLUSHALL")
            for i in range(500):
                connection.command("SET", f"key:{i}", i)
            cursor, seen, turn = b"0", set(), 0
            while True:
                # One page by the proxy, the next one by the server itself.
                cursor, keys = (connection if turn % 2 == 0 else direct).command("SCAN", cursor, "COUNT", 50)
                seen.update(keys)
                turn += 1
                if cursor == b"0":
                    break
            self.assertEqual(len(seen), 500)
            connection.command("FLUSHALL")

    def test_4_messages_and_events_arrive(self):
        with connect(self.proxy) as listener, connect(self.proxy) as speaker, self.server.connect() as direct:
            speaker.command("CONFIG", "SET", "notify-keyspace-events", "KEA")
            listener.command("SUBSCRIBE", "news")
            listener.command("PSUBSCRIBE", "__keyspace@0__:*")
            self.assertEqual(speaker.command("PUBLISH", "news", "one"), 1)
            self.assertEqual(listener.read(), [b"message", b"news", b"one"])
            self.assertEqual(direct.command("PUBLISH", "news", "two"), 1)
            self.assertEqual(listener.read(), [b"message", b"news", b"two"])
            direct.command("SET", "seen", "v")
            self.assertEqual(listener.read()[2:], [b"__keyspace@0__:seen", b"set"])
            speaker.command("CONFIG", "SET", "notify-keyspace-events", "")

    def test_5_a_restart_under_load_costs_no_acknowledged_write_and_no_read(self):
        with connect(self.proxy) as connection:
            connection.command("FLUSHALL")
            connection.command("MSET", "read:0", 0, "read:1", 1)
            sha = connection.command("SCRIPT", "LOAD", "return redis.call('GET', KEYS[1])")
        appends = Appends([f"list:{i}" for i in range(4)])

        def read(client, number, _turn):
            self.assertEqual(client.command("GET", f"read:{number}"), b"%d" % number)
            self.assertEqual(client.command("MGET", "read:0", "read:1"), [b"0", b"1"])
            # The server has forgotten the script after its restart.
            self.assertEqual(client.command("EVALSHA_RO", sha, 1, f"read:{number}"), b"%d" % number)

        with Load(lambda: connect(self.proxy), read, clients=2) as reads, \
                Load(lambda: connect(self.proxy), appends.step) as writes:
            for _ in range(2):
                self.server.kill()
                self.server.again()
                writes.wait_for_progress()
                reads.wait_for_progress()
        with connect(self.proxy) as connection:
            appends.check(self, connection)
        self.assertEqual({error.split()[0] for error in appends.errors} - {"AMBIGUOUS"}, set())

    def test_6_transactions_over_any_keys_see_one_another(self):
        client = redis.Redis(host=HOST, port=self.proxy.port, password=PASSWORD)
        client.flushall()
        with client.pipeline() as pipe:
            pipe.watch("one", "two", "three")
            with connect(self.proxy) as other:
                other.command("SET", "two", "changed")
            pipe.multi()
            pipe.set("four", 1)
            with self.assertRaises(redis.WatchError):
                pipe.execute()
        self.assertFalse(client.exists("four"))
        client.close()

    def test_7_info_is_about_this_server(self):
        with connect(self.proxy) as connection:
            text = connection.command("INFO").decode()
        facts = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        self.assertEqual(facts["redis_version"], self.server.info("server")["redis_version"])
        self.assertEqual((facts["role"], facts["redis_mode"]), ("master", "standalone"))

    def test_8_all_databases_are_the_server_s_own(self):
        with connect(self.proxy) as connection, self.server.connect() as direct:
            connection.command("FLUSHALL")
            self.assertEqual(connection.command("SET", "key", "in 0"), b"OK")
            self.assertEqual(connection.command("SELECT", 3), b"OK")
            self.assertIsNone(connection.command("GET", "key"))
            connection.command("MSET", "key", "in 3", "other", "in 3")
            self.assertEqual(connection.command("MOVE", "other", 5), 1)
            self.assertEqual(connection.command("DBSIZE"), 1)
            for database, key, value in ((0, "key", b"in 0"), (3, "key", b"in 3"), (5, "other", b"in 3")):
                direct.command("SELECT", database)
                self.assertEqual(direct.command("GET", key), value)
                connection.command("SELECT", database)
                self.assertEqual(connection.command("GET", key), value)
            self.assertEqual(connection.command("SWAPDB", 3, 5), b"OK")
            self.assertEqual(connection.command("KEYS", "*"), [b"key"])
            connection.command("FLUSHDB")
            direct.command("SELECT", 3)
            self.assertEqual(direct.command("KEYS", "*"), [b"other"])
            self.assertTrue(connection.error("SELECT", 16).startswith("ERR DB index is out of range"))
            connection.command("FLUSHALL")
            self.assertEqual(direct.command("DBSIZE"), 0)


class Surroundings(unittest.TestCase):
    """Each with a server and a proxy of its own."""

    def serve(self, options, variables=(), password=PASSWORD, tls=None):
        proxy = Proxy(None, options, password=password, variables=variables, tls=tls)
        self.addCleanup(proxy.stop)
        return proxy

    def test_the_applications_variables_will_do(self):
        server = Server("by-url")
        self.addCleanup(server.kill)
        url = f"redis://:{PASSWORD}@{server.address}"
        proxy = self.serve([], [("REDIS_URL", url), ("REDIS_CLUSTER_ENABLED", "false")], password=None)
        with connect(proxy) as connection:
            self.assertEqual(connection.command("SET", "key", "value"), b"OK")
        self.assertEqual(server.command("GET", "key"), b"value")

    def test_a_server_with_tls_and_a_user(self):
        authority = Authority()
        server = Server("with-tls", tls=authority)
        self.addCleanup(server.kill)
        server.command("ACL", "SETUSER", "app", "on", ">app-password", "~*", "&*", "+@all")
        options = ["--server", f"rediss://app:app-password@{server.address}", "--client-password", PASSWORD,
                   *[each for each in authority.upstream_options() if each not in ("--cluster-tls", "yes")]]
        proxy = self.serve(options, password=None)
        with connect(proxy) as connection:
            self.assertEqual(connection.command("SET", "key", "value"), b"OK")
            clients = server.command("CLIENT", "LIST").decode()
        self.assertIn("user=app", clients)

    def test_replicas_serve_reads_and_a_planned_change_of_roles_costs_no_error(self):
        first = Server("first")
        second = Server("second", follows=first)
        self.addCleanup(first.kill)
        self.addCleanup(second.kill)
        second.wait_until_in_step()
        proxy = self.serve(["--server", f"{first.address},{second.address}", "--read-from", "prefer-replica"])
        before = int(second.info("stats")["total_commands_processed"])
        with connect(proxy) as connection:
            connection.command("SET", "key", "value")
            second.wait_until_in_step()

            def is_read_from_the_replica():
                self.assertEqual(connection.command("GET", "key"), b"value")
                return b"cmdstat_get" in second.command("INFO", "commandstats")

            wait_until(is_read_from_the_replica, 20, "a read from the replica")
        self.assertGreater(int(second.info("stats")["total_commands_processed"]), before)
        counts = [0] * 4

        def count(client, number, _turn):
            counts[number] += 1
            self.assertEqual(client.command("INCR", f"counter:{number}"), counts[number])

        with Load(lambda: connect(proxy), count) as load:
            first.command("FAILOVER", "TO", HOST, second.port, "TIMEOUT", 20000)
            wait_until(second.is_master, 30, "the second server to be the master")
            load.wait_for_progress()
        self.assertEqual([int(second.command("GET", f"counter:{i}")) for i in range(4)], counts)


if __name__ == "__main__":
    fixture.main()
