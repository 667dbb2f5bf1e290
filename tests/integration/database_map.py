"""A listener whose clients call database 1 their 0: applications that say SELECT 0 themselves notice nothing."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import PASSWORD
from proxy import STANDIN, Proxy, connect

MAPPED = ("--database-map", "1", "--allow-admin-commands", "yes")


def setUpModule():
    global site, mapped
    if STANDIN:
        raise unittest.SkipTest("one plain Redis has no such option")
    site = fixture.open_site()
    unittest.addModuleCleanup(fixture.close_site)
    mapped = Proxy(site.cluster.addresses(), MAPPED)
    unittest.addModuleCleanup(mapped.stop)
    with connect(mapped, PASSWORD, 20) as connection:
        connection.command("CONFIG", "SET", "notify-keyspace-events", "KEA")


class DatabaseMap(unittest.TestCase):
    def setUp(self):
        self.connection = self.connect()
        self.command = self.connection.command
        self.command("FLUSHALL")

    def connect(self, to=None):
        connection = connect(to or mapped, PASSWORD, 20)
        self.addCleanup(connection.close)
        return connection

    def test_its_database_0_is_the_others_database_1(self):
        self.command("SELECT", 0)
        self.command("MSET", "a", 1, "b", 2, "c", 3)
        self.assertEqual(self.command("DBSIZE"), 3)
        self.assertEqual(sorted(self.command("SCAN", 0)[1]), [b"a", b"b", b"c"])
        self.assertEqual(self.connection.error("SELECT", 1), "ERR DB index is out of range")
        self.assertIn(b" db=0 ", self.command("CLIENT", "LIST"))
        self.assertIn(b"db0:keys=3", self.command("INFO", "keyspace"))
        self.assertEqual(self.command("CONFIG", "GET", "databases"), [b"databases", b"1"])
        self.command("MULTI")
        self.command("SELECT", 0)
        self.command("INCR", "a")
        self.assertEqual(self.command("EXEC"), [b"OK", 2])
        other = self.connect(site.proxy)
        self.assertEqual(other.command("DBSIZE"), 0)
        other.command("SELECT", 1)
        self.assertEqual(other.command("MGET", "a", "b", "c"), [b"2", b"2", b"3"])

    def test_notifications_have_its_numbers(self):
        listener = self.connect()
        self.assertEqual(listener.command("SUBSCRIBE", "__keyspace@0__:a"), [b"subscribe", b"__keyspace@0__:a", 1])
        self.assertEqual(listener.command("PSUBSCRIBE", "__keyevent@*__:del"), [b"psubscribe", b"__keyevent@*__:del", 2])
        other = self.connect(site.proxy)
        other.command("SET", "a", "of database 0, which these clients do not see")
        other.command("DEL", "a")
        self.command("SET", "a", 1)
        self.assertEqual(listener.read(), [b"message", b"__keyspace@0__:a", b"set"])
        self.command("DEL", "a")
        got = sorted([listener.read(), listener.read()], key=len)
        self.assertEqual(got, [[b"message", b"__keyspace@0__:a", b"del"],
                               [b"pmessage", b"__keyevent@*__:del", b"__keyevent@0__:del", b"a"]])
        self.assertEqual(listener.command("UNSUBSCRIBE", "__keyspace@0__:a"), [b"unsubscribe", b"__keyspace@0__:a", 1])
        self.assertEqual(listener.command("PUNSUBSCRIBE"), [b"punsubscribe", b"__keyevent@*__:del", 0])

    def test_monitor_shows_its_numbers(self):
        watcher = self.connect()
        watcher.command("MONITOR")
        self.command("SET", "monitored", 1)
        line = watcher.read()
        self.assertIn(b" [0 ", line)
        self.assertTrue(line.endswith(b'"SET" "monitored" "1"'), line)


if __name__ == "__main__":
    fixture.main()
