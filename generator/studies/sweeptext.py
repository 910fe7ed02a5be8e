# SPDX-License-Identifier: GPL-2.0-only
"""A sweep as a table of 72 columns, and as a figure."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from generator.report import plots
from generator.runs.plan import COUNT_TIER
from generator.studies.crossover import blocks_needed
from generator.studies.sweeps import PARAMETERS, Sweep
from generator.studies.waterfall import WIDTH, number

_COLUMN = 11
MARKS = "os^Dv*Pd"
_ACROSS = 3
"""Panels side by side."""
_WIDE = 16
"""An axis whose largest value is more than this many times its smallest is logarithmic."""


def lines(sweep: Sweep) -> list[str]:
    """Points as rows, designs as numbered columns; then where the ranking flips."""
    keys = list(sweep.axes)
    head = " ".join(f"{key:>{_wide(sweep, key)}}" for key in keys)
    per_row = max(1, (WIDTH - len(head)) // _COLUMN)
    names = list(sweep.values)
    out = [f"{sweep.workload}: {sweep.figure} ({sweep.unit}), tier {sweep.tier}",
           f"run {sweep.run}", ""]
    out += [f"  [{place}] {name}" for place, name in enumerate(names, start=1)]
    for first in range(0, len(names), per_row):
        some = names[first:first + per_row]
        out += ["", head + "".join(f"{f'[{names.index(name) + 1}]':>{_COLUMN}}" for name in some)]
        for place, point in enumerate(sweep.points):
            row = " ".join(f"{value:>{_wide(sweep, key)}}" for key, value in point)
            out.append(row + "".join(f"{number(sweep.values[name][place]):>{_COLUMN}}"
                                     for name in some))
    return [*out, "", *flips(sweep)]


def _wide(sweep: Sweep, key: str) -> int:
    return max(len(key), *(len(value) for value in sweep.axes[key]))


def flips(sweep: Sweep) -> list[str]:
    """What found() says, in lines."""
    return [line for text in found(sweep)
            for line in textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)]


def found(sweep: Sweep) -> list[str]:
    """The crossovers in words, or that there are none along which axes; what has no figure."""
    reasons: dict[str, list[str]] = {}
    for name, why in sweep.illegal.items():
        reasons.setdefault(f"not possible: {why}", []).append(name)
    for name, why in sweep.failed.items():
        reasons.setdefault(f"failed: {why}", []).append(name)
    return [*(_crossovers(sweep) or [_none(sweep)]),
            *(f"{why}: {', '.join(names)}" for why, names in reasons.items())]


def _crossovers(sweep: Sweep) -> list[str]:
    """A sentence for each interval and design, with all that it changes places with there."""
    met: dict[tuple[str, ...], list[str]] = {}
    for one in sweep.crossovers:
        less, more = one.before.split(" < ")
        tied = f" (equal at {', '.join(one.tied)})" if one.tied else ""
        met.setdefault((one.at, one.axis, one.low, one.high, tied, less), []).append(more)
    out = []
    for (at, axis, low, high, tied, less), others in met.items():
        where = f" at {at}" if at else ""
        out.append(f"crossover{where}: between {axis}={low} and {high}{tied}: {less} is below "
                   f"{', '.join(others)} before, and above after")
    return out


def _none(sweep: Sweep) -> str:
    """Along which axes the ranking never flips, and what was needed to say that it does."""
    needed = blocks_needed(len(sweep.values), len(sweep.points))
    if sweep.tier != COUNT_TIER and sweep.blocks < needed:
        return (f"No crossover is told: with a clock and so many comparisons it takes {needed} "
                f"blocks, and there are {sweep.blocks} (--blocks).")
    along = ", ".join(f"{axis} ({values[0]} to {values[-1]})"
                      for axis, values in sweep.axes.items() if all(map(str.isdigit, values)))
    if not along:
        return "No axis has numbers: there is no interval to look for a crossover in."
    return f"No crossover along {along}: no two of the {len(sweep.values)} designs change places."


def figure(sweep: Sweep) -> Figure:
    """A line for each design along the first axis, one panel for each value of the others."""
    axis = next(iter(sweep.axes))
    panels: dict[str, list[tuple[str, int]]] = {}
    for place, point in enumerate(sweep.points):
        rest = " ".join(f"{key}={value}" for key, value in point if key != axis)
        panels.setdefault(rest, []).append((dict(point)[axis], place))
    across = min(len(panels), _ACROSS)
    down = math.ceil(len(panels) / across)
    drawn = Figure(figsize=(min(5.5 * across, 14) + 2, 3.6 * down), layout="constrained")
    grid = drawn.subplots(down, across, squeeze=False, sharey=True)
    for axes in list(grid.flat)[len(panels):]:
        axes.set_visible(False)
    for axes, (rest, line) in zip(grid.flat, panels.items(), strict=False):
        _panel(axes, sweep, rest, line)
    for row in grid:
        row[0].set_ylabel(f"{sweep.workload}: {sweep.figure} ({sweep.unit})", fontsize=8)
    if not all(math.isnan(value) for row in sweep.values.values() for value in row):
        grid[0][0].set_ylim(bottom=0)
    drawn.legend(*grid[0][0].get_legend_handles_labels(), fontsize=7, loc="outside right upper")
    return drawn


def _panel(axes: Axes, sweep: Sweep, rest: str, line: list[tuple[str, int]]) -> None:
    """One panel: the designs along the first axis; intervals with a crossover are shaded."""
    axis = next(iter(sweep.axes))
    numeric = all(value.isdigit() for value, _ in line)
    line = sorted(line, key=lambda item: int(item[0])) if numeric else line
    x = [float(value) if numeric else n for n, (value, _) in enumerate(line)]
    for n, (mark, (name, values)) in enumerate(zip(MARKS * 8, sweep.values.items(), strict=False)):
        axes.plot(x, [values[place] for _, place in line], marker=mark, markersize=4,
                  linewidth=1, label=name, color=plots.PALETTE[n % len(plots.PALETTE)],
                  linestyle=plots.DASHES[n // len(plots.PALETTE) % len(plots.DASHES)])
    if not numeric:
        axes.set_xticks(range(len(line)), [value for value, _ in line])
    elif max(x) > _WIDE * (least := min(filter(None, x), default=1.0)):
        axes.set_xscale("symlog", base=2, linthresh=least)
        axes.set_xticks(x, [value for value, _ in line])
        axes.minorticks_off()
    for low, high in {(one.low, one.high) for one in sweep.crossovers
                      if (one.axis, one.at) == (axis, rest)}:
        axes.axvspan(float(low), float(high), alpha=0.12, linewidth=0,
                     color=mpl.rcParams["text.color"])
    axes.set_xlabel(PARAMETERS.get(axis, axis))
    axes.set_title(rest, fontsize=8)


def draw(sweep: Sweep, folder: Path) -> list[Path]:
    """Write the figure's files into ``folder``."""
    with mpl.rc_context(plots.style("light")):
        return plots.saved(figure(sweep), folder / "sweep")
