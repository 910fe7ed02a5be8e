# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own reports in a guest's console: cut out, named, and their addresses resolved."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator import proc
from generator.gate.result import Splat

LONGEST = 90
"""Lines of one report that are kept."""
RESOLVED = 24
"""Frames of one report that are resolved to file and line."""
_STAMP = re.compile(r"^\[ *\d+\.\d+\](?:\[ *\w+\])? ?")
#: Variant, case and kind of point in the console, before the points are tried.
MARK = re.compile(r"EXTSPT AT (\S+) (\S+) (\S+)")
#: First line of a report -> its class. The first pattern that matches counts.
KINDS = (
    ("kasan", r"BUG: KASAN: "), ("kcsan", r"BUG: KCSAN: "),
    ("sleep", r"BUG: sleeping function called from invalid context"
              r"|BUG: scheduling while atomic|Voluntary context switch within RCU"
              r"|DEBUG_LOCKS_WARN_ON"),
    ("lockdep", r"possible circular locking|possible recursive locking|inconsistent lock state"
                r"|possible irq lock inversion|suspicious RCU usage|Invalid wait context"
                r"|bad unlock balance|held lock freed|lock held when returning"
                r"|lock held at task exit|Nested lock was not taken|bad contention detected"
                r"|workqueue leaked lock"),
    ("hang", r"soft lockup|detected stall|blocked for more than|hard LOCKUP"),
    ("crash", r"Kernel panic|\bOops\b|BUG: unable to handle|general protection fault"
              r"|kernel BUG at|double fault"),
    ("leak", r"kmemleak: \d+ new suspected"),
    ("corruption", r"list_(?:add|del) corruption|list_add double add|refcount_t: |Bad page state"
                   r"|BUG: Bad rss"),
    ("warning", r"\bWARNING: |\bBUG: "),
)
#: What lockdep's "suspicious RCU usage" says further down when the cause is something that sleeps.
_SLEEPS = "Illegal context switch in RCU"
_HEAD = 6
_KINDS = [(name, re.compile(pattern)) for name, pattern in KINDS]
#: Functions of the kernel that check or copy what their caller owns.
BORROWED = ("__list_add_valid", "__list_del_entry_valid", "memcpy", "memset", "memmove")
_END = re.compile(r"---\[ end trace|^={20,}$|EXTSPT AT|^Rebooting in|---\[ end Kernel panic")
_FRAME = re.compile(r"\b([A-Za-z_][\w.]*)\+(0x[0-9a-f]+)/0x[0-9a-f]+(?: \[(\w+)\])?")
_MODULE = re.compile(r"\[(extspt_\w+)\]")
#: What comes before a path's place in the tree.
_TREE = re.compile(r"^.*?/(?=kmod/|arch/|kernel/|mm/|lib/|fs/|virt/|drivers/|include/)")
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Report:
    """A report. ``kind``: see KINDS. ``variant``, ``at``: module and case of the last marker."""

    kind: str
    title: str
    variant: str
    at: str
    lines: tuple[str, ...]

    @property
    def module(self) -> str:
        """The kernel module that the report names."""
        found = _MODULE.search("\n".join(self.lines))
        return found[1] if found else ""

    @property
    def ours(self) -> bool:
        """Whether the place that reports is in a module of the bench."""
        return bool(_MODULE.search(self.title))

    @property
    def foreign(self) -> bool:
        """Whether a data race is between two accesses of the kernel's own code.

        Such a race is there whatever calls it: KCSAN names the two functions that access, and
        neither is a module's nor one that only looks at its caller's memory. Other reports are
        the module's that made them come.
        """
        return (self.kind == "kcsan" and not self.ours
                and not any(name in self.title for name in BORROWED))

    def concerns(self, variant: str, module: str) -> bool:
        """Whether it is about this one: by the module it names, else by the last marker."""
        return self.module == module if self.module else self.variant == variant


def find(console: str) -> list[Report]:
    """All reports of a console, in order; one that follows from another is part of it."""
    reports: list[Report] = []
    lines = [_STAMP.sub("", line) for line in console.splitlines()]
    variant = at = ""
    skip = 0
    for number, line in enumerate(lines):
        if mark := MARK.search(line):
            variant, at = mark[1], f"{mark[2]} {mark[3]}"
        kind = _kind(line) if number >= skip else ""
        if kind:
            body = _body(lines, number)
            skip = number + len(body)
            kind = "sleep" if any(_SLEEPS in one for one in body[:_HEAD]) else kind
            reports.append(Report(kind, line.strip(), variant, at, tuple(body)))
    return reports


def _kind(line: str) -> str:
    return next((name for name, pattern in _KINDS if pattern.search(line)), "")


def _body(lines: Sequence[str], first: int) -> list[str]:
    """From a report's first line to its end. Rulers of = and cut-here lines frame it."""
    body = [lines[first]]
    for line in lines[first + 1:first + LONGEST]:
        if _END.search(line) and len(body) > 3:
            break
        body.append(line)
    return body


def resolve(report: Report, images: Iterable[Path]) -> Splat:
    """The report with file and line behind the frames whose symbols ``images`` have.

    ``images``: modules with debug information and vmlinux, whichever there are.
    """
    frames = {found[0]: (found[1], found[2], found[3] or "")
              for line in report.lines for found in _FRAME.finditer(line)}
    places = dict(_places(list(frames.items())[:RESOLVED], list(images)))
    text = "\n".join(_FRAME.sub(
        lambda found: found[0] + (f" ({places[found[0]]})" if found[0] in places else ""), line)
        for line in report.lines)
    return Splat(report.title, f"{report.variant} {report.at}".strip(), text)


def _places(frames: Sequence[tuple[str, tuple[str, str, str]]],
            images: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Frame -> file:line, for the frames whose function an image has; one call per section."""
    for image in images:
        table = _symbols(image)
        asked: dict[str, dict[str, int]] = {}
        for frame, (symbol, offset, module) in frames:
            if symbol in table and module == (image.stem if image.suffix == ".ko" else ""):
                section, start = table[symbol]
                # A return address: the call is the byte before it.
                asked.setdefault(section, {})[frame] = start + int(offset, 16) - 1
        for section, addresses in asked.items():
            yield from _lines(image, section, addresses)


@functools.cache
def _symbols(image: Path) -> dict[str, tuple[str, int]]:
    """Function -> (section, address in it)."""
    program = proc.find("objdump")
    if program is None or not image.is_file():
        return {}
    table: dict[str, tuple[str, int]] = {}
    for line in proc.query([program, "-t", image], timeout=_TIMEOUT_S).output.splitlines():
        words = line.split()
        if len(words) >= 5 and "F" in words[1:3]:
            table.setdefault(words[-1], (words[-3], int(words[0], 16)))
    return table


def _lines(image: Path, section: str, addresses: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    program = proc.find("addr2line")
    if program is None:
        return
    within = ["-j", section] if image.suffix == ".ko" else []
    done = proc.query([program, "-e", image, *within, *map(hex, addresses.values())],
                      timeout=_TIMEOUT_S)
    for frame, line in zip(addresses, done.output.splitlines(), strict=False):
        place = line.strip().split(" ")[0]
        if place and not place.startswith("??") and not place.endswith((":?", ":0")):
            yield frame, _TREE.sub("", place)
