#!/usr/bin/env python3
"""Runs Redis's own test suite through Slotless and compares with the list of tests that must pass.

Usage: run.py --source DIR --slotless BINARY [--pinned | --spread | --grouped | --native | --plain | --users] [--units a,b]
              [--out DIR] [--update]

Starts a cluster of three masters (scripts/cluster) and the daemon in front of it, runs the units one by one (unit.tcl)
and ends with 1 if a test of passed.txt no longer passes. --update writes what passed into passed.txt: tests are added,
none is dropped. The other modes have lists of their own: see MODES, and README.md.
"""

import argparse
import collections
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
HOST = "127.0.0.1"
START_SECONDS = 30
UNIT_SECONDS = 600
# What a test says that has waited in vain (unit.tcl), or has needed one that was left out.
UNABLE = ("no reply within", "no such variable")
MOST_RUNS = 4

UNITS = """
unit/printver unit/dump unit/protocol unit/keyspace unit/scan unit/info-command
unit/type/string unit/type/incr unit/type/list unit/type/list-2 unit/type/list-3 unit/type/set unit/type/zset
unit/type/hash unit/type/stream unit/type/stream-cgroups unit/sort unit/expire unit/other unit/multi unit/quit
unit/latency-monitor unit/pubsub unit/pubsubshard unit/slowlog unit/scripting unit/functions unit/introspection
unit/introspection-2 unit/bitops unit/bitfield unit/geo unit/hyperloglog unit/lazyfree unit/wait unit/pause unit/querybuf
unit/tracking unit/networking unit/violations unit/replybufsize unit/acl unit/acl-v2 unit/auth unit/maxmemory unit/limits
unit/obuf-limits unit/memefficiency integration/redis-cli
""".split()

UNITS_WITH_USERS = ["unit/acl", "unit/acl-v2"]

# Of the servers under test: the daemon's options, what unit.tcl is told, and whether the suite selects databases. It
# believes to be in database 0, and so in the names of channels that tell of keys, unless it selects one.
Mode = collections.namedtuple("Mode", "help list options environment selects node_options",
                              defaults=(["--databases", "1"], {}, False, []))
UNTAGGED = {"SUITE_UNTAG": "1"}
MODES = {
    None: Mode("", "passed.txt"),
    "pinned": Mode("in a pinned database, without hash tags", "passed-pinned.txt", ["--database-layout", "0=pinned"], UNTAGGED),
    "spread": Mode("in database 0, without hash tags", "passed-spread.txt", environment=UNTAGGED),
    "grouped": Mode("in a grouped database, each test's keys in one group", "passed-grouped.txt",
                    ["--database-layout", "0=grouped:bull:*:"]),
    "native": Mode("in a database of the nodes' own, on Valkey 9", "passed-native.txt",
                   ["--databases", "16", "--database-layout", "1-15=native", "--script-busy", "all"], selects=True,
                   node_options=["--cluster-databases", "16"]),
    "plain": Mode("on one plain server, without Slotless, as --native does it: only for comparison", None, selects=True),
    "users": Mode("the units about ACLs, on users of the proxy's own", "passed-users.txt",
                  ["--databases", "1", "--users", "user default on nopass ~* &* +@all"], {"SUITE_USERS": "1"}),
}

# A cluster has one database; what looks into a server's memory, process or replication says nothing about a proxy.
UNWANTED = "needs:debug needs:repl needs:save needs:config-maxmemory needs:config-resetstat needs:pfdebug needs:latency " \
           "needs:local-process"
OPTIONS = ["--ignore-encoding", "--ignore-digest", "--tags", " ".join("-" + tag for tag in UNWANTED.split())]
# Settings of the servers that tests change and do not always put back.
UNSETTABLE = {"port", "bind", "dir", "requirepass", "masterauth"}


def free_port():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def redis_cli(address, *arguments):
    host, port = address.split(":")
    done = subprocess.run(["redis-cli", "-h", host, "-p", port, *arguments], capture_output=True, text=True, timeout=30,
                          check=False)
    return done.stdout


def settings(address):
    lines = redis_cli(address, "CONFIG", "GET", "*").split("\n")
    return {name: value for name, value in zip(lines[::2], lines[1::2]) if name not in UNSETTABLE}


class Servers:
    """The cluster, and what its nodes' settings were in the beginning."""

    def __init__(self, folder, node_options):
        self.folder = folder
        self.nodes = self.start(["--enable-debug-command", "yes", *node_options])
        self.original = {node: settings(node) for node in self.nodes}

    def start(self, options):
        started = subprocess.run([ROOT / "scripts/cluster", "start", "--masters", "3", "--replicas", "0", "--dir", self.folder,
                                  "--", *options], stdout=subprocess.PIPE, text=True, check=True)
        return started.stdout.split()[-1].split(",")

    def restore(self):
        for node, original in self.original.items():
            for name, value in settings(node).items():
                if original.get(name) != value:
                    redis_cli(node, "CONFIG", "SET", name, original[name])
            redis_cli(node, "ACL", "SETUSER", "default", "on", "nopass", "allkeys", "allchannels", "allcommands")

    def stop(self):
        subprocess.run([ROOT / "scripts/cluster", "stop", "--dir", self.folder], check=False)


class PlainServer(Servers):
    """One that is in no cluster."""

    def start(self, options):
        self.folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        with open(self.folder / "log", "w") as log:
            self.child = subprocess.Popen(["redis-server", "--port", str(port), "--dir", self.folder, "--save", "", *options],
                                          stdout=log, stderr=subprocess.STDOUT)
        self.port = port
        address = f"{HOST}:{port}"
        wait_for_answers(address, self.child, self.folder / "log")
        return [address]

    def stop(self):
        self.child.terminate()
        self.child.wait(START_SECONDS)


def wait_for_answers(address, child, log):
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if "PONG" in redis_cli(address, "PING") and redis_cli(address, "DBSIZE").strip() == "0":
            return
        time.sleep(0.1)
    child.kill()
    raise SystemExit(f"the server does not answer: see {log}")


def start_slotless(binary, nodes, folder, options):
    port = free_port()
    with open(folder / "slotless.log", "w") as log:
        child = subprocess.Popen([binary, "--cluster-nodes", ",".join(nodes), "--listen", f"{HOST}:{port}",
                                  "--admin-listen", f"{HOST}:{free_port()}", "--allow-admin-commands", "yes", *options],
                                 stdout=log, stderr=subprocess.STDOUT)
    wait_for_answers(f"{HOST}:{port}", child, folder / "slotless.log")
    return child, port


def run_unit(unit, source, port, nodes, folder, mode, without=()):
    """Outcomes by test name, and what went wrong by test name. `without`: tests that are left out."""
    environment = mode.environment
    results = folder / (unit.replace("/", "_") + (".again.tsv" if without else ".tsv"))
    if without:
        left_out = results.with_suffix(".without")
        left_out.write_text("\n".join(without), encoding="utf-8")
        environment = environment | {"SUITE_WITHOUT": str(left_out)}
    with open(results.with_suffix(".log"), "w") as log:
        child = subprocess.Popen(["tclsh8.6", HERE / "unit.tcl", unit, results, " ".join(nodes), "--host", HOST,
                                  "--port", str(port), *([] if mode.selects else ["--singledb"]), *OPTIONS],
                                 cwd=source, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=os.environ | environment)
        try:
            child.wait(UNIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    if not results.exists():
        raise SystemExit(f"{unit} did not begin: see {results.with_suffix('.log')}")
    outcomes, reasons = {}, {}
    for line in results.read_text(errors="replace").splitlines():
        outcome, name, message = (line.split("\t") + ["", ""])[:3]
        if outcome in ("pass", "fail", "exception"):
            outcomes[name] = outcome
            reasons[name] = message
    return outcomes, reasons


def run_with_and_without(servers, *arguments):
    """As run_unit. A test that waits in vain for a reply on a connection of its unit takes that connection along, and all that
    want it afterwards; and so does one that wants a variable which the test before it would have set. What those behind are
    worth by themselves is seen without the first ones."""
    outcomes, reasons = run_unit(*arguments)
    latest, why, without = outcomes, reasons, []
    for _ in range(MOST_RUNS - 1):
        unable = [name for name, outcome in latest.items() if outcome == "exception" and any(text in why[name] for text in UNABLE)]
        if not unable:
            break
        without += unable
        servers.restore()
        latest, why = run_unit(*arguments, without=without)
        outcomes |= {name: outcome for name, outcome in latest.items() if outcome == "pass"}
    return outcomes, reasons


def read_passed(path):
    lines = path.read_text().splitlines() if path.exists() else []
    return {tuple(line.split("\t", 1)) for line in lines if line and not line.startswith("#")}


def stable(name):
    """Names with random parts cannot be kept in a list."""
    return not re.search(r"0x[0-9a-f]{6,}", name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, type=pathlib.Path, help="root of Redis's source")
    parser.add_argument("--slotless", required=True, type=pathlib.Path, help="the daemon")
    ways = parser.add_mutually_exclusive_group()
    for name, mode in MODES.items():
        if name:
            ways.add_argument(f"--{name}", dest="mode", action="store_const", const=name, help=mode.help)
    parser.add_argument("--units", help="only these, separated by commas")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/conformance", help="where results are kept")
    parser.add_argument("--update", action="store_true", help="add what passed to the list")
    arguments = parser.parse_args()
    mode = MODES[arguments.mode]
    list_of_passed = HERE / mode.list if mode.list else None
    units = arguments.units.split(",") if arguments.units else UNITS_WITH_USERS if arguments.mode == "users" else UNITS
    arguments.out = arguments.out.resolve()
    arguments.out.mkdir(parents=True, exist_ok=True)
    passed, reasons, counts = set(), {}, collections.Counter()
    servers = (PlainServer if arguments.mode == "plain" else Servers)(arguments.out / "cluster", mode.node_options)
    daemon = None
    try:
        if arguments.mode == "plain":
            daemon, port = servers.child, servers.port
        else:
            daemon, port = start_slotless(arguments.slotless.resolve(), servers.nodes, arguments.out, mode.options)
        for unit in units:
            servers.restore()
            outcomes, why = run_with_and_without(servers, unit, arguments.source, port, servers.nodes, arguments.out, mode)
            here = collections.Counter(outcomes.values())
            counts += here
            print(f"{unit:28} passed {here['pass']:4}  failed {here['fail']:3}  exceptions {here['exception']:3}", flush=True)
            passed |= {(unit, name) for name, outcome in outcomes.items() if outcome == "pass"}
            reasons |= {(unit, name): why.get(name, "") for name in outcomes}
            if daemon.poll() is not None:
                raise SystemExit(f"the daemon ended in {unit}: see {arguments.out / 'slotless.log'}")
    finally:
        if daemon is not None and daemon.poll() is None:
            daemon.terminate()
            daemon.wait(START_SECONDS)
        servers.stop()
    (arguments.out / "not-passed.tsv").write_text(
        "".join(f"{unit}\t{name}\t{why}\n" for (unit, name), why in sorted(reasons.items()) if (unit, name) not in passed))
    (arguments.out / "passed.tsv").write_text("".join(f"{unit}\t{name}\n" for unit, name in sorted(passed)))
    print(f"{'all':28} passed {counts['pass']:4}  failed {counts['fail']:3}  exceptions {counts['exception']:3}")
    if list_of_passed is None:
        return
    must = {(unit, name) for unit, name in read_passed(list_of_passed) if unit in units}
    lost = sorted(must - passed)
    for unit, name in lost:
        print(f"no longer passes: {unit}: {name}: {reasons.get((unit, name), 'not run')}")
    if arguments.update:
        kept = read_passed(list_of_passed) | {(unit, name) for unit, name in passed if stable(name)}
        list_of_passed.write_text("".join(f"{unit}\t{name}\n" for unit, name in sorted(kept)))
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
