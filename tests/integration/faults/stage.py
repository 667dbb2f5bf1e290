"""Where a schedule is played: the cluster, the proxy, and the notes that the schedule takes for the judgement."""

import time

from waiting import wait_until

from .history import LossWindow
from .observer import OwnerWatch

# Between the acknowledgement by a node and the moment at which the load reads it; on a busy machine.
LAG_SECONDS, BUSY_LAG_SECONDS = 0.25, 1.0


class Stage:
    """`master`: whom the fault hits first. `hit_slots`: the slots that it is about."""

    def __init__(self, cluster, target, rng, scale, timed):
        self.cluster, self.target, self.random = cluster, target, rng
        self.timed = timed
        self.lag_seconds = LAG_SECONDS if timed else BUSY_LAG_SECONDS
        self.scale = scale       # 1: the long form; smaller: fewer slots and keys
        self.net = None          # where there is a cable to cut
        self.proxy_is_alone = False  # with the first master, then
        self.node_timeout_seconds = 0.0
        self.master = cluster.first_masters[0]
        self.hit_slots = tuple(cluster.slots_of(self.master))
        self.hot_slots = self.hit_slots[10:26]
        self.clients = ()        # of the load
        self.windows = []
        self.kills = []          # moments at which connections broke
        self.new_masters = []    # moments at which a new master said so
        self.begin = self.end = 0.0

    def pause(self, seconds):
        time.sleep(seconds)

    def may_lose(self, begin, end, delayed=False):
        """From `begin` to `end`, with the lag of the record, Redis itself may lose what it acknowledges."""
        self.windows.append(LossWindow(frozenset(self.hit_slots), begin - self.lag_seconds, end + self.lag_seconds, delayed))

    def watch_owner(self):
        return OwnerWatch(self.cluster.nodes, self.hot_slots[0])

    def note_new_master(self, watch, node):
        wait_until(lambda: watch.claimed_at(node), 30, f"{node.name} to be the master")
        if not self.proxy_is_alone:  # it cannot know before the cable is whole again
            self.new_masters.append(watch.claimed_at(node))

    def wait_for_followers(self):
        """Every living replica follows a living master."""
        def all_follow():
            for node in self.cluster.nodes:
                if node.alive and node.command("ROLE")[0] == b"slave":
                    if node.info("replication").get("master_link_status") != "up":
                        return False
            return True
        wait_until(all_follow, 30, "all replicas to follow")

    def wait_for_role(self, node, role):
        wait_until(lambda: node.command("ROLE")[0] == role, 30, f"{node.name} to be {role.decode()}")
