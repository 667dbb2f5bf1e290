"""Logical databases: what one Redis answers to clients of databases other than 0, the pinned ones do too."""

import pathlib
import re
import shlex
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD
from random_programs import replies
from waiting import wait_until

# Each line is one request; the next is sent when the reply is in. What one plain Redis says is right. A line that begins
# with "any order:" may have its replies in another order.
CONVERSATIONS = {
    "choosing": """
        SELECT 16
        SELECT 15
        SELECT -1
        SELECT
        SELECT 1 2
        SELECT one
        SELECT 99999999999999999999
        SELECT 4294967297
        SELECT -2147483648
        SELECT 1.0
        SELECT " 1"
        SELECT 1
        SET chosen 1
        SELECT 2
        GET chosen
        SET chosen 2
        SELECT 0
        GET chosen
        SET chosen 0
        SELECT 1
        GET chosen
        SELECT 0
        GET chosen
        RESET
        AUTH integration-pass
        GET chosen
        SELECT 2
        HELLO 2
        GET chosen
        RESET
        AUTH integration-pass
        GET chosen""",
    "choosing in a transaction": """
        SELECT 3
        MULTI
        SELECT 1
        SET in-multi 1
        GET in-multi
        EXEC
        GET in-multi
        SELECT 3
        GET in-multi
        MULTI
        SELECT 1
        DISCARD
        SET in-multi 3
        GET in-multi
        SELECT 1
        GET in-multi
        MULTI
        SELECT 77
        GET in-multi
        EXEC
        GET in-multi
        MULTI
        SELECT
        EXEC
        MULTI
        GET in-multi
        SELECT 1
        GET in-multi
        EXEC""",
    "watching": """
        SELECT 1
        WATCH watched
        SELECT 2
        SET watched other-database
        SELECT 1
        MULTI
        SET w done
        EXEC
        WATCH watched
        SELECT 1
        SET watched mine
        MULTI
        SET w never
        EXEC
        GET w
        WATCH a b c d
        RENAME w a
        MULTI
        GET a
        EXEC
        WATCH a
        UNWATCH
        SET a 1
        MULTI
        GET a
        EXEC
        MULTI
        WATCH a
        EXEC
        WATCH a
        FLUSHDB
        MULTI
        GET a
        EXEC""",
    "the whole database": """
        SELECT 4
        FLUSHDB
        DBSIZE
        RANDOMKEY
        KEYS *
        SCAN 0
        SET only 1
        RANDOMKEY
        DBSIZE
        SCAN 0 COUNT 1000
        MSET b 2 {c}d 3 "" 4 "~1{x}" 5
        any order: KEYS *
        any order: KEYS ?
        KEYS {*
        KEYS ""
        KEYS ~*
        KEYS [ab]
        KEYS \\\\b
        KEYS
        KEYS a b
        DBSIZE
        DBSIZE x
        SCAN x
        SCAN 0 COUNT 0
        SCAN 0 COUNT x
        SCAN 0 MATCH
        SCAN 0 NOSUCH 1
        SCAN 0 COUNT 1000 MATCH on*
        SCAN 0 COUNT 1000 TYPE list
        SCAN
        MULTI
        DBSIZE
        KEYS on*
        SCAN 0 MATCH on* COUNT 1000
        FLUSHDB
        DBSIZE
        RANDOMKEY
        SET again 1
        RANDOMKEY
        EXEC
        FLUSHDB NOW
        FLUSHDB SYNC ASYNC
        FLUSHDB ASYNC
        DBSIZE
        SELECT 5
        SET five 5
        SELECT 4
        FLUSHDB SYNC
        SELECT 5
        DBSIZE
        GET five""",
    "moving to another database": """
        SELECT 6
        SET moved v
        EXPIREAT moved 33177117420
        MOVE moved 7
        EXISTS moved
        MOVE moved 7
        SELECT 7
        GET moved
        EXPIRETIME moved
        SET stays 7
        SELECT 6
        SET stays 6
        MOVE stays 7
        GET stays
        MOVE stays 6
        MOVE stays 16
        MOVE stays -1
        MOVE stays x
        MOVE stays
        MOVE none 7
        RPUSH list a b c
        MOVE list 0
        SELECT 0
        LRANGE list 0 -1
        MOVE list 6
        EXISTS list
        SELECT 6
        LRANGE list 0 -1
        FLUSHDB""",
    "copying to another database": """
        SELECT 8
        HSET from f v
        EXPIREAT from 33177117420
        COPY from to
        COPY from to
        COPY from to REPLACE
        COPY from from
        COPY from from DB 8
        COPY from to DB 9
        COPY from to DB 9
        COPY from to DB 9 REPLACE
        COPY from from DB 9
        COPY none to DB 9
        COPY none to DB 9 REPLACE
        COPY from to DB 16
        COPY from to DB -1
        COPY from to DB x
        COPY from to DB
        COPY from to DB 99 NOSUCH
        COPY from to DB x NOSUCH
        COPY from to NOSUCH DB x
        COPY from to DB 99 DB 9 REPLACE
        COPY from to REPLACE DB x DB 9
        COPY from to DB 9 DB 10
        COPY from to DB 4294967297
        COPY from to DB -2147483649
        COPY from to DB -2147483648
        COPY none to DB 99
        COPY from from DB 99
        MOVE from 4294967297
        COPY from to REPLACE REPLACE
        COPY from to NOSUCH
        EXISTS from
        SELECT 9
        HGETALL to
        HGETALL from
        EXPIRETIME to
        DBSIZE
        COPY to back DB 0
        SELECT 0
        HGETALL back
        DEL back""",
    "blocking": """
        SELECT 1
        BLPOP q1 q2 q3 0.01
        RPUSH q2 a b c d e f
        BLPOP q1 q2 q3 1
        BRPOP q3 q2 1
        BLMOVE q2 q3 LEFT RIGHT 1
        BRPOPLPUSH q2 q1 1
        BLMPOP 1 3 q0 q1 q2 LEFT COUNT 2
        LMPOP 3 q0 q1 q2 LEFT COUNT 9
        ZADD z1 1 a 2 b 3 c
        BZPOPMIN z0 z1 1
        BZPOPMAX z0 z1 1
        BZMPOP 1 2 z0 z1 MIN
        ZMPOP 2 z0 z1 MIN
        BZMPOP 0.01 2 z0 z1 MIN
        SET q2 text
        BLPOP q1 q2 1
        BLPOP q1 q2 x
        MULTI
        BLPOP q1 nothing 0
        EXEC""",
    "streams": """
        SELECT 1
        XADD s1 1-1 f v
        XADD s2 1-1 f v
        XREAD COUNT 1 STREAMS s1 s2 0 0
        XREAD STREAMS s1 s2 $ 0
        XREAD STREAMS none s2 0 5
        XREAD STREAMS s1 s2 0
        XREAD BLOCK 5 STREAMS s1 s2 $ $
        XGROUP CREATE s1 g 0
        XGROUP CREATE s1 g 0
        XGROUP CREATE none g 0
        XREADGROUP GROUP g c STREAMS s1 >
        XREADGROUP GROUP g c STREAMS s1 0
        XREADGROUP GROUP g c STREAMS s1 s2 > >
        XREADGROUP GROUP nog c STREAMS s1 >
        XREADGROUP GROUP g c STREAMS none >
        XREADGROUP GROUP g c STREAMS "it's '~1{x}' s1" >
        XREADGROUP GROUP "g's s2" c STREAMS s2 >
        XPENDING s2 g
        XPENDING none g - + 1
        XCLAIM s2 g c 0 1-1
        XCLAIM none g c 0 1-1
        XAUTOCLAIM s2 g c 0 0
        XACK s2 g 1-1
        XGROUP SETID s2 g 0
        XGROUP DESTROY s2 g
        XGROUP CREATECONSUMER s2 g c
        XGROUP DELCONSUMER none g c
        XINFO GROUPS none
        XINFO CONSUMERS s2 g
        XINFO STREAM none
        XINFO GROUPS s1
        XSETID none 1-1""",
    "scripts": """
        SELECT 1
        EVAL "return redis.call('SET', KEYS[1], ARGV[1])" 1 e1 v
        EVAL "return redis.call('MGET', KEYS[1], KEYS[2])" 2 e1 {e}2
        EVAL "return redis.call('RENAME', KEYS[1], KEYS[2])" 2 e1 e2
        EVAL "return redis.call('RENAME', KEYS[1], KEYS[2])" 2 e1 e2
        EVAL "return redis.call('LPUSH', KEYS[1], 'x')" 1 e2
        EVAL "return redis.pcall('LPUSH', KEYS[1], 'x')" 1 e2
        EVAL "return #KEYS" 2 e1 e2
        EVAL "return #KEYS + #ARGV" 0
        EVAL "return #KEYS" 3 e1 e2
        EVAL "_G = {}" 0
        EVAL "redis = function() return 1 end" 0
        EVAL "if KEYS[1] == 'x' then redis = nil end local t = {redis = 1, f = function() _G = {} end, _G = 2} return t._G + t.redis" 1 e1
        EVAL "local t = {f = function() _G = {} end, _G = 2} return t.f()" 1 e1
        EVAL "local redis, x = redis, 1 redis = {} return type(redis.call)" 0
        EVAL "return redis == redis and _G==_G" 0
        EVAL "setmetatable(_G, {})" 0
        EVAL "local g = getmetatable(_G) g.__index = {}" 0
        EVAL "_G.setmetatable(_G.redis, {})" 0
        EVAL "rawset(_G, 'x', 1)" 0
        EVAL "return setmetatable({_G and 1}, {__index = function() return 7 end}).x" 0
        EVAL "local t = {_G and 1} rawset(t, 1, 2) return t" 0
        EVAL_RO "return redis.call('GET', KEYS[1])" 1 e2
        EVAL_RO "return redis.call('DEL', KEYS[1])" 1 e2
        EVALSHA 0123456789012345678901234567890123456789 1 e2
        SCRIPT LOAD "return redis.call('EXISTS', KEYS[1], KEYS[2])"
        EVALSHA 0f0ba5ff5a3b0d8ae3ad2bd7f6ea3e9a95cb5a9e 2 e1 e2
        MULTI
        EVAL "return redis.call('INCR', KEYS[1])" 1 counter
        EVAL "return redis.call('INCR', KEYS[1])" 1 counter
        GET counter
        EXEC""",
    "keys of several slots": """
        SELECT 1
        MSET a 1 b 2 c 3
        MGET a b c d
        MSETNX d 4 e 5
        MSETNX d 4 f 6
        DEL d e f
        EXISTS a b c a
        RENAME a x
        RENAMENX x b
        RENAME none x
        RENAME x x
        COPY x y
        SADD s1 a b c
        SADD s2 b c d
        any order: SINTER s1 s2
        any order: SUNION s1 s2
        SDIFF s1 s2
        SINTERSTORE s3 s1 s2
        SMOVE s1 s2 a
        SINTERCARD 2 s1 s2
        ZADD z1 1 a
        ZUNIONSTORE z2 2 z1 s1 WEIGHTS 2 3
        ZRANGE z2 0 -1 WITHSCORES
        RPUSH l1 3 1 2
        SORT l1 STORE l2
        LRANGE l2 0 -1
        LMOVE l1 l2 LEFT LEFT
        RPOPLPUSH l1 l2
        PFADD p1 a
        PFADD p2 b
        PFMERGE p3 p1 p2
        PFCOUNT p1 p2 p3
        BITOP AND bits b c
        GEOADD g1 13.36 38.11 Palermo
        GEOSEARCHSTORE g2 g1 FROMLONLAT 15 37 BYRADIUS 400 km
        LCS b c
        OBJECT ENCODING z1
        OBJECT ENCODING none
        OBJECT REFCOUNT none
        OBJECT HELP
        TYPE l1
        TOUCH a b c
        UNLINK a b c
        COMMAND GETKEYS MSET k v ~1{x}l v
        COMMAND GETKEYS EVAL x 2 k l a
        COMMAND GETKEYS GET""",
}

INFO_LINE = re.compile(r"^(db\d+):keys=(\d+),", re.MULTILINE)


def setUpModule():
    global site, oracle_child, oracle_port
    site = fixture.open_site()
    oracle_child, oracle_port = fixture.start_oracle()


def tearDownModule():
    oracle_child.kill()
    fixture.close_site()


def client(database, **options):
    return site.client(db=database, **options)


class Replies(unittest.TestCase):
    def setUp(self):
        for database in range(10):
            with client(database) as one, resp.Connection(HOST, oracle_port, PASSWORD) as oracle:
                one.flushdb()
                oracle.command("SELECT", database)
                oracle.command("FLUSHDB")

    def compare(self, text, protocol):
        differences = []
        with resp.Connection(HOST, oracle_port, PASSWORD) as oracle, site.connect() as proxied:
            for connection in (oracle, proxied):
                connection.command("HELLO", protocol)
            for line in text.split("\n"):
                comparison, _, rest = line.strip().rpartition("any order: ")
                words = shlex.split(rest)
                if not words:
                    continue
                expected, actual = oracle.raw(*words), proxied.raw(*words)
                form = "unordered" if "any order: " in line else "exact"
                if words[0] != "HELLO" and not replies.same(form, replies.parse(expected)[0], replies.parse(actual)[0]):
                    differences.append(f"{line.strip()}\n    one Redis: {expected!r}\n    here:      {actual!r}")
        self.assertFalse(differences, "\n" + "\n".join(differences))

    def test_replies_are_those_of_one_redis(self):
        for name, text in CONVERSATIONS.items():
            for protocol in ("2", "3"):
                with self.subTest(name, protocol=protocol):
                    self.setUp()
                    self.compare(text, protocol)

    def test_in_one_pipeline_they_are_too(self):
        for name, text in CONVERSATIONS.items():
            requests = [shlex.split(line.strip().removeprefix("any order: ")) for line in text.split("\n") if line.strip()]
            ordered = [not line.strip().startswith("any order: ") for line in text.split("\n") if line.strip()]
            with self.subTest(name), resp.Connection(HOST, oracle_port, PASSWORD) as oracle, site.connect() as proxied:
                self.setUp()
                for connection in (oracle, proxied):
                    connection.send(resp.pack_all(requests))
                for request, exactly in zip(requests, ordered):
                    expected, actual = oracle.read_raw(), proxied.read_raw()
                    if request[0] != "HELLO" and exactly:
                        self.assertEqual(replies.parse(actual)[0], replies.parse(expected)[0], request)


class Databases(unittest.TestCase):
    def setUp(self):
        for database in range(16):
            with client(database) as one:
                one.flushdb()

    def test_databases_do_not_see_each_other(self):
        clients = [client(database, decode_responses=True) for database in range(16)]
        for database, one in enumerate(clients):
            self.addCleanup(one.close)
            for number in range(database):
                one.set(f"key-{number}", database)
        for database, one in enumerate(clients):
            self.assertEqual(one.dbsize(), database)
            keys = [f"key-{number}" for number in range(database)]
            self.assertEqual(sorted(one.keys()), sorted(keys))
            self.assertEqual(sorted(set(one.scan_iter(count=3))), sorted(keys))
            self.assertIn(one.randomkey(), keys or [None])
            self.assertEqual({one.get(key) for key in keys}, {str(database)} if keys else set())
        clients[7].flushdb()
        clients[0].set("zero", 1)
        clients[0].flushdb()
        self.assertEqual([one.dbsize() for one in clients], [0 if n in (0, 7) else n for n in range(16)])

    def test_info_counts_the_keys_of_each(self):
        for database, count in ((0, 3), (1, 5), (15, 2)):
            with client(database) as one:
                for number in range(count):
                    one.set(f"k{number}", "v")
        with site.connect() as connection:
            info = connection.command("INFO", "keyspace").decode()
        self.assertEqual(INFO_LINE.findall(info), [("db0", "3"), ("db1", "5"), ("db15", "2")])

    def test_a_walk_of_many_keys_finds_them_all_once_asked_for(self):
        with client(2, decode_responses=True) as one, client(0) as other:
            expected = {f"many:{number}" for number in range(3000)}
            pipeline = one.pipeline(transaction=False)
            for key in expected:
                pipeline.set(key, "v")
            pipeline.execute()
            other.mset({f"other:{number}": "v" for number in range(3000)})
            self.assertEqual(set(one.scan_iter()), expected)
            self.assertEqual(set(one.scan_iter(match="many:1*", count=100)), {k for k in expected if k.startswith("many:1")})
            self.assertEqual(one.dbsize(), 3000)
            one.flushdb()
            self.assertEqual((one.dbsize(), other.dbsize()), (0, 3000))

    def test_flushall_empties_all(self):
        for database in (0, 1, 2):
            with client(database) as one:
                one.set("k", "v")
        with client(1) as one:
            one.flushall()
        for database in (0, 1, 2):
            with client(database) as one:
                self.assertEqual(one.dbsize(), 0)

    @fixture.NOT_ONE_REDIS
    def test_swapdb_is_refused(self):
        with site.connect() as connection:
            self.assertRegex(connection.error("SWAPDB", "1", "2"), "(?i)swapdb")
            self.assertEqual(connection.command("PING"), b"PONG")

    @fixture.NOT_ONE_REDIS
    def test_database_0_refuses_reserved_names(self):
        with site.connect() as connection:
            for key in ("~1{x}a", "~{x}a", "~1:a"):
                self.assertIn("reserved", connection.error("SET", key, "v"))
            connection.command("SELECT", "1")
            for key in ("~1{x}a", "~{x}a", "~1:a"):
                self.assertEqual(connection.command("SET", key, "v"), b"OK")
            self.assertEqual(sorted(connection.command("KEYS", "*")), [b"~1:a", b"~1{x}a", b"~{x}a"])


class Sessions(unittest.TestCase):
    def test_clients_are_listed_with_their_database(self):
        with client(3) as three, client(0) as zero:
            three.client_setname("in-three")
            self.assertEqual(three.client_info()["db"], 3)
            listed = {each["name"]: each["db"] for each in zero.client_list()}
            self.assertEqual(listed["in-three"], "3")

    def test_select_counts_at_once_in_a_pipeline(self):
        with site.connect() as connection:
            connection.send(resp.pack_all([("SELECT", "1"), ("SET", "p", "1"), ("SELECT", "2"), ("SET", "p", "2"), ("GET", "p"),
                                           ("SELECT", "1"), ("GET", "p"), ("SELECT", "99"), ("GET", "p")]))
            answers = [connection.read() for _ in range(9)]
        self.assertEqual(answers[:7], [b"OK", b"OK", b"OK", b"OK", b"2", b"OK", b"1"])
        self.assertIsInstance(answers[7], resp.ReplyError)
        self.assertEqual(answers[8], b"1")

    def test_blocked_clients_of_several_databases_get_what_is_theirs(self):
        with site.connect() as one, site.connect() as two, client(1) as first, client(2) as second:
            for database, connection in (("1", one), ("2", two)):
                connection.command("SELECT", database)
                connection.send(resp.pack("BLPOP", "queue-a", "queue-b", "0"))
            wait_until(lambda: first.info("clients")["blocked_clients"] == 2, 20, "two blocked clients")
            second.rpush("queue-b", "for two")
            self.assertEqual(two.read(), [b"queue-b", b"for two"])
            first.rpush("queue-a", "for one")
            self.assertEqual(one.read(), [b"queue-a", b"for one"])


if __name__ == "__main__":
    fixture.main()
