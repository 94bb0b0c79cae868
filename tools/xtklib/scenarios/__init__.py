# SPDX-License-Identifier: MIT
"""What a host does to a machine that runs; an engine in engines/ starts each."""
