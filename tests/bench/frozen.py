"""What one frozen master costs the requests for the others: interleaved runs with it, without it, and without it again.

The third run is there for the machine's noise: what it differs from the second one by nobody's merit.
"""
import os
import signal
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.load import run_load
from bench.scenarios import SMALL_VALUE, Scenario
from resp import Connection, pack
from slots import tag_of

RUNS = ("without", "frozen", "again")
# Clients whose requests the frozen master owes an answer, and what each of them asks for.
WAITING_CLIENTS, WAITING_REQUESTS = 20, 50
# redis-benchmark begins with a question to all masters (CONFIG GET): the load has to be running.
UNTIL_RUNNING_SECONDS = 0.5
# The proxy knows by then that the master does not answer.
UNTIL_SUSPECTED_SECONDS = 1.0


def scenario_in(slot):
    key = "{%s}key:__rand_int__" % tag_of(slot)
    return Scenario("SET of 64 bytes on one shard, 50 clients", 50, 1, 10_000, ("SET", key, SMALL_VALUE), 20_000)


def first_slots(host, port):
    """(host, port) of each master to one of its slots."""
    with Connection(host, port) as server:
        rows = server.command("CLUSTER", "SLOTS")
    return {(row[2][0].decode(), row[2][1]): row[0] for row in rows}


@contextmanager
def waiting_clients(target, slot):
    """They ask before the master freezes or not, and go on waiting: as many in each run."""
    clients = [Connection(target.host, target.port) for _ in range(WAITING_CLIENTS)]
    try:
        yield lambda: [client.send(pack("GET", "{%s}any" % tag_of(slot)) * WAITING_REQUESTS) for client in clients]
    finally:
        for client in clients:
            client.close()


@contextmanager
def frozen(pid, really):
    if really:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def run_once(target, name, scenario, requests, victim):
    """`victim`: (process id, one of its slots)."""
    with ThreadPoolExecutor(1) as pool, waiting_clients(target, victim[1]) as ask:
        running = pool.submit(run_load, target.host, target.port, scenario, requests, 60)
        time.sleep(UNTIL_RUNNING_SECONDS)
        with frozen(victim[0], name == "frozen"):
            ask()
            time.sleep(UNTIL_SUSPECTED_SECONDS)
            ask()
            return running.result()


def measure_frozen(target, victim, slots, rounds, seconds, on_row):
    """`slots`: one of each other master, in turn. The run that comes first changes from round to round."""
    for number in range(rounds):
        scenario = scenario_in(slots[number % len(slots)])
        rate = run_load(target.host, target.port, scenario, scenario.probe, 60)["rps"]
        requests = max(scenario.probe, int(rate * seconds))
        first = number % len(RUNS)
        for name in RUNS[first:] + RUNS[:first]:
            on_row({"round": number + 1, "run": name, "requests": requests,
                    **run_once(target, name, scenario, requests, victim)})


def frozen_row_line(row):
    return "%5d %-8s %9.0f requests/s  p50 %7.3f ms  p99 %7.3f ms  max %8.2f ms" % (
        row["round"], row["run"], row["rps"], row["p50_ms"], row["p99_ms"], row["max_ms"])


def frozen_summary_lines(rows):
    """Ratios within each round, and their median."""
    rounds = {}
    for row in rows:
        rounds.setdefault(row["round"], {})[row["run"]] = row
    for field in ("p50_ms", "p99_ms", "rps"):
        for run, meaning in (("frozen", "frozen / without"), ("again", "noise: again / without")):
            ratios = [each[run][field] / each["without"][field] for each in rounds.values()]
            yield "%-7s %-22s median %.3f (%.3f-%.3f)" % (
                field, meaning, statistics.median(ratios), min(ratios), max(ratios))
