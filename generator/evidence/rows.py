# SPDX-License-Identifier: GPL-2.0-only
"""The figures of one case: its raw record as (metric, statistic, value, unit, n) rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from generator.evidence.amortised import main_stat
from generator.evidence.inference import Floats, pseudo_median, signed_rank_interval
from generator.evidence.stats import NAN, Histogram, interval_ranks, ratio

PERCENTILES = ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))
PAGE_BYTES = 4096
MIRROR = "mirror"
TABLE_CLASSES = ("sept", "pamt", MIRROR, "unassigned")
"""Page-table pages; unassigned ones lie in a cache that serves more than one of these."""
MEMORY_FIELDS = ("allocated", "freed", "live", "peak", "charged", "uncharged", "atomic_fallback",
                 "cross_freed", "handed_over")
PER_FAULT = ("page_allocs", "page_frees", "lock_takes", "seamcalls", "retries")
NONE: Floats = np.empty(0)
MEMCG_BATCH_PAGES = 64
"""memory.stat lags by up to this many pages on each CPU (the kernel batches its updates)."""


class Row(NamedTuple):
    """One figure, without the columns that name its case."""

    metric: str
    stat: str
    value: float
    unit: str
    n: int = 1
    ci: tuple[float, float] = (NAN, NAN)
    exact: bool = True


@dataclass(frozen=True)
class Scale:
    """Clock ticks to the tier's unit; ``overhead`` is the median of an empty pair, in ticks."""

    unit: str
    per_tick: float
    overhead: float

    @classmethod
    def of(cls, tier: str, clock: Mapping[str, Any]) -> Scale:
        pair = Histogram.of(clock["empty_pair"])
        overhead = pair.percentile(0.5) if pair.n else 0.0
        if tier == "count":
            return cls("instructions", 1.0, overhead)
        return cls("ns", 1e6 / float(clock["khz"]), overhead)

    def net(self, ticks: float, overhead: float) -> float:
        """Ticks less ``overhead``, not below zero, in this unit; NaN stays NaN."""
        return ticks if math.isnan(ticks) else max(ticks - overhead, 0.0) * self.per_tick


def failed(case: Mapping[str, Any]) -> str:
    """Why a case has no figures, or "" when it has: a failed check gets no timing."""
    record = case.get("record")
    if record is None:
        return f"no record, rc={case.get('rc')}"
    if case.get("rc") or record.get("status"):
        return f"rc={case.get('rc')} status={record.get('status')}"
    return "; ".join(map(str, record.get("errors") or ()))


def batches(record: Mapping[str, Any], op: str, stat: str) -> Floats:
    """Medians or means of an operation's batches, in ticks; empty where it has none.

    Only where nothing else is timed: else it is the module that chose which operation has medians.
    """
    batch = record.get("batch") or {}
    timed = {name for name in record.get("instrumented") or {} if name != "teardown"} or {op}
    alone = batch.get("op") == op and timed == {op}
    kept = batch.get("medians" if stat == "p50" else "per_op") or ()
    return np.asarray(kept if alone else (), float) / 1000


def typical(record: Mapping[str, Any], op: str, workload: str) -> float:
    """A block's figure of an operation, in ticks: the pseudo-median of its batches' main_stat().

    A host has two speeds, one of them while the other thread of the core is busy. The median of
    all operations jumps between the two; this follows their share, and no single batch moves it.
    Without batches that of all its operations, NaN where there are none.
    """
    stat = main_stat(op, workload)
    if len(found := batches(record, op, stat)):
        return float(pseudo_median(found))
    hist = Histogram.of(record["ops"].get(op) or {"n": 0})
    return hist.mean if stat == "mean" else hist.percentile(0.5)


def latency_rows(metric: str, data: Mapping[str, Any], scale: Scale, *, net: bool,
                 medians: Floats = NONE, means: Floats = NONE) -> Iterator[Row]:
    """Rows of one histogram; with ``net`` the clock's own cost leaves the median only.

    The median as read stays as ``p50_raw``. ``medians``, ``means``: batches(), whose pseudo-median
    then is the ``p50`` or the ``mean``, with the interval of that.
    """
    hist = Histogram.of(data)
    if not hist.n:
        yield Row(metric, "p50", NAN, scale.unit, 0)
        return
    for p, name in PERCENTILES:
        off = scale.overhead if net and name == "p50" else 0.0
        batched = name == "p50" and len(medians) > 0
        value, edges = _of_batches(medians) if batched else (hist.percentile(p), hist.interval(p))
        low, high = (scale.net(edge, off) for edge in edges)
        yield Row(metric, name, scale.net(value, off), scale.unit, hist.n, (low, high),
                  hist.exact and not batched)
    if net:
        low, high = (scale.net(edge, 0.0) for edge in hist.interval(0.5))
        yield Row(metric, "p50_raw", hist.percentile(0.5) * scale.per_tick, scale.unit, hist.n,
                  (low, high), hist.exact)
    mean, edges = _of_batches(means) if len(means) else (hist.mean, (NAN, NAN))
    low, high = (scale.net(edge, 0.0) for edge in edges)
    yield Row(metric, "mean", mean * scale.per_tick, scale.unit, hist.n, (low, high))
    for name, ticks in (("min", hist.low), ("max", hist.high)):
        yield Row(metric, name, ticks * scale.per_tick, scale.unit, hist.n)


def _of_batches(figures: Floats) -> tuple[float, tuple[float, float]]:
    return float(pseudo_median(figures)), signed_rank_interval(figures)


def batch_rows(batch: Mapping[str, Any], scale: Scale) -> Iterator[Row]:
    """Time per operation in batches of equal work: all of it, tails and what is rare included.

    ``doubled``: time of twice a batch's passes over that of one; 0 when it was not tried.
    """
    per_op = sorted(int(ticks) for ticks in batch["per_op"])
    middle = (per_op[(len(per_op) - 1) // 2] + per_op[len(per_op) // 2]) / 2
    ranks = interval_ranks(len(per_op), 0.5)
    low, high = (per_op[ranks[0] - 1], per_op[ranks[1] - 1]) if ranks else (NAN, NAN)
    unit = scale.per_tick / 1000
    yield Row("batch.per_op", "p50", middle * unit, scale.unit, len(per_op),
              (low * unit, high * unit))
    yield Row("batch.doubled", "ratio", int(batch["doubled"]) / 1000, "ratio")
    yield Row("batch.warm", "bool", float(bool(batch["warm"])), "bool", int(batch["warmed"]))
    yield Row("batch.ops", "count", int(batch["ops"]) * int(batch["passes"]), "events")


def lock_rows(locks: Mapping[str, Any], scale: Scale) -> Iterator[Row]:
    """Acquisitions, contention, wait and hold of every lock, and over all locks (``lock.all``)."""
    for name, lock in locks.items():
        taken, fought = int(lock["acquired"]), int(lock["contended"])
        yield Row(f"lock.{name}.acquired", "count", taken, "takes")
        yield from contention(f"lock.{name}", fought, taken)
        yield from latency_rows(f"lock.{name}.wait", lock["wait"], scale, net=False)
        yield from latency_rows(f"lock.{name}.hold", lock["hold"], scale, net=False)
    yield from contention("lock.all", sum(int(x["contended"]) for x in locks.values()),
                          sum(int(x["acquired"]) for x in locks.values()))


def contention(prefix: str, fought: int, taken: int) -> Iterator[Row]:
    """Contended takes, and how many there are in 1000 acquisitions."""
    yield Row(f"{prefix}.contended", "count", fought, "takes", taken)
    yield Row(f"{prefix}.contended", "per_1k", 1000 * ratio(fought, taken), "takes/1000", taken)


def count_rows(counts: Mapping[str, Any]) -> Iterator[Row]:
    """The run's exact counts, and the ones a fault is judged by divided by the faults."""
    faults = int(counts.get("faults", 0))
    for name, value in counts.items():
        yield Row(f"count.{name}", "count", int(value), "events")
    for name in PER_FAULT:
        if name in counts:
            yield Row(f"per_fault.{name}", "ratio", ratio(int(counts[name]), faults),
                      f"{name}/fault", faults)


def memory_rows(when: str, table: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """The account of every page class and owner at ``when`` ("run" or "end"), and its sums.

    ``mem.tables`` sums TABLE_CLASSES over both owners.
    """
    for entry in table:
        for field in MEMORY_FIELDS:
            yield Row(f"mem.{entry['class']}.{entry['owner']}.{field}", when, int(entry[field]),
                      "pages")
    for name, classes in (("tables", TABLE_CLASSES), ("all", None)):
        chosen = [e for e in table if classes is None or e["class"] in classes]
        for field in MEMORY_FIELDS:
            if field != "peak":  # peaks of different classes need not coincide
                yield Row(f"mem.{name}.{field}", when, sum(int(e[field]) for e in chosen), "pages")


def parked_rows(pools: Sequence[Mapping[str, Any]], vcpus: int) -> Iterator[Row]:
    """Pages lying in caches at the end of the run: per pool, per vCPU, and per VM.

    ``parked.design`` leaves out the mirror's own page tables: every design has the same.
    """
    per_pool: dict[str, list[Mapping[str, Any]]] = {}
    for entry in pools:
        per_pool.setdefault(str(entry["pool"]), []).append(entry)
    for pool, entries in per_pool.items():
        for field in ("pages", "peak"):
            yield Row(f"parked.{pool}.{field}", "sum", sum(int(e[field]) for e in entries), "pages",
                      len(entries))
    own = [e for e in pools if e["class"] != MIRROR]
    for field in ("pages", "peak"):
        of_vcpus = sum(int(e[field]) for e in own if int(e["vcpu"]) >= 0)
        of_vm = sum(int(e[field]) for e in own if int(e["vcpu"]) < 0)
        yield Row(f"parked.design.{field}", "per_vcpu", ratio(of_vcpus, vcpus), "pages/vCPU", vcpus)
        yield Row(f"parked.design.{field}", "per_vm", of_vm, "pages")


def seam_rows(seam: Mapping[str, Any]) -> Iterator[Row]:
    """SEAMCALLs by leaf and status, and the violations the model reported."""
    for call in seam.get("calls", ()):
        yield Row(f"seam.{call['leaf']}", str(call["status"]), int(call["n"]), "calls")
    yield Row("seam.violations", "count", len(seam.get("violations", ())), "events")


def install_rows(record: Mapping[str, Any]) -> Iterator[Row]:
    """How often a reference was the first of its 2 MiB range, so that a pair was installed."""
    gets = int((record["ops"].get("pamt_get") or {}).get("n", 0))
    installs = sum(int(call["n"]) for call in record["seam"].get("calls", ())
                   if call["leaf"] == "PAMT.ADD" and int(call["status"], 16) == 0)
    yield Row("pamt.installs", "count", installs, "pairs")
    yield Row("pamt.installs", "per_1k", 1000 * ratio(installs, gets), "pairs/1000 gets", gets)


def memcg_rows(stat: Sequence[int | None] | None, table: Sequence[Mapping[str, Any]],
               cpus: int) -> Iterator[Row]:
    """The kernel's own account of the cgroup against ours.

    Ours is exact where the module counted the charged pages that are live. Else it is a range: of
    the live pages at most ``charged`` and at least ``live - uncharged`` are. ``agrees`` is 1 when
    the kernel's figure lies in it, give or take the tolerance.
    """
    if not stat or len(stat) < 3 or any(v is None or v < 0 for v in stat[:3]):
        return
    before, live, after = (int(v or 0) for v in stat[:3])
    low, high = (sum(charged_live(entry)[edge] for entry in table) for edge in (0, 1))
    slack = MEMCG_BATCH_PAGES * max(cpus, 1)
    seen = (live - before) / PAGE_BYTES
    yield Row("memcg.kernel_live", "delta", seen, "pages")
    yield Row("memcg.kernel_left", "delta", (after - before) / PAGE_BYTES, "pages")
    yield Row("memcg.own_live", "count", high, "pages", ci=(low, high))
    yield Row("memcg.tolerance", "count", slack, "pages")
    yield Row("memcg.agrees", "bool", float(low - slack <= seen <= high + slack), "bool")


def more_rows(more: Mapping[str, Any]) -> Iterator[Row]:
    """What the kernel says of a case besides: page tables of VMs, and lock_stat of KVM's locks."""
    if stat := more.get("sec_pagetables"):
        before, live, after = (int(v) for v in stat[:3])
        yield Row("memcg.sec_pagetables_live", "delta", (live - before) / PAGE_BYTES, "pages")
        yield Row("memcg.sec_pagetables_left", "delta", (after - before) / PAGE_BYTES, "pages")
    for name, lock in (more.get("locks") or {}).items():
        for what in ("acquired", "contended"):
            yield Row(f"lock_stat.{name}", what, int(lock[what]), "events")


def charged_live(entry: Mapping[str, Any]) -> tuple[int, int]:
    """Fewest and most charged pages of an account entry that are live."""
    if "charged_live" in entry:
        return int(entry["charged_live"]), int(entry["charged_live"])
    live, yes, no = (int(entry[field]) for field in ("live", "charged", "uncharged"))
    return max(live - no, 0), min(live, yes)


def case_rows(case: Mapping[str, Any], tier: str) -> Iterator[Row]:
    """All rows of one case; a failed one has the row that says so and no others."""
    reason = failed(case)
    yield Row("case.failed", "bool", float(bool(reason)), "bool")
    if reason:
        return
    record = case["record"]
    scale, vcpus = Scale.of(tier, record["clock"]), int(record["params"].get("vcpus", 1))
    for name in ("empty_pair", "timed_op"):
        if name in record["clock"]:
            yield from latency_rows(f"clock.{name}", record["clock"][name], scale, net=False)
    for op, data in record["ops"].items():
        yield from latency_rows(f"op.{op}", data, scale, net=True,
                                medians=batches(record, op, "p50"),
                                means=batches(record, op, "mean"))
    for name, data in (record.get("instrumented") or {}).items():
        yield from latency_rows(f"instrumented.{name}", data, scale, net=True)
    if record.get("batch"):
        yield from batch_rows(record["batch"], scale)
    yield from lock_rows(record["locks"], scale)
    yield from count_rows(record["counts"])
    for when in ("run", "end"):
        yield from memory_rows(when, record["memory"].get(when) or ())
    tds = int(record["params"].get("tds", 1))
    yield from parked_rows(record["memory"].get("parked") or (), vcpus * tds)
    yield from seam_rows(record["seam"])
    yield from install_rows(record)
    cpus = 1 if tier == "count" else vcpus  # counting needs a guest of one CPU
    yield from memcg_rows(case.get("kernel_stat"), record["memory"].get("run") or (), cpus)
    yield from more_rows(case.get("more") or {})
