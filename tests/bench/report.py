"""Rows of results as text, and their summary: medians, smallest to largest, ratios to one target."""
import statistics

ROW_FIELDS = (
    ("rps", "%9.0f"), ("cpu_us", "%8.3f"), ("user_us", "%8.3f"), ("system_us", "%9.3f"),
    ("p50_ms", "%8.3f"), ("p99_ms", "%8.3f"), ("max_ms", "%8.2f"), ("peak_mib", "%8.1f"), ("busy_percent", "%12.0f"),
    ("backend_us", "%10.3f"), ("client_us", "%9.3f"), ("others_percent", "%14.0f"), ("stolen_percent", "%14.1f"),
)
LABEL = "%-9s %-12s "
SUMMARY = "%-9s %-12s %2s  %-24s  %-22s %6s %6s  %7s %7s  %8s %8s  %7s %7s %7s  %6s"


def row_header():
    return LABEL % ("scenario", "target") + " ".join(name.rjust(len(form % 0)) for name, form in ROW_FIELDS)


def row_line(row):
    return LABEL % (row["scenario"], row["target"]) + " ".join(form % row[name] for name, form in ROW_FIELDS)


def group(rows):
    """scenario -> target -> its rows, in the order of first appearance."""
    groups = {}
    for row in rows:
        groups.setdefault(row["scenario"], {}).setdefault(row["target"], []).append(row)
    return groups


def spread(rows, name, form):
    values = [row[name] for row in rows]
    return f"{form % statistics.median(values)} ({form % min(values)}-{form % max(values)})"


def ratio(value, base):
    return "%.2fx" % (value / base) if base else "-"


def pair_ratio(rows, base_rows, name):
    """Median of the ratios within each round: what disturbs a round disturbs both of a pair."""
    base = {row["round"]: row[name] for row in base_rows}
    ratios = [row[name] / base[row["round"]] for row in rows if base.get(row["round"])]
    return "%.2fx" % statistics.median(ratios) if ratios else "-"


def summary_lines(rows, reference, direct="direct"):
    """Latency is also given as what a target adds to the direct connection."""
    yield SUMMARY % ("scenario", "target", "n", "requests/s (min-max)", "cpu us (min-max)", "user", "sys",
                     "p50 ms", "p99 ms", "+p50 ms", "+p99 ms", "rps/ref", "cpu/ref", "p99/ref", "others")
    for scenario, by_target in group(rows).items():
        middle = {target: {name: statistics.median(row[name] for row in group_rows) for name, _ in ROW_FIELDS}
                  for target, group_rows in by_target.items()}
        base, floor = middle.get(reference), middle.get(direct)
        for target, group_rows in by_target.items():
            own = middle[target]
            added = ["%+.3f" % (own[name] - floor[name]) if floor and target != direct else ""
                     for name in ("p50_ms", "p99_ms")]
            ratios = [ratio(own[name], base[name]) if base else "" for name in ("rps", "cpu_us")]
            ratios.append(pair_ratio(group_rows, by_target.get(reference, []), "p99_ms"))
            yield SUMMARY % (scenario, target, len(group_rows),
                             spread(group_rows, "rps", "%.0f"), spread(group_rows, "cpu_us", "%.2f"),
                             "%.2f" % own["user_us"], "%.2f" % own["system_us"],
                             "%.3f" % own["p50_ms"], "%.3f" % own["p99_ms"],
                             *added, *ratios, "%.0f%%" % own["others_percent"])
    yield f"ref: {reference} | cpu: the target's own time per request | +p50, +p99: added to {direct}"
    yield "p99/ref: median of the ratios within each round"
    yield "others: what the rest of the machine used meanwhile, of one processor"
