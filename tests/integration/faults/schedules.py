"""The faults: each is a function of the stage that does something to the cluster while the load runs."""

import dataclasses
import time

from slots import slot_of

from . import moving, roles

SETTLE_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Schedule:
    play: object
    prepare: object = None        # before the load starts
    partition: str = ""           # the side that the proxy is on
    perfect: bool = True          # 0 errors, 0 dropped connections, nothing ambiguous
    drops: bool = False           # connections of clients may end
    unanswered_is_undone: bool = False  # what was not answered has not been carried out either
    ours: bool = False            # only Slotless can do it
    node_options: tuple = ()


def planned(stage):
    for _ in range(2):
        replica = stage.cluster.replica_of(stage.master)
        stage.cluster.failover(replica)
        stage.wait_for_role(stage.master, b"slave")
        stage.master = replica
        stage.pause(SETTLE_SECONDS)


def _unasked(stage, how):
    """Without the master's consent: what it acknowledges until it learns of it is lost."""
    for _ in range(2):
        replica = stage.cluster.replica_of(stage.master)
        stage.wait_for_followers()
        begin = time.monotonic()
        replica.command("CLUSTER", "FAILOVER", how)
        stage.cluster.wait_for_owner(stage.hot_slots[0], replica)
        stage.wait_for_role(stage.master, b"slave")
        stage.may_lose(begin, time.monotonic())
        stage.master = replica
        stage.pause(SETTLE_SECONDS)
        stage.wait_for_followers()


def force(stage):
    _unasked(stage, "FORCE")


def takeover(stage):
    _unasked(stage, "TAKEOVER")


def kill_master(stage):
    """Every second time the master acknowledges nothing any more when it is killed: then nothing may be lost."""
    replica = stage.cluster.replica_of(stage.master)
    drained = stage.random.random() < 0.5
    if drained:
        stage.master.command("CLIENT", "PAUSE", 60000, "WRITE")
        stage.cluster.wait_for_replicas()
    with stage.watch_owner() as watch:
        now = time.monotonic()
        stage.master.kill()
        stage.kills.append(now)
        if not drained:
            stage.may_lose(now, now)
        stage.note_new_master(watch, replica)
        stage.cluster.wait_for_owner(stage.hot_slots[0], replica)
    stage.pause(SETTLE_SECONDS)
    stage.master.restart()
    stage.wait_for_role(stage.master, b"slave")
    stage.wait_for_followers()
    stage.pause(SETTLE_SECONDS)


def freeze(stage):
    """SIGSTOP until the cluster has another master, and longer: what the old one acknowledges after that nobody keeps."""
    replica = stage.cluster.replica_of(stage.master)
    with stage.watch_owner() as watch:
        begin = time.monotonic()
        stage.master.stop()
        stage.may_lose(begin, begin)
        stage.note_new_master(watch, replica)
        stage.pause(SETTLE_SECONDS)
        stage.master.cont()
    stage.wait_for_role(stage.master, b"slave")
    stage.wait_for_followers()
    stage.pause(SETTLE_SECONDS)


def freeze_briefly(stage):
    """SIGSTOP for less than the node timeout: everybody just waits."""
    for _ in range(3):
        stage.master.stop()
        stage.pause(0.8)
        stage.master.cont()
        stage.pause(0.7)


BIG_SLOTS = 4


def prepare_reshard(stage):
    for slot in stage.hot_slots[:BIG_SLOTS]:
        moving.fill(stage.master, slot, 0, max(200, int(8000 * stage.scale)))


def reshard(stage):
    """Thousands of slots to another master and back; those with many keys slowly."""
    target = next(node for node in stage.cluster.masters() if node is not stage.master)
    slots = list(stage.hit_slots[:max(60, int(2000 * stage.scale))])
    stage.random.shuffle(slots)
    big = stage.hot_slots[:BIG_SLOTS]
    for source, destination in ((stage.master, target), (target, stage.master)):
        moving.move(stage.cluster, slots, source, destination, slow=big)
        stage.pause(SETTLE_SECONDS)


HUGE_KEYS = 1_000_000
# Half a minute and more: longer than the proxy holds what neither node will serve.
HUGE_PACE = moving.Pace(400, 0.01)


def prepare_huge(stage):
    """The keys of a slot are moved the newest first. So of two keys that are changed together one is to be the oldest: for
    most of the move they are on different nodes."""
    for key in _older_halves(stage):
        stage.master.command("SET", key, 0)
    for slot in _huge_slots(stage):
        moving.fill(stage.master, slot, 0, int(HUGE_KEYS * stage.scale))


def reshard_huge(stage):
    """One slot with a million keys slowly to another master, and back in a hurry."""
    target = next(node for node in stage.cluster.masters() if node is not stage.master)
    slots = _huge_slots(stage)
    moving.move(stage.cluster, slots, stage.master, target, slow=slots, slow_pace=HUGE_PACE)
    stage.pause(SETTLE_SECONDS)
    moving.move(stage.cluster, slots, target, stage.master, slow=slots, slow_pace=moving.Pace(1000))
    stage.pause(SETTLE_SECONDS)


def _older_halves(stage):
    """Of the pairs in the huge slot."""
    keys = [roles.pair_keys(client)[0] for client in stage.clients if client.role is roles.transaction]
    return [key for key in keys if slot_of(key) in _huge_slots(stage)]


def _huge_slots(stage):
    pairs = [roles.pair_keys(client) for client in stage.clients if client.role is roles.transaction]
    return [next(slot_of(first) for first, _ in pairs if slot_of(first) in stage.hot_slots)]


def add_and_forget(stage):
    extra = stage.cluster.add_master("extra")
    slots = list(stage.hit_slots[:max(60, int(500 * stage.scale))])
    stage.random.shuffle(slots)
    moving.move(stage.cluster, slots, stage.master, extra)
    stage.pause(SETTLE_SECONDS)
    moving.move(stage.cluster, slots, extra, stage.master)
    stage.pause(SETTLE_SECONDS)
    stage.cluster.forget(extra)
    stage.pause(SETTLE_SECONDS)


def rolling_restart(stage):
    """As an operator does it: replicas first, and a master only after it has handed over."""
    for node in list(stage.cluster.nodes):
        if node.command("ROLE")[0] == b"master":
            replica = stage.cluster.replica_of(node)
            stage.cluster.failover(replica)
            stage.wait_for_role(node, b"slave")
            stage.wait_for_followers()
            stage.pause(SETTLE_SECONDS)
        node.kill()
        node.restart()
        stage.wait_for_role(node, b"slave")
        stage.wait_for_followers()
    stage.pause(SETTLE_SECONDS)


def kill_proxy(stage):
    for _ in range(2):
        stage.target.kill_and_restart()
        stage.pause(SETTLE_SECONDS)


def upgrade(stage):
    """Another process takes the proxy's place, and another one its."""
    for _ in range(3):
        stage.target.upgrade()
        stage.pause(SETTLE_SECONDS)


def partition(stage):
    """The first master cannot be reached by the other nodes until they have another one, and longer. Beside it the proxy
    can use it until it notices that it is alone."""
    replica = stage.cluster.replica_of(stage.master)
    with stage.watch_owner() as watch:
        begin = time.monotonic()
        stage.net.cut()
        stage.note_new_master(watch, replica)
        stage.pause(2 * SETTLE_SECONDS)
        stage.net.heal()
    # A node asks each other one at least twice per node timeout, and waits for the answer for one node timeout.
    alone = 1.5 * stage.node_timeout_seconds + 0.2 if stage.proxy_is_alone else 0
    stage.may_lose(begin, begin + alone, delayed=stage.proxy_is_alone)
    stage.wait_for_role(stage.master, b"slave")
    stage.wait_for_followers()
    stage.pause(SETTLE_SECONDS)


SCHEDULES = {
    "planned": Schedule(planned),
    "force": Schedule(force),
    "takeover": Schedule(takeover),
    "kill-master": Schedule(kill_master, perfect=False),
    "freeze": Schedule(freeze, perfect=False),
    "freeze-briefly": Schedule(freeze_briefly),
    "reshard": Schedule(reshard, prepare=prepare_reshard),
    "reshard-huge": Schedule(reshard_huge, prepare=prepare_huge),
    "add-and-forget": Schedule(add_and_forget),
    "partition": Schedule(partition, partition="majority", perfect=False),
    "partition-minority": Schedule(partition, partition="minority", perfect=False),
    "rolling-restart": Schedule(rolling_restart),
    "kill-proxy": Schedule(kill_proxy, perfect=False, drops=True),
    "upgrade": Schedule(upgrade, drops=True, unanswered_is_undone=True, ours=True),
}
