# SPDX-License-Identifier: GPL-2.0-only
"""Where figures come from: the suite's commit, the host, the tools. No path, no host name."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import shutil
from pathlib import Path
from typing import Any

from generator import layout, proc

TOOLS = ("extspt-bench", "asv", "jinja2", "kconfiglib", "matplotlib", "numpy", "pandas", "rich",
         "scipy")


def suite(root: Path = layout.ROOT) -> dict[str, Any]:
    """Commit of the suite (None without git) and whether the tree differs from it.

    What lies in results/ was made by the suite and is no part of it.
    """
    commit = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--", ".", ":!results")
    return {"commit": commit, "dirty": bool(commit and changed)}


def _git(root: Path, *words: str) -> str | None:
    if shutil.which("git") is None:
        return None
    done = proc.query(["git", "-C", root, *words])
    return done.output.strip() if done.ok else None


def host() -> dict[str, Any]:
    """CPUs this process may use, CPU model, load and kernel of the machine the boots run on."""
    return {"cpus": len(os.sched_getaffinity(0)), "model": _cpu("model name") or "unknown",
            "load": load(), "kernel": platform.release(), **settings()}


def settings(root: Path = Path("/")) -> dict[str, Any]:
    """Microcode, SMT, frequency governor and mitigations in force; what is not known is left out.

    Vulnerabilities that do not affect the CPU are no setting.
    """
    cpu = root / "sys/devices/system/cpu"
    found: dict[str, Any] = {"microcode": _cpu("microcode", root),
                             "smt": _first_line(cpu / "smt/control"),
                             "governor": _first_line(cpu / "cpu0/cpufreq/scaling_governor")}
    held = {path.name: said for path in sorted((cpu / "vulnerabilities").glob("*"))
            if (said := _first_line(path)) and said != "Not affected"}
    return {name: value for name, value in (found | {"mitigations": held}).items() if value}


def _first_line(path: Path) -> str:
    """The first line of a file, "" when there is none."""
    try:
        return path.read_text().partition("\n")[0].strip()
    except OSError:
        return ""


def load() -> list[float]:
    """Load averages over 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def _cpu(field: str, root: Path = Path("/")) -> str:
    """A field of /proc/cpuinfo for the first CPU, "" when it has none."""
    try:
        lines = (root / "proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")


def tool_versions() -> dict[str, str]:
    """Version of Python and of each package that has a part in the figures."""
    found = {"python": platform.python_version()}
    for name in TOOLS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def sha256(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
