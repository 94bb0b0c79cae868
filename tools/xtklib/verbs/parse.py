# SPDX-License-Identifier: MIT
"""`xtk parse`: the verdict of logs that were captured anywhere."""

import contextlib
import os
import shutil
import sys

from .. import expect, job, ktap, result, rundir, summary
from ..boot import Boot
from ..usage import Usage

HELP = "captured logs"
EXAMPLE = """example: xtk parse -p qemu-tcg@7.2 -o out serial.log
DIR gets result.json and a copy of each log. Status as `xtk run`; of several logs the worst wins."""


def add(parser):
    parser.add_argument("-o", metavar="DIR", dest="out", help="for result.json and the logs")
    known = "whose failures are known"
    parser.add_argument("-p", metavar="PLATFORM[@VERSION]", dest="platform", help=known)
    expect.add_option(parser)
    parser.add_argument("logs", metavar="LOG", nargs="+")


def platform_of(text):
    """(name, version) of -p; a log does not say of which version its emulator was."""
    name, _, version = text.partition("@")
    return name, version


def check(path):
    """Before anything is written. Raises Usage."""
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}: name a log that can be read") from None


def names_of(paths):
    """{path: name} of the copies: the file's own name, or the path where that is not enough."""
    own = [os.path.basename(path) for path in paths]
    whole = [name if own.count(name) == 1 else path for name, path in zip(own, paths)]
    names = [name[:-4] if name.endswith(".log") else name for name in whole]
    return {path: job.name_of(name, []) for path, name in zip(paths, names)}


def keep(path, directory, name):
    """The path of the copy; a log that is in its place already stays there."""
    place = os.path.join(directory, rundir.LOGS, name + ".log")
    if os.path.exists(place) and os.path.samefile(path, place):
        return place
    place = rundir.fresh_log(directory, name)
    shutil.copyfile(path, place)
    return place


def parse(path, name, lines, arguments):
    """(run for result.json, status) of one log, whose copy will be called @name."""
    log = ktap.read_log(path)
    words = log.header.get("words", "").split()
    comparison, status = summary.judge(log, lines, words)
    place = keep(path, arguments.out, name) if arguments.out else path
    boot = Boot(arguments.platform, engine="", boot="", words=words, log=place)
    run = result.run_json(boot, arguments.version, log, comparison)
    summary.show_effort(run)
    return run, status


def main(arguments, _words):
    arguments.platform, arguments.version = platform_of(arguments.platform or "")
    version = (lambda: arguments.version) if arguments.version else expect.unknown
    lines = expect.of_platform(arguments.expect, arguments.platform, version)
    names = names_of(list(dict.fromkeys(arguments.logs)))
    for path in names:
        check(path)
    runs, statuses = [], []
    with rundir.claim(arguments.out) if arguments.out else contextlib.nullcontext():
        for path, name in names.items():
            if len(names) > 1:
                print(f"{path}:", file=sys.stderr)
            run, status = parse(path, name, lines, arguments)
            runs.append(run)
            statuses.append(status)
        if arguments.out:
            result.write(arguments.out, runs)
    return summary.worst(statuses)
