# SPDX-License-Identifier: MIT
"""One self-contained page: the summary in words, the verdict matrix, the pictures, the runs.

It asks for nothing at view time. Its policy lets only its own script run, so that not even a hole
in markup.escape() would let a log do anything.
"""

import base64
import hashlib
import os

from . import area_map, ist_part, matrix_table, runs, timeline, words, xcr0_part
from .markup import escape, figure, plural
from .verdicts import STATUSES

HERE = os.path.dirname(os.path.abspath(__file__))
HATCH = (
    "<svg class=defs width=0 height=0 aria-hidden=true><defs>"
    '<pattern id=hatch width=6 height=6 patternUnits=userSpaceOnUse patternTransform="rotate(45)">'
    "<rect class=hatch width=2 height=6 /></pattern></defs></svg>"
)


def own_file(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def head(title, script):
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv=Content-Security-Policy content="{policy}">'
        '<meta name=viewport content="width=device-width">'
        '<meta name=color-scheme content="light dark">'
        f"<title>{escape(title)}</title><style>\n{own_file('page.css')}</style></head><body>\n"
    )


def filters(matrix):
    """The form above the matrix; it is shown when there is a script to serve it."""
    statuses = "".join(
        f"<option value={key}>{status.glyph} {status.word}" for key, status in STATUSES.items()
    )
    platforms = "".join(f'<option value="{escape(c.name)}">' for c in matrix.columns)
    return (
        "<form id=filter hidden role=search>"
        "<label>Rule or test"
        " <input type=search name=text placeholder='V03, xsetbv, header'></label><label>Platform"
        " <input type=search name=platform list=platforms placeholder='part of the name'></label>"
        f"<datalist id=platforms>{platforms}</datalist>"
        f"<label>Status <select name=status><option value=''>any{statuses}"
        "<option value=new>different from the baseline"
        "<option value=split>platforms disagree</select></label>"
        "<output></output></form>"
    )


def legend():
    items = "".join(
        f"<li><b class={key}>{status.glyph}</b> {status.word}</li>"
        for key, status in STATUSES.items()
    )
    framed = "<li><b class='new pass'>✓</b> differs from the baseline</li>"
    return f"<ul class=legend>{items}{framed}</ul>"


def matrix_part(matrix, differences):
    return (
        "<section id=verdicts><h2>Verdicts</h2><p>Each rule on each platform. A cell leads to what"
        " was expected and what came; the arrow keys move between cells, Enter opens one.</p>"
        f"{filters(matrix)}<div class='scroll box' tabindex=-1>"
        f"{matrix_table.table(matrix, differences)}</div>{legend()}</section>\n"
    )


def group(found):
    """{key: names} of (key, name)..., the commonest first."""
    groups = {}
    for key, name in found:
        groups.setdefault(key, []).append(name)
    return dict(sorted(groups.items(), key=lambda pair: -len(pair[1])))


def area(components, layouts, names):
    """The map of one layout under the names of the runs that have it."""
    title = ", ".join(names)
    picture = area_map.svg(components, layouts, f"XSAVE area of {title}")
    wrong = "".join(f"<li>{escape(text)}</li>" for text in area_map.problems_of(components))
    caption = f"<b>{plural(len(names), 'run')}</b>: {escape(title)}"
    return figure(caption + (f"<ul class=wrong>{wrong}</ul>" if wrong else ""), picture)


def areas_part(matrix):
    """A map for each layout that occurs, and why some runs have none."""
    columns = [(area_map.components_of(c.run), c) for c in matrix.columns]
    layouts = group((components, c.name) for components, c in columns if components)
    without = group((area_map.why_none(c.run), c.name) for found, c in columns if not found)
    parts = ["<section id=areas><h2>The XSAVE area</h2>"]
    parts += [area(components, layouts, names) for components, names in layouts.items()]
    parts += [f"<p>{why}: {escape(', '.join(names))}.</p>" for why, names in without.items()]
    return "".join([*parts, "</section>\n"])


def timelines_part(matrix):
    """For the runs with the word `events`; those whose traces look the same share the pictures."""
    traced = [c for c in matrix.columns if "events" in c.run["words"] and runs.log_file(c)]
    traced = [column for column in traced if not ist_part.is_case(column.run)]
    if not traced:
        return ""
    tracers = {c.name: timeline.read(runs.log_file(c)) for c in traced}
    parts = [
        "<section id=timelines><h2>Nested events</h2><p>Lanes are stacks; what runs is filled,"
        " what waits is pale. One step is one entry or exit.</p>"
    ]
    for names in group((tracer.looks(), name) for name, tracer in tracers.items()).values():
        parts += [f"<h3>{escape(', '.join(names))}</h3>", *timeline.figures(tracers[names[0]])]
    return "".join([*parts, "</section>\n"])


def runs_part(matrix):
    cards = "".join(runs.card(matrix, number) for number in range(len(matrix.columns)))
    return f"<section id=runs><h2>Runs</h2>{cards}</section>\n"


def page(matrix, differences, then=None):
    """The whole page; @then: the outcomes of the baseline, if there is one."""
    script = own_file("page.js")
    timelines = timelines_part(matrix)
    designs = ist_part.section([*matrix.columns, *matrix.pictures])
    links = "<a href=#designs>Entry designs</a>" if designs else ""
    links += "<a href=#timelines>Nested events</a>" if timelines else ""
    return "".join(
        [
            head("xtk report", script),
            "<header><h1>xtk report</h1><nav><a href=#verdicts>Verdicts</a>"
            "<a href=#areas>XSAVE area</a><a href=#xcr0>XCR0</a>"
            f"{links}<a href=#runs>Runs</a></nav></header>\n<main>",
            f"<section id=summary>{words.summary(matrix, differences, then)}</section>\n",
            matrix_part(matrix, differences),
            areas_part(matrix),
            xcr0_part.section([column.run for column in [*matrix.columns, *matrix.pictures]]),
            designs,
            timelines,
            runs_part(matrix),
            "</main><dialog id=cell><form method=dialog><button>Close</button></form>"
            f"<div></div></dialog>{HATCH}<script>{script}</script></body></html>\n",
        ]
    )
