# SPDX-License-Identifier: GPL-2.0-only
"""extspt tree: kernel trees of other releases, sources made fit for their kernels, the matrix."""

from __future__ import annotations

import argparse
import datetime
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from generator import layout, proc
from generator.errors import BuildError, UsageError
from generator.modules import variant
from generator.modules.variant import Variant
from generator.runs import facts, plan
from generator.trees import distro, prepare, treematrix, treetable
from generator.trees.distro import Fetched
from generator.trees.kernel import KernelTree
from generator.trees.treematrix import Cell
from generator.verbs import kernel

HELP = "fetch or prepare the kernel tree of another suite; build and boot on all that are here"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """fetch SUITE, prepare KSRC, list, or matrix."""
    actions = parser.add_subparsers(dest="action", required=True,
                                    metavar="fetch|prepare|list|matrix")
    fetch = actions.add_parser("fetch", help="fetch a suite of the machine's own Debian mirror")
    fetch.add_argument("suite", help="for instance trixie, forky, sid, trixie-backports")
    fetch.add_argument("--flavor", default="cloud", help="cloud, standard or rt (default: cloud)")
    fetch.add_argument("--compilers", default="", metavar="A,B",
                       help="more compilers for the folder, for instance gcc-15,clang-19")
    prepared = actions.add_parser("prepare", help="make a full source fit for modules of a "
                                  "distro's kernel, with this machine's compiler")
    prepared.add_argument("ksrc", type=Path, metavar="KSRC", help="full source of that version")
    prepared.add_argument("--like", metavar="HEADERS",
                          help="headers of the kernel (default: the newest installed)")
    prepared.add_argument("--compiler", default="", metavar="CC",
                          help="for instance clang-19 or gcc-15 (default: gcc)")
    actions.add_parser("list", help="the trees that were fetched")
    _add_matrix(actions.add_parser(
        "matrix", help="build and boot on every kernel, tree form and compiler at hand (KTAP)"))


def _add_matrix(parser: argparse.ArgumentParser) -> None:
    """Which kernels, and what may be fetched and built for them."""
    parser.add_argument("--kernels", default=" ".join(treematrix.KERNELS), metavar="'A B'",
                        help="series, such as '6.1 7.2' (default: %(default)s)")
    parser.add_argument("--variants", metavar="A,B", help="designs (default: all)")
    parser.add_argument("--compilers", default="", metavar="A,B",
                        help="other compilers to try (default: all that a tree has)")
    parser.add_argument("--no-fetch", action="store_true", help="only the trees that are here")
    parser.add_argument("--own", action="store_true",
                        help="build the own kernels that are missing (minutes each)")
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="also write the table, the KTAP and the JSON there")


def run(args: argparse.Namespace) -> int:
    """Print the tree, or all trees, with what to do with it."""
    if args.action == "list":
        return _print(distro.fetched_trees(), args.json)
    if args.action == "prepare":
        return _prepare(args)
    if args.action == "matrix":
        return _matrix(args)
    if proc.dry_run():
        print(f"apt-get install --download-only "
              f"linux-headers-{distro.FLAVORS.get(args.flavor, args.flavor)} ... from {args.suite}")
        return 0
    compilers = [name for name in args.compilers.split(",") if name]
    return _print([distro.fetch(args.suite, args.flavor, compilers)], args.json)


def _prepare(args: argparse.Namespace) -> int:
    like = KernelTree.probe(args.like)
    if proc.dry_run():
        print(f"make -C {args.ksrc} O=... olddefconfig modules_prepare  # as {like.release}")
        return 0
    folder = prepare.prepare(args.ksrc, like, args.compiler)
    print(json.dumps({"path": str(folder), "release": like.release}) if args.json
          else f"{like.release:<32} KDIR={layout.shown(folder)}")
    return 0


def _print(trees: list[Fetched], as_json: bool) -> int:
    if as_json:
        print(json.dumps([asdict(tree) | {"path": str(tree.path)} for tree in trees], indent=2))
        return 0
    for tree in trees:
        print(f"{tree.release:<32} KDIR={layout.shown(tree.path)}")
    return 0


def _matrix(args: argparse.Namespace) -> int:
    """Print KTAP as the cells end, then the table; exit code 12 when a cell fails."""
    series = re.split(r"[ ,]+", args.kernels.strip())
    if bad := [name for name in series if not re.fullmatch(r"\d+\.\d+", name)]:
        raise UsageError(f"'{bad[0]}' is no kernel series", fix="for instance: --kernels '6.1 7.2'")
    designs = [variant.load_variant(name) for name in
               plan.pick("variant", args.variants, variant.names(), variant.names())]
    if proc.dry_run():
        print(f"# would build {', '.join(d.name for d in designs)} for {', '.join(series)}")
        return 0
    tools = [name for name in args.compilers.split(",") if name]
    make = kernel.make if args.own else None
    found: list[Cell] = []
    _say(args, "KTAP version 1")
    for name in series:
        for target in treematrix.targets(name, not args.no_fetch, make):
            for cell in treematrix.cells(target, designs, tools):
                found.append(cell)
                for line in treetable.cell_lines(cell, len(found)):
                    _say(args, line)
    _say(args, f"1..{len(found)}")
    if args.json:
        print(json.dumps([treetable.as_json(cell) for cell in found], indent=2))
    for line in treetable.table(found):
        _say(args, f"# {line}".rstrip())
    if args.out:
        for path in treetable.write(args.out, found, _about(designs)):
            proc.note(f"  WRITE   {layout.shown(path.resolve())}")
    return BuildError.exit_code if any(c.state == treematrix.FAIL for c in found) else 0


def _about(designs: Sequence[Variant]) -> dict[str, Any]:
    """Where a matrix comes from."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"created": now, "suite": facts.suite(), "host": facts.host(),
            "variants": [design.name for design in designs]}


def _say(args: argparse.Namespace, line: str) -> None:
    if not args.json:
        print(line, flush=True)
