"""The command line of scripts/faults and of the tests."""

import argparse
import json
import sys

import processes
from cluster import LOOPBACK
from proxy import STANDIN

from . import report, trial
from .network import forbidden
from .schedules import SCHEDULES
from .target import Foreign, Running, Slotless

SKIPPED = 77  # what ctest is told to take for "skipped"
SHORT = {"runs": 1, "clients": 28, "scale": 0.03, "node_timeout": 1500}


def main(arguments):
    options = parse(arguments)
    if STANDIN and not (options.start or options.proxy):
        print("SKIPPED: one plain Redis has no cluster that could fail", file=sys.stderr)
        return SKIPPED
    names = options.schedule or list(SCHEDULES)
    judgements, skipped = [], []
    for name in names:
        why_not = SCHEDULES[name].partition and forbidden()
        if SCHEDULES[name].ours and (options.start or options.proxy):
            why_not = "only Slotless does that"
        if why_not:
            print(f"SKIPPED: {name}: {why_not}", file=sys.stderr)
            skipped.append(name)
            continue
        for seed in range(options.first_seed, options.first_seed + options.runs):
            judgement, log = trial.run(name, seed, target_maker(options), plan_options(options, seed), options.scale,
                                       options.node_timeout, timed=not options.short, tls=options.tls)
            judgements.append(judgement)
            report.print_run(judgement)
            if not judgement.good:
                path = processes.directory() / f"{name}-{seed}.log"
                path.write_text(log)
                print(f"  the proxy's log: {path}")
            if options.out:
                with open(options.out, "a", encoding="utf-8") as out:
                    out.write(json.dumps(report.row(judgement)) + "\n")
    report.print_table(judgements)
    if any(not judgement.good for judgement in judgements):
        return 1
    processes.remove_directory()
    return SKIPPED if skipped and not judgements else 0


def target_maker(options):
    def make(nodes, place, authority):
        if options.proxy:
            return Running(options.proxy)
        if options.start:
            return Foreign(nodes, options.start, place or LOOPBACK)
        encrypted = authority.upstream_options() if authority else []
        return Slotless(nodes, [*options.option, *encrypted], place or LOOPBACK)
    return make


def plan_options(options, seed):
    """Every third run does not pipeline at all."""
    return {"clients_count": options.clients, "depth": 1 if seed % 3 == 0 else options.depth,
            "pause_seconds": options.pause_ms / 1000}


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/faults", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Does to a cluster what happens to clusters, under a recorded load through Slotless (or another\n"
                    "proxy), and checks the record. Prints a table with a row per schedule; ends with 1 if a run missed\n"
                    "the bar. See tests/integration/faults/README.md.",
        epilog="schedules: " + ", ".join(SCHEDULES))
    parser.add_argument("schedule", nargs="*", choices=[*SCHEDULES, []], metavar="SCHEDULE", help="default: all")
    parser.add_argument("--runs", type=int, default=10, help="of each schedule, with different seeds (default 10)")
    parser.add_argument("--first-seed", type=int, default=1, metavar="N")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--depth", type=int, default=16, help="of the pipelines of every second client (default 16)")
    parser.add_argument("--pause-ms", type=float, default=30, help="average pause of a client between requests")
    parser.add_argument("--scale", type=float, default=1.0, help="less than 1: fewer slots and keys are moved")
    parser.add_argument("--node-timeout", type=int, default=2000, metavar="MS", help="the cluster's (default 2000)")
    parser.add_argument("--option", action="append", default=[], metavar="--X=Y", help="an option for Slotless; repeatable")
    parser.add_argument("--tls", action="store_true", help="between the nodes, and to them")
    parser.add_argument("--start", metavar="COMMAND", help="try another proxy: its command, with {port}, {nodes}, {password}")
    parser.add_argument("--proxy", metavar="HOST:PORT", help="try what runs there (it must find the cluster by itself)")
    parser.add_argument("--short", action="store_true",
                        help="one quick run, and no verdict on how long things took: for a busy machine")
    parser.add_argument("--out", metavar="FILE", help="append each run as a line of JSON")
    options = parser.parse_args(arguments)
    if options.short:
        vars(options).update(SHORT)
    return options
