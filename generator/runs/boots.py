# SPDX-License-Identifier: GPL-2.0-only
"""One block of a plan: its guest image, its guest, its records, its lines in the manifest."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from generator import proc
from generator.errors import DataError, ExtsptError, RigError
from generator.evidence.rows import Scale
from generator.evidence.stats import Histogram
from generator.progress import CaseProgress
from generator.runners import LostGuest, RunOutput
from generator.runs import facts, records, store, watch
from generator.runs.plan import BootPlan, RunPlan
from generator.runs.records import SerialCase, SerialLog
from generator.runs.store import RunDir

if TYPE_CHECKING:
    from generator.runs.session import Session

FULL_BYTES = 1 << 20
"""Below this much free space a guest that lost its last lines lost them to a full disk."""


def entry(boot: BootPlan, blocks: int) -> dict[str, Any]:
    """What a manifest says of a boot before its first block."""
    return {"tier": boot.tier, "unit": boot.unit, "state": store.PENDING, "blocks": blocks,
            "done": [], "attempts": []}


def left(plan: RunPlan, directory: RunDir) -> Iterator[BootPlan]:
    """The blocks a run lacks, in order; of one whose guest was lost the variants without a turn."""
    for boot in plan.boots:
        state = directory.manifest["boots"][boot.name]
        part = state.get("part") or {}
        if state["state"] == store.DONE or boot.block in state.get("done", ()):
            continue
        yield boot.without(part["variants"]) if part.get("block") == boot.block else boot


def run(session: Session, directory: RunDir, boot: BootPlan) -> None:
    """One block; the manifest is saved before and after.

    Raises LostGuest, or DataError when the guest talks nonsense; the variants that had their turn
    before are kept all the same.
    """
    blocks = session.plan.blocks(boot.name)
    out, state = directory.block(boot.name, boot.block, blocks), directory.manifest["boots"][
        boot.name]
    guest = session.guest(out)
    session.runner.prepare(guest, session.load(boot))
    state["state"] = store.PENDING
    state.setdefault("load_before", facts.load())
    directory.save()
    try:
        with CaseProgress(boot, blocks) as progress:
            output = session.runner.boot(boot.name, guest, out, progress)
        _record(state, output)
        log = _read(session, boot, output)
    except LostGuest as lost:
        _record(state, lost.output)
        _lost(session, directory, boot, lost)
        raise
    except DataError as error:
        state["state"] = store.FAILED
        _blame_disk(directory, error)
        raise
    state.setdefault("infos", dict(log.infos))  # what each module said of itself and of its clock
    cases = _stored(session, boot, log.cases)
    directory.keep_records(boot.name, cases, boot.block)
    guest.initramfs.unlink(missing_ok=True)  # plan and modules give the same one again
    if blocks > 1:
        output.serial.unlink(missing_ok=True)   # the records say it all once more
    for line in (*output.warnings, *filter(None, map(records.case_failure, cases))):
        proc.note(f"  WARN    {boot.name} {line}")
    proc.note(f"  CLOCK   {boot.name} block {boot.block + 1}/{blocks}: "
              f"{clock(log.infos, boot.tier)}; {output.attempts[-1].wall_s:.1f} s{to_come(state)}")


def to_come(state: Mapping[str, Any]) -> str:
    """How long the rest of a boot's blocks will take, by those that were done."""
    done, blocks = len(state["done"]), state["blocks"]
    spent = sum(attempt["wall_s"] for attempt in state["attempts"])
    minutes = spent / done * (blocks - done) / 60 if done else 0.0
    return f"; {minutes:.1f} min to go" if minutes >= 0.1 else ""


def clock(infos: Mapping[str, Mapping[str, Any] | None], tier: str) -> str:
    """What measuring costs in this boot: the median of an empty pair of clock reads."""
    for info in infos.values():
        if info is not None and "clock" in info:
            pair = Histogram.of(info["clock"]["empty_pair"])
            scale = Scale.of(tier, info["clock"])
            median = pair.percentile(0.5) * scale.per_tick
            return f"empty pair {median:.0f} {scale.unit}, n={pair.n}"
    return "the modules say nothing of their clock"


def _stored(session: Session, boot: BootPlan,
            cases: Sequence[SerialCase]) -> list[dict[str, Any]]:
    aprime = {name: built.rendered.variant.aprime_of for name, built in session.modules.items()}
    return [records.stored(case, boot.name, aprime[case.variant], boot.block,
                           boot.build_of(case.variant)) for case in cases]


def _lost(session: Session, directory: RunDir, boot: BootPlan, lost: LostGuest) -> None:
    """Keep what a lost guest had finished, and say what it was at."""
    state = directory.manifest["boots"][boot.name]
    state["state"] = store.FAILED
    _blame_disk(directory, lost)
    serial = lost.output.serial
    text = serial.read_text(errors="replace") if serial.exists() else ""
    if cases := records.finished(text, boot):
        directory.keep_records(boot.name, _stored(session, boot, cases), boot.block, whole=False)
    planned = [(case.variant, case.workload) for case in boot.cases]
    if doing := watch.under_way(text, planned):
        lost.where = f"{lost.where}, {doing}"


def _record(state: dict[str, Any], output: RunOutput) -> None:
    """What the manifest says of a boot, whether it went well or not."""
    state.update(attempts=[*state["attempts"], *(asdict(a) for a in output.attempts)],
                 load_after=facts.load(), pinned=output.pinned and state.get("pinned", True),
                 oversubscribed=output.oversubscribed,
                 warnings=[*state.get("warnings", ()), *output.warnings])
    if output.oversubscribed:
        proc.note("  WARN    more vCPUs than host cores: lock figures show the host's scheduler")


def _read(session: Session, boot: BootPlan, output: RunOutput) -> SerialLog:
    text = output.serial.read_text(errors="replace")
    log = records.parse(text, str(output.serial))
    records.check_against(log, boot, str(output.serial))
    for name, info in log.infos.items():
        planned = session.modules[name].rendered.variant.choices
        if info is not None and info.get("choices", planned) != planned:
            raise DataError(f"the module {name} says it is made of {info['choices']}",
                            where=str(output.serial), fix="build it again and start a new run")
    return log


def _blame_disk(directory: RunDir, cause: ExtsptError) -> None:
    """QEMU drops what it cannot write: a full disk looks like a lost guest."""
    space = os.statvfs(directory.path)
    if space.f_bavail * space.f_frsize < FULL_BYTES:
        raise RigError("the disk is full", where=str(directory.path),
                       fix="free some space") from cause
