# SPDX-License-Identifier: MIT
"""Reports: each made from result.json, and from the logs beside it where they say more."""
