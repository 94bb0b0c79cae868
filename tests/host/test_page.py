# SPDX-License-Identifier: MIT
"""The page of `xtk report`: what it says, and what a person can do with it in a browser."""

import html.parser
import os
import re
import sys
import unittest
import urllib.parse

import host

sys.path.insert(0, host.tree("tests", "host", "page"))

import browser  # noqa: E402
import sample  # noqa: E402
from xtklib import diff, rules  # noqa: E402
from xtklib.report import area_map, excerpt, matrix_table, timeline, verdicts  # noqa: E402

LIMIT = 320 * 1024  # bytes of a page of 25 platforms by 60 tests, with counts and XCR0's table
LOG = "logs/{}.log"


def matrix(runs):
    return verdicts.matrix_of([("", run) for run in runs], rules.read())


def one_run(*tests, name="p", **more):
    return {**sample.runs()[0], "log": LOG.format(name), "tests": list(tests), **more}


def fail(name, ids, *broken, status="fail"):
    return sample.test(name, ids, status, failures=[sample.failure(name, r) for r in broken])


class Verdicts(unittest.TestCase):
    def statuses(self, *tests):
        made = matrix([one_run(*tests)])
        return {row.key: made.status(row, made.columns[0]) for row in made.rows}

    def test_only_the_broken_rule_of_a_test_fails(self):
        found = self.statuses(fail("a/b", ["V03", "V04"], "V04", "?"))
        self.assertEqual(found, {"V03": "pass", "V04": "fail"})

    def test_a_failure_without_a_rule_of_the_test_leaves_nothing_to_rely_on(self):
        for broken in ([], ["?"], ["thread"], ["V04", "thread"]):
            found = self.statuses(fail("a/b", ["V03", "V04"], *broken))
            self.assertEqual(found, {"V03": "fail", "V04": "fail"}, broken)

    def test_the_worst_of_a_rules_tests_counts(self):
        order = ["fail", "error", "flaky", "known", "pass", "skip"]
        for worse, better in zip(order, order[1:]):
            tests = [sample.test("a/1", ["V03"], better), sample.test("a/2", ["V03"], worse)]
            self.assertEqual(self.statuses(*tests), {"V03": worse})
            self.assertEqual(self.statuses(*tests[::-1]), {"V03": worse})

    def judged(self, test, **counts):
        return self.statuses({**test, "observed": {"judged": counts}})

    def test_a_rule_without_a_check_was_not_judged(self):
        passed = sample.test("a/b", ["V03", "V04"])
        self.assertEqual(self.judged(passed, V03=1), {"V03": "pass", "V04": "skip"})
        self.assertEqual(self.judged(passed, V03=1, V04=0), {"V03": "pass", "V04": "skip"})
        self.assertEqual(self.judged(passed), {"V03": "skip", "V04": "skip"})
        failed = fail("a/b", ["V03", "V04", "V05"], "V04")
        found = self.judged(failed, V03=1, V04=1)
        self.assertEqual(found, {"V03": "pass", "V04": "fail", "V05": "skip"})

    def test_no_count_hides_a_failure(self):
        failed = fail("a/b", ["V03", "V04"], "V04")
        self.assertEqual(self.judged(failed, V03=1), {"V03": "pass", "V04": "fail"})
        untrusted = fail("a/b", ["V03", "V04"], "thread")
        self.assertEqual(self.judged(untrusted, V03=1), {"V03": "fail", "V04": "fail"})
        for status in ("error", "flaky"):
            found = self.judged(sample.test("a/b", ["V03", "V04"], status), V03=1)
            self.assertEqual(found, {"V03": status, "V04": status})

    def test_where_nothing_is_said_of_rules_those_that_a_test_names_count(self):
        test = {**sample.test("a/b", ["V03", "V04"]), "observed": {}}
        self.assertEqual(self.statuses(test), {"V03": "pass", "V04": "pass"})
        test = {**sample.test("a/b", []), "observed": {"judged": {"thread": 3}}}
        self.assertEqual(self.statuses(test), {"a/b": "pass"})

    def test_a_rule_that_was_checked_besides_has_its_row(self):
        found = self.judged(sample.test("a/b", ["V03"]), V03=1, V04=1, thread=2)
        self.assertEqual(found, {"V03": "pass", "V04": "pass"})
        found = self.judged(fail("a/b", ["V03"], "V04"), V03=1, V04=1)
        self.assertEqual(found, {"V03": "pass", "V04": "fail"})
        found = self.judged(fail("a/b", ["V03"], "thread"), V03=1, thread=1)
        self.assertEqual(found, {"V03": "fail"})

    def test_checks_of_all_tests_of_a_rule_add_up(self):
        tests = [sample.test(name, ["V03"]) for name in ("a/1", "a/2", "a/3")]
        for one, count in zip(tests, (3, 4, None)):
            one["observed"] = {} if count is None else {"judged": {"V03": count}}
        made = matrix([one_run(*tests)])
        self.assertEqual(made.checks(made.rows[0], made.columns[0]), 7)

    def test_numbers_are_short(self):
        numbers = (0, 7, 999, 1000, 1050, 9949, 9950, 12345, 999499, 999500, 1184422, 10**15)
        said = [matrix_table.short(number) for number in numbers]
        short = ["", "7", "999", "1.0k", "1.1k", "9.9k", "10k", "12k", "999k", "1.0M", "1.2M"]
        self.assertEqual(said, [*short, "1000T"])

    def test_a_run_of_tables_alone_has_no_column_unless_it_is_red(self):
        table = sample.test("table/xcr0", ["X02"])
        runs = [one_run(table, name="t"), one_run(sample.test("a/b", ["V03"]))]
        made = matrix(runs)
        self.assertEqual([c.name for c in made.columns], ["p"])
        self.assertEqual([c.name for c in made.pictures], ["t"])
        self.assertEqual(len(matrix(runs[:1]).columns), 1)
        for red in ({"status": "fail"}, {"status": "error"}):
            runs[0]["tests"] = [{**table, **red}]
            self.assertEqual(len(matrix(runs).columns), 2)
        runs[0].update(tests=[table], status="crash")
        self.assertEqual(len(matrix(runs).columns), 2)

    def test_a_pass_that_was_to_fail_is_a_surprise_and_what_nobody_knows_an_error(self):
        expected = sample.test("a/b", ["V03"], expect={"line": "f:1", "reference": "r"})
        self.assertEqual(self.statuses(expected), {"V03": "surprise"})
        self.assertEqual(self.statuses(sample.test("a/b", ["V03"], "PASS")), {"V03": "error"})

    def test_repeated_results_are_all_looked_at(self):
        tests = [sample.test("a/b", []), fail("a/b", []), sample.test("a/b", [])]
        self.assertEqual(self.statuses(*tests), {"a/b": "fail"})

    def test_rows_stand_in_the_order_of_the_rules_then_unknown_ones_then_tests(self):
        tests = [sample.test("a/b", ["Z99", "V03", "G01"]), sample.test("c/d", [])]
        rows = matrix([one_run(*tests)]).rows
        self.assertEqual([row.key for row in rows], ["G01", "V03", "c/d", "Z99"])
        self.assertEqual(rows[1].section, "What saves write")

    def test_agreement_counts_machines_that_showed_what_they_do(self):
        self.assertEqual(verdicts.agreement(["pass", "pass", "known", "skip", "none"]), (2, 3))
        self.assertEqual(verdicts.agreement(["fail", "known", "surprise", "error"]), (2, 3))
        self.assertEqual(verdicts.agreement(["skip", "flaky"]), (0, 0))

    def test_versions_are_in_the_order_of_their_numbers(self):
        runs = [one_run(name=v, engine_version=v) for v in ("10.0", "7.2", "11.1")]
        self.assertEqual([c.name for c in matrix(runs).columns], ["7.2", "10.0", "11.1"])

    def differences(self, then, now):
        return verdicts.differences(matrix(now), diff.of_runs(then), diff.of_runs(now))

    def test_another_rule_of_the_same_test_is_a_difference(self):
        then = [one_run(fail("a/b", ["V03", "V04"], "V03"))]
        now = [one_run(fail("a/b", ["V03", "V04"], "V04"))]
        found = self.differences(then, now)
        self.assertEqual(found, {("V03", "p"): "fail", ("V04", "p"): "pass"})

    def test_only_cells_that_changed_differ_from_the_baseline(self):
        then = [one_run(fail("a/b", ["V03"], "V03"), sample.test("a/c", ["V04"]))]
        now = [one_run(sample.test("a/b", ["V03"]), sample.test("a/c", ["V04"]))]
        now += [one_run(sample.test("a/b", ["V03"]), name="new")]
        self.assertEqual(self.differences(then, now), {("V03", "p"): "fail"})
        found = self.differences([one_run()], now)
        self.assertEqual(found, {("V03", "p"): "none", ("V04", "p"): "none"})
        self.assertEqual(self.differences(now, now), {})


class Areas(unittest.TestCase):
    def test_components_are_those_of_the_library(self):
        with open(host.tree("lib", "xsave", "component.h"), encoding="utf-8") as file:
            found = re.findall(r'X\( *([0-9]+), [^"]*"([^"]+)", *([0-9]+),', file.read())
        table = {int(bit): (name, int(size)) for bit, name, size in found}
        self.assertGreater(len(table), 15)
        self.assertEqual(area_map.COMPONENTS, table)

    def test_compacted_components_follow_each_other(self):
        layout = tuple(sample.LAYOUTS["sapphire_rapids"])
        ends = {piece.name: piece.offset for piece in area_map.compacted(layout)}
        self.assertEqual((ends["AVX"], ends["PT"], ends["UINTR"]), (576, 2432, 2624))
        self.assertEqual((ends["XTILECFG"], ends["XTILEDATA"]), (2688, 2752))

    def test_what_is_wrong_is_said(self):
        said = area_map.problems_of(tuple(sample.LAYOUTS["corei7_skylake_x"]))
        self.assertEqual(
            said,
            [
                "ZMM_Hi256 overlaps opmask in bytes 1120 to 1151",
                "Hi16_ZMM has 1000 bytes, architecturally 1024",
            ],
        )
        self.assertIn("legacy region", area_map.problems_of(((2, 256, 400, 0),))[0])
        self.assertEqual(area_map.problems_of(((3, 64, 960, 0), (19, 128, 960, 0))), [])
        for name in ("max", "Icelake-Server", "sapphire_rapids"):
            self.assertEqual(area_map.problems_of(tuple(sample.LAYOUTS[name])), [])

    def test_gaps_are_what_belongs_to_nothing(self):
        pieces = area_map.standard(tuple(sample.LAYOUTS["max"]))
        self.assertEqual(list(area_map.gaps(pieces)), [(832, 960), (1088, 2688)])

    def test_lines_of_a_log_are_numbers_or_left_out(self):
        lines = [
            {"bit": "2", "size": "256", "offset": "0x240", "align": "0"},
            {"bit": "x", "size": "256", "offset": "576", "align": "0"},
            {"bit": "5"},
            {"bit": 9, "size": 1 << 40, "offset": 0, "align": 0},
        ]
        self.assertEqual(area_map.components_of({"components": lines}), ((2, 256, 576, 0),))

    def test_why_there_is_no_map(self):
        said = {
            area_map.why_none({"xcr0_supported": xcr0, "xss_supported": xss})
            for xcr0, xss in (("", ""), ("0x0", "0x0"), ("0x3", "0x0"), ("0x3", "0x100"))
        }
        self.assertEqual(len(said), 4)

    def test_no_label_touches_another(self):
        placed = area_map.place([(500 + i, f"label {i}") for i in range(40)])
        rows = {}
        for x, row, (_, text) in placed:
            half = len(text) * area_map.CHARACTER / 2
            rows.setdefault(row, []).append((x - half, x + half))
        self.assertEqual(sum(map(len, rows.values())), 40)
        for spans in rows.values():
            self.assertTrue(all(a[1] < b[0] for a, b in zip(spans, spans[1:])))
            self.assertTrue(spans[0][0] >= 0 and spans[-1][1] <= area_map.WIDTH)


class Timelines(host.Case):
    def episodes(self, text):
        tracer = timeline.read(self.write("log", text))
        return tracer, timeline.chosen(tracer)

    def test_the_deepest_comes_first_and_equal_ones_once(self):
        tracer, drawn = self.episodes(sample.TRACE)
        self.assertEqual((tracer.total, tracer.strays), (5, 0))
        self.assertEqual([(e.deepest(), e.count) for e in drawn], [(3, 1), (2, 1), (1, 2), (1, 1)])

    def test_an_iret_inside_an_nmi_unblocks_the_next(self):
        _, drawn = self.episodes(sample.TRACE)
        self.assertEqual(drawn[1].blocked, [False, True, True, False, True, False, False])

    def test_the_same_stack_again_is_an_overwritten_frame_a_lower_one_is_a_slot(self):
        _, drawn = self.episodes(sample.TRACE)
        self.assertEqual([f.lane for f in drawn[0].frames], ["IST2", "IST4", "IST2, slot 2"])
        self.assertEqual([f.overwrites for f in drawn[0].frames], [False] * 3)
        self.assertEqual([f.overwrites for f in drawn[1].frames], [False, False, True])
        self.assertIn("still needed", timeline.caption(drawn[1]))

    def test_a_log_that_ends_inside_a_handler(self):
        _, drawn = self.episodes(sample.TRACE)
        self.assertIsNone(drawn[3].frames[0].end)
        self.assertIn("1 handler never left", timeline.caption(drawn[3]))

    def test_an_exit_without_its_entry_is_counted_and_no_line_is_guessed(self):
        line = "# ev t=9 what=leave vec=2 ist=2 rsp=0x1 rip=0x1"
        tracer, drawn = self.episodes(f"{line}\n{line.replace('leave', 'enter')} x\n")
        self.assertEqual((tracer.total, tracer.strays, drawn), (0, 1, []))

    def test_traces_look_the_same_if_only_times_and_places_differ(self):
        looks = [
            self.episodes(text)[0].looks()
            for text in (
                sample.TRACE,
                sample.TRACE.replace(" t=1", " t=2").replace("rip=0x10", "rip=0x20"),
                sample.TRACE.replace("vec=18", "vec=1"),
            )
        ]
        self.assertEqual(looks[0], looks[1])
        self.assertNotEqual(looks[0], looks[2])

    def test_an_endless_nesting_is_cut(self):
        line = "# ev t=1 what=enter vec=2 ist=2 rsp=0x{:x} rip=0x1\n"
        tracer, drawn = self.episodes("".join(line.format(90000 - i) for i in range(1000)))
        self.assertGreater(tracer.total, 10)
        self.assertTrue(all(len(e.running) <= timeline.LENGTH + 1 for e in drawn))


class Excerpts(host.Case):
    def test_a_tests_part_begins_with_its_rules_and_ends_with_its_result(self):
        lines = ["noise", "# rules a/b: V03", "one", "not ok 1 a/b", "# rules c/d: X01", "ok 2 c/d"]
        found = excerpt.read(self.write("log", "\n".join(lines)), {"a/b"})
        self.assertEqual(found["a/b"], "# rules a/b: V03\none\nnot ok 1 a/b")
        self.assertEqual(set(found), {"a/b", ""})

    def test_the_part_of_a_test_that_was_cut_off_is_the_end_of_the_log(self):
        lines = ["# rules a/b: V03", "ok 1 a/b", "# rules c/d: X01", "# panic: x", "# bt 0x1"]
        found = excerpt.read(self.write("log", "\n".join(lines)), {"c/d"})
        self.assertEqual(found["c/d"], "# rules c/d: X01\n# panic: x\n# bt 0x1")

    def test_long_parts_and_lines_are_cut(self):
        lines = ["# rules a/b: V03", *(f"{i} " + "x" * 9000 for i in range(99)), "not ok 1 a/b"]
        text = excerpt.read(self.write("log", "\n".join(lines)), {"a/b"})["a/b"]
        self.assertIn("lines left out", text)
        self.assertLess(len(text), (excerpt.HEAD + excerpt.TAIL + 1) * (excerpt.WIDTH + 1))
        self.assertTrue(text.endswith("not ok 1 a/b"))


class Links(html.parser.HTMLParser):
    """What a page links to, the ids it has, and its scripts."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.ids, self.scripts, self.sources = set(), [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.scripts += tag == "script"
        self.sources += [name for name in ("src", "data", "poster") if name in attributes]
        self.sources += ["link"] if tag == "link" else []
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag == "a":
            self.targets.add(attributes["href"])


class Files(host.Case):
    def setUp(self):
        super().setUp()
        self.now = sample.write(self.path("now"), sample.runs())
        self.out = self.path("out")

    def report(self, *arguments):
        done = host.call(host.tree("tools", "xtk"), "report", "--html", *arguments)
        return done.returncode, done.stdout, done.stderr

    def page(self, *arguments):
        self.assertEqual(self.report("-o", self.out, *arguments)[0], 0)
        with open(os.path.join(self.out, "index.html"), encoding="utf-8") as file:
            return file.read()

    def test_every_link_resolves_and_nothing_is_loaded(self):
        text = self.page(self.now)
        found = Links(text)
        self.assertEqual((found.scripts, found.sources), (1, []))
        self.assertEqual(len(found.ids), len(set(found.ids)))
        local = [target for target in found.targets if not target.startswith("https://")]
        self.assertGreater(len(local), 1000)
        for target in local:
            if target.startswith("#"):
                self.assertIn(target[1:], found.ids)
            else:
                path = os.path.join(self.out, urllib.parse.unquote(target))
                self.assertTrue(os.path.isfile(path), target)

    def test_what_a_log_or_a_result_says_is_text(self):
        text = self.page(self.now)
        self.assertNotIn(sample.HOSTILE, text)
        self.assertNotIn("<img", text)
        self.assertGreater(text.count("&lt;script&gt;"), 3)
        line = {"line": "f:1", "reference": "javascript:1"}
        runs = [one_run(sample.test("a/b", [], "known", expect=line))]
        self.assertNotIn('href="javascript', self.page(sample.write(self.path("js"), runs)))

    def test_its_size_and_that_it_comes_out_the_same_again(self):
        runs = sample.runs() + [
            {**run, "log": LOG.format("more-" + run["platform"])} for run in sample.runs()[:3]
        ]
        self.assertEqual((len(runs), len(sample.tests_of(True))), (25, 60))
        directory = sample.write(self.path("25"), runs)
        first = self.page(directory)
        self.assertLess(len(first.encode()), LIMIT)
        self.assertEqual(first, self.page(directory))

    def test_logs_are_copied_and_those_of_the_directory_itself_left(self):
        self.page(self.now)
        names = sorted(os.listdir(os.path.join(self.now, "logs")))
        self.assertEqual(sorted(os.listdir(os.path.join(self.out, "logs"))), names)
        before = os.stat(os.path.join(self.now, "logs", names[0])).st_mtime_ns
        self.assertEqual(self.report("-o", self.now, self.now)[0], 0)
        self.assertEqual(os.stat(os.path.join(self.now, "logs", names[0])).st_mtime_ns, before)

    def test_the_logs_of_further_boots_are_linked_copied_and_read(self):
        runs = [one_run(sample.test("a/b", ["V03"], "error", "crash: panic"), status="crash")]
        directory = sample.write(self.path("more"), runs)
        os.mkdir(os.path.join(directory, "logs", "p"))
        self.write("more/logs/p/rest 1.log", "# rules a/b: V03\n# panic: in the second boot\n")
        text = self.page(directory)
        self.assertIn('href="logs/p/rest%201.log"', text)
        self.assertIn("panic: in the second boot", text)
        self.assertTrue(os.path.isfile(os.path.join(self.out, "logs", "p", "rest 1.log")))

    def test_without_a_choice_all_files_are_written_and_named(self):
        done = host.call(host.tree("tools", "xtk"), "report", "-o", self.out, self.now)
        names = [os.path.basename(path) for path in done.stdout.split()]
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(names, ["index.html", "junit.xml", "results.ktap"])
        self.assertEqual(sorted(os.listdir(self.out)), [*names[:2], "logs", names[2]])

    def test_annotations_are_text_and_no_file(self):
        arguments = ("report", "--github", "-o", self.out, self.now)
        done = host.call(host.tree("tools", "xtk"), *arguments)
        self.assertTrue(done.stdout.startswith("::error "), done.stdout)
        self.assertEqual(os.listdir(self.out), [])

    def test_a_log_outside_its_directory_is_not_touched(self):
        self.write("secret.log", "secret")
        for name in ("../secret.log", self.path("secret.log")):
            runs = [one_run(fail("a/b", []), status="crash")]
            directory = sample.write(self.path("bad"), runs)
            with open(os.path.join(directory, "result.json"), "r+", encoding="utf-8") as file:
                text = file.read().replace(LOG.format("p"), name)
                file.seek(0)
                file.write(text)
            text = self.page(directory)
            self.assertIn("not beside the result", text)
            self.assertNotIn("secret</pre>", text)

    def test_no_run_and_no_test_make_a_page(self):
        self.assertIn("No run.", self.page(sample.write(self.path("none"), [])))
        self.assertIn("no test", self.page(sample.write(self.path("empty"), [one_run()])))

    def test_the_summary_says_what_is_red_and_what_is_new(self):
        then = sample.write(self.path("then"), sample.runs(baseline=True)[:-1])
        saved = self.path("baseline.txt")
        diff.write(saved, diff.read(then))
        page = self.page("--baseline", saved, self.now)
        self.assertEqual(page, self.page("--baseline", then, self.now))
        text = re.sub("<[^>]*>", "", page)
        for said in (
            "Not as expected: 5 of 22 runs.",
            "crash in 1 run: bochs-2.7-corei7_skylake_x",
            "crash was done: bochs-2.7-corei7_skylake_x",
            "failed (V03) on 2 of 22: qemu-10.0-EPYC, qemu-11.1-EPYC",
            "V03 failed, was passed: qemu-10.0-EPYC, qemu-11.1-EPYC",
            "Not in the baseline: bochs-3.0-sapphire_rapids",
        ):
            self.assertIn(said, text)

    def test_a_run_that_only_skipped_is_not_good(self):
        skipped = sample.test("a/b", ["V03"], "skip", "CPUID.1:ECX[26] XSAVE")
        text = self.page(sample.write(self.path("skipped"), [one_run(skipped)]))
        self.assertIn("Not as expected: 1 of 1 run.", text)
        self.assertIn("no check was executed", text)

    def test_a_good_run_is_called_good(self):
        good = sample.write(self.path("good"), [one_run(sample.test("a/b", ["V03"]))])
        self.assertIn("Nothing unexpected in 1 run.", self.page(good))

    def test_bad_input_is_one_line(self):
        broken = self.path("broken")
        os.mkdir(broken)
        self.write("broken/result.json", '{"version": 1,\n"runs": [}')
        other = sample.write(self.path("other"), [])
        for arguments, parts in (
            ([self.path("nowhere")], ("nowhere",)),
            ([broken], ("result.json:2:10",)),
            (["-o", other, self.now], (other, "another")),
            (["-o", "/dev/null/x", self.now], ("/dev/null/x",)),
            (["--baseline", self.path("nowhere"), self.now], ("nowhere",)),
            ([], ("DIR",)),
        ):
            status, said, error = self.report("-o", self.out, *arguments)
            self.assertEqual((status, said), (2, ""), arguments)
            self.assert_one_line(error, "xtk report: ", *parts)


@unittest.skipIf(browser.lacking(), f"not installed: {browser.lacking()}")
class InABrowser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = Files()
        cls.files.setUp()
        cls.addClassCleanup(cls.files.doCleanups)
        then = sample.write(cls.files.path("then"), sample.runs(baseline=True)[:-1])
        cls.files.page("--baseline", then, cls.files.now)
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.browser.width(1280)
        self.browser.scheme("light")
        self.open()

    def open(self, fragment=""):
        self.browser.open("/dev/null")
        self.browser.requests()
        self.browser.console()
        self.browser.open(os.path.join(self.files.out, "index.html"), fragment)

    def count(self, selector):
        script = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.offsetWidth)"
        return self.browser.run(script + ".length", selector)

    def value(self, script):
        return self.browser.run("return " + script)

    def set(self, name, text):
        self.browser.run(
            "const field = document.querySelector(`#filter [name=${arguments[0]}]`);"
            "field.value = arguments[1]; field.dispatchEvent(new Event('input', {bubbles: true}))",
            name,
            text,
        )

    def test_it_opens_quietly_and_asks_for_nothing(self):
        self.browser.run("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        self.assertEqual(self.browser.console(), [])
        asked = [url for url in self.browser.requests() if not url.endswith("/dev/null")]
        self.assertEqual([url.rpartition("/")[2] for url in asked], ["index.html"])
        self.assertEqual(self.value("document.title"), "xtk report")

    def test_the_policy_stops_what_would_get_past_the_escaping(self):
        self.browser.run(
            "const made = document.createElement('script');"
            "made.textContent = 'document.title = 1'; document.body.append(made)"
        )
        self.assertEqual(self.value("document.title"), "xtk report")
        self.assertIn("Content Security Policy", " ".join(self.browser.console()))

    def test_the_filters_leave_what_they_say(self):
        whole = self.count("#matrix tr[data-tests]")
        self.set("text", "mxcsr_mask")
        some = self.count("#matrix tr[data-tests]")
        self.assertTrue(0 < some < whole)
        said = self.value("document.querySelector('output').textContent")
        self.assertEqual(said, f"{some} of {whole} rows")
        self.set("text", "subject_v/the_rules_from_03")
        self.assertEqual(self.count("#matrix tr[data-tests]"), 2)
        self.set("text", "no such thing")
        self.assertEqual(self.count("#matrix tbody tr"), 0)
        self.set("text", "")
        self.set("platform", "BOCHS")
        self.assertEqual(self.count("#matrix thead th[title]") - 1, 3)
        self.assertEqual(self.count("#matrix td.fail"), 0)
        self.set("status", "known")
        self.assertEqual(self.count("#matrix tr[data-tests]"), 1)
        self.set("platform", "")
        self.set("status", "fail")
        self.assertEqual(self.count("#matrix tr[data-tests]"), 2)
        self.set("status", "split")
        self.assertEqual(self.count("#matrix tr[data-tests]"), 3)
        self.set("status", "new")
        self.assertTrue(0 < self.count("#matrix tr[data-tests]") < whole)
        self.set("status", "")
        self.assertEqual(self.count("#matrix tr[data-tests]"), whole)

    def test_the_keyboard_reaches_every_cell_and_opens_it(self):
        active = "document.activeElement.title"
        self.assertEqual(self.count("#matrix td a[tabindex='0']"), 1)
        self.browser.run("document.querySelector('#matrix td a[tabindex=\"0\"]').focus()")
        self.assertEqual(self.value(active), "G01 on bochs-2.7-corei7_skylake_x: passed")
        self.browser.press("Down", "Right")
        self.assertEqual(self.value(active), "G02 on bochs-3.0-arrow_lake: passed")
        self.browser.press("Up", "Up", "Left", "Left")
        self.assertEqual(self.value(active), "G01 on bochs-2.7-corei7_skylake_x: passed")
        self.set("status", "fail")
        self.set("platform", "EPYC")
        self.browser.run("document.querySelector('#matrix td a[tabindex=\"0\"]').focus()")
        self.assertEqual(self.value(active), "V03 on qemu-7.2-EPYC: passed")
        self.browser.press("Right")
        self.assertEqual(self.value(active), "V03 on qemu-10.0-EPYC: failed, was passed")
        self.browser.press("Enter")
        text = self.value("document.querySelector('dialog[open]').innerText")
        for part in ("expected", "#GP(0x0)", "byte=512", "--cpu EPYC", "# fail:", ".log"):
            self.assertIn(part, text)
        self.browser.press("Escape")
        self.assertIsNone(self.value("document.querySelector('dialog[open]')"))
        self.assertEqual(self.value(active), "V03 on qemu-10.0-EPYC: failed, was passed")

    def test_a_click_opens_every_kind_of_cell(self):
        for status in ("pass", "fail", "error", "flaky", "known", "skip", "none"):
            cell = "tbody td:not([class])" if status == "pass" else f"td.{status}"
            self.browser.run(f"document.querySelector('#matrix {cell} a').click()")
            text = self.value("document.querySelector('dialog[open]').innerText")
            self.assertIn(verdicts.STATUSES[status].word, text.split("\n")[1] + text.split("\n")[0])
            self.assertIn(".log", text)
            self.browser.run("document.querySelector('dialog').close()")

    def test_a_link_into_a_folded_run_unfolds_it(self):
        place = self.value("document.querySelector('#matrix td.fail a').hash.slice(1)")
        run = f"document.getElementById('{place}').closest('details')"
        wait = "return new Promise((resolve) => setTimeout(resolve, 200))"
        self.browser.run(f"{run}.open = false; location.hash = '{place}'; {wait}")
        self.assertTrue(self.value(run + ".open"))
        # Not every browser does so by itself, as Chromium does.
        self.browser.run(f"{run}.open = false; dispatchEvent(new Event('hashchange')); {wait}")
        self.assertTrue(self.value(run + ".open"))

    def test_it_can_be_read_without_its_script(self):
        self.browser.devtools("Emulation.setScriptExecutionDisabled", value=True)
        try:
            self.open("#r4t3")
            evaluated = self.browser.devtools(
                "Runtime.evaluate",
                returnByValue=True,
                expression="[document.getElementById('filter').hidden,"
                " document.getElementById('r4').open,"
                " getComputedStyle(document.querySelector('#matrix td.fail')).display]",
            )
        finally:
            self.browser.devtools("Emulation.setScriptExecutionDisabled", value=False)
        self.assertEqual(evaluated["result"]["value"], [True, True, "table-cell"])

    def test_dark_and_light(self):
        back = "getComputedStyle(document.body).backgroundColor"
        light = self.value(back)
        self.browser.scheme("dark")
        self.assertEqual((light, self.value(back)), ("rgb(255, 255, 255)", "rgb(20, 23, 28)"))

    def contrast(self, selector):
        """WCAG 2, "contrast ratio", of a text with what is behind it."""
        colours = self.browser.run(
            "const own = getComputedStyle(document.querySelector(arguments[0]));"
            "return [own.color, own.backgroundColor]",
            selector,
        )
        light = []
        for colour in colours:
            parts = [int(part) / 255 for part in re.findall("[0-9]+", colour)[:3]]
            linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
            light.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
        return (max(light) + 0.05) / (min(light) + 0.05)

    def test_every_verdict_can_be_read_in_both(self):
        for scheme in ("light", "dark"):
            self.browser.scheme(scheme)
            for status in verdicts.STATUSES:
                found = self.contrast(f".legend .{status}")
                self.assertGreater(found, 4.5, f"{status}, {scheme}")

    def test_a_phone_scrolls_the_matrix_and_not_the_page(self):
        self.browser.width(400)
        self.assertLessEqual(self.value("document.documentElement.scrollWidth"), 400)
        self.assertTrue(self.value("document.body.scrollWidth <= innerWidth"))
        box = "document.querySelector('.box')"
        self.assertGreater(self.value(f"{box}.scrollWidth - {box}.clientWidth"), 100)
        self.browser.run(f"{box}.scrollLeft = 300; {box}.scrollTop = 500")
        edge = "document.querySelector('{}').getBoundingClientRect()"
        outside = self.value(edge.format(".box"))
        rule = self.value(edge.format("#matrix tr[data-tests] th"))
        name = self.value(edge.format("#matrix thead th"))
        self.assertAlmostEqual(rule["left"], outside["left"], delta=2)
        self.assertAlmostEqual(name["top"], outside["top"], delta=2)
        self.browser.run("document.querySelector('#matrix td.fail a').click()")
        self.assertLessEqual(self.value(edge.format("dialog"))["width"], 400)

    def test_cells_have_the_number_of_their_checks_in_their_width(self):
        text = self.value("document.querySelector('#matrix tbody td a').innerText")
        self.assertRegex(text, r"^✓\n2\.2k$")
        wide = self.value(
            "[...document.querySelectorAll('#matrix td a')]"
            ".filter((a) => a.scrollWidth > a.clientWidth).length"
        )
        self.assertEqual(wide, 0)

    def test_values_of_xcr0_stand_side_by_side(self):
        heads = self.value("[...document.querySelectorAll('#values th[scope=col]')].length")
        self.assertEqual(heads, 3)
        rows = "[...document.querySelectorAll('#values tr')]"
        row = f"{rows}.find((r) => r.innerText.includes('0x21'))"
        classes = self.value(f"[...{row}.cells].slice(1).map((cell) => cell.className)")
        self.assertEqual(sorted(classes), ["fail new", "skip", "skip"])
        self.browser.width(400)
        self.assertLessEqual(self.value("document.documentElement.scrollWidth"), 400)

    def test_no_text_of_a_picture_lies_on_another(self):
        touching = self.browser.run(
            """
            const found = [];
            for (const picture of document.querySelectorAll("svg.area, svg.timeline")) {
                const boxes = [...picture.querySelectorAll("text")].map((t) => [t, t.getBBox()]);
                for (const [i, [one, a]] of boxes.entries())
                    for (const [other, b] of boxes.slice(i + 1))
                        if (a.x < b.x + b.width && b.x < a.x + a.width &&
                            a.y + 2 < b.y + b.height && b.y + 2 < a.y + a.height)
                            found.push(`${one.textContent} / ${other.textContent}`);
            }
            return [document.querySelectorAll("svg.area text").length, found];
            """
        )
        self.assertGreater(touching[0], 50)
        self.assertEqual(touching[1], [])


if __name__ == "__main__":
    unittest.main()
