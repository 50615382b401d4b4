# SPDX-License-Identifier: BSD-3-Clause
"""The matrix as a picture: copies/s over N, a panel a size, a line a subject."""

import statistics

import report

MARKS = {"mcswitch": "o-", "OVS": "s-", "L": "^--", "M ordinary": "v:", "M non-temp.": "D:"}


def series(runs):
    """{size: {label: [(n, copies/s, lowest, highest repeat)]}}, without figures that do not count."""
    panels = {}
    for (size, n), row in sorted(report.cells(runs).items()):
        for subject, label in report.LABELS.items():
            cell = row.get(subject)
            if cell and cell.is_valid:
                panels.setdefault(size, {}).setdefault(label, []).append((n, cell.rate, cell.lowest, cell.highest))
    return panels


def write(runs, path):
    """An SVG; False where there is nothing to draw, or no matplotlib (python3-matplotlib)."""
    panels = series(runs)
    try:
        import matplotlib  # pylint: disable=import-outside-toplevel

        matplotlib.use("svg")
        from matplotlib import pyplot  # pylint: disable=import-outside-toplevel
    except ImportError:
        return False
    if not panels:
        return False
    figure, axes = pyplot.subplots(1, len(panels), figsize=(5 * len(panels), 4.5), sharey=True, squeeze=False)
    for axis, (size, lines) in zip(axes[0], panels.items()):
        panel_draw(axis, size, lines)
    axes[0][0].set_ylabel("copies/s, millions (bars: least and most of the repeats)")
    axes[0][0].legend()
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return True


def panel_draw(axis, size, lines):
    for label, points in lines.items():
        xs = [point[0] for point in points]
        ys = [point[1] / 1e6 for point in points]
        bars = [[(point[1] - point[2]) / 1e6 for point in points], [(point[3] - point[1]) / 1e6 for point in points]]
        axis.errorbar(xs, ys, yerr=bars, fmt=MARKS[label], label=label, capsize=3)
    ticks = sorted({point[0] for points in lines.values() for point in points})
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.set_xlabel("guests")
    axis.set_title(f"{size} octets")
    axis.grid(True, which="both", alpha=0.3)
