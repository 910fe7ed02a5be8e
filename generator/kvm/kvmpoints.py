# SPDX-License-Identifier: GPL-2.0-only
"""Which designs run in the real kvm.ko: the hook points they need against those a tree has.

A design says what it needs (EXTSPT_NEEDS_* of its axes), a hook list what it offers (``points``).
Private memory is mapped with 4 KiB pages there, so what a design does in a split is not reached;
everything else it does is, and it runs. A design that needs any other point which is missing would
be another design without it, and does not run.
"""

from __future__ import annotations

from collections.abc import Sequence

from generator import proc
from generator.errors import UsageError
from generator.kvm import kvmhooks
from generator.kvm.kvmhooks import HookList
from generator.modules.variant import APRIME, Variant, load_variant

#: Points whose absence leaves a design whole: it is never asked to split.
UNREACHED = frozenset({"split", "leaf_map"})


def missing(design: Variant, hooks: HookList) -> tuple[str, ...]:
    """The points a design cannot do without and the tree's hooks do not have."""
    return tuple(point for point in design.needs
                 if point not in hooks.points and point not in UNREACHED)


def unreached(design: Variant, hooks: HookList) -> tuple[str, ...]:
    """The points a design has code for that is never called there."""
    return tuple(point for point in design.needs
                 if point not in hooks.points and point in UNREACHED)


def verdict(design: Variant, hooks: HookList) -> str:
    """The cell of a list: "runs", "runs, no split" or "needs <points>"."""
    if lacking := missing(design, hooks):
        return f"needs {', '.join(lacking)}"
    idle = [point.replace("_", " ") for point in unreached(design, hooks)]
    return f"runs, no {', '.join(idle)}" if idle else "runs"


def newest() -> HookList:
    """The hook list for the newest trees: what a list shows when no tree is named."""
    return kvmhooks.lists()[-1]


def runnable(names: Sequence[str], version: str, *, asked: bool) -> list[str]:
    """The designs of ``names`` that run on a version of KVM; a line says which do not.

    ``asked``: they were named one by one, so that leaving one out is a UsageError.
    """
    hooks = kvmhooks.choose(version)
    why = {name: verdict(design, hooks) for name in names
           if missing(design := load_variant(name.removesuffix(APRIME)), hooks)}
    if why and asked:
        raise UsageError("no hook point: " + "; ".join(f"{n} {w}" for n, w in why.items()),
                         where=f"KVM {version}",
                         fix="leave them out, or run them on the twin; 'extspt list' says which")
    for name, reason in why.items():
        proc.note(f"  NOTE    {name} does not run on real KVM: it {reason}")
    return [name for name in names if name not in why]
