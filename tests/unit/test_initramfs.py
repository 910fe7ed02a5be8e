# SPDX-License-Identifier: GPL-2.0-only
"""The guest image: the kernel's format, checked against cpio(1), and the same bytes each time."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from generator.errors import RigError
from generator.runs import initramfs
from generator.runs.initramfs import Entry


def entries() -> list[Entry]:
    return [initramfs.directory("bin"), initramfs.node("dev", 4, 65),
            initramfs.regular("init", b"abcde", executable=True), initramfs.regular("empty", b""),
            initramfs.symlink("bin/sh", "busybox")]


def test_layout_of_an_entry() -> None:
    blob = initramfs.archive([initramfs.regular("ab", b"xyz12")])
    assert blob[:6] == b"070701"
    fields = [int(blob[at:at + 8], 16) for at in range(6, 110, 8)]
    assert fields[1] == 0o100644 and fields[6] == 5 and fields[11] == 3 and fields[12] == 0
    assert blob[110:124] == b"ab\0" + bytes(3) + b"xyz12" + bytes(3)
    assert len(blob) % 4 == 0 and blob[124:130] == b"070701" and b"TRAILER!!!\0" in blob


@pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed")
def test_cpio_reads_it(tmp_path: Path) -> None:
    listing = subprocess.run(["cpio", "-tv", "--quiet"], input=initramfs.archive(entries()),
                             capture_output=True, check=True).stdout.decode().splitlines()
    assert [line.split()[0] for line in listing] == [
        "drwxr-xr-x", "crw-------", "-rwxr-xr-x", "-rw-r--r--", "lrwxrwxrwx"]
    assert "4,  65" in listing[1] and listing[4].endswith("bin/sh -> busybox")
    plain = initramfs.archive([e for e in entries() if e.name != "dev"])
    subprocess.run(["cpio", "-id", "--quiet"], input=plain, cwd=tmp_path, check=True)
    assert (tmp_path / "init").read_bytes() == b"abcde"
    assert (tmp_path / "empty").read_bytes() == b""


def test_same_bytes_each_time(tmp_path: Path) -> None:
    first = initramfs.write(tmp_path / "a.gz", entries()).read_bytes()
    assert initramfs.write(tmp_path / "other" / "name.gz", entries()).read_bytes() == first
    assert gzip.decompress(first) == initramfs.archive(entries())


def test_guest_has_what_init_needs(tmp_path: Path) -> None:
    busybox, ko = tmp_path / "busybox", tmp_path / "built.ko"
    busybox.write_bytes(b"B")
    ko.write_bytes(b"K")
    found = {e.name: e for e in initramfs.guest_entries("#!", [("none", ko)], busybox)}
    assert found["modules/none.ko"].data == b"K" and found["init"].mode & 0o111
    assert found["dev/ttyS1"].device == (4, 65) and found["bin/insmod"].data == b"busybox"
    folders = {name for name in found if "/" in name}
    assert {name.split("/")[0] for name in folders} <= found.keys()  # parents come with it


def elf(*types: int) -> bytes:
    """A 64-bit ELF header with program headers of these types."""
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    header[32:40] = (64).to_bytes(8, "little")
    header[54:56], header[56:58] = (56).to_bytes(2, "little"), len(types).to_bytes(2, "little")
    return bytes(header) + b"".join(kind.to_bytes(4, "little") + bytes(52) for kind in types)


@pytest.mark.parametrize("blob, static", [
    (elf(1, 1, 4), True), (elf(6, 3, 1), False), (b"#!/bin/sh\n", False), (b"", False)])
def test_static_busybox(tmp_path: Path, blob: bytes, static: bool) -> None:
    file = tmp_path / "busybox"
    file.write_bytes(blob)
    assert initramfs.is_static(file) is static


def test_no_static_busybox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initramfs, "is_static", lambda path: False)
    with pytest.raises(RigError) as caught:
        initramfs.find_busybox()
    assert "busybox-static" in caught.value.fix
