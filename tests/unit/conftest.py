# SPDX-License-Identifier: GPL-2.0-only
"""Made-up runs that the tests of reports share."""

from __future__ import annotations

import copy

import pytest
import synthetic


@pytest.fixture(scope="session", name="made")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> synthetic.FakeRun:
    """A run of all designs in both boots, with the workloads the headline is taken from."""
    return synthetic.build(tmp_path_factory.mktemp("runs"), workloads=synthetic.HEADLINE)


@pytest.fixture(name="run")
def own_copy(made: synthetic.FakeRun) -> synthetic.FakeRun:
    """The same run, to be damaged."""
    return copy.deepcopy(made)
