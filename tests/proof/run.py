#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Proves with CBMC that lib/ touches nothing out of bounds and overflows nowhere, for any input.

usage: tests/proof/run.py [TEXT]      TEXT: only the harnesses whose name holds it

harnesses.txt lists what is proven, seeds.txt faults of which each must be refuted: both head comments
say how. Two harnesses run at a time; what CBMC said goes to XTK_BUILD/proof/. cbmc is the machine's
own, else Debian 13's, unpacked into XTK_BUILD/suites/ by tools/unpack-suite.sh.

Status: 0 all proven and all faults refuted, 1 not, 2 usage or a missing tool.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("XTK_BUILD") or os.path.join(ROOT, "build")
OUT = os.path.join(BUILD, "proof")
SUITE = "trixie"
UNPACKED = os.path.join(BUILD, "suites", "trixie-cbmc")
TIMEOUT = 900  # seconds for one harness; the slowest takes a minute
CHECKS = """--bounds-check --pointer-check --pointer-overflow-check --signed-overflow-check
 --unsigned-overflow-check --conversion-check --div-by-zero-check --unwinding-assertions
 --no-malloc-may-fail --drop-unused-functions --slice-formula""".split()
PROPERTY = re.compile(r"^\[\S+\] (?:line \d+ )?(.*): (SUCCESS|FAILURE|UNKNOWN|ERROR)$", re.M)
REACHED = "reached: "  # a claim that must fail, proof.h


class Trouble(Exception):
    """One line for the user; status 2."""


@dataclass
class Harness:
    """A line of harnesses.txt."""

    group: str
    name: str
    functions: str
    replace: list = field(default_factory=list)
    links: list = field(default_factory=list)
    defines: list = field(default_factory=list)
    options: list = field(default_factory=list)

    @property
    def title(self):
        return f"{self.group}/{self.name}"


@dataclass
class Seed:
    """A line of seeds.txt."""

    title: str
    file: str
    old: str
    new: str


def unescape(text):
    return text.replace("\\n", "\n").replace("\\t", "\t").replace("\\|", "|")


def rows(name, columns):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            cells = [unescape(cell.strip()) for cell in line.rstrip("\n").split(" | ")]
            if line.startswith("#") or not line.strip():
                continue
            if len(cells) != columns:
                raise Trouble(f"{name}:{number}: {len(cells)} columns, not {columns}")
            yield cells


def read_harnesses():
    found = []
    for title, functions, words in rows("harnesses.txt", 3):
        harness = Harness(*title.split("/"), functions)
        for word in words.split():
            kind, _, value = word.partition("=")
            if ":" in kind:
                harness.replace.append(word)
            elif kind == "link":
                harness.links += value.split(",")
            elif kind == "define":
                harness.defines.append(value)
            elif kind in ("unwind", "unwindset"):
                harness.options += ["--" + kind, value]
            elif kind != "-":
                raise Trouble(f"harnesses.txt: {title}: '{word}' means nothing")
        if "--unwind" not in harness.options:
            harness.options += ["--unwind", "65"]
        found.append(harness)
    return found


def find_tools():
    """What stands before goto-cc, goto-instrument and cbmc."""
    if shutil.which("cbmc") and shutil.which("goto-cc"):
        return []
    script = os.path.join(ROOT, "tools", "unpack-suite.sh")
    if subprocess.run([script, SUITE, UNPACKED, "cbmc"], check=False).returncode:
        raise Trouble("no cbmc: install it, or mend what the line above names")
    return [os.path.join(UNPACKED, "run")]


def call(command, log):
    """What a command said, which is also in its log."""
    with open(log, "w", encoding="utf-8") as file:
        print(*command, file=file, flush=True)
        try:
            subprocess.run(
                command, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            print(f"no answer within {TIMEOUT} s", file=file)
    with open(log, encoding="utf-8", errors="replace") as file:
        return file.read()


def build(tools, harness, lib, out):
    if os.path.exists(out):
        os.unlink(out)
    command = [*tools, "goto-cc", "-std=gnu11", "-I", lib, "-I", HERE, "-o", out]
    command += ["-include", os.path.join(HERE, "proof.h"), "--function", "prove_" + harness.name]
    command += ["-D" + name for name in harness.defines]
    command.append(os.path.join(HERE, harness.group + "_proof.c"))
    command += [os.path.join(HERE, "model.c")] * (harness.group != "bytes")
    command += [os.path.join(lib, name + ".c") for name in harness.links]
    call(command, out + ".build.log")
    for pair in harness.replace if os.path.exists(out) else []:
        said = call([*tools, "goto-instrument", "--replace-calls", pair, out, out], out + ".log")
        if re.search("^(ERROR|.*not found)", said, re.M):
            raise Trouble(f"{harness.title}: cannot replace {pair}: see {out}.log")
    if not os.path.exists(out):
        raise Trouble(f"{harness.title} does not compile: see {out}.build.log")


def judge(said):
    """What is wrong with a proof, '' when nothing is, and the number of its properties."""
    found = PROPERTY.findall(said)
    if not found or "VERIFICATION" not in said:
        return said.strip().splitlines()[-1], 0
    wrong = [claim for claim, verdict in found
             if verdict != ("FAILURE" if claim.startswith(REACHED) else "SUCCESS")]
    if not any(claim.startswith(REACHED) for claim, _ in found):
        wrong.append("nothing shows that its end is reached")
    return "; ".join(wrong), len(found)


def prove(tools, harness, lib, suffix=""):
    out = os.path.join(OUT, f"{harness.group}-{harness.name}{suffix}.goto")
    start = time.monotonic()
    build(tools, harness, lib, out)
    wrong, count = judge(call([*tools, "cbmc", *CHECKS, *harness.options, out], out + ".log"))
    return wrong, count, time.monotonic() - start


def plant(seed, lib):
    """The library with one fault."""
    path = os.path.join(lib, seed.file)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(seed.old) != 1:
        raise Trouble(f"seeds.txt: {seed.title}: '{seed.old}' is not once in lib/{seed.file}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(seed.old, seed.new))


def refute(tools, harness, seed, number):
    """What is wrong with a seed, '' when the proof finds it, and what it found."""
    with tempfile.TemporaryDirectory(prefix="xtk-proof-") as directory:
        lib = os.path.join(directory, "lib")
        shutil.copytree(os.path.join(ROOT, "lib"), lib)
        plant(seed, lib)
        found, count, seconds = prove(tools, harness, lib, f"-seed{number}")
    if not count:
        return found or "no property", "", seconds
    return "" if found else "not noticed", found, seconds


def run_proofs(pool, tools, harnesses):
    """The number of those that are not proven."""
    jobs = {pool.submit(prove, tools, h, os.path.join(ROOT, "lib")): h for h in harnesses}
    failed = 0
    for job in concurrent.futures.as_completed(jobs):
        wrong, count, seconds = job.result()
        failed += bool(wrong)
        verdict = f"NOT PROVEN: {wrong}" if wrong else "proven"
        harness = jobs[job]
        print(f"{harness.title:26}{count:4} claims{seconds:6.1f} s  {verdict}: {harness.functions}",
              flush=True)
    return failed


def run_seeds(pool, tools, harnesses, seeds):
    """The number of those that a proof does not notice."""
    by_title = {harness.title: harness for harness in harnesses}
    jobs = {}
    for number, seed in enumerate(seeds):
        if seed.title in by_title:
            jobs[pool.submit(refute, tools, by_title[seed.title], seed, number)] = seed
    missed = 0
    for job in concurrent.futures.as_completed(jobs):
        wrong, found, seconds = job.result()
        missed += bool(wrong)
        seed = jobs[job]
        verdict = f"NOT REFUTED: {wrong}" if wrong else f"refuted by: {found[:60]}"
        fault = " ".join(seed.new.split())[:36]
        print(f"{seed.title:26}{seconds:11.1f} s  {seed.file}: {fault}: {verdict}", flush=True)
    return missed


def main(arguments):
    if len(arguments) > 1 or arguments[:1] == ["--help"]:
        print(__doc__.strip())
        return 0 if arguments == ["--help"] else 2
    harnesses = [h for h in read_harnesses() if not arguments or arguments[0] in h.title]
    seeds = [Seed(*cells) for cells in rows("seeds.txt", 4)]
    seeds = [seed for seed in seeds if any(seed.title == h.title for h in harnesses)]
    lacking = {h.title for h in harnesses} - {seed.title for seed in seeds}
    if not harnesses or lacking:
        raise Trouble(f"no seed for {' '.join(sorted(lacking))}" if lacking else "no such harness")
    tools = find_tools()
    os.makedirs(OUT, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = run_proofs(pool, tools, harnesses)
        missed = run_seeds(pool, tools, harnesses, seeds)
    print(f"{len(harnesses) - failed} of {len(harnesses)} proven, "
          f"{len(seeds) - missed} of {len(seeds)} seeded faults refuted; logs in {OUT}")
    return 1 if failed or missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Trouble as error:
        print(f"prove: {error}", file=sys.stderr)
        sys.exit(2)
