# SPDX-License-Identifier: GPL-2.0-only
"""The sources of a run's modules, kept with the run: it can be repeated when the tree has moved on.

    sources.tar.xz: <variant's slug>/<every staged file>
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from generator.errors import DataError
from generator.modules.build import BuiltModule

FILE = "sources.tar.xz"
MOST_BYTES = 256 << 20
"""An archive that unpacks to more than this holds something else."""


def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """An archive's entry without what differs between two machines."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    return entry


def keep(folder: Path, modules: Iterable[BuiltModule]) -> Path:
    """Write FILE into a run's folder; equal sources give equal bytes."""
    from generator.runs import store

    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w:xz", preset=1) as tar:
        for built in sorted(modules, key=lambda one: one.rendered.variant.name):
            rendered = built.rendered
            for name in sorted(rendered.files):
                tar.add(rendered.path / name, f"{rendered.variant.slug}/{name}", filter=plain)
    store.write_atomically(folder / FILE, blob.getvalue())
    return folder / FILE


def unpack(archive: Path, target: Path) -> None:
    """Unpack an archive below ``target``; nothing leaves it, links and devices are refused.

    Raises DataError for an archive that is damaged or holds what no source is.
    """
    try:
        with tarfile.open(archive) as tar:
            members = tar.getmembers()
            if sum(member.size for member in members) > MOST_BYTES:
                raise DataError("unpacks to too much", where=str(archive))
            if odd := next((m.name for m in members if not (m.isfile() or m.isdir())), None):
                raise DataError(f"holds something that is no file: {odd!r}", where=str(archive))
            tar.extractall(target, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise DataError(f"cannot be unpacked: {error}", where=str(archive)) from error
