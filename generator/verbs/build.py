# SPDX-License-Identifier: GPL-2.0-only
"""extspt build: render, then build the modules with the tree's own Kbuild."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from generator import layout, proc
from generator.modules.build import LOG, BuiltModule, build_all
from generator.verbs import render

HELP = "build one kernel module per variant (renders first)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """As render: which variants, against which tree."""
    render.add_arguments(parser)


def make(args: argparse.Namespace) -> list[BuiltModule]:
    """Render and build what the options ask for, alone in the build folder."""
    with proc.alone(layout.BUILD):
        return _make(args)


def _make(args: argparse.Namespace) -> list[BuiltModule]:
    modules = render.stage(args)
    bar = Progress(TextColumn("  building"), BarColumn(), MofNCompleteColumn(),
                   TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
                   console=Console(stderr=True), transient=True,
                   disable=not sys.stderr.isatty() or proc.dry_run())
    with bar:
        task = bar.add_task("", total=len(modules))

        def done(built: BuiltModule) -> None:
            if proc.dry_run():
                return
            design = built.rendered.variant
            note = "" if design.slug == design.name else f"  {design.name}"
            note += " (unchanged)" if built.skipped else ""
            bar.console.print(f"  KMOD    {built.ko.name}{note}", highlight=False, markup=False,
                              soft_wrap=True)
            if args.verbose and not built.skipped:
                proc.note((built.ko.parent / LOG).read_text().rstrip())
            bar.advance(task)

        return build_all(modules, done)


def run(args: argparse.Namespace) -> int:
    """Print the built modules, one a line."""
    built = make(args)
    if args.json:
        print(json.dumps([_row(b) for b in built], indent=2))
    elif not proc.dry_run():
        print("\n".join(str(layout.shown(b.ko)) for b in built))
    return 0


def _row(built: BuiltModule) -> dict[str, object]:
    ko: Path = built.ko
    return {"variant": built.rendered.variant.name, "ko": str(ko), "sha256": built.sha256,
            "fingerprint": built.rendered.fingerprint, "skipped": built.skipped}
