# SPDX-License-Identifier: GPL-2.0-only
"""What a report is made of, before it is text or HTML."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

NA = "n/a"


@dataclass(frozen=True)
class Column:
    """A column's head (lines separated by newlines) and alignment."""

    head: str
    left: bool = False


@dataclass(frozen=True)
class Table:
    """Cells as text; a row of one cell is the heading of the rows that follow it.

    ``title`` may be empty: the section's text introduces it.
    ``whole``: never continued below itself; a name too long for that has a line of its own.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class Section:
    """One part of a report. ``detail`` parts are left out of the text.

    ``badges``: words that mark the whole part, host and tier. ``lead``: facts above the tables.
    ``after``: small print that ends it. No ``title``: the report begins with it.
    """

    title: str
    badges: tuple[str, ...] = ()
    paragraphs: tuple[str, ...] = ()
    lead: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    items: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    plots: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    detail: bool = False


@dataclass(frozen=True)
class Document:
    """A whole report; the first section has to fit a screen.

    ``heading``: of a page, where there is room for more than the title. ``banner``: said on every
    page.
    """

    title: str
    subtitle: str = ""
    sections: tuple[Section, ...] = field(default_factory=tuple)
    banner: str = ""
    heading: str = ""


def visible(text: str) -> str:
    """The text with each character that cannot be seen, or turns others round, as an escape."""
    return text if text.isprintable() else "".join(
        c if c.isprintable() else ascii(c)[1:-1] for c in text)


def number(value: float) -> str:
    """A figure for a table: whole numbers whole, others with about three digits, NaN as n/a."""
    if math.isnan(value):
        return NA
    if float(value).is_integer():
        return str(int(value))
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.4f}"


def rate(value: float) -> str:
    """A figure per fault or per 1000: three decimals, so that a column compares at a glance."""
    return NA if math.isnan(value) else f"{value:.3f}"


def signed(value: float) -> str:
    """A difference, always with its sign; n/a for NaN."""
    text = number(value)
    return text if text == NA or text.startswith("-") else f"+{text}"


def columns(*heads: str) -> tuple[Column, ...]:
    """Columns of which the first is left-aligned (the row's name)."""
    return tuple(Column(head, left=index == 0) for index, head in enumerate(heads))
