# SPDX-License-Identifier: GPL-2.0-only
"""One try to run a guest program, watched from start to end; and a second one where that is fair.

What the runners share: each of them only says which program to start and how to pin it.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from generator import proc
from generator.errors import RigError
from generator.runners import Attempt, LostGuest, OnLine, RunOutput
from generator.runs import watch
from generator.runs.watch import Limits, Outcome, Watch

POLL_S = 0.1
GRACE_S = 10.0
"""From the guest's last line, or a panic, to the end of its program."""
_EARLY = (Outcome.NO_BOOT, Outcome.STALLED, Outcome.PANIC)


@dataclass(frozen=True)
class Program:
    """The program that is the guest. ``name``: as errors call it.

    ``pin``: told the process id until it returns True, None when there is nothing to pin.
    ``console``: file that takes its output; None when it writes its console itself.
    ``is_guest``: it is the guest's kernel itself, so that a panic is its exit status.
    ``tries``: how often a boot may be tried. ``stop_s``: seconds it has to end when told to.
    """

    name: str
    argv: list[str]
    limits: Limits
    pin: Callable[[int], bool] | None
    oversubscribed: bool = False
    cwd: Path | None = None
    env: Mapping[str, str] | None = None
    console: Path | None = None
    poll_s: float = POLL_S
    is_guest: bool = False
    tries: int = 2
    stop_s: float = 3.0


def boot(program: Program, name: str, out: Path, on_line: OnLine) -> RunOutput:
    """Run once; once more if it may be, when the kernel hung or died before any insmod.

    ``name``: of the boot. Raises LostGuest when the guest fails, RigError when the program does.
    """
    attempts: list[Attempt] = []
    while True:
        trial = _Trial(program, name, out, on_line)
        outcome = trial.run()
        attempts.append(Attempt(round(trial.wall_s, 2), outcome.value))
        output = trial.output(tuple(attempts))
        if outcome is Outcome.DONE:
            return output
        # QEMU 7.2 breaks the flags at a cmpxchg16b now and then: Debian's 6.12 then dies while it
        # boots, about once in seven. Before any module is there, that is no design's doing.
        early = outcome in _EARLY and not trial.watch.inserted
        if not early or len(attempts) >= program.tries:
            raise _lost(name, outcome, output, trial.watch.fatal)
        output.console.replace(out / "console.attempt1.log")
        proc.note(f"  RETRY  {name}: {outcome.value} after {trial.wall_s:.0f} s")


class _Trial:
    """One process from start to end."""

    def __init__(self, program: Program, boot_name: str, out: Path, on_line: OnLine) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self._program, self._boot = program, boot_name
        self._serial, self._console = out / "serial.txt", out / "console.log"
        for file in (self._serial, self._console):
            file.unlink(missing_ok=True)
        limits = Limits.from_environment(program.limits.boot_s, program.limits.case_s)
        self._start = time.monotonic()
        self._pinned = False
        self.watch = Watch(self._serial, self._console, limits, self._start, on_line)
        self.wall_s = 0.0

    def run(self) -> Outcome:
        """Start the program, follow it to its end. Raises RigError when it fails by itself."""
        program = self._program
        with proc.spawned(program.argv, cwd=program.cwd, env=program.env,
                          output=program.console, grace=program.stop_s) as child:
            given_up = self._follow(child)
            if given_up:
                proc.end(child, program.stop_s)
            self.wall_s = time.monotonic() - self._start
            self.watch.poll(time.monotonic())
            self._check_exit(child, given_up)
        return self.watch.verdict(given_up)

    def output(self, attempts: tuple[Attempt, ...]) -> RunOutput:
        """What this try left behind."""
        return RunOutput(self._serial, self._console, attempts, self._pinned,
                         self._program.oversubscribed, tuple(self.watch.warnings))

    def _follow(self, child: subprocess.Popen[str]) -> Outcome | None:
        """Wait until the program ends (None) or there is a reason to end it."""
        deadline = float("inf")
        pin = self._program.pin
        while child.poll() is None:
            now = time.monotonic()
            self.watch.poll(now)
            if self.watch.ended or self.watch.fatal:
                deadline = min(deadline, now + GRACE_S)
            overdue = self.watch.overdue(now)
            if overdue or now > deadline:
                return overdue or Outcome.LOST
            if pin is not None and not self._pinned:
                self._pinned = pin(child.pid)
            time.sleep(self._program.poll_s)
        return None

    def _check_exit(self, child: subprocess.Popen[str], given_up: Outcome | None) -> None:
        guests_fault = self._program.is_guest and (self.watch.booted or self.watch.fatal)
        if given_up or child.returncode == 0 or guests_fault:
            return
        name = self._program.name
        said = child.stdout.read().strip() if child.stdout else watch.tail(self._console)
        how = (f"signal {-child.returncode}" if child.returncode < 0
               else f"exit status {child.returncode}")
        raise RigError(f"{name} ended with {how}", where=f"boot {self._boot}",
                       fix="its own message is below",
                       evidence=said or f"({name} printed nothing)")


def pin(threads: Mapping[int, int]) -> bool:
    """Bind threads to cores (thread id -> core); False when one of them is gone."""
    try:
        for thread, core in threads.items():
            os.sched_setaffinity(thread, {core})
    except OSError:
        return False
    return True


def _lost(boot_name: str, outcome: Outcome, output: RunOutput, fatal: str) -> LostGuest:
    what = {
        Outcome.NO_BOOT: f"the guest never reached its init, in {len(output.attempts)} attempts",
        Outcome.STALLED: "the guest stopped making progress",
        Outcome.PANIC: f"the guest's kernel died: {fatal}",
    }.get(outcome, "the guest ended without its last line")
    return LostGuest(f"{what} ({output.attempts[-1].wall_s:.0f} s)", output,
                     where=f"boot {boot_name}", evidence=watch.tail(output.console),
                     fix=f"the end of its console is below, all of it in {output.console}")
