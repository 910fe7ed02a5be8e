# SPDX-License-Identifier: GPL-2.0-only
"""A guest of the gate: modules, their cases, and the program that tries the points."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator import layout, proc
from generator.errors import BuildError
from generator.gate import protocol
from generator.gate.cases import Case
from generator.gate.protocol import Log
from generator.gate.result import SWEEP
from generator.kvm.kvmhost import KvmBuild
from generator.modules import build, render
from generator.modules.build import BuiltModule
from generator.runners import OnLine
from generator.runs import scripted
from generator.runs.scripted import Scripted
from generator.runs.watch import Limits
from generator.trees.kernel import KernelTree

SOURCE = layout.KMOD / "hosts" / "driver" / "sweep.c"
FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s")
#: A point takes milliseconds, under a debug kernel in TCG a second: what is silent for that long
#: hangs.
LIMITS = {"um": Limits(20, 15), "x86_64": Limits(90, 60)}
_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Ground:
    """What a stage of the gate runs on. ``side``: how many guests of one CPU at once."""

    tree: KernelTree
    host: str
    side: int
    kvm: KvmBuild | None = None
    stage: str = SWEEP


@dataclass(frozen=True)
class Job:
    """One module's cases in one guest."""

    variant: str
    module: str
    cases: tuple[Case, ...]


def program() -> Path:
    """The static program that tries the points, built when its source has changed."""
    text = SOURCE.read_bytes()
    built = layout.BUILD / "gate" / f"sweep-{hashlib.sha256(text).hexdigest()[:12]}"
    if built.is_file():
        return built
    built.parent.mkdir(parents=True, exist_ok=True)
    fresh = built.with_suffix(".new")
    done = proc.run([proc.which("gcc", "gcc"), *FLAGS, "-o", fresh, SOURCE], timeout=_TIMEOUT_S)
    if not done.ok:
        raise BuildError("the gate's program does not build", where=str(layout.shown(SOURCE)),
                         evidence=build.first_errors(done.output), fix="mend it")
    if not proc.dry_run():
        fresh.replace(built)
    return built


def script(jobs: Sequence[Job], kvm: KvmBuild | None = None) -> str:
    """The shell text that loads each module and has its points tried."""
    names = [name for name, _ in kvm.modules] if kvm else []
    return render.fill("gate.sh", jobs=jobs, kvm=names, drive="-d /bin/drive" if kvm else "")


def boot(ground: Ground, jobs: Sequence[Job], modules: Mapping[str, BuiltModule],
         out: Path, on_line: OnLine) -> tuple[Log, Scripted]:
    """Boot one guest for these jobs; what it said, however it ended.

    A guest of several CPUs where a case asks for them. Raises RigError when QEMU or UML fails.
    """
    files = [(job.module, modules[job.variant].ko) for job in jobs]
    cpus = max(case.cpus for job in jobs for case in job.cases)
    guest = scripted.boot(ground.tree, files, script(jobs, ground.kvm), out, vcpus=cpus,
                          programs=[("sweep", program())], kvm=ground.kvm,
                          limits=LIMITS[ground.tree.arch], on_line=on_line)
    return protocol.parse(guest.serial), guest
