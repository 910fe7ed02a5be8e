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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from generator import layout, runners
from generator.errors import BuildError, ConfigError, ExtsptError, GateError, RigError
from generator.kvm import kvmmatrix
from generator.modules.build import BuiltModule, build_all
from generator.modules.render import KVM, TWIN, render
from generator.modules.variant import Variant
from generator.runs import costs, plan, session
from generator.runs.records import case_failure
from generator.trees import compiler, distro, kernel, kernelbuild, prepare, treeform
from generator.trees.kernel import KernelTree
from generator.trees.kernelconfig import Recipe

KERNELS = ("6.1", "6.12", "6.18", "7.2", "7.3")
OK, FAIL, SKIP = "ok", "FAIL", "SKIP"
#: Architecture of the tree -> runner and boot of the smoke workload.
_BOOTS = {"x86_64": ("qemu", "mttcg"), "um": ("uml", "uml")}
_COMPILER = re.compile(r"(?:gcc|clang)-\d+")


@dataclass(frozen=True)
class Target:
    """One tree to try, or why there is none.

    ``form``: headers (of this machine), packages (another release's, in a folder, with its
    compiler), prepared (full source, configured like those), own-x86 or own-um; and in the real
    kvm.ko: kvm (of those headers or packages) or own-kvm. ``others``: try further compilers; of
    trees for x86 that lie here one is enough. ``fault``: it is here, or was made, and is no good.
    """

    series: str
    form: str
    tree: KernelTree | None
    reason: str = ""
    others: bool = True
    host: str = TWIN
    fault: ExtsptError | None = None


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
    prepared = _target(series, "prepared", lambda: _prepared(series, headers.tree))
    if headers.tree is not None and headers.tree.root is not None:
        headers = replace(headers, form="packages")
    else:
        headers = replace(headers, others=prepared.tree is None)
    yield headers
    yield prepared
    nowhere = headers.reason if fetch and headers.tree is None else ""
    yield replace(_target(series, "own-x86", partial(_own, series, "x86", make, nowhere)),
                  others=headers.tree is None)
    yield _target(series, "own-um", partial(_own, series, "um", make, nowhere))
    no = kvmmatrix.unhooked(series)
    for form, look in (("kvm", partial(kvmmatrix.usable, headers.tree)),
                       ("own-kvm", partial(_own, series, "x86", make, nowhere, kvmmatrix.FLAVOR))):
        found = Target(series, form, None, no) if no else _target(series, form, look)
        yield replace(found, others=False, host=KVM)


def cells(target: Target, designs: Sequence[Variant], tools: Sequence[str]) -> Iterator[Cell]:
    """Try one tree: build with its own compiler, boot that, build with the other ones.

    ``tools``: compilers to try besides, where they are there; empty for all that are.
    """
    tree = target.tree
    if tree is None:
        fault = target.fault
        yield Cell(target, "", "build", FAIL if fault else SKIP, target.reason,
                   evidence=fault.evidence if fault else "")
        return
    modules: list[BuiltModule] = []
    build, boot = (kvmmatrix.build, _boot_kvm) if target.host == KVM else (_build, _boot)
    yield _try(target, tree.cc, "build", lambda: build(tree, designs, modules))
    if modules:
        yield _try(target, tree.cc, "boot", lambda: boot(tree, modules))
    else:
        yield Cell(target, tree.cc, "boot", SKIP, "nothing was built")
    for name, place in others(tree).items() if target.others else ():
        if tools and name not in tools:
            continue
        if lacks := _lacks(tree, name, place):
            yield Cell(target, name, "build", SKIP, lacks)
        elif name.startswith("clang"):
            yield _try(target, name, "build", partial(_build_clang, tree, name, designs))
        else:
            yield _try(target, name, "build",
                       partial(_build_aside, tree.using(name, place), designs))


def _lacks(tree: KernelTree, name: str, place: Path | None) -> str:
    """Why a compiler cannot be tried on a tree, "" when it can."""
    if not name.startswith("clang"):
        version = tree.using(name, place).compiler
        lacks = compiler.too_old(kernel.settings(tree.kdir), version)
        return f"too old for this tree: lacks {lacks}" if lacks else ""
    if treeform.source_of(tree.kdir) is None:
        return "headers are configured for gcc; clang is tried on prepared sources"
    return "" if place is None else f"{name} is not installed on this machine"


def others(tree: KernelTree) -> dict[str, Path | None]:
    """Compilers to try on a tree besides its own -> the root they are in; None: where it is.

    A tree of this machine can take those of all roots that were fetched: its own Kbuild programs
    run in newer ones. What lies in a root has that root's compilers only.
    """
    places: dict[Path | None, Path] = {None: tree.root or Path("/")}
    if tree.root is None:
        places |= {known.path: known.path for known in distro.fetched_trees()}
    found: dict[str, Path | None] = {}
    for place, root in places.items():
        for path in (root / "usr/bin").glob("*-*"):
            if _COMPILER.fullmatch(path.name):
                found.setdefault(path.name, place)
    own = "" if "clang" in tree.compiler else f"gcc-{compiler.major(tree.compiler)}"
    found.pop(own, None)
    return dict(sorted(found.items()))


def _target(series: str, form: str, look: Callable[[], KernelTree | str]) -> Target:
    """A target from a look-up that gives a tree, or says why there is none."""
    try:
        found = look()
    except (BuildError, ConfigError) as error:
        return Target(series, form, None, error.what, fault=error)
    except ExtsptError as error:    # a tool or the network: of the tree it says nothing
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
    silent = []
    for suite in distro.SUITES:
        try:
            release = distro.offered(suite)
        except RigError:
            silent.append(suite)
            continue
        if is_series(release, series):
            return KernelTree.probe(distro.fetch(suite).path)
    asked = [suite for suite in distro.SUITES if suite not in silent]
    return "; ".join([*([f"no suite of the mirror has it ({', '.join(asked)})"] if asked else []),
                      *([f"the mirror does not answer for {', '.join(silent)}"] if silent else [])])


def _prepared(series: str, like: KernelTree | None, cc: str = "") -> KernelTree | str:
    """A full source configured like a kernel, built in with this machine's gcc, or with ``cc``."""
    if like is None:
        return "there is no tree to prepare a source like"
    version = prepare.upstream_version(like)
    source = layout.SOURCES / treeform.number(version)
    if not source.is_dir():
        return f"no source of just {version} here: extspt kernel fetch SUITE {series}"
    return KernelTree.probe(prepare.prepare(source, like, cc))


def _own(series: str, arch: str,
         make: Callable[[Path, Recipe], kernelbuild.OwnKernel] | None,
         nowhere: str, flavor: str = "bench") -> KernelTree | str:
    """An own kernel of a source that is here; built only when asked, as that takes minutes.

    ``nowhere``: why no source can be fetched, "" when one may be.
    """
    found = sorted((path for path in layout.SOURCES.glob("*") if is_series(path.name, series)),
                   key=lambda path: treeform.order(path.name))
    if not found:
        return (f"no source here, and {nowhere}" if nowhere else
                f"no source here: extspt kernel fetch SUITE {series}")
    recipe = Recipe.of(arch, flavor)
    own = kernelbuild.cached(found[-1], recipe)
    if own is None and make is not None:
        own = make(found[-1], recipe)
    if own is None:
        asked = f"--arch {arch}" if flavor == "bench" else f"--flavor {flavor}"
        return f"not built here: extspt kernel build {layout.shown(found[-1])} {asked}"
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
    except OSError as error:        # a full disk, say, is no reason to lose the other cells
        state, detail = FAIL, f"{error.strerror}: {error.filename or ''}".rstrip(": ")
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


def _build_clang(tree: KernelTree, name: str, designs: Sequence[Variant]) -> str:
    """Build in a second tree of the same source, which is configured by clang: LLVM=1."""
    source = treeform.source_of(tree.kdir)
    assert source is not None
    return _build_aside(KernelTree.probe(prepare.prepare(source, tree, name)), designs)


def _boot_kvm(tree: KernelTree, modules: Sequence[BuiltModule]) -> str:
    """Upstream's own counts first, then every design; under icount, on one CPU."""
    counted = kvmmatrix.golden(tree)
    return f"{counted}; {_boot(tree, modules, KVM, ('qemu', 'icount'), kvmmatrix.WORKLOAD)}"


def _boot(tree: KernelTree, modules: Sequence[BuiltModule], host: str = TWIN,
          where: tuple[str, str] | None = None, workload: str = "smoke") -> str:
    """Load all modules in one guest and run a workload; GateError when a case fails.

    ``where``: runner and boot, else those of the tree's architecture.
    """
    runner, boot = where or _BOOTS[tree.arch]
    names = [built.rendered.variant.name for built in modules]
    planned = plan.make(names, baseline=names[0], aprime=names[0], seed=1, workloads=[workload],
                        vcpus=plan.DEFAULT_VCPUS if tree.config.get("SMP") == "y"
                        and host == TWIN else 1,
                        runner=runner, boots={boot: runners.find(runner).boots[boot]},
                        costs={boot: costs.ZERO}, host=host)
    with tempfile.TemporaryDirectory(prefix="matrix-", dir=layout.BUILD) as runs:
        done = session.run_plan(planned, modules, {boot: costs.load(costs.ZERO)}, root=Path(runs))
    if failed := [said for record in done.records if (said := case_failure(record))]:
        raise GateError(f"{len(failed)} of {len(names)} fail: {failed[0]}")
    wall = done.manifest["boots"][boot]["attempts"][-1]["wall_s"]
    return f"{runner} {boot}, {len(names)} modules, {workload}, {wall:.1f} s from start to poweroff"
