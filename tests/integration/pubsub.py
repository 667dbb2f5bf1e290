"""SUBSCRIBE and what belongs to it, PUBLISH, keyspace notifications and MONITOR, in RESP2 and RESP3."""

import collections
import fnmatch
import pathlib
import re
import resource
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD
from proxy import STANDIN, WORKERS
from slots import key_in, slot_of
from waiting import wait_until

MANY = 2500

# Each line is one request; the next is sent when the reply is in. What one plain Redis says is right.
CONVERSATIONS = {
    "subscribing": """
        SUBSCRIBE a b a
        SUBSCRIBE a
        PSUBSCRIBE p*
        SSUBSCRIBE s
        PING
        PING hi
        GET x
        PUBLISH a m
        SPUBLISH s m
        MULTI
        EXEC
        WATCH a
        BLPOP a 0
        MONITOR
        CLIENT ID
        HELLO 3
        NOPE
        GET
        SUBSCRIBE
        UNSUBSCRIBE zz
        UNSUBSCRIBE a
        UNSUBSCRIBE
        UNSUBSCRIBE
        PUNSUBSCRIBE
        PUNSUBSCRIBE
        PING
        SUNSUBSCRIBE
        SUNSUBSCRIBE
        GET x""",
    "unsubscribing from nothing": """
        UNSUBSCRIBE
        UNSUBSCRIBE a b
        PUNSUBSCRIBE
        SUNSUBSCRIBE
        SUNSUBSCRIBE q
        PING""",
    "RESET": """
        SUBSCRIBE a
        PSUBSCRIBE q
        SSUBSCRIBE s
        RESET
        AUTH integration-pass
        PING
        GET x
        PUBSUB CHANNELS
        PUBSUB NUMPAT
        PUBSUB NUMSUB
        PUBSUB NUMSUB a b a
        PUBSUB SHARDNUMSUB a
        PUBSUB SHARDCHANNELS
        PUBSUB NOPE
        PUBSUB NUMPAT x""",
    "QUIT": """
        SUBSCRIBE a
        QUIT""",
    "monitoring": """
        MULTI
        GET x
        DISCARD
        PUBLISH nobody x
        SPUBLISH nobody x""",
}
RESP3_CONVERSATIONS = {
    "subscribing": """
        SUBSCRIBE a b
        PING
        PING hi
        GET x
        PSUBSCRIBE a*
        SSUBSCRIBE s
        UNSUBSCRIBE a
        UNSUBSCRIBE
        UNSUBSCRIBE
        PUNSUBSCRIBE
        SUNSUBSCRIBE
        SUNSUBSCRIBE
        GET x""",
    "back to RESP2": """
        SUBSCRIBE a
        HELLO 2 SETNAME x
        GET x
        PING
        UNSUBSCRIBE
        GET x""",
    "RESET": """
        SUBSCRIBE a
        RESET
        AUTH integration-pass
        PING
        PUBSUB CHANNELS""",
}


def setUpModule():
    global site
    site = fixture.open_site(options=("--allow-admin-commands", "yes", "--client-output-pubsub-soft-limit", "1mb",
                                    "--client-output-pubsub-hard-limit", "2mb"))


def tearDownModule():
    fixture.close_site()


def notice(word, name, count, first=b"*"):
    return first + b"3\r\n" + resp.pack(word, name)[4:] + b":%d\r\n" % count


def message(channel, text, first=b"*"):
    return first + b"3\r\n" + resp.pack("message", channel, text)[4:]


def receive(connection, count):
    """That many bytes, or fewer if the other side closes."""
    data = b""
    while len(data) < count:
        more = connection.socket.recv(count - len(data))
        if not more:
            break
        data += more
    return data


def receive_all(connection, seconds=0.1):
    """What comes until it is quiet: only for the oracle, whose replies are one piece."""
    connection.socket.settimeout(seconds)
    data = b""
    try:
        while more := connection.socket.recv(1 << 16):
            data += more
    except TimeoutError:
        pass
    return data


def comparable(reply):
    """HELLO's reply, but for the number of the connection and the modules, of which the daemon names none."""
    before, found, after = reply.partition(b"$2\r\nid\r\n:")
    if not found:
        return reply
    rest, modules, _ = after[after.find(b"\r\n"):].partition(b"$7\r\nmodules\r\n")
    return before + found + rest + modules


class Replies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.child, cls.port = fixture.start_oracle()

    @classmethod
    def tearDownClass(cls):
        cls.child.kill()

    def compare(self, text, *first):
        with resp.Connection(HOST, self.port, PASSWORD) as oracle, site.connect() as proxied:
            for connection in (oracle, proxied):
                for command in first:
                    connection.send(resp.pack(*command))
                    receive_all(connection)
                connection.socket.settimeout(20)
            for line in text.split("\n"):
                if line.strip():
                    request = resp.pack(*line.split())
                    oracle.send(request)
                    expected = receive_all(oracle)
                    proxied.send(request)
                    proxied.socket.settimeout(20)
                    # The number may have more digits or fewer.
                    actual = (receive_all(proxied) if b"$2\r\nid\r\n" in expected
                              else receive(proxied, len(expected)))
                    self.assertEqual(comparable(actual), comparable(expected), line)

    def test_resp2_replies_are_those_of_one_redis(self):
        for name, text in CONVERSATIONS.items():
            with self.subTest(name):
                self.compare(text)

    def test_resp3_replies_are_those_of_one_redis(self):
        for name, text in RESP3_CONVERSATIONS.items():
            with self.subTest(name):
                self.compare(text, ("HELLO", "3"))


class Messages(unittest.TestCase):
    def setUp(self):
        self.publisher = site.client()
        self.addCleanup(self.publisher.close)

    def subscriber(self, *channels, protocol=2):
        connection = site.connect()
        self.addCleanup(connection.close)
        first = b"*"
        if protocol == 3:
            connection.send(resp.pack("HELLO", "3"))
            receive_all(connection, 0.3)
            connection.socket.settimeout(20)
            first = b">"
        connection.send(resp.pack("SUBSCRIBE", *channels))
        expected = b"".join(notice("subscribe", each, i + 1, first) for i, each in enumerate(channels))
        self.assertEqual(receive(connection, len(expected)), expected)
        return connection

    def test_both_protocols_get_the_messages_in_their_order_whatever_their_slots(self):
        channels = [key_in(slot, "channel") for slot in (10, 6000, 16000)]
        subscribers = [(self.subscriber(*channels, protocol=protocol), first)
                       for protocol, first in ((2, b"*"), (3, b">")) for _ in range(3)]
        for channel in channels:
            texts = [f"{channel}-{i}" * 50 for i in range(200)]
            for text in texts:
                self.assertEqual(self.publisher.publish(channel, text), 6)
            for connection, first in subscribers:
                expected = b"".join(message(channel, text, first) for text in texts)
                self.assertEqual(receive(connection, len(expected)), expected)

    def test_a_resp3_client_gets_pushes_between_the_replies_of_its_pipeline(self):
        connection = self.subscriber("between", protocol=3)
        self.publisher.set("between-key", "v" * 10000)
        value = b"$10000\r\n" + b"v" * 10000 + b"\r\n"
        push = message("between", "m", b">")
        for _ in range(20):
            connection.send(resp.pack("GET", "between-key") * 50)
            for _ in range(10):
                self.publisher.publish("between", "m")
            data = receive(connection, 50 * len(value) + 10 * len(push))
            self.assertEqual(data.count(push), 10)
            self.assertTrue(data.replace(push, b"") == value * 50)

    def test_what_is_published_before_unsubscribe_comes_before_its_confirmation(self):
        """And nothing behind it, whether or not others go on listening to the channel."""
        channels = [key_in(slot, "leaving") for slot in (20, 6010, 16010)]
        staying = self.subscriber(channels[0])
        for protocol, first in ((2, b"*"), (3, b">")):
            connection = self.subscriber("anchor", protocol=protocol)
            for i in range(60):
                channel = channels[i % 3]
                connection.send(resp.pack("SUBSCRIBE", channel))
                expected = notice("subscribe", channel, 2, first)
                self.assertEqual(receive(connection, len(expected)), expected)
                self.publisher.publish(channel, f"before {i}")
                connection.send(resp.pack("UNSUBSCRIBE", channel))
                expected = message(channel, f"before {i}", first) + notice("unsubscribe", channel, 1, first)
                self.assertEqual(receive(connection, len(expected)), expected)
                self.publisher.publish(channel, "too late")
            self.publisher.publish("anchor", "end")
            expected = message("anchor", "end", first)
            self.assertEqual(receive(connection, len(expected)), expected)
        expected = b"".join(message(channels[0], f"before {i}") + message(channels[0], "too late")
                            for i in range(0, 60, 3))
        self.assertEqual(receive(staying, 2 * len(expected)), 2 * expected)

    def test_a_client_library_subscribes_to_channels_and_patterns(self):
        clients = [site.client() for _ in range(2)]
        pubsubs = [client.pubsub(ignore_subscribe_messages=True) for client in clients]
        for pubsub in pubsubs:
            self.addCleanup(pubsub.close)
            pubsub.subscribe("lib-a", "lib-b")
            pubsub.psubscribe("lib-*")
            for _ in range(3):
                pubsub.get_message(timeout=5)
        self.assertEqual(self.publisher.publish("lib-a", "1"), 4)
        for pubsub in pubsubs:
            got = sorted((m["type"], m["pattern"], m["channel"], m["data"])
                         for m in (pubsub.get_message(timeout=5) for _ in range(2)))
            self.assertEqual(got, [("message", None, b"lib-a", b"1"), ("pmessage", b"lib-*", b"lib-a", b"1")])
        self.assertEqual(self.publisher.pubsub_numsub("lib-a", "lib-b", "none"),
                         [(b"lib-a", 2), (b"lib-b", 2), (b"none", 0)])
        self.assertEqual(sorted(self.publisher.pubsub_channels("lib-*")), [b"lib-a", b"lib-b"])
        self.assertEqual(self.publisher.pubsub_numpat(), 1)
        for pubsub in pubsubs:
            pubsub.unsubscribe("lib-a")
            pubsub.get_message(timeout=1)
        wait_until(lambda: self.publisher.publish("lib-a", "2") == 2, 5, "only the patterns to be counted")

    def test_shard_channels(self):
        connection = site.connect()
        self.addCleanup(connection.close)
        names = [key_in(slot, "shard") for slot in (20, 7000, 15000)]
        connection.send(resp.pack("SSUBSCRIBE", *names))
        expected = b"".join(notice("ssubscribe", name, i + 1) for i, name in enumerate(names))
        self.assertEqual(receive(connection, len(expected)), expected)
        for name in names:
            self.assertEqual(self.publisher.execute_command("SPUBLISH", name, "m"), 1)
            expected = b"*3\r\n" + resp.pack("smessage", name, "m")[4:]
            self.assertEqual(receive(connection, len(expected)), expected)
        self.assertEqual(sorted(self.publisher.execute_command("PUBSUB", "SHARDCHANNELS")),
                         sorted(name.encode() for name in names))
        self.assertEqual(self.publisher.execute_command("PUBSUB", "SHARDNUMSUB", names[0]), [names[0].encode(), 1])

    def test_publish_inside_a_transaction_is_counted_alike(self):
        connection = self.subscriber("in-multi")
        pipeline = self.publisher.pipeline(transaction=True)
        pipeline.set("in-multi-key", "1")
        pipeline.publish("in-multi", "m")
        self.assertEqual(pipeline.execute(), [True, 1])
        expected = message("in-multi", "m")
        self.assertEqual(receive(connection, len(expected)), expected)

    @fixture.NOT_ONE_REDIS
    def test_thousands_of_subscribers_cost_one_subscription_per_worker(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        confirmed, expected = notice("subscribe", "crowd", 1), message("crowd", "all")
        crowd = []
        for _ in range(MANY):
            connection = site.connect()
            self.addCleanup(connection.close)
            connection.send(resp.pack("SUBSCRIBE", "crowd"))
            crowd.append(connection)
        for connection in crowd:
            self.assertEqual(receive(connection, len(confirmed)), confirmed)
        home = site.cluster.owner(slot_of("crowd"))
        self.assertEqual(home.command("PUBSUB", "NUMSUB", "crowd"), [b"crowd", WORKERS])
        for node in site.cluster.masters():
            if node is not home:
                self.assertEqual(node.command("PUBSUB", "NUMSUB", "crowd"), [b"crowd", 0])
        self.assertEqual(self.publisher.publish("crowd", "all"), MANY)
        for connection in crowd:
            self.assertEqual(receive(connection, len(expected)), expected)
        self.assertEqual(site.proxy.metric("slotless_subscriptions"), MANY)
        for connection in crowd:
            connection.close()
        wait_until(lambda: home.command("PUBSUB", "NUMSUB", "crowd") == [b"crowd", 0], 20, "the subscriptions to go")
        wait_until(lambda: site.proxy.metric("slotless_subscriptions") == 0, 20, "all subscribers to be gone")

    @fixture.NOT_ONE_REDIS
    def test_a_subscriber_that_does_not_read_is_closed_and_others_are_not(self):
        slow, quick = self.subscriber("flood"), self.subscriber("flood")
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        before = site.proxy.metric("slotless_limit_hits_total", limit="pubsub_output")
        text = "x" * 100_000
        expected = message("flood", text)

        def closed():
            self.publisher.publish("flood", text)
            self.assertEqual(receive(quick, len(expected)), expected)
            return site.proxy.metric("slotless_limit_hits_total", limit="pubsub_output") == before + 1

        wait_until(closed, 60, "the slow subscriber to be closed")
        wait_until(lambda: self.publisher.publish("flood", "end") == 1, 10, "one subscriber to be left")


class KeyspaceNotifications(unittest.TestCase):
    def test_keys_are_called_as_in_their_database_and_come_under_its_number(self):
        client = site.client()
        self.addCleanup(client.close)
        self.addCleanup(client.config_set, "notify-keyspace-events", "")
        client.config_set("notify-keyspace-events", "KEA")
        channels = ["__keyspace@1__:foo", "__keyevent@1__:del", "__keyevent@0__:set", "__keyspace@2__:other"]
        patterns = ["__keyspace@1__:user*", "__key*@*__:*", "__keyevent@*__:expired", "__keyspace@0__:*", "*"]
        events = [("foo", "set"), ("user:1", "set"), ("foo", "del"), ("brief", "set"), ("brief", "expire"),
                  ("brief", "expired")]
        for protocol in ("2", "3"):
            with self.subTest(protocol=protocol), site.connect() as listener, site.connect() as writer:
                listener.command("HELLO", protocol)
                for word, names in (("SUBSCRIBE", channels), ("PSUBSCRIBE", patterns)):
                    for name in names:
                        listener.send(resp.pack(word, name))
                        self.assertEqual(listener.read()[1], name.encode())
                self.assertEqual(writer.command("PUBSUB", "NUMPAT"), len(patterns))
                self.assertEqual(sorted(writer.command("PUBSUB", "CHANNELS", "__key*")),
                                 sorted(name.encode() for name in channels))
                self.assertEqual(writer.command("PUBSUB", "NUMSUB", channels[0], channels[2], "__keyevent@0__:del"),
                                 [channels[0].encode(), 1, channels[2].encode(), 1, b"__keyevent@0__:del", 0])
                sent = [("ordinary", "m")]
                for database in (0, 1, 2):
                    writer.command("SELECT", database)
                    writer.command("SET", "foo", "1")
                    writer.command("SET", "user:1", "1")
                    writer.command("DEL", "foo")
                    writer.command("SET", "brief", "1", "PX", "5")
                    wait_until(lambda: writer.command("GET", "brief") is None, 5, "the key to expire")
                    for key, event in events:
                        sent += [(f"__keyspace@{database}__:{key}", event), (f"__keyevent@{database}__:{event}", key)]
                writer.command("PUBLISH", "ordinary", "m")
                wanted = collections.Counter()
                for channel, text in sent:
                    wanted.update([("message", channel, text)] if channel in channels else [])
                    wanted.update(("pmessage", pattern, channel, text) for pattern in patterns
                                  if fnmatch.fnmatchcase(channel, pattern))
                got = collections.Counter(tuple(part.decode() for part in listener.read())
                                          for _ in range(wanted.total()))
                self.assertEqual(got, wanted)
                self.assertEqual(receive_all(listener, 0.3), b"")

    def test_they_come_from_all_masters_and_ordinary_messages_come_once(self):
        client = site.client()
        self.addCleanup(client.close)
        self.addCleanup(client.config_set, "notify-keyspace-events", "")
        client.config_set("notify-keyspace-events", "KEA")
        if site.cluster:
            for node in site.cluster.masters():
                flags = node.command("CONFIG", "GET", "notify-keyspace-events")[1]
                self.assertEqual(sorted(flags.decode()), sorted("AKE"))
        everything, events = client.pubsub(), client.pubsub()
        self.addCleanup(everything.close)
        self.addCleanup(events.close)
        everything.psubscribe("*")
        events.subscribe("__keyevent@0__:set")
        self.assertEqual(everything.get_message(timeout=5)["type"], "psubscribe")
        self.assertEqual(events.get_message(timeout=5)["type"], "subscribe")
        keys = [key_in(slot, "event") for slot in (1, 5000, 6000, 10000, 11000, 16000)]
        for key in keys:
            client.set(key, "1")
        client.publish("ordinary", "m")
        wanted = {(f"__keyspace@0__:{key}".encode(), b"set") for key in keys}
        wanted |= {(b"__keyevent@0__:set", key.encode()) for key in keys} | {(b"ordinary", b"m")}
        got = [everything.get_message(timeout=5) for _ in wanted]
        self.assertEqual({(m["channel"], m["data"]) for m in got}, wanted)
        self.assertEqual({events.get_message(timeout=5)["data"] for _ in keys}, {key.encode() for key in keys})
        self.assertIsNone(everything.get_message(timeout=0.3))
        self.assertEqual(client.pubsub_numpat(), 1)


class Monitor(unittest.TestCase):
    def test_it_shows_what_all_masters_do(self):
        with site.connect() as monitor, site.connect() as client:
            self.assertEqual(monitor.command("MONITOR"), b"OK")
            self.assertEqual(monitor.command("PING"), b"PONG") if not STANDIN else None
            keys = [key_in(slot, "monitored") for slot in (1, 6000, 16000)]
            for key in keys:
                client.command("SET", key, "1")
            missing = set(keys)
            while missing:
                line = monitor.read().decode()
                missing -= {key for key in missing if f'"SET" "{key}" "1"' in line}
            monitor.send(resp.pack("RESET"))
            while monitor.read() != b"RESET":
                pass
            self.assertEqual(monitor.command("AUTH", PASSWORD), b"OK")
            self.assertIsNone(monitor.command("GET", "nothing-here"))


    def test_it_names_keys_and_databases_as_clients_do(self):
        with site.connect() as monitor, site.connect() as client:
            self.assertEqual(monitor.command("MONITOR"), b"OK")
            for database in (0, 1):
                client.command("SELECT", database)
                client.command("MSET", "one", "1", "{one}two", "2")
            seen = []
            while len(seen) < 2:
                line = monitor.read().decode()
                seen += re.findall(r'\[(\d+) [^]]+\] (?i:"mset") (.*)', line)
            self.assertEqual(sorted(seen), [("0", '"one" "1" "{one}two" "2"'), ("1", '"one" "1" "{one}two" "2"')])


@fixture.NOT_ONE_REDIS
class Changes(unittest.TestCase):
    """What the cluster does must cost a subscriber no more than some messages."""

    def test_1_subscriptions_follow_a_slot_that_moves(self):
        slot = 300
        name = key_in(slot, "moving")
        connection = site.connect()
        self.addCleanup(connection.close)
        connection.send(resp.pack("SUBSCRIBE", name) + resp.pack("SSUBSCRIBE", name))
        expected = notice("subscribe", name, 1) + notice("ssubscribe", name, 1)
        self.assertEqual(receive(connection, len(expected)), expected)
        source = site.cluster.owner(slot)
        target = next(node for node in site.cluster.masters() if node is not source)
        site.cluster.move_slot(slot, target)
        count = lambda node, word: node.command("PUBSUB", word, name)[1]
        wait_until(lambda: count(target, "NUMSUB") == count(target, "SHARDNUMSUB") == 1, 20, "the new subscriptions")
        wait_until(lambda: count(source, "NUMSUB") == 0, 20, "the old one to go")
        client = site.client()
        self.assertEqual(client.publish(name, "after"), 1)
        expected = message(name, "after")
        self.assertEqual(receive(connection, len(expected)), expected)
        self.assertEqual(client.execute_command("SPUBLISH", name, "shard"), 1)
        expected = b"*3\r\n" + resp.pack("smessage", name, "shard")[4:]
        self.assertEqual(receive(connection, len(expected)), expected)
        self.assertGreaterEqual(site.proxy.metric("slotless_pubsub_gaps_total"), 2)

    def test_2_subscriptions_survive_a_killed_master(self):
        site.cluster.wait_for_replicas()
        master = site.cluster.first_masters[1]
        name = key_in(site.cluster.slots_of(master)[50], "killed")
        pubsub = site.client().pubsub(ignore_subscribe_messages=True)
        self.addCleanup(pubsub.close)
        pubsub.subscribe(name)
        pubsub.psubscribe("*")
        shard = site.connect()
        self.addCleanup(shard.close)
        shard.send(resp.pack("SSUBSCRIBE", name))
        expected = notice("ssubscribe", name, 1)
        self.assertEqual(receive(shard, len(expected)), expected)
        for _ in range(2):
            pubsub.get_message(timeout=5)
        gaps = site.proxy.metric("slotless_pubsub_gaps_total")
        master.kill()
        client = site.client()
        # Held until there is a new master. By then it may be subscribed to, or not yet.
        self.assertIn(client.publish(name, "meanwhile"), (1, 2))
        self.assertGreater(site.proxy.metric("slotless_pubsub_gaps_total"), gaps)

        def arrives():
            client.publish(name, "after")
            got = [pubsub.get_message(timeout=0.5) for _ in range(2)]
            return sorted(m["type"] for m in got if m and m["data"] == b"after") == ["message", "pmessage"]

        wait_until(arrives, 30, "messages to arrive again")
        wait_until(lambda: client.execute_command("SPUBLISH", name, "shard") == 1, 30, "the shard channel to be back")
        expected = b"*3\r\n" + resp.pack("smessage", name, "shard")[4:]
        self.assertEqual(receive(shard, len(expected)), expected)


if __name__ == "__main__":
    fixture.main()
