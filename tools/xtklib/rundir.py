# SPDX-License-Identifier: MIT
"""The directory of a run: DIR/result.json, DIR/ist.json and DIR/logs/, for one run at a time."""

import contextlib
import errno
import fcntl
import os
import shutil

from .usage import Usage

RESULT = "result.json"
IST = "ist.json"  # made from it: see ist_table
LOGS = "logs"
ROOM = 64 * 1024  # with less than this left, a log may have been cut
FULL_DISK = "the disk is full: free some space ('xtk matrix' goes on with --resume)"


class Full(Usage):
    """Nothing more can be kept; what was measured is."""


def make(path):
    """Raises Usage."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise Full(f"{path}: {FULL_DISK}") from None
        raise Usage(f"-o {path}: {error.strerror}: name a directory that can be made") from None


def empty(path):
    """Remove what an earlier run has written, and nothing else."""
    shutil.rmtree(os.path.join(path, LOGS), ignore_errors=True)
    for name in (RESULT, IST):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(path, name))


@contextlib.contextmanager
def claim(path, replace=False, resume=False):
    """Make @path and keep other runs out of it. @replace: an earlier run's result goes.

    Raises Usage when another run is writing there, or has written there and may not be replaced.
    """
    make(path)
    lock = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Usage(f"-o {path}: another run is writing there: name another one") from None
        if replace and not resume:
            empty(path)
        elif not resume and os.path.exists(os.path.join(path, RESULT)):
            remedy = "name another directory ('xtk matrix' goes on with --resume)"
            raise Usage(f"-o {path}: has the result of another run: {remedy}")
        make(os.path.join(path, LOGS))
        yield
    finally:
        os.close(lock)


def fresh_log(path, *names):
    """The path of a log that does not exist yet; what an interrupted boot left is put aside."""
    log = os.path.join(path, LOGS, *names) + ".log"
    make(os.path.dirname(log))
    number = 1
    while os.path.exists(log) and os.path.exists(f"{log}.cut{number}"):
        number += 1
    if os.path.exists(log):
        os.rename(log, f"{log}.cut{number}")
    return log


def check_space(path):
    """A log that a full disk has cut is no result. Raises Full."""
    if shutil.disk_usage(path).free < ROOM:
        raise Full(f"{path}: {FULL_DISK}")
