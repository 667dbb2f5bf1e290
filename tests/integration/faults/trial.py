"""One run: a fresh cluster, the proxy, the load, the fault, the end, the judgement."""

import random
import time

import resp
from certificates import Authority
from cluster import Cluster
from slots import slot_of

from .judgement import judge
from .load import Load, Plan
from .schedules import SCHEDULES
from .stage import Stage

WARM_SECONDS = 0.7
COOL_SECONDS = 0.7


def run(name, seed, make_target, plan_options, scale=1.0, node_timeout_ms=2000, timed=True, tls=False):
    """`make_target(nodes, place, authority)` starts the proxy. Returns a Judgement and the proxy's log. `tls`: the nodes
    speak nothing else.

    Not `timed`: on a busy machine, where a verdict on how long something took would be one on the machine."""
    schedule = SCHEDULES[name]
    options = ("--cluster-node-timeout", node_timeout_ms, *schedule.node_options)
    net, places = None, {}
    if schedule.partition:
        from .network import Network  # only where it is permitted
        net = Network()
        places = {"first_place": net.minority, "place": net.majority}
    cluster = target = load = None
    try:
        authority = Authority(addresses=[place.host for place in places.values()]) if tls else None
        cluster = Cluster(options=options, tls=authority, **places)
        place = {"proxy_place": getattr(net, schedule.partition)} if net else {}
        target = make_target(cluster.addresses(), place.get("proxy_place"), authority)
        stage = Stage(cluster, target, random.Random(seed), scale, timed)
        stage.net, stage.proxy_is_alone = net, schedule.partition == "minority"
        stage.node_timeout_seconds = node_timeout_ms / 1000
        load = Load(Plan(target.host, target.port, target.password, seed, hot_slots=stage.hot_slots, **plan_options))
        stage.clients = load.plan.clients
        if schedule.prepare:
            schedule.prepare(stage)
        load.start()
        stage.begin = time.monotonic()
        time.sleep(WARM_SECONDS + stage.random.random() * 0.3)
        schedule.play(stage)
        time.sleep(COOL_SECONDS)
        stage.end = time.monotonic()
        record = load.stop()
        finals = read_finals(cluster, record.ops)
        return judge(name, seed, schedule, stage, record, finals, target.residue()), target.log()
    finally:
        if load:
            load.kill()
        if target:
            target.stop()
        if cluster:
            cluster.stop()
        if net:
            net.remove()


def read_finals(cluster, ops):
    """key → what its master holds, asked without the proxy."""
    kinds = {}
    for op in ops:
        if op.kind not in ("WAIT", "ECHO", "UNWATCH"):
            kind = "queue" if op.kind in ("PUSH", "POP") else "text"
            kinds.update((key, (kind, op)) for key in op.keys)
    by_owner = {}
    owners = _owners(cluster)
    for key in kinds:
        by_owner.setdefault(owners[slot_of(key)], []).append(key)
    finals = {}
    for node, keys in by_owner.items():
        with node.connect() as connection:
            for key in keys:
                if kinds[key][0] == "queue":
                    items = [item.decode() for item in connection.command("LRANGE", key, 0, -1)]
                    finals[key] = items if "blocking" in key else items[::-1]  # RPUSH or LPUSH
                else:
                    value = connection.command("GET", key)
                    finals[key] = None if value is None else value.decode()
    return finals


def _owners(cluster):
    owners = {}
    for first, last, owner, *_ in cluster.masters()[0].command("CLUSTER", "SLOTS"):
        node = next(each for each in cluster.nodes if each.id == owner[2].decode())
        owners.update((slot, node) for slot in range(first, last + 1))
    return owners
