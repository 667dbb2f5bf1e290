"""What a run's history says in numbers, and whether that is good enough."""

import collections
import dataclasses

from slots import slot_of

from .checker import check
from .history import AMBIGUOUS, ERROR, LOST, OK

# The bar: after the cluster has a new master for the slot.
NEW_MASTER_SECONDS = 0.5
VIOLATIONS = ("reordered", "duplicated", "lost", "stale", "misrouted", "torn")


@dataclasses.dataclass
class Judgement:
    schedule: str
    seed: int
    ops: int = 0
    errors: dict = dataclasses.field(default_factory=dict)  # first word → count
    try_again: int = 0             # at the deadline, for what neither node of a half-moved slot will do
    ambiguous: int = 0
    unanswered: int = 0
    dropped: int = 0
    hung: int = 0
    violations: dict = dataclasses.field(default_factory=dict)
    examples: list = dataclasses.field(default_factory=list)
    redis_lost: int = 0
    longest_gap_ms: int = 0
    stalled_ms: int = 0            # the load itself: gaps of that length say nothing of the proxy
    gap_after_ms: int = -1         # until the last one that waited was served; -1: there was no new master
    residue: dict = dataclasses.field(default_factory=dict)
    complaints: list = dataclasses.field(default_factory=list)

    @property
    def good(self):
        return not self.complaints


def judge(name, seed, schedule, stage, record, finals, residue):
    made = Judgement(name, seed, ops=len(record.ops), dropped=record.dropped, hung=record.hung, residue=residue,
                     stalled_ms=round(1000 * record.stalled_seconds))
    verdict = check(_undone(record.ops) if schedule.unanswered_is_undone else record.ops, finals, stage.windows)
    made.redis_lost = verdict.redis_lost
    made.violations = dict(collections.Counter(violation.kind for violation in verdict.violations))
    made.examples = [f"{each.kind}: {each.key}: {each.text}" for each in verdict.violations[:20]]
    refused = [op for op in record.ops if op.outcome == ERROR]
    made.try_again = sum(_unsplittable(op) for op in refused)
    made.errors = dict(collections.Counter(op.reply.split(" ")[0] for op in refused if not _unsplittable(op)))
    made.examples += sorted({f"{op.kind}: {op.reply}" for op in record.ops if op.outcome in (ERROR, AMBIGUOUS)})[:10]
    ambiguous = [op for op in record.ops if op.outcome == AMBIGUOUS]
    made.ambiguous = len(ambiguous)
    made.unanswered = sum(op.outcome == LOST for op in record.ops)
    hit = _hit(record.ops, stage)
    made.longest_gap_ms = round(1000 * _longest_gap(hit, stage))
    if stage.new_masters:
        made.gap_after_ms = round(1000 * max(_gap_after(hit, moment) for moment in stage.new_masters))
    made.complaints = _complaints(made, schedule, stage, record, ambiguous)
    return made


def _undone(ops):
    """What was not answered counts as refused."""
    return [dataclasses.replace(op, outcome=ERROR, done=float("inf")) if op.outcome == LOST else op for op in ops]


def _unsplittable(op):
    """Refused because its keys are on different nodes for the moment, and all of them are needed at once."""
    return op.reply.startswith("TRYAGAIN ") and op.kind == "PAIR"


def _hit(ops, stage):
    slots = set(stage.hit_slots)
    return [op for op in ops if op.keys and not op.value == "blocking" and any(slot_of(key) in slots for key in op.keys)]


def _longest_gap(hit, stage):
    moments = sorted(op.done for op in hit if op.outcome == OK and stage.begin <= op.done <= stage.end)
    moments = [stage.begin, *moments, stage.end]
    return max(after - before for before, after in zip(moments, moments[1:]))


def _gap_after(hit, moment):
    """Until the last request that was waiting when the new master came has been answered."""
    waiting = [op.done for op in hit if op.sent <= moment < op.done]
    return max(waiting, default=moment) - moment


def _complaints(made, schedule, stage, record, ambiguous):
    found = [f"{count} {kind}" for kind, count in made.violations.items()]
    if made.errors:
        found.append(f"errors: {made.errors}")
    if made.hung:
        found.append(f"{made.hung} requests never answered")
    if record.refused and schedule.unanswered_is_undone:
        found.append(f"{record.refused} connections refused")
    if made.dropped and not schedule.drops:
        found.append(f"{made.dropped} connections dropped")
    if schedule.perfect and made.ambiguous:
        found.append(f"{made.ambiguous} ambiguous")
    if stage.kills:
        late = [op for op in ambiguous if all(op.sent > moment + stage.lag_seconds for moment in stage.kills)]
        if late:
            found.append(f"{len(late)} ambiguous that were sent after the kill")
    if stage.timed and made.gap_after_ms > 1000 * NEW_MASTER_SECONDS:
        found.append(f"the gap ended {made.gap_after_ms} ms after the new master")
    if made.residue:
        found.append(f"not back at the start's level: {made.residue}")
    return found
