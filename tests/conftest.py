# SPDX-License-Identifier: GPL-2.0-only
"""What several test areas share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import wanted

from generator import proc

DATA = Path(__file__).parent / "data"


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """A writable project root with two axes, two designs and a few lines of real C."""
    root = tmp_path / "root"
    shutil.copytree(DATA / "tree", root)
    return root


@pytest.fixture(scope="session")
def kernel_source(pytestconfig: pytest.Config) -> Path:
    """A full kernel source that the hooks of real KVM are for."""
    with wanted.told(pytestconfig):
        return wanted.source()


@pytest.fixture(autouse=True)
def _no_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of other things time what they like; those of the gate ask for it."""
    monkeypatch.setenv("EXTSPT_GATE", "off")


@pytest.fixture(autouse=True)
def _no_dry_run_left() -> None:
    proc.set_dry_run(False)
