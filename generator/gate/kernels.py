# SPDX-License-Identifier: GPL-2.0-only
"""Which kernels the gate runs on: the quickest there is for the sweep, debug ones for the rest.

A debug kernel is for one class of faults: KASAN and KCSAN exclude each other, and each boot has
one of them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping

from generator import layout
from generator.errors import BuildError
from generator.gate.guest import Ground
from generator.gate.result import DEBUG, KCSAN
from generator.kvm import kvmhost
from generator.modules.render import KVM, TWIN
from generator.trees import kernelbuild
from generator.trees.kernel import KernelTree
from generator.trees.kernelbuild import OwnKernel

#: Guests side by side. A point is mostly waiting for RCU, so UML takes more than there are cores;
#: a guest under TCG keeps a core busy.
SIDE_UML = 8
#: Stage -> what its kernel looks for, and the flavor of the kernel on each host.
STAGES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    DEBUG: ("KASAN, lockdep and the atomic-sleep check", {TWIN: "debug", KVM: "kvm-debug"}),
    KCSAN: ("KCSAN", {TWIN: "kcsan", KVM: "kvm-kcsan"}),
}
KCSAN_SOURCE = "lib/Kconfig.kcsan"


def _version(own: OwnKernel) -> tuple[int, ...]:
    return tuple(int(part) for part in own.version.split(".") if part.isdigit())


def _newest(arch: str, flavor: str) -> OwnKernel | None:
    found = [own for own in kernelbuild.finished() if (own.arch, own.flavor) == (arch, flavor)]
    return max(found, key=_version, default=None)


def for_sweep(kdir: str | None, host: str) -> Ground:
    """Where the points are tried: the kernel named, else an own UML kernel, else the distro's.

    Real KVM runs only where its modules were built for the kernel, under QEMU.
    """
    if kdir is None and host == KVM:
        return ground(_with_kvm(), host)
    own = own_uml() if kdir is None else None
    return ground(KernelTree.probe(kdir if own is None else own.kdir), host)


def _with_kvm() -> KernelTree:
    """The first kernel that has the hooked KVM: the default one, a distro's, an own one."""
    own = _newest("x86", "kvm")
    for place in (None, *sorted(layout.TREES.glob("*/")), *([own.kdir] if own else [])):
        with contextlib.suppress(BuildError):
            tree = KernelTree.probe(place)
            kvmhost.find(tree)
            return tree
    return KernelTree.probe(None)


def own_uml() -> OwnKernel | None:
    """The newest own UML kernel, the quickest thing to boot."""
    return _newest("um", "bench")


def for_debug(host: str) -> dict[str, Ground]:
    """Stage -> the newest own kernel for it, for the stages whose kernel was built."""
    return {stage: ground(KernelTree.probe(own.kdir), host, stage)
            for stage in STAGES if (own := _own(stage, host)) is not None}


def _own(stage: str, host: str) -> OwnKernel | None:
    own = _newest("x86", STAGES[stage][1][host])
    return own if own is None or host != KVM or _hooked(own) else None


def _hooked(own: OwnKernel) -> bool:
    """Whether the hooked KVM was built for this kernel."""
    try:
        kvmhost.find(KernelTree.probe(own.kdir))
    except BuildError:
        return False
    return True


def not_run(host: str, grounds: Iterable[Ground]) -> tuple[str, ...]:
    """What no kernel of ``grounds`` looks for, each with the reason and the mend."""
    have = {ground.stage for ground in grounds}
    return tuple(f"Not run: {STAGES[stage][0]}: {_why(stage, host)}."
                 for stage in STAGES if stage not in have)


def _why(stage: str, host: str) -> str:
    flavor = STAGES[stage][1][host]
    if stage == KCSAN and (without := _sources_without_kcsan()):
        return f"the source of {without} has no KCSAN (Linux has it since 5.8)"
    own = _newest("x86", flavor)
    if own is not None and host == KVM and not _hooked(own):
        return (f"the hooked KVM was not built for it (extspt kvm build KSRC "
                f"--kdir {layout.shown(own.kdir)})")
    return (f"no kernel with it is below {layout.shown(layout.OWN_KERNELS)} (extspt kernel build "
            f"KSRC --flavor {flavor})")


def _sources_without_kcsan() -> str:
    """The version of the newest debug kernel, if its source does not know KCSAN."""
    own = _newest("x86", STAGES[DEBUG][1][TWIN])
    source = own and own.kdir / "source"
    known = not source or not source.is_dir() or (source / KCSAN_SOURCE).is_file()
    return "" if own is None or known else own.version


def ground(tree: KernelTree, host: str, stage: str = "sweep") -> Ground:
    """A tree with what runs beside it."""
    cores = len(os.sched_getaffinity(0))
    kvm = kvmhost.find(tree) if host == KVM else None
    return Ground(tree, host, SIDE_UML if tree.arch == "um" else cores, kvm, stage)
