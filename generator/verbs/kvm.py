# SPDX-License-Identifier: GPL-2.0-only
"""extspt kvm: the real kvm.ko with our hooks, built from the user's source."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

from generator import kvmhooks, kvmhost, layout, proc
from generator.kernel import KernelTree

HELP = "build a hooked copy of a source's KVM, for runs with --host kvm"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """build KSRC, or diff KSRC."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="build|diff")
    build = actions.add_parser("build", help="copy, hook, and build the modules")
    build.add_argument("ksrc", type=Path, metavar="KSRC",
                       help="full source of the kernel's own version; it is only read")
    build.add_argument("--kdir", help="kernel to build for (default: the newest distro headers)")
    diff = actions.add_parser("diff", help="print the hooks as a patch, and build nothing")
    diff.add_argument("ksrc", type=Path, metavar="KSRC")


def run(args: argparse.Namespace) -> int:
    """Print the folder of the build, or the patch."""
    if args.action == "diff":
        hooks = kvmhooks.choose(kvmhooks.version(args.ksrc))
        print(kvmhooks.diff(kvmhooks.patched(args.ksrc, hooks), kvmhooks.additions()), end="")
        return 0
    tree, start = KernelTree.probe(args.kdir), time.monotonic()
    if proc.dry_run():
        print(f"# hook a copy of {args.ksrc} into {layout.shown(layout.kvm_tree(tree.release))}")
        return 0
    built = kvmhost.make(args.ksrc, tree, os.cpu_count() or 1)
    took = " (unchanged)" if built.skipped else f" ({time.monotonic() - start:.0f} s)"
    proc.note(f"  KVM     {built.version} for {tree.release}{took}")
    if args.json:
        print(json.dumps({"folder": str(built.folder), "version": built.version,
                          "skipped": built.skipped}))
    else:
        print(layout.shown(built.folder))
    return 0
