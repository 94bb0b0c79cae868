#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may know whom: every #include, %include and linked symbol against the table below.

usage: tools/lint/directions.py [BUILD]     from the root; with BUILD its objects' symbols too

boot -> kernel -> lib -> nothing; an entry design knows IST_FACE;
tests know the kernel's public face and the library, never a private header. Status: 0, 1, 2 usage.
"""

import os
import re
import subprocess
import sys

# What an entry design may use of the kernel: no tests, no threads, no reports.
IST_FACE = ("frame", "set", "ist", "ist_state", "stack", "cpu", "desc", "panic", "print", "string")

# A layer is the longest of these prefixes; the value is the layers and files it may include.
MAY_INCLUDE = {
    "boot/": ("boot/", "kernel/macros.inc"),
    "lib/": ("lib/",),
    "kernel/include/": ("kernel/include/", "lib/"),
    "kernel/": ("kernel/", "lib/"),
    "kernel/ist/": (
        "kernel/ist/",
        "kernel/macros.inc",
        *(f"kernel/include/xtk/{name}.h" for name in IST_FACE),
    ),
    "tests/": ("tests/", "kernel/include/", "lib/", "kernel/macros.inc"),
    "tests/ist/teeth/": ("tests/", "kernel/", "lib/"),  # each is a design with a fault
    "tests/sabotage/": ("tests/", "kernel/", "lib/"),  # each replaces one object of the kernel
    "tests/host/": ("tests/", "kernel/", "lib/"),
    "tests/fuzz/": ("tests/fuzz/", "lib/", "tools/xstate/"),
    "tests/proof/": ("tests/proof/", "lib/"),
    "tools/": ("tools/", "lib/"),
}
NEVER = {"kernel/": ("tests/", "kernel/ist/", "tools/"), "kernel/include/": ("kernel/ist/",)}
SEARCH = ("kernel/include", "lib", "kernel", "kernel/ist", "tools/xstate")
GENERATED = {"asm-offsets.inc"}
# What a freestanding compiler brings without a C library.
FREESTANDING = {f"std{name}.h" for name in ("arg", "bool", "def", "int", "align", "noreturn")}
FREESTANDING |= {"limits.h", "cpuid.h"}
HOSTED = ("tests/host/", "tests/fuzz/", "tests/proof/", "tools/")
INCLUDE = re.compile(r'\s*[#%]\s*(?:include|incbin)\s*(["<])([^">]+)')
# The compiler may call these whatever the source says (gcc manual, "Standards").
COMPILER_CALLS = {"memcpy", "memset", "memmove", "memcmp"}
# Which layer's objects may not use a symbol that only the other layer defines.
MAY_NOT_LINK = (("lib/", "kernel/"), ("lib/", "tests/"), ("lib/", "boot/"), ("kernel/", "tests/"))


def layer(path):
    return max((prefix for prefix in MAY_INCLUDE if path.startswith(prefix)), key=len, default="")


def sources():
    for top in ("boot", "kernel", "lib", "tests", "tools"):
        for folder, _, names in os.walk(top):
            for name in sorted(names):
                if name.endswith((".c", ".h", ".asm", ".inc", ".S")):
                    yield os.path.join(folder, name)


def resolve(path, name):
    folders = (os.path.dirname(path), *SEARCH)
    found = (os.path.normpath(os.path.join(folder, name)) for folder in folders)
    return next((file for file in found if os.path.isfile(file)), None)


def judge_include(path, quote, name):
    """What is wrong with one include, or None."""
    target = resolve(path, name)
    if name in GENERATED:
        return None
    if target is None:
        known = name in FREESTANDING or path.startswith(HOSTED)
        if quote == "<" and known:
            return None
        return f"{name}: no such file here; freestanding code may include {sorted(FREESTANDING)}"
    here = layer(path)
    forbidden = target.startswith(NEVER.get(here, ("\0",)))
    if forbidden or not target.startswith(MAY_INCLUDE[here]):
        return f"{target}: {here} may include only {', '.join(MAY_INCLUDE[here])}"
    return None


def check_includes():
    for path in sources():
        with open(path, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                match = INCLUDE.match(line)
                wrong = match and judge_include(path, *match.groups())
                if wrong:
                    yield f"{path}:{number}: {wrong}"


def symbols(path):
    """(defined, undefined) global symbols of one object."""
    said = subprocess.run(["nm", "-g", path], capture_output=True, text=True, check=True)
    rows = [line.split() for line in said.stdout.splitlines() if line.strip()]
    undefined = {row[-1] for row in rows if row[-2] in ("U", "w")}
    return {row[-1] for row in rows} - undefined, undefined


def check_symbols(build):
    """Links that no include shows, as a declaration written by hand would make."""
    table = {}
    for folder, _, names in os.walk(build):
        for name in names:
            path = os.path.join(folder, name)
            source = os.path.relpath(path, build)
            # Only what the kernel is linked from: its sources lie at the same path.
            if name.endswith(".o") and os.path.isfile(source[:-2]):
                table[source] = symbols(path)
    if not table:
        yield f"{build}: no object of the kernel in it: run 'make' first"
    for user, provider in MAY_NOT_LINK:
        theirs = set().union(*(d for p, (d, _) in table.items() if p.startswith(provider)))
        for path, (_, undefined) in sorted(table.items()):
            if path.startswith(user):
                for symbol in sorted((undefined & theirs) - COMPILER_CALLS):
                    yield f"{path}: uses {symbol}, which {provider} defines"


def main(arguments):
    if len(arguments) > 1 or not os.path.isdir("kernel"):
        print("usage: tools/lint/directions.py [BUILD], from the root of the tree", file=sys.stderr)
        return 2
    wrong = list(check_includes())
    if arguments:
        wrong += check_symbols(arguments[0])
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
