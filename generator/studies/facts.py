# SPDX-License-Identifier: GPL-2.0-only
"""What is known of a design: the gate's result, a run's records, its source. Cells are made of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generator import gate, layout
from generator.evidence import frames, rows
from generator.gate.result import GateResult
from generator.modules.variant import Variant
from generator.runs import plan, store
from generator.studies import counted
from generator.studies.sourcefacts import Source

REGIONS = plan.SIZES["split_eager"]["pages"] // 512
EMPTY = "populate_seq+drain=1"
"""All caches are found empty in a fault; nothing is timed, and -ENOMEM is an answer."""
SPLITS = "split_ends"
"""A large range of 2 MiB mappings of which the ends are split: what is behind the others?"""
COUNTED = (*counted.WORKLOADS, "split_eager", SPLITS, EMPTY)
CLOCKED = "vms"
"""What is looked at for contention, where there is a boot with a clock."""


@dataclass(frozen=True)
class Cell:
    """One design under one criterion. ``value`` is NaN and ``note`` says why when not measured."""

    text: str
    value: float
    source: str
    note: str = ""

    @property
    def measured(self) -> bool:
        return bool(self.source)


def missing(note: str) -> Cell:
    """A cell that was not measured."""
    return Cell(".", math.nan, "", note)


def count(value: float, unit: str, workload: str) -> Cell:
    """A figure of the count tier."""
    if math.isnan(value):
        return missing(f"no run of {workload} has counted it")
    text = f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"
    return Cell(f"{text}{unit}", value, "counts")


@dataclass(frozen=True)
class Facts:
    """All that is known of one design. ``cases``: workload -> figures; ``timed``: with a clock.

    ``pools``: workload -> its caches; ``gets``: workload -> references taken on pairs; ``empty``:
    what was done where a cache had nothing in a fault.
    """

    variant: Variant
    gate: GateResult | None
    cases: Mapping[str, Mapping[tuple[str, str], float]]
    timed: Mapping[str, Mapping[tuple[str, str], float]]
    pools: Mapping[str, Sequence[Mapping[str, object]]]
    empty: Sequence[Mapping[str, object]] | None
    root: Path = layout.ROOT
    gets: Mapping[str, int] = field(default_factory=dict)

    def figure(self, workload: str, metric: str, stat: str) -> float:
        """A figure of the count tier; NaN when there is none."""
        return self.cases.get(workload, {}).get((metric, stat), math.nan)

    @property
    def source(self) -> Source:
        """What its headers say."""
        return Source(self.variant, self.root)

    @property
    def splits(self) -> bool:
        """Whether it maps 2 MiB pages and splits them."""
        return self.variant.choices.get("split_source", "none") != "none"

    def parked(self, workload: str, *, vcpus: bool) -> int:
        """PAMT pages in caches: of the vCPUs, or of all."""
        return sum(int(str(pool["pages"])) for pool in self.pools.get(workload, ())
                   if pool["class"] == "pamt" and (not vcpus or int(str(pool["vcpu"])) >= 0))

    def vcpus(self, workload: str) -> int:
        """vCPUs that have caches there."""
        return len({pool["vcpu"] for pool in self.pools.get(workload, ())} - {-1})


def gather(variants: Sequence[Variant], run: store.Run | None,
           root: Path = layout.ROOT) -> list[Facts]:
    """What is known of each design. Without a run only what the source says."""
    results = gate.load(run) if run else {}
    cases = _Cases()
    if run:
        failed = frames.failures(run.records)
        for case in run.records:
            if case["variant"] not in failed:
                cases.add(case, str(run.manifest["boots"][case["boot"]]["tier"]))
    return [Facts(one, results.get(one.name), cases.counts.get(one.name, {}),
                  cases.timed.get(one.name, {}), cases.pools.get(one.name, {}),
                  cases.empty.get(one.name), root, cases.gets.get(one.name, {}))
            for one in variants]


class _Cases:
    """A run's records by design: figures by workload in two kinds of boots, caches, empty ones."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, dict[tuple[str, str], float]]] = {}
        self.timed: dict[str, dict[str, dict[tuple[str, str], float]]] = {}
        self.pools: dict[str, dict[str, Sequence[Mapping[str, object]]]] = {}
        self.empty: dict[str, Sequence[Mapping[str, object]]] = {}
        self.gets: dict[str, dict[str, int]] = {}

    def add(self, case: Mapping[str, Any], tier: str) -> None:
        """Take one case in."""
        name, workload = case["variant"], case["workload"]
        side = self.counts if tier == plan.COUNT_TIER else self.timed
        side.setdefault(name, {})[workload] = {
            (row.metric, row.stat): row.value for row in rows.case_rows(case, tier)}
        if tier != plan.COUNT_TIER or not (record := case["record"]):
            return
        get = record["ops"].get("pamt_get") or {}
        self.gets.setdefault(name, {})[workload] = int(get.get("n", 0))
        self.pools.setdefault(name, {})[workload] = record["memory"].get("parked") or ()
        if workload == EMPTY:
            self.empty[name] = (record.get("custody") or {}).get("empty") or ()
