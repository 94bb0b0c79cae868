# SPDX-License-Identifier: MIT
"""tools/platforms.json, or another file of its kind: what there is to boot on, one object each.

A row with "cpus" stands for one platform per model; the model replaces "{cpu}" in "name", "expect".
"""

import fnmatch
import json
import os
import re
from dataclasses import dataclass, field

from . import engines
from .boot import BUILD, ROOT, Boot
from .usage import Usage

FILE = os.path.join(ROOT, "tools", "platforms.json")
VERSION = 1
NAME = re.compile(r"[A-Za-z0-9._+=-]+")
# Every key of a row, and what its value must be.
TEXT, NUMBER, TEXTS = "a string", "a number from 1 on", "an array of strings"
KEYS = {
    "name": TEXT,
    "engine": TEXT,
    "path": TEXT,
    "cpu": TEXT,
    "cpus": TEXTS,
    "machine": TEXT,
    "accel": TEXT,
    "boot": TEXT,
    "smp": NUMBER,
    "words": TEXTS,
    "suite": TEXT,
    "expect": TEXTS,
    "tags": TEXTS,
}


@dataclass
class Platform:
    """One row of the file; what is empty is the engine's own choice."""

    name: str
    engine: str
    path: str = ""  # the emulator
    cpu: str = ""
    machine: str = ""
    accel: str = ""
    boot: str = ""
    smp: int = 1
    words: list = field(default_factory=list)
    suite: str = ""  # the emulator is of that directory below build/emulators/
    expect: list = field(default_factory=list)  # names of its files of known failures, its own last
    tags: list = field(default_factory=list)

    def to_boot(self):
        same = ("engine", "boot", "path", "cpu", "machine", "accel", "smp")
        values = {name: getattr(self, name) for name in same}
        return Boot(platform=self.name, words=list(self.words), **values)


class Malformed(Exception):
    """What is wrong in one row."""


def is_of(kind, value):
    if kind == NUMBER:
        return type(value) is int and value >= 1
    texts = value if kind == TEXTS else [value]
    return isinstance(texts, list) and all(isinstance(text, str) and text for text in texts)


def check_row(row):
    if not isinstance(row, dict):
        raise Malformed("a platform is an object")
    for key, value in row.items():
        if key not in KEYS:
            raise Malformed(f"unknown key '{key}'; known: {' '.join(KEYS)}")
        if not is_of(KEYS[key], value):
            raise Malformed(f"'{key}' must be {KEYS[key]}")
    for key in ("name", "engine"):
        if key not in row:
            raise Malformed(f"'{key}' is missing")
    if "cpus" in row and ("cpu" in row or "{cpu}" not in row["name"]):
        raise Malformed("'cpus' needs '{cpu}' in 'name', and no 'cpu'")
    if row["engine"] not in engines.kinds():
        known = " ".join(engines.kinds())
        raise Malformed(f"unknown engine '{row['engine']}'; known: {known}")


def check(platform):
    if not NAME.fullmatch(platform.name):
        raise Malformed(f"'{platform.name}': a name is made of letters, digits and . _ + = -")
    boots = engines.module(platform.engine).boots
    if platform.boot not in boots:
        raise Malformed(f"unknown boot path '{platform.boot}'; {platform.engine} has {boots}")


def of_model(row, cpu):
    """What a row says of one of its "cpus"."""
    found = {"cpu": cpu, "name": row["name"].replace("{cpu}", cpu)}
    if "expect" in row:
        found["expect"] = [name.replace("{cpu}", cpu) for name in row["expect"]]
    return found


def expand(row):
    """The platforms of a row. Raises Malformed."""
    check_row(row)
    own = {key: value for key, value in row.items() if key != "cpus"}
    for changes in [of_model(row, cpu) for cpu in row.get("cpus", [])] or [{}]:
        platform = Platform(**{**own, **changes})
        module = engines.module(platform.engine)
        platform.boot = platform.boot or module.default_boot
        platform.expect = list(dict.fromkeys([*platform.expect, platform.name]))
        if platform.suite:
            program = platform.path or module.default_path
            platform.path = os.path.join(BUILD, "emulators", platform.suite, "bin", program)
        check(platform)
        yield platform


def rows(text):
    """(line number, row) of each element of "platforms". Raises ValueError, Malformed."""
    whole = json.loads(text)
    if not isinstance(whole, dict) or whole.get("version") != VERSION:
        raise Malformed(f'not {{"version": {VERSION}, "platforms": [...]}}')
    if not isinstance(whole.get("platforms"), list):
        raise Malformed("no array 'platforms'")
    at = re.search(r'"platforms"\s*:\s*\[', text).end()
    for row in whole["platforms"]:
        at = re.compile(r"[\s,]*").match(text, at).end()
        yield text.count("\n", 0, at) + 1, row
        at = json.JSONDecoder().raw_decode(text, at)[1]


def parse(path, text):
    found, line = {}, 1
    try:
        for line, row in rows(text):
            for platform in expand(row):
                if platform.name in found:
                    raise Malformed(f"a second platform '{platform.name}'")
                found[platform.name] = platform
    except json.JSONDecodeError as error:
        raise Usage(f"{path}:{error.lineno}:{error.colno}: {error.msg}") from None
    except Malformed as error:
        raise Usage(f"{path}:{line}: {error}") from None
    if not found:
        raise Usage(f"{path}: has no platform")
    return list(found.values())


def read(path=None):
    """The platforms of a file (default: tools/platforms.json), in its order. Raises Usage."""
    path = path or FILE
    try:
        with open(path, encoding="utf-8") as file:
            return parse(path, file.read())
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}: name a file with --platforms") from None
    except UnicodeDecodeError:
        raise Usage(f"{path}: not UTF-8") from None


def choose(platforms, patterns):
    """Those that a name or glob in @patterns matches, in the file's order. Raises Usage."""
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(platform.name, pattern) for platform in platforms):
            known = " ".join(platform.name for platform in platforms)
            raise Usage(f"-p {pattern}: unknown platform; known: {known}")
    return [p for p in platforms if any(fnmatch.fnmatchcase(p.name, x) for x in patterns)]


def why_not(platform):
    """One line why the platform can't run here, or ""."""
    if platform.suite and not os.path.exists(platform.path):
        return f"{platform.suite} is not unpacked: run 'make emulators'"
    return engines.why_not(platform)
