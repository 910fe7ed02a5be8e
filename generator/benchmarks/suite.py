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
from collections.abc import Callable, Sequence
from typing import Any

from generator import layout
from generator.errors import ExtsptError
from generator.evidence.amortised import main_stat
from generator.runs import choose, store

COUNT, MODEL, NATIVE, TDX = "count", "model", "native", "tdx"
FAULTS = ["populate_seq", "populate_rand", "populate_sparse", "same_range"]
OPS = {"topup": "topup", "alloc": "populate_seq", "pamt_get": "populate_seq",
       "pamt_put": "zap", "link": "populate_seq", "map": "populate_seq", "split": "convert",
       "zap": "zap", "teardown": "teardown"}
USED = {*FAULTS, *OPS.values()}
LOCKS = ["mmu_lock.read", "mmu_lock.write", "pamt_lock"]

SAMPLES = "blocks"
"""Last word of the name of a figure's values block by block."""

Cache = dict[tuple[Any, ...], Any]


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
    """Every figure by (tier, variant, workload, vCPUs, metric, stat); loaded once per asv run.

    None of a design that was timed though it fails the gate: asv could not say so.
    """
    from generator.evidence import frames
    from generator.gate.result import FORCED

    run = the_run()
    if run is None:
        return {}
    name = ["tier", "variant", "workload", "vcpus", "metric", "stat"]
    table = frames.read(run)
    forced = [design for design, said in (run.manifest.get("gate") or {}).items() if said == FORCED]
    frame, blocks = table.summary(), table.blocks()
    for part in (frame, blocks):    # real SEAMCALLs have a machine of their own, and no new names
        part["tier"] = part["tier"].replace(TDX, NATIVE)
    frame = frame[frame["metric"].isin(METRICS) & frame["stat"].isin(STATS)
                  & ~frame["variant"].isin(forced)]
    found = dict(zip(frame[name].itertuples(index=False, name=None), frame["value"].tolist(),
                     strict=True))
    timed = blocks[(blocks["tier"] == NATIVE) & (blocks["metric"] == "op.fault")
                   & (blocks["stat"] == "p50")
                   & ~blocks["variant"].isin(forced)].dropna(subset="value")
    for key, values in timed.groupby(name, sort=False)["value"]:
        found[*key, SAMPLES] = values.tolist()
    return found


def _of_op(op: str) -> str:
    return main_stat(op, OPS[op])


def figure(unit: str, tier: str, metric: str, stat: str | Callable[[str], str],
           load: Callable[[str], str] = str) -> Callable[..., Any]:
    """A track_* of asv: one figure by (variant, second parameter, vCPUs).

    ``{}`` in ``metric`` stands for the second parameter; ``load``: the workload it is taken from,
    by the second parameter, and so may be ``stat``. A figure known block by block is given as
    samples: asv stores their median and its interval. Unit and direction are set on the function,
    as asv keeps nothing else that a page can read.
    """
    def track(_: object, cache: Cache, variant: str, what: str, n: int) -> Any:
        name = (tier, variant, load(what), n, metric.format(what),
                stat if isinstance(stat, str) else stat(what))
        samples = cache.get((*name, SAMPLES))
        return {"samples": samples, "number": 1} if samples \
            else float(cache.get(name, float("nan")))
    track.unit = unit  # type: ignore[attr-defined]
    track.less_is_better = True  # type: ignore[attr-defined]
    return track


def contended(_: str) -> str:
    """The workload that locks are looked at under."""
    return "same_range"


class _Figures:
    """What every class has; asv leaves this one out for its underscore."""

    version = "1"
    params: tuple[Sequence[object], ...] = (VARIANTS, FAULTS, VCPUS)
    param_names = ("variant", "workload", "vcpus")


class _Ops(_Figures):
    """By op, in the workload that does it most."""

    version = "2"       # since a topup is judged by its mean
    params = (VARIANTS, list(OPS), VCPUS)
    param_names = ("variant", "op", "vcpus")


class _Locks(_Figures):
    """By lock, with several vCPUs faulting in one 2 MiB range."""

    params = (VARIANTS, LOCKS, VCPUS)
    param_names = ("variant", "lock", "vcpus")


class Latency(_Figures):
    """Faults: instructions, and emulated time."""

    track_fault_instructions = figure("instructions", COUNT, "op.fault", "p50")
    track_fault_p50_ns = figure("ns (emulated)", MODEL, "op.fault", "p50")
    track_fault_p99_ns = figure("ns (emulated)", MODEL, "op.fault", "p99")


class LatencyOps(_Ops):
    """Median instructions of each op, of an amortised one the mean."""

    track_instructions = figure("instructions", COUNT, "op.{}", _of_op, OPS.__getitem__)


class Native(_Figures):
    """Faults in the host's own time (UML, a KVM guest, bare metal).

    SEAMCALLs are modelled but on machines tdx-*.
    """

    track_fault_p50_ns = figure("ns", NATIVE, "op.fault", "p50")
    track_fault_p99_ns = figure("ns", NATIVE, "op.fault", "p99")


class NativeOps(_Ops):
    """Median host time of each op, of an amortised one the mean."""

    track_ns = figure("ns", NATIVE, "op.{}", _of_op, OPS.__getitem__)


class NativeContention(_Locks):
    """Locks, on the host's cores."""

    track_contended = figure("takes/1000", NATIVE, "lock.{}.contended", "per_1k", contended)
    track_wait_p50_ns = figure("ns", NATIVE, "lock.{}.wait", "p50", contended)


class Contention(_Locks):
    """Locks, in emulated time."""

    track_contended = figure("takes/1000", MODEL, "lock.{}.contended", "per_1k", contended)
    track_wait_p50_ns = figure("ns (emulated)", MODEL, "lock.{}.wait", "p50", contended)


class Memory(_Figures):
    """Pages of a VM's whole life: how many, not charged, freed by the wrong hands."""

    params = (VARIANTS, ["convert"], VCPUS)
    track_allocated = figure("pages", COUNT, "mem.tables.allocated", "end")
    track_uncharged = figure("pages", COUNT, "mem.tables.uncharged", "end")
    track_cross_freed = figure("pages", COUNT, "mem.tables.cross_freed", "end")


class MemoryPerFault(_Figures):
    """Exact counts per fault, and the pages a vCPU keeps parked."""

    params = (VARIANTS, ["populate_seq"], VCPUS)
    track_parked = figure("pages/vCPU", COUNT, "parked.design.pages", "per_vcpu")
    track_page_allocs = figure("allocations/fault", COUNT, "per_fault.page_allocs", "ratio")
    track_lock_takes = figure("takes/fault", COUNT, "per_fault.lock_takes", "ratio")
    track_seamcalls = figure("SEAMCALLs/fault", COUNT, "per_fault.seamcalls", "ratio")


# Only what is read below: the process of each figure loads all of it.
STATS = {"p50", "p99", "mean", "per_1k", "ratio", "end", "per_vcpu"}
METRICS = {"op.fault", *(f"op.{op}" for op in OPS), "parked.design.pages", "per_fault.page_allocs",
           "per_fault.lock_takes", "per_fault.seamcalls", "mem.tables.allocated",
           "mem.tables.uncharged", "mem.tables.cross_freed",
           *(f"lock.{lock}.{what}" for lock in LOCKS for what in ("contended", "wait"))}
