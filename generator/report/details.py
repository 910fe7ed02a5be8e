# SPDX-License-Identifier: GPL-2.0-only
"""The long tables, for the HTML: memory, locks, SEAMCALLs, every op and lock by workload."""

from __future__ import annotations

from collections.abc import Iterator

from generator.report import plots, tables
from generator.report.model import Section, Table, columns, number, signed
from generator.report.view import CONTENTION, COUNT, FAULT, MEMORY, PARKED, View
from generator.studies.ablation import Ablation


def of(view: View) -> Iterator[Section]:
    """All detail sections of a run that have a table, the ablation's first."""
    if view.walk:
        yield Section(f"What each decision costs: {view.walk.a} -> {view.walk.b}",
                      (f"host {view.host}", f"tier {COUNT}"), detail=True,
                      tables=tuple(walks(view, view.walk)),
                      plots=(plots.key(view, "waterfall", COUNT),))
    if view.sweep:
        from generator.studies import sweeptext
        yield Section(f"Over its parameters: {view.sweep.workload}, {view.sweep.figure}",
                      (f"host {view.host}", f"tier {view.sweep.tier}"), detail=True,
                      items=tuple(sweeptext.found(view.sweep)),
                      plots=(plots.key(view, "sweep", view.sweep.tier),))
    for title, shown, figures in ((f"Operations, host {view.host}", operations(view), ()),
                                (f"Locks and the clock, host {view.host}", locks(view),
                                 (plots.key(view, "lock_times", view.timed),)),
                                (f"Memory, host {view.host}", memory(view),
                                 (plots.key(view, "parked"),)),
                                (f"SEAMCALLs and counts, host {view.host}", calls(view), ())):
        found = tuple(table for table in shown if table and table.rows)
        if found:
            yield Section(title, (f"host {view.host}",), tables=found, plots=figures, detail=True)
    for tier in view.tiers:
        for workload in view.figures.workloads(tier):
            both = (tables.ops(view, tier, dict.fromkeys(tables.OPS, workload),
                               f"Ops under {workload}."), tables.locks(view, tier, workload))
            if any(table.rows for table in both):
                yield Section(f"{workload}, host {view.host}, tier {tier}",
                              (f"host {view.host}", f"tier {tier}"), detail=True,
                              tables=tuple(table for table in both if table.rows))


def walks(view: View, walk: Ablation) -> Iterator[Table]:
    """A table per figure that some decision changes."""
    for fall in walk.waterfalls:
        parts = tuple((part.label, signed(part.mean), f"{signed(part.low)} .. {signed(part.high)}")
                      for part in fall.parts if fall.whole and fall.counts(part))
        if parts:
            rows = ((f"A: {walk.a}", number(fall.start), ""), *parts,
                    (f"B: {walk.b}", number(fall.end), ""))
            yield Table(f"{fall.title} ({fall.unit}).",
                        columns("decision", "mean", "least .. most"), rows,
                        (f"host {view.host}, tier {COUNT}; mean over {walk.orders} orders; up to "
                         f"{number(fall.floor)} counts as no effect.",))


def operations(view: View) -> Iterator[Table]:
    """Ops per tier, and the fault by workload."""
    for tier in view.tiers:
        chosen = {op: tables.busiest(view, tier, op) for op in tables.OPS}
        if any(chosen.values()):
            source = view.source(tier, FAULT, "op.fault", "p50")
            chosen["fault"] = source.workload if source else None
            yield tables.faults(view, tier)
            yield tables.ops(view, tier, chosen, "Per op; the workload that has most samples of "
                                                 "it is named.")


def locks(view: View) -> Iterator[Table | None]:
    """Locks where several vCPUs ran, the clock, and what timing adds."""
    at = view.source(view.timed, CONTENTION, "lock.all.contended", "per_1k")
    yield tables.locks(view, at.tier, at.workload) if at else None
    yield tables.clock(view)
    yield tables.perturbation(view)


def memory(view: View) -> Iterator[Table | None]:
    """The account, what is parked, and the kernel's own account."""
    at = view.either(MEMORY, "mem.tables.allocated", "end")
    if at is None:
        return
    yield tables.memory(view, at)
    idle = view.either(PARKED, "parked.design.pages", "per_vcpu")
    for where in dict.fromkeys((idle, at)):
        if where:
            yield tables.parked(view, where)
            yield tables.matrix(view, where, "parked.", f"Pool by pool when {where.workload} ends: "
                                "pages of all vCPUs together, and the sum of their peaks.",
                                ("n/a: no such pool.",))
    yield tables.memcg(view)


def calls(view: View) -> Iterator[Table]:
    """SEAMCALLs and the exact counts per fault."""
    at = view.either(MEMORY, "seam.violations", "count")
    if at:
        yield tables.matrix(view, at, "seam.", "SEAMCALLs by leaf (and status when it is not "
                            "success), unit calls.", ("n/a: never called.",))
    at = view.source(COUNT, FAULT, "per_fault.page_allocs", "ratio")
    if at:
        yield tables.matrix(view, at, "per_fault.", "Per fault: counts of the run divided by its "
                            "faults.", ())
        yield tables.matrix(view, at, "count.", "Counts of the run.", ())
