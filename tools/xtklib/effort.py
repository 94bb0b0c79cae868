# SPDX-License-Identifier: MIT
"""How much a run did: the probes of its tables, the bytes they compared, and the time of it all."""

from dataclasses import dataclass


@dataclass
class Effort:
    probes: int
    bytes: int
    wall_s: float


def of_runs(runs):
    """Of tests that say what they compared; the others count checks, which are no probes."""
    runs = list(runs)
    tests = [test for run in runs for test in run["tests"] if "bytes" in test["observed"]]
    compared = sum(test["observed"]["bytes"] for test in tests)
    probes = sum(test["probes"] for test in tests)
    return Effort(probes, compared, sum(run["wall_s"] for run in runs))


def of_run(run):
    return of_runs([run])


def in_words(effort):
    """One line; "" without a probe."""
    if not effort.probes:
        return ""
    said = f"{effort.probes:,} probes, {effort.bytes:,} bytes compared"
    rate = effort.probes / effort.wall_s if effort.wall_s else 0
    return said + (f", {rate:,.0f} probes/s" if rate else "")
