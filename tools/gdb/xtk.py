# SPDX-License-Identifier: MIT
"""xtk in gdb: `make gdb`, or gdb -x tools/gdb/xtk.py build/xtk.elf, then xtk-boot; or, where
run-qemu.sh --gdb waits in another terminal, target remote :1234.

Shows code in the mode in which the CPU will run it, from the first instruction after reset on: the
firmware's 16 bits, the entry's 32 bits, then the kernel's 64. `print` of a struct xsave shows its
components; xtk-xsave does it for any address.

gdb itself knows one mode an ELF, and QEMU offers no description of the others, so that its own
disassembler is wrong before long mode; objdump's is asked there. Breakpoints need no help.
"""

import os
import re
import shlex
import subprocess
import tempfile

import gdb

try:
    import gdb.disassembler
except ImportError:
    print("xtk: this gdb is older than 13: 16- and 32-bit code looks like 64-bit code")

RUN_QEMU = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "run-qemu.sh")
LONGEST = 15  # bytes of an instruction
CR0_PE, EFER_LMA = 1 << 0, 1 << 10
MACHINE = {16: "i8086", 32: "i386"}
NAMES = {16: "16 bits, real mode", 32: "32 bits, no paging", 64: "64 bits"}
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(?:[0-9a-f]{2} )+\s*\t?(.*)$")
AMD_PKRU = 0x980  # where AMD has it in the standard format; APM vol. 2, "XSAVE Area Layout"
AREA = 4096  # bytes of what has no type, as struct xsave


def register(name):
    return int(gdb.newest_frame().read_register(name)) & ((1 << 64) - 1)


def symbol(name):
    return int(gdb.parse_and_eval(f"(unsigned long)&{name}"))


def cpu_mode():
    """16, 32 or 64; 64 where the stub does not show control registers."""
    try:
        efer, cr0 = register("efer"), register("cr0")
    except (ValueError, gdb.error):
        return 64
    return 64 if efer & EFER_LMA else 32 if cr0 & CR0_PE else 16


def mode_of(address):
    """Of the code at an address: the kernel's is known, all else is as the CPU runs now."""
    try:
        if symbol("start_pvh") <= address < symbol("long_mode"):
            return 32
        if symbol("_image_start") <= address < symbol("_image_end"):
            return 64
    except gdb.error:
        pass
    return cpu_mode()


def objdump(code, address, mode):
    """(length, text) of the first instruction in @code, or None."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(code)
        file.flush()
        command = ["objdump", "-D", "-w", "-b", "binary", "-m", MACHINE[mode]]
        command += [f"--adjust-vma={address:#x}", file.name]
        try:
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return None
    found = list(filter(None, map(INSTRUCTION.match, said.splitlines())))
    if not found:
        return None
    end = int(found[1][1], 16) if len(found) > 1 else address + len(code)
    return end - address, found[0][2].strip()


def disassemble(address):
    """(length, text) of an instruction that is not 64-bit code, or None."""
    mode = mode_of(address)
    if mode == 64:
        return None
    segment = register("cs") << 4 if mode == 16 and address < 0x10000 else 0
    code = gdb.selected_inferior().read_memory(segment + address, LONGEST).tobytes()
    return objdump(code, address, mode)


if hasattr(gdb, "disassembler"):

    class Disassembler(gdb.disassembler.Disassembler):
        def __init__(self):
            super().__init__("xtk")

        def __call__(self, info):
            found = disassemble(info.address)
            return found and gdb.disassembler.DisassemblerResult(length=found[0], string=found[1])

    gdb.disassembler.register_disassembler(Disassembler())


def build():
    """The directory of the ELF, in which the rest of the same build lies."""
    return os.path.dirname(os.path.abspath(gdb.current_progspace().filename or "xtk.elf"))


def layout():
    """The guest's, which a standard image does not say: the place of PKRU tells Intel from AMD."""
    offset = int(gdb.parse_and_eval("boot_xsave_cpu.layout.offset[9]"))
    return "amd" if offset == AMD_PKRU else "intel"


def show(address, size):
    """What an XSAVE area holds, as text. Raises gdb.GdbError."""
    xstate = os.path.join(build(), "xstate")
    command = [xstate, "show", "--layout", layout(), "-"]
    try:
        area = gdb.selected_inferior().read_memory(address, size).tobytes()
        done = subprocess.run(command, input=area, capture_output=True, check=False)
    except gdb.MemoryError as error:
        raise gdb.GdbError(f"{error}: {size} bytes from {address:#x} on are wanted") from None
    except OSError as error:
        raise gdb.GdbError(f"{xstate}: {error.strerror}: run 'make xstate'") from None
    if done.returncode:
        raise gdb.GdbError(done.stderr.decode(errors="replace").strip())
    text = done.stdout.decode(errors="replace").rstrip()
    return text.replace("standard input", f"{address:#x}", 1)


def place(value):
    """(address, size) of the area that an expression names: an object, a pointer, or a number."""
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_PTR:
        target = kind.target().strip_typedefs()
        return int(value), target.sizeof if target.code == gdb.TYPE_CODE_STRUCT else AREA
    if kind.code == gdb.TYPE_CODE_INT:
        return int(value), AREA
    if value.address is None:
        raise gdb.GdbError("it lies in no memory: name an object, a pointer or an address")
    return int(value.address), kind.sizeof


class Xsave(gdb.Command):
    """Show an XSAVE area: xtk-xsave EXPRESSION

    EXPRESSION is a struct xsave, a pointer, or an address. What has no type is taken to be of 4096
    bytes: cast a larger one, as in  xtk-xsave *(struct xsave_large *)0x1b0600
    """

    def __init__(self):
        super().__init__("xtk-xsave", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, _from_tty):
        if not argument:
            raise gdb.GdbError("xtk-xsave: name an area; see 'help xtk-xsave'")
        try:
            print(show(*place(gdb.parse_and_eval(argument))))
        except gdb.error as error:
            raise gdb.GdbError(f"xtk-xsave {argument}: {error}") from None


def end_qemu(_event):
    """gdb would let it run on, and wait for its end, though nobody reads what it says."""
    if gdb.selected_inferior().pid:
        gdb.execute("set confirm off")
        gdb.execute("kill")


class Boot(gdb.Command):
    """Start QEMU and stop before its first instruction: xtk-boot [OPTION...] [-- WORD...]

    OPTIONs are those of run-qemu.sh; without a boot path it is --kernel. The serial text comes to
    this terminal. QEMU ends when gdb does; once more begins anew.
    """

    def __init__(self):
        super().__init__("xtk-boot", gdb.COMMAND_RUNNING)

    def invoke(self, argument, _from_tty):
        options = gdb.string_to_argv(argument)
        path = [] if {"--iso", "--uefi", "--image"} & set(options) else ["--kernel"]
        command = [RUN_QEMU, "--gdb", "--print", *path, *options]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False,
            env={**os.environ, "XTK_BUILD": build()},
        )  # fmt: skip
        if done.returncode:
            raise gdb.GdbError(done.stderr.strip())
        # gdb shows what comes from there, but QEMU opens no socket, which it is: hence the pipe.
        own = {"stdio": "file:/dev/fd/4", "tcp::1234": "stdio"}
        qemu = shlex.join(own.get(word, word) for word in shlex.split(done.stdout))
        try:
            gdb.execute("target remote | exec bash -c " + shlex.quote(f"exec {qemu} 4> >(cat >&2)"))
        except gdb.error as error:
            raise gdb.GdbError(f"xtk-boot: QEMU did not start, see above: {error}") from None
        gdb.events.gdb_exiting.connect(end_qemu)


class Printer:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        try:
            return "\n" + show(*place(self.value))
        except (gdb.error, gdb.GdbError) as error:
            return f"<{error}>"


def printer(value):
    return Printer(value) if value.type.strip_typedefs().tag in ("xsave", "xsave_large") else None


def say_mode(_event):
    """At each stop outside long mode, where registers and addresses mean something else."""
    mode = mode_of(register("pc"))
    if mode != 64:
        print(f"xtk: {NAMES[mode]}")


Xsave()
Boot()
gdb.pretty_printers.append(printer)
gdb.events.stop.connect(say_mode)
gdb.execute("set architecture i386:x86-64")
