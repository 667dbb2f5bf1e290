"""What nodes call themselves: names, nothing at all, addresses that are good elsewhere, IPv6."""

import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
from cluster import Cluster, Place
from proxy import STANDIN, Proxy, connect
from slots import key_in, slot_of

SLOTS = range(500, 16384, 1000)
ANNOUNCED = 20000  # what is added to a port to announce it


def has_ipv6_loopback():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def set_all(cluster, *settings):
    for node in cluster.nodes:
        node.command("CONFIG", "SET", *settings)


@unittest.skipIf(STANDIN, "one Redis has no nodes")
class Addresses(unittest.TestCase):
    def cluster(self, **options):
        cluster = Cluster(**options)
        self.addCleanup(cluster.stop)
        return cluster

    def proxy(self, cluster, *options):
        proxy = Proxy(cluster.addresses(), options)
        self.addCleanup(proxy.stop)
        return proxy

    def check(self, cluster, proxy):
        """All slots can be reached, and redirects are followed without waiting for the topology to settle."""
        keys = [key_in(slot, "address") for slot in SLOTS]
        with connect(proxy) as connection:
            self.assertEqual(connection.command("MSET", *[word for key in keys for word in (key, key)]), b"OK")
            moved = 0
            for key in keys:
                owner = cluster.owner(slot_of(key))
                target = next(node for node in cluster.masters() if node is not owner)
                move = cluster.begin_move(slot_of(key), target)
                move.migrate()
                self.assertEqual(connection.command("GET", key), key.encode())  # by ASK
                move.finish()
                self.assertEqual(connection.command("APPEND", key, "!"), len(key) + 1)
                moved += 1
            self.assertEqual(connection.command("MGET", *keys), [key.encode() + b"!" for key in keys])
        self.assertGreater(proxy.metric("slotless_redirects_total", kind="ask"), 0)
        self.assertEqual(moved, len(keys))

    def test_names(self):
        cluster = self.cluster(replicas=0)
        set_all(cluster, "cluster-announce-hostname", "localhost", "cluster-preferred-endpoint-type", "hostname")
        self.check(cluster, self.proxy(cluster))

    def test_some_nodes_prefer_names_and_some_numbers(self):
        cluster = self.cluster(replicas=0)
        set_all(cluster, "cluster-announce-hostname", "localhost")
        cluster.nodes[0].command("CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname")
        self.check(cluster, self.proxy(cluster))

    def test_names_are_preferred_and_some_nodes_have_none(self):
        cluster = self.cluster(replicas=0)
        set_all(cluster, "cluster-preferred-endpoint-type", "hostname")
        cluster.nodes[1].command("CONFIG", "SET", "cluster-announce-hostname", "localhost")
        self.check(cluster, self.proxy(cluster))

    def test_nodes_that_do_not_say_where_they_are(self):
        cluster = self.cluster(replicas=0)
        set_all(cluster, "cluster-preferred-endpoint-type", "unknown-endpoint")
        self.check(cluster, self.proxy(cluster))

    def test_addresses_that_are_good_elsewhere_only(self):
        cluster = self.cluster(replicas=0)
        for node in cluster.nodes:
            node.command("CONFIG", "SET", "cluster-announce-port", node.port + ANNOUNCED)
        rules = ",".join(f"127.0.0.1:{node.port + ANNOUNCED}={node.address}" for node in cluster.nodes)
        self.check(cluster, self.proxy(cluster, "--address-map", rules))

    @unittest.skipUnless(has_ipv6_loopback(), "this machine has no ::1")
    def test_ipv6(self):
        place = Place("::1", ())
        cluster = self.cluster(first_place=place, place=place)
        self.check(cluster, self.proxy(cluster))


if __name__ == "__main__":
    fixture.main()
