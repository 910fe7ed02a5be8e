# SPDX-License-Identifier: GPL-2.0-only
"""Full kernel sources of Debian suites, fetched by apt and unpacked below build/sources/."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from generator import distro, image, kernelbuild, layout, proc
from generator.distro import Archive
from generator.errors import RigError, UsageError

_UNPACK_S = 900.0
_SERIES = re.compile(r"\d+\.\d+")
_SUITE = re.compile(r"[a-z][a-z0-9.-]*")
_PACKAGE = re.compile(r"^linux-source-(\d+)\.(\d+) ", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """An unpacked source tree and its version."""

    path: Path
    version: str
    skipped: bool = False


def fetch(suite: str, series: str | None = None) -> Source:
    """Fetch the source of ``suite``: the newest there, or of a series such as 6.12.

    A folder below build/sources/ is complete: it is renamed into place last. Raises UsageError
    for names that cannot be, RigError when the mirror has no such package.
    """
    if not _SUITE.fullmatch(suite) or (series and not _SERIES.fullmatch(series)):
        raise UsageError(f"'{series or suite}' is no suite or kernel series",
                         fix="for instance: extspt kernel fetch sid, or trixie 6.12")
    with image.scratch(layout.SOURCES) as fresh:
        proc.note(f"  LISTS   {suite}")
        archive = Archive.open(fresh, suite, distro.mirror())
        wanted = series or newest(archive)
        proc.note(f"  FETCH   linux-source-{wanted}")
        image.unpack(archive.fetch(f"linux-source-{wanted}"), fresh / "root")
        return _unpack(fresh, wanted)


def newest(archive: Archive) -> str:
    """The newest series the suite has a source package of; RigError without one."""
    listed = proc.query(["apt-cache", "-c", archive.folder / "apt.conf", "search",
                         "--names-only", "^linux-source-[0-9]"]).output
    found = [(int(major), int(minor)) for major, minor in _PACKAGE.findall(listed)]
    if not found:
        raise RigError("this suite has no linux-source package", where=str(archive.folder.name),
                       fix="another suite, such as sid", evidence=listed[-300:])
    return "{}.{}".format(*max(found))


def _unpack(fresh: Path, series: str) -> Source:
    proc.note(f"  UNPACK  linux-source-{series}")
    packed = next((fresh / "root/usr/src").glob(f"linux-source-{series}.tar.*"))
    outcome = proc.query(["tar", "-C", fresh, "-xf", packed], timeout=_UNPACK_S)
    tree = fresh / f"linux-source-{series}"
    if not outcome.ok or not tree.is_dir():
        raise RigError("the source cannot be unpacked", where=packed.name,
                       fix="is the disk full?", evidence=outcome.output[-500:])
    version = kernelbuild.version(tree)
    final = layout.SOURCES / version
    if final.is_dir():
        return Source(final, version, skipped=True)
    tree.rename(final)
    return Source(final, version)
