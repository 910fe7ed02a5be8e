# SPDX-License-Identifier: GPL-2.0-only
"""Figures that are the measurement's or the host's own doing."""

from __future__ import annotations

import math

from generator.evidence.amortised import main_stat
from generator.report.model import number
from generator.report.view import View

AS_READ = {"p50": "p50_raw", "mean": "mean"}
"""An operation's main figure -> the same with the clock's own cost in it."""
OVERHEAD_FACTOR = 5
"""No claim for a single op whose median is under this many clock overheads."""
WAIT_FACTOR = 50
"""A mean wait above this many mean holds is the host taking a vCPU away, not the lock."""
QUANTUM_NS = 1e6
"""Waits of the order of a scheduler quantum are the host's too."""


def sides(lock: str) -> str:
    """The lock a side belongs to: readers wait for the writer's hold."""
    return lock.removesuffix(".read").removesuffix(".write")


def locks_of(view: View, tier: str, workload: str) -> list[str]:
    """Locks that were waited for in any design there."""
    return [m.removeprefix("lock.").removesuffix(".wait") for m, s
            in view.figures.stats(tier, workload, "lock.") if m.endswith(".wait") and s == "mean"]


def suspects(view: View, tier: str, variant: str, workload: str) -> list[str]:
    """Why the contention of a case is not to be believed; empty when nothing speaks against it."""
    return [f"{lock} {why}" for lock in locks_of(view, tier, workload)
            if (why := suspicion(view, tier, variant, workload, lock))]


def suspicion(view: View, tier: str, variant: str, workload: str, lock: str) -> str:
    """Why a lock's wait is not to be believed, or ""; the hold is the longer one of its sides."""
    def get(name: str, stat: str) -> float:
        return view.figures.value(tier, variant, workload, f"lock.{name}", stat)
    mean = get(f"{lock}.wait", "mean")
    # One preempted vCPU in many blocks is not the rule in any of them.
    worst = get(f"{lock}.wait", "max" if view.blocks(tier) < 2 else "p99")
    names = {m.removeprefix("lock.").removesuffix(".hold") for m, s
             in view.figures.stats(tier, workload, "lock.") if m.endswith(".hold") and s == "mean"}
    holds = [get(f"{other}.hold", "mean") for other in names if sides(other) == sides(lock)]
    hold = max((h for h in holds if not math.isnan(h)), default=math.nan)
    if mean > WAIT_FACTOR * hold:
        return f"mean wait {number(mean)} ns, mean hold {number(hold)} ns"
    if worst >= QUANTUM_NS:
        return f"waits up to {worst / 1e6:.1f} ms"
    return ""


def too_short(view: View, tier: str, variant: str, workload: str) -> list[str]:
    """Ops of a case whose main figure is too near to the clock's own cost."""
    def get(metric: str, stat: str) -> float:
        return view.figures.value(tier, variant, workload, metric, stat)
    limit = OVERHEAD_FACTOR * get("clock.empty_pair", "p50")
    return [m.removeprefix("op.") for m, s in view.figures.stats(tier, workload, "op.")
            if s == AS_READ[main_stat(m.removeprefix("op."), workload)] and get(m, s) < limit]
