# SPDX-License-Identifier: GPL-2.0-only
"""results/published/<name>/: a report that stays in git, small, with what it was made from.

What git ignores (runs, their records, working reports) is of one machine; this is for readers.
"""

from __future__ import annotations

import json
import lzma
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from generator import layout, proc
from generator.errors import DataError, UsageError
from generator.report import bundle, provenance
from generator.runs import store

SUMMARY = "summary.csv.xz"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


def folder_of(name: str) -> Path:
    """Where a report of this name is published; UsageError for a name that is no folder's."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' is no name for a folder", fix="for instance: uml-7.2")
    return layout.PUBLISHED / name


def publish(runs: Sequence[store.Run], name: str) -> list[Path]:
    """Write text, HTML, manifests and the packed summary of the runs; their paths.

    Raises DataError for a run that is not complete. An earlier one of this name is replaced whole.
    """
    target = folder_of(name)
    if partial := [run.id for run in runs if not run.complete]:
        raise DataError(f"run {partial[0]} is not complete",
                        fix=f"extspt run --resume {partial[0]}, then publish it")
    for run in runs:
        if (run.manifest.get("suite") or {}).get("dirty"):
            proc.note(f"  NOTE    {run.id} is of a suite with changes that are in no commit")
    written = bundle.write_report(runs)

    def fill_it(folder: Path) -> None:
        for file in (written.text, written.html):
            shutil.copy(file, folder)
        for run in runs:
            mark = f"-{run.id}" if len(runs) > 1 else ""
            (folder / f"manifest{mark}.json").write_text(_manifest(run))
        (folder / SUMMARY).write_bytes(lzma.compress((written.folder / bundle.CSV).read_bytes()))
    folder = bundle.replaced(target, fill_it)
    return sorted(folder.iterdir())


def _manifest(run: store.Run) -> str:
    """A run's manifest, without the place it was made in."""
    kept = {**run.manifest, "command": list(provenance.neutral(
        [str(word) for word in run.manifest.get("command") or ()]))}
    return json.dumps(kept, indent=1).replace(f"{layout.ROOT}/", "") + "\n"
