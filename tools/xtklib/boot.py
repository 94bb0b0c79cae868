# SPDX-License-Identifier: MIT
"""One boot: what is asked of an engine, and what came of it."""

import os
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("XTK_BUILD") or os.path.join(ROOT, "build")
BOOTS = ("kernel", "iso", "uefi")  # the boot paths that a person may ask for

TIMEOUT_S = 1800  # Bochs takes many minutes for all tables; a hang is noticed by its silence
SILENCE_S = 60


@dataclass
class Boot:
    """Filled in by the caller down to `directory`, by engines.boot() from there on."""

    platform: str = ""  # the name of one in platforms.json; "" for what no list names
    engine: str = "qemu"  # a module of engines/
    boot: str = "iso"  # kernel, iso, uefi; native, for the engine that boots nothing
    path: str = ""  # the emulator; "" is the engine's own default
    cpu: str = ""  # likewise, as the next two
    machine: str = ""
    accel: str = ""
    smp: int = 1
    image: str = ""  # "" is the one that was built
    words: list = field(default_factory=list)
    timeout: float = TIMEOUT_S  # seconds in all; 0: no limit
    silence: float = SILENCE_S  # seconds without a byte in the log; 0: no limit
    log: str = ""  # the serial text; must not exist yet
    directory: str = ""  # scratch; "" is one that is removed afterwards

    command: list = field(default_factory=list)  # what a person types to do this again
    status: int = 0  # of the process; negative: the signal that ended it
    ended: str = ""  # exit, timeout, silence, flood, interrupted
    said: str = ""  # the emulator's own words, line by line
    wall_s: float = 0.0  # from the start of the emulator to its end
