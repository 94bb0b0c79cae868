# SPDX-License-Identifier: MIT
"""What the kernel's designs share: struct trap_frame, the steps that all have, the handler with its
five boundaries, the base contexts, and what the checker asserts besides the judgement of model.py.

Sources: kernel/include/xtk/frame.h (the order of the fields), kernel/macros.inc (of the pushes).
"""

from . import model
from .model import GAP, INDEX, KERNEL, RFLAGS_AC, RFLAGS_DF, RFLAGS_NT, UNSAFE, USER, VECTORS, Stop

FIELDS = (
    "r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8", "rbp", "rdi", "rsi", "rdx", "rcx", "rbx",
    "rax", "vector", "error", "rip", "cs", "rflags", "rsp", "ss",
)  # fmt: skip
GPRS = FIELDS[:15]
OFFSET = {field: 8 * index for index, field in enumerate(FIELDS)}
FRAME = 8 * len(FIELDS)
LEVEL = 0x200  # a frame, a call, the locals of the handler
LEVELS = 8
STACKS = {
    name: (bottom, bottom + LEVEL * LEVELS)
    for bottom, name in enumerate(
        (
            "TASK", "NMI", "DB", "MC", "FALLBACK", "MAIN", "USER", "RSP0", "EXIT", "CSL1", "CSL2",
            "DF",
        ), 1,
    )
    for bottom in (bottom * 0x10000,)
}  # fmt: skip
LOCALS = 48  # what a handler has below its frame: a return address and data
# What a user may have in RSP: what points to nothing, or into the stacks of the design.
WORTHLESS = 0x666
FORGED = tuple(STACKS[name][1] - 0x180 for name in VECTORS + ("MAIN",))
IN_FRAME = (STACKS["NMI"][1] - 0x58,)  # where the entry of NMI will write
USER_RSP = (WORTHLESS,) + IN_FRAME + FORGED[-1:]
TASK_RSP = STACKS["TASK"][1] - 0x100
BASES = {
    "kernel": [{"rsp": TASK_RSP}],
    "user": [{"cs": USER, "ss": "user SS", "rsp": rsp} for rsp in USER_RSP],
    "gap": [{"rip": GAP, "rsp": WORTHLESS}],
    "forged": [{"rip": GAP, "rsp": rsp} for rsp in IN_FRAME + FORGED],
    "flags": [{"rsp": TASK_RSP, "rflags": 2 | RFLAGS_DF | RFLAGS_AC | RFLAGS_NT}],
    "ts": [{"rsp": TASK_RSP}],  # CR0.TS = 1 is the handler's business
    "odd": [{"rsp": TASK_RSP - odd} for odd in (1, 5, 8)],
}

# The base contexts; "forged" is the gap with an RSP that points into the stacks of the design.
SINGLES = tuple(
    vector if base == "kernel" else f"{base}:{vector}" for base in BASES for vector in VECTORS
)
PAIRS = tuple(
    pair if base == "kernel" else f"{base}:{pair}" for base in BASES for pair in model.PAIRS
)
FROM_USER = ("user:NMI>DB>NMI", "user:NMI>MC>NMI")  # an entry may have a way of its own
PATTERNS = SINGLES + PAIRS + model.TRIPLES + FROM_USER + model.DOUBLE_FAULTS


def constants(p):
    """Names for the code of the instructions."""
    tops = {f"TOP_{name}": top for name, (_, top) in p.stacks.items()}
    p.names.update({**tops, **{field.upper(): at for field, at in OFFSET.items()}, "FRAME": FRAME})
    p.names["enter"] = lambda *arguments: enter(p, *arguments)


# Steps.


def entry(p, vector):
    p.step("entry")
    push_head(p, vector)


def push_head(p, vector):
    p.op("push 0", "rsp -= 8; m[rsp] = 0")
    p.op("push vector", f"rsp -= 8; m[rsp] = '{vector}'")


def push_gprs(p):
    p.step("push_gprs")
    for gpr in reversed(GPRS):
        p.op(f"push {gpr}", f"rsp -= 8; m[rsp] = {gpr}")


def clear_flags(p):
    p.step("clear_flags")
    p.op("push EFLAGS_FIXED", f"rsp -= 8; m[rsp] = {model.RFLAGS_FIXED}")
    p.op("popfq", "rflags = m[rsp]; rsp += 8")


JUNK = " = ".join(gpr for gpr in GPRS if gpr != "rbp") + " = 'junk'"


def handler(p, vector):
    """The call, and what the laboratory's handler does."""
    p.step("handler")
    p.op("mov rdi, rsp", "rdi = rsp")
    call_handler(p, vector)


def call_handler(p, vector, before=""):
    """Where no handler is called but jumped to, the caller's return address goes before."""
    p.op(
        "call ist_handle",
        f"{before}\nrbp = m[rsp - {LOCALS}] = enter(s, m, '{vector}', rdi, rsp, rflags)\n"
        f"rsp -= {LOCALS}; {JUNK}",
    )
    window(p, vector)


def window(p, vector):
    allow = f"s.masked &= ~{1 << INDEX[vector]}" if vector != "NMI" else ""
    p.step("enter")
    p.op("enter")
    p.step("rearm_early")
    p.op("rearm_early", f"if s.early: {allow or 'pass'}")
    p.step("busy")
    p.op("busy")
    p.step("rearm_late")
    p.op("rearm_late", allow)
    p.step("leave")
    p.op("leave", f"if m.get(rsp) != rbp: raise Stop('stack')\nrsp += {LOCALS}")


def pop_gprs(p):
    p.step("pop_gprs")
    for gpr in GPRS:
        p.op(f"pop {gpr}", f"{gpr} = m[rsp]; rsp += 8")


def drop(p, size=16):
    p.step("drop")
    p.op("add rsp", f"rsp += {size}")


def iret(p):
    p.step("iret")
    p.op("iretq", "rip, cs, rflags, rsp, ss = iretq(s, m, rsp, rflags, END)", jump=True)


END = """
if live != m["live"]: raise Stop("overwritten")
if s.owed: raise Stop("lost")
s.ended = True
rip = -1
"""


def double_fault(p):
    """The handler of #DF: what it interrupted must stay as it is, and it does not return."""
    live = "tuple(m.get(at + 8 * i) for i in range(32))"
    p.label("DF")
    window_steps = {step: "" for step in ("enter", "rearm_early", "busy", "rearm_late")}
    window_steps["enter"] = f"at = m[rsp + 24]; m['live'] = {live}; s.owed = False"
    for step, code in window_steps.items():
        p.step(step)
        p.op(step, code)
    p.step("leave")
    p.op("leave", f"at = m[rsp + 24]; live = {live}{END}", jump=True)


# The checker.


def enter(p, s, m, vector, frame, rsp, rflags):
    """What must hold when a handler begins. Its number, for the data on its stack."""
    if rflags & UNSAFE:
        raise Stop("flags")
    if rsp % 16:
        raise Stop("alignment")
    if p.stack_of(frame) is None:
        raise Stop("stack")
    if m.get(frame + OFFSET["vector"]) != vector or m.get(frame + OFFSET["error"]) != 0:
        raise Stop("frame")
    rip = m.get(frame + OFFSET["rip"])
    if not isinstance(rip, int):
        raise Stop("frame")
    if rip < 0:
        outermost(p, s, m, vector, frame)
    s.runs[INDEX[vector]] += 1
    s.owed &= vector != "NMI"
    return sum(s.runs)


def outermost(p, s, m, vector, frame):
    """The frame says what the base context was, and stands where the first one stands."""
    for field, offset in OFFSET.items():
        if field in p.at and m.get(frame + offset) != s.base[p.at[field]]:
            raise Stop("frame")
    if p.commits and p.stack_of(frame) == "MAIN" and frame != p.stacks["MAIN"][1] - FRAME:
        raise Stop("leak")
    s.seen |= {vector}


def judge_frame(p, s, first):
    return None if first in s.seen else "frame"


def judge_ist(p, s, first):
    return None if s.ist == [p.stacks[vector][1] for vector in model.EVENTS] else "ist"


def owned(rsp):
    """The quadwords of the interrupted code: what is at and above its RSP."""
    return range(rsp & ~7, (rsp & ~7) + 0x40, 8)


def judge_stack(p, s, first):
    """What stood on the task's stack is untouched."""
    rsp = s.base[p.at["rsp"]]
    if p.stack_of(rsp) != "TASK":
        return None
    return None if all(s.mem[at] == "task" for at in owned(rsp)) else "stack"


def starts(p, base):
    """The states of a base context."""
    states = []
    for values in BASES.get(p.base(base), ()):
        values = {**{gpr: f"task {gpr}" for gpr in GPRS}, **p.context(base), **values}
        state = model.fresh(p, values)
        state.mem.update(p.memory)
        if p.stack_of(values["rsp"]) == "TASK":
            state.mem.update({at: "task" for at in owned(values["rsp"])})
        states.append(state)
    return states


def explore(p, pattern, rearm):
    base, _ = model.events_of(pattern)
    return model.explore(p, starts(p, base), pattern, rearm == "early")


def program(name, write, coalesces_nmi=False, edits=None):
    """A design, written by write(program, vector) for each vector."""
    p = model.Program(name, GPRS, STACKS, coalesces_nmi, edits)
    constants(p)
    p.judges = [judge_frame, judge_ist, judge_stack]
    for vector in VECTORS:
        write(p, vector)
    double_fault(p)
    p.link()
    return p
