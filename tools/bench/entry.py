# SPDX-License-Identifier: MIT
"""What an entry design costs, from the guest's bench/ist and bench/ist_ticks (tests/ist/cost.c).

Instructions and bytes of stack of three nested events, counted by single steps and by -icount; size
of the code and of its source; cycles, if QEMU can use KVM.
"""

import glob
import os
import re
import subprocess

import tables
from qemu import Trouble, command, run
from xtklib import ktap
from xtklib.boot import BUILD, ROOT
from xtklib.elf import EXECUTABLE, Elf

COUNTS, TICKS = "bench/ist", "bench/ist_ticks"
WORDS = (f"tests={COUNTS},{TICKS}", "ist=all")
NUMBERS = ("depth", "enter", "leave", "outside", "stack", "apart", "entry_stack")
INT_N = 1  # the instruction INT n on the way in, the RET behind it on the way back
KVM_S = 20  # it takes less than one

COST_HEAD = ("design", "pattern", "stack of handler", "enter", "leave", "elsewhere", "/plain")
COST_HEAD += ("stack", "apart", "entry stack")
SIZE_HEAD = ("design", "code", "/plain", "asm", "C", "included")
CYCLE_HEAD = ("design", "pattern", "enter", "leave", "/plain")

INCLUDE = re.compile(r'^[#%]include "(.+)"', re.MULTILINE)
C_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|/\*.*?\*/|//[^\n]*', re.DOTALL)
ASM_COMMENT = re.compile(r";[^\n]*")


def lines_of(text, what):
    """({(design, depth): row}, {design: why it was skipped}) of the lines `# bench: what=WHAT …`."""
    rows, skipped = {}, {}
    for line in text.splitlines():
        head = f"# bench: what={what} "
        if not line.startswith(head):
            continue
        found, _, why = line[len(head) :].partition(" skip=")
        row = ktap.key_values(found)
        if why:
            skipped[row["design"]] = why
            continue
        row.update({key: int(row[key]) for key in NUMBERS if key in row})
        rows[row["design"], row["depth"]] = row
    return rows, skipped


def elsewhere(row, ticks):
    """The instructions that the recorded run passes over. Raises Trouble if the counts disagree."""
    more = [ticks[key] - INT_N - row[key] for key in ("enter", "leave")]
    if min(more) < 0 or (sum(more) > 0) != (row["outside"] > 0):
        steps, found = (f"{one['enter']} and {one['leave']}" for one in (row, ticks))
        where = f"{COUNTS}: {row['design']}: {row['pattern']}"
        calls = f"{row['outside']} calls of what is not its own"
        raise Trouble(1, f"{where}: {steps} steps with {calls}, but {found} ticks")
    return sum(more)


def add_ratio(rows, keys):
    """To plain at the same depth, if that is there."""
    whole = {(row["design"], row.get("depth")): sum(row[key] for key in keys) for row in rows}
    for row in rows:
        plain = whole.get(("plain", row.get("depth")))
        if plain:
            row["to_plain"] = round(whole[row["design"], row.get("depth")] / plain, 4)


def costs(text):
    """(rows, {design: why it was skipped}) of a run with -icount shift=0."""
    rows, skipped = lines_of(text, "cost")
    ticks, _ = lines_of(text, "ticks")
    if not rows or rows.keys() != ticks.keys():
        raise Trouble(1, f"{COUNTS}, {TICKS}: a '# bench:' line is missing")
    for key, row in rows.items():
        row["elsewhere"] = elsewhere(row, ticks[key])
    found = list(rows.values())
    add_ratio(found, ("enter", "leave", "elsewhere"))
    return found, skipped


def objects(design):
    """The object files of a design, in the tree or outside: NAME.asm and NAME.c."""
    name = glob.escape(design)
    for pattern in (os.path.join("kernel", "ist", name), os.path.join("**", name)):
        paths = (glob.escape(BUILD) + f"/{pattern}.{kind}.o" for kind in ("asm", "c"))
        found = [one for path in paths for one in glob.glob(path, recursive=True)]
        if found:
            return found
    raise Trouble(2, f"{BUILD}: no object of the design {design}: run 'make all'")


def source(path):
    """Of an object; what lies outside the tree has its whole path below BUILD."""
    name = os.path.relpath(path, BUILD)[: -len(".o")]
    inside = os.path.join(ROOT, name)
    return inside if os.path.exists(inside) else os.sep + name


def code_bytes(path):
    return sum(one.size for one in Elf(path).sections if one.flags & EXECUTABLE)


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise Trouble(2, f"{path}: {error.strerror}: run 'make clean all'") from None


def code_lines(path):
    """Lines that hold more than a comment."""
    text = read(path)
    if path.endswith((".asm", ".inc")):
        text = ASM_COMMENT.sub("", text)
    else:
        text = C_COMMENT.sub(lambda match: match[1] or "", text)
    return sum(bool(line.strip()) for line in text.splitlines())


def included(paths):
    """The files beside these that they include, directly or not."""
    found, left = set(), list(paths)
    while left:
        path = left.pop()
        for name in INCLUDE.findall(read(path)):
            file = os.path.join(os.path.dirname(path), os.path.basename(name))
            if os.path.exists(file) and file not in found:
                found.add(file)
                left.append(file)
    return found


def size(design):
    paths = objects(design)
    sources = [source(path) for path in paths]
    row = {"design": design, "code": sum(map(code_bytes, paths))}
    for kind in ("asm", "c"):
        row[kind] = sum(code_lines(one) for one in sources if one.endswith("." + kind))
    row["included"] = sum(map(code_lines, included(sources)))
    return row


def sizes(designs):
    rows = [size(design) for design in sorted(designs)]
    add_ratio(rows, ("code",))
    return rows


def measure_cycles(directory, qemu):
    """Cycles with KVM; why there are none where not even the guest's first line comes."""
    image, log = os.path.join(BUILD, "xtk.elf"), os.path.join(directory, "kvm.log")
    options = ["--kernel", "--image", image, "--qemu", qemu, "--log", log, "--accel", "kvm"]
    script = os.path.join(ROOT, "run-qemu.sh")
    done = subprocess.run(
        [script, *options, "--timeout", str(KVM_S), "--", f"tests={TICKS}", "ist=all"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    said = " ".join(done.stderr.split()).rpartition("run-qemu.sh: ")[2]
    if done.returncode and not done.stdout:
        return {"skipped": said.partition("--accel kvm: ")[2].partition("; use ")[0] or said}
    rows = list(lines_of(done.stdout, "ticks")[0].values())
    if done.returncode or not rows:
        raise Trouble(1, f"{TICKS} with KVM: {said or 'no figures'}: see {log}")
    add_ratio(rows, ("enter", "leave"))
    return {"rows": rows}


def measure(directory, qemu):
    image = os.path.join(BUILD, "xtk.elf")
    done = run([*command("kernel", image, directory, qemu, *WORDS), "-icount", "shift=0"])
    verdict = done.verdict()
    if verdict.status != ktap.PASSED:
        raise Trouble(1, f"{COUNTS}: {verdict.reason}: {done.said or 'see run-qemu.sh'}")
    rows, skipped = costs(done.text.decode("utf-8", "replace"))
    designs = {row["design"] for row in rows} | skipped.keys()
    return {
        "cost": rows,
        "skipped": skipped,
        "size": sizes(designs),
        "cycles": measure_cycles(directory, qemu),
    }


def ratio(row):
    return f"{row['to_plain']:.2f}" if "to_plain" in row else "-"


def cost_row(row):
    counts = [str(row[key]) for key in ("enter", "leave", "elsewhere")]
    stacks = [str(row[key] or "-") for key in ("stack", "apart", "entry_stack")]
    return [row["design"], row["pattern"], row["on"], *counts, ratio(row), *stacks]


def size_row(row):
    lines = [str(row[key]) for key in ("asm", "c", "included")]
    return [row["design"], str(row["code"]), ratio(row), *lines]


def cycle_row(row):
    return [row["design"], row["pattern"], str(row["enter"]), str(row["leave"]), ratio(row)]


def show(figures):
    found = figures["ist"]
    title = "entry designs, instructions and bytes of stack (-icount shift=0; two ways of counting"
    tables.show(title + " agree)", COST_HEAD, [cost_row(row) for row in found["cost"]], 3)
    title = "entry designs, bytes of code and lines of source"
    tables.show(title, SIZE_HEAD, [size_row(row) for row in found["size"]], 1)
    for design, why in found["skipped"].items():
        print(f"skipped: {design}: {why}")
    if "skipped" in found["cycles"]:
        print(f"skipped: cycles with KVM: {found['cycles']['skipped']}")
    else:
        title = "entry designs, TSC cycles with KVM (median)"
        tables.show(title, CYCLE_HEAD, [cycle_row(row) for row in found["cycles"]["rows"]], 2)
