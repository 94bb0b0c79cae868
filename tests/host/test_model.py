# SPDX-License-Identifier: MIT
"""The software model of a CPU: whole, it breaks no rule; broken, a rule table says which."""

import os
import re
import unittest
from concurrent.futures import ThreadPoolExecutor

import host
import mutants

FAULTS = ("xsave_ignores_osxsave", "xcr0_avx_without_sse", "cpuid_d0_ebx_constant")
FAULTS += ("save_clears_xcomp_bv", "savec_cb_without_bit_63", "restore_does_not_init")
FAULTS += ("mxcsr_loads_any", "xsaveopt_unenumerated")
AT_LEAST = 200


class Model(host.Case):
    @classmethod
    def setUpClass(cls):
        cls.program = mutants.build.build("model", os.path.join(host.BUILD, "rules"))

    def run_model(self, *words):
        done = host.call(self.program, *words)
        return done.returncode, done.stdout

    def test_unbroken_on_every_cpu(self):
        with ThreadPoolExecutor(mutants.AT_ONCE) as pool:
            runs = pool.map(lambda cpu: self.run_model(f"cpu={cpu}"), mutants.cpus())
        for cpu, (status, log) in zip(mutants.cpus(), runs):
            with self.subTest(cpu):
                failures = re.findall("(?m)^(?:# fail|# error|not ok).*", log)
                self.assertEqual((status, failures), (0, []))

    def test_some_faults_are_caught(self):
        tests = mutants.tests_of(self.program)
        for fault in mutants.chosen(FAULTS):
            with self.subTest(fault.name):
                mutants.break_model(self.program, fault, tests, set())
                self.assertEqual(fault.status, "caught")
                self.assertIn(fault.rule, fault.rules)

    def test_unknown_words(self):
        for word, said in {"cpu=pdp11": "no such CPU", "fault=none_such": "no such fault"}.items():
            with self.subTest(word):
                status, log = self.run_model(word)
                self.assertEqual(status, 2)
                self.assertRegex(log, f"^xtk: usage: .*{said}.*\n$")


class Faults(unittest.TestCase):
    """The list agrees with the model, with its CPUs and with the rules."""

    def test_each_is_in_the_model(self):
        folder = mutants.model_path()
        sources = [name for name in sorted(os.listdir(folder)) if name.endswith(".c")]
        text = "".join(mutants.ctests.read(os.path.join(folder, name)) for name in sources)
        names = {fault.name for fault in mutants.faults()}
        self.assertEqual(names, set(re.findall(r"broken\((\w+)\)", text)))
        self.assertGreaterEqual(len(names), AT_LEAST)

    def test_each_names_a_rule_and_a_cpu(self):
        rules, cpus = mutants.all_rules(), mutants.cpus()
        for fault in mutants.faults():
            with self.subTest(fault.name):
                self.assertIn(fault.rule, rules)
                self.assertIn(fault.cpu, cpus)


class Mutants(host.Case):
    """What is no catch is not counted as one: the model is a script here."""

    GREEN = "ok 1 a/b\nxtk: 1 passed, 0 failed, 0 errors, 0 skipped"
    RED = "# fail: test=a/b rule={} expected=1 got=2 where=t:1 x\nnot ok 1 a/b\n"
    RED += "xtk: 0 passed, 1 failed, 0 errors, 0 skipped"

    def judge(self, text, known=()):
        program = self.script("model", f"cat <<'END'\n{text}\nEND")
        fault = mutants.Fault("f", "V01", "zen4", "broken")
        return mutants.break_model(program, fault, {"a/b": ["V01"]}, set(known))

    def status(self, text, known=()):
        return self.judge(text, known).status

    def test_caught(self):
        fault = self.judge(self.RED.format("V01"))
        self.assertEqual((fault.status, fault.tables, fault.checks), ("caught", ["t"], 1))

    def test_caught_elsewhere(self):
        fault = self.judge(self.RED.format("V02"))
        self.assertEqual((fault.status, fault.rules), ("elsewhere", ["V02"]))

    def test_not_caught(self):
        self.assertEqual(self.status(self.GREEN), "survived")
        self.assertEqual(self.status(self.RED.format("V01"), known=["a/b"]), "survived")
        error = "not ok 1 a/b # ERROR x\nxtk: 0 passed, 0 failed, 1 errors, 0 skipped"
        self.assertEqual(self.status(error), "survived")
        self.assertEqual(self.status("# fail: cut off"), "crash")

    def test_a_name_that_is_none(self):
        done = host.call(host.tree("tests", "host", "mutants.py"), "no_such_fault")
        self.assertEqual(done.returncode, 2)
        self.assert_one_line(done.stderr, "no fault no_such_fault", "faults.h")


if __name__ == "__main__":
    unittest.main()
