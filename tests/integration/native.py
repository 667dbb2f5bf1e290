"""Native databases: the nodes' own, which Valkey 9 has in a cluster (cluster-databases). Skipped where nodes have none.

SLOTLESS_PROGRAMS_COUNT, _SEED and _FIRST choose other random programs than the usual ones.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import redis
import resp
from cluster import HOST, PASSWORD, SERVER
from proxy import Proxy, binary
from random_programs import native
from random_programs.of_layout import ProgramTests, ProgramsOfLayout
from random_programs.upheaval import Upheaval
from slots import slot_of
from waiting import wait_until


DATABASES = 8
THREE, FOUR = 3, 4
# 6 and 7 are for random programs of RESP2 and RESP3.
LAYOUTS = ("--databases", DATABASES, "--database-layout", f"1-{DATABASES - 1}=native")
# Keys of three masters.
KEYS = [f"key:{number}" for number in range(60)]


def has_databases():
    version = subprocess.run([SERVER, "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"Valkey server v=(\d+)", version)
    return found is not None and int(found[1]) >= 9


def setUpModule():
    global site
    if not has_databases():
        raise unittest.SkipTest("these servers have no databases of their own in a cluster")
    site = fixture.open_site(options=LAYOUTS,
                             node_options=("--cluster-databases", DATABASES, "--hz", "100", "--notify-keyspace-events", "KEA"))


def tearDownModule():
    fixture.close_site()


def at_nodes(*words, database=THREE):
    """What each master says to that in one of its own databases."""
    replies = []
    for master in site.cluster.masters():
        with master.connect() as connection:
            connection.command("SELECT", database)
            replies.append(connection.command(*words))
    return replies


@fixture.NOT_ONE_REDIS
class Native(unittest.TestCase):
    def setUp(self):
        self.zero = self.client(0)
        self.three = self.client(THREE)
        self.four = self.client(FOUR)
        for each in (self.zero, self.three, self.four):
            each.flushdb()

    def client(self, database):
        client = site.client(db=database, decode_responses=True)
        self.addCleanup(client.close)
        return client

    def connect(self, *words):
        connection = site.connect()
        self.addCleanup(connection.close)
        if words:
            connection.command(*words)
        return connection

    def refused(self, *words):
        with self.assertRaises(redis.ResponseError) as raised:
            self.three.execute_command(*words)
        return str(raised.exception)

    def test_keys_have_their_own_names_in_the_nodes_database_of_that_number(self):
        for client, value in ((self.zero, "zero"), (self.three, "three"), (self.four, "four")):
            client.mset({key: value for key in KEYS})
        self.assertEqual(sorted(key.decode() for keys in at_nodes("KEYS", "*") for key in keys), sorted(KEYS))
        self.assertTrue(all(count > 0 for count in at_nodes("DBSIZE")), "each master has some of them")
        for client, value in ((self.zero, "zero"), (self.three, "three"), (self.four, "four")):
            self.assertEqual(client.mget(KEYS), [value] * len(KEYS))

    def test_what_is_about_the_whole_database_is_asked_of_all_masters(self):
        three = self.three
        three.mset({key: "v" for key in KEYS})
        self.zero.set("beside", "v")
        self.assertEqual((three.dbsize(), self.zero.dbsize(), self.four.dbsize()), (len(KEYS), 1, 0))
        self.assertEqual(sorted(three.keys("key:*")), sorted(KEYS))
        self.assertEqual(sorted(three.scan_iter(match="key:*", count=7)), sorted(KEYS))
        self.assertIn(three.randomkey(), KEYS)
        self.assertIsNone(self.four.randomkey())
        keyspace = self.zero.info("keyspace")
        self.assertEqual({name: each["keys"] for name, each in keyspace.items()}, {"db0": 1, "db3": len(KEYS)})
        three.flushdb()
        self.assertEqual((three.dbsize(), self.zero.get("beside")), (0, "v"))
        three.set("again", "v")
        self.zero.flushall()
        self.assertEqual((three.dbsize(), self.zero.dbsize()), (0, 0))

    def test_within_a_slot_it_is_one_redis_and_over_slots_database_0(self):
        three = self.three
        three.rpush("{q}:wait", "1", "2")
        self.assertEqual(three.lmove("{q}:wait", "{q}:active", "RIGHT", "LEFT"), "2")
        self.assertEqual(three.blpop(["{q}:none", "{q}:wait"], 1), ("{q}:wait", "1"))
        self.assertTrue(three.rename("{q}:active", "{r}:elsewhere"))
        self.assertEqual(three.lrange("{r}:elsewhere", 0, -1), ["2"])
        self.assertEqual(self.zero.dbsize(), 0)
        three.rpush("a", "1")
        self.assertEqual(three.lmove("a", "b", "LEFT", "LEFT"), "1")
        self.assertEqual((three.lrange("b", 0, -1), self.zero.dbsize()), (["1"], 0))

    def test_a_pipeline_of_selects_goes_in_its_order(self):
        with self.connect() as connection:
            for _ in range(30):
                expected = []
                for database in (0, 3, 4, 3, 0, 4):
                    connection.send(resp.pack("SELECT", database))
                    connection.send(resp.pack("APPEND", "order", f"{database};"))
                    connection.send(resp.pack("STRLEN", "order"))
                    expected += [b"OK", None, None]
                for each in expected:
                    reply = connection.read()
                    self.assertTrue(each is None or reply == each, reply)
        for client, database in ((self.zero, 0), (self.three, 3), (self.four, 4)):
            self.assertEqual(client.get("order"), f"{database};" * 60)

    def test_transactions_and_watch(self):
        three = self.three
        self.zero.set("{t}x", "zero")
        with three.pipeline() as transaction:
            transaction.watch("{t}x")
            self.zero.set("{t}x", "another database's")
            transaction.multi()
            transaction.set("{t}x", "1").incr("{t}x").get("{t}x")
            self.assertEqual(transaction.execute(), [True, 2, "2"])
        with three.pipeline() as transaction:
            transaction.watch("{t}x")
            three.set("{t}x", "changed")
            transaction.multi()
            transaction.set("{t}x", "never")
            with self.assertRaises(redis.WatchError):
                transaction.execute()
        self.assertEqual((three.get("{t}x"), self.zero.get("{t}x")), ("changed", "another database's"))

    def test_select_within_a_transaction(self):
        with self.connect() as connection:
            for words in (("MULTI",), ("SELECT", THREE), ("SET", "k", "three"), ("GET", "k")):
                connection.command(*words)
            self.assertEqual(connection.command("EXEC"), [b"OK", b"OK", b"three"])
            self.assertEqual(connection.command("GET", "k"), b"three")  # the client is there now
            connection.command("MULTI")
            connection.command("SET", "k", "never")
            with self.assertRaisesRegex(resp.ReplyError, "can only come before"):
                connection.command("SELECT", 0)
            with self.assertRaisesRegex(resp.ReplyError, "EXECABORT"):
                connection.command("EXEC")
            connection.command("MULTI")
            connection.command("SELECT", 0)
            connection.command("DISCARD")
            self.assertEqual(connection.command("GET", "k"), b"three")
            connection.command("WATCH", "k")
            with self.assertRaisesRegex(resp.ReplyError, "while keys are watched"):
                connection.command("SELECT", 0)
            connection.command("UNWATCH")
            self.assertEqual(connection.command("SELECT", 0), b"OK")
            self.assertIsNone(connection.command("GET", "k"))
        self.assertEqual(self.zero.dbsize(), 0)

    def test_who_blocks_is_woken_by_its_own_database_only(self):
        with self.connect("SELECT", THREE) as waiting:
            waiting.send(resp.pack("BLPOP", "list", "20"))
            wait_until(lambda: self.zero.info("clients")["blocked_clients"] >= 1, 20, "the client to be blocked")
            self.zero.rpush("list", "zero")
            self.four.rpush("list", "four")
            self.three.rpush("list", "three")
            self.assertEqual(waiting.read(), [b"list", b"three"])
            self.assertEqual(waiting.command("DBSIZE"), 0)

    def test_between_databases_the_nodes_move_and_copy(self):
        three = self.three
        three.hset("h", "f", "v")
        self.assertTrue(three.move("h", FOUR))
        self.assertEqual(self.four.hgetall("h"), {"f": "v"})
        self.assertTrue(self.four.move("h", 0))
        self.assertFalse(self.four.move("h", 0))
        self.assertEqual(self.zero.copy("h", "h", destination_db=THREE), 1)
        self.assertEqual(self.zero.copy("h", "h", destination_db=THREE), 0)
        self.assertEqual(self.zero.copy("h", "h", destination_db=THREE, replace=True), 1)
        self.assertEqual(three.copy("h", "elsewhere"), 1)
        self.assertIn("CROSSSLOT", self.refused("COPY", "h", "elsewhere", "DB", FOUR))
        with three.pipeline() as transaction:
            transaction.move("h", FOUR)
            self.assertEqual(transaction.execute(), [True])
        self.assertEqual(sorted((three.dbsize(), self.four.dbsize(), self.zero.dbsize())), [1, 1, 1])
        self.assertIn("'swapdb' is not available", self.refused("SWAPDB", THREE, FOUR))

    def test_all_masters_run_scripts_about_the_whole_database(self):
        three, kept = self.three, "~9:a name like any other here"
        for client in (three, self.four):
            client.mset({key: "v" for key in KEYS})
        three.set(kept, "v")
        self.assertEqual(three.eval("return redis.call('dbsize')", 0), len(KEYS) + 1)
        delete = "return redis.call('del', unpack(redis.call('keys', ARGV[1])))"
        self.assertEqual(three.eval(delete, 0, "key:*"), len(KEYS))
        self.assertEqual(three.eval("return redis.call('keys', '*')", 0), [kept])
        self.assertEqual(three.eval("return redis.call('flushdb')", 0), "OK")
        self.assertEqual((three.dbsize(), self.four.dbsize()), (0, len(KEYS)))

    def test_bigkeys_walks_over_them(self):
        self.three.mset({key: "v" for key in KEYS})
        self.four.set("~9:large", "v" * 10_000)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLOTLESS_", "REDIS_"))}
        result = subprocess.run([binary(), "bigkeys", "--json", "--rate", "0", *map(str, LAYOUTS), "--cluster-nodes",
                                 ",".join(site.cluster.addresses())], capture_output=True, text=True, timeout=60,
                                env={**environment, "REDIS_PASSWORD": PASSWORD})
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        *groups, whole = [json.loads(line) for line in result.stdout.splitlines()]
        found = {group["database"]: group for group in groups}
        self.assertEqual({number: group["keys"] for number, group in found.items()}, {THREE: len(KEYS), FOUR: 1})
        self.assertEqual(found[FOUR]["largest"][0]["key"], "~9:large")
        self.assertEqual(whole["missing"], [])

    def test_scripts_call_keys_by_their_own_names(self):
        three = self.three
        script = "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])"
        self.assertEqual(three.eval(script, 1, "s", "v"), "v")
        self.assertEqual(three.evalsha(three.script_load(script), 1, "s", "w"), "w")
        self.assertEqual((three.get("s"), self.zero.get("s")), ("w", None))
        self.assertEqual(three.eval("return redis.call('INCR', KEYS[1] .. ':made')", 1, "{s}"), 1)
        self.assertEqual(three.get("{s}:made"), "1")
        elsewhere = next(key for key in KEYS if self.owner(key) is not self.owner("s"))
        self.assertIn("access a non local key", self.refused("EVAL", f"return redis.call('GET', '{elsewhere}')", 1, "s"))
        for number in (0, THREE, FOUR):
            message = self.refused("EVAL", f"redis.call('SELECT', {number}) return redis.call('SET', KEYS[1], 'never')", 1, "s")
            self.assertIn("SELECT in a script would lead to another database", message)
        self.assertEqual((three.get("s"), self.zero.get("s"), self.four.get("s")), ("w", None, None))
        with three.pipeline() as transaction:
            transaction.eval(script, 1, "s", "x").get("s")
            self.assertEqual(transaction.execute(), ["x", "x"])
        three.function_load("#!lua name=native\nredis.register_function('native_put', function(keys, args) "
                            "return redis.call('SET', keys[1], args[1]) end)", replace=True)
        self.assertEqual(three.fcall("native_put", 1, "f", "v"), "OK")
        self.assertEqual((three.get("f"), self.zero.get("f")), ("v", None))
        three.function_load("#!lua name=selecting\nredis.register_function('native_select', function(keys, args) "
                            "redis.call('SELECT', 0) return redis.call('SET', keys[1], args[1]) end)", replace=True)
        self.assertIn("SELECT in a script would lead to another database", self.refused("FCALL", "native_select", 1, "f", "never"))
        self.assertEqual((three.get("f"), self.zero.get("f")), ("v", None))

    def test_a_script_over_slots_spoils_no_node(self):
        """Valkey 9.1.2 would run no script with keys there any more (its client remembers that keys were in several slots)."""
        with self.connect() as connection:
            library = ("#!lua name=crossing\nredis.register_function('native_mget', function(keys, args) "
                       "return redis.pcall('MGET', 'key:1', 'key:2') end)")
            connection.command("FUNCTION", "LOAD", "REPLACE", library)
        for client in (self.zero, self.three):
            for words in (("EVAL", "return redis.call('MGET', 'key:1', 'key:2')", 0), ("FCALL", "native_mget", 0),
                          ("EVAL", "return redis.pcall('COPY', 'key:1', 'key:2')", 1, "key:1"),
                          ("EVAL", "return redis.call(ARGV[1], 'key:1', 'key:2')", 1, "key:1", "RENAME"),
                          ("EVAL", "return redis.call('LMOVE', 'key:1', 'key:2', 'LEFT', 'LEFT')", 1, "key:2"),
                          ("EVAL", "redis.call('SORT', 'key:1', 'STORE', 'key:2') return #redis.call('KEYS', '*')", 0)):
                with self.subTest(words), self.assertRaises(redis.ResponseError):
                    client.execute_command(*words)
            self.assertEqual([client.eval("return redis.call('INCR', KEYS[1])", 1, key) for key in KEYS], [1] * len(KEYS))
            self.assertEqual(client.eval("return redis.call('MGET', KEYS[1], KEYS[2])", 2, "{a}1", "{a}2"), [None, None])
            client.flushdb()

    def owner(self, key):
        return site.cluster.owner(slot_of(key))

    def test_notifications_have_the_number_of_the_database(self):
        with self.connect() as one, self.connect() as all_of_them, self.connect() as events:
            one.command("SUBSCRIBE", f"__keyspace@{THREE}__:key:1")
            all_of_them.command("PSUBSCRIBE", f"__keyspace@{THREE}__:key:*")
            events.command("PSUBSCRIBE", "__keyevent@*__:set")
            self.zero.set("key:1", "v")
            self.four.set("key:1", "v")
            for number in range(1, 10):
                self.three.set(f"key:{number}", "v")
            self.assertEqual(one.read(), [b"message", b"__keyspace@3__:key:1", b"set"])
            self.assertEqual({all_of_them.read()[2] for _ in range(9)}, {b"__keyspace@3__:key:%d" % n for n in range(1, 10)})
            self.assertEqual({tuple(events.read()[2:]) for _ in range(11)},
                             {(b"__keyevent@0__:set", b"key:1"), (b"__keyevent@4__:set", b"key:1"),
                              *((b"__keyevent@3__:set", b"key:%d" % n) for n in range(1, 10))})

    def test_monitor_shows_the_number_of_the_database(self):
        with self.connect() as watching:
            self.assertEqual(watching.command("MONITOR"), b"OK")
            self.three.eval("return redis.call('GET', KEYS[1])", 1, "key:1")
            self.zero.set("key:2", "v")
            lines = []
            while not all(any(word in line for line in lines) for word in ('"EVAL"', '"SET"')):
                lines.append(watching.read().decode())
            self.assertTrue(any(re.search(r'\[3 \S+\] "EVAL" "return redis.call\(\'GET\', KEYS\[1\]\)" "1" "key:1"$', line)
                                for line in lines), lines)
            self.assertTrue(any(re.search(r'\[0 \S+\] "SET" "key:2" "v"', line) for line in lines), lines)

    def test_tracking_tells_of_keys_and_of_another_database(self):
        with self.connect("HELLO", 3) as tracker:
            tracker.command("SELECT", THREE)
            tracker.command("CLIENT", "TRACKING", "ON")
            self.three.mset({"key:1": "1", "key:2": "2"})
            self.assertEqual(tracker.command("MGET", "key:1", "key:2"), [b"1", b"2"])
            self.three.set("key:1", "changed")
            self.assertEqual(tracker.read(), [b"invalidate", [b"key:1"]])
            self.four.set("key:3", "4")
            tracker.command("SELECT", FOUR)
            tracker.send(resp.pack("GET", "key:3"))
            # What has been read there before is not remembered by these connections: all of it is void.
            self.assertCountEqual([tracker.read() for _ in range(2)], [[b"invalidate", None], b"4"])
            self.four.set("key:3", "changed")
            self.assertEqual(tracker.read(), [b"invalidate", [b"key:3"]])

    def test_links_are_made_when_a_database_is_used_and_explain_shows_it(self):
        self.three.get("k")
        self.assertIn("3 native", self.three.execute_command("PROXY", "EXPLAIN", "GET", "k"))
        links = self.zero.execute_command("PROXY", "LINKS")
        self.assertRegex(links, r" db=3\b")
        self.assertNotRegex(links, r" db=5\b")

    def test_many_clients_in_many_databases_keep_to_their_own(self):
        errors = []

        def work(database):
            try:
                with site.client(db=database, decode_responses=True) as client:
                    for number in range(150):
                        key = KEYS[number % len(KEYS)]
                        client.rpush(key, database)
                        if set(client.lrange(key, 0, -1)) != {str(database)}:
                            errors.append((database, key))
            except Exception as error:  # pylint: disable=broad-except  # whatever it is, the test has to know
                errors.append(error)

        databases = [0, 1, 2, THREE, FOUR]
        threads = [threading.Thread(target=work, args=(database,)) for database in databases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        for database in (1, 2):
            self.client(database).flushdb()

    def test_a_slot_moves_with_all_databases_under_load(self):
        """By CLUSTER MIGRATESLOTS, to and fro, while clients of two native databases write: in order, and exactly once."""
        slot = slot_of("{moved}")
        done, errors = threading.Event(), []

        def work(database, written):
            try:
                with site.client(db=database, decode_responses=True) as client:
                    while not done.is_set():
                        written.append(client.rpush("{moved}list", len(written)))
            except Exception as error:  # pylint: disable=broad-except
                errors.append(error)

        counts = {THREE: [], FOUR: []}
        threads = [threading.Thread(target=work, args=each) for each in counts.items()]
        for thread in threads:
            thread.start()
        try:
            for _ in range(2):
                owner = site.cluster.owner(slot)
                target = next(master for master in site.cluster.masters() if master is not owner)
                owner.command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.id)
                site.cluster.wait_for_owner(slot, target, 40)
        finally:
            done.set()
            for thread in threads:
                thread.join()
        self.assertEqual(errors, [])
        for client, written in ((self.three, counts[THREE]), (self.four, counts[FOUR])):
            self.assertEqual(written, list(range(1, len(written) + 1)))
            self.assertEqual(client.lrange("{moved}list", 0, -1), [str(number) for number in range(len(written))])
            self.assertGreater(len(written), 10)


@fixture.NOT_ONE_REDIS
class BesideOtherLayouts(unittest.TestCase):
    """A second daemon in front of the same cluster, with layouts of all kinds and clients' own numbers."""

    @classmethod
    def setUpClass(cls):
        cls.proxy = Proxy(site.cluster.addresses(), ["--databases", "16", "--database-layout", "2=grouped:q:*:", "--database-layout",
                                                     "3=native", "--database-layout", "5=native", "--database-layout", "9=native"])
        cls.mapped = Proxy(site.cluster.addresses(), LAYOUTS, listen="?database-map=3+0")

    @classmethod
    def tearDownClass(cls):
        cls.mapped.stop()
        cls.proxy.stop()

    def client(self, database, proxy=None):
        client = redis.Redis(host=HOST, port=(proxy or self.proxy).port, password=PASSWORD, db=database, decode_responses=True,
                             socket_timeout=30)
        self.addCleanup(client.close)
        return client

    def setUp(self):
        self.client(0).flushall()

    def test_each_database_has_its_own_keys(self):
        clients = [self.client(number) for number in (0, 1, 2, 3)]
        for number, client in enumerate(clients):
            client.set("k", number)
            for _ in range(number):
                client.incr("count")
        for number, client in enumerate(clients):
            self.assertEqual((client.get("k"), client.dbsize(), sorted(client.keys("*")), sorted(client.scan_iter())),
                             (str(number), 2 if number else 1, *[["count", "k"] if number else ["k"]] * 2))
        keyspace = clients[0].info("keyspace")
        self.assertEqual((keyspace["db3"]["keys"], keyspace["db1"]["keys"]), (2, 2))
        clients[0].flushdb()
        self.assertEqual([client.dbsize() for client in clients], [0, 2, 2, 2])
        with self.assertRaisesRegex(redis.ResponseError, "between a native database and one"):
            clients[3].move("k", 1)

    def test_notifications_of_both_kinds(self):
        with resp.Connection(HOST, self.proxy.port, PASSWORD) as subscriber:
            subscriber.command("PSUBSCRIBE", "__keyspace@[13]__:k")
            subscriber.command("SUBSCRIBE", "__keyevent@3__:set")
            self.client(1).set("k", "v")
            self.client(3).set("k", "v")
            heard = {tuple(subscriber.read()[-2:]) for _ in range(3)}
            self.assertEqual(heard, {(b"__keyspace@1__:k", b"set"), (b"__keyspace@3__:k", b"set"), (b"__keyevent@3__:set", b"k")})

    def test_a_database_that_the_nodes_do_not_have_is_refused(self):
        client = self.client(0)
        with self.assertRaisesRegex(redis.ResponseError, "database 9 is native, and node .* has none of that number"):
            client.execute_command("SELECT", 9)
        self.assertEqual(client.get("k"), None)
        with resp.Connection(HOST, self.proxy.port, PASSWORD) as connection:
            connection.command("MULTI")
            with self.assertRaisesRegex(resp.ReplyError, "database 9 is native"):
                connection.command("SELECT", 9)
            connection.command("SET", "k", "never")
            with self.assertRaisesRegex(resp.ReplyError, "EXECABORT"):
                connection.command("EXEC")
        self.assertEqual(client.get("k"), None)

    def test_a_database_with_keys_of_another_layout_is_refused(self):
        before = Proxy(site.cluster.addresses(), ["--databases", "6"])
        try:
            self.client(5, before).set("k", "in the pinned database")
        finally:
            before.stop()
        client = self.client(0)
        with self.assertRaisesRegex(redis.ResponseError, "database 5 has keys that layout pinned has left"):
            client.execute_command("SELECT", 5)
        self.client(0, site.proxy).execute_command("FLUSHALL")
        wait_until(lambda: self.selected(client, 5), 20, "the database to be taken once it has none")

    @staticmethod
    def selected(client, number):
        try:
            return client.execute_command("SELECT", number)
        except redis.ResponseError:
            return False

    def test_clients_may_call_it_otherwise(self):
        zero, one = self.client(0, self.mapped), self.client(1, self.mapped)
        zero.set("k", "native")
        one.set("k", "zero")
        self.assertEqual(at_nodes("KEYS", "k").count([b"k"]), 1)
        self.assertEqual({name: each["keys"] for name, each in zero.info("keyspace").items()}, {"db0": 1, "db1": 1})
        self.assertEqual(zero.copy("k", "k", destination_db=1, replace=True), 1)
        self.assertEqual(one.get("k"), "native")
        with resp.Connection(HOST, self.mapped.port, PASSWORD) as subscriber:
            subscriber.command("SUBSCRIBE", "__keyspace@0__:k")
            one.set("k", "not heard of")
            zero.set("k", "heard of")
            self.assertEqual(subscriber.read(), [b"message", b"__keyspace@0__:k", b"set"])


@fixture.NOT_ONE_REDIS
class Programs(ProgramTests, ProgramsOfLayout):
    name = "the native database"
    databases = {2: 6, 3: 7}
    usual = (800, "16")
    trial = native.NativeTrial

    @classmethod
    def site(cls):
        return site

    def upheaval(self):
        return Upheaval(site.cluster, [slot_of(group) for group in native.GROUPS], atomic=True)

    def run_programs(self, count, moving=False):
        figures = super().run_programs(count, moving)
        # Valkey 9.1.2 refuses keys to scripts in MULTI, from some moment on, that it gives to the same ones elsewhere.
        self.assertLess(figures["parted"], count / 10)


if __name__ == "__main__":
    fixture.main()
