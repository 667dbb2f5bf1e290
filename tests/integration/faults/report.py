"""Runs as lines and as a table with a row per schedule."""

import dataclasses

from .judgement import VIOLATIONS

COLUMNS = ("schedule", "runs", "good", "ops", "errors", "TRYAGAIN", "dropped", *VIOLATIONS, "by Redis", "ambiguous", "gap ms", "stall ms", "after ms")


def row(judgement):
    return dataclasses.asdict(judgement)


def print_run(judgement):
    errors = _kinds(judgement.errors)
    violations = _kinds(judgement.violations)
    print(f"{judgement.schedule} seed {judgement.seed}: {judgement.ops} ops, errors {errors}, {judgement.try_again} TRYAGAIN, {judgement.dropped} dropped, "
          f"{judgement.ambiguous} ambiguous, {judgement.unanswered} unanswered, violations {violations}, "
          f"lost by Redis {judgement.redis_lost}, gap {judgement.longest_gap_ms} ms (the load's own stall {judgement.stalled_ms} ms), after {judgement.gap_after_ms} ms: "
          f"{'good' if judgement.good else 'BAD: ' + '; '.join(judgement.complaints)}", flush=True)
    if not judgement.good:
        for example in judgement.examples:
            print(f"  {example}")


def print_table(judgements):
    """Sums over the runs; gaps are the longest."""
    table = [COLUMNS]
    for name in dict.fromkeys(judgement.schedule for judgement in judgements):
        runs = [judgement for judgement in judgements if judgement.schedule == name]
        errors = {}
        for run in runs:
            for kind, count in run.errors.items():
                errors[kind] = errors.get(kind, 0) + count
        after = max(run.gap_after_ms for run in runs)
        table.append((name, len(runs), sum(run.good for run in runs), sum(run.ops for run in runs), _kinds(errors),
                      sum(run.try_again for run in runs), sum(run.dropped for run in runs),
                      *[sum(run.violations.get(kind, 0) for run in runs) for kind in VIOLATIONS],
                      sum(run.redis_lost for run in runs), sum(run.ambiguous for run in runs),
                      max(run.longest_gap_ms for run in runs), max(run.stalled_ms for run in runs), after if after >= 0 else "-"))
    widths = [max(len(str(line[column])) for line in table) for column in range(len(COLUMNS))]
    for line in table:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(line, widths)).rstrip())


def _kinds(counts):
    return " ".join(f"{kind}:{count}" for kind, count in sorted(counts.items())) or "0"
