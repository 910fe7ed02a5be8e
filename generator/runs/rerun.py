# SPDX-License-Identifier: GPL-2.0-only
"""A run once more from its bundle: its plan, its cost tables, its own sources, its kernel.

The sources are those of the bundle, whatever the tree has become; plan and seed are the first
run's, so that orders are the same. The kernel has to be the same release and configuration.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from generator import layout, proc
from generator.errors import DataError
from generator.gate.before import Gated
from generator.gate.result import FAIL, FORCED
from generator.modules.build import BuiltModule, build_all
from generator.modules.render import RenderedModule
from generator.modules.variant import Variant
from generator.report import capsule
from generator.runs import costs, importing, session, sources_kept, store
from generator.trees.kernel import KernelTree

TREE_OPTIONS = ("--kdir", "--ksrc")


def runs_of(bundle: Path) -> list[store.Run]:
    """The runs of a bundle, all checked. Raises DataError when it was changed or lacks sources."""
    capsule.check(bundle)
    found = [store.load_run(folder) for folder in importing.runs_in(bundle)]
    for run in found:
        if not (run.path / sources_kept.FILE).is_file():
            raise DataError("the bundle has no sources of this run", where=run.id,
                            fix="runs keep them since extspt-bench 0.2; measure again")
    return found


def recorded_tree(manifest: Mapping[str, Any]) -> tuple[str, str] | None:
    """The option that named the first run's kernel, and its value; None for the default."""
    words = [str(word) for word in manifest.get("command") or ()]
    for option in TREE_OPTIONS:
        for at, word in enumerate(words):
            if word == option and at + 1 < len(words):
                return option, words[at + 1]
            if word.startswith(f"{option}="):
                return option, word.split("=", 1)[1]
    return None


def refuse_other_kernel(first: store.Run, tree: KernelTree, force: bool) -> list[str]:
    """Marks of a rerun on another kernel; DataError unless it is forced."""
    kernel = first.manifest.get("kernel") or {}
    wanted = (kernel.get("release"), kernel.get("config_hash"))
    if wanted == (tree.release, tree.config_hash):
        return []
    if not force:
        raise DataError(f"this tree is {tree.release}, the run was made on {wanted[0]}"
                        + (", configured otherwise" if wanted[0] == tree.release else ""),
                        where=first.id, fix="name the kernel with --kdir or --ksrc, or --force")
    return [f"a rerun on another kernel than {wanted[0]}"]


def modules(first: store.Run, tree: KernelTree) -> list[BuiltModule]:
    """The first run's modules, built from the sources kept with it."""
    place = layout.BUILD / "rerun" / first.id
    with proc.alone(layout.BUILD):
        if place.exists():
            shutil.rmtree(place)
        sources_kept.unpack(first.path / sources_kept.FILE, place)
        return build_all(list(staged(first, tree, place)))


def staged(first: store.Run, tree: KernelTree, place: Path) -> Iterator[RenderedModule]:
    """Each variant's unpacked folder. Raises DataError when one is missing."""
    host = session.plan_of(store.RunDir(first.path, first.manifest)).host
    for name, entry in first.manifest["variants"].items():
        variant = Variant(name, entry["title"], entry["origin"], entry["design"],
                          layout.VARIANTS / f"{name}.config", entry["choices"], entry["values"],
                          entry["aprime_of"])
        folder = place / variant.slug
        if not (folder / "Kbuild").is_file():
            raise DataError(f"the bundle has no sources of {name}", where=first.id)
        files = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                 for path in sorted(folder.rglob("*")) if path.is_file()}
        yield RenderedModule(variant, tree, folder, files, entry["fingerprint"], tuple(files),
                             host)


def repeat(first: store.Run, tree: KernelTree, marks: Sequence[str]) -> store.Run:
    """Build and run the plan of ``first`` once more, as a run of its own."""
    built = modules(first, tree)
    same = sum(one.sha256 == first.manifest["variants"][one.rendered.variant.name].get("ko_sha256")
               for one in built)
    proc.note(f"  RERUN   {first.id}: {same} of {len(built)} modules are the same to the bit")
    tables = {boot: costs.from_json(table) for boot, table in first.manifest["costs"].items()}
    planned = session.plan_of(store.RunDir(first.path, first.manifest))
    return session.run_plan(planned, built, tables, ["rerun", first.id], marks=marks,
                            gate=against(first))


def against(first: store.Run) -> Gated:
    """What the first run's gate has against its designs: the gate is not run again.

    That it passed the others is not taken from a bundle.
    """
    said: Mapping[str, str] = first.manifest.get("gate") or {}
    return Gated(verdicts={name: one for name, one in said.items() if one in (FAIL, FORCED)})


def opened(bundle: Path) -> Path:
    """A bundle's folder; a tarball is unpacked into the build folder first."""
    if bundle.is_dir():
        return bundle
    scratch = Path(tempfile.mkdtemp(prefix="bundle-", dir=made(layout.BUILD / "rerun")))
    return importing.opened(bundle, scratch)


def made(folder: Path) -> Path:
    """The folder, there for sure."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
