# SPDX-License-Identifier: GPL-2.0-only
"""What makes a design wrong: the rules each point has to keep, whatever was made to fail in it."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.evidence import rows
from generator.gate import cases
from generator.gate.protocol import Point
from generator.gate.result import CORRECTNESS, CRITERION, OTHER, Finding
from generator.gate.sweep import Swept

SHOWN = 4
"""Paths and points shown of a finding; ``count`` says how often it happened."""
LAG = 3
"""memory.stat may lag by a batch of pages on each CPU, by as much until it is summed up, and each
CPU has a stock of pages charged ahead."""
SETTLE_PAGES = 16
"""What the kernel keeps for a memcg after first use: slabs, a kernel stack."""
LEAST_OF_SWEEP = 0.5
"""How many points depends on where pages lie, but not on chance: a sweep that ends before half of
those the run without faults had was ended by something else."""
_NUMBERS = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{6,16}\b|\b\d+\b")
_STATE = re.compile(r"leaked|still (?:holds|referenced)|violations of|errors of custody"
                    r"|not to be freed")
#: Kinds of the ledger's errors -> what they mean. Others are shown by their own name.
CUSTODY = {
    "leak": "never freed", "double_free": "freed twice", "in_two_caches": "in two caches at once",
    "freed_while_owned": "freed while the TDX module owns it",
    "wrong_owner": "freed by a subsystem it does not belong to",
    "not_returned": "not returned at teardown", "uncharged": "not charged to the memcg",
    "overfill": "a cache was filled beyond its size",
    "cache_underflow": "taken from an empty cache",
}


@dataclass
class Tally:
    """Findings by what they say, counted, with the first places they came from."""

    found: dict[tuple[str, str, str], Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Count a finding; its paths are kept while there are few."""
        key = (finding.kind, finding.klass, finding.text)
        old = self.found.get(key)
        if old is None:
            self.found[key] = finding
            return
        paths = tuple(dict.fromkeys((*old.paths, *finding.paths)))[:SHOWN]
        self.found[key] = Finding(old.kind, old.klass, old.text, old.count + finding.count,
                                  old.criterion, paths)


def wrong(variant: str, swept: Swept, cpus: Callable[[str], int]) -> tuple[Finding, ...]:
    """All findings of class correctness, and BUSY that reached the caller outside a fault (C16).

    ``cpus``: case -> those of its guest, for the tolerance of memory.stat.
    """
    tally = Tally()
    for finding in (*_deaths(variant, swept), *_memory(variant, swept, cpus),
                    *_unseen(variant, swept)):
        tally.add(finding)
    for point in swept.points(variant):
        for finding in of_point(point, cpus(point.case)):
            tally.add(finding)
    return tuple(tally.found.values())


def _deaths(variant: str, swept: Swept) -> Iterator[Finding]:
    for death in swept.deaths_of(variant):
        yield Finding("crash", CORRECTNESS, f"the guest died: {_plain(death.why)}", 1, "C16",
                      (f"at {death.doing}",))
    for log in swept.logs:
        if variant in log.refused:
            yield Finding("not_loadable", CORRECTNESS, "the kernel refused the module")
        if variant in log.stuck:
            yield Finding("stuck", CORRECTNESS, "the module could not be removed", 1, "C16")


def _plain(why: str) -> str:
    """A death's reason without the seconds it took."""
    return re.sub(r" \(\d+ s\)$", "", why)


def _memory(variant: str, swept: Swept, cpus: Callable[[str], int]) -> Iterator[Finding]:
    """A case has to leave the memcg as it was, many failed runs later."""
    for log in swept.logs:
        for (name, case), (before, after) in log.memory.items():
            allowed = LAG * rows.MEMCG_BATCH_PAGES * cpus(case) + SETTLE_PAGES
            if name == variant and after - before > allowed * rows.PAGE_BYTES:
                pages = (after - before) // rows.PAGE_BYTES
                yield Finding("memcg_left", CORRECTNESS, "kernel memory stays charged to the memcg",
                              pages, "C3", (f"{pages} pages after {case}",))


def _unseen(variant: str, swept: Swept) -> Iterator[Finding]:
    """What would look like a pass because nothing was looked at."""
    sizes, over = _sizes(variant, swept)
    for kind, count in cases.COUNTS.items():
        mine = {case: size for (case, name), size in sizes.items() if name == count}
        if mine and not any(size > 0 for size in mine.values()):
            yield Finding("not_swept", CORRECTNESS, f"no workload has a point for {kind}: the "
                          "injection is not there", 1, "C16")
        for case, size in mine.items():
            if over.get((case, count), size) < size * LEAST_OF_SWEEP:
                yield Finding("short_sweep", CORRECTNESS, f"no run came to the {kind} points that "
                              "the run without faults had", 1, "C16",
                              (f"at {case}: {over[case, count]} of {size}",))
    plain = [point for point in swept.points(variant) if point.kind == cases.PLAIN and point.record]
    if plain and not any(point.kernel[1] for point in plain):
        yield Finding("memcg_unread", CORRECTNESS, "the guest has no memory.stat to hold the "
                      "ledger to", 1, "C3")
    for death in swept.excused:
        if death.variant == variant:
            yield Finding("stalled_once", OTHER, "a guest went silent, which is a hang or a host "
                          "that is overloaded; the case was run again", 1, "C16",
                          (f"at {death.doing}",))


def of_point(point: Point, cpus: int = 1) -> Iterator[Finding]:
    """What one point shows."""
    if not point.done:
        return
    where = (f"at {point.label}" + (f": {point.at}" if point.at else ""),)
    if point.record is None and point.kind in (cases.PLAIN, cases.AGAIN):
        yield Finding("no_record", CORRECTNESS, "the module gave no record", 1, "", where)
        return
    yield from _status(point, where)
    if point.destroyed:
        yield Finding("teardown_failed", CORRECTNESS, f"tear-down says {_name(point.destroyed)}",
                      1, "C16", where)
    if point.record is not None:
        yield from _record(point.record, where)
        yield from _charged(point, cpus)


def _name(code: int) -> str:
    return f"-{errno.errorcode.get(-code, str(-code))}"


def _status(point: Point, where: tuple[str, ...]) -> Iterator[Finding]:
    """The caller is told what the record says, and it is what the fault allows."""
    status, fault = point.status, point.kind_of_fault
    if point.rc not in (status, -1):     # -1: a program of real KVM failed
        yield Finding("status_lost", CORRECTNESS, f"the caller got {_name(point.rc)} "
                      f"where the run ended with {_name(status)}", 1, "C16", where)
    if not status:
        return
    if status == -errno.ETIMEDOUT:
        yield _endless(point, where)
    elif fault == "busy" and point.at.endswith(", fault"):
        yield Finding("busy_surfaced", CORRECTNESS, "a vCPU's fault is not retried upon BUSY: "
                      f"{_name(status)} reaches the caller", 1, "C16", where)
    elif fault == "busy" or point.case.endswith(f"/{cases.NOISE}"):
        yield Finding("busy_surfaced", CRITERION, f"BUSY is not retried: {_name(status)} reaches "
                      "the caller", 1, "C16", where)
    elif fault == "lost":
        yield Finding("race_surfaced", CORRECTNESS, "a lost race is not retried: "
                      f"{_name(status)} reaches the caller", 1, "C16", where)
    elif status != -errno.ENOMEM or not (fault == "enomem" or _may_fail(point)):
        yield Finding("wrong_status", CORRECTNESS, f"{_name(status)} where "
                      f"{'-ENOMEM' if fault == 'enomem' else 'success'} was due", 1, "C16", where)


def _endless(point: Point, where: tuple[str, ...]) -> Finding:
    """KVM makes a fault again upon -ENOMEM of its link. With caches that are empty for good that
    never ends, whoever's the cache is: something to know of a design, and no error of it."""
    if _may_fail(point):
        return Finding("endless", CRITERION, "with its caches empty for good, KVM makes the fault "
                       "again without end", 1, "C16", where)
    return Finding("livelock", CORRECTNESS, "the fault was retried without end", 1, "C16", where)


def _may_fail(point: Point) -> bool:
    """With every cache found empty a design may give up."""
    return point.case.endswith(f"/{cases.DRAIN}")


def _record(record: Mapping[str, Any], where: tuple[str, ...]) -> Iterator[Finding]:
    custody = (record.get("custody") or {}).get("errors") or []
    for error in custody:
        kind, klass = str(error["kind"]), str(error.get("class", "?"))
        hands = f"allocated in {error.get('alloc')}"
        hands += f", freed in {error['free']}" if error.get("free") else ""
        yield Finding(kind, CORRECTNESS, f"{klass} page {CUSTODY.get(kind, kind)}; {hands}",
                      int(error.get("n", 1)), "C16", where)
    violations = _violations(record)
    if lost := int((record.get("custody") or {}).get("lost") or 0):
        yield Finding("ledger_full", CORRECTNESS, "the ledger had no row left for what it saw",
                      lost, "", where)
    for violation in violations:
        text = _NUMBERS.sub("N", f"{violation.get('kind')}: {violation.get('detail')}")
        yield Finding("module_rule", CORRECTNESS, f"the TDX module's rules: {text}", 1, "", where)
    for error in record.get("errors") or []:
        if not (_STATE.search(str(error)) and (custody or violations)):
            kind = "livelock" if str(error).startswith("livelock") else "self_check"
            yield Finding(kind, CORRECTNESS, _NUMBERS.sub("N", str(error)), 1, "", where)


def _violations(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = record.get("violations")
    return list(found if found is not None else (record.get("seam") or {}).get("violations") or [])


def _charged(point: Point, cpus: int) -> Iterator[Finding]:
    """The kernel's own account of what is charged agrees with the ledger's, while the VM lives."""
    record, (before, live) = point.record or {}, point.kernel
    table = (record.get("memory") or {}).get("run")
    if point.status or not table or not live:
        return
    figures = {row.metric: row for row in rows.memcg_rows([before, live, before], table, cpus)}
    if not figures:
        return
    seen, own = figures["memcg.kernel_live"].value, figures["memcg.own_live"]
    slack = LAG * rows.MEMCG_BATCH_PAGES * cpus
    if not own.ci[0] - slack <= seen <= own.ci[1] + slack:
        yield Finding("memcg_delta", CORRECTNESS, "the memcg disagrees with the ledger", 1, "C3",
                      (f"at {point.label}: the kernel charged {seen:.0f} pages, "
                       f"the ledger {own.value:.0f}",))


def coverage(variant: str, swept: Swept) -> dict[str, tuple[int, int]]:
    """Kind of fault -> (points that failed as told, or that killed the guest; all points).

    A sweep that went on until no run had a further point knows how many there are, whatever the
    run without faults had; one that was cut short goes by that run.
    """
    fired = {(point.case, point.kind, point.n) for point in swept.points(variant)
             if point.kind in cases.KIND_OF and (point.fired > 0 or not point.done)}
    sizes, over = _sizes(variant, swept)
    sizes |= over
    return {kind: (sum(1 for _, name, _ in fired if name == count),
                   sum(size for (_, name), size in sizes.items() if name == count))
            for kind, count in cases.COUNTS.items()}


def _sizes(variant: str, swept: Swept) -> tuple[dict[tuple[str, str], int],
                                                dict[tuple[str, str], int]]:
    """(case, count) -> points of the runs without faults; and points tried until none was left."""
    sizes: dict[tuple[str, str], int] = {}
    over: dict[tuple[str, str], int] = {}
    for log in swept.logs:
        for (name, case, count), size in log.sizes.items():
            if name == variant:
                sizes[case, count] = max(size, sizes.get((case, count), 0))
        over |= {(case, count): first - 1 for (name, case, count), first in log.over.items()
                 if name == variant}
    return sizes, over
