# SPDX-License-Identifier: GPL-2.0-only
"""What must not be measured without saying so: refusals, and the marks that --force leaves."""

from __future__ import annotations

from collections.abc import Iterable

from generator.errors import GateError, UsageError
from generator.trees.kernel import KernelTree
from generator.trees.kernelconfig import UM_HEADER

NATIVE = "native"
"""Tier of boots whose times are the host's own."""


def marks(tree: KernelTree, tiers: Iterable[str], vcpus: int, cores: int, *,
          force: bool) -> tuple[str, ...]:
    """What makes the figures of this run worth less; () when nothing does.

    Without ``force`` most marks are refusals: GateError for a kernel that finds faults instead of
    being fast, UsageError for more vCPUs than the ``cores`` of the host where times are its own.
    """
    found = []
    if tree.debugging:
        options = ", ".join(f"CONFIG_{name}" for name in tree.debugging)
        if not force:
            raise GateError(f"a debug kernel is not timed: it has {options}",
                            where=f"kernel {tree.release}",
                            fix="take a kernel without them (extspt kernel build), or --force, "
                                "which marks the result")
        found.append(f"debug kernel: {options}; its times say nothing")
    if tree.arch == "um" and tree.config.get("SMP") == "y" and not _has_um_header(tree):
        # Nothing to refuse: designs that charge as many pages compare. extspt kernel build mends it
        found.append("UML's own per-CPU counters are system calls of the host: some 2 us for each "
                     "page charged, which x86 does not have")
    if tree.arch == "um" and tree.config.get("SMP") != "y" and vcpus > 1:
        if not force:
            raise UsageError(f"this UML kernel has one CPU, on which {vcpus} vCPUs would take "
                             "turns", fix="--vcpus 1; or the source of a kernel since 6.19, whose "
                             "UML has several; or --force, which marks the result")
        found.append(f"one CPU: {vcpus} vCPUs took turns; there was no contention")
    if NATIVE in tiers and vcpus > cores:
        if not force:
            raise UsageError(f"{vcpus} vCPUs on {cores} host cores would measure the host's "
                             "scheduler", fix=f"--vcpus {cores} or fewer, or --force, which marks "
                             "the result")
        found.append(f"oversubscribed: {vcpus} vCPUs on {cores} host cores; contention and tails "
                     "are the host's scheduler")
    return tuple(found)


def _has_um_header(tree: KernelTree) -> bool:
    return (tree.kdir / UM_HEADER).is_file()
