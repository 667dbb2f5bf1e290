"""Clients that are users of the nodes (client-auth passthrough): what a node allows each, failover, resharding, passwords
that change, users that go."""

import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import PASSWORD, Cluster
from load import Load
from proxy import Proxy, connect
from slots import slot_of
from waiting import wait_until

RULES = {"alice": ("~alice:*", "&news:*", "+@all", "-@admin", "-@dangerous"),
         "bob": ("~*", "&*", "+@all", "-@admin", "-@dangerous"),
         "chief": ("~*", "&*", "+@all")}


def setUpModule():
    global cluster, proxy
    cluster = Cluster()
    for name, rules in RULES.items():
        set_user(name, "on", f">{name}-secret", *rules)
    proxy = Proxy(cluster.addresses(), ["--client-auth", "passthrough", "--hold-timeout", "20s"])


def tearDownModule():
    try:
        proxy.stop()
    finally:
        cluster.stop()


def set_user(name, *rules):
    for node in cluster.nodes:
        if node.alive:
            node.command("ACL", "SETUSER", name, *rules)


def delete_user(name):
    for node in cluster.nodes:
        if node.alive:
            node.command("ACL", "DELUSER", name)


def log_in(name, secret=None, protocol=None):
    connection = connect(proxy, None)
    secret = secret or f"{name}-secret"
    if protocol:
        connection.command("HELLO", protocol, "AUTH", name, secret)
    else:
        connection.command("AUTH", name, secret)
    return connection


def is_closed(connection):
    try:
        connection.command("PING")
        return False
    except resp.ReplyError:
        return False
    except OSError:
        return True


class Permissions(unittest.TestCase):
    def test_each_may_do_what_the_nodes_allow_it(self):
        with log_in("alice") as alice, log_in("bob") as bob:
            self.assertEqual(alice.command("ACL", "WHOAMI"), b"alice")
            self.assertEqual(bob.command("ACL", "WHOAMI"), b"bob")
            self.assertEqual(alice.command("SET", "alice:k", "1"), b"OK")
            self.assertEqual(bob.command("SET", "bob:k", "2"), b"OK")
            self.assertRegex(alice.error("GET", "bob:k"), "^NOPERM .*keys")
            self.assertRegex(alice.error("MGET", "alice:k", "bob:k"), "^NOPERM .*keys")
            self.assertRegex(alice.error("EVAL", "return redis.call('get', 'bob:k')", "1", "alice:k"), "ermission|can't access")
            self.assertEqual(alice.command("EVAL", "return redis.call('get', KEYS[1])", "1", "alice:k"), b"1")
            self.assertEqual(alice.command("PING"), b"PONG")

    def test_what_the_proxy_answers_itself_is_refused_as_by_a_node(self):
        refused = [("CLIENT", "LIST"), ("CLIENT", "KILL", "ID", "1"), ("MONITOR",), ("SLOWLOG", "GET"), ("CONFIG", "GET", "*"),
                   ("LATENCY", "LATEST"), ("PROXY", "LINKS"), ("PROXY", "CLIENTS"), ("ACL", "LIST"), ("ACL", "SETUSER", "x"),
                   ("INFO",), ("KEYS", "*"), ("FLUSHALL",)]
        with log_in("alice") as alice:
            for command in refused:
                with self.subTest(command=command):
                    self.assertRegex(alice.error(*command), "^NOPERM ")
        with log_in("chief") as chief:
            self.assertIn(b"user=chief", chief.command("CLIENT", "LIST"))
            self.assertIn(b"user=chief", chief.command("PROXY", "LINKS"))
            self.assertIn(b"maxmemory", chief.command("CONFIG", "GET", "maxmemory"))

    def test_who_is_wrong_gets_the_words_of_the_node(self):
        with connect(proxy, None) as stranger:
            self.assertEqual(stranger.error("GET", "k"), "NOAUTH Authentication required.")
            self.assertRegex(stranger.error("AUTH", "alice", "wrong"), "^WRONGPASS ")
            self.assertRegex(stranger.error("HELLO", "3", "AUTH", "nobody", "x"), "^WRONGPASS ")
            self.assertEqual(stranger.error("GET", "k"), "NOAUTH Authentication required.")
            stranger.send(resp.pack_all([("AUTH", "alice", "alice-secret"), ("SET", "alice:p", "1"), ("GET", "alice:p")]))
            self.assertEqual([stranger.read() for _ in range(3)], [b"OK", b"OK", b"1"])

    def test_rules_of_users_are_changed_on_all_nodes(self):
        with log_in("chief") as chief:
            self.assertEqual(chief.command("ACL", "SETUSER", "dora", "on", ">d", "~dora:*", "+@all", "-@dangerous"), b"OK")
            self.assertTrue(all(b"dora" in node.command("ACL", "USERS") for node in cluster.masters()))
            with log_in("dora", "d") as dora:
                self.assertEqual(dora.command("SET", "dora:k", "1"), b"OK")
                self.assertEqual(chief.command("ACL", "DELUSER", "dora"), 1)
                wait_until(lambda: is_closed(dora), 20, "the client of a user that is gone to be closed")
            with connect(proxy, None) as late:
                time.sleep(1)
                self.assertRegex(late.error("AUTH", "dora", "d"), "^WRONGPASS ")


class Sessions(unittest.TestCase):
    def test_transactions_watches_and_what_blocks(self):
        with log_in("alice") as alice, log_in("bob") as bob:
            alice.send(resp.pack_all([("MULTI",), ("SET", "alice:m", "1"), ("GET", "alice:m"), ("EXEC",)]))
            self.assertEqual([alice.read() for _ in range(4)], [b"OK", b"QUEUED", b"QUEUED", [b"OK", b"1"]])
            alice.send(resp.pack_all([("MULTI",), ("SET", "bob:m", "1"), ("EXEC",)]))
            self.assertRegex(str([alice.read() for _ in range(3)][-1]), "EXECABORT .*NOPERM")
            alice.command("WATCH", "alice:m")
            bob.command("SET", "alice:m", "2")
            alice.send(resp.pack_all([("MULTI",), ("SET", "alice:m", "3"), ("EXEC",)]))
            self.assertEqual([alice.read() for _ in range(3)][-1], None)
            self.assertRegex(alice.error("BLPOP", "bob:list", "1"), "^NOPERM ")
            alice.send(resp.pack("BLPOP", "alice:list", "20"))
            time.sleep(0.2)
            bob.command("RPUSH", "alice:list", "x")
            self.assertEqual(alice.read(), [b"alice:list", b"x"])

    def test_subscriptions(self):
        with log_in("alice") as alice, log_in("bob") as bob, log_in("alice") as other:
            self.assertRegex(other.error("SUBSCRIBE", "secret"), "^NOPERM .*channels")
            self.assertRegex(other.error("PUBLISH", "secret", "x"), "^NOPERM .*channels")
            self.assertEqual(alice.command("SUBSCRIBE", "news:1"), [b"subscribe", b"news:1", 1])
            bob.command("PUBLISH", "news:1", "hello")
            self.assertEqual(alice.read(), [b"message", b"news:1", b"hello"])
            set_user("alice", "resetchannels")
            try:
                wait_until(lambda: is_closed(alice), 20, "who may not hear its channel any more to be closed")
            finally:
                set_user("alice", "&news:*")

    def test_tracking(self):
        with log_in("alice", protocol=3) as alice, log_in("bob") as bob:
            alice.command("SET", "alice:t", "1")
            self.assertEqual(alice.command("CLIENT", "TRACKING", "ON"), b"OK")
            self.assertEqual(alice.command("GET", "alice:t"), b"1")
            bob.command("SET", "alice:t", "2")
            self.assertEqual(alice.read(), [b"invalidate", [b"alice:t"]])

    def test_invalidations_are_redirected_to_clients_of_the_same_user_only(self):
        with log_in("alice") as alice, log_in("alice", protocol=3) as listening, log_in("bob") as bob, log_in("chief") as chief:
            target = listening.command("CLIENT", "ID")
            for other in (bob, chief):  # what a node lets an administrator do says nothing of clients of the proxy
                for words in (("ON", "REDIRECT", target), ("ON", "REDIRECT", target, "BCAST")):
                    self.assertEqual(other.error("CLIENT", "TRACKING", *words), "ERR The client ID you want redirect to does not exist")
            self.assertEqual(alice.command("CLIENT", "TRACKING", "ON", "REDIRECT", target), b"OK")
            alice.command("SET", "alice:r", "1")
            self.assertEqual(alice.command("GET", "alice:r"), b"1")
            bob.command("SET", "alice:r", "2")
            self.assertEqual(listening.read(), [b"invalidate", [b"alice:r"]])

    def test_databases_need_their_names(self):
        set_user("carl", "on", ">carl-secret", "~carl:*", "~~1{*}carl:*", "+@all", "-@admin", "-@dangerous")
        with log_in("carl") as carl:
            carl.command("SELECT", "1")
            self.assertEqual(carl.command("SET", "carl:k", "1"), b"OK")
            self.assertRegex(carl.error("SET", "other", "1"), "^NOPERM .*keys")
        delete_user("carl")


class UnderLoad(unittest.TestCase):
    def setUp(self):
        with log_in("chief") as chief:
            chief.command("FLUSHALL")

    def counting(self):
        self.counts = {}

        def step(connection, number, turn):
            name = connection.name
            keys = [f"{name}:count:{number}:{turn % 7}:{each}" for each in range(10)]
            connection.send(resp.pack_all([("INCR", key) for key in keys]))
            for key in keys:
                reply = connection.read()
                self.counts[key] = self.counts.get(key, 0) + 1
                if reply != self.counts[key]:
                    raise AssertionError(f"{key} is {reply!r} instead of {self.counts[key]}")

        names = iter(["alice", "bob"] * 3)
        lock = threading.Lock()

        def make():
            with lock:
                name = next(names)
            connection = log_in(name)
            connection.name = name
            return connection

        return Load(make, step, clients=6)

    def test_a_planned_failover_and_resharding_cost_neither_user_a_reply(self):
        with self.counting() as load:
            master = cluster.masters()[0]
            cluster.failover(cluster.replica_of(master))
            load.wait_for_progress()
            slot = slot_of("alice:count:0:1:1")
            target = next(node for node in cluster.masters() if node is not cluster.owner(slot))
            cluster.move_slot(slot, target)
            load.wait_for_progress()

    def test_a_master_that_dies_costs_waiting(self):
        keys = {name: [f"{name}:dies:{each}" for each in range(60)] for name in ("alice", "bob")}
        with log_in("alice") as alice, log_in("bob") as bob:
            for connection, name in ((alice, "alice"), (bob, "bob")):
                for key in keys[name]:
                    connection.command("SET", key, "1")
            cluster.wait_for_replicas()
            victim = cluster.masters()[1]
            victim.kill()
            for connection, name in ((alice, "alice"), (bob, "bob")):
                connection.send(resp.pack_all([("GET", key) for key in keys[name]]))
            for connection, name in ((alice, "alice"), (bob, "bob")):
                self.assertEqual([connection.read() for _ in keys[name]], [b"1"] * len(keys[name]))
        victim.restart()
        for name, rules in RULES.items():
            victim.command("ACL", "SETUSER", name, "on", f">{name}-secret", *rules)

    def test_wait_and_replica_reads(self):
        replicas = Proxy(cluster.addresses(), ["--client-auth", "passthrough", "--read-from", "prefer-replica"])
        try:
            with connect(replicas, None) as bob:
                bob.command("AUTH", "bob", "bob-secret")
                bob.command("SET", "w", "1")
                self.assertGreaterEqual(bob.command("WAIT", "1", "5000"), 1)
                self.assertEqual(bob.command("GET", "w"), b"1")
        finally:
            replicas.stop()

    def test_the_users_go_on_after_their_links_are_killed(self):
        with log_in("bob") as bob:
            bob.command("SET", "k", "1")
            for node in cluster.nodes:
                node.command("CLIENT", "KILL", "USER", "bob")
            wait_until(lambda: bob.command("GET", "k") == b"1", 20, "a read on new links")


class Passwords(unittest.TestCase):
    def test_a_password_that_changes(self):
        set_user("emil", "on", ">one", "~*", "&*", "+@all")
        with log_in("emil", "one") as before:
            before.command("SET", "k", "1")
            set_user("emil", ">two")
            with log_in("emil", "two") as after:
                after.command("SET", "k", "2")
                set_user("emil", "<one")
                time.sleep(1.2)
                with connect(proxy, None) as late:
                    self.assertRegex(late.error("AUTH", "emil", "one"), "^WRONGPASS ")
                self.assertEqual(before.command("GET", "k"), b"2")
                for node in cluster.nodes:
                    node.command("CLIENT", "KILL", "USER", "emil")
                wait_until(lambda: after.command("GET", "k") == b"2", 20, "links with the new password")
        delete_user("emil")

    def test_no_password_is_told(self):
        with log_in("chief") as chief:
            shown = b"".join(bytes(repr(chief.command(*command)), "utf-8") for command in (
                ("PROXY", "LINKS"), ("PROXY", "CLIENTS"), ("PROXY", "CONFIG"), ("CONFIG", "GET", "*"), ("SLOWLOG", "GET")))
        shown += proxy.child.output().encode() + proxy.http("/metrics")[1].encode()
        for secret in ("alice-secret", "bob-secret", "chief-secret"):
            self.assertNotIn(secret.encode(), shown)
        self.assertNotIn(PASSWORD.encode(), proxy.child.output().encode())

    def test_users_without_clients_lose_their_links(self):
        little = Proxy(cluster.addresses(), ["--client-auth", "passthrough", "--passthrough-idle-timeout", "1s"])
        try:
            with connect(little, None) as alice:
                alice.command("AUTH", "alice", "alice-secret")
                alice.command("SET", "alice:x", "1")
                self.assertEqual(little.metric("slotless_passthrough_users"), 1)
            wait_until(lambda: little.metric("slotless_passthrough_users") == 0, 20, "the user's links to be closed")
        finally:
            little.stop()


if __name__ == "__main__":
    fixture.main()
