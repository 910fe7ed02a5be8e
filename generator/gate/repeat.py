# SPDX-License-Identifier: GPL-2.0-only
"""The gate again and again, on other seeds: what it says of correct designs has to stay the same.

A correctness finding on a design that is right is a false one; so is any finding that comes and
goes with the seed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from generator import proc
from generator.gate import conduct
from generator.gate.conduct import Wish
from generator.gate.result import CORRECTNESS, OTHER, GateResult

RUNS = 20
"""How often unless told: enough to show a false finding that one run in seven has, in 95 %."""


@dataclass(frozen=True)
class Repeated:
    """Results of all runs, one tuple per run, designs in the same order in each."""

    runs: tuple[tuple[GateResult, ...], ...]

    @property
    def wrong(self) -> Counter[tuple[str, str]]:
        """(design, finding) of class correctness -> runs it was in."""
        return Counter((one.variant, found.text) for results in self.runs for one in results
                       for found in one.of_class(CORRECTNESS))

    @property
    def fickle(self) -> dict[tuple[str, str], int]:
        """(design, kind of finding) -> runs it was in, where that is neither none nor all."""
        seen = Counter((one.variant, kind) for results in self.runs for one in results
                       for kind in {found.kind for found in one.findings if found.klass != OTHER})
        return {key: n for key, n in sorted(seen.items()) if n < len(self.runs)}


def run(wish: Wish, runs: int, *, again: bool = False) -> Repeated:
    """``runs`` gates of the same designs, the seed one more each time; known ones are recalled."""
    found: list[tuple[GateResult, ...]] = []
    for number in range(runs):
        proc.note(f"  GATE    run {number + 1} of {runs}")
        found.append(tuple(conduct.check(replace(wish, seed=wish.seed + number), again=again)))
    return Repeated(tuple(found))


def table(found: Repeated) -> list[str]:
    """What was found, and the sum in the last line."""
    runs, first = len(found.runs), found.runs[0]
    kernels = sorted({boot.kernel for one in first for boot in one.boots})
    points = sum(points[0] for results in found.runs for one in results
                 for points in one.points.values())
    lines = [f"FALSE   {name}: {text} [{n} of {runs}]" for (name, text), n in found.wrong.items()]
    lines += [f"FICKLE  {name}: {kind} in {n} of {runs}"
              for (name, kind), n in found.fickle.items()]
    return [*lines, f"{sum(found.wrong.values())} false findings, {len(found.fickle)} that come "
            f"and go, in {runs} gate runs of {len(first)} designs on {', '.join(kernels)} "
            f"({points} points made to fail)"]


def as_json(found: Repeated) -> dict[str, object]:
    """Plain data: counts, and the designs."""
    return {"runs": len(found.runs), "designs": [one.variant for one in found.runs[0]],
            "false": [[*key, n] for key, n in found.wrong.items()],
            "fickle": [[*key, n] for key, n in found.fickle.items()]}
