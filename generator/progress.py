# SPDX-License-Identifier: GPL-2.0-only
"""What a user sees while a guest runs or a kernel is built."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from generator import proc
from generator.runs import watch
from generator.runs.plan import BootPlan


class CaseProgress:
    """One line on stderr for each finished case, and a bar below them on a terminal.

    Of a boot with several blocks only the failed cases are named.
    """

    def __init__(self, boot: BootPlan, blocks: int = 1) -> None:
        self._boot, self._many = boot, blocks > 1
        self._bar = Progress(TextColumn(f"  {boot.name}"), BarColumn(), MofNCompleteColumn(),
                             TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
                             console=Console(stderr=True), transient=True,
                             disable=not sys.stderr.isatty())
        self._task = self._bar.add_task("", total=len(boot.cases) + len(boot.turns))

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._bar.stop()

    def __call__(self, line: str) -> None:
        """Take one line of the record port."""
        if line.startswith(watch.BOOT):
            if not self._many:
                self._say(f"  BOOT    {self._boot.name} {line.rpartition(' ')[2]}")
        elif line.startswith(watch.CASE):
            _, _, _, variant, workload, code, *_ = line.split()
            failed = "" if code == "rc=0" else f" ({code})"
            if failed or not self._many:
                self._say(f"  RUN     {self._boot.name} {variant} {workload}{failed}")
            self._bar.advance(self._task)
        elif line.startswith(watch.TURN):
            self._bar.advance(self._task)

    def _say(self, text: str) -> None:
        self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)


class BuildProgress:
    """Counts finished files of a long build: a bar on a terminal, else a line now and then."""

    EVERY_S = 20.0

    def __init__(self, title: str, counts: Callable[[str], bool]) -> None:
        self._title, self._counts, self._files = title, counts, 0
        self._start = self._said = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._bar = Progress(TextColumn(f"  {title}"), SpinnerColumn(),
                             TextColumn("{task.completed:.0f} files"), TimeElapsedColumn(),
                             TextColumn("{task.description}"), console=Console(stderr=True),
                             transient=True, disable=not self._terminal)
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._bar.stop()

    def __call__(self, line: str) -> None:
        """Take one line of the build."""
        if not self._counts(line):
            return
        self._files += 1
        self._bar.update(self._task, advance=1, description=line.rsplit(maxsplit=1)[-1])
        now = time.monotonic()
        if not self._terminal and now - self._said >= self.EVERY_S:
            self._said = now
            proc.note(f"  KERNEL  {self._title}: {self._files} files, {now - self._start:.0f} s")


class SweepProgress:
    """Cases and points of the gate's guests, which run side by side: a bar on a terminal."""

    def __init__(self, stage: str, cases: int) -> None:
        self._points = 0
        self._bar = Progress(TextColumn(f"  {stage}"), BarColumn(), MofNCompleteColumn(),
                             TextColumn("{task.description}"), TimeElapsedColumn(),
                             TextColumn("left"), TimeRemainingColumn(),
                             console=Console(stderr=True), transient=True,
                             disable=not sys.stderr.isatty())
        self._task = self._bar.add_task("0 points", total=cases)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._bar.stop()

    def __call__(self, line: str) -> None:
        """Take one line of a record port, from any thread."""
        if line.startswith("EXTSPT DONE "):
            self._points += 1
            self._bar.update(self._task, description=f"{self._points} points")
        elif line.startswith("EXTSPT MEMCG "):
            self._bar.advance(self._task)
