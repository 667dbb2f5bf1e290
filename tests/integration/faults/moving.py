"""Moving slots under load, quickly or slowly, and filling them."""

import time

import resp
from cluster import PASSWORD
from slots import tag_of

BATCH_KEYS = 100
SLOW_BATCH_KEYS = 20
SLOW_PAUSE_SECONDS = 0.01


def fill(node, slot, keys):
    """Many small keys, straight to the slot's owner."""
    tag = tag_of(slot)
    with node.connect() as connection:
        for begin in range(0, keys, 1000):
            numbers = range(begin, min(begin + 1000, keys))
            connection.send(resp.pack_all(("SET", "{%s}filler:%d" % (tag, number), number) for number in numbers))
            for _ in numbers:
                connection.read()


def move(cluster, slots, source, target, slow=()):
    """As `redis-cli --cluster reshard` does it: the keys in batches, then the slot; those in `slow` with pauses, so that
    each is half-moved for a while."""
    others = [node for node in cluster.masters() if node not in (source, target)]
    for slot in slots:
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        size = SLOW_BATCH_KEYS if slot in slow else BATCH_KEYS
        while batch := source.command("CLUSTER", "GETKEYSINSLOT", slot, size):
            source.command("MIGRATE", target.host, target.port, "", 0, 5000, "AUTH", PASSWORD, "KEYS", *batch)
            if slot in slow:
                time.sleep(SLOW_PAUSE_SECONDS)
        for node in (target, source, *others):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", target.id)
