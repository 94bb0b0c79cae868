# SPDX-License-Identifier: MIT
"""The page's section of the entry designs: which nestings each survives, and where it does not."""

import itertools

from .. import ist, ist_code, ist_table
from . import runs, timeline
from .markup import escape

ABOUT = (
    "<p>Failing and all cases of each nesting pattern: one case is one way for the events to hit,"
    " instruction boundary by instruction boundary. <i>late</i> and <i>early</i>: when the handler"
    " lets #DB and #MC come again. <i>user:*</i>: all patterns whose first event interrupts that,"
    " not the kernel's ordinary code. Framed: not as on the first platform.</p>"
)
STRIPS = (
    "<h3>Boundaries</h3><p>One cell for each instruction; its colour says what comes of a second"
    " event in front of it, over all patterns. Point at a cell, or go to it with Tab and the arrow"
    " keys, to read the instruction; it leads to its line in the table.</p>"
)
GLYPHS = {"pass": "✓", "fail": "✗", "none": "·"}
LEGEND = {
    "pass": "survives",
    "known": "fails as claimed",
    "fail": "not as claimed, or not known",
    "flaky": "fails, and nothing is claimed",
    "none": "not applicable, or not run",
}
REPEATED = 3  # failing cases of a pattern that are shown with their words


def status_of(cell):
    """The class of a cell of the table."""
    if cell is None or not cell.cases and not cell.is_red():
        return "none"
    if cell.is_red():
        return "fail"
    if not cell.failed:
        return "pass"
    return "known" if cell.verdict == ist.AS_CLAIMED else "flaky"


def table_cell(cell, first):
    classes = status_of(cell) + (" new" if cell != first else "")
    if cell is None:
        return f'<td class="{classes}">·</td>'
    number = f"{cell.failed}/{cell.cases}" if cell.cases else "n/a"
    said = ist_table.WORDS[cell.verdict].partition(":")[0]
    return f'<td class="{classes}">{number}<small>{said}</small></td>'


def tables(members, grid, first, rows, columns):
    """The tables of the platforms that have the same; @first: what the first platform has."""
    names = ", ".join(platform.name for platform in members)
    yield f"<h3>{escape(names)}</h3>"
    yield from table(grid, first, [row for row in rows if not ist_table.is_detail(row)], columns)
    details = [row for row in rows if ist_table.is_detail(row)]
    if details:
        yield "<details><summary>Every pattern of the other base contexts</summary>"
        yield from table(grid, first, details, columns)
        yield "</details>"


def table(grid, first, rows, columns):
    heads = "".join(f"<th scope=col>{escape(name)}</th>" for name in columns)
    yield "<div class='scroll box whole' tabindex=0><table class=grid>"
    yield f"<thead><tr><td>pattern</td>{heads}</tr></thead><tbody>"
    for row in rows:
        cells = "".join(table_cell(grid[row, name], first[row, name]) for name in columns)
        yield f"<tr><th scope=row>{escape(ist_table.title(row))}</th>{cells}</tr>\n"
    yield "</tbody></table></div>"


def news(platforms):
    """What is not as claimed; the platforms that say the same together."""
    found = {}
    for platform in platforms:
        for one in ist_table.news_of(platform):
            found.setdefault(one, []).append(platform.name)
    items = "".join(
        f"<li class={'skip' if mark == '–' else 'fail'}><b>{mark}</b> {escape(text)}"
        f" <small>{escape(', '.join(names))}</small></li>"
        for (mark, text), names in found.items()
    )
    return f"<ul class=news>{items}</ul>" if items else "<p>All is as the designs claim.</p>"


def legend():
    items = (f"<li><b class={key}>&nbsp;</b> {text}</li>" for key, text in LEGEND.items())
    return f"<ul class=legend>{''.join(items)}</ul>"


def keys_text(keys):
    """(pattern, rearm)... in words, a pattern once."""
    rearms = {}
    for pattern, rearm in sorted(keys, key=ist_table.order):
        rearms.setdefault(pattern, []).append(rearm)
    return ", ".join(ist_table.title((key, "/".join(some))) for key, some in rearms.items())


def strip_cell(place, one):
    status = one.status()
    return f"<a class={status} href=#{place}x{one.address:x}>{GLYPHS[status]}</a>"


def strip(place, functions):
    """The cells, grouped by step."""
    for name, some in functions.items():
        yield f"<div class=function><b>{escape(name)}</b>"
        for step, group in itertools.groupby(some, key=lambda one: one.step):
            cells = "".join(strip_cell(place, one) for one in group)
            yield f"<div class=step><small>{escape(step)}</small><div>{cells}</div></div>"
        yield "</div>"


def instruction_row(place, one):
    cases, failed = one.counts()
    status = one.status()
    said = f"{failed}/{cases}" if cases else "not hit"
    fails = f"fails: {keys_text(one.fails())}" if failed else ""
    cells = (f"{one.address:#x}", one.at, one.text, said, fails)
    texts = "".join(f"<td>{escape(text)}</td>" for text in cells)
    return f"<tr id={place}x{one.address:x} class={status}><td>{GLYPHS[status]}</td>{texts}</tr>\n"


def instruction_table(place, functions):
    heads = ("", "address", "at", "instruction", "failing", "patterns")
    head = "".join(f"<th scope=col>{text}</th>" for text in heads)
    rows = (instruction_row(place, one) for some in functions.values() for one in some)
    return (
        "<details><summary>Every instruction</summary><div class='scroll box' tabindex=0>"
        f"<table class=code><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        "</div></details>"
    )


def failing_steps(one):
    return ", ".join(
        f"{step} {failed}/{cases}"
        for (event, step), (cases, failed) in one.steps.items()
        if event == ist_code.EVENT and failed
    )


def repeats(name, one):
    for case, what, details in one.failures[:REPEATED]:
        words = f"'tests={ist.TESTS}*' ist={name} case='{case}' events"
        yield (
            f"<p>{escape(f'{what} {details}'.strip())}: "
            f"<code class=command>tools/xtk run -- {escape(words)}</code></p>"
        )


def failure_rows(name, design):
    """Each pattern that fails: at which steps, and the first cases."""
    for key in sorted(design.patterns, key=ist_table.order):
        one = design.patterns[key]
        if one.counts[1]:
            claim = design.claim(key)[0] or "nothing"
            cells = [ist_table.title(key), f"{one.counts[1]}/{one.counts[0]}", claim]
            cells.append(failing_steps(one))
            texts = "".join(f"<td>{escape(text)}</td>" for text in cells)
            yield f"<tr>{texts}<td>{''.join(repeats(name, one))}</td></tr>"


def failures(name, design):
    rows = "".join(failure_rows(name, design))
    if not rows:
        return ""
    titles = ("pattern", "failing", "claimed to fail at", "fails at", "the first cases")
    head = "".join(f"<th scope=col>{text}</th>" for text in titles)
    return (
        "<details><summary>Failing patterns</summary><div class=scroll tabindex=0>"
        f"<table class=failures><tr>{head}</tr>{rows}</table></div></details>"
    )


def figure(place, name, members, made):
    """One strip with its tables; @members: the platforms that have the same."""
    functions, same = made
    design = members[0].designs[name]
    lines = [] if same else ["the built kernel is another one: no text, only what was hit"]
    said = ", ".join([*(platform.name for platform in members), *lines])
    return "".join(
        [
            f"<figure class=strip><figcaption><b>{escape(name)}</b> {escape(said)}</figcaption>",
            *strip(place, functions),
            "<output></output>",
            failures(name, design),
            instruction_table(place, functions),
            "</figure>\n",
        ]
    )


def looks(made):
    """Equal for strips whose cells are."""
    functions, _ = made
    return tuple((one.address, one.status()) for some in functions.values() for one in some)


def strips(platforms, columns):
    """The strips of each design, one for each way that it looks."""
    code = ist_code.Code()
    for number, name in enumerate(columns):
        found = {}
        for platform in platforms:
            design = platform.designs.get(name)
            made = ist_code.instructions_of(design, code) if design else ({}, False)
            if made[0]:
                found.setdefault(looks(made), (made, []))[1].append(platform)
        for turn, (made, members) in enumerate(found.values()):
            yield figure(f"b{number}-{turn}", name, members, made)


def is_case(run):
    """Whether a run is a chosen case of the laboratory, with its events."""
    has_case = any(word.startswith("case=") for word in run["words"])
    tests = any(test["name"].startswith(ist.TESTS) for test in run["tests"])
    return has_case and tests and "events" in run["words"]


def case_of(column):
    """The pictures of a chosen case."""
    path = runs.log_file(column)
    case = next(word[5:] for word in column.run["words"] if word.startswith("case="))
    outcomes = [line for line in ist.lines_of(column.run) if line.startswith("ist-fail: ")]
    said = "; ".join(line.partition(" ")[2] for line in outcomes) or "it survives"
    yield f"<h4>{escape(case)}</h4><p>{escape(column.name)}: {escape(said)}</p>"
    tracer = timeline.read(path) if path else None
    yield from timeline.figures(tracer) if tracer else ["<p>No log is beside the result.</p>"]


def cases(columns):
    found = [column for column in columns if is_case(column.run)]
    if found:
        yield "<h3>Chosen cases</h3><p>Lanes are stacks: blue is a handler, ochre entry and exit,"
        yield " pale what waits, a red frame what never came to its end.</p>"
    for column in found:
        yield from case_of(column)


def section(columns):
    """@columns: verdicts.Column of every run; "" when none is of the laboratory."""
    platforms = ist_table.platforms_of([column.run for column in columns])
    pictures = "".join(cases(columns))
    if not platforms and not pictures:
        return ""
    parts = ["<section id=designs><h2>Entry designs</h2>"]
    if platforms:
        groups, rows, columns = ist_table.groups_of(platforms)
        parts += [ABOUT, news(platforms)]
        for members, grid in groups:
            parts += tables(members, grid, groups[0][1], rows, columns)
        parts += [legend(), STRIPS, *strips(platforms, columns)]
    return "".join([*parts, pictures, "</section>\n"])
