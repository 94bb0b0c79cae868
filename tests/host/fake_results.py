# SPDX-License-Identifier: MIT
"""Runs and tests as result.json has them, for the tests of what is made from it."""

FAILURE = {
    "rule": "V07",
    "section": "13.8",
    "expected": "0x1",
    "got": "0x2",
    "where": "xcr0:0x7/save:xsave byte=3",
    "seed": "7",
    "repro": "./run-qemu.sh -- tests=xsave/init case=xcr0:0x7/save:xsave",
}


def test_of(name, status="pass", **more):
    test = {"name": name, "rules": ["V07"], "status": status, "probes": 3, "reason": ""}
    test.update(expect=None, observed={}, failures=[])
    return {**test, **more}


def run_of(name, *tests, **more):
    run = {"platform": name, "engine": "qemu", "engine_version": "7.2", "cpu": "max", "boot": "iso"}
    run.update(smp=1, words=["seed=7"], command=["./run-qemu.sh", "--", "seed=7"], status="done")
    run.update(log=f"logs/{name}.log", wall_s=0.25, xcr0_supported="0x7", xss_supported="0x0")
    return {**run, "components": [], "tests": list(tests), **more}
