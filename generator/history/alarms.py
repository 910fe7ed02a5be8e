# SPDX-License-Identifier: GPL-2.0-only
"""History alarms: where a figure's history changed, and whether it is more than noise.

Exact figures: any change that is larger than A' ever differed from A. Times: change points of the
last WINDOW points (binary segmentation, ruptures), each kept when both sides differ with p <
P_LIMIT (Welch) and by at least the floor: what the baseline and its repetition A' differed by in
the same history. One series per machine, figure and parameters: nothing goes over two machines or
tiers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator import layout
from generator.errors import DataError

WINDOW, P_LIMIT, LEAST_FLOOR = 50, 0.001, 0.01
LEAST_SIDE = 4
"""Points on either side of a change in a noisy series."""
NOISY = ("_ns", "contended")
APRIME = "_aprime"

Point = tuple[int, str, float]      # commit date in ms, commit, value


@dataclass(frozen=True)
class Alarm:
    """A figure of a machine that changed at a commit, and stayed changed until the next alarm."""

    machine: str
    benchmark: str
    params: tuple[str, ...]
    commit: str
    before: float
    after: float
    p: float | None

    @property
    def worse(self) -> bool:
        """All figures here are better when lower."""
        return self.after > self.before

    def __str__(self) -> str:
        change = (f"{100 * (self.after / self.before - 1):+.1f} %" if self.before
                  else f"{self.after:+g}")
        sure = "exact" if self.p is None else f"p = {self.p:.1g}"
        return (f"{self.machine}: {self.benchmark.removeprefix('suite.')}"
                f"({', '.join(self.params)}): {self.before:g} -> {self.after:g} ({change}, {sure}) "
                f"at {self.commit[:12]}")


@dataclass(frozen=True)
class Series:
    """One figure's history on one machine, oldest first."""

    machine: str
    benchmark: str
    params: tuple[str, ...]
    points: tuple[Point, ...]

    @property
    def noisy(self) -> bool:
        """Whether it is a time or a contention figure."""
        return any(part in self.benchmark.rsplit(".", 1)[-1] for part in NOISY)


def history(results: Path = layout.ASV_RESULTS) -> list[Series]:
    """All series of asv's results folder. Raises DataError for a file that is none of asv's."""
    points: dict[tuple[str, str, tuple[str, ...]], list[Point]] = {}
    for path in sorted(results.glob("*/*-guest.json")):
        try:
            stored = json.loads(path.read_text())
            for name, values in figures(stored):
                points.setdefault((path.parent.name, *name), []).append(
                    (int(stored["date"]), str(stored["commit_hash"]), values))
        except (OSError, ValueError, KeyError, TypeError, IndexError) as flaw:
            raise DataError(f"not a result of asv: {flaw}", where=str(path)) from flaw
    return [Series(*name, tuple(sorted(found))) for name, found in points.items()]


def figures(stored: Mapping[str, Any]) -> Iterator[tuple[tuple[str, tuple[str, ...]], float]]:
    """((benchmark, parameters), value) of a result file; figures that do not exist left out."""
    columns = stored["result_columns"]
    for benchmark, row in stored["results"].items():
        entry = dict(zip(columns, row, strict=False))
        for params, value in zip(product(*entry["params"]), entry["result"] or (), strict=False):
            if value is not None and math.isfinite(value):
                yield (benchmark, tuple(param.strip("'") for param in params)), float(value)


def floors(results: Path = layout.ASV_RESULTS) -> dict[str, float]:
    """Benchmark -> the floor of its noisiest machine, of noisy ones: asv knows one for all."""
    found: dict[str, float] = {}
    for (_, name), floor in spread(history(results)).items():
        found[name] = max(LEAST_FLOOR, floor, found.get(name, 0.0))
    return found


def spread(found: Sequence[Series]) -> dict[tuple[str, str], float]:
    """(machine, benchmark) -> 95th percentile of |A'/A - 1| over its history, of noisy ones."""
    shares: dict[tuple[str, str], list[float]] = {}
    for series, base, again in repetitions(found):
        if series.noisy and base:
            shares.setdefault((series.machine, series.benchmark), []).append(abs(again / base - 1))
    return {name: float(np.quantile(those, 0.95)) for name, those in shares.items()}


def unrepeated(found: Sequence[Series]) -> dict[tuple[str, ...], float]:
    """(machine, benchmark, parameters but the design) -> the most that A' differed from A."""
    most: dict[tuple[str, ...], float] = {}
    for series, base, again in repetitions(found):
        name = (series.machine, series.benchmark, *series.params[1:])
        most[name] = max(most.get(name, 0.0), abs(again - base))
    return most


def repetitions(found: Sequence[Series]) -> Iterator[tuple[Series, float, float]]:
    """Each A', with the value of A and its own at every commit that has both."""
    values = {(s.machine, s.benchmark, s.params): {c: v for _, c, v in s.points} for s in found}
    for series in found:
        if series.params[0].endswith(APRIME):
            name = (series.params[0].removesuffix(APRIME), *series.params[1:])
            base = values.get((series.machine, series.benchmark, name), {})
            yield from ((series, base[commit], value) for _, commit, value in series.points
                        if commit in base)


def alarms(found: Sequence[Series]) -> list[Alarm]:
    """Every alarm of the series, the newest commit last."""
    shares, counts = spread(found), unrepeated(found)
    raised = [alarm for series in found if not series.params[0].endswith(APRIME)
              for alarm in of(series, max(LEAST_FLOOR, shares.get(
                  (series.machine, series.benchmark), 0.0)) if series.noisy else counts.get(
                  (series.machine, series.benchmark, *series.params[1:]), 0.0))]
    dates = {commit: date for series in found for date, commit, _ in series.points}
    return sorted(raised, key=lambda alarm: (dates[alarm.commit], str(alarm)))


def of(series: Series, floor: float) -> Iterator[Alarm]:
    """The alarms of one series; ``floor``: a share of a noisy figure, else a difference."""
    points = series.points[-WINDOW:]
    values = np.array([value for *_, value in points])
    edges = noisy_changes(values, floor) if series.noisy else \
        [(int(at), None) for at in np.flatnonzero(np.abs(np.diff(values)) > floor) + 1]
    bounds = [0, *(at for at, _ in edges), len(values)]
    for index, (at, p) in enumerate(edges):
        before, after = (float(np.median(values[slice(*bounds[k:k + 2])]))
                         for k in (index, index + 1))
        yield Alarm(series.machine, series.benchmark, series.params, points[at][1], before, after,
                    p)


def noisy_changes(values: NDArray[np.float64], floor: float) -> list[tuple[int, float | None]]:
    """Change points of a noisy series with their p; the least sure is dropped until all are."""
    import ruptures

    if len(values) < 2 * LEAST_SIDE or values.min() <= 0:
        return []
    logs = np.log(values)
    noise = float(np.median(np.abs(np.diff(logs)))) / 0.954 or 1e-9     # sd, robust to steps
    found = ruptures.Binseg(model="l2", min_size=LEAST_SIDE, jump=1).fit(logs)
    edges = found.predict(pen=3 * math.log(len(logs)) * noise ** 2)[:-1]
    while edges:
        bounds = [0, *edges, len(logs)]
        sure = [judged(logs[a:b], logs[b:c], floor)
                for a, b, c in zip(bounds, bounds[1:], bounds[2:], strict=False)]
        worst = max(range(len(sure)), key=sure.__getitem__)
        if sure[worst] < P_LIMIT:
            return list(zip(edges, sure, strict=True))
        del edges[worst]
    return []


def judged(before: NDArray[np.float64], after: NDArray[np.float64], floor: float) -> float:
    """Welch's p of two sides, 1 when they differ by less than the floor."""
    from scipy import stats

    if abs(float(np.median(after) - np.median(before))) < math.log1p(floor):
        return 1.0
    if before.std() + after.std() == 0:
        return 0.0
    return float(stats.ttest_ind(before, after, equal_var=False).pvalue)
