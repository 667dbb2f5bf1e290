"""Every command on one key, of every type: the daemon's answers are those of one plain Redis, byte for byte."""

import pathlib
import shlex
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp

# One line, one command; quoting as in a shell. Keys of a family that meet in one command share a hash tag.
FAMILIES = {
    "strings": r"""
        SET s:a hello
        GET s:a
        GETSET s:a other
        SET s:a x XX GET
        SET s:a y NX
        SET s:b v EXAT 33177117420
        EXPIRETIME s:b
        SET s:b w KEEPTTL
        PEXPIRETIME s:b
        SETNX s:c 1
        SETNX s:c 2
        SETEX s:d 100000 v
        PSETEX s:d 100000000 v
        GETEX s:d PERSIST
        TTL s:d
        APPEND s:a " and more"
        STRLEN s:a
        GETRANGE s:a 0 -2
        SUBSTR s:a 1 3
        SETRANGE s:a 20 end
        GET s:a
        GETDEL s:a
        GET s:a
        INCR s:n
        INCRBY s:n 41
        DECR s:n
        DECRBY s:n 10
        INCRBYFLOAT s:n 0.5
        LCS {s}1 {s}2
        MSETNX {s}1 ohmytext {s}2 mynewtext
        LCS {s}1 {s}2 LEN
        LCS {s}1 {s}2 IDX MINMATCHLEN 4 WITHMATCHLEN
    """,
    "bits": r"""
        SETBIT b:a 7 1
        SETBIT b:a 100 1
        GETBIT b:a 7
        GETBIT b:a 8
        BITCOUNT b:a
        BITCOUNT b:a 0 0 BYTE
        BITPOS b:a 1 1
        BITFIELD b:a INCRBY i5 100 1 GET u4 0 OVERFLOW SAT SET u8 #1 300
        BITFIELD_RO b:a GET u8 0
        SET {b}1 abc
        SET {b}2 abd
        BITOP XOR {b}3 {b}1 {b}2
        GET {b}3
    """,
    "lists": r"""
        RPUSH l:a 1 2 3 4 5
        LPUSH l:a 0
        RPUSHX l:a 6
        LPUSHX l:none 6
        LLEN l:a
        LRANGE l:a 0 -1
        LINDEX l:a -1
        LSET l:a 0 zero
        LINSERT l:a BEFORE 3 two-and-a-half
        LREM l:a 0 5
        LPOS l:a 3
        LPOS l:a 3 COUNT 0
        LTRIM l:a 1 -1
        LPOP l:a
        LPOP l:a 2
        RPOP l:a
        RPOP l:none 3
        LRANGE l:a 0 -1
        RPUSH {l}1 a b c
        LMOVE {l}1 {l}2 LEFT RIGHT
        RPOPLPUSH {l}1 {l}2
        LMPOP 2 {l}none {l}2 LEFT COUNT 5
        SORT l:a
        RPUSH l:sort 3 1 2
        SORT l:sort DESC
        SORT_RO l:sort LIMIT 0 2
        SORT l:sort STORE l:sort
    """,
    "hashes": r"""
        HSET h:a f1 v1 f2 v2
        HSETNX h:a f1 other
        HMSET h:a f3 3 f4 4
        HGET h:a f1
        HMGET h:a f1 none f3
        HGETALL h:a
        HKEYS h:a
        HVALS h:a
        HLEN h:a
        HSTRLEN h:a f1
        HEXISTS h:a f2
        HINCRBY h:a f3 7
        HINCRBYFLOAT h:a f3 0.25
        HDEL h:a f1 f2 none
        HSCAN h:a 0 COUNT 100
        HRANDFIELD h:one
        HSET h:one only 1
        HRANDFIELD h:one 5 WITHVALUES
    """,
    "sets": r"""
        SADD t:a 1 2 3
        SADD t:a 3 4
        SCARD t:a
        SISMEMBER t:a 4
        SMISMEMBER t:a 1 9
        SMEMBERS t:a
        SREM t:a 4 9
        SSCAN t:a 0
        SADD t:one x
        SRANDMEMBER t:one
        SRANDMEMBER t:one 3
        SPOP t:one
        SPOP t:one 2
        SADD {t}1 1 2 3
        SADD {t}2 2 3 4
        SINTER {t}1 {t}2
        SINTERCARD 2 {t}1 {t}2 LIMIT 1
        SUNION {t}1 {t}2
        SDIFF {t}1 {t}2
        SINTERSTORE {t}3 {t}1 {t}2
        SUNIONSTORE {t}3 {t}1 {t}2
        SDIFFSTORE {t}3 {t}1 {t}2
        SMOVE {t}1 {t}2 1
        SMEMBERS {t}2
    """,
    "sorted sets": r"""
        ZADD z:a 1 one 2 two 3 three
        ZADD z:a GT CH 5 one 1 two
        ZADD z:a INCR 0.5 two
        ZSCORE z:a two
        ZMSCORE z:a one none
        ZCARD z:a
        ZCOUNT z:a (2.5 +inf
        ZLEXCOUNT z:a - +
        ZRANGE z:a 0 -1 WITHSCORES
        ZRANGE z:a 0 3 BYSCORE LIMIT 0 1
        ZREVRANGE z:a 0 -1
        ZRANGEBYSCORE z:a -inf +inf WITHSCORES
        ZREVRANGEBYSCORE z:a +inf -inf LIMIT 0 2
        ZRANGEBYLEX z:a - +
        ZREVRANGEBYLEX z:a + -
        ZRANK z:a one
        ZREVRANK z:a one
        ZINCRBY z:a 2 three
        ZPOPMIN z:a
        ZPOPMAX z:a 1
        ZREM z:a none
        ZSCAN z:a 0
        ZRANDMEMBER z:a
        ZADD z:r 1 a 2 b 3 c 4 d
        ZREMRANGEBYRANK z:r 0 0
        ZREMRANGEBYSCORE z:r 2 2
        ZREMRANGEBYLEX z:r [c [c
        ZRANGE z:r 0 -1
        ZADD {z}1 1 a 2 b
        ZADD {z}2 3 b 4 c
        ZINTER 2 {z}1 {z}2 WITHSCORES
        ZINTERCARD 2 {z}1 {z}2
        ZUNION 2 {z}1 {z}2 WEIGHTS 2 3 AGGREGATE MAX WITHSCORES
        ZDIFF 2 {z}1 {z}2 WITHSCORES
        ZUNIONSTORE {z}3 2 {z}1 {z}2
        ZINTERSTORE {z}3 2 {z}1 {z}2
        ZDIFFSTORE {z}3 2 {z}1 {z}2
        ZRANGESTORE {z}4 {z}2 0 -1
        ZMPOP 2 {z}none {z}4 MIN COUNT 2
    """,
    "streams": r"""
        XADD x:a 1-1 f v
        XADD x:a 1-* f w
        XADD x:a MAXLEN = 10 2-0 f x g y
        XADD x:none NOMKSTREAM 1-1 f v
        XLEN x:a
        XRANGE x:a - + COUNT 2
        XREVRANGE x:a + -
        XREAD COUNT 5 STREAMS x:a 1-1
        XGROUP CREATE x:a g 0
        XGROUP CREATECONSUMER x:a g c
        XREADGROUP GROUP g c COUNT 2 STREAMS x:a >
        XPENDING x:a g
        XACK x:a g 1-1
        XCLAIM x:a g d 0 1-2 JUSTID
        XAUTOCLAIM x:a g d 0 0 JUSTID
        XGROUP SETID x:a g $
        XGROUP DELCONSUMER x:a g c
        XINFO STREAM x:a
        XINFO GROUPS x:a
        XINFO CONSUMERS x:none g
        XSETID x:a 9-9
        XDEL x:a 1-1
        XTRIM x:a MAXLEN 1
        XGROUP DESTROY x:a g
    """,
    "hyperloglogs": r"""
        PFADD p:a a b c
        PFADD p:a a
        PFCOUNT p:a
        PFADD {p}1 a
        PFADD {p}2 b
        PFMERGE {p}3 {p}1 {p}2
        PFCOUNT {p}1 {p}2 {p}3
    """,
    "places": r"""
        GEOADD g:a 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
        GEODIST g:a Palermo Catania km
        GEOHASH g:a Palermo none
        GEOPOS g:a Palermo none
        GEORADIUS g:a 15 37 200 km ASC
        GEORADIUS_RO g:a 15 37 200 km WITHDIST ASC
        GEORADIUSBYMEMBER g:a Palermo 200 km ASC
        GEORADIUSBYMEMBER_RO g:a Palermo 10 km
        GEOSEARCH g:a FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHCOORD
        GEOADD {g}1 13.361389 38.115556 Palermo
        GEOSEARCHSTORE {g}2 {g}1 FROMLONLAT 15 37 BYRADIUS 400 km
        ZRANGE {g}2 0 -1
    """,
    "keys of any type": r"""
        SET k:a v
        TYPE k:a
        TYPE k:none
        EXPIRE k:a 100000
        EXPIREAT k:a 33177117420
        PEXPIREAT k:a 33177117420123 GT
        EXPIRETIME k:a
        PERSIST k:a
        TTL k:a
        PTTL k:none
        PEXPIRE k:a 100000000 NX
        PERSIST k:a
        EXPIRE k:a -1
        EXISTS k:a
        SET k:n 12345
        OBJECT ENCODING k:n
        OBJECT REFCOUNT k:none
        OBJECT HELP
        DUMP k:n
        DUMP k:none
        RESTORE k:restored 0 __DUMP_OF_n__
        GET k:restored
        RESTORE k:restored 0 __DUMP_OF_n__
        DEL k:restored
        SET {k}1 v
        RENAME {k}1 {k}2
        RENAMENX {k}2 {k}3
        COPY {k}3 {k}4
        GET {k}4
        RENAME {k}none {k}5
        TOUCH {k}3 {k}4 {k}none
        UNLINK {k}3 {k}4 {k}none
    """,
    "scripts": r"""
        EVAL "redis.call('SET', KEYS[1], ARGV[1]) return {KEYS[1], ARGV[1], 1, false}" 1 e:a v
        EVAL_RO "return redis.call('GET', KEYS[1])" 1 e:a
        EVALSHA 0123456789012345678901234567890123456789 1 e:a
        EVAL "return redis.status_reply('FINE')" 1 e:a
        EVAL "return redis.error_reply('MINE own words')" 1 e:a
        EVAL "return redis.call('MGET', KEYS[1], KEYS[2])" 2 {e}1 {e}2
    """,
}

# First key first, no other key, and yet not in the families; the reason beside each.
NOT_HERE = {
    "watch": "a session's command", "restore-asking": "between nodes only", "pfdebug": "for Redis's own tests",
    "migrate": "administration", "blpop": "blocking", "brpop": "blocking",
    "blmove": "blocking", "brpoplpush": "blocking", "bzpopmin": "blocking", "bzpopmax": "blocking",
    "spublish": "pub/sub", "ssubscribe": "pub/sub", "sunsubscribe": "pub/sub", "pfselftest": "for Redis's own tests",
    "mget": "multi_key.py", "mset": "multi_key.py", "move": "another database",
}


def commands_of(text):
    return [shlex.split(line) for line in text.strip().splitlines()]


def setUpModule():
    global site, oracle_child, oracle_port
    site = fixture.open_site()
    oracle_child, oracle_port = fixture.start_oracle()


def tearDownModule():
    oracle_child.kill()
    fixture.close_site()


class EveryType(unittest.TestCase):
    def setUp(self):
        self.connection = site.connect()
        self.oracle = resp.Connection(fixture.HOST, oracle_port, fixture.PASSWORD)
        self.addCleanup(self.connection.close)
        self.addCleanup(self.oracle.close)

    def fill_in(self, command):
        return [self.oracle.command("DUMP", "k:n") if each == "__DUMP_OF_n__" else each for each in command]

    def test_one_by_one_the_answers_are_those_of_one_redis(self):
        for family, text in FAMILIES.items():
            for command in commands_of(text):
                command = self.fill_in(command)
                with self.subTest(family=family, command=command):
                    self.assertEqual(self.connection.raw(*command), self.oracle.raw(*command))

    def test_in_one_pipeline_the_answers_are_those_of_one_redis(self):
        commands = [self.fill_in(each) for text in FAMILIES.values() for each in commands_of(text)]
        words = {word for command in commands for word in command[1:] if isinstance(word, str)}
        commands.insert(0, ["DEL", *sorted(word for word in words if word[1:2] == ":" or word[:1] == "{")])
        for connection in (self.oracle, self.connection):
            connection.send(b"".join(resp.pack(*each) for each in commands))
        for command in commands:
            with self.subTest(command=command):
                self.assertEqual(self.connection.read_raw(), self.oracle.read_raw())

    def test_every_byte_survives_in_keys_and_values(self):
        every_byte = bytes(range(256))
        for name in (every_byte, b"\r\n", b"{\0}", b"{}", b"{", b"}{", b" ", b"$-1\r\n"):
            with self.subTest(name=name):
                self.assertEqual(self.connection.raw("SET", b"bytes" + name, name * 3), b"+OK\r\n")
                self.assertEqual(self.connection.command("GET", b"bytes" + name), name * 3)
                self.assertEqual(self.connection.command("HSET", name + b"hash", name, name), 1)
                self.assertEqual(self.connection.command("HGETALL", name + b"hash"), [name, name])

    def test_the_empty_key_is_a_key(self):
        self.assertEqual(self.connection.command("SET", "", "empty"), b"OK")
        self.assertEqual(self.connection.command("GET", ""), b"empty")
        self.assertEqual(self.connection.command("DEL", ""), 1)

    def test_no_command_on_one_key_is_forgotten_here(self):
        if not self.oracle.command("INFO", "server").split(b"redis_version:")[1].startswith(b"7.0."):
            self.skipTest("the families above are those of Redis 7.0")
        tried = {command[0].lower() for text in FAMILIES.values() for command in commands_of(text)}
        keyed = {each[0].decode() for each in self.oracle.command("COMMAND") if each[3] == 1}
        self.assertEqual(keyed - tried - set(NOT_HERE), set())


if __name__ == "__main__":
    fixture.main()
