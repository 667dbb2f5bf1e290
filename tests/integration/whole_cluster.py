"""Commands about the whole database: the cluster answers as one server, also while slots move."""

import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from plain_servers import Server
from slots import slot_of
from waiting import wait_until

DEBUGGING = """
    SET d1 v
    SET d2 w
    RPUSH d3 a b
    HSET d4 f v
    DEBUG DIGEST-VALUE d1 d2 none d3 d4 d1
    DEBUG DIGEST-VALUE d2 d1
    DEBUG DIGEST-VALUE d4
    DEBUG DIGEST-VALUE none
    DEBUG DIGEST-VALUE
    DEBUG PROTOCOL string
    DEBUG PROTOCOL array
    DEBUG PROTOCOL set
    DEBUG PROTOCOL map
    DEBUG PROTOCOL double
    DEBUG PROTOCOL null
    DEBUG PROTOCOL verbatim
    DEBUG PROTOCOL true
    DEBUG PROTOCOL bignum
    DEBUG PROTOCOL nosuch
    DEBUG PROTOCOL
    DEBUG HELP
    DEBUG NOSUCH
    DEBUG OBJECT none"""

ADMIN = ("--allow-admin-commands", "yes")
# What clients that keep cursors as doubles can hold.
DOUBLE = 1 << 53


def setUpModule():
    global site
    site = fixture.open_site(options=ADMIN)


def tearDownModule():
    fixture.close_site()


def scan_all(connection, *arguments):
    """All keys of a full iteration, in the order in which they came."""
    keys, cursor = [], b"0"
    while True:
        cursor, page = connection.command("SCAN", cursor, *arguments)
        keys += page
        assert 0 <= int(cursor) < DOUBLE
        if cursor == b"0":
            return keys


def info(connection, *sections):
    lines = connection.command("INFO", *sections).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


class WholeClusterTest(unittest.TestCase):
    def setUp(self):
        self.connection = site.connect()
        self.addCleanup(self.connection.close)
        self.command = self.connection.command
        self.command("FLUSHALL")

    def fill(self, count, prefix="key"):
        keys = [f"{prefix}:{i}" for i in range(count)]
        self.connection.send(resp.pack_all([("SET", key, i) for i, key in enumerate(keys)]))
        for _ in keys:
            self.connection.read()
        return {key.encode() for key in keys}


class Keyspace(WholeClusterTest):
    def test_all_keys_are_counted_listed_and_flushed(self):
        keys = self.fill(1000)
        self.assertEqual(self.command("DBSIZE"), 1000)
        self.assertEqual(set(self.command("KEYS", "*")), keys)
        self.assertEqual(set(self.command("KEYS", "key:99?")), {b"key:99%d" % i for i in range(10)})
        for flush in (("FLUSHDB",), ("FLUSHALL", "ASYNC"), ("FLUSHDB", "SYNC")):
            self.fill(10)
            self.assertEqual(self.command(*flush), b"OK")
            self.assertEqual(self.command("DBSIZE"), 0)

    def test_a_random_key_comes_from_any_node_and_from_the_only_one_that_has_some(self):
        self.assertIsNone(self.command("RANDOMKEY"))
        self.command("SET", "only", "1")
        self.assertEqual({self.command("RANDOMKEY") for _ in range(30)}, {b"only"})
        keys = self.fill(300)
        found = {self.command("RANDOMKEY") for _ in range(200)}
        self.assertLessEqual(found, keys | {b"only"})
        self.assertEqual({slot_of(key) // 5462 for key in found}, {0, 1, 2})

    def test_errors_of_all_nodes_are_one_error(self):
        self.assertEqual(self.connection.error("FLUSHALL", "NEVER"), "ERR syntax error")
        self.assertEqual(self.connection.error("DBSIZE", "x"), "ERR wrong number of arguments for 'dbsize' command")


class Scan(WholeClusterTest):
    def test_a_quiet_iteration_gives_each_key_once(self):
        keys = self.fill(3000)
        for arguments in ((), ("COUNT", "1"), ("COUNT", "100000")):
            with self.subTest(arguments=arguments):
                found = scan_all(self.connection, *arguments)
                self.assertEqual(len(found), len(keys))
                self.assertEqual(set(found), keys)

    def test_match_and_type_filter(self):
        self.fill(500)
        self.command("LPUSH", "list:1", "x")
        self.assertEqual(scan_all(self.connection, "TYPE", "list"), [b"list:1"])
        self.assertEqual(set(scan_all(self.connection, "MATCH", "key:4?", "COUNT", "50")),
                         {b"key:4%d" % i for i in range(10)})
        self.assertEqual(scan_all(self.connection, "MATCH", "none*"), [])

    def test_an_empty_database_ends_with_cursor_0(self):
        self.assertEqual(scan_all(self.connection), [])

    def test_bad_arguments_give_redis_errors(self):
        self.assertEqual(self.connection.error("SCAN", "x"), "ERR invalid cursor")
        self.assertEqual(self.connection.error("SCAN", "-"), "ERR invalid cursor")
        self.assertEqual(self.connection.error("SCAN", "0", "COUNT", "x"), "ERR value is not an integer or out of range")
        self.assertEqual(self.connection.error("SCAN", "0", "COUNT", "0"), "ERR syntax error")
        self.assertEqual(self.connection.error("SCAN", "0", "NO"), "ERR syntax error")

    def test_any_number_is_a_cursor(self):
        self.fill(100)
        for cursor in ("1", "12345678901234567", str(DOUBLE - 1), "18446744073709551615"):
            self.assertEqual(len(self.command("SCAN", cursor)), 2)

    def test_a_client_library_iterates(self):
        keys = self.fill(500)
        self.assertEqual(set(site.client().scan_iter(count=20)), keys)

    @fixture.NOT_ONE_REDIS
    def test_no_key_is_left_out_while_slots_move(self):
        keys = self.fill(6000)
        # With few keys per page there are many pages during the moves.
        moving = threading.Event()
        problems = []

        def move():
            try:
                # Both directions, from the low and from the high end, and back again.
                for _ in range(4):
                    for source, target in ((0, 1), (2, 0), (1, 2)):
                        masters = site.cluster.first_masters
                        slots = site.cluster.slots_of(masters[source])
                        for slot in (slots[0], slots[-1], slots[len(slots) // 2]):
                            site.cluster.move_slot(slot, masters[target])
            except Exception as problem:  # shown by the test
                problems.append(problem)
            moving.set()

        mover = threading.Thread(target=move)
        mover.start()
        rounds = 0
        try:
            while not moving.is_set() or rounds < 2:
                found = scan_all(self.connection, "COUNT", "25")
                self.assertEqual(keys - set(found), set())
                rounds += 1
        finally:
            mover.join()
        self.assertEqual(problems, [])
        # At rest again there are no duplicates, though ranges are in pieces now.
        wait_until(lambda: len(scan_all(self.connection, "COUNT", "1000")) == len(keys), 20, "an iteration at rest")

    @fixture.NOT_ONE_REDIS
    def test_an_iteration_ends_while_a_slot_rests_half_moved(self):
        keys = self.fill(2000, "{half}:")
        slot = slot_of(b"{half}:0")
        source = site.cluster.owner(slot)
        target = next(each for each in site.cluster.first_masters if each is not source)
        move = site.cluster.begin_move(slot, target)
        move.migrate(sorted(keys)[:700])
        try:
            found = scan_all(self.connection, "COUNT", "50")
            self.assertEqual(len(found), len(keys))
            self.assertEqual(set(found), keys)
        finally:
            move.migrate()
            move.finish()


class Scripts(WholeClusterTest):
    def test_a_loaded_script_is_everywhere(self):
        sha = self.command("SCRIPT", "LOAD", "return redis.call('SET', KEYS[1], 'by script')")
        self.assertEqual(self.command("SCRIPT", "EXISTS", sha, "0" * 40), [1, 0])
        for i in range(20):
            self.assertEqual(self.command("EVALSHA", sha, 1, f"script:{i}"), b"OK")
        self.assertEqual(self.command("SCRIPT", "FLUSH"), b"OK")
        self.assertEqual(self.command("SCRIPT", "EXISTS", sha), [0])
        self.assertEqual(self.connection.error("SCRIPT", "KILL"), "NOTBUSY No scripts in execution right now.")

    def test_functions_are_everywhere(self):
        code = "#!lua name=lib\nredis.register_function('f', function(keys) return redis.call('SET', keys[1], 1) end)"
        self.assertEqual(self.command("FUNCTION", "LOAD", code), b"lib")
        self.assertEqual(self.connection.error("FUNCTION", "LOAD", code), "ERR Library 'lib' already exists")
        for i in range(20):
            self.assertEqual(self.command("FCALL", "f", 1, f"function:{i}"), b"OK")
        dump = self.command("FUNCTION", "DUMP")
        self.assertEqual(len(self.command("FUNCTION", "LIST")), 1)
        stats = self.command("FUNCTION", "STATS")
        self.assertEqual(stats[:2], [b"running_script", None])
        self.assertEqual(self.command("FUNCTION", "DELETE", "lib"), b"OK")
        self.assertEqual(self.command("FUNCTION", "RESTORE", dump), b"OK")
        self.assertEqual(self.command("FCALL", "f", 1, "again"), b"OK")
        self.assertEqual(self.command("FUNCTION", "FLUSH"), b"OK")
        self.assertEqual(self.command("FUNCTION", "LIST"), [])

    def test_a_script_that_runs_on_one_node_can_be_killed(self):
        self.command("CONFIG", "SET", "busy-reply-threshold", "1")
        self.addCleanup(self.command, "CONFIG", "SET", "busy-reply-threshold", "5000")
        with site.connect() as busy:
            busy.send(resp.pack("EVAL", "while true do redis.call('GET', KEYS[1]) end", 1, "busy"))

            def killed():
                self.connection.send(resp.pack("SCRIPT", "KILL"))
                return self.connection.read() == b"OK"

            wait_until(killed, 20, "SCRIPT KILL to find the script")
            self.assertIn("Script killed by user", str(busy.read()))


class PubSubCounts(WholeClusterTest):
    def test_without_subscribers_there_is_nothing_to_count(self):
        self.assertEqual(self.command("PUBSUB", "CHANNELS"), [])
        self.assertEqual(self.command("PUBSUB", "NUMSUB", "a", "b", "a"), [b"a", 0, b"b", 0, b"a", 0])
        self.assertEqual(self.command("PUBSUB", "NUMPAT"), 0)
        self.assertEqual(self.command("PUBSUB", "SHARDCHANNELS"), [])
        self.assertEqual(self.command("PUBSUB", "SHARDNUMSUB", "a"), [b"a", 0])

    @fixture.NOT_ONE_REDIS
    def test_subscribers_at_the_nodes_are_counted_by_channel(self):
        nodes = site.cluster.first_masters
        subscribers = [resp.Connection("127.0.0.1", node.port, fixture.PASSWORD) for node in (*nodes, nodes[0])]
        for number, subscriber in enumerate(subscribers):
            self.addCleanup(subscriber.close)
            subscriber.command("SUBSCRIBE", "all")
            subscriber.command("SUBSCRIBE", f"own:{number}")
        self.assertEqual(set(self.command("PUBSUB", "CHANNELS")), {b"all", b"own:0", b"own:1", b"own:2", b"own:3"})
        self.assertEqual(self.command("PUBSUB", "NUMSUB", "own:1", "all"), [b"own:1", 1, b"all", 4])


    def test_a_connection_sees_its_own_subscriptions_at_once(self):
        requests = [("HELLO", 3), ("SUBSCRIBE", "mine"), ("PUBSUB", "CHANNELS", "mine"), ("PUBSUB", "NUMSUB", "mine"),
                    ("PSUBSCRIBE", "mine*"), ("PUBSUB", "NUMPAT"), ("SSUBSCRIBE", "mine"), ("PUBSUB", "SHARDCHANNELS", "mine")]
        for _ in range(20):
            with site.connect() as connection:
                connection.send(resp.pack_all(requests))
                got = [connection.read() for _ in requests]
                seen = [reply for request, reply in zip(requests, got) if request[0] == "PUBSUB"]
                self.assertEqual(seen, [[b"mine"], [b"mine", 1], 1, [b"mine"]])
                # The end of the last one is a question to its node on another connection, which nobody waits for.
                connection.send(resp.pack_all([("UNSUBSCRIBE", "mine"), ("PUNSUBSCRIBE", "mine*")]))
                wait_until(lambda: self.command("PUBSUB", "CHANNELS", "mine") == []
                           and self.command("PUBSUB", "NUMSUB", "mine") == [b"mine", 0]
                           and self.command("PUBSUB", "NUMPAT") == 0, 5, "the end of the subscriptions to show")


class Info(WholeClusterTest):
    def test_it_is_one_standalone_master(self):
        fields = info(self.connection)
        mode = "server_mode" if "valkey_version" in fields else "redis_mode"
        for name, value in {mode: "standalone", "role": "master", "connected_slaves": "1", "cluster_enabled": "0",
                            "loading": "0", "tcp_port": str(self.connection.socket.getpeername()[1])}.items():
            self.assertEqual(fields[name], value)
        # As WAIT counts them, and at an address where all keys are.
        own = f"ip=127.0.0.1,port={fields['tcp_port']},state=online,"
        self.assertTrue(fields["slave0"].startswith(own), fields["slave0"])
        self.assertNotIn("slave1", fields)
        self.command("SET", "x", 1)
        self.assertEqual(self.command("WAIT", 1, 5000), 1)
        self.assertEqual(self.command("ROLE")[2], [[b"127.0.0.1", fields["tcp_port"].encode(), b"0"]])

    def test_sections_are_chosen_as_in_redis(self):
        def headings(*sections):
            return [line for line in self.command("INFO", *sections).decode().splitlines() if line.startswith("#")]

        self.assertEqual(headings("keyspace"), ["# Keyspace"])
        self.assertEqual(headings("CLIENTS", "cpu"), ["# Clients", "# CPU"])
        self.assertEqual(headings("nosuchsection"), [])
        self.assertNotIn("# Commandstats", headings())
        self.assertEqual(headings("default"), headings())
        everything = headings("everything")
        for name in ("Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Modules", "Commandstats",
                     "Errorstats", "Latencystats", "Cluster", "Keyspace"):
            self.assertIn("# " + name, everything)

    def test_the_keyspace_is_all_masters(self):
        self.fill(900)
        self.command("EXPIRE", "key:1", "1000")
        self.command("EXPIRE", "key:2", "1000")
        fields = dict(part.split("=") for part in info(self.connection, "keyspace")["db0"].split(","))
        self.assertEqual((fields["keys"], fields["expires"]), ("900", "2"))

    def test_commands_are_counted_over_all_nodes_and_can_be_reset(self):
        self.command("CONFIG", "RESETSTAT")
        for i in range(60):
            self.command("GET", f"key:{i}")
        fields = info(self.connection, "commandstats")
        self.assertEqual(fields["cmdstat_get"].split(",")[0], "calls=60")

    def test_the_clients_are_those_of_the_server(self):
        others = [site.connect() for _ in range(7)]
        try:
            self.assertGreaterEqual(int(info(self.connection, "clients")["connected_clients"]), 8)
        finally:
            for other in others:
                other.close()

    def test_memory_and_its_readable_form_agree(self):
        fields = info(self.connection, "memory")
        self.assertGreater(int(fields["used_memory"]), 0)
        self.assertRegex(fields["used_memory_human"], r"^\d+\.\d\d[KMG]$")
        stats = self.command("MEMORY", "STATS")
        self.assertGreater(dict(zip(stats[::2], stats[1::2]))[b"total.allocated"], 0)


class Administration(WholeClusterTest):
    def test_settings_are_changed_and_shown(self):
        self.assertEqual(self.command("CONFIG", "SET", "hash-max-listpack-entries", "77"), b"OK")
        self.assertEqual(self.command("CONFIG", "GET", "hash-max-listpack-entries"), [b"hash-max-listpack-entries", b"77"])
        self.assertIn("ERR", self.connection.error("CONFIG", "SET", "nosuchsetting", "1"))
        self.assertEqual(self.command("CONFIG", "GET", "nosuch*"), [])

    def test_a_transaction_has_what_is_asked_of_all_nodes_and_workers(self):
        for database in (0, 1):
            with self.subTest(database=database):
                self.command("SELECT", database)
                self.addCleanup(self.command, "SELECT", 0)
                self.command("MULTI")
                for words in (("SET", "k", "1"), ("INFO", "server"), ("CLIENT", "SETNAME", "in-exec"), ("CLIENT", "LIST"),
                              ("INCR", "k"), ("MEMORY", "STATS"), ("SLOWLOG", "LEN")):
                    self.assertEqual(self.command(*words), b"QUEUED")
                told = self.command("EXEC")
                self.assertEqual([told[0], told[2], told[4]], [b"OK", b"OK", 2])
                self.assertIn(b"redis_mode:standalone" if b"redis_mode" in told[1] else b"server_mode:standalone", told[1])
                self.assertIn(b"name=in-exec", told[3])
                self.assertIn(b"total.allocated", told[5])
                self.assertIsInstance(told[6], int)

    @fixture.NOT_ONE_REDIS
    def test_debug_is_answered_as_by_one_server(self):
        server = Server("debugged")
        self.addCleanup(server.kill)
        with server.connect() as plain:
            for database, protocol in ((0, 2), (0, 3), (1, 2)):
                for connection in (plain, self.connection):
                    connection.command("HELLO", protocol)
                    connection.command("FLUSHALL")
                    connection.command("SELECT", database)
                for line in DEBUGGING.strip().splitlines():
                    with self.subTest(line, database=database, protocol=protocol):
                        self.assertEqual(self.connection.raw(*line.split()), plain.raw(*line.split()))

    @fixture.NOT_ONE_REDIS
    def test_an_error_that_a_client_asks_for_is_the_one_that_it_gets(self):
        """From a node LOADING and READONLY would be waited for."""
        for line in ("LOADING no", "READONLY no", "CLUSTERDOWN no", "-x"):
            self.assertEqual(self.connection.error("DEBUG", "ERROR", line), line)

    @fixture.NOT_ONE_REDIS
    def test_settings_reach_replicas_too(self):
        self.command("CONFIG", "SET", "slowlog-max-len", "77")
        for node in site.cluster.nodes:
            self.assertEqual(node.command("CONFIG", "GET", "slowlog-max-len"), [b"slowlog-max-len", b"77"])

    @fixture.NOT_ONE_REDIS
    def test_settings_are_those_of_one_server(self):
        self.command("CONFIG", "SET", "maxmemory", str(1 << 30))
        self.addCleanup(self.command, "CONFIG", "SET", "maxmemory", "0")
        self.assertEqual(self.command("CONFIG", "GET", "maxmemory"), [b"maxmemory", b"%d" % (1 << 30)])
        self.assertEqual(info(self.connection, "memory")["maxmemory"], str(3 << 30))  # what there is
        self.assertEqual(self.command("CONFIG", "GET", "port"), [b"port", b"%d" % site.proxy.port])
        self.assertEqual(self.command("CONFIG", "GET", "cluster-enabled"), [b"cluster-enabled", b"no"])
        self.assertEqual(self.command("CONFIG", "GET", "masterauth"), [b"masterauth", b""])
        self.assertIn("would lose the nodes", self.connection.error("CONFIG", "SET", "Port", "1"))

    def test_command_answers_what_a_node_knows(self):
        docs = self.command("COMMAND", "DOCS", "get")
        self.assertEqual(docs[0], b"get")
        self.assertEqual(set(self.command("COMMAND", "LIST", "FILTERBY", "PATTERN", "xread*")), {b"xread", b"xreadgroup"})
        self.assertEqual(self.command("COMMAND", "GETKEYSANDFLAGS", "GET", "k"), [[b"k", [b"RO", b"access"]]])
        self.assertEqual(self.command("COMMAND", "GETKEYS", "EVAL", "return 1", "0"), [])

    def test_values_are_looked_into_by_key(self):
        self.command("RPUSH", "object", *range(10))
        self.assertIn(self.command("OBJECT", "ENCODING", "object"), (b"listpack", b"quicklist"))
        self.assertGreater(self.command("MEMORY", "USAGE", "object"), 0)


@fixture.NOT_ONE_REDIS
class WithoutPermission(unittest.TestCase):
    def test_administration_is_refused_and_reading_settings_is_not(self):
        from proxy import Proxy, connect

        proxy = Proxy(site.cluster.addresses())
        try:
            with connect(proxy) as connection:
                for refused in (("CONFIG", "SET", "maxmemory", "1"), ("DEBUG", "SLEEP", "0"), ("SAVE",), ("ACL", "LIST")):
                    self.assertIn("unless allow-admin-commands is set", connection.error(*refused))
                for never in (("SHUTDOWN",), ("REPLICAOF", "NO", "ONE"), ("MIGRATE", "h", "1", "k", "0", "1")):
                    self.assertIn("is not available through Slotless", connection.error(*never))
                self.assertEqual(connection.command("CONFIG", "GET", "maxmemory"), [b"maxmemory", b"0"])
        finally:
            proxy.stop()


if __name__ == "__main__":
    fixture.main()
