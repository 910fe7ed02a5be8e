# SPDX-License-Identifier: GPL-2.0-only
"""The gate's results as KTAP, version 1: a suite per design, a test per check."""

from __future__ import annotations

from collections.abc import Sequence

from generator.gate.result import CORRECTNESS, CRITERION, OTHER, Finding, GateResult
from generator.gate.seeded import Bug, Caught, why_not
from generator.report.text import ascii_only

_NAMES = {"enomem": "every_allocation_fails", "busy": "every_seamcall_is_busy",
          "lost": "every_cmpxchg_is_lost"}


def lines(results: Sequence[GateResult]) -> list[str]:
    """The whole document, for kunit.py parse and other readers of KTAP."""
    found = ["KTAP version 1", f"1..{len(results)}"]
    for number, result in enumerate(results, start=1):
        found += [f"    {line}" for line in _suite(result)]
        found.append(f"{_ok(result.passed)} {number} {_name(result.variant)}")
    return found


def caught(found: Sequence[Caught], left: Sequence[Bug] = ()) -> list[str]:
    """The seeded bugs: ok when caught as what they are. ``left``: those that were not tried."""
    lines = ["KTAP version 1", f"1..{len(found) + len(left)}"]
    for number, one in enumerate(found, start=1):
        lines.append(f"# {one.bug.text}: expected {', '.join(one.bug.expected)}, "
                     f"seen {', '.join(one.seen) or 'nothing of it'}")
        lines.append(f"{_ok(one.ok)} {number} {_name(one.bug.name)}")
    return [*lines, *(f"ok {number} {_name(bug.name)} # SKIP {why_not(bug)}"
                      for number, bug in enumerate(left, start=len(found) + 1))]


def _ok(passed: bool) -> str:
    return "ok" if passed else "not ok"


def _name(text: str) -> str:
    """A test's name: # would start a directive."""
    return text.replace("#", "_").replace(" ", "_")


def _suite(result: GateResult) -> list[str]:
    wrong = result.of_class(CORRECTNESS)
    kinds = sorted({finding.kind for finding in wrong})
    tests = [(f"no_{kind}", [one for one in wrong if one.kind == kind]) for kind in kinds]
    head = ["KTAP version 1", f"# Subtest: {_name(result.variant)}",
            f"1..{len(tests) + len(_NAMES) + 1}"]
    body: list[str] = []
    number = 0
    for kind, name in _NAMES.items():
        number += 1
        covered, size = result.points.get(kind, (0, 0))
        body.append(f"# {name}: {covered} of {size} points")
        body.append(_swept(f"{number} {name}", covered, size, result.passed))
    for name, findings in tests:
        number += 1
        body += [line for one in findings for line in _diagnostic(one)]
        body.append(f"not ok {number} {name}")
    number += 1
    body += [line for klass in (CRITERION, OTHER) for one in result.of_class(klass)
             for line in _diagnostic(one)]
    body += [_said(sentence) for sentence in result.not_run]
    return [*head, *body, f"{_ok(not wrong)} {number} correct"]


def _swept(test: str, covered: int, size: int, passed: bool) -> str:
    """All points: ok; a part of them, as the quick gate tries under TCG, is not the whole test."""
    if covered >= size > 0:
        return f"ok {test}"
    if passed:
        return f"ok {test} # SKIP {f'{covered} of {size} tried' if size else 'not counted'}"
    return f"not ok {test}"


def _diagnostic(finding: Finding) -> list[str]:
    tag = f"{finding.criterion} " if finding.criterion else ""
    return [_said(f"{tag}{finding.kind}: {finding.text} [{finding.count}]"),
            *(_said(f"  {path}") for path in finding.paths)]


def _said(text: str) -> str:
    """One line, whatever a guest put into it: a line of its own could be a test's."""
    return f"# {ascii_only(text)}"
