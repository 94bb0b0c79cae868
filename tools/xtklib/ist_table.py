# SPDX-License-Identifier: MIT
"""What the laboratory found, by platform and design: the table of patterns, and ist.json.

All of it is made from the runs of result.json; docs/protocol.md has the schema of ist.json.
"""

import contextlib
import json
import os
from dataclasses import dataclass

from . import ist
from .rundir import IST

VERSION = 1
MARKS = {
    ist.AS_CLAIMED: "=",
    ist.WORSE: "!",
    ist.BETTER: "+",
    ist.UNKNOWN: "?",
    ist.UNCLAIMED: "",
}
WORDS = {
    ist.AS_CLAIMED: "as claimed",
    ist.WORSE: "worse than claimed",
    ist.BETTER: "better than claimed",
    ist.UNKNOWN: "not known: lines are missing or damaged",
    ist.UNCLAIMED: "nothing is claimed",
}
RED = (ist.WORSE, ist.BETTER, ist.UNKNOWN)
WORST = (ist.WORSE, ist.UNKNOWN, ist.BETTER, ist.UNCLAIMED, ist.AS_CLAIMED)
ALL = "*"  # in the place of the events: all patterns of a base context together


@dataclass
class Platform:
    """The designs on one platform, by name."""

    name: str
    engine: str
    engine_version: str
    designs: dict
    wall_s: float


@dataclass(frozen=True)
class Cell:
    """A pattern, with one re-arm, of one design."""

    cases: int
    failed: int
    na: int
    verdict: str

    def text(self):
        if not self.cases:
            return "n/a" + MARKS[self.verdict].replace("=", "")
        return f"{self.failed}/{self.cases}{MARKS[self.verdict]}"

    def is_red(self):
        return self.verdict in RED


def platform_of(name, runs):
    """The Platform of all its runs."""
    found = {}
    for run in runs:
        for design, one in ist.of_run(run).items():
            found.setdefault(design, []).append(one)
    designs = {design: ist.merged(found[design]) for design in sorted(found)}
    wall_s = round(sum(run["wall_s"] for run in runs), 3)
    return Platform(name, runs[0]["engine"], runs[0]["engine_version"], designs, wall_s)


def platforms_of(runs):
    """A Platform for each name, and each boot path of it, that has results of the laboratory."""
    groups = {}
    for run in filter(ist.is_laboratory, runs):
        groups.setdefault((run["platform"], run["boot"]), []).append(run)
    names = [name for name, _ in groups]
    return [
        platform_of(name if names.count(name) == 1 else f"{name}+{boot}", some)
        for (name, boot), some in groups.items()
    ]


def order(key):
    """Patterns of one base together, the shorter first."""
    pattern, rearm = key
    base, _, events = pattern.rpartition(":")
    return base, events.count(">"), events, rearm


def title(key):
    """A pattern in words, with its re-arm where that makes a difference."""
    return key[0] if key[1] == "-" else " ".join(key)


def base_of(key):
    """What the first event interrupts, with its colon; "" for the kernel's ordinary code."""
    return "".join(key[0].rpartition(":")[:2])


def rows_of(platforms):
    """The (pattern, rearm) of all, in order; those of another base context behind their sum."""
    keys = {key for p in platforms for one in p.designs.values() for key in one.patterns}
    sums = {(base_of(key) + ALL, "-") for key in keys if base_of(key)}
    return sorted(keys | sums, key=lambda key: (base_of(key), is_detail(key), order(key)))


def is_detail(row):
    """Whether another row has its sum."""
    return bool(base_of(row)) and row[0] != base_of(row) + ALL


def sum_of(design, base):
    """The Cell of all patterns of a base context."""
    keys = [key for key in design.patterns if base_of(key) == base]
    counts = [sum(design.patterns[key].counts[i] for key in keys) for i in (0, 1)]
    na = sum(design.patterns[key].na for key in keys)
    verdicts = [ist.verdict(design, key)[0] for key in keys]
    return Cell(*counts, na, min(verdicts, key=WORST.index)) if keys else None


def columns_of(platforms):
    return sorted({name for platform in platforms for name in platform.designs})


def cell_of(platform, key, name):
    """The Cell, or None where the design has no such pattern."""
    design = platform.designs.get(name)
    if design and key[0] == base_of(key) + ALL:
        return sum_of(design, base_of(key))
    one = design.patterns.get(key) if design else None
    if not one:
        return None
    return Cell(*one.counts, one.na, ist.verdict(design, key)[0])


def grid_of(platform, rows, columns):
    """{(row, column): Cell or None}."""
    return {(row, name): cell_of(platform, row, name) for row in rows for name in columns}


def groups_of(platforms):
    """[([platform...], grid)...] of those with the same table, and (rows, columns) of all."""
    rows, columns = rows_of(platforms), columns_of(platforms)
    groups = []
    for platform in platforms:
        grid = grid_of(platform, rows, columns)
        same = next((group for group in groups if group[1] == grid), None)
        if same:
            same[0].append(platform)
        else:
            groups.append(([platform], grid))
    return groups, rows, columns


def news_of(platform):
    """[(mark, sentence)...]: what is not as claimed, and what cannot be relied on."""
    for name, design in platform.designs.items():
        if design.missing:
            yield "–", f"{name}: skipped: {design.missing}"
        for text in design.trouble:
            yield MARKS[ist.UNKNOWN], f"{name}: {text}"
        for key in sorted(design.patterns, key=order):
            verdict, steps = ist.verdict(design, key)
            if verdict in (ist.WORSE, ist.BETTER):
                at = f", at {' '.join(steps)}" if steps else ""
                yield MARKS[verdict], f"{name}: {title(key)}: {WORDS[verdict]}{at}"
        for position, case, what in design.ends:
            if what != ist.ONCE:
                yield MARKS[ist.WORSE], f"{name}: {case or position}: {what}, which ended the boot"


def is_red(platform):
    """Whether anything of a platform is not as claimed."""
    return any(mark != "–" for mark, _ in news_of(platform))


def counted(counts):
    return {"cases": counts[0], "failed": counts[1]}


def pattern_json(design, key):
    one, (verdict, differ) = design.patterns[key], ist.verdict(design, key)
    return {
        "pattern": key[0],
        "rearm": key[1],
        **counted(one.counts),
        "na": one.na,
        "claim": design.claim(key)[0],
        "verdict": verdict,
        "differ": differ,
        "steps": [
            {"event": event, "step": step, **counted(c)} for (event, step), c in one.steps.items()
        ],
        "boundaries": [
            {"event": event, "at": at, "rip": f"{rip:#x}", **counted(c)}
            for (event, at, rip), c in one.boundaries.items()
        ],
        "failures": [dict(zip(("case", "what", "details"), one)) for one in one.failures],
    }


def design_json(name, design):
    return {
        "design": name,
        "trouble": design.trouble,
        "skipped": design.missing,
        **counted(design.total),
        "ticks": design.ticks,
        "patterns": [pattern_json(design, key) for key in sorted(design.patterns, key=order)],
        "ends": [dict(zip(("position", "case", "what"), one)) for one in design.ends],
    }


def platform_json(platform):
    return {
        "platform": platform.name,
        "engine": platform.engine,
        "engine_version": platform.engine_version,
        "wall_s": platform.wall_s,
        "designs": [design_json(*pair) for pair in platform.designs.items()],
    }


def write(directory, runs):
    """Write DIR/ist.json if the runs have anything for it, whole or not at all. Raises OSError.

    Return: whether there was something.
    """
    platforms = platforms_of(runs)
    path = os.path.join(directory, IST)
    if not platforms:
        return False
    try:
        with open(path + ".tmp", "w", encoding="utf-8") as file:
            whole = {"version": VERSION, "platforms": [platform_json(one) for one in platforms]}
            json.dump(whole, file, indent=1)
            file.write("\n")
        os.replace(path + ".tmp", path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(path + ".tmp")
        raise
    return True
