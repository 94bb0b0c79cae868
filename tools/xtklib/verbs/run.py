# SPDX-License-Identifier: MIT
"""`xtk run`: one boot of one platform."""

import functools
import os
import sys
import threading

from .. import engines, expect, job, platforms, process, result, rundir, summary
from ..boot import BOOTS, BUILD, SILENCE_S, TIMEOUT_S, Boot
from ..take import take
from ..usage import Usage, positive

DEFAULT = "qemu-tcg"
PIECE = 1 << 20
OVERRIDES = ("boot", "image", "cpu", "machine", "accel", "smp")
TAKES_WORDS = True
HELP = "one boot; its serial text streams to standard output"
EXAMPLE = """example: xtk run --kernel --cpu Skylake-Client -- 'tests=switch/*' seed=7
         xtk run --qemu ~/qemu/build/qemu-system-x86_64 --expect none
A WORD goes to the kernel's command line. Status: 0 nothing unexpected, 1 failed or unexpected pass,
2 usage or an emulator that does not start, 3 crash, 4 timeout, 5 error."""


def add(parser):
    more = parser.add_argument
    more("-p", metavar="PLATFORM", dest="platform", help=f"of platforms.json (default: {DEFAULT})")
    more("--platforms", metavar="FILE", help="instead of tools/platforms.json")
    engine = parser.add_mutually_exclusive_group()
    engine.add_argument("--qemu", metavar="PATH", help="a QEMU that no list names")
    engine.add_argument("--bochs", metavar="PATH", help="a Bochs that no list names")
    boot = parser.add_mutually_exclusive_group()
    for path in BOOTS:
        boot.add_argument("--" + path, dest="boot", action="store_const", const=path)
    more("--image", metavar="FILE", help="boot FILE, not what was built")
    more("--cpu", metavar="M", help="CPU model")
    more("--machine", metavar="M", help="machine type")
    more("--accel", metavar="A", help="tcg or kvm")
    more("--smp", metavar="N", type=positive, help="number of CPUs")
    more("--timeout", metavar="S", default=TIMEOUT_S, type=positive, help="seconds in all")
    more("--silence", metavar="S", default=SILENCE_S, type=positive, help="seconds without output")
    more("-o", metavar="DIR", dest="out", help="for result.json and the log (default: build/run)")
    expect.add_option(parser)


def of_the_list(arguments):
    """(boot, lines) of a platform that the list names."""
    name = arguments.platform or DEFAULT
    found = platforms.choose(platforms.read(arguments.platforms), [name])
    if len(found) > 1:
        raise Usage(f"-p {name}: matches {len(found)} platforms: name one, or use 'xtk matrix'")
    why = platforms.why_not(found[0])
    if why:
        raise Usage(f"-p {found[0].name}: {why}")
    boot = found[0].to_boot()
    version = functools.partial(engines.version, boot)
    return boot, expect.of_files(arguments.expect, found[0].expect, version)


def of_a_path(arguments):
    """(boot, lines) of an emulator that no list names; -p only says whose failures are known."""
    engine = "qemu" if arguments.qemu else "bochs"
    path = arguments.qemu or arguments.bochs
    name = arguments.platform or os.path.basename(path)
    boot = Boot(platform=name, engine=engine, path=path)
    version = functools.partial(engines.version, boot)
    return boot, expect.of_platform(arguments.expect, arguments.platform, version)


def boot_of(arguments, words):
    """(boot, lines, name of the log)."""
    boot, lines = (of_a_path if arguments.qemu or arguments.bochs else of_the_list)(arguments)
    given = [option for option in OVERRIDES if getattr(arguments, option)]
    for option in given + ["timeout", "silence"]:
        setattr(boot, option, getattr(arguments, option))
    said = [f"{option}={getattr(arguments, option)}" for option in given]
    name = job.name_of(boot.platform, said + words)
    boot.words = boot.words + words
    return boot, lines, name


class Follower:
    """Copies a growing log to standard output, a piece at a time: it may grow faster than we do."""

    def __init__(self, log):
        self.log, self.file, self.out = log, None, sys.stdout.buffer

    def __call__(self, size):
        if size and not self.file:
            self.file = open(self.log, "rb")
        if self.file:
            self.copy()

    def copy(self):
        """Whether there was anything."""
        text = self.file.read(PIECE)
        if text and self.out:
            try:
                self.out.write(text)
                self.out.flush()
            except BrokenPipeError:  # who listened has seen enough; the verdict is still wanted
                self.out = None
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return bool(text)

    def close(self):
        """Copy the rest, now that the log grows no more."""
        while self.file and self.copy():
            pass
        if self.file:
            self.file.close()


def carry_out(boot, lines, out):
    process.go()
    asking = threading.Thread(target=engines.version, args=[boot])  # while it boots: it takes time
    asking.start()
    follower = Follower(boot.log)
    try:
        log = take(boot, out, follower).log
    finally:
        follower.close()
        asking.join()
    sys.stderr.write(boot.said)
    comparison, status = summary.judge(log, lines, boot.words)
    run = result.run_json(boot, engines.version(boot), log, comparison)
    result.write(out, [run])
    summary.show_effort(run)
    return status


def main(arguments, words):
    boot, lines, name = boot_of(arguments, words)
    out = arguments.out or os.path.join(BUILD, "run")
    with rundir.claim(out, replace=not arguments.out):
        boot.log = rundir.fresh_log(out, name)
        return carry_out(boot, lines, out)
