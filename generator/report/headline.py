# SPDX-License-Identifier: GPL-2.0-only
"""The tables a reviewer reads first: one row per design, the findings, the baseline twice."""

from __future__ import annotations

import math

from generator.report.artefacts import suspects
from generator.report.model import NA, Table, columns, number, rate, signed
from generator.report.tables import KIB_PER_PAGE, UNIT
from generator.report.view import CONTENTION, COUNT, FAULT, MEMORY, PARKED, Source, View
from generator.stats import ratio


def headline(view: View) -> Table:
    """One row per design: what a reviewer asks first."""
    fault = view.either(FAULT, "op.fault", "p50")
    per_fault = view.either(FAULT, "per_fault.page_allocs", "ratio")
    parked = view.either(PARKED, "parked.design.pages", "per_vcpu")
    fought = view.source(view.timed, CONTENTION, "lock.all.contended", "per_1k")
    memory = view.either(MEMORY, "mem.tables.uncharged", "end")
    wanted: tuple[tuple[str, Source | None, str, str], ...] = (
        (f"fault\nmedian\n{'instr' if view.boot(COUNT) else 'ns'}", fault, "op.fault", "p50"),
        ("page\nallocs\n/fault", per_fault, "per_fault.page_allocs", "ratio"),
        ("lock\ntakes\n/fault", per_fault, "per_fault.lock_takes", "ratio"),
        ("parked\nKiB\n/vCPU", parked, "parked.design.pages", "per_vcpu"),
        ("cont.\n/1k\ntakes", fought, "lock.all.contended", "per_1k"),
        ("unchgd\npages", memory, "mem.tables.uncharged", "end"),
        ("cross-\nfreed\npages", memory, "mem.tables.cross_freed", "end"))

    def cells(variant: str) -> list[str]:
        values = [(view.value(at, variant, metric, stat), metric, stat)
                  for _, at, metric, stat in wanted]
        shown = [rate(v) if stat == "ratio" else
                 number(v * KIB_PER_PAGE if metric == "parked.design.pages" else v)
                 for v, metric, stat in values]
        doubt = fought and suspects(view, fought.boot, variant, fought.workload)
        return [text + "!" if doubt and stat == "per_1k" else text
                for text, (_, _, stat) in zip(shown, values, strict=True)]
    n = view.figures.get(fault.boot, view.baseline, fault.workload, "op.fault", "p50").n \
        if fault else 0
    return Table("Table 1. One row per design: baseline first, its repetition A' below it"
                 + (", floor last." if view.has_floor() else "."),
                 columns("design", *(head for head, *_ in wanted)),
                 tuple((view.label(v), *cells(v)) for v in view.variants),
                 (f"fault, allocs, locks: {f'{fault}, n = {n} faults' if n else 'not measured'}.",
                  f"parked S-EPT and PAMT pages: {parked or 'not measured'}.",
                  f"contended, all locks together: {fought or 'not measured'}. ! looks like the "
                  "host taking a vCPU away, see Warnings.",
                  f"uncharged, cross-freed, page-table pages of all kinds: "
                  f"{memory or 'not measured'}."))


def findings(view: View, at: Source) -> Table:
    """The review findings of 2026-01-16: who is charged, and who frees what it did not allocate."""
    def of(variant: str, page_class: str, field: str) -> float:
        owners = [view.value(at, variant, f"mem.{page_class}.{owner}.{field}", "end")
                  for owner in ("kvm", "tdx")]
        there = [v for v in owners if not math.isnan(v)]
        return sum(there) if there else math.nan
    head = {"allocated": "alloc.", "uncharged": "unchgd", "cross_freed": "cross-\nfreed"}
    kinds = [(c, f) for f in head for c in ("sept", "pamt")]
    rows = tuple((view.label(v), *(number(of(v, c, f)) for c, f in kinds),
                  *(number(view.value(at, v, f"mem.tables.{f}", "end"))
                    for f in ("uncharged", "cross_freed"))) for v in view.variants)
    return Table(f"Pages over the VM's whole life, teardown included: {at.workload}.",
                 columns("design", *(f"{'S-EPT' if c == 'sept' else 'PAMT'}\n{head[f]}"
                                     for c, f in kinds), "all\nunchgd", "all\ncross-\nfreed"),
                 rows, (f"{at}; unit pages, {at.counted}.",))


def spread(view: View) -> Table | None:
    """Baseline and A': the same module twice in one boot, so any difference is no design's."""
    if view.aprime is None:
        return None
    unit = UNIT[view.timed]
    wanted = ((COUNT, FAULT, "op.fault", "p50", "fault median, instr"),
              (COUNT, FAULT, "op.fault", "p99", "fault p99, instr"),
              (COUNT, FAULT, "per_fault.page_allocs", "ratio", "page allocs/fault"),
              (COUNT, FAULT, "per_fault.lock_takes", "ratio", "lock takes/fault"),
              (COUNT, FAULT, "per_fault.seamcalls", "ratio", "SEAMCALLs/fault"),
              (COUNT, PARKED, "parked.design.pages", "per_vcpu", "parked pages/vCPU"),
              (COUNT, MEMORY, "mem.tables.allocated", "end", "table pages allocated"),
              (view.timed, FAULT, "op.fault", "p50", f"fault median, {unit}"),
              (view.timed, FAULT, "op.fault", "p99", f"fault p99, {unit}"),
              (view.timed, CONTENTION, "lock.all.contended", "per_1k", "contended/1k takes"))
    rows = []
    for tier, loads, metric, stat, name in wanted:
        at = view.source(tier, loads, metric, stat)
        if at is None:
            continue
        one, two = (view.value(at, v, metric, stat) for v in (view.baseline, view.aprime))
        share = 100 * ratio(two - one, one)
        shown = rate if stat == "ratio" else number
        rows.append((name, at.workload, shown(one), shown(two), signed(two - one),
                     NA if math.isnan(share) else f"{share:+.1f} %"))
    return Table("A/A': the baseline twice in the same boot, under two names.",
                 columns("figure", "workload", view.baseline, "A'", "A'-A", "A'-A, %"),
                 tuple(rows),
                 (f"host {view.host}; instr and counts: tier count; ns and contention: tier "
                  f"{view.timed}. "
                  "A difference between two designs that is not larger than this is not theirs. "
                  "PAMT counts also depend on the 2 MiB ranges the page allocator serves.",))
