# SPDX-License-Identifier: MIT
"""The verbs of tools/xtk: NAME.py is `xtk NAME`, with - for _.

A verb's module has HELP, one line for the list of verbs; EXAMPLE, which ends its --help: an example
and the statuses; add(parser), its options; and main(arguments, words), which returns the status.
@words is what followed "--", which is refused unless the module says TAKES_WORDS = True. It raises
usage.Usage for what the user got wrong.
"""
