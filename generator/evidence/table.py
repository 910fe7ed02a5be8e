# SPDX-License-Identifier: GPL-2.0-only
"""Figures of all blocks in columns, and their medians over the blocks.

A figure's name is stored once, whatever the number of blocks: a million figures take seconds.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from generator.evidence.rows import Row
from generator.evidence.stats import interval_ranks

HEAD = ("run", "boot", "host", "tier", "variant", "aprime_of", "workload", "vcpus")
NAMED = (*HEAD, "metric", "stat")
COLUMNS = (*NAMED, "value", "unit", "n", "ci_lo", "ci_hi", "exact", "blocks")
BLOCK_COLUMNS = (*NAMED, "block", "build", "value", "unit", "n", "ci_lo", "ci_hi", "exact")

#: What each column of both frames holds.
ABOUT: Mapping[str, str] = {
    "run": "id of the run",
    "boot": "boot of the runner: icount, mttcg, uml, ...",
    "host": "twin, or kvm: who ran the strategies",
    "tier": "count, model, native or tdx: what the figure can claim",
    "variant": "design",
    "aprime_of": "the baseline, when this is the baseline once more; else empty",
    "workload": "workload",
    "vcpus": "vCPUs of the VM; 0 when the case left no record",
    "metric": "what was measured, such as op.fault or lock.pamt_lock.contended",
    "stat": "p50, p90, p99, min, max, mean, count, ... of it; in batches p50 is the pseudo-median "
            "of the batches' medians, and p50_raw that of all samples",
    "block": "number of the block, from 0",
    "build": "layout of the module, 0 as the compiler left it",
    "value": "the figure in unit; NaN where a design has none",
    "unit": "ns, instructions, pages, events, ...",
    "n": "samples the figure was made of",
    "ci_lo": "lower end of its 95 % interval, NaN where there are too few",
    "ci_hi": "upper end",
    "exact": "from all samples, not from a histogram's buckets",
    "blocks": "blocks that have the figure: the median was taken over these",
}

Head = tuple[str, str, str, str, str, str, str, int]


class Table:
    """Rows of cases, in the order they were added; each name's rows are its blocks."""

    def __init__(self) -> None:
        self._names: dict[Head, dict[tuple[str, str], int]] = {}
        self._units: list[str] = []
        self._at = array("q")
        # value, n, low, high, exact
        self._held: tuple[array[Any], ...] = (array("d"), array("q"), array("d"), array("d"),
                                              array("b"))
        self._blocks: list[tuple[int, int, int]] = []   # block, build, rows of the case

    def add(self, head: Head, block: int, build: int, rows: Iterable[Row]) -> None:
        """Take in one case."""
        given = list(rows)
        if not given:
            return
        metrics, stats, values, units, samples, intervals, exact = zip(*given, strict=True)
        names = self._names.setdefault(head, {})
        for name, unit in zip(zip(metrics, stats, strict=True), units, strict=True):
            if name not in names:
                names[name] = len(self._units)
                self._units.append(unit)
            self._at.append(names[name])
        low, high = zip(*intervals, strict=True)
        for held, column in zip(self._held, (values, samples, low, high, exact), strict=True):
            held.extend(column)
        self._blocks.append((block, build, len(given)))

    def blocks(self) -> pd.DataFrame:
        """One row per figure and block, columns BLOCK_COLUMNS."""
        frame = self._named().take(np.asarray(self._at, dtype=np.int64)).reset_index(drop=True)
        values, n, low, high, exact = self._columns()
        shape = np.asarray(self._blocks, dtype=np.int64).reshape(-1, 3)
        frame["block"], frame["build"] = (np.repeat(shape[:, i], shape[:, 2]) for i in (0, 1))
        frame["value"], frame["n"], frame["exact"] = values, n, exact
        frame["ci_lo"], frame["ci_hi"] = low, high
        return frame[list(BLOCK_COLUMNS)]

    def summary(self) -> pd.DataFrame:
        """One row per figure, columns COLUMNS.

        Of several blocks: their median, with the order-statistic interval of that median where
        there are enough; ``n`` then is the samples of all; "min" and "max" are those of all, and
        so is what has to hold in each: a median would not see what goes wrong in few of them. Of
        one block: its own figures.
        """
        frame, at = self._named(), np.asarray(self._at, dtype=np.int64)
        values, n, low, high, exact = self._columns()
        blocks = np.bincount(at, minlength=len(frame))
        first = np.unique(at, return_index=True)[1]
        middle, low, high = _medians(at, blocks, values, (low[first], high[first]))
        metric, stat = (frame[name].astype(str) for name in ("metric", "stat"))
        left = ((stat == "end") & metric.str.endswith(".live")) | (metric == "seam.violations")
        for those, extreme in ((stat.isin(["min", "bool"]), np.fmin),
                               ((stat == "max") | left, np.fmax)):
            mine = those.to_numpy(dtype=bool)
            middle[mine] = _extreme(at, values, extreme, len(frame))[mine]
        frame["value"], frame["ci_lo"], frame["ci_hi"] = middle, low, high
        frame["n"] = np.bincount(at, weights=n, minlength=len(frame)).astype(np.int64)
        frame["exact"] = np.bincount(at, weights=exact, minlength=len(frame)) == blocks
        frame["blocks"] = np.bincount(at, weights=~np.isnan(values),
                                      minlength=len(frame)).astype(np.int64)
        return frame[list(COLUMNS)]

    def series(self, wanted: Callable[[str, str, str], bool]) -> Iterator[
            tuple[tuple[Any, ...], str, NDArray[Any], NDArray[Any], NDArray[Any]]]:
        """Each figure whose (tier, metric, stat) is wanted: name, unit, and by block its values.

        The arrays: block numbers, values, and the samples each value was made of.
        """
        at = np.asarray(self._at, dtype=np.int64)
        values, n = self._columns()[:2]
        shape = np.asarray(self._blocks, dtype=np.int64).reshape(-1, 3)
        blocks = np.repeat(shape[:, 0], shape[:, 2])
        order = np.lexsort((blocks, at))
        edges = np.searchsorted(at[order], np.arange(len(self._units) + 1))
        for i, name in enumerate(self._all_names()):
            if wanted(name[3], name[8], name[9]):
                mine = order[edges[i]:edges[i + 1]]
                yield name, self._units[i], blocks[mine], values[mine], n[mine]

    def _all_names(self) -> list[tuple[Any, ...]]:
        """NAMED of each figure, by its number."""
        names: list[tuple[Any, ...]] = [()] * len(self._units)
        for head, own in self._names.items():
            for name, at in own.items():
                names[at] = (*head, *name)
        return names

    def _named(self) -> pd.DataFrame:
        columns = list(zip(*self._all_names(), strict=True)) or [()] * len(NAMED)
        frame = pd.DataFrame(dict(zip(NAMED, map(list, columns), strict=True)))
        frame["unit"] = self._units
        return frame

    def _columns(self) -> tuple[NDArray[Any], ...]:
        kinds = (np.float64, np.int64, np.float64, np.float64, np.bool_)
        return tuple(np.array(column, dtype=kind)
                     for column, kind in zip(self._held, kinds, strict=True))


def _extreme(at: NDArray[Any], values: NDArray[Any], extreme: np.ufunc,
             names: int) -> NDArray[Any]:
    found = np.full(names, np.nan)
    extreme.at(found, at, values)
    return found


def _medians(at: NDArray[Any], blocks: NDArray[Any], values: NDArray[Any],
             own: tuple[NDArray[Any], NDArray[Any]]) -> tuple[NDArray[Any], ...]:
    """Median over the blocks and its interval, per name; ``own``: interval of the first block."""
    order = np.lexsort((values, at))        # NaN last within each name
    ordered = values[order]
    start = np.concatenate(([0], np.cumsum(blocks)[:-1])).astype(np.int64)
    there = np.bincount(at, weights=~np.isnan(values), minlength=len(blocks)).astype(np.int64)
    known = np.maximum(there, 1)
    middle = (ordered[start + (known - 1) // 2] + ordered[start + known // 2]) / 2
    low, high = own[0].copy(), own[1].copy()
    for count in np.unique(there[blocks > 1]):
        mine = (there == count) & (blocks > 1)
        ranks = interval_ranks(int(count), 0.5)
        low[mine] = ordered[start[mine] + ranks[0] - 1] if ranks else np.nan
        high[mine] = ordered[start[mine] + ranks[1] - 1] if ranks else np.nan
    return middle, low, high
