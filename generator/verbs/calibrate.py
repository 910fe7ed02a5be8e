# SPDX-License-Identifier: GPL-2.0-only
"""extspt calibrate: false alarms and detection rate of the bench itself."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from generator import layout, proc, runners
from generator.errors import UsageError
from generator.evidence import calibrate
from generator.modules import variant
from generator.modules.build import BuiltModule, build_all
from generator.modules.render import TWIN, render
from generator.runs import costs, honesty, plan, session, store
from generator.runs.store import Run
from generator.trees.kernel import KernelTree
from generator.verbs import run as measuring

KEPT = ("runner", "kdir", "baseline", "names", "blocks", "workloads")
"""Options that --resume takes from the calibration it finishes."""
HELP = "the bench on itself: identical modules, and known-slower ones"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much, on what."""
    parser.add_argument("--runner", default="uml", help="how to run the modules (default: uml)")
    parser.add_argument("--kdir", help="kernel tree of the runner's kind")
    parser.add_argument("--ksrc", type=Path, metavar="DIR",
                        help="full kernel source: builds the runner's small kernel first, once")
    parser.add_argument("--baseline", default=variant.BASELINE, metavar="NAME",
                        help=f"the design that is run against itself (default {variant.BASELINE})")
    parser.add_argument("--names", type=int, default=calibrate.NAMES, metavar="K",
                        help=f"names of identical modules (default {calibrate.NAMES})")
    parser.add_argument("--repeats", type=int, default=calibrate.REPEATS, metavar="N",
                        help=f"runs, each with a seed of its own (default {calibrate.REPEATS})")
    parser.add_argument("--blocks", type=int, default=plan.NATIVE_BLOCKS, metavar="N",
                        help=f"blocks of each run (default {plan.NATIVE_BLOCKS})")
    parser.add_argument("--workloads", metavar="A,B",
                        help=f"default: {','.join(calibrate.WORKLOADS)}")
    parser.add_argument("--of", metavar="RUN,RUN", help="judge these runs again; boots nothing")
    parser.add_argument("--resume", action="store_true",
                        help="finish the last calibration, which was interrupted")
    parser.add_argument("--force", action="store_true",
                        help="measure where it is refused, and mark the result")
    parser.set_defaults(host=TWIN)


def run(args: argparse.Namespace) -> int:
    """Print the figures, keep them in results/calibration.json, and put them into the README."""
    if args.of:
        runs = [store.load_run(name) for name in args.of.split(",")]
    else:
        if min(args.names, args.repeats) < 1:
            raise UsageError("nothing to compare", fix="give --names and --repeats of 1 or more")
        runs = _measure(args)
    if not runs:
        return 0
    found = calibrate.results(runs)
    data = json.dumps(found, indent=2) + "\n"
    store.write_atomically(layout.CALIBRATION, data.encode())
    proc.note(f"  KEPT    {layout.shown(layout.CALIBRATION)}")
    if layout.README.is_file():
        readme = calibrate.in_readme(layout.README.read_text(), found)
        store.write_atomically(layout.README, readme.encode())
        proc.note(f"  KEPT    {layout.shown(layout.README)}")
    layout.CALIBRATING.unlink(missing_ok=True)
    print(data if args.json else calibrate.text(found))
    return 0


def _measure(args: argparse.Namespace) -> list[Run]:
    seeds = _again(args) if args.resume else [secrets.randbits(64) for _ in range(args.repeats)]
    runner = runners.find(args.runner)
    measuring.own_kernel(args, runner.arch)
    tree = KernelTree.probe(args.kdir)
    marks = honesty.marks(tree, [plan.NATIVE_TIER], plan.DEFAULT_VCPUS,
                          len(os.sched_getaffinity(0)), force=args.force)
    chosen = calibrate.designs(args.baseline, args.names)
    with proc.alone(layout.BUILD):
        modules = build_all([render(one, tree) for one in chosen])
    names = [one.name for one in chosen]
    planned = [_plan(args, names, tree, seed) for seed in seeds]
    if proc.dry_run():
        session.show_commands(planned[0], modules)
        return []
    wanted = {name: getattr(args, name) for name in KEPT} | {"seeds": seeds}
    store.write_atomically(layout.CALIBRATING, json.dumps(wanted).encode())
    proc.note(f"  PLAN    {len(planned)} runs of {args.blocks} blocks, {len(names)} modules, "
              f"{len(planned[0].workloads)} workloads")
    try:
        return [_one(run, modules, marks) for run in planned]
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt("finish it with: extspt calibrate --resume") from interrupt


def _again(args: argparse.Namespace) -> list[int]:
    """The seeds of the calibration that was interrupted; its options become those of ``args``."""
    try:
        wanted = json.loads(layout.CALIBRATING.read_text())
    except OSError as error:
        raise UsageError("no calibration was interrupted", fix="start one: extspt calibrate") \
            from error
    for name in KEPT:
        setattr(args, name, wanted[name])
    args.ksrc = None    # its kernel is what kdir is now
    return [int(seed) for seed in wanted["seeds"]]


def _plan(args: argparse.Namespace, names: list[str], tree: KernelTree,
          seed: int) -> plan.RunPlan:
    runner = runners.find(args.runner)
    boots = {name: runner.boots[name] for name in runner.choose(None, tree)
             if runner.boots[name][0] != plan.COUNT_TIER}
    workloads = plan.pick("workload", args.workloads, plan.SIZES, calibrate.WORKLOADS)
    made = plan.make(names[2:], baseline=names[0], aprime=names[1], seed=seed,
                     workloads=workloads, runner=args.runner, boots=boots,
                     costs=dict.fromkeys(boots, costs.DEFAULT_TABLE))
    return plan.repeated(made, args.blocks)


def _one(planned: plan.RunPlan, modules: list[BuiltModule], marks: Sequence[str]) -> Run:
    begun = [name for name in store.run_ids(layout.RUNS)
             if store.read_manifest(layout.run_dir(name))["seed"] == planned.seed]
    if begun:
        return session.resume(begun[-1], modules)
    tables = {boot.name: costs.load(boot.costs) for boot in planned.boots}
    return session.run_plan(planned, modules, tables, sys.argv[1:],
                            marks=["calibration: the bench on itself, no design", *marks])
