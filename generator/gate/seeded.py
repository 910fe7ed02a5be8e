# SPDX-License-Identifier: GPL-2.0-only
"""The gate's own test: known bugs, put into copies of the designs, have to be caught.

A bug is a patch in tests/seeded/ whose head says what it is (Kind), in which design (Variant),
which stage has to see it (Stage: sweep, debug or kcsan), as what (Class, Expect: kinds of findings,
any of which will do). Only copies are changed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from generator import layout, proc
from generator.errors import ConfigError, unknown
from generator.gate import conduct, judge, sweep
from generator.gate.conduct import Level
from generator.gate.guest import Ground
from generator.gate.judge import Stage
from generator.gate.result import CORRECTNESS, DEBUG, KCSAN, SWEEP, GateResult
from generator.modules import render, variant
from generator.modules.build import BuiltModule, build_all

PATCHES = layout.ROOT / "tests" / "seeded"
WORK = layout.BUILD / "seeded"
STAGES = (SWEEP, DEBUG, KCSAN)
FIELDS = ("Kind", "Variant", "Stage", "Class", "Expect")
_FIELD = re.compile(r"^(\w+): (.+)$", re.MULTILINE)
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Bug:
    """A seeded bug. ``expected``: kinds of findings, one of which has to be made of it."""

    name: str
    text: str
    variant: str
    stage: str
    klass: str
    expected: tuple[str, ...]
    patch: Path

    @property
    def label(self) -> str:
        """Name of the design with the bug: a C identifier."""
        return f"seeded_{self.name.replace('-', '_')}"


@dataclass(frozen=True)
class Caught:
    """What came of a bug. ``seen``: the expected kinds that were found, in the right class.

    ``result`` is None, and ``why`` the reason, for a patch that does not apply any more.
    """

    bug: Bug
    seen: tuple[str, ...]
    result: GateResult | None
    why: str = ""

    @property
    def ok(self) -> bool:
        """Seen as what it is, and it blocks the timing."""
        return bool(self.seen) and self.result is not None and not self.result.passed


def bugs(folder: Path = PATCHES) -> list[Bug]:
    """All seeded bugs, by name. Raises ConfigError for a head that lacks something."""
    return [read(path) for path in sorted(folder.glob("*.patch"))]


def read(path: Path) -> Bug:
    """One patch with its head."""
    head = dict(_FIELD.findall(path.read_text().partition("\n--- ")[0]))
    lacks = [name for name in FIELDS if name not in head]
    if lacks:
        raise ConfigError(f"the head of the patch lacks {', '.join(lacks)}", where=path.name,
                          fix="see the other patches there")
    if head["Stage"] not in STAGES or head["Class"] != CORRECTNESS:
        raise ConfigError(f"Stage: {head['Stage']}, Class: {head['Class']}", where=path.name,
                          fix=f"Stage: {', '.join(STAGES)}; Class: {CORRECTNESS}, as a bug is")
    kinds = tuple(word.strip() for word in head["Expect"].split(","))
    return Bug(path.stem, head["Kind"], head["Variant"], head["Stage"], head["Class"], kinds, path)


def chosen(names: Sequence[str], every: Sequence[Bug]) -> list[Bug]:
    """The bugs named, all without names; UsageError lists the known ones."""
    known = {bug.name: bug for bug in every}
    for name in names:
        if name not in known:
            raise unknown("seeded bug", name, known)
    return [known[name] for name in names] if names else list(every)


def stage(bug: Bug, ground: Ground) -> render.RenderedModule:
    """A design's copy with the bug in it, staged. Raises ConfigError when it does not apply."""
    root = WORK / bug.name
    for name in ("kmod", "variants"):
        shutil.rmtree(root / name, ignore_errors=True)
        shutil.copytree(layout.ROOT / name, root / name)
    done = proc.run([proc.which("patch", "patch"), "-p1", "-s", "-f", "--no-backup-if-mismatch",
                     "-d", root, "-i", bug.patch], timeout=_TIMEOUT_S)
    if not done.ok:
        raise ConfigError("the seeded bug does not apply any more", where=bug.patch.name,
                          evidence=done.output, fix="the code under it changed: make it anew")
    design = replace(variant.load_variant(bug.variant, root), name=bug.label)
    return render.render(design, ground.tree, root)


def run(wanted: Sequence[Bug], grounds: Sequence[Ground], level: Level) -> list[Caught]:
    """Build the bugs of each stage in one go, run its part of the gate, and look what it says.

    Bugs of a stage that none of ``grounds`` is for are left out.
    """
    found: list[Caught] = []
    for ground in grounds:
        mine = [bug for bug in wanted if bug.stage == ground.stage]
        if mine:
            found += _run_stage(ground, mine, level)
    return found


def _run_stage(ground: Ground, mine: Sequence[Bug], level: Level) -> list[Caught]:
    staged, broken = _staged(mine, ground)
    built = build_all(staged)
    modules: dict[str, BuiltModule] = {one.rendered.variant.name: one for one in built}
    cases = (conduct.seeded_cases(ground, level) if ground.stage == SWEEP
             else conduct.cases_of(ground, level))
    folder = WORK / f"gate-{ground.stage}"
    shutil.rmtree(folder, ignore_errors=True)
    swept = sweep.run(ground, modules, dict.fromkeys(modules, cases), folder,
                      f"seeded {ground.stage}")
    return [_caught(bug, Stage(ground, modules[bug.label], swept))
            if bug.label in modules else Caught(bug, (), None, broken[bug.name]) for bug in mine]


def _staged(mine: Sequence[Bug],
            ground: Ground) -> tuple[list[render.RenderedModule], dict[str, str]]:
    """The copies, and why there is none: bug -> reason."""
    staged: list[render.RenderedModule] = []
    broken: dict[str, str] = {}
    for bug in mine:
        try:
            staged.append(stage(bug, ground))
        except ConfigError as error:
            broken[bug.name] = error.what
    return staged, broken


def _caught(bug: Bug, at: Stage) -> Caught:
    result = judge.verdict(bug.label, [at], "")
    kinds = {finding.kind for finding in result.of_class(bug.klass)}
    return Caught(bug, tuple(kind for kind in bug.expected if kind in kinds), result)


def untried(wanted: Sequence[Bug], grounds: Sequence[Ground]) -> list[Bug]:
    """The bugs whose stage has no kernel here."""
    return [bug for bug in wanted if bug.stage not in {ground.stage for ground in grounds}]


def why_not(bug: Bug) -> str:
    """What is said of a bug that was not tried."""
    return f"not tried: no kernel for stage {bug.stage}"


def table(found: Sequence[Caught], left: Sequence[Bug] = ()) -> list[str]:
    """A line per bug: caught or not, as what; and the sum. ``left``: bugs that were not tried."""
    lines = [f"{'ok' if one.ok else 'NOT'}  {one.bug.name:<26} {one.bug.klass:<11} "
             f"{','.join(one.seen) or _instead(one)}" for one in found]
    lines += [f"-    {bug.name:<26} {why_not(bug)}" for bug in left]
    good = sum(one.ok for one in found)
    return [*lines, f"{good} of {len(found)} seeded bugs caught"]


def _instead(one: Caught) -> str:
    if one.result is None:
        return one.why
    kinds = sorted({finding.kind for finding in one.result.findings})
    return f"expected {','.join(one.bug.expected)}; found {','.join(kinds) or 'nothing'}"
