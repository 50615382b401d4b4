# SPDX-License-Identifier: BSD-3-Clause
"""Figures into docs/performance.md, so that nobody types one."""

import os

import plot
import report

BEGIN = "<!-- figures: written by tools/bench --publish, not by hand -->\n"
END = "<!-- end of figures -->\n"


def replaced(page, figures):
    """The page with other figures between its marks; ValueError where it has no marks."""
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n{figures}\n{END}{tail}"


def write(result, docs):
    """Into docs/performance.md, with the picture beside it."""
    _, body = report.markdown(result).split("\n\n", 1)
    picture = plot.write(result["runs"], os.path.join(docs, "performance.svg"))
    if picture:
        body = "![copies/s over N and size](performance.svg)\n\n" + body
    path = os.path.join(docs, "performance.md")
    with open(path, encoding="utf-8") as page:
        text = replaced(page.read(), body)
    with open(path, "w", encoding="utf-8") as page:
        page.write(text)
