# SPDX-License-Identifier: GPL-2.0-only
"""The table of designs and criteria: 72 columns of text, HTML, CSV, plain data."""

from __future__ import annotations

import csv
import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from generator.modules import render
from generator.studies.criteria import CRITERIA, Criterion
from generator.studies.facts import Cell

FORMATS = ("text", "html", "csv")
WIDTH = 72
_NAME, _CELL = 20, 13
_FEW = 3
"""Up to so many designs are named."""
Table = Mapping[str, Mapping[str, Cell]]


def in_form(form: str, table: Table, title: str) -> str:
    """The table in one of FORMATS."""
    if form == "csv":
        return as_csv(table)
    return as_html(table, title) if form == "html" else "\n".join(lines(table, title)) + "\n"


def lines(table: Table, title: str) -> list[str]:
    """Some criteria at a time, what each figure is, and why cells are empty."""
    out = textwrap.wrap(title, WIDTH)
    per_table = (WIDTH - _NAME) // _CELL
    for first in range(0, len(CRITERIA), per_table):
        some = CRITERIA[first:first + per_table]
        out += ["", "design".ljust(_NAME) + "".join(one.key.rjust(_CELL) for one in some)]
        for name, cells in table.items():
            row = "".join(_short(cells[one.key].text).rjust(_CELL) for one in some)
            out.append(textwrap.shorten(name, _NAME - 1, placeholder="~").ljust(_NAME) + row)
        for one in some:
            out += textwrap.wrap(f"{one.key} {one.title}: {one.shows}", WIDTH,
                                 initial_indent="  ", subsequent_indent="      ")
    return [*out, "", *_empty(table)]


def _short(text: str) -> str:
    """What fits: of several words the first, and how many more there are."""
    first, *more = text.split()
    if len(text) < _CELL or not more:
        return text if len(text) < _CELL else text[:_CELL - 2] + "~"
    return _short(f"{first}+{len(more)}")


def _empty(table: Table) -> list[str]:
    """unmeasured() in lines."""
    out = [". not measured:"] if unmeasured(table) else []
    for text in unmeasured(table):
        out += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="      ")
    return out


def unmeasured(table: Table) -> list[str]:
    """Why cells have no figure, each reason once, and whose they are."""
    why: dict[tuple[str, str], list[str]] = {}
    for name, cells in table.items():
        for key, cell in cells.items():
            if not cell.measured:
                why.setdefault((key, cell.note), []).append(name)
    return [f"{key} ({_who(names, table)}): {note}" for (key, note), names in why.items()]


def _who(names: Sequence[str], table: Table) -> str:
    if len(names) == len(table):
        return "all"
    return ", ".join(names) if len(names) <= _FEW else f"{len(names)} designs"


def data(table: Table) -> list[dict[str, Any]]:
    """One mapping per cell; a value that is no number, as not measured, is None."""
    return [{"design": name, "criterion": key, "text": cell.text,
             "value": cell.value if math.isfinite(cell.value) else None, "source": cell.source,
             "note": cell.note} for name, cells in table.items() for key, cell in cells.items()]


def as_csv(table: Table) -> str:
    """The cells of data(), a line each, with a header."""
    text = io.StringIO()
    cells = data(table)
    writer = csv.DictWriter(text, list(cells[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells)
    return text.getvalue()


def as_html(table: Table, title: str) -> str:
    """One self-contained page."""
    criteria: tuple[Criterion, ...] = CRITERIA
    return render.fill("criteria.html", title=title, criteria=criteria, table=table,
                       unmeasured=unmeasured(table))
