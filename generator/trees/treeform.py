# SPDX-License-Identifier: GPL-2.0-only
"""What a folder given as KDIR= is, and what has to be done before modules can be built in it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from generator import layout
from generator.errors import BuildError
from generator.trees import kernelconfig

_KDIR = "KDIR= takes headers, a build folder or a source tree of a kernel"
_PREPARED = ("include/generated/autoconf.h", "include/generated/utsrelease.h",
             "scripts/mod/modpost")
_ARCHES = {"ARM64": "arm64", "RISCV": "riscv", "S390": "s390", "PPC64": "powerpc",
           "LOONGARCH": "loongarch", "MIPS": "mips", "ARM": "arm", "X86_32": "32-bit x86"}
# What may differ between a distro's configuration and the same one prepared again: what the
# compiler and the tools can do, how it is signed. None of it changes a structure's layout.
_HARMLESS = re.compile(r"(CC|GCC|CLANG|AS|LD|LLD|PAHOLE|BINDGEN)_(?!PLUGIN|OPTIMIZE)\w*"
                       r"|(HAVE_)?RUST\w*|(TOOLS|OPENSSL)_SUPPORTS?_\w*|MODULE_SIG_(ALL|KEY)"
                       r"|SYSTEM_TRUSTED_KEYS|BUILD_SALT|LOCALVERSION\w*"
                       # gcc against clang: what could be had, how calls are recorded, segments
                       r"|HA(S|VE)_(LTO_CLANG|CFI_\w+|KMSAN_COMPILER)|FTRACE_MCOUNT_USE_\w+"
                       r"|USE_X86_SEG_SUPPORT|UBSAN_(ARRAY_BOUNDS|BOUNDS_STRICT)")


class Form(StrEnum):
    """What a tree is; recorded in every result."""

    DISTRO_HEADERS = "distro-headers"
    DISTRO_ROOT = "distro-root"     # another release's packages in a folder, with its compiler
    BUILT = "built"
    PREPARED = "prepared"
    CONFIGURED = "configured"
    SOURCE = "source"


def form_of(folder: Path) -> Form:
    """What ``folder`` is; BuildError when it is no kernel tree at all."""
    if not folder.is_dir():
        raise BuildError("no such folder", where=str(folder), fix=_KDIR)
    if unpacked_root(folder) is not None:
        return Form.DISTRO_ROOT
    if not (folder / "Makefile").is_file() or not (
            (folder / "scripts").is_dir() or (folder / "source").is_dir()):
        raise BuildError("not a kernel tree: it has no Makefile and scripts/", where=str(folder),
                         fix=_KDIR)
    # The sources decide first: Debian's headers from 6.12 on hold a vmlinux, for BTF only.
    if source_of(folder) is None:
        return Form.DISTRO_HEADERS
    if not (folder / ".config").is_file():
        return Form.SOURCE
    if not all((folder / name).exists() for name in _PREPARED):
        return Form.CONFIGURED
    images = ("vmlinux", "linux", "arch/x86/boot/bzImage")
    return Form.BUILT if any((folder / name).is_file() for name in images) else Form.PREPARED


def source_of(folder: Path) -> Path | None:
    """The full source a tree belongs to: itself, or what its O= folder points to."""
    found = [place for place in (folder, folder / "source")
             if (place / "MAINTAINERS").is_file()]
    return found[0].resolve() if found else None


def upstream_release(tree: Path) -> str:
    """What a built or prepared tree says of its source, such as 6.1.176 or 7.2.13+deb14-cloud.

    "" when it says nothing. Of Debian's 6.1.0-50-cloud-amd64 the release's name does not tell it.
    """
    said = tree / "include/config/kernel.release"
    return said.read_text().strip() if said.is_file() else ""


def number(release: str) -> str:
    """The version in a release: 7.2.13 of 7.2.13+deb14-cloud-amd64."""
    return release.partition("-")[0].partition("+")[0]


def order(release: str) -> list[int]:
    """Sorts releases as people do: 7.2.9 before 7.2.13."""
    return [int(digits) for digits in re.findall(r"\d+", release)]


def unpacked_root(folder: Path) -> Path | None:
    """``folder`` when another release's packages were unpacked into it, headers among them."""
    headers = any((folder / "usr/src").glob("*/.config")) and not (folder / "Makefile").exists()
    return folder.resolve() if headers and folder.resolve() != Path("/") else None


def headers_in(root: Path) -> list[Path]:
    """Header trees in an unpacked root. Its links in lib/modules may lead out of it: not used."""
    return sorted(path.parent for path in (root / "usr/src").glob("*/.config"))


def config_folder(tree: Path) -> Path:
    """The folder with a tree's .config; BuildError when it was never configured."""
    folder = headers_in(tree)[-1] if form_of(tree) is Form.DISTRO_ROOT else tree
    if not (folder / ".config").is_file():
        raise BuildError("the tree has no .config", where=str(tree),
                         fix=f"configure it first, for instance: make -C {tree} defconfig")
    return folder


def refuse_unfinished(tree: Path, form: Form) -> None:
    """BuildError that says what has to be done before modules can be built in ``tree``."""
    own = tree.parent == layout.OWN_KERNELS.resolve() or (tree / kernelconfig.ASKED).is_file()
    if own and not (tree / layout.OWN_STAMP).is_file():
        raise BuildError("this kernel's build was interrupted", where=str(layout.shown(tree)),
                         fix="repeat extspt kernel build: it goes on where it stopped")
    if tree.parent == layout.PREPARED.resolve() and not (tree / "Module.symvers").is_file():
        raise BuildError("this tree's preparation was interrupted", where=str(layout.shown(tree)),
                         fix="repeat extspt tree prepare: it begins anew")
    if form is Form.SOURCE:
        raise BuildError("a plain source tree: not configured, not built", where=str(tree),
                         fix=f"extspt kernel build {tree}   (a small kernel, minutes once)")
    if (tree / ".config").is_file():    # before anything that takes minutes to mend
        refuse_arch(tree, kernelconfig.settings((tree / ".config").read_text()))
    missing = [name for name in (".config", *_PREPARED) if not (tree / name).exists()]
    if missing:
        raise BuildError(f"the tree is not prepared: {missing[0]} is missing", where=str(tree),
                         fix=prepare_command(tree, form))
    if not (tree / "Module.symvers").is_file():
        raise BuildError("the tree has no Module.symvers, so no symbol could be resolved",
                         where=str(tree), fix=f"build it: {_make(tree)} -j{os.cpu_count()}; or "
                         "copy Module.symvers of the same kernel there")


def prepare_command(tree: Path, form: Form) -> str:
    """The command that makes an unprepared tree fit for modules."""
    if form is Form.DISTRO_HEADERS:
        return f"apt-get install --reinstall {tree.name}"
    if form is Form.DISTRO_ROOT:
        return "fetch it anew: extspt tree fetch SUITE"
    if not os.access(tree, os.W_OK):
        return (f"the tree is read-only here: copy it, or prepare it elsewhere: {_make(tree)} "
                "O=<folder> with its .config there, then KDIR=<folder>")
    return f"{_make(tree)} modules_prepare"


def _make(tree: Path) -> str:
    """make with the architecture of the tree's .config, which it would rewrite for another one."""
    config = tree / ".config"
    um = config.is_file() and kernelconfig.settings(config.read_text()).get("UML") == "y"
    return f"make -C {tree}" + (" ARCH=um" if um else "")


def refuse_arch(tree: Path, config: Mapping[str, str]) -> None:
    """BuildError for a kernel of another architecture."""
    if config.get("X86_64") != "y":
        other = next((name for option, name in _ARCHES.items() if config.get(option) == "y"),
                     "another architecture")
        raise BuildError(f"this kernel is for {other}", where=str(tree / ".config"),
                         fix="the modules are for x86-64 kernels and for ARCH=um with 64 bits")


def lost(distro: Mapping[str, str], own: Mapping[str, str]) -> list[str]:
    """Options that another configuration of the same release has otherwise, as X=y (is n).

    Without pahole, for one, olddefconfig drops BTF and all that needs it, and the layout of
    task_struct with it: a module would load and read the wrong fields.
    """
    return [f"{name}={distro.get(name, 'n')} (is {own.get(name, 'n')})"
            for name in sorted(distro.keys() | own.keys())
            if distro.get(name, "n") != own.get(name, "n") and not _HARMLESS.fullmatch(name)]
