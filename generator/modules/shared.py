# SPDX-License-Identifier: GPL-2.0-only
"""Objects that are the same in every variant are compiled once and handed to all of them.

A unit whose sources never see variant.h (the SEAM model, the measuring library) gives the same
object whatever the design. It is built in a folder of its own; a variant's folder gets a copy with
Kbuild's note of how it was made. Kbuild compares that note with what it would do: where they
differ it compiles the unit again, so a wrong guess costs time and nothing else. The staged folder
stays complete.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator import proc
from generator.modules.render import RenderedModule
from generator.trees.kernel import KernelTree

MODULE = "extspt_shared"
_STAMP = ".extspt-shared"
_TIMEOUT_S = 600.0
_INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"(?P<file>[^"]+)"|(?P<macro>\w+))', re.MULTILINE)
_KBUILD = """# SPDX-License-Identifier: GPL-2.0-only
# What all variants have in common; see generator/modules/shared.py.
obj-m := {module}.o
{module}-y := {objects}

ccflags-y += -I$(src) -I$(src)/kmod
"""


@dataclass(frozen=True)
class Common:
    """Units without a variant in them: the folder they are built in, unit -> its sources."""

    folder: Path
    tree: KernelTree
    units: Mapping[str, frozenset[str]]

    def command(self, *extra: str) -> tuple[str, ...]:
        """The make command that compiles the units, and no module of them."""
        return self.tree.command(self.folder, *extra, *(f"{unit}.o" for unit in sorted(self.units)))


Options = Callable[[KernelTree, Path], Sequence[str]]


def seed(modules: Sequence[RenderedModule], options: Options, jobs: int) -> None:
    """Put the common objects into the folders of ``modules``; what fails is left to their builds.

    ``options``: what modules are built with in a folder, so that the objects are made alike.
    """
    done: dict[Path, bool] = {}
    for module in modules:
        common = find(module)
        if not common.units:
            continue
        if common.folder not in done:
            done[common.folder] = _built(module, common, options(module.tree, common.folder), jobs)
        if done[common.folder]:
            for unit in common.units:
                _hand_over(common, unit, module)


def find(module: RenderedModule) -> Common:
    """The units of a staged folder that no variant shows in."""
    def text(name: str) -> str:
        return (module.path / name).read_text()

    units = {}
    for name in sorted(module.files):
        if "/" not in name and name.startswith("build_") and name.endswith(".c"):
            seen = _closure(name, module.files, text)
            if seen is not None:
                units[Path(name).stem] = seen
    tree = module.tree
    digest = hashlib.sha256("\0".join(
        (tree.config_hash, tree.compiler, tree.kernel_id)).encode())
    for name in sorted({name for seen in units.values() for name in seen}):
        digest.update(f"{name}\0{module.files[name]}\0".encode())
    # Beside the variants, whose names have no dash.
    folder = module.path.parent / f"shared-{digest.hexdigest()[:12]}"
    return Common(folder, module.tree, units)


def _closure(name: str, files: Mapping[str, str],
             text: Callable[[str], str]) -> frozenset[str] | None:
    """All staged files that ``name`` includes, itself too; None when the variant is in it."""
    seen, todo = {name}, [name]
    while todo:
        here = todo.pop()
        for found in _INCLUDE.finditer(text(here)):
            if found["macro"]:
                return None
            other = _resolve(found["file"], here, files)
            if other == "variant.h":
                return None
            if other and other not in seen:
                seen.add(other)
                todo.append(other)
    return frozenset(seen)


def _resolve(wanted: str, here: str, files: Iterable[str]) -> str:
    """The staged file an include means, "" when it is none of ours."""
    for base in (Path(here).parent, Path(), Path("kmod")):
        path = os.path.normpath(base / wanted)
        if path in files:
            return path
    return ""


def _built(module: RenderedModule, common: Common, options: Sequence[str], jobs: int) -> bool:
    """Compile the common units, once per content; False when that fails."""
    folder = common.folder
    stamp = folder / _STAMP
    if stamp.is_file():
        return True
    shutil.rmtree(folder, ignore_errors=True)
    for name in {name for seen in common.units.values() for name in seen}:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module.path / name, folder / name)
    objects = " ".join(f"{unit}.o" for unit in sorted(common.units))
    (folder / "Kbuild").write_text(_KBUILD.format(module=MODULE, objects=objects))
    outcome = proc.run(common.command(f"-j{jobs}", *options), timeout=_TIMEOUT_S,
                       log=folder / "build.log")
    made = outcome.ok and all((folder / f"{unit}.o").is_file() for unit in common.units)
    if made:
        _forget_older(folder)
        stamp.touch()
    return made


def _forget_older(folder: Path) -> None:
    for other in folder.parent.glob("shared-*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


def _hand_over(common: Common, unit: str, module: RenderedModule) -> None:
    """Copy one object and Kbuild's note of it, rewritten as if it had been made there."""
    made = common.folder / f"{unit}.o"
    note = common.folder / f".{unit}.o.cmd"
    blob = made.read_bytes()
    if MODULE.encode() in blob or not note.is_file():
        return      # the module's name is in it
    text = note.read_text().replace(str(common.folder), str(module.path))
    (module.path / note.name).write_text(text.replace(MODULE, module.variant.module))
    (module.path / made.name).write_bytes(blob)     # newer than its sources by this
