# SPDX-License-Identifier: MIT
"""`xtk xcr0`: which values of XCR0 a platform takes, and what it then says and refuses."""

import json
import os
import sys

from .. import job, matrix, platforms, result, rundir, screen, xcr0, xcr0_table
from ..boot import BUILD, SILENCE_S, TIMEOUT_S
from ..progress import Progress
from ..usage import Usage
from .run import DEFAULT

HELP = "the values of XCR0: taken or refused, by which rule, sizes, what raises #UD"
EXAMPLE = f"""example: xtk xcr0 -p qemu-tcg 'bochs-3.0-*'
         xtk xcr0 build/matrix           # of runs that had the test {xcr0.TEST}
Without -p and DIR: of {DEFAULT}. With -p, the runs are kept in build/xcr0, for 'xtk report'.
A cell has the sizes D.0 and D.1 and the kinds of instruction that raise #UD, or the fault and the
deciding rule; * marks what differs from most platforms, ! what breaks a rule.
Status: 0 printed, 1 a run gave no table, 2 usage."""
MARKS = {(False, False): " ", (True, False): "*", (False, True): "!", (True, True): "!"}


def add(parser):
    more = parser.add_argument
    more("-p", metavar="PLATFORM", dest="globs", nargs="+", action="extend", help="boot these")
    more("--platforms", metavar="FILE", help="instead of tools/platforms.json")
    more("--json", action="store_true", help="an array of objects, every value in it")
    more("directories", metavar="DIR", nargs="*", help="with a result.json; nothing boots")


def jobs_of(arguments):
    """One job for each platform, of nothing but the table. Raises Usage."""
    found = platforms.choose(platforms.read(arguments.platforms), arguments.globs or [DEFAULT])
    for one in found:
        why = platforms.why_not(one)
        if why:
            raise Usage(f"-p {one.name}: {why}")
    return job.plan(found, [], [["tests=" + xcr0.TEST]], [])


def boot(arguments):
    """[run...] of the platforms that were asked for."""
    jobs, out = jobs_of(arguments), os.path.join(BUILD, "xcr0")
    ask = matrix.Ask(isolate=False, retry=0, timeout=TIMEOUT_S, silence=SILENCE_S)
    with rundir.claim(out, replace=True):
        session = matrix.Session(out)
        progress = Progress(sys.stderr, len(jobs))

        def work(one):
            return matrix.work(one, ask, out, [], progress)

        matrix.carry_out(jobs, os.cpu_count(), work, session, progress)
    if session.interrupted:
        raise KeyboardInterrupt
    for name, why in session.refused:
        raise Usage(f"{name}: {why}")
    return session.runs


def json_of(run):
    keys = ("platform", "engine", "engine_version", "log")
    return {**{key: run[key] for key in keys}, "xcr0": list(xcr0.rows_of(run).values())}


def cells(line):
    """The words of a line, each behind its mark."""
    yield " " + line.value
    for number, row in enumerate(line.cells):
        mark = MARKS[number in line.odd, bool(row) and xcr0.is_wrong(row)]
        yield mark + (xcr0.in_words(row) if row else "-")


def lines_of(table):
    """The table as text: who stands in which column, the lines, and what all refuse."""
    for number, names in enumerate(table.columns, 1):
        yield f"{number}: {' '.join(names)}"
    head = [" value", *(f" {number}" for number in range(1, len(table.columns) + 1))]
    rows = [head, *([*cells(line)] for line in table.lines)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
    for rules, values in table.refused.items():
        yield f" refused by all that offer its bits: {rules}: {len(values)}, as {values[0]}"


def main(arguments, _words):
    if arguments.globs and arguments.directories:
        raise Usage("-p boots and DIR does not: name one of them")
    if arguments.directories:
        runs = [run for _, run in result.merge(arguments.directories)]
    else:
        runs = boot(arguments)
    having = [run for run in runs if xcr0.rows_of(run)]
    if arguments.json:
        print(json.dumps([json_of(run) for run in having], indent=1))
    elif having:
        print("\n".join(lines_of(xcr0_table.table_of(having))))
    for run in runs:
        if run not in having:
            print(f"xtk xcr0: {screen.name_of(run)}: {xcr0.why_none(run)}", file=sys.stderr)
    return int(len(having) < len(runs))
