"""The results of `benchmarks.tables` as tables in Markdown, what they add up to, and a picture.

Results may be incomplete: what is missing is said, and goes into no mean over tables. Run it with

    python -m benchmarks.tables_report RESULTS.json --picture PICTURE.png
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from pathlib import Path

from scipy.stats import rankdata

from .report import OURS_COLOUR, PEER_COLOUR
from .tables import CONTENDERS, QUANTITIES, SPLITS, TABLES, Ours

#: Each recipe here, and the same one in pytabkit.
PAIRS = {
    "realmlp-s": "pytabkit RealMLP-TD-S",
    "realmlp": "pytabkit RealMLP-TD",
    "tabm": "pytabkit TabM",
}
SKLEARN = "scikit-learn MLP"


def by_table(results):
    """Return the rows of each table and contender, by split."""
    found = {}
    for row in results:
        found.setdefault((row["table"], row["contender"]), {})[row["split"]] = row
    return found


def mean_error(rows):
    return statistics.fmean(row["error"] for row in rows.values())


def is_complete(found, table, name):
    return len(found.get((table, name), ())) >= SPLITS


def missing(found):
    """Yield a line for each contender that has not been through every table."""
    for name in CONTENDERS:
        lacking = [table for table in TABLES if not is_complete(found, table, name)]
        if lacking:
            yield f"{name}: {len(lacking)} of {len(TABLES)} tables: {', '.join(lacking)}"


def mean_ranks(found):
    """Return the mean rank of each contender that has all the tables; ties are averaged."""
    names = [name for name in CONTENDERS if all(is_complete(found, t, name) for t in TABLES)]
    if len(names) < 2:
        return {}
    # equal errors are equal however they were added up
    ranks = [
        rankdata([round(mean_error(found[table, name]), 12) for name in names]) for table in TABLES
    ]
    return {
        name: statistics.fmean(float(rank[i]) for rank in ranks) for i, name in enumerate(names)
    }


def ratio(found, name, to=SKLEARN):
    """Return the geometric mean of ratios of errors over classification tables, and their number.

    Tables where one of them made no error at all have no ratio, and are left out.
    """
    logs = []
    for table in TABLES:
        both = is_complete(found, table, name) and is_complete(found, table, to)
        if table in QUANTITIES or not both:
            continue
        ours, theirs = (mean_error(found[table, each]) for each in (name, to))
        if ours > 0.0 and theirs > 0.0:
            logs.append(math.log(ours / theirs))
    return (math.exp(statistics.fmean(logs)) if logs else None), len(logs)


def difference(found, table, ours, theirs):
    """Return the mean of ours - theirs over the splits they share, and its standard error."""
    a, b = found.get((table, ours), {}), found.get((table, theirs), {})
    gaps = [a[split]["error"] - b[split]["error"] for split in sorted(set(a) & set(b))]
    if len(gaps) < 2:
        return None
    return statistics.fmean(gaps), statistics.stdev(gaps) / math.sqrt(len(gaps))


def markdown(found):
    """Yield the lines of all there is to say."""
    names = [name for name in CONTENDERS if any(key[1] == name for key in found)]
    yield f"| | {' | '.join(names)} |"
    yield "|---|" + "---:|" * len(names)
    for table in TABLES:
        cells, rows = [], {}
        for name in names:
            rows = found.get((table, name), rows)
            errors = [row["error"] for row in found.get((table, name), {}).values()]
            spread = f" ± {statistics.stdev(errors):.3f}" if len(errors) > 1 else ""
            cells.append(f"{statistics.fmean(errors):.3f}{spread}" if errors else "")
        if rows:
            count = next(iter(rows.values()))["rows"]
            yield f"| {table.replace('_', ' ')}, {count:,} rows | {' | '.join(cells)} |"
    ranks = mean_ranks(found)
    yield f"| mean rank | {' | '.join(f'{ranks[n]:.2f}' if n in ranks else '' for n in names)} |"
    yield f"| errors beside {SKLEARN}'s | {' | '.join(_ratio_cell(found, n) for n in names)} |"
    yield f"| seconds a fit, mean | {' | '.join(_seconds(found, name) for name in names)} |"
    yield ""
    yield "| ours - pytabkit's, ± standard error | " + " | ".join(PAIRS) + " |"
    yield "|---|" + "---:|" * len(PAIRS)
    for table in TABLES:
        gaps = [difference(found, table, *pair) for pair in PAIRS.items()]
        if any(gaps):
            cells = ["" if gap is None else f"{gap[0]:+.4f} ± {gap[1]:.4f}" for gap in gaps]
            yield f"| {table.replace('_', ' ')} | {' | '.join(cells)} |"
    for line in missing(found):
        yield ""
        yield f"Missing: {line}."


def _ratio_cell(found, name):
    value, tables = ratio(found, name)
    return "" if value is None or name == SKLEARN else f"{value:.2f} ({tables} tables)"


def _seconds(found, name):
    """The mean over the tables it has all splits of; tables differ, and so do what they take."""
    tables = [table for table in TABLES if is_complete(found, table, name)]
    seconds = [
        statistics.fmean(row["seconds"] for row in found[table, name].values()) for table in tables
    ]
    return f"{statistics.fmean(seconds):.1f} ({len(tables)} tables)" if seconds else ""


def draw(found, machine, file):
    """Draw the error of each contender on each table, in times of the best there."""
    from matplotlib.figure import Figure

    names = [name for name in CONTENDERS if any(key[1] == name for key in found)]
    tables = [table for table in TABLES if any(key[0] == table for key in found)]
    columns = 6
    rows = math.ceil(len(tables) / columns)
    figure = Figure(figsize=(16.0, 1.2 + (0.7 + 0.25 * len(names)) * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, table in zip(grid.flat, tables, strict=False):
        axes.set_axis_on()
        for place, name in enumerate(names):
            errors = [row["error"] for row in found.get((table, name), {}).values()]
            if errors:
                ours = isinstance(CONTENDERS[name], Ours)
                axes.barh(
                    place, statistics.fmean(errors), height=0.72,
                    xerr=statistics.stdev(errors) if len(errors) > 1 else 0.0,
                    color=OURS_COLOUR if ours else PEER_COLOUR, ecolor="#404040",
                )  # fmt: skip
        axes.set_title(table.replace("_", " "), fontsize=10)
        axes.set_yticks(range(len(names)), names, fontsize=9)
        for label in axes.get_yticklabels():
            if isinstance(CONTENDERS[label.get_text()], Ours):
                label.set(color=OURS_COLOUR, fontweight="bold")
        axes.set_ylim(len(names) - 0.4, -0.6)  # the first on top
        axes.set_xlim(left=0.0)
        axes.grid(axis="x", alpha=0.35)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
    figure.suptitle("Error on held-out rows, and its spread over the splits", fontsize=13)
    note = "share of errors; of quantities the root mean square error over the deviation"
    where = f"{machine['processor']}, {machine['date'][:10]}; " if machine else ""
    figure.supxlabel(f"{where}{note}", fontsize=8, color="#555555")
    figure.savefig(file, dpi=130)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    content = json.loads(options.results.read_text())
    found = by_table(content["results"])
    print("\n".join(markdown(found)))
    if options.picture:
        draw(found, content.get("machine"), options.picture)


if __name__ == "__main__":
    main()
