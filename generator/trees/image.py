# SPDX-License-Identifier: GPL-2.0-only
"""The distro's kernel image of the same release as the headers: downloaded by apt and unpacked.

It is never installed: the host keeps its boot kernel. ``python -m generator.trees.image`` is the
part of the set-up that does this.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from generator import layout, proc
from generator.errors import ExtsptError, RigError
from generator.trees.kernel import KernelTree, unpacked_image

_DOWNLOAD_S = 900.0
_UNPACK_S = 300.0


def ensure(release: str) -> Path:
    """Path of the unpacked image of ``release``; downloads it only when it is not there.

    Raises RigError when no package of that release can be had or it holds no image.
    """
    folder = layout.kernel_image(release)
    if (found := unpacked_image(folder, release)) is not None:
        return found
    proc.note(f"  IMAGE   {release}")
    version = package_version(f"linux-headers-{release}")
    with scratch(layout.KERNELS) as fresh:
        fill(fresh / "root", release, lambda name: download(name, version, fresh))
        shutil.rmtree(folder, ignore_errors=True)
        (fresh / "root").rename(folder)
    image = unpacked_image(folder, release)
    assert image is not None    # it was in the folder before the rename
    return image


def fill(root: Path, release: str, fetch: Callable[[str], Path]) -> None:
    """Unpack the image of ``release`` into ``root``; ``fetch`` gives a package's file.

    From Debian's 7.x on the image package only points to others. RigError without an image.
    """
    package = fetch(f"linux-image-{release}")
    unpack(package, root)
    for name in split_packages(_depends(package), release):
        if unpacked_image(root, release) is None:
            unpack(fetch(name), root)
    if unpacked_image(root, release) is None:
        raise RigError(f"no package of {release} holds a kernel image",
                       where=f"linux-image-{release}", fix="give a built kernel: KDIR=<tree>")


def split_packages(depends: str, release: str) -> list[str]:
    """The packages of the same kernel in a Depends field: binary and modules."""
    names = re.findall(r"[a-z0-9][a-z0-9+.-]+", re.sub(r"\([^)]*\)", "", depends))
    return sorted({name for name in names if name.startswith("linux-") and release in name})


def package_version(package: str) -> str:
    """Installed version of a Debian package, "" when it is not installed."""
    outcome = proc.query([proc.which("dpkg-query", "dpkg"), "-W", "-f", "${Version}", package])
    return outcome.output.strip() if outcome.ok else ""


def download(package: str, version: str, folder: Path) -> Path:
    """Fetch a package file through apt, of ``version`` when the archive still has it."""
    wanted = [f"{package}={version}", package] if version else [package]
    outcome = None
    for refreshed in (False, True):
        if refreshed and not _refresh():
            break
        for name in wanted:
            outcome = proc.query(["apt-get", "-q", "-o", "APT::Sandbox::User=root",
                                  "-o", f"Dir::Cache::archives={folder}",
                                  "download", name], timeout=_DOWNLOAD_S, cwd=folder)
            files = sorted(folder.glob(f"{package}_*.deb"))
            if outcome.ok and files:
                return files[-1]
    raise RigError(f"cannot download {package}", fix="is the package archive reachable? "
                   "then: apt-get update, and repeat", evidence=outcome.output if outcome else "")


def _refresh() -> bool:
    """Renew apt's lists once; False when that is not allowed or fails."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    with contextlib.suppress(RigError):
        proc.note("  APT     update")
        return proc.query([*sudo, "apt-get", "-q", "update"], timeout=_DOWNLOAD_S).ok
    return False


def _depends(package: Path) -> str:
    return proc.query(["dpkg-deb", "-f", package, "Depends"]).output


def unpack(package: Path, folder: Path) -> None:
    """Unpack a package file into ``folder``; RigError when that fails, as on a full disk."""
    outcome = proc.query(["dpkg-deb", "-x", package, folder], timeout=_UNPACK_S)
    if not outcome.ok:
        full = "No space left on device" in outcome.output
        raise RigError("the disk is full" if full else "the package cannot be unpacked",
                       where=package.name, evidence="\n".join(outcome.output.splitlines()[-4:]),
                       fix="make room, then repeat it" if full else "is it damaged? Repeat it")


@contextlib.contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A folder for half-done work beside the final one, gone when the block ends."""
    fresh = parent / f".download-{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)    # of one that was killed, and had this number
    fresh.mkdir(parents=True)
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def main() -> int:
    """Fetch the image of the default tree and print its path."""
    try:
        print(ensure(KernelTree.probe().release))
        return 0
    except ExtsptError as error:
        print(f"extspt: {error.stage}: {error}\n{error.evidence}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
