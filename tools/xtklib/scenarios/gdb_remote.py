# SPDX-License-Identifier: MIT
"""QEMU's gdbstub, spoken to directly: stop, look, write, go on.

GDB manual, appendix "GDB Remote Serial Protocol". One packet is answered before the next is sent,
but for the two that let the machine run: their answer, the stop, may take any time. TCG keeps these
breakpoints beside the code, so that no byte of the guest changes.
"""

import select
import socket
import struct

INTERRUPT = b"\x03"
SIZE = 1 << 16
# What `g` begins with for x86-64 without a target description: 16 GPRs and RIP of 8 bytes, RFLAGS
# and six segment registers of 4.
GENERAL = struct.Struct("<17Q7I")
NAMES = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip rflags cs ss".split()


class Ended(Exception):
    """The machine is gone, or says what it must not."""


def framed(data):
    return b"$%b#%02x" % (data, sum(data) & 0xFF)


class Remote:
    """A machine that is stopped, unless it was told to run and has not stopped since."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.buffer = b""

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Ended(f"the gdbstub is gone: {error.strerror}") from None

    def fill(self, seconds):
        """Read on. Whether anything came in time; None waits for ever."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return False
        try:
            more = self.socket.recv(SIZE)
        except OSError:
            more = b""
        if not more:
            raise Ended("QEMU closed its gdbstub")
        self.buffer += more
        return True

    def receive(self, seconds=None):
        """The next packet's text; None if it does not come in time."""
        while True:
            begin = self.buffer.find(b"$")
            end = self.buffer.find(b"#", begin)
            if begin >= 0 and end >= 0 and len(self.buffer) >= end + 3:
                packet, self.buffer = self.buffer[begin + 1 : end], self.buffer[end + 3 :]
                self.send(b"+")  # or the stub takes no INTERRUPT
                return packet.decode("ascii")
            if not self.fill(seconds):
                return None

    def expect(self, want, answer):
        if answer != want:
            raise Ended(f"the gdbstub answers '{answer}', not '{want}'")

    def ask(self, text):
        self.send(framed(text.encode("ascii")))
        return self.receive()

    def order(self, text):
        self.expect("OK", self.ask(text))

    def insert(self, address):
        self.order(f"Z0,{address:x},1")

    def remove(self, address):
        self.order(f"z0,{address:x},1")

    def go(self):
        self.send(framed(b"c"))

    def step(self):
        if not self.ask("s").startswith("T"):
            raise Ended("a step does not stop")

    def stopped(self, seconds=None):
        """Whether the machine has stopped, at the latest after that time."""
        answer = self.receive(seconds)
        if answer and answer[0] in "WX":
            raise Ended("the machine ended")
        return answer is not None

    def interrupt(self):
        """Stop it wherever it is."""
        self.send(INTERRUPT)
        self.stopped()

    def registers(self):
        """{name: value}"""
        found = bytes.fromhex(self.ask("g"))
        return dict(zip(NAMES, GENERAL.unpack_from(found)))

    def set_registers(self, **values):
        """By writing all of them; the stub takes single ones only after other questions."""
        whole = bytearray(bytes.fromhex(self.ask("g")))
        found = dict(zip(NAMES, GENERAL.unpack_from(whole)))
        rest = GENERAL.unpack_from(whole)[len(NAMES) :]
        GENERAL.pack_into(whole, 0, *{**found, **values}.values(), *rest)
        self.order("G" + whole.hex())

    def read(self, address, size):
        answer = self.ask(f"m{address:x},{size:x}")
        if len(answer) != 2 * size:
            raise Ended(f"no memory at {address:#x}: '{answer}'")
        return bytes.fromhex(answer)

    def write(self, address, data):
        self.order(f"M{address:x},{len(data):x}:{data.hex()}")
