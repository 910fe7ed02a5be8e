# SPDX-License-Identifier: GPL-2.0-only
"""extspt summarize: a run's raw records to summary.csv."""

from __future__ import annotations

import argparse
import json

from generator import choose, layout, proc

HELP = "turn a run's raw records into summary.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run."""
    parser.add_argument("run", nargs="?", metavar="RUN",
                        help="id or path of a run (default: the newest complete one)")


def run(args: argparse.Namespace) -> int:
    """Write the summary and print its path."""
    from generator import frames

    found = choose.find_run(args.run)
    path = found.path / "summary.csv"
    if not proc.dry_run():
        frames.write_summary(found)
    shown = str(layout.shown(path))
    print(json.dumps({"run": found.id, "summary": shown}) if args.json else shown)
    return 0
