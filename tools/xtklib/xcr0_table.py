# SPDX-License-Identifier: MIT
"""The tables of XCR0's values of several runs side by side, and where they differ."""

from collections import Counter
from dataclasses import dataclass, field

from . import xcr0
from .screen import name_of


@dataclass
class Line:
    """A value and what each column has of it, None where the platform does not offer its bits."""

    value: str
    cells: list
    odd: set = field(default_factory=set)  # columns that do not what most do that have it

    def there(self):
        return [row for row in self.cells if row]

    def is_plain(self):
        """Whether all that have it refuse it, and rightly."""
        return all(row["outcome"] != xcr0.OK and not xcr0.is_wrong(row) for row in self.there())

    def rules(self):
        """Those that decide; which bits a platform offers makes a difference."""
        return "/".join(sorted({row["want"] for row in self.there()}))


@dataclass
class Table:
    columns: list  # the names of the platforms that have the same
    lines: list  # those that a person wants to see
    refused: dict  # {rules: values} of the rest, which every column refuses as it should


def odd_of(cells):
    """The columns in which the machine does not what it does in most; all when there is no most."""
    done = {number: xcr0.done(row) for number, row in enumerate(cells) if row}
    (most, count), *others = Counter(done.values()).most_common()
    if others and others[0][1] == count:
        return set(done)
    return {number for number, one in done.items() if one != most}


def columns_of(found):
    """[(names, {value: row})...] of [(name, rows)...]: those that say the same share a column."""
    columns = []
    for name, rows in found:
        same = next((column for column in columns if column[1] == rows), None)
        if same:
            same[0].append(name)
        else:
            columns.append(([name], rows))
    return columns


def names_of(runs):
    """What to call each run: its platform, or its job where that is not enough."""
    own = [run["platform"] for run in runs]
    return [name if name and own.count(name) == 1 else name_of(run) for name, run in zip(own, runs)]


def table_of(runs):
    """The Table of runs that have one."""
    columns = columns_of(zip(names_of(runs), map(xcr0.rows_of, runs)))
    values = {value for _, rows in columns for value in rows}
    table = Table([names for names, _ in columns], [], {})
    for value in sorted(values, key=lambda text: (len(text), text)):
        line = Line(value, [rows.get(value) for _, rows in columns])
        line.odd = odd_of(line.cells)
        if line.is_plain():
            table.refused.setdefault(line.rules(), []).append(value)
        else:
            table.lines.append(line)
    return table
