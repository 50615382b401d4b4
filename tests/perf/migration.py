#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Migration, measured: a Linux guest that receives a stream of 1,000 frames a second moves between two switches, there and back.

    tests/perf/migration.py [--repeats 20] [--baseline 2] [--rate 1000] [CASE...]

The plant is that of tests/lab/pair.py: two mcswitch on one machine, each with an uplink into one snooping kernel bridge, a router
that asks every 125 s. Before each move the bridge forgets that the group was wanted at the destination. Downtime is what QEMU
says (query-migrate); the gap is what the guest lost of the numbered stream, in time. Prints a row a move and a table at the end.
"""

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab.pair import GROUP, Pair  # noqa: E402
from lab.process import LabError, run  # noqa: E402

NICE = -5
OLD = {"igmp": {"queries": 0}}  # ESX 3.5 up to Update 1: the guest is asked by the router alone

# A host that is asked again before it has answered keeps the earlier of the two times it drew (RFC 3376 5.2).
EIGHT = {"igmp": {"queries": 8, "query_gap_ms": 1}}

# case: what it is called in the table, of the guest's card, of the switches, is there a hand-over.
CASES = {
    "baseline": ("no synthetic query (ESX 3.5 Update 1)", "off", OLD, False),
    "off": ("filter by QMP, synthetic queries", "off", None, False),
    "eight": ("filter by QMP, eight synthetic queries 1 ms apart", "off", EIGHT, False),
    "on": ("filter by QMP, synthetic queries", "on", None, False),
    "handover": ("the same and `mcctl export`, `import`", "off", None, True),
    "handover-on": ("the same and `mcctl export`, `import`", "on", None, True),
}


def move(pair, rate, hand_over):
    """One migration: (downtime, gap), both in ms, frames that found the guest's ring full, the switch's own account."""
    full = ring_full(pair.there)
    pair.vm.reset()
    pair.vm.wait_stream(GROUP, n=rate // 4, timeout=30)
    pair.forget()
    told = pair.move(hand_over=hand_over)
    before = (pair.vm.stream(GROUP) or {"packets": 0})["packets"]
    row = pair.vm.wait_stream(GROUP, n=before + rate // 2, timeout=200)
    return told["downtime"], row["lost"] * 1000 / rate, ring_full(pair.here) - full, pair.arrival()


def ring_full(switch):
    """A guest that gets no processor does not empty its ring: what is lost there is this machine's doing."""
    return switch.drops().get("guest_ring_full", 0)


def measure(name, repeats, rate):
    _, announce, config, hand_over = CASES[name]
    rows = []
    with Pair(device={"guest_announce": announce}, config=config) as pair:
        for switch in pair.switches:  # they would have cores of their own
            run(["renice", "-n", str(NICE), "-g", str(switch.process.pid)])
        pair.boot().join(GROUP)
        pair.here.wait_member("vm1", GROUP)
        pair.stream(rate)
        for i in range(repeats):
            try:
                downtime, gap, full, arrival = move(pair, rate, hand_over)
            except (LabError, OSError) as error:
                print(f"{name} {i + 1}: failed: {error}\n{pair.vm.logs()}", file=sys.stderr, flush=True)
                break
            rows.append((downtime, gap))
            times = {key: arrival[f"first_{key}_ms"] for key in ("filter", "replay", "query", "answer", "frame")}
            print(f"{name} {i + 1}: downtime {downtime} ms, gap {gap:.0f} ms, {full} frames to a full ring, after detection by "
                  f"{', '.join(arrival['detected_by'])}: {times}", flush=True)
        for switch in pair.switches:
            switch.check_law()
            switch.stop()
    return rows


def spread(values):
    return f"{statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f})"


def table(results):
    print("\n| memberships known by | guest_announce | moves | downtime, ms: median (least-most) | stream gap, ms | gap beyond downtime, ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, rows in results.items():
        text, announce, _, _ = CASES[name]
        down, gap = [row[0] for row in rows], [row[1] for row in rows]
        print(f"| {text} | {announce} | {len(rows)} | {spread(down)} | {spread(gap)} | "
              f"{spread([b - a for a, b in rows])} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--baseline", type=int, default=2, help="moves of the case that waits for the router")
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("case", nargs="*", choices=[[], *CASES], default=[])
    arguments = parser.parse_args()
    results = {}
    for name in arguments.case or CASES:
        rows = measure(name, arguments.baseline if name == "baseline" else arguments.repeats, arguments.rate)
        if rows:
            results[name] = rows
    table(results)
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
