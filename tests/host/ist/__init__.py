# SPDX-License-Identifier: MIT
"""A model of the entry designs for NMI, #DB and #MC, and what it is compared with."""
