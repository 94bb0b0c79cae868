# SPDX-License-Identifier: MIT
"""No damage to a log makes its verdict better, and all readers judge the damaged log alike: the
module that tools/xtk reads with, the awk script of run-qemu.sh, and `xtk parse` as a whole.

XTK_SEED=N repeats one run of it; XTK_MUTATIONS=N makes more of them.
"""

import os
import random
import unittest

import host

from xtklib import ktap

SEED = int(os.environ.get("XTK_SEED", "1"))
MUTATIONS = int(os.environ.get("XTK_MUTATIONS", "4000"))
BY_AWK = MUTATIONS // 2
BY_PARSE = MUTATIONS // 10
# From best to worst. Among logs of an orderly end no two changes at once turn one into another.
RANK = (ktap.PASSED, ktap.FAILED, ktap.USAGE, ktap.ERROR, ktap.TIMEOUT, ktap.CRASH)
ORIGINALS = (
    "fail",
    "error",
    "fail-and-error",
    "usage",
    "all-skipped",
    "truncated",
    "two-boots",
    "panic-in-test",
    "double-fault",
    "last-line-missing",
)
KNOWN = "nmi/* | * | expires 2999-01-01 | known of other tests than those that fail | bug 1\n"


def read(name):
    with open(host.log_path(name), "rb") as file:
        return file.read()


def flip(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def delete(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randint(1, 20) :]


def insert(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randint(1, 20)) + data[at:]


def truncate(data, rng):
    return data[: rng.randrange(len(data))]


def repeat_piece(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + data[at : at + rng.randint(1, 80)] * 2 + data[at:]


def edit_lines(data, rng):
    """Lose, repeat, swap or join whole lines."""
    lines = data.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(4)
    if kind == 0:
        del lines[i]
    elif kind == 1:
        lines.insert(j, lines[i])
    elif kind == 2:
        lines[i], lines[j] = lines[j], lines[i]
    else:
        lines[i : i + 2] = [b"".join(lines[i : i + 2])]
    return b"\n".join(lines)


def lose_not(data, rng):
    return data.replace(b"not ok", b"ok", 1 + rng.randrange(2))


def change_digit(data, rng):
    digits = [i for i, byte in enumerate(data) if chr(byte).isdigit()]
    at = rng.choice(digits)
    return data[:at] + str(rng.randrange(10)).encode() + data[at + 1 :]


MUTATORS = (flip, delete, insert, truncate, repeat_piece, edit_lines, lose_not, change_digit)


def mutate(data, rng):
    changed = rng.choice(MUTATORS)(data, rng)
    return changed or data


def mutants(rng, count):
    for _ in range(count):
        name = rng.choice(ORIGINALS)
        yield name, mutate(read(name), rng)


def verdicts_awk(directory, count):
    """What the awk script says of 0.log, 1.log… in @directory, as run-qemu.sh asks it."""
    script = f"""for i in $(seq 0 {count - 1}); do
        tr '\\0' '?' <'{directory}'/$i.log | cut -b -65537 |
            awk -v timeout=0 -f tools/verdict.awk
    done"""
    done = host.call("sh", "-c", script, cwd=host.ROOT, env={**os.environ, "LC_ALL": "C"})
    return [int(line.split()[0]) for line in done.stdout.splitlines()]


class Mutations(host.Case):
    def store(self, data, name="mutant"):
        with open(self.path(name + ".log"), "wb") as file:
            file.write(data)
        return self.path(name + ".log")

    def check(self, original, data, status):
        """The mutant's @status must not be better than that of the log that it is made of."""
        before = ktap.read_log(host.log_path(original)).status
        said = f"XTK_SEED={SEED} {original}: {data!r}"
        self.assertGreaterEqual(RANK.index(status), RANK.index(before), said)

    def test_the_python_reader(self):
        for original, data in mutants(random.Random(SEED), MUTATIONS):
            self.check(original, data, ktap.read_log(self.store(data)).status)

    def test_the_awk_reader_and_that_they_agree(self):
        made = list(mutants(random.Random(SEED + 1), BY_AWK))
        paths = [self.store(data, str(i)) for i, (_, data) in enumerate(made)]
        seen = verdicts_awk(self.dir, len(made))
        self.assertEqual(len(seen), len(made))
        for status, path, (original, data) in zip(seen, paths, made):
            self.check(original, data, status)
            said = f"XTK_SEED={SEED} {original}: {data!r}"
            self.assertEqual(status, ktap.read_log(path).status, said)

    def test_xtk_parse(self):
        """With known failures, none of which is of a test that fails here."""
        self.write("here.txt", KNOWN)
        for original, data in mutants(random.Random(SEED + 2), BY_PARSE):
            status, _ = host.xtk("parse", "-p", "here", "--expect", self.dir, self.store(data))
            self.check(original, data, status)


if __name__ == "__main__":
    unittest.main()
