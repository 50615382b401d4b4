#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The verbs of mcctl(1), from what mcctl itself says, so that the page cannot lag behind: verbs.py MCCTL PAGE.in > PAGE"""
import re
import subprocess
import sys
import textwrap


def ask(mcctl, *words):
    return subprocess.run([mcctl, *words, "--help"], capture_output=True, text=True, check=True).stdout


def verbs(mcctl):
    """(usage, sentence, [(argument, sentence)]) in mcctl's order."""
    first_words = dict.fromkeys(re.findall(r"^  ([a-z]+)\b", ask(mcctl), re.M))
    for word in first_words:
        rows = re.split(r"^mcctl ", ask(mcctl, word), flags=re.M)[1:]
        for row in rows:
            usage, sentence, *args = row.rstrip().splitlines()
            yield usage, sentence.strip(), [re.split(r"\s{2,}", arg.strip(), maxsplit=1) if "  " in arg.strip() else
                                            [arg.strip()[:24].strip(), arg.strip()[24:].strip()] for arg in args]


def escaped(text):
    """As one word or more within a line of a macro."""
    return text.replace("\\", "\\e").replace("-", "\\-")


def sentences(text):
    """As lines of text, none of which a leading dot makes a macro."""
    for line in textwrap.wrap(escaped(text), 78, break_long_words=False, break_on_hyphens=False):
        yield "\\&" + line if line[0] in ".'" else line


def arguments(args):
    if not args:
        return
    yield f'.Bl -tag -width "{max((name for name, _ in args), key=len)}" -compact'
    for name, sentence in args:
        yield f'.It Cm "{escaped(name)}"'
        yield from sentences(sentence)
    yield ".El"


def verb(usage, sentence, args):
    words = re.match(r"[a-z]+(?: [a-z]+)*(?=$| [^a-z])", usage).group(0) if re.match(r"[a-z]", usage) else usage
    rest = usage[len(words):].strip()
    # Quoted, since a word alone may be the name of a macro.
    yield f'.It Xo Cm "{escaped(words)}"' + (f' Ar "{escaped(rest)}"' if rest else "") + " Xc"
    yield from sentences(sentence[:1].upper() + sentence[1:] + ".")
    yield from arguments(args)


def main():
    mcctl, page = sys.argv[1:]
    lines = [line for one in verbs(mcctl) for line in verb(*one)]
    with open(page, encoding="utf-8") as file:
        sys.stdout.write(file.read().replace("@VERBS@", "\n".join(lines)))


if __name__ == "__main__":
    main()
