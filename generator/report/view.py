# SPDX-License-Identifier: GPL-2.0-only
"""A run as the reports look at it: designs in order, and where each figure is taken from.

A run has one or more boots in each tier, and one or more blocks (every design once) in them. A
report's figure is the median over the blocks of a tier; nothing goes over two tiers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from generator import gate
from generator.evidence.frames import FLOOR, RunLike, baseline_of, ordered_cases, variant_order
from generator.evidence.frames import failures as case_failures
from generator.gate.result import FAIL, FORCED, NOT_RUN, GateResult
from generator.report.figures import Figure, Figures

if TYPE_CHECKING:
    from generator.evidence.components import Components
    from generator.evidence.verdict import Verdict
    from generator.runs.store import Run
    from generator.studies.ablation import Ablation
    from generator.studies.sweeps import Sweep

COUNT, MODEL, NATIVE, TDX = "count", "model", "native", "tdx"
TIERS = (TDX, NATIVE, COUNT, MODEL)
"""What says most of time first; MODEL says least: its time is emulated."""

# Which workload answers which question; the first one that ran is taken and named.
FAULT = ("populate_seq", "populate_rand", "populate_sparse", "same_range", "convert", "smoke")
CONTENTION = ("same_range", "populate_rand", "populate_seq", "convert", "smoke")
MEMORY = ("convert", "populate_seq", "populate_rand", "same_range", "smoke")
PARKED = ("idle", "topup", "populate_seq", "populate_rand", "same_range", "smoke")


@dataclass(frozen=True)
class Source:
    """Where a figure comes from."""

    tier: str
    workload: str
    host: str
    vcpus: int
    blocks: int = 1

    @property
    def counted(self) -> str:
        """How far its counts go: in the count tier they repeat to the last digit."""
        if self.tier == COUNT:
            return "exact counts"
        return "counts of one block" if self.blocks == 1 else "median count of the blocks"

    def __str__(self) -> str:
        said = [f"host {self.host}", f"tier {self.tier}", f"workload {self.workload}",
                plural(self.vcpus, "vCPU")]
        return ", ".join(said + ([plural(self.blocks, "block")] if self.blocks > 1 else []))


def plural(number: int, what: str) -> str:
    """"1 boot", "2 boots"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class View:
    """The run's manifest, cases, frame and figures by name, verdicts, and what the gate said.

    ``frame``: the summary, of designs that failed only that they did. ``failing``: design ->
    why it has no figures. ``mark``: tells the runs of one report apart in names of files.
    ``walk``, ``sweep``: the ablation or sweep the run was made for. ``components``: where the
    spread of its times comes from; ``doubts``: what its batches say against them.
    """

    manifest: Mapping[str, Any]
    cases: Sequence[Mapping[str, Any]]
    frame: pd.DataFrame
    figures: Figures
    variants: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = ()
    gates: Mapping[str, GateResult] = field(default_factory=dict)
    failing: Mapping[str, str] = field(default_factory=dict)
    mark: str = ""
    walk: Ablation | None = None
    sweep: Sweep | None = None
    components: tuple[Components, ...] = ()
    doubts: tuple[str, ...] = ()

    @classmethod
    def of(cls, run: RunLike, frame: pd.DataFrame, verdicts: Iterable[Verdict] = (),
           gates: Mapping[str, GateResult] | None = None) -> View:
        """The view of a run and its summary frame; a design that failed anything has no figures."""
        gates, cases = gates or {}, ordered_cases(run)
        failing = failures_of(run.manifest, cases, gates)
        good = ~frame["variant"].isin(list(failing))
        return cls(run.manifest, cases, frame[good | (frame["metric"] == "case.failed")],
                   Figures(frame[good]),
                   everyone(run.manifest, failing),
                   tuple(v for v in verdicts if v.variant not in failing), gates, failing)

    @classmethod
    def load(cls, run: Run) -> View:
        """The view of a stored run, with its verdicts and the gate's results."""
        from generator.evidence import components, frames, verdict
        from generator.studies import ablation, sweeps
        table = frames.read(run)
        view = cls.of(run, table.summary(), verdict.of_run(run, table), gate.load(run))
        return replace(view, walk=ablation.load(run.path), sweep=sweeps.load(run.path),
                       components=components.of_run(run), doubts=components.doubts(run))

    @property
    def id(self) -> str:
        return str(self.manifest["id"])

    @property
    def short(self) -> str:
        """How the run is called beside others: the time of its id."""
        return self.id.split("-", maxsplit=1)[0]

    @property
    def baseline(self) -> str:
        return baseline_of(self.manifest)

    @property
    def aprime(self) -> str | None:
        """The baseline run again under its other name."""
        return next((v for v, entry in self.manifest["variants"].items()
                     if entry.get("aprime_of") == self.baseline), None)

    @property
    def designs(self) -> tuple[str, ...]:
        """Variants without A', which is no design of its own."""
        return tuple(v for v in self.variants if v != self.aprime)

    @property
    def rivals(self) -> tuple[str, ...]:
        """Designs put beside the baseline: not A', not the floor."""
        return tuple(v for v in self.designs if v not in (self.baseline, FLOOR))

    def static(self, variant: str) -> bool:
        """Whether it leaves the PAMT static: it does less, and holds 0.4 % of all memory for it."""
        entry = self.manifest["variants"].get(variant) or {}
        return (entry.get("choices") or {}).get("pamt_install") == "none"

    def label(self, variant: str) -> str:
        """How a variant is called in a table: A' after what it repeats, a forced one marked."""
        name = f"{self.baseline} A'" if variant == self.aprime else variant
        return f"{name} [f]" if self.forced(variant) else name

    def gate(self, variant: str) -> str:
        """PASS, FAIL, forced or not run; a design that failed while it was measured is FAIL."""
        if variant in self.failing:
            return FAIL
        said = (self.manifest.get("gate") or {}).get(variant)
        if said is None and variant in self.gates:
            return self.gates[variant].verdict
        return str(said or NOT_RUN)

    def forced(self, variant: str) -> bool:
        """Whether its figures exist only because of --force."""
        return variant not in self.failing and (
            bool(self.manifest.get("marks")) or self.gate(variant) == FORCED)

    def any_forced(self) -> bool:
        """Whether any row carries the mark."""
        return any(map(self.forced, self.variants))

    def boots(self, tier: str) -> dict[str, Mapping[str, Any]]:
        """The planned boots of a tier by name."""
        return {name: boot for name, boot in self.manifest["boots"].items()
                if boot["tier"] == tier}

    def has(self, tier: str) -> bool:
        """Whether a boot of that tier was planned."""
        return bool(self.boots(tier))

    @property
    def tiers(self) -> tuple[str, ...]:
        """Tiers of the plan, what says most first."""
        return tuple(tier for tier in TIERS if self.has(tier))

    @property
    def timed(self) -> str:
        """The tier of this run that has a clock: the host's own time before emulated time."""
        return next((tier for tier in self.tiers if tier != COUNT), MODEL)

    def source(self, tier: str, workloads: Sequence[str], metric: str, stat: str) -> Source | None:
        """The first of ``workloads`` that has this figure for any variant in that tier."""
        ran = self.figures.workloads(tier) if self.has(tier) else []
        for workload in (*workloads, *(w for w in ran if w not in workloads)):
            for variant in self.variants:
                figure = self.figures.get(tier, variant, workload, metric, stat)
                if not math.isnan(figure.value):
                    return Source(tier, workload, self.host, figure.vcpus, self.blocks(tier))
        return None

    def either(self, workloads: Sequence[str], metric: str, stat: str) -> Source | None:
        """As source(); exact counts first, a boot with a clock when the count tier has none."""
        return self.source(COUNT, workloads, metric, stat) \
            or self.source(self.timed, workloads, metric, stat)

    def figure(self, at: Source, variant: str, metric: str, stat: str) -> Figure:
        """A figure at a source."""
        return self.figures.get(at.tier, variant, at.workload, metric, stat)

    def value(self, at: Source | None, variant: str, metric: str, stat: str) -> float:
        """A figure's value at a source, NaN when there is none."""
        return math.nan if at is None else self.figure(at, variant, metric, stat).value

    def blocks(self, tier: str) -> int:
        """Blocks measured in a tier."""
        return self.figures.blocks.get(tier, 0)

    @property
    def host(self) -> str:
        """Host of the records (twin or kvm)."""
        hosts = {str(record["host"]) for case in self.cases
                 if (record := case.get("record")) and record.get("host")}
        return "+".join(sorted(hosts)) or str((self.manifest.get("plan") or {}).get("host")
                                              or "unknown")

    def has_floor(self) -> bool:
        """Whether the design without any S-EPT and PAMT page work ran."""
        return FLOOR in self.variants

    def verdicts_of(self, tier: str) -> tuple[Verdict, ...]:
        """The verdicts of one tier."""
        return tuple(v for v in self.verdicts if v.tier == tier)


def everyone(manifest: Mapping[str, Any], failing: Iterable[str]) -> tuple[str, ...]:
    """The run's variants in order; designs the gate kept out of it stand before the floor."""
    ran = variant_order(manifest)
    out = sorted(name for name in failing if name not in ran)
    at = len(ran) - 1 if ran and ran[-1] == FLOOR else len(ran)
    return (*ran[:at], *out, *ran[at:])


def failures_of(manifest: Mapping[str, Any], cases: Iterable[Mapping[str, Any]],
                gates: Mapping[str, GateResult]) -> dict[str, str]:
    """Design -> why it has no figures: the gate's verdict, or the first case that failed."""
    why = case_failures(cases)
    stated: Mapping[str, str] = manifest.get("gate") or {}
    for name, result in gates.items():
        if not result.passed and stated.get(name) != FORCED:
            found = [f.text for f in result.findings] + [s.title for s in result.splats]
            why.setdefault(name, f"gate: {found[0] if found else 'failed'}")
    for name, said in stated.items():
        if said == FAIL:
            why.setdefault(name, "gate: failed")
    return why
