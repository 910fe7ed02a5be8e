# SPDX-License-Identifier: GPL-2.0-only
"""extspt tree: kernel trees of other distro releases, as folders to build and boot from."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from generator import distro, layout, proc
from generator.distro import Fetched

HELP = "fetch headers, compiler and image of another Debian suite into a folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """fetch SUITE, or list."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="fetch|list")
    fetch = actions.add_parser("fetch", help="fetch a suite of the machine's own Debian mirror")
    fetch.add_argument("suite", help="for instance trixie, forky, sid, trixie-backports")
    fetch.add_argument("--flavor", default="cloud", help="cloud, standard or rt (default: cloud)")
    fetch.add_argument("--compilers", default="", metavar="A,B",
                       help="more compilers for the folder, for instance gcc-15,clang-19")
    actions.add_parser("list", help="the trees that were fetched")


def run(args: argparse.Namespace) -> int:
    """Print the tree, or all trees, with what to do with it."""
    if args.action == "list":
        return _print(distro.fetched_trees(), args.json)
    if proc.dry_run():
        print(f"apt-get install --download-only "
              f"linux-headers-{distro.FLAVORS.get(args.flavor, args.flavor)} ... from {args.suite}")
        return 0
    compilers = [name for name in args.compilers.split(",") if name]
    return _print([distro.fetch(args.suite, args.flavor, compilers)], args.json)


def _print(trees: list[Fetched], as_json: bool) -> int:
    if as_json:
        print(json.dumps([asdict(tree) | {"path": str(tree.path)} for tree in trees], indent=2))
        return 0
    for tree in trees:
        print(f"{tree.release:<32} KDIR={layout.shown(tree.path)}")
    return 0
