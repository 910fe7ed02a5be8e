# SPDX-License-Identifier: GPL-2.0-only
"""QEMU: icount for exact counts of instructions, MTTCG for real contention, KVM on request."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator import proc, runners
from generator.kvm import kvmhost
from generator.runners import Guest, Load, OnLine, RunOutput
from generator.runs import honesty, initramfs, kvmprobe, trial
from generator.runs.trial import Program
from generator.runs.watch import Limits
from generator.trees.kernel import KernelTree

PROGRAM = "qemu-system-x86_64"
PACKAGE = "qemu-system-x86"
CPU_MODEL = "Nehalem-v1"
"""A CPU by name, so that every QEMU means the same one, and one without ERMS: rep movsb counts one
instruction per byte there and would drown everything else."""

#: No KASLR and a fixed seed (see command()): two icount boots then agree to the last instruction.
#: tsc=, no_timer_check, mitigations= and lpj= were tried: none shortens the boot.
CMDLINE = "console=ttyS0 panic=-1 oops=panic quiet loglevel=5 nokaslr rdinit=/init"


@dataclass(frozen=True)
class Mode:
    """One way to run QEMU, and the limits to its patience."""

    tier: str
    unit: str
    limits: Limits
    threads: bool
    cpu: str = CPU_MODEL

    def arguments(self, vcpus: int) -> list[str]:
        """QEMU's options. Under icount there is one CPU: its CPUs would take turns anyway."""
        if self.tier == honesty.NATIVE:
            return ["-accel", "kvm", "-smp", str(vcpus)]
        if self.threads:
            return ["-accel", "tcg,thread=multi", "-smp", str(vcpus)]
        return ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-smp", "1"]


MODES = {
    "icount": Mode("count", "instructions", Limits(60, 60), threads=False),
    "mttcg": Mode("model", "ns", Limits(40, 60), threads=True),
    "kvm": Mode(honesty.NATIVE, "ns", Limits(20, 60), threads=True, cpu="host"),
}


class Qemu:
    """The runner. It keeps no state between boots."""

    name, arch, replicate = "qemu", "x86", "boot"
    boots: Mapping[str, tuple[str, str]] = {n: (m.tier, m.unit) for n, m in MODES.items()}

    def available(self) -> str | None:
        """None, or that QEMU is missing."""
        if shutil.which(PROGRAM):
            return None
        return f"{PROGRAM} is not installed (Debian package {PACKAGE})"

    def choose(self, wanted: Sequence[str] | None, tree: KernelTree) -> list[str]:
        """The boots without KVM, which give the same figures everywhere, unless others are named.

        KVM is replaced by MTTCG where a guest of it does not boot; a line says why.
        """
        if wanted is None:
            return [name for name, mode in MODES.items() if mode.tier != honesty.NATIVE]
        if "kvm" not in wanted or proc.dry_run():
            return list(wanted)
        image = self.image(tree)
        why = kvmprobe.failure(
            lambda initrd, out: self.command("kvm", Guest(image, initrd, 1), out))
        if why:
            proc.note(f"  NOTE    KVM does not work here ({why}); MTTCG instead, tier model")
        return list(dict.fromkeys("mttcg" if why and name == "kvm" else name for name in wanted))

    def facts(self) -> dict[str, Any]:
        """QEMU's version, the CPU model and the kernel's command line."""
        done = proc.query([proc.which(PROGRAM, PACKAGE), "--version"])
        version = done.output.partition("\n")[0].removeprefix("QEMU emulator version ")
        return {"qemu": {"version": version, "path": PROGRAM}, "cmdline": CMDLINE,
                "cpu_model": CPU_MODEL}

    def image(self, tree: KernelTree) -> Path:
        """The kernel's image; vmlinux where it has the PVH entry."""
        runners.require_arch(tree, "x86_64", self.name)
        return tree.need_image()

    def prepare(self, guest: Guest, load: Load) -> None:
        """Write the initramfs; the records go to the second serial port."""
        initramfs.write_guest(guest.initramfs, load, "exec 3>/dev/ttyS1")

    def command(self, boot: str, guest: Guest, out: Path) -> list[str]:
        """The QEMU command line of a boot."""
        return [
            proc.which(PROGRAM, PACKAGE), "-name", "extspt,debug-threads=on",
            "-machine", "pc", *MODES[boot].arguments(guest.vcpus),
            "-cpu", MODES[boot].cpu + (kvmhost.CPU if guest.svm else ""),
            "-m", str(guest.memory_mib), "-nodefaults", "-no-user-config", "-no-reboot",
            "-display", "none",
            # The boot loader's random seed, the calendar and its clock must not vary.
            "-seed", "1", "-rtc", "base=2026-01-01T00:00:00,clock=vm",
            "-kernel", str(guest.image), "-initrd", str(guest.initramfs), "-append",
            " ".join((CMDLINE, *guest.options)),
            "-serial", f"file:{out / 'console.log'}", "-serial", f"file:{out / 'serial.txt'}",
        ]

    def boot(self, boot: str, guest: Guest, out: Path, on_line: OnLine) -> RunOutput:
        """Boot once, and once more when the kernel hung before any module was inserted."""
        mode, cores = MODES[boot], sorted(os.sched_getaffinity(0))
        too_many = mode.threads and guest.vcpus > len(cores)
        wanted = mode.threads and guest.pinned and not too_many
        pinning = (lambda pid: pin(pid, guest.vcpus, cores)) if wanted else None
        return trial.boot(Program("QEMU", self.command(boot, guest, out),
                                  guest.limits or mode.limits, pinning, oversubscribed=too_many),
                          boot, out, on_line)


def pin(pid: int, vcpus: int, cores: list[int]) -> bool:
    """Give each vCPU thread of a QEMU process a core of its own; False until all threads exist."""
    threads: dict[int, int] = {}
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            name = (task / "comm").read_text().strip()
        except OSError:  # the thread ended meanwhile
            continue
        if name.startswith("CPU ") and name.endswith(("/TCG", "/KVM")):
            threads[int(name[4:-4])] = int(task.name)
    if len(threads) != vcpus:
        return False
    return trial.pin({thread: cores[index] for index, thread in threads.items()})


RUNNER = Qemu()
