# SPDX-License-Identifier: GPL-2.0-only
"""Paired statistics against what other implementations and plain counting say."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from generator.evidence import inference

RNG = np.random.default_rng(7)


def test_walsh_averages_and_pseudo_median() -> None:
    averages = sorted(inference.walsh(np.array([1.0, 2.0, 6.0])))
    assert averages == [1.0, 1.5, 2.0, 3.5, 4.0, 6.0]
    assert inference.pseudo_median(np.array([1.0, 2.0, 6.0])) == 2.75


def test_signed_rank_distribution_by_counting() -> None:
    n = 6
    sums = [sum(r for r, taken in zip(range(1, n + 1), bits, strict=True) if taken)
            for bits in itertools.product((0, 1), repeat=n)]
    expected = [sum(s <= w for s in sums) / 2 ** n for w in range(n * (n + 1) // 2 + 1)]
    assert inference.signed_rank_cdf(n) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "low", "high"), [(6, 1, 21), (10, 9, 47), (20, 53, 158)])
def test_interval_takes_the_tabled_walsh_averages(n: int, low: int, high: int) -> None:
    """Ranks of the 95 % interval as in the tables of Hollander and Wolfe (t = C_alpha)."""
    effects = RNG.normal(size=n)
    averages = np.sort(inference.walsh(effects))
    assert inference.signed_rank_interval(effects) == (averages[low - 1], averages[high - 1])


def test_too_few_effects_have_no_interval() -> None:
    assert all(map(math.isnan, inference.signed_rank_interval(np.arange(5.0))))
    assert all(map(math.isnan, inference.interval(np.ones(5))))     # nor by bootstrap
    assert not math.isnan(inference.signed_rank_interval(np.arange(5.0), 0.90)[0])


def test_interval_covers_what_it_says() -> None:
    inside = 0
    for _ in range(600):
        low, high = inference.signed_rank_interval(RNG.normal(size=12))
        inside += low <= 0 <= high
    assert 0.93 <= inside / 600 <= 0.98


def test_interval_and_p_agree() -> None:
    for _ in range(200):
        effects = RNG.normal(0.5, 1, size=12)
        low, high = inference.signed_rank_interval(effects)
        assert (inference.sign_flip_p(effects)[0] < 0.05) == (not low <= 0 <= high)


def test_exact_sign_flips_are_scipys_exact_test() -> None:
    for n in (6, 11, 16, 20, 40):
        effects = RNG.normal(0.3, 1, size=n)
        assert inference.sign_flip_p(effects)[0] == pytest.approx(
            scipy_stats.wilcoxon(effects, method="exact").pvalue)


def test_sign_flips_with_ties_by_counting() -> None:
    effects = np.array([1.0, 1.0, -1.0, 2.0, 2.0, 0.0, 3.0])
    ranks = scipy_stats.rankdata(np.abs(effects)) * (effects != 0)
    seen = abs((ranks * np.sign(effects)).sum())
    sums = [abs(sum(r * s for r, s in zip(ranks, signs, strict=True)))
            for signs in itertools.product((-1, 1), repeat=len(effects))]
    assert inference.sign_flip_p(effects)[0] == sum(s >= seen for s in sums) / len(sums)


def test_many_blocks_take_random_flips() -> None:
    """Where effects are tied; others are counted."""
    p = inference.sign_flip_p(np.vstack([np.full(20, 0.01), np.linspace(1, 2, 20)]))
    assert 1 / (1 + inference.FLIPS) <= p[0] < 0.001
    assert p[1] == 2 / 2 ** 20


def test_p_survives_the_correction_for_a_whole_catalogue() -> None:
    """48 designs in 11 workloads: drawn flips end at 1e-4, and 0.05 / 528 is less than that."""
    clear = np.log(1.1) + RNG.normal(0, 0.01, 20)
    p = [float(inference.sign_flip_p(clear)[0]), *RNG.uniform(size=527)]
    assert inference.holm(p)[0] < 0.01


def test_a_disturbed_block_does_not_decide() -> None:
    effects = np.array([0.02] * 19 + [-3.0]) + RNG.normal(0, 0.002, 20)
    assert inference.sign_flip_p(effects)[0] < 0.01
    assert inference.pseudo_median(effects) == pytest.approx(0.02, abs=0.002)


def test_ties_beyond_a_tenth_take_the_bootstrap() -> None:
    tied = np.repeat([0.01, 0.02, 0.03, 0.05], 5)
    assert inference.tie_share(tied) == 1.0
    assert inference.tie_share(np.array([0.1, -0.1, 0.2, 0.3])) == 0.5
    assert inference.interval(tied) == inference.bootstrap_interval(tied)
    smooth = RNG.normal(size=20)
    assert inference.interval(smooth) == inference.signed_rank_interval(smooth)


def test_bootstrap_is_repeatable_and_sane() -> None:
    effects = np.round(RNG.normal(0.03, 0.01, size=20), 3)
    low, high = inference.bootstrap_interval(effects)
    assert (low, high) == inference.bootstrap_interval(effects)
    assert low < inference.pseudo_median(effects) < high < low + 0.02
    assert inference.bootstrap_interval(np.full(8, 0.5)) == (0.5, 0.5)


def test_holm_by_hand() -> None:
    assert inference.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert inference.holm([0.9, 0.9]) == [1.0, 1.0]
    assert math.isnan(inference.holm([math.nan, 0.02])[0])
    assert inference.holm([math.nan, 0.02])[1] == 0.02


def test_benjamini_hochberg_by_hand() -> None:
    assert inference.benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx(
        [0.02, 0.04, 0.04, 0.02])
    assert inference.benjamini_hochberg([]) == []


def test_superiority_counts_ties_half() -> None:
    assert inference.superiority(np.array([2.0, 3.0]), np.array([1.0, 1.0])) == 1.0
    assert inference.superiority(np.array([2.0]), np.array([2.0])) == 0.5
    assert inference.superiority(np.array([1.0, 2.0]), np.array([2.0, 3.0])) == 0.125


def test_mann_whitney_is_exact_when_it_can_be() -> None:
    left, right = list(range(10)), [v + 4.5 for v in range(10)]
    assert inference.mann_whitney_p(left, right) == pytest.approx(
        scipy_stats.mannwhitneyu(left, right, method="exact").pvalue)
    assert inference.mann_whitney_p([1.0] * 10, [2.0] * 10) < 0.001


def test_planning_rule() -> None:
    assert inference.blocks_needed(0.02, 0.02) == 9
    assert inference.blocks_needed(0.04, 0.02) == 33


def test_fences_count_and_drop_nothing() -> None:
    values = np.array([*np.arange(1.0, 10.0), 20.0, 50.0])
    before = values.copy()
    assert inference.outside_fences(values) == (2, 1)
    assert (values == before).all()


def test_wilson() -> None:
    low, high = inference.wilson(5, 200)
    assert (round(low, 4), round(high, 4)) == (0.0107, 0.0572)      # Newcombe 1998, formula 3
    assert inference.wilson(0, 200)[0] == 0.0
