# SPDX-License-Identifier: MIT
"""The model against what a guest measured and against what the designs claim, step by step.

Counts are not compared: a compiler decides how many instructions a step has. A step fails if one
case fails in which the event hits it.
"""

import dataclasses
import glob
import os
import re

PAIR = re.compile(r"([a-z_]+)=(\S+)")
NUMBERS = ("event", "cases", "failed")


@dataclasses.dataclass(frozen=True, order=True)
class Difference:
    design: str
    pattern: str
    rearm: str
    event: int  # 1: the pattern as a whole
    step: str
    kernel: str
    model: str

    def __str__(self):
        where = f"{self.design} {self.pattern} rearm={self.rearm}"
        if self.event > 1:
            where += f" event={self.event} step={self.step}"
        return f"{where}: kernel {self.kernel}, model {self.model}"


def verdict(cases, failed):
    return "nothing" if not cases else "fails" if failed else "survives"


def row_of(line, word, keys):
    """The fields of a line of the guest, None if it is another line; ValueError if it is cut."""
    head, _, rest = line.rstrip("\n").partition(" ")
    if head != "#" or not rest.startswith(word + ": "):
        return None
    fields = dict(PAIR.findall(rest))
    if "skip" in fields:
        return None  # the CPU lacks what the design needs
    try:
        fields.update({key: int(fields[key]) for key in NUMBERS if key in keys})
        return {key: fields[key] for key in keys}
    except (KeyError, ValueError) as error:
        raise ValueError(f"not a whole line: {line.strip()!r}") from error


def measured(lines):
    """{(design, pattern, rearm): {(event, step): [cases, failed]}}, shards added up."""
    keys = ("design", "pattern", "rearm", "cases", "failed")
    table = {}
    for line in lines:
        row = row_of(line, "ist", keys)
        key = (1, "")
        if row is None:
            row = row_of(line, "ist-step", keys + ("event", "step"))
            if row is None:
                continue
            key = (row["event"], row["step"].partition(".")[0])  # behind the dot: a place in it
        cell = table.setdefault((row["design"], row["pattern"], row["rearm"]), {})
        count = cell.setdefault(key, [0, 0])
        count[0] += row["cases"]
        count[1] += row["failed"]
    return table


def verdicts(cell):
    return {key: verdict(*count) for key, count in cell.items() if count[0] or key == (1, "")}


def compare(lines, model):
    """The sorted Differences of a guest's `# ist…` lines and the model's table.

    model: {(design, pattern, rearm): {(event, step): [cases, failed]}}, as measured() makes it. A
    pattern or step that one side lacks is a difference; a design that no line names is none.
    """
    kernel = measured(lines)
    designs = {design for design, _, _ in kernel}
    found = []
    for key in sorted(set(kernel) | {key for key in model if key[0] in designs}):
        ours, theirs = verdicts(kernel.get(key, {})), verdicts(model.get(key, {}))
        if not ours and whole(theirs) == "nothing":
            continue  # the guest says nothing of a pattern without a case
        if not ours or not theirs:
            found.append(Difference(*key, 1, "", *(whole(side) for side in (ours, theirs))))
            continue
        for event, step in sorted(set(ours) | set(theirs)):
            sides = [side.get((event, step), "lacks it") for side in (ours, theirs)]
            if sides[0] != sides[1]:
                found.append(Difference(*key, event, step, *sides))
    return found


def whole(side):
    return side.get((1, ""), "lacks it")


# Claims.

CLAIM = re.compile(r'\{\s*"([^"]+)",\s*(NULL|IST_NOT_APPLICABLE|(?:"[^"]*"\s*)+)\s*\}')
DESIGN = re.compile(r"^IST_DESIGN\(\s*\w+,(.*?)\);$", re.S | re.M)
NAME = re.compile(r'\.name\s*=\s*"([^"]+)"')
CLAIMS = re.compile(r"\.claims\s*=\s*(\{.*)", re.S)
MACRO = re.compile(r"^#define\s+(\w+)((?:.*\\\n)*.*)$", re.M)


def braces(text):
    """text up to the brace that closes the first one."""
    depth = 0
    for index, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if not depth:
            return text[: index + 1]
    raise ValueError("an initialiser is not closed")


def claims_of(source, macros):
    """{design: {pattern: "n/a", None, or the steps it claims to fail at}} of a C file."""
    found = {}
    for body in DESIGN.findall(source):
        name, claims = NAME.search(body), CLAIMS.search(body)
        text = braces(claims.group(1)) if claims else ""
        for macro, value in macros.items():
            text = re.sub(rf"\b{macro}\b", lambda _, value=value: value, text)
        rows = CLAIM.findall(text)
        if not name or len(rows) != text.count("{") - 1:
            raise ValueError(f"claims of {name and name.group(1)} are not all understood")
        found[name.group(1)] = {pattern: said(fails) for pattern, fails in rows}
    return found


def said(fails):
    if fails == "NULL":
        return None
    return "n/a" if fails == "IST_NOT_APPLICABLE" else "".join(re.findall(r'"([^"]*)"', fails))


def read_claims(directory):
    """The claims of all designs in kernel/ist/."""
    text = {}
    for path in sorted(glob.glob(os.path.join(directory, "*.[ch]"))):
        with open(path, encoding="utf-8") as file:
            text[path] = file.read()
    macros = {
        name: value.replace("\\\n", " ")
        for path, source in text.items()
        if path.endswith(".h")
        for name, value in MACRO.findall(source)
        if '"NMI' in value
    }
    found = {}
    for path, source in text.items():
        if path.endswith(".c"):
            found.update(claims_of(source, macros))
    return found


def as_claim(model, design, pattern):
    """What the model would claim: both variants of re-arming together."""
    cells = [model.get((design, pattern, rearm)) for rearm in ("-", "late", "early")]
    cells = [cell for cell in cells if cell]
    if not any(cell[(1, "")][0] for cell in cells):
        return "n/a"
    if not any(cell[(1, "")][1] for cell in cells):
        return None
    hit, fatal = set(), set()
    for cell in cells:
        for (event, step), (cases, failed) in cell.items():
            if event == 2 and cases:
                hit.add(step)
                fatal |= {step} if failed else set()
    return "*" if fatal == hit else " ".join(sorted(fatal))


def same(one, other):
    return one == other or (one and other and set(one.split()) == set(other.split()))


def first_alone(pattern):
    return pattern.partition(">")[0]


def compare_claims(claims, model):
    """Of claims and model: (those that contradict each other, what has no claim, what no model).

    Each a list of (design, pattern, claim, what the model would claim). A claim without a base
    context is one for all that have none of their own; where the first event alone is claimed to
    be fatal, there is nothing to claim of a second.
    """
    wrong, unclaimed, unknown = [], [], []
    for design, of in sorted(claims.items()):
        known = {pattern for name, pattern, _ in model if name == design}
        unknown += [(design, pattern, of[pattern], "-") for pattern in sorted(set(of) - known)]
        for pattern in sorted(known):
            ours = as_claim(model, design, pattern)
            claim = of.get(pattern, of.get(pattern.rpartition(":")[2], "-"))
            if of.get(first_alone(pattern)) and first_alone(pattern) != pattern:
                continue
            if claim == "-":
                unclaimed.append((design, pattern, claim, ours))
            elif not same(claim, ours) and (pattern in of or ours != "n/a"):
                wrong.append((design, pattern, claim, ours))
    return wrong, unclaimed, unknown
