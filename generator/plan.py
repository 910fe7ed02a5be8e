# SPDX-License-Identifier: GPL-2.0-only
"""What a run will do: which variants, in which order, which cases, in which boots.

A plan is plain data. It is stored in the run's manifest, so that a resumed run repeats it.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from generator.errors import UsageError, unknown
from generator.render import KVM, TWIN

Params = Mapping[str, int]

WORKLOAD_SEED = 1
"""Seed inside the workloads. Fixed: history compares like with like; only the order is drawn."""

#: Parameters of each workload, in both boots. An icount boot runs some 250 million instructions a
#: second and a default plan has 6 modules times 9 workloads, so that 45 s for both boots together
#: leave a case about half a second, most of which is the module's set-up and tear-down. populate
#: takes 4096 faults: more than the 3688 an interval of p99.9 needs. idle has more vCPUs than a run
#: has by default: what is parked for each is its point. pages is in 4 KiB pages.
SIZES: Mapping[str, Params] = {
    "populate_seq": {"pages": 4096, "rounds": 1},
    "populate_rand": {"pages": 4096, "rounds": 1},
    "populate_sparse": {"pages": 128, "rounds": 1},
    "same_range": {"pages": 4096, "rounds": 1},
    "convert": {"pages": 16384, "rounds": 8},
    "zap": {"pages": 2048, "rounds": 1},
    "teardown": {"pages": 1024, "rounds": 10},
    "topup": {"pages": 512, "rounds": 50},
    "idle": {"vcpus": 16, "pages": 512, "rounds": 1},
    "smoke": {"pages": 1024, "rounds": 4},
}
#: The same on real KVM, where a fault costs some 20 times as much; convert is page by page there.
KVM_SIZES: Mapping[str, Params] = {
    "populate_seq": {"pages": 4096, "rounds": 1},
    "populate_sparse": {"pages": 128, "rounds": 1},
    "same_range": {"pages": 2048, "rounds": 1},
    "convert": {"pages": 1024, "rounds": 2},
    "teardown": {"pages": 1024, "rounds": 5},
    "idle": {"vcpus": 16, "pages": 512, "rounds": 1},
}
#: smoke is for tests: too small to say anything.
DEFAULT_WORKLOADS = tuple(name for name in SIZES if name != "smoke")
DEFAULT_VCPUS = 2
MOST_VCPUS = 64

COUNT_TIER = "count"
"""Boots of this tier count instructions; modelled SEAMCALL time has no place in them."""


@dataclass(frozen=True)
class Case:
    """One workload on one variant, as written to the module's debugfs file ``run``."""

    variant: str
    workload: str
    params: Params

    @property
    def command(self) -> str:
        """The line for ``run``: workload, then key=value in the order of ``params``."""
        return " ".join((self.workload, *(f"{key}={value}" for key, value in self.params.items())))


@dataclass(frozen=True)
class BootPlan:
    """One boot: variants in load order, each with every workload; ``costs`` is a table's id."""

    name: str
    tier: str
    unit: str
    costs: str
    order: tuple[str, ...]
    cases: tuple[Case, ...]
    host: str = TWIN

    @property
    def id(self) -> str:
        """Names the boot by its content: equal plans give equal guests, byte for byte."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def of(self, variant: str) -> tuple[Case, ...]:
        """The cases of one variant, in order."""
        return tuple(case for case in self.cases if case.variant == variant)


@dataclass(frozen=True)
class RunPlan:
    """A whole run. ``seed`` (64 bit) drew the orders; ``vcpus`` are vCPU threads per VM."""

    seed: int
    vcpus: int
    runner: str
    baseline: str
    variants: tuple[str, ...]
    workloads: Mapping[str, Params]
    boots: tuple[BootPlan, ...]

    @property
    def host(self) -> str:
        """Who runs the strategies, in all boots."""
        return self.boots[0].host

    def as_json(self) -> dict[str, Any]:
        """Plain data for the manifest; from_json() gives the plan back."""
        return asdict(self)


def from_json(data: Mapping[str, Any]) -> RunPlan:
    """The plan a manifest carries. KeyError or TypeError when it is no plan."""
    boots = tuple(
        BootPlan(b["name"], b["tier"], b["unit"], b["costs"], tuple(b["order"]),
                 tuple(Case(**case) for case in b["cases"]), b.get("host", TWIN))
        for b in data["boots"])
    return RunPlan(data["seed"], data["vcpus"], data["runner"], data["baseline"],
                   tuple(data["variants"]), data["workloads"], boots)


def sizes_of(host: str) -> Mapping[str, Params]:
    """The workloads of a host with their parameters."""
    return KVM_SIZES if host == KVM else SIZES


def shuffled(names: Sequence[str], seed: int, salt: str) -> tuple[str, ...]:
    """A uniform random order (Fisher-Yates) of the names, the same for equal seed and salt."""
    order = list(names)
    source = random.Random(f"{seed}:{salt}")
    # An item may also stay where it is: swapping only with earlier ones would give cycles alone.
    for last in range(len(order) - 1, 0, -1):
        other = source.randrange(last + 1)
        order[last], order[other] = order[other], order[last]
    return tuple(order)


def pick(kind: str, text: str | None, known: Iterable[str], default: Sequence[str]) -> list[str]:
    """Names of a comma list (None: ``default``); UsageError lists the known ones."""
    if text is None:
        return list(default)
    wanted = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    choices = list(known)
    for name in wanted:
        if name not in choices:
            raise unknown(kind, name, choices)
    if not wanted:
        raise unknown(kind, text, choices)
    return wanted


def make(variants: Sequence[str], *, baseline: str, aprime: str, seed: int,
         workloads: Sequence[str] = DEFAULT_WORKLOADS, vcpus: int = DEFAULT_VCPUS,
         runner: str, boots: Mapping[str, tuple[str, str]],
         costs: Mapping[str, str], host: str = TWIN) -> RunPlan:
    """The plan of a run: each variant and A' once in each boot, in an order drawn per boot.

    ``aprime`` is the name the baseline runs under a second time; ``boots``: the runner's boots with
    their (tier, unit); ``costs``: boot -> table id.
    Raises UsageError for a seed beyond 64 bits and for a vCPU count out of range.
    """
    if not 0 <= seed < 1 << 64:
        raise UsageError(f"seed {seed} does not fit 64 bits", fix="give 0 to 2^64-1")
    if not 1 <= vcpus <= MOST_VCPUS:
        raise UsageError(f"cannot run {vcpus} vCPUs", fix=f"give 1 to {MOST_VCPUS}")
    everyone = tuple(dict.fromkeys((baseline, aprime, *variants)))
    sizes = sizes_of(host)
    sized = {name: {"vcpus": vcpus, **sizes[name], "seed": WORKLOAD_SEED} for name in workloads}
    planned = tuple(_boot(name, kind, shuffled(everyone, seed, name), sized, costs[name], host)
                    for name, kind in boots.items())
    return RunPlan(seed, vcpus, runner, baseline, everyone, sized, planned)


def _boot(name: str, kind: tuple[str, str], order: tuple[str, ...],
          workloads: Mapping[str, Params], costs: str, host: str) -> BootPlan:
    cases = tuple(Case(variant, workload, params)
                  for variant in order for workload, params in workloads.items())
    return BootPlan(name, *kind, costs, order, cases, host)
