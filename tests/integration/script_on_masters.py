"""Scripts without keys that look at a whole database which several masters have: each master runs them about its own keys."""

import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD
from slots import key_in, slot_of
from waiting import wait_until

LAYOUTS = ("1=pinned", "2=grouped:bull:*:", "3=spread")
SPREAD_OVER_MASTERS = (0, 2, 3)
KEYS = [f"bull:{number}:{kind}" for number in range(30) for kind in ("wait", "done")]
ONE_NODE = "in a script would concern one node, not a database"

DELETE = "for _, k in ipairs(redis.call('keys', ARGV[1])) do redis.call('del', k) end return 1"
DELETE_ALL = "return redis.call('del', unpack(redis.call('keys', ARGV[1])))"
DELETE_AND_LIST = ("local keys = redis.call('keys', ARGV[1]) "
                   "for i = 1, #keys, 5000 do redis.call('del', unpack(keys, i, math.min(i + 4999, #keys))) end return keys")
SCAN = ("local cursor = '0' local {0} repeat local page = redis.call('scan', cursor, 'MATCH', ARGV[1], 'COUNT', 7) cursor = page[1] "
        "for _, k in ipairs(page[2]) do {1} end until cursor == '0' return {2}")
COUNT = SCAN.format("n = 0", "n = n + redis.call('exists', k)", "n")
VALUES = SCAN.format("found = {}", "found[#found + 1] = redis.call('get', k)", "found")


def setUpModule():
    global site
    site = fixture.open_site(options=[word for layout in LAYOUTS for word in ("--database-layout", layout)])


def tearDownModule():
    fixture.close_site()


def connect(database):
    connection = resp.Connection(HOST, site.proxy.port, PASSWORD)
    connection.command("SELECT", database)
    return connection


@fixture.NOT_ONE_REDIS
class ScriptsOnMasters(unittest.TestCase):
    def setUp(self):
        self.databases = {number: connect(number) for number in range(4)}
        for number, connection in self.databases.items():
            self.addCleanup(connection.close)
            connection.command("FLUSHDB")
            self.fill(connection, number)
        self.zero = self.databases[0]

    def each(self):
        """The databases that several masters have."""
        for number in SPREAD_OVER_MASTERS:
            with self.subTest(database=number):
                yield number, self.databases[number]

    def sizes(self):
        return [connection.command("DBSIZE") for connection in self.databases.values()]

    def expect_only(self, number, size):
        self.assertEqual([size if each == number else len(KEYS) for each in self.databases], self.sizes())

    def test_each_master_has_some_of_the_keys(self):
        owners = {site.cluster.owner(slot_of(key)).name for key in KEYS}
        self.assertEqual(3, len(owners))

    def test_they_are_counted(self):
        for _, one in self.each():
            for script in ("return redis.call('dbsize')", "return #redis.call('keys', '*')", COUNT):
                for word in ("EVAL", "EVAL_RO"):
                    self.assertEqual(len(KEYS), one.command(word, script, "0", "*"), script)
            self.assertEqual(30, one.command("EVAL", COUNT, "0", "*:wait"))

    def test_they_are_listed_by_their_own_names(self):
        wanted = sorted(key.encode() for key in KEYS)
        for number, one in self.each():
            self.assertEqual(wanted, sorted(one.command("EVAL", "return redis.call('keys', '*')", "0")))
            self.assertIn(one.command("EVAL", "return redis.call('randomkey')", "0"), wanted)
            self.assertEqual(sorted(f"{number}:{key}".encode() for key in KEYS), sorted(one.command("EVAL", VALUES, "0", "*")))
            self.assertEqual([], one.command("EVAL", "return redis.call('keys', ARGV[1])", "0", "nothing*"))

    def test_those_that_match_are_deleted(self):
        for number, one in self.each():
            self.assertEqual(1, one.command("EVAL", DELETE, "0", "*:wait"))
            self.expect_only(number, 30)
            self.assertEqual(30, one.command("EVAL", DELETE_ALL, "0", "*:done"))
            self.assertEqual(0, one.command("EVAL", DELETE_ALL, "0", "*:done"), "where there is none")
            self.expect_only(number, 0)
            self.fill(one, number)
            self.assertEqual(sorted(key.encode() for key in KEYS), sorted(one.command("EVAL", DELETE_AND_LIST, "0", "*")))
            self.expect_only(number, 0)
            self.fill(one, number)

    def fill(self, one, number):
        for key in KEYS:
            one.command("SET", key, f"{number}:{key}")

    def test_a_database_is_emptied_and_no_other(self):
        for number, one in self.each():
            self.assertEqual(b"OK", one.command("EVAL", "return redis.call('flushdb')", "0"))
            self.expect_only(number, 0)
            self.fill(one, number)

    def test_by_its_sha1_and_with_flags(self):
        for _, one in self.each():
            sha = one.command("SCRIPT", "LOAD", COUNT)
            self.assertEqual(len(KEYS), one.command("EVALSHA", sha, "0", "*"))
            self.assertEqual(len(KEYS), one.command("EVALSHA_RO", sha, "0", "*"))
            for line in ("#!lua", "#!lua flags=no-writes", "#!lua flags=no-cluster,no-writes"):
                self.assertEqual(len(KEYS), one.command("EVAL", f"{line}\n{COUNT}", "0", "*"))

    def test_only_keys_that_it_has_been_shown(self):
        script = "for _, k in ipairs(redis.call('keys', '*')) do redis.call('get', k .. ':more') end return 1"
        for number, one in self.each():
            self.assertRegex(one.error("EVAL", script, "0"), "may only use the keys that KEYS, SCAN or RANDOMKEY have shown it")
            self.expect_only(number, len(KEYS))

    def test_errors_name_the_script_that_the_client_knows(self):
        script = "for _, k in ipairs(redis.call('keys', '*')) do redis.call('incr', k) end return 1"
        sha = self.zero.command("SCRIPT", "LOAD", script)
        for _, one in self.each():
            error = one.error("EVAL", script, "0")
            self.assertRegex(error, "not an integer")
            self.assertNotRegex(error, "script: (?!" + sha.decode() + ")[0-9a-f]{40}")
            self.assertNotIn("~", error)

    def test_refused_where_the_answers_would_not_be_one(self):
        for _, one in self.each():
            for script in ("return redis.call('scan', '0')", "return redis.call(ARGV[1])", "return redis.call('dbsize') > 5",
                           "if redis.call('dbsize') > 5 then return 1 end return 0"):
                self.assertIn(ONE_NODE, one.error("EVAL", script, "0", "dbsize"), script)

    def test_refused_within_a_transaction(self):
        self.zero.command("MULTI")
        self.zero.command("EVAL", DELETE, "0", "*")
        self.assertIn(ONE_NODE, str(self.zero.command("EXEC")))
        self.assertEqual(len(KEYS), self.zero.command("DBSIZE"))

    def test_refused_in_functions(self):
        code = "#!lua name=whole\nredis.register_function('w_size', function() return redis.call('dbsize') end)"
        self.zero.command("FUNCTION", "LOAD", "REPLACE", code)
        self.assertIn(f"{ONE_NODE}: use EVAL", self.zero.error("FCALL", "w_size", "0"))
        self.zero.command("FUNCTION", "DELETE", "whole")

    def begin_move(self):
        """Of a slot that has a key, which stays where it is."""
        key = key_in(0)
        target = next(master for master in site.cluster.masters() if master is not site.cluster.owner(0))
        self.zero.command("SET", key, "v")
        return site.cluster.begin_move(0, target)

    def test_a_slot_on_its_way_is_waited_for(self):
        for migrates in (False, True):
            with self.subTest(migrates=migrates):
                move = self.begin_move()
                try:
                    self.zero.send(resp.pack("EVAL", DELETE_ALL, "0", "*"))
                    # The others have run it, and nobody has run it about that slot.
                    with connect(0) as other:
                        wait_until(lambda: other.command("DBSIZE") == 1, 20, "all other keys to be deleted")
                        self.assertEqual(1, other.command("EXISTS", key_in(0)))
                finally:
                    if migrates:
                        move.migrate()
                        move.finish()
                    else:
                        move.abort()
                self.assertEqual(len(KEYS) + 1, self.zero.read())
                self.assertEqual(0, self.zero.command("DBSIZE"))
                self.fill(self.zero, 0)

    def test_while_slots_move_each_key_is_seen_once(self):
        done = threading.Event()
        slots = sorted(slot_of(key) for key in KEYS)[:8]

        def moves():
            try:
                for slot in slots:
                    source = site.cluster.owner(slot)
                    site.cluster.move_slot(slot, next(each for each in site.cluster.masters() if each is not source))
            finally:
                done.set()

        mover = threading.Thread(target=moves)
        mover.start()
        answers = []
        while not done.is_set() or not answers:
            answers.append(self.zero.command("EVAL", COUNT, "0", "*"))
            answers.append(self.zero.command("EVAL", "return redis.call('dbsize')", "0"))
            answers.append(len(set(self.zero.command("EVAL", "return redis.call('keys', '*:wait')", "0"))) + 30)
        mover.join()
        self.assertEqual(len(KEYS), self.zero.command("EVAL", COUNT, "0", "*"))
        self.assertEqual({len(KEYS)}, set(answers))

    def test_a_master_that_does_not_answer_is_waited_for_and_nothing_runs_before(self):
        frozen = site.cluster.owner(slot_of(KEYS[0]))
        elsewhere = [key for key in KEYS if site.cluster.owner(slot_of(key)) is not frozen]
        frozen.stop()
        try:
            self.zero.send(resp.pack("EVAL", DELETE, "0", "*"))
            with connect(0) as other:
                for key in elsewhere:
                    self.assertEqual(1, other.command("EXISTS", key))
        finally:
            frozen.cont()
        self.assertEqual(1, self.zero.read())
        self.assertEqual(0, self.zero.command("DBSIZE"))


if __name__ == "__main__":
    fixture.main()
