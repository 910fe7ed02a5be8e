# SPDX-License-Identifier: GPL-2.0-only
"""Carrying out the gate for some designs: build, sweep, debug kernel, verdict; and its memory.

A verdict is kept by what it is about: the module's inputs, the kernels, and the gate itself. As
long as none of them changes, it is not found out again. A FAIL with the debug kernels is also kept
by the sources alone: what is known to be wrong is not timed after a quick gate that does not look
there.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from generator import layout, proc
from generator.errors import BuildError
from generator.gate import cases, guest, judge, kernels, result, sweep
from generator.gate.cases import Case
from generator.gate.guest import Ground
from generator.gate.judge import Stage
from generator.gate.result import DEBUG, KCSAN, GateResult
from generator.modules import render, variant
from generator.modules.build import BuiltModule
from generator.modules.render import RenderedModule
from generator.runs import plan, store
from generator.verbs import build

VERDICTS = layout.BUILD / "gate" / "verdicts"
WORK = layout.BUILD / "gate" / "work"


class Level(IntEnum):
    """How much is done. QUICK: two workloads; SWEEP: all; FULL: and a debug kernel."""

    QUICK = 1
    SWEEP = 2
    FULL = 3


@dataclass(frozen=True)
class Keys:
    """Of a design's verdicts: ``levels``, each that this gate can reach; ``sources``: of a FAIL
    at FULL, whatever kernel it was on."""

    levels: Mapping[Level, str]
    sources: str = ""


@dataclass(frozen=True)
class Wish:
    """What to check, on what. ``kdir``: None for the quickest kernel there is.

    ``seed``: of the workloads, in which order pages are faulted.
    """

    names: tuple[str, ...]
    host: str
    kdir: str | None
    level: Level
    verbose: int = 0
    seed: int = plan.WORKLOAD_SEED


@functools.cache
def version() -> str:
    """Names the gate itself: its code, its guest's program and script."""
    digest = hashlib.sha256()
    own = sorted(Path(__file__).parent.glob("*.py"))
    for path in (*own, guest.SOURCE, layout.TEMPLATES / "gate.sh.j2"):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def check(wish: Wish, *, again: bool = False) -> list[GateResult]:
    """Verdicts on all designs of a wish; those that are known are not found out again.

    Raises BuildError when a design does not build or FULL has no debug kernel to run on,
    GuestError when a kernel does not boot.
    """
    grounds = _grounds(wish)
    modules = [_built(wish, ground) for ground in grounds]
    keys = {name: _keys(wish, grounds, [mods[name] for mods in modules]) for name in wish.names}
    known = {} if again else {name: found for name in wish.names
                              if (found := recall(keys[name], wish.level)) is not None}
    for name, found in known.items():
        proc.note(f"  GATE    {name}: {found.verdict} (known)")
    fresh = _find_out(wish, grounds, modules, keys, again)
    return [known.get(name) or fresh[name] for name in wish.names]


def _grounds(wish: Wish) -> list[Ground]:
    first = kernels.for_sweep(wish.kdir, wish.host)
    if wish.level < Level.FULL:
        return [first]
    debug = kernels.for_debug(wish.host)
    if not debug:
        raise no_debug_kernel(wish.host)
    return [first, *debug.values()]


def not_run(wish: Wish, grounds: Sequence[Ground]) -> tuple[str, ...]:
    """What this wish leaves out, a sentence each."""
    if wish.level is Level.QUICK:
        return ("Quick: two workloads were swept, and no debug kernel was run.",)
    return kernels.not_run(wish.host, grounds)


def no_debug_kernel(host: str) -> BuildError:
    """The error of a gate that is to use a debug kernel where none was built."""
    return BuildError("there is no debug kernel to run the gate on",
                      where=str(layout.shown(layout.OWN_KERNELS)),
                      evidence="\n".join(kernels.not_run(host, ())),
                      fix="build one, as said below; or --no-debug")


def _built(wish: Wish, ground: Ground) -> dict[str, BuiltModule]:
    args = argparse.Namespace(variants=",".join(wish.names), kdir=str(_kdir(ground)),
                              host=wish.host, verbose=wish.verbose)
    return {built.rendered.variant.name: built for built in build.make(args)}


def _kdir(ground: Ground) -> Path:
    return ground.tree.root or ground.tree.kdir


def _keys(wish: Wish, grounds: Sequence[Ground], modules: Sequence[BuiltModule]) -> Keys:
    """The keys of a design's verdict at each level that ``grounds`` allow."""
    keys: dict[Level, str] = {}
    for level in Level:
        used = [*zip(grounds, modules, strict=True)][:None if level is Level.FULL else 1]
        if level is Level.FULL and len(grounds) < 2:
            continue
        parts = [version(), wish.host, level.name, str(wish.seed)]
        for ground, module in used:
            parts += [module.rendered.fingerprint, ground.tree.release, ground.tree.config_hash,
                      ground.tree.kernel_id, ground.kvm.fingerprint if ground.kvm else ""]
        keys[level] = _hash(*parts)
    return Keys(keys, f"fail-{_hash(version(), wish.host, *_sources(modules[0].rendered))}")


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _sources(module: RenderedModule) -> list[str]:
    """What is staged, without what names the kernel it is staged for."""
    return [f"{name} {sha256}" for name, sha256 in sorted(module.files.items())
            if name not in ("module.c", render.SYMVERS)]


def recall(keys: Keys, least: Level) -> GateResult | None:
    """The verdict known of the highest level from ``least`` up; a FAIL of any level counts."""
    known = [(level, _stored(keys.levels[level])) for level in sorted(keys.levels, reverse=True)]
    if keys.sources and Level.FULL not in keys.levels:
        known.insert(0, (Level.FULL, _stored(keys.sources)))
    return next((found for level, found in known
                 if found is not None and (level >= least or not found.passed)), None)


def _stored(key: str) -> GateResult | None:
    path = VERDICTS / f"{key}.json"
    try:
        return result.from_json(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _find_out(wish: Wish, grounds: Sequence[Ground], modules: Sequence[Mapping[str, BuiltModule]],
              keys: Mapping[str, Keys], again: bool) -> dict[str, GateResult]:
    names = [name for name in wish.names if again or recall(keys[name], wish.level) is None]
    if not names or proc.dry_run():
        return {}
    folder = WORK / _hash(*(keys[name].levels[wish.level] for name in names))[:12]
    with proc.alone(folder):
        if again:
            for old in folder.iterdir():
                shutil.rmtree(old)
        stages = [_stage(wish, ground, modules[i], names, folder)
                  for i, ground in enumerate(grounds)]
        found = {name: judge.verdict(name, [stage.of(name) for stage in stages],
                                     keys[name].levels[wish.level], not_run(wish, grounds))
                 for name in names}
        _keep(found)
        if wish.level is Level.FULL:
            _keep_failures(found, keys)
        if all(one.passed for one in found.values()):
            shutil.rmtree(folder)       # what a guest said matters only as evidence
    return found


def _keep(found: Mapping[str, GateResult]) -> None:
    for name, one in found.items():
        text = json.dumps(result.as_json(one), indent=1)
        store.write_atomically(VERDICTS / f"{one.key}.json", text.encode())
        proc.note(f"  GATE    {name}: {one.verdict}")


def _keep_failures(found: Mapping[str, GateResult], keys: Mapping[str, Keys]) -> None:
    """A FAIL with the debug kernels, by the sources; forgotten when the same sources pass."""
    for name, one in found.items():
        path = VERDICTS / f"{keys[name].sources}.json"
        path.unlink(missing_ok=True)
        if not one.passed:
            store.write_atomically(path, json.dumps(result.as_json(one), indent=1).encode())


def _stage(wish: Wish, ground: Ground, modules: Mapping[str, BuiltModule], names: Sequence[str],
           folder: Path) -> _Done:
    listed = tuple(case.seeded(wish.seed) for case in cases_of(ground, wish.level))
    planned = dict.fromkeys(names, listed)
    swept = sweep.run(ground, modules, planned, folder / ground.stage, ground.stage)
    return _Done(ground, modules, swept)


@dataclass(frozen=True)
class _Done:
    """A stage that was run for several designs."""

    ground: Ground
    modules: Mapping[str, BuiltModule]
    swept: sweep.Swept

    def of(self, name: str) -> Stage:
        """The same as one design sees it."""
        return Stage(self.ground, self.modules[name], self.swept)


def cases_of(ground: Ground, level: Level) -> list[Case]:
    """What is run in the stage that ``ground`` is for."""
    if ground.stage == KCSAN:
        return cases.racing(ground.host)
    return debug_cases(ground) if ground.stage == DEBUG else sweep_cases(ground, level)


def sweep_cases(ground: Ground, level: Level) -> list[Case]:
    """Every allocation, refusal and race of each workload; with QUICK of two of them.

    QUICK under TCG leaves points out, and the memcg's case, which takes many pages.
    """
    host, quick, slow = ground.host, level is Level.QUICK, ground.tree.arch != "um"
    listed = cases.workloads_of(host, quick)
    strides = cases.STRIDES if quick and slow else cases.EVERY
    found = [*cases.swept(host, listed, strides), *cases.drained(host, listed)]
    if not (quick and slow):
        found += cases.charged(host, listed)
    return found if quick else [*found, *cases.noisy(host, listed), *cases.raced(host, listed)]


def seeded_cases(ground: Ground, level: Level) -> list[Case]:
    """What a seeded bug is tried with: two workloads or all, some points left out."""
    host, listed = ground.host, cases.workloads_of(ground.host, level is Level.QUICK)
    found = [*cases.swept(host, listed, cases.SEEDED_STRIDES), *cases.drained(host, listed)]
    return found if level is Level.QUICK else [*found, *cases.charged(host, listed)]


def debug_cases(ground: Ground) -> list[Case]:
    """All workloads on two CPUs, and a part of the sweep for the paths that unwind."""
    host, few = ground.host, cases.workloads_of(ground.host, quick=True)
    unwound = [*cases.drained(host, few), *cases.swept(host, few, cases.DEBUG_STRIDES)]
    return [*cases.raced(host, cases.workloads_of(host, quick=False)),
            *(case.on(cases.SEVERAL) for case in unwound)]


def names_of(text: str | None) -> tuple[str, ...]:
    """Designs of a comma list, or all; A' stands for its baseline."""
    return tuple(dict.fromkeys(one.aprime_of or one.name for one in variant.select(text)))
