"""The clients whose every request is recorded: those of the fault harness, in four databases, by both proxies; and the
judgement of their record."""

import collections
import dataclasses

from faults import roles
from faults.checker import check
from faults.history import AMBIGUOUS, ERROR, LOST, OK
from faults.load import Load, Plan

from .data import PINNED, SPREAD

# Those that share keys share a database.
_ROLES_OF = {
    0: (roles.counter, roles.appender, roles.mixed, roles.waiter),
    SPREAD[0]: (roles.register, roles.reader, roles.multi_key),
    PINNED[1]: (roles.producer, roles.consumer, roles.chain, roles.chain_reader),
    SPREAD[1]: (roles.transaction, roles.watcher, roles.shared_counter),
}
DATABASE_OF = {role: database for database, all_roles in _ROLES_OF.items() for role in all_roles}
QUEUES = ("PUSH", "POP")
# Between the acknowledgement by a server and the moment at which a client reads it, on a busy machine.
LAG_SECONDS = 1.0


@dataclasses.dataclass
class WalkPlan(Plan):
    # The one server has no replicas, so that it takes all of it there; and a cut-over waits for what is under way.
    wait_ms: int = 20
    endpoints: tuple = ()  # host and port of each proxy

    def endpoint(self, client):
        host, port = self.endpoints[(client.number // 2 + client.number) % len(self.endpoints)]
        return host, port, self.password, DATABASE_OF[client.role]


def start(proxies, password, seed, count, pause_seconds):
    plan = WalkPlan(proxies[0].host, proxies[0].port, password, seed, clients_count=count, pause_seconds=pause_seconds,
                    endpoints=tuple((proxy.host, proxy.port) for proxy in proxies))
    load = Load(plan)
    load.start()
    return load


def read_finals(plan, ops, connect):
    """key → what it holds, asked by a proxy."""
    wanted = {}
    for op in ops:
        for key in op.keys:
            wanted[key] = (DATABASE_OF[plan.clients[op.client].role], op.kind in QUEUES)
    finals = {}
    for database in _ROLES_OF:
        with connect(database) as connection:
            for key, (place, is_queue) in wanted.items():
                if place != database:
                    continue
                if is_queue:
                    items = [item.decode() for item in connection.command("LRANGE", key, 0, -1)]
                    finals[key] = items if "blocking" in key else items[::-1]  # RPUSH or LPUSH
                else:
                    value = connection.command("GET", key)
                    finals[key] = None if value is None else value.decode()
    return finals


@dataclasses.dataclass
class Verdict:
    ops: int = 0
    ambiguous: int = 0       # around the end of a server
    unanswered: int = 0      # at an upgrade
    try_again: int = 0       # of half-moved slots
    lost_by_redis: int = 0   # with a master that nobody had asked to wait for its replica
    complaints: list = dataclasses.field(default_factory=list)


def judge(record, finals, notes):
    """`notes`: what has been done meanwhile (faults.py)."""
    made = Verdict(ops=len(record.ops))
    ops = [_undone(op) if op.outcome == LOST and notes.is_upgrading(op.sent) else op for op in record.ops]
    checked = check(ops, finals, notes.windows)
    made.lost_by_redis = checked.redis_lost
    for kind, count in collections.Counter(each.kind for each in checked.violations).items():
        examples = [f"{each.key}: {each.text}" for each in checked.violations if each.kind == kind][:5]
        made.complaints.append(f"{count} {kind}, such as {examples}")
    for op in record.ops:
        if op.outcome == AMBIGUOUS and notes.has_ended_meanwhile(op, LAG_SECONDS):
            made.ambiguous += 1
        elif op.outcome == LOST and notes.is_upgrading(op.sent):
            made.unanswered += 1
        elif op.outcome == ERROR and op.kind == "PAIR" and op.reply.startswith("TRYAGAIN "):
            made.try_again += 1
        elif op.outcome != OK:
            made.complaints.append(f"{op.kind} {op.keys} of client {op.client} at {notes.clock(op.sent)}: {op.outcome} {op.reply}")
    if record.hung:
        made.complaints.append(f"{record.hung} requests were never answered")
    if record.refused:
        made.complaints.append(f"{record.refused} connections were refused")
    return made


def _undone(op):
    return dataclasses.replace(op, outcome=ERROR, done=float("inf"), reply="closed")


def longest_wait(plan, ops, begin, end):
    """Of what was under way then, commands that wait of their own aside; in seconds."""
    waits = [op.done - op.sent for op in ops if op.done and op.sent < end and op.done > begin
             and op.kind != "WAIT" and plan.clients[op.client].role is not roles.consumer]
    return max(waits, default=0.0)
