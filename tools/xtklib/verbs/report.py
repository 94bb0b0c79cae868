# SPDX-License-Identifier: MIT
"""`xtk report`: what runs have measured, for people and for other programs."""

import importlib
import os
import shutil
import sys

from .. import boot, diff, result, rules
from ..rundir import RESULT
from ..usage import Usage

HELP = "page, JUnit, KTAP and annotations of what was measured"
EXAMPLE = """example: xtk report --baseline old.txt -o report shard1 shard2
Without --html, --junit, --ktap or --github: the three files index.html, junit.xml and results.ktap.
Status: 0 the reports are written, 2 usage."""


def add(parser):
    parser.add_argument("directories", metavar="DIR", nargs="+", help="with a result.json")
    parser.add_argument(
        "-o", metavar="DIR", dest="out", help="where the reports go (default: build/report)"
    )
    parser.add_argument(
        "--baseline",
        metavar="FILE",
        help="of 'xtk diff --save', or a directory; the page frames what differs",
    )
    parser.add_argument("--html", action="store_true", help="index.html, and the logs beside it")
    parser.add_argument("--junit", action="store_true", help="junit.xml")
    parser.add_argument("--ktap", action="store_true", help="results.ktap")
    parser.add_argument(
        "--github", action="store_true", help="GitHub's annotations, on the standard output"
    )


def writer(name):
    """A module of report/; only those are read that are asked for."""
    return importlib.import_module("..report." + name, __package__)


def write(out, name, text):
    """Write OUT/NAME whole or not at all. Raises OSError."""
    path = os.path.join(out, name)
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".tmp", path)
    print(path)


def make_out(out, directories):
    """OUT may be the run's own directory, but must not mix its logs with those of others."""
    alone = len(directories) == 1 and os.path.realpath(out) == os.path.realpath(directories[0])
    if os.path.exists(os.path.join(out, RESULT)) and not alone:
        raise Usage(f"-o {out}: has the result of another run: name another directory")
    try:
        os.makedirs(out, exist_ok=True)
    except OSError as error:
        raise Usage(f"-o {out}: {error.strerror}: name a directory that can be made") from None


def copy_logs(columns, out):
    """The logs beside the page, so that its links hold wherever the directory is taken."""
    for column in columns:
        if os.path.realpath(column.directory) == os.path.realpath(out):
            continue
        for name in writer("runs").logs_of(column):
            copy = os.path.join(out, name)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copyfile(os.path.join(column.directory, name), copy)


def write_page(found, out, then):
    """@then: the outcomes of the baseline, None without one."""
    matrix = writer("verdicts").matrix_of(found, rules.read())
    differences = {}
    if then is not None:
        now = diff.of_runs(run for _, run in found)
        differences = writer("verdicts").differences(matrix, then, now)
    text = writer("html").page(matrix, differences, then)
    copy_logs(matrix.columns, out)
    write(out, "index.html", text)


def main(arguments, _words):
    found = result.merge(arguments.directories)
    then = diff.read(arguments.baseline) if arguments.baseline else None
    out = arguments.out or os.path.join(boot.BUILD, "report")
    make_out(out, arguments.directories)
    runs = [run for _, run in found]
    every = not (arguments.html or arguments.junit or arguments.ktap or arguments.github)
    if arguments.html or every:
        write_page(found, out, then)
    if arguments.junit or every:
        write(out, "junit.xml", writer("junit").text(runs))
    if arguments.ktap or every:
        write(out, "results.ktap", writer("ktap").text(runs))
    if arguments.github:
        sys.stdout.writelines(line + "\n" for line in writer("annotations").lines(runs))
    return 0
