# SPDX-License-Identifier: MIT
"""The lines of a log that explain a result, in one pass and bounded memory."""

import re
from collections import deque

HEAD, TAIL, WIDTH = 8, 6, 200  # lines from the start and the end of a test's part; characters
RULES = re.compile(r"# rules (\S+):")
RESULT = re.compile(r"(?:not )?ok [0-9]+ (\S+)")


class Part:
    """The first and the last lines of a part of a log."""

    def __init__(self):
        self.head, self.tail, self.count = [], deque(maxlen=TAIL), 0

    def add(self, line):
        self.count += 1
        (self.head if len(self.head) < HEAD else self.tail).append(line)

    def text(self):
        left_out = self.count - len(self.head) - len(self.tail)
        gap = [f"… {left_out} lines left out …"] if left_out else []
        return "\n".join([*self.head, *gap, *self.tail])


def lines_of(path):
    """The lines of a log; one without an end comes in pieces. Raises OSError."""
    with open(path, "rb") as file:
        for raw in iter(lambda: file.readline(4096), b""):
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            yield line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def read(path, wanted):
    """{test: text} of the tests in @wanted; under "" how the log ends. Raises OSError.

    The part of a test ends with its result, or with the log.
    """
    found, name, part, end = {}, "", Part(), deque(maxlen=HEAD + TAIL)
    for line in lines_of(path):
        if not line.strip():
            continue
        end.append(line)
        rules, result = RULES.match(line), RESULT.match(line)
        if rules:
            name, part = rules[1], Part()
        part.add(line)
        if result:
            if result[1] in wanted:
                found[result[1]] = part.text()
            name, part = "", Part()
    if name in wanted:
        found.setdefault(name, part.text())
    found[""] = "\n".join(end)
    return found
