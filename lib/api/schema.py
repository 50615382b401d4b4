#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""schema.json without blanks, as the octets of an array of C, for schema.c."""
import json
import sys
import textwrap


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = json.dumps(json.load(file), separators=(",", ":"))
    print("\n".join(textwrap.wrap(", ".join(map(str, text.encode())), 100)))


if __name__ == "__main__":
    main()
