# SPDX-License-Identifier: MIT
"""Entry designs broken on purpose: the table of tests/ist/teeth/, one kernel with all of them in
it, and what its log says of each.

A file of the table has paragraphs of lines `KEY: VALUE`; a line that begins with # is a comment.

  tooth: NAME       of the broken design, as the word ist= has it
  from: DESIGN      which it is a copy of: kernel/ist/DESIGN.*, its own symbols renamed
  fault: TEXT       what is wrong
  caught: TEST PATTERN STEP WHAT [DETAIL]
                    its first failure of that pattern at that step, which the second event hits
                    (`base` of a single event): the symptom, and how its details begin. TEST may
                    have more words of the kernel behind it: ist/pairs,shard=1/5
  survives: TEST…   in place of caught: a copy that is sound, or as good as the design
  hole: TEST TEXT   in place of caught: which check the laboratory lacks. The day when the test
                    catches the tooth this one fails, and the line is to be replaced
  edit: FILE        lines with - are replaced by the lines with + behind them; they must be there
                    exactly once
"""

import glob
import itertools
import os
import re
import shutil
from dataclasses import dataclass, field

import host

TABLE = host.tree("tests", "ist", "teeth")
DESIGNS = host.tree("kernel", "ist")
HEADERS = ("stacks.h", "policies.h")
BUILD = os.path.join(os.path.abspath(host.BUILD), "teeth")
GENERATED = os.path.join(BUILD, "designs")
LIMIT_S = 300


class Malformed(Exception):
    """One line of text: the table's file, the tooth, what is wrong."""


@dataclass
class Edit:
    file: str
    old: list = field(default_factory=list)
    new: list = field(default_factory=list)


@dataclass
class Tooth:
    path: str
    name: str
    base: str = ""
    fault: str = ""
    caught: str = ""
    survives: str = ""
    hole: str = ""
    edits: list = field(default_factory=list)

    @property
    def tests(self):
        """Those that it is to run in."""
        if self.survives:
            return self.survives.split()
        return [(self.caught or self.hole).split()[0]]

    def malformed(self, what):
        return Malformed(f"{self.path}: {self.name}: {what}")


# The table


def take(tooth, line):
    key, _, value = line.partition(": ")
    if line[0] in "-+" and tooth.edits:
        edit = tooth.edits[-1]
        (edit.old if line[0] == "-" else edit.new).append(line[1:])
    elif key == "edit" and value:
        tooth.edits.append(Edit(value))
    elif key in ("fault", "caught", "survives", "hole") and value:
        setattr(tooth, key, value)
    elif key == "from" and value:
        tooth.base = value
    else:
        raise tooth.malformed(f"'{line}': write one of the keys that ist_teeth.py names")


def check(tooth):
    if not tooth.base or not tooth.fault:
        raise tooth.malformed("has no line 'from: DESIGN' or 'fault: TEXT'")
    if sum(map(bool, (tooth.caught, tooth.survives, tooth.hole))) != 1:
        raise tooth.malformed("write one of 'caught: …', 'survives: …' and 'hole: …'")
    if tooth.caught and len(tooth.caught.split()) < 4:
        raise tooth.malformed("caught: write TEST PATTERN STEP WHAT")
    return tooth


def read(path):
    """The teeth of one file. Raises Malformed."""
    teeth = []
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file if not line.startswith("#")]
    for blank, paragraph in itertools.groupby(lines, lambda line: not line):
        if blank:
            continue
        first = next(paragraph)
        if not first.startswith("tooth: "):
            raise Malformed(f"{path}: '{first}': a paragraph begins with 'tooth: NAME'")
        teeth.append(Tooth(path, first[len("tooth: ") :]))
        for line in paragraph:
            take(teeth[-1], line)
    return [check(tooth) for tooth in teeth]


def read_all():
    files = sorted(glob.glob(os.path.join(TABLE, "*.txt")))
    teeth = [tooth for path in files for tooth in read(path)]
    names = [tooth.name for tooth in teeth]
    for tooth in teeth:
        if names.count(tooth.name) > 1 or os.path.exists(design_file(tooth.name, ".c")):
            raise tooth.malformed("there is another design of this name: choose a new one")
    return teeth


# The sources


def design_file(design, suffix):
    return os.path.join(DESIGNS, design + suffix)


def sources(design):
    """The files of a design: its own, and the headers of this directory that they include."""
    names = [design + ".asm", design + ".c"]
    for name in names:
        with open(os.path.join(DESIGNS, name), encoding="utf-8") as file:
            found = re.findall(r'^#include "(.*)"', file.read(), re.M)
        names += [header for header in found if header not in names]
    return names


def changed(tooth, name, text):
    """The text of a file with the tooth's edits of it."""
    for edit in tooth.edits:
        if edit.file != name:
            continue
        old, new = ("".join(line + "\n" for line in lines) for lines in (edit.old, edit.new))
        at = [m.start() for m in re.finditer("^" + re.escape(old), text, re.M)]
        if len(at) != 1:
            what = f"'{edit.old[0]}' and what follows is {len(at)} times in {name}, not once"
            raise tooth.malformed(what)
        text = text[: at[0]] + new + text[at[0] + len(old) :]
    return text


def renamed(tooth, text):
    """The design's symbols get the tooth's name, all but the stacks: stacks.h tells why."""
    old, new = (name.replace("-", "_") for name in (tooth.base, tooth.name))
    stack = rf"{old}_stack|{old}_(\w+_)?stacks?\b|{old}_(task|fallback|exit)\b"
    text = text.replace(f"ATOMIC_STACKS({old})", "ATOMIC_STACKS(@)")
    text = text.replace(f'"{tooth.base}"', '"@"')
    text = re.sub(rf"\b(?!{stack}){old}(?=_|\b(?![.\-]))", new, text)
    text = text.replace("ATOMIC_STACKS(@)", f"ATOMIC_STACKS({old})")
    return text.replace('"@"', f'"{tooth.name}"')


def write(path, text):
    """Only if it is not there yet, so that make has nothing to do."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def generate_one(tooth, prefix):
    directory = os.path.join(GENERATED, tooth.name)
    os.makedirs(directory, exist_ok=True)
    names = sources(tooth.base)
    for edit in tooth.edits:
        if edit.file not in names:
            raise tooth.malformed(f"{edit.file} is no file of {tooth.base}")
    for name in names:
        with open(os.path.join(DESIGNS, name), encoding="utf-8") as file:
            text = renamed(tooth, changed(tooth, name, file.read()))
        write(os.path.join(directory, name), (prefix if name.endswith(".c") else "") + text)
    for name in HEADERS:
        with open(os.path.join(TABLE, name), encoding="utf-8") as file:
            write(os.path.join(directory, name), file.read())


def generate(teeth):
    """Sources of all teeth, and of the designs that they come from. Return: their names."""
    bases = sorted({"plain", *(tooth.base for tooth in teeth)})
    for base in bases:
        generate_one(Tooth(DESIGNS, base, base), '#include "stacks.h"\n')
    for tooth in teeth:
        generate_one(tooth, '#define TOOTH\n#include "stacks.h"\n')
    names = bases + [tooth.name for tooth in teeth]
    for stale in set(os.listdir(GENERATED)) - set(names):
        shutil.rmtree(os.path.join(GENERATED, stale))
    return names


def make(names):
    """One kernel: the designs of the tree give way to their copies, which own the stacks."""
    directories = [os.path.join(GENERATED, name) for name in names]
    wild = ["kernel/*.c", "kernel/*.asm", os.path.join(TABLE, "*.c")]
    wild += [os.path.join(d, kind) for d in directories for kind in ("*.c", "*.asm")]
    command = ["make", "-j2", "-C", host.ROOT, "all", "BUILD=" + os.path.join(BUILD, "build")]
    command += ["DESIGNS=" + " ".join(directories), f"KERNEL_SRC=$(wildcard {' '.join(wild)})"]
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    return host.call(*command, env=environment)


# The runs


def run_directory(test):
    return os.path.join(BUILD, "run", re.sub(r"\W", "-", test))


def boot(test, names):
    directory = run_directory(test)
    shutil.rmtree(directory, ignore_errors=True)
    command = [host.tree("tools", "xtk"), "run", "--kernel", "-o", directory]
    command += ["--timeout", str(LIMIT_S), "--"]
    command += [*f"tests={test}".split(","), "ist=" + ",".join(names)]
    host.call(*command, env={**os.environ, "XTK_BUILD": os.path.join(BUILD, "build")})


def log_of(test):
    """What the boot printed. Raises RuntimeError if that does not end as it should."""
    (path,) = glob.glob(os.path.join(run_directory(test), "logs", "*.log"))
    with open(path, encoding="utf-8", errors="replace") as file:
        log = file.read()
    if not re.search(r"^xtk: \d+ passed", log, re.M):
        panic = re.search("^# panic.*|^xtk: .*", log, re.M)
        raise RuntimeError(f"{path}: {panic[0] if panic else log[-400:]}")
    return log


FIELD = re.compile(r"(\w+)=(\S*)")


def step_of(design, label):
    """As the kernel names it; an address outside all designs is in the base's piece of code."""
    if label.startswith("0x"):
        return "base"
    name = design.replace("-", "_")
    if label in (name, *(f"{name}_{vector}" for vector in ("nmi", "db", "mc"))):
        return "entry"
    return label.partition(".")[2] or label


@dataclass
class Failure:
    pattern: str
    rearm: str
    step: str  # that the second event hit
    what: str
    detail: str


class Results:
    """What the log of one test says of each design."""

    def __init__(self, log):
        self.counts, self.verdicts, self.steps, self.failures = {}, {}, {}, {}
        for line in log.splitlines():
            kind, _, rest = line.partition(": ")
            values = dict(FIELD.findall(rest))
            if kind == "# ist-fail":
                self.add_failure(values, rest)
            elif "pattern" in values:
                key = values["design"], values["pattern"], values.get("rearm", "-")
                self.add(kind, values, key)

    def add(self, kind, values, key):
        if kind == "# ist":
            self.counts[key] = int(values["cases"]), int(values["failed"])
        elif kind == "# ist-claim":
            self.verdicts[key] = values["verdict"]
        elif kind == "# ist-step" and values["event"] == "2":
            self.steps[(*key, values["step"])] = int(values["failed"])

    def add_failure(self, values, rest):
        design, pattern, rearm, *at = values["case"].split("/")
        step = step_of(design, at[0].partition("+")[0]) if at else "base"
        detail = rest.partition(" what=")[2].partition(" ")[2]
        failure = Failure(pattern, rearm, step, values["what"], detail)
        self.failures.setdefault(design, []).append(failure)

    def of(self, design):
        """(pattern, rearm): (cases, failed)"""
        return {key[1:]: count for key, count in self.counts.items() if key[0] == design}

    def failed_at(self, tooth, failure):
        """Cases of the tooth's design that failed where the tooth has this failure."""
        key = tooth.base, failure.pattern, failure.rearm
        if failure.step == "base":
            return self.counts[key][1]
        own, base = (name.replace("-", "_") + "_" for name in (tooth.name, tooth.base))
        return self.steps.get((*key, re.sub("^" + own, base, failure.step)), 0)
