# SPDX-License-Identifier: MIT
"""The entry designs, instruction by instruction, in the steps of kernel/ist/."""

from . import kernel, model
from .kernel import FRAME, LEVEL, OFFSET, STACKS
from .model import INDEX, VECTORS


def finish(p):
    kernel.pop_gprs(p)
    kernel.drop(p)
    kernel.iret(p)


def plain(p, vector):
    p.label(vector)
    kernel.entry(p, vector)
    kernel.push_gprs(p)
    kernel.clear_flags(p)
    kernel.handler(p, vector)
    finish(p)


def call(p, function):
    """To code that follows; where it returns is known, so the address is only checked."""
    p.op(f"call {function}", f"rsp -= 8; m[rsp] = 'back from {function}'")


def ret(p, function):
    lost = f"if m[rsp] != 'back from {function}': raise Stop('wild')"
    p.op(f"ret from {function}", f"{lost}\nrsp += 8")


# TSS.ist moved on by a level, so that the same vector begins below the live frame.


def ist_sub(p, vector):
    p.step("ist_sub")
    p.op("sub tss.ist", f"s.ist[{INDEX[vector]}] -= {LEVEL}")


def ist_add(p, vector):
    p.step("ist_add")
    p.op("add tss.ist", f"s.ist[{INDEX[vector]}] += {LEVEL}")


def ist_shift(p, vector):
    p.label(vector)
    kernel.entry(p, vector)
    kernel.push_gprs(p)
    ist_sub(p, vector)
    kernel.clear_flags(p)
    kernel.handler(p, vector)
    ist_add(p, vector)
    finish(p)


def shift_min(p, vector):
    p.label(vector)
    ist_sub(p, vector)
    kernel.entry(p, vector)
    kernel.push_gprs(p)
    kernel.clear_flags(p)
    kernel.handler(p, vector)
    kernel.pop_gprs(p)
    kernel.drop(p)
    ist_add(p, vector)
    kernel.iret(p)


# The frame is copied to a stack that nobody restarts.

CHOOSE = f"""
below = stack_of(m[rdi + RSP] - 1)
if m[rdi + CS] == USER or m[rdi + RIP] == GAP: rax = TOP_USER
elif below not in (None, stack_of(rdi)): rax = m[rdi + RSP] & ~15
else: rax = TOP_FALLBACK
rax -= {FRAME}
"""


def switch_off(p, vector):
    p.label(vector)
    kernel.entry(p, vector)
    kernel.push_gprs(p)
    kernel.clear_flags(p)
    p.step("locate")
    p.op("mov rdi, rsp", "rdi = rsp")
    call(p, "switch_off_move")
    p.step("switch_off_move")
    p.op("push rbx", "rsp -= 8; m[rsp] = rbx")
    p.op("mov rbx, rdi", "rbx = rdi")
    call(p, "locate")
    p.step("locate")
    p.op("choose", CHOOSE)
    ret(p, "locate")
    p.step("switch_off_move")
    call(p, "copy")
    p.step("copy")
    for field, offset in OFFSET.items():
        p.op(f"copy {field}", f"m[rax + {offset}] = m.get(rbx + {offset})")
    ret(p, "copy")
    p.step("switch_off_move")
    p.op("pop rbx", "rbx = m[rsp]; rsp += 8")
    ret(p, "switch_off_move")
    p.step("switch")
    p.op("mov rsp, rax", "rsp = rax")
    kernel.handler(p, vector)
    finish(p)


def no_ist(p, vector):
    p.deliver = model.deliver_on_current
    p.base = lambda base: "gap" if base == "forged" else base  # there is no stack to point into
    plain(p, vector)


# The NMI of Linux: a flag, and two copies of the CPU's frame. From the top of the NMI stack: the
# CPU's frame, RDX, the flag, the frame that IRETQ uses, the frame as it was at first.

SAVED_RDX = STACKS["NMI"][1] - 48
EXECUTING, IRET_COPY, OUTERMOST = SAVED_RDX - 8, SAVED_RDX - 48, SAVED_RDX - 88
CPU_FRAME = ("rip", "cs", "rflags", "rsp", "ss")


def jump_if(p, condition, label, text=""):
    p.op(text or f"jump to {label}", f"if {condition}: rip = L['{label}']", jump=True)


def linux_nmi(p, vector):
    if vector != "NMI":
        plain(p, vector)
        return
    p.memory["state"] = 0
    p.label(vector)
    p.step("entry")
    p.op("cld", f"rflags &= ~{model.RFLAGS_DF}")
    p.step("save_rdx")
    p.op("push rdx", "rsp -= 8; m[rsp] = rdx")
    jump_if(p, "m[rsp + 16] == USER", "from user")
    linux_tests(p)
    linux_nested(p)
    linux_first(p)
    p.step("end_repeat")
    linux_body(p, "again")
    kernel.drop(p, 16 + 40)
    p.step("std")
    p.op("std", f"rflags |= {model.RFLAGS_DF}")
    p.step("clear_executing")
    p.op("mov executing, 0", f"m[{EXECUTING}] = 0")
    kernel.iret(p)
    linux_from_user(p)


def linux_tests(p):
    p.step("test_rip")
    p.op("mov rdx, rip", "rdx = m[rsp + 8]")
    jump_if(p, "L['repeat'] <= rdx < L['copied']", "nested_out")
    p.step("test_executing")
    p.op("cmp executing", "pass")
    jump_if(p, f"m.get({EXECUTING}) == 1", "nested")
    p.step("test_df")
    p.op("mov rdx, rsp", "rdx = m[rsp + 32]")
    jump_if(p, "stack_of(rdx - 1) != 'NMI'", "first", "RSP is elsewhere")
    jump_if(p, f"not m[rsp + 24] & {model.RFLAGS_DF}", "first", "DF is clear")


def linux_nested(p):
    p.label("nested")
    p.step("nested")
    again = {"ss": "ss", "rsp": OUTERMOST, "rflags": 2, "cs": "KERNEL", "rip": "L['repeat']"}
    for field in reversed(CPU_FRAME):
        at = IRET_COPY + 8 * CPU_FRAME.index(field)
        p.op(f"mov iret.{field}", f"m[{at}] = {again[field]}")
    p.label("nested_out")
    p.step("nested_out")
    p.op("pop rdx", "rdx = m[rsp]; rsp += 8")
    p.op("iretq", "rip, cs, rflags, rsp, ss = iretq(s, m, rsp, rflags, END)", jump=True)


def linux_first(p):
    p.label("first")
    p.step("first")
    p.op("mov rdx, saved", "rdx = m[rsp]")
    p.op("push 0", "rsp -= 8; m[rsp] = 0")
    p.op("sub rsp, 40", "rsp -= 40")
    p.step("copy_outermost")
    for field in reversed(CPU_FRAME):
        p.op(f"push {field}", "rsp -= 8; m[rsp] = m[rsp + 96]")
    p.label("repeat")
    p.step("repeat")
    p.op("mov executing, 1", f"m[{EXECUTING}] = 1")
    p.step("copy_iret")
    p.op("add rsp, 80", "rsp += 80")
    for field in reversed(CPU_FRAME):
        p.op(f"push {field}", "rsp -= 8; m[rsp] = m[rsp - 40]")
    p.op("sub rsp, 40", "rsp -= 40")
    p.label("copied")


def linux_body(p, again):
    """The frame for the handler; in C, the state in which one NMI waits for the end of another."""
    done = f"{again} done"
    kernel.push_head(p, "NMI")
    kernel.push_gprs(p)
    kernel.clear_flags(p)
    p.step("handler")
    p.op("mov rdi, rsp", "rdi = rsp")
    call(p, "linux_nmi_handle")
    p.step("linux_nmi_handle")
    p.op("latch", f"if m['state']: m['state'] = 2; rip = L['{done}']", jump=True)
    p.label(again)
    p.op("execute", "m['state'] = 1; rdi = rsp + 8; rsp -= 8")
    kernel.call_handler(p, "NMI")
    p.step("linux_nmi_handle")
    p.op("again", f"m['state'] -= 1; rsp += 8\nif m['state']: rip = L['{again}']", jump=True)
    p.label(done)
    ret(p, "linux_nmi_handle")
    kernel.pop_gprs(p)


def linux_from_user(p):
    """From CPL 3 the NMI stack is left at once, and no copy is needed."""
    p.label("from user")
    p.step("linux_nmi_user")
    p.op("mov rdx, rsp", "rdx = rsp")
    p.step("switch")
    p.op("lea rsp", "rsp = TOP_USER")
    p.step("copy")
    for number, field in enumerate(reversed(CPU_FRAME)):
        p.op(f"push {field}", f"rsp -= 8; m[rsp] = m[rdx + {40 - 8 * number}]")
    p.op("mov rdx, [rdx]", "rdx = m[rdx]")
    linux_body(p, "again from user")
    kernel.drop(p)
    kernel.iret(p)


# Atomic: what a nested entry finds unfinished, it finishes; one MOV RSP commits all of them.
# RBX: the frames on the IST stacks, own first; R12: their vectors; RCX: the frame that holds the
# registers of the ordinary code, R11: that holds its CR3 and GS base, if the design saves them;
# RDX: where MAIN is free; R14: the level that is copied; RAX: where to, R13: the level above it.

LOCATE = """
at, hit = rbx[-1], None
if m[at + CS] == KERNEL and m[at + RIP] != GAP:
    interrupted = m[at + RSP]
    hit = stack_of(interrupted)
    beyond = m[TOP_DF - 16] if hit == "DF" else interrupted
    if stack_of(beyond) == "MAIN": rdx = beyond & ~15
if hit in VECTORS:
    if len(rbx) == 8 or not L[hit] <= m[at + RIP] < L["fix_head " + hit]: raise Stop("fatal")
    frame = TOPS[hit] - FRAME
    if interrupted <= frame: rcx = frame
    if interrupted <= frame - SYSREGS: r11 = frame
    rbx += (frame,)
    r12 += (hit,)
    rip = L["locate " + r12[0]]
"""
AS_COMMITTED = {
    "rip": "L['fix_head ' + r12[r14 + 1]]", "rsp": "r13",
    "rflags": f"m[rbx[r14] + RFLAGS] & ~{model.UNSAFE}",
}  # fmt: skip


def atomic_locate(p, vector):
    p.step("locate")
    p.op("begin", f"rbx, r12, rcx, r11, rdx = (rdi,), ('{vector}',), rdi, rdi, TOP_MAIN")
    p.label(f"locate {vector}")
    p.op("one frame", LOCATE, jump=True)


def to_main(p, name, offset, value):
    """A quadword of a frame on MAIN, which not all page tables have."""
    p.op(name, f"if cr3 == 'user': raise Stop('double_fault')\nm[rax + {offset}] = {value}")


def atomic_copy_outmost(p, sysregs=()):
    size = 8 * len(sysregs)
    p.step("copy_outmost")
    p.op("target", f"rax, r14 = rdx - FRAME - {size}, len(rbx) - 1")
    for field in CPU_FRAME + kernel.GPRS:
        source = "rcx" if field in kernel.GPRS else "rbx[-1]"
        value = f"m.get({source} + {OFFSET[field]})"
        to_main(p, f"copy {field}", size + OFFSET[field], value)
    for at, register in enumerate(sysregs):
        to_main(p, f"copy {register}", 8 * at, f"m[r11 + {8 * at - size}]")


def atomic_copy_nested(p, vector, sysregs=()):
    size = 8 * len(sysregs)
    p.step("copy_nested")
    p.label(f"copy_nested {vector}")
    p.op("any left", f"if not r14: rip = L['copied {vector}']", jump=True)
    p.op("target", f"r13 = rax; rax -= FRAME + {size}; r14 -= 1")
    for field in CPU_FRAME:
        value = AS_COMMITTED.get(field, f"m[rbx[r14] + {OFFSET[field]}]")
        to_main(p, f"write {field}", size + OFFSET[field], value)
    for field in kernel.GPRS:
        to_main(p, f"write {field}", size + OFFSET[field], "r13" if field == "rax" else 0)
    for at, register in enumerate(sysregs):
        to_main(p, f"write {register}", 8 * at, "'kernel'")
    p.op("next", f"rip = L['copy_nested {vector}']", jump=True)
    p.label(f"copied {vector}")


def atomic_commit(p, vector, size=0):
    p.step("commit")
    p.op("mov rsp, rax", "rsp = rax")
    p.label(f"fix_head {vector}")
    p.step("fix_head")
    p.op("mov vector", f"m[rsp + {size} + VECTOR] = '{vector}'")
    p.op("mov error", f"m[rsp + {size} + ERROR] = 0")


def in_c(p, caller, function, write, *arguments):
    """A function of the copy routine."""
    p.step(caller)
    call(p, function)
    p.step(function)
    write(p, *arguments)
    ret(p, function)


def atomic_save(p, vector, size=0):
    p.commits = True
    p.names["TOPS"] = {vector: STACKS[vector][1] for vector in VECTORS}
    p.names["SYSREGS"] = size
    p.label(vector)
    p.step("entry")
    p.op("cld", f"rflags &= ~{model.RFLAGS_DF}")
    kernel.push_head(p, vector)
    kernel.push_gprs(p)


def atomic_handle(p, vector):
    atomic_commit(p, vector)
    kernel.clear_flags(p)
    kernel.handler(p, vector)
    finish(p)


def atomic(p, vector):
    routine = "atomic_locate_copy"
    atomic_save(p, vector)
    p.step("locate")
    p.op("mov rdi, rsp", "rdi = rsp")
    call(p, routine)
    in_c(p, routine, "locate", atomic_locate, vector)
    in_c(p, routine, "copy_outmost", atomic_copy_outmost)
    in_c(p, routine, "copy_nested", atomic_copy_nested, vector)
    p.step(routine)
    ret(p, routine)
    atomic_handle(p, vector)


def atomic_asm(p, vector):
    atomic_save(p, vector)
    p.step("locate")
    p.op("mov rdi, rsp", "rdi = rsp")
    atomic_locate(p, vector)
    atomic_copy_outmost(p)
    atomic_copy_nested(p, vector)
    atomic_handle(p, vector)


# Atomic with CR3 and GS base: CPL 3 has page tables without MAIN, and a GS base of its own.

SYSREGS = ("gs", "cr3")  # as they lie below the frame
SIZE = 8 * len(SYSREGS)


def sysregs_context(base):
    outside = "user" if base in ("user", "gap", "forged") else "kernel"
    return {"cr3": outside, "gs": outside}


def kernelise(p):
    p.op("mov cr3", "cr3 = 'kernel'")
    p.op("wrmsr", "gs = 'kernel'")


def atomic_sysregs(p, vector):
    routine = "atomic_sysregs_locate_copy"
    p.context = sysregs_context
    atomic_save(p, vector, SIZE)
    p.step("save_sysregs")
    p.op("mov rax, cr3", "rax = cr3")
    p.op("push cr3", "rsp -= 8; m[rsp] = rax")
    p.op("rdmsr", "rax = gs; rcx = rdx = 'msr'")
    p.op("push gs", "rsp -= 8; m[rsp] = rax")
    p.step("locate")
    p.op("lea rdi", f"rdi = rsp + {SIZE}")
    call(p, routine)
    in_c(p, routine, "locate", atomic_locate, vector)
    in_c(p, routine, "kernelise", kernelise)
    in_c(p, routine, "copy_outmost", atomic_copy_outmost, SYSREGS)
    in_c(p, routine, "copy_nested", atomic_copy_nested, vector, SYSREGS)
    p.step(routine)
    ret(p, routine)
    atomic_commit(p, vector, SIZE)
    kernel.clear_flags(p)
    sysregs_handler(p, vector)
    sysregs_leave(p, vector)
    finish(p)


def sysregs_handler(p, vector):
    p.step("handler")
    p.op("lea rdi", f"rdi = rsp + {SIZE}")
    call(p, "atomic_sysregs_handle")
    p.step("atomic_sysregs_handle")
    p.op("mov gs:0", "if (cr3, gs) != ('kernel', 'kernel'): raise Stop('sysregs')")
    kernel.call_handler(p, vector, "rsp += 8")


FREE_EXIT = f"""
theirs = m[rdi + {SIZE} + CS] == USER or m[rdi + {SIZE} + RIP] == GAP
interrupted = m[rdi + {SIZE} + RSP]
below = not theirs and stack_of(interrupted - 1) == "EXIT"
rax = (interrupted & ~15 if below else TOP_EXIT) - {SIZE} - FRAME
"""


def sysregs_leave(p, vector):
    """MAIN is left by IRETQ, or through the exit stack if the interrupted CR3 does not have it."""
    stay = f"stay {vector}"
    p.step("leave_main")
    p.op("mov rdi, rsp", "rdi = rsp")
    call(p, "atomic_sysregs_leave")
    p.step("atomic_sysregs_leave")
    p.op("wrmsr", "gs = m[rdi]; rax = rdi")
    jump_if(p, "m[rdi + 8] == 'kernel'", stay)
    p.op("free_exit", FREE_EXIT)
    for field in CPU_FRAME + kernel.GPRS:
        offset = SIZE + OFFSET[field]
        p.op(f"copy {field}", f"m[rax + {offset}] = m[rdi + {offset}]")
    p.op("copy cr3", "m[rax + 8] = m[rdi + 8]")
    p.label(stay)
    ret(p, "atomic_sysregs_leave")
    p.step("leave_main")
    p.op("mov rsp, rax", "rsp = rax")
    p.step("restore_cr3")
    p.op("mov rax, cr3", "rax = m[rsp + 8]")
    p.op(
        "mov cr3, rax",
        "cr3 = rax\nif cr3 == 'user' and stack_of(rsp) == 'MAIN': raise Stop('double_fault')",
    )
    p.op("add rsp", f"rsp += {SIZE}")


# FRED: the CPU keeps a level of stacks; the kernel's code has nothing to do for it.


def erets(p, step):
    p.step(step)
    p.op(step, "rip, cs, rflags, rsp, ss = erets(s, m, rsp, END)", jump=True)


def fred(p, vector):
    p.deliver = model.deliver_by_fred
    # SYSCALL, too, comes with a stack of the kernel's.
    p.base = lambda base: None if base in ("gap", "forged") else base
    user = f"to user {vector}"
    p.label(vector)
    p.step("entry")
    p.op("push 0", "rsp -= 8; m[rsp] = 0")
    kernel.push_gprs(p)
    p.step("handler")
    p.op("mov rdi, rsp", "rdi = rsp")
    call(p, "fred_event")
    p.step("fred_event")
    p.op("fred_decode", "m[rdi + VECTOR] = m[rdi + FRAME][1]; rsp -= 8")
    kernel.call_handler(p, vector)
    p.step("fred_event")
    p.op("fred_encode", "rsp += 8; rax = m[rsp + 8 + CS] == USER")
    ret(p, "fred_event")
    p.step("handler")
    jump_if(p, "rax", user)
    kernel.pop_gprs(p)
    kernel.drop(p, 8)
    erets(p, "erets")
    p.label(user)
    p.step("pop_user")
    for gpr in kernel.GPRS:
        p.op(f"pop {gpr}", f"{gpr} = m[rsp]; rsp += 8")
    p.op("add rsp", "rsp += 8")
    erets(p, "eretu")


WRITE = {
    "plain": plain,
    "ist-shift": ist_shift,
    "shift-min": shift_min,
    "switch-off": switch_off,
    "linux-nmi": linux_nmi,
    "atomic": atomic,
    "atomic-asm": atomic_asm,
    "atomic-sysregs": atomic_sysregs,
    "no-ist": no_ist,
    "fred": fred,
}


def program(name, edits=None):
    return kernel.program(name, WRITE[name], name == "linux-nmi", edits)


NAMES = tuple(WRITE)
