#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the test images beside this file, except those that a CPU saved (save.c makes them).

    make.py DIRECTORY       all images and register lists, and the table of README.md

Everything here is written down from the manuals, field by field, and shares nothing with lib/, so
that a mistake there does not agree with itself. NAME.bin is the image; NAME.txt, beside each good
one, lists registers by name with the value that reading them must give. Status: 0, 2 usage.

Sources: SDM vol. 1, "XSAVE Area", "XSAVE-Managed State", "Loading and Saving Tile Configuration";
APM vol. 2, "XSAVE/XRSTOR Instructions", "Lightweight Profiling"; Linux, struct _fpx_sw_bytes.
"""

import struct
import sys
from pathlib import Path

X87, SSE, AVX, BNDREGS, BNDCSR, OPMASK, ZMM_HI256, HI16_ZMM = range(8)
PT, PKRU, PASID, CET_U, CET_S, HDC, UINTR, LBR, HWP, XTILECFG, XTILEDATA, APX = range(8, 20)
LWP = 62
COMPACTED = 1 << 63
HEADER, EXTENDED = 512, 576

SIZE = {AVX: 256, BNDREGS: 64, BNDCSR: 64, OPMASK: 64, ZMM_HI256: 512, HI16_ZMM: 1024, PT: 128,
        PKRU: 8, PASID: 8, CET_U: 16, CET_S: 24, HDC: 8, UINTR: 48, LBR: 808, HWP: 8,
        XTILECFG: 64, XTILEDATA: 8192, APX: 128, LWP: 128}
ALIGNED = (XTILECFG, XTILEDATA)
OFFSET = {
    "intel": {AVX: 576, BNDREGS: 960, BNDCSR: 1024, OPMASK: 1088, ZMM_HI256: 1152, HI16_ZMM: 1664,
              PKRU: 2688, XTILECFG: 2752, XTILEDATA: 2816, APX: 960},
    "amd": {AVX: 576, OPMASK: 832, ZMM_HI256: 896, HI16_ZMM: 1408, PKRU: 2432, LWP: 832},
}

LEGACY_MASK = 0x3
AVX_MASK = 0x7
AVX512 = 0xe7
MPX = 1 << BNDREGS | 1 << BNDCSR
AMX = 1 << XTILECFG | 1 << XTILEDATA
SUPERVISOR = 0x1fd00


def bit(mask):
    """The numbers of the bits in a mask, lowest first."""
    return [i for i in range(63) if mask >> i & 1]


# -- registers ----------------------------------------------------------------------------------

def pattern(seed, size):
    """Bytes that differ from register to register and from byte to byte."""
    return bytes((seed * 29 + 7 * i + 3) & 0xff for i in range(size))


def number(data):
    return int.from_bytes(data, "little")


ST = [  # 80 bits: pi, log2(e), -1.5, then what is left of earlier pushes: marked empty
    0x4000c90fdaa22168c235, 0x3fffb8aa3b295c17f0bc, 0xbfffc000000000000000,
    0x7fff8000000000000000, 0, 0, 0, 0,
]
VECTOR = {i: pattern(i, 64) for i in range(32)}
TILE = {0: (16, 64), 1: (16, 64), 2: (8, 32), 7: (3, 12)}  # rows, bytes of a row


# FSW: TOP = 5 after three pushes, C3 set. FTW: registers 5, 6, 7 are not empty.
X87_IN_USE = {"FCW": 0x27f, "FSW": 5 << 11 | 1 << 14, "FTW": 0xe0, "FOP": 0x51d,
              "FIP": 0x7f1234567890, "FDP": 0x7ffdcba98760}
X87_INITIAL = {"FCW": 0x37f, "FSW": 0, "FTW": 0, "FOP": 0, "FIP": 0, "FDP": 0}
# An exception is pending: unmasked, ES and B set. Without, AMD's CPUs do not save the pointers.
X87_PENDING = {**X87_IN_USE, "FCW": 0x27e, "FSW": 5 << 11 | 1 << 14 | 0x8081}


def x87(fields):
    head = struct.pack("<HHBxHQQ", *fields.values())
    return head, b"".join(v.to_bytes(16, "little") for v in ST)


def tile_rows(tile):
    rows, columns = TILE.get(tile, (0, 0))
    lines = (pattern(tile * 16 + row, columns).ljust(64, b"\0") for row in range(rows))
    return b"".join(lines).ljust(1024, b"\0")


def tilecfg(palette=1, start_row=0, reserved=0, change=()):
    columns, rows = bytearray(32), bytearray(16)
    for tile, (height, width) in {**TILE, **dict(change)}.items():
        struct.pack_into("<H", columns, 2 * tile, width)
        rows[tile] = height
    return bytes([palette, start_row, reserved]).ljust(16, b"\0") + columns + rows


def words(*values):
    return struct.pack(f"<{len(values)}Q", *values)


def bounds():
    # The upper bound is kept in one's complement.
    lower = [0x7f0000001000 + 0x10000 * i for i in range(4)]
    return words(*(v for at in lower for v in (at, (1 << 64) - 1 - (at + 0xfff))))


def lbr():
    records = (v for i in range(32) for v in (0x401000 + 16 * i, 0x402000 + 16 * i, 1 << 63 | i))
    return words(0x7f0009, 32, 0x400100, 0x400200, 7, *records)


def component(i):
    """The bytes of an extended component in use; pads are zero."""
    return {
        AVX: lambda: b"".join(VECTOR[r][16:32] for r in range(16)),
        BNDREGS: bounds,
        BNDCSR: lambda: words(0x7f5500000003, 0x7f5500000042),
        OPMASK: lambda: words(*(0x0123456789abcdef * (r + 1) & (1 << 64) - 1 for r in range(8))),
        ZMM_HI256: lambda: b"".join(VECTOR[r][32:] for r in range(16)),
        HI16_ZMM: lambda: b"".join(VECTOR[r] for r in range(16, 32)),
        PT: lambda: words(0x2509, 0x12340000, 0x7f, 0, 0x5000, *range(0x1000, 0x5000, 0x1000)),
        PKRU: lambda: words(0x55555550),
        PASID: lambda: words(0x80012345),
        CET_U: lambda: words(0x7f9900000007, 0x7ffc00001008),
        CET_S: lambda: words(0xffff888000010ff8, 0xffff888000020ff8, 0xffff888000030ff8),
        HDC: lambda: words(1),
        UINTR: lambda: words(0x401230, 0x80, 1 << 63 | 0xec << 32 | 255, 0x7f0000004000,
                             0x8000000000000005, 0x7f0000005001),
        LBR: lbr,
        HWP: lambda: words(0x80ff2010),
        XTILECFG: tilecfg,
        XTILEDATA: lambda: b"".join(tile_rows(t) for t in range(8)),
        APX: lambda: words(*(0x1111111111111111 * r for r in range(16))),
        LWP: lambda: words(0x7f7700001000, 0x2000 << 32 | 0x7f, 0x7f7700100000, 0x10000,
                           *range(0x40, 0x50)),
    }[i]().ljust(SIZE[i], b"\0")


# Registers of a component: name, number of the first, how many, offset, stride, bytes.
FIELDS = {
    BNDREGS: [("BND#.LB", 0, 4, 0, 16, 8), ("BND#.UB", 0, 4, 8, 16, 8)],
    BNDCSR: [("BNDCFGU", 0, 1, 0, 8, 8), ("BNDSTATUS", 0, 1, 8, 8, 8)],
    OPMASK: [("k#", 0, 8, 0, 8, 8)],
    PT: [("IA32_RTIT_CTL", 0, 1, 0, 8, 8), ("IA32_RTIT_CR3_MATCH", 0, 1, 32, 8, 8),
         ("IA32_RTIT_ADDR#_A", 0, 2, 40, 16, 8), ("IA32_RTIT_ADDR#_B", 0, 2, 48, 16, 8)],
    PKRU: [("PKRU", 0, 1, 0, 8, 4)],
    PASID: [("IA32_PASID", 0, 1, 0, 8, 8)],
    CET_U: [("IA32_U_CET", 0, 1, 0, 8, 8), ("IA32_PL3_SSP", 0, 1, 8, 8, 8)],
    CET_S: [("IA32_PL#_SSP", 0, 3, 0, 8, 8)],
    HDC: [("IA32_PM_CTL1", 0, 1, 0, 8, 8)],
    UINTR: [("UIHANDLER", 0, 1, 0, 8, 8), ("UISTACKADJUST", 0, 1, 8, 8, 8),
            ("UITTSZ", 0, 1, 16, 4, 4), ("UINV", 0, 1, 20, 1, 1), ("UPIDADDR", 0, 1, 24, 8, 8),
            ("UIRR", 0, 1, 32, 8, 8), ("UITTADDR", 0, 1, 40, 8, 8)],
    LBR: [("IA32_LBR_CTL", 0, 1, 0, 8, 8), ("IA32_LBR_DEPTH", 0, 1, 8, 8, 8),
          ("IA32_LBR_#_FROM_IP", 0, 32, 40, 24, 8), ("IA32_LBR_#_TO_IP", 0, 32, 48, 24, 8),
          ("IA32_LBR_#_INFO", 0, 32, 56, 24, 8)],
    HWP: [("IA32_HWP_REQUEST", 0, 1, 0, 8, 8)],
    XTILECFG: [("palette", 0, 1, 0, 1, 1), ("start_row", 0, 1, 1, 1, 1),
               ("colsb#", 0, 8, 16, 2, 2), ("rows#", 0, 8, 48, 1, 1)],
    XTILEDATA: [("TMM#", 0, 8, 0, 1024, 1024)],
    APX: [("R#", 16, 16, 0, 8, 8)],
    LWP: [("LWP.LWPCBAddress", 0, 1, 0, 8, 8), ("LWP.Flags", 0, 1, 8, 4, 4),
          ("LWP.BufferHeadOffset", 0, 1, 12, 4, 4), ("LWP.BufferBase", 0, 1, 16, 8, 8)],
}
# Components whose initial configuration is not all zero.
INITIAL = {HDC: words(1), HWP: words(0x8000ff01)}


def vectors(in_use, count):
    """All ZMM registers, and of the shorter names those at the seams."""
    for r in range(32):
        part = [(SSE, 0, 16), (AVX, 16, 32), (ZMM_HI256, 32, 64)] if r < 16 else [(HI16_ZMM, 0, 64)]
        value = sum(number(VECTOR[r][a:b]) << 8 * a for c, a, b in part if in_use >> c & 1)
        value = value if r < count else 0
        yield f"ZMM{r}", value
        if r in (0, 7, 8, 15, 16, 31):
            yield f"YMM{r}", value & (1 << 256) - 1
            yield f"XMM{r}", value & (1 << 128) - 1


def registers(in_use, components, mxcsr, x87_fields, count=32):
    """Name and value of registers; COUNT: vector registers that were saved."""
    yield from x87_fields.items()
    for i in range(8):
        yield f"ST{i}", ST[i] if in_use & 1 else 0
    yield "MXCSR", mxcsr
    yield from vectors(in_use, count)
    for i in bit(components & ~0xc7):
        data = component(i) if in_use >> i & 1 else INITIAL.get(i, bytes(SIZE[i]))
        for name, first, many, offset, stride, size in FIELDS[i]:
            for r in range(many):
                at = offset + stride * r
                yield name.replace("#", str(first + r)), number(data[at:at + size])


# -- areas --------------------------------------------------------------------------------------

def places(layout, xcomp_bv):
    """Where each extended component starts: by a layout, or packed behind each other."""
    if not xcomp_bv:
        return OFFSET[layout]
    found, end = {}, EXTENDED
    for i in bit(xcomp_bv & ~LEGACY_MASK):
        end = (end + 63) // 64 * 64 if i in ALIGNED else end
        found[i] = end
        end += SIZE[i]
    return found


class Image:
    """An image with known registers; pokes make it something else."""

    def __init__(self, layout, xcr0, in_use=None, compacted=False, mxcsr=0x5fa0, pending=False):
        self.layout, self.components, self.enabled, self.loader = layout, xcr0, xcr0, "xrstor"
        self.in_use, self.vectors = xcr0 if in_use is None else in_use, 32
        self.x87 = X87_INITIAL if not self.in_use & 1 else X87_PENDING if pending else X87_IN_USE
        self.xcomp_bv = COMPACTED | xcr0 if compacted else 0
        self.places = places(layout, self.xcomp_bv)
        ends = [self.places[i] + SIZE[i] for i in bit(xcr0 & ~LEGACY_MASK)]
        self.data = bytearray(max([EXTENDED, *ends]))
        self.mxcsr = mxcsr if self.in_use & 2 or not compacted else 0x1f80
        self.fill()

    def fill(self):
        head, st = x87(self.x87)
        self.poke(0, head)
        self.poke(32, st if self.in_use & 1 else b"")
        mask = 0x2ffff if self.layout == "amd" else 0xffff
        self.poke(24, struct.pack("<II", self.mxcsr, mask))
        self.poke(160, b"".join(VECTOR[r][:16] for r in range(16)) if self.in_use & 2 else b"")
        self.header()
        for i in bit(self.in_use & ~LEGACY_MASK):
            self.poke(self.places[i], component(i))

    def header(self, xstate_bv=None, xcomp_bv=None):
        return self.poke(HEADER, words(self.in_use if xstate_bv is None else xstate_bv,
                                       self.xcomp_bv if xcomp_bv is None else xcomp_bv))

    def poke(self, at, data):
        self.data[at:at + len(data)] = data
        return self

    def into(self, i, at, data):
        """Bytes at an offset in a component."""
        return self.poke(self.places[i] + at, data)

    def cut(self, size):
        del self.data[size:]
        return self

    def legacy(self):
        self.in_use &= LEGACY_MASK
        return self.cut(HEADER)

    def zero_vectors(self):
        self.vectors = 0
        return self.poke(160, bytes(256))

    def on(self, enabled=None, loader="xrstor"):
        """The CPU that shall load it: XCR0 | IA32_XSS, and the instruction."""
        self.enabled = self.enabled if enabled is None else enabled
        self.loader = loader
        return self

    def xcr0(self, xcr0):
        """As Linux's core files have it."""
        return self.poke(464, words(xcr0))

    def signal_frame(self, xcr0):
        size = len(self.data)
        self.poke(464, struct.pack("<IIQI", 0x46505853, size + 4, xcr0, size))
        return self.poke(size, struct.pack("<I", 0x46505845))

    def dirty(self):
        """What is left of earlier saves: every byte that no register in use needs."""
        clean = bytes(self.data)
        stale = bytes(0xa0 + i % 61 for i in range(len(clean)))
        keep = [(HEADER, EXTENDED)]
        keep += [(24, 28)] if self.in_use & 2 or not self.xcomp_bv else []
        keep += [(0, 5), (6, 24)] if self.in_use & 1 else []
        keep += [(32 + 16 * r, 42 + 16 * r) for r in range(8) if self.in_use & 1]
        keep += [(160, 416)] if self.in_use & 2 else []
        keep += [(self.places[i], self.places[i] + (4 if i == PKRU else SIZE[i]))
                 for i in bit(self.in_use & ~LEGACY_MASK)]
        self.data[:] = stale
        for start, end in keep:
            self.poke(start, clean[start:end])
        return self


def compacted(i, loader="xrstors", enabled=None):
    """A small image with one component besides x87 and SSE."""
    image = Image("intel", LEGACY_MASK | 1 << i, compacted=True)
    return image.on(enabled=enabled, loader=loader)


def small(mxcsr=0x5fa0):
    return Image("intel", AVX_MASK, mxcsr=mxcsr)


def packed(in_use=AVX_MASK):
    return Image("intel", AVX_MASK, in_use=in_use, compacted=True)


def word(value):
    return struct.pack("<Q", value)


# name: (text, verdict, image)
GOOD = {
    "intel-sse": ("x87 and SSE", Image("intel", LEGACY_MASK)),
    "intel-avx": ("x87, SSE, AVX; XCR0 as in a core file", small().xcr0(AVX_MASK)),
    "intel-avx-init": ("XCR0 = 7, everything in its initial configuration",
                       Image("intel", AVX_MASK, in_use=0, mxcsr=0x1f80).xcr0(AVX_MASK)),
    "intel-mpx-pkru": ("a client CPU: AVX, MPX, PKRU",
                       Image("intel", AVX_MASK | MPX | 1 << PKRU).xcr0(0x21f)),
    "intel-avx512-pkru": ("a server CPU: MPX, AVX-512, PKRU",
                          Image("intel", AVX512 | MPX | 1 << PKRU).xcr0(0x2ff)),
    "intel-amx": ("AVX-512, PKRU, AMX with four tiles",
                  Image("intel", AVX512 | AMX | 1 << PKRU).xcr0(0x602e7)),
    "intel-amx-compacted": ("the same, compacted: a gap before XTILECFG",
                            Image("intel", AVX512 | AMX | 1 << PKRU, compacted=True)),
    "intel-apx": ("APX where MPX was",
                  Image("intel", AVX512 | 1 << PKRU | 1 << APX).xcr0(0x802e7)),
    "intel-apx-compacted": ("APX behind PKRU",
                            Image("intel", AVX512 | 1 << PKRU | 1 << APX, compacted=True)),
    "intel-supervisor": ("every supervisor component, made by XSAVES",
                         Image("intel", AVX_MASK | SUPERVISOR, compacted=True)
                         .on(loader="xrstors")),
    "intel-dirty": ("XSAVEOPT over old bytes: ZMM and SSE not in use, pads and gaps full",
                    Image("intel", AVX512 | 1 << PKRU, in_use=0x225, mxcsr=0x1fa0).dirty()
                    .into(PKRU, 4, bytes(4)).xcr0(0x2e7)),
    "intel-holes": ("opmask and Hi16_ZMM alone in use, behind components that are not",
                    Image("intel", AVX512 | 1 << PKRU, in_use=0xa0, compacted=True)),
    "intel-dirty-compacted": ("XSAVEC over old bytes, AVX not in use",
                              Image("intel", 0x63 | 1 << AVX, in_use=0x61, compacted=True).dirty()),
    "intel-signal": ("the image in a signal frame of Linux",
                     small().signal_frame(AVX_MASK)),
    "amd-avx512": ("AVX-512 without a hole for MPX", Image("amd", AVX512).xcr0(AVX512)),
    "amd-avx512-pkru": ("the same with PKRU", Image("amd", AVX512 | 1 << PKRU).xcr0(0x2e7)),
    "amd-cet-compacted": ("AVX-512, PKRU, shadow stacks, made by XSAVES",
                          Image("amd", AVX512 | 0x1a00, compacted=True).on(loader="xrstors")),
    "amd-lwp": ("lightweight profiling, component 62",
                Image("amd", AVX_MASK | 1 << LWP).xcr0(AVX_MASK | 1 << LWP)),
    "default": ("the universal default: 576 bytes, nothing in use",
                Image("intel", AVX512, in_use=0, compacted=True).cut(576).header(0, COMPACTED)),
    "default-1fbf": ("the other default: MXCSR = 1FBFH, all else initial",
                     Image("intel", LEGACY_MASK, in_use=2, compacted=True, mxcsr=0x1fbf)
                     .zero_vectors().header(2, COMPACTED | 2)),
    "legacy": ("what FXSAVE writes", small().legacy()),
    "intel-pending": ("an x87 exception pending: ES and B of FSW are set",
                      Image("intel", AVX_MASK, pending=True)),
    "amd-pending": ("the same with AVX-512: what save.c loads", Image("amd", AVX512, pending=True)),
}

BAD = {
    "LENGTH": ("575 bytes", small().cut(575)),
    "TRUNCATED": ("AVX ends a byte after the image", small().cut(831)),
    "COMPONENT": ("component 20, which nobody knows", packed().header(7, COMPACTED | 1 << 20 | 7)
                  .on(enabled=AVX_MASK | 1 << 20)),
    "COMPACTION": ("a good compacted image for a CPU without XSAVEC", packed()
                   .on(loader="xrstor, standard only")),
    "XCOMP_BV": ("XCOMP_BV = 7", small().header(7, 7)),
    "XCOMP_BV_ENABLED": ("opmask, but XCR0 = 7",
                         Image("intel", AVX_MASK | 1 << OPMASK, compacted=True).on(AVX_MASK)),
    "SUPERVISOR": ("CET_U for XRSTOR", compacted(CET_U, loader="xrstor")),
    "XSTATE_BV": ("opmask, but XCR0 = 7",
                  Image("intel", AVX_MASK | 1 << OPMASK).xcr0(AVX_MASK).on(AVX_MASK)),
    "XSTATE_BV_63": ("XSTATE_BV[63] and XCOMP_BV[63]", packed().header(1 << 63 | 7)),
    "XSTATE_BV_XCOMP": ("AVX in use, no place for it", packed().header(7, COMPACTED | 3)),
    "HEADER_16": ("byte 20 of the header", small().poke(HEADER + 20, b"\1")),
    "HEADER_REST": ("byte 63 of the header", packed().poke(HEADER + 63, b"\1")),
    "MXCSR": ("MXCSR[16]", small(mxcsr=0x15fa0)),
    "BNDCFGU": ("bit 5", compacted(BNDCSR, loader="xrstor", enabled=0x1b)
                .into(BNDCSR, 0, word(0x7f5500000023))),
    "PT": ("bit 18 of IA32_RTIT_CTL", compacted(PT).into(PT, 0, word(0x42509))),
    "PASID": ("bit 20", compacted(PASID).into(PASID, 0, word(0x80112345))),
    "CET_U_RESERVED": ("bit 6", compacted(CET_U).into(CET_U, 0, word(0x47))),
    "CET_U_TRACKER": ("SUPPRESS and TRACKER", compacted(CET_U).into(CET_U, 0, word(0xc07))),
    "CET_U_BITMAP": ("bitmap at a non-canonical address",
                     compacted(CET_U).into(CET_U, 0, word(0x0100000000000007))),
    "SSP_ALIGN": ("PL3_SSP ends in 2", compacted(CET_U).into(CET_U, 8, word(0x7ffc0000100a))),
    "SSP_CANONICAL": ("PL1_SSP", compacted(CET_S).into(CET_S, 8, word(0x0100000000000ff8))),
    "HDC": ("bit 1", compacted(HDC).into(HDC, 0, word(2))),
    "UINTR_CANONICAL": ("UIHANDLER", compacted(UINTR).into(UINTR, 0, word(0x0100000000401230))),
    "UINTR_RESERVED": ("bit 40 of the third word",
                       compacted(UINTR).into(UINTR, 16, word(1 << 40 | 255))),
    "LBR": ("bit 4 of IA32_LBR_CTL", compacted(LBR).into(LBR, 0, word(0x7f0019))),
    "FCW": ("bit 13", small().poke(0, struct.pack("<H", 0x227f))),
    "FSW": ("ES and B without a flag", small().poke(2, struct.pack("<H", 5 << 11 | 0x8080))),
    "FOP": ("12 bits", small().poke(6, struct.pack("<H", 0xd1d))),
    "TILE_PALETTE": ("palette 2", compacted(XTILECFG, "xrstor", 0x60003)
                     .into(XTILECFG, 0, tilecfg(palette=2))),
    "TILE_RESERVED": ("byte 2", compacted(XTILECFG, "xrstor", 0x60003)
                      .into(XTILECFG, 0, tilecfg(reserved=1))),
    "TILE_SIZE": ("17 rows", compacted(XTILECFG, "xrstor", 0x60003)
                  .into(XTILECFG, 0, tilecfg(change={3: (17, 64)}))),
    "TILE_HALF": ("rows, no columns", compacted(XTILECFG, "xrstor", 0x60003)
                  .into(XTILECFG, 0, tilecfg(change={3: (4, 0)}))),
    "PKRU": ("upper half", compacted(PKRU, loader="xrstor").into(PKRU, 4, b"\1")),
    "HEADER_UNCHECKED": ("byte 24 of the header", small().poke(HEADER + 24, b"\1")),
}

# Saved by a Zen 4 (save.c), which had loaded amd-pending: text, in use, vector registers saved.
# 32-bit forms: FIP and FDP share their words with FCS and FDS, so that they are not listed.
SAVED = {
    "cpu-standard": ("XSAVE, everything in use", AVX512, 32),
    "cpu-compacted": ("XSAVEC, everything in use", AVX512, 32),
    "cpu-xsaveopt": ("XSAVEOPT, AVX-512 not in use: over old bytes", AVX_MASK, 32),
    "cpu-init": ("XSAVEC of the initial configuration, over old bytes", 0, 32),
    "cpu-fxsave": ("FXSAVE", LEGACY_MASK, 32),
    "cpu-compat": ("XSAVE in compatibility mode: eight registers of a kind, FCS, FDS", AVX512, 8),
    "cpu-compat-compacted": ("XSAVEC in compatibility mode", AVX512, 8),
    "cpu-narrow": ("XSAVE without REX.W in 64-bit mode: FCS and FDS", AVX512, 32),
}
FIRST = "| file |"  # where the table starts in README.md
NARROW = ("cpu-compat", "cpu-compat-compacted", "cpu-narrow")


def kind(data):
    if len(data) < EXTENDED:
        return "legacy" if len(data) == HEADER else "none"
    return "compacted" if data[527] & 0x80 else "standard"


def row(name, data, layout, enabled, loader, verdict, text):
    bv = number(data[HEADER:HEADER + 8]) if len(data) >= EXTENDED else LEGACY_MASK
    return (f"| {name}.bin | {len(data)} | {kind(data)} | {layout} | {bv:x} | {enabled:x} | "
            f"{loader} | {verdict} | {text} |\n")


def write_list(path, pairs):
    path.write_text("".join(f"{name} {value:x}\n" for name, value in pairs), encoding="ascii")


def write_image(out, name, image, verdict, text):
    (out / f"{name}.bin").write_bytes(image.data)
    if verdict == "XSAVE_OK":
        write_list(out / f"{name}.txt", registers(image.in_use, image.components, image.mxcsr,
                                                  image.x87, image.vectors))
    return row(name, image.data, image.layout, image.enabled, image.loader, verdict, text)


def saved_row(here, out, name, text, in_use, count):
    """What was known when the CPU saved it; the image itself is as it is."""
    fields = {n: v for n, v in (X87_PENDING if in_use & 1 else X87_INITIAL).items()
              if name not in NARROW or n not in ("FIP", "FDP")}
    mxcsr = 0x5fa0 if in_use & 2 else 0x1f80
    write_list(out / f"{name}.txt", registers(in_use, AVX512, mxcsr, fields, count))
    data = (here / f"{name}.bin").read_bytes()
    return row(name, data, "amd", AVX512, "xrstor", "XSAVE_OK", text)


def main(arguments):
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("make.py: give one directory that exists", file=sys.stderr)
        return 2
    here, out = Path(__file__).resolve().parent, Path(arguments[0])
    rows = [write_image(out, name, image, "XSAVE_OK", text)
            for name, (text, image) in GOOD.items()]
    rows += [write_image(out, "bad-" + error.lower().replace("_", "-"), image,
                         f"XSAVE_ERR_{error}", text) for error, (text, image) in BAD.items()]
    rows += [saved_row(here, out, name, *rest) for name, rest in SAVED.items()]
    readme = (here / "README.md").read_text(encoding="utf-8")
    prose = readme[:readme.index(FIRST)]
    head = (f"{FIRST} bytes | format | layout | XSTATE_BV | enabled | loaded by | verdict | "
            "what |\n|---|---|---|---|---|---|---|---|---|\n")
    (out / "README.md").write_text(prose + head + "".join(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
