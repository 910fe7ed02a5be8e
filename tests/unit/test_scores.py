# SPDX-License-Identifier: GPL-2.0-only
"""Computed cells against the catalogue's scores: agreement, ties, the other way round, and why."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from generator import cli, layout
from generator.errors import ConfigError
from generator.modules import variant
from generator.runs import store
from generator.studies import criteria, scores
from generator.studies.facts import Cell

Table = dict[str, dict[str, Cell]]


def cells(**values: float) -> Table:
    """Designs of C9 with these figures; NaN: not measured."""
    return {name: {"C9": Cell("x", value, "" if math.isnan(value) else "counts", "?")}
            for name, value in values.items()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "variants").mkdir()
    return tmp_path


def held(root: Path, text: str, table: Table) -> scores.Held:
    (root / "variants/scores.toml").write_text(f"[C9]\n{text}\n")
    [one] = scores.hold(table, root)
    return one


def test_every_pair_that_is_scored_apart(root: Path) -> None:
    text = 'a = "++"\nb = "0"\nc = "0"\nd = "--"'
    fine = held(root, text, cells(a=0, b=10, c=90, d=1000))
    assert fine.agrees and fine.pairs == 5      # b and c have the same score: any order will do
    tied = held(root, text + '\nwhy = "because"', cells(a=8, b=10, c=90, d=1000))
    assert not tied.agrees and tied.same == (("a", "b"),) and not tied.reverse
    assert scores.lines([tied]) == ["C9: ranks 4 of 5 pairs as scored; equal: a and b (because)"]
    worse = held(root, text, cells(a=2000, b=10, c=90, d=1000))
    assert worse.reverse == (("a", "b"), ("a", "c"), ("a", "d"))


def test_a_design_without_a_figure_is_named(root: Path) -> None:
    one = held(root, 'a = "+"\nb = "-"\nc = "-"', cells(a=0, b=math.nan))
    assert one.missing == ("b", "c") and not one.agrees
    assert scores.lines([one]) == ["C9: not measured for b, c"]


@pytest.mark.parametrize("text", ["[C9]\na = '+++'", "[C99]\na = '+'"])
def test_what_is_no_score(root: Path, text: str) -> None:
    (root / "variants/scores.toml").write_text(text)
    with pytest.raises(ConfigError):
        scores.load(root)


def test_the_scores_are_of_known_designs() -> None:
    assert set(scores.designs()) <= set(variant.names())
    assert {"tdx_prealloc", "rfc_v5_hooks", "kvm_owned", "tip_x86_tdx"} <= set(scores.designs())


def test_published_cells_differ_from_the_scores_only_where_it_is_said_why() -> None:
    """C4, C5, C9, C18 and no other; cells from the source are those of today."""
    table = criteria.table([variant.load_variant(name) for name in scores.designs()], None)
    file = layout.PUBLISHED / "matrix/catalogue.csv"
    for row in csv.DictReader(file.read_text().splitlines()):
        if row["design"] in table and not table[row["design"]][row["criterion"]].measured:
            value = float(row["value"]) if row["value"] else math.nan
            table[row["design"]][row["criterion"]] = Cell(row["text"], value, row["source"])
    for one in scores.hold(table):
        assert one.missing or one.agrees or one.why, one
        assert bool(one.missing) <= (one.key == "C11"), one     # needs a debug kernel


def test_the_verb(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "run_ids", list)
    assert cli.main(["matrix", "--scores"]) == 0
    out = capsys.readouterr().out
    assert "C6: ranks 4 of 4 pairs as scored" in out and max(map(len, out.splitlines())) <= 72
    assert cli.main(["matrix", "--scores", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(scores.load())
    for words in (["--publish", "x"], ["--format", "csv"], ["--out", "x"]):
        assert cli.main(["matrix", "--scores", *words]) == 2
        assert "leave out --publish" in capsys.readouterr().err
