# SPDX-License-Identifier: MIT
"""docs/ci.md and docs/ci/: files parse, commands exist, merged shards are the whole."""

import glob
import os
import re
import shlex
import shutil
import unittest

import host
from xtklib import cli

try:
    import yaml
except ImportError:
    yaml = None

FENCE = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")
# What the machine that runs it fills in.
VALUES = {"matrix.shard": "1/3", "strategy.job-index": "0"}
VARIABLES = {"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "3", "SLURM_ARRAY_TASK_ID": "1"}
MODELS = 9  # one more than shards


def read(*names):
    with open(host.tree(*names), encoding="utf-8") as file:
        return file.read()


def load(name):
    return yaml.safe_load(read("docs", "ci", name))


def steps(values=None):
    """The shell commands of both files, GitHub's expressions filled in."""
    jobs = load("github.yml")["jobs"].values()
    texts = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    texts = [EXPRESSION.sub(lambda found: (values or VALUES)[found[1]], text) for text in texts]
    jobs = [job for name, job in load("gitlab.yml").items() if name != "default"]
    return texts + [text for job in jobs for text in job["script"]]


def snippets():
    return FENCE.findall(read("docs", "ci.md"))


def commands(text):
    """The words of each command of tools/xtk, make and tools/deps.sh in a text of shell."""
    text = text.replace("\\\n", " ")
    for name, value in VARIABLES.items():
        text = text.replace("$" + name, value)
    for line in re.split(r"\n|&&|\|", text):
        words = shlex.split(line, comments=True)
        if "--wrap" in words:
            words = shlex.split(words[words.index("--wrap") + 1])
        for i, word in enumerate(words):
            if word in ("tools/xtk", "make", "tools/deps.sh") and words[i - 1 : i] != ["--yes"]:
                yield words[i:]
                break


@unittest.skipUnless(yaml, "python3-yaml is missing: run 'make deps test'")
class Files(unittest.TestCase):
    def test_at_most_20_lines_of_100_columns(self):
        names = glob.glob(host.tree("docs", "ci", "*"))
        self.assertEqual(len(names), 2)
        for name in names:
            lines = read(name).splitlines()
            self.assertLessEqual(len(lines), 20, name)
            self.assertLessEqual(max(map(len, lines)), 100, name)

    def test_github(self):
        whole = load("github.yml")
        self.assertTrue({"on", True} & set(whole))  # YAML 1.1 takes the key `on` for a truth value
        jobs = whole["jobs"]
        for name, job in jobs.items():
            self.assertLessEqual({"runs-on", "steps"}, set(job), name)
            self.assertIn(job.get("needs", name), jobs)
            for step in job["steps"]:
                self.assertEqual(len({"uses", "run"} & set(step)), 1, step)
                self.assertRegex(step.get("uses", "a/b@v1"), r"^[\w-]+/[\w-]+@v[0-9]+$")
        shards = jobs["shard"]["strategy"]["matrix"]["shard"]
        self.assertEqual(shards, [f"{i + 1}/{len(shards)}" for i in range(len(shards))])

    def test_github_merges_what_the_shards_leave(self):
        jobs = load("github.yml")["jobs"]
        upload = next(s for s in jobs["shard"]["steps"] if "upload" in s.get("uses", ""))
        self.assertEqual(upload["if"], "always()")
        self.assertIn(f"-o {upload['with']['path']}\n", "\n".join(steps()) + "\n")
        self.assertTrue(upload["with"]["name"].startswith("shard-"))
        self.assertEqual((jobs["report"]["needs"], jobs["report"]["if"]), ("shard", "always()"))

    def test_gitlab(self):
        whole = load("gitlab.yml")
        for name, job in whole.items():
            if name != "default":
                self.assertTrue(all(isinstance(line, str) for line in job["script"]), name)
                self.assertIn("paths", job["artifacts"])
        self.assertEqual(whole["shard"]["artifacts"]["when"], "always")
        self.assertEqual(whole["report"]["when"], "always")
        junit = whole["report"]["artifacts"]["reports"]["junit"]
        self.assertEqual(junit, "report/junit.xml")

    def test_shellcheck(self):
        if not shutil.which("shellcheck"):
            self.skipTest("shellcheck is missing: run 'make deps test'")
        self.assertGreater(len(snippets()), 5)
        for text in steps() + snippets():
            # SC2016: what stands between single quotes is for the shell of another machine.
            command = ["shellcheck", "-s", "bash", "-e", "SC2016", "-"]
            done = host.call(*command, stdin=None, input=text)
            self.assertEqual(done.returncode, 0, text + done.stdout)

    def test_every_command_is_one(self):
        goals = set(re.findall(r"(?m)^([a-z]+):.*## ", read("Makefile")))
        parser, seen = cli.build_parser(cli.verb_names()), set()
        for text in steps() + snippets():
            for program, *words in commands(text):
                seen.add(" ".join([program, *words[:1]]))
                if program == "tools/xtk":
                    parser.parse_args(words)
                else:
                    self.assertLessEqual(set(words), goals, text)
        wanted = {"tools/xtk matrix", "tools/xtk run", "tools/xtk report", "tools/xtk diff"}
        self.assertEqual(seen, wanted | {"tools/deps.sh matrix", "make all"})


# What stands for tools/xtk: the real one, told of platforms that need no emulator.
XTK = """
verb=$1; shift
case $verb in matrix) set -- --platforms {known} --expect none "$@" ;; esac
exec {xtk} "$verb" "$@"
"""
# What they do with the words behind their options, on this machine alone.
PARALLEL = """
while [ "$1" != tools/xtk ]; do shift; done
line=$*
while read -r n; do sh -c "$(echo "$line" | sed "s/{}/$n/g")" || status=$?; done
exit ${status:-0}
"""
SBATCH = """
for word; do case $word in --array=*) range=${word#--array=} ;; esac; last=$word; done
export SLURM_ARRAY_TASK_ID
for SLURM_ARRAY_TASK_ID in $(seq "${range%-*}" "${range#*-}"); do sh -c "$last" || exit; done
"""


@unittest.skipUnless(yaml, "python3-yaml is missing: run 'make deps test'")
class Shards(host.Case):
    """The documents' own commands, in a directory where a script stands for each emulator."""

    def setUp(self):
        super().setUp()
        self.write("xtk.elf", "")
        emulator = self.fake_qemu(f"cat {host.log_path('pass')}")
        known = self.platforms(emulator, *(f"model{i}" for i in range(MODELS)))
        os.mkdir(self.path("tools"))
        self.put("tools/xtk", XTK.format(known=known, xtk=host.tree("tools", "xtk")))
        os.mkdir(self.path("bin"))
        self.put("bin/parallel", PARALLEL)
        self.put("bin/sbatch", SBATCH)
        self.sh("tools/xtk matrix -o whole")

    def put(self, name, text):
        self.script(name, *text.strip().splitlines())

    def sh(self, text, **variables):
        path = f"{self.path('bin')}:{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "XTK_BUILD": self.dir, **variables}
        done = host.call("bash", "-euc", text, cwd=self.dir, env=env)
        self.assertEqual(done.returncode, 0, text + done.stdout + done.stderr)
        return done

    def merged_is_whole(self):
        """The report that was written says what that of the unsharded run says."""
        self.sh("tools/xtk report -o all whole")
        for name in ("results.ktap", "junit.xml"):
            with open(self.path("all", name), encoding="utf-8") as file:
                whole = re.sub(r'time="[^"]*"', "", file.read())
            with open(self.path("report", name), encoding="utf-8") as file:
                merged = re.sub(r'time="[^"]*"', "", file.read())
            self.assertEqual(merged, whole)
            self.assertIn("model8", whole)

    def only(self, texts, program):
        return next(text for text in texts if text.lstrip().startswith(program))

    def github(self):
        for index, shard in enumerate(("1/3", "2/3", "3/3")):
            given = steps({"matrix.shard": shard, "strategy.job-index": str(index)})
            self.sh(self.only(given, "tools/xtk matrix"))
            os.rename(self.path("shard"), self.path(f"shard-{index}"))
        self.sh(self.only(steps(), "tools/xtk report"))

    def gitlab(self):
        jobs = load("gitlab.yml")
        count = jobs["shard"]["parallel"]
        for index in range(count):
            place = {"CI_NODE_INDEX": str(index + 1), "CI_NODE_TOTAL": str(count)}
            self.sh(self.only(jobs["shard"]["script"], "tools/xtk"), **place)
        self.sh(self.only(jobs["report"]["script"], "tools/xtk"))

    def cluster(self, program):
        self.sh(self.only(snippets(), program))
        self.assertEqual(len(os.listdir(self.path("out"))), 8)
        texts = [text for text in snippets() if "out/*" in text]
        self.sh(self.only(texts, "tools/xtk report"))

    def test_merged_they_are_the_whole(self):
        for name, work in (
            ("github", self.github),
            ("gitlab", self.gitlab),
            ("parallel", lambda: self.cluster("seq 8 | parallel")),
            ("slurm", lambda: self.cluster("sbatch")),
        ):
            with self.subTest(name):
                work()
                self.merged_is_whole()
            self.sh("rm -rf out report shard*")


if __name__ == "__main__":
    unittest.main()
