#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The laboratory of the entry designs, driven from outside.

ist_boundaries.py DIR COMMAND...: COMMAND is QEMU with its serial line on standard input and output;
its kernel runs the test scenario/ist_boundaries. The guest first runs each case by itself, with
marked instructions and written frames, and says where the events hit. Then each is done again from
here, with nothing changed in the guest: a breakpoint of the gdbstub at the boundary, a real NMI
(inject-nmi, through LINT1) or #MC (mce), and on. Both must come to the same: the design survives
the case, or it fails. How it fails may differ.

What the guest says goes to standard output, but for the lines of single cases; there is one for
each pattern, and one for each case in which the two differ. These the guest is told to count as
failures. A case that ends the machine has failed, and the guest is booted again for those behind
it. Status: QEMU's; 1 if it does not come so far.
"""

import os
import re
import sys
from collections import Counter
from dataclasses import dataclass, field

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from xtklib.elf import Elf  # noqa: E402
from xtklib.scenarios import ist_guest  # noqa: E402
from xtklib.scenarios.gdb_remote import Ended  # noqa: E402
from xtklib.scenarios.savevm import Stop  # noqa: E402
from xtklib.usage import Usage  # noqa: E402

SECTION = re.compile(r"# outside-section: design=(\S+) base=(\S+)")
INSIDE = re.compile(
    r"# inside: case=(\S+)((?: at=0x[0-9a-f]{1,16}\.[0-9]{1,6})*) what=(\S+)"
    r"|# inside-all: cases=([0-9]+)"
)
AT = re.compile(r"at=(0x[0-9a-f]+)\.([0-9]+)")
OUTSIDE = re.compile(r"# outside: what=(\S+) .*")
VECTORS = {"NMI": ist_guest.NMI, "MC": ist_guest.MC}
SURVIVED, NOT_REACHED, RESET = "-", "not_reached", "reset"

ROUND_S = 60  # for what the guest does by itself, without a word
PROGRESS = 500  # cases between two lines
SHOWN = 20  # cases of a section that are shown in full


@dataclass
class Case:
    """One chain of events; where all but the first hit: [(address, how often it was passed)...]."""

    name: str
    places: list
    inside: str  # how it ended when the guest ran it
    outside: str = ""

    @property
    def pattern(self):
        return self.name.split("/")[1].rpartition(":")[2]

    def vectors(self):
        return [VECTORS[name] for name in self.pattern.split(">")]

    def agrees(self):
        """A case whose events did not all come, or whose end was not seen, says nothing."""
        told = self.outside not in ("", NOT_REACHED, ist_guest.HANG)
        return told and (self.inside == SURVIVED) == (self.outside == SURVIVED)


@dataclass
class Section:
    """The cases of one design and base context."""

    design: str
    base: str
    cases: list = field(default_factory=list)
    over: bool = False

    def differ(self):
        return [case for case in self.cases if not case.agrees()]

    def lines(self):
        """What came of it."""
        where = f"design={self.design} base={self.base}"
        for pattern in dict.fromkeys(case.pattern for case in self.cases):
            cases = [case for case in self.cases if case.pattern == pattern]
            ways = Counter((case.inside, case.outside) for case in cases)
            failed = sum(case.outside != SURVIVED for case in cases)
            differ = sum(not case.agrees() for case in cases)
            counts = f"cases={len(cases)} failed={failed} differ={differ}"
            yield f"# outside-all: {where} pattern={pattern} {counts}"
            ways.pop((SURVIVED, SURVIVED), None)
            for (inside, outside), count in sorted(ways.items()):
                what = f"inside={inside} outside={outside} cases={count}"
                yield f"# outside-what: {where} pattern={pattern} {what}"
        differ = self.differ()
        for case in differ[:SHOWN]:
            what = f"inside={case.inside} outside={case.outside}"
            yield f"# outside-differs: case={case.name} {what}"
        if len(differ) > SHOWN:
            yield f"# outside-differs: {len(differ) - SHOWN} more, not shown"


def case_of(found):
    """The Case of an `# inside:` line. Raises Stop for one that makes no sense."""
    case = Case(found[1], [(int(at, 16), int(n)) for at, n in AT.findall(found[2])], found[3])
    try:
        if len(case.vectors()) == len(case.places) + 1:
            return case
    except LookupError:
        pass
    raise Stop(f"a damaged line: {found[0]}")


def listed(find):
    """The cases that the guest has run, up to its line that counts them. Raises Stop."""
    cases = []
    while True:
        found = find(INSIDE)
        if found[4]:
            break
        cases.append(case_of(found))
        if len(cases) % PROGRESS == 0:
            show(f"# inside-at: cases={len(cases)}")
    if int(found[4]) != len(cases):
        raise Stop(f"the guest ran {found[4]} cases and told {len(cases)}")
    return cases


def show(line):
    print(line, flush=True)


def run_case(guest, case, base):
    """From external_round() to there: how it ended."""
    wrong = ""
    guest.begin_case(base, case.inside == ist_guest.LIVELOCK)
    for vector, place in zip(case.vectors(), [None, *case.places]):
        wrong = place and guest.run_to(*place)
        if wrong:
            break
        guest.raise_event(vector)
    end = guest.end_case() if not wrong else wrong
    if end and end != ist_guest.ELSEWHERE:
        guest.give_up()
    said = guest.find(OUTSIDE)[1]
    return NOT_REACHED if wrong == ist_guest.ELSEWHERE else end or said


class Drive:
    """The whole: the guest is booted, again if a case ends a boot, and led through its sections."""

    def __init__(self, command, directory, elf):
        self.command, self.directory, self.elf = command, directory, elf
        self.symbols = {one.name: one for one in elf.symbols}
        self.sections = []
        self.running = None  # a case
        self.shows = True

    def show(self, line):
        """A boot that is not the first begins with what has been said."""
        if self.shows:
            show(line)

    def check_footprint(self, guest):
        """Between cases no byte of code may be other than the image has it."""
        for one in self.elf.sections:
            if one.name == ".text":
                want = self.elf.data[one.offset : one.offset + one.size]
                if guest.read(one.address, one.size) != want:
                    raise Stop("the code is not as the image has it")

    def run_cases(self, guest, section):
        base = self.symbols["lab_base_" + section.base].address + 1  # between its two INT3
        guest.code = {place[0] for case in section.cases for place in case.places}
        left = [case for case in section.cases if not case.outside]
        for number, self.running in enumerate(left):
            self.running.outside = run_case(guest, self.running, base)
            if number == 0:
                self.check_footprint(guest)
            if (number + 1) % PROGRESS == 0:
                show(f"# outside-at: cases={number + 1}")
        self.running = None

    def section(self, guest, number):
        found = guest.find(SECTION)
        if number == len(self.sections):
            self.shows = True
            new = Section(*found.groups())
            guest.tell(ist_guest.LIST)
            guest.leave_round()
            new.cases = listed(guest.find)
            if not guest.come_round(ROUND_S):
                raise Stop("the guest ended when it had run the cases by itself")
            self.sections.append(new)
        section = self.sections[number]
        self.run_cases(guest, section)
        if not section.over:
            section.over = self.shows = True
            for line in section.lines():
                show(line)
        guest.tell(ist_guest.NEXT, len(section.cases), len(section.differ()))

    def boot(self):
        """QEMU's status; None if a case has ended the machine."""
        guest = ist_guest.Guest(self.command, self.directory, self.symbols, self.show)
        try:
            guest.leave_round()
            number = 0
            while guest.come_round(ROUND_S):
                self.section(guest, number)
                guest.leave_round()
                number += 1
            self.shows = True
            return guest.finish()
        except Ended as why:
            if not self.running or not guest.has_ended():
                raise Stop(str(why)) from None
            self.running.outside = RESET
            self.shows = False
            return None
        finally:
            guest.kill()

    def run(self):
        while True:
            status = self.boot()
            if status is not None:
                return status


def main(directory, *command):
    try:
        image = command[command.index("-kernel") + 1]
        return Drive(command, directory, Elf(image)).run()
    except (Stop, Usage, OSError) as why:
        print(f"ist_boundaries: {why}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
