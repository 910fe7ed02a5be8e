# SPDX-License-Identifier: GPL-2.0-only
"""Kernel sources from apt: which package is taken, and that only whole trees are left behind."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from generator import layout
from generator.errors import RigError, UsageError
from generator.proc import Done
from generator.trees import distro, image, sources
from generator.trees.distro import Archive

MADISON = """     linux | 6.18.5-1~bpo13+1 | http://nowhere.invalid trixie-backports/main Sources
     linux | 6.18.15-1~bpo13+1 | http://nowhere.invalid trixie-backports/main Sources
     linux | 6.1.8-1 | http://nowhere.invalid trixie/main Sources
"""
LISTED = """linux-source-6.12 - Linux kernel source for version 6.12 with Debian patches
linux-source-7.2 - Linux kernel source for version 7.2 with Debian patches
linux-source - Linux kernel source (meta-package)
"""


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """An archive whose packages hold a tarball of a tiny source."""
    monkeypatch.setattr(layout, "SOURCES", tmp_path / "sources")
    monkeypatch.setattr(distro, "mirror", lambda suite: "nowhere")
    monkeypatch.setattr(sources.proc, "query", _query)
    found = Archive(tmp_path)
    monkeypatch.setattr(Archive, "open", lambda folder, suite: found)
    monkeypatch.setattr(Archive, "fetch", lambda self, package: Path(package))
    monkeypatch.setattr(Archive, "with_sources", lambda self: None)
    monkeypatch.setattr(Archive, "fetch_source", _fetch_source)
    monkeypatch.setattr(image, "unpack", _unpack)
    return found


def _query(argv: list[str | Path], **options: object) -> Done:
    words = tuple(map(str, argv))
    if words[0] == "apt-cache":
        return Done(words, 0, MADISON if "madison" in words else LISTED)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return Done(words, done.returncode, done.stdout + done.stderr)


def _unpack(package: Path, root: Path) -> None:
    series = package.name.removeprefix("linux-source-")
    _pack(f"{series}.9", root / "usr/src" / f"{package.name}.tar.xz")


def _fetch_source(archive: Archive, package: str, version: str) -> Path:
    version = version.partition("-")[0]
    return _pack(version, archive.folder / f"{package}_{version}.orig.tar.xz")


def _pack(version: str, packed: Path) -> Path:
    """A tarball of a tiny source."""
    series = version.split(".")
    tree = packed.parent / f"linux-{version}"
    tree.mkdir(parents=True)
    (tree / "Makefile").write_text(f"VERSION = {series[0]}\nPATCHLEVEL = {series[1]}\n"
                                   f"SUBLEVEL = {series[2]}\nEXTRAVERSION =\n")
    (tree / "Kconfig").touch()
    subprocess.run(["tar", "-C", tree.parent, "-cJf", packed, tree.name], check=True)
    shutil.rmtree(tree)
    return packed


def test_newest_by_number_not_by_name(archive: Archive) -> None:
    assert sources.packaged(archive) == ["6.12", "7.2"]


def test_unpacked_under_its_version(archive: Archive) -> None:
    found = sources.fetch("sid")
    assert (found.version, found.path) == ("7.2.9", layout.SOURCES / "7.2.9")
    assert (found.path / "Makefile").is_file() and not found.skipped
    assert sources.fetch("sid").skipped
    assert sources.fetch("trixie", "6.12").version == "6.12.9"
    assert sorted(path.name for path in layout.SOURCES.iterdir()) == ["6.12.9", "7.2.9"]


def test_series_of_which_only_a_source_package_is_left(archive: Archive) -> None:
    assert sources.fetch("trixie-backports", "6.18").version == "6.18.15"
    with pytest.raises(RigError, match=r"no source of Linux 6\.17") as caught:
        sources.fetch("trixie-backports", "6.17")
    assert "6.18.5-1~bpo13+1" in caught.value.evidence


def test_torn_tarball_leaves_nothing(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(package: Path, root: Path) -> None:
        _unpack(package, root)
        packed = next(root.glob("usr/src/*"))
        packed.write_bytes(packed.read_bytes()[:40])
    monkeypatch.setattr(image, "unpack", torn)
    with pytest.raises(RigError, match="cannot be unpacked"):
        sources.fetch("sid")
    assert list(layout.SOURCES.iterdir()) == []


@pytest.mark.parametrize("words", [("Sid!",), ("sid", "7"), ("../x",), ("sid", "7.2; rm")])
def test_names_that_cannot_be(words: tuple[str, ...], archive: Archive) -> None:
    with pytest.raises(UsageError, match="no suite or kernel series"):
        sources.fetch(*words)
