# SPDX-License-Identifier: GPL-2.0-only
"""A report as one HTML file: no script, no link to fetch, everything escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import jinja2

from generator import layout
from generator.report.model import Document

ALT = {
    "fault_latency": "Share of faults that take longer than a time, one curve per design",
    "lock_times": "Wait and hold times of each lock, per design",
    "parked": "Pages parked in per-vCPU caches, per design",
    "memory_charge": "Pages charged and not charged to the cgroup, per design",
}


def inlined(plots: Mapping[str, Path]) -> dict[str, str]:
    """Name -> data URI of each figure; as an image a figure cannot run or fetch anything."""
    return {name: "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()
            for name, path in plots.items()}


def render(document: Document, plots: Mapping[str, Path]) -> str:
    """The whole report; ``plots``: name -> SVG file. A section's missing figure is left out."""
    loader = jinja2.FileSystemLoader(layout.TEMPLATES)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    page = environment.get_template("report.html.j2")
    return page.render(document=document, plots=inlined(plots), alt=ALT)
