# SPDX-License-Identifier: GPL-2.0-only
"""extspt asv: a run into asv's history, and the history as pages."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from generator import layout, proc
from generator.runs import choose

HELP = "record a run in asv's history, make its pages, list what changed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run."""
    parser.add_argument("run", nargs="?", metavar="RUN",
                        help="id or path of a run (default: the newest complete one)")
    parser.add_argument("--publish-only", action="store_true",
                        help="make the pages, record nothing")
    parser.add_argument("--alarms", action="store_true",
                        help="list where the history changed: exact figures at any change beyond "
                             "that of A', times beyond their floor with p < 0.001")


def run(args: argparse.Namespace) -> int:
    """Record, publish, print the start page and how to look at it."""
    from generator.history import asvtool

    if args.alarms:
        return _alarms(args.json)
    if args.publish_only:
        pages = asvtool.publish()
    else:
        pages = asvtool.record_and_publish(choose.find_run(args.run))
    shown = [str(layout.shown(page)) for page in pages]
    if args.json:
        print(json.dumps({"pages": shown}))
    elif shown:
        print(shown[0])
        proc.note("look at it with: extspt serve")
    return 0


def _alarms(as_json: bool) -> int:
    """One line per alarm, worse ones marked; the history alone is read."""
    from generator.history import alarms

    found = alarms.alarms(alarms.history())
    if as_json:
        print(json.dumps([{**asdict(alarm), "worse": alarm.worse} for alarm in found]))
    else:
        print("\n".join(f"{'!' if alarm.worse else ' '} {alarm}" for alarm in found)
              or "no alarm")
    return 0
