# SPDX-License-Identifier: MIT
"""The guest of ist_boundaries.py, in QEMU: driven by gdbstub and monitor, heard on its serial line.

Its part is tests/ist/external.c. Between cases it stands at external_round().
"""

import os
import queue
import struct
import subprocess
import threading
import time

from .gdb_remote import Ended, Remote
from .savevm import Monitor, Stop

# struct external_told: wish, cases, differ, count, then the events.
COUNT_AT = 24
WISH, EVENT = struct.Struct("<3Q"), struct.Struct("<23Q")
LIST, RUN, NEXT = 1, 2, 3
# struct trap_frame; what is "-" is the entry code's.
FRAME = "r15 r14 r13 r12 r11 r10 r9 r8 rbp rdi rsi rdx rcx rbx rax - - rip cs rflags rsp ss".split()
NMI, MC = 2, 18

# An uncorrected error of bank 1 that software may ignore: VAL UC EN MISCV ADDRV S, and RIPV MCIP.
# SDM vol. 3, "IA32_MCi_STATUS MSRS", "IA32_MCG_STATUS MSR".
MCE = "mce 0 1 0xbd00000000000000 0x5 0 0"
EFLAGS_FIXED, EFLAGS_RF = 2, 1 << 16

SOON_S, LATE_S = 0.01, 1  # then a case is looked at that is to loop, that is to end
LOOP_S = 0.5  # one turn of a loop
LIMIT_S = 20  # a case that is seen neither to end nor to loop
TURNS = 8  # of a loop, each with all registers as they were
LIVELOCK, HANG, ELSEWHERE = "livelock", "hang", "elsewhere"
PIECE = 1024  # bytes read at a time; a packet has room for less than twice as many


class Guest:
    """One boot. Raises Ended when the machine is gone, Stop when it does what it must not."""

    def __init__(self, command, directory, symbols, show):
        self.symbols, self.show = symbols, show
        self.round = symbols["external_round"].address
        self.told = symbols["external_told"].address
        self.code = set()  # of the design: where a loop is one
        self.events = b""  # of the running case
        self.patience = LATE_S
        self.now = {}  # the registers, while it is stopped
        gdb, qmp = (os.path.join(directory, name) for name in ("gdb", "qmp"))
        for path in (gdb, qmp):
            if os.path.exists(path):  # of the boot before
                os.unlink(path)
        more = ["-S", "-gdb", f"unix:{gdb},server=on,wait=off"]
        more += ["-qmp", f"unix:{qmp},server=on,wait=off"]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        self.qemu = subprocess.Popen([*command, *more], **pipes)
        self.lines = queue.Queue()
        threading.Thread(target=self.read_lines, daemon=True).start()
        try:
            self.monitor = Monitor(qmp, self.qemu)
            self.remote = Remote(gdb)
            self.remote.insert(self.round)
        except BaseException:
            self.kill()
            raise

    def kill(self):
        self.qemu.kill()
        self.qemu.wait()

    def has_ended(self):
        """Whether QEMU is gone by itself, as it is when the machine resets."""
        try:
            self.qemu.wait(LIMIT_S)
            return True
        except subprocess.TimeoutExpired:
            return False

    # the serial line

    def read_lines(self):
        """Always, so that the guest never has to wait for us. None is the end."""
        for line in self.qemu.stdout:
            self.lines.put(line.decode("utf-8", "replace").rstrip("\r\n"))
        self.lines.put(None)

    def find(self, pattern):
        """The match of the next line that is of @pattern; what comes before it is shown."""
        while True:
            try:
                line = self.lines.get(timeout=LIMIT_S)
            except queue.Empty:
                raise Stop(f"the guest does not say '{pattern.pattern}'") from None
            if line is None:
                raise Ended(f"the guest ended before it said '{pattern.pattern}'")
            found = pattern.fullmatch(line)
            if found:
                return found
            self.show(line)

    def finish(self):
        """QEMU's status, when all lines have been shown."""
        for line in iter(self.lines.get, None):
            self.show(line)
        return self.qemu.wait()

    # running and stopping

    def look(self):
        self.now = self.remote.registers()
        return self.now["rip"]

    def pass_by(self, address):
        """From a breakpoint on, which would stop us again."""
        self.remote.remove(address)
        while self.look() == address:
            self.remote.step()
        self.remote.insert(address)

    def leave_round(self):
        """Go on from external_round(), through what is no case."""
        self.pass_by(self.round)
        self.remote.go()

    def come_round(self, seconds):
        """Whether it comes to external_round(), and does not end."""
        end = time.monotonic() + seconds
        try:
            while self.remote.stopped(end - time.monotonic()):
                if self.look() == self.round:
                    return True
                self.remote.go()
        except Ended:
            return False
        raise Stop(f"the guest takes more than {seconds} s")

    def state(self):
        """The registers, but for RF, which tells how it came here."""
        now = self.remote.registers()
        return {**now, "rflags": now["rflags"] & ~EFLAGS_RF}

    def loops(self):
        """Whether it comes to the same instruction again and again with the same registers."""
        first = self.state()
        if first["rip"] not in self.code:
            return False
        for _ in range(TURNS):
            self.remote.step()
            self.remote.insert(first["rip"])
            self.remote.go()
            if not self.remote.stopped(LOOP_S):
                self.remote.interrupt()
            self.remote.remove(first["rip"])
            if self.state() != first:
                return False
        return True

    def wait(self, *stops):
        """Until it stops at one of them: "", or LIVELOCK, HANG. It is stopped in any case."""
        end = time.monotonic() + LIMIT_S
        while True:
            came = self.remote.stopped(self.patience)
            if not came:
                self.remote.interrupt()
            there = self.look() in stops
            if came and there:
                return ""
            if not came and not there and self.loops():
                return LIVELOCK
            if time.monotonic() > end:
                return HANG
            # It may stop at once: where it is, or a second time for a stop that we know.
            self.remote.go()

    def run_to(self, address, passes=0):
        """Go on to an address, and pass it so often: "", or what there is instead; ELSEWHERE is
        external_round()."""
        self.remote.insert(address)
        self.remote.go()
        wrong = self.wait(address, self.round)
        while not wrong and passes and self.now["rip"] == address:
            passes -= 1
            self.pass_by(address)
            self.remote.go()
            wrong = self.wait(address, self.round)
        self.remote.remove(address)
        return wrong or ("" if self.now["rip"] == address else ELSEWHERE)

    def end_case(self):
        """Go on to external_round(): "", LIVELOCK or HANG."""
        self.remote.go()
        return self.wait(self.round)

    # what it is told

    def tell(self, wish, cases=0, differ=0):
        self.remote.write(self.told, WISH.pack(wish, cases, differ))

    def begin_case(self, base, loops):
        """From external_round() to the instruction of the base context where it is interrupted.

        @loops: whether a loop is expected; it only takes more time to find one that is not.
        """
        self.patience = SOON_S if loops else LATE_S
        self.tell(RUN)
        self.events = b""
        self.remote.remove(self.round)  # or it would stop us again
        self.remote.insert(base)
        self.remote.go()
        if self.wait(base):
            raise Stop("the guest does not begin a case")
        self.remote.remove(base)
        self.remote.insert(self.round)

    def raise_event(self, vector):
        """Where it is stopped, before that instruction executes; and tell the guest."""
        self.events += EVENT.pack(vector, *(self.now.get(name, 0) for name in FRAME))
        count = struct.pack("<Q", len(self.events) // EVENT.size)
        self.remote.write(self.told + COUNT_AT, count + self.events)
        if vector == NMI:
            self.monitor.do("inject-nmi")
        else:
            said = self.monitor.do("human-monitor-command", **{"command-line": MCE}).strip()
            if said:
                raise Stop(f"mce: {said}")

    def give_up(self):
        """Out of a loop, by the guest's own way back."""
        rip, stack = self.symbols["external_give_up"], self.symbols["lab_step_stack"]
        rsp = stack.address + stack.size - 8  # as behind a CALL
        self.remote.set_registers(rip=rip.address, rsp=rsp, rflags=EFLAGS_FIXED)
        if self.end_case():
            raise Stop("the guest does not come back from a loop")

    def read(self, address, size):
        pieces = range(address, address + size, PIECE)
        return b"".join(self.remote.read(at, min(PIECE, address + size - at)) for at in pieces)
