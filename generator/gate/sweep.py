# SPDX-License-Identifier: GPL-2.0-only
"""Trying all points of all variants, in as many guests as it takes.

Nothing is kept but what the guests said, each boot in a folder of its own: a sweep that was
interrupted, or whose guest died, goes on with what their logs do not have.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from generator import proc
from generator.errors import GuestError
from generator.gate import guest, protocol, splats
from generator.gate.cases import Case
from generator.gate.guest import Ground, Job
from generator.gate.protocol import Log, Point
from generator.gate.result import Boot
from generator.modules.build import BuiltModule
from generator.progress import SweepProgress
from generator.runs.watch import Outcome

DEATHS = 3
"""After so many deaths of its guest a variant is not tried any further."""
BOOT = "boot.json"

Planned = Mapping[str, Sequence[Case]]
"""Variant -> its cases."""


@dataclass(frozen=True)
class Death:
    """A lost guest: the point it was at, or None when it was inserting or removing a module."""

    variant: str
    point: Point | None
    doing: str
    why: str


@dataclass
class Swept:
    """What all boots of a stage said. ``consoles``: console texts in the order of the boots.

    ``excused``: guests that may have been lost through no fault of a module, see _excused().
    """

    logs: list[Log] = field(default_factory=list)
    boots: list[Boot] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    excused: list[Death] = field(default_factory=list)
    consoles: list[str] = field(default_factory=list)

    def points(self, variant: str) -> list[Point]:
        """All points of a variant, in the order they were tried."""
        return [point for log in self.logs for point in log.points if point.variant == variant]

    def deaths_of(self, variant: str) -> list[Death]:
        """The guests that were lost with this variant."""
        return [death for death in self.deaths if death.variant == variant]


def run(ground: Ground, modules: Mapping[str, BuiltModule], planned: Planned,
        folder: Path, stage: str) -> Swept:
    """Try everything planned that ``folder`` does not have yet.

    Raises GuestError when a guest is lost before any module was inserted: that is no variant's
    doing.
    """
    guest.program()     # once, before the guests want it at the same time
    swept = recall(folder)
    while todo := missing(planned, swept):
        groups = distribute(todo, modules, ground.side)
        for line in _announce(stage, groups, swept):
            proc.note(line)
        first = len(list(folder.glob("*/")))
        cases = sum(len(job.cases) for jobs in groups for job in jobs)
        with (SweepProgress(stage, cases) as progress,
              ThreadPoolExecutor(max(1, len(groups))) as pool):
            futures = [pool.submit(_boot, ground, jobs, modules, folder / f"{first + i:03}", stage,
                                   progress) for i, jobs in enumerate(groups)]
            for future in futures:
                future.result()
        before, swept = swept, recall(folder)
        if missing(planned, swept) == todo and len(swept.excused) == len(before.excused):
            _refuse_standstill(swept, len(before.boots), folder)
    return swept


def _announce(stage: str, groups: Sequence[Sequence[Job]], swept: Swept) -> list[str]:
    names = sorted({job.variant for jobs in groups for job in jobs})
    dead = [f"  GATE    {death.variant}: {death.doing}: {death.why}" for death in swept.deaths]
    cases = sum(len(job.cases) for jobs in groups for job in jobs)
    return [*dead[-len(groups):], f"  GATE    {stage}: {len(names)} "
            f"variant{'s' * (len(names) != 1)}, {cases} cases in {len(groups)} guests"]


def _boot(ground: Ground, jobs: Sequence[Job], modules: Mapping[str, BuiltModule], out: Path,
          stage: str, progress: SweepProgress) -> None:
    log, done = guest.boot(ground, jobs, modules, out, progress)
    boot = Boot(stage, ground.tree.release, len(log.memory), done.wall_s, done.outcome.value)
    fresh = out / f".{BOOT}.new"
    fresh.write_text(json.dumps({"boot": asdict(boot), "lost": done.lost}))
    fresh.replace(out / BOOT)


def recall(folder: Path) -> Swept:
    """What the boots in ``folder`` said; of one that was interrupted, its finished cases."""
    swept = Swept()
    for boot in sorted(folder.glob("*/")):
        log, console = protocol.parse(_text(boot / "serial.txt").splitlines()), boot / "console.log"
        told = json.loads(_text(boot / BOOT) or "null")
        swept.logs.append(log if told else log.finished())
        swept.consoles.append(_text(console) if told else _before_the_last(_text(console)))
        if told:
            swept.boots.append(Boot(**told["boot"]))
        if told and told["lost"] and (death := _death(log, told["lost"])):
            free = _excused(death, swept)
            (swept.excused if free else swept.deaths).append(death)
    return swept


def _before_the_last(console: str) -> str:
    """A console up to its last case: a guest that is told to end may complain about it."""
    marks = list(splats.MARK.finditer(console))
    last = [mark.start() for mark in marks if mark.groups()[:2] == marks[-1].groups()[:2]]
    return console[:min(last, default=0)]


def _excused(death: Death, swept: Swept) -> bool:
    """A guest that went silent, once for each case: it is run again.

    On an overloaded host a guest may get no CPU for as long, and User Mode Linux with several
    CPUs was seen to go idle for good in one boot of fifty, whatever it ran. What stalls twice
    stalls by itself.
    """
    point, boot = death.point, swept.boots[-1]
    return (boot.outcome == Outcome.STALLED.value and point is not None and all(
        (old.variant, old.point and old.point.case) != (death.variant, point.case)
        for old in swept.excused))


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""


def _death(log: Log, why: str) -> Death | None:
    if not log.inserted:
        return None
    variant = log.inserted[-1]
    point = log.dying()
    if point is not None:
        return Death(variant, point, point.label, why)
    tried = any(one.variant == variant for one in log.points)
    return Death(variant, None, "removing the module" if tried else "inserting the module", why)


def missing(planned: Planned, swept: Swept) -> dict[str, list[Case]]:
    """The cases that are still to be run, without the points that killed a guest."""
    over = {key for log in swept.logs for key in log.memory}
    over_with = {variant for log in swept.logs
                 for variant in (*log.refused, *log.silenced, *log.stuck)}
    left: dict[str, list[Case]] = {}
    for variant, cases in planned.items():
        deaths = swept.deaths_of(variant)
        stuck = any(death.doing.startswith("inserting") for death in deaths)
        if variant in over_with or stuck or len(deaths) >= DEATHS:
            continue
        rest = [_rest(case, deaths) for case in cases if (variant, case.name) not in over]
        if kept := [case for case in rest if case is not None]:
            left[variant] = kept
    return left


def _rest(case: Case, deaths: Iterable[Death]) -> Case | None:
    """What the deaths left of a case."""
    left: Case | None = case
    for death in deaths:
        point = death.point
        if point is not None and point.case == case.name and left is not None:
            left = left.after(point.kind_of_fault, point.n)
    return left


def distribute(todo: Planned, modules: Mapping[str, BuiltModule], side: int) -> list[list[Job]]:
    """Share the cases out to at most ``side`` guests of one CPU, and one of several CPUs.

    Each guest gets about the same weight; within it the cases of a variant stay together.
    """
    units = [(variant, case) for variant, cases in todo.items() for case in cases]
    single = [unit for unit in units if unit[1].cpus == 1]
    several = [unit for unit in units if unit[1].cpus > 1]
    shares: list[list[tuple[str, Case]]] = [[] for _ in range(min(side, len(single)))]
    loads = [0] * len(shares)
    for unit in sorted(single, key=lambda unit: -unit[1].weight):
        lightest = loads.index(min(loads))
        shares[lightest].append(unit)
        loads[lightest] += unit[1].weight
    return [_jobs(share, modules) for share in (*shares, several) if share]


def _jobs(share: Sequence[tuple[str, Case]], modules: Mapping[str, BuiltModule]) -> list[Job]:
    names = dict.fromkeys(variant for variant, _ in share)
    return [Job(name, modules[name].rendered.variant.module,
                tuple(case for variant, case in share if variant == name)) for name in names]


def _refuse_standstill(swept: Swept, first: int, folder: Path) -> None:
    boots = swept.boots[first:]
    said = "\n".join(swept.consoles[-1].splitlines()[-20:]) if swept.consoles else ""
    outcome = ", ".join(sorted({boot.outcome for boot in boots})) or "no boot"
    raise GuestError(f"the gate's guests did nothing ({outcome})", where=str(folder),
                     fix="the end of a console is below", evidence=said)
