"""What commands over several slots cost, as the table of docs/performance.md."""
import statistics

from bench.report import group
from bench.steps import LOADS

HEADER = ("", "one Redis: a second", "p50 / p99 ms", "{name}: a second", "p50 / p99 ms", "throughput", "p50",
          "CPU of {name}, µs", "CPU of the nodes, µs", "CPU of one Redis, µs")


def middle(rows, name):
    return statistics.median(row[name] for row in rows)


def latency(rows):
    return f"{middle(rows, 'p50_ms'):.2f} / {middle(rows, 'p99_ms'):.2f}"


def rate(load, rows):
    """Who waits for a push does as many as there are pushes."""
    return "" if load.wakes else f"{middle(rows, 'rps'):,.0f}"


def line(load, own, base):
    throughput = "" if load.wakes else f"{middle(own, 'rps') / middle(base, 'rps'):.2f} ×"
    return (load.meaning, rate(load, base), latency(base), rate(load, own), latency(own), throughput,
            f"{middle(own, 'p50_ms') / middle(base, 'p50_ms'):.1f} ×", f"{middle(own, 'cpu_us'):.0f}",
            f"{middle(own, 'backend_us'):.0f}", f"{middle(base, 'cpu_us'):.0f}")


def table_lines(rows, target="slotless", direct="direct"):
    """Medians over the rounds; of a target beside one Redis, both of which have to be among the rows."""
    lines = [tuple(title.format(name=target.capitalize()) for title in HEADER), ("---",) * len(HEADER)]
    for name, by_target in group(rows).items():
        if name in LOADS and target in by_target and direct in by_target:
            lines.append(line(LOADS[name], by_target[target], by_target[direct]))
    return ["| " + " | ".join(cells) + " |" for cells in lines]
