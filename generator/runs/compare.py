# SPDX-License-Identifier: GPL-2.0-only
"""Two runs beside each other: exact counts as integers, times by verdict, never across tiers.

A count is exact where both runs are of the count tier and A and A' agree in both of them. A rise
of one is a regression. Times of two runs share no block: they are compared unpaired, and are no
part of the gate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from generator.errors import DataError
from generator.evidence import frames, measurements, verdict
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
    """One time of both runs, compared unpaired."""

    host: str
    tier: str
    variant: str
    workload: str
    metric: str
    before: float
    after: float
    ratio: float
    outcome: str
    note: str


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs. ``apart``: why something was not compared."""

    before: str
    after: str
    compared: int
    changes: tuple[Change, ...]
    gone: tuple[str, ...]
    times: tuple[Timed, ...]
    apart: tuple[str, ...] = field(default=())

    @property
    def regressions(self) -> tuple[Change, ...]:
        """Exact figures that became worse."""
        return tuple(change for change in self.changes if change.regression)

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
    return Comparison(before.id, after.id, sum(found[0] for found in exact),
                      tuple(c for found in exact for c in found[1]),
                      tuple(g for found in exact for g in found[2]),
                      tuple(times(*map(measurements.series, tables))), tuple(apart))


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
                  same_code: bool) -> tuple[int, list[Change], list[str]]:
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
            str(row["variant"]), str(row["workload"]), int(row["vcpus"]), str(row["metric"]),
            str(row["stat"]), str(row["unit_before"]), low, high,
            worse(str(row["metric"]), low, high)))
    ran = set(two["variant"]) & set(one["variant"])
    missing = [" ".join(map(str, name))
               for name in tables[0].index.difference(tables[1].index).tolist()
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
    for key in one.keys() & two.keys():
        _, workload, metric, stat = key
        for variant in one[key].keys() & two[key].keys():
            base, other = one[key][variant], two[key][variant]
            if base.tier == COUNT_TIER or base.place != other.place \
                    or not measurements.is_primary(workload, metric, stat):
                continue
            found = verdict.unpaired(base, other)
            yield Timed(base.host, base.tier, variant, workload, metric,
                        float(np.median(base.values)), float(np.median(other.values)),
                        found.ratio, found.outcome, found.note)
