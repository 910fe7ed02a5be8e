# SPDX-License-Identifier: GPL-2.0-only
"""Percentiles and intervals against brute force and numpy."""

from __future__ import annotations

import math
import random
from math import comb

import numpy as np
import pytest
import synthetic

from generator.evidence.stats import Histogram, interval_ranks, nearest_rank, ratio


def below(n: int, p: float, rank: int) -> float:
    """P(Binomial(n, p) < rank), added up term by term."""
    return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(rank))


@pytest.mark.parametrize("p", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("n", [1, 2, 5, 6, 7, 20, 35, 36, 37, 100, 367, 368, 369, 500])
def test_ranks_are_the_narrowest_with_the_tails_kept(n: int, p: float) -> None:
    lower = max((r for r in range(1, n + 1) if below(n, p, r) <= 0.025), default=0)
    upper = next((r for r in range(1, n + 1) if 1 - below(n, p, r) <= 0.025), n + 1)
    expected = (lower, upper) if lower >= 1 and upper <= n else None
    assert interval_ranks(n, p) == expected


@pytest.mark.parametrize(("p", "least"), [(0.5, 6), (0.9, 36), (0.99, 368)])
def test_sample_needed(p: float, least: int) -> None:
    assert interval_ranks(least - 1, p) is None
    assert interval_ranks(least, p) is not None
    assert interval_ranks(0, p) is None


def test_coverage_in_simulation() -> None:
    rng, hits, trials = np.random.default_rng(1), 0, 2000
    ranks = interval_ranks(50, 0.5)
    assert ranks is not None
    for _ in range(trials):
        sample = np.sort(rng.random(50))
        hits += sample[ranks[0] - 1] <= 0.5 <= sample[ranks[1] - 1]
    assert hits / trials >= 0.94


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 10, 99, 100, 101, 1000])
@pytest.mark.parametrize("p", [0.5, 0.9, 0.99])
def test_percentile_is_numpys_nearest_rank(n: int, p: float) -> None:
    rng = random.Random(n)
    samples = [rng.randrange(1, 10**6) for _ in range(n)]
    hist = Histogram.of(synthetic.hist(samples))
    assert hist.percentile(p) == np.quantile(samples, p, method="inverted_cdf")


def test_median_of_1_to_n() -> None:
    # The peers' traps: even n averaged at the wrong ranks, 1..5 giving 1.5.
    for n, median in ((1, 1), (4, 2), (5, 3), (10, 5)):
        assert Histogram.of(synthetic.hist(range(1, n + 1))).percentile(0.5) == median


def test_rank_is_not_pushed_up_by_rounding() -> None:
    assert nearest_rank(100, 0.99) == 99
    assert nearest_rank(1000, 0.9) == 900
    assert nearest_rank(1, 0.01) == 1


@pytest.mark.parametrize("exact", [True, False])
def test_interval_brackets_the_order_statistics(exact: bool) -> None:
    rng = random.Random(7)
    samples = sorted(int(1000 * rng.paretovariate(2)) for _ in range(800))
    hist = Histogram.of(synthetic.hist(samples, exact=exact))
    for p in (0.5, 0.9, 0.99):
        ranks, (low, high) = interval_ranks(800, p), hist.interval(p)
        assert ranks is not None
        assert low <= samples[ranks[0] - 1] <= samples[ranks[1] - 1] <= high
        assert low <= hist.percentile(p) <= high


def test_inexact_percentile_lies_within_its_bucket() -> None:
    hist = Histogram.of({"n": 3, "sum": 60, "min": 17, "max": 25, "p50": 0, "p90": 0, "p99": 0,
                         "exact": False, "buckets": [[16, 20, 2], [24, 28, 1]]})
    assert hist.percentile(0.5) == 16 + 0.75 * 3  # second of two samples in 16..19
    assert hist.percentile(0.99) == 25  # never above the largest sample


def test_empty_histogram_has_no_figures() -> None:
    hist = Histogram.of({"n": 0})
    assert math.isnan(hist.percentile(0.5))
    assert all(map(math.isnan, hist.interval(0.5)))
    assert math.isnan(hist.mean)
    assert len(hist.ecdf()[0]) == 0


def test_buckets_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="buckets hold 2"):
        Histogram.of({"n": 3, "sum": 6, "min": 1, "max": 3, "buckets": [[1, 4, 2]]})


def test_ecdf_ends_at_one() -> None:
    upper, share = Histogram.of(synthetic.hist([1, 5, 900, 7])).ecdf()
    assert share[-1] == 1.0
    assert upper[-1] == 900
    assert all(np.diff(share) > 0)


def test_ratio_without_a_whole() -> None:
    assert math.isnan(ratio(3, 0))
    assert ratio(3, 4) == 0.75
