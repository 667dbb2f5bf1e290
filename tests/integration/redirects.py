"""Slots on the move: MOVED, ASK and TRYAGAIN are the daemon's business, and a client notices nothing."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from load import Appends, Load
from slots import key_in, slot_of


def setUpModule():
    global site
    site = fixture.open_site(topology=True)


def tearDownModule():
    fixture.close_site()


def another_master(node):
    return next(each for each in site.cluster.masters() if each is not node)


class MovedSlots(unittest.TestCase):
    def test_a_slot_that_has_moved_is_followed(self):
        client = site.client()
        for i in range(5):
            key = key_in(1000 + i, "moved")
            client.set(key, i)
            site.cluster.move_slot(slot_of(key), another_master(site.cluster.owner(slot_of(key))))
            self.assertEqual(client.get(key), b"%d" % i)
            self.assertEqual(client.incr(key), i + 1)

    def test_a_pipeline_across_moved_slots_keeps_its_order(self):
        keys = [key_in(slot, "pipeline") for slot in range(2000, 2020)]
        with site.connect() as connection:
            connection.command("MSET", *[part for key in keys for part in (key, "0")])
            for key in keys[::2]:
                site.cluster.move_slot(slot_of(key), another_master(site.cluster.owner(slot_of(key))))
            connection.send(b"".join(resp.pack("INCR", key) + resp.pack("GET", key) for _ in range(3) for key in keys))
            for count in range(1, 4):
                for _ in keys:
                    self.assertEqual([connection.read(), connection.read()], [count, b"%d" % count])

    def test_split_commands_follow_moved_slots(self):
        keys = [key_in(slot, "split") for slot in range(3000, 3020)]
        with site.connect() as connection:
            connection.command("MSET", *[part for key in keys for part in (key, key)])
            for slot in range(3000, 3010):
                site.cluster.move_slot(slot, another_master(site.cluster.owner(slot)))
            self.assertEqual(connection.command("MGET", *keys), [key.encode() for key in keys])
            self.assertEqual(connection.command("DEL", *keys), 20)

    def test_counters_are_exact_while_slots_move_to_and_fro(self):
        keys = [key_in(4000, f"counter{i}") for i in range(4)]
        setup = site.client()
        for key in keys:
            setup.delete(key)
        acknowledged = [0] * 4

        def count(client, number, _turn):
            acknowledged[number] += 1
            reply = client.incr(keys[number])
            if reply != acknowledged[number]:
                raise AssertionError(f"INCR gave {reply} instead of {acknowledged[number]}")

        with Load(site.client, count) as load:
            for _ in range(8):
                move = site.cluster.begin_move(4000, another_master(site.cluster.owner(4000)))
                load.wait_for_progress()
                for key in keys:
                    move.migrate([key])
                    load.wait_for_progress(5)
                move.finish()
                load.wait_for_progress()
        self.assertEqual([int(setup.get(key)) for key in keys], acknowledged)

    def test_pipelined_writes_are_neither_lost_nor_doubled_nor_overtaken(self):
        appends = Appends([key_in(4100, f"list{i}") for i in range(4)], depth=50)
        with Load(site.connect, appends.step) as load:
            for _ in range(4):
                move = site.cluster.begin_move(4100, another_master(site.cluster.owner(4100)))
                load.wait_for_progress(5)
                move.migrate()
                load.wait_for_progress(5)
                move.finish()
                load.wait_for_progress(5)
        self.assertEqual(appends.errors, [])
        with site.connect() as connection:
            appends.check(self, connection)


class HalfMovedSlots(unittest.TestCase):
    def half_move(self, slot, names):
        """Keys of one slot of which the first half has moved, and the slot has not; undone at the end."""
        keys = [key_in(slot, name) for name in names]
        client = site.client()
        for key in keys:
            client.set(key, key)
        move = site.cluster.begin_move(slot, another_master(site.cluster.owner(slot)))
        self.addCleanup(move.finish)
        self.addCleanup(move.migrate)
        move.migrate(keys[:len(keys) // 2])
        return keys, client

    def test_keys_on_either_side_are_found(self):
        keys, client = self.half_move(5000, ["a", "b", "c", "d"])
        for _ in range(3):
            self.assertEqual([client.get(key) for key in keys], [key.encode() for key in keys])
        self.assertIsNone(client.get(key_in(5000, "never-set")))

    def test_keys_on_either_side_can_be_written(self):
        keys, client = self.half_move(5001, ["a", "b", "c", "d"])
        for key in keys:
            self.assertEqual(client.append(key, "+"), len(key) + 1)
            self.assertEqual(client.expire(key, 1000), True)
        created = key_in(5001, "created")
        self.assertEqual(client.incr(created), 1)
        self.assertEqual(client.incr(created), 2)
        self.assertEqual([client.delete(key) for key in keys], [1] * 4)

    def test_a_pipeline_over_both_sides_keeps_its_order(self):
        keys, _ = self.half_move(5002, ["a", "b", "c", "d"])
        with site.connect() as connection:
            connection.send(b"".join(resp.pack("APPEND", key, "+") for _ in range(20) for key in keys))
            for count in range(1, 21):
                for key in keys:
                    self.assertEqual(connection.read(), len(key) + count)

    def test_split_commands_over_both_sides_finish(self):
        keys, _ = self.half_move(5003, ["a", "b", "c", "d"])
        values = [key.encode() for key in keys]
        with site.connect() as connection:
            self.assertEqual(connection.command("MGET", *keys, "elsewhere"), values + [None])
            self.assertEqual(connection.command("EXISTS", *keys), 4)
            self.assertEqual(connection.command("TOUCH", *keys, keys[0]), 5)
            self.assertEqual(connection.command("MSET", *[part for key in keys for part in (key, "new")]), b"OK")
            self.assertEqual(connection.command("MGET", *keys), [b"new"] * 4)
            self.assertEqual(connection.command("DEL", *keys[:3]), 3)
            self.assertEqual(connection.command("UNLINK", *keys), 1)

    def test_a_command_that_cannot_be_split_waits_until_the_slot_has_moved(self):
        slot = 5004
        keys = [key_in(slot, name) for name in "ab"]
        with site.connect() as connection, site.connect() as other:
            for key in keys:
                connection.command("SADD", key, "x", key)
            move = site.cluster.begin_move(slot, another_master(site.cluster.owner(slot)))
            move.migrate(keys[:1])
            connection.send(resp.pack("SINTER", *keys))
            self.assertEqual(other.command("SCARD", keys[0]), 2)
            self.assertEqual(other.command("SCARD", keys[1]), 2)
            move.migrate()
            move.finish()
            self.assertEqual(connection.read(), [b"x"])

    def test_an_aborted_move_is_no_harm(self):
        slot = 5005
        key = key_in(slot, "stays")
        client = site.client()
        client.set(key, "1")
        move = site.cluster.begin_move(slot, another_master(site.cluster.owner(slot)))
        self.assertIsNone(client.get(key_in(slot, "never-set")))
        move.abort()
        self.assertEqual(client.get(key), b"1")
        self.assertEqual(client.incr(key), 2)


class ForgedRedirects(unittest.TestCase):
    def test_a_redirect_out_of_a_script_goes_to_the_client_and_nowhere_else(self):
        slot = 6000
        with site.connect() as connection:
            for text in (f"MOVED {slot} 127.0.0.1:1", f"ASK {slot} 127.0.0.1:1", "MOVED 1 evil.example:6379"):
                reply = connection.error("EVAL", "return redis.error_reply(ARGV[1])", 1, key_in(slot, "k"), text)
                self.assertEqual(reply, text)
            self.assertEqual(connection.command("SET", key_in(slot, "k"), "1"), b"OK")


if __name__ == "__main__":
    fixture.main()
