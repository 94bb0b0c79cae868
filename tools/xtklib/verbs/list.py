# SPDX-License-Identifier: MIT
"""`xtk list`: the tests and the rules they check, from the kernel's ELF; nothing boots."""

import fnmatch
import json
import os
import sys

from .. import rules
from ..elf import Elf
from ..engines import native
from ..usage import Usage

HELP = "tests and the rules they check, without a boot"
EXAMPLE = """example: xtk list 'switch/*' nmi/reports_the_state
         xtk list --rules 'X*'          # each rule of docs/rules.md, who judges it, its tests
         xtk list --rules --json | jq -r '.[] | select(.judged == "never").rule'
A rule is judged by a test of the kernel (engine), by one of the library on this CPU (native), or
never. All tests are listed, also those that run only when they are named: bench/, hazard/ and
selftest/. Status: 0, or 2 usage."""


def add(parser):
    more = parser.add_argument
    more("--rules", action="store_true", help="rules instead of tests; GLOBs are of their ids")
    more("--json", action="store_true", help="an array of objects")
    more("--elf", metavar="FILE", help="of this kernel (default: build/xtk.elf)")
    more("globs", metavar="GLOB", nargs="*", help="only these (default: all)")


def native_tests():
    """(name, rules) of each test that runs without a kernel; they are read from their sources."""
    directory = os.path.dirname(native.default_path)
    if not os.path.isdir(directory):
        print(f"xtk list: no {directory}: what is judged natively counts as never", file=sys.stderr)
        return []
    sys.path.append(directory)
    import ctests
    import native_run

    tests, _ = native_run.asked([])
    return [(name, sorted(set(ctests.rules(path)))) for name, path in tests.items()]


def names_with(rule, tests):
    return [name for name, ids in tests if rule in ids]


def of_rules(elf):
    engine, native_ones = elf.tests(), native_tests()
    for rule in rules.read():
        ours, theirs = names_with(rule.id, engine), names_with(rule.id, native_ones)
        judged = "engine" if ours else "native" if theirs else "never"
        tests = ours + theirs
        yield {"rule": rule.id, "section": rule.section, "tests": tests, "judged": judged}


def chosen(rows, globs):
    """Those whose first value a glob matches. Raises Usage for a glob that matches none."""
    names = [next(iter(row.values())) for row in rows]
    for glob in globs:
        if not fnmatch.filter(names, glob):
            raise Usage(f"{glob}: matches nothing: see 'xtk list' without it for the names")
    wanted = {name for glob in globs or ["*"] for name in fnmatch.filter(names, glob)}
    return [row for row, name in zip(rows, names) if name in wanted]


def line(row):
    values = sorted(row.values(), key=lambda value: isinstance(value, list))  # lists last
    words = (" ".join(value) if isinstance(value, list) else value for value in values)
    return "  ".join(words).rstrip()


def main(arguments, _words):
    elf = Elf(arguments.elf)
    rows = [test._asdict() for test in elf.tests()]
    rows = chosen(list(of_rules(elf)) if arguments.rules else rows, arguments.globs)
    if arguments.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        print("\n".join(map(line, rows)))
    return 0
