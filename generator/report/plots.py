# SPDX-License-Identifier: GPL-2.0-only
"""The report's figures, drawn from the records; the same run gives the same bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from generator.frames import FLOOR
from generator.report.tables import KIB_PER_PAGE
from generator.report.view import (
    CONTENTION,
    COUNT,
    FAULT,
    MEMORY,
    MODEL,
    NATIVE,
    PARKED,
    TIERS,
    Source,
    View,
)
from generator.rows import Scale, failed
from generator.stats import Histogram

# Okabe and Ito's palette, told apart with any kind of colour vision; the floor is grey.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
FLOOR_COLOUR = "#777777"
DASHES = ("-", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)))
APRIME_DASH = (0, (4, 2))
STYLE: Any = {"svg.hashsalt": "extspt", "svg.fonttype": "none", "text.parse_math": False,
         "font.size": 9, "axes.titlesize": 10, "axes.titlelocation": "left", "axes.grid": True,
         "grid.color": "#dddddd", "grid.linewidth": 0.6, "axes.axisbelow": True,
         "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
         "legend.fontsize": 8, "figure.dpi": 110, "savefig.facecolor": "white"}
UNIT = {COUNT: "instructions", MODEL: "ns (emulated)", NATIVE: "ns"}


def colour(view: View, variant: str) -> str:
    """One colour per design in every figure; A' has its baseline's."""
    name = view.baseline if variant == view.aprime else variant
    if name == FLOOR:
        return FLOOR_COLOUR
    coloured = [v for v in view.designs if v != FLOOR]
    return PALETTE[coloured.index(name) % len(PALETTE)]


def dash(view: View, variant: str) -> str | tuple[int, tuple[int, ...]]:
    """Line style: A' is dashed, designs beyond the palette's end get another stroke."""
    if variant == view.aprime:
        return APRIME_DASH
    coloured = [v for v in view.designs if v != FLOOR]
    return DASHES[(coloured.index(variant) // len(PALETTE)) % len(DASHES)] \
        if variant in coloured else "-"


def where(source: Source) -> str:
    """A panel's title line: host, tier, workload."""
    plural = "" if source.vcpus == 1 else "s"
    return (f"host {source.host}, tier {source.tier} (boot {source.boot}), "
            f"{source.workload}, {source.vcpus} vCPU{plural}")


def distributions(view: View, source: Source) -> dict[str, tuple[Histogram, Scale]]:
    """Fault histogram and scale of every variant at a source, the largest vCPU count last."""
    found = {}
    for case in view.cases:
        if (case["boot"], case["workload"]) == (source.boot, source.workload) and not failed(case):
            record = case["record"]
            hist = Histogram.of(record["ops"]["fault"])
            if hist.n:
                found[str(case["variant"])] = hist, Scale.of(source.tier, record["clock"])
    return found


def fault_latency(view: View) -> Figure | None:
    """Share of faults that take longer than x, a panel per tier."""
    sources = [at for tier in TIERS
               if (at := view.source(tier, FAULT, "op.fault", "p50"))]
    if not sources:
        return None
    figure = Figure(figsize=(9.0, 4.1 * len(sources)), layout="constrained")
    for axes, source in zip(np.ravel(figure.subplots(len(sources), 1)), sources, strict=True):
        curves(view, source, axes)
    return figure


def curves(view: View, source: Source, axes: Axes) -> None:
    """One panel: a step curve per variant on two logarithmic axes."""
    found, most = distributions(view, source), 1
    for variant in (v for v in view.variants if v in found):
        hist, scale = found[variant]
        upper, share = hist.ecdf()
        times = np.concatenate([[hist.low], upper]) * scale.per_tick
        above = np.concatenate([[1.0], 1.0 - share])
        most = max(most, hist.n)
        axes.step(times, np.maximum(above, 1e-9), where="post", color=colour(view, variant),
                  linestyle=dash(view, variant), linewidth=4 if variant == view.baseline else 1.5,
                  alpha=0.45 if variant == view.baseline else 0.95,
                  label=f"{view.label(variant)}: p50 "
                        f"{hist.percentile(0.5) * scale.per_tick:.0f}, n = {hist.n}")
    axes.set(xscale="log", yscale="log", ylim=(0.5 / most, 1.3),
             xlabel=f"one fault, {UNIT[source.tier]}; clock cost not subtracted",
             ylabel="share of faults above x",
             title=f"Fault latency: {where(source)}")
    logarithmic(axes.xaxis, *axes.get_xlim())
    logarithmic(axes.yaxis, *axes.get_ylim())
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def logarithmic(axis: Axis, low: float, high: float) -> None:
    """Plain numbers at as many places as a range of that many decades has room for."""
    decades = math.log10(high / low)
    dense, middle, sparse = (1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1,)
    axis.set_major_locator(LogLocator(
        subs=dense if decades < 1 else middle if decades < 3 else sparse, numticks=40))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda x, _: compact(x)))


def compact(value: float) -> str:
    """1500 as 1500, 20000 as 20k, 3e6 as 3M; shares as they are."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e3 if letter == 'k' else limit):g}{letter}"
    return f"{value:g}"


def lock_times(view: View) -> Figure | None:
    """Median to p99 of wait and hold, with the maximum, per lock and design."""
    source = view.source(view.timed, CONTENTION, "lock.all.contended", "per_1k")
    if source is None:
        return None
    names = [m.removeprefix("lock.").removesuffix(".acquired") for m, _ in
             view.figures.stats(source.boot, source.workload, "lock.") if m.endswith(".acquired")]
    rows = [(lock, v) for lock in names for v in view.variants
            if view.value(source, v, f"lock.{lock}.acquired", "count") > 0]
    if not rows:
        return None
    spots = positions([lock for lock, _ in rows])
    figure = Figure(figsize=(9.6, 1.6 + 0.2 * (max(spots) + 1)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, what in zip(panels, ("wait", "hold"), strict=True):
        for spot, (lock, variant) in zip(spots, rows, strict=True):
            bar(view, source, axes, spot, variant, f"lock.{lock}.{what}")
        axes.set(xscale="log", title=f"Lock {what}, {UNIT[source.tier]}",
                 xlabel=f"{what}, {UNIT[source.tier]}: dot p50, bar to p99, | max")
        logarithmic(axes.xaxis, *axes.get_xlim())
    label_groups(panels[0], rows, spots, view)
    figure.suptitle(f"Locks: {where(source)}; wait: contended takes only",
                    x=0.01, ha="left", fontsize=10)
    return figure


def starts(rows: Sequence[tuple[str, str]]) -> list[bool]:
    """Which rows begin a new group."""
    return [index == 0 or rows[index - 1][0] != row[0] for index, row in enumerate(rows)]


def positions(groups: Sequence[str]) -> list[float]:
    """Places from top to bottom, with a gap of one and a half rows between groups."""
    spots, at = [], 0.0
    for index, group in enumerate(groups):
        at += 2.5 if index and groups[index - 1] != group else 1.0
        spots.append(at)
    return spots


def label_groups(axes: Axes, rows: Sequence[tuple[str, str]], spots: Sequence[float],
                 view: View) -> None:
    """Name each lock in the gap above its designs; baseline on top."""
    axes.set_yticks(spots, [view.label(v) for _, v in rows])
    axes.set_ylim(max(spots) + 0.8, -0.6)
    for first, spot, (lock, _) in zip(starts(rows), spots, rows, strict=True):
        if first:
            axes.annotate(lock, (0.0, spot - 0.8), xycoords=("axes fraction", "data"),
                          fontweight="bold", fontsize=8.5, va="center", xytext=(4, 0),
                          textcoords="offset points")


def bar(view: View, source: Source, axes: Axes, spot: float, variant: str, metric: str) -> None:
    """Dot at the median, bar to p99, tick at the maximum; nothing when there is no sample."""
    middle, tail, worst = (view.value(source, variant, metric, s) for s in ("p50", "p99", "max"))
    if math.isnan(middle):
        return
    tint, hollow = colour(view, variant), variant == view.aprime
    axes.plot([max(middle, 1), max(tail, 1)], [spot, spot], color=tint, linewidth=3.5,
              alpha=0.45, solid_capstyle="butt")
    axes.plot([max(middle, 1)], [spot], "o", color=tint, markersize=5.5,
              markerfacecolor="white" if hollow else tint)
    axes.plot([max(worst, 1)], [spot], "|", color=tint, markersize=9, markeredgewidth=1.6)


def parked(view: View) -> Figure | None:
    """Pages lying in per-vCPU caches when the run ends, and the most there ever were."""
    source = view.either(PARKED, "parked.design.pages", "per_vcpu")
    if source is None:
        return None
    now, peak = ([view.value(source, v, f"parked.design.{f}", "per_vcpu") for v in view.variants]
                 for f in ("pages", "peak"))
    figure = Figure(figsize=(8.2, 1.6 + 0.42 * len(view.variants)), layout="constrained")
    axes = figure.subplots()
    spots = range(len(view.variants))
    for spot, variant, pages, most in zip(spots, view.variants, now, peak, strict=True):
        tint = colour(view, variant)
        axes.barh(spot, most, height=0.62, facecolor="none", edgecolor=tint, linestyle="--")
        hbar(view, axes, spot, pages, variant)
        axes.annotate(f"{pages:g} ({pages * KIB_PER_PAGE:g} KiB), peak {most:g} "
                      f"({most * KIB_PER_PAGE:g} KiB)", (max(pages, most), spot), xytext=(5, 0),
                      textcoords="offset points", va="center", fontsize=8)
    dress(view, axes, spots, "pages per vCPU (filled: parked at the end; dashed outline: peak)")
    axes.set_xlim(0, max(1, *now, *peak) * 1.45)
    axes.set_title(f"S-EPT and PAMT pages parked in per-vCPU caches: {where(source)}")
    return figure


def hbar(view: View, axes: Axes, spot: float, width: float, variant: str) -> None:
    """A design's bar: A' is hatched in its baseline's colour."""
    tint = colour(view, variant)
    again = variant == view.aprime
    axes.barh(spot, width, height=0.62, facecolor="white" if again else tint, edgecolor=tint,
              hatch="////" if again else None)


def dress(view: View, axes: Axes, spots: Sequence[float], xlabel: str) -> None:
    """Names on the left, baseline on top."""
    axes.set_yticks(spots, [view.label(v) for v in view.variants])
    axes.set_ylim(len(view.variants) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.set_xlabel(xlabel)


def memory_charge(view: View) -> Figure | None:
    """Page-table pages charged to the VM's cgroup, and not."""
    source = view.either(MEMORY, "mem.tables.uncharged", "end")
    if source is None:
        return None
    figure = Figure(figsize=(8.2, 1.6 + 0.42 * len(view.variants)), layout="constrained")
    axes = figure.subplots()
    spots, widest = range(len(view.variants)), 1.0
    for spot, variant in zip(spots, view.variants, strict=True):
        yes, no = (view.value(source, variant, f"mem.tables.{f}", "end")
                   for f in ("charged", "uncharged"))
        if math.isnan(yes):
            axes.annotate("n/a", (0, spot), xytext=(5, 0), textcoords="offset points", va="center")
            continue
        widest = max(widest, yes + no)
        hbar(view, axes, spot, yes, variant)
        if no:
            axes.barh(spot, no, left=yes, height=0.62, facecolor="#ffffff", edgecolor="#000000",
                      hatch="xxxx", linewidth=1.0)
        axes.annotate(f"{yes:g} charged, {no:g} not", (yes + no, spot), xytext=(5, 0),
                      textcoords="offset points", va="center", fontsize=8,
                      fontweight="bold" if no else "normal")
    dress(view, axes, spots, "S-EPT, PAMT and mirror pages allocated over the VM's life "
                             "(colour: charged; black cross-hatch: not charged)")
    axes.set_xlim(0, widest * 1.35)
    axes.set_title(f"Charged to the memcg and not: {where(source)}")
    return figure


DRAWN: Mapping[str, Callable[[View], Figure | None]] = {
    "fault_latency": fault_latency, "lock_times": lock_times, "parked": parked,
    "memory_charge": memory_charge}


def draw(view: View, folder: Path) -> Iterator[Path]:
    """Write every figure there is data for as SVG and PNG; yields the paths."""
    with mpl.rc_context(STYLE):
        for name, maker in DRAWN.items():
            figure = maker(view)
            if figure is None:
                continue
            for suffix, metadata in ((".svg", {"Date": None, "Creator": None}),
                                     (".png", {"Software": None})):
                path = folder / f"{name}{suffix}"
                figure.savefig(path, metadata=metadata)
                yield path
