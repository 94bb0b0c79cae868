# SPDX-License-Identifier: MIT
"""The designs in the form in which their windows were first counted: four registers, one push in
the place of vector and error code, CLD first, four instructions of a handler.

The engine has to count the same cases and the same failures in them before it is believed about the
kernel's designs (designs.py). COUNTS is what was counted: (cases, failed).
"""

from . import model
from .model import VECTORS

GPRS = ("a", "b", "c", "d")
STACKS = {
    name: (bottom, bottom + 0x1000)
    for name, bottom in (
        ("TASK", 0x1000), ("NMI", 0x2000), ("DB", 0x3000), ("MC", 0x4000), ("FALLBACK", 0x6000),
        ("MAIN", 0x8000),
    )
}  # fmt: skip
HEAD = 8 * len(GPRS)  # offset of what stands in the place of the error code
RIP, CS, RFLAGS, RSP, SS = (HEAD + 8 * n for n in range(1, 6))
SIZE = SS + 8
ALIGNED = (SIZE + 15) & ~15

PATTERNS = (
    "NMI>DB", "NMI>DB>NMI", "NMI>MC>NMI", "DB>NMI>DB", "MC>DB>MC", "DB>DB", "MC>MC",
)  # fmt: skip
LATE = {
    "plain": ((16, 0), (136, 136), (136, 136), (177, 177), (177, 177), (6, 6), (6, 6)),
    "ist-shift": ((18, 0), (171, 121), (171, 121), (231, 201), (231, 201), (7, 6), (7, 6)),
    "shift-min": ((18, 0), (171, 19), (171, 19), (231, 36), (231, 36), (7, 1), (7, 1)),
    "switch-off": ((28, 0), (406, 136), (406, 136), (321, 0), (321, 0), (6, 0), (6, 0)),
    "linux-nmi": ((37, 0), (703, 78), (703, 78), (303, 303), (177, 177), (6, 6), (6, 6)),
    "atomic": ((27, 0), (242, 0), (242, 0), (309, 0), (309, 0), (6, 0), (6, 0)),
}
EARLY = {
    "plain": ((16, 0), (136, 136), (136, 136), (228, 228), (228, 228), (8, 8), (8, 8)),
    "ist-shift": ((18, 0), (171, 121), (171, 121), (288, 201), (288, 201), (9, 6), (9, 6)),
    "shift-min": ((18, 0), (171, 19), (171, 19), (288, 36), (288, 36), (9, 1), (9, 1)),
    "switch-off": ((28, 0), (406, 136), (406, 136), (420, 0), (420, 0), (8, 0), (8, 0)),
    "linux-nmi": ((37, 0), (703, 78), (703, 78), (396, 396), (228, 228), (8, 8), (8, 8)),
    "atomic": ((27, 0), (242, 0), (242, 0), (404, 0), (404, 0), (8, 0), (8, 0)),
}
COUNTS = {"late": LATE, "early": EARLY}


def begin(p, vector):
    p.label(vector)
    p.step("entry")
    p.op("cld", f"rflags &= ~{model.RFLAGS_DF}")


def save(p):
    p.op("push -1", "rsp -= 8; m[rsp] = -1")
    p.step("push_gprs")
    for gpr in GPRS:
        p.op(f"push {gpr}", f"rsp -= 8; m[rsp] = {gpr}")


def handle(p, vector):
    index = model.INDEX[vector]
    allow = f"s.masked &= ~{1 << index}"
    p.step("handler")
    p.op("run", f"s.runs[{index}] += 1; s.owed &= {vector != 'NMI'}; a = b = c = d = 'junk'")
    p.op("rearm_early", f"if s.early: {allow}")
    p.op("busy")
    p.op("rearm_late", allow)


def restore(p):
    p.step("pop_gprs")
    for gpr in reversed(GPRS):
        p.op(f"pop {gpr}", f"{gpr} = m[rsp]; rsp += 8")


def leave(p, drop=8):
    p.step("drop")
    p.op("add rsp", f"rsp += {drop}")


def iret(p):
    p.op("iretq", "rip, cs, rflags, rsp, ss = iretq(s, m, rsp, rflags, END)", jump=True)


def plain(p, vector):
    begin(p, vector)
    save(p)
    handle(p, vector)
    restore(p)
    leave(p)
    iret(p)


def ist_shift(p, vector):
    begin(p, vector)
    save(p)
    p.op("ist_sub", f"s.ist[{model.INDEX[vector]}] -= 0x400")
    handle(p, vector)
    p.op("ist_add", f"s.ist[{model.INDEX[vector]}] += 0x400")
    restore(p)
    leave(p)
    iret(p)


def shift_min(p, vector):
    p.label(vector)
    p.step("entry")
    p.op("ist_sub", f"s.ist[{model.INDEX[vector]}] -= 0x400")
    p.op("cld", f"rflags &= ~{model.RFLAGS_DF}")
    save(p)
    handle(p, vector)
    restore(p)
    leave(p)
    p.op("ist_add", f"s.ist[{model.INDEX[vector]}] += 0x400")
    iret(p)


def switch_off(p, vector):
    begin(p, vector)
    save(p)
    p.step("copy")
    p.op(
        "choose",
        f"b, known = rsp, stack_of(m[rsp + {RSP}] - 1)\n"
        f"a = ((m[rsp + {RSP}] if known else {STACKS['FALLBACK'][1]}) & ~15) - {ALIGNED}",
    )
    for offset in range(0, SIZE, 8):
        p.op(f"copy {offset}", f"m[a + {offset}] = m.get(b + {offset})")
    p.op("mov rsp, rax", "rsp = a")
    handle(p, vector)
    restore(p)
    leave(p)
    iret(p)


# The addresses in the NMI stack: the saved d, the flag below it, the two copies of the frame.
SAVED_D = STACKS["NMI"][1] - 48
EXECUTING, IRET_COPY, OUTERMOST = SAVED_D - 8, SAVED_D - 48, SAVED_D - 88


def linux_nmi(p, vector):
    if vector != "NMI":
        plain(p, vector)
        return
    begin(p, vector)
    p.op("push d", "rsp -= 8; m[rsp] = d")
    p.op("test 1", "d = 'scratch'")
    p.op(
        "test 2",
        "if L['repeat'] <= m[rsp + 8] < L['copied']: rip = L['nested_out']\n"
        f"elif m.get({EXECUTING}) == 1: rip = L['nested']\n"
        f"elif stack_of(m[rsp + 32] - 1) == 'NMI' and m[rsp + 24] & {model.RFLAGS_DF}:\n"
        "    rip = L['nested']\n"
        "else: rip = L['first']",
        jump=True,
    )
    linux_nested(p)
    linux_first(p)
    save(p)
    handle(p, vector)
    restore(p)
    leave(p, 48)
    p.op("std", f"rflags |= {model.RFLAGS_DF}")
    p.op("clear", f"m[{EXECUTING}] = 0")
    iret(p)


def linux_nested(p):
    p.label("nested")
    p.step("nested")
    again = (("ss", "'ss'"), ("rsp", OUTERMOST), ("rflags", 2), ("cs", "KERNEL"))
    for number, (name, value) in enumerate(again):
        p.op(f"write {name}", f"m[{IRET_COPY + 32 - 8 * number}] = {value}")
    p.op("write rip", f"m[{IRET_COPY}] = L['repeat']")
    p.label("nested_out")
    p.op("pop d", "d = m[rsp]; rsp += 8")
    iret(p)


def linux_first(p):
    p.label("first")
    p.step("first")
    p.op("load d", "d = m[rsp]")
    p.op("push 0", "rsp -= 8; m[rsp] = 0")
    p.op("sub", "rsp -= 40")
    for number in range(5):
        p.op(f"copy {number}", "rsp -= 8; m[rsp] = m[rsp + 96]")
    p.label("repeat")
    p.step("repeat")
    p.op("set", f"m[{EXECUTING}] = 1")
    p.op("add", "rsp += 80")
    for number in range(5):
        p.op(f"copy {number}", "rsp -= 8; m[rsp] = m[rsp - 40]")
    p.op("sub", "rsp -= 40")
    p.label("copied")


ATOMIC_LOCATE = f"""
b, c, d, a = (rsp,), (VECTOR,), rsp, TOP
while True:
    interrupted = m[b[-1] + {RSP}]
    vector = stack_of(interrupted)
    if vector not in VECTORS:
        if vector == "MAIN": a = interrupted & ~15
        break
    frame = STACKS[vector][1] - {SIZE}
    if frame in b: raise Stop("fatal")
    if interrupted <= frame: d = frame
    b += (frame,)
    c += (vector,)
"""


def atomic_half(level, head):
    """Half a frame of MAIN, if there are so many: the head or the registers."""
    fields = range(HEAD, SIZE, 8) if head else range(0, HEAD, 8)
    source = "b[n]" if head else "d"
    lines = [f"n, to = len(b) - {level + 1}, a - {ALIGNED * (level + 1)}", "if n >= 0:"]
    if level and not head:
        lines += [f"    m[to + {offset}] = 0" for offset in fields]
        lines += [f"    m[to + {HEAD - 8}] = to + {ALIGNED}"]
    else:
        lines += [f"    m[to + {offset}] = m.get({source} + {offset})" for offset in fields]
    if level and head:
        lines += [f"    m[to + {RIP}] = L['commit ' + c[n + 1]]"]
        lines += [f"    m[to + {RSP}] = to + {ALIGNED}", f"    m[to + {RFLAGS}] = 2"]
    return "\n".join(lines)


def atomic(p, vector):
    begin(p, vector)
    save(p)
    p.op("clear", "a = b = c = d = 0")
    p.op("locate", ATOMIC_LOCATE.replace("VECTOR,", f"'{vector}',").replace("TOP", str(0x9000)))
    for level in range(3):
        p.op(f"head {level}", atomic_half(level, True))
        p.op(f"registers {level}", atomic_half(level, False))
    p.op("return", f"a -= {ALIGNED} * len(b)")
    p.op("commit", "rsp = a")
    p.label(f"commit {vector}")
    p.op("fix", f"m[rsp + {HEAD}] = -1")
    handle(p, vector)
    restore(p)
    leave(p)
    iret(p)


DESIGNS = {
    "plain": plain, "ist-shift": ist_shift, "shift-min": shift_min, "switch-off": switch_off,
    "linux-nmi": linux_nmi, "atomic": atomic,
}  # fmt: skip


def program(name):
    p = model.Program(name, GPRS, STACKS, coalesces_nmi=name == "linux-nmi")
    for vector in VECTORS:
        DESIGNS[name](p, vector)
    p.link()
    return p


def start(p):
    """The ordinary code: nothing interrupted it so far."""
    state = model.fresh(p, dict(a=11, b=12, c=13, d=14, rsp=STACKS["TASK"][1] - 0x100))
    return [state]
