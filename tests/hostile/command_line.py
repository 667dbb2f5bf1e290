"""The command line of scripts/hostile and of the test."""

import argparse
import os
import pathlib
import resource
import sys

import processes
from cluster import Cluster
from proxy import STANDIN

from . import report, trial
from .families import FAMILIES
from .stage import Stage

SKIPPED = 77  # what ctest is told to take for "skipped"
# A busy machine must not replace masters of itself, nor find the cluster incomplete while one is down.
NODE_OPTIONS = ("--cluster-node-timeout", 20_000, "--proto-max-bulk-len", "600mb")
SHORT_SCALE, SHORT_SECONDS = 0.1, 1.0
MEASURED_SECONDS, MEASURED_QUIET_SECONDS = 3.0, 3.0


def main(arguments):
    options = parse(arguments)
    if STANDIN:
        print("SKIPPED: about the daemon, not about Redis", file=sys.stderr)
        return SKIPPED
    if options.binary:
        os.environ["SLOTLESS_BINARY"] = str(options.binary.resolve())
    raise_descriptor_limit()
    kinds = [FAMILIES[name] for name in options.only] if options.only else [
        kind for kind in FAMILIES.values() if (kind.short or not options.short) and (options.measure or not kind.long_only)]
    plan = make_plan(options)
    cluster = Cluster(replicas=0, options=NODE_OPTIONS)
    outcomes = []
    stage = Stage(cluster, SHORT_SCALE if options.short else 1, plan.seconds)
    try:
        report.print_header()
        for kind in kinds:
            outcome = trial.run(kind, stage, plan)
            outcomes.append(outcome)
            report.print_outcome(outcome, plan.timed)
            if not outcome.good:
                (processes.directory() / f"{outcome.name}.log").write_text(outcome.log)
    finally:
        stage.end()
        cluster.stop()
    return conclude(outcomes, options)


def conclude(outcomes, options):
    if options.measure:
        table = report.markdown(outcomes)
        print(f"\n{table}")
        if options.out:
            options.out.write_text(table + "\n")
    failed = [outcome.name for outcome in outcomes if not outcome.good]
    if failed:
        print(f"\n{len(failed)} of {len(outcomes)} failed: {' '.join(failed)}\nthe daemon's logs: {processes.directory()}")
        return 1
    print(f"\n{len(outcomes)} families, nobody else noticed")
    processes.remove_directory()
    return 0


def make_plan(options):
    if options.measure:
        return trial.Plan(options.seconds or MEASURED_SECONDS, MEASURED_QUIET_SECONDS, options.pairs, timed=True)
    if options.short:
        return trial.Plan(options.seconds or SHORT_SECONDS, quiet_seconds=0.2)
    return trial.Plan(options.seconds or trial.Plan.seconds)


def raise_descriptor_limit():
    """For thousands of clients; the daemon inherits it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/hostile", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Lets hostile clients, broken nodes and bad surroundings at the daemon, one family at a time, with a\n"
                    "well-behaved client beside them that must not notice. Prints a row for each, and ends with 1 if one\n"
                    "failed. See tests/hostile/README.md.",
        epilog="families:\n" + "\n".join(f"  {name:20}{kind.about}" for name, kind in FAMILIES.items()))
    parser.add_argument("--only", action="append", choices=list(FAMILIES), metavar="FAMILY", help="this one; repeatable")
    parser.add_argument("--short", action="store_true",
                        help="fewer clients, smaller requests, no family that takes long: for sanitizers and busy machines")
    parser.add_argument("--measure", action="store_true",
                        help="pairs of windows with and without, judge latency too, print a table for docs/performance.md")
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="of --measure (default 5)")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long a family is at it (default 2; with --measure 3)")
    parser.add_argument("--binary", type=pathlib.Path, metavar="FILE", help="the daemon (default: build/release/slotless)")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", help="write the table of --measure there, too")
    return parser.parse_args(arguments)
