# SPDX-License-Identifier: GPL-2.0-only
"""A run's summary as asv benchmarks: one value per (variant, workload or op or lock, vCPUs).

Measures nothing: ``setup_cache`` loads the run named by EXTSPT_RUN, else the newest complete one.
A figure a design does not have is NaN, which asv shows as n/a. The version of every benchmark is
fixed: change it when a figure changes its meaning, not when this file does.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

from generator import choose, layout, store
from generator.errors import ExtsptError

COUNT, MODEL = "count", "model"
FAULTS = ["populate_seq", "populate_rand", "populate_sparse", "same_range"]
OPS = {"topup": "topup", "alloc": "populate_seq", "pamt_get": "populate_seq",
       "pamt_put": "zap", "link": "populate_seq", "map": "populate_seq", "split": "convert",
       "zap": "zap", "teardown": "teardown"}
USED = {*FAULTS, *OPS.values()}
LOCKS = ["mmu_lock.read", "mmu_lock.write", "pamt_lock"]

Cache = dict[tuple[Any, ...], float]
Track = TypeVar("Track", bound=Callable[..., float])


@functools.cache
def the_run() -> store.Run | None:
    """The run to read, None when there is none yet."""
    name = os.environ.get("EXTSPT_RUN")
    try:
        return choose.find_run(name)
    except ExtsptError:
        if name is not None:
            raise
        return None


def recorded(axis: int) -> list[str]:
    """Values an axis had when asv last recorded: a run with fewer must not hide their history."""
    path = layout.ASV_RESULTS / "benchmarks.json"
    if not path.is_file():
        return []
    known = json.loads(path.read_text())
    return [value for entry in known.values() if isinstance(entry, dict)
            for value in entry["params"][axis]]


def variants() -> list[str]:
    """Every fragment in variants/, whether or not it ran, and every variant that ever did."""
    run = the_run()
    ran = list(run.manifest["variants"]) if run else []
    fragments = [path.stem for path in layout.VARIANTS.glob("*.config")]
    return sorted({*fragments, *ran, *(value.strip("'") for value in recorded(0))})


def vcpus() -> list[int]:
    """vCPU counts of the run, and of the runs recorded before."""
    run = the_run()
    ran = {choose.vcpus_of(case) for case in run.records
           if case["workload"] in USED} - {0} if run else set()
    return sorted({*ran, *map(int, recorded(2))}) or [1]


VARIANTS, VCPUS = variants(), vcpus()


def setup_cache() -> Cache:
    """Every figure by (tier, variant, workload, vCPUs, metric, stat); loaded once per asv run."""
    from generator import frames  # here only: the process of each figure starts without pandas

    run = the_run()
    if run is None:
        return {}
    frame = frames.summarize(run)
    frame = frame[frame["metric"].isin(METRICS) & frame["stat"].isin(STATS)]
    return {tuple(key): float(value) for *key, value in frame[
        ["tier", "variant", "workload", "vcpus", "metric", "stat", "value"]].itertuples(
            index=False, name=None)}


def figure(unit: str) -> Callable[[Track], Track]:
    """Unit and direction; set on the function, as asv keeps nothing else a page can read."""
    def mark(function: Track) -> Track:
        function.unit = unit  # type: ignore[attr-defined]
        function.less_is_better = True  # type: ignore[attr-defined]
        return function
    return mark


def of(cache: Cache, *name: Any) -> float:
    """A figure, NaN when the run has none."""
    return cache.get(name, float("nan"))


class Latency:
    """Instructions and emulated time of faults and of the ops they are made of."""

    version = "1"
    params = (VARIANTS, FAULTS, VCPUS)
    param_names = ("variant", "workload", "vcpus")

    @figure("instructions")
    def track_fault_instructions(self, cache: Cache, variant: str, load: str, n: int) -> float:
        return of(cache, COUNT, variant, load, n, "op.fault", "p50")

    @figure("ns (emulated)")
    def track_fault_p50_ns(self, cache: Cache, variant: str, load: str, n: int) -> float:
        return of(cache, MODEL, variant, load, n, "op.fault", "p50")

    @figure("ns (emulated)")
    def track_fault_p99_ns(self, cache: Cache, variant: str, load: str, n: int) -> float:
        return of(cache, MODEL, variant, load, n, "op.fault", "p99")


class LatencyOps:
    """Median instructions of each op, in the workload that does it most."""

    version = "1"
    params = (VARIANTS, list(OPS), VCPUS)
    param_names = ("variant", "op", "vcpus")

    @figure("instructions")
    def track_instructions(self, cache: Cache, variant: str, op: str, n: int) -> float:
        return of(cache, COUNT, variant, OPS[op], n, f"op.{op}", "p50")


class Contention:
    """Locks with several vCPUs faulting in one 2 MiB range."""

    version = "1"
    params = (VARIANTS, LOCKS, VCPUS)
    param_names = ("variant", "lock", "vcpus")

    @figure("takes/1000")
    def track_contended(self, cache: Cache, variant: str, lock: str, n: int) -> float:
        return of(cache, MODEL, variant, "same_range", n, f"lock.{lock}.contended", "per_1k")

    @figure("ns (emulated)")
    def track_wait_p50_ns(self, cache: Cache, variant: str, lock: str, n: int) -> float:
        return of(cache, MODEL, variant, "same_range", n, f"lock.{lock}.wait", "p50")


class Memory:
    """Pages: who holds them idle, who is charged, who frees them; and exact counts per fault."""

    version = "1"
    params = (VARIANTS, ["convert"], VCPUS)
    param_names = ("variant", "workload", "vcpus")

    @figure("pages")
    def track_allocated(self, cache: Cache, variant: str, load: str, n: int) -> float:
        return of(cache, COUNT, variant, load, n, "mem.tables.allocated", "end")

    @figure("pages")
    def track_uncharged(self, cache: Cache, variant: str, load: str, n: int) -> float:
        return of(cache, COUNT, variant, load, n, "mem.tables.uncharged", "end")

    @figure("pages")
    def track_cross_freed(self, cache: Cache, variant: str, load: str, n: int) -> float:
        return of(cache, COUNT, variant, load, n, "mem.tables.cross_freed", "end")


class MemoryPerFault:
    """Exact counts per fault, and the pages a vCPU keeps parked."""

    version = "1"
    params = (VARIANTS, ["populate_seq"], VCPUS)
    param_names = ("variant", "workload", "vcpus")

    @figure("pages/vCPU")
    def track_parked(self, cache: Cache, variant: str, load: str, n: int) -> float:
        return of(cache, COUNT, variant, load, n, "parked.design.pages", "per_vcpu")

    @figure("allocations/fault")
    def track_page_allocs(self, cache: Cache, variant: str, load: str, n: int) -> float:
        return of(cache, COUNT, variant, load, n, "per_fault.page_allocs", "ratio")

    @figure("takes/fault")
    def track_lock_takes(self, cache: Cache, variant: str, load: str, n: int) -> float:
        return of(cache, COUNT, variant, load, n, "per_fault.lock_takes", "ratio")

    @figure("SEAMCALLs/fault")
    def track_seamcalls(self, cache: Cache, variant: str, load: str, n: int) -> float:
        return of(cache, COUNT, variant, load, n, "per_fault.seamcalls", "ratio")


# Only what is read below: the process of each figure loads all of it.
STATS = {"p50", "p99", "per_1k", "ratio", "end", "per_vcpu"}
METRICS = {"op.fault", *(f"op.{op}" for op in OPS), "parked.design.pages", "per_fault.page_allocs",
           "per_fault.lock_takes", "per_fault.seamcalls", "mem.tables.allocated",
           "mem.tables.uncharged", "mem.tables.cross_freed",
           *(f"lock.{lock}.{what}" for lock in LOCKS for what in ("contended", "wait"))}
