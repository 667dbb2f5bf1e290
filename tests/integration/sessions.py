"""Transactions, watches, commands that block and scripts: on a real cluster, while slots move and masters change."""

import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import redis
import resp
from load import Load
from slots import key_in, slot_of
from waiting import wait_until

PROTOCOLS = (2, 3)


def setUpModule():
    global site
    site = fixture.open_site(topology=True)


def tearDownModule():
    fixture.close_site()


def session(protocol):
    connection = site.connect()
    if protocol == 3:
        connection.command("HELLO", "3")
    return connection


def another_master(node):
    return next(each for each in site.cluster.masters() if each is not node)


def blocked_clients():
    with site.connect() as connection:
        text = connection.command("INFO", "clients").decode()
    return int(next(line for line in text.split("\r\n") if line.startswith("blocked_clients:")).split(":")[1])


def wait_for_blocked(count):
    wait_until(lambda: blocked_clients() == count, 20, f"{count} blocked clients")


class Transactions(unittest.TestCase):
    def test_a_transaction_runs_as_one(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol), session(protocol) as connection:
                connection.command("DEL", "{multi}n")
                connection.send(resp.pack_all([("MULTI",), ("INCR", "{multi}n"), ("PING",), ("GET", "{multi}n"),
                                               ("LPUSH", "{multi}n", "x"), ("EXEC",)]))
                self.assertEqual([connection.read() for _ in range(5)], [b"OK"] + 4 * [b"QUEUED"])
                replies = connection.read()
                self.assertEqual(replies[:3], [1, b"PONG", b"1"])
                self.assertTrue(str(replies[3]).startswith("WRONGTYPE"))

    def test_python_pipelines_are_transactions(self):
        client = site.client()
        client.delete("{pipe}a", "{pipe}b")
        with client.pipeline(transaction=True) as pipe:
            pipe.incr("{pipe}a").rpush("{pipe}b", "x", "y").get("{pipe}a")
            self.assertEqual(pipe.execute(), [1, 2, b"1"])

    def test_optimistic_increments_of_two_clients_lose_nothing(self):
        for protocol in PROTOCOLS:
            key = key_in(50 + protocol, "optimistic")
            done = [0, 0]

            def increment(connection, number, _turn):
                connection.command("WATCH", key)
                value = int(connection.command("GET", key) or 0)
                connection.command("MULTI")
                connection.command("SET", key, value + 1)
                if connection.command("EXEC") is not None:
                    done[number] += 1

            with self.subTest(protocol=protocol), Load(lambda: session(protocol), increment, clients=2) as load:
                load.wait_for_progress(300)
            self.assertTrue(all(done), done)
            with session(protocol) as connection:
                self.assertEqual(int(connection.command("GET", key)), sum(done))

    def test_a_change_from_outside_is_noticed_and_discard_forgets(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol), session(protocol) as one, session(protocol) as two:
                one.command("SET", "{w}k", "0")
                one.command("WATCH", "{w}k")
                two.command("SET", "{w}k", "1")
                one.command("MULTI")
                one.command("SET", "{w}k", "2")
                self.assertIsNone(one.command("EXEC"))
                one.command("WATCH", "{w}k")
                two.command("SET", "{w}k", "3")
                one.command("UNWATCH")
                one.command("MULTI")
                one.command("APPEND", "{w}k", "!")
                self.assertEqual(one.command("EXEC"), [2])
                # the client's own change after WATCH counts, too
                one.command("WATCH", "{w}k")
                one.command("SET", "{w}k", "4")
                one.command("MULTI")
                one.command("GET", "{w}k")
                self.assertIsNone(one.command("EXEC"))

    def test_transactions_while_their_slot_moves_cost_no_error(self):
        slot = 4100
        keys = [(key_in(slot, f"tx{i}a"), key_in(slot, f"tx{i}b")) for i in range(4)]
        counts = [0] * 4

        def both(connection, number, _turn):
            counts[number] += 1
            a, b = keys[number]
            connection.send(resp.pack_all([("MULTI",), ("INCR", a), ("INCR", b), ("EXEC",)]))
            replies = [connection.read() for _ in range(4)]
            if replies != [b"OK", b"QUEUED", b"QUEUED", [counts[number]] * 2]:
                raise AssertionError(f"{replies} instead of {counts[number]}")

        with Load(site.connect, both) as load:
            for _ in range(3):
                move = site.cluster.begin_move(slot, another_master(site.cluster.owner(slot)))
                for pair in keys:
                    move.migrate(list(pair))
                load.wait_for_progress(5)
                move.finish()
                load.wait_for_progress()
        with site.connect() as connection:
            for (a, b), count in zip(keys, counts):
                self.assertEqual(connection.command("MGET", a, b), [b"%d" % count] * 2)

    def test_watched_transactions_while_their_slot_moves_lose_nothing(self):
        key = key_in(4200, "moving")
        done = [0, 0]

        def increment(connection, number, _turn):
            connection.command("WATCH", key)
            value = int(connection.command("GET", key) or 0)
            connection.command("MULTI")
            connection.command("SET", key, value + 1)
            if connection.command("EXEC") is not None:
                done[number] += 1

        with Load(site.connect, increment, clients=2) as load:
            for _ in range(3):
                site.cluster.move_slot(4200, another_master(site.cluster.owner(4200)))
                load.wait_for_progress(40)
        with site.connect() as connection:
            self.assertEqual(int(connection.command("GET", key)), sum(done))


class Blocking(unittest.TestCase):
    def in_background(self, protocol, *command):
        """Sends the command on a connection of its own; the reply waits there."""
        connection = session(protocol)
        self.addCleanup(connection.close)
        connection.send(resp.pack(*command))
        return connection

    def test_each_command_waits_for_its_producer(self):
        score = {2: b"1", 3: 1.0}
        rows = [
            (("BLPOP", "{b}l", "0"), ("RPUSH", "{b}l", "x"), lambda _: [b"{b}l", b"x"]),
            (("BRPOP", "{b}l", "0"), ("RPUSH", "{b}l", "x"), lambda _: [b"{b}l", b"x"]),
            (("BLMOVE", "{b}l", "{b}m", "LEFT", "RIGHT", "0"), ("RPUSH", "{b}l", "x"), lambda _: b"x"),
            (("BLMPOP", "0", "1", "{b}l", "LEFT"), ("RPUSH", "{b}l", "x"), lambda _: [b"{b}l", [b"x"]]),
            (("BZPOPMIN", "{b}z", "0"), ("ZADD", "{b}z", "1", "x"), lambda p: [b"{b}z", b"x", score[p]]),
            (("BZPOPMAX", "{b}z", "0"), ("ZADD", "{b}z", "1", "x"), lambda p: [b"{b}z", b"x", score[p]]),
        ]
        for protocol in PROTOCOLS:
            for command, producer, expected in rows:
                with self.subTest(command=command, protocol=protocol), site.connect() as other:
                    waiting = self.in_background(protocol, *command)
                    wait_for_blocked(1)
                    other.command(*producer)
                    self.assertEqual(waiting.read(), expected(protocol))
                    wait_for_blocked(0)
                    other.command("DEL", "{b}l", "{b}m", "{b}z")

    def test_streams_are_waited_for(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol), site.connect() as other:
                other.command("DEL", "{s}s")
                other.command("XGROUP", "CREATE", "{s}s", "g", "$", "MKSTREAM")
                readers = [self.in_background(protocol, "XREAD", "BLOCK", "0", "STREAMS", "{s}s", "$"),
                           self.in_background(protocol, "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS",
                                              "{s}s", ">")]
                wait_for_blocked(2)
                other.command("XADD", "{s}s", "7-1", "f", "v")
                entries = [[b"7-1", [b"f", b"v"]]]
                for reader in readers:
                    self.assertEqual(reader.read(), {b"{s}s": entries} if protocol == 3 else [[b"{s}s", entries]])

    def test_timeouts_end_with_nil_when_they_should(self):
        for protocol in PROTOCOLS:
            for command in (("BLPOP", "{none}", "0.3"), ("BZPOPMIN", "{none}", "0.3"),
                            ("XREAD", "BLOCK", "300", "STREAMS", "{none}", "$")):
                with self.subTest(command=command, protocol=protocol), session(protocol) as connection:
                    begin = time.monotonic()
                    self.assertIsNone(connection.command(*command))
                    self.assertGreaterEqual(time.monotonic() - begin, 0.29)

    def test_many_blocked_clients_do_not_hold_up_others(self):
        keys = [key_in(100 + 40 * i, "crowd") for i in range(300)]
        waiting = [self.in_background(PROTOCOLS[i % 2], "BLPOP", key, "0") for i, key in enumerate(keys)]
        wait_for_blocked(300)

        def work(client, number, turn):
            key = f"work{number}:{turn % 50}"
            client.set(key, turn)
            if client.get(key) != b"%d" % turn:
                raise AssertionError("another value than was just written")

        with Load(site.client, work) as load:
            load.wait_for_progress(200)
            with site.connect() as producer:
                for i, key in enumerate(keys[:200]):
                    producer.command("RPUSH", key, i)
            for i, connection in enumerate(waiting[:200]):
                self.assertEqual(connection.read(), [keys[i].encode(), b"%d" % i])
            load.wait_for_progress()
        for connection in waiting[200:]:
            connection.close()
        wait_for_blocked(0)
        # those that have left take nothing any more
        with site.connect() as producer:
            for key in keys[200:]:
                producer.command("RPUSH", key, "kept")
            for key in keys[200:]:
                self.assertEqual(producer.command("LLEN", key), 1)

    def test_a_blocked_client_follows_its_slot(self):
        for protocol in PROTOCOLS:
            key = key_in(4300 + protocol, "follow")
            waiting = self.in_background(protocol, "BLPOP", key, "30")
            wait_for_blocked(1)
            site.cluster.move_slot(slot_of(key), another_master(site.cluster.owner(slot_of(key))))
            with site.connect() as producer:
                producer.command("RPUSH", key, "x")
            self.assertEqual(waiting.read(), [key.encode(), b"x"])
            wait_for_blocked(0)

    def test_python_queues(self):
        client = site.client()
        client.delete("{q}in", "{q}out")
        numbers = list(range(200))
        got = []

        def consume():
            consumer = site.client()
            while True:
                item = consumer.blmove("{q}in", "{q}out", 30, "LEFT", "RIGHT")
                if item == b"end":
                    return
                got.append(int(item))

        consumer = threading.Thread(target=consume, daemon=True)
        consumer.start()
        for number in numbers:
            client.rpush("{q}in", number)
        client.rpush("{q}in", "end")
        consumer.join(30)
        self.assertEqual(got, numbers)
        self.assertEqual(client.llen("{q}out"), 201)


class Scripts(unittest.TestCase):
    def test_a_node_that_forgot_its_scripts_is_given_them(self):
        client = site.client()
        script = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        keys = [key_in(slot, "script") for slot in (10, 6000, 12000)]
        for key in keys:
            self.assertEqual(script(keys=[key], args=[5]), 5)
        for node in site.cluster.masters():
            node.command("SCRIPT", "FLUSH")
        for key in keys:
            self.assertEqual(client.evalsha(script.sha, 1, key, 5), 10)

    def test_scripts_outlive_a_moved_slot(self):
        with site.connect() as connection:
            key = key_in(4400, "script")
            sha = connection.command("SCRIPT", "LOAD", "return KEYS[1]")
            for _ in range(2):
                target = another_master(site.cluster.owner(4400))
                target.command("SCRIPT", "FLUSH")
                site.cluster.move_slot(4400, target)
                self.assertEqual(connection.command("EVALSHA", sha, "1", key), key.encode())

    def test_an_unknown_script_is_an_error(self):
        with site.connect() as connection:
            self.assertTrue(connection.error("EVALSHA", "0" * 40, "1", "a").startswith("NOSCRIPT"))

    def test_a_forged_redirect_is_the_scripts_own_error(self):
        with site.connect() as connection:
            slot = slot_of("forged")
            text = f"MOVED {slot} 127.0.0.1:1"
            error = connection.error("EVAL", f"return redis.error_reply('{text}')", "1", "forged")
            self.assertTrue(error.startswith(text), error)


class Failover(unittest.TestCase):
    """After the others: it changes which node is the master of what."""

    def test_1_transactions_during_a_planned_failover_cost_no_error(self):
        master = site.cluster.first_masters[0]
        keys = [key_in(slot, "failover") for slot in site.cluster.slots_of(master)[20:24]]
        counts = [0] * 4

        def count(connection, number, _turn):
            counts[number] += 1
            connection.send(resp.pack_all([("MULTI",), ("INCR", keys[number]), ("GET", keys[number]), ("EXEC",)]))
            replies = [connection.read() for _ in range(4)]
            if replies[3] != [counts[number], b"%d" % counts[number]]:
                raise AssertionError(f"{replies} instead of {counts[number]}")

        blocked = [session(protocol) for protocol in PROTOCOLS]
        for number, connection in enumerate(blocked):
            connection.send(resp.pack("BLPOP", keys[number] + "list", "60"))
        wait_for_blocked(2)
        with Load(site.connect, count) as load:
            replica = site.cluster.replica_of(master)
            site.cluster.failover(replica)
            load.wait_for_progress()
        with site.connect() as connection:
            self.assertEqual([int(value) for value in connection.command("MGET", *keys)], counts)
            for number, waiting in enumerate(blocked):
                connection.command("RPUSH", keys[number] + "list", "x")
                self.assertEqual(waiting.read()[1], b"x")
                waiting.close()

    def test_2_scripts_are_known_to_the_successor_of_a_killed_master(self):
        site.cluster.wait_for_replicas()
        master = site.cluster.first_masters[1]
        key = key_in(site.cluster.slots_of(master)[30], "script")
        client = site.client()
        script = "return redis.call('SET', KEYS[1], 'done')"
        sha = client.script_load(script)
        replica = site.cluster.replica_of(master)
        replica.command("SCRIPT", "FLUSH")
        master.kill()
        self.assertEqual(client.evalsha(sha, 1, key), b"OK")
        site.cluster.wait_for_owner(slot_of(key), replica)


if __name__ == "__main__":
    fixture.main()
