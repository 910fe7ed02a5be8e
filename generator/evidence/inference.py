# SPDX-License-Identifier: GPL-2.0-only
"""Between variants: paired intervals, permutation p values, corrections for many comparisons.

Pure functions over arrays; verdict.py decides what is compared with what. Effects are natural
logarithms of ratios, one for each block. scipy does what it has; what it lacks are the
pseudo-median, its interval by inverting the signed-rank test, and exact sign flips.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats as scipy_stats
from scipy.optimize import brentq
from scipy.stats import norm

from generator.evidence.stats import NAN

Floats = NDArray[np.float64]

RESAMPLES = 10_000
FLIPS = 9_999
EXACT_FLIPS_TO = 16
"""Up to this many blocks all 2^n sign flips are counted."""
MANN_WHITNEY_EXACT_TO = 20
TIES_ALLOWED = 0.10
MANY_BLOCKS = 40
"""Beyond these, resampling is dear, and what the ranks say is as good."""
FENCES = (1.5, 3.0)
"""Tukey's fences, in IQRs beyond the quartiles: outside, and far outside."""
BLOCKS_FACTOR = 8.2
"""Blocks for a paired rank test at two-sided 5 % and power 80 %: this times (sd / effect)^2."""
RANKS_COST = math.pi / 3
"""Blocks a signed-rank test takes for those of a t test, where the noise is normal."""
POWER = 0.80
_Z_POWER = float(norm.ppf(POWER))
_SEED = 20260117
_ROWS_AT_ONCE = 64
_POWER_OF_MEAN = 4_000_000     # floats of one resampling step: 32 MB


def _rng() -> np.random.Generator:
    """A fixed seed: the same records give the same report."""
    return np.random.default_rng(_SEED)


def walsh(effects: Floats) -> Floats:
    """All n(n+1)/2 averages of two effects (each with itself, too), along the last axis."""
    i, j = np.triu_indices(effects.shape[-1])
    return np.asarray((effects[..., i] + effects[..., j]) / 2)


def pseudo_median(effects: Floats, axis: int = -1) -> Floats:
    """Hodges-Lehmann estimate: the median of the Walsh averages."""
    return np.asarray(np.median(walsh(np.moveaxis(effects, axis, -1)), axis=-1))


@cache
def signed_rank_cdf(n: int) -> Floats:
    """P(W <= w) of the signed-rank statistic for w = 0 .. n(n+1)/2, without ties."""
    ways = np.ones(1)
    for rank in range(1, n + 1):
        ways = np.concatenate((ways, np.zeros(rank))) + np.concatenate((np.zeros(rank), ways))
        ways /= 2
    return np.cumsum(ways)


def signed_rank_interval(effects: Floats, level: float = 0.95) -> tuple[float, float]:
    """Interval of the pseudo-median by inverting the signed-rank test.

    NaN, NaN when there are too few effects for this level: below 6 for 95 %, 5 for 90 %.
    """
    outside = int(np.searchsorted(signed_rank_cdf(len(effects)), (1 - level) / 2, side="right"))
    if outside < 1:
        return NAN, NAN
    averages = np.sort(walsh(effects))
    return float(averages[outside - 1]), float(averages[-outside])


def tie_share(effects: Floats) -> float:
    """Share of effects whose size another one has, too, or that are zero."""
    sizes, counts = np.unique(np.abs(effects), return_counts=True)
    tied = counts[(counts > 1) | (sizes == 0)].sum()
    return float(tied / len(effects)) if len(effects) else 0.0


def bootstrap_interval(effects: Floats, level: float = 0.95) -> tuple[float, float]:
    """BCa interval of the pseudo-median over RESAMPLES resamples of the blocks."""
    if len(effects) < 2:
        return NAN, NAN
    if np.ptp(effects) == 0:
        return float(effects[0]), float(effects[0])
    found = scipy_stats.bootstrap(
        (effects,), pseudo_median, confidence_level=level, method="BCa",
        n_resamples=RESAMPLES,
        batch=_batch(len(effects)), rng=_rng()).confidence_interval
    low, high = float(found.low), float(found.high)
    # BCa has no answer when leaving any block out changes nothing: then the estimate stands still.
    middle = float(pseudo_median(effects))
    return (middle if math.isnan(low) else low), (middle if math.isnan(high) else high)


def _batch(n: int) -> int:
    return max(1, min(RESAMPLES, _POWER_OF_MEAN // (n * (n + 1) // 2)))


def interval(effects: Floats, level: float = 0.95) -> tuple[float, float]:
    """Interval of the pseudo-median: signed-rank, or BCa where ties exceed TIES_ALLOWED.

    The number of blocks a signed-rank interval needs holds for both.
    """
    if (1 - level) / 2 < 0.5 ** len(effects):
        return NAN, NAN
    if tie_share(effects) > TIES_ALLOWED and len(effects) <= MANY_BLOCKS:
        return bootstrap_interval(effects, level)
    return signed_rank_interval(effects, level)


@cache
def _signs(n: int) -> NDArray[np.float32]:
    """Sign flips as rows: all of them up to EXACT_FLIPS_TO, else FLIPS random ones."""
    if n <= EXACT_FLIPS_TO:
        bits = np.arange(2 ** n)[:, None] >> np.arange(n) & 1
        return (1 - 2 * bits).astype(np.float32)
    return _rng().choice(np.array([-1, 1], dtype=np.float32), size=(FLIPS, n))


def sign_flip_p(effects: Floats) -> Floats:
    """Two-sided p of "no effect" when under it every block's sign is a fair coin.

    ``effects``: (n,) or (m, n), a row each. The statistic is the signed-rank sum, so that p fits
    the interval and one disturbed block cannot decide. Exact where no two effects are of one
    size, and up to EXACT_FLIPS_TO blocks; else (1 + hits) / (1 + FLIPS), which cannot be less
    than 1e-4. NaN for a row that holds one.
    """
    table = np.atleast_2d(np.asarray(effects, dtype=float))
    n = table.shape[1]
    ranks = scipy_stats.rankdata(np.abs(table), axis=1) * (table != 0)
    # Sums of ranks are multiples of 1/2, and float32 holds those exactly.
    total = np.abs((ranks * np.sign(table)).sum(axis=1))
    untied = (np.sort(ranks, axis=1) == np.arange(1, n + 1)).all(axis=1)
    p = np.full(len(table), NAN)
    p[untied] = _untied_p(n, total[untied])
    hits = _tied_at_least(ranks[~untied], total[~untied] - 0.25)
    p[~untied] = hits / 2 ** n if n <= EXACT_FLIPS_TO else (1 + hits) / (1 + FLIPS)
    return np.where(np.isnan(table).any(axis=1), NAN, p)


def _untied_p(n: int, totals: Floats) -> Floats:
    """Share of all flips of the ranks 1 to n whose sum is at least so much either way."""
    smaller = np.rint((n * (n + 1) / 2 - totals) / 2).astype(int)     # of the two rank sums
    return np.asarray(np.minimum(2 * signed_rank_cdf(n)[smaller], 1.0))


def _tied_at_least(ranks: Floats, totals: Floats) -> Floats:
    """The same for ranks of any kind, a row each."""
    hits = [np.empty(0)]
    for start in range(0, len(ranks), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        sums = np.abs(_signs(ranks.shape[1]) @ ranks[part].astype(np.float32).T)
        hits.append((sums >= totals[part]).sum(axis=0))
    return np.concatenate(hits)


def mann_whitney_p(left: Sequence[float], right: Sequence[float]) -> float:
    """Two-sided p of unpaired samples: exact to n = 20 without ties, else with their correction."""
    tied = len(np.unique([*left, *right])) < len(left) + len(right)
    exact = max(len(left), len(right)) <= MANN_WHITNEY_EXACT_TO and not tied
    found = scipy_stats.mannwhitneyu(left, right, method="exact" if exact else "asymptotic")
    return float(found.pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given; NaN is no comparison and stays NaN."""
    values = np.asarray(p, dtype=float)
    adjusted = np.full(len(values), NAN)
    order = [i for i in np.argsort(values, kind="stable") if not math.isnan(values[i])]
    worst = 0.0
    for place, i in enumerate(order):
        worst = max(worst, min(1.0, (len(order) - place) * float(values[i])))
        adjusted[i] = worst
    return [float(v) for v in adjusted]


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Benjamini-Hochberg's adjusted p values, in the order given; NaN stays NaN."""
    values = np.asarray(p, dtype=float)
    adjusted = np.full(len(values), NAN)
    there = ~np.isnan(values)
    if there.any():
        adjusted[there] = scipy_stats.false_discovery_control(values[there], method="bh")
    return [float(v) for v in adjusted]


def superiority(base: Floats, other: Floats) -> float:
    """Probability that a random run of ``other`` is below (better than) one of ``base``."""
    below = (other[:, None] < base).mean()
    return float(below + (other[:, None] == base).mean() / 2)


def upper_percentile(effects: Floats, p: float = 0.95) -> float:
    """Percentile ``p`` of the estimate's size |pseudo-median|, over resamples of the blocks."""
    if not len(effects):
        return NAN
    n = len(effects)
    picks = _rng().integers(0, n, size=(RESAMPLES // 5, n))
    return float(np.quantile(np.abs(pseudo_median(effects[picks])), p))


def blocks_needed(sd: float, effect: float) -> int:
    """Blocks that find ``effect`` with 80 % power; both natural logarithms of ratios."""
    return math.ceil(BLOCKS_FACTOR * (sd / effect) ** 2)


def blocks_to_differ(sd: float, effect: float, floor: float, level: float) -> float:
    """Blocks that in 80 % of cases tell ``effect`` from nothing at ``level``, and from the floor.

    All are natural logarithms of ratios. Infinite for an effect within the floor.
    """
    size = abs(effect)
    if size <= floor:
        return math.inf
    p = (sd / size * (norm.isf(level / 2) + _Z_POWER)) ** 2
    beyond = (sd / (size - floor) * _Z_POWER) ** 2
    return float(RANKS_COST * max(p, beyond))


def blocks_to_equal(sd: float, effect: float, margin: float) -> float:
    """Blocks whose 90 % interval lies within the margin in 80 % of cases; infinite beyond it."""
    room = np.array([margin - effect, margin + effect])
    if room.min() <= 0:
        return math.inf

    def short_of(root: float) -> float:
        return float(norm.cdf(room * root / sd - norm.isf(0.05)).sum() - 1 - POWER)
    most = 10 * sd / room.min()
    return float(RANKS_COST * brentq(short_of, 0, most) ** 2) if sd > 0 else 0.0


def outside_fences(values: Floats) -> tuple[int, int]:
    """How many values lie outside Tukey's two FENCES; they are counted and never dropped."""
    low, high = np.percentile(values, (25, 75))
    inner, outer = (int(((values < low - k * (high - low)) | (values > high + k * (high - low)))
                        .sum()) for k in FENCES)
    return inner, outer


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share."""
    if not n:
        return NAN, NAN
    found = scipy_stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)
