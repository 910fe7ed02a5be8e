# SPDX-License-Identifier: GPL-2.0-only
"""The real kvm.ko in the tree matrix: hooked and built with all designs, held to upstream's counts.

With KVM_INTEL_TDX, as own kernels of flavor kvm have it, tdx.o has to be among what is built.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from generator import layout
from generator.errors import BuildError
from generator.kvm import kvmcheck, kvmhooks, kvmhost, kvmpoints
from generator.modules.build import BuiltModule, build_all
from generator.modules.render import KVM, render
from generator.modules.variant import Variant
from generator.trees import kernel, prepare, treeform
from generator.trees.kernel import KernelTree

FLAVOR = "kvm"
#: A design's run in the boot: as much of a fault as one design can do.
WORKLOAD = "populate_sparse"
TDX_OBJECT = "arch/x86/kvm/vmx/tdx.o"


def unhooked(series: str) -> str:
    """Why no KVM of a series can be hooked, "" when one can."""
    known = [tree for one in kvmhooks.lists() for tree in one.trees]
    return "" if series in known else f"no hook list: there are lists for {', '.join(known)}"


def usable(headers: KernelTree | None) -> KernelTree | str:
    """A distro's tree, when the source of just its version is here."""
    if headers is None:
        return "there is no tree to build KVM for"
    wanted = _source(headers)
    return headers if wanted.is_dir() else \
        f"no source of just {wanted.name} here: extspt kernel fetch SUITE"


def _source(tree: KernelTree) -> Path:
    return layout.SOURCES / treeform.number(prepare.upstream_version(tree))


def build(tree: KernelTree, designs: Sequence[Variant], modules: list[BuiltModule]) -> str:
    """Build the hooked KVM and every design that runs in it; BuildError when tdx.o is missing."""
    made = kvmhost.make(_source(tree), tree, os.cpu_count() or 1)
    tdx = kernel.settings(tree.kdir).get("KVM_INTEL_TDX") == "y"
    if tdx and not (made.folder / TDX_OBJECT).is_file():
        raise BuildError("CONFIG_KVM_INTEL_TDX is on, and tdx.o was not built",
                         where=str(layout.shown(made.folder)))
    hooks = kvmhooks.choose(made.version)
    fit = [design for design in designs if not kvmpoints.missing(design, hooks)]
    modules += build_all([render(design, tree, layout.ROOT, KVM) for design in fit])
    return (f"KVM {made.version} hooked, {'with' if tdx else 'without'} tdx.o; {len(fit)} of "
            f"{len(designs)} designs, W=1 -Werror, {tree.release}")


def golden(tree: KernelTree) -> str:
    """Hold the hooked KVM to upstream's counts, unless it was; GateError when it differs."""
    built = kvmhost.find(tree)
    if kvmcheck.load(built) is None:
        kvmcheck.check(_source(tree), tree, os.cpu_count() or 1)
    cost = kvmcheck.require(built).hooks_cost
    return "upstream's counts, idle hooks " + ", ".join(
        f"{number:+d} ({name})" for name, number in cost.items())
