# SPDX-License-Identifier: GPL-2.0-only
"""From what the guests said to one verdict for each variant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.gate import cases, criteria, rules, splats
from generator.gate.guest import Ground
from generator.gate.result import (
    CORRECTNESS,
    CRITERION,
    DEBUG,
    OTHER,
    SWEEP,
    Boot,
    Finding,
    GateResult,
    Splat,
)
from generator.gate.splats import Report
from generator.gate.sweep import Swept
from generator.modules.build import BuiltModule
from generator.modules.render import KVM


@dataclass(frozen=True)
class Stage:
    """One stage of the gate: where it ran, with which module, and what was said."""

    ground: Ground
    module: BuiltModule
    swept: Swept

    def cpus(self, case: str) -> int:
        """CPUs of the guest that a case ran in, see cases.py."""
        one = self.ground.stage == SWEEP and not case.endswith(f"/{cases.RACE}")
        return 1 if one else cases.SEVERAL


def verdict(variant: str, stages: Sequence[Stage], key: str,
            not_run: tuple[str, ...] = ()) -> GateResult:
    """Judge a variant: any finding of class correctness, and any splat of its own, fails it."""
    found: list[Finding] = []
    shown: list[Splat] = []
    boots: list[Boot] = []
    for stage in stages:
        found += rules.wrong(variant, stage.swept, stage.cpus)
        reports = _reports(stage)
        found += [finding(report) for report in reports]
        first = {(report.kind, _short(report.title)): report for report in reversed(reports)}
        shown += [splats.resolve(report, _images(stage)) for report in first.values()]
        found += _lockdep(stage)
        boots += stage.swept.boots
    found += criteria.of_design(stages[0].swept.points(variant),
                                stages[0].module.rendered.variant.on_purpose)
    found = _merged(found)
    passed = not any(one.klass == CORRECTNESS for one in found)
    return GateResult(variant, stages[0].ground.host, passed, tuple(found),
                      rules.coverage(variant, stages[0].swept), tuple(shown), tuple(boots),
                      tuple(stage.ground.stage for stage in stages), key, not_run)


def _merged(found: Iterable[Finding]) -> list[Finding]:
    tally = rules.Tally()
    for one in found:
        tally.add(one)
    order = (CORRECTNESS, CRITERION, OTHER)
    return sorted(tally.found.values(), key=lambda one: order.index(one.klass))


def _reports(stage: Stage) -> list[Report]:
    """A variant's splats, each kind at each case once."""
    design = stage.module.rendered.variant
    reports = {(report.kind, report.title, report.at): report
               for console in stage.swept.consoles for report in splats.find(console)
               if report.concerns(design.name, design.module)
               and not (stage.ground.host == KVM and _on_purpose(report))}
    return list(reports.values())


def _on_purpose(report: Report) -> bool:
    """KVM's own cache warns when it is found empty; a design that warns does so for itself."""
    return report.kind == "warning" and not report.ours and f"/{cases.DRAIN} " in f"{report.at} "


def finding(report: Report) -> Finding:
    """A report as a finding, which fails the design unless it is the kernel's own affair."""
    klass = OTHER if report.foreign else CORRECTNESS
    return Finding(report.kind, klass, _short(report.title), 1, "", (f"at {report.at}",))


def _short(title: str) -> str:
    """A report's first line without what differs from boot to boot."""
    words = [word for word in title.split() if not word.startswith(("CPU#", "PID"))]
    return " ".join(words[:12])


def _lockdep(stage: Stage) -> list[Finding]:
    """A run counts only if lockdep was at work to its end, where it is to be."""
    variant = stage.module.rendered.variant.name
    seen = any(report.kind in ("lockdep", "kasan", "crash", "sleep") for report in _reports(stage))
    if not seen and any(variant in log.silenced for log in stage.swept.logs):
        return [Finding("lockdep_off", CORRECTNESS, "debug_locks is 0 at the end: lockdep gave up",
                        1, "C11")]
    said = [log.locks[variant] for log in stage.swept.logs if variant in log.locks]
    if stage.ground.stage == DEBUG and (not said or min(said) < 0) \
            and not stage.swept.deaths_of(variant):
        return [Finding("lockdep_unseen", CORRECTNESS, "the debug kernel's lockdep did not say "
                        "whether it was at work to the end", 1, "C11")]
    return []


def _images(stage: Stage) -> list[Path]:
    """Where symbols can be looked up: the module as built, and the kernel when it is our own."""
    vmlinux = stage.ground.tree.kdir / "vmlinux"
    return [stage.module.ko, *([vmlinux] if vmlinux.is_file() else [])]
