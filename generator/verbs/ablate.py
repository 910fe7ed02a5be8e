# SPDX-License-Identifier: GPL-2.0-only
"""extspt ablate: which decision of B against A contributes what."""

from __future__ import annotations

import argparse

from generator import layout, proc
from generator.errors import UsageError
from generator.modules import variant
from generator.runs.store import Run
from generator.studies import ablation, asking, counted
from generator.studies.lattice import Lattice

HELP = "walk from one design to another, a decision at a time, and measure each step"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which two designs; how the ones between them are measured."""
    parser.add_argument("a", metavar="A", help="the design to start from")
    parser.add_argument("b", metavar="B", help="the design to end at")
    asking.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the contributions; the run's folder gets ablation.json and the plot."""
    from generator.studies import waterfall

    lattice = Lattice(variant.load_variant(args.a), variant.load_variant(args.b))
    if not lattice.differences:
        raise UsageError(f"{args.a} and {args.b} decide the same: there is no way to walk",
                         fix=f"extspt diff {args.a} {args.b} says where two designs differ")
    designs = [design.name for design in lattice.designs().values()]
    proc.note(f"  PATHS   {len(lattice.paths)} orders of {len(lattice.differences)} decisions, "
              f"{len(designs)} designs")
    done = measure(args, designs)
    if done is None:
        return 0
    found = ablation.ablate(lattice, done)
    print(ablation.as_json(found).rstrip() if args.json else "\n".join(waterfall.lines(found)))
    if proc.dry_run():
        return 0
    files = [ablation.write(found, done.path), *waterfall.draw(found, done.path)]
    if args.publish:
        asking.publish("ablation", args.publish, done, waterfall.lines(found), files)
    if not args.json:
        print(f"\n{layout.shown(files[-2] if len(files) > 1 else files[0])}")
    return 0


def measure(args: argparse.Namespace, designs: list[str]) -> Run | None:
    """Build, gate and count all designs; the first is the baseline. None on a dry run."""
    return asking.measured(args, designs, {
        "--baseline": designs[0], "--boots": "icount", "--blocks": "1",
        "--workloads": ",".join(counted.WORKLOADS)})
