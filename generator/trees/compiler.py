# SPDX-License-Identifier: GPL-2.0-only
"""Compilers: which one a tree was built with, which one is here, and whether that one can do it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from generator import proc

# What a configuration asks of gcc, the first version that has it, and how it shows.
_GCC_NEEDS = (("CC_HAS_MIN_FUNCTION_ALIGNMENT", 14, "-fmin-function-alignment"),
              ("CC_HAS_COUNTED_BY_PTR", 16, "counted_by on pointers"))
_CLANG = re.compile(r"\bclang version (\d+)")
_VERSION = re.compile(r"(\d+)\.\d+(?:\.\d+)?")


def version_line(program: str, inside: tuple[str, ...] = ()) -> str:
    """First line of the compiler's --version, or "" when it is not there.

    ``inside``: the words that run it in another root.
    """
    if not inside and shutil.which(program) is None:
        return ""
    outcome = proc.query([*inside, program, "--version"])
    return outcome.output.partition("\n")[0].strip() if outcome.ok else ""


def program_of(version_text: str) -> str:
    """Compiler program of a CC_VERSION_TEXT ("gcc-12 (Debian ...) 12.2.0" -> "gcc-12").

    It does not say which clang was called; the one with its version is surely as good.
    """
    if found := _CLANG.search(version_text):
        numbered = f"clang-{found[1]}"
        return numbered if shutil.which(numbered) else "clang"
    return version_text.split(" ", 1)[0] or "gcc"


def mend(program: str) -> str:
    """How to get a compiler that is not here; Debian's headers call it by its triplet."""
    return (f"apt-get install {program.removeprefix('x86_64-linux-gnu-')}; where this release has "
            "none: 'extspt tree fetch SUITE' gets the headers with their compiler")


def major(version: str) -> int:
    """Major version in a version line; 0 when it names none."""
    found = _VERSION.search(re.sub(r"\(.*?\)", "", version))
    return int(found[1]) if found else 0


def make_words(name: str) -> tuple[str, ...]:
    """Options of make that choose a compiler: gcc-14, clang or clang-19."""
    if name.startswith("clang"):
        return (f"LLVM={name.removeprefix('clang') or '1'}",)
    return () if name == "gcc" else (f"CC={name}",)


def too_old(config: Mapping[str, str], version: str) -> str:
    """What the configuration asks for and this gcc lacks, "" when there is nothing known."""
    if "clang" in version or not major(version):
        return ""
    lacking = [f"{shows} (gcc {first})" for option, first, shows in _GCC_NEEDS
               if config.get(option) == "y" and major(version) < first]
    return " and ".join(lacking)


def least(source: Path, tool: str = "gcc") -> str:
    """The oldest version of a tool the source accepts, from its own script; "" without one."""
    script = source / "scripts/min-tool-version.sh"
    if not script.is_file():
        return ""
    outcome = proc.query(["sh", script, tool])
    return outcome.output.strip() if outcome.ok else ""


def older(version: str, least_version: str) -> bool:
    """Whether a version line (or number) is older than ``least_version``."""
    found = _VERSION.search(re.sub(r"\(.*?\)", "", version))
    if not found or not least_version:
        return False
    return _numbers(found[0]) < _numbers(least_version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
