# SPDX-License-Identifier: GPL-2.0-only
"""The report's sections in the order a reviewer reads them; one document for text and HTML.

Each host and tier of each run is a part of its own, and nothing is compared across two of them.
Real KVM comes first. What is too long for a mail is a ``detail`` section, for the HTML alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from generator.evidence.verdict import Verdict
from generator.modules.render import KVM
from generator.report import (
    claims,
    details,
    gatesection,
    headline,
    plots,
    provenance,
    realkvm,
    tables,
)
from generator.report.flags import failures, flags
from generator.report.model import NA, Document, Section, Table, columns
from generator.report.view import COUNT, MEMORY, TIERS, View, plural

HEADING = "Designs for S-EPT and Dynamic PAMT pages, side by side"
QUESTION = ("Question: whose pages become the S-EPT tables and PAMT pairs of KVM/TDX, who is "
            "charged for them, and who frees them?")
REVIEW = "aWrdpZCCDDAffZRM@google.com"
Part = tuple[View, str]
FEW = 5
"""As many designs stand side by side in 72 columns."""


def build(views: Sequence[View]) -> Document:
    """The whole report of one or more runs."""
    ordered = sorted(views, key=lambda v: (v.host != KVM, v.id))
    found = parts(ordered)
    runs = "run " + ordered[0].id if len(ordered) == 1 else plural(len(ordered), "run")
    return Document(
        f"extspt-bench: {runs}", "",
        (first_screen(found, ordered), method(ordered, found), warnings(ordered),
         *(part(*one) for one in found[1:]), *sections(ordered, found),
         *(s for view in ordered for s in details.of(view))),
        banner=" / ".join(dict.fromkeys(
            claims.kind(view.host, tier) for view in ordered for tier in view.tiers)),
        heading=HEADING)


def parts(views: Sequence[View]) -> list[Part]:
    """Every host and tier that has figures, real KVM first, then what says most of time."""
    pairs = [(view, tier) for view in views for tier in view.tiers if view.blocks(tier)]
    return sorted(pairs, key=lambda p: (p[0].host != KVM, p[0].id != views[0].id,
                                        TIERS.index(p[1])))


def sections(views: Sequence[View], found: Sequence[Part]) -> Iterator[Section]:
    """What follows the parts; the command that repeats a run comes last."""
    yield from filter(None, (every_verdict(*one) for one in found))
    yield from (found for view in views for found in realkvm.sections(view))
    yield from filter(None, (owners(view) for view in views))
    yield Section("Not measured, and why", items=tuple(dict.fromkeys(
        text for view in views for text in claims.limits(view))))
    yield gatesection.of(views)
    yield from filter(None, (workloads(views),))
    yield from (Section(name(view, "Provenance", len(views)), facts=provenance.facts(view),
                        commands=(provenance.rerun(view),)) for view in views)


def name(view: View, title: str, runs: int) -> str:
    """A section's title, with the run it is about when there are several."""
    return title if runs == 1 else f"{title}: {view.host}, run {view.short}"


def first_screen(found: Sequence[Part], views: Sequence[View]) -> Section:
    """Question, verdict per option, one table, one sentence of cost; below it what they are."""
    host, tier = (found[0][0].host, found[0][1]) if found else (views[0].host, "")
    said = [f"{QUESTION} {claims.brief(host, tier)}"]
    if not found:
        return Section("", paragraphs=(*said, claims.what(host, tier),
                                       "Nothing was measured, see Warnings."))
    body = part(*found[0])
    return replace(body, title="",
                   paragraphs=(*provenance.incomplete(views), *said, body.paragraphs[-1]),
                   after=(*body.after, claims.what(host, tier)))


def part(view: View, tier: str) -> Section:
    """One host and tier: what it is, the answer, one row per option, the price."""
    at, _ = headline.fault_verdicts(view, tier)
    where = f"a fault of {at.workload}, {plural(at.vcpus, 'vCPU')}" if at else "no fault"
    blocks = "exact" if tier == COUNT else plural(max(view.blocks(tier), 1), "block")
    about = (f"Host {view.host}, tier {tier}. Against {view.baseline}, {where}, "
             f"{claims.UNIT[tier]}, {blocks}:")
    kind = claims.kind(view.host, tier)
    return Section(f"Host {view.host}, tier {tier}", (f"host {view.host}", f"tier {tier}"),
                   (f"{kind[:1].upper()}{kind[1:]}.", about),
                   headline.answer(view, tier), (headline.table(view, tier),),
                   (headline.price(view, tier),),
                   plots=tuple(plots.key(view, plot, tier) for plot in ("ratios", "faults")),
                   after=headline.notes(view, tier))


def every_verdict(view: View, tier: str) -> Section | None:
    """All primary metrics of a tier, a column each."""
    own = [v for v in view.verdicts_of(tier) if v.primary and v.outcome != "baseline"]
    if all(v.outcome == "refused" for v in own):
        return None
    keys = list(dict.fromkeys((v.metric, v.workload) for v in own))
    found = {(v.variant, v.metric, v.workload): v for v in own}
    others = [variant for variant in view.variants if variant != view.baseline]
    if len(others) <= FEW:      # then the figures, which are more, stand below each other
        heads = ["figure", *(tables.split_name(view.label(variant)) for variant in others)]
        rows = tuple((head(*key).replace("\n", ""), *(cell(found.get((variant, *key)))
                                                      for variant in others)) for key in keys)
    else:
        heads = ["option", *(head(*key) for key in keys)]
        rows = tuple((view.label(variant), *(cell(found.get((variant, *key))) for key in keys))
                     for variant in others)
    legend = ("exact differences; ? no larger than that of A'" if tier == COUNT else
              "S slower, F faster, = equivalent, ? cannot tell; Holm over these")
    if any(v.stat == "mean" for v in own):
        legend += ". Medians; where caches are refilled, the mean: that is rare and long"
    return Section(f"All primary figures, host {view.host}, tier {tier}",
                   (f"host {view.host}", f"tier {tier}"), tables=(
        Table(f"Against {view.baseline}.", columns(*heads), rows,
              (f"host {view.host}, tier {tier}; {legend}.",)),))


def head(metric: str, workload: str) -> str:
    """A column's head; a workload named after its op says it once."""
    op = metric.removeprefix("op.")
    return op if op == workload else f"{op} \n{tables.split_name(workload)}"


def cell(verdict: Verdict | None) -> str:
    """A difference and its verdict in a letter."""
    if verdict is None:
        return NA
    letter = {"slower": " S", "faster": " F", "equivalent": " =", "cannot tell": " ?"}
    return headline.percent(verdict.ratio) + letter.get(verdict.outcome, "")


def owners(view: View) -> Section | None:
    """Who is charged and who frees: the review findings of 2026-01-16 as counted pages."""
    at = view.either(MEMORY, "mem.tables.uncharged", "end")
    if at is None:
        return None
    return Section(f"Who is charged, who frees: host {view.host}, tier {at.tier}",
                   (f"host {view.host}", f"tier {at.tier}"), (
        f"The review of 2026-01-16 ({REVIEW}) held against the TDX-owned caches that the split "
        "cache's pages are not charged to the VM's cgroup, and that one subsystem frees what the "
        "other allocated. unchgd: allocated without __GFP_ACCOUNT; cross-freed: freed by the "
        "other subsystem without a hand-over.",), tables=(headline.findings(view, at),),
        plots=(plots.key(view, "memory_charge", at.tier),))


def method(views: Sequence[View], found: Sequence[Part]) -> Section:
    """Repetition, blocks, order, clock."""
    facts: list[tuple[str, str]] = []
    for view in views:
        for tier in (t for v, t in found if v is view):
            facts.append((f"{view.host} {tier}", f"{headline.repetition(view, tier)} "
                          f"{provenance.design(view, tier)} {clock(view, tier)}"))
        several = f" {view.short}" if len(views) > 1 else ""
        facts.append((f"order{several}", provenance.order(view)))
    return Section("Repetition, order, clock", facts=tuple(facts))


def clock(view: View, tier: str) -> str:
    """What the clock costs in a tier."""
    for workload in view.figures.workloads(tier)[:1]:
        pair, timed = (view.figures.value(tier, view.baseline, workload, f"clock.{what}", "p50")
                       for what in ("empty_pair", "timed_op"))
        unit = "instructions" if tier == COUNT else "ns"
        both = f", a timed operation {tables.whole(timed)}" if timed >= 0 else ""
        return f"Empty clock pair {tables.whole(pair)} {unit}{both}."
    return "Clock: not measured."


def workloads(views: Sequence[View]) -> Section | None:
    """What each workload does, and its size."""
    facts = tuple(dict(fact for view in views for fact in provenance.workloads(view)).items())
    return Section("Workloads", facts=facts) if facts else None


def warnings(views: Sequence[View]) -> Section:
    """Flags and failed cases."""
    items = [text if len(views) == 1 else f"{view.host}, {view.short}: {text}"
             for view in views for text in (*failures(view), *flags(view))]
    return Section("Warnings", items=tuple(items) or ("none",))

