# SPDX-License-Identifier: MIT
"""One line on a terminal that says how far the measuring is; nothing elsewhere."""

import sys


def show(text=""):
    """Replace the line; without a text, remove it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()
