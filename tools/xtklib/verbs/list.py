# SPDX-License-Identifier: MIT
"""`xtk list`: the tests and the rules they check, from the kernel's ELF; nothing boots."""

import fnmatch
import json
import os
import sys
from collections import Counter

from .. import judged, result, rules
from ..elf import Elf
from ..engines import native
from ..usage import Usage

HELP = "tests and the rules they check, without a boot"
EXAMPLE = """example: xtk list 'switch/*' nmi/reports_the_state
         xtk list --rules 'X*'          # each rule of docs/rules.md, who judges it, its tests
         xtk list --rules --json | jq -r '.[] | select(.judged == "never").rule'
         xtk list --rules --check build/matrix
A rule is judged on an engine, natively at CPL 3, on the software model only, or never: as
tests/judged.txt says. Only the first two count in the first line. All tests are listed, also those
that run only when they are named: bench/, hazard/, selftest/ and table/.
Status: 0; 1 --check found what the file does not say, or --update has a proposal; 2 usage."""


def add(parser):
    more = parser.add_argument
    more("--rules", action="store_true", help="rules instead of tests; GLOBs are of their ids")
    more("--json", action="store_true", help="an array of objects")
    either = parser.add_mutually_exclusive_group()
    text = "with --rules: whether runs judged what tests/judged.txt says"
    either.add_argument("--check", metavar="DIR", nargs="+", default=[], help=text)
    text = "likewise, but propose lines, as a diff; nothing is written"
    either.add_argument("--update", metavar="DIR", nargs="+", default=[], help=text)
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
    engine, native_ones, lines = elf.tests(), native_tests(), judged.read()
    for rule in rules.read():
        tests = names_with(rule.id, engine) + names_with(rule.id, native_ones)
        row = {"rule": rule.id, "section": rule.section, "judged": lines[rule.id].state}
        yield {**row, "by": lines[rule.id].by, "tests": tests}


def headline(rows):
    """How many rules were judged by something that is no model of our own."""
    seen = Counter(row["judged"] for row in rows)
    engine, native_ones, model, never = (seen[state] for state in judged.STATES)
    return (
        f"{engine + native_ones} of {len(rows)} judged ({engine} engine, {native_ones} native); "
        f"{model} on the model only, {never} never"
    )


def runs_of(directories):
    return [run for _, run in result.merge(directories)]


def show(lines):
    """The status of a comparison: whether it had something to say."""
    lines = list(lines)
    print("".join(line + "\n" for line in lines), end="")
    return int(bool(lines))


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
    if (arguments.check or arguments.update) and not arguments.rules:
        raise Usage("--check and --update are of rules: add --rules")
    if arguments.check:
        return show(judged.wrong(judged.read(), runs_of(arguments.check)))
    if arguments.update:
        return show(judged.proposal(judged.PATH, runs_of(arguments.update)))
    elf = Elf(arguments.elf)
    rows = [test._asdict() for test in elf.tests()]
    rows = chosen(list(of_rules(elf)) if arguments.rules else rows, arguments.globs)
    if arguments.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return 0
    if arguments.rules:
        print(headline(rows))
    print("\n".join(map(line, rows)))
    return 0
