# SPDX-License-Identifier: GPL-2.0-only
"""The guest's whole user space: a newc cpio archive, made without cpio(1), always the same bytes.

The format is the kernel's own (Documentation/driver-api/early-userspace/buffer-format.rst):
per entry "070701", thirteen 8-digit hex fields, the name with its NUL, and the data, both
padded to 4 bytes; the entry TRAILER!!! ends it.
"""

from __future__ import annotations

import gzip
import shutil
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.errors import RigError
from generator.kvm.kvmhost import KvmBuild
from generator.modules import render
from generator.runners import Load

MAGIC = "070701"
TRAILER = "TRAILER!!!"
DIRECTORIES = ("bin", "dev", "proc", "sys", "cg", "host",
               "modules")
#: Device nodes are in the archive because DEVTMPFS_MOUNT does not apply to an initramfs.
NODES = (("dev/console", 5, 1), ("dev/null", 1, 3), ("dev/ttyS1", 4, 65))
#: The applets init.j2 and cases.sh.j2 call; everything else in it is a builtin of ash.
APPLETS = ("sh", "cat", "insmod", "mkdir", "mount", "poweroff", "rmmod")


@dataclass(frozen=True)
class Entry:
    """One name in the archive; ``mode`` carries the file type, ``device`` is (major, minor)."""

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(name: str) -> Entry:
    """A folder anyone may enter."""
    return Entry(name, stat.S_IFDIR | 0o755)


def regular(name: str, data: bytes, *, executable: bool = False) -> Entry:
    """A file with this content."""
    return Entry(name, stat.S_IFREG | (0o755 if executable else 0o644), data)


def symlink(name: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(name, stat.S_IFLNK | 0o777, target.encode())


def node(name: str, major: int, minor: int) -> Entry:
    """A character device."""
    return Entry(name, stat.S_IFCHR | 0o600, device=(major, minor))


def _padded(blob: bytes) -> bytes:
    return blob + bytes(-len(blob) % 4)


def _packed(entry: Entry, inode: int) -> bytes:
    name = entry.name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    # ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
    header = (MAGIC + "".join(f"{field:08X}" for field in fields)).encode()
    return _padded(header + name) + _padded(entry.data)


def archive(entries: Iterable[Entry]) -> bytes:
    """The uncompressed cpio archive of these entries, in their order."""
    whole = [*entries, Entry(TRAILER, 0)]
    return b"".join(_packed(entry, inode) for inode, entry in enumerate(whole, start=1))


def find_busybox() -> Path:
    """A statically linked busybox; RigError names the package when there is none."""
    # busybox-static owns /bin/busybox; a dynamically linked one could not run in the guest.
    for candidate in (Path("/bin/busybox"), Path("/usr/bin/busybox"), _on_path()):
        if candidate is not None and candidate.is_file() and is_static(candidate):
            return candidate
    raise RigError("no static busybox for the guest",
                   fix="run 'make setup', or install busybox-static")


def _on_path() -> Path | None:
    found = shutil.which("busybox")
    return Path(found) if found else None


def is_static(program: Path) -> bool:
    """Tell whether a little-endian 64-bit ELF file asks for no interpreter (no PT_INTERP)."""
    blob = program.read_bytes()
    if blob[:6] != b"\x7fELF\x02\x01":
        return False
    start = int.from_bytes(blob[32:40], "little")
    size, count = (int.from_bytes(blob[at:at + 2], "little") for at in (54, 56))
    types = (blob[start + i * size:start + i * size + 4] for i in range(count))
    return all(int.from_bytes(kind, "little") != 3 for kind in types)


def guest_entries(init: str, modules: Sequence[tuple[str, Path]], busybox: Path,
                  kvm: KvmBuild | None = None,
                  programs: Sequence[tuple[str, Path]] = ()) -> list[Entry]:
    """Everything the guest needs: folders, nodes, busybox, /init and the (name, .ko) modules.

    With ``kvm`` also its modules, its device and the program that drives it; ``programs``: further
    static programs, (name, file), for /bin.
    """
    if kvm is not None:
        programs = [*programs, ("drive", kvm.driver)]
    device = [] if kvm is None else [node("dev/kvm", 10, 232)]
    modules = [*(kvm.modules if kvm else ()), *modules]
    return [
        *(directory(name) for name in DIRECTORIES),
        *(node(*spec) for spec in NODES),
        regular("bin/busybox", busybox.read_bytes(), executable=True),
        *(symlink(f"bin/{applet}", "busybox") for applet in APPLETS),
        regular("init", init.encode(), executable=True),
        *(regular(f"modules/{name}.ko", ko.read_bytes()) for name, ko in modules),
        *device,
        *(regular(f"bin/{name}", file.read_bytes(), executable=True) for name, file in programs),
    ]


def write(path: Path, entries: Iterable[Entry]) -> Path:
    """Write the gzip-compressed archive; equal entries give equal bytes (no time stamp)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Level 1: the kernel unpacks it under TCG, where time goes by output, not by input.
    path.write_bytes(gzip.compress(archive(entries), compresslevel=1, mtime=0))
    return path


def write_guest(path: Path, load: Load, port: str) -> Path:
    """Write the initramfs of a boot; ``port``: shell line that opens the record port as fd 3."""
    init = render.fill("init", port=port, plan_id=load.plan_id, modules=load.listed,
                       turns=load.turns, costs=load.costs, script=load.script,
                       kvm=[name for name, _ in load.kvm.modules] if load.kvm else [])
    return write(path, guest_entries(init, load.files, find_busybox(), load.kvm, load.programs))
