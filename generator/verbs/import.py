# SPDX-License-Identifier: GPL-2.0-only
"""extspt import: a run made on another machine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from generator import layout, proc

HELP = "bring in a run made elsewhere: a folder, a bundle or a tarball, checked"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to bring in."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE",
                        help="a run's folder, a bundle of extspt report --bundle, or a tarball")


def run(args: argparse.Namespace) -> int:
    """Check, copy into results/runs/, print where each run is."""
    from generator.runs import importing

    if proc.dry_run():
        print("\n".join(f"import {path}" for path in args.files))
        return 0
    found = [run for path in args.files for run in importing.bring_in(path, layout.RUNS)]
    shown = [str(layout.shown(run.path)) for run in found]
    print(json.dumps({"runs": [run.id for run in found], "folders": shown}) if args.json
          else "\n".join(shown))
    return 0
