# SPDX-License-Identifier: GPL-2.0-only
"""Two runs beside each other, as text for a terminal or a mail."""

from __future__ import annotations

from generator.report import claims, text
from generator.report.headline import percent
from generator.report.model import Document, Section, Table, columns, number, signed
from generator.report.tables import UNIT
from generator.report.view import plural
from generator.runs.compare import Comparison, Timed

SHOWN = 40
"""As many changed figures are listed; --json has all."""


def render(found: Comparison) -> str:
    """The comparison as at most 72 columns of ASCII."""
    sections = [exact(found)] if found.compared else [
        Section("Exact counts", paragraphs=("None: the runs share no tier count.",))]
    if found.failed or found.marks:
        sections.insert(0, Section("Warnings", items=(
            *(f"{name} fails in the second run and has no figures there" for name in found.failed),
            *(f"forced: {mark}" for mark in found.marks))))
    if found.times:
        sections.append(timed(found))
    if found.apart:
        sections.append(Section("Not compared", items=found.apart))
    return text.render(Document(f"{found.before} -> {found.after}", "exact counts as integers, "
                                "times unpaired; nothing across tiers", tuple(sections)))


def exact(found: Comparison) -> Section:
    """The gate: what changed of the exact counts, regressions first."""
    said = (f"{len(found.changes)} of {found.compared} exact figures changed, "
            f"{len(found.regressions)} for the worse.")
    ordered = sorted(found.changes, key=lambda c: (not c.regression, c.workload, c.variant))
    rows: list[tuple[str, ...]] = []
    for change in ordered[:SHOWN]:
        group = (f"{change.variant}, {change.workload}, {plural(change.vcpus, 'vCPU')}, "
                 f"host {change.host}",)
        if group not in rows:
            rows.append(group)
        rows.append((f"{'!' if change.regression else ' '} {change.metric} {change.stat}",
                     change.unit, number(change.before), number(change.after),
                     signed(change.after - change.before)))
    more = (f"{len(ordered) - SHOWN} more: --json has all.",) if len(ordered) > SHOWN else ()
    table = Table("Tier count; ! for the worse.",
                  columns("figure", "unit", "before", "after", "change"), tuple(rows), more,
                  whole=True)
    gone = tuple(f"only in the first run: {name}" for name in found.gone[:SHOWN])
    return Section("Exact counts", paragraphs=(said,), tables=(table,) if rows else (), items=gone)


def timed(found: Comparison) -> Section:
    """Times, each by its verdict."""
    def row(one: Timed) -> tuple[str, ...]:
        return (one.variant, one.workload, one.metric.removeprefix("op."), number(one.before),
                number(one.after), percent(one.ratio), one.outcome if one.ratio > 0 else "none")
    places: dict[str, list[Timed]] = {}
    for one in sorted(found.times, key=lambda t: (t.host, t.tier, t.workload, t.variant)):
        places.setdefault(
            f"host {one.host} ({claims.kind(one.host, one.tier)}), tier {one.tier}, median of the "
            f"blocks in {UNIT.get(one.tier, one.unit)}", []).append(one)
    return Section("Times", tables=tuple(Table(
        f"{place}; unpaired: the runs share no block. Holm over all times.",
        columns("variant", "workload", "op", "before", "after", "ratio", "verdict"),
        tuple(map(row, those)),
        (f"n = {plural(min(t.n for t in those), 'block')} at least in each run.",
         *sorted({f"none: {t.note}." for t in those if not t.ratio > 0})),
        whole=True) for place, those in places.items()))
