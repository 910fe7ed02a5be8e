# SPDX-License-Identifier: GPL-2.0-only
"""A report's bundle: with the runs, the sources of their modules, checksums and rerun.sh.

    report.txt report.html *.svg *.png summary.csv summary.parquet kcidb.json
    runs/<id>/{manifest.json,boots/*/records.jsonl,gate.json,ablation.json,sweep.json,sources.tar.xz}
    rerun.sh SHA256SUMS
"""

from __future__ import annotations

import gzip
import json
import shlex
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from generator.errors import DataError
from generator.report import kcidb
from generator.report.view import View
from generator.runs import facts, sources_kept, store

RUNS, SUMS, SCRIPT = "runs", "SHA256SUMS", "rerun.sh"
KEPT = (store.MANIFEST, "gate.json", "ablation.json", "sweep.json",
        sources_kept.FILE)


def fill(runs: Sequence[store.Run], views: Sequence[View], folder: Path) -> None:
    """Add to a report's folder what it takes to check and to repeat its runs."""
    import pandas as pd

    frame = pd.concat([view.frame for view in views], ignore_index=True)
    frame.attrs["marks"] = [mark for view in views for mark in view.manifest.get("marks") or ()]
    frame.to_parquet(folder / "summary.parquet", index=False)
    export = kcidb.export([(view.manifest, view.frame) for view in views])
    (folder / "kcidb.json").write_text(json.dumps(export, indent=1, allow_nan=False) + "\n")
    for run in runs:
        copy_run(run.path, folder / RUNS / run.id)
    script(folder / SCRIPT, runs)
    (folder / SUMS).write_text("".join(f"{facts.sha256(path)}  {path.relative_to(folder)}\n"
                                       for path in files(folder)))


def copy_run(source: Path, target: Path) -> None:
    """A run's manifest, records, gate and sources: what its figures can be recomputed from."""
    wanted = [source / name for name in KEPT] + sorted(source.glob("boots/*/records.jsonl"))
    for path in filter(Path.is_file, wanted):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def files(folder: Path) -> Iterator[Path]:
    """All files of a bundle but its checksums, sorted."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SUMS)


def script(path: Path, runs: Sequence[store.Run]) -> None:
    """rerun.sh: repeats the bundle it lies in; what it says of the runs are quoted words."""
    commits = sorted({str((run.manifest.get("suite") or {}).get("commit")) for run in runs})
    path.write_text(
        "#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0-only\n"
        "# Repeats the runs of this bundle from its own sources and puts both beside each other.\n"
        "# Takes the options of 'extspt rerun'; EXTSPT names the command of an extspt-bench.\n"
        "set -eu\n"
        f"echo made with extspt-bench {shlex.join(commits)} >&2\n"
        'here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)\n'
        'exec "${EXTSPT:-extspt}" rerun "$here" "$@"\n')
    path.chmod(0o755)


def check(folder: Path) -> None:
    """Check a bundle's files against its checksums. Raises DataError naming the first that differs.

    A file that is not listed is as wrong as one that was changed.
    """
    try:
        lines = (folder / SUMS).read_text().splitlines()
    except OSError as error:
        raise DataError("not a bundle: it has no checksums", where=str(folder),
                        fix="'extspt report --bundle RUN' makes one") from error
    listed = {line[66:]: line[:64] for line in lines}
    there = {str(path.relative_to(folder)) for path in files(folder)}
    for name in sorted(there | listed.keys()):
        if name not in there or name not in listed or facts.sha256(folder / name) != listed[name]:
            raise DataError("the bundle was changed", where=f"{folder.name}/{name}",
                            fix="take it from where it came from again")


def packed(folder: Path) -> Path:
    """The tarball of a bundle, beside its folder."""
    return folder.with_name(f"{folder.name}.tar.gz")


def pack(folder: Path) -> Path:
    """Write the tarball of a bundle; the same folder gives the same bytes."""
    target = packed(folder)
    with target.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as zipped, \
            tarfile.open(fileobj=zipped, mode="w") as tar:
        for path in (*files(folder), folder / SUMS):
            tar.add(path, f"{folder.name}/{path.relative_to(folder)}", filter=sources_kept.plain)
    return target
