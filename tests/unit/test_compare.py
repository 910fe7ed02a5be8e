# SPDX-License-Identifier: GPL-2.0-only
"""Two runs beside each other: exact counts gate, times do not, tiers stay apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic

from generator import cli
from generator.errors import DataError
from generator.evidence import unpaired, verdict
from generator.report import comparison
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


def failing(record: dict[str, Any]) -> None:
    record["errors"] = ["leaks 3 pages"]


def test_a_design_that_fails_now_is_a_regression(tmp_path: Path,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    """All its figures are gone, and what is gone did not become worse."""
    one, two = changed(tmp_path / "a"), changed(tmp_path / "b", failing)
    result = found(one, two)
    assert result.failed == ("split_ops",) and result.worse and not result.gone
    assert cli.main(["compare", str(one), str(two), "--fail-on-regression"]) == 13
    assert "split_ops fails in the second run" in capsys.readouterr().out
    assert not found(two, two).worse
    kept_out = store.load_run(one)
    kept_out.manifest["gate"] = {"split_ops": "FAIL"}
    assert compare.compare(store.load_run(one), kept_out).failed == ("split_ops",)


def test_what_was_forced_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = changed(tmp_path)
    manifest = json.loads((one / "manifest.json").read_text())
    manifest["marks"] = ["timed though they FAIL the gate (--force): split_ops"]
    (one / "manifest.json").write_text(json.dumps(manifest))
    assert cli.main(["compare", str(one), str(one)]) == 0
    assert "timed though they FAIL the gate" in " ".join(capsys.readouterr().out.split())


def test_every_figure_has_its_unit_and_n(tmp_path: Path) -> None:
    one = changed(tmp_path / "a", boots=("icount", "mttcg"), blocks=12)
    two = changed(tmp_path / "b", more_allocs, boots=("icount", "mttcg"), blocks=12)
    shown = " ".join(comparison.render(found(one, two)).split())
    assert "count.page_allocs count events 1200 1201 +1" in shown
    assert "split_ops, populate_seq, 1 vCPU, host twin" in shown
    assert "tier model, median of the blocks in emulated ns" in shown
    assert "n = 12 blocks at least in each run" in shown


def test_unpaired_times_are_corrected_for_how_many_they_are() -> None:
    """Of 50 pairs that are the same about two have p < 0.05; none of them is a difference."""
    rng = np.random.default_rng(3)

    def series() -> verdict.Series:
        return verdict.Series("a", "zap", "op.zap", "p50", "ns", "twin", "native", np.arange(12),
                              np.exp(rng.normal(7, 0.05, 12)), 5000)
    pairs = [(series(), series()) for _ in range(50)]
    alone = [unpaired.unpaired(*pair).outcome for pair in pairs]
    assert alone.count("cannot tell") < 50
    assert {v.outcome for v in unpaired.all_unpaired(pairs)} == {"cannot tell"}
    slow = verdict.Series(*["a", "zap", "op.zap", "p50", "ns", "twin", "native"],
                          pairs[0][0].blocks, pairs[0][0].values * 2, 5000)
    assert unpaired.all_unpaired([*pairs, (pairs[0][0], slow)])[-1].outcome == "slower"
