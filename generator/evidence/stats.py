# SPDX-License-Identifier: GPL-2.0-only
"""Percentiles, their intervals, and ratios that survive a zero: the standard, nothing else.

A percentile's interval is distribution-free: two order statistics whose ranks bracket the
percentile with at least 95 % probability, 2.5 % in each tail. It describes the samples of one
boot; it says nothing about another boot.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

TAIL = 0.025
NAN = float("nan")


@cache
def interval_ranks(n: int, p: float) -> tuple[int, int] | None:
    """1-based ranks (lower, upper) whose samples bracket percentile ``p`` (0..1) of ``n``.

    None when ``n`` is too small for 95 %: below 6 for the median, 36 for p90, 368 for p99.
    """
    if n < 1:
        return None
    # P(sample of rank r lies above the percentile) = P(Binomial(n, p) < r)
    below = bdtr(np.arange(n, dtype=float), n, p)
    lower = int(np.searchsorted(below, TAIL, side="right"))
    upper = int(np.searchsorted(below, 1.0 - TAIL, side="left")) + 1
    return (lower, upper) if lower >= 1 and upper <= n else None


def nearest_rank(n: int, p: float) -> int:
    """1-based nearest rank of percentile ``p`` (0..1), the rank the kernel module uses too."""
    return max(1, math.ceil(round(p * n, 9)))


def ratio(part: float, whole: float) -> float:
    """``part / whole``, NaN when there is no whole to divide by."""
    return part / whole if whole else NAN


@dataclass(frozen=True)
class Histogram:
    """One histogram of a record, in clock ticks.

    ``buckets``: inclusive lower and exclusive upper bound, and samples, of each that has any.
    ``given``: the percentiles the module computed, from all samples when ``exact``.
    """

    n: int
    total: int
    low: int
    high: int
    exact: bool
    given: Mapping[float, int]
    buckets: Sequence[Sequence[int]]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Histogram:
        """Build from a record's HIST object; ``{"n": 0}`` gives an empty one.

        Raises ValueError when its buckets do not hold ``n`` samples.
        """
        buckets = data.get("buckets") or ()
        given = {p: int(data[k]) for p, k in ((.5, "p50"), (.9, "p90"), (.99, "p99")) if k in data}
        held = sum([samples for _, _, samples in buckets])
        if held != int(data["n"]):
            raise ValueError(f"buckets hold {held} samples of {data['n']}")
        return cls(int(data["n"]), int(data.get("sum", 0)), int(data.get("min", 0)),
                   int(data.get("max", 0)), bool(data.get("exact", False)), given, buckets)

    @cached_property
    def table(self) -> NDArray[np.int64]:
        """The buckets as an array of three columns."""
        return np.asarray(self.buckets or np.empty((0, 3)), dtype=np.int64).reshape(-1, 3)

    @property
    def mean(self) -> float:
        """Arithmetic mean in ticks, NaN when empty."""
        return ratio(self.total, self.n)

    @cached_property
    def _reached(self) -> list[int]:
        """Samples up to and with each bucket."""
        return list(accumulate([samples for _, _, samples in self.buckets]))

    def bucket(self, rank: int) -> int:
        """Index of the bucket that holds the sample of 1-based ``rank``."""
        return bisect_left(self._reached, rank)

    def percentile(self, p: float) -> float:
        """Percentile ``p`` (0..1) in ticks, NaN when empty.

        The sample itself when the module kept all of them, else its place within its bucket, as
        if the samples of a bucket were spread evenly: a bucket is 0.8 % wide.
        """
        if not self.n:
            return NAN
        if self.exact and p in self.given:
            return float(self.given[p])
        rank = nearest_rank(self.n, p)
        at = self.bucket(rank)
        low, high, samples = self.buckets[at]
        within = (rank - 0.5 - (self._reached[at] - samples)) / samples
        place = low + within * (high - low - 1)
        return float(min(max(place, self.low), self.high))

    def interval(self, p: float) -> tuple[float, float]:
        """95 % interval of percentile ``p`` in ticks; NaN, NaN when there are too few samples.

        Widened to the edges of the buckets that hold the two ranks, never narrowed.
        """
        ranks = interval_ranks(self.n, p)
        if ranks is None or not self.buckets:
            return NAN, NAN
        first, last = self.buckets[self.bucket(ranks[0])], self.buckets[self.bucket(ranks[1])]
        return float(max(first[0], self.low)), float(min(last[1] - 1, self.high))

    def ecdf(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Steps of the distribution: upper bounds in ticks, and the share at or below each."""
        upper = np.minimum(self.table[:, 1] - 1, self.high).astype(np.float64)
        return upper, np.cumsum(self.table[:, 2]) / max(self.n, 1)
