"""Changes a cluster while programs run in it: slots move from master to master, and replicas take over. Nothing is lost."""

import random
import threading
import time

from slots import slot_of
from waiting import DeadlinePassed, wait_until

_PAUSE_SECONDS = 0.3
_HALF_WAY_SECONDS = 0.1
_ATOMIC_SECONDS = 60
_ENDED = (b"success", b"failed", b"cancelled", b"canceled")


def slot_of_database(cluster, wire):
    """Where a pinned database is: seen by a key of its own, which only one master has."""
    wire.call(b"SET", b"where is it?", b"here")
    try:
        names = [name for master in cluster.masters() for name in master.command("KEYS", "*where is it?")]
    finally:
        wire.call(b"DEL", b"where is it?")
    if len(names) != 1:
        raise AssertionError(f"one key became {names}")
    return slot_of(names[0])


def _move_whole(source, target, slot):
    """By an atomic migration, which may fail: then nothing has changed. Whether it has not; the nodes may agree only later."""
    source.command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.id)

    def state():
        latest = source.command("CLUSTER", "GETSLOTMIGRATIONS")[0]
        return dict(zip(latest[::2], latest[1::2]))[b"state"]

    wait_until(lambda: state() in _ENDED, _ATOMIC_SECONDS, f"the migration of slot {slot} to end")
    return state() == b"success"


class Upheaval:
    """As a context: the cluster is not to be used by others meanwhile. What goes wrong is raised at the end. `atomic`: the nodes
    move slots whole, with all of their databases, as Valkey 9 can."""

    def __init__(self, cluster, slots, atomic=False):
        self._cluster, self._slots, self._atomic = cluster, slots, atomic
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._error = None
        self.moves = self.failovers = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join()
        if self._error:
            raise self._error

    def _run(self):
        try:
            while not self._stopped.wait(_PAUSE_SECONDS):
                slot = random.choice(self._slots)
                if not self.moves or random.random() < 0.8:
                    self._move(slot)
                elif (owner := self._cluster.owner(slot)) is not None:  # the nodes agree
                    self._replace(owner)
        except Exception as error:  # pylint: disable=broad-except  # whatever it is, the test has to know
            self._error = error

    def _replace(self, master):
        replica = self._cluster.replica_of(master)
        try:
            self._cluster.failover(replica)
            self.failovers += 1
        except DeadlinePassed:
            if replica in self._cluster.masters():  # and not merely because it was not elected in time
                raise

    def _move(self, slot):
        owner = self._cluster.owner(slot)
        if owner is None:  # the nodes do not agree yet
            return
        target = random.choice([each for each in self._cluster.masters() if each is not owner])
        if self._atomic:
            if not _move_whole(owner, target, slot):
                return
        else:
            move = self._cluster.begin_move(slot, target)
            move.migrate()
            time.sleep(_HALF_WAY_SECONDS)
            move.migrate()
            move.finish()
        self.moves += 1
