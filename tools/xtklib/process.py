# SPDX-License-Identifier: MIT
"""Runs one program under watch: its output in files, its end certain, nothing of it left behind.

Every program is the head of a session of its own, and the whole process group ends with it: on a
limit, on Ctrl-C, and after its own end, should it leave others behind. Several threads may each run
one; stop() ends them all. Linux only (pidfd_open, from 5.3 on).
"""

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from dataclasses import dataclass

POLL_S = 0.02  # how often the log is looked at
GRACE_S = 2.0  # between SIGTERM and SIGKILL
CAP = 64 << 20  # bytes of a log; the largest honest one has a few megabytes
SAID_CAP = 64 << 10  # bytes of the program's own words that are kept
# For subprocess.run(), where a program is only asked something; it may answer in any bytes.
TEXT = {"capture_output": True, "text": True, "errors": "replace"}
# Ends a process group when we are killed and cannot. It reads the group's number, and then a line
# that says that all is well; when we are killed, its input ends without that.
GUARD = "read -r group && { read -r _ || kill -s KILL -- -$group; }"

stopping = threading.Event()


@dataclass
class Command:
    """What is to be run. The log is watched: it is @output, unless the program writes it itself."""

    argv: list
    log: str
    output: str  # file for standard output
    said: str  # file for standard error; may be the same as @output
    cwd: str = None


@dataclass
class Outcome:
    status: int  # exit status; negative: the signal that ended it
    ended: str  # exit, timeout, silence, flood, interrupted
    wall_s: float


def stop():
    """End every run(), those that are about to start too; from any thread. See go()."""
    stopping.set()


def go():
    """Allow runs again after stop()."""
    stopping.clear()


def start_guard():
    """The process of a GUARD."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    pipe = {"stdin": subprocess.PIPE, "bufsize": 0}
    return subprocess.Popen(["/bin/sh", "-c", GUARD], start_new_session=True, **pipe, **silent)


def start_child(command):
    with contextlib.ExitStack() as files:
        output = files.enter_context(open(command.output, "wb"))
        same = command.said == command.output
        said = subprocess.STDOUT if same else files.enter_context(open(command.said, "wb"))
        return subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=said,
            cwd=command.cwd,
            start_new_session=True,
        )


def start(command):
    """(child, pidfd, guard). Raises OSError when it cannot be executed or a file not be written."""
    guard = start_guard()  # first, so that the child is alone for as short as can be
    child = None
    try:
        child = start_child(command)
        guard.stdin.write(b"%d\n" % child.pid)
        return child, os.pidfd_open(child.pid), guard
    except BaseException:
        if child:
            kill(child)
        guard.communicate(b"\n")
        raise


@contextlib.contextmanager
def signals_later():
    """The signals that Python functions handle are put off, into the list that this yields.

    One that raised while a child is born would leave it without anybody who ends it.
    """
    later = []
    before = {}
    if threading.current_thread() is threading.main_thread():  # no other one is disturbed
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.getsignal(number) for number in numbers}
        before = {number: handler for number, handler in before.items() if callable(handler)}
    for number in before:
        signal.signal(number, lambda number, _frame: later.append(number))
    try:
        yield later
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def size_of(path):
    try:
        return os.stat(path).st_size
    except FileNotFoundError:  # a program that writes the log itself has not begun
        return 0


def has_ended(fd, seconds):
    """Wait that long at most for the process behind a pidfd."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def watch(fd, log, timeout, silence, cap, tick):
    """Wait until the process behind the pidfd ends, or a limit: what ended it."""
    begin = last = time.monotonic()
    size = 0
    while True:
        ready = has_ended(fd, POLL_S)
        now = time.monotonic()
        before, size = size, size_of(log)
        last = now if size != before else last
        if size > cap:  # also when it has ended by itself
            return "flood"
        if tick:
            tick(size)
        if ready:
            return "exit"
        if stopping.is_set():
            return "interrupted"
        if timeout and now - begin >= timeout:
            return "timeout"
        if silence and now - last >= silence:
            return "silence"


def end(child, fd):
    """End what is left of the process group. The child's number is its own until it is reaped."""
    try:
        if not has_ended(fd, 0):
            os.killpg(child.pid, signal.SIGTERM)
            has_ended(fd, GRACE_S)
    finally:
        kill(child)


def kill(child):
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def run(command, timeout=0, silence=0, cap=CAP, tick=None):
    """Run @command to its end: an Outcome.

    timeout: seconds in all. silence: seconds in which the log does not grow. 0 is no limit. cap:
    bytes of the log. tick(size) is called every POLL_S with the size of the log, and at the end,
    but not beyond the cap. Raises OSError when the program does not start, and
    KeyboardInterrupt once it has ended.
    """
    begin = time.monotonic()
    with signals_later() as later:
        child, fd, guard = start(command)
    try:
        for number in later:
            signal.raise_signal(number)
        ended = watch(fd, command.log, timeout, silence, cap, tick)
    finally:
        try:
            end(child, fd)
        finally:
            os.close(fd)
            guard.communicate(b"\n")
    return Outcome(child.returncode, ended, round(time.monotonic() - begin, 3))


def said(path):
    """The first words of a file that a program wrote, as text."""
    with open(path, "rb") as file:
        return file.read(SAID_CAP).decode("utf-8", "replace")
