# SPDX-License-Identifier: GPL-2.0-only
"""The only maker of paths. Everything is relative to the project's root."""

from __future__ import annotations

import os
from pathlib import Path

# Absolute, because Kbuild takes a relative M= from its own folder.
ROOT = Path(os.environ.get("EXTSPT_ROOT") or Path(__file__).parent.parent).resolve()

KMOD = ROOT / "kmod"
AXES = KMOD / "axes"
KVM_HOST = KMOD / "hosts" / "kvm"
VARIANTS = ROOT / "variants"
TEMPLATES = Path(__file__).resolve().parent / "templates"
COSTS = KMOD / "seam" / "costs"
BUILD = ROOT / "build"
KERNELS = BUILD / "kernels"
TREES = BUILD / "trees"
PREPARED = BUILD / "prepared"
SOURCES = BUILD / "sources"
OWN_KERNELS = BUILD / "kernels-own"
#: Written last into a folder of OWN_KERNELS: without it, it is not used.
OWN_STAMP = ".extspt-kernel.json"
TOOLS = BUILD / "tools"
HTML = BUILD / "html"
RESULTS = ROOT / "results"
RUNS = RESULTS / "runs"
REPORTS = RESULTS / "reports"
#: Reports and tables that are in git.
PUBLISHED = RESULTS / "published"
ASV_RESULTS = RESULTS / "asv"
CALIBRATION = RESULTS / "calibration.json"
#: What an interrupted calibration was to do.
CALIBRATING = BUILD / "calibrating.json"
README = ROOT / "README.md"


def staged(release: str, slug: str, root: Path = ROOT, host: str = "twin") -> Path:
    """Self-contained build folder of one variant for one kernel release and host."""
    above = () if host == "twin" else (f"{host}-host",)     # no variant's name has a dash
    return Path(root, "build", release, *above, slug)


def kvm_tree(release: str, root: Path = ROOT, *, hooked: bool = True) -> Path:
    """Folder of the hooked copy of KVM for one kernel release, and of what is built from it.

    Not ``hooked``: of the copy as it is, to compare with.
    """
    return root / "build" / release / ("kvm-tree" if hooked else "kvm-unhooked")


def kernel_image(release: str) -> Path:
    """Folder an image package of this release is unpacked into (never installed)."""
    return KERNELS / release


def run_dir(run_id: str) -> Path:
    """Folder of one run: manifest, boots, records, summary."""
    return RUNS / run_id


def report_dir(run_id: str) -> Path:
    """Folder of one report bundle."""
    return REPORTS / run_id


def shown(path: Path) -> Path:
    """A path as printed: relative to the project where it lies inside."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
