# SPDX-License-Identifier: GPL-2.0-only
"""Runs made elsewhere: a run's folder, a bundle, or a tarball of either, checked and copied in.

What comes in is somebody else's: archives hold plain files below one folder, every record and the
manifest's checksums are checked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from generator import layout
from generator.errors import DataError
from generator.report import capsule
from generator.runs import sources_kept, store


def bring_in(source: Path, root: Path = layout.RUNS) -> list[store.Run]:
    """Copy the run, or the runs of a bundle, into ``root`` and load them from there.

    A run that is there already with the same records is left alone. Raises DataError for anything
    that is no run, was changed, or has another run's id.
    """
    with tempfile.TemporaryDirectory(prefix="extspt-import-") as scratch:
        folders = list(runs_in(opened(source, Path(scratch))))
        checked = [check(folder) for folder in folders]
        return [copy(run, root) for run in checked]


def opened(source: Path, scratch: Path) -> Path:
    """The folder itself, or where a tarball was unpacked to."""
    if source.is_dir():
        return source
    if not source.is_file():
        raise DataError("there is no such file or folder", where=str(source))
    sources_kept.unpack(source, scratch)
    inner = list(scratch.iterdir())
    return inner[0] if len(inner) == 1 and inner[0].is_dir() else scratch


def runs_in(folder: Path) -> Iterator[Path]:
    """The run folders: this one, or those of a bundle, whose checksums are checked first."""
    if (folder / store.MANIFEST).is_file():
        yield folder
        return
    found = sorted(path.parent for path in (folder / capsule.RUNS).glob(f"*/{store.MANIFEST}"))
    if not found:
        raise DataError("neither a run nor a bundle", where=folder.name,
                        fix="give results/runs/<id>, results/reports/<id> of 'extspt report "
                            "--bundle', or a tarball of one of them")
    capsule.check(folder)
    yield from found


def check(folder: Path) -> store.Run:
    """Load a run to be imported: its records, their checksums, and its summary."""
    from generator.evidence import frames

    run = store.load_run(folder)
    if not run.records:
        raise DataError("the run has no records", where=run.id)
    frames.summarize(run)
    return run


def copy(run: store.Run, root: Path) -> store.Run:
    """Put a checked run under ``root``, whole or not at all."""
    target = root / run.id
    if target.exists():
        if sums(store.load_run(target)) == sums(run):
            return store.load_run(target)
        raise DataError("another run has this id here", where=str(layout.shown(target)),
                        fix="rename or remove the one that is wrong")
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".import-") as scratch:
        fresh = Path(scratch) / run.id
        capsule.copy_run(run.path, fresh)
        fresh.rename(target)
    return store.load_run(target)


def sums(run: store.Run) -> dict[str, str]:
    """Checksum of each boot's records."""
    return {name: str(boot.get("sha256")) for name, boot in run.manifest["boots"].items()}
