# SPDX-License-Identifier: BSD-3-Clause
"""
How long a failover interrupts a stream, by policy and by what the switch does about it: the table of the README. Called by
tools/failover. What is measured, and how, is in tests/lab/failover.py.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab.failover import CASES, Plant, median  # noqa: E402
from lab.process import LabError  # noqa: E402


def number(value, digits=1):
    return "-" if value is None else f"{value:.{digits}f}"


def spread(values, digits=1):
    """"median (least to most)" """
    values = [value for value in values if value is not None]
    return f"{number(median(values), digits)} ({number(min(values), digits)} to {number(max(values), digits)})" if values else "-"


def row(case, samples):
    cuts, mends = zip(*samples)
    both = [*cuts, *mends]
    unmoved = [sample.unmoved.lost for sample in both if sample.unmoved]
    return [case.name, spread([one.gap.ms for one in cuts]), spread([one.gap.lost for one in cuts], 0),
            spread([one.kernel.lost for one in cuts], 0), spread([one.report for one in cuts], 2),
            spread([one.gap.ms for one in mends]), str(sum(unmoved)) if unmoved else "none stays",
            str(sum(one.gap.duplicates + one.kernel.duplicates for one in both))]


HEAD = ["", "link lost: gap, ms", "frames", "frames, vm1", "notice to first report, ms", "link back: gap, ms",
        "lost by who stays", "duplicates"]


def table(rows):
    lines = [HEAD, ["---"] * len(HEAD), *rows]
    return "\n".join("| " + " | ".join(words) + " |" for words in lines)


def measure(plant, case, n):
    plant.set(case)
    samples = []
    while len(samples) < n:
        samples.append(plant.repeat())
        print(f"\r{case.name}: {len(samples)} of {n}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return samples


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--repeat", type=int, default=20, help="failovers a case (20: about 15 minutes in all)")
    parser.add_argument("--case", default="", help="only cases with this in their name")
    parser.add_argument("--json", type=Path, help="every sample, into this file")
    arguments = parser.parse_args()
    rows, kept = [], {}
    try:
        with Plant() as plant:
            for case in CASES:
                if arguments.case in case.name:
                    samples = measure(plant, case, arguments.repeat)
                    rows.append(row(case, samples))
                    kept[case.name] = [[dataclasses.asdict(one) for one in pair] for pair in samples]
            plant.finish()
    except LabError as error:
        print(f"failover: {error}", file=sys.stderr)
        return 1
    finally:
        if rows:
            print(table(rows))
        if arguments.json:
            arguments.json.write_text(json.dumps(kept, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
