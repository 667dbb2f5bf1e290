"""One family against one daemon: with and without it in turn, and what is left of it."""

import collections
import contextlib
import dataclasses
import statistics
import threading
import time

from cluster import PASSWORD

from .bystander import INTERVAL_SECONDS, SLOW_INTERVAL_SECONDS, Bystander
from .daemon import BACK_BYTES, BACK_SECONDS, MEMORY_COUNTED, MIB, Probe, priority
from .turns import BAR, Turns

# After its time a family is told to end, and after that its thread is not waited for any more.
OVERTIME_SECONDS, END_SECONDS = 40, 35
P99_RATIO = 1.10
HOSTILE_NICE = 10

# `neighbour`: at the same time as `beside`, by a daemon that no hostile client visits, on the same machine and nodes.
Pair = collections.namedtuple("Pair", "without beside neighbour")


@dataclasses.dataclass(frozen=True)
class Plan:
    """`timed`: how long things take is judged, too; only on a machine that has nothing else to do."""

    seconds: float = 2.0
    quiet_seconds: float = 0.7
    pairs: int = 1
    timed: bool = False

    @property
    def probe_patience(self):
        return 1 if self.timed else 5


@dataclasses.dataclass
class Outcome:
    name: str
    about: str
    problems: list = dataclasses.field(default_factory=list)
    notes: dict = dataclasses.field(default_factory=dict)
    pairs: list = dataclasses.field(default_factory=list)
    errors: int = 0
    memory_start: int = 0
    memory_peak: int = 0
    memory_after: int = 0
    seconds: float = 0.0
    log: str = ""
    turns: Turns = None  # of the daemon's loops; None: it did not come to that

    @property
    def good(self):
        return not self.problems

    @property
    def p99_ratio(self):
        """Beside / without: what the machine, the nodes and the daemon do to it. Median over the pairs."""
        return self._median(lambda pair: pair.beside.p99_ms / pair.without.p99_ms)

    @property
    def p99_share(self):
        """Beside / what it would be without sharing the daemon: the daemon's part of it. Median over the pairs."""
        return self._median(lambda pair: pair.beside.p99_ms / max(pair.without.p99_ms, pair.neighbour.p99_ms))

    def _median(self, value):
        return statistics.median(map(value, self.pairs)) if self.pairs else float("nan")

    def problem(self, text):
        self.problems.append(text)


def run(kind, stage, plan):
    begin = time.monotonic()
    family, outcome = kind(stage), Outcome(kind.name, kind.about)
    stage.daemon = None
    try:
        family.prepare()
        family.start()
        outcome.memory_start = stage.daemon.memory_at_start
        _play(family, plan, outcome)
    except (AssertionError, OSError, RuntimeError) as error:
        outcome.problem(f"{type(error).__name__}: {str(error)[:500]}")
    finally:
        outcome.problems[:0] = family.problems()
        outcome.notes.update(family.notes)
        _end(family, outcome)
    stage.heal()
    outcome.seconds = time.monotonic() - begin
    return outcome


def _play(family, plan, outcome):
    daemon = family.daemon
    interval = INTERVAL_SECONDS if MEMORY_COUNTED else SLOW_INTERVAL_SECONDS
    bystander, probe = Bystander(daemon, family.password, family.bystander_keys(), interval), Probe(daemon, plan.probe_patience)
    neighbour = _neighbour(family, interval) if plan.timed else bystander
    try:
        for each in {bystander, neighbour}:
            each.wait_until_going()
        before = daemon.turns()
        windows = []
        for _ in range(plan.pairs):
            begin = time.monotonic()
            time.sleep(plan.quiet_seconds)
            daemon.child.reset_peak_memory()
            middle = time.monotonic()
            _be_hostile(family, plan, outcome)
            windows.append((begin, middle, time.monotonic()))
            if not _is_there(daemon, outcome):
                return
            outcome.memory_peak = max(outcome.memory_peak, daemon.peak_memory())
            outcome.memory_after = max(outcome.memory_after, daemon.wait_until_memory_is_back())
        for each in {bystander, neighbour}:
            each.wait_until_going()
        outcome.turns = daemon.turns().since(before)
        outcome.pairs = [Pair(bystander.window(begin, middle), bystander.window(middle, end), neighbour.window(middle, end))
                         for begin, middle, end in windows]
    finally:
        probe.stop()
        for each in {bystander, neighbour}:
            with contextlib.suppress(AssertionError):
                each.stop()
        _judge(family, plan, outcome, bystander, probe)
    left = daemon.wait_until_nothing_is_left()
    if left:
        outcome.problem(f"gauges not back after {BACK_SECONDS} s, as (before, now): {left}")


def _neighbour(family, interval):
    """The well-behaved client of the other daemon, which asks as much as this one's."""
    return Bystander(family.stage.other_daemon(), PASSWORD, family.bystander_keys("neighbour"), interval)


def _be_hostile(family, plan, outcome):
    """In a thread of its own, which is watched."""
    stage, daemon = family.stage, family.daemon
    thread = threading.Thread(target=_act, args=(family, plan), daemon=True)
    thread.start()
    limit = time.monotonic() + max(plan.seconds, family.least_seconds) + OVERTIME_SECONDS
    while thread.is_alive() and not stage.stopping.is_set():
        stage.run_errands(0.05)
        if time.monotonic() > limit:
            outcome.problem("the hostile clients are still at it: what they wait for does not come")
            stage.stopping.set()
        if family.ends_daemon:
            continue
        if not _is_there(daemon, outcome):
            stage.stopping.set()
        elif daemon.has_run_away():
            outcome.problem(f"stopped early: the daemon has {daemon.memory() // MIB} MiB")
            stage.stopping.set()
    thread.join(END_SECONDS)
    if thread.is_alive():
        raise AssertionError("the hostile clients do not come to an end")


def _act(family, plan):
    if plan.timed:
        priority(HOSTILE_NICE)  # they would be on machines of their own
    end = time.monotonic() + max(plan.seconds, family.least_seconds)
    try:
        family.begin()
        while True:
            family.act()
            if family.once or time.monotonic() >= end or family.stage.stopping.is_set():
                break
        family.stage.stopping.wait(max(0, end - time.monotonic()))
    except OSError as error:
        family.turned_away(error)
    except Exception as error:  # pylint: disable=broad-except
        family.problem(f"{type(error).__name__}: {error}")
    finally:
        with contextlib.suppress(OSError):
            family.leave()


def _is_there(daemon, outcome):
    code = daemon.child.exit_code()
    if code is not None and not any("the daemon ended" in text for text in outcome.problems):
        outcome.problem(f"the daemon ended with {code}")
    return code is None


def _judge(family, plan, outcome, bystander, probe):
    errors = bystander.errors(family.tolerated, plan.pairs if family.tolerated_once else None)
    outcome.errors = len(errors)
    for text, count in collections.Counter(errors).most_common(3):
        outcome.problem(f"the bystander got {count} × {text[:200]}")
    if probe.failures and not family.ends_daemon:
        outcome.problem(f"{len(probe.failures)} × {probe.failures[0]}")
    outcome.notes["probe ms"] = round(probe.slowest * 1000)
    if outcome.turns is not None:
        outcome.notes["longest turn ms"] = outcome.turns.longest()
    if plan.timed and outcome.turns is not None and outcome.turns.too_long:
        outcome.problem(f"{outcome.turns.too_long:.0f} turns of the workers' loops have kept a processor for more than {BAR * 1000:g} ms")
    if not MEMORY_COUNTED:
        return
    bound = family.daemon.bound_bytes
    if outcome.memory_peak > bound:
        outcome.problem(f"{outcome.memory_peak // MIB} MiB resident at the peak, at most {bound // MIB} are right")
    if outcome.memory_after > outcome.memory_start + BACK_BYTES:
        outcome.problem(f"{outcome.memory_after // MIB} MiB resident {BACK_SECONDS} s after, "
                        f"{outcome.memory_start // MIB} at the start")
    if plan.timed and family.p99_is_judged and outcome.p99_share > P99_RATIO:
        outcome.problem(f"the bystander's p99 is {outcome.p99_share:.2f} times what it is at a daemon that nobody attacks, "
                        f"at most {P99_RATIO} is right")


def _end(family, outcome):
    daemon = family.daemon
    if daemon is not None:
        if daemon.child.exit_code() is None:
            try:
                daemon.stop()
            except AssertionError as error:
                outcome.problem(str(error)[:300])
        outcome.log = daemon.child.output()
    family.finish()
