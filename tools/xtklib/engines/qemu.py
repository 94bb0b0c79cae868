# SPDX-License-Identifier: MIT
"""QEMU, TCG and KVM. Its command line is run-qemu.sh's, which becomes QEMU."""

import functools
import os
import shutil
import subprocess

from .. import process
from ..boot import BUILD, ROOT

boots = ("kernel", "iso", "uefi")
default_boot = "iso"
default_path = "qemu-system-x86_64"

RUN_QEMU = os.path.join(ROOT, "run-qemu.sh")
NOISE = "TCG doesn't support requested feature"
OPTIONS = ("cpu", "machine", "accel", "image")


def image(boot):
    return boot.image or os.path.join(BUILD, "xtk.elf" if boot.boot == "kernel" else "xtk.iso")


def options(boot):
    """Those of run-qemu.sh."""
    found = ["--" + boot.boot, "--qemu", boot.path or default_path]
    for name in OPTIONS:
        if getattr(boot, name):
            found += ["--" + name, getattr(boot, name)]
    return found + (["--smp", str(boot.smp)] if boot.smp != 1 else [])


def again(boot, words):
    return [RUN_QEMU, *options(boot), *(["--", *words] if words else [])]


def prepare(boot):
    own = options(boot) + ([] if boot.image else ["--image", image(boot)])
    argv = [RUN_QEMU, *own, "--exec", boot.directory, "--", *boot.words]
    said = os.path.join(boot.directory, "stderr")
    return process.Command(argv, boot.log, boot.log, said)


@functools.lru_cache(maxsize=None)
def version_of(path):
    try:
        command = [path, "--version"]
        said = subprocess.run(command, **process.TEXT, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.partition("version ")[2].partition("\n")[0]


def version(boot):
    return version_of(boot.path or default_path)


def said(text):
    lines = (line for line in text.splitlines(keepends=True) if NOISE not in line)
    return "".join(lines)


def start_failed(boot):
    """run-qemu.sh's own words, else what it makes of QEMU's when it starts the same once more."""
    if not boot.said or not boot.status:
        return ""
    mine = "run-qemu.sh: "
    lines = boot.said.splitlines()
    if not lines[0].startswith(mine):
        own = [*options(boot), "--image", image(boot), "--log", os.devnull, "--timeout", "10"]
        command = [RUN_QEMU, *own, "--", *boot.words]
        again = subprocess.run(command, **process.TEXT, stdin=subprocess.DEVNULL, check=False)
        lines = again.stderr.splitlines()[-1:] or lines
    return lines[0].removeprefix(mine)


def why_not(platform):
    if not shutil.which(platform.path or default_path):
        return f"{platform.path or default_path}: no such program"
    if platform.accel == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "/dev/kvm cannot be opened: KVM is for hosts that have it"
    return ""
