# SPDX-License-Identifier: MIT
"""tools/bench.py: it prints figures, so what must be sure is that each is of what it says."""

import json
import os
import re
import shutil
import sys
import unittest

import host

sys.path.insert(0, host.tree("tools", "bench"))

import entry  # noqa: E402
import native  # noqa: E402
import qemu  # noqa: E402

BENCH = host.tree("tools", "bench.py")
ROW = "# bench: save=xsave switch=eager xcr0=0x7 step=switch instructions={} family=2 ticks={}"
DONE = ["ok 1 bench/thread_switch", "xtk: 1 passed, 0 failed, 0 errors, 0 skipped"]
BEGIN = ["KTAP version 1", '# xtk 0 boot=pvh cpu="x" xcr0=0x7 xss=0x0', "1..1"]


NOTHING = "long __wrap_{}(void)\n{{\n\treturn 0;\n}}\n"
LACKS = "skip: XSAVE: CPUID.1:ECX[26] is clear"
LINE = "bench: rfbm={:#x} use={:#x} bv={:#x} format={} bytes=832 task={} how={} ops=10 "
LINE += "q1={} median={} q3={}"


def made_up(bv_of=lambda use: use, **changes):
    """The text of a pass: cycles of ten operations by task_how; all of 7 in use, 3 of it, none."""
    cycles = {
        "none_base": 100,
        "none_copy": 200,
        "save_hand": 1100,
        "save_lib": 1140,
        "save_bare": 1040,
        "save_fx": 620,
        "both_hand": 4100,
        "both_lib": 4200,
        "both_bare": 3940,
        "again_base": 1000,
        "fresh_lib": 2500,
        "fresh_bare": 2350,
        "fresh_crate": 3500,
        **changes,
    }
    lines = ['set: mask=0x3 name="x87+SSE"', 'set: mask=0x7 name="+AVX"']
    for rfbm, use, cheaper in ((3, 3, 100), (7, 7, 0), (7, 3, 250), (7, 0, 500)):
        for name, median in cycles.items():
            task, how = name.split("_")
            less = {"save_lib": cheaper, "fresh_lib": 2 * cheaper}.get(name, 0)
            if rfbm == 7 or task not in ("again", "fresh"):
                values = (rfbm, use, bv_of(use), "compacted", task, how)
                median -= less
                lines.append(LINE.format(*values, median - 57, median, median + 57))
    return "\n".join(lines)


class Arithmetic(unittest.TestCase):
    """The tables of made-up numbers."""

    def figures(self, *texts):
        return native.summarise([native.parse(text) for text in texts])

    def row(self, figures, table, task, asked="+AVX", in_use="+AVX"):
        key = (task, asked, in_use)
        found = [
            row for row in figures[table] if (row["task"], row["asked"], row["in_use"]) == key
        ]
        self.assertEqual(len(found), 1, key)
        return found[0]

    def refused(self, part, call, *arguments):
        with self.assertRaises(qemu.Trouble) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.status, 1)
        self.assertIn(part, str(caught.exception))

    def test_one_instruction(self):
        row = self.row(self.figures(made_up()), "instruction", "save")
        self.assertEqual((row["lib"], row["hand"], row["bare"]), (104, 100, 94))
        self.assertEqual((row["fx"], row["copy"]), (52, 10))
        self.assertEqual((row["lib_hand"], row["lib_fx"], row["lib_copy"]), (1.04, 2, 10.4))
        self.assertEqual((row["over_bare"], row["spread"], row["noise"]), (10, None, 0.1))

    def test_two_instructions(self):
        row = self.row(self.figures(made_up()), "instruction", "both")
        self.assertEqual((row["lib"], row["lib_hand"], row["over_bare"]), (410, 1.025, 13))

    def test_a_whole_job_is_less_what_loads_the_state(self):
        row = self.row(self.figures(made_up()), "whole", "fresh")
        self.assertEqual((row["lib"], row["crate"], row["lib_crate"]), (150, 250, 0.6))
        self.assertEqual(row["bare_crate"], 0.54)

    def test_the_state_in_use(self):
        figures = self.figures(made_up(save_lib=2100))
        nothing = self.row(figures, "state", "save", in_use="nothing")
        self.assertEqual((nothing["lib"], nothing["lib_full"]), (150, 0.75))
        self.assertNotIn("lib_asked", nothing)
        some = self.row(figures, "state", "save", in_use="x87+SSE")
        self.assertEqual((some["lib"], some["lib_full"], some["lib_asked"]), (175, 0.875, 0.9211))

    def test_what_the_cpu_says_is_in_use(self):
        figures = self.figures(made_up(bv_of=lambda use: use | 1))
        self.row(figures, "instruction", "save", in_use="nothing, CPU says 0x1")
        self.row(figures, "instruction", "save", in_use="+AVX")
        figures = self.figures(made_up(bv_of=lambda use: use | 1), made_up())
        self.row(figures, "instruction", "save", in_use="nothing, CPU says 0x1")

    def test_targets(self):
        found = {one["name"]: one for one in self.figures(made_up())["targets"]}
        self.assertEqual(len(found), 4)
        crate = found["default + save / crate"]
        self.assertEqual((crate["worst"], crate["met"], crate["rows"]), (0.6, 2, 3))
        self.assertEqual((crate["at"]["in_use"], crate["floor"]), ("+AVX", 0.54))
        hand = found["lib / by hand"]
        self.assertEqual((hand["worst"], hand["met"], hand["rows"]), (1.04, 4, 4))
        over = found["lib - bare, cycles an instruction"]
        self.assertEqual((over["worst"], over["at"]["task"]), (13, "both"))

    def test_a_missed_target(self):
        figures = self.figures(made_up(save_lib=1200, both_lib=4300))
        found = {one["name"]: one for one in figures["targets"]}
        hand = found["lib / by hand"]
        self.assertEqual((hand["worst"], hand["met"], hand["rows"]), (1.1, 3, 4))
        over = found["lib - bare, cycles an instruction"]
        self.assertEqual((over["worst"], over["met"]), (18, 1))

    def test_the_median_of_ratios(self):
        """Each pass has its own speed: its ratios stay, and so does theirs."""
        slow = {"save_lib": 2180, "save_hand": 2100}
        figures = self.figures(made_up(), made_up(**slow), made_up(save_lib=9100))
        row = self.row(figures, "instruction", "save")
        self.assertEqual((row["lib"], row["hand"], row["lib_hand"]), (208, 100, 1.04))

    def test_measuring_ends_when_it_is_stable(self):
        calm = [native.parse(made_up(save_lib=1140 + i)) for i in range(native.LEAST)]
        wild = [native.parse(made_up(save_lib=1140 + 40 * i)) for i in range(native.LEAST)]
        self.assertTrue(native.stable(calm))
        self.assertFalse(native.stable(calm[1:]))
        self.assertFalse(native.stable(wild))
        self.assertFalse(native.stable([]))

    def test_no_cost_below_nothing(self):
        self.refused("save by lib takes no time", self.figures, made_up(save_lib=600))

    def test_an_unknown_line(self):
        self.refused("no known kind: what: x=1", native.parse, "what: x=1")


COST = "# bench: what=cost design={} pattern={} depth={} enter={} leave={} outside={} stack=176 "
COST += "apart=0 entry_stack=0 on=a_stack"
TICKS = "# bench: what=ticks design={} pattern={} depth={} enter={} leave={}"
FRED = "# bench: what=cost design=fred skip=CPUID.(7,1):EAX[17] FRED"
DESIGNS = [
    COST.format("plain", "NMI", 1, 21, 17, 0),
    COST.format("mine", "NMI", 1, 30, 20, 2),
    FRED,
    TICKS.format("plain", "NMI", 1, 22, 18),
    TICKS.format("mine", "NMI", 1, 60, 26),
]
DESIGNS_DONE = ["ok 1 bench/ist", "xtk: 1 passed, 0 failed, 0 errors, 0 skipped"]
C_SOURCE = """/* A comment
 * of two lines. */
#include "mine.h"
#include "elsewhere/other.h"

const char *text = "/*";
int x; // another

/* none of these two */
"""
ASM_SOURCE = """; a comment
%include "ist/mine.inc"

	mov al, ';'	; a semicolon
label:
"""


class EntryDesigns(host.Case):
    """The arithmetic of made-up lines and files."""

    def costs(self, *lines):
        rows, skipped = entry.costs("\n".join(lines))
        return {(row["design"], row["depth"]): row for row in rows}, skipped

    def refused(self, part, *lines):
        with self.assertRaises(qemu.Trouble) as caught:
            self.costs(*lines)
        self.assertEqual(caught.exception.status, 1)
        self.assertIn(part, str(caught.exception))

    def test_costs(self):
        rows, skipped = self.costs(*DESIGNS)
        self.assertEqual(skipped, {"fred": "CPUID.(7,1):EAX[17] FRED"})
        plain, mine = rows["plain", 1], rows["mine", 1]
        self.assertEqual((plain["enter"], plain["leave"], plain["elsewhere"]), (21, 17, 0))
        # 59 and 25 ticks less 30 and 20 steps: 29 and 5 instructions of what it calls.
        self.assertEqual((mine["enter"], mine["leave"], mine["elsewhere"]), (30, 20, 34))
        self.assertEqual((plain["to_plain"], mine["to_plain"]), (1, round(84 / 38, 4)))

    def test_each_depth_has_its_own_plain(self):
        deeper = [COST.format("plain", "NMI>DB", 2, 42, 34, 0)]
        deeper += [TICKS.format("plain", "NMI>DB", 2, 43, 35)]
        deeper += [COST.format("mine", "NMI>DB", 2, 42, 34, 0)]
        deeper += [TICKS.format("mine", "NMI>DB", 2, 43, 35)]
        rows, _ = self.costs(*DESIGNS, *deeper)
        self.assertEqual((rows["mine", 1]["to_plain"], rows["mine", 2]["to_plain"]), (2.2105, 1))

    def test_no_ratio_without_plain(self):
        rows, _ = self.costs(DESIGNS[1], DESIGNS[4])
        self.assertNotIn("to_plain", rows["mine", 1])

    def test_counts_that_disagree(self):
        for outside, enter, leave in ((0, 23, 18), (0, 22, 17), (0, 22, 19), (1, 22, 18)):
            with self.subTest((outside, enter, leave)):
                part = f"plain: NMI: 21 and 17 steps with {outside} calls of what is not its own, "
                part += f"but {enter} and {leave} ticks"
                lines = COST.format("plain", "NMI", 1, 21, 17, outside)
                self.refused(part, lines, TICKS.format("plain", "NMI", 1, enter, leave))
        self.refused("but 60 and 20 ticks", DESIGNS[1], TICKS.format("mine", "NMI", 1, 60, 20))

    def test_a_missing_line(self):
        for lines in ([], DESIGNS[:-1], DESIGNS[1:], [FRED]):
            self.refused("a '# bench:' line is missing", *lines)

    def test_lines_of_code(self):
        source = self.write("mine.c", C_SOURCE)
        self.assertEqual(entry.code_lines(source), 4)
        self.assertEqual(entry.code_lines(self.write("mine.asm", ASM_SOURCE)), 3)

    def test_included_files(self):
        """Those beside the source, and what they include in turn, each once."""
        paths = [self.write("mine.c", C_SOURCE), self.write("mine.asm", ASM_SOURCE)]
        found = {self.write("mine.h", '#include "deep.h"\n'), self.write("mine.inc", "")}
        found.add(self.write("deep.h", '#include "mine.h"\n#include <stddef.h>\n'))
        self.assertEqual(entry.included(paths), found)

    def test_a_design_without_objects(self):
        with self.assertRaises(qemu.Trouble) as caught:
            entry.objects("no-such")
        self.assertIn("no object of the design no-such: run 'make all'", str(caught.exception))


class Bench(host.Case):
    def call(self, *arguments, build=host.BUILD):
        return host.call(BENCH, *arguments, env={**os.environ, "XTK_BUILD": build})

    def refused(self, status, *parts, arguments=(), build=host.BUILD):
        done = self.call(*arguments, build=build)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done)
        self.assert_one_line(done.stderr, *parts)

    def guest(self, status, part, *lines, only="switch"):
        """An emulator whose guest prints these lines."""
        os.makedirs(self.path("build"), exist_ok=True)
        self.write("build/xtk.elf", "")
        arguments = ["--only", only, "--qemu", self.fake_qemu("cat <<'EOF'", *lines, "EOF")]
        self.refused(status, part, arguments=arguments, build=self.path("build"))

    def native(self, compiler):
        """The native part alone, built by @compiler into a directory of its own."""
        os.makedirs(self.path("build"), exist_ok=True)
        shutil.copy(os.path.join(host.BUILD, "libxsave.a"), self.path("build"))
        environment = {**os.environ, "XTK_BUILD": self.path("build"), "CC": compiler}
        return host.call(BENCH, "--only", "native", "-n", "1", env=environment)

    def fake_compiler(self, *lines):
        """Its program does what these lines of shell say; it finds its output behind -o."""
        program = self.script("fake-program", *lines)
        find = 'while [ "$1" != -o ]; do shift; done'
        return self.script("fake-cc", find, f'cp {program} "$2"')

    def test_bad_input(self):
        for bad in (["-n", "0"], ["-n", "1x"], ["-n"], ["-x"], ["stray"], ["--qemu", "no-such"]):
            with self.subTest(bad):
                self.refused(2, bad[-1], arguments=bad)
        self.refused(2, "native", "boot", "switch", "ist", arguments=["--only", "lib"])
        self.refused(2, "/no/such/file", arguments=["-o", "/no/such/file"])
        self.refused(2, "make all", build=self.dir)
        self.refused(2, "make lib", arguments=["--only", "native"], build=self.dir)

    def test_counts_that_disagree(self):
        self.guest(1, "111 steps, but 112 ticks", *BEGIN, ROW.format(111, 112), *DONE)

    def test_no_figures(self):
        self.guest(1, "no '# bench:' line", *BEGIN, *DONE)

    def test_a_crash_has_no_figures(self):
        self.guest(1, "no last line", *BEGIN, ROW.format(111, 111))

    def test_entry_designs_without_figures(self):
        self.guest(1, "a '# bench:' line is missing", *BEGIN, *DESIGNS_DONE, only="ist")
        self.guest(1, "no last line", *BEGIN, *DESIGNS, only="ist")
        wrong = [line.replace("enter=22", "enter=23") for line in DESIGNS]
        part = "21 and 17 steps with 0 calls of what is not its own, but 23 and 18 ticks"
        self.guest(1, part, *BEGIN, *wrong, *DESIGNS_DONE, only="ist")

    def entry_designs(self, *with_kvm):
        """The part "ist" with plain alone, and an emulator that does this when it is to use KVM."""
        folder = self.path("build", "kernel", "ist")
        os.makedirs(folder, exist_ok=True)
        self.write("build/xtk.elf", "")
        for kind in ("asm", "c"):
            shutil.copy(os.path.join(host.BUILD, "kernel", "ist", f"plain.{kind}.o"), folder)
        lines = [*BEGIN, *(line for line in DESIGNS if "plain" in line), *DESIGNS_DONE]
        kvm = ['case "$*" in *"-accel kvm"*)', *with_kvm, ";; esac"]
        emulator = self.fake_qemu(*kvm, "cat <<'EOF'", *lines, "EOF")
        arguments = ["--only", "ist", "--qemu", emulator, "-o", self.path("figures.json")]
        return self.call(*arguments, build=self.path("build"))

    def cycles(self, done):
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        with open(self.path("figures.json"), encoding="utf-8") as file:
            return json.load(file)["ist"]["cycles"]

    def test_cycles(self):
        done = self.entry_designs("cat <<'EOF'", *BEGIN, *DESIGNS, *DESIGNS_DONE, "EOF", "exit 0")
        rows = {row["design"]: row for row in self.cycles(done)["rows"]}
        self.assertEqual((rows["mine"]["enter"], rows["mine"]["leave"]), (60, 26))
        self.assertEqual((rows["mine"]["to_plain"], rows["plain"]["to_plain"]), (2.15, 1))
        self.assertRegex(done.stdout, r"(?m)^  mine +NMI +60 +26 +2\.15$")

    def test_no_kvm_no_cycles(self):
        done = self.entry_designs("echo 'qemu: Could not access KVM: no such file' >&2", "exit 1")
        said = "qemu: Could not access KVM: no such file"
        self.assertEqual(self.cycles(done), {"skipped": said})
        self.assertIn(f"skipped: cycles with KVM: {said}\n", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^  plain +NMI +a_stack +21 +17 +0 +1\.00 +176 +- +-$")

    def test_kvm_that_breaks_off_is_no_skip(self):
        done = self.entry_designs("cat <<'EOF'", *BEGIN, *DESIGNS, "EOF", "exit 1")
        self.assertEqual(done.returncode, 1, done)
        self.assert_one_line(done.stderr, "bench/ist_ticks with KVM: ", "kvm.log")

    def test_an_emulator_that_dies_is_no_floor(self):
        """The floor kernel does not end as only it does."""
        self.guest(1, "the floor kernel: status 0", *BEGIN, *DONE, only="boot")

    def test_a_cpu_without_xsave(self):
        done = self.native(self.fake_compiler(f"echo '{LACKS}'"))
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertEqual(done.stdout, LACKS.replace("skip", "skipped") + "\n")

    def test_tables_of_made_up_numbers(self):
        done = self.native(self.fake_compiler("cat <<'EOF'", made_up(), LACKS, "EOF"))
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertRegex(done.stdout, r"save +compacted +\+AVX +\+AVX +1\.04 +1\.11 +2\.00 +10\.40")
        self.assertIn("lib / by hand <= 1.05: met, at worst 1.04", done.stdout)
        self.assertIn("crate <= 0.5: MISSED in 1 of 3 rows, at worst 0.60", done.stdout)
        self.assertIn("(save, compacted, +AVX in use; the bare", done.stdout)

    def test_a_program_that_is_not_built_or_fails(self):
        died = self.fake_compiler("echo native: no job >&2", "exit 1")
        for compiler, status, part in (
            ("no-such-compiler", 2, "no-such-compiler is missing: run 'make deps bench'"),
            ("false", 2, "cannot build"),
            (died, 1, "native: no job"),
        ):
            with self.subTest(compiler):
                done = self.native(compiler)
                self.assertEqual((done.returncode, done.stdout), (status, ""), done)
                self.assert_one_line(done.stderr, part)

    def test_what_does_not_do_its_task_is_not_timed(self):
        """A library that moves nothing would be the fastest."""
        if LACKS in self.program():
            self.skipTest(LACKS)
        for task in ("save", "load"):
            name = f"xsave_{task}_with"
            stub = self.write(f"{task}.c", f"long __wrap_{name}(void);\n" + NOTHING.format(name))
            done = self.native(f"gcc -Wl,--wrap={name} {stub}")
            self.assertEqual((done.returncode, done.stdout), (1, ""), done)
            self.assert_one_line(done.stderr, f"{task} by lib: wrong state")

    def program(self, *emulator):
        """What native.c says of one round; left in build/bench by the native part."""
        built = self.native("gcc")
        self.assertEqual((built.returncode, built.stderr), (0, ""), built)
        done = host.call(*emulator, self.path("build", "bench", "native"), "1")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout

    def test_native_says_what_an_emulated_cpu_lacks(self):
        emulator = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
        if not emulator:
            self.skipTest("qemu-x86_64-static is missing: run 'make deps test'")
        self.assertEqual(self.program(emulator, "-cpu", "max,-xsave"), LACKS + "\n")
        said = self.program(emulator, "-cpu", "max,-xsavec")
        self.assertIn("skip: compacted format: CPUID.(0DH,1):EAX[1] is clear\n", said)
        self.assertIn("format=standard", said)
        self.assertNotIn("format=compacted", said)

    def test_one_run_of_each(self):
        done = self.call("-n", "1", "-o", self.path("figures.json"))
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        with open(self.path("figures.json"), encoding="utf-8") as file:
            figures = json.load(file)
        self.assertEqual([row["boot"] for row in figures["boot"]], ["kernel", "iso"])
        for row in figures["boot"]:
            self.assertLess(0, row["first_line_s"])
            self.assertLess(row["first_line_s"], row["exit_s"])
            self.assertAlmostEqual(row["ratio"], row["exit_s"] / row["floor_s"], 3)
            self.assertIsInstance(row["tool_over_s"], float)
        found = {(row["save"], row["switch"], row["step"]) for row in figures["switch"]}
        for save in ("fxsave", "xsave", "xsaveopt"):
            for what in (("eager", "switch"), ("lazy", "switch"), ("lazy", "first-use")):
                self.assertIn((save, *what), found)
        for row in figures["switch"]:
            self.assertEqual(row["ours"] + row["family"], row["instructions"])
            # One save and one load, but for FXSAVE: all that it moves is lazy.
            none = row["save"] == "fxsave" and (row["switch"], row["step"]) == ("lazy", "switch")
            self.assertEqual(row["family"], 0 if none else 2, row)
        self.check_entry_designs(figures["ist"], done.stdout)
        self.check_native(figures["native"], done.stdout)

    def check_entry_designs(self, figures, said):
        rows = {(row["design"], row["depth"]): row for row in figures["cost"]}
        sizes = {row["design"]: row for row in figures["size"]}
        names = {row["design"] for row in figures["cost"]} | figures["skipped"].keys()
        self.assertEqual(sizes.keys(), names)
        for depth in (1, 2, 3):
            # push error code, vector and 15 registers; push, popfq; mov; call. 15 pop, add, iretq.
            plain = rows["plain", depth]
            self.assertEqual((plain["enter"], plain["leave"]), (2 + 15 + 2 + 2, 15 + 2), plain)
            self.assertEqual((plain["stack"], plain["apart"], plain["entry_stack"]), (176, 0, 0))
            # One SUB and one ADD more; and everything on the interrupted stack.
            shift, without = rows["ist-shift", depth], rows["no-ist", depth]
            self.assertEqual((shift["enter"], shift["leave"]), (22, 18), shift)
            self.assertEqual((without["enter"], without["on"]), (21, "lab_task"), without)
            self.assertEqual(without["apart"] > 8192, depth > 1, without)
            self.assertLess(176, rows["atomic", depth]["entry_stack"])
            self.assertGreater(rows["switch-off", depth]["elsewhere"], 0)
        self.assertEqual(sizes["plain"]["to_plain"], 1)
        self.assertLess(sizes["plain"]["code"], sizes["atomic"]["code"])
        self.assertEqual(sizes["plain"]["included"], 0)
        self.assertLess(0, sizes["atomic"]["included"])
        self.assertRegex(said, r"(?m)^  plain +NMI>DB>MC +plain_stack_mc +21 +17 ")

    def test_counts_are_those_of_the_disassembly(self):
        """One run through plain_nmi: each of its instructions once, CALL the last before."""
        elf = os.path.join(host.BUILD, "xtk.elf")
        said = host.call("objdump", "-d", "--no-show-raw-insn", elf).stdout
        text = said.partition("<plain_nmi>:")[2].partition("<plain_db>:")[0]
        found = re.findall(r"^ *[0-9a-f]+:\t(\w+)", text, re.M)
        call = found.index("call") + 1
        rows = self.measured_costs()
        row = next(row for row in rows if (row["design"], row["depth"]) == ("plain", 1))
        self.assertEqual((row["enter"], row["leave"]), (call, len(found) - call))
        self.assertEqual(self.measured_costs(), rows, "two runs")

    def measured_costs(self):
        done = self.call("--only", "ist", "-o", self.path("figures.json"))
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        with open(self.path("figures.json"), encoding="utf-8") as file:
            return json.load(file)["ist"]["cost"]

    def check_native(self, figures, said):
        self.assertEqual(figures["passes"], 1)
        for what in figures["skipped"]:
            self.assertIn(f"skipped: {what}\n", said)
        if figures["skipped"] and not figures["instruction"]:
            return
        self.assertEqual(len(figures["targets"]), 4 if self.compacts(figures) else 2)
        for row in figures["instruction"]:
            for other in ("hand", "bare", "fx", "copy"):
                self.assertLess(0, row[other], row)
                self.assertAlmostEqual(row["lib_" + other] * row[other] / row["lib"], 1, 1, row)
        for row in figures["whole"]:
            self.assertAlmostEqual(row["lib_crate"] * row["crate"] / row["lib"], 1, 1, row)
        self.assertTrue(figures["whole"] and figures["state"])
        self.assertLess(4, len(re.findall("^  save ", said, re.M)))

    def compacts(self, figures):
        return any(row["format"] == "compacted" for row in figures["instruction"])


if __name__ == "__main__":
    unittest.main()
