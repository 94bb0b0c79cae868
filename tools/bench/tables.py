# SPDX-License-Identifier: MIT
"""The figures as tables that a person reads: ratios first."""

BOOT_HEAD = ("", "machine", "first line", "exit", "floor", "exit/floor", "target", "by CPU time")
BOOT_HEAD += ("xtk run over it", "target")
SWITCH_HEAD = ("save", "XCR0", "switch", "step", "ours", "XSAVE family", "together")
INSTRUCTION = {
    "task": "task",
    "format": "format",
    "asked": "asked for",
    "in_use": "in use",
    "lib_hand": "lib/hand",
    "lib_bare": "lib/bare",
    "lib_fx": "lib/fx",
    "lib_copy": "lib/memcpy",
    "spread": "spread",
    "noise": "noise",
    "over_bare": "lib-bare",
    "lib": "lib",
    "hand": "hand",
    "bare": "bare",
    "fx": "fx",
    "copy": "memcpy",
}
STATE = {
    "task": "task",
    "format": "format",
    "asked": "asked for",
    "in_use": "in use",
    "lib_full": "/all in use",
    "lib_asked": "/asked alone",
    "lib": "lib",
}
WHOLE = {
    "task": "default +",
    "format": "format",
    "asked": "asked for",
    "in_use": "in use",
    "lib_crate": "lib/crate",
    "bare_crate": "bare/crate",
    "lib_bare": "lib/bare",
    "spread": "spread",
    "noise": "noise",
    "lib": "lib",
    "bare": "bare",
    "crate": "crate",
}
TASKS = {"both": "save+load", "fresh": "save", "clear": "load"}


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms"


def boot_row(figures):
    times = [milliseconds(figures[key]) for key in ("first_line_s", "exit_s", "floor_s")]
    ratios = [f"{figures[key]:.3f}" for key in ("ratio", "target", "cpu_ratio")]
    tool = [milliseconds(figures[key]) for key in ("tool_over_s", "tool_target_s")]
    return ["--" + figures["boot"], figures["machine"], *times, *ratios, *tool]


def switch_row(figures):
    keys = ("save", "xcr0", "switch", "step", "ours", "family", "instructions")
    return [str(figures[key]) for key in keys]


def show(title, head, rows, left):
    """A table whose first @left columns are words."""
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    print(title)
    for row in (head, *rows):
        cells = zip(row, widths)
        aligned = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(cells)]
        print("  " + "  ".join(aligned).rstrip())


def cell(key, value):
    if key == "task":
        return TASKS.get(value, value)
    if value is None:
        return "-"
    if key in ("spread", "noise"):
        return f"{value:.1%}"
    if isinstance(value, str):
        return value
    return f"{value:.2f}" if "_" in key and key != "over_bare" else f"{value:.1f}"


def columns(title, heads, rows):
    """A table of rows that are dictionaries; the first four columns are words."""
    if rows:
        cells = [[cell(key, row.get(key)) for key in heads] for row in rows]
        show(title, tuple(heads.values()), cells, 4)


def show_target(found):
    at, met, rows = found["at"], found["met"], found["rows"]
    where = f"{cell('task', at['task'])}, {at['format']}, {at['in_use']} in use"
    verdict = "met" if met == rows else f"MISSED in {rows - met} of {rows} rows"
    floor = f"; the bare instruction alone: {found['floor']:.2f}" if "floor" in found else ""
    line = f"{found['name']} <= {found['bound']}: {verdict}, at worst {found['worst']:.2f}"
    print(f"  {line} ({where}{floor})")


def show_native(figures):
    found = figures["native"]
    many = f"{found['cpu']}; TSC cycles, {found['passes']} passes"
    columns(f"save and load, one at a time ({many})", INSTRUCTION, found["instruction"])
    columns("save and load when all is asked for and some is in use", STATE, found["state"])
    title = "whole jobs: a default, then a save or load; crate: 3072 bytes, mask of all ones"
    columns(title, WHOLE, found["whole"])
    if found["targets"]:
        print("targets of the native part")
    for one in found["targets"]:
        show_target(one)
    for what in found["skipped"]:
        print(f"skipped: {what}")


def show_boot(figures):
    many = f"median of {figures['runs']} runs (QEMU {figures['qemu']}, TCG)"
    rows = [boot_row(row) for row in figures["boot"]]
    show(f"from the start of the process, {many}", BOOT_HEAD, rows, 2)


def show_switch(figures):
    title = "thread switch, instructions (-icount shift=0; two ways of counting agree)"
    show(title, SWITCH_HEAD, [switch_row(row) for row in figures["switch"]], 4)
