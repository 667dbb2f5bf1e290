"""Connections to the nodes, counted there: made when needed, closed when idle, made at a rate."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
from cluster import Cluster
from proxy import Proxy, connect
from waiting import wait_until

NAME = "counted"
# Without the two connections by which proxies know each other, which are always there.
COUNTED = ["--link-client-name", NAME, "--topology-refresh-interval", "1h", "--peers", "no"]


def setUpModule():
    global cluster
    cluster = Cluster()


def tearDownModule():
    cluster.stop()


def connections(node):
    """Those of the daemon, by their numbers."""
    lines = node.command("CLIENT", "LIST").decode().splitlines()
    return {line.split()[0] for line in lines if f" name={NAME} " in line}


def count():
    return sum(len(connections(node)) for node in cluster.nodes)


class Case(unittest.TestCase):
    def start(self, *options, idle="1s"):
        proxy = Proxy(cluster.addresses(), [*COUNTED, "--link-idle-timeout", idle, *options])
        self.addCleanup(proxy.stop)
        return proxy


class Idle(Case):
    def test_nobody_s_links_are_closed_and_the_next_request_makes_them_again(self):
        proxy = self.start()
        wait_until(lambda: count() == 0, 20, "all links to be closed")
        self.assertEqual(proxy.http("/readyz")[0], 200)
        with connect(proxy) as connection:
            for number in range(100):
                self.assertEqual(connection.command("SET", f"k{number}", number), b"OK")
            self.assertEqual(count(), 3)  # one worker has this client
            self.assertEqual(connection.command("DBSIZE"), 100)
            self.assertEqual(connection.command("FLUSHDB"), b"OK")
            wait_until(lambda: count() == 0, 20, "the links to be closed again")
            self.assertEqual(connection.command("GET", "k1"), None)
            self.assertEqual(count(), 1)
        self.assertNotIn("link lost", proxy.child.output())

    def test_what_clients_hold_stays(self):
        proxy = self.start()
        with connect(proxy) as blocked, connect(proxy) as listening, connect(proxy) as other:
            blocked.send(b"*3\r\n$5\r\nBLPOP\r\n$4\r\nlist\r\n$1\r\n0\r\n")
            listening.command("SUBSCRIBE", "channel")
            wait_until(lambda: count() == 2, 20, "all but what clients hold to be closed")
            other.command("RPUSH", "list", "x")
            self.assertEqual(blocked.read(), [b"list", b"x"])
            other.command("PUBLISH", "channel", "hello")
            self.assertEqual(listening.read(), [b"message", b"channel", b"hello"])
        wait_until(lambda: count() == 0, 20, "everything to be closed")

    def test_without_warm_up_nothing_is_opened_ahead_and_the_proxy_is_ready(self):
        proxy = self.start("--links-warm-up", "no", idle="0")
        self.assertEqual(proxy.http("/readyz")[0], 200)
        self.assertEqual(count(), 0)
        with connect(proxy) as connection:
            self.assertEqual(connection.command("SET", "k", "1"), b"OK")
            self.assertEqual(count(), 1)
            self.assertEqual(connection.command("DEL", "k"), 1)

    def test_many_proxies_that_nobody_uses_hold_no_connections(self):
        proxies = [self.start() for _ in range(4)]
        wait_until(lambda: count() == 0, 20, "all links of all proxies to be closed")
        for proxy in proxies:
            self.assertEqual(proxy.http("/readyz")[0], 200)


class Failover(Case):
    def test_idle_links_find_the_new_master(self):
        proxy = self.start()
        with connect(proxy) as connection:
            self.assertEqual(connection.command("SET", "a", "1"), b"OK")
            wait_until(lambda: count() == 0, 20, "all links to be closed")
            cluster.wait_for_replicas()
            owner = cluster.owner(15495)
            cluster.failover(cluster.replica_of(owner))
            self.assertEqual(connection.command("GET", "a"), b"1")
            self.assertEqual(connection.command("DEL", "a"), 1)


class Rate(Case):
    def test_clients_that_block_all_get_their_connection_in_turn(self):
        proxy = self.start("--node-connect-rate", "20", idle="0")
        clients = [connect(proxy) for _ in range(50)]
        self.addCleanup(lambda: [client.close() for client in clients])
        for client in clients:
            client.send(b"*3\r\n$5\r\nBLPOP\r\n$4\r\nlist\r\n$1\r\n0\r\n")
        node = cluster.owner(12291)
        most = []

        def watch():
            most.append(len(connections(node)))
            return most[-1] >= len(clients)

        wait_until(watch, 20, "all clients to block")
        self.assertTrue(any(20 <= seen < len(clients) for seen in most), most)
        with connect(proxy) as connection:
            connection.command("RPUSH", "list", *range(len(clients)))
        self.assertEqual({client.read()[1] for client in clients}, {str(i).encode() for i in range(len(clients))})


if __name__ == "__main__":
    fixture.main()
