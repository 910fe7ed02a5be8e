# SPDX-License-Identifier: GPL-2.0-only
"""Each option beside the baseline: ratios with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from generator.evidence.verdict import Verdict
from generator.report import claims
from generator.report.headline import percent
from generator.report.plots import colour, logarithmic
from generator.report.view import View

NARROW, FARTHEST = 2.0, 100.0
"""A panel of ratios has plain ticks up to the first, and ends at the second."""


def ratios(view: View, tier: str) -> Figure | None:
    """Each option's ratio to the baseline with its interval, a panel per primary figure."""
    own = [v for v in view.verdicts_of(tier) if v.primary and v.variant != view.baseline
           and v.ratio > 0 and math.isfinite(v.ratio)]
    keys = list(dict.fromkeys((v.metric, v.workload) for v in own))
    if not keys:
        return None
    rows = [v for v in view.variants if any(x.variant == v for x in own)]
    across = min(len(keys), 4)
    down = math.ceil(len(keys) / across)
    figure = Figure(figsize=(10.4, 0.5 + down * (0.8 + 0.22 * len(rows))), layout="constrained")
    panels = np.ravel(figure.subplots(down, across, sharey=True, squeeze=False))
    for axes, (metric, workload) in zip(panels, keys, strict=False):
        chosen = {v.variant: v for v in own if (v.metric, v.workload) == (metric, workload)}
        forest(view, axes, rows, chosen)
        axes.set_title(f"{metric.removeprefix('op.')}: {workload}", fontsize=9)
    for axes in panels[len(keys):]:
        axes.set_axis_off()
    figure.suptitle(f"Ratio to {view.baseline}, 95 % interval; band: the floor. "
                    f"host {view.host} ({claims.kind(view.host, tier)}), tier {tier}", x=0.01,
                    ha="left", fontsize=10)
    return figure


def forest(view: View, axes: Axes, rows: Sequence[str], chosen: Mapping[str, Verdict]) -> None:
    """One panel: a dot and its interval per option."""
    floor = max((v.floor for v in chosen.values()), default=0.0)
    axes.axvspan(1 / (1 + floor), 1 + floor, color=mpl.rcParams["grid.color"], zorder=0)
    axes.axvline(1, color=mpl.rcParams["text.color"], linewidth=0.8)
    for spot, variant in enumerate(rows):
        if verdict := chosen.get(variant):
            tint = colour(view, variant)
            if not math.isnan(verdict.ci_lo):
                axes.plot([verdict.ci_lo, verdict.ci_hi], [spot, spot], color=tint, linewidth=2)
            axes.plot([verdict.ratio], [spot], "o", color=tint, markersize=5,
                      markerfacecolor=mpl.rcParams["axes.facecolor"]
                      if variant == view.aprime else tint)
            axes.annotate(percent(verdict.ratio), (1.0, spot), (4, 0), fontsize=7, va="center",
                          xycoords=("axes fraction", "data"), textcoords="offset points")
    edges = [e for v in chosen.values() for e in (v.ratio, v.ci_lo, v.ci_hi) if e > 0]
    reach = min(max(1.03, *(max(e, 1 / e) for e in edges)) ** 1.25, FARTHEST)
    axes.set(xscale="log", xlim=(1 / reach, reach))
    if reach > NARROW:
        logarithmic(axes.xaxis, 1 / reach, reach)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.3g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_yticks(range(len(rows)), [view.label(v) for v in rows])
    axes.set_ylim(len(rows) - 0.4, -0.8)
