# SPDX-License-Identifier: GPL-2.0-only
"""What the gate's guest says on its record port, whole or cut short by the guest's death.

    EXTSPT SWEEP <variant> <case> <count> <K>       points of a run without faults; -1: not counted
    EXTSPT POINT <variant> <case> <count> <n>       about to be tried
    EXTSPT DONE <n> rc= destroy= status= fired= kernel=<before>,<live> at=<where it failed>
    EXTSPT RECORD                                   then a line of JSON, when there is news
    EXTSPT OVER <variant> <case> <count> <n>        no run comes to an n-th point: all were tried
    EXTSPT MEMCG <variant> <case> <before>,<after>  the case is over
    EXTSPT LOCKS <variant> <1|0|-1>                 lockdep at work, off, not there
    EXTSPT STUCK <variant> <errno or 1>             the module cannot be removed
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from generator.gate.cases import KIND_OF

_DONE = re.compile(r"(\d+) rc=(-?\d+) destroy=(-?\d+) status=(-?\d+) fired=(-?\d+) "
                   r"kernel=(\d+),(\d+) at=(.*)")


@dataclass(frozen=True)
class Point:
    """One run of a case. ``kind``: plain, again, or what was made to fail, at the ``n``-th time.

    ``rc``, ``destroyed``, ``status``: 0 or -errno of the write to run, of the tear-down, and as
    the record has it. ``kernel``: bytes charged before and while the VM was there (whole records
    only). ``done`` is False for the point the guest died of.
    """

    variant: str
    case: str
    kind: str
    n: int
    rc: int = 0
    destroyed: int = 0
    status: int = 0
    fired: int = -1
    kernel: tuple[int, int] = (0, 0)
    at: str = ""
    record: Mapping[str, Any] | None = None
    done: bool = False

    @property
    def kind_of_fault(self) -> str:
        """enomem, busy or lost; "" for a run without faults."""
        return KIND_OF.get(self.kind, "")

    @property
    def label(self) -> str:
        """Names the point in a report: case, and which point of which kind."""
        return f"{self.case} {self.kind}" + (f" {self.n}" if self.n else "")


@dataclass
class Log:
    """Everything one or more guests said. ``sizes``: (variant, case, count) -> K.

    ``over``: the same -> the first point that is not there.
    ``memory``: (variant, case) -> bytes charged before and after; a case in it is over.
    """

    points: list[Point] = field(default_factory=list)
    sizes: dict[tuple[str, str, str], int] = field(default_factory=dict)
    over: dict[tuple[str, str, str], int] = field(default_factory=dict)
    memory: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    locks: dict[str, int] = field(default_factory=dict)
    inserted: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    ended: bool = False

    @property
    def silenced(self) -> list[str]:
        """Variants after which lockdep is off: nothing more is found out about them."""
        return [variant for variant, state in self.locks.items() if state == 0]

    def finished(self) -> Log:
        """The cases that were over when the last one began: of a guest that was not let end."""
        last = [(point.variant, point.case) for point in self.points[-1:]]
        memory = {case: pair for case, pair in self.memory.items() if case not in last}
        return replace(self, memory=memory, points=[
            point for point in self.points if (point.variant, point.case) in memory])

    def dying(self) -> Point | None:
        """The point under way when the guest was lost."""
        last = self.points[-1] if self.points else None
        return last if last is not None and not last.done else None


def parse(lines: Iterable[str]) -> Log:
    """Read a record port. What is cut off or unreadable at its end is left out."""
    log, rest = Log(), iter(lines)
    for line in rest:
        head, _, text = line.removeprefix("EXTSPT ").partition(" ")
        if head == "RECORD":
            _keep_record(log, next(rest, ""))
        elif head in _HEADS and line.startswith("EXTSPT "):
            try:
                _HEADS[head](log, text)
            except (ValueError, IndexError):
                break
    return log


def _keep_record(log: Log, text: str) -> None:
    try:
        record = json.loads(text)
    except ValueError:
        return
    if log.points and isinstance(record, dict):
        log.points[-1] = replace(log.points[-1], record=record)


def _point(log: Log, text: str) -> None:
    variant, case, kind, n = text.split(" ")
    log.points.append(Point(variant, case, kind, int(n)))


def _done(log: Log, text: str) -> None:
    found = _DONE.fullmatch(text)
    if found is None or not log.points:
        raise ValueError(text)
    log.points[-1] = replace(
        log.points[-1], rc=int(found[2]), destroyed=int(found[3]), status=int(found[4]),
        fired=int(found[5]), kernel=(int(found[6]), int(found[7])), at=found[8].strip("-"),
        done=True)


def _sweep(log: Log, text: str) -> None:
    variant, case, count, size = text.split(" ")
    log.sizes[variant, case, count] = int(size)


def _over(log: Log, text: str) -> None:
    variant, case, count, first = text.split(" ")
    log.over[variant, case, count] = int(first)


def _memcg(log: Log, text: str) -> None:
    variant, case, pair = text.split(" ")
    before, _, after = pair.partition(",")
    log.memory[variant, case] = (int(before), int(after))


def _locks(log: Log, text: str) -> None:
    variant, state = text.split(" ")
    log.locks[variant] = int(state)


def _end(log: Log, text: str) -> None:
    log.ended = True


_HEADS = {
    "POINT": _point, "DONE": _done, "SWEEP": _sweep, "OVER": _over, "MEMCG": _memcg,
    "LOCKS": _locks,
    "INSMOD": lambda log, text: log.inserted.append(text),
    "RMMOD": lambda log, text: log.removed.append(text),
    "STUCK": lambda log, text: log.stuck.append(text.split(" ")[0]),
    "REFUSED": lambda log, text: log.refused.append(text),
    "END": _end,
}
