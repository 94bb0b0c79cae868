# SPDX-License-Identifier: MIT
"""The verdict matrix as an HTML table: rules down, runs across, and how many of them agree.

Every cell is a link to what stands behind it, so that the table is of use without a script.
"""

import itertools
import re

from .markup import escape
from .verdicts import STATUSES, WORST, agreement, results, test_status


def prose(text):
    """A rule's text: of Markdown, *emphasis* and `code` occur."""
    text = re.sub(r"\*([^* ]+)\*", r"<i>\1</i>", escape(text))
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


def run_id(number):
    return f"r{number}"


def test_id(number, test_number):
    return f"r{number}t{test_number}"


def target(matrix, row, number):
    """The id of what a cell is about: the worst of its tests, or the run if it has none."""
    tests = results(row, matrix.columns[number])
    if not tests:
        return run_id(number)
    worst = min(tests, key=lambda test: WORST.index(test_status(test)))
    return test_id(number, matrix.numbers[worst["name"]])


def short(count):
    """A number in at most four characters: 999, 12k, 1.2M; "" for none."""
    for unit in ("", "k", "M", "G", "T"):
        if count < 999.5 or unit == "T":
            digits = 1 if unit and count < 9.95 else 0
            return f"{count:.{digits}f}{unit}" if count else ""
        count /= 1000


def cell(matrix, row, number, was):
    """Of the thousands of cells nearly all passed: these have no class, and none an end tag."""
    status = matrix.status(row, matrix.columns[number])
    checks = short(matrix.checks(row, matrix.columns[number]))
    said = STATUSES[status].glyph + (f"\n{checks}" if checks else "")
    link = f"<a href=#{target(matrix, row, number)}>{said}</a>"
    if was:
        return f'<td class="{status} new" data-was="{STATUSES[was].word}">{link}'
    return f"<td>{link}" if status == "pass" else f"<td class={status}>{link}"


def row_head(matrix, row):
    numbers = " ".join(str(matrix.numbers[name]) for name in row.tests)
    tests = "".join(f"<li>{escape(name)}</li>" for name in row.tests)
    name = f"<b>{escape(row.key)}</b> <span>{prose(row.text)}</span>"
    return (
        f'<tr data-tests="{numbers}"><th scope=row><details><summary>{name}</summary>'
        f"<ul>{tests}</ul></details></th>"
    )


def row_line(matrix, row, differences):
    statuses = [matrix.status(row, column) for column in matrix.columns]
    most, everyone = agreement(statuses)
    kind = "agree" if most == everyone else "agree split"
    cells = [
        cell(matrix, row, number, differences.get((row.key, column.name)))
        for number, column in enumerate(matrix.columns)
    ]
    agree = f"{most}/{everyone}" if everyone else "–"
    return row_head(matrix, row) + "".join(cells) + f'<td class="{kind}">{agree}</tr>\n'


def column_head(number, column):
    run = column.run
    ended = "" if run["status"] == "done" else f"<em>{escape(run['status'])}</em> "
    return (
        f'<th scope=col title="{escape(column.name)}"><a href=#{run_id(number)}>'
        f"{ended}<b>{escape(column.name)}</b><small>{escape(column.engine())}</small></a></th>"
    )


def engine_borders(columns):
    """The style of the lines between engines and versions, by column number."""
    starts = [
        number + 2
        for number in range(1, len(columns))
        if columns[number].engine() != columns[number - 1].engine()
    ]
    places = ",".join(f"#matrix tr>:nth-child({place})" for place in starts)
    return f"<style>{places}{{border-left-color:var(--line)}}</style>" if places else ""


def table(matrix, differences):
    """The table; @differences: {(row key, column name): status in the baseline}."""
    width = len(matrix.columns) + 2
    heads = "".join(column_head(*pair) for pair in enumerate(matrix.columns))
    parts = [
        engine_borders(matrix.columns),
        "<table id=matrix><thead><tr><td class=corner>rule</td>",
        heads,
        '<th scope=col class=agree title="how many do the same, of those that showed it">'
        "<span>agree</span></th></tr></thead>\n",
    ]
    for section, rows in itertools.groupby(matrix.rows, key=lambda row: row.section):
        head = f"<th colspan={width} scope=rowgroup><span>{escape(section)}</span></th>"
        parts.append(f"<tbody><tr class=section>{head}</tr>\n")
        parts += [row_line(matrix, row, differences) for row in rows]
        parts.append("</tbody>\n")
    return "".join([*parts, "</table>"])
