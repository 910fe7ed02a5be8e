# SPDX-License-Identifier: GPL-2.0-only
"""Guests for the boot tests: the real command line on a small project root."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from guests import Project

from generator import image, layout
from generator.kernel import KernelTree

DATA = Path(__file__).parent.parent / "data"
ZERO_COSTS = 'id = "zero"\nunit = "ns"\nbody_share = 0.0\n'


@pytest.fixture(scope="session")
def kernels() -> Path:
    """The folder of unpacked images, with the one of the default tree."""
    image.ensure(KernelTree.probe().release)
    return layout.KERNELS


@pytest.fixture
def project(tmp_path: Path, kernels: Path) -> Callable[..., Project]:
    """Makes a project whose module has the given FAULT_ macro."""
    def make(fault: str = "") -> Project:
        root = tmp_path / "root"
        shutil.copytree(DATA / "tree", root)
        main = (DATA / "guest" / "main.c").read_text()
        define = f"#define {fault}\n" if fault else ""
        (root / "kmod/hosts/twin/main.c").write_text(define + main)
        (root / "kmod/seam/costs").mkdir(parents=True)
        (root / "kmod/seam/costs/zero.toml").write_text(ZERO_COSTS)
        (root / "build").mkdir()
        (root / "build/kernels").symlink_to(kernels)
        return Project(root)
    return make
