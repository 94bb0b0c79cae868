# SPDX-License-Identifier: MIT
"""The table of XCR0's values, as the test table/xcr0 prints it: accepted or refused, the rule that
decides, the sizes of the area, and what raises #UD.
"""

import re

TEST = "table/xcr0"
LINE = re.compile(
    r"value=(0x[0-9a-f]{1,16}) outcome=(\S+) want=(\S+)(?: d0=([0-9]+) d1=([0-9]+) ud=(\S+))?"
)
REFUSED = {"value": str, "outcome": str, "want": str}
ACCEPTED = {**REFUSED, "d0": int, "d1": int, "ud": list}
OK, GP = "ok", "#GP(0x0)"


def row_of(text):
    """What follows "# xcr0: " as an object of result.json; None for a damaged line."""
    found = LINE.fullmatch(text)
    if not found or (found[2] == OK) != (found[4] is not None):
        return None
    row = dict(zip(REFUSED, found.groups()))
    if found[4]:
        kinds = [] if found[6] == "none" else found[6].split(",")
        row.update(d0=int(found[4][:9]), d1=int(found[5][:9]), ud=kinds)
    return row


def keys_of(row):
    """The keys that a row has, with their types."""
    return ACCEPTED if isinstance(row, dict) and row.get("outcome") == OK else REFUSED


def rows_of(run):
    """{value: row} of a run in result.json; the last one where the test ran repeatedly."""
    tests = [test for test in run["tests"] if test["name"] == TEST]
    return {row["value"]: row for test in tests for row in test["observed"].get("xcr0", [])}


def why_none(run):
    """Why a run has no such table, in a line."""
    for test in run["tests"]:
        if test["name"] == TEST:
            return f"{test['status']}: {test['reason'] or 'no line of the table'}"
    return run["status"] if run["status"] != "done" else f"{TEST} did not run"


def is_wrong(row):
    return row["outcome"] != (OK if row["want"] == OK else GP)


def done(row):
    """What the machine did, whatever decides: a refusal, or what it then says and takes."""
    return tuple(str(row.get(key)) for key in ("outcome", "d0", "d1", "ud"))


def in_words(row):
    """A cell of the table."""
    if is_wrong(row):
        return f"{row['outcome']}, wanted {OK if row['want'] == OK else GP + ' ' + row['want']}"
    if row["outcome"] != OK:
        return f"{row['outcome']} {row['want']}"
    return f"{row['d0']} {row['d1']} {','.join(row['ud']) or 'none'}"
