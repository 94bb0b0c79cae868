# SPDX-License-Identifier: MIT
"""`xtk symbolise`: functions, files and lines for the addresses of a log."""

import re
import subprocess
import sys

from ..elf import Elf
from ..usage import Usage

HELP = "a log with functions and file:line beside its addresses"
EXAMPLE = """example: xtk symbolise serial.log
         ./run-qemu.sh --kernel -- tests=selftest/fault | xtk symbolise
'# bt 0x...' gets function+offset and file:line; after other lines that name an instruction, as
rip=0x... or function+0x..., comes a line '# at ...'. Nothing else changes, and the verdict stays.
The log must be of the same build as the ELF. Lines of C are looked up by addr2line of binutils.
Status: 0, or 2 usage."""

LINE = 65536  # bytes; a longer one stays as it is
BACKTRACE = re.compile(rb"(# bt 0x([0-9a-f]{1,16}))(\s*)")
PLACE = re.compile(rb"\brip=0x([0-9a-f]{1,16})\b|\b([A-Za-z_][\w.]*)\+0x([0-9a-f]{1,8})\b")
MISSING = "xtk symbolise: no addr2line: C without file:line: install binutils"


def add(parser):
    more = parser.add_argument
    more("--elf", metavar="FILE", help="the kernel (default: build/xtk.elf)")
    more("log", metavar="LOG", nargs="?", default="-", help="default: standard input")


class Symbols:
    """Names for addresses of one ELF."""

    def __init__(self, elf):
        self.elf = elf
        try:
            command = ["addr2line", "-e", elf.path]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self.addr2line = subprocess.Popen(command, text=True, **pipes)
        except OSError:
            self.addr2line = None
            print(MISSING, file=sys.stderr)

    def close(self):
        if self.addr2line:
            self.addr2line.communicate()

    def line(self, address):
        """FILE:LINE, or ""."""
        assembly = self.elf.assembly_line(address)
        if assembly:
            return "%s:%d" % assembly
        if not self.addr2line:
            return ""
        self.addr2line.stdin.write(f"{address:#x}\n")
        self.addr2line.stdin.flush()
        found = self.addr2line.stdout.readline().split(" ")[0].strip()
        return "" if "?" in found else found.removeprefix("./")

    def place(self, address):
        """FUNCTION+0xOFFSET FILE:LINE, or ""."""
        function = self.elf.function(address)
        if not function:
            return ""
        return f"{function.name}+{address - function.address:#x} {self.line(address)}".rstrip()


def addresses(elf, line):
    """Of the instructions that a line names."""
    for address, name, offset in PLACE.findall(line):
        found = int(address, 16) if address else elf.address(name.decode(), int(offset, 16))
        if found is not None:
            yield found


def symbolise(symbols, line):
    """The line, and what it becomes."""
    backtrace = BACKTRACE.fullmatch(line)
    if len(line) == LINE or (line.startswith(b"# bt ") and not backtrace):  # done already
        return line
    if backtrace:
        place = symbols.place(int(backtrace[2], 16)).encode()
        return backtrace[1] + (b" " + place if place else b"") + backtrace[3]
    found = dict.fromkeys(map(symbols.place, addresses(symbols.elf, line)))
    end = b"\r\n" if line.endswith(b"\r\n") else b"\n"
    more = b"".join(b"# at " + place.encode() + end for place in found if place)
    return line + (b"" if not more or line.endswith(b"\n") else end) + more


def copy(log, symbols):
    while True:
        line = log.readline(LINE)
        if not line:
            return
        sys.stdout.buffer.write(symbolise(symbols, line))
        sys.stdout.buffer.flush()


def main(arguments, _words):
    symbols = Symbols(Elf(arguments.elf))
    try:
        if arguments.log == "-":
            copy(sys.stdin.buffer, symbols)
        else:
            with open(arguments.log, "rb") as log:
                copy(log, symbols)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise Usage(f"{arguments.log}: {error.strerror}: name a log, or - for the input") from None
    finally:
        symbols.close()
    return 0
