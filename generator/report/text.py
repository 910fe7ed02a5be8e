# SPDX-License-Identifier: GPL-2.0-only
"""A report as plain text that survives a mailing list: ASCII, 72 columns, no tabs."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator, Sequence

from generator.report.model import Column, Document, Section, Table

WIDTH = 72
MOST = 20
"""Widest name in front of a fact."""

_WORD = re.compile(r"(?:[^\s'\"]|'[^']*'|\"[^\"]*\")+")
"""A word of a shell command, with the quotes in it."""


def ascii_only(text: str) -> str:
    """Printable ASCII: anything else becomes a visible escape, so no terminal obeys it."""
    return "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in text)


def wrap(text: str, first: str = "", rest: str = "") -> list[str]:
    """Lines of at most WIDTH columns; a longer word is broken."""
    return textwrap.wrap(ascii_only(text), WIDTH, initial_indent=first, subsequent_indent=rest,
                         break_on_hyphens=False) or [""]


def widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    """Width of each column: its widest head line or cell."""
    return [max([len(line) for line in column.head.split("\n")]
                + [len(row[index]) for row in rows])
            for index, column in enumerate(columns)]


def line(cells: Sequence[str], columns: Sequence[Column], wide: Sequence[int], gap: str) -> str:
    """One line of a table, without trailing blanks."""
    return gap.join(cell.ljust(w) if column.left else cell.rjust(w)
                    for cell, column, w in zip(cells, columns, wide, strict=True)).rstrip()


def blocks(wide: Sequence[int], gap: int) -> list[list[int]]:
    """Column indices per block: every block starts with the first column and fits WIDTH."""
    done: list[list[int]] = [[0]]
    room = WIDTH - wide[0]
    for index in range(1, len(wide)):
        if room < wide[index] + gap and len(done[-1]) > 1:
            done.append([0])
            room = WIDTH - wide[0]
        done[-1].append(index)
        room -= wide[index] + gap
    return done


def block(columns: Sequence[Column], rows: Sequence[Sequence[str]], gap: int) -> Iterator[str]:
    """Head and rows of the columns that stand side by side."""
    full = [row for row in rows if len(row) > 1]
    wide, heads = widths(columns, full), [column.head.split("\n") for column in columns]
    depth = max(map(len, heads))
    for level in range(depth):
        cells = [([""] * (depth - len(head)) + head)[level] for head in heads]
        yield line(cells, columns, wide, " " * gap)
    yield "-" * (sum(wide) + gap * (len(wide) - 1))
    for index, row in enumerate(rows):
        if len(row) == 1:
            follows = index + 1 < len(rows) and rows[index + 1][0] == ""
            yield from ("", row[0][:WIDTH]) if index and not follows else (row[0][:WIDTH],)
        else:
            yield line(row, columns, wide, " " * gap)


def shorten(text: str, limit: int) -> str:
    """A name no wider than ``limit``, its middle left out visibly."""
    return text if len(text) <= limit else f"{text[:limit - 8]}..{text[-6:]}"


def cell(text: str, first: bool, whole: bool = False) -> str:
    return shorten(ascii_only(text), WIDTH if first and whole else 30 if first else 24)


def own_lines(rows: Sequence[list[str]], room: int) -> Iterator[list[str]]:
    """The rows; a name wider than ``room`` stands above its figures."""
    for row in rows:
        if len(row) > 1 and len(row[0]) > room:
            yield [row[0]]
            yield ["", *row[1:]]
        else:
            yield row


def table(content: Table) -> Iterator[str]:
    """A table in as many blocks as its width needs; notes below."""
    if content.title:
        yield from (*wrap(content.title), "")
    columns = [Column("\n".join(cell(x, index == 0) for x in column.head.split("\n")), column.left)
               for index, column in enumerate(content.columns)]
    rows = [[cell(text, index == 0, content.whole) for index, text in enumerate(row)]
            if len(row) > 1
            else [ascii_only(row[0])] for row in content.rows]
    wide = widths(columns, [row for row in rows if len(row) > 1])
    gap = 2 if sum(wide) + 2 * (len(wide) - 1) <= WIDTH else 1
    if content.whole:
        rows = list(own_lines(rows, WIDTH - sum(wide[1:]) - gap * (len(wide) - 1)))
    wide = widths(columns, [row for row in rows if len(row) > 1])
    for number, chosen in enumerate(blocks(wide, gap)):
        if number:
            yield ""
        yield from block([columns[i] for i in chosen],
                         [[row[i] for i in chosen] if len(row) > 1 else row for row in rows], gap)
    if content.notes:
        yield ""
    for note in content.notes:
        yield from wrap(note, "  ", "  ")
    yield ""


def facts(pairs: Sequence[tuple[str, str]], margin: str = "") -> Iterator[str]:
    """Name and value, the values in one column and wrapped there; a long name has its own line."""
    indent = min(max((len(ascii_only(name)) for name, _ in pairs), default=0), MOST) + 2
    for name, value in pairs:
        first, rest = margin + ascii_only(name).ljust(indent), margin + " " * indent
        if len(first) > len(rest):
            yield from wrap(name, margin, margin)
            first = rest
        yield from wrap(value or "-", first, rest)


def command(text: str) -> Iterator[str]:
    """A shell command, continued with backslashes where it is too wide to be one line.

    A word wider than a line is continued at the margin: the shell joins it again.
    """
    line_so_far = " "
    words = [unquoted(word) if len(word) > WIDTH - 6 else word
             for word in _WORD.findall(ascii_only(text))]
    for left, word in zip(range(len(words))[::-1], words, strict=True):
        if len(line_so_far) + len(word) + (3 if left else 1) > WIDTH:
            yield f"{line_so_far} \\"
            line_so_far = "   "
        line_so_far += f" {word}"
        while len(line_so_far) > WIDTH - 2:
            whole = line_so_far[:WIDTH - 1]
            at = len(whole) - (len(whole) - len(whole.rstrip("\\"))) % 2   # no escape is halved
            yield f"{line_so_far[:at]}\\"
            line_so_far = line_so_far[at:]
    yield line_so_far


def unquoted(word: str) -> str:
    """A word of a shell that can be continued anywhere: a backslash in place of its quotes."""
    return re.sub(r"([^A-Za-z0-9_@%+=:,./-])", r"\\\1", "".join(shlex.split(word)))


def section(content: Section) -> Iterator[str]:
    """A section under its title."""
    if content.title:
        yield from (ascii_only(content.title)[:WIDTH],
                    "=" * min(len(ascii_only(content.title)), WIDTH), "")
    for paragraph in content.paragraphs[:-1]:
        yield from (*wrap(paragraph), "")
    for paragraph in content.paragraphs[-1:]:      # the lead follows from it
        yield from (*wrap(paragraph), *([] if content.lead else [""]))
    if content.lead:
        yield from (*facts(content.lead, "  "), "")
    for content_table in content.tables:
        yield from table(content_table)
    bullet = "* " if len(content.items) > 1 else ""
    for item in content.items:
        yield from wrap(item, bullet, " " * len(bullet))
    yield from facts(content.facts)
    for text in content.commands:
        yield from ("", "Run again:", *command(text))
    if content.items or content.facts or content.commands:
        yield ""
    for note in content.after:
        yield from (*wrap(note), "")


def render(document: Document) -> str:
    """The whole report; sections marked as detail are left to the HTML and summary.csv."""
    lines = [*wrap(document.title), *(wrap(document.subtitle) if document.subtitle else ())]
    if document.sections and document.sections[0].title:
        lines.append("")
    for content in document.sections:
        if not content.detail:
            lines += section(content)
    return "\n".join(lines).rstrip() + "\n"
