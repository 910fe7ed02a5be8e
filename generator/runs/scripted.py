# SPDX-License-Identifier: GPL-2.0-only
"""A guest that runs a shell script in place of a plan's cases: for the gate, and for tests.

The script is in generator/templates/init.j2's place of the cases and has the words of guest.sh.j2:
``say`` (a line on the record port), ``module``, ``measure``, ``unload``. A line now and then keeps
the watch from taking a long silence for a hang; ``failed=1`` makes the guest's status 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator import runners
from generator.kvm.kvmhost import KvmBuild
from generator.runners import Guest, Load, LostGuest, Runner, RunOutput
from generator.runs import costs, plan
from generator.runs.plan import BootPlan
from generator.runs.watch import Limits, Outcome
from generator.trees.kernel import KernelTree

#: Architecture of a kernel -> runner and the boot with several CPUs at once.
BOOTS = {"x86_64": ("qemu", "mttcg"), "um": ("uml", "uml")}
#: What debug kernels need to be told; others take no notice. Record who allocated each page. Trust
#: the TSC: on a busy host the kernel thinks it unstable, and patching it out of its clock kills a
#: guest under TCG now and then. KCSAN: wait long enough for a vCPU whose thread was off its core.
DEBUG_OPTIONS = ("page_owner=on", "tsc=reliable", "kcsan.skip_watch=2000",
                 "kcsan.udelay_task=1000")


@dataclass(frozen=True)
class Scripted:
    """What a guest left. ``output``: its files and warnings; ``lost``: why it never ended, or "".

    ``serial``: lines of the record port, ``console``: of the kernel, both without line ends.
    """

    output: RunOutput
    serial: tuple[str, ...]
    console: tuple[str, ...]
    lost: str = ""

    @property
    def outcome(self) -> Outcome:
        """How the last try to boot ended."""
        return Outcome(self.output.attempts[-1].outcome)

    @property
    def wall_s(self) -> float:
        """Seconds from start to the end of the guest's program, in the last try."""
        return self.output.attempts[-1].wall_s

    @property
    def lockdep(self) -> bool | None:
        """Whether lockdep was still at work at the end; None: it has none, or was lost first."""
        states = [line for line in self.serial if line.startswith("EXTSPT LOCKDEP ")]
        return states[-1].endswith("=1") if states else None


def boot(tree: KernelTree, files: Sequence[tuple[str, Path]], script: str, out: Path, *,
         vcpus: int = plan.DEFAULT_VCPUS, options: Sequence[str] = DEBUG_OPTIONS,
         programs: Sequence[tuple[str, Path]] = (), kvm: KvmBuild | None = None,
         limits: Limits | None = None,
         on_line: Callable[[str], None] = lambda line: None) -> Scripted:
    """Boot the kernel of ``tree`` with the modules ``files`` and run ``script`` in it.

    ``files``: (name, .ko), for /modules/<name>.ko; ``programs``: (name, static program), for /bin;
    ``options``: further words for the kernel; ``kvm``: the hooked KVM, for the guest's /modules and
    /dev; ``limits``: see Guest; ``out``: folder that takes the console and the record port. Guests
    of one CPU are not pinned, so that several can run side by side. A lost guest is a result;
    RigError when QEMU or UML itself fails.
    """
    runner_name, name = BOOTS[tree.arch]
    runner = runners.usable(runner_name)
    tier, unit = runner.boots[name]
    names = tuple(module for module, _ in files)
    guest = Guest(runner.image(tree), out / "initramfs.cpio.gz", vcpus,
                  svm=kvm is not None, options=tuple(options), pinned=vcpus > 1, limits=limits)
    load = Load(BootPlan(name, tier, unit, costs.ZERO, names, ()), files, (), kvm, script, programs)
    return carry_out(runner, guest, load, on_line)


def counted(tree: KernelTree, script: str, out: Path, kvm: KvmBuild | None,
            files: Sequence[tuple[str, Path]] = ()) -> Scripted:
    """Run ``script`` on one CPU whose clock counts instructions; the rest is as for boot()."""
    runner = runners.usable("qemu")
    names = tuple(module for module, _ in files)
    planned = BootPlan("icount", *runner.boots["icount"], costs.ZERO, names, ())
    guest = Guest(runner.image(tree), out / "initramfs.cpio.gz", 1, svm=kvm is not None,
                  pinned=False)
    return carry_out(runner, guest, Load(planned, files, (), kvm, script))


def carry_out(runner: Runner, guest: Guest, load: Load,
              on_line: Callable[[str], None] = lambda line: None) -> Scripted:
    """Boot what is prepared in the folder of the guest's initramfs, which is removed again."""
    out, lost = guest.initramfs.parent, ""
    runner.prepare(guest, load)
    try:
        output = runner.boot(load.plan.name, guest, out, on_line)
    except LostGuest as error:
        output, lost = error.output, error.what
    guest.initramfs.unlink(missing_ok=True)
    return Scripted(output, _lines(output.serial), _lines(output.console), lost)


def _lines(file: Path) -> tuple[str, ...]:
    return tuple(file.read_text(errors="replace").splitlines()) if file.exists() else ()
