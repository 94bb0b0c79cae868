# SPDX-License-Identifier: MIT
"""The host side of xtk: start one boot, read its log, compare it with what is known."""
