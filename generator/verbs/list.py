# SPDX-License-Identifier: GPL-2.0-only
"""extspt list: the designs, the axes they differ on, the workloads."""

from __future__ import annotations

import argparse
import json

from rich.console import Console
from rich.table import Table

from generator import plan, variant

HELP = "list the designs, the axes (--axes) or the workloads (--workloads)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to list."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--axes", action="store_true", help="the axes and their choices")
    what.add_argument("--workloads", action="store_true", help="the workloads and their sizes")
    what.add_argument("--names", action="store_true", help="names only, for shell completion")


def run(args: argparse.Namespace) -> int:
    """Print one row per design, or per axis."""
    if args.names:
        found = variant.names()
        print(json.dumps(found) if args.json else "\n".join(found))
    elif args.axes:
        _axes(args.json)
    elif args.workloads:
        _workloads(args.json)
    else:
        _designs(args.json)
    return 0


def _axes(as_json: bool) -> None:
    used = {(axis, choice): v.name for v in variant.all_variants()
            for axis, choice in v.choices.items()}
    found = {axis.name: list(axis.symbols) for axis in variant.axes()}
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, choices in found.items():
        marked = (c if (name, c) in used else f"{c} (unused)" for c in choices)
        print(f"{name:<14} {', '.join(marked)}")


def _workloads(as_json: bool) -> None:
    if as_json:
        print(json.dumps({name: dict(params) for name, params in plan.SIZES.items()}, indent=2))
        return
    for name, params in plan.SIZES.items():
        note = "" if name in plan.DEFAULT_WORKLOADS else "   (only when asked for)"
        print(f"{name:<16} {' '.join(f'{key}={value}' for key, value in params.items())}{note}")


def _designs(as_json: bool) -> None:
    designs = variant.all_variants()
    if as_json:
        print(json.dumps([{"name": v.name, "design": v.design, "title": v.title,
                           "origin": v.origin, "choices": dict(v.choices)} for v in designs],
                         indent=2))
        return
    for v in designs:
        print(f"{v.name:<14} {v.design:<4} {v.title}")
    print()
    table = Table("axis", *(v.name for v in designs), box=None, pad_edge=False)
    for axis in variant.axes():
        table.add_row(axis.name, *(v.choices[axis.name] for v in designs))
    Console(highlight=False, width=max(100, Console().width), soft_wrap=True).print(table)
