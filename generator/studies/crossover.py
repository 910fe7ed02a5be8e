# SPDX-License-Identifier: GPL-2.0-only
"""Where along an axis the ranking of two designs flips: between which values, and beyond a doubt.

A count repeats, so a difference is one as soon as it is larger than what A' differs from A, and
than SHARE. A time is compared over blocks by the rules of verdict.py, Holm's correction over all
pairs and points of the sweep among them. What is no order takes part in no flip.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from generator.evidence import verdict
from generator.evidence.verdict import Series, Verdict
from generator.runs import plan
from generator.studies.counted import SHARE

Point = tuple[tuple[str, str], ...]
"""Axis and value, for each axis of a sweep."""
Orders = Mapping[tuple[str, str], Sequence[int]]
"""Two designs -> at each point -1 (the first has less), 1, or 0 where there is no order."""


@dataclass(frozen=True)
class Crossover:
    """Along ``axis`` the order of two designs flips between two values (``low``, ``high``).

    ``at``: values of the other axes, "" when there are none. ``tied``: values between the two at
    which neither is less.
    """

    axis: str
    low: str
    high: str
    before: str
    after: str
    at: str = ""
    tied: tuple[str, ...] = ()


def blocks_needed(designs: int, points: int) -> int:
    """Blocks of boots with a clock with which a flip can be told at all.

    Of n blocks sign flips give no p below 2 / 2^n, and Holm multiplies it by the comparisons.
    """
    comparisons = max(math.comb(designs, 2) * points, 1)
    return max(plan.MIN_BLOCKS, math.ceil(math.log2(2 * comparisons / verdict.ALPHA)))


def orders(rows: Mapping[str, Sequence[Series | None]],
           controls: Sequence[tuple[Series, Series] | None]) -> Orders:
    """The order of each two designs at each point.

    ``rows``: design -> its figure at each point, None where it has none. ``controls``: the baseline
    and its A' there.
    """
    pairs = list(itertools.combinations(rows, 2))
    found: dict[tuple[str, str], list[int]] = {
        pair: [0] * len(controls) for pair in pairs}
    timed: list[tuple[tuple[str, str], int, Verdict]] = []
    for pair, place in itertools.product(pairs, range(len(controls))):
        one, other = (rows[name][place] for name in pair)
        if one is None or other is None:
            continue
        if one.tier == plan.COUNT_TIER:
            found[pair][place] = _counts(one, other, controls[place])
        else:
            timed.append((pair, place, _times(one, other, controls[place])))
    judged = verdict.adjusted([row[2] for row in timed])
    for (pair, place, _), said in zip(timed, judged, strict=True):
        found[pair][place] = {verdict.SLOWER: -1, verdict.FASTER: 1}.get(said.outcome, 0)
    return found


def _counts(one: Series, other: Series, control: tuple[Series, Series] | None) -> int:
    first, second = (float(np.median(series.values)) for series in (one, other))
    floor = SHARE * max(abs(first), abs(second))
    if control:
        base, again = (float(np.median(series.values)) for series in control)
        floor = max(floor, abs(again - base))
    return 0 if abs(first - second) <= floor else -1 if first < second else 1


def _times(one: Series, other: Series, control: tuple[Series, Series] | None) -> Verdict:
    floor = verdict.floor_of(*control) if control else verdict.LEAST_FLOOR
    # One workload may have a name of its own at each point; within one it is the same.
    return verdict.measured(one, replace(other, workload=one.workload), floor=floor, primary=True)


def find(axes: Iterable[str], points: Sequence[Point], order: Orders) -> Iterator[Crossover]:
    """Along each axis with numbers: where two designs change places, all other axes held fixed."""
    for axis in axes:
        lines: dict[Point, list[tuple[str, int]]] = {}
        for place, point in enumerate(points):
            value = dict(point)[axis]
            if value.isdigit():
                rest = tuple(item for item in point if item[0] != axis)
                lines.setdefault(rest, []).append((value, place))
        for rest, line in lines.items():
            at = " ".join(f"{key}={value}" for key, value in rest)
            ordered = sorted(line, key=lambda item: int(item[0]))
            for pair, signs in order.items():
                yield from _flips(axis, at, pair, [(value, signs[place])
                                                   for value, place in ordered])


def _flips(axis: str, at: str, pair: tuple[str, str],
           line: Iterable[tuple[str, int]]) -> Iterator[Crossover]:
    last, sign, tied = "", 0, []
    for value, now in line:
        if not now:
            tied.append(value)
            continue
        if sign and now != sign:
            less, more = pair if sign < 0 else pair[::-1]
            yield Crossover(axis, last, value, f"{less} < {more}", f"{more} < {less}", at,
                            tuple(tied))
        last, sign, tied = value, now, []
