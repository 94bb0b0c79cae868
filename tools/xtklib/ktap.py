# SPDX-License-Identifier: MIT
"""One serial log, read as docs/protocol.md says.

The verdict's rules are those of tools/verdict.awk, its twin; tests/host feeds both the same logs.
Only what is seen counts: a pass needs one boot, one header, a plan, every result in order, and a
last line that is the last, is alone, and agrees with all of it. All else is a crash, and behind
the first sign of one nothing is read: it could be of another boot.

Logs come from broken machines, so they may be endless, of one line, or of anything: a line is read
in linear time, and what is kept of a log is bounded by its orderly results.
"""

import functools
import re
import shlex
from collections import Counter
from dataclasses import dataclass, field

PASSED, FAILED, USAGE, CRASH, TIMEOUT, ERROR = range(6)

LAST_LINE = re.compile(r"xtk: ([0-9]+) passed, ([0-9]+) failed, ([0-9]+) errors, ([0-9]+) skipped")
BEGIN = re.compile(r"([^ #].*)?KTAP version 1")
RESULT = re.compile(r"(not )?ok ([0-9]+)(?: (.*))?")
HEADER = re.compile("# xtk [0-9]")
PLAN = re.compile(r"1\.\.([0-9]+)")
FAILURE = re.compile(r"# fail: test=\S+(?: rule=(\S+))? (?:expected=(.*)|([0-9]+) more failed .*)")
COUNT = re.compile("[0-9]+ more, not shown")
DIRECTIVE = re.compile(r" # (?:ERROR|SKIP) (.*)")
TABLE = re.compile(r"table=\S+ cases=[0-9]+ probes=([0-9]+) bytes=([0-9]+)")
CHECKS_OF = re.compile(r"([A-Za-z0-9-]+)=([0-9]+)")
SEEN = re.compile(r"([A-Z][0-9]{2}) (.+)")
LINE = 65536  # bytes; no line of the kernel comes near
MOST = 1000  # details of one kind that are kept; the kernel prints a few a test
SHOWN = 20  # different things seen about one informative rule
MOST_IST = 1 << 17  # lines of the laboratory, of one test
MOST_XCR0 = 1 << 14  # lines of the table of XCR0's values, one a combination of supported bits
# The lines before the end that feed() looks at; most of a large log is none of them.
SPEAKS = re.compile(
    rb"xtk: |# (?:xtk|panic|component:|rules|test:|checks:|judged:|probes:|observed:|xcr0:|fail:)|"
    rb"# ist|[0-9]|ok |not ok | +not ok |"
    rb".*KTAP version 1"
)


@dataclass
class Failure:
    rule: str
    expected: str = ""
    got: str = ""
    where: str = ""

    def is_count(self):
        """Whether it only counts more failures of rules that others of the test have named."""
        return self.rule == "?" and COUNT.fullmatch(self.where) is not None


@dataclass
class Test:
    name: str
    status: str  # pass, fail, error, skip
    reason: str = ""
    rules: list = field(default_factory=list)
    probes: int = 0
    failures: list = field(default_factory=list)
    observed: dict = field(default_factory=dict)  # see Observed


@dataclass
class Observed:
    """What the lines of the running test say besides its failures."""

    checks: int = 0
    probes: int = None  # of its tables; None without one
    bytes: int = 0
    judged: dict = None  # checks by rule; None without such a line
    said: dict = field(default_factory=dict)  # texts by informative rule
    xcr0: list = field(default_factory=list)  # what follows "# xcr0: "
    ist: list = field(default_factory=list)  # lines of the laboratory, without "# "
    cases: list = field(default_factory=list)  # first and last of its "# ist-at-case:" lines

    def add(self, kind, rest):
        """One diagnostic; a damaged one says nothing."""
        if kind == "checks:" and re.fullmatch(r"test=\S+ [0-9]+", rest):
            self.checks = number(rest.split()[1])
        elif kind == "probes:" and TABLE.fullmatch(rest):
            probes, compared = map(number, TABLE.fullmatch(rest).groups())
            self.probes, self.bytes = (self.probes or 0) + probes, self.bytes + compared
        elif kind == "judged:":
            found = filter(None, map(CHECKS_OF.fullmatch, rest.split()[1:]))
            self.judged = {one[1]: number(one[2]) for one in found}
        elif kind == "observed:" and SEEN.fullmatch(rest):
            rule, what = SEEN.fullmatch(rest).groups()
            texts = self.said.setdefault(rule, [])
            if len(texts) < SHOWN and what not in texts:
                texts.append(what)
        elif kind == "xcr0:" and len(self.xcr0) < MOST_XCR0:
            self.xcr0.append(rest)
        elif kind == "ist-at-case:":
            self.cases = [*self.cases[:1], rest]
        elif kind.startswith(("ist:", "ist-")) and len(self.ist) <= MOST_IST:
            self.ist.append(f"{kind} {rest}" if len(self.ist) < MOST_IST else "ist: left out")

    def as_dict(self):
        """For result.json; what was not said is not in it."""
        compared = None if self.probes is None else self.bytes
        whole = {"judged": self.judged, "bytes": compared, "xcr0": self.xcr0 or None}
        whole["ist"] = self.ist or None
        return {**self.said, **{key: one for key, one in whole.items() if one is not None}}


@dataclass
class Log:
    header: dict = field(default_factory=dict)
    components: list = field(default_factory=list)
    tests: list = field(default_factory=list)
    listed: list = field(default_factory=list)  # (name, rules), of a run with the word list
    cases: list = field(default_factory=list)  # Observed.cases of a test without a result
    status: int = CRASH
    reason: str = ""


def number(digits):
    """A number of any length; one that is no count of anything stays large."""
    return int(digits.lstrip("0")[:16] or 0)


def failure_of(line):
    """What a `# fail:` line says; of a damaged one only that something failed."""
    found = FAILURE.fullmatch(line)
    if found and found[3]:
        return Failure(found[1] or "?", where=found[3] + " more, not shown")
    if not (found and found[1] and " got=" in line and " where=" in line):
        return Failure("?", where="a damaged line")
    expected, _, rest = found[2].partition(" got=")
    got, _, where = rest.partition(" where=")
    return Failure(found[1], expected, got, where)


def keep(details, one):
    """Add a detail unless there are too many: whether it was added."""
    if len(details) < MOST:
        details.append(one)
        return True
    return False


def key_values(text):
    """The key=value words of a line; a value may stand in double quotes."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    return dict(word.split("=", 1) for word in words if "=" in word)


class Parser:
    """Feed it every line, then ask finish() for the Log."""

    def __init__(self):
        self.log = Log()
        self.crashed = ""
        self.begun = self.ended = self.usage = self.subtest_failed = False
        self.plan = None
        self.rules = "", []  # of the test that runs
        self.failures = []
        self.observed = Observed()

    def crash(self, reason):
        self.crashed = self.crashed or reason

    def feed_raw(self, raw):
        """A line as bytes, its end included; longer than LINE when it is but the start of one."""
        if len(raw) > LINE and not raw.endswith(b"\n"):
            self.crash(f"a line of more than {LINE} bytes")
            return
        raw = raw.rstrip(b"\n").rstrip(b"\r").replace(b"\0", b"?")
        self.feed(raw.decode("utf-8", "replace"))

    def feed(self, line):
        if not line.strip(" \t"):
            return
        if self.ended or self.usage:
            self.crash("text after the last line")
        last = LAST_LINE.fullmatch(line)
        if line.startswith("xtk: usage: "):
            self.usage = True
        elif last:
            self.last_line([number(count) for count in last.groups()])
        elif line.startswith("xtk: "):
            self.crash("malformed last line")
        elif BEGIN.fullmatch(line):
            if self.begun:
                self.crash("a second boot")
            self.begun = True
        else:
            self.body(line)

    def body(self, line):
        result = RESULT.fullmatch(line)
        plan = PLAN.fullmatch(line)
        if not self.begun and (result or plan or HEADER.match(line)):
            self.crash("a run without its beginning")
        if line.startswith("# "):
            self.diagnostic(line)
        elif result:
            self.result(*result.groups(), line)
        elif plan:
            if self.plan is not None or self.log.tests:
                self.crash("a second plan, or one after results")
            self.plan = number(plan[1])
        elif re.match(r" +not ok ", line):
            self.subtest_failed = True

    def diagnostic(self, line):
        kind, _, rest = line[2:].partition(" ")
        if HEADER.match(line):
            if self.log.header:
                self.crash("a second boot")
            self.log.header = {"version": rest.split()[0], **key_values(rest)}
        elif kind.startswith("panic"):
            self.crash("panic")
        elif kind == "component:":
            keep(self.log.components, key_values(rest))
        elif kind == "rules":
            name, _, rules = rest.partition(":")
            self.rules = name, rules.split()
        elif line.startswith("# test: "):
            name, _, rules = rest.partition(" rules:")
            keep(self.log.listed, (name.strip(), rules.split()))
        elif kind == "fail:":
            if not keep(self.failures, failure_of(line)):
                self.failures[-1] = Failure("?", where="more, not shown")
        else:
            self.observed.add(kind, rest)

    def result(self, negated, count, text, line):
        where = len(self.log.tests) + 1
        directive = DIRECTIVE.search(line)
        error = re.search(" # ERROR( |$)", line)
        if number(count) != where:
            self.crash(f"result {where} is missing or out of order")
        if not negated and error:
            self.crash(f"result {where} is ok and an error")
        if not negated and self.subtest_failed:
            self.crash(f"result {where} is ok, a subtest of it is not")
        self.subtest_failed = False
        if self.crashed:
            return
        if negated:
            status = "error" if error else "fail"
        else:
            status = "skip" if re.search(" # SKIP( |$)", line) else "pass"
        test = Test((text or "").split(" ")[0], status, directive[1] if directive else "")
        test.rules = self.rules[1] if self.rules[0] == test.name else []
        seen = self.observed
        test.probes = seen.checks if seen.probes is None else seen.probes
        test.failures, test.observed = self.failures, seen.as_dict()
        self.log.tests.append(test)
        self.failures, self.observed = [], Observed()

    def counts(self):
        seen = Counter(test.status for test in self.log.tests)
        return [seen[status] for status in ("pass", "fail", "error", "skip")]

    def last_line(self, counts):
        self.ended = True
        if not self.log.header:
            self.crash("no header line")
        if self.plan is None or self.plan != len(self.log.tests):
            plan = "missing" if self.plan is None else self.plan
            self.crash(f"the plan is {plan}, results are {len(self.log.tests)}")
        if counts != self.counts():
            self.crash("the last line's counts are not those of the results")

    def finish(self, timed_out=False):
        passed, failed, errors, _ = self.counts()
        total = len(self.log.tests)
        listing = self.log.listed and self.plan == 0
        if not (self.crashed or self.ended or self.usage or timed_out):
            self.crash("no last line")
        if self.crashed:
            verdict = CRASH, "crash: " + self.crashed
        elif timed_out:
            verdict = TIMEOUT, "timeout"
        elif self.usage:
            verdict = USAGE, "usage error in the guest"
        elif errors:
            verdict = ERROR, f"error: {errors} of {total} tests"
        elif failed:
            verdict = FAILED, f"failed: {failed} of {total} tests"
        elif not passed and not listing:
            verdict = ERROR, "error: no check was executed"
        else:
            verdict = PASSED, "passed"
        self.log.status, self.log.reason = verdict
        self.log.cases = self.observed.cases
        return self.log


def read_log(path, timed_out=False):
    """Read the log at @path. Raises OSError."""
    parser = Parser()
    with open(path, "rb") as file:
        for raw in iter(functools.partial(file.readline, LINE + 1), b""):
            if parser.ended or parser.usage or SPEAKS.match(raw) or len(raw) > LINE:
                parser.feed_raw(raw)
                if parser.crashed:
                    break
    return parser.finish(timed_out)
