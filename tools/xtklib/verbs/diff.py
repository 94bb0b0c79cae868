# SPDX-License-Identifier: MIT
"""`xtk diff`: what is not as it was in a committed baseline."""

from .. import diff, result

HELP = "what differs from a committed baseline"
EXAMPLE = """example: xtk diff --save tests/baseline.txt build/matrix     # then commit it
         xtk diff tests/baseline.txt build/matrix
         xtk diff before/ after/               # two directories of results
Status: 0 the same, 1 different, 2 trouble."""


def add(parser):
    parser.add_argument("--save", action="store_true", help="write BASELINE, compare nothing")
    parser.add_argument("baseline", metavar="BASELINE", help="its file, or a directory of results")
    parser.add_argument("directories", metavar="DIR", nargs="+", help="results, merged")


def main(arguments, _words):
    now = diff.of_runs(run for _, run in result.merge(arguments.directories))
    if arguments.save:
        diff.write(arguments.baseline, now)
        return 0
    lines = list(diff.lines_of(diff.read(arguments.baseline), now))
    print("".join(line + "\n" for line in lines), end="")
    return int(bool(lines))
