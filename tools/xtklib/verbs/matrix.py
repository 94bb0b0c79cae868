# SPDX-License-Identifier: MIT
"""`xtk matrix`: many platforms, boot paths and words; one result.json."""

import functools
import os
import sys

from .. import engines, expect, ist_table, job, ktap, matrix, platforms, result, rundir
from .. import screen, summary
from ..boot import BOOTS, BUILD, SILENCE_S, TIMEOUT_S
from ..progress import Progress
from ..usage import Usage, positive

INTERRUPTED = 130
TAKES_WORDS = True
HELP = "many platforms, boot paths and words, several boots at a time"
EXAMPLE = """example: xtk matrix -p 'qemu-*' bochs-ryzen --boot kernel,iso --retry 1 -j 4 -o out
         xtk matrix --words xcr0=3 --words 'xcr0=7 save=xsave' -- 'tests=switch/*'
         xtk matrix --resume -o out        # goes on where Ctrl-C or a full disk ended it
A WORD goes to the kernel's command line. A platform that cannot run on this machine is listed and
left out. The worst run wins. Status: 0 nothing unexpected, 1 failed, flaky, unexpected pass or
expired line, 2 usage or an emulator that does not start, 3 crash, 4 timeout, 5 error,
130 interrupted."""


def add(parser):
    more = parser.add_argument
    more("-p", metavar="GLOB", dest="globs", nargs="+", action="extend", help="platforms by name")
    more("--quick", action="store_true", help="only the platforms of the quick matrix")
    more("--platforms", metavar="FILE", help="instead of tools/platforms.json")
    more("--boot", metavar="PATHS", help="kernel,iso,uefi: those of them that a platform has")
    more("--words", metavar="WORDS", action="append", default=[], type=str, help="a job with these")
    more("-j", metavar="N", dest="workers", default=os.cpu_count(), type=positive, help="at a time")
    more("--shard", metavar="i/n", help="only every n-th job, from the i-th on")
    more("--isolate", action="store_true", help="one boot for each test")
    more("--repeat", metavar="N", default=1, type=positive, help="each job N times")
    more("--retry", metavar="N", default=0, type=positive, help="boot again what failed: flaky?")
    more("--resume", action="store_true", help="keep what DIR has, run the rest")
    more("--timeout", metavar="S", default=TIMEOUT_S, type=positive, help="seconds for one boot")
    more("--silence", metavar="S", default=SILENCE_S, type=positive, help="seconds without output")
    more("-o", metavar="DIR", dest="out", help="for result.json and logs (default: build/matrix)")
    expect.add_option(parser)


def boot_paths(text):
    paths = text.split(",") if text else []
    for path in paths:
        if path not in BOOTS:
            raise Usage(f"--boot {path}: no such boot path: name {', '.join(BOOTS)}")
    return paths


def platforms_of(arguments):
    found = platforms.choose(platforms.read(arguments.platforms), arguments.globs or ["*"])
    return [one for one in found if not arguments.quick or "quick" in one.tags]


def jobs_of(arguments, words):
    """(jobs, left_out): what was asked for, and [(name, why)...] of what cannot be."""
    found, boots = platforms_of(arguments), boot_paths(arguments.boot)
    axes = [text.split() for text in arguments.words]
    jobs = job.plan(found, boots, axes, words, arguments.repeat)
    left_out = [
        (one.name, f"does not boot by {arguments.boot}")
        for one in found
        if not job.paths_of(one, boots)
    ]
    if not jobs and not left_out:
        raise Usage("no job is left: no platform is what -p and --quick ask for together")
    # Before anything is left out, so that machines with other emulators share the same way.
    jobs = job.shard(jobs, arguments.shard) if arguments.shard and jobs else jobs
    reasons = {one.name: platforms.why_not(one) for one in found}
    for one in jobs:
        if reasons[one.platform.name]:
            left_out.append((one.name, reasons[one.platform.name]))
    return [one for one in jobs if not reasons[one.platform.name]], left_out


class Known:
    """The known failures of each platform."""

    def __init__(self, arguments):
        self.directory = arguments.expect
        self.files = {one.name: one.expect for one in platforms.read(arguments.platforms)}

    def of_run(self, run):
        name, version = run["platform"], functools.partial(run.get, "engine_version")
        return expect.of_files(self.directory, self.files.get(name, [name]), version)

    def of_job(self, one):
        version = functools.partial(engines.version, one.platform.to_boot())
        return expect.of_files(self.directory, one.platform.expect, version)


def show(session, known):
    judged = [screen.judge(run, known.of_run(run)) for run in session.runs]
    for line in screen.lines_of(judged, session.left_out + session.refused):
        print(line)
    print(f"{os.path.join(session.directory, rundir.RESULT)}; logs in {rundir.LOGS}/ beside it")
    return [one.status for one in judged] + [ktap.USAGE for _ in session.refused]


def measure_all(arguments, jobs, session, known):
    todo = jobs
    if arguments.resume and os.path.exists(os.path.join(session.directory, rundir.RESULT)):
        session.runs = result.read(session.directory)
        for run in session.runs:  # what is known may be another thing by now
            result.mark(run, screen.judge(run, known.of_run(run)).comparison)
        todo = matrix.to_do(session.directory, jobs, session.runs)
    session.write()
    progress = Progress(sys.stderr, len(todo))
    ask = matrix.Ask(arguments.isolate, arguments.retry, arguments.timeout, arguments.silence)

    def work(one):
        return matrix.work(one, ask, session.directory, known.of_job(one), progress)

    matrix.carry_out(todo, arguments.workers, work, session, progress)


def main(arguments, words):
    jobs, left_out = jobs_of(arguments, words)
    if not jobs:
        name, why = left_out[0]
        raise Usage(f"nothing can run here: {name}: {why}")
    known = Known(arguments)
    for one in jobs:  # what is wrong there is said before the first boot
        engines.check_words(one.words)
        known.of_job(one)
    out = arguments.out or os.path.join(BUILD, "matrix")
    with rundir.claim(out, replace=not arguments.out, resume=arguments.resume):
        session = matrix.Session(out, left_out=left_out)
        try:
            measure_all(arguments, jobs, session, known)
        finally:
            statuses = show(session, known)
            ist_table.write(out, session.runs)
    if session.interrupted:
        missing = len(jobs) - len(session.runs)
        print(f"xtk matrix: interrupted, {missing} to go: --resume -o {out}", file=sys.stderr)
        return INTERRUPTED
    return summary.worst(statuses)
