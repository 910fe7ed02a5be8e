# SPDX-License-Identifier: GPL-2.0-only
"""Guests for the boot tests: the real command line on a small project root."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import catalogue
import pytest
from guests import Project
from real_kvm import real_kvm

from generator import layout
from generator.trees import image
from generator.trees.kernel import KernelTree

__all__ = ["real_kvm"]
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


@pytest.fixture(scope="session")
def designs(tmp_path_factory: pytest.TempPathFactory, kernels: Path) -> Project:
    """A project with the real designs, built: a copy, so that work on them does no harm.

    What the real root has built already is taken along; a stale module is built again.
    """
    here = Project(tmp_path_factory.mktemp("designs"))
    for name in ("kmod", "variants"):
        shutil.copytree(layout.ROOT / name, here.root / name)
    built = layout.BUILD / KernelTree.probe().release
    (here.root / "build").mkdir()
    (here.root / "build/kernels").symlink_to(kernels)
    if built.is_dir():
        shutil.copytree(built, here.root / "build" / built.name,
                        ignore=shutil.ignore_patterns("*.o", "*.cmd", "*.new", "shared-*"))
    done = here.extspt("build")
    assert done.returncode == 0, done.stderr
    return here


@pytest.fixture(scope="session")
def records(designs: Project) -> catalogue.Records:
    """(variant, workload) -> record, of all designs."""
    return catalogue.run(designs)
