# SPDX-License-Identifier: GPL-2.0-only
"""QEMU without KVM: icount for exact counts of instructions, MTTCG for real contention."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator import proc, watch
from generator.errors import RigError
from generator.runners import Attempt, Guest, LostGuest, OnLine, RunOutput
from generator.watch import Limits, Outcome, Watch

PROGRAM = "qemu-system-x86_64"
PACKAGE = "qemu-system-x86"
CPU_MODEL = "Nehalem-v1"
"""A CPU by name, so that every QEMU means the same one, and one without ERMS: rep movsb counts one
instruction per byte there and would drown everything else."""

#: No KASLR and a fixed seed (see command()): two icount boots then agree to the last instruction.
#: tsc=, no_timer_check, mitigations= and lpj= were tried: none shortens the boot.
CMDLINE = "console=ttyS0 panic=-1 oops=panic quiet loglevel=5 nokaslr rdinit=/init"
POLL_S = 0.1
GRACE_S = 10.0
"""From the guest's last line, or a panic, to the end of QEMU."""


@dataclass(frozen=True)
class Mode:
    """One way to run TCG, and the limits to its patience."""

    tier: str
    unit: str
    limits: Limits
    threads: bool

    def arguments(self, vcpus: int) -> list[str]:
        """QEMU's options. Under icount there is one CPU: its CPUs would take turns anyway."""
        if self.threads:
            return ["-accel", "tcg,thread=multi", "-smp", str(vcpus)]
        return ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-smp", "1"]


MODES = {
    "icount": Mode("count", "instructions", Limits(60, 60), threads=False),
    "mttcg": Mode("model", "ns", Limits(40, 60), threads=True),
}


class Qemu:
    """The runner. It keeps no state between boots."""

    name = "qemu"
    boots: Mapping[str, tuple[str, str]] = {n: (m.tier, m.unit) for n, m in MODES.items()}

    def available(self) -> str | None:
        """None, or that QEMU is missing."""
        if shutil.which(PROGRAM):
            return None
        return f"{PROGRAM} is not installed (Debian package {PACKAGE})"

    def facts(self) -> dict[str, Any]:
        """QEMU's version, the CPU model and the kernel's command line."""
        done = proc.query([proc.which(PROGRAM, PACKAGE), "--version"])
        version = done.output.partition("\n")[0].removeprefix("QEMU emulator version ")
        return {"qemu": {"version": version, "path": PROGRAM}, "cpu_model": CPU_MODEL,
                "cmdline": CMDLINE}

    def command(self, boot: str, guest: Guest, out: Path) -> list[str]:
        """The QEMU command line of a boot."""
        return [
            proc.which(PROGRAM, PACKAGE), "-name", "extspt,debug-threads=on",
            "-machine", "pc", *MODES[boot].arguments(guest.vcpus), "-cpu", CPU_MODEL,
            "-m", str(guest.memory_mib), "-nodefaults", "-no-user-config", "-no-reboot",
            "-display", "none",
            # The boot loader's random seed, the calendar and its clock must not vary.
            "-seed", "1", "-rtc", "base=2026-01-01T00:00:00,clock=vm",
            "-kernel", str(guest.image), "-initrd", str(guest.initramfs), "-append", CMDLINE,
            "-serial", f"file:{out / 'console.log'}", "-serial", f"file:{out / 'serial.txt'}",
        ]

    def boot(self, boot: str, guest: Guest, out: Path, on_line: OnLine) -> RunOutput:
        """Boot once, and once more when the kernel hung before any module was inserted."""
        attempts: list[Attempt] = []
        while True:
            attempt = _Try(self.command(boot, guest, out), boot, guest, out, on_line)
            outcome = attempt.run()
            attempts.append(Attempt(round(attempt.wall_s, 2), outcome.value))
            output = attempt.output(tuple(attempts))
            if outcome is Outcome.DONE:
                return output
            hung = outcome in (Outcome.NO_BOOT, Outcome.STALLED) and not attempt.watch.inserted
            if not hung or len(attempts) > 1:
                raise _lost(boot, outcome, output, attempt.watch.fatal)
            output.console.replace(out / "console.attempt1.log")
            proc.note(f"  RETRY  {boot}: {outcome.value} after {attempt.wall_s:.0f} s")


class _Try:
    """One QEMU process from start to end."""

    def __init__(self, argv: list[str], boot: str, guest: Guest, out: Path,
                 on_line: OnLine) -> None:
        out.mkdir(parents=True, exist_ok=True)
        mode = MODES[boot]
        self._argv, self._boot, self._mode, self._guest = argv, boot, mode, guest
        self._serial, self._console = out / "serial.txt", out / "console.log"
        for file in (self._serial, self._console):
            file.unlink(missing_ok=True)
        self._limits = Limits.from_environment(mode.limits.boot_s, mode.limits.case_s)
        self._start = time.monotonic()
        self._cores = sorted(os.sched_getaffinity(0))
        self._pinned = False
        self.watch = Watch(self._serial, self._console, self._limits, self._start, on_line)
        self.wall_s = 0.0

    def run(self) -> Outcome:
        """Start QEMU, follow it to its end. Raises RigError when QEMU itself fails."""
        with proc.spawned(self._argv) as child:
            given_up = self._follow(child)
            if given_up:
                proc.end(child)
            self._check_exit(child, given_up)
        self.wall_s = time.monotonic() - self._start
        self.watch.poll(time.monotonic())
        return self.watch.verdict(given_up)

    def output(self, attempts: tuple[Attempt, ...]) -> RunOutput:
        """What this try left behind."""
        return RunOutput(self._serial, self._console, attempts, self._pinned, self._oversubscribed,
                         tuple(self.watch.warnings))

    @property
    def _oversubscribed(self) -> bool:
        return self._mode.threads and self._guest.vcpus > len(self._cores)

    def _follow(self, child: subprocess.Popen[str]) -> Outcome | None:
        """Wait until QEMU ends (None) or there is a reason to end it."""
        deadline = float("inf")
        while child.poll() is None:
            now = time.monotonic()
            self.watch.poll(now)
            if self.watch.ended or self.watch.fatal:
                deadline = min(deadline, now + GRACE_S)
            overdue = self.watch.overdue(now)
            if overdue or now > deadline:
                return overdue or Outcome.LOST
            if self._mode.threads and not self._pinned and not self._oversubscribed:
                self._pinned = pin(child.pid, self._guest.vcpus, self._cores)
            time.sleep(POLL_S)
        return None

    def _check_exit(self, child: subprocess.Popen[str], given_up: Outcome | None) -> None:
        if given_up or child.returncode == 0:
            return
        said = child.stdout.read().strip() if child.stdout else ""
        how = (f"signal {-child.returncode}" if child.returncode < 0
               else f"exit status {child.returncode}")
        raise RigError(f"QEMU ended with {how}", where=f"boot {self._boot}",
                       fix="its own message is below",
                       evidence=said or "(QEMU printed nothing)")


def pin(pid: int, vcpus: int, cores: list[int]) -> bool:
    """Give each vCPU thread of a QEMU process a core of its own; False until all threads exist."""
    threads: dict[int, int] = {}
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            name = (task / "comm").read_text().strip()
        except OSError:  # the thread ended meanwhile
            continue
        if name.startswith("CPU ") and name.endswith("/TCG"):
            threads[int(name[4:-4])] = int(task.name)
    if len(threads) != vcpus:
        return False
    try:
        for index, thread in threads.items():
            os.sched_setaffinity(thread, {cores[index]})
    except OSError:
        return False
    return True


def _lost(boot: str, outcome: Outcome, output: RunOutput, fatal: str) -> LostGuest:
    what = {
        Outcome.NO_BOOT: f"the guest never reached its init, in {len(output.attempts)} attempts",
        Outcome.STALLED: "the guest stopped making progress",
        Outcome.PANIC: f"the guest's kernel died: {fatal}",
    }.get(outcome, "the guest ended without its last line")
    return LostGuest(f"{what} ({output.attempts[-1].wall_s:.0f} s)", output, where=f"boot {boot}",
                     fix=f"the end of its console is below, all of it in {output.console}",
                     evidence=watch.tail(output.console))


RUNNER = Qemu()
