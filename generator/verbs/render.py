# SPDX-License-Identifier: GPL-2.0-only
"""extspt render: stage the folders that Kbuild builds."""

from __future__ import annotations

import argparse
import json

from generator import layout, proc
from generator.modules import variant
from generator.modules.render import HOSTS, TWIN, RenderedModule, render
from generator.trees.kernel import KernelTree

HELP = "stage a self-contained build folder per variant"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which variants, against which tree."""
    parser.add_argument("--variants", metavar="A,B",
                        help="comma list (default: all, and the baseline's A')")
    parser.add_argument("--kdir", help="kernel tree (default: the newest distro headers)")
    parser.add_argument("--host", choices=HOSTS, default=TWIN,
                        help="twin: our copy of KVM's path; kvm: the real kvm.ko, hooked by "
                        "'extspt kvm build' (default: twin)")


def stage(args: argparse.Namespace) -> list[RenderedModule]:
    """Render what the options ask for, one line of progress each."""
    chosen = variant.select(args.variants)
    tree = KernelTree.probe(args.kdir)
    modules = []
    for one in chosen:
        modules.append(render(one, tree, host=args.host))
        if not proc.dry_run():
            note = "" if modules[-1].changed else " (unchanged)"
            proc.note(f"  RENDER  {one.name}{note}")
    return modules


def run(args: argparse.Namespace) -> int:
    """Print the staged folders, one a line."""
    modules = stage(args)
    if args.json:
        print(json.dumps([{"variant": m.variant.name, "release": m.tree.release,
                           "path": str(m.path), "fingerprint": m.fingerprint,
                           "changed": list(m.changed), "files": dict(m.files)}
                          for m in modules], indent=2))
    else:
        print("\n".join(str(layout.shown(m.path)) for m in modules))
    return 0
