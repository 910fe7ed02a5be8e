# SPDX-License-Identifier: GPL-2.0-only
"""What a reader has to know before believing a figure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from generator.render import KVM
from generator.report.artefacts import OVERHEAD_FACTOR, suspects, too_short
from generator.report.model import number
from generator.report.view import COUNT, FAULT, View
from generator.rows import failed


def preemption(view: View) -> Iterator[str]:
    """Contention figures that look like the host's scheduling."""
    boot = view.boot(view.timed)
    for workload in view.figures.workloads(boot) if boot else []:
        for variant in view.variants:
            for why in suspects(view, str(boot), variant, workload):
                yield f"host preemption? {workload}, {view.label(variant)}: {why}"


def below_clock(view: View) -> Iterator[str]:
    """Ops too short for the clock, per boot."""
    for boot in view.manifest["boots"]:
        short = {op for workload in view.figures.workloads(boot) for variant in view.variants
                 for op in too_short(view, boot, variant, workload)}
        if short:
            yield (f"boot {boot}: no claim per single {', '.join(sorted(short))}: the median is "
                   f"under {OVERHEAD_FACTOR} clock overheads in at least one case")


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
    # Real KVM charges far more than the pages a design is about.
    if len(off) and view.host != KVM:
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
    cpus = (view.manifest.get("host") or {}).get("cpus")
    for boot, info in view.manifest["boots"].items():
        if info["tier"] == COUNT or info.get("state") != "done":
            continue
        before = recent(info.get("load_before"))
        if cpus and before > cpus / 2:
            yield (f"boot {boot}: host load {number(before)} on {cpus} CPUs before it started; its "
                   "times carry that load")
        if not info.get("pinned"):
            yield f"boot {boot}: vCPU threads were not pinned; contention may be the host's"


def recent(load: Any) -> float:
    """Load average of the last minute; NaN when it was not recorded."""
    first = load[0] if isinstance(load, list) and load else load
    return float(first) if isinstance(first, (int, float)) else math.nan


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
    for tier, what in ((COUNT, "exact counts and instructions"),
                       (view.timed, "contention and time")):
        if view.boot(tier) is None:
            yield f"no boot of tier {tier} in this run: no {what}"
    if view.boot(COUNT) and view.source(COUNT, FAULT, "op.fault", "p50") is None:
        yield "no instruction count of a fault: no workload that faults"


def marked(view: View) -> Iterator[str]:
    """What the run was only allowed to do with --force."""
    yield from (f"forced: {mark}" for mark in view.manifest.get("marks") or ())


def failures(view: View) -> tuple[str, ...]:
    """Cases without figures, and why."""
    return tuple(f"FAIL {view.label(case['variant'])}, {case['workload']}, boot {case['boot']}: "
                 f"{why}" for case in view.cases if (why := failed(case)))


def flags(view: View) -> tuple[str, ...]:
    """All warnings, what is missing first."""
    sources = (marked, missing, accounts, aprime, load, preemption, below_clock)
    return tuple(flag for source in sources for flag in source(view))
