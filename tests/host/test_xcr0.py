# SPDX-License-Identifier: MIT
"""`xtk xcr0`: tables of XCR0's values side by side, as text and on the page."""

import contextlib
import io
import json
import os
import re
import unittest

import fake_results
import host
from xtklib import result, xcr0, xcr0_table
from xtklib.report import xcr0_part

TAKEN = "value={} outcome=ok want=ok d0=832 d1={} ud=evex,amx"
REFUSED = "value={} outcome=#GP(0x0) want={}"
ROWS = [TAKEN.format("0x7", 832), REFUSED.format("0x5", "X03"), REFUSED.format("0x0", "X02")]


def run_of(name, *texts, **more):
    rows = [xcr0.row_of(text) for text in texts]
    assert None not in rows
    observed = {"xcr0": rows} if rows else {}
    return fake_results.run_of(name, fake_results.test_of(xcr0.TEST, observed=observed, **more))


def table_of(*runs):
    return xcr0_table.table_of(list(runs))


class Table(unittest.TestCase):
    def test_what_all_refuse_rightly_is_counted_by_rule(self):
        table = table_of(run_of("one", *ROWS))
        self.assertEqual(table.refused, {"X02": ["0x0"], "X03": ["0x5"]})
        self.assertEqual([line.value for line in table.lines], ["0x7"])

    def test_those_that_say_the_same_share_a_column(self):
        table = table_of(run_of("one", *ROWS), run_of("two", *ROWS), run_of("three", *ROWS[:1]))
        self.assertEqual(table.columns, [["one", "two"], ["three"]])

    def test_values_are_in_the_order_of_numbers(self):
        texts = [TAKEN.format(value, 832) for value in ("0x10001", "0x7", "0x1f", "0xe7")]
        values = [line.value for line in table_of(run_of("one", *texts)).lines]
        self.assertEqual(values, ["0x7", "0x1f", "0xe7", "0x10001"])

    def odd(self, *texts):
        runs = [run_of(str(number), text) for number, text in enumerate(texts)]
        line = xcr0_table.Line("", [list(xcr0.rows_of(run).values())[0] for run in runs])
        return xcr0_table.odd_of(line.cells)

    def test_what_differs(self):
        taken, other, gp = TAKEN.format("0x7", 832), TAKEN.format("0x7", 968), REFUSED
        for texts, odd in (
            ([taken, taken], set()),
            ([taken, taken, other], {2}),
            ([taken, other], {0, 1}),
            ([taken, gp.format("0x7", "X10"), taken], {1}),
            ([taken, taken.replace("evex", "vex"), taken], {1}),
            ([taken, taken.replace("d0=832", "d0=831"), taken], {1}),
            ([gp.format("0x7", "X04"), gp.format("0x7", "X10")], set()),
            ([gp.format("0x7", "X04"), gp.format("0x7", "X04").replace("GP", "UD")], {0, 1}),
        ):
            self.assertEqual(self.odd(*texts), odd, texts)

    def test_a_platform_without_the_bits_does_not_differ(self):
        table = table_of(run_of("one", *ROWS), run_of("two", *ROWS[1:]))
        self.assertEqual(table.lines[0].odd, set())
        self.assertIsNone(table.lines[0].cells[1])

    def test_what_is_wrong_is_never_folded(self):
        for text in (
            REFUSED.format("0x5", "ok"),
            REFUSED.format("0x5", "X03").replace("GP(0x0)", "UD"),
            REFUSED.format("0x5", "X03").replace("0x0", "0x1"),
            TAKEN.format("0x5", 832).replace("want=ok", "want=X03"),
        ):
            table = table_of(run_of("one", text), run_of("two", text))
            self.assertEqual((len(table.lines), table.refused), (1, {}), text)
            self.assertTrue(xcr0.is_wrong(table.lines[0].cells[0]), text)
        self.assertFalse(any(map(xcr0.is_wrong, map(xcr0.row_of, ROWS))))

    def test_platforms_that_occur_twice_have_the_names_of_their_jobs(self):
        runs = [run_of("one", *ROWS), {**run_of("one", *ROWS[:2]), "log": "logs/one+x.log"}]
        self.assertEqual(table_of(*runs).columns, [["one"], ["one+x"]])


class Verb(host.Case):
    def directory(self, *runs):
        os.mkdir(self.path("dir"))
        result.write(self.path("dir"), list(runs))
        return self.path("dir")

    def xcr0(self, *arguments):
        """(status, output, errors)."""
        with contextlib.redirect_stdout(io.StringIO()) as out:
            status, said = host.xtk("xcr0", *arguments)
        return status, out.getvalue(), said

    def test_text(self):
        wrong = TAKEN.format("0x5", 832).replace("want=ok", "want=X03")
        other = [TAKEN.format("0x7", 968), wrong, ROWS[2]]
        one, two = run_of("one", *ROWS), run_of("two", *other)
        status, said, errors = self.xcr0(self.directory(one, two))
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(
            said.splitlines(),
            [
                "1: one",
                "2: two",
                " value   1                  2",
                " 0x5    *#GP(0x0) X03      !ok, wanted #GP(0x0) X03",
                " 0x7    *832 832 evex,amx  *832 968 evex,amx",
                " refused by all that offer its bits: X02: 1, as 0x0",
            ],
        )

    def test_json_has_every_value(self):
        status, said, _ = self.xcr0("--json", self.directory(run_of("one", *ROWS)))
        (one,) = json.loads(said)
        self.assertEqual((status, one["platform"]), (0, "one"))
        self.assertEqual(one["xcr0"], [xcr0.row_of(text) for text in ROWS])

    def test_a_run_without_the_table_is_named(self):
        none = run_of("none")
        none["tests"][0].update(status="skip", reason="CPUID.1:ECX[26] XSAVE")
        other = {**fake_results.run_of("cut"), "status": "crash"}
        status, said, errors = self.xcr0(self.directory(none, other, run_of("one", *ROWS)))
        self.assertEqual(status, 1)
        self.assertIn("1: one\n", said)
        self.assertIn("xtk xcr0: none: skip: CPUID.1:ECX[26] XSAVE\n", errors)
        self.assertIn("xtk xcr0: cut: crash\n", errors)

    def test_usage(self):
        for arguments, part in (
            (["-p", "nonesuch"], "nonesuch"),
            (["-p", "qemu-tcg", "--platforms", self.path("none")], "No such file"),
            ([self.path("none")], "No such file"),
        ):
            status, _, errors = self.xcr0(*arguments)
            self.assertEqual(status, 2)
            self.assert_one_line(errors, "xtk xcr0: ", part)

    def test_a_boot(self):
        """Of the kernel, as it prints it."""
        row = {"name": "p", "engine": "qemu", "boot": "kernel", "cpu": "max"}
        row["words"] = ["tests=boot/*"]  # what a platform chooses does not count here
        known = self.write("p.json", json.dumps({"version": 1, "platforms": [row]}))
        status, said, errors = self.xcr0("-p", "p", "--platforms", known, "--json")
        self.assertEqual(status, 0, errors)
        rows = {row["value"]: row for row in json.loads(said)[0]["xcr0"]}
        self.assertEqual((rows["0x0"]["outcome"], rows["0x0"]["want"]), ("#GP(0x0)", "X02"))
        self.assertEqual((rows["0x3"]["outcome"], rows["0x3"]["d0"]), ("ok", 576))
        self.assertIn("evex", rows["0x3"]["ud"])
        self.assertEqual(rows["0x8000000000000001"]["outcome"], "#GP(0x0)")


class Page(unittest.TestCase):
    def test_frames_and_colours(self):
        wrong = TAKEN.format("0x5", 832).replace("want=ok", "want=X03")
        other = [TAKEN.format("0x7", 968), wrong, ROWS[2]]
        text = xcr0_part.section([run_of("one", *ROWS), run_of("two", *other)])
        classes = re.findall('<td class="([a-z ]+)">', text)
        self.assertEqual(classes, ["skip new", "fail new", "pass new", "pass new"])
        self.assertIn("832 / 968", text)
        self.assertIn("<b>X02</b> refuses 1 value everywhere", text)

    def test_without_a_table_it_says_how_to_get_one(self):
        text = xcr0_part.section([run_of("one")])
        self.assertIn("xtk xcr0 -p", text)
        self.assertNotIn("<table", text)

    def test_what_a_log_says_is_text(self):
        hostile = "<script>1</script>"
        wrong = f"value=0x9 outcome={hostile} want={hostile}"
        text = xcr0_part.section([run_of("one", *ROWS, wrong, REFUSED.format("0xb", hostile))])
        text += xcr0_part.section([run_of("one", TAKEN.format("0x7", 1).replace("evex", hostile))])
        self.assertNotIn(hostile, text)
        self.assertIn("&lt;script&gt;", text)


if __name__ == "__main__":
    unittest.main()
