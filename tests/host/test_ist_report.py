# SPDX-License-Identifier: MIT
"""The laboratory's results: from lines to ist.json, the terminal's table and the page."""

import contextlib
import html.parser
import io
import json
import os
import re
import sys
import unittest
from unittest import mock

import fake_lab
import fake_results
import host

sys.path.insert(0, host.tree("tests", "host", "page"))

import browser  # noqa: E402
from xtklib import elf, ist, ist_code, ist_table, result  # noqa: E402
from xtklib.report import html as page  # noqa: E402
from xtklib.report import ist_part, timeline, verdicts  # noqa: E402
from xtklib.verbs import ist as verb  # noqa: E402

HOSTILE = "<script>1</script>"
# The better, the lower. What is not known is as red as what is worse.
RANK = {ist.AS_CLAIMED: 0, ist.UNCLAIMED: 1, ist.BETTER: 2, ist.UNKNOWN: 3, ist.WORSE: 3}


def lines_of(words, test="ist/triples"):
    """What the fake guest prints in one test, without "# "."""
    with mock.patch.object(fake_lab, "end_if_fatal"):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            fake_lab.run("", test, fake_lab.value(words, "ist", "plain").split(","), words)
    lines = [line[2:] for line in said.getvalue().splitlines()]
    return [line for line in lines if not line.startswith("ist-at-case")]


def run_of(name, lines, words=(), test="ist/triples", **more):
    observed = {"ist": list(lines)} if lines else {}
    tests = [fake_results.test_of(test, rules=[], observed=observed)]
    run = fake_results.run_of(name, *tests, words=list(words), log=f"logs/{name}.log")
    return {**run, **more}


def platform_of(*runs):
    (platform,) = ist_table.platforms_of(list(runs))
    return platform


def whole(words, name="p", **more):
    return run_of(name, lines_of(words), words, **more)


def outcomes(platform):
    """{(design, pattern, rearm): (verdict, whether anything fails)}."""
    return {
        (name, *key): (ist.verdict(design, key)[0], bool(design.patterns[key].counts[1]))
        for name, design in platform.designs.items()
        for key in design.patterns
    }


class Lines(unittest.TestCase):
    def test_what_is_said_is_read(self):
        design = platform_of(whole(["ist=wrong"])).designs["wrong"]
        self.assertEqual((design.trouble, design.total, design.ticks), ([], [196, 84], 196))
        one = design.patterns["NMI>DB>NMI", "late"]
        self.assertEqual((one.counts, one.na, len(one.failures)), ([49, 21], 0, 2))
        self.assertEqual(one.steps[2, "entry"], [14, 14])
        self.assertEqual(one.steps[3, "entry"], [14, 6])
        base = fake_lab.boundaries("wrong", "NMI")[0][2]
        self.assertEqual(one.boundaries[2, "wrong_nmi+0x0", base], [7, 7])

    def test_verdicts(self):
        names = ["plain", "safe", "wrong"]
        platform = platform_of(whole(["ist=" + ",".join(names)]))
        key = "NMI>DB>NMI", "late"
        found = [ist.verdict(platform.designs[name], key) for name in names]
        claimed = ist.AS_CLAIMED, []
        self.assertEqual(found, [claimed, claimed, (ist.WORSE, ["entry"])])

    def verdict(self, claim, failing, pattern="NMI>DB", full=False, guest=ist.AS_CLAIMED):
        """Of a pattern whose steps a and b were hit."""
        design = ist.Design(full=full)
        one = design.pattern(pattern, "-")
        for step in "ab":
            one.steps[2, step] = [2, 2 * (step in failing)]
        one.counts = [4, 2 * len(failing)]
        design.claims[pattern, "-"] = claim, guest
        return ist.verdict(design, (pattern, "-"))

    def test_what_the_guest_says_is_not_all_that_counts(self):
        for claim, failing, expected in (
            ("survives", "", (ist.AS_CLAIMED, [])),
            ("survives", "a", (ist.WORSE, ["a"])),
            ("*", "ab", (ist.AS_CLAIMED, [])),
            ("*", "a", (ist.BETTER, ["b"])),
            ("a b", "ab", (ist.AS_CLAIMED, [])),
            ("a c", "a", (ist.AS_CLAIMED, [])),
            ("a", "ab", (ist.WORSE, ["b"])),
            ("b", "a", (ist.WORSE, ["a"])),
            ("n/a", "", (ist.BETTER, [])),
            ("n/a", "a", (ist.WORSE, [])),
        ):
            self.assertEqual(self.verdict(claim, failing), expected, (claim, failing))

    def test_what_the_guest_says_counts_where_it_is_worse(self):
        for guest in (ist.BETTER, ist.WORSE):
            self.assertEqual(self.verdict("*", "ab", guest=guest), (guest, []))

    def test_no_more_failures_than_cases(self):
        where = "design=x pattern=NMI>DB rearm=-"
        for one, two in ((1, 1), (3, 0), (0, 3)):
            lines = [
                f"ist: {where} cases=4 failed={one + two} na=0",
                f"ist-step: {where} event=2 step=a cases=2 failed={one}",
                f"ist-step: {where} event=2 step=b cases=2 failed={two}",
                f"ist-claim: {where} claim=a b verdict=as_claimed steps=-",
                f"ist-total: design=x cases=4 failed={one + two} ticks=0",
            ]
            trouble = platform_of(run_of("p", lines)).designs["x"].trouble
            self.assertEqual(trouble, ["a damaged line"] if 3 in (one, two) else [])
        line = "ist: design=x pattern=NMI rearm=- cases=1 failed=2 na=0"
        total = "ist-total: design=x cases=1 failed=2 ticks=0"
        design = platform_of(run_of("p", [line, total])).designs["x"]
        self.assertIn("a damaged line", design.trouble)

    def test_better_is_said_only_where_no_case_was_left_out(self):
        for pattern, full, expected in (
            ("NMI>DB>NMI", False, ist.AS_CLAIMED),
            ("NMI>DB>NMI", True, ist.BETTER),
            ("user:NMI>DB", False, ist.BETTER),
        ):
            self.assertEqual(self.verdict("*", "a", pattern, full)[0], expected)

    def test_one_event(self):
        for claim, failed, expected in (
            ("survives", 0, ist.AS_CLAIMED),
            ("survives", 1, ist.WORSE),
            ("*", 1, ist.AS_CLAIMED),
            ("*", 0, ist.BETTER),
        ):
            design = ist.Design(full=True)
            design.pattern("gap:NMI", "-").counts = [1, failed]
            design.claims["gap:NMI", "-"] = claim, ist.AS_CLAIMED
            self.assertEqual(ist.verdict(design, ("gap:NMI", "-"))[0], expected)

    def test_a_skipped_design(self):
        lines = ["ist: design=fred skip=CPUID.7.1:EAX[17] FRED", *lines_of(["ist=plain"])]
        platform = platform_of(run_of("p", lines, ["ist=fred,plain"]))
        self.assertEqual(platform.designs["fred"].missing, "CPUID.7.1:EAX[17] FRED")
        self.assertEqual(platform.designs["fred"].trouble, [])
        self.assertFalse(ist_table.is_red(platform))

    def test_a_design_that_was_asked_for_and_said_nothing(self):
        platform = platform_of(run_of("p", lines_of(["ist=plain"]), ["ist=plain,lost"]))
        self.assertEqual(platform.designs["lost"].trouble, ["no result"])
        self.assertTrue(ist_table.is_red(platform))

    def test_a_test_in_error_or_a_run_that_was_cut_is_not_known(self):
        for more in ({"status": "crash"}, {"status": "timeout"}):
            platform = platform_of(whole(["ist=plain"], **more))
            self.assertEqual({v for v, _ in outcomes(platform).values()}, {ist.UNKNOWN})
        run = whole(["ist=plain"])
        run["tests"].append(fake_results.test_of("ist/pairs", "error", reason="no result"))
        self.assertEqual(platform_of(run).designs["plain"].trouble, ["ist/pairs: no result"])


class Damage(unittest.TestCase):
    """No line that is lost, cut or doubled makes a verdict better."""

    def setUp(self):
        self.words = ["ist=wrong,safe"]
        self.lines = [line for line in lines_of(self.words) if "MC" not in line]
        self.lines = [line for line in self.lines if "ist-total" not in line]
        self.lines += [f"ist-total: design={n} cases=98 failed={f} ticks=9" for n, f in TOTALS]
        self.before = self.outcomes(self.lines)

    def outcomes(self, lines):
        return outcomes(platform_of(run_of("p", lines, self.words)))

    def assert_no_better(self, lines, what):
        after = self.outcomes(lines)
        for key, (verdict, fails) in self.before.items():
            found, still = after.get(key, (ist.UNKNOWN, fails))
            self.assertGreaterEqual(RANK[found], RANK[verdict], (what, key))
            self.assertTrue(still or not fails or found in (ist.UNKNOWN, ist.WORSE), (what, key))

    def test_the_undamaged(self):
        self.assertEqual({v for v, _ in self.before.values()}, {ist.AS_CLAIMED, ist.WORSE})

    def test_lost_and_doubled(self):
        for number, line in enumerate(self.lines):
            self.assert_no_better(self.lines[:number] + self.lines[number + 1 :], line)
            self.assert_no_better(self.lines[: number + 1] + self.lines[number:], line)

    def test_lost_lines_are_noticed(self):
        for number, line in enumerate(self.lines):
            if not line.startswith("ist-fail"):
                platform = platform_of(
                    run_of("p", self.lines[:number] + self.lines[number + 1 :], self.words)
                )
                name = re.search("design=([a-z]+)", line)[1]
                self.assertTrue(platform.designs[name].trouble, line)

    def test_cut_short(self):
        seen = set()
        for number, line in enumerate(self.lines):
            kind = line.split(" ")[0] + line.split("design=")[-1][:5]
            if kind in seen:
                continue
            seen.add(kind)
            for length in range(5, len(line)):
                lines = [*self.lines[:number], line[:length], *self.lines[number + 1 :]]
                self.assert_no_better(lines, line[:length])

    def test_foreign_and_contradictory(self):
        where = "design=safe pattern=NMI>DB>NMI rearm=late"
        for line in (
            "ist-new: what nobody knows",
            "ist: design=safe",
            f"ist: {where} cases=1 failed=2 na=0",
            f"ist-step: {where} event=2 step=entry cases=1 failed=0",
            f"ist-step: {where} event=2 step=entry cases=-1 failed=0",
            f"ist-at: {where} event=2 at=x+0x0 rip=0x1 cases=1 failed=0",
            f"ist-claim: {where} claim=* verdict=as_claimed steps=-",
            f"ist-claim: {where} claim=survives verdict=unclaimed steps=-",
            "ist-total: design=safe cases=1 failed=0 ticks=1",
        ):
            platform = platform_of(run_of("p", [*self.lines, line], self.words))
            self.assertTrue(platform.designs["safe"].trouble, line)
            self.assertEqual(outcomes(platform)["safe", "NMI>DB>NMI", "late"][0], ist.UNKNOWN, line)
        self.assert_no_better([*self.lines, f"ist-fail: case={HOSTILE} what=x"], "hostile")


TOTALS = (("wrong", 42), ("safe", 0))


class Shards(unittest.TestCase):
    def shard(self, i, n, **more):
        words = ["ist=wrong", f"shard={i}/{n}"]
        return run_of(f"p{i}-{n}", lines_of(words), words, platform="p", **more)

    def test_they_add_up(self):
        parts = platform_of(*(self.shard(i, 3) for i in (1, 2, 3))).designs["wrong"]
        one = platform_of(whole(["ist=wrong"])).designs["wrong"]
        self.assertEqual((parts.trouble, parts.total), ([], one.total))
        key = "NMI>MC>NMI", "early"
        self.assertEqual(parts.patterns[key].steps, one.patterns[key].steps)
        self.assertEqual(parts.patterns[key].boundaries, one.patterns[key].boundaries)
        self.assertEqual(ist.verdict(parts, key), ist.verdict(one, key))

    def test_one_that_is_missing_is_named(self):
        design = platform_of(self.shard(1, 3), self.shard(3, 3)).designs["wrong"]
        self.assertEqual(design.trouble, ["without shard 2/3"])

    def test_the_same_twice_counts_once_if_it_is_the_same(self):
        runs = [self.shard(1, 2), {**self.shard(1, 2), "log": "logs/again.log"}, self.shard(2, 2)]
        self.assertEqual(platform_of(*runs).designs["wrong"].trouble, [])
        self.assertEqual(platform_of(*runs).designs["wrong"].total, [196, 84])
        lines = lines_of(runs[0]["words"])
        other = [line.replace("wrong_nmi+0x0", "wrong_nmi+0x9") for line in lines]
        runs[1]["tests"][0]["observed"]["ist"] = other
        self.assertIn("disagree", platform_of(*runs).designs["wrong"].trouble[0])

    def test_different_cuts_do_not_add_up(self):
        runs = [self.shard(i, n) for n in (2, 3) for i in range(1, n + 1)]
        trouble = " ".join(platform_of(*runs).designs["wrong"].trouble)
        self.assertIn("different numbers of shards", trouble)

    def test_better_is_judged_by_the_sum(self):
        """The guest has seen but a part, in which what is claimed to fail did not occur."""
        words = ["ist=plain", "shard=1/2"]
        as_claimed, better = "as_claimed steps=-", "better steps=iret"
        lines = [line.replace(as_claimed, better) for line in lines_of(words)]
        runs = [run_of("a", lines, words, platform="p")]
        words = ["ist=plain", "shard=2/2"]
        runs.append(run_of("b", lines_of(words), words, platform="p"))
        verdict = ist.verdict(platform_of(*runs).designs["plain"], ("NMI>DB>NMI", "late"))
        self.assertEqual(verdict, (ist.AS_CLAIMED, []))


class Boots(host.Case):
    """What the matrix does about a case that ends its boot."""

    def lab(self, fatal, *words, silence="20"):
        self.write("plan.json", json.dumps(fatal))
        guest = host.tree("tests", "host", "fake_lab.py")
        line = f'exec {sys.executable} {guest} {self.path("plan.json")} "$@"'
        known = self.platforms(self.script("fake-lab", line), "one")
        axes = [part for some in words for part in ("--words", some)]
        tests = ("--", "tests=ist/*")
        done = self.matrix_of(known, "--silence", silence, *axes, *tests)
        runs = result.read(self.path("out"))
        return done, platform_of(*runs).designs, runs

    def test_without_one_nothing_is_booted_again(self):
        done, designs, _ = self.lab({}, "ist=plain", "ist=safe")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(self.boots()), 2)
        self.assertEqual(designs["plain"].total, [210, 196])

    def test_a_fatal_case_is_found_recorded_and_the_others_counted(self):
        fatal = {"safe/NMI>DB>NMI/late/17": "crash", "safe/NMI>MC>NMI/early/48": "crash"}
        done, designs, runs = self.lab(fatal, "ist=safe")
        self.assertEqual(done.returncode, 3, done.stdout)  # a crash stays one
        self.assertEqual(runs[0]["status"], "crash")
        safe = designs["safe"]
        self.assertEqual((safe.trouble, safe.total), ([], [210, 2]))
        case = "safe/NMI>DB>NMI/late/safe_nmi.push_gprs+0x0.0/safe_db.push_gprs+0x1.0"
        self.assertEqual(safe.ends[0], ("safe/NMI>DB>NMI/late/17", case, "crash"))
        key = "NMI>DB>NMI", "late"
        self.assertEqual(safe.patterns[key].counts, [49, 1])
        self.assertEqual(safe.patterns[key].steps[2, "push_gprs"], [21, 1])
        self.assertEqual(ist.verdict(safe, key), (ist.WORSE, ["push_gprs"]))
        self.assertEqual(ist.verdict(safe, ("NMI>DB>NMI", "early")), (ist.AS_CLAIMED, []))

    def test_which_boots_there_are(self):
        self.lab({"safe/NMI>DB>NMI/late/17": "crash"}, "ist=safe")
        part = "ist=safe tests=ist/triples"
        self.assertEqual(
            self.boots(),
            [
                "ist=safe tests=ist/*",
                "ist=safe tests=ist/* list",
                f"{part} each from=safe/NMI>DB>NMI/late/16",
                f"{part} to=safe/NMI>DB>NMI/late/17",
                f"{part} from=safe/NMI>DB>NMI/late/18",
            ],
        )

    def test_neighbours_and_the_first_and_the_last_case(self):
        last = "safe/NMI>MC>NMI/early/48"
        fatal = [f"safe/NMI>DB>NMI/late/{i}" for i in (0, 1, 2)] + [last]
        _, designs, _ = self.lab(dict.fromkeys(fatal, "crash"), "ist=safe")
        safe = designs["safe"]
        self.assertEqual((safe.trouble, safe.total), ([], [210, 4]))
        self.assertEqual([end[0] for end in safe.ends], fatal)

    def test_a_hang_is_called_one(self):
        _, designs, _ = self.lab({"safe/NMI>DB/early/3": "hang"}, "ist=safe", silence="2")
        self.assertEqual([end[2] for end in designs["safe"].ends], ["hang"])
        self.assertEqual(designs["safe"].total, [210, 1])
        self.assertEqual(designs["safe"].trouble, [])

    def test_what_does_not_happen_again_is_never_good(self):
        done, designs, _ = self.lab({"safe/NMI>DB/early/3": "once"}, "ist=safe")
        self.assertEqual(done.returncode, 3)
        self.assertIn("and not again", designs["safe"].trouble[0])
        self.assertEqual(ist.verdict(designs["safe"], ("NMI>DB>NMI", "late"))[0], ist.UNKNOWN)

    def test_the_sum_is_that_of_a_run_without_them(self):
        _, designs, _ = self.lab({"plain/NMI>DB>NMI/late/20": "crash"}, "ist=plain")
        fatal = designs["plain"].patterns["NMI>DB>NMI", "late"]
        good = platform_of(whole(["ist=plain"])).designs["plain"].patterns["NMI>DB>NMI", "late"]
        self.assertEqual((fatal.counts, fatal.steps), (good.counts, good.steps))
        self.assertEqual(fatal.boundaries, good.boundaries)

    def test_the_file(self):
        done, _, _ = self.lab({}, "ist=wrong shard=1/2", "ist=wrong shard=2/2", "ist=safe")
        self.assertEqual(done.returncode, 0, done.stdout)
        with open(self.path("out", "ist.json"), encoding="utf-8") as file:
            whole_file = json.load(file)
        self.assertEqual(whole_file["version"], 1)
        (platform,) = whole_file["platforms"]
        self.assertEqual([one["design"] for one in platform["designs"]], ["safe", "wrong"])
        wrong = platform["designs"][1]
        self.assertEqual((wrong["cases"], wrong["failed"], wrong["trouble"]), (210, 84, []))
        pattern = next(one for one in wrong["patterns"] if one["pattern"] == "NMI>DB>NMI")
        self.assertEqual((pattern["claim"], pattern["verdict"]), ("iret", "worse"))
        self.assertEqual(pattern["differ"], ["entry"])
        step = {"event": 2, "step": "entry", "cases": 14, "failed": 14}
        self.assertIn(step, pattern["steps"])
        self.assertEqual(pattern["boundaries"][0]["rip"], f"{0x101000 + 0x600:#x}")


class Terminal(host.Case):
    def ist(self, *runs):
        os.makedirs(self.path("out"), exist_ok=True)
        result.write(self.path("out"), list(runs))
        with contextlib.redirect_stdout(io.StringIO()) as said:
            status, errors = host.xtk("ist", "-o", self.path("out"))
        return status, said.getvalue(), errors

    def test_all_as_claimed(self):
        status, said, errors = self.ist(whole(["ist=plain,safe"]))
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(
            said.splitlines(),
            [
                "on p",
                "pattern            plain   safe",
                "NMI>DB>NMI early  49/49=  0/49=",
                "NMI>DB>NMI late   49/49=  0/49=",
                "NMI>MC>NMI early  49/49=  0/49=",
                "NMI>MC>NMI late   49/49=  0/49=",
                "",
            ],
        )

    def test_what_is_not_as_claimed_is_said(self):
        status, said, _ = self.ist(whole(["ist=wrong"]))
        self.assertEqual(status, 1)
        self.assertIn("21/49!", said)
        self.assertIn("! p: wrong: NMI>DB>NMI late: worse than claimed, at entry\n", said)

    def test_platforms_with_the_same_share_a_table_and_others_are_marked(self):
        runs = [whole(["ist=plain"], name) for name in ("a", "b")]
        other = lines_of(["ist=wrong"])
        runs.append(run_of("c", [line.replace("wrong", "plain") for line in other], ["ist=plain"]))
        _, said, _ = self.ist(*runs)
        self.assertIn("on a, b\n", said)
        self.assertIn("on c\n", said)
        self.assertIn("*21/49!", said)
        self.assertEqual(said.count("49/49="), 4)

    def test_other_contexts_are_summed_up(self):
        own, other = "pattern=NMI>MC", "pattern=user:NMI>MC"
        lines = [line.replace(own, other) for line in lines_of(["ist=wrong"])]
        _, said, _ = self.ist(run_of("p", lines, ["ist=wrong"]))
        self.assertRegex(said, r"(?m)^user:\* +42/98!$")
        self.assertNotIn("user:NMI>MC>NMI late ", said.split("\n\n")[0])

    def test_the_worst_verdict_is_that_of_the_sum(self):
        design = ist.Design(full=True)
        for name, failed in (("NMI", 0), ("DB", 1), ("MC", 0)):
            design.pattern(f"user:{name}", "-").counts = [1, failed]
            design.claims[f"user:{name}", "-"] = "survives", ist.AS_CLAIMED
        cell = ist_table.sum_of(design, "user:")
        self.assertEqual((cell.cases, cell.failed, cell.verdict), (3, 1, ist.WORSE))

    def test_it_fits_and_has_no_colour_where_nobody_sees_it(self):
        lines = []
        for number in range(12):
            name = f"a-design-of-number-{number}"
            lines += [line.replace("plain", name) for line in lines_of(["ist=plain"])]
        _, said, _ = self.ist(run_of("p" * 150, lines))
        self.assertNotIn("\x1b", said)
        words = [line for line in said.splitlines() if " " in line.strip()]
        self.assertLessEqual(max(map(len, words[1:])), 100)
        self.assertEqual(said.count("\npattern "), 4)

    def test_colours(self):
        platforms = [platform_of(whole(["ist=plain,safe,wrong"]))]
        text = "\n".join(verb.lines_of(platforms, True))
        for colour, cell in ((verb.YELLOW, "49/49="), (verb.GREEN, "0/49="), (verb.RED, "21/49!")):
            self.assertIn(colour + "  " + cell + verb.PLAIN, text)

    def test_no_result_is_one_line(self):
        for runs in ([], [fake_results.run_of("p", fake_results.test_of("a/b"))]):
            status, said, errors = self.ist(*runs)
            self.assertEqual((status, said), (2, ""))
            self.assert_one_line(errors, "xtk ist: ", "out", "make ist")


class Code(unittest.TestCase):
    """The instructions of plain in the kernel that is built."""

    @classmethod
    def setUpClass(cls):
        cls.code = ist_code.Code()
        cls.start = next(s.address for s in elf.Elf().symbols if s.name == "plain_nmi")

    def made(self, *boundaries):
        design = ist.Design()
        one = design.pattern("NMI>DB>NMI", "-")
        for at, address, counts in boundaries:
            one.boundaries[2, at, address] = counts
        return ist_code.instructions_of(design, self.code)

    def test_all_instructions_of_a_function_that_was_hit(self):
        functions, same = self.made(("plain_nmi+0x0", self.start, [2, 1]))
        self.assertTrue(same)
        (some,) = functions.values()
        self.assertEqual([one.status() for one in some[:2]], ["fail", "none"])
        self.assertEqual((some[0].text.split()[0], some[0].step), ("push", "entry"))
        self.assertRegex(some[-1].text, "^iretq?$")
        self.assertEqual(some[-1].step, "iret")
        self.assertEqual(sum(one.step == "push_gprs" for one in some), 15)

    def test_labels_and_pads(self):
        text = (
            "0000000000001000 <one.enter>:\n  1000:\tnop\n\n0000000000001001 <one.leave>:\n"
            "  1001:\tret\n  1002:\tdata16 cs nop WORD PTR [rax]\n  1009:\txchg   ax,ax\n"
            "0000000000001010 <two>:\n  1010:\tret\n"
        )
        found = ist_code.read_objdump(text)
        self.assertEqual(list(found), [(0x1000, "one"), (0x1010, "two")])
        places = [(one.at, one.text) for one in found[0x1000, "one"]]
        self.assertEqual(places, [("one.enter+0x0", "nop"), ("one.leave+0x0", "ret")])

    def test_of_another_kernel_only_what_was_hit(self):
        for at, address in (("plain_nmi+0x0", self.start + 1), ("other+0x0", self.start)):
            functions, same = self.made((at, address, [1, 0]))
            self.assertFalse(same)
            self.assertEqual([(one.at, one.text) for (one,) in functions.values()], [(at, "")])


def matrix_of(*runs):
    return verdicts.matrix_of([("", run) for run in runs], [])


class Ids(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.targets = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.targets |= {attributes["href"]} if tag == "a" else set()


TRACE = """# ev t=1 what=deliver vec=2 ist=2 rsp=0x9fd8 rip=0x100000 level=1
# ev t=2 what=deliver vec=1 ist=3 rsp=0x7fd8 rip=0x101004 level=2
# ev t=3 what=enter vec=1 ist=3 rsp=0x7f40 rip=0x101004 level=2
# ev t=4 what=leave vec=1 ist=3 rsp=0x7f40 rip=0x101004 level=2
# ev t=5 what=iret vec=1 ist=3 rsp=0x7fd8 rip=0x101004 level=2
# ev t=6 what=deliver vec=2 ist=2 rsp=0x9fd8 rip=0x101006 level=2
# ev t=7 what=enter vec=2 ist=2 rsp=0x9f40 rip=0x101006 level=2
"""


class Page(host.Case):
    def section(self, *runs):
        return ist_part.section(matrix_of(*runs).columns)

    def test_the_table(self):
        text = self.section(whole(["ist=plain,safe,wrong"]))
        cells = re.findall(r'<td class="([a-z ]+)">([^<]+)<small>([^<]+)', text)
        row = [("known", "49/49", "as claimed"), ("pass", "0/49", "as claimed")]
        self.assertEqual(cells[:2], row)
        self.assertEqual(cells[2], ("fail", "21/49", "worse than claimed"))
        self.assertIn("wrong: NMI&gt;DB&gt;NMI late: worse than claimed, at entry", text)

    def test_what_differs_between_platforms_is_framed(self):
        other = [line.replace("wrong", "plain") for line in lines_of(["ist=wrong"])]
        runs = [whole(["ist=plain"], "a"), run_of("b", other, ["ist=plain"])]
        text = self.section(*runs)
        self.assertEqual(text.count('class="fail new"'), 4)
        self.assertEqual(self.section(*runs[:1]).count(" new"), 0)

    def test_without_the_laboratory_there_is_no_section(self):
        self.assertEqual(self.section(fake_results.run_of("p", fake_results.test_of("a/b"))), "")

    def test_every_cell_leads_to_its_line(self):
        runs = [whole(["ist=plain,wrong"], "a"), whole(["ist=plain"], "b")]
        found = Ids(self.section(*runs))
        self.assertEqual(len(found.ids), len(set(found.ids)))
        self.assertGreater(len(found.targets), 10)
        self.assertLessEqual({target[1:] for target in found.targets}, set(found.ids))

    def test_a_strip_says_what_fails_where(self):
        text = self.section(whole(["ist=wrong"]))
        strip = re.search("<figure class=strip>.*?</figure>", text, re.S)[0]
        cells = re.findall("<a class=([a-z]+) ", strip)
        self.assertEqual(cells, ["fail"] * 2 + ["pass"] * 4 + ["fail"])
        self.assertIn("fails: NMI&gt;DB&gt;NMI early/late, NMI&gt;MC&gt;NMI early/late", strip)
        self.assertIn("case=&#x27;wrong/NMI&gt;DB&gt;NMI/late/wrong_nmi+0x0.0/", strip)

    def test_what_a_log_says_is_text(self):
        where = f"design=x pattern={HOSTILE} rearm={HOSTILE}"
        at = f"at={HOSTILE}+0x0 rip=0x1"
        lines = [
            f"ist: {where} cases=1 failed=1 na=0",
            f"ist-step: {where} event=2 step={HOSTILE} cases=1 failed=1",
            f"ist-at: {where} event=2 {at} cases=1 failed=1",
            f"ist-fail: case=x/{HOSTILE}/{HOSTILE} what={HOSTILE} {HOSTILE}",
            f"ist-claim: {where} claim={HOSTILE} verdict=worse steps={HOSTILE}",
            f"ist: design=y skip={HOSTILE}",
        ]
        run = run_of("p", lines, [f"case={HOSTILE}", "events"])
        for one in (run_of(HOSTILE, lines), run):
            text = page.page(matrix_of(one), {})
            self.assertNotIn(HOSTILE, text)
            self.assertIn("&lt;script&gt;", text)

    def test_a_chosen_case_is_drawn_and_counts_in_no_table(self):
        os.mkdir(self.path("logs"))
        self.write("logs/p.log", TRACE)
        case = "plain/NMI>DB>NMI/-/plain_nmi.push_gprs+0x0.0/plain_nmi.push_gprs+0x2.0"
        lines = [f"ist-fail: case={case} what=livelock irets=49"]
        run = run_of("p", lines, [f"case={case}", "events", "ist=plain"])
        column = verdicts.matrix_of([(self.dir, run)], []).columns[0]
        text = ist_part.section([column])
        self.assertIn("what=livelock irets=49", text)
        self.assertIn("<svg class=\"timeline\"", text)
        self.assertNotIn("<table", text)


class Timeline(host.Case):
    def test_delivery_and_handler_are_two_things(self):
        tracer = timeline.read(self.write("log", TRACE))
        (episode,) = timeline.chosen(tracer)
        words = ["", "NMI", "#DB", "handler", "exit", "IRET", "NMI", "handler"]
        self.assertEqual((episode.words, tracer.strays), (words, 0))
        phases = ["entry", "entry", "handler", "exit", "entry", "entry", "handler"]
        self.assertEqual(episode.phases[1:], phases)
        self.assertEqual([frame.end for frame in episode.frames], [None, 5, None])
        self.assertEqual(episode.blocked, [False, True, True, True, True, False, True, True])
        self.assertIn("stub", timeline.svg(episode))


    def test_what_a_trace_need_not_say(self):
        lines = [re.sub(" ist=[0-9]+| level=[0-9]+", "", line) for line in TRACE.splitlines()]
        lines[4] = "# ev t=5 what=iret level=1 rsp=0x7fd8 rip=plain_db.iret+0x0"
        tracer = timeline.read(self.write("log", "\n".join(lines)))
        (episode,) = timeline.chosen(tracer)
        lanes = [frame.lane for frame in episode.frames]
        self.assertEqual((lanes, tracer.strays), (["NMI", "#DB", "NMI, 2"], 0))
        self.assertEqual([frame.end for frame in episode.frames], [None, 5, None])

    def test_who_does_not_come_back_has_no_end(self):
        lines = [line for line in TRACE.splitlines() if "vec=1" in line]
        for rip, end in (("0x101004", 4), ("0x101005", None)):
            lines[-1] = f"# ev t=5 what=iret rsp=0x7fd8 rip={rip}"
            tracer = timeline.read(self.write("log", "\n".join(lines)))
            (episode,) = timeline.chosen(tracer)
            self.assertEqual([frame.end for frame in episode.frames], [end])
            self.assertEqual(episode.words, ["", "#DB", "handler", "exit", "IRET"])

    def test_a_line_without_its_vector_or_its_place_is_none(self):
        line = "# ev t=1 what=enter vec=2 rsp=0x1 rip=a+0x1"
        self.assertIsNotNone(timeline.event_of(line))
        for part in (" vec=2", " rsp=0x1", " rip=a+0x1"):
            self.assertIsNone(timeline.event_of(line.replace(part, "")), part)
        self.assertIsNone(timeline.event_of(line + " x"))


@unittest.skipIf(browser.lacking(), f"not installed: {browser.lacking()}")
class InABrowser(host.Case):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        runs = [whole(["ist=plain,wrong"], "a"), whole(["ist=plain"], "b")]
        case = "case=plain/NMI>DB>NMI/late/plain_nmi.push_gprs+0x0.0/plain_nmi.push_gprs+0x2.0"
        runs.append(run_of("c", [], [case, "events"]))
        self.write("index.html", page.page(matrix_of(*runs), {}))
        self.browser.width(1280)
        self.browser.open("/dev/null")
        self.browser.console()
        self.browser.open(self.path("index.html"))

    def value(self, script):
        return self.browser.run("return " + script)

    def test_the_keyboard_reads_every_instruction(self):
        self.assertEqual(self.browser.console(), [])
        strips = self.value("document.querySelectorAll('.strip').length")
        count = self.value("document.querySelectorAll('.step a[tabindex=\"0\"]').length")
        self.assertEqual(count, strips)
        self.browser.run("document.querySelector('.step a[tabindex=\"0\"]').focus()")
        said = "document.querySelector('.strip output').textContent"
        self.assertIn("plain_nmi+0x0", self.value(said))
        self.browser.press("Right", "Right")
        self.assertIn("plain_nmi.push_gprs+0x0", self.value(said))
        self.assertIn("fails: NMI>DB>NMI", self.value(said))
        self.browser.press("Left")
        self.assertIn("plain_nmi+0x1", self.value(said))

    def test_a_cell_leads_into_the_folded_table(self):
        self.browser.click(".step a")
        wait = "return new Promise((resolve) => setTimeout(resolve, 200))"
        self.browser.run(wait)
        self.assertTrue(self.value("document.querySelector('tr:target').closest('details').open"))

    def test_a_phone_scrolls_no_page(self):
        self.browser.width(400)
        self.browser.run("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        self.assertLessEqual(self.value("document.documentElement.scrollWidth"), 400)


if __name__ == "__main__":
    unittest.main()
