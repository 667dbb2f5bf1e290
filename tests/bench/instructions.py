"""User instructions per request, counted by callgrind: they do not depend on how busy the machine is.

tests/bench/instructions.json holds the figures. A load that takes MARGIN more than its figure fails. How requests
meet in a turn of the loop differs between runs, so each load runs ROUNDS times and the lowest count is taken.
Nothing is stored before: a GET finds nothing until a SET has been measured."""
import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

from bench.load import run_load
from bench.scenarios import SCENARIOS
from bench.servers import HOST, Servers
from processes import REPOSITORY
from waiting import wait_until

FIGURES = Path(__file__).with_name("instructions.json")
MARGIN = 0.03
ROUNDS = 3
WARM_UP = 4_000
REQUESTS = {"mget": 6_000}
MOST_REQUESTS = 40_000
LIMIT_S = 120
# How the daemon is asked: name → its options. The loads' keys begin with "key:"; "any" is asked for at the start.
WAYS = {"": (), "pinned ": ("--default-database", "1"),
        "grouped ": ("--default-database", "2", "--database-layout", "2=grouped:key:*"),
        "all allowed ": ("--users", "user default on nopass ~* &* +@all"),
        "restricted ": ("--users", "user default on nopass ~key:* ~any +@all -@admin")}
COUNTED = (("", "get-p32"), ("", "set-p32"), ("", "mget"), ("pinned ", "get-p32"), ("pinned ", "set-p32"),
           ("grouped ", "get-p32"), ("grouped ", "set-p32"), ("all allowed ", "get-p32"), ("restricted ", "get-p32"),
           ("restricted ", "set-p32"), ("restricted ", "mget"))
DAEMON = ("--slowlog-log-slower-than", "3600000000")  # under callgrind everything is slow


class Counter:
    """Callgrind's counts of one process, from one call of since_last() to the next."""

    def __init__(self, pid, folder):
        self._pid = pid
        self._folder = folder
        self._seen = set()

    def since_last(self):
        subprocess.run(["callgrind_control", "--dump", str(self._pid)], check=True, capture_output=True)
        return wait_until(self._new_total, 30, "callgrind to write its counts")

    def _new_total(self):
        for file in sorted(self._folder.glob("callgrind.out*")):
            found = re.search(r"^(?:totals|summary): (\d+)", file.read_text(), re.MULTILINE)
            if file not in self._seen and found:
                self._seen.add(file)
                return int(found[1])
        return None


def count(counter, port, name):
    scenario = SCENARIOS[name]
    requests = REQUESTS.get(name, MOST_REQUESTS)
    run_load(HOST, port, scenario, WARM_UP, LIMIT_S)
    counts = []
    for _ in range(ROUNDS):
        counter.since_last()
        run_load(HOST, port, scenario, requests, LIMIT_S)
        counts.append(counter.since_last() / requests)
    return round(min(counts))


def count_all(binary):
    folder = REPOSITORY / "build" / "instructions"
    found = {}
    with Servers(folder) as servers:
        nodes, _ = servers.start_cluster()
        for way, options in WAYS.items():
            counts = folder / f"counts-{way.strip().replace(' ', '-') or 'plain'}"
            counts.mkdir(parents=True)
            command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}/callgrind.out", str(binary)]
            port, pid = servers.start_program(command, nodes, 1, [*DAEMON, *options])
            counter = Counter(pid, counts)
            for where, name in COUNTED:
                if where == way:
                    found[where + name] = count(counter, port, name)
    return found


def main(argv):
    parser = argparse.ArgumentParser(prog="scripts/instructions", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=REPOSITORY / "build" / "release" / "slotless", type=Path)
    parser.add_argument("--update", action="store_true", help="write the figures instead of comparing with them")
    wanted = parser.parse_args(argv)
    began = time.monotonic()
    found = count_all(wanted.binary)
    figures = {} if wanted.update else json.loads(FIGURES.read_text())
    grown = []
    for name, instructions in found.items():
        figure = figures.get(name, instructions)
        print(f"{name:20}{instructions:8} instructions a request, figure {figure} ({instructions / figure - 1:+.1%})")
        if instructions > figure * (1 + MARGIN):
            grown.append(name)
    print(f"took {time.monotonic() - began:.0f} s")
    if wanted.update:
        FIGURES.write_text(json.dumps(found, indent=2) + "\n")
    if grown:
        print(f"more than {MARGIN:.0%} above the figure: {', '.join(grown)}", file=sys.stderr)
    return 1 if grown else 0
