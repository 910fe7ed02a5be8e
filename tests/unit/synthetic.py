# SPDX-License-Identifier: GPL-2.0-only
"""Run directories made up for tests: the right shape, numbers that mean nothing. Never reported."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RUN_ID = "20260117T120000Z-0badcafe-abc1234"
OPS = ("fault", "topup", "alloc", "pamt_get", "pamt_put", "link", "map", "split", "zap", "teardown")
WORKLOADS = ("populate_seq", "populate_rand", "same_range", "convert", "zap", "teardown", "topup",
             "idle", "smoke")
HEADLINE = ("populate_seq", "same_range", "convert", "idle")
DESIGNS = {"kvm_owned": "A10", "tdx_prealloc": "A4", "split_ops": "H3", "tip_x86_tdx": "A11",
           "none": "floor"}
BOOTS = {"icount": ("count", "instructions", 1), "mttcg": ("model", "ns", 2),
         "uml": ("native", "ns", 2)}
DEFAULT_BOOTS = ("icount", "mttcg")
LOCKS = (("mmu_lock.read", "rwlock-read"), ("mmu_lock.write", "rwlock-write"),
         ("pamt_lock", "spin"))
COST = {"kvm_owned": 900, "tdx_prealloc": 1000, "split_ops": 1020, "tip_x86_tdx": 1100, "none": 600}


@dataclass
class FakeRun:
    """What the reports need of a run, without store.py."""

    path: Path
    manifest: dict[str, Any]
    records: list[dict[str, Any]] = field(default_factory=list)


def hist(samples: Sequence[int], *, exact: bool = True) -> dict[str, Any]:
    """HIST of the samples, log-linear buckets of two significant digits."""
    if not samples:
        return {"n": 0}
    ordered, buckets = sorted(samples), {}
    for sample in ordered:
        step = 10 ** max(len(str(sample)) - 2, 0)
        lo = sample // step * step
        buckets[lo, lo + step] = buckets.get((lo, lo + step), 0) + 1

    def rank(p: float) -> int:
        sample = ordered[max(-(-int(p * 1000) * len(ordered) // 1000), 1) - 1]
        step = 10 ** max(len(str(sample)) - 2, 0)
        return sample if exact else sample // step * step
    return {"n": len(ordered), "sum": sum(ordered), "min": ordered[0], "max": ordered[-1],
            "p50": rank(.5), "p90": rank(.9), "p99": rank(.99), "exact": exact,
            "buckets": [[lo, hi, n] for (lo, hi), n in buckets.items()]}


def mem(page_class: str, owner: str, pages: int, *, end: bool, charged: bool = True,
        crossed: int = 0) -> dict[str, Any]:
    """One MEM entry; all pages are back when ``end``."""
    return {"class": page_class, "owner": owner, "allocated": pages, "freed": pages if end else 0,
            "live": 0 if end else pages, "peak": pages, "charged": pages if charged else 0,
            "uncharged": 0 if charged else pages, "atomic_fallback": 0,
            "cross_freed": crossed if end else 0, "handed_over": 0}


def memory(design: str, splits: bool, end: bool) -> list[dict[str, Any]]:
    """The account of a made-up run of that design."""
    tdx = design in ("tdx_prealloc", "split_ops")
    own, pages = ("tdx", 40) if tdx else ("kvm", 45)
    table = [mem("mirror", "kvm", 12, end=end), mem("control", "tdx", 6, end=end, charged=False)]
    if design != "none":
        table += [mem("sept", own, pages, end=end, crossed=12 if tdx else 0),
                  mem("pamt", "tdx", 20, end=end)]
    if design == "split_ops" and splits:
        table.append(mem("pamt", "kvm", 16, end=end, charged=False))
    return table


def record(design: str, name: str, workload: str, boot: str, rng: random.Random,
           noise: float = 1.0) -> dict[str, Any]:
    """One record as the module prints it; ``noise`` multiplies its times."""
    model, vcpus = boot != "icount", BOOTS[boot][2]
    splits = workload == "convert" and design != "none"
    n = 600 if workload != "idle" else 0
    base = COST[design] * (4 if model else 1) * noise

    def draw(scale: float) -> list[int]:
        return [int(base * scale * (1 + (rng.random() ** 4 if model else i % 10 == 0)))
                for i in range(n)]
    ops = {op: hist(draw(1.0 if op == "fault" else 0.2)) for op in OPS}
    if not splits:
        ops["split"] = {"n": 0}
    waits = [rng.randrange(100, 9000) for _ in range(n // 10)] if model else []
    locks = {lock: {"kind": kind, "acquired": n, "contended": len(waits), "wait": hist(waits),
                    "hold": hist(draw(0.3))}
             for lock, kind in LOCKS}
    parked = [{"pool": "sept_cache", "class": "sept", "owner": "kvm", "vcpu": v, "pages": 35,
               "peak": 40} for v in range(vcpus)] if design != "none" else []
    return {"abi": 1, "variant": name, "host": "twin", "workload": workload,
            "params": {"vcpus": vcpus, "threads": vcpus, "pages": 4096, "rounds": 1, "seed": 1},
            "costs": "default" if model else "zero", "status": 0, "errors": [],
            "clock": {"source": "tsc", "khz": 2300000 if model else 1000000,
                      "empty_pair": hist([40 + i % 3 for i in range(1000)])},
            "ops": ops, "locks": locks,
            "counts": {"faults": n, "retries": 0, "spurious": 0, "lost_races": 0, "refills": 3,
                       "page_allocs": 2 * n, "page_frees": 0, "lock_takes": 3 * n,
                       "seamcalls": n + 8, "busy": 0, "gfp_atomic": 0},
            "memory": {"run": memory(design, splits, False), "end": memory(design, splits, True),
                       "parked": parked},
            "seam": {"calls": [{"leaf": "SEPT.ADD", "status": "0x0000000000000000", "n": 8},
                               {"leaf": "PAGE.AUG.4K", "status": "0x0000000000000000", "n": n}],
                     "violations": []}, "phase": "end"}


def build(root: Path, *, workloads: Sequence[str] = WORKLOADS,
          boots: Sequence[str] = DEFAULT_BOOTS, designs: Sequence[str] = tuple(DESIGNS),
          run_id: str = RUN_ID, blocks: int = 1, host: str = "twin") -> FakeRun:
    """Write a complete run directory under ``root`` and return it as the reports see it."""
    names = {d: d for d in designs} | ({"kvm_owned_aprime": "kvm_owned"}
                                       if "kvm_owned" in designs else {})
    run = FakeRun(root / run_id, manifest(run_id, names, workloads, boots))
    for boot in boots:
        lines = []
        for block in range(blocks if boot != "icount" else 1):
            for index, (name, workload) in enumerate((n, w) for n in names for w in workloads):
                lines.append(case(names[name], name, workload, boot, index, block, host))
        run.records += lines
        folder = run.path / "boots" / boot
        folder.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "records.jsonl").write_text(text)
        run.manifest["boots"][boot]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        run.manifest["boots"][boot]["cases"] = len(lines)
    store(run)
    return run


def store(run: FakeRun) -> None:
    """Write the run's manifest as it is now."""
    (run.path / "manifest.json").write_text(json.dumps(run.manifest))


def case(design: str, name: str, workload: str, boot: str, index: int, block: int = 0,
         host: str = "twin") -> dict[str, Any]:
    """One line of records.jsonl; times differ by 1 % between blocks, equal counts do not."""
    rng = random.Random(f"{design}{workload}{boot}")
    noise = random.Random(f"{name}{workload}{boot}{block}").gauss(1, .01) if block else 1.0
    entry = record(design, name, workload, boot, rng, noise) | {"host": host}
    live = sum(e["live"] for e in entry["memory"]["run"] if e["charged"])
    before = 5_000_000
    return {"boot": boot, "block": block, "build": 0, "index": index, "variant": name,
            "aprime_of": design if name != design else None, "workload": workload, "rc": 0,
            "kernel_stat": [before, before + 4096 * (live + 3), before + 8192], "record": entry}


def manifest(run_id: str, names: dict[str, str], workloads: Sequence[str],
             boots: Sequence[str]) -> dict[str, Any]:
    """manifest.json of a complete run."""
    return {"abi": 1, "id": run_id, "state": "complete", "created": "2026-01-17T12:00:00Z",
            "suite": {"commit": "abc1234" * 5 + "abcde", "dirty": False},
            "kernel": {"release": "6.1.0-43-cloud-amd64", "config_hash": "0123456789abcdef",
                       "image_sha256": "f" * 64, "kdir_kind": "headers"},
            "compiler": "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0",
            "qemu": {"version": "7.2.19", "path": "qemu-system-x86_64"}, "cpu_model": "Nehalem-v1",
            "host": {"cpus": 2, "model": "Some CPU @ 2.30GHz", "load": [0.1, 0.2, 0.3],
                     "kernel": "6.1.0"},
            "seed": 195939070, "baseline": "kvm_owned", "order": {b: list(names) for b in boots},
            "variants": {n: {"title": f"title of {d}", "design": DESIGNS.get(d, ""),
                             "origin": "20260525000000.1@example.org",
                             "choices": {"sept_source": d}, "values": {},
                             "aprime_of": d if n != d else None, "fingerprint": "0" * 64,
                             "ko_sha256": "1" * 64} for n, d in names.items()},
            "workloads": {w: {"pages": 4096} for w in workloads},
            "costs": {b: {"id": "zero" if b == "icount" else "default", "sha256": "2" * 64,
                          "table": {} if b == "icount" else {"SEPT.ADD": [2000, 1000]}}
                      for b in boots},
            "boots": {b: {"tier": BOOTS[b][0], "unit": BOOTS[b][1], "state": "done",
                          "attempts": [{"wall_s": 12.5, "outcome": "done"}], "load_before": 0.2,
                          "load_after": 1.1, "pinned": b != "icount",
                          "records": f"boots/{b}/records.jsonl", "sha256": "", "cases": 0}
                      for b in boots},
            "blocks": {"n": 1, "replicate": "boot", "mode": "quick", "builds": 1},
            "plan": {}, "tool_versions": {"python": "3.11.7", "numpy": "2.4.6"},
            "command": ["extspt", "run", "--seed", "195939070"]}
