# SPDX-License-Identifier: GPL-2.0-only
"""extspt kernel: full kernel sources, and small kernels built from them."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from generator import layout, proc
from generator.progress import BuildProgress
from generator.trees import kernelbuild, sources
from generator.trees.kernelbuild import OwnKernel
from generator.trees.kernelconfig import ARCHES, FLAVORS, Recipe

HELP = "fetch a kernel source; build small x86, UML or debug kernels from one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """fetch SUITE [SERIES], build KSRC, or list."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="fetch|build|list")
    fetch = actions.add_parser("fetch", help="fetch a source from the machine's Debian mirror")
    fetch.add_argument("suite", help="for instance bookworm, trixie, sid")
    fetch.add_argument("series", nargs="?", help="for instance 6.12 (default: the newest there)")
    build = actions.add_parser("build", help="build a small kernel; minutes once, then cached")
    build.add_argument("ksrc", type=Path, metavar="KSRC", help="a full source tree")
    build.add_argument("--flavor", default="bench", help=f"{' or '.join(FLAVORS)}")
    build.add_argument("--arch", default="x86", help=f"{' or '.join(ARCHES)}")
    actions.add_parser("list", help="the kernels that were built, and the sources here")


def run(args: argparse.Namespace) -> int:
    """Print what to give as KSRC= or KDIR=."""
    if args.action == "fetch":
        if proc.dry_run():
            print(f"apt-get download linux-source-{args.series or '<newest>'} # of {args.suite}")
            return 0
        found = sources.fetch(args.suite, args.series)
        print(json.dumps({"path": str(found.path), "version": found.version}) if args.json
              else f"KSRC={layout.shown(found.path)}")
        return 0
    build = args.action == "build"
    kernels = [make(args.ksrc, Recipe.of(args.arch, args.flavor))] if build \
        else kernelbuild.finished()
    here = [] if build else sources.fetched()
    if args.json:
        print(json.dumps([*map(_row, kernels), *({"path": str(one.path), "version": one.version}
                                                 for one in here)], indent=2))
    elif not (build and proc.dry_run()):
        for own in kernels:
            print(f"{own.version:<10} {own.arch:<4} {own.flavor:<9} "
                  f"KDIR={layout.shown(own.kdir)}")
        for one in here:
            print(f"{one.version:<10} {'source':<14} KSRC={layout.shown(one.path)}")
    return 0


def make(source: Path, recipe: Recipe) -> OwnKernel:
    """Build a kernel, or take the cached one, and show how far it is. For other verbs too."""
    start = time.monotonic()
    with BuildProgress(f"{source.name} {recipe.name}", kernelbuild.is_file_line) as progress:
        own = kernelbuild.build(source, recipe, progress)
    took = " (unchanged)" if own.skipped else f" ({time.monotonic() - start:.0f} s)"
    proc.note(f"  KERNEL  {own.version} {recipe.name}{took}")
    for line in own.notes:
        proc.note(f"  NOTE    {line}")
    return own


def _row(own: OwnKernel) -> dict[str, object]:
    return {"kdir": str(own.kdir), "version": own.version, "arch": own.arch, "flavor": own.flavor,
            "image": str(own.image), "seconds": own.seconds, "notes": own.notes,
            "cached": own.skipped}
