# SPDX-License-Identifier: MIT
"""`xtk ist`: the laboratory's table, nesting pattern by entry design, in the terminal."""

import os
import sys

from .. import ist, ist_table, result
from ..boot import BUILD
from ..usage import Usage

HELP = "the table of the IST laboratory: which design survives which nesting"
EXAMPLE = """example: xtk ist -o build/ist
A cell is FAILED/CASES and a mark: = as the design claims, ! worse, + better, ? lines are missing or
damaged, none where nothing is claimed. * marks what differs from the first platform's. A row as
user:* is the sum of all patterns in that context; the page of 'xtk report' has each of them.
Status: 0 all as claimed, 1 something is not, 2 usage."""
WIDTH = 100
GREEN, YELLOW, RED, PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"


def add(parser):
    parser.add_argument(
        "-o", metavar="DIR", dest="directory", help="with a result.json (default: build/ist)"
    )


def coloured(text, cell):
    """@text, in the colour of what it says."""
    if cell is None or not cell.cases and not cell.is_red():
        return text
    colour = RED if cell.is_red() else YELLOW if cell.failed else GREEN
    return colour + text + PLAIN


def parts_of(columns, widths, room):
    """The columns in parts that each fit in @room characters; each has one at least."""
    parts, left = [], 0
    for name in columns:
        width = widths[name] + 2
        if width > left or not parts:
            parts.append([])
            left = room
        parts[-1].append(name)
        left -= width
    return parts


def cell_text(grid, first, key):
    """A cell's text, with the mark of what differs from the first platform's."""
    text = grid[key].text() if grid[key] else "-"
    return ("*" if grid[key] != first[key] else "") + text


def table(grid, first, rows, columns, colour):
    """The lines of the table of one group of platforms."""
    texts = {key: cell_text(grid, first, key) for key in grid}
    head = ["pattern", *map(ist_table.title, rows)]
    left = max(map(len, head))
    widths = {name: max([len(name), *(len(texts[row, name]) for row in rows)]) for name in columns}
    for part in parts_of(columns, widths, WIDTH - left):
        yield f"{head[0]:{left}}" + "".join(f"  {name:>{widths[name]}}" for name in part)
        for title, row in zip(head[1:], rows):
            cells = [f"  {texts[row, name]:>{widths[name]}}" for name in part]
            if colour:
                cells = [coloured(text, grid[row, name]) for text, name in zip(cells, part)]
            yield f"{title:{left}}" + "".join(cells)
        yield ""


def wrapped(mark, text):
    """A sentence in lines of the table's width."""
    line = mark
    for word in text.split(" "):
        if len(line) + 1 + len(word) > WIDTH and line.strip():
            yield line
            line = " " * len(mark)
        line += " " + word
    yield line


def lines_of(platforms, colour):
    groups, rows, columns = ist_table.groups_of(platforms)
    rows = [row for row in rows if not ist_table.is_detail(row)]
    for members, grid in groups:
        yield from wrapped("on", ", ".join(platform.name for platform in members))
        yield from table(grid, groups[0][1], rows, columns, colour)
    for platform in platforms:
        for mark, text in ist_table.news_of(platform):
            yield from wrapped(mark, f"{platform.name}: {text}")


def main(arguments, _words):
    directory = arguments.directory or os.path.join(BUILD, "ist")
    platforms = ist_table.platforms_of(result.read(directory))
    if not platforms:
        remedy = f"run tests of the group {ist.TESTS} first, as 'make ist' does"
        raise Usage(f"-o {directory}: no result of the laboratory in it: {remedy}")
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print("\n".join(lines_of(platforms, colour)))
    return int(any(map(ist_table.is_red, platforms)))
