# SPDX-License-Identifier: GPL-2.0-only
"""extspt bench: the main job, from fragments to reports, one verb after the other."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from generator import layout, proc
from generator.errors import GateError
from generator.runs.records import case_failure
from generator.runs.store import Run
from generator.verbs import run as measuring

HELP = "all of it: render, build, run, summarize, report, asv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """As run: what to run, how, and against which tree."""
    measuring.add_arguments(parser)


def write_all(done: Run) -> list[Path]:
    """Everything that follows from a run's records; the files a reader starts with."""
    from generator.evidence import frames
    from generator.history import asvtool
    from generator.report import bundle

    proc.note(f"  REPORT  {done.id}")
    frames.write_summary(done)
    written = bundle.write_report([done])
    proc.note("  ASV     history and pages")
    return [written.text, written.html, *asvtool.record_and_publish(done)]


def run(args: argparse.Namespace) -> int:
    """Print the report files last. Exit code 13 when a case failed; the reports say which."""
    done = measuring.measure(args)
    if done is None:
        print("# then: extspt summarize, extspt report, extspt asv")
        return 0
    files = [str(layout.shown(path)) for path in write_all(done)]
    failed = [text for record in done.records if (text := case_failure(record))]
    for text in failed:
        proc.note(f"  FAIL    {text}")
    print(json.dumps({"run": done.id, "files": files, "failures": failed}) if args.json
          else "\n".join(files))
    return GateError.exit_code if failed else 0
