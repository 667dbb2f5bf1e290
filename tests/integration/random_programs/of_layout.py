"""What the tests of all layouts have in common: random programs on one Redis and on databases behind the daemon.

SLOTLESS_PROGRAMS_COUNT, _SEED and _FIRST choose other random programs than the usual ones.
"""

import os
import unittest

import fixture
import resp
from cluster import HOST, PASSWORD
from random_programs.judging import judge
from random_programs.side import Side
from waiting import wait_until


class ProgramsOfLayout(unittest.TestCase):
    """Has no tests itself: those of ProgramTests are a layout's."""

    name = ""            # of the side behind the daemon
    databases = {}       # by protocol; one program leaves nothing to the next
    usual = (800, "17")  # how many programs, and the seed
    trial = None         # of the layout: called with both sides, the seed, and whether slots move
    settled = ()         # some keys, for a look whether each is counted once; none: that is not looked at

    @classmethod
    def setUpClass(cls):
        cls.count = int(os.environ.get("SLOTLESS_PROGRAMS_COUNT", str(cls.usual[0])))
        cls.first = int(os.environ.get("SLOTLESS_PROGRAMS_FIRST", "0"))
        cls.seed = os.environ.get("SLOTLESS_PROGRAMS_SEED") or cls.usual[1]
        cls.oracle, cls.oracle_port = fixture.start_oracle()
        with resp.Connection(HOST, cls.oracle_port, PASSWORD) as connection:
            connection.command("CONFIG", "SET", "hz", "100")

    @classmethod
    def tearDownClass(cls):
        cls.oracle.kill()

    @classmethod
    def site(cls):
        """Where the daemon and its cluster are."""
        raise NotImplementedError

    def upheaval(self):
        """Moves slots while it is entered."""
        raise NotImplementedError

    def setUp(self):
        self.reference = Side("one Redis", HOST, self.oracle_port, PASSWORD, self.databases)
        self.subject = Side(self.name, HOST, self.site().proxy.port, PASSWORD, self.databases)
        self.addCleanup(self.reference.close)
        self.addCleanup(self.subject.close)

    def run_programs(self, count, moving=False):
        trial = type(self).trial(self.reference, self.subject, self.seed, moving)
        differences = (f"seed {self.seed}, program {number}:\n{difference}" for number in range(self.first, self.first + count)
                       if (difference := trial.run(number)))
        judge(self, trial.figures, differences, self.seed)
        self.assertGreater(trial.figures["compared"], 5 * trial.figures["refused"])
        return trial.figures

    def wait_until_each_key_is_counted_once(self):
        """A master that has just become a replica is asked like a master until the proxy has learned of it."""
        wires = [self.subject.wire(protocol) for protocol in self.databases]
        for wire in wires:
            for key in self.settled:
                wire.call(b"SET", key, b"")
        wait_until(lambda: all(wire.call(b"DBSIZE") == (b":", b"%d" % len(self.settled)) for wire in wires), 60,
                   "each key to be counted once")
        for wire in wires:
            wire.call(b"DEL", *self.settled)
        self.assertEqual([side.wire(protocol).call(b"DBSIZE") for side in (self.reference, self.subject) for protocol in self.databases],
                         [(b":", b"0")] * 2 * len(self.databases))


class ProgramTests:
    def test_every_reply_is_that_of_one_redis_or_a_documented_refusal(self):
        self.run_programs(self.count)

    def test_also_while_slots_move_and_replicas_take_over(self):
        with self.upheaval() as upheaval:
            self.run_programs(self.count // 4, moving=True)
        if self.settled:
            self.wait_until_each_key_is_counted_once()
        print(f"meanwhile {upheaval.moves} moves of slots, {upheaval.failovers} replicas took over", flush=True)
        self.assertGreater(upheaval.moves, 0)
