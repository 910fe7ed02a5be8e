# SPDX-License-Identifier: GPL-2.0-only
"""What a reader has to know before believing a figure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from generator.evidence.rows import failed
from generator.evidence.verdict import GOOD_BLOCKS, LOOK
from generator.modules.render import KVM
from generator.report.artefacts import OVERHEAD_FACTOR, suspects, too_short
from generator.report.model import number
from generator.report.view import COUNT, FAULT, View, plural
from generator.runs.records import answered

SHOWN = 3
"""As many names of a kind are listed; the rest are counted."""


def few(names: list[str]) -> str:
    """The first names and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def replicates(view: View) -> Iterator[str]:
    """Too few blocks for a verdict."""
    for tier in view.tiers:
        done = view.blocks(tier)
        if tier != COUNT and 0 < done < GOOD_BLOCKS:
            yield f"tier {tier}: {plural(done, 'block')} of {GOOD_BLOCKS}: {LOOK}"


def preemption(view: View) -> Iterator[str]:
    """Contention figures that look like the host's scheduling."""
    found = [f"{workload}, {view.label(variant)}: {why}"
             for workload in view.figures.workloads(view.timed) for variant in view.variants
             for why in suspects(view, view.timed, variant, workload)]
    if found:
        yield f"host preemption? {'; '.join(found[:SHOWN])}" + (
            f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else "")


def below_clock(view: View) -> Iterator[str]:
    """Ops too short for the clock, per tier."""
    for tier in view.tiers:
        short = {op for workload in view.figures.workloads(tier) for variant in view.variants
                 for op in too_short(view, tier, variant, workload)}
        if short:
            yield (f"tier {tier}: no claim per single {', '.join(sorted(short))}: the median is "
                   f"under {OVERHEAD_FACTOR} clock overheads in at least one case")


def accounts(view: View) -> Iterator[str]:
    """Leaks, violations of the SEAM model's rules, and accounts that do not agree."""
    frame = view.frame
    wanted = ((("mem.all.live", "end"), "pages still live after the VM was destroyed"),
              (("seam.violations", "count"), "SEAM model violations"))
    for (metric, stat), what in wanted:
        rows = frame[(frame["metric"] == metric) & (frame["stat"] == stat) & (frame["value"] > 0)]
        for tier, variant, load, value in rows[["tier", "variant", "workload", "value"]].itertuples(
                index=False, name=None):
            yield f"{view.label(variant)}, {load}, tier {tier}: {int(value)} {what}"
    off = frame[(frame["metric"] == "memcg.agrees") & (frame["value"] == 0)]
    # Real KVM charges far more than the pages a design is about.
    if len(off) and view.host != KVM:
        cases = [f"{view.label(v)}/{w}" for v, w in
                 off[["variant", "workload"]].drop_duplicates().itertuples(index=False, name=None)]
        yield ("memory.stat and our own charged count differ by more than the tolerance: "
               f"{few(cases)}")


def aprime(view: View) -> Iterator[str]:
    """Counts of the count tier that differ between the baseline and its repetition."""
    if not view.has(COUNT) or view.aprime is None:
        return
    found: dict[str, None] = {}
    loads = []
    for workload in view.figures.workloads(COUNT):
        names = view.figures.stats(COUNT, workload, "count.")
        differing = [m.removeprefix("count.") for m, s in names
                     if view.figures.value(COUNT, view.baseline, workload, m, s)
                     != view.figures.value(COUNT, view.aprime, workload, m, s)
                     and not math.isnan(view.figures.value(COUNT, view.aprime, workload, m, s))]
        found |= dict.fromkeys(differing)
        loads += [workload] if differing else []
    if loads:
        yield (f"A and A' differ in exact counts ({few(list(found))}) of {', '.join(loads)}: PAMT "
               "pairs depend on which 2 MiB ranges the page allocator serves, and those on what "
               "ran before. Read differences between designs of that size as none")


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
        gone = [view.label(v) for v in view.variants
                if v not in there and v not in view.failing]
        if gone:
            yield f"boot {boot} has no case of {few(gone)}"
    if view.has(COUNT) and view.source(COUNT, FAULT, "op.fault", "p50") is None:
        yield "no instruction count of a fault: no workload that faults"


def marked(view: View) -> Iterator[str]:
    """What the run was only allowed to do with --force."""
    yield from (f"forced: {mark}" for mark in view.manifest.get("marks") or ())
    if (view.manifest.get("suite") or {}).get("dirty"):
        yield "made with uncommitted changes: the commit below is not all of it"


def unlike_upstream(view: View) -> Iterator[str]:
    """A hooked KVM that was only timed with --force: it counts otherwise, or nobody looked."""
    if view.host != KVM or (found := view.manifest.get("kvm")) is None:
        return
    if (check := found.get("check")) is None:
        yield "forced: this KVM was not held to upstream's counts: it may be another"
    else:
        yield from (f"forced: this KVM is not upstream's: {wrong}" for wrong in check["wrong"])


def failures(view: View) -> tuple[str, ...]:
    """Cases without figures, and why; each once, however many blocks it failed in."""
    return tuple(dict.fromkeys(
        f"FAIL {view.label(case['variant'])}, {case['workload']}, boot {case['boot']}: {why}"
        for case in view.cases if (why := failed(case)) and not answered(case)))


def batches(view: View) -> Iterator[str]:
    """What the batches say against their own figures."""
    if view.doubts:
        more = len(view.doubts) - SHOWN
        yield "; ".join(view.doubts[:SHOWN]) + (f"; and {more} more" if more > 0 else "")


def flags(view: View) -> tuple[str, ...]:
    """All warnings, what is missing first."""
    sources = (marked, unlike_upstream, missing, replicates, accounts, aprime, load, batches,
               preemption, below_clock)
    return tuple(flag for source in sources for flag in source(view))
