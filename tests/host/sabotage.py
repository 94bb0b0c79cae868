# SPDX-License-Identifier: MIT
"""What a file of tests/sabotage/ says about itself.

Each is linked in the place of one object of the kernel and breaks it. Its head comment has these
lines, one after the other:

  sabotage: replaces FILE   the source whose object it takes the place of
  caught-by: TEST           must fail, and no other; or `log`: the reader of the log, which finds no
                            orderly end; or `list`: the sources hold a test that did not run
  at: REGEX                 is found in where= of that test's first failure, or in its error; for
                            `log` in the verdict's reason or in the log
  status: N                 of run-qemu.sh; 1 unless given

Each caught-by is followed by its at. There <SYMBOL> stands for an address as the tests print it,
function+0xoffset; a label in a function has a dot in its name, as NASM's local ones.
"""

import itertools
import os
import re
from dataclasses import dataclass, field

import host
from xtklib import ktap

KEYS = ("sabotage", "caught-by", "at", "status")
KINDS = (".c", ".asm")
LOG, LIST = "log", "list"
STATUSES = ("0", "1", "3", "5")


class Malformed(Exception):
    """One line of text: the file, what is wrong, how to mend it."""


@dataclass
class Sabotage:
    path: str
    replaces: str = ""
    catchers: list = field(default_factory=list)  # [test, regular expression]
    status: int = ktap.FAILED

    @property
    def name(self):
        return os.path.splitext(os.path.basename(self.path))[0]

    @property
    def kind(self):
        return os.path.splitext(self.path)[1]


def paths():
    folder = host.tree("tests", "sabotage")
    return [os.path.join(folder, f) for f in sorted(os.listdir(folder)) if f.endswith(KINDS)]


def head_lines(path):
    """The lines from `sabotage:` to the next empty one of the comment."""
    with open(path, encoding="utf-8") as file:
        lines = [line.lstrip(" *;/").rstrip() for line in file]
    lines = list(itertools.dropwhile(lambda line: not line.startswith("sabotage:"), lines))
    if not lines:
        raise Malformed(f"{path}: no line 'sabotage: replaces FILE' in its head comment: add it")
    return itertools.takewhile(bool, lines)


def wrong_expression(text):
    try:
        re.compile(text)
    except re.error as error:
        return f"no regular expression: {error}"
    return None


def take(sabotage, key, value):
    """Store one line; what is wrong with it, or None."""
    if key == "sabotage":
        word, _, sabotage.replaces = value.partition(" ")
        if word != "replaces" or not os.path.isfile(host.tree(sabotage.replaces)):
            return "write 'replaces FILE' with a source of the kernel"
        if not sabotage.replaces.endswith(sabotage.kind):
            return f"a {sabotage.kind} file can only replace another"
    elif key == "caught-by":
        sabotage.catchers.append([value, None])
    elif key == "at":
        if not sabotage.catchers or sabotage.catchers[-1][1]:
            return "write it behind its 'caught-by: TEST'"
        sabotage.catchers[-1][1] = value
        return wrong_expression(value)
    elif value not in STATUSES:
        return f"write one of {', '.join(STATUSES)}, what run-qemu.sh ends with"
    else:
        sabotage.status = int(value)
    return None


def read(path):
    """One head comment. Raises Malformed."""
    sabotage = Sabotage(path)
    for line in head_lines(path):
        key, _, value = line.partition(": ")
        if key not in KEYS or not value:
            raise Malformed(f"{path}: '{line}': write 'KEY: VALUE' with one of {', '.join(KEYS)}")
        wrong = take(sabotage, key, value)
        if wrong:
            raise Malformed(f"{path}: '{line}': {wrong}")
    if not sabotage.catchers or not all(at for _, at in sabotage.catchers):
        raise Malformed(f"{path}: who catches it? write 'caught-by: TEST' and then 'at: REGEX'")
    return sabotage
