# SPDX-License-Identifier: GPL-2.0-only
"""One exception class and one exit code per stage.

Raised where the fault is found, caught only in ``generator.cli.main``, which prints
what happened, where, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable


class ExtsptError(Exception):
    """A failure the user can act on.

    ``what``: the fact, ``where``: file, line, variant or boot it was found in,
    ``fix``: what to do next. ``evidence`` is shown below and never shortened away
    (a console tail, a compiler's message).
    """

    exit_code = 1
    stage = "internal"

    def __init__(self, what: str, *, where: str = "", fix: str = "", evidence: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.fix, self.evidence = what, where, fix, evidence

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  {self.fix}" if self.fix else head


class UsageError(ExtsptError):
    """The command line asks for something that does not exist."""

    exit_code, stage = 2, "usage"


class Skipped(ExtsptError):
    """Nothing to do here, and why (kselftest's exit code for skip)."""

    exit_code, stage = 4, "skip"


class ConfigError(ExtsptError):
    """A fragment or a Kconfig file is wrong."""

    exit_code, stage = 10, "config"


class RenderError(ExtsptError):
    """A template could not be rendered or staged."""

    exit_code, stage = 11, "render"


class BuildError(ExtsptError):
    """The tree cannot build modules, or Kbuild failed."""

    exit_code, stage = 12, "build"


class GateError(ExtsptError):
    """A variant failed a correctness check."""

    exit_code, stage = 13, "gate"


class GuestError(ExtsptError):
    """The kernel under test did not boot, panicked or hung."""

    exit_code, stage = 14, "boot"


class RigError(ExtsptError):
    """Our own rig failed: QEMU is missing, the disk is full, a tool died."""

    exit_code, stage = 15, "rig"


class DataError(ExtsptError):
    """Records are missing, truncated or corrupt."""

    exit_code, stage = 16, "data"


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name nobody knows; lists the known ones."""
    return UsageError(f"unknown {kind} '{name}'", fix=f"known: {', '.join(sorted(known))}")
