"""Clients that see, pause, unblock and end one another, over both workers; SLOWLOG, LATENCY and the console."""

import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD
from waiting import wait_until

# What one Redis says to these, the proxy says as well.
ALIKE = [
    ("CLIENT", "LIST", "TYPE", "foo"), ("CLIENT", "LIST", "TYPE"), ("CLIENT", "LIST", "ID"),
    ("CLIENT", "LIST", "ID", "x"), ("CLIENT", "LIST", "ID", "99999"), ("CLIENT", "LIST", "foo"),
    ("CLIENT", "LIST", "TYPE", "normal", "ID", "99999"), ("CLIENT", "LIST", "TYPE", "replica"),
    ("CLIENT", "KILL"), ("CLIENT", "KILL", "foo"), ("CLIENT", "KILL", "id"), ("CLIENT", "KILL", "ID", "x"),
    ("CLIENT", "KILL", "ID", "0"), ("CLIENT", "KILL", "ID", "1", "foo"), ("CLIENT", "KILL", "TYPE", "foo"),
    ("CLIENT", "KILL", "USER", "foo"), ("CLIENT", "KILL", "SKIPME", "foo"), ("CLIENT", "KILL", "ADDR", "1:1"),
    ("CLIENT", "KILL", "ADDR", "1:1", "SKIPME", "yes"), ("CLIENT", "KILL", "ID", "10000", "ID", "20000"),
    ("CLIENT", "KILL", "LADDR", "1:1", "TYPE", "pubsub"), ("CLIENT", "KILL", "foo", "bar"),
    ("CLIENT", "PAUSE"), ("CLIENT", "PAUSE", "x"), ("CLIENT", "PAUSE", "-1"), ("CLIENT", "PAUSE", "10", "foo"),
    ("CLIENT", "PAUSE", "0", "WRITE", "extra"), ("CLIENT", "PAUSE", "0"), ("CLIENT", "UNPAUSE"),
    ("CLIENT", "PAUSE", "99999999999999999999"), ("CLIENT", "UNBLOCK", "x"), ("CLIENT", "UNBLOCK", "99999", "foo"),
    ("CLIENT", "UNBLOCK", "99999"), ("CLIENT", "UNBLOCK", "99999", "TIMEOUT", "x"), ("CLIENT", "NO-EVICT", "x"),
    ("CLIENT", "NO-EVICT", "on"), ("CLIENT", "NO-EVICT", "OFF"), ("CLIENT", "REPLY", "foo"),
    ("CLIENT", "REPLY", "ON"), ("CLIENT", "TRACKINGINFO"), ("CLIENT", "GETREDIR"), ("CLIENT", "HELP"),
    ("CLIENT", "INFO", "x"), ("CLIENT", "NONSENSE"), ("ACL", "WHOAMI"), ("ACL", "WHOAMI", "x"),
    ("SLOWLOG",), ("SLOWLOG", "GET", "x"), ("SLOWLOG", "GET", "-2"), ("SLOWLOG", "GET", "-1"),
    ("SLOWLOG", "GET", "1", "2"), ("SLOWLOG", "LEN"), ("SLOWLOG", "RESET"), ("SLOWLOG", "HELP"),
    ("SLOWLOG", "NONSENSE"), ("LATENCY", "LATEST"), ("LATENCY", "HISTORY", "command"), ("LATENCY", "RESET"),
    ("LATENCY", "RESET", "command"), ("LATENCY", "GRAPH", "command"), ("LATENCY", "HISTOGRAM", "nonsense"),
    ("LATENCY", "HELP"), ("LATENCY", "NONSENSE"), ("RESET",),
]


# Valkey 9 leaves unheard what is behind these.
UNHEARD_BY_VALKEY = {("CLIENT", "PAUSE", "0", "WRITE", "extra"), ("CLIENT", "UNBLOCK", "99999", "TIMEOUT", "x")}


def is_valkey(connection):
    return b"valkey_version" in connection.command("INFO", "server")


def setUpModule():
    global site, oracle, oracle_port
    site = fixture.open_site(options=["--allow-admin-commands", "yes"])
    oracle, oracle_port = fixture.start_oracle()


def tearDownModule():
    oracle.kill()
    fixture.close_site()


def fields(line):
    return dict(word.split("=", 1) for word in line.split(" "))


def names(line):
    return [word.split("=", 1)[0] for word in line.split(" ")]


class WithClients(unittest.TestCase):
    def setUp(self):
        self.admin = self.connect()

    def connect(self):
        connection = site.connect()
        self.addCleanup(connection.close)
        return connection

    def listed(self, *options):
        text = self.admin.command("CLIENT", "LIST", *options).decode()
        return [fields(line) for line in text.splitlines()]

    def is_closed(self, connection):
        return connection.read_to_end() == b""


class AsOneRedis(WithClients):
    def test_every_answer_and_error_is_that_of_redis(self):
        real = resp.Connection(HOST, oracle_port, PASSWORD)
        self.addCleanup(real.close)
        # On a slow machine any command may be among the slow ones.
        settings = self.connect()  # the other one is reset
        self.addCleanup(settings.command, "CONFIG", "SET", "slowlog-log-slower-than", "10000")
        settings.command("CONFIG", "SET", "slowlog-log-slower-than", "60000000")
        for connection in (settings, real):
            connection.command("SLOWLOG", "RESET")
        unheard = UNHEARD_BY_VALKEY if is_valkey(real) else set()
        for command in (each for each in ALIKE if each not in unheard):
            with self.subTest(command=command):
                self.assertEqual(self.admin.raw(*command), real.raw(*command))

    def test_a_line_of_the_list_has_the_fields_of_redis_in_their_order(self):
        real = resp.Connection(HOST, oracle_port, PASSWORD)
        self.addCleanup(real.close)
        expected = names(real.command("CLIENT", "INFO").decode().strip())
        found = names(self.admin.command("CLIENT", "INFO").decode().strip())
        self.assertEqual(found[:len(expected)], expected)
        self.assertEqual(set(found[len(expected):]) - {"lib-name", "lib-ver"}, set())

    def test_redis_py_reads_lists_and_logs(self):
        client = site.client()
        self.addCleanup(client.close)
        self.assertGreaterEqual(len(client.client_list()), 2)
        self.assertEqual(client.client_info()["name"], "")
        self.assertEqual(client.slowlog_reset(), True)
        client.config_set("slowlog-log-slower-than", 0)
        self.addCleanup(client.config_set, "slowlog-log-slower-than", 10000)
        client.set("slow:a", "1")
        entries = [entry["command"] for entry in client.slowlog_get()]
        self.assertIn(b"SET slow:a 1", entries)
        self.assertGreater(client.slowlog_len(), 0)


class Clients(WithClients):
    def test_all_clients_are_listed_whatever_their_worker(self):
        others = [self.connect() for _ in range(7)]
        ids = [each.command("CLIENT", "ID") for each in others]
        found = [int(each["id"]) for each in self.listed()]
        self.assertTrue(set(ids) <= set(found), (ids, found))
        self.assertEqual(found, sorted(found))
        # Valkey lists by its own order, Redis as it was asked.
        wanted = ids if is_valkey(self.admin) else ids[::-1]
        self.assertEqual([int(each["id"]) for each in self.listed("ID", *reversed(ids))], wanted)

    def test_a_line_shows_the_address_the_name_and_the_last_command(self):
        other = self.connect()
        other.command("CLIENT", "SETNAME", "worker-7")
        other.command("SET", "client:a", "1")
        line = self.listed("ID", str(other.command("CLIENT", "ID")))[0]
        host, port = other.socket.getsockname()[:2]
        self.assertEqual(line["addr"], f"{host}:{port}")
        host, port = other.socket.getpeername()[:2]
        self.assertEqual(line["laddr"], f"{host}:{port}")
        self.assertEqual((line["name"], line["cmd"], line["user"]), ("worker-7", "client|id", "default"))

    def test_clients_are_killed_by_id_address_and_other_filters(self):
        victims = [self.connect() for _ in range(6)]
        ids = [each.command("CLIENT", "ID") for each in victims]
        self.assertEqual(self.admin.command("CLIENT", "KILL", "ID", ids[0]), 1)
        self.assertTrue(self.is_closed(victims[0]))
        addresses = ["%s:%d" % each.socket.getsockname()[:2] for each in victims]
        self.assertEqual(self.admin.command("CLIENT", "KILL", addresses[1]), b"OK")
        self.assertTrue(self.is_closed(victims[1]))
        self.assertEqual(self.admin.command("CLIENT", "KILL", "ADDR", addresses[2], "ID", ids[3]), 0)
        self.assertEqual(self.admin.command("CLIENT", "KILL", "ADDR", addresses[2], "ID", ids[2]), 1)
        self.assertTrue(self.is_closed(victims[2]))
        self.assertGreaterEqual(self.admin.command("CLIENT", "KILL", "TYPE", "normal", "USER", "default"), 3)
        for victim in victims[3:]:
            self.assertTrue(self.is_closed(victim))
        self.assertEqual(self.admin.command("PING"), b"PONG")
        own = self.admin.command("CLIENT", "ID")
        self.admin.send(resp.pack("CLIENT", "KILL", "ID", own, "SKIPME", "no") + resp.pack("PING"))
        self.assertEqual(self.admin.read_to_end(), b":1\r\n")

    def test_replies_can_be_turned_off_and_skipped(self):
        other = self.connect()
        other.send(resp.pack_all([("GET", "reply:a"), ("CLIENT", "REPLY", "OFF"), ("SET", "reply:a", "1"), ("PING",),
                                  ("NONSENSE",), ("CLIENT", "REPLY", "ON"), ("CLIENT", "REPLY", "SKIP"),
                                  ("INCR", "reply:a"), ("GET", "reply:a")]))
        self.assertEqual([other.read() for _ in range(3)], [None, b"OK", b"2"])


class Blocked(WithClients):
    def block(self, key):
        blocked = self.connect()
        number = blocked.command("CLIENT", "ID")
        blocked.send(resp.pack("BLPOP", key, "0"))
        wait_until(lambda: self.listed("ID", str(number))[0]["flags"] == "b", 10, "a blocked client")
        return blocked, number

    def unblock(self, number, *reason):
        # The client may be known to be blocked a moment before the node knows.
        wait_until(lambda: self.admin.command("CLIENT", "UNBLOCK", number, *reason) == 1, 10, "CLIENT UNBLOCK")

    def test_a_blocked_client_is_unblocked_as_if_its_time_was_over(self):
        for key in ("unblock:a", "unblock:b", "unblock:c"):
            blocked, number = self.block(key)
            self.unblock(number)
            self.assertEqual(blocked.read_raw(), b"*-1\r\n")
            self.assertEqual(blocked.command("PING"), b"PONG")

    def test_a_blocked_client_is_unblocked_with_an_error(self):
        blocked, number = self.block("unblock:d")
        self.unblock(number, "ERROR")
        self.assertEqual(blocked.read_raw(), b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")
        self.assertEqual(self.admin.command("CLIENT", "UNBLOCK", number), 0)

    def test_a_client_that_its_node_holds_back_in_a_pause_is_unblocked_when_that_is_over(self):
        """Redis 7.0 crashes when such a client is unblocked during the pause."""
        masters = site.cluster.masters()
        for node in masters:
            node.command("CLIENT", "PAUSE", "1000", "WRITE")
        blocked, number = self.block("unblock:paused")
        self.unblock(number)
        self.assertEqual(blocked.read_raw(), b"*-1\r\n")
        for node in masters:
            self.assertEqual(node.command("PING"), b"PONG")

    def test_nothing_is_lost_when_pushes_and_unblocking_meet(self):
        pushed, popped, left = 100, [], []
        for i in range(pushed):
            blocked, number = self.block("unblock:race")
            pusher = threading.Thread(target=self.push, args=("unblock:race", i))
            pusher.start()
            self.admin.command("CLIENT", "UNBLOCK", number)
            pusher.join()
            blocked.socket.settimeout(10)
            reply = blocked.read()
            if reply is not None:
                popped.append(int(reply[1]))
            blocked.close()
            left += [int(each) for each in self.admin.command("LPOP", "unblock:race", "2") or []]
        self.assertEqual(sorted(popped + left), list(range(pushed)))

    def push(self, key, value):
        with site.connect() as connection:
            connection.command("RPUSH", key, value)

    def test_killing_a_blocked_client_frees_it_on_the_node_too(self):
        blocked, number = self.block("unblock:kill")
        self.assertEqual(self.admin.command("CLIENT", "KILL", "ID", number), 1)
        self.assertTrue(self.is_closed(blocked))
        wait_until(lambda: b"blocked_clients:0\r\n" in self.admin.command("INFO", "clients"), 10, "no blocked client")
        self.assertEqual(self.admin.command("RPUSH", "unblock:kill", "1"), 1)
        self.assertEqual(self.admin.command("LPOP", "unblock:kill"), b"1")


class Pausing(WithClients):
    def blocked_clients(self, count):
        wanted = b"blocked_clients:%d\r\n" % count
        wait_until(lambda: wanted in self.admin.command("INFO", "clients"), 10, wanted.decode())

    def test_writes_of_all_clients_wait_while_reads_go_on(self):
        others = [self.connect() for _ in range(4)]
        self.assertEqual(self.admin.command("CLIENT", "PAUSE", "60000", "WRITE"), b"OK")
        for i, each in enumerate(others):
            each.send(resp.pack("GET", f"pause:{i}") + resp.pack("SET", f"pause:{i}", "1"))
            self.assertIsNone(each.read())
        self.blocked_clients(4)
        self.assertEqual([self.admin.command("EXISTS", f"pause:{i}") for i in range(4)], [0] * 4)
        self.assertEqual(self.admin.command("CLIENT", "UNPAUSE"), b"OK")
        self.assertEqual([each.read() for each in others], [b"OK"] * 4)
        self.blocked_clients(0)

    def test_a_pause_ends_by_itself(self):
        other = self.connect()
        began = time.monotonic()
        self.assertEqual(self.admin.command("CLIENT", "PAUSE", "300"), b"OK")
        self.assertEqual(other.command("PING"), b"PONG")
        self.assertGreaterEqual(time.monotonic() - began, 0.29)

    @fixture.NOT_ONE_REDIS  # Redis 7.0.15 crashes
    def test_who_waits_for_the_end_of_a_pause_is_not_unblocked_by_others(self):
        other = self.connect()
        number = other.command("CLIENT", "ID")
        self.admin.command("CLIENT", "PAUSE", "60000", "WRITE")
        other.send(resp.pack("SET", "pause:x", "1"))
        self.blocked_clients(1)
        self.assertEqual(self.admin.command("CLIENT", "UNBLOCK", number), 0)
        self.admin.command("CLIENT", "UNPAUSE")
        self.assertEqual(other.read(), b"OK")


@fixture.NOT_ONE_REDIS
class Console(WithClients):
    def text(self, *command):
        return self.admin.command("PROXY", *command).decode()

    def test_it_needs_the_password_that_all_commands_need(self):
        stranger = site.connect(password=None)
        self.addCleanup(stranger.close)
        self.assertEqual(stranger.error("PROXY", "STATS"), "NOAUTH Authentication required.")

    def test_every_subcommand_of_its_help_exists(self):
        lines = [line.decode() for line in self.admin.command("PROXY", "HELP")]
        words = [line.split()[0] for line in lines[1:] if not line.startswith(" ")]
        self.assertEqual(sorted(words), sorted(["CLIENTS", "CONFIG", "CUT-OVER", "DATABASES", "EXPLAIN", "HELP", "HOTKEYS",
                                                "KILL", "LINKS", "MEMORY", "NODES", "PAUSE", "PEERS", "RESUME", "SHADOW", "SLOTS",
                                                "SLOWLOG", "STATS", "USERS", "VERSION"]))
        self.assertIn("not migrating", self.admin.error("PROXY", "CUT-OVER"))
        for word in words:
            if word == "CUT-OVER":
                continue
            arguments = {"EXPLAIN": ("GET", "a"), "KILL": ("ADDR", "1.1.1.1:1")}.get(word, ())
            self.assertNotIsInstance(self.admin.command("PROXY", word, *arguments), resp.ReplyError, word)
        self.admin.command("PROXY", "RESUME")

    def test_it_shows_nodes_slots_and_links(self):
        nodes = [fields(line) for line in self.text("NODES").splitlines()]
        self.assertEqual(sum(int(each["slots"]) for each in nodes), 16384)
        self.assertEqual(len([each for each in nodes if each["role"] == "master"]), 3)
        ports = {each["node"] for each in nodes if each["role"] == "master"}
        slots = [fields(line) for line in self.text("SLOTS").splitlines()]
        self.assertEqual({each["node"] for each in slots}, ports)
        links = [fields(line) for line in self.text("LINKS").splitlines()]
        self.assertEqual({each["worker"] for each in links}, {"0", "1"})
        self.assertLessEqual(ports, {each["node"] for each in links if each["use"] == "shared"})

    def test_explain_names_the_node_that_a_command_goes_to(self):
        explained = dict(line.split(":", 1) for line in self.text("EXPLAIN", "SET", "explain:a", "1").splitlines())
        self.assertEqual(self.admin.command("EXISTS", "explain:a"), 0)
        self.assertEqual(int(explained["slot"]), site.cluster.nodes[0].command("CLUSTER", "KEYSLOT", "explain:a"))

    def test_no_secret_is_shown(self):
        pairs = self.admin.command("PROXY", "CONFIG")
        found = dict(zip(pairs[::2], pairs[1::2]))
        self.assertEqual(found[b"password"], b"********")
        self.assertNotIn(PASSWORD.encode(), b" ".join(pairs))

    def test_pause_waits_for_what_is_in_flight_and_holds_what_comes(self):
        others = [self.connect() for _ in range(4)]
        blocked = self.connect()
        blocked.send(resp.pack("BLPOP", "console:list", "0"))
        wait_until(lambda: "blocked_clients:1\n" in self.text("STATS"), 10, "a blocked client")
        self.assertRegex(self.admin.error("PROXY", "PAUSE", "50"), "^ERR paused, but 1 requests are still in flight")
        blocked.close()
        self.assertEqual(self.admin.command("PROXY", "PAUSE"), b"OK")
        for each in others:
            each.send(resp.pack("INCR", "console:counter"))
        wait_until(lambda: "blocked_clients:4\n" in self.text("STATS"), 10, "four clients that wait")
        self.assertIn("requests_in_flight:0\n", self.text("STATS"))
        self.assertEqual(self.admin.command("PROXY", "RESUME"), b"OK")
        self.assertEqual(sorted(each.read() for each in others), [1, 2, 3, 4])


@fixture.NOT_ONE_REDIS
class SlowRequests(WithClients):
    def test_a_slow_request_is_logged_with_its_node_and_the_time_there(self):
        self.admin.command("SLOWLOG", "RESET")
        sleepy = self.connect()
        sleepy.command("CLIENT", "SETNAME", "sleepy")
        # TIME stands still within a script from Redis 7.2 on, and before it there is no os.clock.
        sleepy.command("EVAL", "local has, clock = pcall(function() return os.clock end) "
                       "local function now() if has then return clock() end "
                       "local t = redis.call('TIME') return t[1] + t[2] / 1000000 end "
                       "local e = now() + 0.06 repeat until now() > e", "1", "slow:key")
        entries = [each for each in self.admin.command("PROXY", "SLOWLOG") if each[3][0] == b"EVAL"]
        self.assertEqual(len(entries), 1)
        number, when, micros, arguments, address, name, node, upstream = entries[0]
        self.assertGreaterEqual(micros, 50000)
        self.assertGreaterEqual(micros, upstream)
        self.assertGreaterEqual(upstream, 40000)
        self.assertAlmostEqual(when, time.time(), delta=60)
        self.assertEqual(arguments[-1], b"slow:key")
        self.assertEqual((address.decode(), name), ("%s:%d" % sleepy.socket.getsockname()[:2], b"sleepy"))
        self.assertIn(node.decode(), [fields(line)["node"] for line in self.admin.command("PROXY", "NODES").decode().splitlines()])
        self.assertIn([number, when, micros, arguments, address, name], self.admin.command("SLOWLOG", "GET", "-1"))

    def test_ids_are_unique_over_all_workers_and_the_newest_come_first(self):
        self.addCleanup(self.admin.command, "CONFIG", "SET", "slowlog-log-slower-than", "10000")
        self.admin.command("CONFIG", "SET", "slowlog-log-slower-than", "0")
        others = [self.connect() for _ in range(4)]
        self.admin.command("SLOWLOG", "RESET")
        for i, each in enumerate(others):
            each.command("SET", f"slow:{i}", "x")
        entries = self.admin.command("SLOWLOG", "GET", "-1")
        ids = [each[0] for each in entries]
        self.assertEqual(ids, sorted(set(ids), reverse=True))
        written = [each[3][1] for each in entries if each[3][0] == b"SET"]
        self.assertEqual(written, [b"slow:3", b"slow:2", b"slow:1", b"slow:0"])

    def test_secrets_are_shown_as_redis_shows_them_and_nowhere_else(self):
        real = resp.Connection(HOST, oracle_port, PASSWORD)
        self.addCleanup(real.close)
        monitor = self.connect()
        self.assertEqual(monitor.command("MONITOR"), b"OK")
        shown = []
        for connection in (self.admin, real):
            connection.command("CONFIG", "SET", "slowlog-log-slower-than", "0")
            self.addCleanup(connection.command, "CONFIG", "SET", "slowlog-log-slower-than", "10000")
            connection.command("SLOWLOG", "RESET")
            for command in (("AUTH", "hidden"), ("AUTH", "default", "hidden"), ("HELLO", "2", "AUTH", "default", "hidden"),
                            ("ACL", "SETUSER", "hidden", ">hidden"), ("CONFIG", "SET", "masterauth", "hidden")):
                connection.raw(*command)
            self.addCleanup(connection.raw, "ACL", "DELUSER", "hidden")
            self.addCleanup(connection.raw, "CONFIG", "SET", "masterauth", "")
            entries = {tuple(each[3]) for each in connection.command("SLOWLOG", "GET", "-1")}
            shown.append({each for each in entries if b"(redacted)" in each})
        expected = {each for each in shown[1] if b"masterauth" not in each}  # a setting of the nodes' own
        self.assertEqual({each for each in shown[0] if b"masterauth" not in each}, expected)
        self.assertEqual(len(expected), 4)
        self.assertNotIn(b"hidden", b" ".join(b" ".join(each[3]) for each in self.admin.command("SLOWLOG", "GET", "-1")))
        self.admin.command("SET", "secrets:end", "x")
        seen = b""
        while b"secrets:end" not in seen:
            seen += monitor.read()
        self.assertNotIn(b"hidden", seen)
        self.assertNotIn("hidden", site.proxy.child.output())

    def test_the_histogram_counts_what_clients_have_sent(self):
        for _ in range(5):
            self.admin.command("SETRANGE", "latency:a", "0", "x")
        name, (calls_label, calls, histogram_label, histogram) = self.admin.command("LATENCY", "HISTOGRAM", "setrange")
        self.assertEqual((name, calls_label, calls, histogram_label), (b"setrange", b"calls", 5, b"histogram_usec"))
        self.assertEqual(histogram[-1], 5)


if __name__ == "__main__":
    fixture.main()
