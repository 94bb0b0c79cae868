# SPDX-License-Identifier: MIT
"""Results that no machine gave: 22 platforms by 60 tests, with everything that a page must show.

usage: sample.py DIR      writes DIR/now and DIR/then (the baseline), to look at a page of them
"""

import json
import os
import sys

HOSTILE = '<script>document.title="owned"</script><img src=x onerror="document.title=1">'
QEMU = ("max", "Skylake-Client", "Denverton", "EPYC", "qemu64", "Icelake-Server", "Opteron_G3")
ENGINES = (
    ("qemu-7.2", "qemu", "7.2.22 (Debian 1:7.2+dfsg-7)", QEMU),
    ("qemu-10.0", "qemu", "10.0.3 (Debian 1:10.0.3)", QEMU),
    ("qemu-11.1", "qemu", "11.1.0", QEMU[:5]),
    ("bochs-2.7", "bochs", "2.7", ("corei7_skylake_x",)),
    ("bochs-3.0", "bochs", "3.0", ("arrow_lake", "sapphire_rapids")),
)
SUBJECTS = {"G": 14, "X": 18, "C": 13, "H": 12, "V": 15, "L": 7, "O": 12, "M": 9, "R": 11}

AVX512 = [(2, 256, 576, 0), (5, 64, 1088, 0), (6, 512, 1152, 0), (7, 1024, 1664, 0)]
LAYOUTS = {
    "max": [(2, 256, 576, 0), (3, 64, 960, 0), (4, 64, 1024, 0), (9, 8, 2688, 0)],
    "EPYC": [(2, 256, 576, 0)],
    "Icelake-Server": [*AVX512, (9, 8, 2688, 0)],
    "corei7_skylake_x": [*AVX512[:2], (6, 512, 1120, 0), (7, 1000, 1664, 0), (9, 8, 2688, 0)],
    "sapphire_rapids": [
        *AVX512,
        (8, 128, 0, 0),
        (9, 8, 2688, 0),
        (10, 8, 0, 0),
        (11, 16, 0, 0),
        (12, 24, 0, 0),
        (14, 48, 0, 1),
        (17, 64, 2752, 1),
        (18, 8192, 2816, 1),
    ],
}
TRACE = """KTAP version 1
# xtk 0.1.0 boot=pvh cpu="made up" xcr0=0x7 xss=0x0 words="events"
# ev t=100 what=enter vec=2 ist=2 rsp=0x9f40 rip=0x100c24
# ev t=300 what=leave vec=2 ist=2 rsp=0x9f40 rip=0x100c24
# ev t=400 what=enter vec=2 ist=2 rsp=0x9f40 rip=0x100c30
# ev t=500 what=leave vec=2 ist=2 rsp=0x9f40 rip=0x100c30
# ev t=600 what=enter vec=2 ist=2 rsp=0x9f40 rip=0x100c31
# ev t=700 what=enter vec=1 ist=3 rsp=0x7f40 rip=0x10d8ad
# ev t=800 what=leave vec=1 ist=3 rsp=0x7f40 rip=0x10d8ad
# ev t=900 what=enter vec=2 ist=2 rsp=0x9f40 rip=0x10d8b0
# ev t=950 what=leave vec=2 ist=2 rsp=0x9f40 rip=0x10d8b0
# ev t=999 what=leave vec=2 ist=2 rsp=0x9f40 rip=0x100c31
# ev t=1200 what=enter vec=2 ist=2 rsp=0x9f40 rip=0x100c40
# ev t=1300 what=enter vec=18 ist=4 rsp=0x6f40 rip=0x10d9ad
# ev t=1400 what=enter vec=2 ist=2 rsp=0x8f40 rip=0x10daad
# ev t=1500 what=leave vec=2 ist=2 rsp=0x8f40 rip=0x10daad
# ev t=1600 what=leave vec=18 ist=4 rsp=0x6f40 rip=0x10d9ad
# ev t=1700 what=leave vec=2 ist=2 rsp=0x9f40 rip=0x100c40
# ev t=1800 what=enter vec=8 ist=1 rsp=0x5f40 rip=0x10dfff
"""


def xcr0_rows(cpu):
    """The table of XCR0's values as three kinds of machine would give it."""
    amd, yours = "EPYC" in cpu, "Icelake" in cpu
    for value in range(256):
        legal = value in (1, 3, 7, 0xE7)
        row = {"value": f"{value:#x}", "outcome": "ok" if legal else "#GP(0x0)"}
        row["want"] = "ok" if legal else "X04" if value & 1 else "X02"
        if yours and value == 0x21:
            row["outcome"] = "ok"
        if row["outcome"] == "ok":
            row.update(d0=832 if amd else 2696, d1=832, ud=["opmask", "evex", "amx", "apx"])
        yield row


def test(name, rules, status="pass", reason="", expect=None, failures=()):
    counts = {rule: 3 ** (index * 7) for index, rule in enumerate(rules, 1)}
    return {
        "name": name,
        "rules": list(rules),
        "status": status,
        "probes": 100 + 7 * len(name),
        "reason": reason,
        "expect": expect,
        "observed": {"judged": counts} if rules else {},
        "failures": list(failures),
    }


def failure(name, rule, expected="none", got="#GP(0x0)", where="xcr0:0x7/save:xsavec byte=512"):
    return {
        "rule": rule,
        "section": "",
        "expected": expected,
        "got": got,
        "where": where,
        "seed": "7",
        "repro": f"tools/xtk run --kernel -- seed=7 tests={name}",
    }


def tests_of(baseline):
    """60 tests that pass everywhere."""
    found = []
    for letter, last in SUBJECTS.items():
        for first in range(1, last + 1, 2):
            rules = [f"{letter}{number:02}" for number in (first, first + 1) if number <= last]
            found.append(test(f"subject_{letter.lower()}/the_rules_from_{first:02}_on_hold", rules))
    found += [test(f"boot/it_is_ready_{number}", []) for number in range(60 - len(found))]
    if not baseline:
        found.append(test("switch/every_bit_survives", ["R05", "I01"]))
    return found


def has_the_table(name):
    return name.startswith("qemu-10.0") and "64" not in name and "G3" not in name


def spoil(name, tests, baseline):
    """What sets the platforms apart."""
    by_name = {one["name"]: one for one in tests}

    def change(key, status, **more):
        by_name[key].update(status=status, **more)

    if "qemu64" in name or "Opteron" in name:
        for one in tests:
            if one["rules"] and one["rules"][0][0] in "LOM":
                one.update(status="skip", reason="CPUID.1:ECX[26] XSAVE", probes=0, observed={})
    broken = "subject_m/the_rules_from_05_on_hold"
    if has_the_table(name):
        rows = list(xcr0_rows(name))
        tests.append(test("table/xcr0", ["X02", "X04"]))
        tests[-1]["observed"].update(xcr0=rows, bytes=4096, O10=["NOP clears " + HOSTILE])
    if name.startswith("bochs"):
        line = {"line": "tests/expect/bochs.txt:12", "reference": "https://example.org/bochs/1"}
        change(broken, "known", expect=line, failures=[failure(broken, "M05", "1f80", "1fa0")])
    if baseline:
        return
    if name == "qemu-10.0-EPYC" or name == "qemu-11.1-EPYC":
        broken = "subject_v/the_rules_from_03_on_hold"
        change(broken, "fail", failures=[failure(broken, "V03"), failure(broken, "V03", "a", "b")])
    if name == "qemu-11.1-max":
        broken = "subject_h/the_rules_from_09_on_hold"
        change(broken, "fail", failures=[failure(broken, "H09", HOSTILE, HOSTILE, HOSTILE)])
        change("subject_x/the_rules_from_01_on_hold", "flaky", reason="passed on retry 1")
    if name == "qemu-7.2-Denverton":
        change("boot/it_is_ready_1", "error", reason="the stack is not aligned " + HOSTILE)


def log_of(name, tests):
    """A log with the parts of the tests that are red; one line has bytes that are no text."""
    if name == "qemu-7.2-max":
        return TRACE.encode()
    lines = ["KTAP version 1", "# xtk 0.1.0 boot=pvh", HOSTILE, f"1..{len(tests)}"]
    for number, one in enumerate(tests, 1):
        if one["status"] in ("fail", "error"):
            lines.append(f"# rules {one['name']}: {' '.join(one['rules'])}")
            lines += [f"# fail: test={one['name']} {HOSTILE} {i}" for i in range(20)]
        lines.append(f"{'ok' if one['status'] == 'pass' else 'not ok'} {number} {one['name']}")
    return "\n".join(lines).encode() + b"\n\x00\x1b[2J\xff\xfe tail\n"


def run(engine, version, cpu, prefix, baseline):
    name = f"{prefix}-{cpu}"
    tests = tests_of(baseline)
    spoil(name, tests, baseline)
    crashed = name == "bochs-2.7-corei7_skylake_x" and not baseline
    layout = LAYOUTS.get(cpu, LAYOUTS["EPYC"] if "64" not in cpu and "G3" not in cpu else [])
    return {
        "platform": name,
        "engine": engine,
        "engine_version": version,
        "cpu": cpu,
        "boot": "kernel",
        "smp": 1,
        "words": ["events"] if name == "qemu-7.2-max" else [],
        "command": ["./run-qemu.sh", "--kernel", "--cpu", cpu, "--", "a word with 'quotes' & <b>"],
        "log": f"logs/{name}.log",
        "status": "crash" if crashed else "done",
        "wall_s": 12.5,
        "xcr0_supported": "0x21f",
        "xss_supported": "0x0",
        "components": [dict(zip(("bit", "size", "offset", "align"), row)) for row in layout],
        "tests": tests[:40] if crashed else tests,
    }


def runs(baseline=False):
    return [
        run(engine, version, cpu, prefix, baseline)
        for prefix, engine, version, models in ENGINES
        for cpu in models
    ]


def write(directory, found):
    """A directory as `xtk matrix` leaves it."""
    os.makedirs(os.path.join(directory, "logs"), exist_ok=True)
    with open(os.path.join(directory, "result.json"), "w", encoding="utf-8") as file:
        json.dump({"version": 1, "runs": found}, file)
    for one in found:
        with open(os.path.join(directory, one["log"]), "wb") as file:
            file.write(log_of(one["platform"], one["tests"]))
    return directory


if __name__ == "__main__":
    write(os.path.join(sys.argv[1], "now"), runs())
    write(os.path.join(sys.argv[1], "then"), runs(baseline=True)[:-1])
