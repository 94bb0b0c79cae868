# SPDX-License-Identifier: MIT
"""The kernel's ELF as data: its tests, its functions, and the lines of its assembly.

Only as much of ELF64 as linker.ld makes: linked to fixed addresses, so that pointers in the file
are the addresses themselves. gABI, "Object Files"; linker sets: kernel/include/xtk/set.h.
"""

import bisect
import os
import struct
from collections import namedtuple

from .boot import BUILD
from .usage import Usage

Section = namedtuple("Section", "name type flags address offset size link")
Symbol = namedtuple("Symbol", "address size type section name")
Test = namedtuple("Test", "name rules")

IDENT = b"\x7fELF\x02\x01"  # 64 bits, little-endian
SECTION, SYMBOL = struct.Struct("<II4QI20x"), struct.Struct("<IBBHQQ")
STAB = struct.Struct("<IBBHI")
NOBITS, EXECUTABLE = 8, 4
NOTYPE, FUNCTION = 0, 2  # assembly has labels only
STAB_UNIT, STAB_LINE, STAB_FILES = 0x00, 0x44, (0x64, 0x84)
DAMAGE = (struct.error, ValueError, LookupError, OverflowError)
REMEDY = "make one with 'make', or name one with --elf"


class Elf:
    """One file, read whole. Raises Usage for what is none of ours."""

    def __init__(self, path=None):
        self.path = path or os.path.join(BUILD, "xtk.elf")
        try:
            with open(self.path, "rb") as file:
                self.data = file.read()
        except OSError as error:
            raise Usage(f"{self.path}: {error.strerror}: {REMEDY}") from None
        if not self.data.startswith(IDENT):
            raise Usage(f"{self.path}: no 64-bit ELF: {REMEDY}")
        try:
            self.sections = list(self.read_sections())
            self.symbols = list(self.read_symbols())
            self.lines = sorted(self.read_stabs())
        except DAMAGE:
            raise Usage(f"{self.path}: cut off, damaged, or without symbols: {REMEDY}") from None
        self.functions = sorted(filter(self.is_function, self.symbols))

    def string(self, at):
        return self.data[at : self.data.index(b"\0", at)].decode()

    def rows(self, layout, section):
        content = self.data[section.offset : section.offset + section.size]
        if len(content) < section.size:
            raise ValueError("cut off")
        return layout.iter_unpack(content)

    def section(self, name):
        return {section.name: section for section in self.sections}[name]

    def read_sections(self):
        at = struct.unpack_from("<Q", self.data, 0x28)[0]
        size, count, names = struct.unpack_from("<3H", self.data, 0x3A)
        rows = [SECTION.unpack_from(self.data, at + size * i) for i in range(count)]
        for name, *row in rows:
            yield Section(self.string(rows[names][4] + name), *row)

    def read_symbols(self):
        table = self.section(".symtab")
        names = self.sections[table.link].offset
        for name, info, _, section, address, size in self.rows(SYMBOL, table):
            yield Symbol(address, size, info & 15, section, self.string(names + name))

    def is_function(self, symbol):
        """A label with a dot is inside the function before it."""
        if not 0 < symbol.section < len(self.sections):
            return False
        label = symbol.type == NOTYPE and "." not in symbol.name
        executable = self.sections[symbol.section].flags & EXECUTABLE
        return bool(executable and (label or symbol.type == FUNCTION))

    def read_stabs(self):
        """(address, file, line) of NASM's line numbers; the stabs manual, "Line Numbers"."""
        if not any(section.name == ".stab" for section in self.sections):
            return
        unit = following = self.section(".stabstr").offset
        file = ""
        for text, kind, _, line, value in self.rows(STAB, self.section(".stab")):
            if kind == STAB_UNIT:
                unit, following = following, following + value
            elif kind in STAB_FILES:
                file = self.string(unit + text)
            elif kind == STAB_LINE:
                yield value, file, line

    def offset(self, address):
        """Where the file has what the running kernel has at an address. Raises LookupError."""
        for section in self.sections:
            inside = section.address <= address < section.address + section.size
            if section.address and inside and section.type != NOBITS:
                return section.offset + address - section.address
        raise LookupError(f"nothing at {address:#x}")

    def text(self, address):
        """The string at an address; "" for a null pointer."""
        return self.string(self.offset(address)) if address else ""

    def tests(self):
        """[Test...] sorted by name: each struct xtest (xtk/test.h) of the set. Raises Usage."""
        bounds = {symbol.name: symbol.address for symbol in self.symbols}
        try:
            first, last = bounds["__start_xtests"], bounds["__stop_xtests"]
            pointers = self.data[self.offset(first) : self.offset(last - 1) + 1]
            entries = [self.offset(address) for (address,) in struct.iter_unpack("<Q", pointers)]
            pairs = [struct.unpack_from("<QQ", self.data, entry) for entry in entries]
            tests = sorted(Test(self.text(name), self.text(rules).split()) for name, rules in pairs)
        except DAMAGE:
            tests = []
        if not tests:
            raise Usage(f"{self.path}: no set of tests in it, or a damaged one: {REMEDY}")
        return tests

    def function(self, address):
        """The Symbol of the function that an address is in, or None."""
        i = bisect.bisect_left(self.functions, (address + 1,)) - 1
        if i < 0:
            return None
        found = self.functions[i]
        section = self.sections[found.section]
        end = found.address + found.size if found.size else section.address + section.size
        return found if address < end else None

    def address(self, name, offset):
        """The address of NAME+OFFSET; None if no function has it, or functions of several files."""
        places = {symbol.address for symbol in self.functions if symbol.name == name}
        if len(places) != 1:
            return None
        address = places.pop() + offset
        found = self.function(address)
        return address if found and found.name == name else None

    def assembly_line(self, address):
        """(file, line) of an instruction of assembly, or None."""
        i = bisect.bisect_left(self.lines, (address + 1,)) - 1
        found = self.function(address)
        return self.lines[i][1:] if found and found.type == NOTYPE and i >= 0 else None
