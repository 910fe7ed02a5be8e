# SPDX-License-Identifier: GPL-2.0-only
"""extspt tree: kernel trees of other distro releases, and sources made fit for their kernels."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from generator import distro, layout, prepare, proc
from generator.distro import Fetched
from generator.kernel import KernelTree

HELP = "fetch headers, compiler and image of another Debian suite; prepare a source like one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """fetch SUITE, prepare KSRC, or list."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="fetch|prepare|list")
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
    actions.add_parser("list", help="the trees that were fetched")


def run(args: argparse.Namespace) -> int:
    """Print the tree, or all trees, with what to do with it."""
    if args.action == "list":
        return _print(distro.fetched_trees(), args.json)
    if args.action == "prepare":
        return _prepare(args)
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
    folder = prepare.prepare(args.ksrc, like)
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
