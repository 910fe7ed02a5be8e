# SPDX-License-Identifier: GPL-2.0-only
"""extspt asv: a run into asv's history, and the history as pages."""

from __future__ import annotations

import argparse
import json

from generator import choose, layout, proc

HELP = "record a run in asv's history and make its pages"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run."""
    parser.add_argument("run", nargs="?", metavar="RUN",
                        help="id or path of a run (default: the newest complete one)")
    parser.add_argument("--publish-only", action="store_true",
                        help="make the pages, record nothing")


def run(args: argparse.Namespace) -> int:
    """Record, publish, print the start page and how to look at it."""
    from generator import asvtool

    if args.publish_only:
        pages = asvtool.publish()
    else:
        pages = asvtool.record_and_publish(choose.find_run(args.run))
    shown = [str(layout.shown(page)) for page in pages]
    if args.json:
        print(json.dumps({"pages": shown}))
    elif shown:
        print(shown[0])
        proc.note(f"look at it with: python3 -m http.server -d {layout.shown(layout.HTML)}")
    return 0
