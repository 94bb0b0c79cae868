# SPDX-License-Identifier: MIT
"""After a case of the laboratory has ended its boot: which one it was, and all the others.

The guest says before each block of cases where it is, with the word `each` before each case. The
lines of a test that was cut are not counted: what ran before the fatal case is booted again with
the words from= and to=, so that every counted line is of a boot that ended in order.
"""

import re

from . import ktap

CUT = (ktap.CRASH, ktap.TIMEOUT)
MOST = 64  # fatal cases of one test; each takes up to three boots
POSITION = re.compile(r"(\S*[^\s0-9])([0-9]{1,15})(?: case=(\S+))?")
NO_CASE = "no check was executed"


class Case:
    """Where the guest was, and the case's id if it was said.

    A position is DESIGN/PATTERN/REARM/I[.J]: the I-th place of the second event, the J-th of the
    third. What is behind it has the next number, or comes later.
    """

    def __init__(self, found):
        self.pattern, number, self.id = found.groups("")
        self.number = int(number)

    def __str__(self):
        return f"{self.pattern}{self.number}"

    def next(self):
        return f"{self.pattern}{self.number + 1}"


def last_of(take):
    """The Case at which a boot was when it was cut, or None."""
    if take.log.status not in CUT or not take.log.cases:
        return None
    found = POSITION.fullmatch(take.log.cases[-1])
    return Case(found) if found else None


def is_empty(take):
    """Whether a boot had no case left to run, and said so."""
    test = (take.log.tests or [None])[0]
    lines = test.observed.get("ist", []) if test else []
    none = all(line.startswith("ist-total: ") and " cases=0 " in line for line in lines)
    return bool(lines) and none and test.reason.startswith(NO_CASE)


class Search:
    """The further boots of one test."""

    def __init__(self, take_of, only, words, test):
        self.take_of, self.test = take_of, test
        self.words = only(words, [test.name])
        self.takes, self.boots, self.ends = [], 0, []

    def boot(self, *words):
        self.boots += 1
        name = f"{self.test.name}-again{self.boots}"
        return self.take_of([*self.words, *words], name)

    def keep(self, take):
        """Count a boot, unless it ran no case; the test must have a result in it."""
        if is_empty(take):
            take.log.tests = []
        elif not take.log.tests:
            reason = take.log.reason or "no result"
            take.log.tests = [ktap.Test(self.test.name, "error", reason, list(self.test.rules))]
        self.takes.append(take)

    def end(self, position, case, what):
        self.ends.append(f"ist-end: position={position} case={case} what={what}")

    def next(self, first, block):
        """Find the fatal case of a boot that began at @first and was cut in @block.

        Return: where to go on; None when it is not found again.
        """
        begin = [f"from={first}"] if first else []
        each = self.boot("each", f"from={block}")
        fatal = last_of(each)
        if not fatal:
            self.keep(each)
            self.end(block, "", "once")
            self.keep(self.boot(*begin, f"to={block}"))
            return None
        what = "hang" if each.log.status == ktap.TIMEOUT else "crash"
        each.log.tests = []  # it only told where
        self.takes.append(each)
        self.end(fatal, fatal.id, what)
        if first != str(fatal):
            self.keep(self.boot(*begin, f"to={fatal}"))
        return fatal.next()

    def run(self, block):
        """All boots after one that was cut in @block."""
        first = ""
        for _ in range(MOST):
            first = self.next(first, block)
            if not first:
                return
            take = self.boot(f"from={first}")
            block = last_of(take)
            if not block:
                self.keep(take)
                return
            take.log.tests = []
            self.takes.append(take)
        self.end(block, "", "once")


def boots(take_of, only, words, take):
    """The further boots that a cut one needs; its last test is the one that was cut.

    take_of, only: see measure.
    """
    block = last_of(take)
    if not block:
        return []
    search = Search(take_of, only, words, take.log.tests[-1])
    search.run(block)
    search.test.observed = {**search.test.observed, "ist": search.ends}
    return search.takes
