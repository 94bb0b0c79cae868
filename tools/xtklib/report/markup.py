# SPDX-License-Identifier: MIT
"""Text of logs and of result.json on its way into HTML and SVG: all of it goes through here."""

import html

# What XML forbids and terminals obey; a log may hold any byte.
CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in range(32) if chr(code) not in "\t\n"}


def escape(text):
    """@text as the content of an element or of an attribute in quotes; it can't be markup."""
    clean = str(text).encode("utf-8", "replace").decode("utf-8")
    return html.escape(clean.translate(CONTROLS))


def link(target, text):
    """A link for what is one, else the text alone: a javascript: address must not be clickable."""
    if not target.startswith(("https://", "http://")):
        return escape(text)
    return f'<a href="{escape(target)}" rel="noreferrer">{escape(text)}</a>'


def plural(count, noun):
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1] + 'ies' if noun.endswith('ry') else noun + 's'}"


def figure(caption, picture):
    """A picture that may be wider than the page; both are markup."""
    return (
        f"<figure><figcaption>{caption}</figcaption>"
        f"<div class=scroll tabindex=0>{picture}</div></figure>"
    )
