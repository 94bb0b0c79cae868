#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the model of the entry designs and prints which steps of which nesting are fatal.

usage: tests/host/ist/run.py [--pattern P]... [--steps] [DESIGN...]
       tests/host/ist/run.py --mutants [DESIGN...]
       tests/host/ist/run.py --against LOG [DESIGN...]
       tests/host/ist/run.py --claims [DESIGN...]
       tests/host/ist/run.py --record

Without a choice: all designs, all patterns. A pattern may begin with a base context, as in
"user:NMI>DB". --steps adds cases and failures by step of the second and third event. --mutants runs
the designs broken on purpose. --against compares with the "# ist" lines of a log, --claims with the
claims in kernel/ist/. --record writes expected.txt, which --against, --claims and the tests read.

Status: 0 all as expected; 1 a difference, or a fault that nothing noticed; 2 usage.
"""

import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(HERE))

from ist import compare, designs, faults, kernel, model, table  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))


def pattern(text):
    base, events = model.events_of(text)
    if base not in kernel.BASES or not set(events) <= set(model.EVENTS):
        raise argparse.ArgumentTypeError(f"{text}: not BASE:VECTOR>VECTOR…; see --help")
    return text


def arguments():
    parser = argparse.ArgumentParser(
        usage="\n".join(__doc__.split("usage: ")[1].split("\n\n")[0].splitlines()),
        description=__doc__.split("\n\n")[0],
    )
    parser.add_argument("designs", nargs="*", metavar="DESIGN")
    parser.add_argument("--pattern", action="append", type=pattern)
    parser.add_argument("--steps", action="store_true")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--mutants", action="store_true")
    mode.add_argument("--against", metavar="LOG")
    mode.add_argument("--claims", action="store_true")
    mode.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    unknown = set(chosen.designs) - set(designs.NAMES)
    if unknown:
        parser.error(f"no design {', '.join(sorted(unknown))}; there are {' '.join(designs.NAMES)}")
    return chosen


def print_steps(result):
    for event, steps in result.steps.items():
        for step, (cases, failed) in steps.items():
            print(f"    event={event} {step:28}{failed:7}/{cases}")


def print_table(chosen):
    rows = table.results(chosen.designs or designs.NAMES, chosen.pattern or kernel.PATTERNS)
    for name, text, rearm, result in rows:
        what = " ".join(f"{symptom}={count}" for symptom, count in result.symptoms.most_common())
        counts = f"{result.failed}/{result.cases}" if result.cases else "n/a"
        print(f"{name:15}{text:12} {rearm:6}{counts:>12}  {what}".rstrip(), flush=True)
        if chosen.steps:
            print_steps(result)
    return 0


def print_mutants(chosen):
    missed, whole = 0, {}
    for fault in faults.FAULTS:
        if chosen.designs and fault.design not in chosen.designs:
            continue
        found = faults.caught(fault, whole)
        as_said = faults.first(found) == fault.symptom
        missed += not as_said
        what = " ".join(f"{name}={count}" for name, count in found.most_common()) or "nothing"
        print(f"{'ok' if as_said else 'MISSED':7}{fault.design}: {fault.name}: {what}", flush=True)
    return 1 if missed else 0


def expected(chosen):
    digest, known = table.read()
    if digest != table.digest():
        sys.exit("expected.txt is older than the model: run tests/host/ist/run.py --record")
    return {key: cell for key, cell in known.items() if key[0] in (chosen.designs or designs.NAMES)}


def print_against(chosen):
    known = expected(chosen)
    try:
        with open(chosen.against, encoding="utf-8", errors="replace") as file:
            lines = list(file)
        measured = compare.measured(lines)
    except (OSError, ValueError) as error:
        print(f"{chosen.against}: {error}", file=sys.stderr)
        return 2
    names = {design for design, _, _ in measured} & set(chosen.designs or designs.NAMES)
    if not names:
        print(f"{chosen.against}: no \"# ist\" line of such a design", file=sys.stderr)
        return 2
    differ = [d for d in compare.compare(lines, known) if d.design in names]
    absent = [d for d in differ if d.event == 1 and d.kernel == "lacks it"]
    for name in sorted(names):
        patterns = sorted({d.pattern for d in absent if d.design == name})
        if patterns:
            print(f"{name}: not in the log: {' '.join(patterns)}")
    differ = [d for d in differ if d not in absent]
    for difference in differ:
        print(difference)
    print(f"{len(measured)} cells of {', '.join(sorted(names))}; {len(differ)} differences")
    return 1 if differ else 0


def print_claims(chosen):
    claims = compare.read_claims(os.path.join(ROOT, "kernel", "ist"))
    claims = {name: of for name, of in claims.items() if name in (chosen.designs or claims)}
    kinds = compare.compare_claims(claims, expected(chosen))
    for title, rows in zip(("contradicts the model", "no claim", "not modelled"), kinds):
        for design, text, claim, ours in rows:
            print(f"{title}: {design} {text}: claim {claim}, model {ours}")
    print(f"{sum(map(len, claims.values()))} claims, {len(kinds[0])} contradict the model")
    return 1 if kinds[0] else 0


def main():
    chosen = arguments()
    if chosen.record:
        table.write(table.results())
        return 0
    if chosen.mutants:
        return print_mutants(chosen)
    if chosen.against:
        return print_against(chosen)
    return print_claims(chosen) if chosen.claims else print_table(chosen)


if __name__ == "__main__":
    sys.exit(main())
