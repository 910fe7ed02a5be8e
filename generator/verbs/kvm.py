# SPDX-License-Identifier: GPL-2.0-only
"""extspt kvm: the real kvm.ko with our hooks, built from the user's source."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from generator import layout, proc
from generator.errors import GateError
from generator.kvm import kvmcheck, kvmhooks, kvmhost, kvmpoints, twincheck, twinkept
from generator.kvm.kvmcheck import KvmCheck
from generator.kvm.kvmhost import KvmBuild
from generator.modules import variant
from generator.modules.build import BuiltModule
from generator.modules.render import KVM, TWIN
from generator.trees.kernel import KernelTree
from generator.verbs import build as verbs_build

HELP = "build a hooked copy of a source's KVM, for runs with --host kvm"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """build KSRC, diff KSRC, or conform."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="build|diff|conform")
    build = actions.add_parser("build", help="copy, hook, and build the modules")
    build.add_argument("ksrc", type=Path, metavar="KSRC",
                       help="full source of the kernel's own version; it is only read")
    build.add_argument("--unchecked", action="store_true",
                       help="don't boot it to compare its counts with upstream's: it only builds")
    build.add_argument("--kdir", help="kernel to build for (default: the newest distro headers)")
    diff = actions.add_parser("diff", help="print the hooks as a patch, and build nothing")
    diff.add_argument("ksrc", type=Path, metavar="KSRC")
    conform = actions.add_parser("conform", help="hold the twin to the real kvm.ko: equal counts, "
                                 "equal order of steps")
    verbs_build.add_arguments(conform)


def run(args: argparse.Namespace) -> int:
    """Print the folder of the build, the patch, or how far the twin is like KVM."""
    if args.action == "conform":
        return _conform(args)
    if args.action == "diff":
        hooks = kvmhooks.choose(kvmhooks.version(args.ksrc))
        print(kvmhooks.diff(kvmhooks.patched(args.ksrc, hooks), kvmhooks.additions()), end="")
        return 0
    if proc.dry_run():
        release = KernelTree.probe(args.kdir).release
        print(f"# hook a copy of {args.ksrc} into {layout.shown(layout.kvm_tree(release))}")
        return 0
    built = make(args.ksrc, args.kdir, unchecked=args.unchecked)
    if args.json:
        checked = kvmcheck.load(built)
        print(json.dumps({"folder": str(built.folder), "version": built.version,
                          "skipped": built.skipped, "check": checked and asdict(checked)}))
    else:
        print(layout.shown(built.folder))
    if not args.unchecked:
        kvmcheck.require(built)
    return 0


def make(source: Path, kdir: str | None, *, unchecked: bool = False) -> KvmBuild:
    """Build the hooked KVM for a tree, or find that it is built, and boot it to have it checked.

    What is wrong with it is shown; kvmcheck.require() refuses it. For other verbs too.
    """
    tree, start, jobs = KernelTree.probe(kdir), time.monotonic(), os.cpu_count() or 1
    built = kvmhost.make(source, tree, jobs)
    took = " (unchanged)" if built.skipped else f" ({time.monotonic() - start:.0f} s)"
    proc.note(f"  KVM     {built.version} for {tree.release}{took}")
    if not unchecked:
        _show(kvmcheck.load(built) or kvmcheck.check(source, tree, jobs))
    return built


def _show(checked: KvmCheck) -> None:
    """What the build was checked for, a line per workload."""
    for name, counts in checked.counts.items():
        proc.note(f"  CHECK   {name}: " + " ".join(f"{key}={n}" for key, n in counts.items()))
        proc.note(f"          instructions per fault: {checked.unhooked[name]} unhooked, "
                  f"+{checked.hooks_cost[name]} with idle hooks, {checked.plain[name]} mirrored "
                  "(upstream's cache, empty backend)")


def _both_hosts(args: argparse.Namespace, names: Sequence[str]) -> dict[str, list[BuiltModule]]:
    return {host: verbs_build.make(argparse.Namespace(**{
        **vars(args), "host": host, "variants": ",".join(names)})) for host in (TWIN, KVM)}


def hold_to(args: argparse.Namespace, names: Sequence[str]) -> None:
    """Compare the designs that were not compared with the twin before; for other verbs too.

    What is not equal is said, and is in the report; it is the twin's fault and stops nothing.
    """
    built = kvmhost.find(KernelTree.probe(args.kdir))
    modules = _both_hosts(args, names)
    known = twinkept.load(built, modules[KVM], modules[TWIN])
    missing = {host: [one for one in made if one.rendered.variant.name not in known]
               for host, made in modules.items()}
    if not missing[KVM]:
        return
    done = twincheck.compare(missing, built)
    twinkept.keep(built, missing, done)
    wrong = [f"{one.variant} {one.script}" for one in done if one.wrong]
    proc.note(f"  TWIN    {len(done) - len(wrong)} of {len(done)} scripts as in kvm.ko"
              + "".join(f"; not {name}" for name in wrong))


def _conform(args: argparse.Namespace) -> int:
    """Exit code 13 when a count or the order of steps is not the same in both hosts."""
    built = kvmhost.find(KernelTree.probe(args.kdir))
    kvmcheck.require(built)
    names = kvmpoints.runnable(variant.picked(args.variants), built.version,
                               asked=args.variants is not None)
    modules = _both_hosts(args, names)
    if proc.dry_run():
        return 0
    done = twincheck.compare(modules, built)
    twinkept.keep(built, modules, done)
    if args.json:
        print(json.dumps([{**asdict(one), "wrong": one.wrong} for one in done], indent=1))
    else:
        print("\n".join(twincheck.lines(done, variant.BASELINE)))
    return GateError.exit_code if any(one.wrong for one in done) else 0
