# SPDX-License-Identifier: GPL-2.0-only
"""The model's user-space programs (kmod/seam/host): built once per flavour, under build/seam."""

from __future__ import annotations

from pathlib import Path

from generator import layout, proc
from generator.errors import BuildError, RigError

FLAVOURS = {"plain": "", "asan": "address,undefined", "tsan": "thread"}
PROGRAMS = ("replay", "bench", "fuzz", "collide", "across", "selftest")
HOST = layout.KMOD / "seam" / "host"
_BUILD_S = 300.0


def build(flavour: str = "plain", folder: Path | None = None) -> Path:
    """Folder with the programs, up to date. Raises BuildError with the compiler's words."""
    proc.which("gcc", "gcc")
    folder = folder or layout.BUILD / "seam" / flavour
    sanitize = [f"SANITIZE={FLAVOURS[flavour]}"] if FLAVOURS[flavour] else []
    done = proc.run([proc.which("make", "make"), "-s", "-C", HOST, f"O={folder}", *sanitize],
                    timeout=_BUILD_S)
    if not done.ok:
        raise BuildError("the SEAM model does not build in user space",
                         where=str(layout.shown(HOST)), fix="mend the code named below",
                         evidence=done.output)
    return folder


def run(folder: Path, program: str, *options: str | Path, timeout: float = 600.0) -> str:
    """Output of a program that must succeed; RigError with its last words otherwise."""
    done = proc.run([folder / program, *options], timeout=timeout)
    if not done.ok:
        raise RigError(f"exit status {done.returncode}", where=f"{folder.name}/{program}",
                       fix="a fault of the SEAM model or of its harness",
                       evidence=done.output[-4000:])
    return done.output
