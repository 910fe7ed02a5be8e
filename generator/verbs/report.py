# SPDX-License-Identifier: GPL-2.0-only
"""extspt report: text, HTML and figures of one or more runs."""

from __future__ import annotations

import argparse
import json
import sys

from generator import layout, proc
from generator.runs import choose

HELP = "write the report of one or more runs: text for a list, HTML, or all to repeat it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which runs, and in what form."""
    parser.add_argument("runs", nargs="*", metavar="RUN",
                        help="id or path of a run (default: the newest complete one); several "
                             "make one report, a part for each host and tier, real KVM first")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--lkml", action="store_true",
                      help="print the text for a mailing list and write nothing")
    form.add_argument("--html", action="store_true",
                      help="print the path of the HTML only; it is one file, to be sent alone")
    form.add_argument("--bundle", action="store_true",
                      help="with records, sources, checksums and rerun.sh; also as a tarball")


def run(args: argparse.Namespace) -> int:
    """Write the report and print the paths of its files, or print the text."""
    from generator.evidence import frames
    from generator.report import bundle

    found = [choose.find_run(name) for name in args.runs or (None,)]
    if args.lkml:
        text = bundle.attachment(found)
        sys.stdout.write(json.dumps({"text": text}) + "\n" if args.json else text)
        return 0
    folder = layout.report_dir(bundle.name_of(found))
    if proc.dry_run():
        print(f"write {layout.shown(folder)}/")
        return 0
    for one in found:
        frames.write_summary(one)
    written = bundle.write_report(found, whole=args.bundle)
    paths = (written.html,) if args.html else (
        written.tarball, written.text, written.html) if args.bundle else written.paths
    shown = [str(layout.shown(path)) for path in paths]
    print(json.dumps({"runs": [one.id for one in found], "files": shown}) if args.json
          else "\n".join(shown))
    return 0
