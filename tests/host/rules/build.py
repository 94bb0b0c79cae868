# SPDX-License-Identifier: MIT
"""How the programs that run the rule tables in a process are built.

    program = FRAME + TABLES + what is PROGRAMS[name]: one implementation of probe_ops,
              machine_words and frame.h

All C is compiled as in the kernel, with -mgeneral-regs-only; an object is compiled again when a file
that it was made from is newer. A further program is a further row of PROGRAMS.
"""

import concurrent.futures
import glob
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import ctests  # noqa: E402

FRAME = [f"tests/host/rules/{name}.c" for name in ("frame", "ops", "planted")]
FRAME += [f"kernel/{name}.c" for name in ("cmdline", "fault", "header", "judged", "print")]
FRAME += [f"kernel/{name}.c" for name in ("report", "string", "table", "test")]
FRAME += [f"kernel/{name}.c" for name in ("xregs", "xregs_compare", "xregs_pattern")]
FRAME += ["kernel/recover.asm", "kernel/xregs.asm", "rule-sections.c"]
TABLES = ["tests/rules/*.c"]
PROGRAMS = {
    "native": ["tests/host/rules/native.c", "tests/host/rules/native.asm"],
    "model": ["tests/host/model/*.c"],
}
GENERATED = {"rule-sections.c": ["awk", "-f", "tools/rule-sections.awk", "docs/rules.md"]}

FLAGS = [*ctests.FLAGS, *ctests.GENERAL, "-Itests/host/rules", "-ffreestanding"]
FLAGS += ["-fno-pie", "-mno-red-zone", "-fno-stack-protector", "-fcf-protection=none"]
FLAGS += ["-fno-omit-frame-pointer", "-fno-strict-aliasing", "-fno-common"]
# Bound at the start: the resolver of lazy binding saves extended state.
LINK = ["-no-pie", "-Wl,-z,now", "-Wl,-z,noexecstack"]


def version():
    return re.search(r"(?m)^VERSION := (\S+)", ctests.read(os.path.join(ctests.ROOT, "Makefile")))[1]


def sources(name):
    """The files of a program, from the root on; a pattern may match none."""
    for pattern in [*FRAME, *TABLES, *PROGRAMS[name]]:
        found = sorted(glob.glob(os.path.join(ctests.ROOT, pattern)))
        yield from (os.path.relpath(path, ctests.ROOT) for path in found)
        if pattern in GENERATED:
            yield pattern


def write_new(path, text):
    """Leaves a file alone that already says this, so that nothing is made of it again."""
    if os.path.exists(path) and ctests.read(path) == text:
        return
    new = f"{path}.{os.getpid()}"  # whole or not at all: another run may read it
    with open(new, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(new, path)


def generate(command, directory):
    """What is made of other files: numbers for the assembler, and the sections of the rules."""
    write_new(os.path.join(directory, "command"), " ".join(command))
    for name, maker in GENERATED.items():
        write_new(os.path.join(directory, name), ctests.run(*maker))
    text = ctests.run(*command, "-S", "-o", "-", "kernel/asm-offsets.c")
    found = re.findall(r'"->(\w+) \$*(-?[0-9]+)"', text)
    lines = (f"%define {name} {value}\n" for name, value in found)
    write_new(os.path.join(directory, "asm-offsets.inc"), "".join(lines))


def is_stale(target, dependencies, *more):
    """Whether a file that @target was made from is newer; a list in make's form names them."""
    if not os.path.exists(target) or not os.path.exists(dependencies):
        return True
    names = ctests.read(dependencies).partition(":")[2].replace("\\\n", " ").split()
    paths = [os.path.join(ctests.ROOT, name) for name in [*names, *more]]
    made = os.path.getmtime(target)
    return any(not os.path.exists(path) or os.path.getmtime(path) > made for path in paths)


def compile_source(command, source, directory):
    """The object of one source; @command compiles C. Raises ctests.Broken."""
    out = os.path.join(directory, source.replace("/", "-") + ".o")
    listed, new = out + ".d", f"{out}.{os.getpid()}"
    path = os.path.join(directory, source) if source in GENERATED else source
    if not is_stale(out, listed, os.path.join(directory, "command")):
        return out
    if source.endswith(".asm"):
        include = ["-Ikernel/", f"-I{directory}/"]
        ctests.run("nasm", "-f", "elf64", *include, "-MD", listed, "-MQ", out, "-o", new, path)
    else:
        ctests.run(*command, "-MMD", "-MF", listed, "-c", "-o", new, path)
    os.replace(new, out)
    return out


def build(name, directory, compiler="gcc", flags=()):
    """The program @name; what is in @directory and up to date is not made again.

    Raises ctests.Broken.
    """
    directory = os.path.abspath(directory)
    program = os.path.join(directory, name)
    command = [compiler, *FLAGS, *flags, f'-DXTK_VERSION="{version()}"']
    os.makedirs(directory, exist_ok=True)
    generate(command, directory)

    def one(source):
        return compile_source(command, source, directory)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(one, sources(name)))
    new = f"{program}.{os.getpid()}"
    ctests.run(compiler, *flags, *LINK, "-o", new, *objects)
    os.replace(new, program)
    return program
