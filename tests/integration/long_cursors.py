"""SCAN where the nodes' cursors have 64 bits: any proxy of the cluster goes on with a cursor of another, for as long as an
iteration is used."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import PASSWORD, Cluster
from proxy import STANDIN, Proxy, connect

MODULE = os.environ.get("SLOTLESS_LONG_CURSORS")
# So many of a pinned database's keys do not come at once.
KEYS = 12_000
SECONDS_KEPT = 3600


def setUpModule():
    global cluster, proxies
    if STANDIN:
        raise unittest.SkipTest("about the cluster")
    if not MODULE:
        raise unittest.SkipTest("SLOTLESS_LONG_CURSORS names no module")
    cluster = Cluster(replicas=0, options=["--loadmodule", MODULE])
    unittest.addModuleCleanup(cluster.stop)
    proxies = [Proxy(cluster.addresses()) for _ in range(2)]
    for each in proxies:
        unittest.addModuleCleanup(each.stop)


def notes():
    """The names of the kept cursors, with their nodes."""
    return {key: node for node in cluster.masters() for key in node.command("KEYS", "~{scan:*")}


class LongCursors(unittest.TestCase):
    def setUp(self):
        self.clients = [connect(each, PASSWORD, 30) for each in proxies]
        for each in self.clients:
            self.addCleanup(each.close)

    def fill(self, database):
        for each in self.clients:
            each.command("SELECT", database)
        keys = [f"key:{i}".encode() for i in range(KEYS)]
        self.clients[0].send(resp.pack_all([("SET", key, 1) for key in keys]))
        for _ in keys:
            self.clients[0].read()
        return keys

    def empty(self):
        for node in cluster.masters():
            node.command("FLUSHALL")

    def test_the_nodes_have_long_cursors(self):
        self.fill(0)
        cursor, _ = cluster.nodes[0].command("SCAN", "0")
        self.assertGreater(int(cursor), 2**63)
        self.empty()

    def test_proxies_take_turns_and_find_every_key(self):
        for database in (0, 1):
            with self.subTest(database=database):
                keys = self.fill(database)
                found, cursor, calls = [], b"0", 0
                while calls == 0 or cursor != b"0":
                    cursor, page = self.clients[calls % 2].command("SCAN", cursor, "COUNT", 500)
                    self.assertLess(int(cursor), 2**53)
                    found += page
                    calls += 1
                self.assertEqual(sorted(set(found) - set(notes())), sorted(keys))
                self.assertGreater(calls, 3)
                self.empty()

    def test_each_page_renews_what_is_kept(self):
        for database in (0, 1):
            with self.subTest(database=database):
                self.fill(database)
                cursor, _ = self.clients[0].command("SCAN", "0", "COUNT", 50)
                (name, node), = notes().items()
                for turn in range(1, 4):
                    self.assertEqual(node.command("EXPIRE", name, 100), 1)
                    cursor, _ = self.clients[turn % 2].command("SCAN", cursor, "COUNT", 50)
                    self.assertNotEqual(cursor, b"0")
                    self.assertGreater(node.command("TTL", name), 100)
                    self.assertLessEqual(node.command("TTL", name), SECONDS_KEPT)
                    self.assertEqual(list(notes()), [name])
                self.empty()

    def test_what_has_expired_begins_anew(self):
        keys = self.fill(0)
        cursor, _ = self.clients[0].command("SCAN", "0", "COUNT", 50)
        (name, node), = notes().items()
        node.command("DEL", name)
        found = []
        while cursor != b"0":
            cursor, page = self.clients[1].command("SCAN", cursor, "COUNT", 2000)
            found += page
        self.assertEqual(sorted(set(found) - set(notes())), sorted(keys))
        self.empty()


if __name__ == "__main__":
    fixture.main()
