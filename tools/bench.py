#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Figures, and no judgement: what library, boot, thread switch and entry designs cost.

usage: tools/bench.py [-n RUNS] [--only native|boot|switch|ist] [-o FILE] [--qemu PATH]

native: a program with build/libxsave.a on this CPU, against the bare instruction and others (CC
names the compiler). boot: build/xtk.elf and build/xtk.iso, and a kernel that only exits. switch:
instructions of a thread switch in build/xtk.elf. ist: instructions, stack and size of each of its
entry designs, and cycles where KVM runs. XTK_BUILD names build/. Prints tables, and beside them
which targets were met; -o writes the same as JSON. Status: 0, also when a target was missed; 1 when
a run did not end as it must; 2 usage or a missing tool.
"""

import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "bench")]

import boot  # noqa: E402
import entry  # noqa: E402
import native  # noqa: E402
import progress  # noqa: E402
import switch  # noqa: E402
import tables  # noqa: E402
from qemu import Trouble  # noqa: E402
from xtklib.boot import BUILD  # noqa: E402

RUNS_HELP = "boots, and passes of the native part at most (default 31)"


def measure_switch(directory, options):
    return switch.measure(directory, options.qemu)


def measure_ist(directory, options):
    return entry.measure(directory, options.qemu)


def measure_boot(directory, options):
    floor = boot.build(directory)
    return [
        boot.measure(path, suffix, floor, options.qemu, options.n)
        for path, suffix in (("kernel", ".elf"), ("iso", ".iso"))
    ]


def measure_native(directory, options):
    return native.measure(directory, options.n)


# What is measured, in this order, and how it is shown.
PARTS = {
    "switch": (measure_switch, tables.show_switch),
    "ist": (measure_ist, entry.show),
    "boot": (measure_boot, tables.show_boot),
    "native": (measure_native, tables.show_native),
}


class ArgumentParser(argparse.ArgumentParser):
    def error(self, message):
        raise Trouble(2, f"{message}; see --help")


def positive(text):
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 9999:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to 9999")
    return int(text)


def writable(path):
    """Known before the minute of measuring, not after it."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.access(folder, os.W_OK):
        raise argparse.ArgumentTypeError(f"'{path}': cannot write there; name a file in a folder")
    return path


def parse(arguments):
    parser = ArgumentParser(prog="bench.py", description=__doc__.partition("\n")[0])
    parser.add_argument("-n", metavar="RUNS", type=positive, default=31, help=RUNS_HELP)
    parser.add_argument("--only", choices=PARTS, help="this part alone")
    parser.add_argument("-o", metavar="FILE", type=writable, dest="out", help="JSON")
    parser.add_argument("--qemu", metavar="PATH", default="qemu-system-x86_64")
    return parser.parse_args(arguments)


def version(qemu):
    said = subprocess.run([qemu, "--version"], capture_output=True, text=True, check=False).stdout
    return said.partition("version ")[2].partition(" ")[0]


def bench(options):
    """Each part is shown when it is done, so that what fails later takes no figures away."""
    directory = os.path.join(BUILD, "bench")
    figures = {"version": 1, "runs": options.n}
    for name, (measure, show) in PARTS.items():
        if options.only in (None, name):
            figures[name] = measure(directory, options)
            if name != "native":
                figures["qemu"] = version(options.qemu)
            show(figures)
            sys.stdout.flush()
    return figures


def write(path, figures):
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)
            file.write("\n")
    except OSError as error:
        raise Trouble(2, f"-o {path}: {error.strerror}") from None


def main(arguments):
    try:
        options = parse(arguments)
        figures = bench(options)
        if options.out:
            write(options.out, figures)
    except Trouble as trouble:
        progress.show()
        print(f"bench.py: {trouble}", file=sys.stderr)
        return trouble.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough; the exit must not flush into it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
