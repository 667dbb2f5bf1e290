"""Interleaved rounds: every target once a round, each round beginning with another one."""
from dataclasses import dataclass, field

from bench.accounting import Usage
from bench.blocked import blocked_clients
from bench.load import LoadError, run_load


@dataclass
class Target:
    name: str
    host: str
    port: int
    pid: int
    blocked: int = 0  # clients that wait in BLPOP meanwhile
    rates: dict = field(default_factory=dict)  # requests per second by scenario, as last seen

    @classmethod
    def parse(cls, text):
        """NAME=HOST:PORT:PID"""
        name, _, address = text.partition("=")
        host, port, pid = address.rsplit(":", 2)
        return cls(name, host, int(port), int(pid))


def measure_load(target, name, scenario, seconds, backends):
    """One row of results."""
    if name not in target.rates:
        target.rates[name] = run_load(target.host, target.port, scenario, scenario.probe, 60)["rps"]
    requests = max(scenario.probe // 4, int(target.rates[name] * seconds))
    usage = Usage(target.pid, backends)
    result = run_load(target.host, target.port, scenario, requests, seconds * 8 + 30)
    row = {"scenario": name, "target": target.name, "requests": requests, **result, **usage.finish(requests)}
    target.rates[name] = result["rps"]
    return row


def run_rounds(targets, scenarios, rounds, seconds, backends, on_row, on_failure, measure=measure_load):
    """scenarios: name to what `measure` takes. A failed run is reported and the others go on."""
    for name, scenario in scenarios.items():
        for number in range(rounds):
            first = number % len(targets)
            for target in targets[first:] + targets[:first]:
                try:
                    with blocked_clients(target.host, target.port, target.blocked):
                        row = measure(target, name, scenario, seconds, backends)
                    on_row({"round": number + 1, **row})
                except LoadError as error:
                    on_failure(f"{name} {target.name}: {error}")
