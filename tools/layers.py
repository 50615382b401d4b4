#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The layer check: who may include whom, as drawn in ARCHITECTURE.md."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# room: the rooms whose headers it may include besides its own.
ARROWS = {
    "base": set(),
    "pkt": {"base"},
    "membership": {"base", "pkt"},
    "team": {"base"},
    "conf": {"base"},
    "fwd": {"base"},
    "port": {"base"},
    "datapath": {"base", "pkt", "fwd", "port"},
    "control": {"base", "pkt", "membership", "team", "conf", "fwd", "port"},
    "api": {"base", "pkt", "membership", "team", "conf", "fwd", "port", "control"},
}
APPS = {
    "mcswitch": set(ARROWS),
    "mcctl": {"base"},
}
# Rooms that do not know DPDK, and a few things no room but the named may touch.
WITHOUT_DPDK = {"base", "pkt", "membership", "team", "conf"}
ONLY_IN = {
    r"event2/": {"control", "api", "mcswitch"},
    r"jansson\.h": {"control", "api", "mcctl"},
    r"cyaml/": {"conf"},
    r"rte_vhost": {"port"},
}
# What the data path may not do (design.md: it allocates nothing, logs nothing, calls no kernel).
DATAPATH_HOT = ("classify.c", "lookup.c", "replicate.c")
FORBIDDEN_HOT = re.compile(
    r"\b(malloc|calloc|realloc|free|printf|fprintf|RTE_LOG|rte_log|rte_malloc|rte_zmalloc|write|read|"
    r"pthread_\w+|rte_spinlock\w*)\s*\("
)
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def check_file(path, room, allowed):
    text = path.read_text()
    where = path.relative_to(ROOT)
    for kind, name in INCLUDE.findall(text):
        first = name.split("/")[0]
        if kind == '"' and "/" in name and first in ARROWS and first != room and first not in allowed:
            yield f"{where}: {room} may not include {name}"
        if kind == "<" and name.startswith("rte_") and room in WITHOUT_DPDK:
            yield f"{where}: {room} knows no DPDK, includes {name}"
        for pattern, rooms in ONLY_IN.items():
            if re.match(pattern, name) and room not in rooms:
                yield f"{where}: {name} belongs to {', '.join(sorted(rooms))}"
    if room == "datapath" and path.name in DATAPATH_HOT:
        for number, line in enumerate(text.splitlines(), 1):
            if FORBIDDEN_HOT.search(line):
                yield f"{where}:{number}: not in the data path: {line.strip()}"


def main():
    faults = []
    for room, allowed in ARROWS.items():
        for path in sorted((ROOT / "lib" / room).glob("*.[ch]")):
            faults += check_file(path, room, allowed)
    for app, allowed in APPS.items():
        for path in sorted((ROOT / "app" / app).glob("*.[ch]")):
            faults += check_file(path, app, allowed)
    extra = {p.name for p in (ROOT / "lib").iterdir() if p.is_dir()} - set(ARROWS)
    faults += [f"lib/{name}: a room that ARCHITECTURE.md does not draw" for name in sorted(extra)]
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
