# SPDX-License-Identifier: GPL-2.0-only
"""Two runs beside each other: exact counts gate, times do not, tiers stay apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import synthetic

from generator import cli
from generator.errors import DataError
from generator.runs import compare, store

SMALL: dict[str, Any] = {"workloads": ("populate_seq",), "designs": ("kvm_owned", "split_ops")}
Edit = Callable[[dict[str, Any]], None]


def changed(root: Path, edit: Edit | None = None, variants: tuple[str, ...] = ("split_ops",),
            **kind: Any) -> Path:
    """A small run whose records of ``variants`` were edited before they were stored."""
    original = synthetic.record

    def edited(design: str, name: str, *rest: Any) -> dict[str, Any]:
        record = original(design, name, *rest)
        if edit and name in variants:
            edit(record)
        return record
    synthetic.record = edited
    try:
        return synthetic.build(root, **{**SMALL, **kind}).path
    finally:
        synthetic.record = original


def more_allocs(record: dict[str, Any]) -> None:
    record["counts"]["page_allocs"] += 1


def fewer_allocs(record: dict[str, Any]) -> None:
    record["counts"]["page_allocs"] -= 1


def longer(record: dict[str, Any]) -> None:
    record["ops"]["fault"] = synthetic.hist([5000] * 600)


def found(one: Path, two: Path) -> compare.Comparison:
    return compare.compare(store.load_run(one), store.load_run(two))


def test_the_same_run_has_no_changes(tmp_path: Path) -> None:
    one = changed(tmp_path)
    result = found(one, one)
    assert result.compared > 100 and not result.changes and not result.gone
    assert {t.tier for t in result.times} == {"model"}


@pytest.mark.parametrize(("edit", "regressions"), [(more_allocs, 2), (fewer_allocs, 0),
                                                   (longer, 1)])
def test_one_more_is_seen(tmp_path: Path, edit: Edit, regressions: int) -> None:
    result = found(changed(tmp_path / "a"), changed(tmp_path / "b", edit))
    assert len(result.regressions) == regressions
    assert result.changes and {c.variant for c in result.changes} == {"split_ops"}
    figures = {(c.metric, c.stat) for c in result.changes}
    assert figures <= {("count.page_allocs", "count"), ("per_fault.page_allocs", "ratio"),
                       ("op.fault", "p50")}


def test_what_a_and_its_repetition_disagree_on_is_not_exact(tmp_path: Path) -> None:
    result = found(changed(tmp_path / "a"), changed(tmp_path / "b", more_allocs,
                                                    ("split_ops", "kvm_owned")))
    assert not result.changes


def test_instructions_of_another_kernel_are_no_regression(tmp_path: Path) -> None:
    two = changed(tmp_path / "b", longer)
    manifest = json.loads((two / "manifest.json").read_text())
    manifest["compiler"] = "gcc-14"
    (two / "manifest.json").write_text(json.dumps(manifest))
    result = found(changed(tmp_path / "a"), two)
    assert not result.changes
    assert any("instructions are not compared" in note for note in result.apart)


def test_never_across_tiers_or_hosts(tmp_path: Path) -> None:
    count, native = (changed(tmp_path / b, boots=(b,)) for b in ("icount", "uml"))
    with pytest.raises(DataError, match="no host and tier in common"):
        found(count, native)
    kvm = changed(tmp_path / "kvm", host="kvm", boots=("icount",))
    with pytest.raises(DataError, match="no host and tier in common"):
        found(count, kvm)


def test_times_of_blocks_are_unpaired(tmp_path: Path) -> None:
    one, two = (changed(tmp_path / name, boots=("uml",), blocks=12) for name in "ab")
    outcomes = {t.variant: (t.outcome, t.note) for t in found(one, two).times}
    assert outcomes["split_ops"] == ("cannot tell", "unpaired")


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = str(changed(tmp_path / "a")), str(changed(tmp_path / "b", more_allocs))
    assert cli.main(["compare", one, two]) == 0
    text = capsys.readouterr().out
    assert "! count.page_allocs" in text and all(len(line) <= 72 for line in text.splitlines())
    assert cli.main(["compare", one, two, "--fail-on-regression", "--json"]) == 13
    assert json.loads(capsys.readouterr().out)["regressions"] == 2
    assert cli.main(["compare", two, one, "--fail-on-regression"]) == 0


def test_a_gate_on_nothing_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = str(changed(tmp_path, boots=("uml",)))
    assert cli.main(["compare", one, one, "--fail-on-regression"]) == 16
    assert "nothing exact to compare" in capsys.readouterr().err
