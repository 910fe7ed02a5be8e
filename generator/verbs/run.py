# SPDX-License-Identifier: GPL-2.0-only
"""extspt run: boot the modules and keep what they measured."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from generator import costs, honesty, layout, plan, proc, runners, session, store, variant
from generator.build import BuiltModule
from generator.costs import CostTable
from generator.errors import GateError, UsageError
from generator.kernel import KernelTree
from generator.kernelconfig import Recipe
from generator.plan import RunPlan
from generator.records import case_failure
from generator.render import KVM
from generator.runners import metal
from generator.store import Run
from generator.verbs import build, kernel

HELP = "boot the variants and record what they measure (renders and builds what is missing)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to run, how, and against which tree."""
    build.add_arguments(parser)
    parser.add_argument("--workloads", metavar="A,B", help="default: all but smoke")
    parser.add_argument("--vcpus", type=int, metavar="N",
                        help=f"vCPU threads per VM (default {plan.DEFAULT_VCPUS})")
    parser.add_argument("--seed", type=_number, metavar="N",
                        help="64 bits that draw the load order (default: random)")
    parser.add_argument("--costs", metavar="NAME|FILE.toml",
                        help="SEAMCALL cost table of the boots with a clock (default: default)")
    parser.add_argument("--baseline", metavar="NAME",
                        help=f"runs twice, as itself and as its A' (default {variant.BASELINE})")
    parser.add_argument("--runner", help=f"how to run the modules: {', '.join(runners.names())} "
                        "(default: qemu)")
    parser.add_argument("--ksrc", type=Path, metavar="DIR",
                        help="full kernel source: builds the runner's small kernel first, once")
    parser.add_argument("--yes-load-modules", action="store_true",
                        help="for runner metal: load the modules into this very machine")
    parser.add_argument("--force", action="store_true",
                        help="measure where it is refused, and mark the result")
    parser.add_argument("--boots", metavar="A,B", help="default: all boots of the runner")
    parser.add_argument("--resume", metavar="ID", help="do what an interrupted run lacks")


def _number(text: str) -> int:
    return int(text, 0)


_number.__name__ = "number"  # what argparse calls it in its message


def measure(args: argparse.Namespace) -> Run | None:
    """Build and run what the options ask for; None on a dry run. For other verbs too."""
    for sign in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: no guest is left behind
        signal.signal(sign, signal.default_int_handler)
    if args.resume:
        return _resume(args)
    runner = runners.find(args.runner or "qemu")
    metal.allow(args.yes_load_modules, runner.name)
    named = plan.pick("boot", args.boots, runner.boots, ()) or None
    _own_kernel(args, runner.arch)
    boots = runner.choose(named, KernelTree.probe(args.kdir))
    _refuse_real_kvm(args.host, runner.name, boots)
    tables = {boot: _table(runner.boots[boot][0], args.costs) for boot in boots}
    planned = _plan(args, {boot: runner.boots[boot] for boot in boots}, tables)
    modules = _build(args, planned)
    marks = [mark for built in modules[:1] for mark in honesty.marks(
        built.rendered.tree, [boot.tier for boot in planned.boots], planned.vcpus,
        len(os.sched_getaffinity(0)), force=args.force)]
    if proc.dry_run():
        session.show_commands(planned, modules)
        return None
    return session.run_plan(planned, modules, tables, sys.argv[1:], marks=marks)


def _refuse_real_kvm(host: str, runner: str, boots: Sequence[str]) -> None:
    """A hooked kvm.ko is loaded in a guest under TCG, which emulates SVM, and nowhere else."""
    if host == KVM and (runner != "qemu" or not {"icount", "mttcg"}.issuperset(boots)):
        raise UsageError(f"--host kvm does not run in {', '.join(boots)} of the runner {runner}",
                         fix="take --runner qemu --boots icount,mttcg")


def _own_kernel(args: argparse.Namespace, arch: str) -> None:
    """With --ksrc: build the kernel the runner can run, and go on with its folder as --kdir."""
    if args.ksrc is None:
        return
    if args.kdir is not None:
        raise UsageError("--ksrc and --kdir name two kernels", fix="give one of them")
    if not arch:
        raise UsageError("this runner runs the modules on the kernel that runs here",
                         fix="give its headers with --kdir, not --ksrc")
    args.kdir = str(kernel.make(args.ksrc, Recipe.of(arch, "bench")).kdir)


def _table(tier: str, name: str | None) -> CostTable:
    return costs.load(costs.ZERO if tier == plan.COUNT_TIER else name or costs.DEFAULT_TABLE)


def _plan(args: argparse.Namespace, boots: Mapping[str, tuple[str, str]],
          tables: Mapping[str, CostTable]) -> RunPlan:
    base = variant.load_variant(args.baseline or variant.BASELINE)
    names = plan.pick("variant", args.variants, _known_variants(), variant.names())
    sizes = plan.sizes_of(args.host)
    default = [name for name in sizes if name != "smoke"]
    workloads = plan.pick("workload", args.workloads, sizes, default)
    return plan.make(
        names, baseline=base.name, aprime=base.aprime().name,
        seed=secrets.randbits(64) if args.seed is None else args.seed, workloads=workloads,
        vcpus=plan.DEFAULT_VCPUS if args.vcpus is None else args.vcpus,
        runner=args.runner or "qemu", boots=boots,
        costs={boot: table.id for boot, table in tables.items()}, host=args.host)


def _known_variants() -> list[str]:
    return [*variant.names(), *(f"{name}{variant.APRIME}" for name in variant.names())]


def _build(args: argparse.Namespace, planned: RunPlan) -> list[BuiltModule]:
    if not proc.dry_run():
        runners.usable(planned.runner)  # before the build: QEMU may be missing
    wanted = argparse.Namespace(**{**vars(args), "variants": ",".join(planned.variants)})
    return build.make(wanted)


def _resume(args: argparse.Namespace) -> Run | None:
    fixed = ("variants", "workloads", "vcpus", "seed", "costs", "baseline", "runner", "boots")
    if given := [f"--{name}" for name in fixed if getattr(args, name) is not None]:
        raise UsageError(f"--resume repeats the run's own plan: {', '.join(given)} cannot change",
                         fix="leave them out, or start a new run")
    directory = store.open_run(args.resume)
    if not directory.missing():
        proc.note(f"  DONE    {directory.id}: nothing is missing")
        return store.load_run(directory.path)
    planned = session.plan_of(directory)
    metal.allow(args.yes_load_modules, planned.runner)
    args.host = planned.host
    modules = _build(args, planned)
    if proc.dry_run():
        session.show_commands(planned, modules)
        return None
    return session.resume(directory.path, modules)


def run(args: argparse.Namespace) -> int:
    """Print the run's folder. Exit code 13 when a case failed; its records are kept."""
    done = measure(args)
    if done is None:
        return 0
    failed = [f"{r['boot']} {said}" for r in done.records if (said := case_failure(r))]
    if args.json:
        boots = {name: {key: value for key, value in boot.items() if key != "infos"}
                 for name, boot in done.manifest["boots"].items()}
        print(json.dumps({"id": done.id, "path": str(done.path), "state": done.manifest["state"],
                          "boots": boots, "failures": failed}, indent=2))
    else:
        print(layout.shown(done.path))
    return GateError.exit_code if failed else 0
