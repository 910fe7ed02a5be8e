# SPDX-License-Identifier: GPL-2.0-only
"""What the gate runs: each workload made small, and the faults put into it one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from generator.gate.result import KINDS
from generator.modules.render import KVM
from generator.runs import plan
from generator.runs.plan import Params

#: Kind of fault -> name of its count in the record's "inject".
COUNTS: Mapping[str, str] = {"enomem": "allocs", "busy": "seamcalls", "lost": "cmpxchgs"}
KIND_OF: Mapping[str, str] = {name: kind for kind, name in COUNTS.items()}
PLAIN, AGAIN = "plain", "again"
SEVERAL = 2
"""CPUs of a guest in which vCPUs are to meet, one for each."""
DRAIN, RACE, NOISE, MEMCG = "drain", "race", "noise", "memcg"

#: As small as reaches every path: two page tables deep for a fault, a split of two 2 MiB mappings,
#: a topup that refills what the one before it took. pages is in 4 KiB pages.
SMALL: Mapping[str, Params] = {
    "populate_seq": {"pages": 6, "rounds": 1},
    "populate_rand": {"pages": 6, "rounds": 1},
    "populate_sparse": {"pages": 3, "rounds": 1},
    "same_range": {"pages": 6, "rounds": 1},
    "convert": {"pages": 1024, "rounds": 2},
    "zap": {"pages": 4, "rounds": 1},
    "teardown": {"pages": 2, "rounds": 2},
    "topup": {"pages": 1, "rounds": 2},
    "idle": {"pages": 1, "rounds": 1},
    "smoke": {"pages": 512, "rounds": 2},
}
OTHER: Params = {"pages": 6, "rounds": 1}
"""For a workload that is not in SMALL."""
#: Real KVM converts page by page, and retries an allocation that keeps failing for ever.
KVM_SMALL: Mapping[str, Params] = {
    "convert": {"pages": 8, "rounds": 1}, "populate_seq": {"pages": 6, "rounds": 1},
    "populate_sparse": {"pages": 3, "rounds": 1},
}
KVM_OTHER: Params = {"pages": 8, "rounds": 1, "patience": 3}
#: Two vCPUs on two CPUs, with enough work for them to meet.
RACING: Mapping[str, Params] = {
    "populate_sparse": {"pages": 64}, "convert": {"pages": 4096, "rounds": 8},
    "teardown": {"pages": 256, "rounds": 2}, "topup": {"pages": 2, "rounds": 20},
    "idle": {"pages": 4},
}
#: The same for KCSAN, see racing(). Others take 4096 pages.
MEETING: Mapping[str, Params] = {
    "populate_sparse": {"pages": 1024}, "convert": {"pages": 4096, "rounds": 4},
    "zap": {"pages": 1024}, "teardown": {"pages": 1024, "rounds": 2},
    "topup": {"pages": 2, "rounds": 400}, "idle": {"pages": 4},
}
#: A page table for each page, and a split for each 2 MiB. As many as memory.stat can tell from none
#: (rules.LAG), and no more page tables than the 256 that the floor sets aside.
CHARGED: Mapping[str, int] = {"populate_sparse": 240, "convert": 128 * 512}
#: What the quick gate sweeps: fault with new page tables, and split, zap and fault again.
QUICK = ("populate_sparse", "convert")
#: Which points the quick gate tries under TCG, where one takes some 40 ms: every so-many-th.
STRIDES: Mapping[str, int] = {"enomem": 23, "busy": 5, "lost": 3}
#: The same under a debug kernel, where one takes three times as long.
DEBUG_STRIDES: Mapping[str, int] = {"enomem": 23, "busy": 7, "lost": 5}
#: For a bug that was put in: it is no secret, and there are many. A first fault takes three page
#: tables, so that every third allocation meets each refill at one of the pages it needs.
SEEDED_STRIDES: Mapping[str, int] = {"enomem": 3, "busy": 1, "lost": 1}
EVERY: Mapping[str, int] = {"enomem": 1, "busy": 1, "lost": 1}
NOTHING: Params = {}
#: Every cache is found empty in a fault.
EMPTY: Params = {"drain": 1}
#: Events of the TDX module itself, per million calls: interrupted, contended, keys busy.
EVENTS: Params = {"ev_interrupt": 100000, "ev_contended": 100000, "ev_busy": 50000}


@dataclass(frozen=True)
class Case:
    """A workload with its parameters; ``faults``: kind -> first point to make fail.

    ``name`` tells it from others of the same workload, as in convert/drain. Every ``step``-th
    point is tried. ``weight``: about how long it takes, in points. ``cpus``: of its guest.
    """

    name: str
    workload: str
    params: Params
    faults: Mapping[str, int] = field(default_factory=dict)
    step: int = 1
    weight: int = 1
    cpus: int = 1

    @property
    def words(self) -> str:
        """As the guest's program takes it."""
        kinds = ",".join(f"{KINDS[kind]}:{COUNTS[kind]}:{first}:{self.step}"
                         for kind, first in self.faults.items())
        params = " ".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.name} {kinds or '-'} {self.workload} {params}"

    def on(self, cpus: int) -> Case:
        """The same case in a guest of so many CPUs."""
        return replace(self, cpus=cpus)

    def seeded(self, seed: int) -> Case:
        """The same case with its pages in another order."""
        return replace(self, params={**self.params, "seed": seed})

    def after(self, kind: str, point: int) -> Case | None:
        """What is left when ``point`` killed the guest; None when that is nothing."""
        if kind not in self.faults:
            return None
        later = list(self.faults)[list(self.faults).index(kind) + 1:]
        left = {kind: point + self.step, **{name: self.faults[name] for name in later}}
        return replace(self, faults=left)


def _params(host: str, workload: str, vcpus: int, extra: Params) -> Params:
    small = ({**KVM_OTHER, **KVM_SMALL.get(workload, {})} if host == KVM
             else SMALL.get(workload, OTHER))
    return {"vcpus": vcpus, **small, "seed": plan.WORKLOAD_SEED, "check": 1, **extra}


def swept(host: str, workloads: Iterable[str], strides: Mapping[str, int] = EVERY) -> list[Case]:
    """One case for each workload and kind of fault: every allocation, SEAMCALL and cmpxchg.

    ``strides``: kind -> every so-many-th point is tried.
    """
    weights = {"enomem": 12, "busy": 3, "lost": 2}
    return [Case(f"{workload}/{kind}", workload, _params(host, workload, 1, {}), {kind: 1}, step,
                 weights[kind]) for workload in workloads for kind, step in strides.items()]


def drained(host: str, workloads: Iterable[str]) -> list[Case]:
    """Every cache is found empty: what does a design do then?"""
    return [Case(f"{workload}/{DRAIN}", workload, _params(host, workload, 1, EMPTY))
            for workload in workloads]


def noisy(host: str, workloads: Iterable[str]) -> list[Case]:
    """The TDX module is interrupted, contended and short of keys."""
    return [Case(f"{workload}/{NOISE}", workload, _params(host, workload, 1, EVENTS))
            for workload in workloads]


def charged(host: str, workloads: Sequence[str]) -> list[Case]:
    """Enough pages for memory.stat, which lags, to tell whether they are charged."""
    return [Case(f"{workload}/{MEMCG}", workload,
                 {**_params(host, workload, 1, {}), "pages": size}, weight=2)
            for workload, size in CHARGED.items() if workload in workloads and host != KVM]


def raced(host: str, workloads: Iterable[str], name: str = RACE,
          extra: Params = NOTHING) -> list[Case]:
    """Two vCPUs at once, without faults. ``name``: RACE, or DRAIN or NOISE with its ``extra``."""
    return [Case(f"{workload}/{name}", workload,
                 {**_params(host, workload, SEVERAL, extra),
                  **RACING.get(workload, {"pages": 256})}, weight=3, cpus=SEVERAL)
            for workload in workloads]


def racing(host: str) -> list[Case]:
    """All workloads on two CPUs as large as in a run, for KCSAN; two of them in trouble, too.

    KCSAN watches one access in thousands: it takes many faults, and none of the checks' own
    accesses, to meet a race.
    """
    listed, few = workloads_of(host, quick=False), workloads_of(host, quick=True)
    plain = [Case(f"{workload}/{RACE}", workload, {
        "vcpus": SEVERAL, "seed": plan.WORKLOAD_SEED, **MEETING.get(workload, {"pages": 4096})},
        weight=3, cpus=SEVERAL) for workload in listed]
    return [*plain, *raced(host, few, DRAIN, EMPTY), *raced(host, few, NOISE, EVENTS)]


def workloads_of(host: str, quick: bool) -> list[str]:
    """Workloads of a host that the gate sweeps. smoke is a small convert: nothing new in it."""
    every = list(plan.usual_workloads(host))
    return [name for name in every if name in QUICK] if quick else every
