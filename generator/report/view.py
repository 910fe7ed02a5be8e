# SPDX-License-Identifier: GPL-2.0-only
"""A run as the reports look at it: designs in order, and where each figure is taken from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from generator.frames import (
    FLOOR,
    Figures,
    RunLike,
    baseline_of,
    ordered_cases,
    variant_order,
)

COUNT, MODEL, NATIVE = "count", "model", "native"
TIERS = (COUNT, MODEL, NATIVE)

# Which workload answers which question; the first one that ran is taken and named.
FAULT = ("populate_seq", "populate_rand", "populate_sparse", "same_range", "convert", "smoke")
CONTENTION = ("same_range", "populate_rand", "populate_seq", "convert", "smoke")
MEMORY = ("convert", "populate_seq", "populate_rand", "same_range", "smoke")
PARKED = ("idle", "topup", "populate_seq", "populate_rand", "same_range", "smoke")


@dataclass(frozen=True)
class Source:
    """Where a figure comes from."""

    boot: str
    workload: str
    host: str
    tier: str
    vcpus: int

    @property
    def counted(self) -> str:
        """How far its counts go: in the count tier they repeat to the last digit."""
        return "exact counts" if self.tier == COUNT else "counts of this one boot"

    def __str__(self) -> str:
        cpus = "vCPU" if self.vcpus == 1 else "vCPUs"
        return (f"host {self.host}, tier {self.tier}, boot {self.boot}, workload {self.workload}, "
                f"{self.vcpus} {cpus}")


@dataclass(frozen=True)
class View:
    """The run's manifest, cases, frame and figures by name."""

    manifest: Mapping[str, Any]
    cases: Sequence[Mapping[str, Any]]
    frame: pd.DataFrame
    figures: Figures
    variants: tuple[str, ...]

    @classmethod
    def of(cls, run: RunLike, frame: pd.DataFrame) -> View:
        return cls(run.manifest, ordered_cases(run), frame, Figures(frame),
                   tuple(variant_order(run.manifest)))

    @property
    def baseline(self) -> str:
        return baseline_of(self.manifest)

    @property
    def aprime(self) -> str | None:
        """The baseline run again under its other name."""
        return next((v for v in self.variants
                     if self.manifest["variants"][v].get("aprime_of") == self.baseline), None)

    @property
    def designs(self) -> tuple[str, ...]:
        """Variants without A', which is no design of its own."""
        return tuple(v for v in self.variants if v != self.aprime)

    def label(self, variant: str) -> str:
        """How a variant is called in a table: A' is named after what it repeats."""
        return f"{self.baseline} A'" if variant == self.aprime else variant

    def boot(self, tier: str) -> str | None:
        """The boot of a tier, if it was planned."""
        boots: Mapping[str, Any] = self.manifest["boots"]
        return next((name for name, boot in boots.items() if boot["tier"] == tier), None)

    @property
    def timed(self) -> str:
        """The tier of this run's boot with a clock: the host's own time before emulated time."""
        return NATIVE if self.boot(NATIVE) else MODEL

    def source(self, tier: str, workloads: Sequence[str], metric: str, stat: str) -> Source | None:
        """The first of ``workloads`` that has this figure for any variant in that tier's boot."""
        boot = self.boot(tier)
        ran = self.figures.workloads(boot) if boot else []
        for workload in (*workloads, *(w for w in ran if w not in workloads)):
            for variant in self.variants:
                figure = self.figures.get(str(boot), variant, workload, metric, stat)
                if not math.isnan(figure.value):
                    return Source(str(boot), workload, self.host, tier, figure.vcpus)
        return None

    def either(self, workloads: Sequence[str], metric: str, stat: str) -> Source | None:
        """As source(); exact counts first, a boot with a clock when the count boot has none."""
        return self.source(COUNT, workloads, metric, stat) \
            or self.source(self.timed, workloads, metric, stat)

    def value(self, at: Source | None, variant: str, metric: str, stat: str) -> float:
        """A figure's value at a source, NaN when there is none."""
        if at is None:
            return math.nan
        return self.figures.value(at.boot, variant, at.workload, metric, stat)

    @property
    def host(self) -> str:
        """Host of the records (twin or kvm)."""
        hosts = {str(h) for h in self.frame["host"].unique() if h}
        return "+".join(sorted(hosts)) or "unknown"

    def has_floor(self) -> bool:
        """Whether the design without any S-EPT and PAMT page work ran."""
        return FLOOR in self.variants
