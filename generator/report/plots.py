# SPDX-License-Identifier: GPL-2.0-only
"""How the report's figures are drawn and where they go; the same run gives the same bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from generator.evidence.frames import FLOOR
from generator.report.view import View

# Okabe and Ito's palette, told apart with any kind of colour vision; the floor is grey.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31")
FLOOR_COLOUR = "#808080"
DASHES = ("-", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)))
APRIME_DASH = (0, (4, 2))
STYLE: Any = {"svg.hashsalt": "extspt", "svg.fonttype": "none", "text.parse_math": False,
              "font.size": 9, "axes.titlesize": 10, "axes.titlelocation": "left",
              "axes.grid": True, "grid.linewidth": 0.6, "axes.axisbelow": True,
              "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
              "legend.fontsize": 8, "figure.dpi": 110}
INKS = {"light": ("#1c1e21", "#dddddd", "#ffffff"), "dark": ("#e4e6ea", "#363b44", "#15171a")}
"""Text and lines, grid, ground."""
Chart = Callable[[View, str], Figure | None]


def style(ink: str) -> Any:
    """Matplotlib's settings for one of INKS."""
    text, grid, ground = INKS[ink]
    lines = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color",
             "hatch.color")
    return {**STYLE, **dict.fromkeys(lines, text), "grid.color": grid,
            "figure.facecolor": ground, "axes.facecolor": ground, "savefig.facecolor": ground}


def key(view: View, name: str, tier: str = "") -> str:
    """A figure's name: what it shows, of which host (and run), in which tier."""
    return "-".join(filter(None, (name, view.mark or view.host, tier)))


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


def draw(view: View, folder: Path) -> Iterator[Path]:
    """Write every figure there is data for: PNG, SVG, and SVG for dark pages; yields the paths."""
    from generator.report import charts
    with mpl.rc_context(style("light")):
        for name, (maker, tiers) in charts.DRAWN.items():
            for tier in tiers(view):
                figure = maker(view, tier)
                if figure is not None:
                    yield from saved(figure, folder / key(view, name, tier))


def saved(figure: Figure, stem: Path) -> list[Path]:
    """One figure's files: <stem>.png, <stem>.svg, <stem>.dark.svg."""
    png, svg, dark = (stem.with_name(f"{stem.name}{end}") for end in (".png", ".svg", ".dark.svg"))
    figure.savefig(png, metadata={"Software": None})
    figure.set_layout_engine("none")    # it stays where the first one put it
    figure.savefig(svg, metadata={"Date": None, "Creator": None})
    drawn = svg.read_text()
    for one, other in zip(INKS["light"], INKS["dark"], strict=True):
        drawn = drawn.replace(one, other)
    dark.write_text(drawn)
    return [png, svg, dark]
