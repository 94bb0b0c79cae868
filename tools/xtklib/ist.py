# SPDX-License-Identifier: MIT
"""The laboratory's lines (`# ist…`): read, added up, and held against what each design claims.

A line is whole or it is damaged. What is damaged, missing, or in contradiction to another line is
a trouble of its design, and nothing that a design in trouble did counts as claimed. The lines:
docs/protocol.md, "The laboratory".
"""

import re
from dataclasses import dataclass, field

TESTS = "ist/"  # the group of the laboratory's tests
AS_CLAIMED, BETTER, WORSE = "as_claimed", "better", "worse"
UNKNOWN, UNCLAIMED = "unknown", "unclaimed"
SEVERITY = (AS_CLAIMED, BETTER, WORSE)
WHOLE = 1, 1  # the shard of what is not cut in shards
SURVIVES = "survives"  # a claim without steps
NOT_APPLICABLE = "n/a"
ONCE = "once"  # in the place of crash or hang: it did not happen again
SHOWN = 20  # failures of a pattern that are kept

N = "([0-9]{1,15})"
WHERE = r"design=([a-z0-9-]+) pattern=(\S+) rearm=(\S+)"
COUNTS = f"cases={N} failed={N}"
GRAMMAR = {
    kind: re.compile(text)
    for kind, text in {
        "ist:": rf"{WHERE} {COUNTS} na={N}|design=([a-z0-9-]+) skip=(.+)",
        "ist-step:": rf"{WHERE} event=([1-9]) step=(\S+) {COUNTS}",
        "ist-at:": rf"{WHERE} event=([1-9]) at=(\S+) rip=(0x[0-9a-f]{{1,16}}) {COUNTS}",
        "ist-fail:": r"case=(\S+) what=(\S+)(.*)",
        "ist-claim:": rf"{WHERE} claim=(.+) verdict=({'|'.join(SEVERITY)}) steps=\S+"
        r"|design=([a-z0-9-]+) pattern=(\S+) claim=none verdict=unclaimed",
        "ist-total:": rf"design=([a-z0-9-]+) {COUNTS} ticks={N}",
        "ist-never:": rf"at=\S+ rip=0x[0-9a-f]{{1,16}}|instructions={N}",
        "ist-end:": r"position=(\S+) case=(\S*) what=(crash|hang|once)",
    }.items()
}
DESIGN = re.compile(r"(?:design|case|position)=([a-z0-9-]+)")
SHARD = re.compile(r"shard=([0-9]{1,6})/([0-9]{1,6})")


@dataclass
class Pattern:
    """What came of the cases of one pattern and re-arm. The counts are [cases, failed]."""

    counts: list = field(default_factory=lambda: [0, 0])
    na: int = 0
    steps: dict = field(default_factory=dict)  # (event, step): counts
    boundaries: dict = field(default_factory=dict)  # (event, at, rip): counts
    failures: list = field(default_factory=list)  # (case, what, details)

    def add(self, other):
        add_counts(self.counts, other.counts)
        self.na += other.na
        for mine, theirs in ((self.steps, other.steps), (self.boundaries, other.boundaries)):
            for key, counts in theirs.items():
                add_counts(mine.setdefault(key, [0, 0]), counts)
        for one in other.failures:
            self.fail(one)

    def fail(self, one):
        if len(self.failures) < SHOWN and one not in self.failures:
            self.failures.append(one)


@dataclass
class Design:
    """One design on one platform."""

    patterns: dict = field(default_factory=dict)  # (pattern, rearm): Pattern
    # (pattern, rearm): (claim, verdict of the guest); (pattern, ""): (None, …), nothing is claimed
    claims: dict = field(default_factory=dict)
    total: list = field(default_factory=lambda: [0, 0])
    ticks: int = 0
    ends: list = field(default_factory=list)  # (position, case, what) of what ended a boot
    trouble: list = field(default_factory=list)  # sentences
    shard: tuple = WHOLE
    full: bool = False  # at full depth: no case was left out
    missing: str = ""  # why it did not run: what the CPU lacks

    def pattern(self, *key):
        return self.patterns.setdefault(key, Pattern())

    def wrong(self, text):
        if text not in self.trouble:
            self.trouble.append(text)

    def claim(self, key):
        """(claim, verdict of the guest) of a pattern; (None, UNKNOWN) if no line has it."""
        return self.claims.get(key, self.claims.get((key[0], ""), (None, UNKNOWN)))

    def counts(self):
        return [sum(one.counts[i] for one in self.patterns.values()) for i in (0, 1)]


def add_counts(mine, theirs):
    for i, count in enumerate(theirs):
        mine[i] += count


def part_of(case):
    """(design, pattern, rearm) of a case's id or a position; None for what is neither."""
    parts = case.split("/")
    return tuple(parts[:3]) if len(parts) >= 3 and all(parts) else None


class Reader:
    """Feed it the lines of one run, without their "# "; it fills designs."""

    def __init__(self):
        self.designs, self.stray = {}, 0

    def design(self, name):
        return self.designs.setdefault(name, Design())

    def feed(self, line):
        kind, _, rest = line.partition(" ")
        found = GRAMMAR[kind].fullmatch(rest) if kind in GRAMMAR else None
        if not found or not self.take(kind, *found.groups()):
            self.damaged(rest)

    def damaged(self, rest):
        """Whose line it was can often be read; otherwise nobody can be relied on."""
        found = DESIGN.search(rest)
        if found:
            self.design(found[1]).wrong("a damaged line")
        else:
            self.stray += 1

    def take(self, kind, *values):
        """Whether the line makes sense."""
        method = kind[:-1].replace("-", "_")
        return getattr(self, method)(*values) is not False

    def ist_never(self, _instructions):
        """What no recorded run has come to is for people to look at."""

    def ist(self, design, pattern, rearm, cases, failed, na, skipped, why):
        if skipped:
            self.design(skipped).missing = why
            return True
        one = self.design(design).pattern(pattern, rearm)
        add_counts(one.counts, (int(cases), int(failed)))
        one.na += int(na)
        return int(failed) <= int(cases)

    def count(self, where, key, cases, failed):
        add_counts(where.setdefault(key, [0, 0]), (int(cases), int(failed)))
        return int(failed) <= int(cases)

    def ist_step(self, design, pattern, rearm, event, step, cases, failed):
        steps = self.design(design).pattern(pattern, rearm).steps
        return self.count(steps, (int(event), step), cases, failed)

    def ist_at(self, design, pattern, rearm, event, at, rip, cases, failed):
        boundaries = self.design(design).pattern(pattern, rearm).boundaries
        return self.count(boundaries, (int(event), at, int(rip, 16)), cases, failed)

    def ist_fail(self, case, what, details):
        part = part_of(case)
        if not part:
            return False
        self.design(part[0]).pattern(*part[1:]).fail((case, what, details.strip()))
        return True

    def ist_claim(self, design, pattern, rearm, claim, verdict, other, unclaimed):
        if other:
            self.design(other).claims[unclaimed, ""] = None, AS_CLAIMED
            return True
        claims, key = self.design(design).claims, (pattern, rearm)
        old = claims.get(key, (claim, AS_CLAIMED))
        claims[key] = old[0], max(old[1], verdict, key=SEVERITY.index)
        return old[0] == claim

    def ist_total(self, design, cases, failed, ticks):
        one = self.design(design)
        add_counts(one.total, (int(cases), int(failed)))
        one.ticks += int(ticks)

    def ist_end(self, position, case, what):
        """A case that ended its boot: it failed, wherever it is counted."""
        part = part_of(position)
        if not part:
            return False
        one = self.design(part[0])
        one.ends.append((position, case, what))
        return not case or part_of(case) == part


def events_of(pattern):
    return pattern.rpartition(":")[2].count(">") + 1


def places_of(case):
    """[(event, SYMBOL+OFFSET)...] of a case's id; the first event of several has no place."""
    parts = [part.rpartition(".")[0] for part in case.split("/")[3:]]
    first = events_of(case.split("/")[1]) - len(parts) + 1
    return [(first + i, part) for i, part in enumerate(parts) if "+" in part]


def step_of(at, known):
    """The step of SYMBOL+OFFSET: a local label, a function that is a step, or the entry."""
    symbol = at.partition("+")[0]
    label = symbol.partition(".")[2] or symbol
    return label if "." in symbol or label in known else "entry"


def place(design, one, case):
    """Count a case that ended its boot where it failed; ? where that is not known."""
    known = {step for other in design.patterns.values() for _, step in other.steps}
    rips = {at: rip for other in design.patterns.values() for _, at, rip in other.boundaries}
    nowhere = [(2, "")] if events_of(part_of(case)[1]) > 1 else []
    for event, at in places_of(case) or nowhere:
        step = step_of(at, known) if at else "?"
        add_counts(one.steps.setdefault((event, step), [0, 0]), (1, 1))
        add_counts(one.boundaries.setdefault((event, at, rips.get(at, 0)), [0, 0]), (1, 1))


def check_sums(name, one):
    """What lines of a pattern say against each other, as a sentence; "" if nothing."""
    for kind, counted in (("steps", one.steps), ("boundaries", one.boundaries)):
        for event in sorted({event for event, *_ in counted}):
            sums = [sum(c[i] for key, c in counted.items() if key[0] == event) for i in (0, 1)]
            if sums != one.counts:
                return f"{name}: event {event}: its {kind} do not add up to its cases"
    if events_of(name.split(" ")[0]) > 1 and one.counts[1] and not one.steps:
        return f"{name}: fails, and no step says where"
    return ""


def count_ends(design):
    for position, case, what in design.ends:
        if what == ONCE:
            design.wrong(f"{position} or a case behind it ended a boot, and not again")
            continue
        one = design.pattern(*part_of(position)[1:])
        add_counts(one.counts, (1, 1))
        add_counts(design.total, (1, 1))
        one.fail((case or position, what, ""))
        place(design, one, case or position)


def check(design):
    """Note what in a design's lines cannot be relied on."""
    for (pattern, rearm), one in design.patterns.items():
        text = check_sums(f"{pattern} {rearm}", one)
        if text:
            design.wrong(text)
    for key in design.patterns:
        if design.claim(key)[1] == UNKNOWN:
            design.wrong(f"{' '.join(key)}: no line says what is claimed")
    for key in design.claims:
        if key[1] and key not in design.patterns:
            design.wrong(f"{' '.join(key)}: a claim without a result")
    cases, failed = design.counts()
    if [cases, failed] != design.total:
        said = "{1} of {0} failed".format(*design.total)
        design.wrong(f"its patterns add up to {failed} of {cases} failed, its total says {said}")


def lines_of(run):
    for test in run["tests"]:
        yield from map(str, test["observed"].get("ist", []))


def is_laboratory(run):
    """Whether a run is one of the laboratory, and of all its cases."""
    there = any(t["name"].startswith(TESTS) or "ist" in t["observed"] for t in run["tests"])
    return there and not any(word.startswith("case=") for word in run["words"])


def asked_for(run):
    """The designs that the words of a run name."""
    lists = [word[4:] for word in run["words"] if word.startswith("ist=")]
    return [name for names in lists for name in names.split(",") if name != "all"]


def cut_short(run):
    """Why a run may lack cases: a sentence each."""
    errors = [test for test in run["tests"] if test["status"] == "error"]
    for test in errors:
        ends = any(line.startswith("ist-end:") for line in test["observed"].get("ist", []))
        if test["name"].startswith(TESTS) and not ends:
            yield f"{test['name']}: {test['reason']}"
    if run["status"] != "done" and not errors:
        yield f"the run ended in {run['status']}"


def of_run(run):
    """{name: Design} of a run that has such lines, or tests that should have printed them."""
    reader = Reader()
    for line in lines_of(run):
        reader.feed(line)
    tests = [test for test in run["tests"] if test["name"].startswith(TESTS)]
    for name in asked_for(run) if tests else []:
        reader.design(name)
    shard = next(filter(None, map(SHARD.fullmatch, run["words"])), None)
    for one in reader.designs.values():
        one.shard = (int(shard[1]), int(shard[2])) if shard else WHOLE
        one.full = "depth=full" in run["words"]
        if tests and all(test["status"] == "skip" for test in tests):
            one.missing = one.missing or tests[0]["reason"]
        for text in [*cut_short(run), *(["a damaged line"] if reader.stray else [])]:
            one.wrong(text)
        count_ends(one)
        if not one.patterns and not one.missing:
            one.wrong("no result")
        check(one)
    return reader.designs


def is_part(design):
    """Whether the guest, when it judged a claim, saw only a part of the cases."""
    return design.shard != WHOLE or bool(design.ends)


def merged(designs):
    """One Design of those of several runs: shards of it, or runs of different tests."""
    whole, parts = Design(full=all(one.full for one in designs)), {}
    for one in designs:
        for key, pattern in one.patterns.items():
            take_part(whole, parts, (*key, one.shard), pattern)
        for key, (claim, verdict) in one.claims.items():
            seen = verdict if verdict == WORSE or not is_part(one) else AS_CLAIMED
            old = whole.claims.get(key, (claim, AS_CLAIMED))
            if old[0] != claim:
                whole.wrong(f"{key[0]}: claims {old[0]} and {claim}")
            whole.claims[key] = old[0], max(old[1], seen, key=SEVERITY.index)
        whole.ticks += one.ticks
        whole.ends += one.ends
        whole.missing = whole.missing or one.missing
        for text in one.trouble:
            whole.wrong(text)
    for (*key, _), pattern in parts.items():
        whole.pattern(*key).add(pattern)
    whole.total = whole.counts()
    check_shards(whole, {one.shard for one in designs})
    return whole


def take_part(whole, parts, key, pattern):
    """A part that two runs have is counted once, if they agree."""
    other = parts.setdefault(key, pattern)
    if other != pattern:
        whole.wrong(f"{key[0]} {key[1]}: two runs of the same cases disagree")
        parts[key] = max(other, pattern, key=lambda one: one.counts[1])


def check_shards(whole, shards):
    for count in sorted({n for _, n in shards}):
        lost = [i for i in range(1, count + 1) if (i, count) not in shards]
        if lost:
            whole.wrong(f"without shard {', '.join(f'{i}/{count}' for i in lost)}")
    if len({n for _, n in shards}) > 1:
        whole.wrong("cut in different numbers of shards")


def steps_of(one):
    """(hit, failing): the steps of a Pattern that the second event hit, and where that failed."""
    hit = {step for (event, step), (cases, _) in one.steps.items() if event == 2 and cases}
    failing = {step for (event, step), (_, failed) in one.steps.items() if event == 2 and failed}
    return hit, failing


def judged(one, claim):
    """(verdict, steps that differ) of a claim, by the steps that all cases of a Pattern hit."""
    cases, failed = one.counts
    if claim == NOT_APPLICABLE:
        return (WORSE if failed else BETTER if cases else AS_CLAIMED), []
    hit, failing = steps_of(one)
    if not hit:
        right = bool(failed) == (claim != SURVIVES)
        return (AS_CLAIMED if right else WORSE if failed else BETTER), []
    claimed = hit if claim == "*" else set(claim.split(" ")) & hit
    if failing - claimed:
        return WORSE, sorted(failing - claimed)
    return (BETTER if claimed - failing else AS_CLAIMED), sorted(claimed - failing)


def sees_all(design, pattern):
    """Whether a step at which nothing failed has survived, and no case of it was left out."""
    return events_of(pattern) < 3 or (design.full and ":" not in pattern)


def verdict(design, key):
    """(verdict, steps that differ) of a pattern: the guest's and our own, the worse of them."""
    claim, guest = design.claim(key)
    if claim is None:
        return (UNKNOWN if design.trouble or guest == UNKNOWN else UNCLAIMED), []
    own, steps = judged(design.pattern(*key), claim)
    if own == BETTER and not sees_all(design, key[0]):
        own, steps = AS_CLAIMED, []
    worst = max(own, guest, key=SEVERITY.index)
    return (UNKNOWN if design.trouble and worst != WORSE else worst), steps
