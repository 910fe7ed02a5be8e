# SPDX-License-Identifier: GPL-2.0-only
"""The criteria of the debate (C1 to C19) for every design, each cell computed, or why it is not.

A cell comes from the gate (what it found), from counts (a run's count tier), from a boot with a
clock, or from the source of the design. Nothing here is an opinion: no cell says good or bad.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from generator import layout
from generator.evidence.stats import ratio
from generator.gate.criteria import NAMES
from generator.modules import differ
from generator.modules.kconfig import PREFIX
from generator.modules.variant import Variant, load_variant
from generator.runs import store
from generator.studies.facts import (
    CLOCKED,
    EMPTY,
    REGIONS,
    SPLITS,
    Cell,
    Facts,
    count,
    gather,
    missing,
)

MERGED = "tip_x86_tdx"
"""The design that was queued: what others differ from."""


@dataclass(frozen=True)
class Criterion:
    """One column: ``title`` as the debate has it, ``shows``: what a cell's figure is."""

    key: str
    title: str
    shows: str
    of: Callable[[Facts], Cell]


def found(facts: Facts, criterion: str, kinds: Iterable[str] = ()) -> Cell:
    """How many findings the gate has under a criterion, and of which kinds."""
    if facts.gate is None:
        return missing("the run was made without the gate")
    mine = [one for one in facts.gate.findings if one.criterion == criterion or one.kind in kinds]
    names = " ".join(dict.fromkeys(one.kind for one in mine))
    return Cell(names or "none", len(mine), "gate", "; ".join(one.text for one in mine))


def _separation(facts: Facts) -> Cell:
    if "idle" not in facts.cases:
        return missing("no run of idle has counted it")
    mixed = sorted({str(pool["pool"]) for pool in facts.pools.get("idle", ())
                    if pool["class"] in ("unassigned", "mixed")})
    return Cell("mixed" if mixed else "apart", len(mixed), "counts", ", ".join(mixed))


def _fallback(facts: Facts) -> Cell:
    """What a fault does whose cache is empty, and whether a split does the same (the gate)."""
    if facts.empty is None:
        return missing(f"no run of {EMPTY} has tried it")
    tables = [one for one in facts.empty if one["path"] == "fault"
              and one["class"] in ("sept", "pamt")]
    sleeps = any(one["class"] == "sept" and one["alloc"] for one in tables) and \
        _blocks(facts.source.emergency_pair())
    lacks = {NAMES[str(one["class"])] for one in tables if not one["alloc"]}
    has = {NAMES[str(one["class"])] for one in tables if one["alloc"]} - lacks
    apart = [one.text for one in (facts.gate.findings if facts.gate else ())
             if one.kind == "fallback"]
    told = [f"{', '.join(sorted(has))}: an emergency allocation"] if has else []
    told += [f"{', '.join(sorted(lacks))}: the fault fails"] if lacks else []
    text = "atomic" if has and not lacks else f"{min(has)} only" if has else "fails"
    if sleeps:
        text = "may sleep"
        told.append(f"its pair is allocated with {facts.source.emergency_pair()} under mmu_lock")
    return Cell(text if tables else "no cache", len(lacks) + sleeps, "counts",
                "; ".join([*told, *apart]))


def _blocks(gfp: str) -> bool:
    """Whether an allocation with these flags may sleep."""
    return bool(gfp) and not gfp.startswith(("GFP_ATOMIC", "GFP_NOWAIT"))


def _idle(facts: Facts) -> Cell:
    """What an idle vCPU keeps, and for how many of its pages it took a pair, too."""
    cell = count(facts.figure("idle", "parked.design.pages", "per_vcpu"), "", "idle")
    gets = ratio(facts.gets.get("idle", 0), facts.vcpus("idle"))
    if not cell.measured or not gets > 0:
        return cell
    return replace(cell, text=f"{cell.text}/{gets:.0f}", value=cell.value + gets,
                   note=f"{gets:.0f} of them hold a pair from the topup on: how many pairs that is "
                   "depends on where the pages lie")


def _surface(facts: Facts) -> Cell:
    ops, pointers, splits = (facts.source.ops(), facts.source.pointers(),
                             facts.source.split_ops())
    text = f"{len(ops)}+{len(pointers)}" + (f"/{len(splits)}" if splits else "")
    return Cell(text, len(ops) + len(pointers), "source",
                ", ".join([*ops, *(f"{name} (pointer)" for name in pointers),
                           *(f"{name} (split)" for name in splits)]))


def _lines(facts: Facts) -> Cell:
    fault, split = facts.source.lines(), facts.source.split_lines()
    return Cell(f"{fault}/{split}" if split else str(fault), fault, "source")


def _vcpu(facts: Facts) -> Cell:
    ops = facts.source.vcpu_ops()
    return Cell(" ".join(ops) or "none", len(ops), "source", "the ops upstream has are not told "
                "the vCPU: an argument more, or kvm_get_running_vcpu()" if ops else "")


def _contention(facts: Facts) -> Cell:
    names = facts.timed.get(CLOCKED) or {}
    fought = [value for (metric, stat), value in names.items() if stat == "per_1k"
              and metric.startswith("lock.pamt_lock") and not math.isnan(value)]
    takes = sum(value for (metric, stat), value in facts.cases.get("populate_seq", {}).items()
                if metric.startswith("lock.pamt_lock") and metric.endswith(".acquired"))
    faults = facts.figure("populate_seq", "count.faults", "count")
    if math.isnan(faults) or not faults:
        return missing("no run of populate_seq has counted it")
    per_1k = 1000 * takes / faults
    text = f"{per_1k:.0f}" if per_1k >= 100 else f"{per_1k:.1f}"
    return Cell(text, per_1k, "counts", f"{max(fought):.1f} of 1000 takes had to wait in one boot "
                "with a clock: a look, not evidence" if fought else "")


def _softirq(facts: Facts) -> Cell:
    if facts.gate is None or not any("debug" in stage for stage in facts.gate.stages):
        return missing("needs the gate with a debug kernel (lockdep): extspt matrix --measure "
                       "--gate full")
    return found(facts, "C11", ("lockdep", "sleep", "softirq"))


def _split_hold(facts: Facts) -> Cell:
    if not facts.splits:
        return missing("the design does not split")
    if math.isnan(facts.figure("split_eager", "op.split", "mean")):
        return missing("no run of split_eager has counted it")
    most = facts.figure("split_eager", "lock.mmu_lock.write.hold", "max")
    takes = facts.figure("split_eager", "lock.mmu_lock.write.acquired", "count")
    return Cell(f"{most / 1000:.0f}k" if most >= 1000 else f"{most:.0f}", most, "counts",
                f"taken {takes:.0f} times for {REGIONS} splits")


def _saving(facts: Facts) -> Cell:
    if facts.variant.choices.get("pamt_install") == "none":
        return Cell("static", math.inf, "source", "all memory has its pairs from the boot on")
    if not facts.splits and not facts.variant.derived.get(f"{PREFIX}PAMT_STANDS"):
        return missing("4 KiB pages only: a pair for every 2 MiB in which one is mapped")
    names = facts.cases.get(SPLITS, {})
    pages = sum(value for (metric, stat), value in names.items() if stat == "run"
                and metric.startswith("mem.pamt.") and metric.endswith(".live"))
    cell = count(pages - facts.parked(SPLITS, vcpus=True) if names else math.nan, "", SPLITS)
    return cell if facts.splits or not cell.measured else replace(cell, note="4 KiB pages only")


def _order(facts: Facts) -> Cell:
    if facts.variant.choices.get("pamt_install") == "none":
        return Cell("static", 0.0, "source", "no pair is allocated after the boot")
    lists = (f"{PREFIX}{name}_ORDER" for name in ("PAMT_LIST", "SPLIT_LIST"))
    orders = sorted({int(facts.variant.values[name]) for name in lists
                     if name in facts.variant.values} or {0})
    return Cell(f"order {'/'.join(map(str, orders))}", float(orders[-1]), "source",
                "share of 2 MiB blocks left unmovable: not measured")


def _robust(facts: Facts) -> Cell:
    if facts.gate is None:
        return missing("the run was made without the gate")
    tried, all_ = (sum(points[i] for points in facts.gate.points.values()) for i in (0, 1))
    said = [one.text for one in facts.gate.findings if one.criterion == "C16"]
    return Cell(facts.gate.verdict, float(facts.gate.passed), "gate",
                "; ".join([f"{tried} of {all_} points tried", *said]))


def _distance(facts: Facts) -> Cell:
    merged = load_variant(MERGED, facts.root)
    away = differ.differences(merged, facts.variant, facts.root)
    return Cell(str(len(away)), len(away), "source", ", ".join(one.key for one in away))


CRITERIA = (
    Criterion("C1", "ownership symmetry", "gate findings", lambda f: found(f, "C1")),
    Criterion("C2", "separation", "caches that serve both S-EPT and PAMT pages", _separation),
    Criterion("C3", "memcg accounting", "gate findings", lambda f: found(f, "C3")),
    Criterion("C4", "fallback parity", "which pages a fault gets when all caches are empty",
              _fallback),
    Criterion("C5", "parked pages", "pages for each idle vCPU (a worst fault takes 14) / those of "
              "them that hold a pair", _idle),
    Criterion("C6", "API surface", "calls into TDX in a fault that upstream does not have + "
              "function pointers / calls more for splits", _surface),
    Criterion("C7", "leakage into core MMU", "hook points that KVM has to add",
              lambda f: Cell(str(len(f.variant.needs)), len(f.variant.needs), "source",
                             ", ".join(f.variant.needs))),
    Criterion("C8", "size", "lines of C that its choices bring / and those for splits", _lines),
    Criterion("C9", "lock contention", "pamt_lock takes per 1000 faults; waits of 4 TDs in the "
              "details, from one boot", _contention),
    Criterion("C10", "SEAMCALLs under lock", "instructions under mmu_lock of a fault with a new "
              "page table, SEAMCALLs taking none", lambda f: count(
                  f.figure("populate_sparse", "lock.mmu_lock.read.hold", "mean"), "",
                  "populate_sparse")),
    Criterion("C11", "IRQ and softirq safety", "reports of lockdep", _softirq),
    Criterion("C12", "mmu_lock in split", f"longest hold in {REGIONS} eager splits, instructions",
              _split_hold),
    Criterion("C13", "memory saving kept", f"PAMT pages in no vCPU's cache, {REGIONS} x 2 MiB "
              "mapped and a few of them split", _saving),
    Criterion("C14", "fragmentation", "order of the PAMT pages' allocations", _order),
    Criterion("C15", "does batching help", "refills of a cache per 1000 faults",
              lambda f: count(1000 * ratio(
                  f.figure("populate_seq", "count.refills", "count"),
                  f.figure("populate_seq", "count.faults", "count")), "", "populate_seq")),
    Criterion("C16", "robustness", "what the gate says", _robust),
    Criterion("C17", "future fit", "whether 2 MiB pages can be split", lambda f: Cell(
        "splits" if f.splits else "4K only", float(f.splits), "source")),
    Criterion("C18", "kvm_get_running_vcpu()", "ops under mmu_lock that take from the vCPU's list",
              _vcpu),
    Criterion("C19", "convergence", f"decisions away from {MERGED}", _distance),
)


def table(variants: Sequence[Variant], run: store.Run | None,
          root: Path = layout.ROOT) -> dict[str, dict[str, Cell]]:
    """Design -> criterion -> cell. Without a run only what the source says is known."""
    return {facts.variant.name: {one.key: one.of(facts) for one in CRITERIA}
            for facts in gather(variants, run, root)}
