# SPDX-License-Identifier: MIT
"""Bochs, headless and unattended: from the ISO, the serial line in a file.

Its exit status is always 1 and means nothing. 3.0 may halt for ever on a triple fault: the limit on
silence ends it.
"""

import functools
import os
import re
import shutil
import subprocess

from .. import process
from ..boot import BUILD, ROOT
from ..usage import Usage

boots = ("iso",)
default_boot = "iso"
default_path = "bochs-bin"  # `bochs` itself is a script in Debian, and a program elsewhere

ISO_WORDS = os.path.join(ROOT, "tools", "iso-words.sh")
BANNER = re.compile(r"Bochs x86 Emulator ([0-9][^\s=]*)")
# An error or panic, and what Bochs says when it exits; but not what it always says.
MESSAGE = re.compile(r"(?:[0-9]+[pe])?\[[^]]*\] (?:>>PANIC<< )?(.*)")
NOISE = ("notify called", "Shutdown port: shutdown requested")
COMPILED_IN_DEBUGGER = "-rc filename"

# All files are in the working directory. $BXSHARE: Bochs' own place unless the environment has it.
# 5 million instructions a second: the BIOS' and GRUB's delays are in emulated time.
# The display serves VNC and waits for nobody; Debian has no other that needs no terminal.
RC = """\
config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file=$BXSHARE/BIOS-bochs-latest
vgaromimage: file=$BXSHARE/VGABIOS-lgpl-latest
memory: guest=128, host=128
cpu: {model}count=1:{smp}:1, ips=5000000, reset_on_triple_fault=0, ignore_bad_msrs=0
ata0-master: type=cdrom, path=xtk.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=serial.log
log: bochs.log
panic: action=fatal
clock: sync=none
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
speaker: enabled=0
"""


def again(boot, words):
    command = [os.path.join(ROOT, "tools", "xtk"), "run", "--bochs", boot.path or default_path]
    for name in ("cpu", "image"):
        if getattr(boot, name):
            command += ["--" + name, getattr(boot, name)]
    return command + (["--", *words] if words else [])


def check(boot):
    """Raises Usage for what Bochs has not."""
    for name in ("machine", "accel"):
        if getattr(boot, name):
            raise Usage(f"--{name} {getattr(boot, name)}: Bochs has no choice of it: leave it out")
    if not shutil.which(boot.path):
        raise Usage(f"{boot.path}: no such program: install bochs, bochsbios and vgabios")


def put_image(boot):
    """The image, with the words in it, as xtk.iso in the boot's directory."""
    image = os.path.abspath(boot.image or os.path.join(BUILD, "xtk.iso"))
    copy = os.path.join(boot.directory, "xtk.iso")
    if not os.path.isfile(image) or not os.access(image, os.R_OK):
        raise Usage(f"{image}: no such image, or not to be read: run 'make iso'")
    if not boot.words:
        os.symlink(image, copy)
        return
    command = [ISO_WORDS, image, copy, " ".join(boot.words)]
    done = subprocess.run(command, **process.TEXT, check=False)
    if done.returncode:
        raise Usage(done.stderr.partition(": ")[2].strip())


def write(boot, name, text):
    with open(os.path.join(boot.directory, name), "w", encoding="ascii") as file:
        file.write(text)


def prepare(boot):
    check(boot)
    put_image(boot)
    model = f"model={boot.cpu}, " if boot.cpu else ""
    write(boot, "bochsrc", RC.format(model=model, smp=boot.smp))
    write(boot, "debugger", "c\n")
    os.symlink(os.path.abspath(boot.log), os.path.join(boot.directory, "serial.log"))
    argv = [os.path.abspath(shutil.which(boot.path)), "-q", "-f", "bochsrc"]
    if COMPILED_IN_DEBUGGER in help_of(boot.path):
        argv += ["-rc", "debugger"]  # which would ask for commands
    output = os.path.join(boot.directory, "output")
    return process.Command(argv, boot.log, output, output, cwd=boot.directory)


@functools.lru_cache(maxsize=None)
def help_of(path):
    try:
        command = [path, "--help"]
        done = subprocess.run(command, **process.TEXT, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout + done.stderr


def version(boot):
    found = BANNER.search(help_of(boot.path or default_path))
    return found[1] if found else ""


def said(text):
    """Errors, panics and last words; the rest is the talk of any start."""
    found = (MESSAGE.fullmatch(line) for line in text.splitlines())
    news = dict.fromkeys(line[1] for line in found if line and not line[1].startswith(NOISE))
    return "".join(line + "\n" for line in news)


def start_failed(boot):
    if not boot.said:
        return ""
    first = boot.said.splitlines()[0]
    if "'model'" in first:
        return f"--cpu {boot.cpu}: {first}; see '{boot.path} --help cpu'"
    return f"{boot.path}: {first}" + ("; install bochsbios and vgabios" if "ROM" in first else "")


def why_not(platform):
    path = platform.path or default_path
    return "" if shutil.which(path) else f"{path}: no such program"
