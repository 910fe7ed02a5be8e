# SPDX-License-Identifier: GPL-2.0-only
"""The report's tables, each naming host, tier, unit and n; figures only from the summary frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from generator.evidence.amortised import main_stat
from generator.evidence.rows import PAGE_BYTES
from generator.evidence.stats import ratio
from generator.evidence.verdict import SAMPLES_NEEDED
from generator.report.artefacts import AS_READ, OVERHEAD_FACTOR
from generator.report.model import NA, Table, columns, number, rate, signed
from generator.report.view import (
    COUNT,
    FAULT,
    MEMORY,
    MODEL,
    NATIVE,
    TDX,
    TIERS,
    Source,
    View,
    plural,
)

KIB_PER_PAGE = PAGE_BYTES // 1024
OPS = ("fault", "topup", "alloc", "pamt_get", "pamt_put", "link", "map", "split", "zap",
       "teardown")
TIER_UNIT = {COUNT: "unit instructions, exact (one guest CPU)",
             MODEL: "unit ns, emulated: TCG time with modelled SEAMCALL costs",
             NATIVE: "unit ns of the host, with modelled SEAMCALL costs",
             TDX: "unit ns of the host, SEAMCALLs and all"}
UNIT = {COUNT: "instructions", MODEL: "emulated ns", NATIVE: "ns", TDX: "ns"}


def busiest(view: View, tier: str, op: str) -> str | None:
    """The workload with the most samples of an op in that tier."""
    best, most = None, 0
    for workload in view.figures.workloads(tier):
        n = max((view.figures.get(tier, v, workload, f"op.{op}", "p50").n
                 for v in view.variants), default=0)
        if n > most:
            best, most = workload, n
    return best


def op_row(view: View, tier: str, workload: str, op: str, variant: str) -> tuple[str, ...]:
    """n, main figure with its interval, tail, maximum of an op; n/a where the design has none."""
    def get(stat: str) -> float:
        return view.figures.value(tier, variant, workload, f"op.{op}", stat)
    median = view.figures.get(tier, variant, workload, f"op.{op}",
                              main_stat(op, workload))
    interval = NA if math.isnan(median.low) else f"{median.low:.0f}-{median.high:.0f}"
    tail = view.figures.get(tier, variant, workload, f"op.{op}", "p99")
    mark = "*" if median.n and math.isnan(tail.low) else ""
    pair = view.figures.value(tier, variant, workload, "clock.empty_pair", "p50")
    doubt = "?" if get(AS_READ[main_stat(op, workload)]) < OVERHEAD_FACTOR * pair else ""
    return (view.label(variant), str(median.n) if median.n else NA,
            doubt + whole(median.value), interval,
            whole(get("p90")), whole(tail.value) + mark, whole(get("max")))


def blocks(view: View, tier: str) -> str:
    """How often a tier was measured."""
    return plural(max(view.blocks(tier), 1), "block")


def whole(value: float) -> str:
    """A time without decimals: emulated clocks do not carry them."""
    return NA if math.isnan(value) else f"{value:.0f}"


def ops(view: View, tier: str, chosen: Mapping[str, str | None], title: str) -> Table:
    """Every op of a tier with the workload ``chosen`` for it; the op and workload head the rows."""
    rows: list[tuple[str, ...]] = []
    absent = []
    for op in OPS:
        workload = chosen.get(op)
        found = [op_row(view, tier, workload, op, v) for v in view.variants] if workload else []
        if any(row[1] != NA for row in found):
            mean = ": mean for p50" if main_stat(op, str(workload)) == "mean" else ""
            rows += [(f"{op} ({workload}){mean}",), *found]
        else:
            absent.append(op)
    notes = [f"host {view.host}, tier {tier}, {blocks(view, tier)}; {TIER_UNIT.get(tier, '')}.",
             "Median: the clock's own cost is subtracted; mean, p90, p99 and max are as read. "
             "n/a: the design never does it here. * too few for a 95 % interval of p99: "
             f"{SAMPLES_NEEDED['p99']} samples in one block, or {SAMPLES_NEEDED['p50']} blocks. "
             f"? no claim: under {OVERHEAD_FACTOR} times the clock's own cost."]
    if absent:
        notes.append(f"No sample in any design: {', '.join(absent)}.")
    return Table(title, columns("design", "n", "p50", "95 % CI", "p90", "p99", "max"),
                 tuple(rows), tuple(notes))


def faults(view: View, tier: str) -> Table:
    """Main figure of a fault of every workload that faults, designs side by side."""
    rows = []
    for workload in view.figures.workloads(tier):
        stat = main_stat("fault", workload)
        found = [view.figures.value(tier, v, workload, "op.fault", stat) for v in view.variants]
        if not all(map(math.isnan, found)):
            rows.append((workload + ("\nmean" if stat == "mean" else ""), *map(whole, found)))
    return Table("Median fault by workload, mean where it says so.",
                 columns("workload", *map(split_name, map(view.label, view.variants))),
                 tuple(rows),
                 (f"host {view.host}, tier {tier}, {blocks(view, tier)}; "
                  f"{TIER_UNIT.get(tier, '')}.",))


def split_name(label: str) -> str:
    """A design's name as the head of a narrow column."""
    return label.replace("_", "_\n").replace(" ", "\n")


def locks(view: View, tier: str, workload: str) -> Table:
    """Acquisitions, contention, wait and hold per lock and design."""
    names = [m.removeprefix("lock.").removesuffix(".acquired")
             for m, _ in view.figures.stats(tier, workload, "lock.") if m.endswith(".acquired")]
    wanted = (("acquired", "count"), ("contended", "count"), ("contended", "per_1k"),
              ("wait", "p50"), ("wait", "p99"), ("wait", "max"), ("hold", "p50"), ("hold", "max"))
    rows: list[tuple[str, ...]] = []
    unused = []
    for name in names:
        found = [(view.label(v), *(lock_cell(view.figures.value(
            tier, v, workload, f"lock.{name}.{what}", stat), stat) for what, stat in wanted))
            for v in view.variants
            if view.figures.value(tier, v, workload, f"lock.{name}.acquired", "count") > 0]
        rows += [(name,), *found] if found else []
        unused += [] if found else [name]
    vcpus = view.figures.get(tier, view.baseline, workload, "lock.all.contended", "count").vcpus
    notes = (Source(tier, workload, view.host, vcpus, view.blocks(tier)),
             f"{TIER_UNIT.get(tier, '')}; n is 'taken' for hold and 'cont.' for wait. A design "
             "that never takes a lock has no row.",
             f"Never taken: {', '.join(unused)}." if unused else "")
    return Table(f"Locks under {workload}.",
                 columns("lock, design", "taken", "cont.", "/1k", "wait\np50", "wait\np99",
                         "wait\nmax", "hold\np50", "hold\nmax"),
                 tuple(rows), tuple(str(n) for n in notes if n))


def lock_cell(value: float, stat: str) -> str:
    return number(value) if stat in ("count", "per_1k") else whole(value)


def memory(view: View, at: Source) -> Table:
    """The account per page class and owner."""
    wanted = (("alloc", "allocated", "end"), ("live", "live", "run"), ("peak", "peak", "end"),
              ("acct", "charged", "end"), ("unacct", "uncharged", "end"),
              ("atomic", "atomic_fallback", "end"), ("cross", "cross_freed", "end"),
              ("handed", "handed_over", "end"), ("leak", "live", "end"))
    kinds = list(dict.fromkeys(m.rsplit(".", 1)[0] for m, _ in
                               view.figures.stats(at.tier, at.workload, "mem.")
                               if m.count(".") == 3))
    rows: list[tuple[str, ...]] = []
    for kind in kinds:
        found = [(view.label(v), *(number(view.value(at, v, f"{kind}.{field}", when))
                                   for _, field, when in wanted))
                 for v in view.variants
                 if view.value(at, v, f"{kind}.allocated", "end") > 0]
        _, page_class, owner = kind.split(".")
        rows += [(f"{page_class} pages allocated by {owner}",), *found] if found else []
    return Table(f"Memory account under {at.workload}, unit pages.",
                 columns("class, design", *(head for head, _, _ in wanted)), tuple(rows),
                 (f"{at}; {at.counted}.",
                  "live: when the run ends, the VM alive; leak: still live after it is destroyed; "
                  "acct, unacct: with and without __GFP_ACCOUNT; handed: given to the other "
                  "subsystem on purpose. Classes a design never allocates have no row."))


def parked(view: View, at: Source) -> Table:
    """KiB lying in caches when the run ends, per vCPU and in the pools all vCPUs share."""
    def row(variant: str) -> tuple[str, ...]:
        return (view.label(variant), *(
            number(view.value(at, variant, f"parked.design.{field}", stat) * KIB_PER_PAGE)
            for field in ("pages", "peak") for stat in ("per_vcpu", "per_vm")))
    return Table(f"Parked in caches when {at.workload} ends, unit KiB.",
                 columns("design", "per vCPU", "per VM", "per vCPU,\npeak", "per VM,\npeak"),
                 tuple(row(v) for v in view.variants),
                 (f"{at}; {at.counted}. per VM: pools that all vCPUs share. Spare mirror page "
                  "tables are left out: every design keeps the same.",))


def perturbation(view: View) -> Table | None:
    """The fault with its inner ops timed too, beside the fault timed alone."""
    rows = []
    for tier in TIERS:
        at = view.source(tier, FAULT, "instrumented.fault", "p50")
        for variant in view.variants if at else ():
            alone, timed = (view.value(at, variant, m, "p50")
                            for m in ("op.fault", "instrumented.fault"))
            rows.append((view.label(variant), tier, whole(alone), whole(timed),
                         signed(timed - alone), rate(ratio(timed, alone))))
    if not rows:
        return None
    return Table("What timing the ops inside a fault adds to it: fault median.",
                 columns("design", "tier", "fault alone", "inner ops\ntimed", "added", "ratio"),
                 tuple(rows), (f"host {view.host}; unit instructions in tier count, ns in "
                               "the others (emulated in tier model). Other tables have the fault "
                               "alone.",))


def matrix(view: View, at: Source, prefix: str, title: str, notes: Sequence[str]) -> Table:
    """Designs side by side: a row per (metric, stat) that starts with ``prefix``."""
    found = [(m, s) for m, s in view.figures.stats(at.tier, at.workload, prefix)
             if m != "seam.violations" and not s.startswith("per_v")]
    rows = [(m.removeprefix(prefix) + status(s),
             *((rate if s == "ratio" else number)(view.value(at, v, m, s))
               for v in view.variants)) for m, s in found]
    heads = [split_name(view.label(v)) for v in view.variants]
    return Table(title, columns(prefix.rstrip("."), *heads), tuple(rows), (f"{at}.", *notes))


def status(text: str) -> str:
    """A SEAMCALL status, success left out and leading zeros of others too."""
    if not text.startswith("0x"):
        return ""
    return "" if int(text, 16) == 0 else f" {text}"


def memcg(view: View) -> Table | None:
    """The kernel's account of the cgroup beside ours."""
    at = view.either(MEMORY, "memcg.agrees", "bool")
    if at is None:
        return None

    def row(variant: str) -> tuple[str, ...]:
        own = view.figures.get(at.tier, variant, at.workload, "memcg.own_live", "count")
        agrees = view.value(at, variant, "memcg.agrees", "bool")
        ours = number(own.low) if own.low == own.high else f"{number(own.low)}-{number(own.high)}"
        return (view.label(variant), number(view.value(at, variant, "memcg.kernel_live", "delta")),
                NA if math.isnan(own.low) else ours,
                number(view.value(at, variant, "memcg.tolerance", "count")),
                NA if math.isnan(agrees) else "yes" if agrees else "NO",
                number(view.value(at, variant, "memcg.kernel_left", "delta")))
    rows = view.frame[view.frame["metric"] == "memcg.agrees"]["value"]
    return Table("memory.stat 'kernel' of the cgroup against our own count, unit pages.",
                 columns("design", "memory.stat\nincrease", "own charged\nlive", "+-", "agree",
                         "left after\ndestroy"),
                 tuple(row(v) for v in view.variants),
                 (f"{at}. In all boots and workloads {int(rows.sum())} of {len(rows)} cases agree.",
                  "The kernel batches its updates per CPU, so it may lag by the tolerance given."))


CLOCK = (("empty pair", "clock.empty_pair"), ("timed op", "clock.timed_op"))


def clock(view: View) -> Table:
    """What measuring costs in each tier: the clock alone, and all that a timed operation adds."""
    rows = []
    for tier in view.tiers:
        for workload in view.figures.workloads(tier)[:1]:
            def get(metric: str, stat: str, tier: str = tier, workload: str = workload) -> float:
                return view.figures.value(tier, view.baseline, workload, metric, stat)
            n = view.figures.get(tier, view.baseline, workload, "clock.empty_pair", "p50").n
            rows += [(tier, UNIT[tier], name, str(n),
                      *(number(get(metric, stat)) for stat in ("p50", "p99", "max")))
                     for name, metric in CLOCK]
    return Table("Cost of the measurement itself.",
                 columns("tier", "unit", "what", "n", "p50", "p99", "max"), tuple(rows),
                 (f"host {view.host}. empty pair: two clock reads and nothing between; its median "
                  "is subtracted from medians of ops only. timed op: the pair and its histogram.",))
