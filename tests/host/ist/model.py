# SPDX-License-Identifier: MIT
"""The machine of the model: registers, memory, the delivery of NMI, #DB and #MC, and all the
boundaries at which a pattern of events can hit a design.

A design is a Program: instructions in steps, each a few lines of Python in which the registers are
names, `m` is the memory by byte address in quadwords, `s` the rest of the state and `L` the labels.
An address of code is an index into the program; a negative one is in the base context.

What of the CPU is modelled: the frame and the stack of a delivery; NT cleared by it, DF and AC not;
NMI blocked from its delivery to any IRETQ, and one more latched. #DB and #MC are masked from their
delivery until the handler allows them again: a #MC while MCG_STATUS.MCIP is set is a shutdown, and
a kernel disarms its breakpoints, so what cannot come is not injected. The masks belong to the state
and are not put back by a return.
Sources: SDM vol. 3, "Nonmaskable Interrupt (NMI)", "Interrupt Stack Table", "64-Bit Mode Stack
Frame", "Interrupt 18-Machine-Check Exception (#MC)".
"""

import collections
import textwrap

VECTORS = ("NMI", "DB", "MC")
EVENTS = VECTORS + ("DF",)  # the last has the same entry in all designs, and ends the case
INDEX = {vector: index for index, vector in enumerate(EVENTS)}
RFLAGS_FIXED, RFLAGS_DF, RFLAGS_NT, RFLAGS_AC = 2, 1 << 10, 1 << 14, 1 << 18
FRED_LEVEL = {"NMI": 2, "DB": 1, "MC": 2, "DF": 3}
UNSAFE = RFLAGS_DF | RFLAGS_NT | RFLAGS_AC
KERNEL, USER = "kernel CS", "user CS"
BASE, GAP = -1, -2  # RIP of the base context; of the gap between SYSCALL and the load of RSP
SYSTEM = ("rsp", "rip", "rflags", "cs", "ss", "cr3", "gs")
LIMIT = 120  # pieces of code that a case may run; the longest that ends runs 44
LENGTH = 400  # instructions at which an event may come; the longest way that ends has 154
CIRCLES = 4  # times that a jump back finds the same registers; NMIs that wait make it two
AGAIN = 2  # runs of handlers beyond the deliveries


class Stop(Exception):
    """The case is over, and why."""


class State:
    """All that a boundary is."""

    __slots__ = (
        "regs", "mem", "ist", "nmi_blocked", "latched", "masked", "runs", "delivered", "owed",
        "early", "base", "seen", "csl", "ended",
    )  # fmt: skip

    def copy(self):
        twin = State.__new__(State)
        twin.regs, twin.mem, twin.ist = self.regs, self.mem.copy(), self.ist.copy()
        twin.nmi_blocked, twin.latched, twin.masked = self.nmi_blocked, self.latched, self.masked
        twin.runs, twin.delivered, twin.owed = self.runs.copy(), self.delivered.copy(), self.owed
        twin.early, twin.base, twin.seen = self.early, self.base, self.seen
        twin.csl, twin.ended = self.csl, self.ended
        return twin


class Program:
    """The code of a design for all its vectors, and how it is run."""

    def __init__(self, name, gprs, stacks, coalesces_nmi=False, edits=None):
        self.name, self.stacks, self.coalesces_nmi = name, stacks, coalesces_nmi
        self.registers = gprs + SYSTEM
        self.at = {register: index for index, register in enumerate(self.registers)}
        self.edits, self.edited = edits or {}, set()
        self.steps, self.texts, self.codes, self.jumps = [], [], [], []
        self.labels, self.here, self.names = {}, "", {}
        self.singles, self.runs = {}, {}
        self.deliver, self.judges = deliver_by_ist, []
        self.memory, self.context = {}, lambda base: {}
        self.base = lambda base: base  # what a base context is for this design, None: impossible
        self.commits = False  # to MAIN, where the outermost frame is the first

    # What a design is written with.

    def step(self, name):
        self.here = name

    def label(self, name):
        self.labels[name] = len(self.codes)

    def op(self, text, code="", jump=False):
        """One instruction; or what a fault has in its place."""
        edit = self.edits.get((self.here, text))
        if edit is None:
            self.emit(text, code, jump)
            return
        self.edited.add((self.here, text))
        for new_text, new_code in edit(text, code):
            self.emit(new_text, new_code, jump)

    def emit(self, text, code, jump):
        self.steps.append(self.here)
        self.texts.append(text)
        self.codes.append(code)
        self.jumps.append(jump)

    def link(self):
        """The last of the writing: what fault there is must have found its place."""
        missed = set(self.edits) - self.edited
        if missed:
            raise ValueError(f"{self.name}: no instruction {sorted(missed)}")
        self.names.update(stack_of=self.stack_of, END=len(self.codes))

    # How it is run.

    def compiled(self, first, last):
        """Instructions first to last as one function of the state."""
        names = ", ".join(self.registers)
        body = [f"{names} = s.regs", "m = s.mem"] + self.codes[first:last]
        body += [f"rip = {last + 1}", self.codes[last]]  # a jump is the last of its run
        body.append(f"s.regs = ({names})")
        source = "def run(s):\n" + textwrap.indent("\n".join(body), "    ")
        space = {"L": self.labels, "STACKS": self.stacks, **NAMES, **self.names}
        exec(compile(source, f"{self.name}+{first}", "exec"), space)
        return space["run"]

    def single(self, rip):
        if rip not in self.singles:
            self.singles[rip] = self.compiled(rip, rip)
        return self.singles[rip]

    def run(self, rip):
        """What is left of the step at rip, up to the next jump."""
        if rip not in self.runs:
            last = rip
            while not self.jumps[last] and self.steps[last + 1] == self.steps[rip]:
                last += 1
            self.runs[rip] = self.compiled(rip, last)
        return self.runs[rip]

    def rip(self, state):
        return state.regs[self.at["rip"]]

    def stack_of(self, address):
        """The name of the stack that holds the address, or None."""
        for name, (bottom, top) in self.stacks.items():
            if bottom <= address < top:
                return name
        return None


def fresh(program, values):
    """The state in which a base context is interrupted; values are those of its registers."""
    state = State()
    system = {"rip": BASE, "cs": KERNEL, "ss": "SS", "rflags": RFLAGS_FIXED, "cr3": 0, "gs": 0}
    values = {**system, **values}
    state.regs = state.base = tuple(values[name] for name in program.registers)
    state.mem, state.seen = {}, frozenset()
    state.ist = [program.stacks[vector][1] for vector in EVENTS if vector in program.stacks]
    state.runs, state.delivered = [0] * len(EVENTS), [0] * len(EVENTS)
    state.nmi_blocked = state.latched = state.owed = state.early = state.ended = False
    state.masked = state.csl = 0
    return state


# Delivery.


def account(state, vector):
    state.delivered[INDEX[vector]] += 1
    if vector == "NMI":
        state.nmi_blocked = state.owed = True
    else:
        state.masked |= 1 << INDEX[vector]


def can_come(state, vector):
    if vector == "NMI":
        return not state.nmi_blocked
    return not state.masked & 1 << INDEX[vector]


def push_frame(program, state, vector, top):
    """What the CPU pushes for a gate, and where it goes on."""
    regs, at = list(state.regs), program.at
    for offset, name in enumerate(("rip", "cs", "rflags", "rsp", "ss")):
        state.mem[top - 40 + 8 * offset] = regs[at[name]]
    regs[at["rsp"]], regs[at["rip"]] = top - 40, program.labels[vector]
    regs[at["cs"]] = KERNEL
    regs[at["rflags"]] &= ~RFLAGS_NT
    state.regs = tuple(regs)


def deliver_by_ist(program, state, vector):
    account(state, vector)
    if vector == "DF":
        state.csl = FRED_LEVEL[vector]  # which has a stack of its own, too
    push_frame(program, state, vector, state.ist[INDEX[vector]] & ~15)


def deliver_on_current(program, state, vector):
    """A gate without IST: the stack in use, or RSP0 of the TSS from CPL 3."""
    account(state, vector)
    rsp, cs = (state.regs[program.at[name]] for name in ("rsp", "cs"))
    top = (program.stacks["RSP0"][1] if cs == USER else rsp) & ~15
    if program.stack_of(top - 8) is None:
        raise Stop("double_fault")
    push_frame(program, state, vector, top)


FRED_STACK = ("RSP0", "CSL1", "CSL2")


def deliver_by_fred(program, state, vector):
    """A stack is begun anew only if the stack level rises; the frame keeps the old one.

    Source: Intel, "Flexible Return and Event Delivery (FRED) Specification", "FRED Event Delivery".
    """
    account(state, vector)
    rsp, cs = (state.regs[program.at[name]] for name in ("rsp", "cs"))
    old, level = state.csl, max(state.csl, FRED_LEVEL[vector])
    state.csl = level = 0 if cs == USER else level
    top = program.stacks[FRED_STACK[level]][1] if cs == USER or level > old else rsp & ~63
    state.mem[top - 8], state.mem[top - 16] = 0, (old, vector)
    state.mem[top - 64] = 0
    push_frame(program, state, vector, top - 16)
    regs = list(state.regs)
    regs[program.at["rsp"]] -= 8
    regs[program.at["rflags"]] = RFLAGS_FIXED
    state.regs = tuple(regs)


def erets(state, mem, rsp, end):
    """As iretq() from the error code, but NMIs are unblocked by the frame of an NMI only."""
    level, vector = mem[rsp + 48]
    blocked = state.nmi_blocked
    frame = iretq(state, mem, rsp + 8, 0, end)
    state.nmi_blocked = blocked and vector != "NMI"
    state.csl = min(state.csl, level)
    return frame


def iretq(state, mem, rsp, rflags, end):
    """RIP, CS, RFLAGS, RSP, SS of the frame at rsp. NMIs are open afterwards in any case."""
    frame = [mem.get(rsp + offset) for offset in (0, 8, 16, 24, 32)]
    state.nmi_blocked = False
    rip, cs, flags, new_rsp, _ = frame
    whole = isinstance(rip, int) and isinstance(flags, int) and isinstance(new_rsp, int)
    if rflags & RFLAGS_NT or not whole or cs not in (KERNEL, USER) or rip >= end:
        raise Stop("bad_iret")
    return frame


# What the code of an instruction may name besides.
NAMES = {
    "Stop": Stop, "iretq": iretq, "erets": erets, "VECTORS": VECTORS, "KERNEL": KERNEL,
    "USER": USER, "GAP": GAP,
}  # fmt: skip


# Running.


def guarded(run, *arguments):
    """The symptom with which a run ended; None if it came to its end."""
    try:
        return run(*arguments)
    except Stop as stop:
        return stop.args[0]
    except (KeyError, TypeError, IndexError, AttributeError):
        return "wild"  # something read what nobody had written


def take_latched(program, state):
    if state.latched and not state.nmi_blocked:
        state.latched = False
        program.deliver(program, state, "NMI")


def to_the_end(program, state):
    """Run until the base context goes on."""
    been, rip = {}, -1
    for _ in range(LIMIT):
        take_latched(program, state)
        before, rip = rip, program.rip(state)
        if rip < 0:
            return None
        if rip <= before:
            been[state.regs] = been.get(state.regs, 0) + 1
        if been.get(state.regs) == CIRCLES or ran_too_often(state):
            break
        program.run(rip)(state)
    return "livelock"


def ran_too_often(state):
    return sum(state.runs) > sum(state.delivered) + AGAIN


def boundaries(program, state):
    """The state at each boundary from here to the base context; it may not be kept."""
    for _ in range(LENGTH):
        take_latched(program, state)
        rip = program.rip(state)
        if rip < 0 or ran_too_often(state):
            return
        yield rip
        if guarded(program.single(rip), state) is not None:
            return


def judge(program, state, first):
    """The first symptom of a case that came to its end; None if it is as it must be."""
    if state.ended:
        return None
    runs, delivered = state.runs, state.delivered
    lost = state.owed or any(ran < came for ran, came in zip(runs[1:], delivered[1:]))
    if state.regs != state.base:
        return "context"
    if lost or (not program.coalesces_nmi and runs[0] < delivered[0]):
        return "lost"
    if any(ran > came for ran, came in zip(runs, delivered)):
        return "ran_again"
    if state.nmi_blocked:
        return "nmi_blocked"
    if state.masked:
        return "masked"
    return next(filter(None, (check(program, state, first) for check in program.judges)), None)


# Patterns.

PAIRS = tuple(f"{first}>{second}" for first in VECTORS for second in VECTORS)
DOUBLE_FAULTS = ("DF", "NMI>DF", "DB>DF", "MC>DF", "DF>NMI", "DB>DF>NMI", "MC>DF>NMI")
TRIPLES = tuple(f"{x}>{y}>{x}" for x in VECTORS for y in VECTORS if x != y)


class Result:
    """What became of the cases of one pattern."""

    def __init__(self):
        self.cases = self.failed = 0
        self.steps = {2: {}, 3: {}}  # event: step: [cases, failed]
        self.at = {2: {}, 3: {}}  # event: index of the instruction: [cases, failed]
        self.symptoms = collections.Counter()

    def add(self, program, hit, symptom):
        failed = symptom is not None
        self.cases += 1
        self.failed += failed
        if failed:
            self.symptoms[symptom] += 1
        for event, rip in enumerate(hit, 2):
            for table, key in ((self.steps, program.steps[rip]), (self.at, rip)):
                count = table[event].setdefault(key, [0, 0])
                count[0] += 1
                count[1] += failed

    def failing(self, event=2):
        """The steps at which the event is fatal in one case at least."""
        return {step for step, (_, failed) in self.steps[event].items() if failed}


def events_of(pattern):
    """The base context and the vectors of a pattern's name: "user:NMI>DB"."""
    base, _, events = pattern.rpartition(":")
    return base or "kernel", events.split(">")


def rearm_matters(events):
    """Whether an event of the pattern can wait for a handler to allow it."""
    return any(events.count(vector) > 1 for vector in ("DB", "MC"))


def inject(program, state, vector):
    """The event, or its latching: the symptom if the delivery itself ends the case."""
    if vector == "NMI" and state.nmi_blocked:
        state.latched = state.owed = True
        return None
    deliver = deliver_by_ist if vector == "DF" else program.deliver
    return guarded(deliver, program, state, vector)


def cases(program, state, previous, events, hit=()):
    """(boundaries hit, symptom of the delivery, state) of all ways in which the events come."""
    latches = previous == events[0] == "NMI"  # else the next IRETQ's boundary stands for it
    for rip in boundaries(program, state):
        if not can_come(state, events[0]) and not latches:
            continue
        after = state.copy()
        symptom = inject(program, after, events[0])
        if len(events) == 1 or symptom:
            yield hit + (rip,), symptom, after
        else:
            yield from cases(program, after, events[0], events[1:], hit + (rip,))


def explore(program, starts, pattern, early):
    """Run a pattern at all boundaries; starts are the states of its base context."""
    _, events = events_of(pattern)
    result = Result()
    for start in starts:
        state = start.copy()
        state.early = early
        symptom = inject(program, state, events[0])
        if len(events) == 1 or symptom:
            every = [((), symptom, state)]
        else:
            every = cases(program, state, events[0], events[1:])
        for hit, dead, after in every:
            dead = dead or guarded(to_the_end, program, after)
            result.add(program, hit, dead or judge(program, after, events[0]))
    return result
