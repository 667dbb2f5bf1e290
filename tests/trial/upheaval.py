"""What happens on the way, compressed: the run killed again and again, and between that everything else once."""

import time

import resp
from slots import SLOT_COUNT
from upgrading import has_ended
from waiting import wait_until

SETTLE_SECONDS = 60
MOVED_SLOTS = 30
MOVED_KEYS = 2000  # at most, of a slot


class Upheaval:
    """`stage`: whose servers, proxies and run they are."""

    def __init__(self, stage, kills, longest_seconds):
        self._stage = stage
        self._kills, self._longest = kills, longest_seconds
        self._proxy = 0

    def play(self, faults):
        """The kills in random places among those; before each the run has been at work for a random time."""
        plan = ["kill the run"] * self._kills + list(faults)
        self._stage.random.shuffle(plan)
        for name in plan:
            self._stage.ensure_run()
            time.sleep(self._stage.random.uniform(0.05, self._longest))
            self._stage.say(f"  {name}")
            _FAULTS[name](self)
            self._stage.check_clients()
        self._stage.ensure_run()

    def kill_run(self):
        self._stage.run.kill()

    def kill_master(self):
        """Every second time it acknowledges nothing any more when it dies, and its replica is level: then nothing may be lost."""
        cluster, stage = self._stage.cluster, self._stage
        master = stage.random.choice(cluster.masters())
        replica = cluster.replica_of(master)
        slot = cluster.slots_of(master)[0]
        if stage.random.random() < 0.5:
            master.command("CLIENT", "PAUSE", 60000, "WRITE")
            wait_until(lambda: _offset(replica, "slave_repl_offset") >= _offset(master, "master_repl_offset"), SETTLE_SECONDS,
                       "the replica to be level")
        elif stage.cluster_is_in_force:
            stage.notes.may_lose(time.monotonic())
        stage.notes.ends.append(time.monotonic())
        master.kill()
        cluster.wait_for_owner(slot, replica, SETTLE_SECONDS)
        master.restart()
        self.wait_until_whole()

    def restart_source(self):
        """By SIGTERM: it ends between two requests, and has written all that it has acknowledged; in short form, so that it is
        back soon."""
        source = self._stage.source
        self._stage.write_anew()
        self._stage.notes.ends.append(time.monotonic())
        source.child.signal(15)
        source.child.wait(SETTLE_SECONDS)
        source.again()

    def reshard(self):
        cluster, chance = self._stage.cluster, self._stage.random
        source, target = chance.sample(cluster.masters(), 2)
        slots = [slot for slot in chance.sample(cluster.slots_of(source), SLOT_COUNT // 16)
                 if source.command("CLUSTER", "COUNTKEYSINSLOT", slot) <= MOVED_KEYS]
        for slot in slots[:MOVED_SLOTS]:
            move = cluster.begin_move(slot, target)
            keys = source.command("CLUSTER", "GETKEYSINSLOT", slot, MOVED_KEYS)
            move.migrate(keys[:len(keys) // 2])
            time.sleep(0.02)
            move.migrate()
            move.finish()

    def upgrade(self):
        proxy = self._stage.proxies[self._proxy % len(self._stage.proxies)]
        self._proxy += 1
        began = time.monotonic()
        before = proxy.upgrade()
        wait_until(lambda: has_ended(before), SETTLE_SECONDS, "the old process to end")
        self._stage.notes.upgrades.append((began - 0.1, time.monotonic() + 0.5))

    def wait_until_whole(self):
        def is_whole():
            try:
                return all(_is_well(node) for node in self._stage.cluster.nodes)
            except resp.ReplyError:  # it loads what its master has
                return False

        wait_until(is_whole, SETTLE_SECONDS, "the cluster to be whole")


def _is_well(node):
    replication = node.info("replication")
    follows = replication["role"] == "master" or replication.get("master_link_status") == "up"
    return follows and node.info("cluster-state")["cluster_state"] == "ok"


def _offset(node, name):
    return int(node.info("replication")[name])


_FAULTS = {"kill the run": Upheaval.kill_run, "kill a master": Upheaval.kill_master, "restart the server": Upheaval.restart_source,
           "reshard": Upheaval.reshard, "upgrade a proxy": Upheaval.upgrade}
EVERYTHING = [name for name in _FAULTS if name != "kill the run"]
