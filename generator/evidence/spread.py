# SPDX-License-Identifier: GPL-2.0-only
"""How far the figures of a run lie apart between its blocks, each of which is a boot of its own."""

from __future__ import annotations

import textwrap

import pandas as pd

from generator.evidence import frames
from generator.evidence.frames import RunLike

COLUMNS = ("boot", "tier", "variant", "workload", "metric", "stat", "unit", "n", "low", "median",
           "high", "spread")
WIDTH = 72
_GROUP = list(COLUMNS[:7])
_CONTENTION = r"lock\..*\.(?:wait|contended)"
#: Of waits the median and the mean; how many of 1000 takes were contended.
_STATS = ("p50", "mean", "per_1k")


def contention(run: RunLike) -> pd.DataFrame:
    """Columns COLUMNS: a row per lock figure that is not zero in the median block.

    ``n``: blocks that have it; ``spread``: (high - low) / median, in %. Counts of an exact boot
    have one block, and no spread: NaN.
    """
    rows = frames.blocks(run)
    rows = rows[rows.metric.str.fullmatch(_CONTENTION) & rows.stat.isin(_STATS)]
    table = rows.groupby(_GROUP, sort=True).value.agg(
        n="count", low="min", median="median", high="max").reset_index()
    table = table[table["median"] > 0]
    apart = (table.high - table.low) / table["median"] * 100
    return table.assign(spread=apart.where(table.n > 1)).reindex(columns=list(COLUMNS))


def lines(table: pd.DataFrame) -> list[str]:
    """contention() in 72 columns, some lines for each boot, variant and workload."""
    found: list[str] = []
    for (boot, tier, variant, workload), part in table.groupby(_GROUP[:4], sort=False):
        found += ["", f"{variant}, {workload}  (boot {boot}, tier {tier})",
                  f"  {'figure':<30} {'unit':<10}{'n':>3}{'least':>9}{'median':>9}{'spread':>8}"]
        found += [f"  {metric.removeprefix('lock.') + ' ' + stat:<30.30} {unit:<10.10}{n:>3}"
                  f"{_short(low):>9}{_short(median):>9}{_percent(apart):>8}"
                  for metric, stat, unit, n, low, median, _high, apart
                  in part[list(COLUMNS[4:])].itertuples(index=False)]
    about = ("spread: largest less smallest block, in % of the median block; n: blocks, each of "
             "them a boot. Read it with the load of the machine: the run's report has it.")
    return [*found[1:], "", *textwrap.wrap(about, WIDTH)] if found else [
        "no lock was contended in the median block of any case"]


def _short(value: float) -> str:
    if abs(value) >= 1e6:
        return f"{value:.3e}"
    return f"{value:.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def _percent(value: float) -> str:
    return "-" if pd.isna(value) else f"{value:.0f} %"
