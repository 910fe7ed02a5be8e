# SPDX-License-Identifier: GPL-2.0-only
"""The report's figures: one host and tier each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from generator.evidence.rows import Scale, failed
from generator.evidence.stats import Histogram
from generator.report import claims
from generator.report.model import visible
from generator.report.plots import Chart, colour, dash, logarithmic
from generator.report.ratios import ratios
from generator.report.tables import KIB_PER_PAGE, UNIT
from generator.report.text import shorten
from generator.report.view import CONTENTION, COUNT, FAULT, MEMORY, PARKED, Source, View

LONGEST = 40
"""As much of a name that a guest chose is drawn."""


def where(source: Source) -> str:
    """A panel's title line: host and what it is, tier, workload."""
    plural = "" if source.vcpus == 1 else "s"
    return (f"host {source.host} ({claims.kind(source.host, source.tier)}),\ntier {source.tier}, "
            f"{source.workload}, {source.vcpus} vCPU{plural}")


def distributions(view: View, source: Source) -> dict[str, tuple[Histogram, Scale]]:
    """Fault histogram and scale of every variant at a source, all blocks together."""
    found: dict[str, list[Histogram]] = {}
    scales: dict[str, Scale] = {}
    boots = view.boots(source.tier)
    for case in view.cases:
        name = str(case["variant"])
        if case["boot"] in boots and case["workload"] == source.workload and not failed(case) \
                and name not in view.failing:
            found.setdefault(name, []).append(Histogram.of(case["record"]["ops"]["fault"]))
            scales.setdefault(name, Scale.of(source.tier, case["record"]["clock"]))
    return {name: (together(parts), scales[name]) for name, parts in found.items()
            if any(hist.n for hist in parts)}


def together(parts: Sequence[Histogram]) -> Histogram:
    """One histogram of the samples of several; they share their buckets' bounds."""
    if len(parts) == 1:
        return parts[0]
    held = [hist for hist in parts if hist.n]
    table = np.concatenate([hist.table for hist in held])
    edges, place = np.unique(table[:, :2], axis=0, return_inverse=True)
    counts = np.bincount(place.ravel(), weights=table[:, 2]).astype(np.int64)
    return Histogram(sum(h.n for h in held), sum(h.total for h in held),
                     min(h.low for h in held), max(h.high for h in held), False, {},
                     np.column_stack((edges, counts)).tolist())


def faults(view: View, tier: str) -> Figure | None:
    """Share of faults that take longer than x."""
    source = view.source(tier, FAULT, "op.fault", "p50")
    if source is None:
        return None
    figure = Figure(figsize=(9.0, 4.1), layout="constrained")
    curves(view, source, figure.subplots())
    return figure


def curves(view: View, source: Source, axes: Axes) -> None:
    """A step curve per variant on two logarithmic axes."""
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


def lock_times(view: View, tier: str) -> Figure | None:
    """Median to p99 of wait and hold, with the maximum, per lock and design."""
    source = view.source(tier, CONTENTION, "lock.all.contended", "per_1k")
    if source is None:
        return None
    names = [m.removeprefix("lock.").removesuffix(".acquired") for m, _ in
             view.figures.stats(tier, source.workload, "lock.") if m.endswith(".acquired")]
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
            axes.annotate(shorten(visible(lock), LONGEST), (0.0, spot - 0.8), xytext=(4, 0),
                          xycoords=("axes fraction", "data"), textcoords="offset points",
                          fontweight="bold", fontsize=8.5, va="center")


def bar(view: View, source: Source, axes: Axes, spot: float, variant: str, metric: str) -> None:
    """Dot at the median, bar to p99, tick at the maximum; nothing when there is no sample."""
    middle, tail, worst = (view.value(source, variant, metric, s) for s in ("p50", "p99", "max"))
    if math.isnan(middle):
        return
    tint, hollow = colour(view, variant), variant == view.aprime
    axes.plot([max(middle, 1), max(tail, 1)], [spot, spot], color=tint, linewidth=3.5,
              alpha=0.45, solid_capstyle="butt")
    axes.plot([max(middle, 1)], [spot], "o", color=tint, markersize=5.5,
              markerfacecolor=mpl.rcParams["axes.facecolor"] if hollow else tint)
    axes.plot([max(worst, 1)], [spot], "|", color=tint, markersize=9, markeredgewidth=1.6)


def parked(view: View, _: str = "") -> Figure | None:
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
    axes.barh(spot, width, height=0.62, facecolor="none" if again else tint, edgecolor=tint,
              hatch="////" if again else None)


def dress(view: View, axes: Axes, spots: Sequence[float], xlabel: str) -> None:
    """Names on the left, baseline on top."""
    axes.set_yticks(spots, [view.label(v) for v in view.variants])
    axes.set_ylim(len(view.variants) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.set_xlabel(xlabel)


def memory_charge(view: View, tier: str) -> Figure | None:
    """Page-table pages charged to the VM's cgroup, and not."""
    source = view.source(tier, MEMORY, "mem.tables.uncharged", "end")
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
            axes.barh(spot, no, left=yes, height=0.62, facecolor="none", hatch="xxxx",
                      edgecolor=mpl.rcParams["text.color"], linewidth=1.0)
        axes.annotate(f"{yes:g} charged, {no:g} not", (yes + no, spot), xytext=(5, 0),
                      textcoords="offset points", va="center", fontsize=8,
                      fontweight="bold" if no else "normal")
    dress(view, axes, spots, "S-EPT, PAMT and mirror pages allocated over the VM's life "
                             "(colour: charged; cross-hatch: not charged)")
    axes.set_xlim(0, widest * 1.35)
    axes.set_title(f"Charged to the memcg and not: {where(source)}")
    return figure


def timed(view: View) -> Iterable[str]:
    """The tier whose clock says most."""
    return (view.timed,) if view.has(view.timed) else ()


def counted(view: View) -> Iterable[str]:
    """The tier whose account of pages the report uses."""
    at = view.either(MEMORY, "mem.tables.uncharged", "end")
    return (at.tier,) if at else ()


def waterfall(view: View, _: str) -> Figure | None:
    """What each decision costs on the way from one design to another."""
    from generator.studies import waterfall as falls
    return falls.figure(view.walk) if view.walk else None


def sweep(view: View, _: str) -> Figure | None:
    """A figure over the values of a parameter."""
    from generator.studies import sweeptext
    return sweeptext.figure(view.sweep) if view.sweep else None


#: Name -> how it is drawn, and the tiers it is drawn for.
DRAWN: Mapping[str, tuple[Chart, Callable[[View], Iterable[str]]]] = {
    "ratios": (ratios, lambda view: view.tiers), "faults": (faults, lambda view: view.tiers),
    "lock_times": (lock_times, timed), "parked": (parked, lambda _: ("",)),
    "memory_charge": (memory_charge, counted),
    "waterfall": (waterfall, lambda view: (COUNT,) if view.walk else ()),
    "sweep": (sweep, lambda view: (view.sweep.tier,) if view.sweep else ())}
