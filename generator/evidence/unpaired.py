# SPDX-License-Identifier: GPL-2.0-only
"""Figures of two runs that share no block: compared all the same, and said to be so."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from generator.evidence import inference, verdict
from generator.evidence.stats import NAN
from generator.evidence.verdict import (
    ALPHA,
    CANNOT_TELL,
    FASTER,
    LEAST_FLOOR,
    SLOWER,
    Series,
    Verdict,
)

MIN_UNPAIRED = 10


def unpaired(base: Series, other: Series) -> Verdict:
    """Two runs made elsewhere, no common blocks: Mann-Whitney, at least MIN_UNPAIRED values each.

    The ratio is the Hodges-Lehmann shift of the logarithms. Its interval is left out: order and
    drift are not controlled.
    """
    verdict.paired(base, other)
    found = verdict.blank(base, other, base.values, other.values, LEAST_FLOOR, False)
    n = min(len(base.values), len(other.values))
    if n < MIN_UNPAIRED or min(base.values.min(), other.values.min()) <= 0:
        return replace(found, n=n, note=f"n too small or zero: {n} of {MIN_UNPAIRED}, unpaired")
    shift = float(np.median(np.log(other.values)[:, None] - np.log(base.values)))
    p = inference.mann_whitney_p(list(base.values), list(other.values))
    differs = p < ALPHA and abs(shift) > math.log1p(LEAST_FLOOR)
    outcome = (SLOWER if shift > 0 else FASTER) if differs else CANNOT_TELL
    return replace(found, n=n, p=p, ratio=math.exp(shift), outcome=outcome, note="unpaired",
                   superiority=inference.superiority(base.values, other.values))


def all_unpaired(pairs: Iterable[tuple[Series, Series]]) -> list[Verdict]:
    """unpaired() of each pair, with Holm's correction over all of them."""
    found = [unpaired(base, other) for base, other in pairs]
    corrected = inference.holm([NAN if v.p is None else v.p for v in found])
    return [v if v.p is None else
            replace(v, p_holm=p, outcome=v.outcome if p < ALPHA else CANNOT_TELL)
            for v, p in zip(found, corrected, strict=True)]
