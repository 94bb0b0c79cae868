# SPDX-License-Identifier: MIT
"""The page's summary in words: what is not as expected, and what is not as in the baseline."""

from .markup import escape, plural
from .matrix_table import run_id, target, test_id
from .sentences import is_red, run_is_bad, run_is_red
from .verdicts import STATUSES, WORST, test_status


def names(links):
    """[(id, column name)...] as links."""
    return ", ".join(f'<a href="#{place}">{escape(name)}</a>' for place, name in links)


def item(status, title, text, links):
    """A line of news; @title is markup."""
    glyph = STATUSES[status].glyph
    return (
        f"<li class={status}><b>{glyph}</b> <span>{title}</span> {escape(text)}"
        f" <small>{names(links)}</small></li>"
    )


def ended_badly(matrix):
    """Runs that are red whatever their tests say, one line for each kind."""
    found = {}
    for number, column in enumerate(matrix.columns):
        kind = run_is_bad(column.run).partition(": see ")[0]
        if kind:
            found.setdefault(kind, []).append((run_id(number), column.name))
    for kind, links in found.items():
        yield item("error", escape(kind), f"in {plural(len(links), 'run')}:", links)


def red_tests(matrix):
    """What is red, each test with the platforms on which it is, the worst and commonest first."""
    found = {}
    for number, column in enumerate(matrix.columns):
        for name, tests in column.tests.items():
            for test in filter(is_red, tests):
                rules = " ".join(sorted({failure["rule"] for failure in test["failures"]} - {"?"}))
                links = found.setdefault((test_status(test), name, rules), [])
                links.append((test_id(number, matrix.numbers[name]), column.name))
    order = sorted(found, key=lambda key: (WORST.index(key[0]), -len(found[key]), key))
    for status, name, rules in order:
        links = list(dict.fromkeys(found[status, name, rules]))
        of_rules = f" ({rules})" if rules else ""
        words = f"{STATUSES[status].word}{of_rules} on {len(links)} of {len(matrix.columns)}:"
        yield item(status, escape(name), words, links)


def changed(matrix, differences):
    """What differs from the baseline, a line for the rules that changed alike on the same runs."""
    found = {}
    for row in matrix.rows:
        alike = {}
        for number, column in enumerate(matrix.columns):
            was = differences.get((row.key, column.name))
            if was:
                key = matrix.status(row, column), was
                alike.setdefault(key, []).append(number)
        for (now, was), numbers in alike.items():
            found.setdefault((now, was, tuple(numbers)), []).append(row)
    for now, was, numbers in sorted(found, key=lambda key: WORST.index(key[0])):
        rows = found[now, was, numbers]
        keys = names((target(matrix, row, numbers[0]), row.key) for row in rows)
        links = [(run_id(number), matrix.columns[number].name) for number in numbers]
        yield item(now, keys, f"{STATUSES[now].word}, was {STATUSES[was].word}:", links)


def listed(title, items):
    return f"<h3>{title}</h3><ul class=news>{''.join(items)}</ul>" if items else ""


def headline(matrix):
    news = sum(run_is_red(column.run) for column in matrix.columns)
    runs = plural(len(matrix.columns), "run")
    if not matrix.columns:
        return "<p class=headline>No run.</p>"
    if not news:
        return f'<p class="headline good">Nothing unexpected in {runs}.</p>'
    return f'<p class="headline bad">Not as expected: {news} of {runs}.</p>'


def totals(matrix):
    """All results by status."""
    seen = [
        test_status(test)
        for column in matrix.columns
        for tests in column.tests.values()
        for test in tests
    ]
    chips = "".join(
        f"<li class={key}><b>{STATUSES[key].glyph}</b> {seen.count(key)} {STATUSES[key].word}</li>"
        for key in STATUSES
        if key in seen
    )
    rules = sum(bool(row.text) for row in matrix.rows)
    judged = f"{plural(len(matrix.numbers), 'test')}, {plural(rules, 'rule')} judged"
    return f"<ul class=totals><li>{judged}</li>{chips}</ul>"


def ended_otherwise(matrix, then):
    """Runs whose end is not that of the baseline."""
    found = {}
    for number, column in enumerate(matrix.columns):
        was, now = then.get(column.name, {}).get("run"), column.run["status"]
        if was and was != now:
            found.setdefault((now, was), []).append((run_id(number), column.name))
    for (now, was), links in found.items():
        yield item("pass" if now == "done" else "error", escape(now), f"was {was}:", links)


def against_baseline(matrix, differences, then):
    if then is None:
        return ""
    new = [(run_id(i), c.name) for i, c in enumerate(matrix.columns) if c.name not in then]
    gone = sorted(set(then) - {column.name for column in matrix.columns})
    items = [*ended_otherwise(matrix, then), *changed(matrix, differences)]
    parts = [listed("Different from the baseline", items)]
    if not items:
        parts.append("<p>Nothing differs from the baseline in the runs that it has.</p>")
    if new:
        parts.append(f"<p>Not in the baseline: {names(new)}.</p>")
    if gone:
        parts.append(f"<p>Only in the baseline: {escape(', '.join(gone))}.</p>")
    return "".join(parts)


def summary(matrix, differences, then):
    """@then: the outcomes of the baseline, None without one."""
    red = [*ended_badly(matrix), *red_tests(matrix)]
    return "".join(
        [
            headline(matrix),
            totals(matrix),
            listed("Not as expected", red),
            against_baseline(matrix, differences, then),
        ]
    )
