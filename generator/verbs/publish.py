# SPDX-License-Identifier: GPL-2.0-only
"""extspt publish: a report into results/published/, which git keeps."""

from __future__ import annotations

import argparse
import json

from generator import layout, proc
from generator.runs import choose

HELP = "put the report of one or more runs where git keeps it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Under which name, and of which runs."""
    parser.add_argument("name", help="folder below results/published/, for instance uml-7.2")
    parser.add_argument("runs", nargs="*", metavar="RUN",
                        help="id or path of a run (default: the newest complete one)")


def run(args: argparse.Namespace) -> int:
    """Print the paths of the files."""
    from generator.report import published

    folder = published.folder_of(args.name)
    if proc.dry_run():
        print(f"write {layout.shown(folder)}/")
        return 0
    found = [choose.find_run(name) for name in args.runs or (None,)]
    paths = [str(layout.shown(path)) for path in published.publish(found, args.name)]
    print(json.dumps({"runs": [one.id for one in found], "files": paths}) if args.json
          else "\n".join(paths))
    return 0
