# SPDX-License-Identifier: MIT
"""No damage to a log makes its verdict better, and both readers judge the damaged log alike.

XTK_SEED=N repeats one run of it; XTK_MUTATIONS=N makes more of them.
"""

import os
import random
import subprocess
import unittest

import host

from xtklib import ktap

SEED = int(os.environ.get("XTK_SEED", "1"))
MUTATIONS = int(os.environ.get("XTK_MUTATIONS", "4000"))
JUDGED_TWICE = 300
# From best to worst. Among logs of an orderly end no two changes at once turn one into another.
RANK = (ktap.PASSED, ktap.FAILED, ktap.USAGE, ktap.ERROR, ktap.TIMEOUT, ktap.CRASH)
ORIGINALS = ("fail", "error", "fail-and-error", "usage", "all-skipped", "truncated", "two-boots")


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


def verdict_awk(path):
    script = f"tr '\\0' '?' <'{path}' | LC_ALL=C awk -v timeout=0 -f tools/verdict.awk"
    said = subprocess.run(["sh", "-c", script], capture_output=True, cwd=host.ROOT, check=True)
    return int(said.stdout.split()[0])


class Mutations(host.Case):
    def store(self, data):
        with open(self.path("mutant.log"), "wb") as file:
            file.write(data)
        return self.path("mutant.log")

    def test_never_better(self):
        rng = random.Random(SEED)
        before = {name: ktap.read_log(host.log_path(name)).status for name in ORIGINALS}
        for name, data in mutants(rng, MUTATIONS):
            after = ktap.read_log(self.store(data)).status
            self.assertGreaterEqual(
                RANK.index(after), RANK.index(before[name]), f"XTK_SEED={SEED} {name}: {data!r}"
            )

    def test_the_twins_agree(self):
        rng = random.Random(SEED + 1)
        for name, data in mutants(rng, JUDGED_TWICE):
            path = self.store(data)
            self.assertEqual(
                verdict_awk(path), ktap.read_log(path).status, f"XTK_SEED={SEED} {name}: {data!r}"
            )

    def test_every_cut_of_a_good_log_is_a_crash(self):
        data = read("pass")
        for size in range(len(data) - 1):
            status = ktap.read_log(self.store(data[:size])).status
            self.assertEqual(status, ktap.CRASH, f"cut to {size} bytes")


if __name__ == "__main__":
    unittest.main()
