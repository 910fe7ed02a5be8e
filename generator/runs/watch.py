# SPDX-License-Identifier: GPL-2.0-only
"""Watching a guest while it runs: its record port, its console, and when to give it up."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from generator.errors import UsageError

TAIL_LINES = 30
BOOT, INSMOD, TURN, CASE, END = (
    f"EXTSPT {word} " for word in ("BOOT", "INSMOD", "TURN", "CASE", "END"))
#: The guest is beyond help; the kernel command line turns an oops into a panic as well.
FATAL = re.compile(r"Kernel panic|\bOops\b|BUG: unable to handle|general protection fault"
                   r"|double fault|kernel BUG at")
#: The guest goes on, but its figures need a second look.
WARNING = re.compile(r"\bWARNING: |\bBUG: |\bKASAN: |soft lockup|rcu_\w+ (?:self-)?detected stall"
                     r"|blocked for more than \d+ seconds|possible circular locking")


class Outcome(Enum):
    """How one try to boot ended."""

    DONE = "done"
    NO_BOOT = "no sign of life"
    STALLED = "stalled"
    PANIC = "panic"
    LOST = "ended without its last line"


@dataclass(frozen=True)
class Limits:
    """Seconds until the guest's first line, and between two signs of progress after it."""

    boot_s: float
    case_s: float

    @classmethod
    def from_environment(cls, boot_s: float, case_s: float) -> Limits:
        """These limits, unless EXTSPT_BOOT_TIMEOUT or EXTSPT_CASE_TIMEOUT says otherwise."""
        return cls(_seconds("EXTSPT_BOOT_TIMEOUT", boot_s), _seconds("EXTSPT_CASE_TIMEOUT", case_s))


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise UsageError(f"{name}={text} is not a number of seconds", fix="give a number above 0")
    return value


class Follower:
    """Reads a growing text file; lines() gives the whole lines that came since the last call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._partial = b""

    @property
    def size(self) -> int:
        """Bytes seen so far."""
        return self._offset

    def lines(self) -> list[str]:
        """New complete lines, without their ends."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._offset)
            fresh = file.read()
        self._offset += len(fresh)
        *whole, self._partial = (self._partial + fresh).split(b"\n")
        return [line.decode(errors="replace").rstrip("\r") for line in whole]


class Watch:
    """State of one try to boot, from the two serial ports and the clock.

    The guest is retried only while ``inserted`` is false: from the first insmod on, a hang may be
    the fault of what is measured. ``fatal`` is the console line that says the kernel is dead.
    """

    def __init__(self, serial: Path, console: Path, limits: Limits, now: float,
                 on_line: Callable[[str], None]) -> None:
        self._serial, self._console = Follower(serial), Follower(console)
        self._limits, self._on_line = limits, on_line
        self._last_progress = now
        self.booted = self.inserted = self.ended = False
        self.fatal = ""
        self.warnings: list[str] = []

    def poll(self, now: float) -> None:
        """Take in what the guest wrote since the last call."""
        size = self._serial.size
        for line in self._serial.lines():
            self.booted |= line.startswith(BOOT)
            self.inserted |= line.startswith(INSMOD)
            self.ended |= line.startswith(END)
            self._on_line(line)
        for line in self._console.lines():
            if FATAL.search(line):
                self.fatal = self.fatal or line.rpartition("] ")[2]
            elif WARNING.search(line):
                self.warnings.append(line)
        # Before the first line only the boot limit counts, however much the firmware prints.
        if self._serial.size > size and self.booted:
            self._last_progress = now

    def overdue(self, now: float) -> Outcome | None:
        """The reason to give the guest up now, if there is one."""
        silent = now - self._last_progress
        if not self.booted and silent > self._limits.boot_s:
            return Outcome.NO_BOOT
        return Outcome.STALLED if silent > self._limits.case_s and self.booted else None

    def verdict(self, given_up: Outcome | None) -> Outcome:
        """How it ended, once the guest is gone."""
        if self.fatal:
            return Outcome.PANIC
        if self.ended:
            return Outcome.DONE
        return given_up or Outcome.LOST


def under_way(serial: str, planned: Sequence[tuple[str, str]]) -> str:
    """What the guest was at when it was lost: "variant workload", "inserting variant" or "".

    ``serial`` is the text of its record port, ``planned`` each case's (variant, workload).
    """
    heads = [line.split() for line in serial.splitlines() if line.startswith("EXTSPT ")]
    done = sum(words[1] == "CASE" for words in heads)
    if not heads or done >= len(planned):
        return ""
    variant, workload = planned[done]
    if heads[-1][1] == "INSMOD":
        return f"inserting {heads[-1][2]}"
    if heads[-1][1] == "TURN":
        return " ".join(heads[-1][2:])
    at_it = heads[-1][1] in ("INFO", "CASE") and heads[-1][2 if heads[-1][1] == "INFO" else 3]
    return f"{variant} {workload}" if at_it == variant else ""


def tail(console: Path) -> str:
    """The last lines of a console, the evidence of a lost guest."""
    if not console.exists():
        return "(no console output)"
    lines = console.read_text(errors="replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:]) or "(no console output)"
