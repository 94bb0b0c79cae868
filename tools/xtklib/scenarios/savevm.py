#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A QEMU that is stopped while the guest holds its registers, and goes on as another process.

savevm.py DIR COMMAND...: COMMAND is QEMU with its serial line on standard input and output. When the
guest says that it waits, it is stopped and its state saved to a file in DIR by a migration; a second
QEMU with the same COMMAND loads the file, goes on, and the guest gets its byte. What both say on the
serial line is this program's output. Status: that of the second QEMU; 1 if it does not come so far.
"""

import json
import os
import shlex
import socket
import subprocess
import sys
import time

WAITS = b"# scenario: waiting for a byte on COM1"
POLL_S = 0.05


class Stop(Exception):
    """Why it goes no further."""


class Monitor:
    """QEMU's machine protocol, one command after the other."""

    def __init__(self, path, qemu):
        self.socket = socket.socket(socket.AF_UNIX)
        while self.socket.connect_ex(path):
            if qemu.poll() is not None:
                raise Stop(f"QEMU ended with status {qemu.returncode} before its monitor was there")
            time.sleep(POLL_S)
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.answer()  # the greeting
        self.do("qmp_capabilities")

    def answer(self):
        """The next message that is no event."""
        for line in self.file:
            message = json.loads(line)
            if "event" not in message:
                return message
        raise Stop("QEMU closed its monitor")

    def do(self, command, **arguments):
        json.dump({"execute": command, "arguments": arguments}, self.file)
        self.file.write("\n")
        self.file.flush()
        message = self.answer()
        if "error" in message:
            raise Stop(f"{command}: {message['error']['desc']}")
        return message["return"]

    def wait_for_migration(self):
        while True:
            said = self.do("query-migrate")
            status = said.get("status", "none")
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise Stop(f"migrate: {said.get('error-desc', status)}")
            time.sleep(POLL_S)


def copy(qemu, until=None):
    """Copy the serial text to our output, to its end or to the line @until. Whether that came."""
    for line in qemu.stdout:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        if until and line.startswith(until):
            return True
    return False


def start(command, monitor, *more):
    more = ["-qmp", f"unix:{monitor},server=on,wait=off", *more]
    return subprocess.Popen([*command, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def save(command, directory, state):
    """The first half. Whether the guest came so far as to wait."""
    path = os.path.join(directory, "first.qmp")
    qemu = start(command, path)
    try:
        monitor = Monitor(path, qemu)
        if not copy(qemu, until=WAITS):
            return False
        monitor.do("stop")
        monitor.do("migrate", uri=f"exec:cat > {shlex.quote(state)}")
        monitor.wait_for_migration()
        return True
    finally:
        qemu.kill()
        qemu.wait()


def go_on(command, directory, state):
    """The second half. QEMU's status."""
    path = os.path.join(directory, "second.qmp")
    qemu = start(command, path, "-incoming", f"exec:cat {shlex.quote(state)}")
    try:
        monitor = Monitor(path, qemu)
        while monitor.do("query-status")["status"] == "inmigrate":
            time.sleep(POLL_S)
        monitor.do("cont")
        qemu.stdin.write(b"\n")
        qemu.stdin.flush()
        copy(qemu)
        return qemu.wait()
    finally:
        qemu.kill()
        qemu.wait()


def main(directory, *command):
    state = os.path.join(directory, "state")
    try:
        return go_on(command, directory, state) if save(command, directory, state) else 1
    except (Stop, OSError) as why:
        print(f"savevm: {why}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
