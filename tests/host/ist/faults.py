# SPDX-License-Identifier: MIT
"""The designs broken on purpose: what the checker must notice, and as what.

A fault replaces instructions of a design, found by step and text. It is caught where it fails more
cases of a pattern than the design itself. FAULTS has the atomic design's, M0 to M7, first.
"""

import collections
import dataclasses

from . import designs, kernel


@dataclasses.dataclass
class Fault:
    name: str
    design: str
    edits: dict  # (step, text): function of text and code that returns the instructions instead
    patterns: tuple  # that are tried
    symptom: str  # of most cases that it adds; "" if it is no fault at all


def gone(text, code):
    return []


def instead(*codes):
    return lambda text, code: [(f"fault {index}", new) for index, new in enumerate(codes)]


def also(more):
    return lambda text, code: [(text, f"{code}\n{more}")]


def changed(old, new):
    def edit(text, code):
        if old not in code:
            raise ValueError(f"{text}: no {old!r} in {code!r}")
        return [(text, code.replace(old, new))]

    return edit


LOCATE = ("locate", "one frame")
REPLACE_GPRS = "if interrupted <= frame: rcx = frame"
NESTED = ("NMI>DB", "DB>MC", "NMI>DB>NMI", "flags:NMI>DB")
NO_CLEAR = {("clear_flags", "push EFLAGS_FIXED"): gone, ("clear_flags", "popfq"): gone}
KEPT_FLAGS = {("copy_nested", "write rflags"): changed("& ~", "| 0 & ")}


def nested(field):
    """A field of an interrupted entry's frame is copied as it is."""
    copied = changed("] = ", f"] = m[rbx[r14] + {field.upper()}] or ")
    return {("copy_nested", f"write {field}"): copied}


ATOMIC = (
    ("M0 none", {}, ""),
    ("M1 GPRs always from the outermost", {LOCATE: changed(REPLACE_GPRS, "rcx = frame")}, "frame"),
    ("M1b GPRs always from the innermost", {LOCATE: changed(REPLACE_GPRS, "pass")}, "frame"),
    ("M1c GPRs: < for <=", {LOCATE: changed("d <= f", "d < f")}, "frame"),
    ("M1d GPRs: one quadword too early", {LOCATE: changed("<= frame", "<= frame + 8")}, "frame"),
    (
        "M2 MAIN in use is ignored",
        {LOCATE: changed('if stack_of(beyond) == "MAIN": rdx = beyond & ~15', "")},
        "livelock",
    ),
    ("M3 flags not replicated, clear_flags behind the commit", KEPT_FLAGS, ""),
    ("M3b flags not replicated, and not cleared later", {**KEPT_FLAGS, **NO_CLEAR}, "flags"),
    ("M4 RIP not advanced to the commit", nested("rip"), "frame"),
    ("M5 RSP not advanced to MAIN", nested("rsp"), "fatal"),
    (
        "M6 a register changed before the last push",
        {("push_gprs", "push r14"): also("rax = 0")},
        "frame",
    ),
    (
        "M7 commit in two instructions",
        {("commit", "mov rsp, rax"): instead("rsp = rax + FRAME", "rsp -= FRAME")},
        "livelock",
    ),
    (
        "the head is not fixed behind the commit",
        {("fix_head", "mov vector"): gone, ("fix_head", "mov error"): gone},
        "frame",
    ),
)
IRET = ("iret", "iretq")
ALWAYS = ("NMI", "DB", "MC")

OTHERS = (
    ("flags are not cleared", "plain", NO_CLEAR, ("flags:NMI", "flags:MC"), "flags"),
    (
        "two registers are popped in the wrong order",
        "plain",
        {("pop_gprs", "pop rcx"): instead("rbx = m[rsp]; rsp += 8"),
         ("pop_gprs", "pop rbx"): instead("rcx = m[rsp]; rsp += 8")},
        ALWAYS,
        "context",
    ),
    ("no quadword for the error code", "plain", {("entry", "push 0"): gone}, ALWAYS, "alignment"),
    (
        "a return that does not unblock NMIs",
        "plain",
        {IRET: instead("rip, cs, rflags, rsp, ss = [m[rsp + 8 * i] for i in range(5)]")},
        ALWAYS,
        "nmi_blocked",
    ),
    (
        "#DB and #MC stay masked",
        "plain",
        {("rearm_early", "rearm_early"): gone, ("rearm_late", "rearm_late"): gone},
        ALWAYS,
        "masked",
    ),
    ("TSS.ist is not put back", "ist-shift", {("ist_add", "add tss.ist"): gone}, ALWAYS, "ist"),
    (
        "TSS.ist moves by less than a frame",
        "ist-shift",
        {("ist_sub", "sub tss.ist"): changed(str(kernel.LEVEL), "64"),
         ("ist_add", "add tss.ist"): changed(str(kernel.LEVEL), "64")},
        ("DB>DB", "NMI>DB>NMI"),
        "stack",
    ),
    ("TSS.ist does not move", "shift-min", {("ist_sub", "sub tss.ist"): gone}, ALWAYS, "ist"),
    (
        "the fallback stack for everybody",
        "switch-off",
        {("locate", "choose"): changed("elif below not in (None, stack_of(rdi))", "elif False")},
        ("NMI>DB", "DB>NMI"),
        "frame",
    ),
    (
        "the vector's own stack is taken for a safe one",
        "switch-off",
        {("locate", "choose"): changed("(None, stack_of(rdi))", "(None,)")},
        ("NMI>DB>NMI",),
        "wild",
    ),
    (
        "the copy is a quadword short",
        "switch-off",
        {("copy", "copy rsp"): gone},
        ALWAYS,
        "frame",
    ),
    (
        "RSP is switched before the copy is whole",
        "switch-off",
        {("copy", "copy rip"): gone, ("switch", "mov rsp, rax"): instead(
            "rsp = rax", "m[rsp + RIP] = m[rbx + RIP]")},
        ("DB>NMI>DB", "NMI>DB"),
        "frame",
    ),
    ("STD is missing", "linux-nmi", {("std", "std"): gone}, ("NMI>DB>NMI",), "livelock"),
    (
        "the executing flag is not cleared",
        "linux-nmi",
        {("clear_executing", "mov executing, 0"): gone},
        ("NMI>NMI",),
        "lost",
    ),
    (
        "DF alone decides",
        "linux-nmi",
        {("test_df", "RSP is elsewhere"): changed("stack_of(rdx - 1) != 'NMI'", "False")},
        ("flags:NMI",),
        "lost",
    ),
    (
        "the executing flag is not set",
        "linux-nmi",
        {("repeat", "mov executing, 1"): gone},
        ("NMI>DB>NMI",),
        "livelock",
    ),
    (
        "the outermost copy is in the wrong order",
        "linux-nmi",
        {("copy_outermost", f"push {field}"): changed("96", str(64 + 16 * number))
         for number, field in enumerate(reversed(designs.CPU_FRAME))},
        ALWAYS,
        "frame",
    ),
    (
        "a frame is leaked on MAIN",
        "atomic-asm",
        {("copy_outmost", "target"): changed("rdx - FRAME", "rdx - 2 * FRAME")},
        ALWAYS,
        "leak",
    ),
    (
        "the gap is not known",
        "atomic-asm",
        {LOCATE: changed("m[at + RIP] != GAP", "True")},
        ("forged:NMI", "forged:DB"),
        "fatal",
    ),
    (
        "the user's RSP is believed",
        "atomic-asm",
        {LOCATE: changed("m[at + CS] == KERNEL", "True")},
        ("user:NMI", "user:DB"),
        "fatal",
    ),
    (
        "what a #DF interrupted on MAIN is not looked for",
        "atomic-asm",
        {LOCATE: changed('m[TOP_DF - 16] if hit == "DF" else interrupted', "interrupted")},
        ("DB>DF>NMI",),
        "overwritten",
    ),
    (
        "the user's page tables are loaded on MAIN",
        "atomic-sysregs",
        {("atomic_sysregs_leave", "jump to stay NMI"): changed("m[rdi + 8] == 'kernel'", "True")},
        ("user:NMI",),
        "double_fault",
    ),
    (
        "copy without the kernel's page tables",
        "atomic-sysregs",
        {("kernelise", "mov cr3"): gone},
        ("user:NMI", "gap:DB"),
        "double_fault",
    ),
    (
        "GS base is not put back",
        "atomic-sysregs",
        {("atomic_sysregs_leave", "wrmsr"): changed("gs = m[rdi]; ", "")},
        ("user:NMI", "user:DB"),
        "context",
    ),
    (
        "an exit stack that is always begun at its top",
        "atomic-sysregs",
        {("atomic_sysregs_leave", "free_exit"): changed("if below", "if False")},
        ("user:NMI>DB",),
        "livelock",
    ),
    (
        "the vector is not taken out of the frame",
        "fred",
        {("fred_event", "fred_decode"): changed("m[rdi + FRAME][1]", "0")},
        ALWAYS,
        "frame",
    ),
    (
        "too much is dropped",
        "no-ist",
        {("drop", "add rsp"): changed("16", "24")},
        ALWAYS,
        "bad_iret",
    ),
)

FAULTS = tuple(Fault(name, "atomic", edits, NESTED, symptom) for name, edits, symptom in ATOMIC)
FAULTS += tuple(Fault(*row) for row in OTHERS)


def symptoms(program, patterns):
    """The symptoms of the cases of some patterns, #DB and #MC allowed early."""
    total = collections.Counter()
    for pattern in patterns:
        total += kernel.explore(program, pattern, "early").symptoms
    return total


def caught(fault, whole):
    """The symptoms that a fault adds to its design's; whole: the design's, by (name, patterns)."""
    key = fault.design, fault.patterns
    if key not in whole:
        whole[key] = symptoms(designs.program(fault.design), fault.patterns)
    return symptoms(designs.program(fault.design, fault.edits), fault.patterns) - whole[key]


def first(found):
    """The symptom of most cases; "" if there is none."""
    return found.most_common(1)[0][0] if found else ""
