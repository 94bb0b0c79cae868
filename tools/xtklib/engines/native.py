# SPDX-License-Identifier: MIT
"""No emulator: the library's C tests and the rule tables on the CPU at hand, at CPL 3: one column.

tests/host/native_run.py and tests/host/rules/run.py build them and run them; native_log.py makes
one log of both.
"""

import os
import shutil
import sys

from .. import process
from ..boot import ROOT
from ..usage import Usage

boots = ("native",)
default_boot = "native"
default_path = os.path.join(ROOT, "tests", "host", "native_run.py")

NATIVE_LOG = os.path.join(ROOT, "tools", "xtklib", "native_log.py")
COMPILERS = ("gcc", "clang")
NO_COMPILER = "no gcc here to build the library's tests with: run 'make deps test'"
NO_SOURCES = "the library's tests are not here: a release has none, take the source tree"


def again(boot, words):
    command = [os.path.join(ROOT, "tools", "xtk"), "run", "-p", boot.platform or "native"]
    return command + (["--", *words] if words else [])


def missing(path):
    """What is needed and not here, in a line; "" if all is."""
    if not os.path.isfile(path):
        return NO_SOURCES
    return "" if any(shutil.which(name) for name in COMPILERS) else NO_COMPILER


def prepare(boot):
    for name in ("cpu", "machine", "accel", "image"):
        if getattr(boot, name):
            raise Usage(f"--{name} {getattr(boot, name)}: natively there is no choice of it")
    why = missing(boot.path)
    if why:
        raise Usage(why)
    said = os.path.join(boot.directory, "stderr")
    argv = [sys.executable, NATIVE_LOG, boot.path, boot.directory, *boot.words]
    return process.Command(argv, boot.log, boot.log, said)


def version(_boot):
    """Of the only program that stands between the tests and the CPU."""
    return f"{os.uname().sysname} {os.uname().release}"


def said(text):
    return text


def start_failed(boot):
    return boot.said.splitlines()[0] if boot.said and boot.status else ""


def why_not(platform):
    if os.uname().machine != "x86_64":
        return f"this CPU is no x86: {os.uname().machine}"
    return missing(platform.path or default_path)
