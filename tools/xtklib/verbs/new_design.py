# SPDX-License-Identifier: MIT
"""`xtk new-design`: an entry design to begin with, which boots at once."""

import os
import re

from ..boot import ROOT
from ..usage import Usage

HELP = "write an IST entry design that boots, to be changed"
EXAMPLE = """example: xtk new-design mine          # kernel/ist/mine.asm and mine.c
         xtk new-design mine ~/designs && make DESIGNS=~/designs
The design begins as plain does; docs/ist-designs.md says how to go on.
Status: 0 both files are written, 2 usage: nothing is written."""
DESIGNS = os.path.join(ROOT, "kernel", "ist")
MODEL = "plain"  # the design that a new one begins as
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LENGTH = 24  # characters of a name, so that tables stay readable
TAKEN = re.compile(r'\.name = "([^"]*)"')
STORY = """/*
 * {name}: begins as plain does.
 *
 * Tell here what it does otherwise: the stack picture, the order of the steps, where it has
 * windows, and its source.
 *
"""


def add(parser):
    parser.add_argument("name", metavar="NAME", help="of the design: small letters, digits and -")
    parser.add_argument("directory", metavar="DIR", nargs="?", default=DESIGNS)


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError:
        return ""  # no design of ours
    except OSError as error:
        raise Usage(f"{path}: {error.strerror}: this is a part of the source tree") from None


def sources(directory):
    try:
        return [os.path.join(directory, name) for name in sorted(os.listdir(directory))]
    except OSError as error:
        raise Usage(f"{directory}: {error.strerror}: name a directory that is there") from None


def identifier(name):
    """In assembly and C."""
    return name.replace("-", "_")


def check(name, directory):
    """Raises Usage for a name that no design may have, or that one has."""
    if not NAME.fullmatch(name) or len(name) > LENGTH:
        rule = f"a name is small letters, digits and single -, {LENGTH} at most, as 'my-design'"
        raise Usage(f"{name}: {rule}")
    if name == "all":
        raise Usage("all: means every design in the word ist=: choose another name")
    for path in dict.fromkeys([*sources(directory), *sources(DESIGNS)]):
        stem, kind = os.path.splitext(os.path.basename(path))
        taken = TAKEN.findall(read(path)) if kind == ".c" else []
        same = stem == name and kind in (".asm", ".c")
        if same or identifier(name) in map(identifier, [*taken, "" if kind != ".c" else stem]):
            raise Usage(f"{name}: {path} has that name: choose another")


def made_of(text, name):
    """A source of the model under another name."""
    own = identifier(name)
    text = re.sub(rf"\b{MODEL}_", own + "_", text)
    text = text.replace(f"IST_DESIGN({MODEL},", f"IST_DESIGN({own},")
    text = text.replace(f'"{MODEL}"', f'"{name}"')
    text = text.replace(f"/*\n * {MODEL}: ", STORY.format(name=name) + " * plain: ", 1)
    return text.replace(f"; {MODEL}: ", f"; {name}: ", 1)


def write(files):
    """Write all of {path: text}, or none. Raises OSError."""
    done = []
    try:
        for path, text in files.items():
            with open(path, "x", encoding="utf-8") as file:
                done.append(path)
                file.write(text)
    except BaseException:
        for path in done:
            os.unlink(path)
        raise


def main(arguments, _words):
    name, directory = arguments.name, arguments.directory
    check(name, directory)
    files = {
        os.path.join(directory, name + kind): made_of(
            read(os.path.join(DESIGNS, MODEL + kind)), name
        )
        for kind in (".asm", ".c")
    }
    write(files)
    print("\n".join(files))
    return 0
