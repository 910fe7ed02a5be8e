# SPDX-License-Identifier: GPL-2.0-only
"""extspt sweep: designs along an axis, and where their ranking flips."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from generator import layout, proc, runners
from generator.errors import UsageError
from generator.modules import variant
from generator.runs import plan
from generator.runs.store import Run
from generator.studies import asking, crossover, sweeps

HELP = "let a tunable, a choice or a parameter take several values; find crossovers"
COUNTING = "icount"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What takes which values, for which designs; what is looked at."""
    parser.add_argument("axes", nargs="+", metavar="axis=values",
                        help="1,2,4 or 5..40:5 of a tunable, an axis, or "
                             f"{', '.join(sweeps.PARAMETERS)}")
    parser.add_argument("--variants", metavar="A,B", default=f"{variant.BASELINE},tip_x86_tdx",
                        help="the designs (default: %(default)s)")
    parser.add_argument("--workload", metavar="NAME", default="populate_seq",
                        help="default: %(default)s")
    parser.add_argument("--figure", metavar="METRIC:STAT", default="op.fault:mean",
                        help="as in summary.csv (default: %(default)s)")
    parser.add_argument("--boot", metavar="NAME", default=COUNTING,
                        help="icount counts; mttcg has contention (default: %(default)s)")
    parser.add_argument("--blocks", type=int, metavar="N",
                        help="boots (default: 1 that counts; with a clock as many as a crossover "
                        "takes, 10 or more)")
    parser.add_argument("--costs", metavar="NAME", help="SEAMCALL costs of a boot with a clock")
    asking.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print table and crossovers; the run's folder gets sweep.json and the plot."""
    from generator.studies import sweeptext

    metric, _, stat = args.figure.partition(":")
    if not metric or not stat:
        raise UsageError(f"'{args.figure}' is no figure", fix="write metric:stat, op.fault:mean")
    _one("workload", args.workload, plan.SIZES)
    _one("boot", args.boot, runners.find("qemu").boots)
    grid = sweeps.grid(sweeps.parse(args.axes), variant.select(args.variants), args.workload)
    proc.note(f"  POINTS  {len(grid.points)}, {len(set(grid.variants.values()))} modules, "
              f"{len(set(grid.workloads.values()))} settings of {args.workload}")
    done = measure(args, grid)
    if done is None:
        return 0
    found = sweeps.read(grid, done, metric, stat, args.boot)
    print(sweeps.as_json(found).rstrip() if args.json else "\n".join(sweeptext.lines(found)))
    if proc.dry_run():
        return 0
    files = [sweeps.write(found, done.path), *sweeptext.draw(found, done.path)]
    if args.publish:
        asking.publish("sweep", args.publish, done, sweeptext.lines(found), files)
    if not args.json:
        print(f"\n{layout.shown(done.path / 'sweep.svg')}")
    return 0


def _one(kind: str, text: str, known: Iterable[str]) -> None:
    """A sweep is along one workload in one boot: UsageError for several, and for none that is."""
    if len(plan.pick(kind, text, known, ())) > 1:
        raise UsageError(f"a sweep has one {kind}, not '{text}'", fix="make a sweep for each")


def measure(args: argparse.Namespace, grid: sweeps.Grid) -> Run | None:
    """Build, gate and run all points. None on a dry run."""
    names = list(dict.fromkeys(grid.variants.values()))
    blocks = args.blocks
    if blocks is None:
        blocks = 1 if args.boot == COUNTING else crossover.blocks_needed(len(grid.designs),
                                                                         len(grid.points))
    return asking.measured(args, names, {
        "--baseline": names[0], "--boots": args.boot, "--blocks": str(blocks),
        "--workloads": ",".join(dict.fromkeys(grid.workloads.values())),
        **({"--costs": args.costs} if args.costs else {})})
