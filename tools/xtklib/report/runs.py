# SPDX-License-Identifier: MIT
"""What stands behind the cells: each run with its command, its log, and what its tests said."""

import os
import shlex
import urllib.parse

from .. import effort
from . import excerpt
from .markup import escape, link, plural
from .matrix_table import run_id, test_id
from .sentences import is_red, run_is_red
from .verdicts import STATUSES, test_status

TOTALS = ("judged", "bytes", "xcr0", "ist")  # of "observed": told otherwise
LISTS = {"pass": "Passed, with the number of probes or checks", "skip": "Skipped, and why"}
FIELDS = ("rule", "expected", "got", "where", "seed")


def log_file(column):
    """The path of the log, "" if it isn't beside the result or would lie outside its directory."""
    name = column.run["log"]
    if not name or os.path.isabs(name) or ".." in name.split("/"):
        return ""
    path = os.path.join(column.directory, name)
    return path if os.path.isfile(path) else ""


def logs_of(column):
    """The logs of all boots of a run as names in its directory: LOG, and what is in LOG's folder.

    There are more than one after a crash, with --isolate and with --retry.
    """
    if not log_file(column):
        return []
    name = column.run["log"]
    folder = os.path.splitext(name)[0]
    inside = os.path.join(column.directory, folder)
    more = sorted(os.listdir(inside)) if os.path.isdir(inside) else []
    return [name, *(f"{folder}/{other}" for other in more if other.endswith(".log"))]


def log_links(column):
    names = logs_of(column)
    if not names:
        return f"{escape(column.run['log'])} (not beside the result)"
    links = [f'<a href="{urllib.parse.quote(name)}">{escape(name)}</a>' for name in names]
    return ", ".join(links)


def excerpts(column):
    """{test: text} for what is red, and under "" how a run ended that did not end well."""
    wanted = {name for name, tests in column.tests.items() if any(map(is_red, tests))}
    found = {}
    if wanted or column.run["status"] != "done":
        for name in logs_of(column):
            path = os.path.join(column.directory, name)
            found = {**excerpt.read(path, wanted), **found}
    return found


def facts(column):
    """What ran, how to run it again, and where its log is."""
    run = column.run
    rows = [
        ("engine", escape(f"{run['engine']} {run['engine_version']}")),
        ("CPU model", escape(run["cpu"])),
        ("boot, CPUs", escape(f"{run['boot']}, {run['smp']}")),
        ("XCR0, IA32_XSS", escape(f"{run['xcr0_supported']}, {run['xss_supported']}")),
        ("words", escape(" ".join(run["words"]))),
        ("took", escape(f"{run['wall_s']} s")),
        ("probes", effort.in_words(effort.of_run(run))),
        ("log", log_links(column)),
    ]
    if run["command"]:
        rows.append(("command", f"<code class=command>{escape(shlex.join(run['command']))}</code>"))
    return "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows if text)


def failure_table(failures):
    shown = [name for name in FIELDS if any(failure[name] for failure in failures)]
    head = "".join(f"<th>{name}</th>" for name in shown)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(failure[name])}</td>" for name in shown) + "</tr>"
        for failure in failures
    )
    return f"<div class=scroll><table class=failures><tr>{head}</tr>{body}</table></div>"


def seen(test):
    """What a test saw that no rule judges, {key: text}."""
    said = {key: value for key, value in test["observed"].items() if key not in TOTALS}
    return {key: ", ".join(map(str, value)) for key, value in said.items()}


def amount(test):
    """Probes of its tables, if it has any; else checks."""
    return plural(test["probes"], "probe" if "bytes" in test["observed"] else "check")


def rules_of(test):
    """Each of its rules, with the number of checks where that is known."""
    judged = test["observed"].get("judged", {})
    for rule in dict.fromkeys([*test["rules"], *judged]):
        yield f"{rule}={judged[rule]}" if rule in judged else rule


def test_text(test, log):
    """One result that is no plain pass, with all that is known of it."""
    status = STATUSES[test_status(test)]
    parts = [status.word, amount(test), *rules_of(test)]
    yield f"<h4><b>{status.glyph}</b> {escape(test['name'])}"
    yield f" <small>{escape(' · '.join(parts))}</small></h4>"
    if test["reason"]:
        yield f"<p>{escape(test['reason'])}</p>"
    if test["expect"]:
        reference = test["expect"]["reference"]
        yield f"<p>{escape(test['expect']['line'])}: {link(reference, reference)}</p>"
    for key, text in seen(test).items():
        yield f"<p>observed: {escape(key)} {escape(text)}</p>"
    if test["failures"]:
        yield failure_table(test["failures"])
        again = dict.fromkeys(failure["repro"] for failure in test["failures"])
        yield "".join(f"<p>again: <code class=command>{escape(text)}</code></p>" for text in again)
    if log:
        yield f"<details><summary>from the log</summary><pre>{escape(log)}</pre></details>"


def short_text(tests):
    """What there is to say of a test in a list: of a skipped one why, of a passed one how much."""
    said = [test["reason"] or str(test["probes"]) for test in tests]
    return escape(" ".join(dict.fromkeys(said)))


def results_of(matrix, number, logs):
    """{status: markup...} of each test of a run, under the id that its cells link to.

    What passed or was skipped, and saw nothing, has an item of a list; "" is all else.
    """
    found = {"": [], "skip": [], "pass": []}
    for name, tests in matrix.columns[number].tests.items():
        place = test_id(number, matrix.numbers[name])
        statuses = [test_status(test) for test in tests]
        if len(set(statuses)) == 1 and statuses[0] in found and not any(map(seen, tests)):
            item = f"<li id={place}>{escape(name)} <i>{short_text(tests)}</i>"
            found[statuses[0]].append(item)
        else:
            text = "".join(part for test in tests for part in test_text(test, logs.get(name)))
            found[""].append(f'<div class="test {statuses[0]}" id={place}>{text}</div>')
    return found


def counts(column):
    """How many of each status, the worst first, in words."""
    seen = [test_status(test) for tests in column.tests.values() for test in tests]
    words = [f"{seen.count(key)} {STATUSES[key].word}" for key in STATUSES if key in seen]
    return ", ".join(words) or "no test"


def card(matrix, number):
    """One run, folded unless something in it is red."""
    column = matrix.columns[number]
    logs = excerpts(column)
    results = results_of(matrix, number, logs)
    status = column.run["status"]
    ended = "" if status == "done" else f"<em>{escape(status)}</em> "
    parts = [
        f"<details class=run id={run_id(number)}{' open' if run_is_red(column.run) else ''}>",
        f"<summary>{ended}<b>{escape(column.name)}</b> <small>{escape(column.engine())}</small>",
        f" <span>{escape(counts(column))}</span></summary><dl class=facts>{facts(column)}</dl>",
    ]
    if status != "done" and logs:
        parts.append(f"<h4>How the log ends</h4><pre>{escape(logs[''])}</pre>")
    parts += results[""]
    for status, title in LISTS.items():
        if results[status]:
            parts += [f"<h4>{title}</h4><ul class=passed>", *results[status], "</ul>"]
    return "".join([*parts, "</details>\n"])
