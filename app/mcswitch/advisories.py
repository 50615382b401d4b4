#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""advisories.json as rows of C, for advisories.c: one row a flaw and branch."""
import json
import sys

COLUMNS = ("id", "what")


def rows(advisories):
    for one in advisories:
        branches = {**one["present"], **one["fixed"]}
        for branch, version in sorted(branches.items()):
            last = int(version.removeprefix(branch + "."))
            if branch in one["fixed"]:
                last -= 1
            year, month = map(int, branch.split("."))
            texts = ", ".join(json.dumps(one[column]) for column in COLUMNS)
            yield f"\t{{{texts}, {year}, {month}, {last}}},"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        print("\n".join(rows(json.load(file)["advisories"])))


if __name__ == "__main__":
    main()
