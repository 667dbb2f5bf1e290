"""Masters that go, planned or not: waiting instead of errors, and no write lost or done twice by the daemon."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import fixture
import resp
from load import Appends, Load
from slots import key_in
from waiting import wait_until

# How the error of a write begins whose fate nobody knows: it was sent, and the connection died before the reply.
AMBIGUOUS = "^AMBIGUOUS "


def setUpModule():
    global site
    site = fixture.open_site(topology=True)


def tearDownModule():
    fixture.close_site()


def slots_on(master, count):
    return site.cluster.slots_of(master)[10:10 + count]


class Failover(unittest.TestCase):
    """Each test has a shard of its own, because Redis 7.0 may elect a replica with the votes of an election that it
    won seconds ago, and then nobody else believes it."""

    def test_1_a_planned_failover_costs_no_error(self):
        master = site.cluster.first_masters[0]
        keys = [key_in(slot, "planned") for slot in slots_on(master, 4)]
        counts = [0] * 4

        def count(client, number, _turn):
            counts[number] += 1
            reply = client.incr(keys[number])
            if reply != counts[number]:
                raise AssertionError(f"INCR gave {reply} instead of {counts[number]}")

        with Load(site.client, count) as load:
            for _ in range(2):
                replica = site.cluster.replica_of(master)
                site.cluster.failover(replica)
                load.wait_for_progress()
                master = replica
        client = site.client()
        self.assertEqual([int(client.get(key)) for key in keys], counts)

    def test_2_reads_of_a_killed_master_wait_and_succeed_as_scripts_for_the_others_do(self):
        site.cluster.wait_for_replicas()
        master = site.cluster.first_masters[1]
        slots = slots_on(master, 4)
        client = site.client()
        for slot in slots:
            client.set(key_in(slot, "read"), slot)
        site.cluster.wait_for_replicas()
        replica = site.cluster.replica_of(master)

        def read(connection, number, _turn):
            reply = connection.command("GET", key_in(slots[number], "read"))
            if reply != b"%d" % slots[number]:
                raise AssertionError(f"GET gave {reply}")

        # With full coverage the other masters refuse everything until the slots have a master again.
        counters = [key_in(slot, "counted") for slot in slots_on(site.cluster.first_masters[2], 2)]
        counts = [0] * 2
        refused = []

        def count(connection, number, _turn):
            try:
                reply = connection.command("EVAL", "return redis.call('INCR', KEYS[1])", 1, counters[number])
            except resp.ReplyError as error:
                refused.append(str(error))
                return
            counts[number] += 1
            if reply != counts[number]:
                raise AssertionError(f"the script gave {reply} instead of {counts[number]}")

        with Load(site.connect, read) as load, Load(site.connect, count, clients=2) as scripts:
            master.kill()
            site.cluster.wait_for_owner(slots[0], replica)
            load.wait_for_progress()
            scripts.wait_for_progress()
        # One of each may be: when the node is well again between its refusal and the question whether that was its own.
        self.assertLessEqual(len(refused), len(counters), refused)
        self.assertEqual([int(client.get(key)) for key in counters], counts)

    def test_3_writes_sent_to_a_killed_master_fail_clearly_and_are_never_repeated(self):
        site.cluster.wait_for_replicas()
        master = site.cluster.first_masters[2]
        replica = site.cluster.replica_of(master)
        slots = slots_on(master, 4)
        appends = Appends([key_in(slot, "written") for slot in slots])
        with Load(site.connect, appends.step) as load:
            # From here on the master reads writes and does not run them: what it has acknowledged is on its replica
            # before it dies, and what hangs in it was never done.
            master.command("CLIENT", "PAUSE", 60000, "WRITE")
            site.cluster.wait_for_replicas()
            wait_until(lambda: int(master.info("clients")["blocked_clients"]) > 0, 20, "a write to hang in the master")
            master.kill()
            site.cluster.wait_for_owner(slots[0], replica)
            load.wait_for_progress()
        with site.connect() as connection:
            appends.check(self, connection)
            for key, ambiguous in zip(appends.keys, appends.ambiguous):
                found = {int(each) for each in connection.command("LRANGE", key, 0, -1)}
                self.assertEqual(found & set(ambiguous), set(), f"{key}: a write whose fate was unknown was repeated")
        self.assertTrue(appends.errors)
        for text in set(appends.errors):
            self.assertRegex(text, AMBIGUOUS)


if __name__ == "__main__":
    fixture.main()
