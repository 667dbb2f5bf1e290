"""scripts/bench: options, the servers of a run, and where its results go."""
import argparse
import fcntl
import json
import subprocess
import sys
import time
from pathlib import Path

from bench.accounting import ProcessGone
from bench.frozen import first_slots, frozen_row_line, frozen_summary_lines, measure_frozen
from bench.load import LoadError
from bench.report import row_header, row_line, summary_lines
from bench.rounds import Target, measure_load, run_rounds
from bench.scenarios import SCENARIOS, populate
from bench.servers import HOST, Servers, StartError
from bench.steps import LOADS, measure_steps
from bench.steps_table import table_lines
from bench.tls_cost import measure_tls
from processes import REPOSITORY
from resp import Connection, ReplyError
from waiting import DeadlinePassed

RESULTS = REPOSITORY / "build" / "bench"
DESCRIPTION = """\
Measure Slotless beside a direct connection to one Redis, and beside any peer, in interleaved rounds.

Starts three masters, one standalone Redis and build/release/slotless on loopback, stores the keys,
runs redis-benchmark, and takes everything down. Every row goes to a file of JSON lines as well."""
SCENARIO_LIST = "scenarios:\n" + "\n".join(f"  {name:10}{scenario.meaning}" for name, scenario in SCENARIOS.items())
EXAMPLES = """
examples:
  scripts/bench --scenario get,get-p32
  scripts/bench --cluster-nodes 127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003 --peer other=127.0.0.1:8101:4711
  scripts/bench --scenario get --blocked 1000 --without direct --reference slotless
  scripts/bench --read build/bench/*.jsonl --reference other
  scripts/bench --frozen
  scripts/bench --cross-slot --seconds 2
  scripts/bench --tls --predixy ~/predixy/src/predixy

CPU time is the process's own over all its threads, divided by the number of requests. `others` is what
the rest of the machine used meanwhile, in percent of one processor: a row with much of it is worth less."""


def scenario_names(text):
    names = text.split(",")
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown scenario {', '.join(unknown)}; known: {', '.join(SCENARIOS)}")
    return names


def peer(text):
    try:
        return Target.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=HOST:PORT:PID") from None


def positive(kind):
    def parse(text):
        value = kind(text)
        if value <= 0:
            raise ValueError
        return value

    parse.__name__ = f"positive {kind.__name__}"
    return parse


def parse_arguments(words):
    parser = argparse.ArgumentParser(prog="scripts/bench", description=DESCRIPTION,
                                     epilog=SCENARIO_LIST + "\n" + EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--scenario", type=scenario_names, default=list(SCENARIOS), metavar="LIST", help="comma list (default: all)")
    add("--rounds", type=positive(int), default=5, metavar="N", help="runs of each target per scenario (default 5)")
    add("--seconds", type=positive(float), default=3, metavar="S", help="length of one run (default 3)")
    add("--workers", type=positive(int), default=1, metavar="N", help="workers of Slotless (default 1)")
    add("--peer", type=peer, action="append", default=[], metavar="NAME=HOST:PORT:PID",
        help="measure this too; may be repeated")
    add("--blocked", type=positive(int), metavar="N",
        help="measure Slotless once more in each round, while N clients block in BLPOP")
    add("--reference", metavar="NAME", help="target that ratios are taken to (default: the first peer, else direct)")
    add("--cluster-nodes", metavar="HOST:PORT,...",
        help="all masters of a running cluster to serve instead of a new one; the keys are added to it")
    add("--without", choices=["slotless", "direct"], action="append", default=[],
        help="leave this target out; may be repeated")
    add("--binary", type=Path, metavar="FILE", help="measure this Slotless and build nothing")
    add("--out", type=Path, metavar="FILE", help="append the rows to FILE (default build/bench/TIME.jsonl)")
    add("--frozen", action="store_true",
        help="measure only what a frozen master costs the requests for the others")
    add("--cross-slot", action="store_true",
        help="measure only commands whose keys are in three slots (by a client in Python), and print a table of them")
    add("--tls", action="store_true",
        help="measure only what TLS costs, beside haproxy and stunnel4 where they are installed")
    add("--predixy", type=Path, metavar="FILE", help="with --tls: that program stands behind haproxy and stunnel4")
    add("--read", type=Path, nargs="+", metavar="FILE", help="measure nothing: summarise the rows in these files")
    add("slotless_arguments", nargs="*", metavar="-- ARG", help="further arguments for Slotless")
    return parser.parse_args(words)


def built_binary():
    """Builds what is out of date; returns the release binary."""
    subprocess.run([REPOSITORY / "scripts" / "build"], check=True, stdout=sys.stderr)
    return REPOSITORY / "build" / "release" / "slotless"


def process_id(host, port):
    with Connection(host, port) as server:
        facts = server.command("INFO", "server").split(b"\r\n")
    return next(int(fact.partition(b":")[2]) for fact in facts if fact.startswith(b"process_id:"))


def start_targets(servers, options):
    """Returns the targets and the process ids of the cluster's masters."""
    with_slotless = "slotless" not in options.without
    nodes, backends = options.cluster_nodes, []
    if nodes:
        backends = [process_id(*split_address(node)) for node in nodes.split(",")]
    elif with_slotless:
        nodes, backends = servers.start_cluster()
    targets = list(options.peer)
    if with_slotless:
        binary = options.binary.resolve() if options.binary else built_binary()
        started = servers.start_slotless(binary, nodes, options.workers, options.slotless_arguments)
        targets.append(Target("slotless", HOST, *started))
        if options.blocked:
            targets.append(Target(f"blocked-{options.blocked}", HOST, *started, blocked=options.blocked))
    if "direct" not in options.without:
        targets.append(Target("direct", HOST, *servers.start_redis()))
    return targets, backends


def split_address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


def run(options):
    RESULTS.mkdir(parents=True, exist_ok=True)
    out_path = options.out or RESULTS / time.strftime("%Y%m%d-%H%M%S.jsonl")
    failures, rows = [], []
    with open(RESULTS / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once would measure each other
        with Servers(RESULTS / "servers") as servers:
            targets, backends = start_targets(servers, options)
            check_names([target.name for target in targets], options.reference)
            for target in targets if not options.cross_slot else ():
                populate(target.host, target.port)
            measure_all(targets, backends, options, out_path, rows, failures)
    print_summary(rows, options)
    print(f"rows: {out_path}")
    return 1 if failures else 0


def run_frozen(options):
    RESULTS.mkdir(parents=True, exist_ok=True)
    rows = []

    def keep(row):
        rows.append(row)
        print(frozen_row_line(row), flush=True)

    with open(RESULTS / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with Servers(RESULTS / "servers") as servers:
            nodes, _ = servers.start_cluster()
            binary = options.binary.resolve() if options.binary else built_binary()
            started = servers.start_slotless(binary, nodes, options.workers, options.slotless_arguments)
            (first, slot), *others = sorted(first_slots(*split_address(nodes.split(",")[0])).items())
            measure_frozen(Target("slotless", HOST, *started), (process_id(*first), slot), [slot for _, slot in others],
                           options.rounds, options.seconds, keep)
    print("", *frozen_summary_lines(rows), sep="\n")
    return 0


def run_tls(options):
    RESULTS.mkdir(parents=True, exist_ok=True)
    with open(RESULTS / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with Servers(RESULTS / "servers") as servers:
            binary = options.binary.resolve() if options.binary else built_binary()
            measure_tls(servers, binary, options, RESULTS / "tls", lambda text: print(text, flush=True))
    return 0


def check_names(names, reference):
    if not names:
        raise StartError("nothing to measure: every target was left out")
    if len(set(names)) < len(names):
        raise StartError(f"two targets have the same name: {', '.join(names)}")
    if reference and reference not in names:
        raise StartError(f"--reference {reference} is none of the targets: {', '.join(names)}")


def measure_all(targets, backends, options, out_path, rows, failures):
    """Fills rows and failures, prints each at once and appends rows to the file."""
    with open(out_path, "a") as out:
        def keep(row):
            rows.append(row)
            print(row_line(row), flush=True)
            print(json.dumps(row), file=out, flush=True)

        def fail(text):
            failures.append(text)
            print(f"FAILED {text}", file=sys.stderr, flush=True)

        print(row_header(), flush=True)
        if options.cross_slot:
            scenarios, measure = LOADS, measure_steps
        else:
            scenarios, measure = {name: SCENARIOS[name] for name in options.scenario}, measure_load
        run_rounds(targets, scenarios, options.rounds, options.seconds, backends, keep, fail, measure)


def print_summary(rows, options):
    reference = options.reference or (options.peer[0].name if options.peer else "direct")
    print("", *summary_lines(rows, reference), sep="\n")
    if options.cross_slot:
        print("", *table_lines(rows), sep="\n")


def main(words):
    options = parse_arguments(words)
    try:
        if options.read:
            lines = [line for path in options.read for line in path.read_text().splitlines()]
            print_summary([json.loads(line) for line in lines], options)
            return 0
        if options.tls:
            return run_tls(options)
        return run_frozen(options) if options.frozen else run(options)
    except json.JSONDecodeError as error:
        print(f"bench: --read: not JSON lines: {error}", file=sys.stderr)
        return 1
    except (StartError, LoadError, ReplyError, ProcessGone, DeadlinePassed, OSError,
            subprocess.CalledProcessError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
