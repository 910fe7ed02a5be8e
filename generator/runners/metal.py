# SPDX-License-Identifier: GPL-2.0-only
"""The modules on the machine itself, for people with the hardware: only on request, and as root.

Nothing is booted. A shell script inserts the modules one after the other, runs their cases and
takes out again what it put in, however it ends.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from generator import proc
from generator.errors import BuildError, GuestError, RigError, UsageError
from generator.kvm import tdxhost
from generator.kvm.kvmhost import KvmBuild
from generator.modules import render
from generator.runners import Guest, Load, OnLine, RunOutput
from generator.runs import trial
from generator.runs.trial import Program
from generator.runs.watch import Limits
from generator.trees.kernel import KernelTree

SCRIPT = "metal.sh"
TDX = "tdx"
OPTION = "--yes-load-modules"
KVM_OPTION = "--yes-replace-kvm"
LIMITS = Limits(20, 300)
#: From the request to stop to KILL: a case under way has to end before its module can go.
STOP_S = 120.0
#: Changes with every build of a kernel; stands for its image.
NOTES = Path("/sys/kernel/notes")


class Metal:
    """The runner. ``allowed``: set once the user has said yes to loading modules here.

    ``real_tds``: host kvm on a machine that can create TDs. Boot tdx makes each VM a real TD, with
    SEAMCALLs and no model; boot metal a mirrored software-protected one.
    """

    name, arch, replicate = "metal", "", "module load"
    boots: Mapping[str, tuple[str, str]] = {"metal": ("native", "ns"), TDX: (TDX, "ns")}
    allowed = False
    real_tds = False

    def available(self) -> str | None:
        """None. UsageError when it was not asked for, RigError when root is missing."""
        if not self.allowed:
            raise UsageError("runner metal loads kernel modules into this very machine",
                             fix=f"a fault in one can take it down; {OPTION} says that it is meant")
        if os.geteuid() != 0:
            raise RigError("only root can load modules", where="runner metal",
                           fix="build as yourself (extspt build), then run as root")
        return None

    def choose(self, wanted: Sequence[str] | None, tree: KernelTree) -> list[str]:
        """Real TDs where this machine has them."""
        return list(wanted or [TDX if self.real_tds else self.name])

    def facts(self) -> dict[str, Any]:
        """The machine is the host that the manifest describes."""
        return {"cpu_model": "the host's"}

    def image(self, tree: KernelTree) -> Path:
        """The build id of the running kernel. BuildError when ``tree`` is another one."""
        if tree.release != platform.release():
            raise BuildError(f"the modules are for {tree.release}, this machine runs "
                             f"{platform.release()}", where=str(tree.kdir),
                             fix="give the running kernel's headers: "
                                 f"KDIR=/lib/modules/{platform.release()}/build")
        return NOTES

    def prepare(self, guest: Guest, load: Load) -> None:
        """Write the script and the modules beside it, and say what it will do."""
        folder = guest.initramfs.parent
        (folder / "modules").mkdir(parents=True, exist_ok=True)
        for name, ko in load.files:
            (folder / "modules" / f"{name}.ko").write_bytes(ko.read_bytes())
        kvm = [] if load.kvm is None else _put_kvm(load.kvm, folder)
        text = render.fill("metal", script=SCRIPT, plan_id=load.plan_id, modules=load.listed,
                           turns=load.turns, costs=load.costs, kvm=kvm, metal=True,
                           tdx=load.plan.name == TDX)
        (folder / SCRIPT).write_text(text)
        for line in announcement(load):
            proc.note(line)

    def command(self, boot: str, guest: Guest, out: Path) -> list[str]:
        """The shell with the script."""
        return ["/bin/sh", str(out / SCRIPT), str(out / "modules"), str(out / "serial.txt")]

    def boot(self, boot: str, guest: Guest, out: Path, on_line: OnLine) -> RunOutput:
        """Run the script once; nothing here is tried twice."""
        too_many = guest.vcpus > len(os.sched_getaffinity(0))
        program = Program("the script", self.command(boot, guest, out), LIMITS, None, too_many,
                          console=out / "console.log", is_guest=True, stop_s=STOP_S, tries=1)
        try:
            return trial.boot(program, boot, out, on_line)
        finally:
            require_clean()


def _put_kvm(kvm: KvmBuild, folder: Path) -> list[str]:
    """The hooked KVM and its driver beside the script; the modules' names. Both vendors'."""
    both = [*kvm.modules, ("kvm-intel", kvm.folder / "arch/x86/kvm/kvm-intel.ko")]
    for name, ko in both:
        (folder / "modules" / f"{name}.ko").write_bytes(ko.read_bytes())
    (folder / "drive").write_bytes(kvm.driver.read_bytes())
    (folder / "drive").chmod(0o755)
    return [name for name, _ in both]


def announcement(load: Load) -> list[str]:
    """What the run is going to do to this machine, a line each."""
    replaced = [] if load.kvm is None else [
        "  METAL   kvm and its vendor module are taken out, and put back at the end; it refuses "
        "while a VM runs"]
    modules = " ".join(str(listed["module"]) for listed in load.listed)
    return [f"  METAL   {platform.release()} on {platform.machine()}, this very machine:",
            *replaced,
            f"  METAL   insmod, {len(load.plan.cases)} cases, rmmod, "
            f"{'all together' if load.turns else 'one by one'}: {modules}",
            "  METAL   memory cgroup /sys/fs/cgroup/extspt for the time of the run; the kernel "
            "stays tainted (O) until a reboot"]


def leftovers() -> list[str]:
    """Modules of this project in the running kernel."""
    lines = Path("/proc/modules").read_text().splitlines()
    return [name for line in lines if (name := line.split(" ", 1)[0]).startswith("extspt_")]


def require_clean() -> None:
    """GuestError when a module of ours is still there."""
    if left := leftovers():
        raise GuestError(f"still loaded: {' '.join(left)}", where="boot metal",
                         fix=f"rmmod {' '.join(left)}; where that hangs, reboot")


def allow_kvm(yes: bool, host: str, runner: str) -> None:
    """UsageError unless the user has said that this machine's kvm modules may be replaced."""
    if runner == Metal.name and host == render.KVM and not yes:
        raise UsageError("runner metal with host kvm takes this machine's kvm modules out",
                         fix=f"stop its VMs; {KVM_OPTION} says that it is meant")
    if yes and (runner != Metal.name or host != render.KVM):
        raise UsageError(f"{KVM_OPTION} is for runner metal with host kvm only", fix="leave it out")
    Metal.real_tds = yes and tdxhost.ready()


def refuse_tds(boots: Sequence[str], host: str) -> None:
    """UsageError for real TDs under the twin, which has none."""
    if TDX in boots and host != render.KVM:
        raise UsageError(f"boot {TDX} creates TDs with KVM", fix="give --host kvm")


def allow(yes: bool, runner: str) -> None:
    """Take the user's word; UsageError when it is given to a runner that needs none."""
    if yes and runner != Metal.name:
        raise UsageError(f"{OPTION} is for runner metal only", fix="leave it out")
    Metal.allowed = yes
    if yes and (left := leftovers()):
        raise RigError(f"already loaded: {' '.join(left)}", fix=f"rmmod {' '.join(left)}")


RUNNER = Metal()
