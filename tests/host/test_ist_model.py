# SPDX-License-Identifier: MIT
"""The model of the entry designs: that it can be believed, and that the designs claim what it says.

tests/host/ist/run.py prints what is tested here, and makes expected.txt anew.
"""

import os
import unittest

import host
from ist import compare, designs, faults, kernel, model, published, table

RUN = host.tree("tests", "host", "ist", "run.py")
PRE_COMMIT = "entry push_gprs clear_flags locate switch_off_move copy"
LINUX = "entry save_rdx test_rip test_executing test_df first copy_outermost"
NESTED = ("NMI>DB>NMI", "NMI>MC>NMI")
OTHERS = ("DB>NMI>DB", "DB>MC>DB", "MC>NMI>MC", "MC>DB>MC")
SAME = ("DB>DB", "MC>MC")
GAP = tuple(f"{base}:{inside}" for base in ("gap", "forged")
            for inside in model.VECTORS + model.PAIRS)  # fmt: skip
# What the theory says, without the model: where the second event is fatal.
THEORY = {
    "plain": {**dict.fromkeys(NESTED + OTHERS + SAME, "*")},
    "ist-shift": {
        **dict.fromkeys(NESTED + OTHERS, "*"), **dict.fromkeys(SAME, "pop_gprs drop iret"),
    },
    "shift-min": {**dict.fromkeys(NESTED + OTHERS, "*"), **dict.fromkeys(SAME, "iret")},
    "switch-off": dict.fromkeys(NESTED, PRE_COMMIT),
    "linux-nmi": {
        **dict.fromkeys(NESTED, LINUX), **dict.fromkeys(OTHERS + SAME, "*"),
        **dict.fromkeys(
            ("user:NMI>DB>NMI", "user:NMI>MC>NMI"), "entry save_rdx linux_nmi_user switch copy"
        ),
    },
    "no-ist": dict.fromkeys(GAP, "*"),
    "fred": dict.fromkeys(NESTED + GAP, "n/a"),
}  # fmt: skip


class Engine(unittest.TestCase):
    """Before the kernel's designs: the counts that were known of four registers."""

    def test_published_counts(self):
        for rearm, rows in published.COUNTS.items():
            for name, counts in rows.items():
                program = published.program(name)
                for pattern, count in zip(published.PATTERNS, counts):
                    start = published.start(program)
                    result = model.explore(program, start, pattern, rearm == "early")
                    with self.subTest(design=name, pattern=pattern, rearm=rearm):
                        self.assertEqual((result.cases, result.failed), count)

    def test_published_windows(self):
        for name, size in (("switch-off", 16), ("linux-nmi", 12), ("plain", 16), ("atomic", 0)):
            program = published.program(name)
            result = model.explore(program, published.start(program), "NMI>DB>NMI", False)
            fatal = [rip for rip, (_, failed) in result.at[2].items() if failed]
            self.assertEqual(len(fatal), size, name)


class Expected(unittest.TestCase):
    """expected.txt is what the model says, and what the theory says."""

    @classmethod
    def setUpClass(cls):
        cls.digest, cls.table = table.read()

    def test_file_is_of_this_model(self):
        self.assertEqual(self.digest, table.digest(), "tests/host/ist/run.py --record")

    def test_file_has_every_cell(self):
        every = {
            (name, pattern, rearm)
            for name in designs.NAMES
            for pattern in kernel.PATTERNS
            for rearm in table.rearms(pattern)
        }  # fmt: skip
        self.assertEqual(set(self.table), every)

    def test_made_again(self):
        """What is quick to make is made: the same cells, symptoms and counts included."""
        patterns = kernel.SINGLES + model.PAIRS + model.DOUBLE_FAULTS + ("NMI>DB>NMI",)
        with open(table.FILE, encoding="utf-8") as file:
            rows = [line.split("\t") for line in file.read().splitlines()[1:]]
        cells = {
            ((design, rearm, tuple(rest)), pattern)
            for design, rearm, patterns, *rest in rows
            for pattern in patterns.split()
        }
        for row in table.results(patterns=patterns):
            self.assertIn(table.line_of(row), cells)

    def test_theory(self):
        for name in designs.NAMES:
            for pattern in kernel.PATTERNS:
                theory = THEORY.get(name, {})
                claim = theory.get(pattern, theory.get(pattern.rpartition(":")[2]))
                ours = compare.as_claim(self.table, name, pattern)
                with self.subTest(design=name, pattern=pattern):
                    self.assertTrue(compare.same(claim, ours), f"theory {claim}, model {ours}")

    def test_third_event_in_the_shift_designs(self):
        fails = {
            name: {step for (event, step), (_, failed) in cell.items() if event == 3 and failed}
            for (name, pattern, _), cell in self.table.items() if pattern == "NMI>DB>NMI"
        }  # fmt: skip
        self.assertEqual(fails["shift-min"], {"ist_sub", "iret"})
        before, after = {"entry", "push_gprs", "ist_sub"}, {"drop", "iret"}
        self.assertEqual(fails["ist-shift"], before | after | {"pop_gprs"})

    def test_self_nest_is_reported(self):
        """What may not come comes all the same: atomic stops instead of going on."""
        program = designs.program("atomic")
        first = kernel.starts(program, "kernel")[0].copy()
        model.inject(program, first, "DB")
        stopped = 0
        for rip in model.boundaries(program, first):
            if rip >= program.labels["fix_head DB"]:
                break
            again = first.copy()
            program.deliver(program, again, "DB")
            self.assertEqual(model.guarded(model.to_the_end, program, again), "fatal", rip)
            stopped += 1
        self.assertGreater(stopped, 40)


class Faults(unittest.TestCase):
    def test_each_is_caught_as_what_it_is(self):
        whole = {}
        for fault in faults.FAULTS:
            with self.subTest(design=fault.design, fault=fault.name):
                found = faults.caught(fault, whole)
                self.assertEqual(faults.first(found), fault.symptom, found)

    def test_only_two_are_none(self):
        harmless = [fault.name.split()[0] for fault in faults.FAULTS if not fault.symptom]
        self.assertEqual(harmless, ["M0", "M3"])

    def test_all_designs_have_one(self):
        self.assertEqual({fault.design for fault in faults.FAULTS}, set(designs.NAMES))

    def test_fault_without_its_place_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "no instruction"):
            designs.program("plain", {("entry", "nowhere"): faults.gone})


LOG = """\
# ist: design=shift-min pattern=DB>DB rearm=late cases={cases} failed=1 na=0
# ist-step: design=shift-min pattern=DB>DB rearm=late event=2 step=leave cases=1 failed=0
# ist-step: design=shift-min pattern=DB>DB rearm=late event=2 step=pop_gprs cases=15 failed={pops}
# ist-step: design=shift-min pattern=DB>DB rearm=late event=2 step=drop cases=1 failed=0
# ist-step: design=shift-min pattern=DB>DB rearm=late event=2 step=ist_add cases=1 failed=0
# ist-step: design=shift-min pattern=DB>DB rearm=late event=2 step={iret} cases=1 failed=1
# ist-at: design=shift-min pattern=DB>DB rearm=late event=2 at=x.iret+0x0 rip=0x1 cases=1 failed=1
ok 1 ist/pairs
"""


class Compare(unittest.TestCase):
    """A guest's lines against the model's cell of the same pattern."""

    def setUp(self):
        _, known = table.read()
        self.model = {("shift-min", "DB>DB", "late"): known["shift-min", "DB>DB", "late"]}

    def differences(self, text=LOG, **values):
        values = {"cases": 19, "pops": 0, "iret": "iret", **values}
        found = compare.compare(text.format(**values).splitlines(), self.model)
        return [(d.event, d.step, d.kernel, d.model) for d in found]

    def test_agreement(self):
        self.assertEqual(self.differences(), [])

    def test_counts_do_not_matter(self):
        self.assertEqual(self.differences(cases=4711), [])

    def test_step_that_fails_only_in_the_kernel(self):
        self.assertEqual(self.differences(pops=1), [(2, "pop_gprs", "fails", "survives")])

    def test_shards_add_up(self):
        self.assertEqual(self.differences(LOG + LOG.format(cases=1, pops=1, iret="iret")),
                         [(2, "pop_gprs", "fails", "survives")])  # fmt: skip

    def test_step_of_one_side_is_named(self):
        self.assertEqual(
            self.differences(iret="leap"),
            [(2, "iret", "lacks it", "fails"), (2, "leap", "fails", "lacks it")],
        )

    def test_place_in_a_step_counts_to_the_step(self):
        self.assertEqual(self.differences(iret="iret.place"), [])

    def test_pattern_of_one_side_is_named(self):
        self.model["shift-min", "MC>MC", "late"] = {(1, ""): [7, 1]}
        self.assertEqual(self.differences(), [(1, "", "lacks it", "fails")])
        self.assertEqual(
            self.differences(LOG.replace("DB>DB", "DB>NMI>DB")),
            [(1, "", "lacks it", "fails"), (1, "", "fails", "lacks it"),
             (1, "", "lacks it", "fails")],
        )  # fmt: skip

    def test_pattern_that_cannot_happen_is_no_difference(self):
        self.model["shift-min", "gap:NMI", "-"] = {(1, ""): [0, 0]}
        self.assertEqual(self.differences(), [])

    def test_design_that_did_not_run_is_no_difference(self):
        self.model["plain", "DB>DB", "late"] = {(1, ""): [7, 7]}
        self.assertEqual(self.differences(), [])

    def test_design_that_the_cpu_lacks_is_none_that_ran(self):
        self.assertEqual(compare.measured(["# ist: design=fred skip=CPUID.(7,1):EAX[17]"]), {})

    def test_line_that_is_cut_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "not a whole line"):
            self.differences(LOG[: LOG.rindex(" failed=1\nok")].rsplit("\n", 1)[0][:-9])

    def test_command(self):
        done = host.call(RUN, "--against", os.devnull)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("no \"# ist\" line", done.stderr)


CLAIMS = """
IST_DESIGN(a, .name = "plain", .entry = { { VEC_DB, x, IST_DB, &y } },
	   .claims = { { "NMI>DB", NULL }, { "NMI>DB>NMI", "push_gprs "
						  "iret" }, SHARED },
	   .install = install);
"""
SHARED = {"SHARED": '{ "gap:NMI", IST_NOT_APPLICABLE }, { "DB>DB", "*" }'}


class Claims(unittest.TestCase):
    def setUp(self):
        self.table = table.read()[1]

    def test_designs_claim_what_the_model_says(self):
        claims = compare.read_claims(host.tree("kernel", "ist"))
        self.assertEqual(set(designs.NAMES) - set(claims), set())
        wrong, _, _ = compare.compare_claims(claims, self.table)
        self.assertEqual(wrong, [], "design, pattern, claim, model")

    def test_nothing_is_claimed_behind_a_fatal_first(self):
        claims = {"no-ist": {"NMI>DB": None, "gap:NMI": "*"}}
        wrong, _, _ = compare.compare_claims(claims, self.table)
        self.assertEqual([pattern for _, pattern, _, _ in wrong], ["forged:NMI>DB"])

    def test_every_claim_is_read(self):
        self.assertEqual(
            compare.claims_of(CLAIMS, SHARED),
            {"plain": {"NMI>DB": None, "NMI>DB>NMI": "push_gprs iret", "gap:NMI": "n/a",
                       "DB>DB": "*"}},
        )  # fmt: skip

    def test_claim_that_is_not_understood_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "not all understood"):
            compare.claims_of(CLAIMS.replace('"DB>DB"', "PAIR"), {"SHARED": "{ PAIR, NULL }"})

    def test_wrong_missing_and_unknown_claims_are_told_apart(self):
        wrong, unclaimed, unknown = compare.compare_claims(
            {"plain": {"NMI>DB": "*", "NMI>DB>NMI": "*", "NMI>INTR": None}}, self.table
        )
        bases = ("", "flags:", "forged:", "gap:", "odd:", "ts:", "user:")
        self.assertEqual(wrong, [("plain", f"{base}NMI>DB", "*", None) for base in sorted(bases)])
        self.assertEqual(len(unclaimed), len(kernel.PATTERNS) - len(bases) - 2)
        self.assertEqual(unknown, [("plain", "NMI>INTR", None, "-")])
