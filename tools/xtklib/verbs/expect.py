# SPDX-License-Identifier: MIT
"""`xtk expect`: proposes changes to tests/expect/; a person makes them."""

import datetime
import functools
import os
import sys

from .. import expect, platforms, propose, result
from ..usage import Usage

HELP = "proposes lines for tests/expect/ as a diff, and writes nothing"
EXAMPLE = """example: xtk expect --update build/matrix >known.diff
         (write why and where for each '?') patch -p1 <known.diff
A proposed line is refused until its '?' have been replaced: what the engine does, and where that is
reported. Status: 0 nothing to propose, 1 a diff was printed, 2 usage."""


def add(parser):
    more = parser.add_argument
    more("--update", metavar="DIR", dest="directories", nargs="+", required=True, help="results")
    more("--platforms", metavar="FILE", help="instead of tools/platforms.json")
    more("--expect", metavar="DIR", help="instead of tests/expect")


def proposals_of(arguments):
    """One proposal for each file that the runs' platforms name; new lines go to the last one."""
    files = {p.name: p.expect for p in platforms.read(arguments.platforms)}
    found = {}
    for directory, run in result.merge(arguments.directories):
        name = run["platform"]
        if not name:
            remedy = "make it again with 'xtk parse -p PLATFORM'"
            raise Usage(f"{directory}: {run['log']} is of no platform: {remedy}")
        version = functools.partial(run.get, "engine_version")
        paths = expect.paths_of(arguments.expect, files.get(name, [name]), version)
        for path in paths:
            if path not in found:
                lines = expect.read(path) if os.path.isfile(path) else []
                found[path] = propose.Proposal(path, datetime.date.today(), lines)
        known = [line for path in paths for line in found[path].lines]
        for path in paths:
            found[path].add(run, known, path == paths[-1])
    return [found[path] for path in sorted(found)]


def main(arguments, _words):
    proposed = False
    for proposal in proposals_of(arguments):
        for text in propose.diff(proposal):
            print(text)
            proposed = True
        for text in propose.conflicts(proposal):
            print(text, file=sys.stderr)
            proposed = True
    return int(proposed)
