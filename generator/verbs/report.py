# SPDX-License-Identifier: GPL-2.0-only
"""extspt report: text, HTML and figures of a run."""

from __future__ import annotations

import argparse
import json

from generator import choose, layout, proc

HELP = "write report.txt, report.html and the figures of a run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run."""
    parser.add_argument("run", nargs="?", metavar="RUN",
                        help="id or path of a run (default: the newest complete one)")


def run(args: argparse.Namespace) -> int:
    """Write the bundle and print the paths of its files."""
    from generator import frames
    from generator.report import bundle

    found = choose.find_run(args.run)
    if proc.dry_run():
        print(f"write {layout.shown(layout.report_dir(found.id))}/")
        return 0
    frames.write_summary(found)
    paths = [str(layout.shown(path)) for path in bundle.write_report(found).paths]
    print(json.dumps({"run": found.id, "files": paths}) if args.json else "\n".join(paths))
    return 0
