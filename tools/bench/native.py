# SPDX-License-Identifier: MIT
"""Cycles of the library on this CPU, from native.c, as ratios within one run.

One pass is one process: it gives the median of many batches of each variant, less the empty loop.
A figure is the median of its passes, a ratio that of the ratios of each pass. Passes are repeated
until the quartiles of each judged ratio lie close together: "spread". "noise" is the same of the
batches in a pass.
"""

import collections
import os
import platform
import shlex
import shutil
import statistics
import subprocess
from dataclasses import dataclass, field

import progress
from qemu import Trouble
from xtklib import ktap
from xtklib.boot import BUILD, ROOT

ROUNDS = 101  # of a pass
LEAST = 5  # passes, before their spread says something
STABLE = 0.01  # how far apart the quartiles of a ratio may lie, relative to it
PER_HAND, OVER_BARE, PER_CRATE, PER_ASKED = 1.05, 15, 0.5, 1.05  # the targets
FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-mgeneral-regs-only"]
# The bare instruction is executed this often in a task.
INSTRUCTIONS = {"save": 1, "load": 1, "both": 2}

Timing = collections.namedtuple("Timing", "median quartiles")  # quartiles: how far apart


@dataclass(frozen=True)
class Job:
    rfbm: int
    use: int
    bv: int = field(compare=False)  # the CPU may say more than is in use, and not each time
    format: str
    bytes: int


def build(directory):
    compiler = shlex.split(os.environ.get("CC") or "gcc")
    library = os.path.join(BUILD, "libxsave.a")
    source = os.path.join(ROOT, "tools", "bench", "native.c")
    program = os.path.join(directory, "native")
    if not shutil.which(compiler[0]):
        raise Trouble(2, f"{compiler[0]} is missing: run 'make deps bench'")
    if not os.path.exists(library):
        raise Trouble(2, f"{library} is missing: run 'make lib'")
    os.makedirs(directory, exist_ok=True)
    command = [*compiler, *FLAGS, "-I" + os.path.join(ROOT, "lib")]
    said = subprocess.run(
        [*command, "-o", program, source, library], capture_output=True, text=True, check=False
    )
    if said.returncode:
        raise Trouble(2, f"cannot build {source}: {said.stderr.strip()}")
    return program


def run(program):
    command = [program, str(ROUNDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip() or f"status {done.returncode}"
        raise Trouble(1, f"{os.path.basename(program)}: {said}")
    return done.stdout


def parse(text):
    """(names of sets by mask, what was skipped, {(job, task, how): Timing}) of one pass."""
    names, skipped, rows = {0: "nothing"}, [], {}
    for line in text.splitlines():
        kind, _, rest = line.partition(": ")
        row = ktap.key_values(rest)
        if kind == "skip":
            skipped.append(rest)
        elif kind == "set":
            names[int(row["mask"], 0)] = row["name"]
        elif kind == "bench":
            masks = (int(row[key], 0) for key in ("rfbm", "use", "bv"))
            job = Job(*masks, row["format"], int(row["bytes"]))
            low, median, high = (int(row[key]) / int(row["ops"]) for key in ("q1", "median", "q3"))
            rows[job, row["task"], row["how"]] = Timing(median, high - low)
        else:
            raise Trouble(1, f"native: a line of no known kind: {line}")
    return names, skipped, rows


def net(rows):
    """Less what is not the task's: the empty loop, and loading again what shall be in use."""
    base = {"fresh": "again", "clear": "again"}
    costs = {
        (job, task, how): timing.median - rows[job, base.get(task, "none"), "base"].median
        for (job, task, how), timing in rows.items()
        if how != "base"
    }
    for (_, task, how), cycles in costs.items():
        if cycles <= 0:
            raise Trouble(1, f"native: {task} by {how} takes no time: too much noise, run it again")
    return costs


def spread(values):
    """Between the quartiles, relative to the median; None of one value."""
    if len(values) < 2:
        return None
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / median


class Passes:
    """Some passes, each as rows of parse(); a figure is the median of all of them."""

    def __init__(self, rows):
        self.rows = rows
        self.passes = [net(one) for one in rows]
        self.keys = self.passes[0] if rows else {}

    def jobs(self, task):
        """The jobs in which the library did this task, in the order of the program."""
        return [job for job, of, how in self.keys if (of, how) == (task, "lib")]

    def has(self, *key):
        return key in self.keys

    def cost(self, *key):
        return statistics.median([one[key] for one in self.passes])

    def noise(self, *key):
        """Between the quartiles of the batches of a pass, relative to their median."""
        return statistics.median([one[key].quartiles / one[key].median for one in self.rows])

    def ratios(self, above, below):
        return [one[above] / one[below] for one in self.passes]

    def ratio(self, above, below):
        return statistics.median(self.ratios(above, below))


def judged(passes):
    """The pairs whose ratio must be stable before measuring ends."""
    for task, other in [*((task, "hand") for task in INSTRUCTIONS), ("fresh", "crate")]:
        for job in passes.jobs(task):
            yield (job, task, "lib"), (job, task, other)


def unrest(passes):
    return max((spread(passes.ratios(*pair)) for pair in judged(passes)), default=0)


def row_of(passes, names, job, task, others):
    """What all tables have: who takes how long, and the library's ratio to each other."""
    row = {
        "asked": names[job.rfbm],
        "in_use": names[job.use],
        "all_in_use": job.use == job.rfbm,
        "format": job.format,
        "task": task,
    }
    if job.bv != job.use:
        row["in_use"] += f", CPU says {job.bv:#x}"
    for how in ("lib", *others):
        if passes.has(job, task, how):
            row[how] = round(passes.cost(job, task, how), 1)
    for how in others:
        if passes.has(job, task, how):
            ratio = passes.ratio((job, task, "lib"), (job, task, how))
            row["lib_" + how] = round(ratio, 4)
    return row


def instruction_row(passes, names, job, task):
    """One task of one job: the library against everything else."""
    row = row_of(passes, names, job, task, ("hand", "bare", "fx"))
    over = [one[job, task, "lib"] - one[job, task, "bare"] for one in passes.passes]
    copy = (job, "none", "copy")
    row["over_bare"] = round(statistics.median(over) / INSTRUCTIONS[task], 1)
    row["copy"] = round(passes.cost(*copy), 1)
    row["lib_copy"] = round(passes.ratio((job, task, "lib"), copy), 4)
    row["spread"] = spread(passes.ratios((job, task, "lib"), (job, task, "hand")))
    row["noise"] = round(passes.noise(job, task, "lib"), 4)
    return row


def whole_row(passes, names, job, task):
    """A default and a save or load, against the same in the manner of the crate."""
    row = row_of(passes, names, job, task, ("crate", "bare"))
    if passes.has(job, task, "bare"):
        pair = (job, task, "bare"), (job, task, "crate")
        row["bare_crate"] = round(passes.ratio(*pair), 4)
    row["spread"] = spread(passes.ratios((job, task, "lib"), (job, task, "crate")))
    row["noise"] = round(passes.noise(job, task, "lib"), 4)
    return row


def state_row(passes, names, job, task, jobs):
    """All asked for and some in use: against all in use, and against asking for no more."""
    row = row_of(passes, names, job, task, ())
    key = (job, task, "lib")
    for name, mask in (("lib_full", job.rfbm), ("lib_asked", job.use)):
        for other in jobs:
            if (other.rfbm, other.use, other.format) == (mask, mask, job.format):
                row[name] = round(passes.ratio(key, (other, task, "lib")), 4)
    return row


def tables(passes, names):
    widest = max((job.rfbm for job in passes.jobs("save")), default=0)
    rows = {"instruction": [], "state": [], "whole": []}
    for task in INSTRUCTIONS:
        jobs = passes.jobs(task)
        for job in jobs:
            if job.use in (0, job.rfbm):
                rows["instruction"].append(instruction_row(passes, names, job, task))
            if job.rfbm == widest:
                rows["state"].append(state_row(passes, names, job, task, jobs))
    for task in ("fresh", "clear"):
        for job in passes.jobs(task):
            rows["whole"].append(whole_row(passes, names, job, task))
    return rows


def target(name, bound, key, rows, what):
    """A bound and the worst of some rows; None when there is no such row."""
    if not rows:
        return None
    worst = max(rows, key=lambda row: row[key])
    found = {"name": name, "bound": bound, "worst": worst[key], "at": worst}
    met = sum(row[key] <= bound for row in rows)
    return {**found, "met": met, "rows": len(rows), **what}


def targets(rows):
    """Of the state in use, on a CPU with XSAVEC for the last two."""
    used = [row for row in rows["instruction"] if row["all_in_use"]]
    fresh = [row for row in rows["whole"] if (row["task"], row["format"]) == ("fresh", "compacted")]
    save = [row for row in rows["state"] if (row["task"], row["format"]) == ("save", "compacted")]
    save = [row for row in save if "lib_asked" in row and not row["all_in_use"]]
    floor = max((row["bare_crate"] for row in fresh), default=None)
    found = [
        target("lib / by hand", PER_HAND, "lib_hand", used, {}),
        target("lib - bare, cycles an instruction", OVER_BARE, "over_bare", used, {}),
        target("default + save / crate", PER_CRATE, "lib_crate", fresh, {"floor": floor}),
        target("all asked / what is in use asked", PER_ASKED, "lib_asked", save, {}),
    ]
    return [one for one in found if one]


def summarise(parsed):
    """The figures of some passes, as parse() gives them."""
    names, skipped, _ = parsed[0]
    rows = tables(Passes([one for _, _, one in parsed]), names)
    return {"passes": len(parsed), "skipped": skipped, **rows, "targets": targets(rows)}


def stable(parsed):
    passes = Passes([one for _, _, one in parsed])
    return len(parsed) >= LEAST and unrest(passes) <= STABLE


def cpu():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.partition(": ")[2] for line in file if line.startswith("model name")]
    return names[0].strip() if names else platform.machine()


def measure(directory, most):
    """The figures, after as many passes as it takes, at most @most."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return {"cpu": cpu(), **summarise([parse("skip: all: this is no x86-64 CPU")])}
    program = build(directory)
    parsed = []
    while len(parsed) < most and not stable(parsed):
        progress.show(f"native: pass {len(parsed) + 1}, at most {most}")
        parsed.append(parse(run(program)))
    progress.show()
    return {"cpu": cpu(), **summarise(parsed)}
