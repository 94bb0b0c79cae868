# SPDX-License-Identifier: MIT
"""The command line of tools/xtk: one function per verb."""

import argparse
import os
import sys

from . import engine, expect, ktap, result, summary

RUN_EXAMPLE = """example: xtk run --kernel --cpu Skylake-Client -- tests='xsave/*' seed=7
A WORD goes to the kernel's command line. Status: 0 nothing unexpected, 1 failed or unexpected pass,
2 usage, 3 crash, 4 timeout, 5 error."""
PARSE_EXAMPLE = """example: xtk parse -p qemu-tcg -o out serial.log
Status as `xtk run`; of several logs the worst wins."""


class Usage(Exception):
    """One line for the user; status 2."""


class ArgumentParser(argparse.ArgumentParser):
    def error(self, message):
        raise Usage(f"{message}; see '{self.prog} --help'")


def build_parser():
    parser = ArgumentParser(prog="xtk", description="Drives xtk boots and reads their logs.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    raw = argparse.RawDescriptionHelpFormatter
    common = ArgumentParser(add_help=False)
    common.add_argument("-o", metavar="DIR", dest="out", help="where result.json and the log go")
    common.add_argument(
        "--expect", metavar="DIR", help="known failures, or none (default: tests/expect)"
    )
    run = verbs.add_parser(
        "run", parents=[common], help="one boot", epilog=RUN_EXAMPLE, formatter_class=raw
    )
    run.add_argument("-p", metavar="PLATFORM", dest="platform", default="qemu-tcg")
    boot = run.add_mutually_exclusive_group()
    for path in ("iso", "kernel", "uefi"):
        boot.add_argument("--" + path, dest="boot", action="store_const", const=path, default="iso")
    run.add_argument("--qemu", metavar="PATH", default="qemu-system-x86_64")
    run.add_argument("--cpu", metavar="M", default="max")
    run.add_argument("--smp", metavar="N", default="1")
    for option in ("image", "machine", "accel", "timeout"):
        run.add_argument("--" + option, metavar="X", help="as run-qemu.sh's")
    run.add_argument("--gdb", action="store_true", help="as run-qemu.sh's")
    parse = verbs.add_parser(
        "parse", parents=[common], help="captured logs", epilog=PARSE_EXAMPLE, formatter_class=raw
    )
    parse.add_argument("-p", metavar="PLATFORM", dest="platform", help="whose failures are known")
    parse.add_argument("logs", metavar="LOG", nargs="+")
    return parser


def expectations(arguments):
    """The lines of the platform's file; none without a platform or with --expect none."""
    if arguments.expect == "none" or not arguments.platform:
        return []
    directory = arguments.expect or os.path.join(engine.ROOT, "tests", "expect")
    path = os.path.join(directory, arguments.platform + ".txt")
    if not os.path.isdir(directory):
        raise Usage(f"--expect {directory}: no such directory")
    if not os.path.isfile(path):
        known = " ".join(sorted(f[:-4] for f in os.listdir(directory) if f.endswith(".txt")))
        raise Usage(f"-p {arguments.platform}: unknown platform; known: {known or 'none'}")
    return expect.read(path)


def make_directory(path):
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise Usage(f"-o {path}: {error.strerror}") from None


def read_log(path, timed_out=False):
    try:
        return ktap.read_log(path, timed_out)
    except OSError as error:
        raise Usage(f"{path}: cannot read the log: {error.strerror}") from None


def judge(log, lines, words):
    comparison = summary.compare(log, lines, words)
    summary.show(log, comparison)
    return comparison, summary.status(log, comparison)


def run(arguments, words):
    lines = expectations(arguments)
    out = arguments.out or os.path.join(engine.BUILD, "run")
    make_directory(out)
    boot = engine.Boot(arguments.boot, arguments.cpu, arguments.smp, arguments.qemu, words=words)
    boot.log = os.path.join(out, arguments.platform + ".log")
    for option in ("image", "machine", "accel", "timeout"):
        if getattr(arguments, option):
            boot.options += ["--" + option, getattr(arguments, option)]
    boot.options += ["--gdb"] * arguments.gdb
    if os.path.exists(boot.log):
        os.unlink(boot.log)
    qemu = engine.Qemu()
    engine.run(qemu, boot)
    if boot.status == ktap.USAGE and not os.path.exists(boot.log):
        return ktap.USAGE
    log = read_log(boot.log, boot.status == ktap.TIMEOUT)
    comparison, status = judge(log, lines, words)
    boot.smp = int(boot.smp)
    run_json = result.run_json(
        arguments.platform, qemu.name, qemu.version(boot), boot, log, comparison
    )
    result.write(os.path.join(out, "result.json"), [run_json])
    if boot.status != log.status:
        print(
            f"xtk: run-qemu.sh ended with status {boot.status}, the log says {log.status}:"
            f" {log.reason}",
            file=sys.stderr,
        )
        return ktap.CRASH
    return status


def parse(arguments, _words):
    lines = expectations(arguments)
    if arguments.out:
        make_directory(arguments.out)
    runs, statuses = [], []
    for path in arguments.logs:
        log = read_log(path)
        words = log.header.get("words", "").split()
        if len(arguments.logs) > 1:
            print(f"{path}:", file=sys.stderr)
        comparison, status = judge(log, lines, words)
        statuses.append(status)
        boot = engine.Boot(boot="", cpu="", words=words, log=path)
        runs.append(result.run_json(arguments.platform or "", "", "", boot, log, comparison))
    if arguments.out:
        result.write(os.path.join(arguments.out, "result.json"), runs)
    return summary.worst(statuses)


VERBS = {"run": run, "parse": parse}


def main(argv):
    cut = argv.index("--") if "--" in argv else len(argv)
    verb = "xtk"
    try:
        arguments = build_parser().parse_args(argv[:cut])
        verb += " " + arguments.verb
        return VERBS[arguments.verb](arguments, argv[cut + 1 :])
    except (Usage, expect.Malformed) as error:
        print(f"{verb}: {error}", file=sys.stderr)
        return ktap.USAGE
    except OSError as error:
        print(f"{verb}: {error.filename or 'cannot write'}: {error.strerror}", file=sys.stderr)
        return ktap.USAGE
    except KeyboardInterrupt:
        print(f"{verb}: interrupted", file=sys.stderr)
        return 130
