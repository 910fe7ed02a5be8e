# SPDX-License-Identifier: GPL-2.0-only
"""Runners: one module per way to run a guest, found by the module's name.

A runner module has ``RUNNER``, an object that follows the Runner protocol. Nothing else names it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from generator.errors import BuildError, GuestError, RigError, unknown
from generator.kvm.kvmhost import KvmBuild
from generator.runs.plan import BootPlan
from generator.runs.watch import Limits
from generator.trees.kernel import KernelTree

OnLine = Callable[[str], None]


@dataclass(frozen=True)
class Guest:
    """What is booted: image, initramfs, its CPUs, memory in MiB, and whether they have SVM.

    ``options``: further words of the kernel's command line. ``pinned``: give each CPU a core of
    the host; not where many guests run side by side. ``limits``: None for the runner's own.
    """

    image: Path
    initramfs: Path
    vcpus: int
    memory_mib: int = 1024
    svm: bool = False
    options: tuple[str, ...] = ()
    pinned: bool = True
    limits: Limits | None = None


@dataclass(frozen=True)
class Load:
    """What a boot is given to do. ``files``: (variant, .ko); ``costs``: lines of its table.

    ``kvm``: the hooked KVM, for boots whose host it is. ``script``: shell text in place of the
    plan's cases (generator/runs/scripted.py); ``programs``: static programs for the guest's /bin.
    """

    plan: BootPlan
    files: Sequence[tuple[str, Path]]
    costs: Sequence[str]
    kvm: KvmBuild | None = None
    script: str = ""
    programs: Sequence[tuple[str, Path]] = ()

    @property
    def plan_id(self) -> str:
        """Names the boot's content; the guest repeats it."""
        return self.plan.id

    @property
    def listed(self) -> list[dict[str, Any]]:
        """Variant, module and cases in load order, for the templates."""
        modules = {name: ko.stem for name, ko in self.files}
        return [{"name": name, "module": modules[name], "cases": self.plan.of(name)}
                for name in self.plan.order]

    @property
    def turns(self) -> list[dict[str, Any]]:
        """What the listed modules do in turn, by their number; [] where each has its turn alone."""
        return [{"at": self.plan.order.index(turn.case.variant), "turn": turn}
                for turn in self.plan.turns]


@dataclass(frozen=True)
class Attempt:
    """One try to boot: wall seconds and how it ended."""

    wall_s: float
    outcome: str


@dataclass(frozen=True)
class RunOutput:
    """What a boot left: its two serial ports as files, and how it went.

    ``pinned`` says whether each vCPU thread had a host core of its own; ``oversubscribed`` that
    there were more vCPUs than host cores, so that contention figures are worth nothing.
    """

    serial: Path
    console: Path
    attempts: tuple[Attempt, ...]
    pinned: bool
    oversubscribed: bool
    warnings: tuple[str, ...]


class LostGuest(GuestError):
    """A guest that never booted, panicked, hung or vanished; ``output`` is what it left."""

    def __init__(self, what: str, output: RunOutput, *, where: str, fix: str,
                 evidence: str) -> None:
        super().__init__(what, where=where, fix=fix, evidence=evidence)
        self.output = output


class Runner(Protocol):
    """One way to run a guest. ``boots``: name of each boot it offers -> (tier, unit of times)."""

    @property
    def name(self) -> str: ...

    @property
    def arch(self) -> str:
        """Architecture of the own kernels it runs (x86 or um); "" when it boots none."""
        ...

    @property
    def boots(self) -> Mapping[str, tuple[str, str]]: ...

    @property
    def replicate(self) -> str:
        """What is made anew for each block: "boot", or "module load" on one that cannot boot."""
        ...

    def available(self) -> str | None:
        """None when it can run here, else the reason why not."""
        ...

    def choose(self, wanted: Sequence[str] | None, tree: KernelTree) -> list[str]:
        """The boots to do on the kernel of ``tree``: those wanted, or the usual ones for None.

        One that cannot work here is replaced by what comes nearest, and a line says so.
        """
        ...

    def facts(self) -> dict[str, Any]:
        """What the manifest says of it: versions, CPU model. No host path."""
        ...

    def image(self, tree: KernelTree) -> Path:
        """The file of the kernel it would run the modules of ``tree`` on.

        Raises BuildError when that kernel is not of a kind it can run, RigError without a file.
        """
        ...

    def prepare(self, guest: Guest, load: Load) -> None:
        """Write what boot() starts from: ``guest.initramfs``, or what takes its place."""
        ...

    def command(self, boot: str, guest: Guest, out: Path) -> list[str]:
        """The command line boot() would start; output files are below ``out``."""
        ...

    def boot(self, boot: str, guest: Guest, out: Path, on_line: OnLine) -> RunOutput:
        """Run the guest to its end; ``on_line`` gets each line of the record port as it comes.

        Raises LostGuest when the guest fails and RigError when the runner itself does.
        """
        ...


def names() -> list[str]:
    """Names of all runners."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find(name: str) -> Runner:
    """A runner by name; UsageError lists the known ones."""
    if name not in names():
        raise unknown("runner", name, names())
    runner: Runner = importlib.import_module(f"{__name__}.{name}").RUNNER
    return runner


def require_arch(tree: KernelTree, arch: str, runner: str) -> None:
    """BuildError when a kernel is for another architecture than a runner can run."""
    if tree.arch != arch:
        other = "uml" if tree.arch == "um" else "qemu"
        raise BuildError(f"the runner {runner} runs kernels for {arch}, and this one is for "
                         f"{tree.arch}", where=str(tree.kdir),
                         fix=f"take RUNNER={other}, or another KDIR")


def usable(name: str) -> Runner:
    """A runner that can work here; RigError says what it lacks."""
    runner = find(name)
    if reason := runner.available():
        raise RigError(reason, where=f"runner {name}", fix="run 'make setup'")
    return runner
