# SPDX-License-Identifier: GPL-2.0-only
"""extspt matrix: every kernel, tree form and compiler at hand: builds, boots, or why not."""

from __future__ import annotations

import argparse
import json
import re

from generator import matrix, plan, proc, variant
from generator.errors import BuildError, UsageError
from generator.matrix import Cell
from generator.verbs import kernel

HELP = "build and boot on every kernel, tree form and compiler at hand (KTAP)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which kernels, and what may be fetched and built for them."""
    parser.add_argument("--kernels", default=" ".join(matrix.KERNELS), metavar="'A B'",
                        help="series, such as '6.1 7.2' (default: %(default)s)")
    parser.add_argument("--variants", metavar="A,B", help="designs (default: all)")
    parser.add_argument("--compilers", default="", metavar="A,B",
                        help="other compilers to try (default: all that a tree has)")
    parser.add_argument("--no-fetch", action="store_true", help="only the trees that are here")
    parser.add_argument("--own", action="store_true",
                        help="build the own kernels that are missing (minutes each)")


def run(args: argparse.Namespace) -> int:
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
    found: list[Cell] = []
    _say(args, "KTAP version 1")
    for name in series:
        for target in matrix.targets(name, not args.no_fetch, kernel.make if args.own else None):
            for cell in matrix.cells(target, designs, tools):
                found.append(cell)
                for line in cell.evidence.splitlines():
                    _say(args, f"#   {line}")
                _say(args, cell.ktap.replace("@", str(len(found)), 1))
    _say(args, f"1..{len(found)}")
    if args.json:
        print(json.dumps([_row(cell) for cell in found], indent=2))
    for line in matrix.table(found):
        _say(args, f"# {line}")
    return BuildError.exit_code if any(c.state == matrix.FAIL for c in found) else 0


def _say(args: argparse.Namespace, line: str) -> None:
    if line and not args.json:
        print(line, flush=True)


def _row(cell: Cell) -> dict[str, object]:
    return {"kernel": cell.target.series, "tree": cell.target.form, "compiler": cell.tool,
            "stage": cell.stage, "state": cell.state, "detail": cell.detail,
            "evidence": cell.evidence, "seconds": round(cell.seconds, 1)}
