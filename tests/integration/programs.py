"""Random programs over all data types: a pinned database answers each command as one Redis does (random_programs/).

SLOTLESS_PROGRAMS_COUNT, _SEED and _FIRST choose others than the usual ones: see scripts/programs.
"""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD
from random_programs import grammar, replies, words
from random_programs.program import Step
from random_programs.judging import judge
from random_programs.report import describe
from random_programs.shrink import shrink
from random_programs.side import Side
from random_programs.trial import Trial
from random_programs.upheaval import Upheaval, slot_of_database

COUNT = int(os.environ.get("SLOTLESS_PROGRAMS_COUNT", "1500"))
FIRST = int(os.environ.get("SLOTLESS_PROGRAMS_FIRST", "0"))
SEED = os.environ.get("SLOTLESS_PROGRAMS_SEED", "1")
COUNT_MOVING = COUNT // 4  # of programs that run while the cluster changes


class Programs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # A blocked client's time is up when the server looks, ten times a second by default.
        cls.site = fixture.open_site(node_options=("--hz", "100"))
        cls.oracle, cls.oracle_port = fixture.start_oracle()
        for port in (cls.oracle_port, *([cls.site.proxy.port] if fixture.STANDIN else [])):
            with resp.Connection(HOST, port, PASSWORD) as connection:
                connection.command("CONFIG", "SET", "hz", "100")

    @classmethod
    def tearDownClass(cls):
        cls.oracle.kill()
        fixture.close_site()

    def setUp(self):
        self.reference = Side("one Redis", HOST, self.oracle_port, PASSWORD)
        self.subject = Side("the pinned database", HOST, self.site.proxy.port, PASSWORD)
        self.addCleanup(self.reference.close)
        self.addCleanup(self.subject.close)

    def run_programs(self, trial, count):
        judge(self, trial.figures, (describe(difference, SEED) for difference in trial.run(range(FIRST, FIRST + count))), SEED)
        for side in (self.reference, self.subject):
            self.assertEqual(side.wire(2).call(b"DBSIZE"), (b":", b"0"))

    def test_every_reply_is_that_of_one_redis(self):
        self.run_programs(Trial(self.reference, self.subject, SEED), COUNT)

    @fixture.NOT_ONE_REDIS
    def test_also_while_slots_move_and_replicas_take_over(self):
        trial = Trial(self.reference, self.subject, SEED, moving=True)
        slots = [slot_of_database(self.site.cluster, self.subject.wire(protocol)) for protocol in (2, 3)]
        with Upheaval(self.site.cluster, slots) as upheaval:
            self.run_programs(trial, COUNT_MOVING)
        print(f"meanwhile {upheaval.moves} moves of slots, {upheaval.failovers} replicas took over", flush=True)
        self.assertGreater(upheaval.moves, 0)


class Judgement(unittest.TestCase):
    """Of the comparison itself, which must neither overlook nor invent a difference."""

    def same(self, comparison, expected, actual):
        return replies.same(comparison, replies.parse(expected)[0], replies.parse(actual)[0])

    def test_order_matters_only_where_it_may_not(self):
        ab, ba, aa = (b"*2\r\n$1\r\n%c\r\n$1\r\n%c\r\n" % each for each in ((97, 98), (98, 97), (97, 97)))
        self.assertFalse(self.same("exact", ab, ba))
        self.assertTrue(self.same("unordered", ab, ba))
        self.assertFalse(self.same("unordered", ab, aa))
        self.assertFalse(self.same("unordered", ab, ab.replace(b"*", b"~")))

    def test_pairs_stay_together(self):
        one = b"*4\r\n+a\r\n+1\r\n+b\r\n+2\r\n"
        self.assertTrue(self.same("pairs", one, b"*4\r\n+b\r\n+2\r\n+a\r\n+1\r\n"))
        self.assertFalse(self.same("pairs", one, b"*4\r\n+a\r\n+2\r\n+b\r\n+1\r\n"))
        self.assertFalse(self.same("pairs", b"%1\r\n+a\r\n+1\r\n", b"*2\r\n+a\r\n+1\r\n"))

    def test_errors_and_types_are_never_overlooked(self):
        for comparison in replies.COMPARISONS:
            self.assertFalse(self.same(comparison, b"-ERR a\r\n", b"-ERR b\r\n"), comparison)
            self.assertFalse(self.same(comparison, b":1\r\n", b"-ERR b\r\n"), comparison)
            self.assertFalse(self.same(comparison, b"*0\r\n", b"*-1\r\n"), comparison)

    def test_replies_of_a_transaction_are_compared_as_those_of_their_commands(self):
        steps = [((each,), comparison, "main") for each, comparison in (
            (b"MULTI", "exact"), (b"TTL", "near"), (b"GET", "exact"), (b"EXEC", "exact"))]
        queued = [(b"+", b"OK"), (b"+", b"QUEUED"), (b"+", b"QUEUED")]
        for second, difference in ((b"100", None), (b"101", 3)):
            expected = queued + [(b"*", [(b":", b"50"), (b":", b"100")])]
            actual = queued + [(b"*", [(b":", b"51"), (b":", second)])]
            self.assertEqual(replies.first_difference(steps, expected, actual), difference)

    def test_a_failing_program_is_made_short(self):
        steps = tuple(Step("main", (b"SET", b"%d" % number, b"x"), "exact") for number in range(20))

        def fails(some):
            return {b"3", b"17"} <= {step.words[1] for step in some if len(step.words) > 1}

        self.assertEqual([step.words for step in shrink(steps, fails)], [(b"SET", b"3"), (b"SET", b"17")])

    def test_the_grammar_refuses_what_it_does_not_understand(self):
        kinds = words.kinds()
        for line in ("SET ( a | b", "SET a )", "SET <nothing>", "SET [ a )"):
            with self.subTest(line), self.assertRaises((ValueError, KeyError)):
                grammar.parse_rows(line, kinds)


if __name__ == "__main__":
    fixture.main()
