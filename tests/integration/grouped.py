"""Grouped databases: within a group as one Redis, over groups as database 0; the groups are spread over the cluster.

SLOTLESS_PROGRAMS_COUNT, _SEED and _FIRST choose other random programs than the usual ones.
"""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import redis
from random_programs import grouping
from random_programs.of_layout import ProgramTests, ProgramsOfLayout
from random_programs.upheaval import Upheaval
from slots import slot_of


# 2 and 3 are for random programs of RESP2 and RESP3.
LAYOUTS = ("1=pinned", f"2-3=grouped:{grouping.PATTERNS}", "4=grouped:bull:*:|user:*:|user:*", "5=spread")
BULL = 4


def setUpModule():
    global site
    site = fixture.open_site(options=[word for layout in LAYOUTS for word in ("--database-layout", layout)],
                             node_options=("--hz", "100", "--notify-keyspace-events", "KEA"))


def tearDownModule():
    fixture.close_site()


@fixture.NOT_ONE_REDIS
class Grouped(unittest.TestCase):
    def setUp(self):
        self.one = site.client(db=BULL, decode_responses=True)
        self.addCleanup(self.one.close)
        self.one.flushdb()

    def names(self):
        """Of the database's keys in the cluster, by master."""
        return {master.name: [key for key in master.command("KEYS", f"~{BULL}*")] for master in site.cluster.masters()}

    def refused(self, *words):
        with self.assertRaises(redis.ResponseError) as raised:
            self.one.execute_command(*words)
        return str(raised.exception)

    def test_groups_are_spread_and_each_is_in_one_slot(self):
        for queue in range(30):
            for part in ("wait", "active", "id", "{odd}", "jobs:7"):
                self.one.set(f"bull:q{queue}:{part}", "v")
        names = self.names()
        self.assertTrue(all(names.values()), "each master has some of them")
        slots = {}
        for name in (name.decode() if isinstance(name, bytes) else name for each in names.values() for name in each):
            slots.setdefault(re.fullmatch(r"~4\{...\}bull:(q\d+):.*", name)[1], set()).add(slot_of(name))
        self.assertEqual({queue: {slot_of(queue)} for queue in slots}, slots)
        self.assertEqual(len(slots), 30)
        self.assertEqual(self.one.dbsize(), 150)
        self.assertEqual(len(self.one.keys("bull:q1:*")), 5)
        self.assertEqual(len(set(self.one.scan_iter(match="bull:q?:*", count=7))), 50)
        self.assertTrue(self.one.randomkey().startswith("bull:q"))
        with site.client(db=0) as zero:
            zero.set("beside", "v")
            self.one.flushdb()
            self.assertEqual((self.one.dbsize(), zero.get("beside")), (0, b"v"))

    def test_within_a_group_it_is_one_redis(self):
        one = self.one
        with one.pipeline() as transaction:
            transaction.watch("bull:a:x")
            transaction.multi()
            transaction.rpush("bull:a:wait", "1", "2")
            transaction.lmove("bull:a:wait", "bull:a:active", "RIGHT", "LEFT")
            transaction.zadd("bull:a:delayed", {"3": 5})
            self.assertEqual(transaction.execute(), [2, "2", 1])
        self.assertEqual(one.blpop(["bull:a:none", "bull:a:wait"], 1), ("bull:a:wait", "1"))
        one.rename("bull:a:active", "bull:a:done")
        self.assertEqual(one.sort("bull:a:done", store="bull:a:sorted"), 1)
        self.assertEqual(one.sunionstore("bull:a:s", "bull:a:none"), 0)
        with one.pipeline() as transaction:
            transaction.watch("bull:a:x")
            one.set("bull:a:x", "changed")
            transaction.multi()
            transaction.set("bull:a:y", "never")
            with self.assertRaises(redis.WatchError):
                transaction.execute()
        one.set("user:7", "profile")  # a star at the end takes the rest
        self.assertTrue(one.renamenx("user:7", "user:7:old"))

    def test_over_groups_what_cannot_be_split_is_refused_by_their_names(self):
        one = self.one
        one.mset({f"bull:g{number}:x": number for number in range(20)})
        self.assertEqual(one.mget([f"bull:g{number}:x" for number in range(20)]), [str(number) for number in range(20)])
        self.assertEqual(one.exists(*[f"bull:g{number}:x" for number in range(20)]), 20)
        self.assertEqual(one.copy("bull:g1:x", "bull:g2:copy"), 1)
        self.assertTrue(one.rename("bull:g2:copy", "bull:g3:copy"))
        one.sadd("bull:g1:s", "a", "b")
        one.sadd("bull:g2:s", "b", "c")
        self.assertEqual(one.sinterstore("bull:g3:s", "bull:g1:s", "bull:g2:s"), 1)
        one.rpush("bull:g1:l", "x")
        self.assertEqual(one.lmove("bull:g1:l", "bull:g2:l", "LEFT", "LEFT"), "x")
        self.assertEqual(one.blpop(["bull:g1:l", "bull:g2:l"], 1), ("bull:g2:l", "x"))
        message = self.refused("EVAL", "return 1", "2", "bull:g1:x", "bull:g2:y")
        self.assertIn("groups 'g1' and 'g2' of database 4", message)
        one.rpush("bull:g1:ids", 1, 2, 3)
        for number, (weight, name) in enumerate(((3, "c"), (1, "a"), (2, "b")), 1):
            one.set(f"user:{number}:weight", weight)
            one.set(f"user:{number}", name)
        self.assertEqual(one.sort("bull:g1:ids", by="user:*:weight", get=["#", "user:*"]), ["2", "a", "3", "b", "1", "c"])
        self.assertEqual(one.unlink(*[f"bull:g{number}:x" for number in range(20)]), 20)

    def test_scripts_reach_all_keys_of_their_group(self):
        one = self.one
        script = """
          local name = KEYS[1]
          local base = string.gsub(name, 'id$', '')
          local id = redis.call('INCR', name)
          redis.call('HSET', base .. id, 'data', ARGV[1])
          redis.call('LPUSH', base .. 'wait', id)
          return {redis.call('LMPOP', 1, base .. 'wait', 'LEFT'), redis.call('HGET', base .. id, 'data')}"""
        for queue in ("mail", "sms", "päper", "a{b}c", "x" * 200, "q*", "%d+", "{}"):
            with self.subTest(queue):
                key = f"bull:{queue}:id"
                self.assertEqual(one.eval(script, 1, key, "job"), [[f"bull:{queue}:wait", ["1"]], "job"])
                self.assertEqual(one.lpush(f"bull:{queue}:wait", "x"), 1)
                self.assertEqual(one.hget(f"bull:{queue}:1", "data"), "job")
        self.assertEqual(one.eval("return redis.call('GET', 'user:7')", 1, "user:7:cart"), None)
        self.assertEqual(one.eval("return redis.call('SET', 'plain{7}', 1)", 1, "user:7:cart"), "OK")  # the same slot
        self.assertEqual(one.get("plain{7}"), "1")

    def test_scripts_are_kept_from_other_groups(self):
        one = self.one
        for text, keys in (("return redis.call('SET', 'bull:sms:x', 1)", ["bull:mail:id"]),
                           ("return redis.call('MSET', KEYS[1], 1, 'bull:sms:x', 1)", ["bull:mail:id"]),
                           ("return redis.pcall('SET', 'bull:sms:x', 1)", ["bull:mail:id"]),
                           ("return redis.call('XREAD', 'STREAMS', 'bull:sms:x', 0)", ["bull:mail:id"])):
            with self.subTest(text):
                message = self.refused("EVAL", text, len(keys), *keys)
                self.assertRegex(message, r"^(CROSSSLOT )?Script attempted to access a key of group 'sms', "
                                 r"but its KEYS are of group 'mail': use a pinned database")
        self.assertEqual(one.exists("bull:mail:id", "bull:sms:x"), 0)
        self.assertEqual(one.eval("local r = redis.pcall('GET', 'bull:b:x') "
                                  "return {r.err, redis.call('SET', KEYS[1], 1), redis.call('GET', KEYS[1])}", 1, "bull:a:x")[1:],
                         ["OK", "1"])
        message = self.refused("EVAL", "return redis.call('GET', 'bull:mail:x')", 0)
        self.assertIn("group 'mail', but it has no KEYS", message)
        self.assertEqual(one.eval("return redis.call('PING').ok or 'PONG'", 0), "PONG")
        self.assertIn("concern one node", self.refused("EVAL", "return redis.call('DBSIZE')", 1, "bull:mail:x"))
        self.assertIn("groups 'a' and 'b'", self.refused("EVAL", "return 1", 2, "bull:a:x", "bull:b:x"))

    def test_what_the_servers_object_to_in_a_script_s_call_comes_first(self):
        for text, said in (("return redis.call('INCR', 'bull:sms:x', 'y')", "Wrong number of args"),
                           ("return redis.pcall('SET', 'bull:sms:x')", "Wrong number of args"),
                           ("return redis.call('BITOP', 'AND', 'bull:sms:x')", "Wrong number of args"),
                           ("return redis.call('OBJECT', 'ENCODING', 'bull:sms:x', 'y')", "Wrong number of args"),
                           ("return redis.call('NOSUCHCOMMAND', 'bull:sms:x')", "Unknown"),
                           ("return redis.call('INCR', 'bull:sms:x')", "group 'sms'"),
                           ("return redis.call('OBJECT', 'ENCODING', 'bull:sms:x')", "group 'sms'")):
            for keys in ((), ("bull:mail:id",)):
                with self.subTest(text, keys=keys):
                    self.assertIn(said, self.refused("EVAL", text, len(keys), *keys))
        self.assertEqual(self.one.eval("redis.pcall('INCR', 'bull:b:x', 'y') return redis.call('INCR', KEYS[1])", 1, "bull:a:x"), 1)

    def test_scripts_by_their_sha_in_transactions_and_functions(self):
        one = self.one
        sha = one.script_load("local key = string.gsub(KEYS[1], 'x', 'y') return redis.call('INCR', key)")
        self.assertEqual(one.evalsha(sha, 1, "bull:a:x"), 1)
        with one.pipeline() as transaction:
            transaction.evalsha(sha, 1, "bull:a:x").get("bull:a:y").eval("return redis.call('GET', KEYS[1])", 1, "bull:a:y")
            self.assertEqual(transaction.execute(), [2, "2", "2"])
        one.function_load("#!lua name=grouped\nredis.register_function('grouped_put', function(keys, args) "
                          "return redis.call('SET', keys[1], args[1]) end)", replace=True)
        self.assertEqual(one.fcall("grouped_put", 1, "bull:b:z", "v"), "OK")
        self.assertEqual(one.get("bull:b:z"), "v")

    def test_what_tells_of_keys_gives_them_their_names(self):
        with site.connect() as watching, site.connect() as subscriber, site.connect() as tracker:
            subscriber.command("PSUBSCRIBE", f"__keyspace@{BULL}__:bull:*:x")
            tracker.command("HELLO", "3")
            tracker.command("SELECT", BULL)
            tracker.command("CLIENT", "TRACKING", "ON")
            tracker.command("MGET", "bull:a:x", "bull:b:x")
            self.assertEqual(watching.command("MONITOR"), b"OK")
            self.one.set("bull:a:x", "1")
            self.one.set("bull:b:y", "1")
            self.one.set("bull:b:x", "1")
            self.one.eval("return redis.call('GET', KEYS[1])", 1, "bull:a:x")
            self.assertEqual([subscriber.read()[-2:] for _ in range(2)],
                             [[b"__keyspace@4__:bull:a:x", b"set"], [b"__keyspace@4__:bull:b:x", b"set"]])
            self.assertEqual([tracker.read() for _ in range(2)],
                             [[b"invalidate", [b"bull:a:x"]], [b"invalidate", [b"bull:b:x"]]])
            lines = []
            while not any(" lua]" in line for line in lines):
                lines.append(watching.read().decode())
            self.assertTrue(any(re.search(r'\[4 \S+\] "EVAL" "return redis.call\(\'GET\', KEYS\[1\]\)" "1" "bull:a:x"$', line)
                                for line in lines), lines)
            self.assertTrue(any(re.search(r'\[4 lua\] "GET" "bull:a:x"', line) for line in lines), lines)

    def test_to_and_from_other_databases(self):
        one = self.one
        one.hset("bull:a:h", "f", "v")
        for database in (0, 1, 5):
            with site.client(db=database, decode_responses=True) as other:
                other.delete("bull:a:h")
                self.assertEqual(one.copy("bull:a:h", "bull:a:h", destination_db=database), 1)
                self.assertEqual(other.hget("bull:a:h", "f"), "v")
                self.assertTrue(other.delete("bull:a:h"))
        with site.client(db=1, decode_responses=True) as pinned:
            self.assertTrue(one.move("bull:a:h", 1))
            self.assertTrue(pinned.move("bull:a:h", BULL))
        self.assertEqual(one.hgetall("bull:a:h"), {"f": "v"})

    def test_explain_shows_the_group_and_its_slot(self):
        text = self.one.execute_command("PROXY", "EXPLAIN", "GET", "bull:mail:x")
        self.assertIn(f"mail slot={slot_of('mail')}", text)
        self.assertIn("4 grouped prefix=~4{???} patterns=bull:*:|user:*:|user:*", text)


@fixture.NOT_ONE_REDIS
class Programs(ProgramTests, ProgramsOfLayout):
    name = "the grouped database"
    databases = {2: 2, 3: 3}
    usual = (1200, "1")
    trial = grouping.GroupedTrial
    settled = [f"q{group}:settled".encode() for group in grouping.GROUPS]

    @classmethod
    def site(cls):
        return site

    def upheaval(self):
        return Upheaval(site.cluster, [slot_of(group) for group in grouping.GROUPS])


if __name__ == "__main__":
    fixture.main()
