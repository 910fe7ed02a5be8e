# SPDX-License-Identifier: GPL-2.0-only
"""What one boot will do: the variants it loads, its cases, and the turns in which they run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from generator.modules.adhoc import JOIN
from generator.modules.render import TWIN

Params = Mapping[str, int]


def plain(workload: str) -> str:
    """A workload's name without the parameters in it."""
    return workload.split(JOIN, maxsplit=1)[0]


@dataclass(frozen=True)
class Case:
    """One workload on one variant. ``workload`` may have parameters in it: ``vms+tds=4``."""

    variant: str
    workload: str
    params: Params

    @property
    def command(self) -> str:
        """The line for debugfs' ``run``: workload, then key=value in the order of ``params``."""
        words = (f"{key}={value}" for key, value in self.params.items())
        return " ".join((plain(self.workload), *words))


@dataclass(frozen=True)
class Turn:
    """Some batches of a case. ``visit``: from 1; 0 for a case that has none. ``last``: ends it."""

    case: Case
    visit: int
    last: bool

    @property
    def command(self) -> str:
        """The line for debugfs' ``run``."""
        return f"{self.case.command} visit={self.visit}" if self.visit else self.case.command


@dataclass(frozen=True)
class BootPlan:
    """One boot: variants in load order, each with every workload; ``costs`` is a table's id.

    Boots of one name differ in ``block`` alone, and in what was drawn for it. ``builds``: layout
    of each variant of ``order``; () when all are as the compiler left them (layout 0).
    ``rounds``: the variants in the order of each round in which they take turns, a few batches at
    a time, all of them loaded; () when each has its turn alone, from insmod to rmmod.
    """

    name: str
    tier: str
    unit: str
    costs: str
    order: tuple[str, ...]
    cases: tuple[Case, ...]
    host: str = TWIN
    block: int = 0
    builds: tuple[int, ...] = ()
    rounds: tuple[tuple[str, ...], ...] = ()

    @property
    def id(self) -> str:
        """Names the boot by its content: equal plans give equal guests, byte for byte."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def of(self, variant: str) -> tuple[Case, ...]:
        """The cases of one variant, in order."""
        return tuple(case for case in self.cases if case.variant == variant)

    def build_of(self, variant: str) -> int:
        """Layout a variant is loaded in."""
        return self.builds[self.order.index(variant)] if self.builds else 0

    @property
    def turns(self) -> tuple[Turn, ...]:
        """With rounds: what is done in which order; the turn that ends a case makes its record."""
        cases = {(case.workload, case.variant): case for case in self.cases}
        workloads = list(dict.fromkeys(case.workload for case in self.cases))
        found: list[Turn] = []
        for name in workloads if self.rounds else ():
            visits = cases[name, self.order[0]].params.get("visits", 0)
            # All of them end in the last round, whose order is that of the records.
            for visit, order in enumerate(self.rounds[-max(visits, 1):], start=1):
                found += [Turn(cases[name, variant], visit if visits else 0,
                               last=visit >= visits) for variant in order]
        return tuple(found)

    def without(self, variants: Iterable[str]) -> BootPlan:
        """What is left of a block when these variants have had their turn."""
        def left(order: Iterable[str]) -> tuple[str, ...]:
            return tuple(name for name in order if name not in set(variants))
        order = left(self.order)
        return replace(self, order=order, cases=tuple(c for c in self.cases if c.variant in order),
                       builds=tuple(map(self.build_of, order)) if self.builds else (),
                       rounds=tuple(map(left, self.rounds)))
