# SPDX-License-Identifier: GPL-2.0-only
"""Real builds in a scratch project, so that nothing that is built already can hide a fault."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from generator import layout
from generator.modules.build import BuiltModule, build_all
from generator.trees.kernel import KernelTree
from generator.modules.render import render
from generator.modules.variant import BASELINE, all_variants


@pytest.fixture(scope="session")
def tree() -> KernelTree:
    """The distro headers that the set-up installed."""
    return KernelTree.probe()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with nothing built."""
    root = tmp_path_factory.mktemp("project")
    for name in ("variants", "kmod"):
        shutil.copytree(layout.ROOT / name, root / name)
    return root


@pytest.fixture(scope="session")
def built(project: Path, tree: KernelTree) -> dict[str, BuiltModule]:
    """Every design and the baseline's A', built from nothing."""
    designs = all_variants(project)
    chosen = [*designs, *(v.aprime() for v in designs if v.name == BASELINE)]
    modules = build_all([render(one, tree, project) for one in chosen])
    return {module.rendered.variant.name: module for module in modules}
