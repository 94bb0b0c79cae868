# SPDX-License-Identifier: MIT
"""The page's section of XCR0: which values the platforms take, and where they differ."""

from .. import xcr0, xcr0_table
from .markup import escape, plural

HINT = (
    "<p>No run of these printed the table. To have it here: <code>xtk xcr0 -p PLATFORM…</code>,"
    " then name <code>build/xcr0</code> to <code>xtk report</code> as well.</p>"
)
ABOUT = (
    "<p>What XSETBV does with each combination of the bits that CPUID offers, and with each other"
    " bit beside bit 0. A value that is taken: the sizes in D.0 and D.1, and the kinds of"
    " instruction that then raise #UD. One that is refused: the rule that decides. Framed: not what"
    " most of those do that offer its bits. Red: not what the rule wants.</p>"
)


def kinds(row):
    ud = ", ".join(map(str, row["ud"])) or "none"
    return f"<small>#UD: {escape(ud)}</small>"


def cell(row, odd):
    if not row:
        return "<td class=none>·</td>"
    classes = ["fail" if xcr0.is_wrong(row) else "pass" if row["outcome"] == xcr0.OK else "skip"]
    classes += ["new"] if odd else []
    if xcr0.is_wrong(row) or row["outcome"] != xcr0.OK:
        text = escape(xcr0.in_words(row))
    else:
        text = f"{row['d0']} / {row['d1']} {kinds(row)}"
    return f'<td class="{" ".join(classes)}">{text}</td>'


def line(one):
    cells = "".join(cell(row, number in one.odd) for number, row in enumerate(one.cells))
    return f"<tr><th scope=row>{escape(one.value)}</th>{cells}</tr>\n"


def column_head(names):
    return f"<th scope=col>{escape(', '.join(names))}</th>"


def refused(table):
    """The values that all refuse as they should, by the rule that decides."""
    for rules, values in table.refused.items():
        said = f"<b>{escape(rules)}</b> refuses {plural(len(values), 'value')} everywhere"
        yield f"<details><summary>{said}</summary><p>{escape(' '.join(values))}</p></details>"


def section(runs):
    having = [run for run in runs if xcr0.rows_of(run)]
    parts = ["<section id=xcr0><h2>Values of XCR0</h2>"]
    if not having:
        return "".join([*parts, HINT, "</section>\n"])
    table = xcr0_table.table_of(having)
    heads = "".join(map(column_head, table.columns))
    parts += [ABOUT, "<div class='scroll box' tabindex=0><table id=values><thead><tr>"]
    parts += [f"<td>XCR0</td>{heads}</tr></thead><tbody>", *map(line, table.lines)]
    parts += ["</tbody></table></div>", *refused(table)]
    lacking = len(runs) - len(having)
    parts += [f"<p>Without this table: {plural(lacking, 'run')}.</p>" if lacking else ""]
    return "".join([*parts, "</section>\n"])
