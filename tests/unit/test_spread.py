# SPDX-License-Identifier: GPL-2.0-only
"""How far lock figures lie apart between boots: what is taken, and how it is printed."""

from __future__ import annotations

import pandas as pd
import pytest

from generator.evidence import frames, spread


def rows(*values: float, metric: str = "lock.pamt_lock.wait", stat: str = "p50") -> pd.DataFrame:
    """A row per block, as frames.blocks() gives them."""
    return pd.DataFrame([{"boot": "uml", "tier": "native", "variant": "v", "workload": "convert",
                          "metric": metric, "stat": stat, "unit": "ns", "block": block,
                          "value": value} for block, value in enumerate(values)])


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pd.concat([rows(100, 110, 120, 90, 100), rows(0, 0, 5, metric="lock.l.contended",
                                                          stat="per_1k"),
                       rows(7, metric="lock.l.wait", stat="mean"), rows(9, metric="op.fault"),
                       rows(1, 2, stat="max"), rows(1, 2, metric="lock.l.hold")])
    monkeypatch.setattr(frames, "blocks", lambda run: found)


def test_spread_is_of_the_median(blocks: None) -> None:
    table = spread.contention(None)     # type: ignore[arg-type]
    assert list(table.columns) == list(spread.COLUMNS)
    one = table[table.metric == "lock.pamt_lock.wait"].iloc[0]
    assert (one.n, one.low, one["median"], one.high, one.spread) == (5, 90, 100, 120, 30.0)
    assert sorted(table.metric) == ["lock.l.wait", "lock.pamt_lock.wait"]     # no zeros, no holds
    assert pd.isna(table[table.metric == "lock.l.wait"].iloc[0].spread)


def test_lines_name_tier_unit_and_n(blocks: None) -> None:
    lines = spread.lines(spread.contention(None))   # type: ignore[arg-type]
    assert lines[0] == "v, convert  (boot uml, tier native)"
    assert lines[2].split() == ["l.wait", "mean", "ns", "1", "7", "7", "-"]
    assert lines[3].split() == ["pamt_lock.wait", "p50", "ns", "5", "90", "100", "30", "%"]
    assert all(len(line) <= spread.WIDTH for line in lines)


def test_nothing_contended() -> None:
    assert spread.lines(pd.DataFrame(columns=list(spread.COLUMNS))) == [
        "no lock was contended in the median block of any case"]
