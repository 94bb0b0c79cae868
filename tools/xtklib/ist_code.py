# SPDX-License-Identifier: MIT
"""The instructions of an entry design, each with what came of the events that hit it.

The text is objdump's, of the kernel that was built; where that is another one than the log's, only
the boundaries that were hit are known, and no text.
"""

import re
import subprocess
from dataclasses import dataclass, field

from . import ist, process
from .elf import Elf
from .usage import Usage

LABEL = re.compile(r"([0-9a-f]+) <([^>]+)>:")
INSTRUCTION = re.compile(r" *([0-9a-f]+):\t(.*)")
PAD = re.compile(r"(data16 |cs )*(nop|xchg +ax,ax$)")
EVENT = 2  # the one that a claim is about


@dataclass
class Instruction:
    address: int
    at: str  # SYMBOL+OFFSET
    text: str = ""
    step: str = ""
    hits: dict = field(default_factory=dict)  # (pattern, rearm): [cases, failed]

    def counts(self):
        return [sum(one[i] for one in self.hits.values()) for i in (0, 1)]

    def fails(self):
        """The (pattern, rearm) that it is fatal in."""
        return [key for key, (_, failed) in self.hits.items() if failed]

    def status(self):
        return "fail" if self.fails() else "pass" if self.hits else "none"


class Code:
    """The built kernel; @functions and @lines are empty where it is not there."""

    def __init__(self):
        try:
            self.elf = Elf()
            command = ["objdump", "-d", "-w", "-M", "intel", "--no-show-raw-insn", self.elf.path]
            said = subprocess.run(command, **process.TEXT, check=True).stdout
        except (Usage, OSError, subprocess.SubprocessError):
            self.elf, said = None, ""
        self.functions = read_objdump(said)
        self.place = {one.address: name for name, some in self.functions.items() for one in some}

    def function(self, address, at):
        """The instructions of the function that has a boundary; None where that is another one."""
        name = self.place.get(address)
        some = self.functions.get(name, [])
        same = any((one.address, one.at) == (address, at) for one in some)
        return (name, some) if same else None


def read_objdump(text):
    """{(address, function): [Instruction...]}; local labels are inside the function before them.

    Of a function and a label at the same address objdump names but one.
    """
    functions, found, name, base, label = {}, [], "", 0, ""
    for line in text.splitlines():
        head, body = LABEL.fullmatch(line), INSTRUCTION.fullmatch(line)
        if head:
            base, label = int(head[1], 16), head[2]
            if label.partition(".")[0] != name:
                name = label.partition(".")[0]
                found = functions.setdefault((base, name), [])
        elif body and label:
            address = int(body[1], 16)
            found.append(Instruction(address, f"{label}+{address - base:#x}", body[2].strip()))
    for some in functions.values():
        while some and PAD.match(some[-1].text):
            some.pop()
    return functions


def hits_of(design):
    """{(address, SYMBOL+OFFSET): {(pattern, rearm): counts}} of what the second event hit."""
    found = {}
    for key, one in design.patterns.items():
        for (event, at, rip), counts in one.boundaries.items():
            if event == EVENT and rip:
                found.setdefault((rip, at), {})[key] = counts
    return found


def instructions_of(design, code):
    """({function: [Instruction...]}, whether the built kernel is the one of the log)."""
    hits, functions = hits_of(design), {}
    known = {step for one in design.patterns.values() for _, step in one.steps}
    own = {place: code.function(*place) for place in hits}
    same = bool(hits) and all(own.values())
    for (address, at), counts in sorted(hits.items()):
        if same:
            name, whole = own[address, at]
            if name not in functions:
                functions[name] = [Instruction(i.address, i.at, i.text) for i in whole]
            one = next(i for i in functions[name] if i.address == address)
        else:
            one = Instruction(address, at)
            functions.setdefault(re.split(r"[.+]", at)[0], []).append(one)
        one.hits = counts
    for one in (one for some in functions.values() for one in some):
        one.step = ist.step_of(one.at, known)
    return {name_of(key): functions[key] for key in sorted(functions, key=order(functions))}, same


def name_of(key):
    return key[1] if isinstance(key, tuple) else key


def order(functions):
    """A key that puts the entries first, then what they call, then what is the laboratory's."""

    def rank(key):
        name, some = name_of(key), functions[key]
        return name.startswith("lab_"), all(one.step == name for one in some), some[0].address

    return rank
