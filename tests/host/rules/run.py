#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds a hosted program of the rule tables, if it is not up to date, and runs it.

usage: tests/host/rules/run.py [--into DIR] [--cc CC] native|model [WORD...]

WORDs are those of the kernel's command line that make sense in a process: tests= list case= seed=
depth= repeat= shuffle=, and the model's own. The log goes to standard output. Objects are kept in
DIR, else in rules/ of $XTK_BUILD, else of build/. Status: that of the kernel, see README.md; 2 also
when nothing can be built.
"""

import argparse
import os
import sys

import build
import ctests


def main(arguments):
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[3].partition(": ")[2])
    parser.add_argument("--into", default=os.path.join(ctests.BUILD, "rules"))
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("program", choices=sorted(build.PROGRAMS))
    parser.add_argument("words", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    try:
        program = build.build(options.program, options.into, options.cc)
    except (ctests.Broken, OSError) as broken:
        print(f"run.py: {options.program} cannot be built: {broken}", file=sys.stderr)
        return 2
    os.execv(program, [program, *options.words])


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main(sys.argv[1:]))
