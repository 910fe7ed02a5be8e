# SPDX-License-Identifier: GPL-2.0-only
"""What each design passed, or did not, before it was timed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from generator.gate.result import CORRECTNESS, CRITERION, NOT_RUN, GateResult
from generator.report.model import Section, Table, columns
from generator.report.view import View, plural

POINTS = ("enomem", "busy", "lost")
LEGEND = ("k of n: so many of the points there are were made to fail, one in each run: every "
          "allocation with -ENOMEM, every SEAMCALL with BUSY, every freeze of a mirror SPTE with a "
          "lost race.")


def of(views: Sequence[View]) -> Section:
    """A row per design and host, and a line for each thing found that is wrong."""
    tables = [found for view in views if (found := table(view)) is not None]
    if not tables:
        return Section("Gate", paragraphs=(
            "The gate was not run for these figures: 'extspt check' runs it.",))
    return Section("Gate", tables=tuple(tables),
                   items=tuple(item for view in views for item in wrong(view)))


def table(view: View) -> Table | None:
    """What the gate did to each design of a run, and what is to be weighed."""
    if all(view.gate(v) == NOT_RUN for v in view.variants):
        return None
    rows = tuple((view.label(v), view.gate(v), *done(view.gates.get(v))) for v in view.designs)
    used = {key for result in view.gates.values() for key in weighed(result)}
    return Table("", columns("design", "gate", "stages", "failed\nallocs", "BUSY", "lost\nraces",
                             "to be\nweighed"), rows,
                 (f"host {view.host}, any tier. {LEGEND}", *legend(used)), whole=True)


def done(result: GateResult | None) -> tuple[str, ...]:
    """The cells of one design: stages, points that failed of those there are, criteria."""
    if result is None:
        return ("-",) * 5
    points = [f"{made}/{all_}" if all_ else "-" for made, all_ in
              (result.points.get(kind, (0, 0)) for kind in POINTS)]
    return ("+".join(result.stages) or "-", *points, " ".join(weighed(result)) or "-")


def weighed(result: GateResult) -> list[str]:
    """The criteria its findings fall under; each is done on purpose and has to be weighed."""
    keys = {found.criterion or found.kind for found in result.of_class(CRITERION)}
    return sorted(keys, key=lambda key: (len(key), key))


def legend(used: set[str]) -> Iterator[str]:
    """The titles of the criteria in a table."""
    from generator.studies.criteria import CRITERIA
    titles = [f"{one.key} {one.title}" for one in CRITERIA if one.key in used]
    if titles:
        yield f"To be weighed, done on purpose: {', '.join(titles)}; 'extspt check' tells more."


def wrong(view: View) -> Iterator[str]:
    """What a design failed for, or that none was looked at."""
    if table(view) is None:
        yield f"run {view.short}: the gate was not run"
    for variant in view.designs:
        result, name = view.gates.get(variant), view.label(variant)
        if result is None and variant in view.failing:
            yield f"{name}: {view.failing[variant]}"
        if result is None:
            continue
        yield from (f"{name}: {found.kind}: {found.text}"
                    for found in result.of_class(CORRECTNESS))
        if result.splats:
            yield (f"{name}: {plural(len(result.splats), 'kernel report')}, first: "
                   f"{result.splats[0].title}")
        yield from (f"{name}: {said}" for said in result.not_run)
