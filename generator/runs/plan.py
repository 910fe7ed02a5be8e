# SPDX-License-Identifier: GPL-2.0-only
"""What a run will do: which variants, in which order, which cases, in which boots.

A plan is plain data. It is stored in the run's manifest, so that a resumed run repeats it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from generator.errors import UsageError, unknown
from generator.modules import adhoc
from generator.modules import workloads as table
from generator.modules.render import KVM, TWIN
from generator.runs.bootplan import BootPlan, Case, Params, plain

__all__ = ["BootPlan", "Case", "Params", "RunPlan", "plain"]

WORKLOAD_SEED = 1
"""Seed inside the workloads. Fixed: history compares like with like; only the order is drawn."""

#: Parameters of each workload on the twin, in all boots; kmod/hosts/twin/workloads.c has them.
SIZES: Mapping[str, Params] = {w.name: w.params for w in table.of_twin().values()}
#: The same on real KVM, where a fault costs some 20 times as much; convert is page by page there.
KVM_SIZES: Mapping[str, Params] = {
    "populate_seq": {"pages": 4096, "rounds": 1},
    "populate_sparse": {"pages": 128, "rounds": 1},
    "same_range": {"pages": 2048, "rounds": 1},
    "race_sparse": {"pages": 128, "rounds": 1},
    "convert": {"pages": 1024, "rounds": 2},
    "punch": {"pages": 1024, "rounds": 1},
    "vms": {"pages": 2048, "rounds": 1},
    "churn": {"pages": 64, "rounds": 10},
    "teardown": {"pages": 1024, "rounds": 5},
    "idle": {"vcpus": 16, "pages": 512, "rounds": 1},
}
DEFAULT_WORKLOADS = tuple(w.name for w in table.of_twin().values() if w.usual)
DEFAULT_VCPUS = 2
NATIVE_BLOCKS, MIN_BLOCKS, QUICK_BLOCKS = 20, 10, 6
"""Blocks of a native run by default, the fewest that are evidence, and those of --quick."""
COUNT_BLOCKS = 2
"""Counts are exact: a second block only shows that they repeat."""
NATIVE_BUILDS = 3
MOST_BLOCKS, MOST_BUILDS = 1000, 16
MOST_VCPUS = 64

NATIVE_TIER = "native"
"""Times of these boots are the host's own: they are taken in batches, after a warm-up."""
ABOUT_MEMORY = ("idle", "fleet")
"""Workloads whose point is what is parked; they are not timed."""
UNTIMED = (*ABOUT_MEMORY, "smoke")
"""smoke has the model's checks on, and is for tests: it takes minutes to fill ten batches."""
#: Ten batches of 10 ms in each of 20 blocks are the 200 a figure wants.
BATCHES: Params = {"batches": 10, "batch_us": 10_000, "warm_ms": 3000}
VISITS = 3
"""A case's batches are taken a few at a time, all designs in turn: the host drifts within seconds,
and a drift that all of them see is no difference between them."""
#: In native boots, where a pass should not be longer than a batch.
NATIVE_SIZES: Mapping[str, Params] = {"zap": {"pages": 512}}
COUNT_TIER = "count"
"""Boots of this tier count instructions; modelled SEAMCALL time has no place in them."""


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

    def blocks(self, boot: str) -> int:
        """How many blocks the boot of this name has."""
        return sum(planned.name == boot for planned in self.boots)

    def as_json(self) -> dict[str, Any]:
        """Plain data for the manifest; from_json() gives the plan back, cases and all."""
        data = asdict(self)
        for boot in data["boots"]:
            del boot["cases"]
        return data


def from_json(data: Mapping[str, Any]) -> RunPlan:
    """The plan a manifest carries. KeyError or TypeError when it is no plan."""
    boots = tuple(
        _boot(b["name"], (b["tier"], b["unit"]), tuple(b["order"]), data["workloads"], b["costs"],
              b.get("host", TWIN), b.get("block", 0), tuple(b.get("builds", ())),
              tuple(map(tuple, b.get("rounds", ()))))
        for b in data["boots"])
    return RunPlan(data["seed"], data["vcpus"], data["runner"], data["baseline"],
                   tuple(data["variants"]), data["workloads"], boots)


def changed(workload: str) -> dict[str, int]:
    """The parameters in a workload's name; UsageError when they are malformed."""
    _, pairs = adhoc.split(workload)
    if wrong := [f"{key}={value}" for key, value in pairs if not value.isdecimal()]:
        raise UsageError(f"{wrong[0]} is no parameter", where=workload,
                         fix="parameters are numbers: vms+tds=4")
    return {key: int(value) for key, value in pairs}


def sizes_of(host: str) -> Mapping[str, Params]:
    """The workloads of a host with their parameters."""
    return KVM_SIZES if host == KVM else SIZES


def usual_workloads(host: str) -> tuple[str, ...]:
    """The workloads of a run that names none."""
    return tuple(KVM_SIZES) if host == KVM else DEFAULT_WORKLOADS


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
        if plain(name) not in choices:
            raise unknown(kind, name, choices)
    if not wanted:
        raise unknown(kind, text, choices)
    return wanted


def make(variants: Sequence[str], *, baseline: str, aprime: str, seed: int,
         workloads: Sequence[str] = DEFAULT_WORKLOADS, vcpus: int = DEFAULT_VCPUS,
         runner: str, boots: Mapping[str, tuple[str, str]],
         costs: Mapping[str, str], host: str = TWIN) -> RunPlan:
    """The plan of a run of one block: each variant and A' once in each boot, in a drawn order.

    ``aprime`` is the name the baseline runs under a second time; ``boots``: the runner's boots with
    their (tier, unit); ``costs``: boot -> table id.
    Raises UsageError for a seed beyond 64 bits and for a number out of range.
    """
    if not 0 <= seed < 1 << 64:
        raise UsageError(f"seed {seed} does not fit 64 bits", fix="give 0 to 2^64-1")
    _check_range("vCPUs", vcpus, MOST_VCPUS)
    everyone = tuple(dict.fromkeys((baseline, aprime, *variants)))
    sizes = sizes_of(host)
    native = host == TWIN and {tier for tier, _ in boots.values()} == {NATIVE_TIER}
    sized = {name: {"vcpus": vcpus, **sizes[plain(name)],
                    **(NATIVE_SIZES.get(plain(name), {}) if native else {}),
                    "seed": WORKLOAD_SEED, **changed(name)} for name in workloads}
    planned = tuple(_boot(name, kind, shuffled(everyone, seed, name), sized, costs[name], host,
                          rounds=rounds(everyone, kind[0], host, seed, f"{name}:0"))
                    for name, kind in boots.items())
    return RunPlan(seed, vcpus, runner, baseline, everyone, sized, planned)


def repeated(run: RunPlan, blocks: int, builds: int = 1) -> RunPlan:
    """The same in ``blocks`` blocks, each in an order of its own, over ``builds`` layouts.

    Boots that count are exact and repeat once at most, to see that they do.
    Raises UsageError for a number out of range.
    """
    _check_range("blocks", blocks, MOST_BLOCKS)
    _check_range("builds", builds, MOST_BUILDS)
    aprime = run.variants[1]
    planned = [
        _boot(boot.name, (boot.tier, boot.unit), order, run.workloads, boot.costs, boot.host, block,
              layouts(order, aprime, block, 1 if boot.tier == COUNT_TIER else builds),
              rounds(run.variants, boot.tier, boot.host, run.seed, f"{boot.name}:{block}"))
        for boot in run.boots
        for block in range(min(blocks, COUNT_BLOCKS) if boot.tier == COUNT_TIER else blocks)
        for order in [shuffled(run.variants, run.seed, f"{boot.name}:{block}") if block
                      else boot.order]]
    return replace(run, boots=tuple(planned))


def _check_range(what: str, number: int, most: int) -> None:
    if not 1 <= number <= most:
        raise UsageError(f"cannot run {number} {what}", fix=f"give 1 to {most}")


def layouts(order: Sequence[str], aprime: str, block: int, builds: int) -> tuple[int, ...]:
    """Layout of each variant in a block: all the same, and A' one that the baseline never has.

    So the baseline and A' differ by what a layout is worth, too, as two designs do. () for one
    build: everything is as the compiler left it.
    """
    if builds == 1:
        return ()
    return tuple(block % builds + (builds if name == aprime else 0) for name in order)


def rounds(variants: Sequence[str], tier: str, host: str, seed: int,
           salt: str) -> tuple[tuple[str, ...], ...]:
    """The order of each round of a block that takes its batches in turns; () for all others.

    KVM takes one strategy at a time, and where ticks are instructions nothing drifts.
    """
    if (tier, host) != (NATIVE_TIER, TWIN):
        return ()
    return tuple(shuffled(variants, seed, f"{salt}:{number}") for number in range(VISITS))


def _boot(name: str, kind: tuple[str, str], order: tuple[str, ...],
          workloads: Mapping[str, Params], costs: str, host: str, block: int = 0,
          builds: tuple[int, ...] = (), rounds: tuple[tuple[str, ...], ...] = ()) -> BootPlan:
    batches = BATCHES if (kind[0], host) == (NATIVE_TIER, TWIN) else {}
    sized = {workload: {**params, **({} if plain(workload) in UNTIMED else batches),
                        # One that names its own number of batches keeps it: zap+batches=200.
                        **changed(workload)} for workload, params in workloads.items()}
    for params in sized.values():
        if rounds and params.get("batches"):
            params.setdefault("visits", min(len(rounds), params["batches"]))
    pairs = ([(v, w) for w in sized for v in rounds[-1]] if rounds
             else [(v, w) for v in order for w in sized])
    cases = tuple(Case(variant, workload, sized[workload]) for variant, workload in pairs)
    return BootPlan(name, *kind, costs, order, cases, host, block, builds, rounds)
