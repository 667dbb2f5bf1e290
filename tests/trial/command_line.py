"""The command line of scripts/migration-trial."""

import argparse
import signal
import sys
import time

import processes
from proxy import STANDIN

from .stage import Stage
from .walk import Walk

SKIPPED = 77  # what ctest is told to take for "skipped"
SHORT = {"keys": 3000, "kills": 3, "big_hashes": 1, "big_bytes": 2_000_000, "rival_seconds": 0, "baseline_seconds": 1, "clients": 28,
         "jobs": False, "longest_seconds": 2, "settle": "1s"}


def main(arguments):
    options = parse(arguments)
    if STANDIN:
        print("SKIPPED: is about the daemon's binary", file=sys.stderr)
        return SKIPPED
    began = time.monotonic()

    def too_late(_number, _frame):
        raise AssertionError(f"it took longer than {options.minutes} minutes")

    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(int(60 * options.minutes))
    print(f"seed {options.seed}, data in {processes.directory()}", flush=True)
    with Stage(options, say) as stage:
        walk = Walk(stage, options, say)
        outcome = walk.play()
        print_outcome(walk, outcome)
    signal.alarm(0)
    print(f"took {time.monotonic() - began:.0f} s")
    if outcome.complaints:
        print(f"BAD: {len(outcome.complaints)} complaints")
        for complaint in outcome.complaints[:50]:
            print(f"  {complaint}")
        return 1
    print("good: no error at any client, every acknowledged write there, in order, 0 differences")
    processes.remove_directory()
    return 0


def say(text):
    print(text, flush=True)


def print_outcome(walk, outcome):
    print(f"\n{'':28}{'keys/s':>9}{'keys':>10}{'seconds':>9}   clients: p50, p99, longest wait in ms")
    for pace in outcome.paces:
        p99, p50, longest = walk.p99(pace)
        print(f"{pace.name:28}{pace.keys_per_second or '-':>9}{pace.keys or '-':>10}{pace.seconds:>9.1f}   {p50}, {p99}, {longest}  {pace.note}")
    print("\npauses in ms                said   recorded clients   probes (longest wait)   tries")
    for pause in outcome.pauses:
        recorded, probes = walk.longest_waits(pause)
        print(f"{pause.name:26}{pause.said_ms:>6}{recorded:>19}{probes:>9}{pause.tries:>23}")
    verdict = outcome.verdict
    print(f"\n{verdict.ops} recorded requests, {verdict.ambiguous} ambiguous at the end of a server, {verdict.unanswered} unanswered at an upgrade, "
          f"{verdict.try_again} TRYAGAIN, {verdict.lost_by_redis} lost by Redis itself")
    for name, (count, missing, repeated) in outcome.jobs.items():
        print(f"{name}: {count} jobs, {missing} never done, {repeated} done more than once")


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/migration-trial", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Takes one Redis with data of all types, two proxies, recorded clients, BullMQ and Sidekiq into a cluster, back, and\n"
                    "into it again, by slotless migrate; kills and changes everything on the way; and checks the record: no error, every\n"
                    "acknowledged write there, in order, no difference. Prints how fast the copy was beside others, and how long clients\n"
                    "had to wait. Ends with 1 if anything was wrong. Ends only what it has started.")
    parser.add_argument("--keys", type=int, default=2_000_000, help="of the server (default 2,000,000)")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="of everything that goes by chance (default: the clock)")
    parser.add_argument("--kills", type=int, default=20, help="of the run, by SIGKILL (default 20)")
    parser.add_argument("--big-hashes", type=int, default=3, metavar="N", help="so many large ones (default 3)")
    parser.add_argument("--big-bytes", type=int, default=50_000_000, metavar="N", help="of each (default 50,000,000)")
    parser.add_argument("--clients", type=int, default=28, help="that are recorded (default 28)")
    parser.add_argument("--pause-ms", type=float, default=60, help="average pause of such a client between requests (default 60)")
    parser.add_argument("--no-jobs", dest="jobs", action="store_false", help="without BullMQ and Sidekiq")
    parser.add_argument("--baseline-seconds", type=float, default=15, metavar="S", help="clients alone (default 15)")
    parser.add_argument("--rival-seconds", type=float, default=45, metavar="S",
                        help="each of redis-cli --cluster import and a SCAN/DUMP/RESTORE loop at most; 0: neither (default 45)")
    parser.add_argument("--longest-seconds", type=float, default=8, metavar="S", help="that a run is at work before it is killed (default 8)")
    parser.add_argument("--max-latency", default="50ms", metavar="TIME", help="of the run (default 50ms, as its own)")
    parser.add_argument("--max-pause", default="5s", metavar="TIME", help="of cut-over and roll-back (default 5s)")
    parser.add_argument("--settle", default="5s", metavar="TIME", help="of verify (default 5s)")
    parser.add_argument("--step-seconds", type=float, default=300, metavar="S", help="that one step may take (default 300)")
    parser.add_argument("--minutes", type=float, default=45, help="that all of it may take (default 45)")
    parser.add_argument("--source-server", default="", metavar="NAME", help="of scripts/servers, for the one server")
    parser.add_argument("--target-server", default="", metavar="NAME", help="of scripts/servers, for the cluster")
    parser.add_argument("--short", action="store_true", help="some thousand keys, few kills, no rivals and no jobs: a minute")
    options = parser.parse_args(arguments)
    if options.short:
        vars(options).update(SHORT)
    return options
