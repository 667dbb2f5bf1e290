"""Three proxies of one cluster know each other: who is there, how many subscribers all of them have together, and what a
client of one has all of them do."""

import json
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


def lines_of(asker, *command):
    """PROXY PEERS, or another command of PROXY: a dict for each line."""
    text = asker.command("PROXY", *(command or ("PEERS",))).decode()
    return [dict(pair.split("=", 1) for pair in line.split(" ") if "=" in pair) for line in text.splitlines()]


def sees(asker, others):
    """It hears itself, and so many others, whose subscribers it knows."""
    state, *rest = lines_of(asker)
    return (state["peers"] == "on" and int(state["others"]) == others and
            [row["peer"] for row in rest] == ["self"] + ["other"] * others and
            all(row["subscribers"] == "told" for row in rest))


def told(asker, name="heard"):
    return int(lines_of(asker)[0][name])


class WithPeers(unittest.TestCase):
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
            raise AssertionError(f"{late}: {seen}\n{self.what_there_is()}") from late

    def what_there_is(self):
        """What nodes and proxies have, each by itself: a sum that is wrong does not say whose part is."""
        def of_node(node):
            return (f"{node.command('ROLE')[0].decode()}, patterns {node.command('PUBSUB', 'NUMPAT')}, "
                    f"channels {node.command('PUBSUB', 'CHANNELS')}")

        def of_proxy(proxy, asker):
            counts = {name: value for name, value in proxy.metrics().items()
                      if name == "slotless_clients" or "subscriptions" in name}
            return f"{counts}\n{asker.command('PROXY', 'PEERS').decode()}"

        def tried(name, ask, *whom):
            try:
                return f"{name}: {ask(*whom)}"
            except (OSError, EOFError) as error:  # some cases kill or freeze one
                return f"{name}: {error!r}"

        lines = [tried(node.name, of_node, node) for node in site.cluster.nodes]
        lines += [tried(f"proxy {proxy.port}", of_proxy, proxy, asker) for proxy, asker in zip(proxies, self.askers)]
        return "\n".join(lines)


@fixture.NOT_ONE_REDIS
class Peers(WithPeers):
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

    def test_the_page_has_them(self):
        def told_rightly():
            status, text = proxies[1].http("/api/v1/peers.json")
            self.assertEqual(status, 200)
            told_ = json.loads(text)
            known = [each for each in told_["proxies"] if each["clients"] > 0]
            return told_ if told_["channel"] == "on" and len(known) == 3 else None

        document = wait_until(told_rightly, SOON, "three proxies on the page")
        self.assertEqual([each["self"] for each in document["proxies"]], [True, False, False])
        self.assertIn(f":{proxies[1].port}", document["proxies"][0]["place"])
        for each in document["proxies"]:
            self.assertEqual(each["version"], document["proxies"][0]["version"])
            self.assertGreaterEqual(each["heard_ago_ms"], 0)

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


@fixture.NOT_ONE_REDIS
class Orders(WithPeers):
    def setUp(self):
        super().setUp()
        time.sleep(1.1)  # so that the cases before have not used up what may be asked in a second

    def ask(self, asker, *command):
        """A command with ALL: the first line, and one for each proxy. Nobody makes anybody wait for long."""
        begin = time.monotonic()
        head, *rest = lines_of(asker, *command, "ALL")
        self.assertLess(time.monotonic() - begin, PROMPT)
        return head, [row for row in rest if "who" in row], rest

    def ask_three(self, asker, *command):
        head, rows, rest = self.ask(asker, *command)
        self.assertEqual((head["proxies"], head["answered"], head["peers"]), ("3", "3", "on"), rest)
        self.assertEqual([row["who"] for row in rows], ["self", "other", "other"])
        return rows, rest

    def test_the_clients_of_all_are_listed(self):
        for number, proxy in enumerate(proxies):
            self.enter(connect(proxy)).command("CLIENT", "SETNAME", f"of-{number}")
        for asker in self.askers:
            rows, rest = self.ask_three(asker, "CLIENTS")
            clients = [row for row in rest if "addr" in row]
            self.assertEqual(sum(int(row["clients"]) for row in rows), len(clients))
            homes = {row["name"]: row["proxy"] for row in clients if row["name"]}
            self.assertEqual(sorted(homes), ["of-0", "of-1", "of-2"])
            self.assertEqual(len(set(homes.values())), 3)

    def test_a_client_of_another_proxy_is_killed(self):
        victim = self.enter(connect(proxies[2]))
        victim.command("PING")
        address = "%s:%d" % victim.socket.getsockname()[:2]
        rows, _ = self.ask_three(self.askers[0], "KILL", "ADDR", address)
        self.assertEqual([row["killed"] for row in rows].count("1"), 1)
        self.assertEqual(rows[0]["killed"], "0")
        with self.assertRaises((OSError, EOFError)):
            victim.command("PING")
        for asker in self.askers:
            self.assertEqual(asker.command("PING"), b"PONG")

    def test_all_are_paused_and_resumed(self):
        others = [self.enter(connect(proxy)) for proxy in proxies]
        self.addCleanup(self.ask, self.askers[0], "RESUME")
        rows, _ = self.ask_three(self.askers[0], "PAUSE", "500", "60000")
        self.assertEqual([row["paused"] for row in rows], ["yes"] * 3)
        for number, each in enumerate(others):
            each.send(resp.pack("SET", f"paused:{number}", "x"))
        for proxy in proxies:
            wait_until(lambda p=proxy: p.metric("slotless_paused_workers") > 0, SOON, "a proxy that is paused")
        rows, _ = self.ask_three(self.askers[1], "RESUME")
        self.assertEqual([row["was-paused"] for row in rows], ["yes"] * 3)
        self.assertEqual([each.read() for each in others], [b"OK"] * 3)

    def test_settings_are_carried_over(self):
        before = self.askers[0].command("PROXY", "CONFIG", "GET", "max-clients")[1]
        self.addCleanup(self.ask, self.askers[0], "CONFIG", "SET", "maxclients", before)
        rows, _ = self.ask_three(self.askers[0], "CONFIG", "SET", "maxclients", "1234")
        self.assertEqual([row["changed"] for row in rows], ["1"] * 3)
        self.wait_for(lambda asker: asker.command("PROXY", "CONFIG", "GET", "max-clients")[1], b"1234")

    def test_a_proxy_that_is_frozen_is_named_and_not_waited_for(self):
        proxies[2].child.signal(signal.SIGSTOP)
        try:
            head, rows, _ = self.ask(self.askers[0], "CLIENTS")
            self.assertEqual(head["answered"], "2")
            # On a machine that is very slow it may be known to be gone already.
            self.assertIn([row["answered"] for row in rows if row["answered"] != "yes"], (["no"], []))
            wait_until(lambda: sees(self.askers[0], 1), SOON, "one to be missed")
            head, _, _ = self.ask(self.askers[0], "CLIENTS")
            self.assertEqual((head["proxies"], head["answered"]), ("2", "2"))
        finally:
            proxies[2].child.signal(signal.SIGCONT)
        self.wait_for_all()

    def test_a_node_that_is_cut_off_keeps_nobody_waiting(self):
        slot = slot_of(CHANNEL)
        node = next(each for each in site.cluster.masters() if slot in site.cluster.slots_of(each))
        node.stop()
        try:
            for _ in range(3):
                for asker in self.askers:
                    head, _, _ = self.ask(asker, "CLIENTS")
                    self.assertGreaterEqual(int(head["answered"]), 1)
        finally:
            node.cont()
        self.wait_for_all()
        wait_until(lambda: self.ask(self.askers[0], "CLIENTS")[0]["answered"] == "3", SOON, "all three to answer")

    def test_who_has_no_password_of_the_cluster_cannot_have_anything_done(self):
        ids = [row["id"].strip('"') for row in lines_of(self.askers[0])[1:]]
        forger = self.enter(site.cluster.masters()[0].connect())
        order = ["slotless-order", "1", "number", "7", "from", "x", "at", str(int(time.time() * 1000)), "room", "1000"]
        for each in ids:
            order += ["to", each]
        before = [told(asker, "unread") for asker in self.askers]
        for words in (("kill", "type", "normal"), ("pause", "1", "60000"), ("clients",)):
            text = resp.pack(*order, *(part for word in words for part in ("word", word)))
            forger.command("PUBLISH", CHANNEL, b"slotless-open 1\n" + text)
            forger.command("PUBLISH", CHANNEL, b"slotless-sealed 1\n" + text)
        for asker, count in zip(self.askers, before):
            wait_until(lambda a=asker, c=count: told(a, "unread") == c + 6, SOON, "all to be told apart")
        for proxy, asker in zip(proxies, self.askers):
            self.assertEqual(asker.command("PING"), b"PONG")
            self.assertEqual(proxy.metric("slotless_paused_workers"), 0)

    def test_what_somebody_has_recorded_is_not_done_again(self):
        node = site.cluster.masters()[0]
        recorder = self.enter(node.connect())
        recorder.command("PSUBSCRIBE", CHANNEL)
        self.addCleanup(self.ask, self.askers[0], "RESUME")
        self.ask_three(self.askers[0], "PAUSE", "500", "60000")
        sealed = []
        while len(sealed) < 3:  # the order and two answers
            message = recorder.read()[3]
            if message.startswith(b"slotless-sealed"):
                self.assertNotIn(b"paused", message)
                sealed.append(message)
        self.ask_three(self.askers[0], "RESUME")
        forger = self.enter(node.connect())
        for message in sealed:
            forger.command("PUBLISH", CHANNEL, message)
        for proxy in proxies[1:]:
            wait_until(lambda p=proxy: "is not carried out" in p.child.output(), SOON, "a warning of a second time")
        for proxy in proxies:
            self.assertEqual(proxy.metric("slotless_paused_workers"), 0)


if __name__ == "__main__":
    fixture.main()
