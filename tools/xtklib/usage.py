# SPDX-License-Identifier: MIT
"""What the user got wrong."""

import argparse


class Usage(Exception):
    """One line: what it is about, what is wrong, the remedy. The program ends with status 2."""


def not_empty(text):
    """Any argument, as argparse's type: what is empty comes from a variable that nobody has set."""
    if not text:
        raise argparse.ArgumentTypeError("'': empty: give a value or leave it out")
    return text


def positive(text):
    """The number of an option, as argparse's type."""
    if not (text.isdecimal() and 1 <= int(text) <= 999999):
        raise argparse.ArgumentTypeError(f"{text}: not a number from 1 to 999999")
    return int(text)
