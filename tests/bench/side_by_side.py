"""Prints the table of side_by_side.sh: the medians of both, and ratios. `side_by_side.py NODES THEIRS.jsonl OURS.json…`"""
import collections, json, statistics, sys

NAMES = {"add": "durable add", "flow": "workflow of 5 durable steps", "ring": "hop in a ring"}


def read_theirs(path):
    """Their lines as (work, clients) -> list of our fields."""
    for line in open(path):
        one = json.loads(line)
        if one.get("mode") not in NAMES:
            continue
        clients = one.get("conc", one.get("tokens"))
        # What runs the users' code is a process of its own there, and a part of the node here.
        yield (NAMES[one["mode"]], clients), {
            "rate": one["ops_s"],
            "p50": one.get("p50_ms"),
            "p99": one.get("p99_ms"),
            "cpu": one["srv_us_op"] + one["sdk_us_op"],
            "other": one["other_cores"],
        }


def read_ours(paths):
    for path in paths:
        for row in json.load(open(path))["rows"]:
            waits = row["waits_ms"] or {}
            yield (row["work"], row["clients"]), {
                "rate": row["per_second"],
                "p50": waits.get("p50"),
                "p99": waits.get("p99"),
                "cpu": row["costs"]["node_cpu_us"],
                "other": row["other_cores"],
            }


def medians(rows):
    found = collections.defaultdict(list)
    for key, row in rows:
        found[key].append(row)
    def median(rows, field):
        values = [row[field] for row in rows if row[field] is not None]
        return statistics.median(values) if values else None
    return {key: {field: median(rows, field) for field in rows[0]} for key, rows in found.items()}


def show(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def times(ours, theirs):
    return "-" if not ours or not theirs else f"{ours / theirs:.2f}" if ours < 10 * theirs else f"{ours / theirs:.0f}"


nodes, theirs, ours = sys.argv[1], medians(read_theirs(sys.argv[2])), medians(read_ours(sys.argv[3:]))
print("| work | nodes | clients | Restate a second | Troupe | × rate | Restate p50 ms | Troupe | Restate p99 ms | Troupe | Restate CPU us | Troupe | × CPU | other cores |")
print("|" + " --- |" * 14)
for key in sorted(ours.keys() & theirs.keys(), key=lambda key: (list(NAMES.values()).index(key[0]), key[1])):
    a, b = theirs[key], ours[key]
    cells = [key[0], nodes, key[1], show(a["rate"]), show(b["rate"]), times(b["rate"], a["rate"])]
    for field in ("p50", "p99", "cpu"):
        cells += [show(a[field]), show(b[field])]
    cells += [times(b["cpu"], a["cpu"]), f'{a["other"]:.2f}, {b["other"]:.2f}']
    print("| " + " | ".join(str(cell) for cell in cells) + " |")
