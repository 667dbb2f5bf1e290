"""Outcomes as lines for people and as a table for docs/performance.md."""

import statistics

from .daemon import MIB

_LINE = "%-18s %-6s %6s  %9s %9s %9s %9s  %6s %6s %6s  %4s   %s"


def print_header():
    print(_LINE % ("family", "", "errors", "p99 ms", "beside", "neighbour", "max", "MiB", "peak", "after", "s", "notes"), flush=True)


def print_outcome(outcome, timed):
    notes = ", ".join(f"{name} {value}" for name, value in outcome.notes.items())
    if timed:
        notes = f"p99 × {outcome.p99_ratio:.2f}, × {outcome.p99_share:.2f} by the daemon, {notes}"
    print(_LINE % (outcome.name, "ok" if outcome.good else "FAILED", outcome.errors, *_latencies(outcome),
                   outcome.memory_start // MIB, outcome.memory_peak // MIB, outcome.memory_after // MIB, round(outcome.seconds), notes), flush=True)
    for problem in outcome.problems:
        print(f"    {problem}", flush=True)


def _latencies(outcome):
    if not outcome.pairs:
        return "-", "-", "-", "-"
    p99 = [_middle(outcome, lambda pair, name=name: getattr(pair, name).p99_ms) for name in ("without", "beside", "neighbour")]
    return *(f"{value:.2f}" for value in p99), f"{max(pair.beside.max_ms for pair in outcome.pairs):.1f}"


def _middle(outcome, value):
    return statistics.median(value(pair) for pair in outcome.pairs)


def markdown(outcomes):
    lines = ["| hostile clients | errors of others | others' p50 without / beside | p99 without / beside / of the neighbour | "
             "ratio to without | ratio to the neighbour | longest | longest turn of a loop, ms | resident at the start, peak, 10 s after |",
             "|---|---|---|---|---|---|---|---|---|"]
    for outcome in outcomes:
        if not outcome.pairs:
            lines.append(f"| {outcome.about} | {outcome.errors} | | | | | | | |")
            continue
        without, beside, neighbour, longest = _latencies(outcome)
        p50 = [_middle(outcome, lambda pair: pair.without.p50_ms), _middle(outcome, lambda pair: pair.beside.p50_ms)]
        memory = [f"{value / MIB:.0f}" for value in (outcome.memory_start, outcome.memory_peak, outcome.memory_after)]
        lines.append(f"| {outcome.about} | {outcome.errors} | {p50[0]:.2f} / {p50[1]:.2f} ms | {without} / {beside} / {neighbour} ms | "
                     f"{outcome.p99_ratio:.2f} | {outcome.p99_share:.2f} | {longest} ms | {outcome.turns.longest()} | "
                     f"{', '.join(memory)} MiB |")
    return "\n".join(lines)
