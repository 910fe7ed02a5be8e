# SPDX-License-Identifier: GPL-2.0-only
"""The share of a design in a fault of the real kvm.ko."""

from __future__ import annotations

from pathlib import Path

import synthetic

from generator.evidence import frames, verdict
from generator.kvm import twincheck
from generator.report import document, flags, realkvm, text
from generator.report.view import View

CHECK = {"plain": {"populate_seq": 600}, "idle": {"populate_seq": 504}, "counts": {},
         "unhooked": {"populate_seq": 500}, "hooks_cost": {"populate_seq": 4}, "wrong": []}


def view_of(tmp_path: Path, host: str = "kvm", **manifest: object) -> View:
    run = synthetic.build(tmp_path, workloads=synthetic.HEADLINE, host=host)
    run.manifest.update(manifest)
    return View.of(run, frames.summarize(run), verdict.of_run(run))


def test_the_rest_is_what_is_above_the_empty_backend(tmp_path: Path) -> None:
    view = view_of(tmp_path, kvm={"check": CHECK})
    [found] = realkvm.sections(view)
    base = next(row for row in found.tables[0].rows if row[0] == view.label(view.baseline))
    assert base[2:] == ("500", "100", "n/a", "n/a", "n/a", "+0.0%", "n/a")
    assert "+4 (populate_seq)" in found.paragraphs[0]
    report = text.render(document.build([view]))
    assert "Where a fault's instructions go" in report
    assert max(map(len, report.splitlines())) <= 72


def test_what_was_forced_past_the_golden_counts_is_said(tmp_path: Path) -> None:
    other = {**CHECK, "wrong": ["populate_seq: link is 11, upstream's 10"]}
    said = flags.flags(view_of(tmp_path, kvm={"check": other}))
    assert "forced: this KVM is not upstream's: populate_seq: link is 11, upstream's 10" in said
    assert any("not held to upstream's counts" in flag
               for flag in flags.flags(view_of(tmp_path, kvm={"version": "7.2.13"})))
    assert not any("upstream's" in flag
                   for flag in flags.flags(view_of(tmp_path, kvm={"check": CHECK})))


def held(kvm_bare: int, twin_bare: int, *wrong: str) -> list[dict[str, object]]:
    """What the manifest has of one design's comparison with the twin."""
    counts = dict.fromkeys(twincheck.COUNTS, 10)
    def side(bare: int, gets: int) -> dict[str, object]:
        return {"counts": {**counts, "leaf": gets}, "installs": 1, "control": 1, "fault": 900,
                "bare": bare}
    return [{"script": "populate_seq", "wrong": list(wrong), "kvm": side(kvm_bare, 4096),
             "twin": side(twin_bare, 4096 + len(wrong))}]


def test_the_rig_is_taken_out_and_the_twin_is_beside(tmp_path: Path) -> None:
    conform: dict[str, object] = {}
    view = view_of(tmp_path, kvm={"check": CHECK, "conform": conform})
    other = next(name for name in view.designs if name != view.baseline)
    conform |= {view.baseline: held(650, 70), other: held(975, 390, "leaf: twin 4097, kvm 4096")}
    where, beside = realkvm.sections(view)
    rows = {row[0]: row for row in where.tables[0].rows}
    median = int(rows[view.label(other)][1])
    assert rows[view.label(other)][4:7] == ("375", str(median - 975), f"{375 / 975:.1%}")
    assert rows[view.label(other)][8] == "+50.0%"
    assert rows[view.label(str(view.aprime))][4] == "50"
    counts, apart = beside.tables
    assert {row[0]: row[1] for row in counts.rows}[view.label(other)] == "4097/4096"
    assert apart.rows[-1][1:] == ("390", "975", "+320", "+325", "-5")
    assert "1 of 2 scripts" in beside.paragraphs[0]
    assert max(map(len, text.render(document.build([view])).splitlines())) <= 72


def test_nothing_for_the_twin_or_an_unchecked_kvm(tmp_path: Path) -> None:
    assert not [*realkvm.sections(view_of(tmp_path / "a", host="twin", kvm={"check": CHECK}))]
    assert not [*realkvm.sections(view_of(tmp_path / "b", kvm={"version": "7.2.13"}))]


def test_a_design_that_failed_is_in_no_table_of_both_hosts(tmp_path: Path) -> None:
    conform = {"kvm_owned": held(650, 70), "split_ops": held(975, 390)}
    view = view_of(tmp_path, kvm={"check": CHECK, "conform": conform},
                   gate={"split_ops": "FAIL", "kvm_owned": "PASS"})
    _, beside = realkvm.sections(view)
    for table in beside.tables:
        assert [row[0] for row in table.rows] == ["kvm_owned"]
        assert "tier count" in table.notes[0]
    assert "1 of 1 scripts" in beside.paragraphs[0]
