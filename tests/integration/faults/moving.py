"""Moving slots under load, quickly or slowly, and filling them."""

import dataclasses
import time

from cluster import PASSWORD
from slots import tag_of

FILL_KEYS = 1000
FILL = """for number = tonumber(ARGV[1]), tonumber(ARGV[2]) - 1 do
  redis.call('SET', KEYS[1] .. ':' .. number, number)
end"""


@dataclasses.dataclass(frozen=True)
class Pace:
    batch_keys: int
    pause_seconds: float = 0.0


USUAL = Pace(100)
SLOW = Pace(20, 0.01)


def fill(node, slot, begin, end):
    """Many small keys, straight to the slot's owner: these numbers."""
    name = "{%s}filler" % tag_of(slot)
    for first in range(begin, end, FILL_KEYS):
        node.command("EVAL", FILL, 1, name, first, min(first + FILL_KEYS, end))


def move(cluster, slots, source, target, slow=(), slow_pace=SLOW):
    """As `redis-cli --cluster reshard` does it: the keys in batches, then the slot; those in `slow` with pauses, so that
    each is half-moved for a while."""
    others = [node for node in cluster.masters() if node not in (source, target)]
    for slot in slots:
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        pace = slow_pace if slot in slow else USUAL
        while batch := source.command("CLUSTER", "GETKEYSINSLOT", slot, pace.batch_keys):
            source.command("MIGRATE", target.host, target.port, "", 0, 5000, "AUTH", PASSWORD, "KEYS", *batch)
            if pace.pause_seconds:
                time.sleep(pace.pause_seconds)
        for node in (target, source, *others):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", target.id)
