"""Random programs on database 0 as it is by default: over all slots of a cluster.

SLOTLESS_PROGRAMS_COUNT, _SEED and _FIRST choose other random programs than the usual ones.
"""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from cluster import HOST, PASSWORD
from random_programs import spreading
from random_programs.judging import judge
from random_programs.side import Side
from random_programs.upheaval import Upheaval
from waiting import wait_until

COUNT = int(os.environ.get("SLOTLESS_PROGRAMS_COUNT", "800"))
FIRST = int(os.environ.get("SLOTLESS_PROGRAMS_FIRST", "0"))
SEED = os.environ.get("SLOTLESS_PROGRAMS_SEED") or "17"

DATABASES = {2: 0, 3: 0}  # by protocol; one program leaves nothing to the next
SETTLED = [f"{{{number}}}settled".encode() for number in range(20)]


def setUpModule():
    global site
    site = fixture.open_site(options=("--databases", 1),  # or else some names are reserved for other databases
                             node_options=("--hz", "100"))


def tearDownModule():
    fixture.close_site()


@fixture.NOT_ONE_REDIS
class Programs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.oracle, cls.oracle_port = fixture.start_oracle()
        with resp.Connection(HOST, cls.oracle_port, PASSWORD) as connection:
            connection.command("CONFIG", "SET", "hz", "100")

    @classmethod
    def tearDownClass(cls):
        cls.oracle.kill()

    def setUp(self):
        self.reference = Side("one Redis", HOST, self.oracle_port, PASSWORD, DATABASES)
        self.subject = Side("the spread database", HOST, site.proxy.port, PASSWORD, DATABASES)
        self.addCleanup(self.reference.close)
        self.addCleanup(self.subject.close)

    def run_programs(self, count, moving=False):
        trial = spreading.SpreadTrial(self.reference, self.subject, SEED, moving)
        differences = (f"seed {SEED}, program {number}:\n{difference}" for number in range(FIRST, FIRST + count)
                       if (difference := trial.run(number)))
        judge(self, trial.figures, differences, SEED)
        self.assertGreater(trial.figures["compared"], 5 * trial.figures["refused"])

    def wait_until_each_key_is_counted_once(self):
        """A master that has just become a replica is asked like a master until the proxy has learned of it."""
        wires = [self.subject.wire(protocol) for protocol in DATABASES]
        for wire in wires:
            for key in SETTLED:
                wire.call(b"SET", key, b"")
        wait_until(lambda: all(wire.call(b"DBSIZE") == (b":", b"%d" % len(SETTLED)) for wire in wires), 60,
                   "each key to be counted once")
        for wire in wires:
            wire.call(b"DEL", *SETTLED)

    def test_every_reply_is_that_of_one_redis_or_a_documented_refusal(self):
        self.run_programs(COUNT)

    def test_also_while_slots_move_and_replicas_take_over(self):
        with Upheaval(site.cluster, spreading.slots()) as upheaval:
            self.run_programs(COUNT // 4, moving=True)
        self.wait_until_each_key_is_counted_once()
        self.assertEqual([side.wire(protocol).call(b"DBSIZE") for side in (self.reference, self.subject) for protocol in DATABASES],
                         [(b":", b"0")] * 4)
        print(f"meanwhile {upheaval.moves} moves of slots, {upheaval.failovers} replicas took over", flush=True)
        self.assertGreater(upheaval.moves, 0)


if __name__ == "__main__":
    fixture.main()
