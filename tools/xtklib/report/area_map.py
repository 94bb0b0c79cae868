# SPDX-License-Identifier: MIT
"""The XSAVE area as the machine describes it: one SVG with a bar for each of the two formats.

Bytes are to scale, and to the same scale in all maps, but for the middle of components that are
bigger than all else together (XTILEDATA): it is left out, and the bar shows a break.
"""

from dataclasses import dataclass

from .markup import escape, plural

HEADER, EXTENDED = 512, 576  # SDM vol. 1, "XSAVE Area"
WIDTH, MARGIN, BAR, LINE = 1120, 24, 30, 14  # pixels
CHARACTER = 7.4  # width of one in a label, at most
BROKEN, KEPT = 2048, 640  # bytes: what is bigger is drawn as if it had KEPT

# bit: name, bytes. The rows of lib/xsave/component.h; tests/host/test_page.py compares.
COMPONENTS = {
    0: ("x87", 160),
    1: ("SSE", 256),
    2: ("AVX", 256),
    3: ("BNDREGS", 64),
    4: ("BNDCSR", 64),
    5: ("opmask", 64),
    6: ("ZMM_Hi256", 512),
    7: ("Hi16_ZMM", 1024),
    8: ("PT", 128),
    9: ("PKRU", 8),
    10: ("PASID", 8),
    11: ("CET_U", 16),
    12: ("CET_S", 24),
    13: ("HDC", 8),
    14: ("UINTR", 48),
    15: ("LBR", 808),
    16: ("HWP", 8),
    17: ("XTILECFG", 64),
    18: ("XTILEDATA", 8192),
    19: ("APX", 128),
    62: ("LWP", 128),
}
EXCLUSIVE = ({3, 19}, {4, 19})  # APX takes the place of MPX: XCR0 never has both
LEGACY = ((0, 160, "x87", 0), (160, 256, "SSE", 1), (416, 96, "unused", None))


@dataclass
class Piece:
    """A state component at its place."""

    bit: int
    offset: int
    size: int

    @property
    def end(self):
        return self.offset + self.size

    @property
    def name(self):
        return COMPONENTS.get(self.bit, (f"bit {self.bit}", 0))[0]


def number(value):
    """An integer, or the text of one as a log has it."""
    return int(value, 0) if isinstance(value, str) else int(value)


def components_of(run):
    """((bit, size, offset, align)...) beyond the legacy region; what isn't one is left out."""
    found = set()
    for component in run["components"]:
        try:
            row = tuple(number(component[key]) for key in ("bit", "size", "offset", "align"))
        except (KeyError, TypeError, ValueError):
            continue
        if row[0] > 1 and 0 < row[1] < 1 << 20 and 0 <= row[2] < 1 << 20:
            found.add(row)
    return tuple(sorted(found))


def why_none(run):
    """Why a run has no component beyond the legacy region, in words."""
    try:
        offered = number(run["xcr0_supported"]) | number(run["xss_supported"])
    except ValueError:
        return "No header in the log"
    if offered == 0:
        return "No XSAVE"
    return "No component line in the log" if offered > 3 else "Nothing beyond x87 and SSE"


def standard(components):
    """User components where CPUID puts them; a supervisor component has no standard offset."""
    pieces = [Piece(bit, offset, size) for bit, size, offset, _ in components if offset]
    return sorted(pieces, key=lambda piece: (piece.offset, piece.bit))


def compacted(components):
    """All components one after another. SDM vol. 1, "Extended Region of an XSAVE Area"."""
    pieces, at = [], EXTENDED
    for bit, size, _, align in components:
        at = (at + 63) // 64 * 64 if align else at
        pieces.append(Piece(bit, at, size))
        at += size
    return pieces


def overlaps(pieces):
    """[(one, other, start, end)...] of what lies on something else."""
    found = [(None, piece, piece.offset, EXTENDED) for piece in pieces if piece.offset < EXTENDED]
    for i, piece in enumerate(pieces):
        for other in pieces[i + 1 :]:
            start, end = max(piece.offset, other.offset), min(piece.end, other.end)
            if start < end and {piece.bit, other.bit} not in EXCLUSIVE:
                found.append((piece, other, start, end))
    return found


def wrong_sizes(pieces):
    known = [piece for piece in pieces if piece.bit in COMPONENTS]
    return [piece for piece in known if piece.size != COMPONENTS[piece.bit][1]]


def problems(pieces):
    """What is wrong with a layout, in words."""
    for one, other, start, end in overlaps(pieces):
        name = one.name if one else "the legacy region or the header"
        yield f"{other.name} overlaps {name} in bytes {start} to {end - 1}"
    for piece in wrong_sizes(pieces):
        size = COMPONENTS[piece.bit][1]
        yield f"{piece.name} has {plural(piece.size, 'byte')}, architecturally {size}"


def end_of(pieces):
    return max([EXTENDED] + [piece.end for piece in pieces])


class Scale:
    """Bytes to pixels of one bar."""

    def __init__(self, pieces, per_byte):
        self.cuts = [
            (piece.offset + KEPT * 4 // 5, piece.end - KEPT // 5)  # beside the name
            for piece in pieces
            if piece.size > BROKEN
        ]
        self.per_byte = per_byte

    def shown(self, byte):
        """@byte less what is left out before it."""
        return byte - sum(max(0, min(byte, end) - start) for start, end in self.cuts)

    def x(self, byte):
        return round(MARGIN + self.shown(byte) * self.per_byte, 1)


def longest(layouts):
    """The bytes to show of the longest bar, from which the common scale follows."""
    bars = [form(components) for components in layouts for form in (standard, compacted)]
    ends = [[Scale(bar, 1).shown(piece.end) for piece in bar] for bar in bars]
    return max([EXTENDED] + [end for bar in ends for end in bar])


@dataclass
class Cluster:
    """Labels side by side, as near as they get to where each of them wants to be."""

    labels: list
    wants: list  # the cluster's left edge, as each label would have it
    width: float

    @property
    def left(self):
        return min(max(sum(self.wants) / len(self.wants), 0), WIDTH - self.width)

    def join(self, other):
        self.labels += other.labels
        self.wants += [want - self.width for want in other.wants]
        self.width += other.width


def width_of(label):
    return len(label[1]) * CHARACTER + 5


def spread(labels):
    """[(x, text)...], in order and moved sideways so that no two touch: [(x, label)...]."""
    clusters = []
    for label in labels:
        width = width_of(label)
        new = Cluster([label], [label[0] - width / 2], width)
        while clusters and clusters[-1].left + clusters[-1].width > new.left:
            clusters[-1].join(new)
            new = clusters.pop()
        clusters.append(new)
    for cluster in clusters:
        x = cluster.left
        for label in cluster.labels:
            yield round(x + width_of(label) / 2, 1), label
            x += width_of(label)


def place(labels):
    """[(x, text)...] to [(x, row, label)...]: in one row, in more if they are too many for one."""
    labels = sorted(labels)
    rows = int(sum(map(width_of, labels)) / WIDTH) + 1
    return [(x, row, label) for row in range(rows) for x, label in spread(labels[row::rows])]


def rectangle(scale, start, end, kind, y, title):
    x, width = scale.x(start), max(scale.x(end) - scale.x(start), 1.5)
    return (
        f'<rect class="{kind}" x="{x}" y="{y}" width="{width:.1f}" height="{BAR}">'
        f"<title>{escape(title)}</title></rect>"
    )


def gaps(pieces):
    """The ranges of the extended region that belong to nothing."""
    at = EXTENDED
    for piece in sorted(pieces, key=lambda piece: piece.offset):
        if piece.offset > at:
            yield at, piece.offset
        at = max(at, piece.end)


def boxes(pieces, scale, y):
    """The bar itself."""
    for start, size, name, bit in LEGACY:
        kind = "gap" if bit is None else f"part c{bit}"
        yield rectangle(scale, start, start + size, kind, y, f"{name}: {start}, {size} bytes")
    yield rectangle(scale, HEADER, EXTENDED, "part head", y, "XSAVE header: 512, 64 bytes")
    for start, end in gaps(pieces):
        yield rectangle(scale, start, end, "gap", y, f"nothing: {start}, {end - start} bytes")
    wrong = wrong_sizes(pieces)
    for piece in pieces:
        kind = f"part c{piece.bit % 8}" + (" wrong" if piece in wrong else "")
        title = f"{piece.name} (bit {piece.bit}): {piece.offset}, {piece.size} bytes"
        yield rectangle(scale, piece.offset, piece.end, kind, y, title)
    for _, piece, start, end in overlaps(pieces):
        yield rectangle(scale, start, end, "overlap", y, f"overlap: {start} to {end - 1}")
    for start, _ in scale.cuts:
        x = scale.x(start)
        zigzag = f"M{x - 3} {y - 3}l6 {BAR / 3 + 1:.0f}l-6 {BAR / 3:.0f}l6 {BAR / 3 + 4:.0f}"
        yield f'<path class="break" d="{zigzag}"/>'


def labels(pieces, scale):
    """(inside, above, below): names that fit into their boxes, those that don't, and offsets."""
    named = [(start, start + size, name) for start, size, name, _ in LEGACY]
    named += [(HEADER, EXTENDED, "header")]
    named += [(piece.offset, piece.end, piece.name) for piece in pieces]
    inside, above = [], []
    for start, end, name in named:
        left, right = scale.x(start), scale.x(end)
        fits = right - left > len(name) * CHARACTER + 6
        (inside if fits else above).append(((left + right) / 2, name))
    ends = {0, HEADER, EXTENDED, end_of(pieces)}
    edges = ends | {piece.offset for piece in pieces}
    return inside, above, [(scale.x(byte), str(byte)) for byte in edges]


def text(x, y, kind, words):
    return f'<text x="{x:.1f}" y="{y}" class="{kind}">{escape(words)}</text>'


def bar(title, pieces, per_byte, top):
    """([markup...], height) of one format."""
    scale = Scale(pieces, per_byte)
    inside, above, below = labels(pieces, scale)
    above, below = place(above), place(below)
    y = top + 24 + LINE * (1 + max([row for _, row, _ in above], default=-1))
    heading = f"{title}, {end_of(pieces)} bytes"
    lines, words = [], [text(0, top + 11, "name", heading)]
    for x, row, (foot, name) in above:
        label_y = y - 10 - row * LINE
        lines.append(f'<path class="lead" d="M{foot:.1f} {y}V{y - 2}L{x} {label_y + 2}"/>')
        words.append(text(x, label_y, "label", name))
    for x, row, (foot, offset) in below:
        label_y = y + BAR + 18 + row * LINE
        down = f"M{foot:.1f} {y + BAR}V{y + BAR + 2}L{x} {label_y - 9}"
        lines.append(f'<path class="lead" d="{down}"/>')
        words.append(text(x, label_y, "offset", offset))
    words += [text(x, y + BAR / 2 + 4, "inside", name) for x, name in inside]
    depth = LINE * (1 + max(row for _, row, _ in below))
    return [*lines, *boxes(pieces, scale, y), *words], y + BAR + depth + 16 - top


def svg(components, all_layouts, title):
    """The map of one layout; @all_layouts give the common scale."""
    per_byte = (WIDTH - 2 * MARGIN) / longest(all_layouts)
    first, height = bar("standard format", standard(components), per_byte, 0)
    second, more = bar("compacted format", compacted(components), per_byte, height)
    return (
        f'<svg class="area" viewBox="0 0 {WIDTH} {height + more}" role="img">'
        f"<title>{escape(title)}</title>{''.join(first + second)}</svg>"
    )


def problems_of(components):
    """Of both formats, in words, each once."""
    found = [*problems(standard(components)), *problems(compacted(components))]
    return list(dict.fromkeys(found))
