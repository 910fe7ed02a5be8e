# SPDX-License-Identifier: GPL-2.0-only
"""Kernels x tree forms x compilers: does each build without a warning, and boot and run.

Every cell is run or says why it was not. Reported as KTAP, with the table as diagnostics.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from generator import (
    compiler,
    costs,
    distro,
    kernel,
    kernelbuild,
    layout,
    plan,
    prepare,
    runners,
    session,
)
from generator.build import BuiltModule, build_all
from generator.errors import ExtsptError, GateError
from generator.kernel import KernelTree
from generator.kernelconfig import Recipe
from generator.records import case_failure
from generator.render import render
from generator.variant import Variant

KERNELS = ("6.1", "6.12", "6.18", "7.2", "7.3")
OK, FAIL, SKIP = "ok", "FAIL", "SKIP"
#: Architecture of the tree -> runner and boot of the smoke workload.
_BOOTS = {"x86_64": ("qemu", "mttcg"), "um": ("uml", "uml")}
_COMPILER = re.compile(r"(?:gcc|clang)-\d+")


@dataclass(frozen=True)
class Target:
    """One tree to try, or why there is none. ``form``: headers, prepared, own-x86, own-um."""

    series: str
    form: str
    tree: KernelTree | None
    reason: str = ""


@dataclass(frozen=True)
class Cell:
    """One result. ``state``: ok, FAIL or SKIP. ``detail``: the reason, or what was used.

    ``evidence``: of a failure, the compiler's words or the end of the guest's console.
    """

    target: Target
    tool: str
    stage: str
    state: str
    detail: str
    seconds: float = 0.0
    evidence: str = ""

    @property
    def ktap(self) -> str:
        """The result's line without its number."""
        name = f"{self.target.series} {self.target.form} {self.tool or '-'} {self.stage}"
        if self.state == SKIP:
            return f"ok @ {name} # SKIP {self.detail}"
        return f"{'ok' if self.state == OK else 'not ok'} @ {name}"


def targets(series: str, fetch: bool, make: Callable[[Path, Recipe], kernelbuild.OwnKernel] | None,
            ) -> Iterator[Target]:
    """Every form of a kernel series. ``fetch``: get headers; ``make``: builds own kernels."""
    headers = _target(series, "headers", lambda: _headers(series, fetch))
    yield headers
    yield _target(series, "prepared", lambda: _prepared(series, headers.tree))
    for arch in ("x86", "um"):
        yield _target(series, f"own-{arch}", partial(_own, series, arch, make))


def cells(target: Target, designs: Sequence[Variant], tools: Sequence[str]) -> Iterator[Cell]:
    """Try one tree: build with its own compiler, boot that, build with the other ones.

    ``tools``: compilers to try besides, where they are there; empty for all that are.
    """
    tree = target.tree
    if tree is None:
        yield Cell(target, "", "build", SKIP, target.reason)
        return
    modules: list[BuiltModule] = []
    yield _try(target, tree.cc, "build", lambda: _build(tree, designs, modules))
    if modules:
        yield _try(target, tree.cc, "boot", lambda: _boot(tree, modules))
    else:
        yield Cell(target, tree.cc, "boot", SKIP, "nothing was built")
    for name in others(tree):
        if tools and name not in tools:
            continue
        other = tree.using(name)
        lacks = compiler.too_old(kernel.settings(tree.kdir), other.compiler)
        yield (Cell(target, name, "build", SKIP, f"too old for this tree: lacks {lacks}") if lacks
               else _try(target, name, "build", partial(_build_aside, other, designs)))


def others(tree: KernelTree) -> list[str]:
    """Compilers that could be tried on a tree besides its own: those of its root."""
    folder = (tree.root or Path("/")) / "usr/bin"
    found = {path.name for path in folder.glob("*-*") if _COMPILER.fullmatch(path.name)}
    own = f"-{compiler.major(tree.compiler)}"
    same = {name for name in found if name.endswith(own) and name.startswith("gcc")
            and "clang" not in tree.compiler}
    return sorted(found - same)


def table(found: Sequence[Cell]) -> list[str]:
    """The cells as lines of text, each column as wide as it has to be."""
    rows = [("kernel", "tree", "compiler", "stage", "result", "s", "detail")]
    rows += [(c.target.series, c.target.form, c.tool or "-", c.stage, c.state,
              f"{c.seconds:.1f}" if c.seconds else "", c.detail) for c in found]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in rows]


def _target(series: str, form: str, look: Callable[[], KernelTree | str]) -> Target:
    """A target from a look-up that gives a tree, or says why there is none."""
    try:
        found = look()
    except ExtsptError as error:
        found = error.what
    if isinstance(found, str):
        return Target(series, form, None, found)
    return Target(series, form, found)


def _headers(series: str, fetch: bool) -> KernelTree | str:
    """Headers installed here, fetched before, or of the first suite that offers the series."""
    for place in kernel.distro_trees():
        if is_series(place.name.removeprefix("linux-headers-"), series):
            return KernelTree.probe(place)
    for known in distro.fetched_trees():
        if is_series(known.release, series):
            return KernelTree.probe(known.path)
    if not fetch:
        return "not fetched here: extspt tree fetch SUITE"
    for suite in distro.SUITES:
        if is_series(distro.offered(suite), series):
            return KernelTree.probe(distro.fetch(suite).path)
    return f"no suite of the mirror has it ({', '.join(distro.SUITES)})"


def _prepared(series: str, headers: KernelTree | None) -> KernelTree | str:
    """A full source with the configuration of the headers, built in with this machine's gcc."""
    if headers is None:
        return "there are no headers to prepare a source like"
    version = prepare.upstream_version(headers)
    source = layout.SOURCES / version.partition("-")[0].partition("+")[0]
    if not source.is_dir():
        return f"no source of just {version} here: extspt kernel fetch SUITE {series}"
    return KernelTree.probe(prepare.prepare(source, headers))


def _own(series: str, arch: str,
         make: Callable[[Path, Recipe], kernelbuild.OwnKernel] | None) -> KernelTree | str:
    """An own kernel of a source that is here; built only when asked, as that takes minutes."""
    found = [path for path in sorted(layout.SOURCES.glob("*")) if is_series(path.name, series)]
    if not found:
        return f"no source here: extspt kernel fetch SUITE {series}"
    recipe = Recipe.of(arch, "bench")
    own = kernelbuild.cached(found[-1], recipe)
    if own is None and make is None:
        return (f"not built here: extspt kernel build {layout.shown(found[-1])} --arch {arch}")
    if own is None and make is not None:
        own = make(found[-1], recipe)
    assert own is not None
    return KernelTree.probe(own.kdir)


def is_series(release: str, series: str) -> bool:
    """Whether a release, such as 6.12.107+deb13-cloud-amd64, is of a series, such as 6.12."""
    return re.match(rf"{re.escape(series)}(?!\d)", release) is not None


def _try(target: Target, tool: str, stage: str, work: Callable[[], str]) -> Cell:
    start = time.monotonic()
    state, evidence = OK, ""
    try:
        detail = work()
    except ExtsptError as error:
        state, detail, evidence = FAIL, f"{error.stage}: {error.what}", error.evidence
    return Cell(target, tool, stage, state, detail, time.monotonic() - start, evidence)


def _build(tree: KernelTree, designs: Sequence[Variant], modules: list[BuiltModule],
           root: Path = layout.ROOT) -> str:
    modules += build_all([render(design, tree, root) for design in designs])
    return f"{len(designs)} modules, W=1 -Werror, {tree.release}"


def _build_aside(tree: KernelTree, designs: Sequence[Variant]) -> str:
    """Build in a folder of its own: the modules that are kept are those of the tree's compiler."""
    layout.BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="matrix-", dir=layout.BUILD) as scratch:
        root = Path(scratch)
        for part in (layout.KMOD, layout.VARIANTS):
            shutil.copytree(part, root / part.name)
        return _build(tree, designs, [], root)


def _boot(tree: KernelTree, modules: Sequence[BuiltModule]) -> str:
    """Load all modules in one guest and run the smoke workload; GateError when a case fails."""
    runner, boot = _BOOTS[tree.arch]
    names = [built.rendered.variant.name for built in modules]
    planned = plan.make(names, baseline=names[0], aprime=names[0], seed=1, workloads=["smoke"],
                        runner=runner, boots={boot: runners.find(runner).boots[boot]},
                        costs={boot: costs.ZERO})
    with tempfile.TemporaryDirectory(prefix="matrix-", dir=layout.BUILD) as runs:
        done = session.run_plan(planned, modules, {boot: costs.load(costs.ZERO)}, root=Path(runs))
    if failed := [said for record in done.records if (said := case_failure(record))]:
        raise GateError(f"{len(failed)} of {len(names)} fail: {failed[0]}")
    wall = done.manifest["boots"][boot]["attempts"][-1]["wall_s"]
    return f"{runner} {boot}, {len(names)} modules, smoke, {wall:.1f} s from start to poweroff"
