"""Runs redis-benchmark once and reads its answer."""
import csv
import io
import subprocess

COLUMNS = {"rps": "rps", "p50_ms": "p50_latency_ms", "p99_ms": "p99_latency_ms", "max_ms": "max_latency_ms"}


class LoadError(Exception):
    pass


def run_load(host, port, scenario, requests, limit_s, arguments=()):
    """Throughput and latencies as redis-benchmark saw them; LoadError if any request failed. `arguments`: further ones."""
    command = ["redis-benchmark", "-h", host, "-p", str(port), "-n", str(requests), "--csv",
               "-c", str(scenario.clients), "-P", str(scenario.pipeline), "-r", str(scenario.keys), *arguments,
               *scenario.words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        raise LoadError(f"no end within {limit_s:.0f} s") from None
    said = done.stdout + done.stderr
    if done.returncode or "Error" in said:
        raise LoadError(f"redis-benchmark ended with status {done.returncode}: {said[-300:]}")
    rows = list(csv.reader(io.StringIO(done.stdout[done.stdout.find('"test"'):])))
    if len(rows) != 2 or len(rows[0]) != len(rows[1]):
        raise LoadError(f"not the table expected of redis-benchmark: {said[:300]}")
    found = dict(zip(*rows))
    return {ours: float(found[theirs]) for ours, theirs in COLUMNS.items()}
