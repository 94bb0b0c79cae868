# SPDX-License-Identifier: MIT
"""QEMU, stopped while the guest holds its registers, saved to a file, and gone on with in another
process: scenarios/savevm.py. The kernel's part is tests/scenario.c, which this engine chooses.
"""

import os
import shlex
import subprocess
import sys

from .. import process
from ..boot import ROOT
from ..usage import Usage
from . import qemu

boots = ("kernel",)
default_boot = "kernel"
default_path = qemu.default_path
version, said, why_not = qemu.version, qemu.said, qemu.why_not

SCENARIO = os.path.join(ROOT, "tools", "xtklib", "scenarios", "savevm.py")
TESTS = "tests=scenario/pause_keeps_all_state"


def again(boot, words):
    command = [os.path.join(ROOT, "tools", "xtk"), "run", "-p", boot.platform or "savevm"]
    return command + (["--", *words] if words else [])


def prepare(boot, scenario=SCENARIO, tests=TESTS):
    words = [word for word in boot.words if not word.startswith("tests=")]
    own = [*qemu.options(boot), "--image", qemu.image(boot), "--print", "--", tests, *words]
    done = subprocess.run([qemu.RUN_QEMU, *own], **process.TEXT, check=False)
    if done.returncode:
        raise Usage(done.stderr.partition(": ")[2].strip())
    argv = [sys.executable, scenario, boot.directory, *shlex.split(done.stdout)]
    return process.Command(argv, boot.log, boot.log, os.path.join(boot.directory, "stderr"))


def start_failed(boot):
    return boot.said.splitlines()[0] if boot.said else ""
