# SPDX-License-Identifier: MIT
"""The event trace (word `events`) as pictures: which stack runs, and where NMIs are blocked.

A trace repeats itself thousands of times, so it is cut into episodes, each from the first entry to
the last exit, and every shape of an episode is drawn once, with how often it came. An event is a
step of the picture: printing the trace takes most of the time, so time is not drawn to scale.
"""

import re
from dataclasses import dataclass, field

from . import excerpt
from .markup import escape, plural

EVENT = re.compile(
    r"# ev t=([0-9]+) what=(enter|leave) vec=([0-9]+) ist=([0-9]+)"
    r" rsp=(0x[0-9a-f]+) rip=(0x[0-9a-f]+)"
)
VECTORS = {1: "#DB", 2: "NMI", 8: "#DF", 18: "#MC"}
NMI = 2
SHAPES, DRAWN, LENGTH = 1000, 12, 40  # told apart; drawn; events of an episode
STEP, LANE, LEFT = 96, 30, 150  # pixels


@dataclass
class Event:
    time: int
    what: str
    vector: int
    ist: int
    rsp: int
    rip: int


@dataclass
class Frame:
    """A handler from its entry to its exit. @end is None if the log has no exit."""

    vector: int
    ist: int
    rsp: int
    lane: str
    start: int
    rip: int
    overwrites: bool = False
    end: int = None


@dataclass
class Episode:
    """Frames and, for each step, who runs (None: what was interrupted) and if NMIs are blocked."""

    frames: list = field(default_factory=list)
    running: list = field(default_factory=lambda: [None])
    blocked: list = field(default_factory=lambda: [False])
    times: list = field(default_factory=list)
    count: int = 1

    def shape(self):
        frames = [(f.vector, f.lane, f.start, f.end, f.overwrites) for f in self.frames]
        return tuple(frames), tuple(self.blocked)

    def deepest(self):
        last = len(self.running)
        return max(
            sum(f.start <= step < (f.end or last) for f in self.frames) for step in range(last)
        )


class Tracer:
    """Feed it events in order; it keeps one episode of each shape."""

    def __init__(self):
        self.live, self.episode, self.shapes = [], Episode(), {}
        self.strays = self.total = 0

    def feed(self, event):
        if event.what == "enter":
            self.enter(event)
        elif any((f.vector, f.ist) == (event.vector, event.ist) for f in self.live):
            self.leave(event)
        else:
            self.strays += 1

    def step(self, event, blocked):
        self.episode.times.append(event.time)
        self.episode.running.append(self.live[-1] if self.live else None)
        self.episode.blocked.append(blocked)

    def enter(self, event):
        same = [f for f in self.live if f.ist == event.ist]
        overwrites = any(event.rsp >= f.rsp for f in same)
        slot = len({f.rsp for f in same if f.rsp > event.rsp})
        lane = f"IST{event.ist}" if event.ist else "the same stack"
        frame = Frame(
            event.vector,
            event.ist,
            event.rsp,
            lane + (f", slot {slot + 1}" if slot else ""),
            len(self.episode.running),
            event.rip,
            overwrites,
        )
        self.live.append(frame)
        self.episode.frames.append(frame)
        self.step(event, event.vector == NMI or self.episode.blocked[-1])

    def leave(self, event):
        while True:
            frame = self.live.pop()
            if (frame.vector, frame.ist) == (event.vector, event.ist):
                break
        frame.end = len(self.episode.running)
        self.step(event, False)  # any IRET unblocks: SDM vol. 3, "Handling Multiple NMIs"
        if not self.live:
            self.close()

    def close(self):
        """The end of an episode, or of the log."""
        episode, self.episode, self.live = self.episode, Episode(), []
        if not episode.frames:
            return
        self.total += 1
        known = self.shapes.get(episode.shape())
        if known:
            known.count += 1
        elif len(self.shapes) < SHAPES:
            self.shapes[episode.shape()] = episode

    def looks(self):
        """Equal for traces whose pictures and captions are."""
        shapes = tuple((shape, episode.count) for shape, episode in self.shapes.items())
        return shapes, self.total, self.strays


def read(path):
    """The traced episodes of a log. Raises OSError."""
    tracer = Tracer()
    for line in excerpt.lines_of(path):
        found = EVENT.fullmatch(line)
        if found:
            time, what, vector, ist, rsp, rip = found.groups()
            numbers = int(vector), int(ist), int(rsp, 16), int(rip, 16)
            tracer.feed(Event(int(time), what, *numbers))
            if len(tracer.episode.running) > LENGTH:
                tracer.close()
    tracer.close()
    return tracer


def chosen(tracer):
    """The episodes to draw: the deepest, then the most frequent."""
    found = sorted(tracer.shapes.values(), key=lambda e: (-e.deepest(), -e.count, e.times[0]))
    return found[:DRAWN]


def vector_name(vector):
    return VECTORS.get(vector, f"vector {vector}")


def caption(episode):
    """One line that says what the picture shows."""
    names = " → ".join(f"{vector_name(f.vector)} on {f.lane}" for f in episode.frames)
    often = "once" if episode.count == 1 else f"{episode.count:,} times".replace(",", "\u202f")
    lost = sum(f.end is None for f in episode.frames)
    said = [f"{names}: {often}"]
    if any(f.overwrites for f in episode.frames):
        said.append("the same stack again, over a frame that is still needed")
    if lost:
        said.append(f"{plural(lost, 'handler')} never left")
    return "; ".join(said)


def box(kind, start, end, y, height, title):
    x, width = LEFT + start * STEP, (end - start) * STEP
    return (
        f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}">'
        f"<title>{escape(title)}</title></rect>"
    )


def running_boxes(episode, frame, y, kind, title):
    """Where in its life a frame is not suspended by another one."""
    for step, runs in enumerate(episode.running):
        if runs is frame:
            yield box(kind, step, step + 1, y, LANE - 10, title)


def frame_boxes(episode, frame, y):
    last = len(episode.running)
    end = frame.end or last
    title = f"{vector_name(frame.vector)} on {frame.lane}, rsp={frame.rsp:#x}"
    title += f", interrupted {frame.rip:#x}"
    if frame.end:
        cycles = episode.times[frame.end - 1] - episode.times[frame.start - 1]
        title += f", {cycles} cycles with the printing of the trace"
    if frame.overwrites:
        title += "; its frame overwrites one that is still needed"
    wrong = " wrong" if frame.overwrites or not frame.end else ""
    yield box("held" + wrong, frame.start, end, y, LANE - 10, title)
    yield from running_boxes(episode, frame, y, "run" + wrong, title)
    x = LEFT + frame.start * STEP + 6
    yield f'<text class="inside" x="{x}" y="{y + 14}">{vector_name(frame.vector)}</text>'


def blocked_boxes(blocked, y):
    for step, held in enumerate(blocked):
        if held:
            yield box("blocked", step, step + 1, y, 8, "NMIs are blocked")


def marks(episode, height):
    """The steps: what happened, above a line through all lanes."""
    ends = {f.end: f for f in episode.frames if f.end}
    starts = {f.start: f for f in episode.frames}
    for step in range(1, len(episode.running)):
        x = LEFT + step * STEP
        word = vector_name(starts[step].vector) if step in starts else "IRET"
        if step not in starts and step not in ends:
            continue
        yield f'<path class="lead" d="M{x} 18V{height - 4}"/>'
        yield f'<text class="label" x="{x}" y="12">{word}</text>'


def svg(episode):
    lanes = ["interrupted code", *dict.fromkeys(f.lane for f in episode.frames)]
    y_of = {lane: 24 + i * LANE for i, lane in enumerate(lanes)}
    steps, strip = len(episode.running), 24 + len(lanes) * LANE
    height = strip + 18
    parts = [*marks(episode, height)]
    for lane, y in y_of.items():
        parts.append(f'<text class="lane" x="0" y="{y + 14}">{escape(lane)}</text>')
    parts.append(f'<text class="lane" x="0" y="{strip + 9}">NMIs blocked</text>')
    parts.append(box("held", 0, steps, y_of[lanes[0]], LANE - 10, "what was interrupted"))
    parts += running_boxes(episode, None, y_of[lanes[0]], "run", "it runs")
    for frame in episode.frames:
        parts += frame_boxes(episode, frame, y_of[frame.lane])
    parts += blocked_boxes(episode.blocked, strip)
    width = LEFT + steps * STEP
    return (
        f'<svg class="timeline" viewBox="0 0 {width} {height}" width="{width}" role="img">'
        f"<title>{escape(caption(episode))}</title>{''.join(parts)}</svg>"
    )
