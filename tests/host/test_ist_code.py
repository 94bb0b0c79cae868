# SPDX-License-Identifier: MIT
"""What the atomic designs promise about their machine code, read from the built objects.

From the first instruction to the commit an entry may be abandoned and redone: it touches no vector
register, calls nobody else, uses no instruction that can be interrupted half-way, and reaches
memory by pointers that come from RSP only. Each check is seen red on a planted mistake.
"""

import os
import re
import unittest
from collections import namedtuple

import host

Insn = namedtuple("Insn", "label text target")  # target: the symbol of a relocation, or ""
Design = namedtuple("Design", "name entries functions sysregs")

VECTORS = ("nmi", "db", "mc")
COPY = ("locate", "copy_outmost", "copy_nested")


def design(name, *functions, sysregs=0):
    entries = [f"{name.replace('-', '_')}_{vector}" for vector in VECTORS]
    return Design(name, entries, functions, sysregs)


DESIGNS = (
    design("atomic", "atomic_locate_copy", *COPY),
    design("atomic-asm"),
    design("atomic-sysregs", "atomic_sysregs_locate_copy", "kernelise", *COPY, sysregs=2),
)

PAGE = 4096
SMALL = 2 * PAGE  # guard page and stack of one vector
# Whatever happens, it is the end: these may leave the design.
FATAL = {"atomic": "fatal", "atomic-sysregs": "fatal", "atomic-asm": "atomic_asm_fatal"}

LABEL = re.compile(r"[0-9a-f]+ <(.+)>:$")
ADDRESS = re.compile(r"\s*[0-9a-f]+:$")
VECTOR_REGISTER = re.compile(r"%[xyz]?mm|%st\b|%k[0-7]")
BY_STEPS = re.compile(r"(rep\w*|movs[bwlq]?|stos\w*|lods\w*|cmps\w*|scas\w*)\b")
MEMORY = re.compile(r"(%[fg]s:)?(-?0x[0-9a-f]+)?(?:\(([^)]*)\))")
ABSOLUTE = re.compile(r"(?:^|[ ,])(?:%[fg]s:)?0x[0-9a-f]+(?:$|,)")


def disassemble(path):
    done = host.call("objdump", "-drw", "--no-show-raw-insn", "-j", ".text", path)
    if done.returncode:
        raise AssertionError(f"{path}: {done.stderr}")
    return done.stdout


def parse(text):
    """Every instruction, with the label or function that it stands behind."""
    insns, label = [], ""
    for line in text.splitlines():
        named = LABEL.match(line)
        if named:
            label = named.group(1)
            continue
        fields = line.split("\t")
        if len(fields) < 2 or not ADDRESS.match(fields[0]):
            continue
        # "  3a:", "call 3f <...>", "3b: R_X86_64_PC32", "symbol-0x4"
        target = re.sub(r"[-+]0x[0-9a-f]+$", "", fields[-1]) if len(fields) > 2 else ""
        insns.append(Insn(label, fields[1].strip(), target))
    return insns


def objects(name):
    """The instructions of a design's two objects."""
    stem = os.path.join(host.BUILD, "kernel", "ist", name)
    return parse(disassemble(f"{stem}.asm.o")) + parse(disassemble(f"{stem}.c.o"))


def entry_of(insns, entry):
    """From the first instruction of an entry to the committing one."""
    mine = [i for i in insns if i.label == entry or i.label.startswith(entry + ".")]
    ends = [n for n, i in enumerate(mine) if i.label == entry + ".commit"]
    return mine[: ends[-1] + 1] if ends else []


def function_of(insns, name):
    return [i for i in insns if i.label == name]


def uncommitted(insns, d):
    parts = [entry_of(insns, entry) for entry in d.entries]
    parts += [function_of(insns, name) for name in d.functions]
    return parts


def destination(insn):
    """Whom a CALL or JMP goes to; "*" if the text does not say."""
    operand = insn.text.split(None, 1)[-1]
    if operand.startswith("*"):
        return "*"
    if insn.target:
        return insn.target
    return re.sub(r".*<([^>+]+).*", r"\1", operand)


def bad_registers(insns, d):
    return [i for part in uncommitted(insns, d) for i in part if VECTOR_REGISTER.search(i.text)]


def bad_steps(insns, d):
    return [i for part in uncommitted(insns, d) for i in part if BY_STEPS.match(i.text)]


def bad_branches(insns, d):
    """Out of the design; with no C, every CALL and RET."""
    bad = []
    for part in uncommitted(insns, d):
        inside = {part[0].label.split(".")[0]}
        allowed = set(d.functions) | {FATAL[d.name]} | inside
        for insn in part:
            word = insn.text.split()[0]
            if not re.match(r"(call|ret|j)", word):
                continue
            if word.startswith("ret"):
                wrong = not d.functions
            elif word.startswith("call") and not d.functions:
                wrong = True
            else:
                wrong = destination(insn).split(".")[0] not in allowed
            if wrong:
                bad.append(insn)
    return bad


def bad_memory(insns, d):
    """No base register, or a segment: a place that is not found from RSP."""
    bad = []
    for part in uncommitted(insns, d):
        for insn in part:
            word, _, operands = insn.text.partition(" ")
            if re.match(r"(lea|nop|j|call|cs|data16|xchg)", word):
                continue
            found = MEMORY.search(operands)
            base = found.group(3).split(",")[0] if found else ""
            if "%fs:" in operands or "%gs:" in operands or ABSOLUTE.search(operands):
                bad.append(insn)
            elif found and (not base or base == "%rip"):
                bad.append(insn)
    return bad


def bad_commits(insns, d):
    """Entries without exactly one instruction between the labels commit and fix_head."""
    bad = []
    for entry in d.entries:
        commit = [i.text.split() for i in function_of(insns, entry + ".commit")]
        behind = function_of(insns, entry + ".fix_head")
        if commit != [["mov", "%rax,%rsp"]] or not behind:
            bad.append(entry)
    return bad


def frame_fields():
    """The names in struct trap_frame, lowest address first."""
    with open(host.tree("kernel", "include", "xtk", "frame.h"), encoding="utf-8") as file:
        body = re.search(r"struct trap_frame \{(.*?)\};", file.read(), re.S).group(1)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    return [name for names in re.findall(r"uint64_t ([^;]+);", body) for name in names.split(", ")]


def bad_frames(insns, d):
    """Entries whose pushes, or whose offsets, are not those of struct trap_frame."""
    fields, bad = frame_fields(), []
    size = 8 * (len(fields) + d.sysregs)
    pushes = [["push", f"%{name}"] for name in reversed(fields[: fields.index("vector")])]
    offsets = [hex(8 * (d.sysregs + fields.index(name))) for name in ("vector", "error")]
    for number, entry in enumerate(d.entries):
        part = entry_of(insns, entry)
        words = [i.text.split() for i in part]
        block = ["lea", f"-{(number + 1) * SMALL - size:#x}(%rsp),%rsi"]
        head = " ".join(i.text for i in function_of(insns, entry + ".fix_head"))
        right = words[:2] == [["cld"], ["push", "$0x0"]] and words[2:3][0][:1] == ["push"]
        right = right and words[3 : 3 + len(pushes)] == pushes and block in words
        if not right or re.findall(r",(0x[0-9a-f]+)\(%rsp\)", head) != offsets:
            bad.append(entry)
    return bad


def stack_of(part):
    """Bytes below RSP at the call that a function takes, as far as its text shows."""
    used = most = 0
    for insn in part:
        words = insn.text.replace(",", " ").split()
        if words[0] == "push":
            used += 8
        elif words[0] == "pop":
            used -= 8
        elif words[0] == "sub" and words[-1] == "%rsp":
            used += int(words[1].lstrip("$"), 16)
        most = max(most, used)
    return most


def stack_use(insns, d):
    """The most that an entry takes of its small stack."""
    frame = 8 * (len(frame_fields()) + d.sysregs)
    if not d.functions:
        loops = 8  # ATOMIC_CHAIN; each pushes two quadwords
        return frame + loops * 16
    outer, *inner = [stack_of(function_of(insns, name)) + 8 for name in d.functions]
    return frame + outer + max(inner)


CHECKS = (bad_registers, bad_steps, bad_branches, bad_memory, bad_commits, bad_frames)
INTERRUPTION = 40  # what an interrupted context may still have pushed on it


class Code(unittest.TestCase):
    def test_the_designs_are_clean(self):
        for d in DESIGNS:
            insns = objects(d.name)
            for part in uncommitted(insns, d):
                self.assertGreater(len(part), 4, d.name)
            for check in CHECKS:
                with self.subTest(design=d.name, check=check.__name__):
                    self.assertEqual(check(insns, d), [])
            with self.subTest(design=d.name, check="stack_use"):
                self.assertLess(stack_use(insns, d), PAGE - INTERRUPTION)

    def test_no_function_has_two_bodies(self):
        """A clone or a cold part would be code that no check has read."""
        for d in DESIGNS:
            labels = {i.label for i in objects(d.name)}
            for name in d.functions:
                self.assertFalse([x for x in labels if x.startswith(name + ".")], d.name)


# Check, design, label behind which it is planted, and the instruction.
PLANTED = (
    (bad_registers, "atomic", "copy_outmost", "movups (%rsi),%xmm0"),
    (bad_registers, "atomic-asm", "atomic_asm_nmi.locate", "kmovq %k1,%rax"),
    (bad_steps, "atomic", "copy_nested", "rep movsq %ds:(%rsi),%es:(%rdi)"),
    (bad_steps, "atomic-sysregs", "copy_outmost", "stos %rax,%es:(%rdi)"),
    (bad_branches, "atomic", "copy_outmost", "call 1a <memcpy>"),
    (bad_branches, "atomic", "locate", "call *%rax"),
    (bad_branches, "atomic-sysregs", "atomic_sysregs_db.locate", "jmp 1a <elsewhere>"),
    (bad_branches, "atomic-asm", "atomic_asm_mc.copy_nested", "call 1a <atomic_asm_fatal>"),
    (bad_branches, "atomic-asm", "atomic_asm_mc.copy_nested", "ret"),
    (bad_branches, "atomic-asm", "atomic_asm_db.locate.level", "jmp *%rdx"),
    (bad_memory, "atomic", "locate", "mov 0x0(,%rax,8),%rdx"),
    (bad_memory, "atomic", "locate", "mov %rdx,0x0"),
    (bad_memory, "atomic", "copy_nested", "mov %rax,0x10(%rip)"),
    (bad_memory, "atomic-asm", "atomic_asm_nmi", "mov %gs:0x10,%rsp"),
    (bad_commits, "atomic", "atomic_db.commit", "sub $0xb0,%rsp"),
    (bad_commits, "atomic-asm", "atomic_asm_nmi.commit", "nop"),
    (bad_frames, "atomic", "atomic_nmi", "xor %eax,%eax"),
    (bad_frames, "atomic-sysregs", "atomic_sysregs_mc.push_gprs", "push %r15"),
)


class Planted(unittest.TestCase):
    def test_every_check_goes_red(self):
        designs = {d.name: d for d in DESIGNS}
        insns = {name: objects(name) for name in designs}
        for check, name, label, text in PLANTED:
            with self.subTest(check=check.__name__, text=text):
                place = [n for n, i in enumerate(insns[name]) if i.label == label][0]
                broken = list(insns[name])
                broken.insert(place, Insn(label, text, ""))
                self.assertNotEqual(check(broken, designs[name]), [])
        self.assertEqual({row[0] for row in PLANTED}, set(CHECKS))

    def test_other_offsets_and_orders_are_seen(self):
        d, insns = DESIGNS[0], objects("atomic")
        for old, new in (
            ("push %rbx", "push %rcx"),
            ("lea -0x1f50(%rsp),%rsi", "lea -0x1f48(%rsp),%rsi"),
            ("movq $0x2,0x78(%rsp)", "movq $0x2,0x70(%rsp)"),
        ):
            broken = [i._replace(text=new) if " ".join(i.text.split()) == old else i for i in insns]
            self.assertNotEqual(broken, insns, old)
            self.assertEqual(bad_frames(broken, d)[:1], ["atomic_nmi"], old)

    def test_a_large_stack_frame_is_seen(self):
        d = DESIGNS[0]
        insns = [Insn("locate", "sub $0xf00,%rsp", ""), *objects("atomic")]
        self.assertGreater(stack_use(insns, d), PAGE - INTERRUPTION)


DECODE = """
#include <assert.h>
#include "fred.h"

int main(void)
{
	/* an NMI that interrupted level 1 of CPL 0; its SS field: NMI, vector 2, type 2, 64-bit */
	struct trap_frame f = { .cs = 0x10008, .ss = UINT64_C(0x0202000200040010) };
	struct fred_event e = fred_decode(&f);

	assert(f.vector == 2 && f.cs == 0x08 && f.ss == 0x10);
	f.cs = 0x33;
	f.ss = 0x2b;
	fred_encode(&f, e);
	assert(f.cs == 0x10033 && f.ss == UINT64_C(0x020200020004002b));
	assert(f.ss & FRED_NMI);
	/* #PF of CPL 3; INT 80H; an interrupt */
	f = (struct trap_frame){ .cs = 0x33, .ss = UINT64_C(0x0203000e0000002b) };
	e = fred_decode(&f);
	assert(f.vector == 14 && f.cs == 0x33 && f.ss == 0x2b && !(e.ss & FRED_NMI));
	f.ss = UINT64_C(0x220400800002002b);
	fred_decode(&f);
	assert(f.vector == 0x80 && f.ss == 0x2b);
	f.ss = UINT64_C(0x020000f000000010);
	fred_decode(&f);
	assert(f.vector == 0xf0);
	/* SYSCALL is vector 1 of its own type, and not #DB */
	f.ss = UINT64_C(0x220700010002002b);
	fred_decode(&f);
	assert(f.vector == VEC_COUNT + 1);
	return 0;
}
"""


class Fred(host.Case):
    def decode(self, header):
        """Status of the program above with this text of fred.h."""
        self.write("fred.h", header)
        command = ("gcc", "-std=gnu11", "-Wall", "-Werror", "-I", self.dir)
        command += ("-I", host.tree("kernel", "include"), "-o", self.path("decode"))
        done = host.call(*command, self.write("decode.c", DECODE))
        self.assertEqual(done.returncode, 0, done.stderr)
        return host.call(self.path("decode")).returncode

    def test_the_frame_is_decoded_and_put_back(self):
        with open(host.tree("kernel", "ist", "fred.h"), encoding="utf-8") as file:
            header = file.read()
        self.assertEqual(self.decode(header), 0)
        for old, new in (
            ("VECTOR_SHIFT 32", "VECTOR_SHIFT 40"),
            ("TYPE_SHIFT	  48", "TYPE_SHIFT 47"),
            ("| e.ss", ""),
            ("| e.cs", ""),
            ("UINT64_C(0xffff)", "UINT64_C(0xfffff)"),
            ("+= VEC_COUNT", "+= 0"),
        ):
            self.assertIn(old, header)
            self.assertNotEqual(self.decode(header.replace(old, new)), 0, old)

    def test_entries_and_return_instructions(self):
        path = os.path.join(host.BUILD, "kernel", "ist", "fred.asm.o")
        rows = re.findall(r"^([0-9a-f]+) \w (\S+)$", host.call("nm", path).stdout, re.M)
        symbols = {name: int(address, 16) for address, name in rows}
        self.assertEqual((symbols["fred_user"], symbols["fred_kernel"]), (0, 256))
        whole = host.call("nm", os.path.join(host.BUILD, "xtk.elf")).stdout
        at = re.search(r"^([0-9a-f]+) T fred_user$", whole, re.M).group(1)
        self.assertEqual(int(at, 16) % PAGE, 0)
        done = host.call("objcopy", "-O", "binary", "-j", ".text", path, self.path("text"))
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("text"), "rb") as file:
            text = file.read()
        for entry in ("fred_user", "fred_kernel"):
            for name, code in (("erets", "f20f01ca"), ("eretu", "f30f01ca")):
                start = symbols[f"{entry}.{name}"]
                self.assertEqual(text[start : start + 4].hex(), code, name)


if __name__ == "__main__":
    unittest.main()
