# SPDX-License-Identifier: MIT
"""The whole table of the model: made, written to and read from expected.txt.

A line is one cell: design, rearm, patterns, failed/cases, the symptoms, and of the second and the
third event which steps survive | which fail. Patterns of which all that is the same share a line.
The file begins with a digest of the modules that made it, so that one that is out of date is
noticed without making it again.
"""

import hashlib
import os

from . import designs, kernel, model

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "expected.txt")
SOURCES = ("model.py", "kernel.py", "designs.py", "table.py")


def rearms(pattern):
    """When handlers allow their event again; "-" where it does not matter."""
    return ("late", "early") if model.rearm_matters(model.events_of(pattern)[1]) else ("-",)


def digest():
    total = hashlib.sha256()
    for name in SOURCES:
        with open(os.path.join(HERE, name), "rb") as file:
            total.update(file.read())
    return total.hexdigest()


def results(names=designs.NAMES, patterns=kernel.PATTERNS, edits=None):
    """(design, pattern, rearm, Result), one after the other."""
    for name in names:
        program = designs.program(name, edits)
        for pattern in patterns:
            for rearm in rearms(pattern):
                yield name, pattern, rearm, kernel.explore(program, pattern, rearm)


def cell_of(result):
    """{(event, step): [cases, failed]}; event 1 is the pattern as a whole."""
    cell = {(1, ""): [result.cases, result.failed]}
    for event, steps in result.steps.items():
        cell.update({(event, step): count for step, count in steps.items()})
    return cell


def tabled(rows):
    return {row[:3]: cell_of(row[3]) for row in rows}


def said(cell, event):
    """The steps of an event: those that survive | those that fail."""
    steps = [(step, failed) for (number, step), (_, failed) in cell.items() if number == event]
    sides = [[step for step, failed in steps if bool(failed) is fatal] for fatal in (False, True)]
    return "|".join(" ".join(sorted(side)) for side in sides)


def line_of(row):
    """(what identifies the cell in its line, what it shares with others)."""
    design, pattern, rearm, result = row
    cell = cell_of(result)
    what = " ".join(f"{name}={count}" for name, count in sorted(result.symptoms.items()))
    rest = (f"{result.failed}/{result.cases}", what, said(cell, 2), said(cell, 3))
    return (design, rearm, rest), pattern


def lines_of(rows):
    lines = {}
    for key, pattern in map(line_of, rows):
        lines.setdefault(key, []).append(pattern)
    for (design, rearm, rest), patterns in lines.items():
        yield "\t".join((design, rearm, " ".join(patterns), *rest))


def write(rows, path=FILE):
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([f"# {digest()}", *lines_of(rows)]) + "\n")


def read_steps(event, text):
    """One case for each step: the file keeps no counts of them."""
    sides = text.split("|")
    return {
        (event, step): [1, fatal] for fatal, side in enumerate(sides) for step in side.split()
    }


def read(path=FILE):
    """(digest, {(design, pattern, rearm): cell})."""
    with open(path, encoding="utf-8") as file:
        first, *lines = file.read().splitlines()
    table = {}
    for line in lines:
        design, rearm, patterns, counts, _, second, third = line.split("\t")
        failed, cases = map(int, counts.split("/"))
        cell = {(1, ""): [cases, failed], **read_steps(2, second), **read_steps(3, third)}
        table.update({(design, pattern, rearm): cell for pattern in patterns.split()})
    return first[2:], table
