# SPDX-License-Identifier: GPL-2.0-only
"""The doctor's look at a kernel tree: what it is, what is missing, the command that mends it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from generator import layout, proc
from generator.errors import ExtsptError, RigError
from generator.trees import compiler, kernel, kernelbuild, treeform
from generator.trees.kernel import KernelTree
from generator.trees.treeform import Form

#: All variants of one tree take about a quarter of this.
ROOM_BYTES = 256 << 20
#: Besides what is needed and what forbids timing; a run's manifest has many more.
_TOLD = ("MODVERSIONS", "PREEMPT_DYNAMIC", "HZ", "DEBUG_INFO_BTF", "KFENCE")
_SAYS = {Form.DISTRO_HEADERS: "headers of a distro's kernel",
         Form.DISTRO_ROOT: "another release's packages, built with its own compiler in a chroot",
         Form.BUILT: "built tree", Form.PREPARED: "prepared source, not built",
         Form.CONFIGURED: "configured source, not prepared",
         Form.SOURCE: "plain source, not configured"}


@dataclass(frozen=True)
class Item:
    """One line of the doctor's table. ``state``: ok, missing, or note (nothing to mend)."""

    name: str
    state: str
    detail: str
    fix: str = ""


def examine(kdir: str | None) -> list[Item]:
    """Every check of a tree (default: the newest distro headers), in the order of a build."""
    try:
        tree = KernelTree.probe(kdir)
    except ExtsptError as error:
        where = f"{error.where}: " if error.where else ""
        fault = Item("kernel tree", "missing", f"{where}{error.what}", error.fix)
        return [fault] if kdir is None else [*_source(Path(kdir)), fault]
    shown = (*kernel.NEEDED, *_TOLD, *kernel.DEBUGGING)
    options = " ".join(f"{name}={tree.config[name]}" for name in shown if name in tree.config)
    says = _SAYS[Form(tree.kind)]
    return [Item("kernel tree", "ok", f"{tree.release} for {tree.arch}: {says}; {tree.kdir}"),
            Item("options", "ok", options), _compiler(tree), _config(tree), _image(tree), _room()]


def _source(folder: Path) -> list[Item]:
    """What can be said of a source that nothing was built in yet."""
    try:
        form = treeform.form_of(folder)
    except ExtsptError:
        return []
    source = treeform.source_of(folder)
    items = [Item("form", "note", _SAYS[form])]
    if source is None:
        return items
    here, least = compiler.version_line("gcc"), compiler.least(source)
    state = Item("compiler", "ok", f"{here}; this source takes gcc {least or '?'} and newer")
    if compiler.older(here, least):
        state = Item("compiler", "missing", f"this source needs gcc {least}; here: {here}",
                     "a newer gcc, or 'extspt tree fetch SUITE': a tree with its compiler")
    return [*items, state, _build_tools(), *_pahole(folder), _room(kernelbuild.NEEDED_BYTES)]


def _build_tools() -> Item:
    """What a kernel's own build asks for, besides the compiler."""
    try:
        kernelbuild.require_tools()
    except RigError as error:
        return Item("build tools", "missing", error.what, error.fix)
    return Item("build tools", "ok", f"{', '.join(kernelbuild.TOOLS)}, libelf's header")


def _pahole(folder: Path) -> list[Item]:
    """Without pahole olddefconfig silently drops BTF, and all that needs it, from a .config."""
    if not (folder / ".config").is_file() or proc.find("pahole") is not None:
        return []
    if kernel.settings(folder).get("DEBUG_INFO_BTF") != "y":
        return []
    return [Item("pahole", "missing", "CONFIG_DEBUG_INFO_BTF would be dropped without it, and "
                 "structures would change", "apt-get install pahole")]


def _compiler(tree: KernelTree) -> Item:
    here, there = tree.compiler, tree.built_with
    if not here:
        what, fix = kernel.no_compiler(tree)
        return Item("compiler", "missing", f"{what}; built with {there}", fix)
    if here == there:
        return Item("compiler", "ok", here)
    if lacks := compiler.too_old(kernel.settings(tree.kdir), here):
        return Item("compiler", "missing", f"{here} lacks {lacks}",
                    f"use {there}; 'extspt tree fetch SUITE' gets a tree with its compiler")
    return Item("compiler", "note", f"{here} (kernel: {there})")


def _config(tree: KernelTree) -> Item:
    """Against the distro's kernel of the same release, where one is known (probe refuses)."""
    same = next((path for path in kernel.same_release(tree.release) if path != tree.kdir), None)
    if same is None or tree.kind != Form.PREPARED:
        return Item("config", "ok", f"sha256 {tree.config_hash[:16]}")
    return Item("config", "ok", f"no option of {layout.shown(same)} is lost")


def _image(tree: KernelTree) -> Item:
    try:
        image = tree.need_image()
    except ExtsptError as error:
        return Item("kernel image", "missing", error.what, error.fix)
    return Item("kernel image", "ok", f"{layout.shown(image)} (same release and flavor)")


def _room(needed: int = ROOM_BYTES) -> Item:
    free = shutil.disk_usage(layout.ROOT).free
    if free < needed:
        return Item("disk", "missing", f"{free >> 20} MiB free",
                    f"make room: {ROOM_BYTES >> 20} MiB for the modules of one kernel, "
                    f"{kernelbuild.NEEDED_BYTES >> 20} MiB to build one")
    return Item("disk", "ok", f"{free >> 30} GiB free")
