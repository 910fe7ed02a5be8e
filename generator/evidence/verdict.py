# SPDX-License-Identifier: GPL-2.0-only
"""What a run says of each design beside the baseline: one of a few words, and what it rests on.

The replicate is the block: every variant once, the baseline twice, in random order. An effect is
the logarithm of a variant's figure over the baseline's in the same block. Rules and constants:
the project's standard (4.1 to 4.3), named here so that the documentation can be made of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.errors import DataError
from generator.evidence import inference
from generator.evidence.inference import Floats
from generator.evidence.stats import NAN
from generator.runs import plan

ALPHA = 0.05
FALSE_DISCOVERY = 0.10
MARGIN = 0.02
"""Equivalent: the 90 % interval of the ratio lies within 1 -+ this."""
LEAST_FLOOR = 0.01
MIN_BLOCKS, GOOD_BLOCKS = plan.QUICK_BLOCKS, plan.MIN_BLOCKS
"""Below the first there is no verdict, below the second it is a look and no evidence."""
LOOK = "look, not evidence"

BASELINE, FASTER, SLOWER, EQUIVALENT, CANNOT_TELL, EXACT, REFUSED = (
    "baseline", "faster", "slower", "equivalent", "cannot tell", "exact", "refused")
#: Samples a percentile's 95 % interval needs within one boot (order statistics).
SAMPLES_NEEDED: Mapping[str, int] = {"p50": 6, "p90": 36, "p99": 368, "p99.9": 3688}


@dataclass(frozen=True)
class Verdict:
    """One variant beside the baseline in one metric.

    ``base``, ``value``: medians over the blocks, in ``unit``. ``ratio``: pseudo-median of the
    per-block ratios, with its 95 % interval; plain value / base for exact figures. ``p``:
    unadjusted; ``p_holm``: Holm's over all variants and primary metrics of the tier; of a metric
    that is not primary, Benjamini-Hochberg's over those. ``floor``: share below which a difference
    is not a design's. ``superiority``: P(a random run of it is lower than one of the baseline).
    ``n_needed``: blocks that would tell, None when more do not help. ``outside``: log-ratios
    outside Tukey's two fences; they are counted, never dropped.
    """

    variant: str
    baseline: str
    workload: str
    metric: str
    unit: str
    host: str
    tier: str
    primary: bool
    n: int
    base: float
    value: float
    ratio: float
    ci_lo: float
    ci_hi: float
    p: float | None
    p_holm: float | None
    floor: float
    superiority: float
    outcome: str
    n_needed: int | None
    note: str
    stat: str = "p50"
    outside: tuple[int, int] = (0, 0)
    effects: Floats = field(default_factory=lambda: np.empty(0), repr=False, compare=False)


@dataclass(frozen=True)
class Series:
    """One metric of one variant: a value for each block, and where it was measured.

    ``samples``: the fewest one block's value was made of.
    """

    variant: str
    workload: str
    metric: str
    stat: str
    unit: str
    host: str
    tier: str
    blocks: NDArray[np.int64]
    values: Floats
    samples: int = 1

    @property
    def place(self) -> tuple[str, str, str]:
        """Figures of different places are never compared."""
        return self.host, self.tier, self.unit


def paired(base: Series, other: Series) -> tuple[Floats, Floats]:
    """The values of both in the blocks that both have.

    Raises DataError for figures of two hosts, tiers, units, workloads or metrics.
    """
    for what, one, two in (("host, tier, unit", base.place, other.place),
                           ("workload", base.workload, other.workload),
                           ("figure", (base.metric, base.stat), (other.metric, other.stat))):
        if one != two:
            raise DataError(f"{what} differ: {one} and {two}", fix="compare like with like",
                            where=f"{base.variant} and {other.variant}")
    _, left, right = np.intersect1d(base.blocks, other.blocks, return_indices=True)
    return base.values[left], other.values[right]


def floor_of(base: Series, aprime: Series | None, *, thorough: bool = True) -> float:
    """The larger of LEAST_FLOOR and the 95th percentile of |A'/A - 1|.

    The percentile is the one of the estimate over resampled blocks, as it is the estimate of a
    variant that is held against it; that of single blocks' ratios would be sqrt(n) times the
    noise of an estimate, and no number of blocks would bring it down. Not ``thorough``: the far
    end of its 90 % interval, which is about the same and takes no resampling.
    """
    if aprime is None:
        return LEAST_FLOOR
    first, second = paired(base, aprime)
    if len(first) < 2 or min(first.min(), second.min()) <= 0:
        return LEAST_FLOOR
    effects = np.log(second / first)
    if thorough and len(effects) <= inference.MANY_BLOCKS:
        return max(LEAST_FLOOR, math.expm1(inference.upper_percentile(effects)))
    ends = [abs(end) for end in inference.signed_rank_interval(effects, 0.90)]
    return max([LEAST_FLOOR, *(math.expm1(end) for end in ends if not math.isnan(end))])


def measured(base: Series, other: Series, *, floor: float, primary: bool) -> Verdict:
    """Estimate, interval and p of one comparison; its outcome is REFUSED until decided()."""
    return tested([estimated(base, other, floor=floor, primary=primary)])[0]


def tested(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The p of every comparison that was estimated(): all of as many blocks at once."""
    out, by_blocks = list(verdicts), dict[int, list[int]]()
    for i, one in enumerate(verdicts):
        if len(one.effects):
            by_blocks.setdefault(len(one.effects), []).append(i)
    for places in by_blocks.values():
        values = inference.sign_flip_p(np.stack([verdicts[i].effects for i in places]))
        for i, p in zip(places, values, strict=True):
            out[i] = replace(out[i], p=float(p))
    return out


def estimated(base: Series, other: Series, *, floor: float, primary: bool) -> Verdict:
    """One comparison without its p; where there can be none it has no effects and says why."""
    first, second = paired(base, other)
    verdict = blank(base, other, first, second, floor, primary)
    if why := _no_ratio(other, first, second):
        return replace(verdict, note=why)
    effects = np.log(second / first)
    low, high = (inference.interval(effects) if primary
                 else inference.signed_rank_interval(effects))
    return replace(
        verdict, effects=effects,
        ratio=math.exp(float(inference.pseudo_median(effects))), ci_lo=math.exp(low),
        ci_hi=math.exp(high), superiority=inference.superiority(first, second),
        outside=inference.outside_fences(effects))


def blank(base: Series, other: Series, first: Floats, second: Floats, floor: float,
           primary: bool) -> Verdict:
    low, high = (float(np.median(v)) if len(v) else NAN for v in (first, second))
    return Verdict(other.variant, base.variant, base.workload, base.metric, base.unit, base.host,
                   base.tier, primary, len(first), low, high, NAN, NAN, NAN, None, None, floor,
                   NAN, REFUSED, None, "", base.stat)


def _no_ratio(other: Series, first: Floats, second: Floats) -> str:
    """Why there is no comparison, or "" when there is one."""
    need = SAMPLES_NEEDED.get(other.stat, 1)
    if other.samples < need:
        return f"n too small: {other.samples} samples of {need} for {other.stat}"
    if len(first) < MIN_BLOCKS:
        return f"n too small: {len(first)} of {MIN_BLOCKS} blocks"
    zero = int(((first <= 0) | (second <= 0)).sum())
    return f"zero in {zero} blocks: no ratio" if zero else ""


def decided(verdict: Verdict, p: float | None, level: float, family: int = 1) -> Verdict:
    """The verdict's word, given its adjusted ``p`` and the ``level`` that has to be below.

    Without ``p`` it is the baseline's repetition: its own p counts, and the least floor, as what
    the others' floor is made of could not exceed it.
    ``family``: comparisons it was adjusted for; few blocks cannot give a p that survives many.
    """
    if verdict.p is None:
        return verdict
    effects, effect = verdict.effects, math.log(verdict.ratio)
    notes = [LOOK] if verdict.n < GOOD_BLOCKS else []
    significant = (verdict.p if p is None else p) < level
    floor = LEAST_FLOOR if p is None else verdict.floor
    beyond = abs(effect) > math.log1p(floor)
    level_90 = inference.interval if verdict.primary else inference.signed_rank_interval
    low, high = level_90(effects, 0.90)
    needed = None
    if significant and beyond:
        outcome = SLOWER if effect > 0 else FASTER
    elif math.log1p(-MARGIN) < low and high < math.log1p(MARGIN):
        outcome = EQUIVALENT
    else:
        outcome = CANNOT_TELL
        needed = _needed(verdict, effect, floor, level / family)
        if significant and not beyond:
            notes.append(f"within the floor of {100 * floor:.1f} %")
    return replace(verdict, outcome=outcome, p_holm=p, n_needed=needed, note="; ".join(notes))


def _needed(verdict: Verdict, effect: float, floor: float, level: float) -> int | None:
    """Blocks that would tell, if the effect and its spread are what they look like.

    Either that it differs, by more than the floor and at Holm's first step, or that it is
    equivalent. None where no number of blocks that a run may have would.
    """
    sd = float(verdict.effects.std(ddof=1))
    differ = max(inference.blocks_to_differ(sd, effect, math.log1p(floor), level),
                 math.log2(2 / level))      # fewer cannot give a p that small
    least = min(differ, inference.blocks_to_equal(sd, effect, math.log1p(MARGIN)))
    return max(math.ceil(least), verdict.n + 1) if least <= plan.MOST_BLOCKS else None


def exact(base: Series, other: Series, *, primary: bool, again: Series | None = None) -> Verdict:
    """Counts compared as integers. REFUSED when one of them does not repeat.

    ``again``: the baseline's repetition. A difference no larger than what lies between those two
    is not the design's: CANNOT_TELL.
    """
    paired(base, other)
    verdict = blank(base, other, base.values, other.values, 0.0, primary)
    for series in (base, other):
        if len(np.unique(series.values)) > 1:
            seen = ", ".join(f"{v:g}" for v in np.unique(series.values)[:4])
            return replace(verdict, note=f"{series.variant} does not repeat: {seen}")
    if not len(base.values) or not len(other.values):
        return replace(verdict, note="no figure")
    difference = verdict.value - verdict.base
    ratio = verdict.value / verdict.base if verdict.base else NAN
    note, outcome = f"{difference:+g} {base.unit}" if difference else "same", EXACT
    apart = 0.0 if again is None else float(np.abs(paired(base, again)[1] - verdict.base).max(
        initial=0.0))
    if 0 < abs(difference) <= apart:
        note, outcome = f"A' differs by {apart:g} {base.unit}", CANNOT_TELL
    return replace(verdict, outcome=outcome, ratio=ratio, note=note,
                   n=min(len(base.values), len(other.values)))


def adjusted(verdicts: Sequence[Verdict], controls: Iterable[str] = ()) -> list[Verdict]:
    """The words of a whole tier: Holm over its primary comparisons, BH over the others.

    ``controls``: variants that are the baseline under another name; they are judged by their own
    p and take no part in a correction.
    """
    apart = set(controls)
    out = list(verdicts)
    for primary, level, correct in ((True, ALPHA, inference.holm),
                                    (False, FALSE_DISCOVERY, inference.benjamini_hochberg)):
        family = [i for i, v in enumerate(verdicts)
                  if v.primary is primary and v.p is not None and v.variant not in apart]
        corrected = correct([float(verdicts[i].p or 0.0) for i in family])
        for i, p in zip(family, corrected, strict=True):
            out[i] = decided(verdicts[i], p, level, len(family))
    return [decided(v, None, ALPHA) if v.variant in apart else v for v in out]


def as_baseline(base: Series, floor: float, *, primary: bool) -> Verdict:
    """The baseline's own row."""
    row = blank(base, base, base.values, base.values, floor, primary)
    return replace(row, ratio=1.0, outcome=BASELINE, superiority=0.5)


def of_run(run: Any, table: Any = None) -> tuple[Verdict, ...]:
    """All verdicts of a run: by tier, workload, metric, and the variants in display order.

    ``run``: what load_run() gives; ``table``: frames.read(run) where that is there already.
    Raises DataError for records that do not fit.
    """
    from generator.evidence import measurements

    return measurements.verdicts(run, table)
