# SPDX-License-Identifier: GPL-2.0-only
"""Cost tables: what is accepted, what is refused, what the module gets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator.errors import ConfigError, UsageError
from generator.runs import costs

GOOD = """
id = "t1"
unit = "ns"
body_share = 0.75
[leaf."TRACK"]
ns = 1001
source = "a paper"
[leaf."SEPT.ADD"]
ns = 400
source = "a guess"
"""


def test_lines_for_the_module() -> None:
    table = costs.parse(GOOD.encode(), "t.toml")
    # In the fixed order of the leaves, whatever the file's; the two parts add up to ns.
    assert table.lines() == ("table t1", "SEPT.ADD 100 300", "TRACK 250 751")
    assert table.sources["TRACK"] == "a paper"


def test_manifest_gives_the_same_table_back() -> None:
    table = costs.parse(GOOD.encode(), "t.toml")
    assert costs.from_json(json.loads(json.dumps(table.as_json()))) == table


@pytest.mark.parametrize("old, new, said", [
    ('"SEPT.ADD"', '"SEPT.AD"', "unknown leaf 'SEPT.AD'"),
    ("ns = 400", "ns = -1", "t.toml: SEPT.ADD.ns: -1 is not a number"),
    ("ns = 400", 'ns = "400"', "SEPT.ADD.ns: '400' is not a number"),
    ("ns = 400", "ns = true", "True is not a number"),
    ("ns = 400", "ns = nan", "nan is not a number"),
    ("ns = 400", "ns = 1e30", "1e+30 is not a number from 0 to"),
    ("ns = 400\n", "", "None is not a number"),
    ("ns = 400", "ns = 400\ncost = 2", "unknown key 'cost'"),
    ('source = "a guess"', 'source = " "', "SEPT.ADD: no source"),
    ("0.75", "1.5", "t.toml: body_share: 1.5 is not a number from 0 to 1"),
    ('unit = "ns"', 'unit = "us"', "unit is 'us'"),
    ('id = "t1"', 'id = "t 1"', "id is 't 1'"),
    ('id = "t1"\n', "", "id is None"),
    ('id = "t1"', 'id = "t1', "not TOML"),
    ('id = "t1"', 'leafs = 1', "unknown key 'leafs'"),
    ('[leaf."TRACK"]\nns = 1001\nsource = "a paper"', 'leaf = 3', "not TOML"),
])
def test_refused(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        costs.parse(GOOD.replace(old, new).encode(), "t.toml")
    assert said in str(caught.value) and "t.toml" in str(caught.value)


def test_leaf_of_another_shape() -> None:
    head = 'id = "x"\nunit = "ns"\nbody_share = 0\n'
    for text in ('leaf = 3', '[leaf]\n"TRACK" = 7'):
        with pytest.raises(ConfigError, match="is not a table"):
            costs.parse((head + text).encode(), "t.toml")


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ConfigError, match="not TOML"):
        costs.parse(b"\xff\xfe", "t.toml")


def test_load_by_name_and_by_path(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    assert costs.load("mine", tmp_path) == costs.load(str(tmp_path / "mine.toml"))
    with pytest.raises(UsageError) as caught:
        costs.load("yours", tmp_path)
    assert "mine" in caught.value.fix


@pytest.mark.parametrize("name", costs.names())
def test_tables_of_the_suite(name: str) -> None:
    table = costs.load(name)
    assert table.id == name
    # One write of the guest's printf stays below the buffer of stdio.
    assert len("\n".join(table.lines())) < 4096
    if name == costs.ZERO:
        assert not any(sum(pair) for pair in table.table.values())
