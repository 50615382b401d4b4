# SPDX-License-Identifier: BSD-3-Clause
"""
The doctor: looks at a host and tells what would keep mcswitch from working or from being quick, each finding
with the command that mends it. It only reads. See tools/doctor.
"""
import argparse
import json
import sys

import guests
import hardware
import software
from findings import FINDINGS, Finding
from host import Host, Setup

CHECKS = [
    ("hugepages", hardware.hugepages),
    ("iommu", hardware.iommu),
    ("nics", hardware.nics),
    ("host-setup", hardware.host_setup),
    ("cores", hardware.cores),
    ("numa", hardware.numa),
    ("configuration", software.configuration),
    ("dpdk", software.dpdk),
    ("service", software.service),
    ("sockets", guests.sockets),
    ("qemu", guests.qemu),
]


def arguments():
    parser = argparse.ArgumentParser(
        prog="doctor", description="What this host lacks for mcswitch, and the command that mends it. Changes nothing.",
        epilog="Exit status: 0 nothing found, 1 findings, 2 the doctor itself could not do it.")
    parser.add_argument("--config", metavar="FILE", help="the switch's configuration: its NICs and sockets are looked at")
    parser.add_argument("--lcores", metavar="LIST", help="the lcores of -l; else from /etc/default/mcswitch")
    parser.add_argument("--check", metavar="NAME", action="append", choices=[name for name, _ in CHECKS],
                        help="only this part (may be repeated): " + ", ".join(name for name, _ in CHECKS))
    parser.add_argument("--json", action="store_true", help="findings for programs")
    parser.add_argument("--root", metavar="DIR", default="/", help="look at the tree below DIR instead, for tests")
    return parser.parse_args()


def examine(host, setup, wanted):
    """[(check, its findings)]. What a check cannot read is a finding, not a crash."""
    for name, check in CHECKS:
        if wanted and name not in wanted:
            continue
        try:
            yield name, [Finding(*found) if isinstance(found, tuple) else Finding(found) for found in check(host, setup)]
        except OSError as error:
            yield name, [Finding("unreadable", {"check": name, "why": f"{error.filename}: {error.strerror}"})]


def show(results):
    for name, found in results:
        if not found:
            print(f"ok       {name}")
        for one in found:
            print(f"{one.severity:8} {name}: {one.text}")
            print(f"         mend:  {one.mend}")
    n = sum(len(found) for _, found in results)
    print(f"{n} finding{'' if n == 1 else 's'}")


def main():
    args = arguments()
    host = Host(args.root)
    try:
        setup = Setup(host, args.config, args.lcores)
    except ValueError as error:
        print(f"doctor: {error}", file=sys.stderr)
        return 2
    results = list(examine(host, setup, args.check))
    if args.json:
        rows = [{"check": name, "id": one.id, "severity": one.severity, "text": one.text, "mend": one.mend}
                for name, found in results for one in found]
        print(json.dumps({"checked": [name for name, _ in results], "findings": rows}, indent=2))
    else:
        show(results)
    return 1 if any(found for _, found in results) else 0


assert all(len(row) == 3 for row in FINDINGS.values())
if __name__ == "__main__":
    sys.exit(main())
