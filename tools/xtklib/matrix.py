# SPDX-License-Identifier: MIT
"""Many jobs at once, each one's result safe in result.json as soon as it is there."""

import os
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from . import engines, expect, ktap, process, result, rundir, screen
from .boot import BUILD
from .measure import measure
from .take import take
from .usage import Usage

REDRAW_S = 0.2


@dataclass
class Ask:
    """How each job is to be measured."""

    isolate: bool
    retry: int
    timeout: float
    silence: float


@dataclass
class Session:
    """One call of `xtk matrix`: what it has measured, and what it could not."""

    directory: str
    runs: list = field(default_factory=list)
    left_out: list = field(default_factory=list)  # (name, why): not to be run on this machine
    refused: list = field(default_factory=list)  # (name, why): an emulator that did not start
    interrupted: bool = False

    def record(self, run):
        """Keep a run, come what may later."""
        self.runs = sorted([*self.runs, run], key=lambda run: run["log"])
        self.write()

    def write(self):
        """Raises Full."""
        try:
            result.write(self.directory, self.runs)
        except OSError as error:
            remedy = "mend that, then go on with --resume"
            raise rundir.Full(f"{self.directory}: {error.strerror}: {remedy}") from None


def to_do(directory, jobs, runs):
    """The jobs that are not among the @runs of an earlier session. Raises Usage."""
    found = {screen.name_of(run): run for run in runs}
    for one in jobs:
        run = found.get(one.name)
        if run and (run["words"], run["smp"]) != (one.words, one.platform.smp):
            raise Usage(f"--resume: {one.name} was another job in {directory}: name another -o DIR")
    if runs:
        check_images(directory, runs)
    return [one for one in jobs if one.name not in found]


def check_images(directory, runs):
    """Results of two builds in one file would be those of neither. Raises Usage."""
    try:
        oldest = min(os.path.getmtime(os.path.join(directory, run["log"])) for run in runs)
    except OSError as error:
        raise Usage(f"--resume: {error.filename}: {error.strerror}: name another -o DIR") from None
    for image in (os.path.join(BUILD, name) for name in ("xtk.elf", "xtk.iso")):
        if os.path.exists(image) and os.path.getmtime(image) > oldest:
            raise Usage(f"--resume: {image} is newer than {directory}: name another -o DIR")


def work(job, ask, directory, lines, progress):
    """Measure one job: (its run for result.json, whether it is red, the counts in words)."""

    def take_of(words, name):
        names = [job.name, name.replace("/", ".")] if name else [job.name]
        boot = job.platform.to_boot()
        boot.boot, boot.words = job.boot, words
        boot.timeout, boot.silence = ask.timeout, ask.silence
        boot.log = rundir.fresh_log(directory, *names)
        progress.started(job.name, boot.log)
        return take(boot, directory)

    boot, log = measure(take_of, job.words, lines, ask.isolate, ask.retry)
    comparison = expect.compare(log.tests, lines, selective=True)
    run = result.run_json(boot, engines.version(boot), log, comparison)
    return run, screen.judge(run, lines).status != ktap.PASSED, screen.in_words(run)


def take_in(session, job, future, progress):
    """What came of one job."""
    try:
        run, red, words = future.result()
    except rundir.Full:
        raise
    except Usage as error:
        session.refused.append((job.name, str(error)))
        progress.finished(job.name, str(error), red=True)
        return
    session.record(run)
    progress.finished(job.name, words, red)


def finish(pool, futures, session, progress):
    """After an interruption: end every child, and keep what was complete before."""
    process.stop()
    pool.shutdown(cancel_futures=True)
    for future, job in futures.items():
        if future.done() and not future.cancelled() and not future.exception():
            take_in(session, job, future, progress)


def carry_out(jobs, workers, work, session, progress):
    """work(job) -> (run, red, words) for all @jobs, @workers at a time.

    Raises Full when results cannot be kept any more; all children are ended by then.
    """
    process.go()
    pool = ThreadPoolExecutor(max_workers=workers)
    futures = {}
    try:
        futures.update((pool.submit(work, job), job) for job in jobs)
        waiting = set(futures)
        while waiting:
            timeout = REDRAW_S if progress.live else None
            done, waiting = wait(waiting, timeout=timeout, return_when=FIRST_COMPLETED)
            for future in done:
                take_in(session, futures.pop(future), future, progress)
            progress.redraw()
    except KeyboardInterrupt:
        session.interrupted = True
        finish(pool, futures, session, progress)
    except BaseException:
        process.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        progress.close()
