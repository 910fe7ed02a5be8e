# SPDX-License-Identifier: GPL-2.0-only
"""extspt summarize: a run's raw records to summary.csv."""

from __future__ import annotations

import argparse
import json

from generator import layout, proc
from generator.runs import choose

HELP = "turn a run's raw records into summary.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run."""
    parser.add_argument("run", nargs="?", metavar="RUN",
                        help="id or path of a run (default: the newest complete one)")
    parser.add_argument("--spread", action="store_true",
                        help="print instead how far lock waits and contention lie apart between "
                        "the run's boots")


def run(args: argparse.Namespace) -> int:
    """Write the summary and print its path, or print the spread between blocks."""
    from generator.evidence import frames, spread

    found = choose.find_run(args.run)
    if args.spread:
        table = spread.contention(found)
        print(table.to_json(orient="records", indent=1) if args.json
              else "\n".join(spread.lines(table)))
        return 0
    path = found.path / "summary.csv"
    if not proc.dry_run():
        frames.write_summary(found)
    shown = str(layout.shown(path))
    print(json.dumps({"run": found.id, "summary": shown}) if args.json else shown)
    return 0
