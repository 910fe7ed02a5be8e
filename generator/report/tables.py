# SPDX-License-Identifier: GPL-2.0-only
"""The report's tables, each naming host, tier, unit and n; figures only from the summary frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from generator.report.model import NA, Table, columns, number, signed
from generator.report.view import (
    CONTENTION,
    COUNT,
    FAULT,
    MEMORY,
    MODEL,
    PARKED,
    Source,
    View,
)
from generator.rows import PAGE_BYTES
from generator.stats import ratio

KIB_PER_PAGE = PAGE_BYTES // 1024
OVERHEAD_FACTOR = 5
"""No claim for a single op whose median is under this many clock overheads."""
OPS = ("fault", "topup", "alloc", "pamt_get", "pamt_put", "link", "map", "split", "zap",
       "teardown")
TIER_UNIT = {COUNT: "unit instructions, exact (one guest CPU)",
             MODEL: "unit ns, emulated: TCG time with modelled SEAMCALL costs"}


def headline(view: View) -> Table:
    """One row per design: what a reviewer asks first."""
    fault = view.source(COUNT, FAULT, "op.fault", "p50")
    per_fault = view.source(COUNT, FAULT, "per_fault.page_allocs", "ratio")
    parked = view.either(PARKED, "parked.all.pages", "per_vcpu")
    fought = view.source(MODEL, CONTENTION, "lock.all.contended", "per_1k")
    memory = view.either(MEMORY, "mem.tables.uncharged", "end")
    wanted: tuple[tuple[str, Source | None, str, str], ...] = (
        ("fault\nmedian\ninstr", fault, "op.fault", "p50"),
        ("page\nallocs\n/fault", per_fault, "per_fault.page_allocs", "ratio"),
        ("lock\ntakes\n/fault", per_fault, "per_fault.lock_takes", "ratio"),
        ("parked\nKiB\n/vCPU", parked, "parked.all.pages", "per_vcpu"),
        ("cont.\n/1k\ntakes", fought, "lock.all.contended", "per_1k"),
        ("unchgd\npages", memory, "mem.tables.uncharged", "end"),
        ("cross-\nfreed\npages", memory, "mem.tables.cross_freed", "end"))

    def cells(variant: str) -> list[str]:
        values = [view.value(at, variant, metric, stat) for _, at, metric, stat in wanted]
        return [number(v * KIB_PER_PAGE if m == "parked.all.pages" else v)
                for v, (_, _, m, _) in zip(values, wanted, strict=True)]
    n = view.figures.get(fault.boot, view.baseline, fault.workload, "op.fault", "p50").n \
        if fault else 0
    return Table("Table 1. One row per design: baseline first, its repetition A' below it"
                 + (", floor last." if view.has_floor() else "."),
                 columns("design", *(head for head, *_ in wanted)),
                 tuple((view.label(v), *cells(v)) for v in view.variants),
                 (f"fault, allocs, locks: {fault or 'not measured'}, n = {n} faults.",
                  f"parked: {parked or 'not measured'}.",
                  f"contended: {fought or 'not measured'}, all locks together.",
                  f"uncharged, cross-freed: S-EPT, PAMT and mirror pages; "
                  f"{memory or 'not measured'}."))


def findings(view: View) -> tuple[Table, Source | None]:
    """The review findings of 2026-01-16: who is charged, and who frees what it did not allocate."""
    at = view.either(("convert",), "mem.tables.uncharged", "end") \
        or view.either(MEMORY, "mem.tables.uncharged", "end")

    def of(variant: str, page_class: str, field: str) -> str:
        owners = [view.value(at, variant, f"mem.{page_class}.{owner}.{field}", "end")
                  for owner in ("kvm", "tdx")]
        there = [v for v in owners if not math.isnan(v)]
        return number(sum(there) if there else math.nan)
    wanted = [(c, f) for f in ("allocated", "uncharged", "cross_freed") for c in ("sept", "pamt")]
    head = {"allocated": "alloc.", "uncharged": "unchgd", "cross_freed": "cross-\nfreed"}
    rows = tuple((view.label(v), *(of(v, c, f) for c, f in wanted)) for v in view.variants)
    return Table("Pages over the VM's whole life, teardown included.",
                 columns("design", *(f"{'S-EPT' if c == 'sept' else 'PAMT'}\n{head[f]}"
                                     for c, f in wanted)), rows,
                 (f"{at or 'not measured'}; unit pages, exact counts.",
                  "unchgd: allocated without __GFP_ACCOUNT. cross-freed: freed by a subsystem "
                  "(KVM or TDX) other than the one that allocated it, without a hand-over.")), at


def busiest(view: View, tier: str, op: str) -> str | None:
    """The workload with the most samples of an op in that tier's boot."""
    boot = view.boot(tier)
    best, most = None, 0
    for workload in view.figures.workloads(boot) if boot else []:
        n = max((view.figures.get(str(boot), v, workload, f"op.{op}", "p50").n
                 for v in view.variants), default=0)
        if n > most:
            best, most = workload, n
    return best


def op_row(view: View, boot: str, workload: str, op: str, variant: str) -> tuple[str, ...]:
    """n, median with its interval, tail and maximum of an op; n/a where the design has none."""
    def get(stat: str) -> float:
        return view.figures.value(boot, variant, workload, f"op.{op}", stat)
    median = view.figures.get(boot, variant, workload, f"op.{op}", "p50")
    interval = NA if math.isnan(median.low) else f"{median.low:.0f}-{median.high:.0f}"
    tail = view.figures.get(boot, variant, workload, f"op.{op}", "p99")
    mark = "*" if median.n and math.isnan(tail.low) else ""
    pair = view.figures.value(boot, variant, workload, "clock.empty_pair", "p50")
    doubt = "?" if get("p50_raw") < OVERHEAD_FACTOR * pair else ""
    return (view.label(variant), str(median.n) if median.n else NA,
            doubt + whole(median.value), interval,
            whole(get("p90")), whole(tail.value) + mark, whole(get("max")))


def whole(value: float) -> str:
    """A time without decimals: emulated clocks do not carry them."""
    return NA if math.isnan(value) else f"{value:.0f}"


def ops(view: View, tier: str, chosen: Mapping[str, str | None], title: str) -> Table:
    """Every op of a tier with the workload ``chosen`` for it; the op and workload head the rows."""
    boot = str(view.boot(tier))
    rows: list[tuple[str, ...]] = []
    absent = []
    for op in OPS:
        workload = chosen.get(op)
        found = [op_row(view, boot, workload, op, v) for v in view.variants] if workload else []
        if any(row[1] != NA for row in found):
            rows += [(f"{op} ({workload})",), *found]
        else:
            absent.append(op)
    notes = [f"host {view.host}, tier {tier}, boot {boot}; {TIER_UNIT.get(tier, '')}.",
             "Median: the clock's own cost is subtracted; p90, p99 and max are as read. "
             "n/a: the design never does it here. * n too small for a 95 % interval of p99 "
             f"(368 are needed). ? no claim: under {OVERHEAD_FACTOR} times the clock's own cost."]
    if absent:
        notes.append(f"No sample in any design: {', '.join(absent)}.")
    return Table(title, columns("design", "n", "p50", "95 % CI", "p90", "p99", "max"),
                 tuple(rows), tuple(notes))


def locks(view: View, tier: str, workload: str) -> Table:
    """Acquisitions, contention, wait and hold per lock and design."""
    boot = str(view.boot(tier))
    names = [m.removeprefix("lock.").removesuffix(".acquired")
             for m, _ in view.figures.stats(boot, workload, "lock.") if m.endswith(".acquired")]
    wanted = (("acquired", "count"), ("contended", "count"), ("contended", "per_1k"),
              ("wait", "p50"), ("wait", "p99"), ("wait", "max"), ("hold", "p50"), ("hold", "max"))
    rows: list[tuple[str, ...]] = []
    unused = []
    for name in names:
        found = [(view.label(v), *(lock_cell(view.figures.value(
            boot, v, workload, f"lock.{name}.{what}", stat), stat) for what, stat in wanted))
            for v in view.variants
            if view.figures.value(boot, v, workload, f"lock.{name}.acquired", "count") > 0]
        rows += [(name,), *found] if found else []
        unused += [] if found else [name]
    vcpus = view.figures.get(boot, view.baseline, workload, "lock.all.contended", "count").vcpus
    notes = (Source(boot, workload, view.host, tier, vcpus),
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
                               view.figures.stats(at.boot, at.workload, "mem.")
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
                 (f"{at}; exact counts.",
                  "live: when the run ends, the VM alive; leak: still live after it is destroyed; "
                  "acct, unacct: with and without __GFP_ACCOUNT; handed: given to the other "
                  "subsystem on purpose. Classes a design never allocates have no row."))


def parked(view: View, at: Source) -> Table:
    """Pages lying in caches when the run ends: per vCPU, per VM, and pool by pool."""
    pools = [m.split(".")[1] for m, _ in view.figures.stats(at.boot, at.workload, "parked.")
             if m.endswith(".pages") and m != "parked.all.pages"]

    def row(variant: str) -> tuple[str, ...]:
        kib = [view.value(at, variant, f"parked.all.{field}", stat) * KIB_PER_PAGE
               for field in ("pages", "peak") for stat in ("per_vcpu", "per_vm")]
        return (view.label(variant), *map(number, kib),
                *(number(view.value(at, variant, f"parked.{pool}.pages", "sum"))
                  for pool in pools))
    heads = (pool.replace("_", "_\n") + "\npages" for pool in pools)
    return Table(f"Parked in caches when {at.workload} ends.",
                 columns("design", "KiB\n/vCPU", "KiB\nper VM", "peak KiB\n/vCPU",
                         "peak KiB\nper VM", *heads),
                 tuple(row(v) for v in view.variants),
                 (f"{at}; exact counts. per VM: pools all vCPUs share. n/a: no such pool.",))


def matrix(view: View, at: Source, prefix: str, title: str, notes: Sequence[str]) -> Table:
    """Designs side by side: a row per (metric, stat) that starts with ``prefix``."""
    found = [(m, s) for m, s in view.figures.stats(at.boot, at.workload, prefix)
             if m != "seam.violations"]
    rows = [(m.removeprefix(prefix) + status(s),
             *(number(view.value(at, v, m, s)) for v in view.variants)) for m, s in found]
    heads = [view.label(v).replace("_", "_\n").replace(" ", "\n") for v in view.variants]
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
        own = view.figures.get(at.boot, variant, at.workload, "memcg.own_live", "count")
        agrees = view.value(at, variant, "memcg.agrees", "bool")
        return (view.label(variant), number(view.value(at, variant, "memcg.kernel_live", "delta")),
                NA if math.isnan(own.low) else f"{number(own.low)}-{number(own.high)}",
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


def spread(view: View) -> Table | None:
    """Baseline and A': the same module twice in one boot, so any difference is no design's."""
    if view.aprime is None:
        return None
    wanted = ((COUNT, FAULT, "op.fault", "p50", "fault median, instr"),
              (COUNT, FAULT, "op.fault", "p99", "fault p99, instr"),
              (COUNT, FAULT, "per_fault.page_allocs", "ratio", "page allocs/fault"),
              (COUNT, FAULT, "per_fault.lock_takes", "ratio", "lock takes/fault"),
              (COUNT, FAULT, "per_fault.seamcalls", "ratio", "SEAMCALLs/fault"),
              (COUNT, PARKED, "parked.all.pages", "per_vcpu", "parked pages/vCPU"),
              (COUNT, MEMORY, "mem.tables.allocated", "end", "table pages allocated"),
              (MODEL, FAULT, "op.fault", "p50", "fault median, emulated ns"),
              (MODEL, FAULT, "op.fault", "p99", "fault p99, emulated ns"),
              (MODEL, CONTENTION, "lock.all.contended", "per_1k", "contended/1k takes"))
    rows = []
    for tier, loads, metric, stat, name in wanted:
        at = view.source(tier, loads, metric, stat)
        if at is None:
            continue
        one, two = (view.value(at, v, metric, stat) for v in (view.baseline, view.aprime))
        share = 100 * ratio(two - one, one)
        rows.append((name, at.workload, number(one), number(two), signed(two - one),
                     NA if math.isnan(share) else f"{share:+.1f} %"))
    return Table("A/A': the baseline twice in the same boot, under two names.",
                 columns("figure", "workload", view.baseline, "A'", "A'-A", "A'-A, %"),
                 tuple(rows),
                 (f"host {view.host}; instr and counts: tier count; ns and contention: tier model. "
                  "A difference between two designs that is not larger than this is not theirs.",))


def clock(view: View) -> Table:
    """What reading the clock twice costs, in each boot."""
    rows = []
    for boot, info in view.manifest["boots"].items():
        for workload in view.figures.workloads(boot)[:1]:
            def get(stat: str, boot: str = boot, workload: str = workload) -> float:
                return view.figures.value(boot, view.baseline, workload, "clock.empty_pair", stat)
            n = view.figures.get(boot, view.baseline, workload, "clock.empty_pair", "p50").n
            rows.append((boot, str(info["tier"]), str(info["unit"]), str(n),
                         *(number(get(s)) for s in ("p50", "p99", "max"))))
    return Table("Cost of the measurement itself: an empty pair of clock reads.",
                 columns("boot", "tier", "unit", "n", "p50", "p99", "max"), tuple(rows),
                 (f"host {view.host}. The median is subtracted from medians of ops only.",))
