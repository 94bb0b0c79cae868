# SPDX-License-Identifier: MIT
"""What a person sees while the matrix runs.

On a terminal: the line of each finished job, and below them one line for each running boot, the
totals, and the time that is left; that part is redrawn in place. Elsewhere only the finished jobs.
"""

import os
import re
import time
from dataclasses import dataclass, field

RESULT = re.compile(rb"^(?:not )?ok [0-9]", re.MULTILINE)
PLAN = re.compile(rb"^1\.\.([0-9]+)\r*$", re.MULTILINE)
UP, CLEAR_LINE, CLEAR_BELOW = "\x1b[{}A", "\x1b[K", "\x1b[J"
RED, GREEN, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"


@dataclass
class Running:
    """One boot of which results are awaited."""

    name: str
    log: str
    since: float = field(default_factory=time.monotonic)
    read: int = 0  # bytes of the log, up to the last whole line
    results: int = 0
    planned: int = 0

    def look(self):
        """Count what the log says more than last time."""
        try:
            with open(self.log, "rb") as file:
                file.seek(self.read)
                text = file.read()
        except OSError:
            return  # the emulator has not opened it yet
        text = text[: text.rfind(b"\n") + 1]
        self.read += len(text)
        self.results += len(RESULT.findall(text))
        plan = PLAN.search(text)
        self.planned = int(plan[1]) if plan else self.planned

    def line(self, now):
        self.look()
        state = f"{self.results} of {self.planned} tests" if self.planned else "starting"
        return f"{now - self.since:7.1f} s  {self.name}  {state}"


def clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Progress:
    """Written to @stream by one thread; started() and finished() may come from any."""

    def __init__(self, stream, total):
        self.stream, self.total = stream, total
        self.live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.colour = self.live and not os.environ.get("NO_COLOR")
        self.running = {}
        self.done = self.red = self.drawn = 0
        self.since = time.monotonic()

    def started(self, name, log):
        self.running[name] = Running(name, log)

    def finished(self, name, text, red=False):
        """The job @name is done; @text is the rest of its line."""
        self.running.pop(name, None)
        self.done += 1
        self.red += red
        text = f"[{self.done}/{self.total}] {name}: {text}"
        if self.colour:
            text = (RED if red else GREEN) + text + PLAIN
        self.write([text])

    def totals(self, now):
        elapsed = now - self.since
        text = f"{self.done} of {self.total} done, {self.red} not as expected, {clock(elapsed)}"
        if self.done:
            left = elapsed / self.done * (self.total - self.done)
            text += f", {clock(left)} left"
        return text

    def size(self):
        """(columns, rows) of the terminal; 80 by 24 where it does not say."""
        try:
            columns, rows = os.get_terminal_size(self.stream.fileno())
        except OSError:
            columns, rows = 0, 0
        return columns or 80, rows or 24

    def frame(self):
        """The lines below the finished ones, cut to what the terminal shows without scrolling."""
        now = time.monotonic()
        columns, rows = self.size()
        lines = [running.line(now) for running in list(self.running.values())]
        shown = max(rows - 2, 1)
        if len(lines) > shown:
            lines[shown - 1 :] = [f"  and {len(lines) - shown + 1} more"]
        return [line[: columns - 1] for line in [*lines, self.totals(now)]]

    def redraw(self):
        if self.live:
            self.write([])

    def write(self, above, last=False):
        """Put @above over the frame, all in one write so that nothing flickers."""
        frame = [] if last or not self.live else self.frame()
        text = "\r" + UP.format(self.drawn) if self.drawn else ""
        ending = (CLEAR_LINE if self.live else "") + "\n"
        text += "".join(line + ending for line in [*above, *frame])
        self.stream.write(text + (CLEAR_BELOW if self.live else ""))
        self.stream.flush()
        self.drawn = len(frame)

    def close(self):
        """Clear what is redrawn; the finished lines stay."""
        if self.live:
            self.write([], last=True)
