# SPDX-License-Identifier: GPL-2.0-only
"""The gate's report as 72 columns of ASCII: one line per design, then what was found of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from generator.gate.result import CORRECTNESS, CRITERION, OTHER, Boot, Finding, GateResult, Splat
from generator.report.text import WIDTH, ascii_only, wrap

RULE = "-" * WIDTH
NAK = ("ownership", "uncharged", "fallback")
"""Kinds the NAK of 2026-01-16 was about, in its order: shown before the others."""
_POINTS = (("enomem", "ENOMEM"), ("busy", "BUSY"), ("lost", "lost races"))
_SPLAT_LINES = 60
LONGEST = 16
"""Widest name that a table has beside its figures."""
Known = Mapping[str, Mapping[str, str]]
"""Design -> kind of finding -> what the list said about it."""
EMPTY: Known = MappingProxyType({})


def page(results: Sequence[GateResult], known: Known = EMPTY) -> str:
    """The whole report, with what was not run and why."""
    notes = dict.fromkeys(note for result in results for note in result.not_run)
    lines = ["GATE: correctness first, no timing for a design that is wrong", "",
             *_table(results), "", *_nak(results), *_wrapped(notes)]
    for result in results:
        lines += _design(result, known.get(result.variant, {}))
    return "\n".join(lines).rstrip() + "\n"


def _table(results: Sequence[GateResult]) -> list[str]:
    width = _name_width(results)
    head = f"{'design':{width}}  gate  {'ENOMEM':>11} {'BUSY':>9} {'lost':>7}  splats  criteria"
    return [head, "-" * min(len(head), WIDTH),
            *(line for result in results for line in _row(result, width))]


def _name_width(results: Sequence[GateResult]) -> int:
    return max([6, *(len(one.variant) for one in results if len(one.variant) <= LONGEST)])


def _named(name: str, width: int, rest: str) -> list[str]:
    """A row of a table; a name that is too long for it has lines of its own."""
    if len(name) <= width:
        return [f"{name:{width}}  {rest}".rstrip()]
    return [*wrap(name), f"{'':{width}}  {rest}".rstrip()]


def _row(result: GateResult, width: int) -> list[str]:
    points = [_ratio(result, kind) for kind in ("enomem", "busy", "lost")]
    criteria = sorted({found.criterion for found in result.of_class(CRITERION)},
                      key=lambda name: (len(name), name))
    row = (f"{result.verdict:4}  {points[0]:>11} {points[1]:>9} {points[2]:>7}  "
           f"{len(result.splats):6}  ")
    indent = " " * (width + 2 + len(row))
    listed = wrap(" ".join(criteria) or "-", indent, indent)
    return [*_named(result.variant, width, row + listed[0].strip()), *listed[1:]]


def _nak(results: Sequence[GateResult]) -> list[str]:
    """Which designs do what the NAK was about, where one does; pages, by its points."""
    counts = {result.variant: [sum(one.count for one in result.findings if one.kind == kind)
                               for kind in NAK] for result in results}
    if not any(first for first, *_ in counts.values()):
        return []
    width = _name_width(results)
    lines = ["The points of the NAK of 2026-01-16, as found by running, in pages:", "",
             f"{'design':{width}}  (a) owner by path  (b) uncharged  (c) fallback differs"]
    lines += [line for name, row in counts.items() if row[0]
              for line in _named(name, width, f"{row[0]:17}  {row[1]:13}  {row[2]:20}")]
    clean = [name for name, row in counts.items() if not any(row)]
    return [*lines, *_wrapped([f"None of them: {', '.join(clean)}."] if clean else []), ""]


def _ratio(result: GateResult, kind: str) -> str:
    covered, size = result.points.get(kind, (0, 0))
    return f"{covered}/{size}" if size else "-"


def _design(result: GateResult, known: Mapping[str, str]) -> list[str]:
    lines = ["", RULE, *wrap(f"{result.variant}: {result.verdict}, host {result.host}"),
             *_wrapped([_made(result)])]
    wrong, design = result.of_class(CORRECTNESS), _ordered(result.of_class(CRITERION))
    if wrong:
        lines += ["", "Correctness (each fails the design):", *_findings(wrong, known)]
    if design:
        lines += ["", "Criteria (properties of the design, to be weighed):",
                  *_findings(design, known)]
    if not wrong and not design:
        lines += ["", "Nothing found."]
    if other := result.of_class(OTHER):
        lines += ["", "Seen, and not of the design's making:", *_findings(other, known)]
    for splat in result.splats:
        lines += ["", *_splat(splat)]
    return lines


def _made(result: GateResult) -> str:
    parts = [f"{name} {_ratio(result, kind)}" for kind, name in _POINTS]
    return f"made to fail in turn: {', '.join(parts)}; {_boots(result.boots)}"


def _boots(boots: Sequence[Boot]) -> str:
    """The boots of each stage; those of one stage ran side by side."""
    stages = dict.fromkeys((boot.stage, boot.kernel) for boot in boots)
    return ", ".join(f"{stage}: {sum((b.stage, b.kernel) == (stage, kernel) for b in boots)} boots "
                     f"of {kernel}" for stage, kernel in stages) or "no boot"


def _ordered(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda one: (NAK.index(one.kind) if one.kind in NAK else len(NAK),
                                          len(one.criterion), one.criterion))


def _findings(found: Sequence[Finding], known: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for letter, one in zip(_letters(), found, strict=False):
        tag = f"{one.criterion} " if one.criterion else ""
        lines += wrap(f"({letter}) {tag}{one.kind}: {one.text} [{one.count}]", "", "    ")
        for path in (*one.paths, *([f"known: {known[one.kind]}"] if one.kind in known else [])):
            lines += wrap(path, "      ", "        ")
    return lines


def _letters() -> list[str]:
    single = "abcdefghijklmnopqrstuvwxyz"
    return [*single, *(f"{first}{second}" for first in single for second in single)]


def _splat(splat: Splat) -> list[str]:
    lines = [f"  {ascii_only(line.rstrip().expandtabs())}"[:WIDTH]
             for line in splat.text.splitlines()]
    more = len(lines) - _SPLAT_LINES
    return [*wrap(f"At {splat.at}:"), *lines[:_SPLAT_LINES],
            *([f"  ... {more} more lines in gate.json"] if more > 0 else [])]


def _wrapped(texts: Iterable[str]) -> list[str]:
    return [line for text in texts for line in wrap(text)]
