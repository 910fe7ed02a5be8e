# SPDX-License-Identifier: GPL-2.0-only
"""Figures over blocks: medians, their intervals, extremes, what is missing."""

from __future__ import annotations

import math
import random

import numpy as np
import pandas as pd
import pytest

from generator.evidence.rows import Row
from generator.evidence.table import BLOCK_COLUMNS, COLUMNS, Head, Table

HEAD: Head = ("r", "uml", "twin", "native", "a", "", "zap", 2)


def of(values: list[float], stat: str = "p50") -> Table:
    table = Table()
    for block, value in enumerate(values):
        table.add(HEAD, block, block % 3, [Row("op.zap", stat, value, "ns", 10, (1.0, 2.0))])
    return table


def test_one_block_keeps_its_own_interval() -> None:
    [row] = of([7.0]).summary().itertuples()
    assert (row.value, row.ci_lo, row.ci_hi, row.n, row.blocks) == (7.0, 1.0, 2.0, 10, 1)


def test_median_and_interval_over_blocks() -> None:
    values = [float(v) for v in range(1, 21)]
    random.Random(1).shuffle(values)
    [row] = of(values).summary().itertuples()
    # 20 values: ranks 6 and 15 of the binomial's table
    assert (row.value, row.ci_lo, row.ci_hi, row.n, row.blocks) == (10.5, 6.0, 15.0, 200, 20)


def test_five_blocks_have_no_interval() -> None:
    [row] = of([5.0, 1.0, 4.0, 2.0, 3.0]).summary().itertuples()
    assert row.value == 3.0 and math.isnan(row.ci_lo) and math.isnan(row.ci_hi)


def test_even_and_odd_medians_against_numpy() -> None:
    for n in range(1, 12):
        values = list(np.random.default_rng(n).normal(size=n))
        [row] = of(values).summary().itertuples()
        assert row.value == np.median(values)


def test_extremes_are_those_of_all_blocks() -> None:
    assert of([3.0, 1.0, 2.0], "min").summary()["value"][0] == 1.0
    assert of([3.0, 1.0, 2.0], "max").summary()["value"][0] == 3.0


@pytest.mark.parametrize(("metric", "stat", "odd", "usual"), [
    ("mem.all.live", "end", 3.0, 0.0), ("seam.violations", "count", 1.0, 0.0),
    ("memcg.agrees", "bool", 0.0, 1.0)])
def test_what_goes_wrong_in_one_block_of_many_is_seen(metric: str, stat: str, odd: float,
                                                      usual: float) -> None:
    """A leak in one of twenty boots is a leak; their median is none."""
    table = Table()
    for block in range(20):
        table.add(HEAD, block, 0, [Row(metric, stat, odd if block == 7 else usual, "x"),
                                   Row("mem.all.live", "run", float(block), "pages")])
    frame = table.summary()
    assert list(frame["value"]) == [odd, 9.5]


def test_a_missing_figure_is_not_a_zero() -> None:
    [row] = of([math.nan, 4.0, 2.0]).summary().itertuples()
    assert row.value == 3.0 and row.blocks == 2
    assert math.isnan(of([math.nan, math.nan]).summary()["value"][0])


def test_names_do_not_mix() -> None:
    table = Table()
    for block in range(3):
        for variant, factor in (("a", 1), ("b", 10)):
            head: Head = (*HEAD[:4], variant, *HEAD[5:])
            table.add(head, block, 0, [Row("m", "p50", factor * (block + 1.0), "ns"),
                                       Row("k", "count", factor, "events")])
    frame = table.summary()
    assert tuple(frame.columns) == COLUMNS
    assert list(frame["metric"]) == ["m", "k", "m", "k"]
    assert list(frame["value"]) == [2.0, 1.0, 20.0, 10.0]


def test_blocks_frame() -> None:
    frame = of([3.0, 1.0, 2.0]).blocks()
    assert tuple(frame.columns) == BLOCK_COLUMNS
    assert list(frame["block"]) == [0, 1, 2] == list(frame["build"])
    assert list(frame["value"]) == [3.0, 1.0, 2.0] and list(frame["n"]) == [10] * 3


def test_empty() -> None:
    table = Table()
    pd.testing.assert_index_equal(table.summary().columns, pd.Index(COLUMNS))
    assert len(table.blocks()) == 0 == len(table.summary())
