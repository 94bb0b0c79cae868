# SPDX-License-Identifier: MIT
"""QEMU, driven by gdbstub and monitor through cases of the laboratory of the entry designs:
scenarios/ist_boundaries.py. The kernel's part is tests/ist/external.c, which this engine chooses;
the word ist= says which designs, shard=i/n which part of the boundaries of the second event.
"""

import os

from ..boot import ROOT
from . import savevm
from .savevm import again, boots, default_boot, default_path, said, start_failed, version, why_not

__all__ = ["again", "boots", "default_boot", "default_path", "prepare", "said", "start_failed"]
__all__ += ["version", "why_not"]

SCENARIO = os.path.join(ROOT, "tools", "xtklib", "scenarios", "ist_boundaries.py")
TESTS = "tests=scenario/ist_boundaries"


def prepare(boot):
    return savevm.prepare(boot, SCENARIO, TESTS)
