#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the host tests: every test_*.py beside this file, or those named.

usage: tests/host/run.py [-v] [-j N] [NAME...]     NAME as test_boot, or test_boot.SelfTests

Files run side by side, N of them (default: as many as there are CPUs), each in a process of its own;
what one says is printed when it has ended. Skips are printed with their reasons. Status: 0, 1 when a
test failed or none ran, 2 usage.
"""

import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
COUNTS = re.compile(r"^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$", re.M)


def run_here(names, verbose):
    """One process' part: (passed, failed, skipped)."""
    tests = unittest.TestLoader().loadTestsFromNames(names)
    result = unittest.TextTestRunner(verbosity=1 + verbose).run(tests)
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}")
    # A test with failing subtests is listed once for each of them.
    failed = {str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors}
    failed |= {str(test) for test in result.unexpectedSuccesses}
    skipped = len(result.skipped)
    return result.testsRun - len(failed) - skipped, len(failed), skipped


def run_apart(name, verbose):
    """What a file says, and its counts; one that died in the middle has failed."""
    command = [sys.executable, os.path.abspath(__file__), "-j", "1", name] + ["-v"] * verbose
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    counts = COUNTS.findall(done.stdout)
    if not counts:
        return f"{done.stdout}{name} ended with status {done.returncode}\n", (0, 1, 0)
    passed, failed, skipped = map(int, counts[-1])
    # Status 1 without a failure is a file that was skipped as a whole.
    return done.stdout, (passed, failed or int(done.returncode not in (0, 1)), skipped)


def run_side_by_side(names, jobs, verbose):
    totals = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(run_apart, name, verbose): name for name in names}
        for number, job in enumerate(concurrent.futures.as_completed(waiting), 1):
            said, counts = job.result()
            totals = [total + count for total, count in zip(totals, counts)]
            print(f"[{number}/{len(names)}] {waiting[job]}\n{COUNTS.sub('', said).rstrip()}\n")
            sys.stdout.flush()
    return totals


def main(arguments):
    sys.dont_write_bytecode = True
    sys.path.insert(0, HERE)
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[3].partition(": ")[2])
    parser.add_argument("-v", action="store_true", dest="verbose")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, dest="jobs")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(arguments)
    names = options.names
    if not names:
        names = sorted(glob.glob(os.path.join(HERE, "test_*.py")))
        names = [os.path.basename(name)[: -len(".py")] for name in names]
    if options.jobs > 1 and len(names) > 1:
        passed, failed, skipped = run_side_by_side(names, options.jobs, options.verbose)
    else:
        passed, failed, skipped = run_here(names, options.verbose)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if not failed and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
