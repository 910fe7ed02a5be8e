# SPDX-License-Identifier: GPL-2.0-only
"""User Mode Linux: a kernel as a process, at native speed, with the kernel's own locks.

It needs neither root nor KVM. Its second serial line, which takes the records, is a file.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from generator import runners
from generator.runners import Guest, Load, OnLine, RunOutput
from generator.runs import initramfs, trial
from generator.runs.trial import Program
from generator.runs.watch import Limits
from generator.trees.kernel import KernelTree

TIER, UNIT = "native", "ns"
LIMITS = Limits(20, 60)
#: Boots take a fraction of a second: look often.
POLL_S = 0.02
#: What is not connected goes to the null channel: each would complain at boot. Records written to
#: a file by hostfs come half a minute late, hence a serial line. Several CPUs work in seccomp mode
#: only, and "auto" may fall back to ptrace without a word. lpj= is more than any host has: to
#: count the loops of a tick takes 12 ticks of 10 ms, and nothing here waits by udelay(). RCU need
#: not wait a tick before it looks who is idle: each VM's end waits for RCU.
CMDLINE = ("rdinit=/init", "seccomp=on", "con=null", "con0=null,fd:2", "ssl=null",
           "ssl1=null,fd:3", "panic=-1", "oops=panic", "quiet", "loglevel=5",
           "lpj=50000000", "rcutree.jiffies_till_first_fqs=0")
PORT = "exec 3>/dev/ttyS1"
#: Opens that line's file; exec, so that the process stays the one that was started.
SHELL = ("/bin/sh", "-c", 'exec "$0" "$@" 3>serial.txt')


class Uml:
    """The runner. It keeps no state between boots."""

    name, arch, replicate = "uml", "um", "boot"
    boots: Mapping[str, tuple[str, str]] = {"uml": (TIER, UNIT)}

    def available(self) -> str | None:
        """None: all it needs is the kernel."""
        return None

    def choose(self, wanted: Sequence[str] | None, tree: KernelTree) -> list[str]:
        """Its only boot."""
        return list(wanted or self.boots)

    def facts(self) -> dict[str, Any]:
        """The kernel's command line; the CPU is the host's."""
        return {"cpu_model": "the host's", "cmdline": " ".join(CMDLINE)}

    def image(self, tree: KernelTree) -> Path:
        """The program ``linux`` of an own build."""
        runners.require_arch(tree, "um", self.name)
        return tree.need_image()

    def prepare(self, guest: Guest, load: Load) -> None:
        """Write the initramfs."""
        initramfs.write_guest(guest.initramfs, load, PORT)

    def command(self, boot: str, guest: Guest, out: Path) -> list[str]:
        """The command line; it runs in ``out``, so that no path on it needs quoting."""
        return [*SHELL, str(guest.image.absolute()), f"mem={guest.memory_mib}M",
                f"ncpus={guest.vcpus}", f"initrd={guest.initramfs.name}", *CMDLINE, *guest.options]

    def boot(self, boot: str, guest: Guest, out: Path, on_line: OnLine) -> RunOutput:
        """Boot once, and once more when the kernel hung before any module was inserted."""
        cores = sorted(os.sched_getaffinity(0))
        too_many = guest.vcpus > len(cores)
        wanted = guest.pinned and not too_many
        pinning = (lambda pid: pin(pid, guest.vcpus, cores)) if wanted else None
        with tempfile.TemporaryDirectory(prefix="extspt-uml-") as home:
            return trial.boot(
                Program("UML", self.command(boot, guest, out), guest.limits or LIMITS, pinning,
                        too_many, cwd=out, env=environment(home, guest.memory_mib),
                        console=out / "console.log", poll_s=POLL_S, is_guest=True),
                boot, out, on_line)


def environment(home: str, memory_mib: int, shm: str = "/dev/shm") -> dict[str, str]:
    """UML writes to HOME, and its memory is a file: in the host's memory where that can be.

    In containers /dev/shm often is of 64 MiB, or does not let anything be executed, as UML must.
    """
    try:
        about = os.statvfs(shm)
        fits = (os.access(shm, os.W_OK) and not about.f_flag & os.ST_NOEXEC
                and about.f_bavail * about.f_frsize >= memory_mib << 20)
    except OSError:
        fits = False
    return {"HOME": home, "TMPDIR": shm if fits else home}


def pin(pid: int, vcpus: int, cores: list[int]) -> bool:
    """Give each vCPU thread a core of its own; False until all threads exist.

    The process has no other threads: the first is CPU 0, the kernel starts one for each further
    CPU in their order.
    """
    threads = sorted(int(task.name) for task in Path(f"/proc/{pid}/task").glob("*"))
    return len(threads) == vcpus and trial.pin(dict(zip(threads, cores, strict=False)))


RUNNER = Uml()
