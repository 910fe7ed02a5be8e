# SPDX-License-Identifier: GPL-2.0-only
"""An ablation as text of 72 columns, and as a figure."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from generator.report import plots
from generator.studies.ablation import Ablation, Waterfall

WIDTH = 72
_LABEL, _NUMBER = 42, 12
_UP, _DOWN, _TOTAL = "#c44e52", "#55a868", "#8c8c8c"


def number(value: float) -> str:
    """A figure with four significant digits, more for large ones; "-" when there is none."""
    if math.isnan(value):
        return "-"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.4g}"


def signed(value: float) -> str:
    """A difference with its sign; plain 0 where nothing changes."""
    if math.isnan(value):
        return "-"
    return "0" if abs(value) < 1e-9 else ("+" if value > 0 else "") + number(value)


def lines(ablation: Ablation) -> list[str]:
    """The whole ablation as text."""
    out = [f"{ablation.a} -> {ablation.b}",
           f"{len(ablation.designs)} designs, {ablation.orders} "
           f"order{'s' * (ablation.orders > 1)} of the decisions; tier count, host twin",
           f"run {ablation.run}", ""]
    known = [fall for fall in ablation.waterfalls if not _absent(fall)]
    quiet = [fall for fall in known if not _moves(fall)]
    for fall in known:
        if fall not in quiet:
            out += [*_table(fall), ""]
    if absent := [fall.title for fall in ablation.waterfalls if _absent(fall)]:
        out += [*textwrap.wrap(f"Neither A nor B has: {'; '.join(absent)}", WIDTH), ""]
    if quiet:
        told = "; ".join(f"{fall.title} ({number(fall.start)})" for fall in quiet)
        out += [*textwrap.wrap(f"No decision changes: {told}", WIDTH), ""]
    return [*out, *_footer(ablation)]


def _absent(fall: Waterfall) -> bool:
    """Both ends are without it: designs that do not split, cases that failed."""
    return math.isnan(fall.start) and math.isnan(fall.end)


def _moves(fall: Waterfall) -> bool:
    return not fall.whole or any(map(fall.counts, fall.parts))


def _row(label: str, value: str, spread: str = "") -> Iterator[str]:
    *above, last = textwrap.wrap(label, _LABEL, subsequent_indent="    ")
    yield from above
    yield f"{last:<{_LABEL}}{value:>{_NUMBER}}  {spread}".rstrip()


def _table(fall: Waterfall) -> list[str]:
    out = [f"{fall.title} ({fall.unit})", *_row("  A", number(fall.start))]
    for part in filter(fall.counts, fall.parts if fall.whole else ()):
        spread = f"{signed(part.low)}..{signed(part.high)}" if part.spread > 2 * fall.floor else ""
        out += _row(f"  {part.label}", signed(part.mean), spread)
    out += _row("  B", number(fall.end))
    for pair, extra in fall.pairs:
        out += _row(f"    together: {pair}", signed(extra))
    if not fall.whole:
        out.append("  not all designs between them have it")
    elif none := [part.label.split(":")[0] for part in fall.parts if not fall.counts(part)]:
        out += textwrap.wrap(f"no effect (up to {number(fall.floor)}): {', '.join(none)}", WIDTH,
                             initial_indent="  ", subsequent_indent="    ")
    return out


def _footer(ablation: Ablation) -> list[str]:
    out = []
    if any(part.spread > 2 * fall.floor for fall in ablation.waterfalls for part in fall.parts):
        out += textwrap.wrap("low..high: the decision does more or less depending on those taken "
                             "before it; the figure is the mean over the orders. together: what "
                             "two decisions do beyond what each does alone.", WIDTH)
    for taken, why in ablation.illegal.items():
        out += textwrap.wrap(f"not possible: {taken}: {why}", WIDTH, subsequent_indent="  ")
    states: dict[str, list[str]] = {}
    for name, state in ablation.gate.items():
        states.setdefault(state, []).append(name)
    for state, names in sorted(states.items()):
        told = f"all {len(names)} designs" if len(states) == 1 else ", ".join(names)
        out += textwrap.wrap(f"gate {state}: {told}", WIDTH, subsequent_indent="  ",
                             break_on_hyphens=False)
    return out


def figure(ablation: Ablation) -> Figure | None:
    """A waterfall for each figure that some decision changes; None when none does."""
    falls = [fall for fall in ablation.waterfalls if _moves(fall) and fall.whole]
    if not falls:
        return None
    rows = math.ceil(len(falls) / 2)
    height = 0.9 + 0.28 * max(len(fall.parts) for fall in falls)
    drawn = Figure(figsize=(11, rows * height + 0.5), layout="constrained")
    drawn.suptitle(f"{ablation.a} -> {ablation.b}: host twin, tier count, {ablation.orders} "
                   f"order{'s' * (ablation.orders > 1)}, run {ablation.run}", fontsize=8)
    grid = drawn.subplots(rows, 2, squeeze=False)
    for axes, fall in zip(grid.flat, falls, strict=False):
        _draw(axes, fall, ablation)
    for axes in list(grid.flat)[len(falls):]:
        axes.set_visible(False)
    return drawn


def _draw(axes: Axes, fall: Waterfall, ablation: Ablation) -> None:
    names = [ablation.a, *(part.label for part in fall.parts), ablation.b]
    level, reached = fall.start, [fall.start, fall.end]
    axes.barh(0, fall.start, color=_TOTAL)
    for place, part in enumerate(fall.parts, start=1):
        axes.barh(place, part.mean, left=level, color=_UP if part.mean > 0 else _DOWN)
        if part.spread > 2 * fall.floor:
            axes.plot([level + part.low, level + part.high], [place, place],
                      color=mpl.rcParams["text.color"], linewidth=1.2, marker="|")
        told = signed(part.mean) if fall.counts(part) else "no effect"
        axes.annotate(told, (level + max(part.mean, 0), place), fontsize=7,
                      xytext=(3, 0), textcoords="offset points", va="center")
        reached += [level + part.high, level + part.mean]
        level += part.mean
    axes.barh(len(names) - 1, fall.end, color=_TOTAL)
    for place, value in ((0, fall.start), (len(names) - 1, fall.end)):
        axes.annotate(number(value), (value, place), fontsize=7, xytext=(3, 0),
                      textcoords="offset points", va="center")
    axes.set_yticks(range(len(names)), [textwrap.shorten(name, 44) for name in names], fontsize=7)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_title(f"{fall.title} ({fall.unit})", fontsize=8)
    axes.set_xlim(left=0, right=1.12 * max(reached) or 1)


def draw(ablation: Ablation, folder: Path) -> list[Path]:
    """Write the figure's files into ``folder``; nothing when there is nothing to show."""
    with mpl.rc_context(plots.style("light")):
        drawn = figure(ablation)
        return [] if drawn is None else plots.saved(drawn, folder / "ablation")
