# SPDX-License-Identifier: MIT
"""The event trace (word `events`) as pictures: which stack runs, and where NMIs are blocked.

A trace repeats itself thousands of times, so it is cut into episodes, each from the first entry to
the last exit, and every shape of an episode is drawn once, with how often it came. An event is a
step of the picture: printing the trace takes most of the time, so time is not drawn to scale.

A kernel that only says when a handler begins and ends leaves it open when the event was delivered.
The laboratory says it all: deliver, enter, leave, iret.
"""

import re
from dataclasses import dataclass, field

from . import excerpt
from .markup import escape, figure, plural

EVENT = re.compile(
    r"# ev t=([0-9]+) what=(deliver|enter|leave|iret)"
    r"((?: (?:vec|ist|level)=[0-9]+| rsp=0x[0-9a-f]+| rip=[^\s=]+)+)"
)
VECTORS = {1: "#DB", 2: "NMI", 8: "#DF", 18: "#MC"}
NMI = 2
SHAPES, DRAWN, LENGTH = 1000, 12, 40  # told apart; drawn; events of an episode
STEP, LANE, LEFT = 96, 30, 150  # pixels


@dataclass
class Event:
    time: int
    what: str
    vector: int  # None: not said, as of an IRET
    ist: int  # None: not said
    rsp: int
    rip: str


@dataclass
class Frame:
    """A handler from its entry to its exit. @end is None if the log has no exit."""

    vector: int
    ist: int
    rsp: int
    lane: str
    start: int
    rip: str
    overwrites: bool = False
    end: int = None
    delivered: bool = False  # the trace has its delivery and its IRET
    phase: str = "handler"  # before that "entry", behind it "exit", where it was delivered


@dataclass
class Episode:
    """Frames and, for each step, who runs (None: what was interrupted) and if NMIs are blocked."""

    frames: list = field(default_factory=list)
    running: list = field(default_factory=lambda: [None])
    blocked: list = field(default_factory=lambda: [False])
    phases: list = field(default_factory=lambda: ["handler"])  # of who runs
    words: list = field(default_factory=lambda: [""])  # what happened at the beginning of the step
    times: list = field(default_factory=list)
    count: int = 1

    def shape(self):
        frames = [(f.vector, f.lane, f.start, f.end, f.overwrites) for f in self.frames]
        return tuple(frames), tuple(self.blocked), tuple(self.words)

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
        top = self.live[-1] if self.live else None
        if event.what == "deliver":
            self.begin(event, "entry")
        elif event.what == "enter":
            if top and (top.vector, top.phase) == (event.vector, "entry"):
                self.go_on(event, top, "handler")
            else:
                self.begin(event, "handler")
        elif event.what == "leave" and top and top.delivered and top.vector == event.vector:
            self.go_on(event, top, "exit")
        elif any(self.is_of(event, frame) for frame in self.live):
            self.end(event)
        else:
            self.strays += 1

    def is_of(self, event, frame):
        """Whether an event ends a frame; an IRET is the innermost one's, unless it says more."""
        if event.what == "iret":
            return event.vector in (None, frame.vector)
        return (event.vector, event.ist) == (frame.vector, frame.ist)

    def lane(self, event, slot):
        if event.ist is None:  # then by vector, each live one in a lane of its own
            live = sum(frame.vector == event.vector for frame in self.live)
            return vector_name(event.vector) + (f", {live + 1}" if live else "")
        lane = f"IST{event.ist}" if event.ist else "the same stack"
        return lane + (f", slot {slot + 1}" if slot else "")

    def step(self, event, word, blocked):
        top = self.live[-1] if self.live else None
        self.episode.times.append(event.time)
        self.episode.running.append(top)
        self.episode.phases.append(top.phase if top else "handler")
        self.episode.words.append(word)
        self.episode.blocked.append(blocked)

    def begin(self, event, phase):
        same = [f for f in self.live if f.ist == event.ist]
        delivered = phase == "entry"
        # Where the delivery is told, only the design knows whether the frame is still needed.
        overwrites = not delivered and any(event.rsp >= f.rsp for f in same)
        slot = len({f.rsp for f in same if f.rsp > event.rsp})
        frame = Frame(
            event.vector,
            event.ist,
            event.rsp,
            self.lane(event, slot),
            len(self.episode.running),
            event.rip,
            overwrites,
            delivered=delivered,
            phase=phase,
        )
        self.live.append(frame)
        self.episode.frames.append(frame)
        blocked = event.vector == NMI or self.episode.blocked[-1]
        self.step(event, vector_name(event.vector), blocked)

    def go_on(self, event, frame, phase):
        frame.phase = phase
        self.step(event, phase, self.episode.blocked[-1])

    def end(self, event):
        first = self.live[0]
        if first is self.live[-1] and first.delivered and event.rip != first.rip:
            self.step(event, "IRET", False)  # not back to what was interrupted: it has no end
            self.close()
            return
        while True:
            frame = self.live.pop()
            if self.is_of(event, frame):
                break
        frame.end = len(self.episode.running)
        self.step(event, "IRET", False)  # any unblocks: SDM vol. 3, "Handling Multiple NMIs"
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


def event_of(line):
    """The Event that a line tells, or None."""
    found = EVENT.fullmatch(line)
    said = dict(word.split("=") for word in found[3].split()) if found else {}
    if not {"rsp", "rip"} <= set(said) or ("vec" not in said and found[2] != "iret"):
        return None
    vector, ist = (int(said[key]) if key in said else None for key in ("vec", "ist"))
    return Event(int(found[1]), found[2], vector, ist, int(said["rsp"], 16), said["rip"])


def read(path):
    """The traced episodes of a log. Raises OSError."""
    tracer = Tracer()
    for line in excerpt.lines_of(path):
        event = event_of(line) if line.startswith("# ev ") else None
        if event:
            tracer.feed(event)
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


def frame_name(frame):
    """The event and its stack, where that is known."""
    name = vector_name(frame.vector)
    return name if frame.ist is None else f"{name} on {frame.lane}"


def caption(episode):
    """One line that says what the picture shows."""
    names = " → ".join(map(frame_name, episode.frames))
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
            stub = "" if episode.phases[step] == "handler" else " stub"
            yield box(kind + stub, step, step + 1, y, LANE - 10, title)


def frame_boxes(episode, frame, y):
    last = len(episode.running)
    end = frame.end or last
    title = f"{frame_name(frame)}, rsp={frame.rsp:#x}, interrupted {frame.rip}"
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
    for step, word in enumerate(episode.words):
        if word:
            x = LEFT + step * STEP
            yield f'<path class="lead" d="M{x} 18V{height - 4}"/>'
            yield f'<text class="label" x="{x}" y="12">{word}</text>'


def figures(tracer):
    """The pictures of a trace, and how many there are of what kind."""
    drawn = chosen(tracer)
    for episode in drawn:
        yield figure(escape(caption(episode)), svg(episode))
    said = f"{plural(tracer.total, 'episode')} of {plural(len(tracer.shapes), 'shape')}"
    said = said if tracer.total else "No entry into a handler"
    if len(tracer.shapes) > len(drawn):
        said += f"; the {len(drawn)} deepest and most frequent are drawn"
    if tracer.strays:
        said += f"; {tracer.strays} exits without an entry"
    yield f"<p>{said}.</p>"


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
