# SPDX-License-Identifier: GPL-2.0-only
"""A hooked KVM for the tests that need one."""

from __future__ import annotations

import shutil

import pytest
import wanted
from guests import Project

from generator import layout


@pytest.fixture(scope="session")
def real_kvm(tmp_path_factory: pytest.TempPathFactory,
             pytestconfig: pytest.Config) -> tuple[Project, str]:
    """The real designs with a hooked KVM, and the tree to build for. A built KVM is taken along."""
    with wanted.told(pytestconfig):
        source, tree = wanted.source_and_headers()
    here = Project(tmp_path_factory.mktemp("kvm"))
    for name in ("kmod", "variants"):
        shutil.copytree(layout.ROOT / name, here.root / name)
    for hooked in (True, False):
        built = layout.kvm_tree(tree.release, hooked=hooked)
        if built.is_dir():
            shutil.copytree(built, layout.kvm_tree(tree.release, here.root, hooked=hooked),
                            ignore=shutil.ignore_patterns("*.o", "*.cmd"))
    with here.start("kvm", "build", str(source), "--kdir", str(tree.path)) as child:
        _, said = child.communicate(timeout=1800)   # minutes when nothing was taken along
    assert child.returncode == 0, said
    return here, str(tree.path)
