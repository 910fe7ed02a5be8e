# SPDX-License-Identifier: GPL-2.0-only
"""Two runs beside each other: exact counts as integers, times by verdict, never across tiers.

A count is exact where both runs are of the count tier and A and A' agree in both of them. A rise
of one is a regression, and so is a design that fails where it did not. Times of two runs share no
block: they are compared unpaired, with Holm's correction, and are no part of the gate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from generator.errors import DataError
from generator.evidence import frames, measurements, unpaired, verdict
from generator.gate.result import FAIL
from generator.runs.plan import COUNT_TIER
from generator.runs.store import Run

Found = Mapping[measurements.Key, Mapping[str, verdict.Series]]
NAME = ["variant", "workload", "vcpus", "metric", "stat"]
COUNTED = ("count.", "per_fault.", "mem.", "seam.", "parked.")
INSTRUCTIONS = ("op.",)
"""Of these the median alone: a tail is that of one sample."""
BETTER_HIGH = ("charged", "freed", "returned", "handed_over")
"""Counts of which more is not worse: a change of them is told, a rise is no regression."""


@dataclass(frozen=True)
class Change:
    """One exact figure that differs. ``regression``: it rose, and more of it is worse."""

    host: str
    variant: str
    workload: str
    vcpus: int
    metric: str
    stat: str
    unit: str
    before: float
    after: float
    regression: bool


@dataclass(frozen=True)
class Timed:
    """One time of both runs, compared unpaired. ``n``: blocks of the run that has fewer."""

    host: str
    tier: str
    variant: str
    workload: str
    metric: str
    unit: str
    n: int
    before: float
    after: float
    ratio: float
    p: float | None
    outcome: str
    note: str


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs. ``apart``: why something was not compared.

    ``failed``: designs that fail in the second run alone; ``marks``: what either had to be forced
    to do.
    """

    before: str
    after: str
    compared: int
    changes: tuple[Change, ...]
    gone: tuple[str, ...]
    times: tuple[Timed, ...]
    apart: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    @property
    def regressions(self) -> tuple[Change, ...]:
        """Exact figures that became worse."""
        return tuple(change for change in self.changes if change.regression)

    @property
    def worse(self) -> bool:
        """Whether a gate has to stop this."""
        return bool(self.regressions or self.failed)

    def as_json(self) -> dict[str, Any]:
        """Plain data; NaN as null."""
        found: dict[str, Any] = plain({**asdict(self), "regressions": len(self.regressions)})
        return found


def plain(value: Any) -> Any:
    """The value with NaN as None, for JSON."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def compare(before: Run, after: Run) -> Comparison:
    """What changed from one run to another. Raises DataError when they share no host and tier."""
    tables = [frames.read(run) for run in (before, after)]
    one, two = (table.summary() for table in tables)
    shared = places(one) & places(two)
    if not shared:
        raise DataError("the runs have no host and tier in common",
                        where=f"{before.id} ({said(places(one))}) and {after.id} "
                              f"({said(places(two))})", fix="compare like with like")
    apart = [f"only in one of the runs: {said(places(one) ^ places(two))}"] \
        if places(one) ^ places(two) else []
    apart += notes(before.manifest, after.manifest)
    same_code = not kernel_differs(before.manifest, after.manifest)
    exact = [exact_changes(one, two, host, after.manifest, same_code)
             for host, tier in sorted(shared) if tier == COUNT_TIER]
    failed = failing(after) - failing(before)
    return Comparison(before.id, after.id, sum(found[0] for found in exact),
                      tuple(c for found in exact for c in found[1]),
                      tuple(" ".join(map(str, name)) for found in exact for name in found[2]
                            if name[0] not in failed),
                      tuple(times(*map(measurements.series, tables))), tuple(apart),
                      tuple(sorted(failed)), tuple(dict.fromkeys(
                          f"{run.id}: {mark}" for run in (before, after)
                          for mark in run.manifest.get("marks") or ())))


def failing(run: Run) -> set[str]:
    """Designs that the gate kept out of a run, or of which a case failed in it."""
    stated: Mapping[str, str] = run.manifest.get("gate") or {}
    return {*frames.failures(run.records), *(name for name, said in stated.items() if said == FAIL)}


def places(frame: pd.DataFrame) -> set[tuple[str, str]]:
    """Hosts and tiers of a summary."""
    pairs = frame[["host", "tier"]].drop_duplicates().itertuples(index=False, name=None)
    return {(str(host), str(tier)) for host, tier in pairs if host}


def said(found: Iterable[tuple[str, str]]) -> str:
    """Hosts and tiers in words."""
    return ", ".join(f"host {host}, tier {tier}" for host, tier in sorted(found)) or "nothing"


def kernel_differs(one: Mapping[str, Any], two: Mapping[str, Any]) -> bool:
    """Whether the runs had different kernels or compilers."""
    return any((one.get("kernel") or {}).get(key) != (two.get("kernel") or {}).get(key)
               for key in ("release", "config_hash")) or one.get("compiler") != two.get("compiler")


def notes(one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[str]:
    """What a reader has to know of two runs that are not alike."""
    if kernel_differs(one, two):
        yield "kernel or compiler differ: instructions are not compared"
    if one.get("workloads") != two.get("workloads"):
        shared = [w for w, p in (one.get("workloads") or {}).items()
                  if (two.get("workloads") or {}).get(w) == p]
        yield f"workloads differ; the same in both: {', '.join(shared) or 'none'}"


def exact_changes(one: pd.DataFrame, two: pd.DataFrame, host: str, manifest: Mapping[str, Any],
                  same_code: bool) -> tuple[int, list[Change], list[tuple[Any, ...]]]:
    """Figures compared, those that differ, and those that are only in the first run."""
    wanted = COUNTED + (INSTRUCTIONS if same_code else ())
    tables = [exact_figures(frame, host, wanted) for frame in (one, two)]
    repeat = set(unrepeated(tables[0], manifest)) | set(unrepeated(tables[1], manifest))
    both = pd.merge(tables[0], tables[1], left_index=True, right_index=True,
                    suffixes=("_before", "_after"))
    both = both[[(name[1], *name[3:]) not in repeat for name in both.index.tolist()]]
    differing = both[both["value_before"].to_numpy() != both["value_after"].to_numpy()]
    changes = []
    for row in differing.reset_index().to_dict("records"):
        low, high = float(row["value_before"]), float(row["value_after"])
        changes.append(Change(
            host, str(row["variant"]), str(row["workload"]), int(row["vcpus"]), str(row["metric"]),
            str(row["stat"]), str(row["unit_before"]), low, high,
            worse(str(row["metric"]), low, high)))
    ran = set(two["variant"]) & set(one["variant"])
    missing = [name for name in tables[0].index.difference(tables[1].index).tolist()
               if name[0] in ran and (name[1], *name[3:]) not in repeat]
    return len(both), changes, missing


def exact_figures(frame: pd.DataFrame, host: str, wanted: tuple[str, ...]) -> pd.DataFrame:
    """Value and unit of the exact figures of a host's count tier, by NAME."""
    tail = frame["metric"].str.startswith(INSTRUCTIONS) & (frame["stat"] != "p50")
    tail |= (frame["stat"] == "run") & ~frame["metric"].str.endswith(".live")  # "end" has them too
    chosen = frame[(frame["tier"] == COUNT_TIER) & (frame["host"] == host) & ~tail
                   & frame["metric"].str.startswith(wanted) & frame["value"].notna()]
    return chosen.set_index(NAME)[["value", "unit"]].sort_index()


def unrepeated(table: pd.DataFrame, manifest: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """(workload, metric, stat) that A and A' of one run do not agree on: no exact figures here."""
    twins = {name: entry.get("aprime_of") for name, entry in manifest["variants"].items()
             if entry.get("aprime_of")}
    values = dict(zip(table.index.tolist(), table["value"].tolist(), strict=True))
    for (variant, *rest), value in values.items():
        if variant in twins and values.get((twins[variant], *rest), value) != value:
            yield (rest[0], *rest[2:])


def worse(metric: str, before: float, after: float) -> bool:
    """Whether a change of a count is for the worse: it rose, and it is none of BETTER_HIGH."""
    return after > before and metric.rsplit(".", 1)[-1] not in BETTER_HIGH


def times(one: Found, two: Found) -> Iterator[Timed]:
    """The primary times of both runs, unpaired."""
    pairs = [(base, two[key][variant]) for key, found in one.items() if key in two
             and measurements.is_primary(*key[1:]) for variant, base in found.items()
             if base.tier != COUNT_TIER and variant in two[key]
             and base.place == two[key][variant].place]
    for (base, other), found in zip(pairs, unpaired.all_unpaired(pairs), strict=True):
        yield Timed(base.host, base.tier, base.variant, base.workload, base.metric, base.unit,
                    found.n, float(np.median(base.values)), float(np.median(other.values)),
                    found.ratio, found.p_holm, found.outcome, found.note)
