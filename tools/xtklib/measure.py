# SPDX-License-Identifier: MIT
"""One job, measured: as many boots as it takes for each of its tests to have a result.

Usually that is one. More are needed for --isolate (one for each test), after a crash or a timeout
(for the tests that it hid; see also ist_again), and for --retry (the boots in which something
failed, once more).
"""

import copy
import os

from . import expect, ist_again, ktap, summary

LINE = 1000  # characters of words in one boot; the kernel takes 1023
ONLY_SKIPPED = "no check was executed; skipped for want of "
CUT = (ktap.CRASH, ktap.TIMEOUT)


def only(words, names):
    """The words of a boot of nothing but the tests @names, which the kernel runs in its order."""
    return [word for word in words if not word.startswith("tests=")] + ["tests=" + ",".join(names)]


def part(words, names):
    """How many of @names fit in the line of words, at least one."""
    room = LINE - len(" ".join(only(words, [])))
    for count, name in enumerate(names):
        room -= len(name) + 1
        if room < 0:
            return max(count, 1)
    return len(names)


def listed(take):
    """{name: rules} of a boot with the word list, in the order in which the tests run."""
    return dict(take.log.listed) if take.log.status == ktap.PASSED else {}


def close(take, rules):
    """See to it that each test of @rules that has no result is accounted for.

    After a crash or timeout the first one is that which was cut off: an error. Those behind it
    never ran: they are returned. After any other end, a test without a result is an error, too.
    """
    done = {test.name for test in take.log.tests}
    left = [name for name in rules if name not in done]
    cut = left[:1] if take.log.status in CUT else left
    reason = take.log.reason if take.log.status in (*CUT, ktap.USAGE) else "no result"
    take.log.tests += [ktap.Test(name, "error", reason, list(rules[name])) for name in cut]
    return left[len(cut) :]


def restore_skips(log):
    """A boot of skipped tests alone is an error of its own, but not a part of a longer run."""
    for test in log.tests:
        if test.status == "error" and test.reason.startswith(ONLY_SKIPPED):
            test.status, test.reason = "skip", test.reason[len(ONLY_SKIPPED) :]


def pieces(take_of, words, rules, first=0):
    """The boots that give each test of @rules a result; @first: how many tests each, 0 for all."""
    left, takes = list(rules), []
    while left:
        count = first or part(words, left)
        names, left = left[:count], left[count:]
        take = take_of(only(words, names), names[0] if first else f"rest{len(takes) + 1}")
        restore_skips(take.log)
        left = close(take, {name: rules[name] for name in names}) + left
        takes += [take, *ist_again.boots(take_of, only, words, take)]
    return takes


def boots(take_of, words, isolate):
    """The boots of a job without its retries."""
    first = take_of([*words, "list"] if isolate else words, "")
    if isolate:
        return [first, *pieces(take_of, words, listed(first), first=1)]
    if first.log.status not in CUT or not first.log.header:
        return [first]
    rules = listed(take_of([*words, "list"], "list"))
    hidden = close(first, rules)
    again = ist_again.boots(take_of, only, words, first)
    return [first, *again, *pieces(take_of, words, {name: rules[name] for name in hidden})]


def red(log, lines):
    """The tests of a log that failed as no line knows, or are in error."""
    failed = expect.compare(log.tests, lines, selective=True).failed
    return failed + [test for test in log.tests if test.status == "error"]


def retry(take_of, take, lines, times):
    """Boot once more, up to @times; what then passes is flaky: neither passed nor failed."""
    waiting = {test.name: test for test in red(take.log, lines)}
    for turn in range(1, times + 1):
        if not waiting:
            return
        name = "retry" + str(turn) + "-" + os.path.basename(take.boot.log)[: -len(".log")]
        for test in take_of(take.boot.words, name).log.tests:
            if test.status == "pass" and test.name in waiting:
                flaky = waiting.pop(test.name)
                was = "failed" if flaky.status == "fail" else flaky.reason
                flaky.status, flaky.reason = "flaky", f"{was}; passed on retry {turn}"


def joined(takes):
    """One log of all the boots of a job: their tests, and how the worst of them ended."""
    log = copy.copy(next((take.log for take in takes if take.log.header), takes[0].log))
    log.tests = [test for take in takes for test in take.log.tests]
    worst = summary.worst(take.log.status for take in takes)
    log.status = worst if worst in (*CUT, ktap.USAGE) else ktap.PASSED  # the tests tell the rest
    return log


def measure(take_of, words, lines, isolate=False, times=0):
    """(boot, log) of a whole job. take_of(words, name) boots; the name "" is the job's first.

    @lines: the known failures, which are not tried again. @times: of --retry.
    """
    takes = boots(take_of, words, isolate)
    for take in takes:
        retry(take_of, take, lines, times)
    boot = copy.copy(takes[0].boot)
    boot.words = words
    boot.wall_s = round(sum(take.boot.wall_s for take in takes), 3)
    return boot, joined(takes)
