# SPDX-License-Identifier: BSD-3-Clause
"""From runs to tables: a row per size and number of guests, a column per subject, ratios, and what makes a run void."""

import statistics

LABELS = {"mcswitch": "mcswitch", "ovs": "OVS", "L": "L", "M ordinary": "M ordinary", "M non-temporal": "M non-temp."}
RATIOS = (("mcswitch", "ovs"), ("mcswitch", "L"), ("mcswitch", "M"))


class Cell:
    """
    All runs of one subject at one size and number of guests. Void runs stay out of the figure while there is one that counts; if
    there is none, they are shown, and marked. A complaint (counts that disagree) marks the cell whatever else there is.
    """

    def __init__(self, runs):
        measured = [run for run in runs if run.get("median") is not None]
        good = [run for run in measured if run["valid"]]
        used = good or measured
        medians = [run["median"] for run in used]
        self.rate = statistics.median(medians) if medians else None
        # Over the repeats; of a single one, over its seconds.
        values = medians if len(medians) > 1 else [s for run in used for s in run["samples"]]
        self.spread = (max(values) - min(values)) / self.rate if self.rate and values else None
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
    for run in runs:
        table.setdefault((run["size"], run["n"]), {}).setdefault(run["subject"], []).append(run)
    for row in table.values():
        for subject in list(row):
            row[subject] = Cell(row[subject])
        limits = [row[name] for name in ("M ordinary", "M non-temporal") if name in row and row[name].rate]
        if limits:
            row["M"] = max(limits, key=lambda cell: cell.rate)
    return table


def all_valid(runs):
    """Does every cell have a figure that counts?"""
    return bool(runs) and all(cell.is_valid for row in cells(runs).values() for cell in row.values())


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


def text_table(runs):
    heading, rows = table_rows(runs)
    widths = [max(len(row[i]) for row in [heading, *rows]) for i in range(len(heading))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in [heading, *rows]]
    return "\n".join(lines)


def markdown_table(runs):
    heading, rows = table_rows(runs)
    lines = [heading, ["---:"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def void_reasons(runs):
    """One line for every run that does not count, and why."""
    lines = []
    for run in runs:
        if not run["valid"]:
            where = f"{run['subject']}, N={run['n']}, {run['size']} B, repeat {run['repeat']}, attempt {run['attempt']}"
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
        markdown_table(runs),
    ]
    for name, reason in result["missing"].items():
        parts.append(f"Not measured: {name}: {reason}.")
    if void:
        parts.append("Runs that do not count:\n\n" + "\n".join(f"- {line}" for line in void))
    return "\n\n".join(parts) + "\n"
