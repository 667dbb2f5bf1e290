"""What one Redis would have answered or refused, and a cluster would silently do wrong."""

import argparse
import pathlib
import re
import socket
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD, Cluster
from proxy import Proxy
from slots import slot_of
from waiting import wait_until

site = None
KEYS = [f"sess:{number}" for number in range(60)]
DELETING = "for _,k in ipairs(redis.call('keys',ARGV[1])) do redis.call('del',k) end return 1"
REFUSED = "in a script would concern one node, not a database: use a pinned database"


def setUpModule():
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


def connect(database=0, place=None):
    connection = resp.Connection(HOST, (place or site).proxy.port, PASSWORD)
    connection.command("SELECT", database)
    return connection


class WholeDatabaseInScripts(unittest.TestCase):
    def setUp(self):
        self.zero = connect()
        self.addCleanup(self.zero.close)
        for key in KEYS:
            self.zero.command("SET", key, "v")

    def test_database_0_refuses_them_with_keys_and_nothing_is_done(self):
        for call in ("'KEYS','*'", "'scan','0'", "'DbSize'", "'randomkey'", "'flushdb'", "ARGV[1]"):
            script = f"return redis.call({call})"
            self.assertIn(REFUSED, self.zero.error("EVAL", script, "1", "sess:1", "dbsize"), call)
            sha = self.zero.command("SCRIPT", "LOAD", script)
            self.assertEqual(self.zero.command("SCRIPT", "EXISTS", sha), [1])
            error = self.zero.error("EVALSHA", sha, "1", "sess:1", "dbsize")
            self.assertIn(REFUSED, error)
            self.assertNotRegex(error, "script: (?!" + sha.decode() + ")[0-9a-f]{40}")
        for call in ("'keys','*'", "'dbsize'"):
            self.assertIn(REFUSED, self.zero.error("EVAL_RO", f"return redis.call({call})", "1", "sess:1"))
        self.assertIn("FLUSHALL in a script would concern one node", self.zero.error("EVAL", "redis.call('flushall')", "0"))
        self.assertIn(REFUSED, self.zero.error("EVAL", DELETING, "1", "sess:1", "sess:*"))
        self.assertEqual(self.zero.command("DBSIZE"), len(KEYS))
        self.assertIn(REFUSED.encode(), self.zero.command("EVAL", "return redis.pcall('dbsize').err", "0"))

    def test_a_guarded_script_does_all_else(self):
        script = "local r = redis return r.call(ARGV[1], KEYS[1], unpack(ARGV, 2))"
        self.assertEqual(self.zero.command("EVAL", script, "1", "g", "set", "1"), b"OK")
        self.assertEqual(self.zero.command("EVAL", script, "1", "g", "incr"), 2)
        self.assertRegex(self.zero.error("EVAL", script, "1", "g", "lpop"), "^WRONGTYPE ")
        self.assertEqual(self.zero.command("EVAL", "return redis.sha1hex('') .. ARGV[1]" + " -- _G loadstring" * 2, "0", "x")[:4], b"da39")
        self.assertEqual(self.zero.command("EVAL", "local t = _G if 1 == 2 then redis.call('keys', '*') end return 7", "0"), 7)

    def test_another_proxy_that_has_not_seen_it_does_not_run_it(self):
        script = "return redis.call('dbsize') + 0"
        sha = self.zero.command("SCRIPT", "LOAD", script)
        proxy = Proxy(site.cluster.addresses())
        try:
            with resp.Connection(HOST, proxy.port, PASSWORD) as connection:
                self.assertRegex(connection.error("EVALSHA", sha, "0"), "^NOSCRIPT ")
        finally:
            proxy.stop()

    def test_a_pinned_database_has_them(self):
        with connect(1) as one:
            for key in KEYS:
                one.command("SET", key, "v")
            self.assertEqual(one.command("EVAL", "return redis.call('dbsize')", "0"), len(KEYS))
            self.assertEqual(one.command("EVAL", DELETING, "0", "sess:*"), 1)
            self.assertEqual(one.command("DBSIZE"), 0)
        self.assertEqual(self.zero.command("DBSIZE"), len(KEYS))

    def test_functions_are_refused_likewise_and_shown_as_they_were_loaded(self):
        code = ("#!lua name=guarded\n"
                "redis.register_function('g_size', function() return redis.call('dbsize') end)\n"
                "redis.register_function{function_name='g_any', callback=function(k, a) return redis.call(unpack(a)) end,"
                " flags={'no-writes'}}\n"
                "redis.register_function('g_set', function(k, a) return redis.status_reply(redis.call('set', k[1], a[1]).ok) end)")
        self.assertEqual(self.zero.command("FUNCTION", "LOAD", "REPLACE", code), b"guarded")
        self.assertIn("DBSIZE in a script would concern one node", self.zero.error("FCALL", "g_size", "0"))
        self.assertIn("KEYS in a script would concern one node", self.zero.error("FCALL_RO", "g_any", "0", "KEYS", "*"))
        self.assertEqual(self.zero.command("FCALL", "g_set", "1", "k", "v"), b"OK")
        self.assertEqual(self.zero.command("GET", "k"), b"v")
        listed = self.zero.command("FUNCTION", "LIST", "WITHCODE")
        self.assertIn(code.encode(), str(listed).encode("utf-8").decode("unicode_escape").encode())
        self.zero.command("FUNCTION", "DELETE", "guarded")
        self.zero.command("DEL", "k")

    def tearDown(self):
        self.zero.command("FLUSHDB")


class OtherDatabasesInScripts(unittest.TestCase):
    CALLS = ("'select','2'", "'MOVE','k','2'", "'swapdb','0','1'", "'copy','k','{k}2','DB','2'")

    def test_every_database_refuses_them_with_one_text(self):
        for database in (0, 1):
            with connect(database) as connection:
                connection.command("SET", "k", "v")
                for call in self.CALLS:
                    error = connection.error("EVAL", f"return redis.call({call})", "1", "k")
                    self.assertIn("in a script would lead to another database than the one that it is sent to", error)
                own = f"return redis.call('select','{database}')"
                self.assertEqual(connection.command("EVAL", own, "1", "k"), b"OK")
                self.assertEqual(connection.command("EVAL", "return redis.call('copy','k','{k}3')", "1", "k"), 1)
                connection.command("FLUSHDB")


class Transactions(unittest.TestCase):
    def test_execabort_carries_the_reason(self):
        with connect() as connection:
            connection.command("MULTI")
            connection.command("UNLINK", "a")
            self.assertRegex(connection.error("UNLINK", "b"), "^CROSSSLOT .* use a pinned database")
            error = connection.error("EXEC")
            self.assertRegex(error, "^EXECABORT Transaction discarded because of previous errors\\..* CROSSSLOT .*pinned database")


class Wait(unittest.TestCase):
    def test_no_key_of_a_client_is_touched(self):
        with connect() as connection:
            keys = [f"slotless:wait:{number}" for number in range(20)]
            for key in keys:
                connection.command("SET", key, "mine")
            connection.command("WAIT", "0", "100")
            self.assertEqual([connection.command("GET", key) for key in keys], [b"mine"] * len(keys))
            connection.command("FLUSHDB")


class HalfClosed(unittest.TestCase):
    def ask(self, text):
        """What comes back to a client that closes its sending side at once, all of it."""
        with socket.create_connection((HOST, site.proxy.port), timeout=20) as client:
            client.sendall(f"AUTH {PASSWORD}\r\n{text}".encode())
            client.shutdown(socket.SHUT_WR)
            data = b""
            while piece := client.recv(65536):
                data += piece
        return data.removeprefix(b"+OK\r\n")

    def test_all_that_was_asked_is_answered(self):
        with connect() as connection:
            connection.command("RPUSH", "sl", "1", "2", "3")
            connection.command("RPUSH", "queue", "element")
            for number in range(20):
                self.assertEqual(self.ask("SORT sl BY w_* STORE D\r\n"), b":3\r\n")
            self.assertEqual(self.ask("SORT sl BY w_* STORE D\r\nSET h 1\r\nDBSIZE\r\nPUBLISH c x\r\nMGET h sl2\r\n"),
                             b":3\r\n+OK\r\n:4\r\n:0\r\n*2\r\n$1\r\n1\r\n$-1\r\n")
            self.assertEqual(self.ask("MULTI\r\nGET h\r\nEXEC\r\n"), b"+OK\r\n+QUEUED\r\n*1\r\n$1\r\n1\r\n")
            self.assertEqual(self.ask("GET h\r\nBLPOP queue 0\r\nGET h\r\n"),
                             b"$1\r\n1\r\n*2\r\n$5\r\nqueue\r\n$7\r\nelement\r\n$1\r\n1\r\n")
            connection.command("FLUSHDB")


class StrayKeys(unittest.TestCase):
    def test_they_do_not_look_like_a_migration(self):
        with connect() as connection:
            node = site.cluster.masters()[0]
            node.command("DEBUG", "POPULATE", "200")
            connection.command("SET", "k", "v")
            self.assertEqual(connection.command("FLUSHDB"), b"OK")
            self.assertIsNone(connection.command("GET", "k"))
            node.command("FLUSHALL")

    def test_keys_that_arrive_do(self):
        with connect() as connection:
            connection.command("SET", "moving", "v")
            slot = slot_of("moving")
            source = site.cluster.owner(slot)
            target = next(node for node in site.cluster.masters() if node is not source)
            move = site.cluster.begin_move(slot, target)
            move.migrate()
            self.assertIn("on their way", connection.error("FLUSHDB"))
            move.finish()
            self.assertEqual(connection.command("FLUSHDB"), b"OK")
            site.cluster.move_slot(slot, source)


class LongScripts(unittest.TestCase):
    """What runs for longer than the cluster's node time-out costs its master its place, and can be killed there."""

    LIBRARY = "#!lua name=long\nredis.register_function('endless', function() while true do end end)"
    FUNCTION = ("FCALL", "endless", "1", "k")

    def is_found_at_a_replaced_master(self, running, kill, library=None):
        cluster = Cluster()
        self.addCleanup(cluster.stop)
        proxy = Proxy(cluster.addresses())
        self.addCleanup(proxy.stop)
        slot = slot_of("k")
        master = cluster.owner(slot)
        with resp.Connection(HOST, proxy.port, PASSWORD, 60) as other, resp.Connection(HOST, proxy.port, PASSWORD, 60) as client:
            if library:
                other.command("FUNCTION", "LOAD", library)
            client.send(resp.pack(*running))

            def replaced():
                nodes = [node for node in cluster.nodes if node is not master]
                owners = [next(r[2][1] for r in node.command("CLUSTER", "SLOTS") if r[0] <= slot <= r[1]) for node in nodes]
                return all(port != master.port for port in owners)

            wait_until(replaced, 30, "the master to be replaced")
            wait_until(lambda: "BUSY" in str(raw_ping(master)), 30, "the old master to say that it is busy")
            self.assertEqual(other.command(*kill), b"OK")
            wait_until(lambda: raw_ping(master) == b"PONG", 20, "the old master to be free")
            self.assertRegex(other.error(*kill), "^NOTBUSY ")

    def test_script_kill_finds_the_master_that_a_script_has_cost_its_place(self):
        self.is_found_at_a_replaced_master(("EVAL", "while true do end", "1", "k"), ("SCRIPT", "KILL"))

    def test_function_kill_finds_the_master_that_a_function_has_cost_its_place(self):
        self.is_found_at_a_replaced_master(self.FUNCTION, ("FUNCTION", "KILL"), self.LIBRARY)


def raw_ping(node):
    try:
        with resp.Connection(node.host, node.port, None, 3) as connection:
            connection.send(resp.pack("AUTH", PASSWORD))
            connection.read()
            connection.send(resp.pack("PING"))
            return connection.read()
    except OSError as error:
        return error


def has_command(name):
    return site.cluster.nodes[0].command("COMMAND", "INFO", name) != [None]


class NewServers(unittest.TestCase):
    """What only newer servers have: run with SLOTLESS_TEST_REDIS_SERVER=…/valkey-server of 9.1 or later."""

    def test_msetex_over_slots(self):
        if not has_command("MSETEX"):
            self.skipTest("the servers have no MSETEX")
        with connect() as connection:
            self.assertEqual(connection.command("MSETEX", "3", "a", "1", "b", "2", "c", "3", "EX", "100"), 1)
            self.assertEqual(connection.command("MGET", "a", "b", "c"), [b"1", b"2", b"3"])
            self.assertGreater(connection.command("TTL", "b"), 90)
            self.assertEqual(connection.command("MSETEX", "2", "a", "5", "new", "5", "NX"), 0)
            self.assertEqual(connection.command("MSETEX", "2", "a", "5", "new", "5", "XX"), 0)
            self.assertEqual(connection.command("MGET", "a", "new"), [b"1", None])
            self.assertEqual(connection.command("MSETEX", "2", "new", "6", "newer", "6", "NX"), 1)
            self.assertEqual(connection.command("MSETEX", "2", "new", "7", "newer", "7", "XX", "KEEPTTL"), 1)
            self.assertEqual(connection.command("MGET", "new", "newer"), [b"7", b"7"])
            self.assertRegex(connection.error("MSETEX", "2", "a", "1", "b", "2", "SOON"), "^CROSSSLOT ")
            self.assertEqual(connection.command("MSETEX", "2", "{1}k", "y", "{1}v", "z", "EX", "100"), 1)
            self.assertEqual(connection.command("MGET", "{1}k", "{1}v"), [b"y", b"z"])
            # A key that is called like the number of those in its slot.
            connection.command("DEL", "{1}k", "{1}v")
            self.assertEqual(connection.command("MSETEX", "4", "1", "x", "{1}k", "y", "{1}v", "z", "other", "w"), 1)
            self.assertEqual(connection.command("MGET", "1", "{1}k", "{1}v", "other"), [b"x", b"y", b"z", b"w"])
            connection.command("MULTI")
            connection.command("MSETEX", "1", "m", "1")
            connection.command("GET", "m")
            self.assertEqual(connection.command("EXEC"), [1, b"1"])
            connection.command("FLUSHDB")

    def test_msetex_over_slots_one_of_which_is_moving(self):
        if not has_command("MSETEX"):
            self.skipTest("the servers have no MSETEX")
        one, two, other = "{moving}1", "{moving}2", "elsewhere"
        slot = slot_of(one)
        source = site.cluster.owner(slot)
        target = next(node for node in site.cluster.masters() if node is not source)

        def places(key):
            """Which of the two masters have it; these answer for keys that are on their way."""
            return [node for node in (source, target) if key.encode() in node.command("CLUSTER", "GETKEYSINSLOT", slot, 10)]

        with connect() as connection:
            def sets(keys, value, *words):
                pairs = [word for key in keys for word in (key, value)]
                return resp.pack("MSETEX", len(keys), *pairs, *words)

            def answers(*said):
                connection.send(sets(*said))
                return connection.read()

            connection.command("MSET", one, "0", other, "0")
            move = site.cluster.begin_move(slot, target)
            # A key that has not moved is set where it is, and one that is new where the slot is going to.
            self.assertEqual(answers((one, other), "1", "EX", "100"), 1)
            self.assertEqual((places(one), connection.command("MGET", one, other)), ([source], [b"1", b"1"]))
            self.assertEqual(answers((two, other), "2"), 1)
            self.assertEqual((places(two), connection.command("MGET", two, other)), ([target], [b"2", b"2"]))
            self.assertEqual(answers((one, other), "3", "NX"), 0)
            self.assertEqual(answers((one, other), "3", "XX"), 1)
            self.assertEqual(connection.command("MGET", one, two, other), [b"3", b"2", b"3"])
            # On both sides: no node can set both, so it waits until the slot has moved.
            connection.send(sets((one, two, other), "4"))
            with connect() as beside:
                wait_until(lambda: beside.command("GET", other) == b"4", 20, "the slot that does not move to be set")
                self.assertEqual(beside.command("MGET", one, two), [b"3", b"2"])
            move.migrate()
            move.finish()
            self.assertEqual(connection.read(), 1)
            self.assertEqual(connection.command("MGET", one, two, other), [b"4"] * 3)
            self.assertEqual((places(one), places(two)), ([target], [target]))
            connection.command("FLUSHDB")
            site.cluster.move_slot(slot, source)

    def test_msetex_behind_an_old_map_is_not_lost(self):
        self.write_while_it_migrates(lambda number: [f"{{moved}}{number}"])

    def test_parts_of_msetex_behind_an_old_map_are_not_lost(self):
        self.write_while_it_migrates(lambda number: [f"{{moved}}a{number}", f"x{number}", f"{{moved}}b{number}", f"y{number}"])

    def write_while_it_migrates(self, keys_of):
        """Each MSETEX that is acknowledged while the slot of {moved} goes elsewhere, has set all its keys."""
        if not has_command("MSETEX"):
            self.skipTest("the servers have no MSETEX")
        slot = slot_of("{moved}")
        source = site.cluster.owner(slot)
        target = next(node for node in site.cluster.masters() if node is not source)
        stop = threading.Event()
        written, refused = [], []

        def write():
            with connect() as connection:
                while not stop.is_set():
                    keys = keys_of(len(written))
                    connection.send(resp.pack("MSETEX", len(keys), *[word for key in keys for word in (key, "v")]))
                    reply = connection.read()
                    written.append(keys)
                    if reply != 1:
                        refused.append(reply)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            wait_until(lambda: len(written) > 100, 20, "some writes")
            if has_command("CLUSTERSCAN"):
                source.command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.id)
            else:
                site.cluster.move_slot(slot, target)
            site.cluster.wait_for_owner(slot, target)
            before = len(written)
            wait_until(lambda: len(written) > before + 200, 20, "some writes behind the migration")
        finally:
            stop.set()
            writer.join()
        self.assertEqual(refused, [])
        with connect() as connection:
            lost = [key for keys in written for key in keys if connection.command("GET", key) is None]
            self.assertEqual(lost, [])
            connection.command("FLUSHDB")

    def test_what_is_about_the_cluster_is_masked(self):
        if not has_command("CLUSTERSCAN"):
            self.skipTest("the servers have no CLUSTERSCAN")
        with connect() as connection:
            self.assertRegex(connection.error("CLUSTERSCAN", "0"), "cluster support disabled")
            self.assertRegex(connection.error("EVAL", "return redis.call('clusterscan','0')", "0"), "cluster support disabled")

    def test_databases_of_the_nodes_are_nobodys(self):
        if not has_command("CLUSTERSCAN"):
            self.skipTest("the servers have no databases in a cluster")
        cluster = Cluster(options=["--cluster-databases", "16", "--notify-keyspace-events", "KEA"])
        proxy = Proxy(cluster.addresses())
        place = argparse.Namespace(proxy=proxy)
        try:
            with connect(1, place) as one, connect(0, place) as listener:
                listener.command("PSUBSCRIBE", "__keyevent@*__:set")
                owner = cluster.owner(slot_of("native"))
                owner.command("SELECT", "1")
                owner.command("SET", "native", "v")
                one.command("SET", "k", "v")
                self.assertEqual(listener.read(), [b"pmessage", b"__keyevent@*__:set", b"__keyevent@1__:set", b"k"])
                info = one.command("INFO", "keyspace").decode()
                self.assertEqual(re.findall(r"(?m)^(db\d+:keys=\d+)", info), ["db1:keys=1"])
                for call in OtherDatabasesInScripts.CALLS:
                    self.assertIn("lead to another database", one.error("EVAL", f"return redis.call({call})", "1", "k"))
        finally:
            proxy.stop()
            cluster.stop()


if __name__ == "__main__":
    fixture.main()
