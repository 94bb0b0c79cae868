# SPDX-License-Identifier: MIT
"""Engines: what can boot the image. Each module here is one kind, named like it. It has

boots                  the boot paths that it can take
default_boot           of a boot or a platform that names none
default_path           likewise, the program
prepare(boot)          the process.Command; files go into boot.directory. Raises Usage
version(boot)          what the emulator says of itself
why_not(platform)      one line why the platform can't run here, or ""
said(text)             what of the emulator's own words is news
start_failed(boot)     one line when the emulator ended by itself before the kernel's first byte; ""
                       when it said nothing of it
again(boot, words)     the command line with which a person does the same, with these words
"""

import importlib
import pkgutil
import re
import tempfile

from .. import process
from ..usage import Usage

WORD = re.compile(r"""(?:(?!["'\\])[!-~])+""")
LINE = 1023  # characters of all words that the kernel takes


def kinds():
    return sorted(found.name for found in pkgutil.iter_modules(__path__))


def module(kind):
    return importlib.import_module("." + kind, __name__)


def check_words(words):
    """A word must mean the same on every boot path. Raises Usage."""
    for word in words:
        if not WORD.fullmatch(word):
            rule = "a word is printable ASCII without quotes, blanks and backslashes"
            raise Usage(f"'{word}': {rule}")
    length = len(" ".join(words))
    if length > LINE:
        raise Usage(f"the words take {length} characters, over {LINE}: choose tests by glob")


def check(boot):
    """Raises Usage for what no engine could do."""
    check_words(boot.words)
    boots = module(boot.engine).boots
    if boot.boot not in boots:
        raise Usage(f"{boot.engine}: cannot boot by '{boot.boot}', only by {', '.join(boots)}")


def boot(boot, tick=None):
    """Boot; what came of it goes into @boot. tick(size): see process.run().

    Raises Usage when there was no boot: bad words, a program or an image that is missing, an
    emulator that ends before the first byte with a message of its own; and KeyboardInterrupt. In a
    thread, after process.stop(), boot.ended is "interrupted" instead.
    """
    check(boot)
    engine = module(boot.engine)
    boot.path = boot.path or engine.default_path
    boot.command = engine.again(boot, boot.words)
    if boot.directory:
        carry_out(engine, boot, tick)
        return
    with tempfile.TemporaryDirectory(prefix="xtk-") as boot.directory:
        carry_out(engine, boot, tick)
    boot.directory = ""


def carry_out(engine, boot, tick):
    command = engine.prepare(boot)
    try:
        outcome = process.run(command, boot.timeout, boot.silence, tick=tick)
    except OSError as error:
        raise Usage(f"{error.filename or boot.path}: {error.strerror}") from None
    boot.status, boot.ended, boot.wall_s = outcome.status, outcome.ended, outcome.wall_s
    boot.said = engine.said(process.said(command.said))
    if boot.ended == "exit" and not process.size_of(boot.log):
        said = engine.start_failed(boot)
        if said:
            raise Usage(said)


def version(boot):
    """What the boot's emulator says of itself, "" if nothing."""
    return module(boot.engine).version(boot)


def why_not(platform):
    """One line why the platform can't run here, or ""."""
    return module(platform.engine).why_not(platform)


def again(boot, words):
    """The command line with which a person does the same, with these words."""
    return module(boot.engine).again(boot, words)
