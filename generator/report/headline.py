# SPDX-License-Identifier: GPL-2.0-only
"""What a reviewer reads first, per tier: the answer in words, one row per option, the price."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from generator.evidence.amortised import main_stat
from generator.gate.result import FAIL
from generator.report.artefacts import suspects
from generator.report.model import NA, Table, columns, number, rate, signed
from generator.report.tables import KIB_PER_PAGE, UNIT
from generator.report.view import CONTENTION, COUNT, FAULT, MEMORY, PARKED, Source, View, plural

if TYPE_CHECKING:
    from generator.evidence.verdict import Verdict

FIGURE, STAT = "op.fault", "p50"
GATE = {"PASS": "ok", FAIL: "FAIL", "forced": "forced", "not run": "-"}
#: Words of the answer, in the order they are given; in the count tier they are of instructions.
WORDS = {"faster": "faster", "equivalent": "the same", "cannot tell": "cannot tell",
         "slower": "slower", "refused": "no verdict"}
NOTABLE = 1.1
"""A figure this much above the least is named as a cost."""
FEWER, SAME, MORE = "fewer", "the same", "more"


def percent(ratio: float) -> str:
    """1.135 as +13.5 %, 6.8 as 6.80x."""
    if math.isnan(ratio):
        return NA
    return f"{ratio:.2f}x" if ratio >= 2 or ratio <= 0.5 else f"{100 * (ratio - 1):+.1f} %"


def interval(verdict: Verdict | None) -> str:
    """The ratio with its 95 % interval; exact ones have none."""
    if verdict is None or math.isnan(verdict.ratio):
        return NA
    if math.isnan(verdict.ci_lo):
        return f"{verdict.ratio:.3f}"
    return f"{verdict.ratio:.3f} {verdict.ci_lo:.3f}-{verdict.ci_hi:.3f}"


def said(verdict: Verdict | None) -> str:
    """The verdict in a table's cell."""
    if verdict is None:
        return NA
    if verdict.outcome == "exact":
        return exact_word(verdict)
    if verdict.outcome == "cannot tell" and verdict.n_needed:
        return f"n >= {verdict.n_needed}?"
    return {"baseline": "base", "equivalent": "same", "cannot tell": "unclear",
            "refused": "none"}.get(verdict.outcome, verdict.outcome)


def exact_word(verdict: Verdict) -> str:
    """Direction of an exact difference."""
    return SAME if verdict.value == verdict.base else MORE if verdict.value > verdict.base \
        else FEWER


def fault_verdicts(view: View, tier: str) -> tuple[Source | None, dict[str, Verdict]]:
    """Where the fault's figures of a tier are from, and the verdict on each variant there."""
    at = view.source(tier, FAULT, FIGURE, STAT)
    found = {v.variant: v for v in view.verdicts_of(tier) if at and v.workload == at.workload
             and (v.metric, v.stat) == (FIGURE, STAT)}
    return at, found


def answer(view: View, tier: str) -> tuple[tuple[str, str], ...]:
    """The options by verdict on the fault: (word, options), empty groups left out."""
    _, verdicts = fault_verdicts(view, tier)
    groups: dict[str, list[str]] = {}
    for variant in view.rivals:
        if variant in view.failing:
            continue
        verdict = verdicts.get(variant)
        word = "not measured" if verdict is None else WORDS.get(verdict.outcome, "")
        if verdict and verdict.outcome == "exact":
            word = exact_word(verdict)
        groups.setdefault(word, []).append(option(view, variant, verdict))
    why = next((v.note for v in verdicts.values() if v.outcome == "refused" and v.note), "")
    if why and (none := groups.get(WORDS["refused"])):
        none[-1] += f" ({why})"
    order = (FEWER, *dict.fromkeys(WORDS.values()), MORE, "not measured")
    rows = [(word, ", ".join(groups[word])) for word in order if word in groups]
    failed = [f"{view.label(v)} ({view.failing[v]})" for v in view.variants if v in view.failing]
    return tuple(rows + ([("FAIL", "; ".join(failed))] if failed else []))


def option(view: View, variant: str, verdict: Verdict | None) -> str:
    """An option with how much it differs, or how many blocks would tell."""
    aside = ["static PAMT"] if view.static(variant) else []
    change = ""
    if verdict is not None and not math.isnan(verdict.ratio):
        if verdict.outcome == "cannot tell" and verdict.n_needed:
            aside.insert(0, f"needs {verdict.n_needed} blocks")
        if verdict.outcome == "exact" and 0.5 < verdict.ratio < 2 and verdict.value != verdict.base:
            aside.insert(0, signed(verdict.value - verdict.base))
        if verdict.outcome != "equivalent" and verdict.value != verdict.base:
            change = f" {percent(verdict.ratio)}"
        aside += elsewhere(view, verdict)
    return view.label(variant) + change + (f" ({', '.join(aside)})" if aside else "")


def elsewhere(view: View, verdict: Verdict) -> list[str]:
    """The fault that is dearer than this verdict lets expect, of another workload."""
    others = [v for v in view.verdicts_of(verdict.tier) if v.variant == verdict.variant
              and v.primary and v.metric == FIGURE and v.workload != verdict.workload
              and v.outcome in ("slower", "exact")]
    worst = max(others, key=lambda v: v.ratio, default=None)
    if worst is None or worst.ratio < NOTABLE * max(verdict.ratio, 1.0):
        return []
    return [f"{percent(worst.ratio)} in {worst.workload}"]


def sources(view: View, tier: str) -> tuple[Source | None, Source | None, Source | None]:
    """Where a table's fault, parked memory and contention are from; one CPU has no contention."""
    return (fault_verdicts(view, tier)[0],
            view.source(tier, PARKED, "parked.design.pages", "per_vcpu"),
            view.source(tier, CONTENTION, "lock.all.contended", "per_1k")
            if tier != COUNT else None)


def table(view: View, tier: str) -> Table:
    """One row per option of one tier: the baseline, its repetition A', the others, the floor."""
    _, verdicts = fault_verdicts(view, tier)
    at, parked, fought = sources(view, tier)
    allocs = view.source(tier, FAULT, "per_fault.page_allocs", "ratio")

    def cells(variant: str) -> tuple[str, ...]:
        if variant in view.failing:
            return ("-", "-", "-", "-", "-", FAIL)
        kib = view.value(parked, variant, "parked.design.pages", "per_vcpu") * KIB_PER_PAGE
        doubt = "!" if fought and suspects(view, tier, variant, fought.workload) else ""
        # One guest CPU cannot contend: the count tier has an exact count in that place.
        sixth = (rate(view.value(fought, variant, "lock.all.contended", "per_1k")) + doubt
                 if tier != COUNT else
                 rate(view.value(allocs, variant, "per_fault.page_allocs", "ratio")))
        verdict = verdicts.get(variant)
        return (number(view.value(at, variant, FIGURE, STAT)), interval(verdict), said(verdict),
                number(kib), sixth,
                GATE.get(view.gate(variant), view.gate(variant)))
    unit, last = ("instr.", "allocs\n/fault") if tier == COUNT else ("ns", "cont./\n1k ops")
    return Table("", columns("option", f"median\n{unit}", "ratio\n95 % CI", "verdict",
                             "idle KiB\n/vCPU", last, "gate"),
                 tuple((view.label(v), *cells(v)) for v in view.variants), whole=True)


def notes(view: View, tier: str) -> tuple[str, ...]:
    """Where the table's columns are from, and what its marks mean."""
    at, parked, fought = sources(view, tier)
    n = view.figure(at, view.baseline, FIGURE, STAT).n if at else 0
    first = f"median: {UNIT[tier]} of one fault, {at.workload}, n = {n} faults in " \
            f"{plural(max(view.blocks(tier), 1), 'block')}{_of_batches(view, at)}" if at \
        else "no workload that faults"
    idle = f"idle: parked in caches, {parked.workload}, {plural(parked.vcpus, 'vCPU')}" if parked \
        else "idle: not measured"
    last = f"cont.: contended takes of all locks, {fought.workload}, " \
           f"{plural(fought.vcpus, 'vCPU')}" if fought else \
        "allocs: pages allocated" if tier == COUNT else "cont.: not measured"
    rows = "First the baseline, then its repetition A'" + (
        ", the floor last." if view.has_floor() else ".")
    marks = [f"Host {view.host}, tier {tier}. {rows} {first}; {idle}; {last}."]
    if fought and any(suspects(view, tier, v, fought.workload) for v in view.variants):
        marks.append("! looks like the host taking a vCPU away, see Warnings.")
    if view.any_forced():
        marks.append("[f] forced: measured without the gate's leave or the host's, see Warnings.")
    return (" ".join(marks),)


def _of_batches(view: View, at: Source) -> str:
    """That a block's figure is not the median of all its faults, if so."""
    batched = view.value(at, view.baseline, "batch.warm", "bool")
    return "" if math.isnan(batched) else ", each the pseudo-median of its batches' medians"


def price(view: View, tier: str) -> str:
    """What the cheapest fault and the baseline cost elsewhere, in one sentence."""
    _, verdicts = fault_verdicts(view, tier)
    ranked = sorted((v for v in verdicts.values() if v.variant in view.rivals
                     and not view.static(v.variant) and not math.isnan(v.ratio)),
                    key=lambda v: v.ratio)
    chosen = [view.baseline] if view.baseline not in view.failing else []
    if ranked and (ranked[0].outcome in ("faster", "exact") and ranked[0].ratio < 1):
        chosen.insert(0, ranked[0].variant)
    parts = [text for v in chosen if (text := burden(view, tier, v))]
    return f"Cost: {'; '.join(parts)}." if parts else "Cost: not measured."


def burden(view: View, tier: str, variant: str) -> str:
    """What is worse with a variant than with the best of the others, as far as it was measured."""
    worse = []
    def dearer(v: Verdict) -> bool:
        return v.variant == variant and v.outcome in ("slower", "exact") and v.ratio > 1

    # Of faults those of workloads that are about something else, such as convert, too.
    slow = [v for v in view.verdicts_of(tier) if dearer(v) and (
        v.stat == main_stat("fault", v.workload) if v.metric == FIGURE else v.primary)]
    if slow:
        worst = max(slow, key=lambda v: v.ratio)
        worse.append(f"{percent(worst.ratio)} for a {called(worst)}")
    worse += [text for loads, metric, stat, scale, unit in EXCESS
              if (text := excess(view, tier, variant, (loads, metric, stat, scale, unit)))]
    role = "the baseline" if variant == view.baseline else "the cheapest fault"
    return f"{view.label(variant)}, {role}: {listing(worse) or 'worse in nothing here'}"


def called(verdict: Verdict) -> str:
    """What a figure is of: an op, and the workload unless it is named after the op."""
    op = verdict.metric.removeprefix("op.")
    mean = "mean " if verdict.stat == "mean" else ""
    return mean + (op if op == verdict.workload else f"{op} in {verdict.workload}")


def listing(texts: Sequence[str]) -> str:
    """"a, b and c"."""
    return " and ".join(filter(None, (", ".join(texts[:-1]), *texts[-1:])))


EXCESS: tuple[tuple[Sequence[str], str, str, int, str], ...] = (
    (PARKED, "parked.design.pages", "per_vcpu", KIB_PER_PAGE, "KiB parked per vCPU"),
    (FAULT, "per_fault.page_allocs", "ratio", 1, "page allocs a fault"),
    (MEMORY, "mem.tables.uncharged", "end", 1, "pages uncharged"),
    (MEMORY, "mem.tables.cross_freed", "end", 1, "pages freed across subsystems"))


def excess(view: View, tier: str, variant: str,
           what: tuple[Sequence[str], str, str, int, str]) -> str:
    """A figure of a variant that is above the least of the designs, "" when it is not."""
    loads, metric, stat, scale, text = what
    at = view.source(tier, loads, metric, stat)
    others = [view.value(at, v, metric, stat) for v in (view.baseline, *view.rivals)]
    known = [v for v in others if not math.isnan(v)]
    own = view.value(at, variant, metric, stat)
    if not known or math.isnan(own) or own <= min(known) * NOTABLE:
        return ""
    shown = rate if stat == "ratio" else number
    least = f" (least {shown(min(known) * scale)})" if min(known) else ""
    return f"{shown(own * scale)} {text}{least}"


def repetition(view: View, tier: str) -> str:
    """A against A' in one line."""
    if view.aprime is None:
        return f"A/A': {view.baseline} did not run twice."
    own = [v for v in view.verdicts_of(tier) if v.variant == view.aprime and v.primary]
    timed = [v for v in own if not math.isnan(v.ratio)]
    if not timed:
        why = next((f" ({v.note})" for v in own if v.note), "")
        return f"A/A': no figure of {view.baseline} and its repetition to compare{why}."
    if tier == COUNT:
        off = [f"{called(v)} ({v.note})" if v.outcome == "refused" else
               f"{called(v)} {v.value - v.base:+g} ({percent(v.ratio)})"
               for v in own if v.outcome == "refused" or v.value != v.base]
        return (f"A/A': {len(own)} medians of {view.baseline} and its repetition are "
                + (f"equal but {', '.join(off)}." if off else "equal to the last digit."))
    worst = max(timed, key=lambda v: abs(math.log(v.ratio)))
    wrong = [v for v in timed if v.outcome in ("faster", "slower")]
    return (f"A/A': at most {percent(worst.ratio)} ({called(worst)}), floor up to "
            f"{100 * max(v.floor for v in timed):.1f} %, {len(wrong)} of {len(timed)} flagged.")


def findings(view: View, at: Source) -> Table:
    """The review findings of 2026-01-16: who is charged, and who frees what it did not allocate."""
    def of(variant: str, page_class: str, field: str) -> float:
        owners = [view.value(at, variant, f"mem.{page_class}.{owner}.{field}", "end")
                  for owner in ("kvm", "tdx")]
        there = [v for v in owners if not math.isnan(v)]
        return sum(there) if there else math.nan
    head = {"allocated": "alloc.", "uncharged": "unchgd", "cross_freed": "cross-\nfreed"}
    kinds = [(c, f) for f in head for c in ("sept", "pamt")]
    rows = tuple((view.label(v), *(number(of(v, c, f)) for c, f in kinds))
                 for v in view.variants)
    return Table(f"Pages over the VM's whole life, teardown included: {at.workload}.",
                 columns("design", *(f"{'S-EPT' if c == 'sept' else 'PAMT'}\n{head[f]}"
                                     for c, f in kinds)),
                 rows, (f"{at}; unit pages, {at.counted}.",))


