# SPDX-License-Identifier: GPL-2.0-only
"""Agreement with traces as text and as KTAP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from generator.seam.conformance import Agreement, Disagreement

Tallies = Mapping[str, Agreement]
_SHOWN = 40
"""Kinds of disagreement shown; a model that is far off has hundreds."""


def _sums(tallies: Tallies) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    good: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for tally in tallies.values():
        good.update(tally.good)
        total.update(tally.total)
    return good, total


def _shown(found: Disagreement, count: int) -> list[str]:
    operands = " ".join(f"{key}={value}" for key, value in found.step.items() if key != "f")
    return [f"{found.leaf} {found.what}, {count} times, first in {found.trace} step {found.index}",
            f"  expected {found.expected}", f"  got      {found.got}", f"  {operands}"]


def _disagreements(tallies: Tallies) -> list[str]:
    lines: list[str] = []
    for name, tally in tallies.items():
        for kind, found in list(tally.first.items())[:_SHOWN]:
            lines += [f"{name}: {line}" if i == 0 else line
                      for i, line in enumerate(_shown(found, tally.kinds[kind]))]
        if len(tally.first) > _SHOWN:
            lines.append(f"{name}: {len(tally.first) - _SHOWN} more kinds")
    return lines


def _totals(name: str, tally: Agreement) -> str:
    return (f"{name}: {tally.good_traces} of {tally.traces} traces, "
            f"{tally.good.total()} of {tally.total.total()} calls, "
            f"{tally.good_dumps} of {tally.dumps} state dumps agree")


def as_text(tallies: Tallies) -> list[str]:
    """One line per leaf and status, then the disagreements, then totals per file."""
    good, total = _sums(tallies)
    lines = [f"{leaf:<8} {status:<36} {good[leaf, status]:>6} of {n:>6}"
             f"{'' if good[leaf, status] == n else '   DISAGREES'}"
             for (leaf, status), n in sorted(total.items())]
    return [*lines, *_disagreements(tallies),
            *(_totals(name, tally) for name, tally in tallies.items())]


def from_tallies(tallies: Tallies) -> list[str]:
    """A test per leaf and status, and one per file for its state dumps."""
    good, total = _sums(tallies)
    tests = [(good[key] == n, f"{key[0]} {key[1]}: {good[key]} of {n}")
             for key, n in sorted(total.items())]
    tests += [(tally.good_dumps == tally.dumps and tally.complete, _totals(name, tally))
              for name, tally in tallies.items()]
    lines = [f"{'ok' if ok else 'not ok'} {i} {text}" for i, (ok, text) in enumerate(tests, 1)]
    return ["KTAP version 1", f"1..{len(tests)}", *lines,
            *(f"# {line}" for line in _disagreements(tallies))]
