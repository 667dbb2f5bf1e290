"""What tells of keys and databases unasked gives them the names that clients know: notifications, invalidations, MONITOR."""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture


def setUpModule():
    global site
    site = fixture.open_site(node_options=("--notify-keyspace-events", "KEA"))
    if fixture.STANDIN:
        with site.connect() as connection:
            connection.command("CONFIG", "SET", "notify-keyspace-events", "KEA")


def tearDownModule():
    fixture.close_site()


def client(database, **options):
    return site.client(db=database, **options)


class Monitor(unittest.TestCase):
    # Commands without keys (MULTI …) are shown with database 0: only a key's name tells a node's line its database.
    def test_monitor_names_the_database_and_the_keys_as_the_client_does(self):
        with site.connect() as watching, client(1) as one:
            self.assertEqual(watching.command("MONITOR"), b"OK")
            one.set("monitored", "v")
            one.eval("return redis.call('GET', KEYS[1])", 1, "monitored")
            pipeline = one.pipeline()
            pipeline.get("monitored").blpop("nothing", 1)
            pipeline.execute()
            lines = []
            # What a script runs comes from its node.
            while not all(any(part in line for line in lines) for part in ('"EXEC"', " lua]")):
                lines.append(watching.read().decode())
        port = r"127\.0\.0\.1:\d+"
        for expected in (rf'\[1 {port}\] "SET" "monitored" "v"', rf'\[1 {port}\] "BLPOP" "nothing" "1"',
                         rf'\[1 {port}\] "EVAL" .* "1" "monitored"', r'\[1 lua\] "GET" "monitored"'):
            self.assertTrue(any(re.search(expected, line) for line in lines), f"{expected} in {lines}")


class Notifications(unittest.TestCase):
    def collect(self, kind, *channels):
        """What is published about a few commands in databases 1 and 2, up to the last of them."""
        with site.connect() as subscriber, client(1) as one, client(2) as two, client(0) as zero:
            for channel in channels:
                subscriber.command(kind, channel)
            one.set("k", "v")
            two.set("k", "v")
            zero.set("k", "v")
            one.rpush("{t}list", "a")
            one.rename("k", "renamed")
            one.delete("renamed", "{t}list")
            two.delete("k")
            zero.delete("k")
            heard = []
            subscriber.socket.settimeout(1)
            try:
                while True:
                    heard.append(subscriber.read())
            except TimeoutError:
                pass
        return sorted(tuple(message[-2:]) for message in heard)

    def test_events_of_a_key_in_one_database(self):
        self.assertEqual(self.collect("SUBSCRIBE", "__keyspace@1__:k", "__keyspace@1__:{t}list"), sorted([
            (b"__keyspace@1__:k", b"set"), (b"__keyspace@1__:k", b"rename_from"), (b"__keyspace@1__:{t}list", b"rpush"),
            (b"__keyspace@1__:{t}list", b"del")]))

    def test_keys_of_an_event_in_one_database(self):
        self.assertEqual(self.collect("SUBSCRIBE", "__keyevent@1__:set", "__keyevent@2__:del"), sorted([
            (b"__keyevent@1__:set", b"k"), (b"__keyevent@2__:del", b"k")]))

    def test_patterns_over_all_databases(self):
        events = [(1, b"k", b"set"), (2, b"k", b"set"), (0, b"k", b"set"), (1, b"{t}list", b"rpush"), (1, b"k", b"rename_from"),
                  (1, b"renamed", b"rename_to"), (1, b"renamed", b"del"), (1, b"{t}list", b"del"), (2, b"k", b"del"),
                  (0, b"k", b"del")]
        keyspace = [(b"__keyspace@%d__:%s" % (database, key), event) for database, key, event in events]
        keyevent = [(b"__keyevent@%d__:%s" % (database, event), key) for database, key, event in events]
        self.assertEqual(self.collect("PSUBSCRIBE", "__key*@*__:*"), sorted(keyspace + keyevent))
        self.assertEqual(self.collect("PSUBSCRIBE", "__keyspace@1__:*"), sorted(e for e in keyspace if b"@1_" in e[0]))
        self.assertEqual(self.collect("PSUBSCRIBE", "__keyevent@*__:del"), sorted(e for e in keyevent if e[0].endswith(b"del")))
        self.assertEqual(self.collect("PSUBSCRIBE", "__keyspace@?__:k"), sorted(e for e in keyspace if e[0].endswith(b":k")))


class Tracking(unittest.TestCase):
    def test_what_is_invalidated_has_the_clients_names(self):
        with site.connect() as tracker, client(1) as one:
            tracker.command("HELLO", "3")
            tracker.command("SELECT", "1")
            tracker.command("CLIENT", "TRACKING", "ON")
            tracker.command("MGET", "tracked", "{t}tracked")
            one.set("tracked", "1")
            one.set("{t}tracked", "1")
            self.assertEqual([tracker.read(), tracker.read()], [[b"invalidate", [b"tracked"]], [b"invalidate", [b"{t}tracked"]]])

    def test_broadcasts_have_them_too(self):
        with site.connect() as tracker, client(1) as one:
            tracker.command("HELLO", "3")
            tracker.command("SELECT", "1")
            tracker.command("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "user:")
            one.set("item:1", "1")
            one.set("user:1", "1")
            self.assertEqual(tracker.read(), [b"invalidate", [b"user:1"]])


if __name__ == "__main__":
    fixture.main()
