# SPDX-License-Identifier: GPL-2.0-only
"""A run's figures by name."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from generator.evidence.stats import NAN

READ = ["tier", "variant", "workload", "vcpus", "metric", "stat", "value", "unit", "n", "ci_lo",
        "ci_hi", "blocks"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure as the reports use it; ``value`` is NaN where a design has none."""

    value: float
    unit: str = ""
    n: int = 0
    low: float = NAN
    high: float = NAN
    vcpus: int = 0


NOTHING = Figure(NAN)


class Figures:
    """A summary frame by name: (tier, variant, workload, metric, stat) -> Figure; blocks by tier.

    Where a workload ran with several vCPU counts, the largest one is shown.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._by_name: dict[tuple[str, ...], Figure] = {}
        self._at: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
        self.blocks: dict[str, int] = {}
        for tier, variant, load, vcpus, metric, stat, value, unit, n, low, high, blocks in zip(
                *(frame[name].tolist() for name in READ), strict=True):
            name = (tier, variant, load, metric, stat)
            self._at.setdefault((tier, load), {})[metric, stat] = None
            if name not in self._by_name or self._by_name[name].vcpus <= vcpus:
                self._by_name[name] = Figure(value, unit, n, low, high, vcpus)
            if blocks > self.blocks.get(tier, 0):
                self.blocks[tier] = blocks

    def get(self, tier: str, variant: str, workload: str, metric: str, stat: str) -> Figure:
        """The figure of that name, NOTHING when there is none."""
        return self._by_name.get((tier, variant, workload, metric, stat), NOTHING)

    def value(self, tier: str, variant: str, workload: str, metric: str, stat: str) -> float:
        """Its value, NaN when there is none."""
        return self.get(tier, variant, workload, metric, stat).value

    def stats(self, tier: str, workload: str, prefix: str) -> list[tuple[str, str]]:
        """All (metric, stat) that start with ``prefix`` there, in order of first appearance."""
        return [name for name in self._at.get((tier, workload), ()) if name[0].startswith(prefix)]

    def workloads(self, tier: str) -> list[str]:
        """Workloads that ran in a tier, in order of first appearance."""
        return [workload for at, workload in self._at if at == tier]
