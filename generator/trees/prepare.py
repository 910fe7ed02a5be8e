# SPDX-License-Identifier: GPL-2.0-only
"""A full source made fit for modules of a distro's kernel, with the compiler of this machine.

The distro's .config and Module.symvers, the same version, modules_prepare: seconds instead of a
kernel build, and the image stays the distro's. Refused when the configuration comes out otherwise.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from generator import layout, proc
from generator.errors import BuildError, RigError
from generator.trees import compiler, distro, kernel, kernelbuild, treeform
from generator.trees.kernel import KernelTree
from generator.trees.kernelconfig import ENVIRONMENT
from generator.trees.treeform import Form

LOG = "prepare.log"
_TIMEOUT_S = 900.0
_SYMVERS = "Module.symvers"


def prepare(source: Path, like: KernelTree, cc: str = "") -> Path:
    """Prepare ``source`` for the kernel of the headers ``like``; the folder to give as KDIR=.

    ``cc``: gcc-15, clang-19 and so on, "" for the usual one. For clang it is the only way: headers
    are configured for the compiler that built their kernel; an own kernel can be ``like`` then.
    Module.symvers goes there last, and without it the folder is not used. Raises BuildError for
    another version, a lost option or a failing make, RigError for a missing tool.
    """
    folder = layout.PREPARED / (f"{like.release}-{cc}" if cc else like.release)
    if _is_prepared(folder, source, like):
        return folder
    _refuse_other(source, like, cc)
    if cc and proc.find(cc) is None:
        raise RigError(f"{cc} is not installed", fix=f"apt-get install {cc} and, for clang, its "
                       f"{' and '.join(distro.with_linkers([cc])[1:]) or 'linker'}")
    kernelbuild.require_tools()
    if like.config.get("DEBUG_INFO_BTF") == "y" and proc.find("pahole") is None:
        raise RigError("pahole is not installed: the configuration would lose BTF and more",
                       fix="apt-get install pahole")
    with proc.alone(layout.PREPARED):
        if _is_prepared(folder, source, like):
            return folder       # by another one meanwhile
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        proc.note(f"  PREPARE {like.release}")
        with kernelbuild.full_disk_told(folder, "it begins anew"):
            _fill(source, folder, like, cc)
    return folder


def _is_prepared(folder: Path, source: Path, like: KernelTree) -> bool:
    """Whether it was, of this source and for this kernel: packages may keep a release's name."""
    symvers = folder / _SYMVERS
    return (symvers.is_file() and treeform.source_of(folder) == source.resolve()
            and symvers.read_bytes() == (like.kdir / _SYMVERS).read_bytes())


def _fill(source: Path, folder: Path, like: KernelTree, cc: str) -> None:
    shutil.copy(like.kdir / ".config", folder)
    _make(source, folder, like, cc, "olddefconfig")
    gone = treeform.lost(kernel.settings(like.kdir), kernel.settings(folder))
    if gone:
        raise BuildError(f"{len(gone)} options of {like.release} come out otherwise here",
                         where=str(layout.shown(folder)), evidence="\n".join(gone[:12]),
                         fix="this machine's tools cannot do it: 'extspt tree fetch SUITE' gets "
                         "headers with their own compiler")
    _make(source, folder, like, cc, "modules_prepare")
    shutil.copy(like.kdir / _SYMVERS, folder / f"{_SYMVERS}.new")
    (folder / f"{_SYMVERS}.new").replace(folder / _SYMVERS)


def upstream_version(like: KernelTree) -> str:
    """Version of the source some headers are of."""
    return treeform.upstream_release(like.kdir) or like.release


def _refuse_other(source: Path, like: KernelTree, cc: str) -> None:
    own, theirs = kernelbuild.version(source), upstream_version(like)
    if own not in (theirs, treeform.number(theirs)):
        raise BuildError(f"the source is {own}, the headers are of {theirs}", where=str(source),
                         fix="structures differ between versions: take the source of just this one")
    if like.kind not in (Form.DISTRO_HEADERS, Form.DISTRO_ROOT) and not cc:
        raise BuildError(f"{like.kdir} holds no distro's headers", where=like.kind,
                         fix="it can be given as KDIR= as it is")


def _make(source: Path, folder: Path, like: KernelTree, cc: str, goal: str) -> None:
    """One goal of the tree's make. The release is the kernel's own, to the last character."""
    argv = ("make", "-C", str(source.resolve()), f"O={folder}", f"-j{os.cpu_count()}",
            f"KERNELRELEASE={like.release}", *compiler.make_words(cc or "gcc"),
            *(["ARCH=um"] if like.arch == "um" else []), goal)
    outcome = proc.run(argv, timeout=_TIMEOUT_S, env=ENVIRONMENT, log=folder / LOG)
    if not outcome.ok:
        raise BuildError(f"make {goal} fails", where=str(layout.shown(folder / LOG)),
                         fix="its last lines are below",
                         evidence="\n".join(outcome.output.splitlines()[-8:]))
