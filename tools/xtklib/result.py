# SPDX-License-Identifier: MIT
"""DIR/result.json, the truth that every report is made from. docs/protocol.md has the schema."""

import json
import os

from . import ktap

VERSION = 1
RUN_STATUS = {ktap.CRASH: "crash", ktap.TIMEOUT: "timeout", ktap.USAGE: "usage"}


def failure_json(test, failure, words):
    repro = [word for word in words if not word.startswith("tests=")]
    return {
        "rule": failure.rule,
        "section": "",
        "expected": failure.expected,
        "got": failure.got,
        "where": failure.where,
        "seed": next((word[5:] for word in words if word.startswith("seed=")), ""),
        "repro": " ".join([*repro, "tests=" + test.name]),
    }


def test_json(test, known, words):
    lines = known.get(id(test))
    return {
        "name": test.name,
        "rules": test.rules,
        "status": "known" if lines else test.status,
        "probes": test.probes,
        "reason": test.reason,
        "expect": {"line": lines[0].place, "reference": lines[0].reference} if lines else None,
        "observed": {},
        "failures": [failure_json(test, failure, words) for failure in test.failures],
    }


def run_json(platform, engine, version, boot, log, comparison):
    """One element of "runs"."""
    known = {id(test): lines for test, lines in comparison.known}
    return {
        "platform": platform,
        "engine": engine,
        "engine_version": version,
        "cpu": boot.cpu or log.header.get("cpu", ""),
        "boot": log.header.get("boot", boot.boot),
        "smp": boot.smp,
        "words": boot.words,
        "command": boot.command,
        "log": os.path.basename(boot.log),
        "status": RUN_STATUS.get(log.status, "done"),
        "wall_s": boot.wall_s,
        "xcr0_supported": log.header.get("xcr0", ""),
        "xss_supported": log.header.get("xss", ""),
        "components": log.components,
        "tests": [test_json(test, known, boot.words) for test in log.tests],
    }


def write(path, runs):
    """Write whole or not at all. Raises OSError."""
    partial = path + ".tmp"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump({"version": VERSION, "runs": runs}, file, indent=1, ensure_ascii=False)
        file.write("\n")
    os.replace(partial, path)
