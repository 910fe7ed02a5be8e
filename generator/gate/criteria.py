# SPDX-License-Identifier: GPL-2.0-only
"""What a design does on purpose and a reviewer has to weigh: the flows of its pages, by criterion.

C1 ownership symmetry, C3 memcg accounting, C4 what an empty cache means, C5 parked pages.
Freeing another's pages and not charging the VM's are on purpose only where a choice of the design
says so (EXTSPT_ON_PURPOSE_* in its axis' Kconfig); where none does, they are bugs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from generator.gate import cases
from generator.gate.protocol import Point
from generator.gate.result import CORRECTNESS, CRITERION, Finding

TABLES = ("sept", "pamt")
"""Classes of pages a design decides about; mirror, control and guest pages are the same in all."""
USED = ("fault", "split")
RULES = ("cross_freed", "uncharged")
"""Kinds that fail a design, unless it does so on purpose."""
OWNERS = {"kvm": "KVM", "tdx": "TDX"}
NAMES = {"sept": "S-EPT", "pamt": "PAMT"}
WORST_CASE = {"sept": 4, "pamt": 10}
"""Pages the worst fault takes: four new page tables, and a pair for each and for the guest's page
(design catalogue: 5-level EPT, the root is the TD's)."""


@dataclass(frozen=True)
class Flow:
    """Pages that went one way: allocated, used on ``path``, freed. See S-EPT custody in ledger.c.

    ``free`` is "" while they are not freed; ``n`` pages.
    """

    klass: str
    path: str
    pool: str
    alloc: str
    owner: str
    charged: bool
    gfp: str
    free: str
    freer: str
    handed_over: bool
    n: int

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Flow:
        """A flow of a record's custody."""
        return cls(str(data["class"]), str(data["path"]), str(data.get("pool") or ""),
                   str(data["alloc"]), str(data["alloc_owner"]), bool(data["charged"]),
                   str(data.get("gfp") or ""), str(data.get("free") or ""),
                   str(data.get("free_owner") or ""), bool(data.get("handed_over")),
                   int(data["n"]))

    @property
    def source(self) -> str:
        """Where the page came from, in words."""
        pool = f"'s {self.pool}" if self.pool else ""
        return f"{OWNERS.get(self.owner, self.owner)}{pool}"

    @property
    def way(self) -> str:
        """The call path, with its count."""
        end = f"{self.free} ({OWNERS.get(self.freer, '?')})" if self.free else "not freed"
        over = ", handed over" if self.handed_over else ""
        charge = "" if self.charged else ", uncharged"
        return (f"{self.path}: {self.alloc} ({self.source}, {self.gfp}{charge}) -> {end}{over}: "
                f"{self.n} pages")


def of_design(points: Sequence[Point], on_purpose: Collection[str]) -> list[Finding]:
    """What is to be said of a variant's flows: as it works, and of RULES in its failures, too.

    ``on_purpose``: kinds of RULES that its choices ask for; without it they are correctness.
    """
    plain = [point for point in points if point.kind == cases.PLAIN and point.record]
    own = _tables(point for point in plain if not _drained(point))
    drained = _tables(point for point in plain if _drained(point))
    every = [*own, *_unlike(own, _tables(points))]
    found = [*_ownership(own), *_crossed(every), *_uncharged(every), *_fallbacks(own, drained),
             *_parked(plain)]
    return [_unasked(one) if one.kind in RULES and one.kind not in on_purpose else one
            for one in found]


def _tables(points: Iterable[Point]) -> list[Flow]:
    """The flows of these points, as far as a design decides about them."""
    return [flow for flow in merged(flow for point in points for flow in _flows(point))
            if flow.klass in TABLES]


def _unlike(own: Iterable[Flow], other: Iterable[Flow]) -> list[Flow]:
    """Those of ``other`` whose way is none of ``own``: of empty caches and unwound errors."""
    ways = {replace(flow, n=0) for flow in own}
    return [flow for flow in other if replace(flow, n=0) not in ways]


def _unasked(found: Finding) -> Finding:
    return replace(found, klass=CORRECTNESS, text=f"{found.text}; no choice of the design asks "
                   "for it")


def _drained(point: Point) -> bool:
    return point.case.endswith(f"/{cases.DRAIN}")


def _flows(point: Point) -> Iterator[Flow]:
    custody = (point.record or {}).get("custody") or {}
    return map(Flow.of, custody.get("flows") or ())


def merged(flows: Iterable[Flow]) -> list[Flow]:
    """Equal ways as one flow with their pages summed."""
    sums: dict[Flow, int] = {}
    for flow in flows:
        way = replace(flow, n=0)
        sums[way] = sums.get(way, 0) + flow.n
    return [replace(way, n=n) for way, n in sums.items()]


def _pages(flows: Iterable[Flow]) -> int:
    return sum(flow.n for flow in flows)


def _ways(flows: Iterable[Flow]) -> tuple[str, ...]:
    return tuple(flow.way for flow in sorted(flows, key=lambda flow: (flow.path, -flow.n)))


def _ownership(flows: Sequence[Flow]) -> Iterator[Finding]:
    """C1: on all paths the same subsystem allocates, and it is the one that frees."""
    for klass in TABLES:
        used = {path: [f for f in flows if f.klass == klass and f.path == path] for path in USED}
        owners = {path: {flow.owner for flow in ways} for path, ways in used.items() if ways}
        if len(owners) < len(USED) or owners["fault"] == owners["split"]:
            continue
        mine = [*used["fault"], *used["split"]]
        sources = {path: " and ".join(sorted({flow.source for flow in ways}))
                   for path, ways in used.items()}
        freers = sorted({OWNERS.get(flow.freer, flow.freer) for flow in mine if flow.free})
        yield Finding("ownership", CRITERION,
                      f"the {NAMES[klass]} page comes from {sources['split']} on the split path, "
                      f"from {sources['fault']} on the fault path, and is "
                      f"{'always ' if len(freers) == 1 else ''}freed by {' and '.join(freers)}",
                      _pages(mine), "C1", _ways(mine))


def _crossed(flows: Sequence[Flow]) -> Iterator[Finding]:
    for klass in TABLES:
        mine = [flow for flow in flows if flow.klass == klass and flow.free
                and flow.freer != flow.owner and not flow.handed_over]
        for owner in sorted({flow.owner for flow in mine}):
            ways = [flow for flow in mine if flow.owner == owner]
            yield Finding("cross_freed", CRITERION,
                          f"{NAMES[klass]} pages of {OWNERS[owner]} are freed by "
                          f"{OWNERS.get(ways[0].freer, ways[0].freer)}, and no op hands them over",
                          _pages(ways), "C1", _ways(ways))


def _uncharged(flows: Sequence[Flow]) -> Iterator[Finding]:
    """C3: a VM's pages are charged to its memcg."""
    for path in sorted({flow.path for flow in flows}):
        mine = [flow for flow in flows if flow.path == path and not flow.charged]
        for pool in sorted({flow.pool for flow in mine}):
            ways = [flow for flow in mine if flow.pool == pool]
            what = " and ".join(sorted({NAMES[flow.klass] for flow in ways}))
            where = f"{pool}, which " if pool else ""
            yield Finding("uncharged", CRITERION,
                          f"{what} pages of the {path} path are not charged to the memcg"
                          + (f": {where}{ways[0].alloc} fills" if pool else f": {ways[0].alloc}"),
                          _pages(ways), "C3", _ways(ways))


def _fallbacks(flows: Sequence[Flow], drained: Sequence[Flow]) -> Iterator[Finding]:
    """C4: an empty cache means the same on all paths of its owner."""
    for owner, name in OWNERS.items():
        stocked = {flow.path for flow in flows if flow.owner == owner and flow.pool}
        if not stocked.issuperset(USED):
            continue
        atomic = {path: [f for f in drained if f.owner == owner and f.path == path
                         and f.gfp.startswith("GFP_ATOMIC")] for path in USED}
        if bool(atomic["fault"]) == bool(atomic["split"]):
            continue
        has, lacks = sorted(USED, key=lambda path: not atomic[path])
        what = " and ".join(sorted({NAMES[flow.klass] for flow in atomic[has]}))
        yield Finding("fallback", CRITERION,
                      f"{name}'s empty list: GFP_ATOMIC for {what} pages on the {has} "
                      f"path, no fallback on the {lacks} path", _pages(atomic[has]), "C4",
                      _ways(atomic[has]))


def _parked(plain: Sequence[Point]) -> Iterator[Finding]:
    """C5: what an idle vCPU keeps, against what its worst fault can take."""
    pools: dict[str, tuple[str, int]] = {}
    for point in plain:
        for pool in ((point.record or {}).get("memory") or {}).get("parked") or ():
            if pool["class"] in WORST_CASE and int(pool["vcpu"]) >= 0:
                most = max(int(pool["pages"]), pools.get(pool["pool"], ("", 0))[1])
                pools[pool["pool"]] = (pool["class"], most)
    for name, (klass, pages) in pools.items():
        if pages > WORST_CASE[klass]:
            yield Finding("parked", CRITERION, f"{name} parks {pages} {NAMES[klass]} pages for "
                          f"each vCPU, the worst fault takes {WORST_CASE[klass]}", pages, "C5")
