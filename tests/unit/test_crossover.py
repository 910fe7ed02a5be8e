# SPDX-License-Identifier: GPL-2.0-only
"""Crossovers: what is an order between two designs, and where it flips."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from generator.evidence.verdict import Series
from generator.studies import crossover
from generator.studies.crossover import Crossover

POINTS = tuple((("x", value),) for value in ("1", "2", "10"))


def series(name: str, values: Sequence[float], tier: str = "count") -> Series:
    return Series(name, "w", "op.fault", "mean", "ns", "twin", tier, np.arange(len(values)),
                  np.array(values, dtype=np.float64), 100)


def found(one: list[list[float]], other: list[list[float]], tier: str = "count",
          control: tuple[Sequence[float], Sequence[float]] | None = None) -> list[Crossover]:
    rows = {name: [series(name, values, tier) if values else None for values in row]
            for name, row in (("a", one), ("b", other))}
    base = control and (series("a", control[0], tier), series("a_aprime", control[1], tier))
    order = crossover.orders(rows, [base] * len(POINTS))
    return list(crossover.find(["x"], POINTS, order))


def test_counts_flip_beyond_the_share() -> None:
    assert found([[100], [100], [100]], [[99], [100.4], [110]]) == [
        Crossover("x", "1", "10", "b < a", "a < b", "", ("2",))]
    assert not found([[100], [100], [100]], [[99.7], [100], [110]])


def test_what_aprime_differs_by_is_a_tie() -> None:
    assert found([[100]] * 3, [[97], [100], [110]])
    assert not found([[100]] * 3, [[97], [100], [110]], control=([100], [104]))


def test_a_design_without_a_figure_takes_part_in_nothing() -> None:
    flips = found([[100], [], [100]], [[90], [200], [110]])
    assert [(one.low, one.high, one.tied) for one in flips] == [("1", "10", ("2",))]
    assert not found([[100], [], [100]], [[90], [200], []])


def noisy(level: float, seed: int) -> list[float]:
    source = random.Random(seed)
    return [level * source.uniform(0.98, 1.02) for _ in range(10)]


def test_times_flip_only_beyond_a_doubt() -> None:
    one = [noisy(100, 1), noisy(100, 2), noisy(100, 3)]
    flips = found(one, [noisy(80, 4), noisy(100, 5), noisy(130, 6)], "model")
    assert [(flip.low, flip.high, flip.tied) for flip in flips] == [("1", "10", ("2",))]
    assert not found(one, [noisy(100, 7), noisy(100, 8), noisy(100, 9)], "model")
    few = [values[:5] for values in one]
    assert not found(few, [[80.0] * 5, [100.0] * 5, [130.0] * 5], "model")


def test_other_axes_are_held_fixed() -> None:
    points = tuple((("x", x), ("y", y)) for x in "12" for y in "12")
    rows = {"a": [series("a", [v]) for v in (1.0, 1, 3, 1)],
            "b": [series("b", [v]) for v in (2.0, 2, 2, 2)]}
    order = crossover.orders(rows, [None] * 4)
    assert [(one.axis, one.at, one.before) for one in crossover.find("xy", points, order)] == [
        ("x", "y=1", "a < b"), ("y", "x=2", "b < a")]


def test_values_that_are_no_numbers_have_no_order() -> None:
    points = ((("lock", "always"),), (("lock", "fastpath"),))
    rows = {"a": [series("a", [v]) for v in (1.0, 3)], "b": [series("b", [v]) for v in (2.0, 2)]}
    assert not list(crossover.find(["lock"], points, crossover.orders(rows, [None, None])))


def test_many_comparisons_take_more_blocks() -> None:
    assert crossover.blocks_needed(2, 3) == 10
    assert crossover.blocks_needed(9, 7) == 14      # 252 comparisons: 2 / 2^14 * 252 < 0.05
    assert 2 / 2 ** 13 * 252 > 0.05 > 2 / 2 ** 14 * 252
