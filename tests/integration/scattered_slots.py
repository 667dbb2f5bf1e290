"""Slots that lie in as many ranges as there are: what is asked of all keys costs by the keys, not by the ranges."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import PASSWORD, Cluster
from proxy import STANDIN, Proxy, connect
from slots import SLOT_COUNT

KEYS = 3000
MASTERS = 3


class ScatteredCluster(Cluster):
    """Each slot belongs to another master than its neighbours."""

    def _give_slots(self):
        for number, node in enumerate(self.first_masters):
            node.command("CLUSTER", "ADDSLOTS", *range(number, SLOT_COUNT, MASTERS))
        for epoch, node in enumerate(self.nodes, start=1):
            node.command("CLUSTER", "SET-CONFIG-EPOCH", epoch)


def setUpModule():
    global cluster, proxy, other
    if STANDIN:
        raise unittest.SkipTest("about the cluster")
    cluster = ScatteredCluster(replicas=0)
    unittest.addModuleCleanup(cluster.stop)
    proxy = Proxy(cluster.addresses())
    unittest.addModuleCleanup(proxy.stop)
    other = Proxy(cluster.addresses())
    unittest.addModuleCleanup(other.stop)


class Scattered(unittest.TestCase):
    def setUp(self):
        self.connection = connect(proxy, PASSWORD, 15)
        self.addCleanup(self.connection.close)

    def scan(self, *options, by=None):
        """The keys, and how many calls it took. `by`: connections that take turns."""
        keys, cursor, calls = [], b"0", 0
        while True:
            connection = by[calls % len(by)] if by else self.connection
            cursor, page = connection.command("SCAN", cursor, *options)
            # Clients that keep it as a double must not lose any of it.
            self.assertLess(int(cursor), 2**53)
            self.assertEqual(int(float(cursor)), int(cursor))
            keys += page
            calls += 1
            if cursor == b"0":
                return keys, calls

    def fill(self, database):
        """Turns to the database and gives it keys, which are told."""
        self.connection.command("SELECT", database)
        keys = {f"key:{i}".encode() for i in range(KEYS)}
        self.connection.send(resp.pack_all([("SET", key, 1) for key in keys]))
        for _ in keys:
            self.connection.read()
        return keys

    def test_scan_takes_as_many_calls_as_there_are_pages(self):
        for database in (0, 1):
            with self.subTest(database=database):
                keys = self.fill(database)
                found, calls = self.scan("COUNT", 1000)
                self.assertEqual(sorted(found), sorted(keys))
                self.assertLess(calls, 20)
                self.assertEqual(self.connection.command("DBSIZE"), KEYS)
                self.connection.command("FLUSHDB")

    def test_any_proxy_goes_on_with_a_cursor_of_another(self):
        elsewhere = connect(other, PASSWORD, 15)
        self.addCleanup(elsewhere.close)
        for database in (0, 1):
            with self.subTest(database=database):
                keys = self.fill(database)
                elsewhere.command("SELECT", database)
                found, calls = self.scan("COUNT", 100, by=(self.connection, elsewhere))
                self.assertEqual(sorted(set(found)), sorted(keys))
                if database == 0:  # so few keys of a pinned database come at once
                    self.assertGreater(calls, 4)
                self.connection.command("FLUSHDB")

    def test_masters_without_keys_cost_one_call_each(self):
        for database in (0, 1):
            self.connection.command("SELECT", database)
            found, calls = self.scan()
            self.assertEqual(found, [])
            self.assertLessEqual(calls, MASTERS)


if __name__ == "__main__":
    fixture.main()
