# SPDX-License-Identifier: GPL-2.0-only
"""extspt style: checkpatch --strict, sparse and W=1 over all C, hand-written and rendered."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from generator import layout, proc
from generator.modules import check
from generator.modules.build import BuiltModule
from generator.verbs import build

HELP = "checkpatch --strict, sparse and W=1 -Werror over every variant"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """As build: which variants, against which tree."""
    build.add_arguments(parser)


def findings(built: list[BuiltModule]) -> list[check.Finding]:
    """All complaints; W=1 is part of the build and has passed already."""
    files = [*check.c_files([layout.KMOD]), *(path for one in built for path in check.own_c(one))]
    proc.note(f"  STYLE   checkpatch --strict: {len(files)} files")
    found = check.checkpatch(files)
    # A' is its baseline under another name: nothing new to find in it.
    for one in (b for b in built if b.rendered.variant.aprime_of is None):
        proc.note(f"  SPARSE  {one.ko.name}")
        found += check.sparse(one)
    return found


def run(args: argparse.Namespace) -> int:
    """Fail with every finding, or say that there is none."""
    built = build.make(args)
    if proc.dry_run():
        return 0
    found = findings(built)
    if args.json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    check.refuse(found)
    if not args.json:
        print(f"style: {len(built)} variants clean (checkpatch --strict, sparse, W=1 -Werror)")
    return 0
