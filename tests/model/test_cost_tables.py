# SPDX-License-Identifier: GPL-2.0-only
"""Cost tables whose times are drawn, and that the C side knows the same leaves."""

from __future__ import annotations

import json
import re

import pytest

from generator import layout
from generator.errors import ConfigError
from generator.runs import costs

DRAWN = 'id="t"\nunit="ns"\nbody_share=0.25\n[leaf."PAMT.ADD"]\nns=4000\nmin=2000\nmax={most}\n'


def test_drawn_times_reach_the_module_and_the_manifest() -> None:
    table = costs.parse((DRAWN + 'source="s"\n').format(most=18000).encode(), "t.toml")
    assert table.lines() == ("table t", "PAMT.ADD 3000 1000 2000 18000")
    assert costs.from_json(json.loads(json.dumps(table.as_json()))) == table


@pytest.mark.parametrize("most", ["3999", "true", "-1"])
def test_bounds_lie_around_the_mean(most: str) -> None:
    with pytest.raises(ConfigError, match=r"max|not a number"):
        costs.parse((DRAWN + 'source="s"\n').format(most=most).encode(), "t.toml")


def test_one_bound_alone_is_refused() -> None:
    text = (DRAWN + 'source="s"\n').format(most=18000).replace("min=2000\n", "")
    with pytest.raises(ConfigError, match="not a number"):
        costs.parse(text.encode(), "t.toml")


def test_measured_anchors() -> None:
    table = costs.load("anchors").table
    assert table["PAMT.ADD"] == (2400, 1600, 2000, 18000)
    assert table["PAMT.REMOVE"] == (1200, 800, 1000, 11000)
    assert sum(table["DEFAULT"]) == 2700


def test_the_model_knows_every_leaf_of_the_tables() -> None:
    text = (layout.KMOD / "seam" / "model" / "costs.c").read_text()
    assert set(costs.LEAVES) <= set(re.findall(r'\[ROW_\w+\] = "([^"]+)"', text))
