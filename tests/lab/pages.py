# SPDX-License-Identifier: BSD-3-Clause
"""
What the documentation shows: blocks of Markdown and man pages, and the commands in them.

A block that no test can run has a line before it that says so and why, for readers too:

    Example, not run by the tests (a Cisco switch):
"""

import re
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = re.compile(r"Example, not run by the tests \((.+)\):$")


@dataclass
class Block:
    """One block: its page, first line, language ("" for commands), text, and why it is not run ("" if it is)."""

    page: str
    line: int
    language: str
    text: str
    reason: str = ""

    def __str__(self):
        return f"{self.page}:{self.line}"

    def commands(self):
        """Lines that begin with a command; continuations joined, comments gone. Drawings are indented further."""
        text = re.sub(r"\\\n\s*", " ", self.text)
        lines = [re.sub(r"\s+#.*", "", line).rstrip() for line in text.splitlines()]
        return [line for line in lines if re.match(r"[a-z/~.]", line)]


def _blocks_of_markdown(page, lines):
    """Fenced blocks, and those indented by four columns after an empty line."""
    before, i = "", 0
    while i < len(lines):
        start, line = i, lines[i]
        if line.startswith("```"):
            i = lines.index("```", i + 1)
            body, language = lines[start + 1:i], line[3:].strip()
        elif line.startswith("    ") and (start == 0 or not lines[start - 1].strip()):
            while i + 1 < len(lines) and (lines[i + 1].startswith("    ") or not lines[i + 1].strip()):
                i += 1
            body, language = [one[4:] for one in lines[start:i + 1]], ""
        else:
            before = line if line.strip() else before
            i += 1
            continue
        reason = EXAMPLE.match(before)
        yield Block(page, start + 1, language, "\n".join(body).rstrip() + "\n", reason.group(1) if reason else "")
        before, i = "", i + 1


def _blocks_of_mdoc(page, lines):
    """What stands between .Bd and .Ed; a list or mapping is configuration."""
    start = None
    for i, line in enumerate(lines):
        if line.startswith(".Bd -literal"):
            start = i + 1
        elif line == ".Ed":
            text = "\n".join(lines[start:i]).replace("\\-", "-").replace("\\e", "\\") + "\n"
            reason = next((EXAMPLE.match(one) for one in reversed(lines[:start - 1]) if not one.startswith(".")), None)
            yield Block(page, start + 1, "yaml" if re.search(r"^\w+:$", text, re.M) else "", text, reason.group(1) if reason else "")


def blocks(paths, root):
    """All blocks of these pages."""
    for path in map(Path, paths):
        lines = path.read_text(encoding="utf-8").splitlines()
        of = _blocks_of_markdown if path.suffix == ".md" else _blocks_of_mdoc
        yield from of(str(path.relative_to(root)), lines)
