# SPDX-License-Identifier: GPL-2.0-only
"""The report's sections in the order a reviewer reads them."""

from __future__ import annotations

import math

from generator.choose import vcpus_of
from generator.frames import FLOOR
from generator.render import KVM
from generator.report import headline, tables
from generator.report.flags import failures, flags
from generator.report.model import Document, Section, number, rate
from generator.report.provenance import facts, rerun
from generator.report.view import (
    CONTENTION,
    COUNT,
    FAULT,
    MEMORY,
    MODEL,
    NATIVE,
    PARKED,
    TIERS,
    Source,
    View,
)

REVIEWED = ("convert", "populate_seq")
REVIEW = "aWrdpZCCDDAffZRM@google.com"
QUESTION = ("Question: where should the external page-table (S-EPT) pages and the Dynamic PAMT "
            "page pairs of KVM/TDX come from, who is charged for them, and who frees them?")
TWIN = ("What this is: a twin of the fault, split and teardown path of KVM's TDP MMU, with "
        "SEAMCALLs answered by a software model. It models KVM's path and does not drive KVM. No "
        "TDX hardware took part: modelled SEAMCALL costs are no TDX measurements. Every table "
        "names its host, tier, unit and n.")
REAL = ("What this is: real KVM, modelled SEAM. The faults run in kvm.ko's own mirror MMU, hooked, "
        "on a software-protected VM; SEAMCALLs are answered by a software model. tdx.c, the TDX "
        "module and guest execution are not run: modelled SEAMCALL costs are no TDX measurements. "
        "Every table names its host, tier, unit and n.")
NO_TWIN = ("KVM itself: the functions of kvm.ko the twin stands for are not exported; the twin "
           "repeats their steps, locks and GFP flags.")
NO_TDX = ("tdx.c: the hooks stand where it is called, and nothing of it is run. mmu_lock is KVM's "
          "own and not measured. Splits: all mappings are 4 KiB.")
NO_VERDICT = ("No design is ranked here: one boot is no replicate. Counts and instructions of the "
              "icount boot are exact and compared as integers.")


def build(view: View) -> Document:
    """The whole report of a run."""
    problems, failed = flags(view), failures(view)
    return Document(
        "extspt-bench: designs for S-EPT and Dynamic PAMT pages, side by side",
        f"run {view.manifest['id']}, baseline {view.baseline}",
        (first_screen(view, len(problems), len(failed)), review(view), repetition(view),
         *latency(view), contention(view), memory(view), calls(view), warnings(problems, failed),
         limits(view), provenance(view), *details(view)))


def first_screen(view: View, problems: int, failed: int) -> Section:
    """Question, one table, one sentence of cost."""
    state = (f" See Warnings: {problems} of them, failed cases: {failed}."
             if problems or failed else "")
    what = REAL if view.host == KVM else TWIN
    return Section("Summary", (QUESTION, what), (headline.headline(view),),
                   items=(cost(view), NO_VERDICT + state),
                   plots=("fault_latency", "memory_charge"))


def cost(view: View) -> str:
    """What the baseline's answer costs, in one sentence of figures."""
    fault = view.source(COUNT, FAULT, "op.fault", "p50")
    allocs = view.source(COUNT, FAULT, "per_fault.page_allocs", "ratio")
    parked = view.either(PARKED, "parked.design.pages", "per_vcpu")
    base = view.value(fault, view.baseline, "op.fault", "p50")
    floor = view.value(fault, FLOOR, "op.fault", "p50")
    kib = view.value(parked, view.baseline, "parked.design.pages", "per_vcpu") * tables.KIB_PER_PAGE
    per_fault = view.value(allocs, view.baseline, "per_fault.page_allocs", "ratio")
    model = view.value(fault, view.baseline, "op.seamcall", "p50")
    inside = "" if math.isnan(model) else f" ({number(model)} of them in the SEAM model)"
    above = f", {number(base - floor)} more than the floor '{FLOOR}'"
    said = ((base, f"runs {number(base)} instructions in the median fault{inside}"
                   + ("" if math.isnan(floor) else above)),
            (per_fault, f"allocates {rate(per_fault)} pages per fault"),
            (kib, f"keeps {number(kib)} KiB of S-EPT and PAMT pages parked per vCPU"))
    parts = [text for value, text in said if not math.isnan(value)]
    return f"Cost of the baseline: {view.baseline} {', '.join(parts) or 'was not measured'}."


def review(view: View) -> Section:
    """The findings of 2026-01-16 as numbers."""
    at = [found for load in REVIEWED if (found := view.either(
        (load,), "mem.tables.uncharged", "end")) and found.workload == load]
    if not at:
        return Section("Review findings of 2026-01-16 as numbers", ("Not measured.",))

    def said(field: str, where: Source) -> str:
        return ", ".join(f"{view.label(v)} {number(view.value(where, v, field, 'end'))}"
                         for v in view.designs)
    return Section(
        "Review findings of 2026-01-16 as numbers",
        (f"The review ({REVIEW}) held against the TDX-owned caches that the split cache's pages "
         "are not charged to the VM's cgroup, and that one subsystem frees what the other "
         "allocated. Both as counted pages:",
         f"Allocated without __GFP_ACCOUNT, workload {at[0].workload}: "
         f"{said('mem.tables.uncharged', at[0])}.",
         *(f"Freed by KVM though TDX allocated them, or the reverse, without a hand-over, workload "
           f"{where.workload}: {said('mem.tables.cross_freed', where)}." for where in at)),
        tuple(headline.findings(view, where) for where in at))


def repetition(view: View) -> Section:
    """A/A'."""
    table = headline.spread(view)
    return Section("The baseline against itself", () if table else
                   ("The baseline did not run twice: no A/A' spread.",),
                   (table,) if table else ())


def latency(view: View) -> tuple[Section, ...]:
    """Ops per tier, and the fault by workload."""
    sections = []
    for tier, name in ((COUNT, "instructions"), (MODEL, "emulated time"), (NATIVE, "host time")):
        if view.boot(tier) is None or not any(tables.busiest(view, tier, op) for op in tables.OPS):
            continue
        source = view.source(tier, FAULT, "op.fault", "p50")
        chosen = {op: tables.busiest(view, tier, op) for op in tables.OPS}
        chosen["fault"] = source.workload if source else None
        sections.append(Section(f"Operations, {name}", tables=(
            tables.faults(view, tier),
            tables.ops(view, tier, chosen, f"Per op, {name}; the workload that has most samples "
                                           "of it is named."))))
    return tuple(sections)


def contention(view: View) -> Section:
    """Locks in the boot that has more than one vCPU, and the clock."""
    at = view.source(view.timed, CONTENTION, "lock.all.contended", "per_1k")
    shown = (tables.locks(view, at.tier, at.workload),) if at else ()
    added = tables.perturbation(view)
    return Section("Locks and the clock", () if at else (
        "No contention figures: no boot with several guest CPUs in this run.",),
        (*shown, tables.clock(view), *((added,) if added else ())), plots=("lock_times",))


def memory(view: View) -> Section:
    """Account, caches, and the kernel's own figure."""
    at = view.either(MEMORY, "mem.tables.allocated", "end")
    idle = view.either(PARKED, "parked.design.pages", "per_vcpu")
    shown = [tables.memory(view, at)] if at else []
    for where in dict.fromkeys((idle, at)):
        if where:
            shown += [tables.parked(view, where), tables.matrix(
                view, where, "parked.", f"Pool by pool when {where.workload} ends: pages of all "
                "vCPUs together, and the sum of their peaks.", ("n/a: no such pool.",))]
    table = tables.memcg(view)
    return Section("Memory", tables=(*shown, *((table,) if table else ())), plots=("parked",))


def calls(view: View) -> Section:
    """SEAMCALLs and the exact counts per fault."""
    shown = []
    at = view.either(MEMORY, "seam.violations", "count")
    if at:
        shown.append(tables.matrix(view, at, "seam.", "SEAMCALLs by leaf (and status when it is "
                                   "not success), unit calls.", ("n/a: never called.",)))
    at = view.source(COUNT, FAULT, "per_fault.page_allocs", "ratio")
    if at:
        shown += [tables.matrix(view, at, "per_fault.", "Per fault: counts of the run divided by "
                                "its faults.", ()),
                  tables.matrix(view, at, "count.", "Counts of the run.", ())]
    return Section("SEAMCALLs and counts", tables=tuple(shown))


def warnings(problems: tuple[str, ...], failed: tuple[str, ...]) -> Section:
    """Flags and failed cases."""
    return Section("Warnings", items=(*failed, *problems) or ("none",))


def limits(view: View) -> Section:
    """What was not measured and why."""
    vcpus = max((vcpus_of(case) for case in view.cases), default=0)
    items = ["Real SEAMCALLs and their times (tier tdx): no TDX hardware. The model's cost table "
             "is a guess with sources, not a measurement.",
             NO_TDX if view.host == KVM else NO_TWIN,
             *_limits_of(view),
             f"Differences between boots: one boot of each kind. More than {vcpus} vCPUs."]
    if view.has_floor():
        items.append(f"'{FLOOR}' is the floor: the same path without S-EPT and PAMT page work. It "
                     "is no design: what it parks are pages set aside before the run.")
    return Section("Not measured, and why", items=tuple(items))


def _limits_of(view: View) -> list[str]:
    """What the tiers of this run cannot show."""
    said = {
        COUNT: "Contention and time in the icount boot: one guest CPU, one instruction per tick, "
               "no caches.",
        MODEL: "Wall time of kernel code on real CPUs (tier native): the guest is emulated. Cache "
               "misses and memory bandwidth: in no emulated boot."}
    found = [text for tier, text in said.items() if view.boot(tier)]
    if any("uml" in name for name in view.manifest["boots"]):
        found.append("x86's own code in the uml boot: static calls are calls through a pointer "
                     "there, cache flushes cost nothing, and page tables are the host's.")
    return found


def provenance(view: View) -> Section:
    """Identity of the run, and the command that repeats it."""
    return Section("Provenance", facts=facts(view), commands=(rerun(view),))


def details(view: View) -> tuple[Section, ...]:
    """Everything else there is a table for, left to the HTML: each op and lock in each workload."""
    sections = []
    for tier in TIERS:
        boot = view.boot(tier)
        for workload in view.figures.workloads(boot) if boot else ():
            shown = (tables.ops(view, tier, dict.fromkeys(tables.OPS, workload),
                                f"Ops under {workload}."), tables.locks(view, tier, workload))
            if any(table.rows for table in shown):
                sections.append(Section(f"{workload}, tier {tier}", tables=tuple(
                    table for table in shown if table.rows), detail=True))
    return tuple(sections)
