# SPDX-License-Identifier: GPL-2.0-only
"""Raw records to one tidy frame: a row per (case, metric, statistic).

Units: the icount boot ticks once per instruction, so its times are "instructions"; everywhere
else ticks become "ns" with the clock rate the record carries. Counts stay integers. A figure that
does not exist for a design is NaN with n = 0, never 0.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from generator import store
from generator.choose import vcpus_of
from generator.errors import DataError
from generator.rows import case_rows
from generator.stats import NAN

COLUMNS = ("run", "boot", "host", "tier", "variant", "aprime_of", "workload", "vcpus", "metric",
           "stat", "value", "unit", "n", "ci_lo", "ci_hi", "exact")
FLOOR = "none"


class RunLike(Protocol):
    """What is needed of a run: its manifest, and one mapping per case as stored."""

    @property
    def manifest(self) -> Any: ...

    @property
    def records(self) -> Sequence[Any]: ...


def baseline_of(manifest: Mapping[str, Any]) -> str:
    """Name of the design the others are put beside."""
    return str(manifest.get("baseline", ""))


def variant_order(manifest: Mapping[str, Any]) -> list[str]:
    """Variants for display: baseline, its A', the others by name, the floor last."""
    variants: Mapping[str, Any] = manifest["variants"]
    base = baseline_of(manifest)

    def place(name: str) -> tuple[int, str]:
        if name == base:
            return 0, name
        if variants[name].get("aprime_of"):
            return 1, name
        return (3 if name == FLOOR else 2), name
    return sorted(variants, key=place)


def ordered_cases(run: RunLike) -> list[Mapping[str, Any]]:
    """The run's cases by boot, variant, workload, vCPUs; independent of the order they ran in."""
    manifest = run.manifest
    boots, workloads = list(manifest["boots"]), list(manifest["workloads"])
    variants = variant_order(manifest)

    def rank(names: list[str], name: str) -> int:
        return names.index(name) if name in names else len(names)

    def place(case: Mapping[str, Any]) -> tuple[int, int, int, int, int]:
        return (rank(boots, case["boot"]), rank(variants, case["variant"]),
                rank(workloads, case["workload"]), vcpus_of(case), int(case["index"]))
    return sorted(run.records, key=place)


def summarize(run: RunLike) -> pd.DataFrame:
    """Tidy frame of a run, columns COLUMNS, in an order that does not depend on the seed.

    Raises DataError naming the case when a record lacks what the schema promises.
    """
    manifest, rows = run.manifest, []
    for case in ordered_cases(run):
        tier = str(manifest["boots"][case["boot"]]["tier"])
        host = str((case.get("record") or {}).get("host", ""))
        head = (manifest["id"], case["boot"], host, tier, case["variant"],
                case.get("aprime_of") or "", case["workload"], vcpus_of(case))
        try:
            rows += [(*head, r.metric, r.stat, r.value, r.unit, r.n, *r.ci, r.exact)
                     for r in case_rows(case, tier)]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as flaw:
            raise DataError(f"record does not fit the schema: {type(flaw).__name__} {flaw}",
                            where=f"{case['boot']} case {case['index']} {case['variant']} "
                                  f"{case['workload']}",
                            fix="run the boot again, or use the suite version that wrote it") \
                from flaw
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write_csv(frame: pd.DataFrame, path: Path) -> Path:
    """Write the frame atomically; integers without a decimal point, 9 significant digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(map(plain, frame.itertuples(index=False, name=None)))
    scratch = path.with_suffix(".tmp")
    scratch.write_text(text.getvalue())
    scratch.replace(path)
    return path


def plain(row: Iterable[Any]) -> list[Any]:
    """A row's cells as written: NaN is empty, a whole number has no decimal point."""
    return [short(cell) if isinstance(cell, float) else cell for cell in row]


def short(value: float) -> str:
    """Nine significant digits, all digits of a whole number, nothing for NaN."""
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() else f"{value:.9g}"


def read_csv(path: Path) -> pd.DataFrame:
    """A summary.csv as the frame it was written from; raises DataError when it is not one."""
    try:
        frame = pd.read_csv(path, keep_default_na=False, na_values={
            name: [""] for name in ("value", "ci_lo", "ci_hi")})
    except (OSError, ValueError) as flaw:
        raise DataError(f"not readable: {flaw}", where=str(path), fix="run 'extspt summarize'") \
            from flaw
    if tuple(frame.columns) != COLUMNS:
        raise DataError("not a summary", where=str(path), fix="run 'extspt summarize'")
    return frame


@dataclass(frozen=True)
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
    """A summary frame by name: (boot, variant, workload, metric, stat) -> Figure.

    Where a workload ran with several vCPU counts, the largest one is shown.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._by_name = {
            (boot, variant, workload, metric, stat): Figure(value, unit, n, low, high, vcpus)
            for boot, variant, workload, vcpus, metric, stat, value, unit, n, low, high
            in frame[["boot", "variant", "workload", "vcpus", "metric", "stat", "value", "unit",
                      "n", "ci_lo", "ci_hi"]].itertuples(index=False, name=None)}
        self._at: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
        for boot, _, workload, metric, stat in self._by_name:
            self._at.setdefault((boot, workload), {})[metric, stat] = None

    def get(self, boot: str, variant: str, workload: str, metric: str, stat: str) -> Figure:
        """The figure of that name, NOTHING when there is none."""
        return self._by_name.get((boot, variant, workload, metric, stat), NOTHING)

    def value(self, boot: str, variant: str, workload: str, metric: str, stat: str) -> float:
        """Its value, NaN when there is none."""
        return self.get(boot, variant, workload, metric, stat).value

    def stats(self, boot: str, workload: str, prefix: str) -> list[tuple[str, str]]:
        """All (metric, stat) that start with ``prefix`` there, in order of first appearance."""
        return [name for name in self._at.get((boot, workload), ()) if name[0].startswith(prefix)]

    def workloads(self, boot: str) -> list[str]:
        """Workloads that ran in a boot, in order of first appearance."""
        return [workload for at, workload in self._at if at == boot]


def write_summary(run: store.Run) -> Path:
    """Write ``summary.csv`` into the run's folder and return its path."""
    return write_csv(summarize(run), run.path / "summary.csv")
