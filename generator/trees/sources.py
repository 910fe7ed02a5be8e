# SPDX-License-Identifier: GPL-2.0-only
"""Full kernel sources of Debian suites, fetched by apt and unpacked below build/sources/."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from generator import layout, proc
from generator.errors import RigError, UsageError
from generator.trees import image, kernelbuild, treeform
from generator.trees.distro import SUITE, Archive

_UNPACK_S = 900.0
_SERIES = re.compile(r"\d+\.\d+")
_PACKAGE = re.compile(r"^linux-source-(\d+)\.(\d+) ", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """An unpacked source tree and its version."""

    path: Path
    version: str
    skipped: bool = False


def fetch(suite: str, series: str | None = None) -> Source:
    """Fetch the source of ``suite``: the newest packaged there, or of a series such as 6.12.

    A folder below build/sources/ is complete: it is renamed into place last. Raises UsageError
    for names that cannot be, RigError when the mirror has no such package.
    """
    if not SUITE.fullmatch(suite) or (series and not _SERIES.fullmatch(series)):
        raise UsageError(f"'{series or suite}' is no suite or kernel series",
                         fix="for instance: extspt kernel fetch sid, or trixie 6.12")
    with image.scratch(layout.SOURCES) as fresh:
        proc.note(f"  LISTS   {suite}")
        archive = Archive.open(fresh, suite)
        listed = packaged(archive)
        if series in (None, *listed):
            packed = _of_package(archive, series or listed[-1])
        else:
            packed = _of_source(archive, str(series))
        return _unpack(fresh, packed)


def fetched() -> list[Source]:
    """The sources that are here, from the oldest."""
    found = [path for path in layout.SOURCES.glob("[0-9]*") if (path / "Makefile").is_file()]
    return [Source(path, kernelbuild.version(path), skipped=True)
            for path in sorted(found, key=lambda path: treeform.order(path.name))]


def packaged(archive: Archive) -> list[str]:
    """Series the suite has linux-source packages of, by number; RigError without any."""
    said = proc.query(["apt-cache", "-c", archive.folder / "apt.conf", "search",
                       "--names-only", "^linux-source-[0-9]"]).output
    found = sorted((int(major), int(minor)) for major, minor in _PACKAGE.findall(said))
    if not found:
        raise RigError("this suite has no linux-source package", where=str(archive.folder.name),
                       fix="another suite, such as sid", evidence=said[-300:])
    return [f"{major}.{minor}" for major, minor in found]


def _of_package(archive: Archive, series: str) -> Path:
    """The tarball in a linux-source package: with the distro's patches."""
    proc.note(f"  FETCH   linux-source-{series}")
    root = archive.folder / "root"
    image.unpack(archive.fetch(f"linux-source-{series}"), root)
    return next((root / "usr/src").glob(f"linux-source-{series}.tar.*"))


def _of_source(archive: Archive, series: str) -> Path:
    """The newest release of a series of which only a source package is left; RigError if none.

    Backports drop their binary packages with the next series and keep the sources for longer.
    """
    archive.with_sources()
    said = proc.query(["apt-cache", "-c", archive.folder / "apt.conf", "madison", "linux"]).output
    found = [(int(minor or 0), version) for version, minor in
             re.findall(rf"\| *({re.escape(series)}(?:\.(\d+))?-\S+) *\|", said)]
    if not found:
        raise RigError(f"no source of Linux {series} in this suite", evidence=said[-1500:],
                       fix="its source packages are below; another suite may have it")
    version = max(found)[1]
    proc.note(f"  FETCH   source package linux {version}, without its patches")
    return archive.fetch_source("linux", version)


def _unpack(fresh: Path, packed: Path) -> Source:
    proc.note(f"  UNPACK  {packed.name}")
    tree = fresh / "tree"
    tree.mkdir()
    outcome = proc.query(["tar", "-C", tree, "--strip-components=1", "-xf", packed],
                         timeout=_UNPACK_S)
    if not outcome.ok:
        raise RigError("the source cannot be unpacked", where=packed.name,
                       fix="is the disk full?", evidence=outcome.output[-500:])
    version = kernelbuild.version(tree)
    final = layout.SOURCES / version
    if final.is_dir():
        return Source(final, version, skipped=True)
    tree.rename(final)
    return Source(final, version)
