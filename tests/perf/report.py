# SPDX-License-Identifier: BSD-3-Clause
"""From runs to tables: a row per size and number of guests, a column per subject, ratios, and what makes a run void."""

import statistics

LABELS = {"mcswitch": "mcswitch", "ovs": "OVS", "L": "L", "M ordinary": "M ordinary", "M non-temporal": "M non-temp."}
RATIOS = (("mcswitch", "ovs"), ("mcswitch", "L"), ("mcswitch", "M"))

# (size, N, over, under, at least)
TARGETS = (
    *((64, n, "mcswitch", "L", 2) for n in (4, 8, 16)),
    (64, 8, "mcswitch", "ovs", 12),
    *((64, n, "mcswitch", "M", 0.5) for n in (4, 8, 16)),
    (64, 32, "mcswitch", "L", 1.8),
    (512, 8, "mcswitch", "L", 1.5),
    (1500, 8, "mcswitch", "L", 1.5),
    (1500, 16, "mcswitch", "L", 2.5),
    (1500, 32, "mcswitch", "L", 2.5),
    (64, 1, "mcswitch", "ovs", 1),
)


class Cell:
    """
    All runs of one subject at one size and number of guests. Void runs stay out of the figure while there is one that counts; if
    there is none, they are shown, and marked. A complaint (counts that disagree) marks the cell whatever else there is.
    """

    def __init__(self, runs):
        measured = [dict(run, median=statistics.median(run["samples"])) for run in runs if run.get("samples")]
        good = [run for run in measured if run["valid"]]
        used = good or measured
        medians = [run["median"] for run in used]
        self.rate = statistics.median(medians) if medians else None
        # Over the repeats; of a single one, over its seconds.
        values = medians if len(medians) > 1 else [s for run in used for s in run["samples"]]
        self.lowest = min(values) if values else None
        self.highest = max(values) if values else None
        self.spread = (self.highest - self.lowest) / self.rate if self.rate and values else None
        self.is_valid = bool(good) and not any(run["complaints"] for run in runs)

    def text(self):
        if self.rate is None:
            return "-"
        return f"{self.rate / 1e6:.1f}{'' if self.is_valid else ' !'}"

    def spread_text(self):
        return "-" if self.spread is None else f"{self.spread * 100:.0f} %"


def cells(runs):
    """{(size, n): {subject: Cell}}, with M, the better of the two machine limits, added."""
    table = {}
    for run in of_matrix(runs):
        table.setdefault((run["size"], run["n"]), {}).setdefault(run["subject"], []).append(run)
    for row in table.values():
        for subject in list(row):
            row[subject] = Cell(row[subject])
        limits = [row[name] for name in ("M ordinary", "M non-temporal") if name in row and row[name].rate]
        if limits:
            row["M"] = max(limits, key=lambda cell: cell.rate)
    return table


def of_matrix(runs):
    return [run for run in runs if run.get("case", "matrix") == "matrix"]


def all_valid(runs):
    """Does every cell of the matrix, and every step of a case, have a run that counts?"""
    steps = {}
    for run in runs:
        key = (run.get("case", "matrix"), run.get("variant"), run["subject"], run["size"], run["n"])
        steps.setdefault(key, []).append(run)
    return bool(steps) and all(Cell(step).is_valid for step in steps.values())


def ratio(row, over, under):
    a, b = row.get(over), row.get(under)
    if not a or not b or not a.rate or not b.rate:
        return "-"
    return f"{a.rate / b.rate:.2f}{'' if a.is_valid and b.is_valid else ' !'}"


def table_rows(runs):
    """Heading and rows of text."""
    table = cells(runs)
    subjects = [name for name in LABELS if any(name in row for row in table.values())]
    ratios = [pair for pair in RATIOS if pair[0] in subjects and any(pair[1] in row for row in table.values())]
    heading = ["size", "N", *(LABELS[s] for s in subjects), *(f"{a}/{LABELS.get(b, b)}" for a, b in ratios), "spread"]
    rows = []
    for (size, n), row in sorted(table.items()):
        spread = " ".join(row[s].spread_text().replace(" ", "") if s in row else "-" for s in subjects)
        values = [row[s].text() if s in row else "-" for s in subjects]
        rows.append([str(size), str(n), *values, *(ratio(row, a, b) for a, b in ratios), spread])
    return heading, rows


def target_rows(runs):
    """[what, N, size, ratio, target, verdict] for each target that the matrix has figures for."""
    table = cells(runs)
    rows = []
    for size, n, over, under, factor in TARGETS:
        row = table.get((size, n), {})
        if ratio(row, over, under) == "-":
            continue
        value = row[over].rate / row[under].rate
        rows.append([f"{over}/{LABELS.get(under, under)}", str(n), str(size), ratio(row, over, under), f"{factor:g} or more",
                     "void" if "!" in ratio(row, over, under) else "met" if value >= factor else "missed"])
    return rows


def target_table(runs):
    lines = [["figure", "N", "size", "measured", "target", ""], ["---"] * 6, *target_rows(runs)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def text_table(runs):
    heading, rows = table_rows(runs)
    widths = [max(len(row[i]) for row in [heading, *rows]) for i in range(len(heading))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in [heading, *rows]]
    return "\n".join(lines)


def markdown_table(runs):
    heading, rows = table_rows(runs)
    lines = [heading, ["---:"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value):
    """Three significant digits at least, and all those before the point."""
    if value is None:
        return "-"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"


def share_or_number(value, unit):
    if unit == "share":
        return "-" if value is None else f"{value * 100:.1f} %"
    return f"{number(value)} {unit}" if value is not None else "-"


def figure_rows(figures):
    """[case, figure, RFC 3918's word, value, target, verdict] over repeats: the median, and its spread where there are more."""
    merged = {}
    for one in figures:
        merged.setdefault((one["case"], one["figure"]), []).append(one)
    rows = []
    for (case, name), every in merged.items():
        good = [one for one in every if one.get("valid", True)]
        many = good or every  # as in Cell: void ones are shown only where there is no other, and marked
        values = [one["value"] for one in many if one["value"] is not None]
        text = share_or_number(statistics.median(values) if values else None, many[0]["unit"])
        if len(values) > 1:
            text += f" ({share_or_number(min(values), many[0]['unit'])} to {share_or_number(max(values), many[0]['unit'])})"
        verdicts = [one["met"] for one in many if one["met"] is not None]
        verdict = "" if not verdicts or not many[0]["target"] else "met" if all(verdicts) else "missed"
        if not good:
            text, verdict = f"{text} !", "void"
        rows.append([case, name, many[0]["rfc"], text, many[0]["target"], verdict])
    return rows


def figure_table(figures):
    heading = ["case", "figure", "RFC 3918", "measured", "target", ""]
    lines = [heading, ["---"] * len(heading), *figure_rows(figures)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def text(result):
    """For the terminal."""
    parts = []
    if of_matrix(result["runs"]):
        parts.append("copies/s in millions\n" + text_table(result["runs"]))
    if result["figures"]:
        rows = [[row[0], row[1], row[3], row[4], row[5]] for row in figure_rows(result["figures"])]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        parts.append("\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows))
    return "\n\n".join(parts) or "nothing was measured"


def void_reasons(runs):
    """One line for every run that does not count, and why."""
    lines = []
    for run in runs:
        if not run["valid"]:
            case = "" if run.get("case", "matrix") == "matrix" else f"{run['case']} ({run['variant']}), "
            where = f"{case}{run['subject']}, N={run['n']}, {run['size']} B, repeat {run['repeat']}, attempt {run['attempt']}"
            lines.append(f"{where}: {'; '.join(run['reasons'])}")
    return lines


def machine_text(machine):
    kind = "virtual machine" if machine["virtual"] else "bare metal"
    return (
        f"{machine['cpu']} (family/model {machine['cpu_family_model']}) at {machine['mhz']} MHz, {machine['cores']} cores, "
        f"{machine['caches']}, {machine['memory_mib']} MiB, {kind}, Linux {machine['kernel']}, "
        f"DPDK {machine['dpdk']}, OVS {machine['ovs']}"
    )


def idle_text(runs):
    shares = [run["idle_before"] for run in runs if "idle_before" in run]
    if not shares:
        return "no run was made"
    return f"idle before the runs: {min(shares) * 100:.0f} % at worst, {statistics.median(shares) * 100:.0f} % median"


def markdown(result):
    runs = result["runs"]
    void = void_reasons(runs)
    parts = [
        "# Replication into guests: frames received a second, all guests together, in millions",
        machine_text(result["machine"]) + "; " + idle_text(runs) + ".",
        f"Taken {result['time']} (commit {result['commit']}): median of {result['seconds']} one-second samples, "
        f"repeats: {result['repeat']}, {result['groups']} groups, guest memory {result['guest_memory']}. "
        "M is the better of its two forms. Spread: (max - min) / median over the repeats, in the order of the columns; "
        "a run that does not count is left out, and `!` marks a figure without one that does.",
    ]
    if of_matrix(runs):
        parts.append(markdown_table(runs))
    if target_rows(runs):
        parts.append(target_table(runs))
    if result.get("figures"):
        parts.append("Cases, on 64 octets unless said otherwise:\n\n" + figure_table(result["figures"]))
    for name, reason in result["missing"].items():
        parts.append(f"Not measured: {name}: {reason}.")
    if void:
        parts.append("Runs that do not count:\n\n" + "\n".join(f"- {line}" for line in void))
    return "\n\n".join(parts) + "\n"
