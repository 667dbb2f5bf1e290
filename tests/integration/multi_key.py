"""Commands on many keys: those that are split over slots, and those that may not be."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp

CROSSSLOT = "CROSSSLOT Keys in request don't hash to the same slot"
OVER_SLOTS = ["EVAL return-1 2 a b", "EVAL_RO return-1 2 a b", "FCALL f 2 a b"]


def setUpModule():
    global site
    site = fixture.open_site()


def tearDownModule():
    fixture.close_site()


class SplitCommands(unittest.TestCase):
    def setUp(self):
        self.connection = site.connect()
        self.addCleanup(self.connection.close)
        self.keys = [f"{self._testMethodName[-12:]}:{i}" for i in range(100)]

    def fill(self):
        pairs = [part for i, key in enumerate(self.keys) for part in (key, f"v{i}")]
        self.assertEqual(self.connection.raw("MSET", *pairs), b"+OK\r\n")

    def test_mset_and_mget_reach_all_slots_and_keep_the_order(self):
        self.fill()
        values = [b"v%d" % i for i in range(100)]
        self.assertEqual(self.connection.command("MGET", *self.keys), values)
        self.assertEqual(self.connection.command("MGET", *reversed(self.keys)), values[::-1])

    def test_mget_gives_nil_for_missing_keys_and_other_types(self):
        self.fill()
        self.connection.command("RPUSH", "mget:list", "x")
        found = self.connection.command("MGET", self.keys[0], "mget:none", "mget:list", self.keys[1], "mget:none")
        self.assertEqual(found, [b"v0", None, None, b"v1", None])

    def test_the_same_key_may_be_named_often(self):
        pairs = ("dup:a", "1", "dup:b", "2", "dup:a", "3", "dup:c", "4", "dup:a", "5")
        self.assertEqual(self.connection.command("MSET", *pairs), b"OK")
        self.assertEqual(self.connection.command("MGET", *pairs[::2]), [b"5", b"2", b"5", b"4", b"5"])
        self.assertEqual(self.connection.command("EXISTS", "dup:a", "dup:a", "dup:b", "dup:none", "dup:a"), 4)
        self.assertEqual(self.connection.command("TOUCH", "dup:a", "dup:c", "dup:a", "dup:none"), 3)
        self.assertEqual(self.connection.command("DEL", "dup:a", "dup:a", "dup:b", "dup:none"), 2)
        self.assertEqual(self.connection.command("UNLINK", "dup:c", "dup:c", "dup:a"), 1)

    def test_counts_are_summed_over_all_nodes(self):
        self.fill()
        self.assertEqual(self.connection.command("EXISTS", *self.keys, "sum:none"), 100)
        self.assertEqual(self.connection.command("TOUCH", *self.keys), 100)
        self.assertEqual(self.connection.command("DEL", *self.keys[:60], "sum:none"), 60)
        self.assertEqual(self.connection.command("UNLINK", *self.keys), 40)
        self.assertEqual(self.connection.command("EXISTS", *self.keys), 0)

    def test_keys_of_one_slot_stay_together(self):
        keys = ["{together}%d" % i for i in range(10)]
        self.connection.command("MSET", *[part for key in keys for part in (key, key)])
        self.assertEqual(self.connection.command("MGET", *keys), [key.encode() for key in keys])
        self.assertEqual(self.connection.command("MGET", keys[0], "apart", keys[9]),
                         [keys[0].encode(), None, keys[9].encode()])
        self.assertEqual(self.connection.command("DEL", *keys), 10)

    def test_ten_thousand_keys_fit_into_one_command(self):
        keys = [f"many:{i}" for i in range(10000)]
        self.assertEqual(self.connection.command("MSET", *[part for key in keys for part in (key, "v" + key)]), b"OK")
        self.assertEqual(self.connection.command("MGET", *keys), [b"v" + key.encode() for key in keys])
        self.assertEqual(self.connection.command("UNLINK", *keys), 10000)

    def test_large_and_empty_values_are_merged_in_order(self):
        sizes = (0, 1, 100, 70_000, 1_000_000, 3, 300_000, 0)
        values = {f"sizes:{i}": bytes([65 + i]) * size for i, size in enumerate(sizes)}
        self.connection.command("MSET", *[part for pair in values.items() for part in pair])
        self.assertEqual(self.connection.command("MGET", *values), list(values.values()))

    def test_wrong_numbers_of_arguments_are_refused_whole(self):
        for odd in (("odd:a", "1", "odd:b"), ("odd:a",)):
            self.assertEqual(self.connection.error("MSET", *odd), "ERR wrong number of arguments for 'mset' command")
        for name in ("mget", "del", "unlink", "exists", "touch"):
            self.assertEqual(self.connection.error(name), f"ERR wrong number of arguments for '{name}' command")
        self.assertEqual(self.connection.command("EXISTS", "odd:a", "odd:b"), 0)

    def test_a_pipeline_of_split_commands_takes_effect_in_order(self):
        rounds = 300
        requests = []
        for i in range(rounds):
            requests += [resp.pack("MSET", *[part for key in self.keys[:10] for part in (key, f"round {i}")]),
                         resp.pack("MGET", *self.keys[:10]), resp.pack("DEL", *self.keys[:5]),
                         resp.pack("EXISTS", *self.keys[:10]), resp.pack("GET", self.keys[9])]
        self.connection.send(b"".join(requests))
        for i in range(rounds):
            text = b"round %d" % i
            self.assertEqual([self.connection.read() for _ in range(5)], [b"OK", [text] * 10, 5, 5, text])


class SortOverSlots(unittest.TestCase):
    def setUp(self):
        self.connection = site.connect()
        self.addCleanup(self.connection.close)

    def test_patterns_and_the_destination_may_be_in_any_slots(self):
        command = self.connection.command
        command("RPUSH", "sort:list", "1", "2", "3")
        command("MSET", *[word for i, weight in ((1, 30), (2, 10), (3, 20)) for word in (f"sort:w:{i}", str(weight))])
        command("MSET", *[word for i in (1, 2, 3) for word in (f"sort:n:{i}", f"name{i}")])
        by_weight = [b"name2", b"name3", b"name1"]
        self.assertEqual(command("SORT", "sort:list", "BY", "sort:w:*", "GET", "sort:n:*"), by_weight)
        self.assertEqual(command("SORT", "sort:list", "BY", "sort:w:*", "GET", "sort:n:*", "STORE", "sort:stored"), 3)
        self.assertEqual(command("LRANGE", "sort:stored", "0", "-1"), by_weight)


class UnsplitCommands(unittest.TestCase):
    def setUp(self):
        self.connection = site.connect()
        self.addCleanup(self.connection.close)

    def test_keys_with_one_hash_tag_may_meet_in_any_command(self):
        command = self.connection.command
        self.assertEqual(command("MSETNX", "{tag}1", "a", "{tag}2", "b"), 1)
        self.assertEqual(command("RENAME", "{tag}1", "x{tag}y"), b"OK")
        self.assertEqual(command("GET", "x{tag}y"), b"a")
        self.assertEqual(command("SADD", "{tag}s1", "1", "2"), 2)
        self.assertEqual(command("SADD", "{tag}s2", "2", "3"), 2)
        self.assertEqual(command("SINTER", "{tag}s1", "{tag}s2"), [b"2"])
        self.assertEqual(command("EVAL", "return redis.call('GET', KEYS[2])", "2", "{tag}1", "{tag}2"), b"b")

    @fixture.NOT_ONE_REDIS
    def test_keys_of_different_slots_may_not(self):
        for command in OVER_SLOTS:
            with self.subTest(command=command):
                self.assertEqual(self.connection.error(*command.split()), CROSSSLOT)


if __name__ == "__main__":
    fixture.main()
