# SPDX-License-Identifier: MIT
"""How the C tests beside this file are built, what they are linked with, and what they say.

What is tested is compiled as in the kernel, with -mgeneral-regs-only; a test is when it says so.
A line "Links: FILE…" in its head names what it is linked with; without one that is the library
and kernel/SUBJECT*, SUBJECT being the first word of its name. A line "Rules: ID…" names the rules
that it checks. It ends with `N passed, N failed, N skipped`.
"""

import glob
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("XTK_BUILD") or os.path.join(ROOT, "build")

FLAGS = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror"]
FLAGS += ["-Ilib", "-Ikernel/include", "-Ikernel", "-Itests/host"]
GENERAL = ["-mgeneral-regs-only", "-fno-jump-tables"]
LAST = re.compile(r"([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped")
RULE = re.compile(r"\b([A-Z])([0-9]{2})(?:-\1([0-9]{2}))?\b")


class Broken(Exception):
    """A program that failed: its command and its words."""


def find(pattern="*"):
    return sorted(glob.glob(os.path.join(HERE, pattern + "_test.c")))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def links(path):
    named = re.search(r"Links:((?:\s+\*?\s*\S+/\S+\.(?:c|asm))+)", read(path))
    if named:
        return [name for name in named[1].split() if name != "*"]
    subject = os.path.basename(path).split("_")[0]
    patterns = ("lib/*.c", f"kernel/{subject}*.c", f"kernel/{subject}*.asm")
    found = (glob.glob(os.path.join(ROOT, pattern)) for pattern in patterns)
    return sorted(os.path.relpath(name, ROOT) for names in found for name in names)


def rules(path):
    """The ids that the test's head names, V03-V05 written out."""
    head = read(path).partition("Rules:")[2].partition("*/")[0]
    for letter, first, last in RULE.findall(head):
        for number in range(int(first), int(last or first) + 1):
            yield f"{letter}{number:02}"


def run(*command):
    """Standard output of a command that must succeed. Raises Broken."""
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Broken(f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr}")
    return done.stdout


def compile_source(compiler, source, directory, flags):
    """The object of one source; all in one directory are of the same compiler and flags."""
    out = os.path.join(directory, source.replace("/", "-") + ".o")
    if os.path.exists(out):
        return out
    if source.endswith(".asm"):
        include = ["-Ikernel/", f"-I{os.path.abspath(BUILD)}/"]
        run("nasm", "-f", "elf64", *include, "-o", out, source)
    else:
        run(compiler, *FLAGS, *GENERAL, *flags, "-c", "-o", out, source)
    return out


def build(compiler, path, directory, flags=()):
    """The program of the test at @path. Raises Broken."""
    program = os.path.join(directory, os.path.basename(path)[:-2])
    own = GENERAL if GENERAL[0] in read(path) else []
    run(compiler, *FLAGS, *own, *flags, "-c", "-o", program + ".o", path)
    objects = [compile_source(compiler, source, directory, flags) for source in links(path)]
    run(compiler, *flags, "-no-pie", "-o", program, *objects, program + ".o")
    return program
