# SPDX-License-Identifier: GPL-2.0-only
"""The SEAM model's user-space programs, built once per session."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.seam import harness


@pytest.fixture(scope="session")
def plain() -> Path:
    """Folder of the programs as they are measured."""
    return harness.build("plain")


@pytest.fixture(scope="session")
def asan() -> Path:
    """Folder of the programs with ASan and UBSan."""
    return harness.build("asan")


@pytest.fixture(scope="session")
def tsan() -> Path:
    """Folder of the programs with TSan."""
    return harness.build("tsan")
