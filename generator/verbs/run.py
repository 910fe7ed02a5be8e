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

from generator import layout, proc, runners
from generator.errors import GateError, UsageError
from generator.gate import before
from generator.kvm import kvmcheck, kvmhost, kvmpoints
from generator.modules import variant
from generator.modules.build import BuiltModule
from generator.modules.render import KVM
from generator.modules.variant import Variant
from generator.runners import metal
from generator.runs import costs, honesty, plan, session, store
from generator.runs.costs import CostTable
from generator.runs.plan import RunPlan
from generator.runs.records import case_failure
from generator.runs.store import Run
from generator.trees.kernel import KernelTree
from generator.trees.kernelconfig import Recipe
from generator.verbs import build, kernel, kvm

HELP = "boot the variants and record what they measure (renders and builds what is missing)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to run, how, and against which tree."""
    build.add_arguments(parser)
    parser.add_argument("--workloads", metavar="A,B", help="default: all but smoke")
    parser.add_argument("--vcpus", type=int, metavar="N",
                        help=f"vCPU threads per VM (default {plan.DEFAULT_VCPUS})")
    parser.add_argument("--blocks", type=int, metavar="N",
                        help="boots with a clock are repeated, every design once in each, in an "
                        f"order drawn anew (default: {plan.NATIVE_BLOCKS} on the native tier, else "
                        f"1; {plan.MIN_BLOCKS} are evidence)")
    parser.add_argument("--builds", type=int, metavar="N",
                        help="layouts (order of objects, padding) each design is linked in, taken "
                        f"in turn by the blocks (default: {plan.NATIVE_BUILDS} on the native tier)")
    parser.add_argument("--quick", action="store_true",
                        help=f"{plan.QUICK_BLOCKS} blocks of one build: a look, not evidence")
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
    parser.add_argument(metal.KVM_OPTION, action="store_true",
                        help="for runner metal with host kvm: take this machine's kvm modules out "
                        "for the time of the run; refuses while a VM runs")
    parser.add_argument("--force", action="store_true",
                        help="measure where it is refused, and mark the result")
    before.add_arguments(parser)
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
    metal.allow_kvm(args.yes_replace_kvm, args.host, runner.name)
    named = plan.pick("boot", args.boots, runner.boots, ()) or None
    own_kernel(args, runner.arch)
    tree = KernelTree.probe(args.kdir)
    boots = runner.choose(named, tree)
    _refuse_real_kvm(args.host, runner.name, boots)
    metal.refuse_tds(boots, args.host)
    marks = honesty.marks(  # before the gate and the build: what is refused should be so at once
        tree, [runner.boots[boot][0] for boot in boots],
        plan.DEFAULT_VCPUS if args.vcpus is None else args.vcpus,
        len(os.sched_getaffinity(0)), force=args.force)
    tables = {boot: _table(runner.boots[boot][0], args.costs) for boot in boots}
    base = variant.load_variant(args.baseline or variant.BASELINE)
    names = variant.timed(args.variants)
    if args.host == KVM:
        names = _ready_for_real_kvm(args, [base.name, *names])
    if not proc.dry_run():
        # Before the gate and the build: QEMU may be missing, or the kernel of another kind.
        runners.usable(runner.name).image(tree)
    gated = before.before(args, names, base.name)
    planned = _plan(args, base, gated.allowed(names), {b: runner.boots[b] for b in boots}, tables)
    modules = _build(args, planned)
    if proc.dry_run():
        session.show_commands(planned, modules)
        return None
    if args.host == KVM and "icount" in boots and args.gate != before.OFF:
        kvm.hold_to(args, list(dict.fromkeys(gated.allowed(names))))
    return session.run_plan(planned, modules, tables, sys.argv[1:],
                            marks=[*marks, *gated.marks], gate=gated)


def _refuse_real_kvm(host: str, runner: str, boots: Sequence[str]) -> None:
    """A hooked kvm.ko is loaded in a guest under TCG, which emulates SVM; on metal on request."""
    if host == KVM and runner != metal.RUNNER.name and (
            runner != "qemu" or not {"icount", "mttcg"}.issuperset(boots)):
        raise UsageError(f"--host kvm does not run in {', '.join(boots)} of the runner {runner}",
                         fix="take --runner qemu --boots icount,mttcg")


def _ready_for_real_kvm(args: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """The designs that run there. Nothing is timed on a KVM that does not count as upstream's."""
    built = kvmhost.find(KernelTree.probe(args.kdir))
    if not args.force:
        kvmcheck.require(built)
    return kvmpoints.runnable(names, built.version, asked=args.variants is not None)


def own_kernel(args: argparse.Namespace, arch: str) -> None:
    """With --ksrc: build the kernel the runner can run, and go on with its folder as --kdir.

    For the kvm host it is the source of the hooked KVM, and a kernel is built only without --kdir.
    """
    if args.ksrc is None:
        return
    if args.kdir is None and not arch:
        raise UsageError("this runner runs the modules on the kernel that runs here",
                         fix="give its headers with --kdir, "
                         + ("besides its source" if args.host == KVM else "not --ksrc"))
    if args.host == KVM:
        if args.kdir is None:
            args.kdir = str(kernel.make(args.ksrc, Recipe.of(arch, "kvm")).kdir)
        kvm.make(args.ksrc, args.kdir)
        return
    if args.kdir is not None:
        raise UsageError("--ksrc and --kdir name two kernels", fix="give one of them")
    args.kdir = str(kernel.make(args.ksrc, Recipe.of(arch, "bench")).kdir)


def _table(tier: str, name: str | None) -> CostTable:
    unmodelled = tier in (plan.COUNT_TIER, metal.TDX)     # no time at all, or the module's own
    return costs.load(costs.ZERO if unmodelled else name or costs.DEFAULT_TABLE)


def _plan(args: argparse.Namespace, base: Variant, names: Sequence[str],
          boots: Mapping[str, tuple[str, str]], tables: Mapping[str, CostTable]) -> RunPlan:
    sizes = plan.sizes_of(args.host)
    workloads = plan.pick("workload", args.workloads, sizes, plan.usual_workloads(args.host))
    planned = plan.make(
        names, baseline=base.name, aprime=base.aprime().name,
        seed=secrets.randbits(64) if args.seed is None else args.seed, workloads=workloads,
        vcpus=plan.DEFAULT_VCPUS if args.vcpus is None else args.vcpus,
        runner=args.runner or "qemu", boots=boots,
        costs={boot: table.id for boot, table in tables.items()}, host=args.host)
    return plan.repeated(planned, _blocks(args, boots), _builds(args, boots))


def _builds(args: argparse.Namespace, boots: Mapping[str, tuple[str, str]]) -> int:
    """In how many layouts each design is measured: several only where times are real ones."""
    native = any(tier == honesty.NATIVE for tier, _ in boots.values())
    usual = plan.NATIVE_BUILDS if native and not args.quick else 1
    return usual if args.builds is None else int(args.builds)


def _blocks(args: argparse.Namespace, boots: Mapping[str, tuple[str, str]]) -> int:
    """How often the boots with a clock are repeated."""
    if args.blocks is not None and args.quick:
        raise UsageError("--blocks and --quick both say how many blocks", fix="give one of them")
    if args.blocks is not None:
        return int(args.blocks)
    native = any(tier == honesty.NATIVE for tier, _ in boots.values())
    return plan.QUICK_BLOCKS if args.quick else plan.NATIVE_BLOCKS if native else 1


def _build(args: argparse.Namespace, planned: RunPlan) -> list[BuiltModule]:
    if not proc.dry_run():
        runners.usable(planned.runner)  # before the build: QEMU may be missing
    wanted = argparse.Namespace(**{**vars(args), "variants": ",".join(planned.variants)})
    return build.make(wanted)


def _resume(args: argparse.Namespace) -> Run | None:
    fixed = ("variants", "workloads", "vcpus", "seed", "costs", "baseline", "runner", "boots",
             "blocks", "builds")
    if given := [f"--{name}" for name in fixed if getattr(args, name) is not None]:
        raise UsageError(f"--resume repeats the run's own plan: {', '.join(given)} cannot change",
                         fix="leave them out, or start a new run")
    directory = store.open_run(args.resume)
    if not directory.missing():
        proc.note(f"  DONE    {directory.id}: nothing is missing")
        return store.load_run(directory.path)
    planned = session.plan_of(directory)
    metal.allow(args.yes_load_modules, planned.runner)
    metal.allow_kvm(args.yes_replace_kvm, planned.host, planned.runner)
    args.host = planned.host
    own_kernel(args, runners.find(planned.runner).arch)
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
