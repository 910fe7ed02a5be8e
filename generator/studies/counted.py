# SPDX-License-Identifier: GPL-2.0-only
"""The figures that designs are weighed by, from boots that count: exact, the same every time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from generator.evidence import rows
from generator.evidence.frames import RunLike
from generator.runs import plan

Names = Mapping[tuple[str, str], float]
"""Figures of one case: (metric, statistic) -> value."""


@dataclass(frozen=True)
class Measure:
    """One figure of a design: its workload, and how it follows from the case's figures.

    ``floor``: differences up to this, in ``unit``, or up to SHARE of the figure, are where pages
    happened to lie: in a few 2 MiB ranges, and so pairs, more or less.
    """

    key: str
    title: str
    unit: str
    workload: str
    read: Callable[[Names], float]
    floor: float = 0.0


SHARE = 0.005


def _named(metric: str, stat: str) -> Callable[[Names], float]:
    return lambda names: names.get((metric, stat), math.nan)


def _held(names: Names) -> float:
    """Instructions per fault under the design's own locks; mmu_lock is every design's."""
    faults = names.get(("count.faults", "count"), math.nan)
    total = 0.0
    for (metric, stat), mean in names.items():
        lock = metric.removeprefix("lock.").removesuffix(".hold")
        if stat != "mean" or metric != f"lock.{lock}.hold" or lock.startswith("mmu_lock"):
            continue
        takes = names.get((f"lock.{lock}.acquired", "count"), 0.0)
        total += 0.0 if math.isnan(mean) else mean * takes
    return total / faults if faults else math.nan


MEASURES = (
    Measure("fault", "instructions per fault", "instr", "populate_seq",
            _named("op.fault", "mean")),
    Measure("fault_new_table", "instructions per fault that links a new page table", "instr",
            "populate_sparse", _named("op.fault", "mean")),
    Measure("allocs", "pages allocated per fault", "pages", "populate_seq",
            _named("per_fault.page_allocs", "ratio"), 0.004),
    Measure("lock_takes", "locks taken per fault", "takes", "populate_seq",
            _named("per_fault.lock_takes", "ratio"), 0.004),
    Measure("held", "instructions per fault under the design's own locks", "instr",
            "populate_seq", _held, 2),
    Measure("mmu_lock", "instructions per fault under mmu_lock", "instr", "populate_seq",
            _named("lock.mmu_lock.read.hold", "mean")),
    Measure("seamcalls", "SEAMCALLs per fault", "calls", "populate_sparse",
            _named("per_fault.seamcalls", "ratio"), 0.05),
    Measure("split", "instructions per split", "instr", "convert", _named("op.split", "mean")),
    Measure("zap", "instructions per page zapped", "instr", "convert", _named("op.zap", "mean")),
    Measure("parked", "pages parked per idle vCPU", "pages", "idle",
            _named("parked.design.pages", "per_vcpu")),
)
WORKLOADS = tuple(dict.fromkeys(measure.workload for measure in MEASURES))


class Counted:
    """The count tier of a run: (variant, workload) -> figures."""

    def __init__(self, cases: Mapping[tuple[str, str], Names]) -> None:
        self._cases = cases

    @classmethod
    def of(cls, run: RunLike) -> Counted:
        """Read a run; a failed case has no figures."""
        boots = run.manifest["boots"]
        cases = {}
        for case in run.records:
            if boots[case["boot"]]["tier"] == plan.COUNT_TIER:
                cases[case["variant"], case["workload"]] = {
                    (row.metric, row.stat): row.value
                    for row in rows.case_rows(case, plan.COUNT_TIER)}
        return cls(cases)

    def value(self, variant: str, measure: Measure) -> float:
        """A design's figure; NaN when it has none."""
        names = self._cases.get((variant, measure.workload))
        return math.nan if names is None else measure.read(names)

    def figures(self, variant: str) -> dict[str, float]:
        """All figures of a design, by key."""
        return {measure.key: self.value(variant, measure) for measure in MEASURES}
