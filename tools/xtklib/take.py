# SPDX-License-Identifier: MIT
"""One boot of a job: started, watched to its end, its log read."""

import contextlib
import os
from dataclasses import dataclass

from . import engines, ktap, rundir
from .boot import Boot
from .usage import Usage


@dataclass
class Take:
    boot: Boot
    log: ktap.Log


def read(boot):
    """The log of a boot that has ended; the words of a limit that ended it are more exact."""
    log = ktap.read_log(boot.log, boot.ended in ("timeout", "silence"))
    if log.status == ktap.TIMEOUT:
        said = {"timeout": f"{boot.timeout:g} s", "silence": f"silent for {boot.silence:g} s"}
        log.reason += ": " + said[boot.ended]
    if boot.ended == "flood":
        log.status, log.reason = ktap.CRASH, "crash: endless output"
    return log


def take(boot, directory, tick=None):
    """Boot, and read what it said. Raises Usage: the engine does not start, or the disk is full."""
    try:
        engines.boot(boot, tick)
    except Usage:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(boot.log)  # there was no boot
        raise
    if boot.ended == "interrupted":
        raise KeyboardInterrupt
    rundir.check_space(directory)
    return Take(boot, read(boot))
