"""Three proxies of one cluster know each other: who is there, and how many subscribers all of them have together."""

import pathlib
import random
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from proxy import Proxy, connect
from slots import key_in, slot_of
from waiting import wait_until

CHANNEL = "~{slotless-peers}"
OPTIONS = ("--allow-admin-commands", "yes")
# A beat is a second, and three and a half without one are the end of a proxy; the rest is for a busy machine.
SOON = 20
PROMPT = 5


def setUpModule():
    global site, proxies
    site = fixture.open_site(options=OPTIONS)
    proxies = [site.proxy, *(Proxy(site.cluster.addresses(), OPTIONS) for _ in range(2))]


def tearDownModule():
    try:
        for proxy in proxies[1:]:
            proxy.stop()
    finally:
        fixture.close_site()


def lines_of(asker):
    """PROXY PEERS: a dict for each line."""
    text = asker.command("PROXY", "PEERS").decode()
    return [dict(pair.split("=", 1) for pair in line.split(" ") if "=" in pair) for line in text.splitlines()]


def sees(asker, others):
    """It hears itself, and so many others, whose subscribers it knows."""
    state, *rest = lines_of(asker)
    return (state["peers"] == "on" and int(state["others"]) == others and
            [row["peer"] for row in rest] == ["self"] + ["other"] * others and
            all(row["subscribers"] == "told" for row in rest))


def told(asker, name="heard"):
    return int(lines_of(asker)[0][name])


@fixture.NOT_ONE_REDIS
class Peers(unittest.TestCase):
    def setUp(self):
        self.askers = [self.enter(connect(proxy)) for proxy in proxies]
        self.wait_for_all()

    def enter(self, connection):
        self.addCleanup(connection.close)
        return connection

    def wait_for_all(self):
        wait_until(lambda: all(sees(asker, 2) for asker in self.askers), SOON, "three proxies to know each other")

    def subscriber(self, proxy, channel="news", word="SUBSCRIBE"):
        connection = self.enter(connect(proxy))
        self.assertEqual(connection.command(word, channel)[1], channel.encode())
        return connection

    def wait_for(self, ask, expected, seconds=SOON, askers=None):
        """Every proxy's answer."""
        askers = askers or self.askers
        seen = []

        def right():
            seen[:] = [ask(asker) for asker in askers]
            return seen == [expected] * len(askers)

        try:
            wait_until(right, seconds, f"{expected} of each proxy")
        except AssertionError as late:
            raise AssertionError(f"{late}: {seen}") from late

    def test_each_knows_who_the_others_are(self):
        ports = {str(proxy.port) for proxy in proxies}
        for proxy, asker in zip(proxies, self.askers):
            text = asker.command("PROXY", "PEERS").decode()
            for port in ports:
                self.assertIn(f":{port}\"", text)
            self.assertEqual(len({row["id"] for row in lines_of(asker)[1:]}), 3)
            self.assertEqual(proxy.metric("slotless_peers"), 2)
            self.assertEqual(proxy.metric("slotless_peer_channel_up"), 1)
            self.assertGreater(proxy.metric("slotless_peer_messages_total", direction="heard"), 0)

    def test_subscribers_of_all_are_counted(self):
        for proxy, count in zip(proxies, (3, 2, 1)):
            for _ in range(count):
                self.subscriber(proxy)
        home = next(node for node in site.cluster.masters() if slot_of("news") in site.cluster.slots_of(node))
        direct = self.enter(home.connect())
        direct.command("SUBSCRIBE", "news")
        self.wait_for(lambda asker: asker.command("PUBLISH", "news", "x"), 7)
        self.wait_for(lambda asker: asker.command("PUBSUB", "NUMSUB", "news", "none"), [b"news", 7, b"none", 0])
        self.wait_for(lambda asker: asker.command("PUBSUB", "CHANNELS"), [b"news"])

    def test_patterns_and_shard_channels_are_counted_alike(self):
        for proxy, count in zip(proxies, (2, 4, 0)):
            for _ in range(count):
                self.subscriber(proxy, "n?ws", "PSUBSCRIBE")
                self.subscriber(proxy, "shard", "SSUBSCRIBE")
        self.subscriber(proxies[2], "other*", "PSUBSCRIBE")
        self.subscriber(proxies[0])
        self.wait_for(lambda asker: asker.command("PUBLISH", "news", "x"), 7)
        self.wait_for(lambda asker: asker.command("PUBSUB", "NUMPAT"), 2)
        self.wait_for(lambda asker: asker.command("SPUBLISH", "shard", "x"), 6)
        self.wait_for(lambda asker: asker.command("PUBSUB", "SHARDNUMSUB", "shard"), [b"shard", 6])
        self.wait_for(lambda asker: asker.command("PUBSUB", "SHARDCHANNELS"), [b"shard"])

    def test_nobody_subscribed_is_nobody_counted(self):
        self.wait_for(lambda asker: asker.command("PUBSUB", "NUMPAT"), 0)
        self.wait_for(lambda asker: asker.command("PUBSUB", "CHANNELS"), [])
        self.wait_for(lambda asker: asker.command("PUBLISH", "news", "x"), 0)

    def test_counts_inside_of_transactions(self):
        for proxy in proxies:
            self.subscriber(proxy)
            self.subscriber(proxy)
        self.wait_for(lambda asker: asker.command("PUBLISH", "news", "x"), 6)
        for asker in self.askers:
            asker.command("MULTI")
            asker.command("PUBLISH", "news", "x")
            self.assertEqual(asker.command("EXEC"), [6])

    def test_clients_come_and_go(self):
        choose = random.Random(19)
        names = [f"room:{i}" for i in range(20)]
        words = {"SUBSCRIBE": "channel", "PSUBSCRIBE": "pattern"}
        open_now = []
        for _ in range(300):
            if open_now and choose.random() < 0.45:
                connection = open_now.pop(choose.randrange(len(open_now)))[0]
                connection.close()
            else:
                word = choose.choice(list(words))
                name = choose.choice(names)
                open_now.append((self.subscriber(choose.choice(proxies), name, word), word, name))
        for name in names[:5]:
            expected = sum(1 for _, _, other in open_now if other == name)
            self.wait_for(lambda asker, channel=name: asker.command("PUBLISH", channel, "x"), expected)
            of_channel = sum(1 for _, word, other in open_now if other == name and word == "SUBSCRIBE")
            self.wait_for(lambda asker, channel=name: asker.command("PUBSUB", "NUMSUB", channel),
                          [name.encode(), of_channel])
        patterns = {name for _, word, name in open_now if word == "PSUBSCRIBE"}
        self.wait_for(lambda asker: asker.command("PUBSUB", "NUMPAT"), len(patterns))

    def test_a_proxy_that_is_killed_counts_no_more(self):
        for proxy in proxies:
            self.subscriber(proxy)
            self.subscriber(proxy)
        self.wait_for(lambda asker: asker.command("PUBLISH", "news", "x"), 6)
        proxies[2].child.kill()
        left = self.askers[:2]
        try:
            self.wait_for(lambda asker: asker.command("PUBLISH", "news", "x"), 4, askers=left)
            wait_until(lambda: all(sees(asker, 1) for asker in left), SOON, "two to know that they are alone")
            self.assertGreaterEqual(proxies[0].metric("slotless_peers_vanished_total"), 1)
        finally:
            proxies[2].kill_and_restart()
        self.askers[2] = self.enter(connect(proxies[2]))
        self.wait_for_all()
        self.subscriber(proxies[2])
        self.wait_for(lambda asker: asker.command("PUBLISH", "news", "x"), 5)

    def test_a_proxy_that_is_frozen_keeps_nobody_waiting(self):
        self.subscriber(proxies[0])
        proxies[2].child.signal(signal.SIGSTOP)
        left = self.askers[:2]
        try:
            def is_left():
                begin = time.monotonic()
                self.assertEqual(left[1].command("PUBLISH", "news", "x"), 1)
                self.assertLess(time.monotonic() - begin, PROMPT)
                return all(sees(asker, 1) for asker in left)

            wait_until(is_left, SOON, "two to miss the third")
        finally:
            proxies[2].child.signal(signal.SIGCONT)
        self.wait_for_all()

    def test_a_node_that_is_cut_off_keeps_nobody_waiting(self):
        slot = slot_of(CHANNEL)
        node = next(each for each in site.cluster.masters() if slot in site.cluster.slots_of(each))
        other = next(each for each in site.cluster.masters() if each is not node)
        channel = key_in(site.cluster.slots_of(other)[0], "news")
        self.subscriber(proxies[0], channel)
        self.subscriber(proxies[0], channel)
        self.wait_for(lambda asker: asker.command("PUBLISH", channel, "x"), 2)
        node.stop()
        try:
            for _ in range(100):
                for asker in self.askers:
                    begin = time.monotonic()
                    self.assertIn(asker.command("PUBLISH", channel, "x"), (1, 2))
                    self.assertLess(time.monotonic() - begin, PROMPT)
            wait_until(lambda: any(lines_of(asker)[0]["node"] != node.address for asker in self.askers), SOON,
                       "a proxy to speak by way of another node")
        finally:
            node.cont()
        self.wait_for_all()
        self.wait_for(lambda asker: asker.command("PUBLISH", channel, "x"), 2)

    def test_clients_hear_nothing_of_it(self):
        listener = self.enter(connect(proxies[0]))
        listener.command("PSUBSCRIBE", "*")
        watcher = self.enter(connect(proxies[0]))
        watcher.command("MONITOR")
        before = told(self.askers[0])
        wait_until(lambda: told(self.askers[0]) >= before + 4, SOON, "other proxies to speak")
        self.askers[1].command("PUBLISH", "news", "x")
        heard = listener.read()
        while heard != [b"pmessage", b"*", b"news", b"x"]:  # what other cases have published may still be on its way
            self.assertEqual(heard[:2], [b"pmessage", b"*"])
            self.assertNotEqual(heard[2], CHANNEL.encode())
            heard = listener.read()
        seen = b""
        while b'"news"' not in seen:
            seen = watcher.read()
            self.assertNotIn(CHANNEL.encode(), seen)

    def test_not_more_than_one_message_a_second(self):
        begin = time.monotonic()
        before = told(self.askers[0], "said")
        wait_until(lambda: told(self.askers[0], "said") >= before + 4, SOON, "four messages")
        said = told(self.askers[0], "said") - before
        self.assertLessEqual(said, (time.monotonic() - begin) / 0.95 + 2)

    def test_who_is_switched_off_is_not_there(self):
        alone = Proxy(site.cluster.addresses(), [*OPTIONS, "--peers", "no"])
        self.addCleanup(alone.stop)
        asker = self.enter(connect(alone))
        wait_until(lambda: lines_of(asker)[0]["peers"] == "off", SOON, "it to be off")
        self.assertEqual(len(lines_of(asker)), 1)
        before = [told(each) for each in self.askers]
        wait_until(lambda: all(told(each) >= count + 4 for each, count in zip(self.askers, before)), SOON,
                   "others to speak")
        for each in self.askers:
            self.assertTrue(sees(each, 2))
        self.assertFalse([name for name in alone.metrics() if name.startswith("slotless_peer")])

    def test_messages_that_anybody_may_write_do_no_harm(self):
        self.subscriber(proxies[0])
        forger = self.enter(site.cluster.masters()[0].connect())
        before = told(self.askers[0], "unread")
        for text in (b"", b"*", b"*1000000000\r\n", b"\x00" * 1000, resp.pack("slotless-proxy", "1", "id", ""),
                     resp.pack("slotless-proxy", "1", "id", "x", "topics", "1", "channel", "news", "has", "-1"),
                     b"x" * 1_000_000):
            forger.command("PUBLISH", CHANNEL, text)
        wait_until(lambda: told(self.askers[0], "unread") == before + 7, SOON, "all to be told apart")
        self.wait_for(lambda asker: asker.command("PUBLISH", "news", "x"), 1)
        self.wait_for_all()


if __name__ == "__main__":
    fixture.main()
