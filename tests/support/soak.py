"""Many kinds of clients that come, do their work or misbehave, and leave, while the cluster changes under them."""

import collections
import random
import re
import threading
import time

import resp
from slots import key_in
from waiting import DeadlinePassed, wait_until

# What the state of the cluster may explain while masters change; any other error of a client is a failure.
TOLERATED = re.compile("^(AMBIGUOUS|TRYAGAIN|CLUSTERDOWN|UNBLOCKED|EXECABORT|MASTERDOWN|LOADING) ")
# These slots are moved about; all clients have keys in them, too.
HOT_SLOTS = tuple(range(300, 16384, 1400))
VISITS_PAUSE_SECONDS = 0.01
REPLY_SECONDS = 60  # longer than any request is held: without a reply by then, one has been lost


class Upset(Exception):
    """A visit that ended early because of an error in TOLERATED."""


class Visit:
    """One client's stay: gives it connections, keys and chance, and judges the replies."""

    def __init__(self, site, upheaval, chance, number, turn):
        self.site = site
        self.chance = chance
        self.turn = turn
        self._upheaval = upheaval
        self._begin = time.monotonic()
        self._number = number
        self._connections = []

    def key(self, name):
        """A key that no other thread uses; it is in another slot from turn to turn, often in one that moves."""
        slot = self.chance.choice(HOT_SLOTS) if self.chance.random() < 0.5 else self.chance.randrange(0, 16384, 64)
        return key_in(slot, f"{name}:{self._number}")

    def connect(self, protocol=None, **options):
        """In RESP2 or RESP3, whichever chance has it, unless `protocol` is given."""
        connection = self.site.connect(timeout=REPLY_SECONDS, **options)
        self._connections.append(connection)
        if (protocol or self.chance.choice((2, 3))) == 3:
            connection.command("HELLO", "3")
        return connection

    def ask(self, connection, *command):
        return self.asks(connection, [command])[0]

    def asks(self, connection, requests):
        """Sends one pipeline and returns its replies. Tolerated errors end the visit once all replies are in."""
        connection.send(resp.pack_all(requests))
        replies = [connection.read() for _ in requests]
        errors = [str(reply) for reply in replies if isinstance(reply, resp.ReplyError)]
        judge(errors, requests)
        return replies

    def read_large(self, connection):
        """What a frozen master has begun to answer cannot be had from another one: the connection may be closed."""
        try:
            return connection.read()
        except resp.ConnectionEnded:
            if self._upheaval.may_have_lost_writes_since(self._begin):
                raise Upset("CLOSED with half a reply of a frozen master") from None
            raise

    def expect(self, actual, expected, what):
        """Acknowledged writes that only a frozen master had are lost with it, as without any proxy."""
        if actual == expected:
            return
        if self._upheaval.may_have_lost_writes_since(self._begin):
            raise Upset("LOST writes of a frozen master")
        raise AssertionError(f"{what} gave {str(actual)[:300]} instead of {str(expected)[:300]}")

    def leave(self):
        """Whatever is still open goes now, half of it without a farewell."""
        for connection in self._connections:
            if self.chance.random() < 0.5:
                connection.close()
            elif connection.socket.fileno() >= 0:
                connection.reset()


def judge(errors, what):
    """Raises Upset for tolerated errors, and an AssertionError for others."""
    for text in errors:
        if not TOLERATED.match(text):
            raise AssertionError(f"{str(what)[:300]} gave {text}")
    if errors:
        raise Upset(errors[0])


class Crowd:
    """One thread for each kind of client in `kinds`, a function of a Visit, paying visits until the `with` ends."""

    def __init__(self, site, upheaval, kinds, seed):
        self.finished = collections.Counter()
        self.upsets = collections.Counter()
        self._site = site
        self._upheaval = upheaval
        self._stopping = threading.Event()
        self._errors = []
        self._threads = [threading.Thread(target=self._run, args=(kind, number, random.Random(f"{seed}/{number}")),
                                          name=kind.__name__, daemon=True) for number, kind in enumerate(kinds)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, _value, _trace):
        self._stopping.set()
        for thread in self._threads:
            thread.join(2 * REPLY_SECONDS)
        hanging = [thread.name for thread in self._threads if thread.is_alive()]
        if kind is None and hanging:
            raise AssertionError(f"these clients hang: {hanging}")
        if kind is None:
            self.check()

    def check(self):
        """Raises what has gone wrong so far."""
        if self._errors:
            raise self._errors[0]

    def _run(self, kind, number, chance):
        turn = 0
        while not self._stopping.is_set() and not self._errors:
            visit = Visit(self._site, self._upheaval, chance, number, turn)
            try:
                kind(visit)
                self.finished[kind.__name__] += 1
            except Upset as upset:
                self.upsets[f"{kind.__name__}: {str(upset).split()[0]}"] += 1
            except Exception as error:  # pylint: disable=broad-except
                self._errors.append(AssertionError(f"{kind.__name__}, visit {turn}: {error!r}"))
                self._errors[-1].__cause__ = error
            finally:
                visit.leave()
            turn += 1
            time.sleep(VISITS_PAUSE_SECONDS)


class Upheaval:
    """Changes of masters and of slots' owners, one after another; each is over when its call returns."""

    def __init__(self, cluster, seed):
        self._cluster = cluster
        self._chance = random.Random(seed)
        self._freezing = False
        self._last_thaw = 0.0

    def may_have_lost_writes_since(self, begin):
        return self._freezing or self._last_thaw >= begin

    def _wait_for_calm(self):
        def is_calm():
            return all(node.info("cluster-state")["cluster_state"] == "ok" for node in self._cluster.nodes)

        wait_until(is_calm, 60, "every node to find the cluster complete")

    def planned_failover(self):
        self._wait_for_calm()
        master = self._chance.choice(self._cluster.masters())
        self._cluster.failover(self._cluster.replica_of(master))

    def frozen_master(self):
        """A master that hangs until its replica has been elected in its place; then it wakes up as a replica."""
        self._wait_for_calm()
        master = self._chance.choice(self._cluster.masters())
        replica = self._cluster.replica_of(master)
        slot = self._cluster.slots_of(master)[0]
        self._freezing = True
        master.stop()
        try:
            wait_until(lambda: replica.command("ROLE")[0] == b"master", 30, f"{replica.name} to be elected")
        except DeadlinePassed:
            pass  # an election may fail in Redis 7.0; the old master goes on then, and the clients must not mind
        finally:
            master.cont()
        wait_until(lambda: self._cluster.owner(slot) is not None, 30, "the nodes to agree on the master")
        self._last_thaw = time.monotonic()
        self._freezing = False

    def reshard(self, slots):
        """Each slot goes to another master, with a stay half-way."""
        self._wait_for_calm()
        for slot in self._chance.sample(HOT_SLOTS, slots):
            source = wait_until(lambda slot=slot: self._cluster.owner(slot), 30, "the nodes to agree on an owner")
            move = self._cluster.begin_move(slot, self._chance.choice(
                [node for node in self._cluster.masters() if node is not source]))
            keys = source.command("CLUSTER", "GETKEYSINSLOT", slot, 100)
            move.migrate(keys[:len(keys) // 2])
            time.sleep(0.3)
            move.migrate()
            move.finish()
