# SPDX-License-Identifier: MIT
"""Jobs: which platform runs with which boot path and words, under a name that stays the same."""

import os
import re
import zlib
from dataclasses import dataclass, field
from itertools import product

from . import engines
from .usage import Usage

NAME_LENGTH = 120  # of a file name's 255 bytes; the rest is for what the logs add


@dataclass
class Job:
    """One column of the matrix. Its name is that of its log, and what --resume goes by."""

    name: str
    platform: object  # platforms.Platform
    boot: str  # iso, kernel, uefi
    words: list = field(default_factory=list)


def name_of(platform, words, turn=1):
    """PLATFORM[+word...][.rN], made of what a file name and a shell take as it is."""
    whole = "+".join([platform, *words])
    safe = re.sub(r"[^A-Za-z0-9._+=-]", "-", whole)
    if safe != whole or len(safe) > NAME_LENGTH:
        # Two lists of words must not share a name because of what was replaced or cut.
        safe = f"{safe[:NAME_LENGTH]}-{zlib.crc32(os.fsencode(whole)):08x}"
    return safe + (f".r{turn}" if turn > 1 else "")


def paths_of(platform, boots):
    """Those of @boots that the platform's engine has; its own boot path where none is asked for."""
    if not boots:
        return [platform.boot]
    return [boot for boot in boots if boot in engines.module(platform.engine).boots]


def plan(platforms, boots, axes, words, repeat=1):
    """Every platform by every boot path by every list of words, @repeat times; sorted by name.

    @axes: the lists of words that take turns; @words follow all, and are in no name.
    """
    jobs = {}
    for platform, axis, turn in product(platforms, axes or [[]], range(1, repeat + 1)):
        line = [*platform.words, *axis, *words]
        for boot in paths_of(platform, boots):
            path = [boot] if boot != platform.boot else []  # its own goes without saying
            name = name_of(platform.name, [*path, *axis], turn)
            jobs[name] = Job(name, platform, boot, line)
    return [jobs[name] for name in sorted(jobs)]


def parse_shard(text):
    """(i, n) of "i/n". Raises Usage."""
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    i, n = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= i <= n:
        raise Usage(f"--shard {text}: no such shard: write i/n with 1 <= i <= n, as 2/4")
    return i, n


def shard(jobs, text):
    """The jobs of shard "i/n": every n-th by name, so that each machine finds the same ones."""
    i, n = parse_shard(text)
    if n > len(jobs):
        raise Usage(f"--shard {text}: there are only {len(jobs)} jobs: make fewer shards")
    return jobs[i - 1 :: n]
