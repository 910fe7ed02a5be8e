# SPDX-License-Identifier: GPL-2.0-only
"""extspt rerun: the runs of a bundle once more, and the difference."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from generator import proc
from generator.errors import GateError, UsageError
from generator.runs.store import Run
from generator.trees.kernel import KernelTree
from generator.trees.kernelconfig import Recipe
from generator.verbs import kernel

HELP = "repeat the runs of a bundle from its own sources and compare"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which bundle, on which kernel."""
    parser.add_argument("bundle", type=Path, help="folder or tarball of extspt report --bundle")
    parser.add_argument("--only", metavar="RUN", help="this run of the bundle alone")
    tree = parser.add_mutually_exclusive_group()
    tree.add_argument("--kdir", metavar="DIR", help="kernel tree (default: as the first run)")
    tree.add_argument("--ksrc", metavar="DIR", help="full kernel source (default: as the first)")
    parser.add_argument("--force", action="store_true",
                        help="run on another kernel, too, and mark the result")


def tree_for(args: argparse.Namespace, first: Run) -> KernelTree:
    """The tree asked for, else the one the first run's command named."""
    from generator import runners
    from generator.runs import rerun

    named = ("--kdir", args.kdir) if args.kdir else ("--ksrc", args.ksrc) if args.ksrc \
        else rerun.recorded_tree(first.manifest)
    option, value = named or ("--kdir", None)
    if option == "--kdir" or value is None:
        return KernelTree.probe(value)
    arch = runners.find(first.manifest["plan"]["runner"]).arch
    return KernelTree.probe(str(kernel.make(Path(value), Recipe.of(arch, "bench")).kdir))


def run(args: argparse.Namespace) -> int:
    """Repeat and print the comparison; exit code 13 when an exact count differs."""
    from generator.report import comparison
    from generator.runs import compare, rerun

    found = rerun.runs_of(rerun.opened(args.bundle))
    chosen = [one for one in found if args.only in (None, one.id)]
    if not chosen:
        raise UsageError(f"the bundle has no run '{args.only}'",
                         fix=f"it has: {', '.join(one.id for one in found)}")
    if proc.dry_run():
        print("\n".join(f"repeat {one.id}" for one in chosen))
        return 0
    differs = False
    for first in chosen:
        tree = tree_for(args, first)
        marks = [*(first.manifest.get("marks") or ()),
                 *rerun.refuse_other_kernel(first, tree, args.force)]
        again = rerun.repeat(first, tree, marks)
        result = compare.compare(first, again)
        differs |= bool(result.changes or result.gone or result.failed)
        sys.stdout.write(json.dumps(result.as_json(), allow_nan=False) + "\n" if args.json
                         else comparison.render(result))
    return GateError.exit_code if differs else 0
