# SPDX-License-Identifier: GPL-2.0-only
"""What a reader has to know before believing a figure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from generator.report.model import number
from generator.report.tables import OVERHEAD_FACTOR
from generator.report.view import COUNT, FAULT, MODEL, View
from generator.rows import failed

WAIT_FACTOR = 50
"""A mean wait above this many typical holds is the host taking a vCPU away, not the lock."""
QUANTUM_NS = 1e6
"""Waits of the order of a scheduler quantum are the host's too."""


def sides(lock: str) -> str:
    """The lock a side belongs to: readers wait for the writer's hold."""
    return lock.removesuffix(".read").removesuffix(".write")


def preemption(view: View) -> Iterator[str]:
    """Contention figures that look like the host's scheduling."""
    boot = view.boot(MODEL)
    for workload in view.figures.workloads(boot) if boot else []:
        locks = [m.removeprefix("lock.").removesuffix(".wait") for m, s
                 in view.figures.stats(str(boot), workload, "lock.")
                 if m.endswith(".wait") and s == "mean"]
        for lock in locks:
            suspects = [say for variant in view.variants
                        if (say := suspicion(view, str(boot), variant, workload, lock, locks))]
            if suspects:
                yield f"host preemption? {workload}, {lock}: {'; '.join(suspects)}"


def suspicion(view: View, boot: str, variant: str, workload: str, lock: str,
              locks: list[str]) -> str:
    """Why a lock's wait is not to be believed, or "".

    The uncontended hold is taken as the median hold of the lock's sides: a preempted holder
    inflates the mean, and few holders are preempted.
    """
    def get(name: str, stat: str) -> float:
        return view.figures.value(boot, variant, workload, f"lock.{name}", stat)
    mean, worst = get(f"{lock}.wait", "mean"), get(f"{lock}.wait", "max")
    holds = [get(f"{other}.hold", "p50") for other in locks if sides(other) == sides(lock)]
    hold = max((h for h in holds if not math.isnan(h)), default=math.nan)
    if mean > WAIT_FACTOR * hold:
        return f"{view.label(variant)} mean wait {number(mean)} ns, hold {number(hold)} ns"
    if worst >= QUANTUM_NS:
        return f"{view.label(variant)} max wait {worst / 1e6:.1f} ms"
    return ""


def below_clock(view: View) -> Iterator[str]:
    """Ops too short for the clock, per boot."""
    for boot in view.manifest["boots"]:
        short = {op for workload in view.figures.workloads(boot) for variant in view.variants
                 for op in too_short(view, boot, variant, workload)}
        if short:
            yield (f"boot {boot}: no claim per single {', '.join(sorted(short))}: the median is "
                   f"under {OVERHEAD_FACTOR} clock overheads in at least one case")


def too_short(view: View, boot: str, variant: str, workload: str) -> list[str]:
    """Ops of a case whose median is too near to the clock's own cost."""
    def get(metric: str, stat: str) -> float:
        return view.figures.value(boot, variant, workload, metric, stat)
    limit = OVERHEAD_FACTOR * get("clock.empty_pair", "p50")
    return [m.removeprefix("op.") for m, s in view.figures.stats(boot, workload, "op.")
            if s == "p50_raw" and get(m, s) < limit]


def accounts(view: View) -> Iterator[str]:
    """Leaks, violations of the SEAM model's rules, and accounts that do not agree."""
    frame = view.frame
    wanted = ((("mem.all.live", "end"), "pages still live after the VM was destroyed"),
              (("seam.violations", "count"), "SEAM model violations"))
    for (metric, stat), what in wanted:
        rows = frame[(frame["metric"] == metric) & (frame["stat"] == stat) & (frame["value"] > 0)]
        for boot, variant, load, value in rows[["boot", "variant", "workload", "value"]].itertuples(
                index=False, name=None):
            yield f"{view.label(variant)}, {load}, boot {boot}: {int(value)} {what}"
    off = frame[(frame["metric"] == "memcg.agrees") & (frame["value"] == 0)]
    if len(off):
        cases = ", ".join(f"{view.label(v)}/{w}/{b}" for b, v, w in
                          off[["boot", "variant", "workload"]].itertuples(index=False, name=None))
        yield f"memory.stat and our own charged count differ by more than the tolerance: {cases}"


def aprime(view: View) -> Iterator[str]:
    """Counts of the count tier that differ between the baseline and its repetition."""
    boot = view.boot(COUNT)
    if boot is None or view.aprime is None:
        return
    for workload in view.figures.workloads(boot):
        names = view.figures.stats(boot, workload, "count.")
        differing = [m.removeprefix("count.") for m, s in names
                     if view.figures.value(boot, view.baseline, workload, m, s)
                     != view.figures.value(boot, view.aprime, workload, m, s)
                     and not math.isnan(view.figures.value(boot, view.aprime, workload, m, s))]
        if differing:
            yield f"A and A' differ in exact counts, {workload}: {', '.join(differing)}"


def load(view: View) -> Iterator[str]:
    """Boots whose vCPUs were not alone."""
    cpus = view.manifest.get("host", {}).get("cpus")
    for boot, info in view.manifest["boots"].items():
        before = info.get("load_before")
        if info["tier"] == MODEL and before is not None and cpus and before > cpus / 2:
            yield (f"boot {boot}: host load {number(float(before))} on {cpus} CPUs before it "
                   "started; its times carry that load")
        if info["tier"] == MODEL and info.get("state") == "done" and not info.get("pinned"):
            yield f"boot {boot}: vCPU threads were not pinned; contention may be the host's"


def missing(view: View) -> Iterator[str]:
    """What was planned and is not there."""
    for boot, info in view.manifest["boots"].items():
        if info.get("state") != "done":
            last = (info.get("attempts") or [{}])[-1].get("outcome", "not started")
            yield f"boot {boot} ({info['tier']} tier) is missing: {info.get('state')}, {last}"
            continue
        there = {case["variant"] for case in view.cases if case["boot"] == boot}
        gone = [view.label(v) for v in view.variants if v not in there]
        if gone:
            yield f"boot {boot} has no case of {', '.join(gone)}"
    if view.source(COUNT, FAULT, "op.fault", "p50") is None:
        yield "no instruction counts: every figure that needs them is n/a"


def failures(view: View) -> tuple[str, ...]:
    """Cases without figures, and why."""
    return tuple(f"FAIL {view.label(case['variant'])}, {case['workload']}, boot {case['boot']}: "
                 f"{why}" for case in view.cases if (why := failed(case)))


def flags(view: View) -> tuple[str, ...]:
    """All warnings, what is missing first."""
    return tuple(flag for source in (missing, accounts, aprime, load, preemption, below_clock)
                 for flag in source(view))
