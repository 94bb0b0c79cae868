# SPDX-License-Identifier: MIT
"""docs/rules.md as data: each rule with the section it stands in."""

import functools
import os
import re
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = os.path.join(ROOT, "docs", "rules.md")
SECTION = re.compile(r"## [A-Z]\. (.*)")
RULE = re.compile(r"- `([A-Z][0-9]{2})` (.*)")


@dataclass
class Rule:
    id: str
    section: str
    text: str  # Markdown


@functools.lru_cache(maxsize=None)
def read(path=PATH):
    """(Rule...) in the order of the file. Raises OSError."""
    rules, section = [], ""
    with open(path, encoding="utf-8") as file:
        for line in file:
            heading, rule = SECTION.match(line), RULE.match(line)
            if heading:
                section = heading[1]
            elif rule:
                rules.append(Rule(rule[1], section, rule[2].strip()))
            elif line.startswith("  ") and rules:
                rules[-1].text += " " + line.strip()
    return tuple(rules)


def section(rule_id):
    """The title of the section that has the rule; "" for what is no rule."""
    return next((rule.section for rule in read() if rule.id == rule_id), "")
