# SPDX-License-Identifier: GPL-2.0-only
"""A report as one HTML file: no script, no link to fetch, everything escaped."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from generator import layout
from generator.report.model import Document, visible

ALT = {
    "ratios": "Ratio of each design to the baseline with its interval, a panel per figure",
    "faults": "Share of faults that take longer than a time, one curve per design",
    "lock_times": "Wait and hold times of each lock, per design",
    "parked": "Pages parked in per-vCPU caches, per design",
    "memory_charge": "Pages charged and not charged to the cgroup, per design",
    "sweep": "A figure over the values of its parameters, per design, and where the ranking flips",
    "waterfall": "What each single decision costs on the way from one design to another",
}


def embedded(path: Path) -> str:
    """Data URI of an SVG; as an image a figure cannot run or fetch anything."""
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()


def inlined(plots: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    """Name -> data URIs of each figure on a light and on a dark page."""
    return {name: {"light": embedded(path), "dark": embedded(path.with_suffix(".dark.svg"))}
            for name, path in plots.items()}


def css_string(text: str) -> str:
    """Text for a CSS string: what could end it is left out."""
    return re.sub(r"[^\w ,./'+-]", "", text).replace("'", "\\27 ")


def shown(value: Any) -> Any:
    """What the template puts into the page: text without what cannot be seen; markup as it is."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def render(document: Document, plots: Mapping[str, Path]) -> str:
    """The whole report; ``plots``: name -> SVG file. A section's missing figure is left out."""
    loader = jinja2.FileSystemLoader(layout.TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined,
                                     finalize=shown)
    environment.filters["css_string"] = css_string
    page = environment.get_template("report.html.j2")
    return page.render(document=document, plots=inlined(plots), alt=ALT)
