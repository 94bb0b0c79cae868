#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libFuzzer on lib/ and on xstate's reader, with ASan and UBSan: all targets at once.

usage: tests/fuzz/run.py [SECONDS]      of each target, 30 without; 0: only the inputs there are

A target is a file NAME.c here; corpus/NAME/ holds the inputs that each run starts from. What a run
finds stays in BUILD/fuzz/NAME.corpus; to keep of it what reaches a new place:
BUILD/fuzz/NAME -merge=1 -use_counters=0 tests/fuzz/corpus/NAME BUILD/fuzz/NAME.corpus

Status: 0; 1 after an input that breaks a property, with the command that repeats it; 2 usage, or
clang is missing, or a target does not build or run.
"""

import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(os.path.abspath(os.environ.get("XTK_BUILD") or f"{ROOT}/build"), "fuzz")
CLANG = ["clang", "-std=gnu11", "-O1", "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"]
# Their loops over the register table, and long division, would spend three quarters of the time
# telling libFuzzer what they compare; the magic numbers that this finds are in the corpus already.
BLIND = "-fno-sanitize-coverage=trace-cmp"
FLAGS = {"image": [BLIND], "xstate": [BLIND]}
LIMITS = ["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]
FOUND = re.compile(r"Test unit written to (\S+)")
RUNS = re.compile(r"^stat::number_of_executed_units: *([0-9]+)$", re.M)
REACHED = re.compile(r"cov: ([0-9]+)")


class Trouble(Exception):
    """One line for the user."""


def targets():
    return sorted(os.path.basename(path)[:-2] for path in glob.glob(os.path.join(HERE, "*.c")))


def sources(name):
    """The target and the library; for xstate all of it but its main()."""
    found = [f"tests/fuzz/{name}.c", *glob.glob("lib/*.c", root_dir=ROOT)]
    if name == "xstate":
        found += glob.glob("tools/xstate/*.c", root_dir=ROOT)
    return sorted(path for path in found if not path.endswith("/main.c"))


def build(name):
    """Compile one target; the program's path."""
    if not shutil.which("clang"):
        raise Trouble("clang is missing: run 'make deps fuzz'")
    program = os.path.join(BUILD, name)
    flags = ["-Ilib", "-Itools/xstate", '-DXTK_VERSION="fuzz"', *FLAGS.get(name, [])]
    flags += ["-fsanitize=fuzzer,address,undefined", "-o", program]
    done = subprocess.run([*CLANG, *flags, *sources(name)], cwd=ROOT, check=False)
    if done.returncode:
        raise Trouble(f"{name}: clang cannot build it with libFuzzer: see above")
    return program


def start(name, program, seconds):
    """A running target; its messages go to a file."""
    grown = program + ".corpus"
    os.makedirs(grown, exist_ok=True)
    limit = f"-max_total_time={seconds}" if seconds else "-runs=0"
    command = [program, limit, *LIMITS, f"-artifact_prefix={program}.found-"]
    with open(program + ".log", "wb") as log:
        return subprocess.Popen(
            [*command, grown, os.path.join(HERE, "corpus", name)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )


def judge(name, program, status):
    """Prints what a run came to; its status."""
    with open(program + ".log", encoding="utf-8", errors="replace") as file:
        log = file.read()
    runs, reached, found = RUNS.search(log), REACHED.findall(log), FOUND.search(log)
    if found:
        print("".join(f"  {line}\n" for line in log.splitlines()[-200:] if told(line)), end="")
        print(f"fuzz: {name}: FAILED; repeat it: {program} {found[1]}")
        return 1
    if status or not runs or not reached:
        print(log[-2000:])
        raise Trouble(f"{name}: ended with status {status} without a word on why: see above")
    print(f"fuzz: {name}: {runs[1]} runs, {reached[-1]} places reached, nothing found")
    return 0


def told(line):
    """A line of a long report that says what happened."""
    return re.search(r"does not hold|ERROR:|runtime error|^ +#[0-9] ", line)


def main(arguments):
    if len(arguments) > 1 or not all(argument.isdigit() for argument in arguments):
        raise Trouble("usage: tests/fuzz/run.py [SECONDS], a whole number")
    seconds = int(arguments[0]) if arguments else 30
    os.makedirs(BUILD, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        programs = dict(zip(targets(), pool.map(build, targets())))
    running = {name: start(name, program, seconds) for name, program in programs.items()}
    ended = {name: process.wait() for name, process in running.items()}
    return max(judge(name, programs[name], status) for name, status in ended.items())


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Trouble as trouble:
        print(f"fuzz: {trouble}", file=sys.stderr)
        sys.exit(2)
