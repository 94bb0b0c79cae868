#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the host tests: every test_*.py beside this file, or those named.

usage: tests/host/run.py [-v] [NAME...]      NAME as test_boot, or test_boot.SelfTests

Skips are printed with their reasons. Status: 0, 1 when a test failed or none ran.
"""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def main(arguments):
    sys.dont_write_bytecode = True
    sys.path.insert(0, HERE)
    verbose = "-v" in arguments
    names = [name for name in arguments if name != "-v"]
    loader = unittest.TestLoader()
    tests = loader.loadTestsFromNames(names) if names else loader.discover(HERE)
    result = unittest.TextTestRunner(verbosity=1 + verbose).run(tests)
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}")
    # A test with failing subtests is listed once for each of them.
    failed = {str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors}
    failed |= {str(test) for test in result.unexpectedSuccesses}
    skipped = len(result.skipped)
    passed = result.testsRun - len(failed) - skipped
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped")
    return 0 if result.wasSuccessful() and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
