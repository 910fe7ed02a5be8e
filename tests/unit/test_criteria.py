# SPDX-License-Identifier: GPL-2.0-only
"""The table of designs and criteria: where each cell comes from, and what empty ones say."""

from __future__ import annotations

import csv
import io
import json
import math
import random
from pathlib import Path

import pytest
import synthetic

from generator import cli
from generator.gate import result
from generator.gate.result import CORRECTNESS, CRITERION, Finding, GateResult
from generator.modules.variant import load_variant
from generator.runs import store
from generator.runs.store import Run
from generator.studies import counted, criteria, criteriatext, facts
from generator.studies.criteria import CRITERIA
from generator.studies.facts import Cell

DESIGNS = ("kvm_owned", "tip_x86_tdx", "tdx_prealloc")
#: What a fault did with its caches empty: S-EPT pages by GFP_ATOMIC, and PAMT pages or not.
SEPT = {"class": "sept", "path": "fault", "alloc": "sept_source_alloc", "n": 3}
EMPTIED = {"kvm_owned": [SEPT, {"class": "mirror", "path": "fault", "alloc": "sp", "n": 3},
                         {"class": "pamt", "path": "fault", "alloc": None, "n": 2}],
           "tip_x86_tdx": [SEPT, {"class": "pamt", "path": "fault", "alloc": "pair", "n": 2}]}


def gated(name: str, passed: bool, *findings: Finding, stages: tuple[str, ...] = ("sweep",),
          ) -> GateResult:
    return GateResult(name, "twin", passed, findings, {"enomem": (20, 40), "busy": (5, 10)}, (),
                      (), stages, "key")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    records = []
    for name in DESIGNS[:2]:
        for workload in (*counted.WORKLOADS, "split_eager", facts.SPLITS, facts.EMPTY):
            record = synthetic.record(name, name, workload, "icount", random.Random(1))
            record["memory"]["parked"][0]["class"] = (
                "unassigned" if name == "tip_x86_tdx" else "sept")
            if workload == facts.EMPTY:
                record["custody"] = {"empty": EMPTIED[name]}
            records.append({"boot": "icount", "index": len(records), "variant": name, "rc": 0,
                            "workload": workload, "record": record, "kernel_stat": None})
    result.save(tmp_path, [
        gated("kvm_owned", True, stages=("sweep", "debug")),
        gated("tip_x86_tdx", False,
              Finding("uncharged", CRITERION, "7 pages", 7, "C3"),
              Finding("livelock", CORRECTNESS, "retried without end", 1, "C16"))])
    return Run(tmp_path, {"id": "r1", "boots": {"icount": {"tier": "count"}},
                          "variants": {name: {} for name in DESIGNS[:2]}}, tuple(records))


@pytest.fixture
def table(run: Run) -> dict[str, dict[str, Cell]]:
    return criteria.table([load_variant(name) for name in DESIGNS], run)


def test_all_criteria_for_all_designs(table: dict[str, dict[str, Cell]]) -> None:
    assert [one.key for one in CRITERIA] == [f"C{n}" for n in range(1, 20)]
    assert list(table) == list(DESIGNS)
    for cells in table.values():
        assert list(cells) == [one.key for one in CRITERIA]
        for cell in cells.values():
            assert cell.measured != math.isnan(cell.value) and (cell.measured or cell.note)


def test_cells_of_the_gate(table: dict[str, dict[str, Cell]]) -> None:
    good, bad, without = (table[name] for name in DESIGNS)
    assert (good["C3"].text, bad["C3"].text, bad["C3"].note) == ("none", "uncharged", "7 pages")
    assert (good["C16"].text, bad["C16"].text) == ("PASS", "FAIL")
    assert bad["C16"].note == "25 of 50 points tried; retried without end"
    assert without["C1"].note == "the run was made without the gate"
    assert good["C11"].text == "none" and "debug kernel" in bad["C11"].note


def test_cells_of_the_counts(table: dict[str, dict[str, Cell]]) -> None:
    good, bad, without = (table[name] for name in DESIGNS)
    assert (good["C5"].value, good["C5"].source) == (35, "counts")
    assert (good["C2"].text, bad["C2"].text, bad["C2"].note) == ("apart", "mixed", "sept_cache")
    assert good["C9"].text == "1000"
    assert not without["C5"].measured and "idle" in without["C5"].note
    assert (good["C4"].text, good["C4"].value) == ("S-EPT only", 1)
    assert good["C4"].note == "S-EPT: an emergency allocation; PAMT: the fault fails"
    assert (bad["C4"].text, bad["C4"].value) == ("atomic", 0) and not without["C4"].measured
    assert not good["C12"].measured and "no run of split_eager" in good["C12"].note
    assert without["C12"].note == "the design does not split"
    assert "4 KiB pages only" in without["C13"].note


def test_pages_that_come_with_their_pair() -> None:
    """A7: parked pages hold pairs, and an emergency page's pair is allocated where none may be."""
    pool = {"pool": "external_spt_cache", "class": "sept", "pages": 40}
    known = facts.Facts(load_variant("rfc_v5_hooks"), None, {"idle": {
        ("parked.design.pages", "per_vcpu"): 50.0}}, {}, {"idle": [
            {**pool, "vcpu": vcpu} for vcpu in (-1, 0, 1)]}, [SEPT], gets={"idle": 80})
    cells = {one.key: one.of(known) for one in CRITERIA}
    assert (cells["C5"].text, cells["C5"].value) == ("50/40", 90)
    assert (cells["C4"].text, cells["C4"].value) == ("may sleep", 1)
    assert "GFP_KERNEL_ACCOUNT under mmu_lock" in cells["C4"].note


def test_cells_of_the_source(table: dict[str, dict[str, Cell]]) -> None:
    assert all(table[name]["C8"].value > 50 for name in DESIGNS)
    assert table["tdx_prealloc"]["C17"].text == "4K only"
    assert table["tip_x86_tdx"]["C19"].value == 0
    assert table["kvm_owned"]["C19"].note == "pamt_lock"
    assert (table["kvm_owned"]["C6"].text, table["kvm_owned"]["C6"].value) == ("1+0/2", 1)
    pointers = criteria.table([load_variant("kvm_owned+vendor_call=indirect")], None)
    cell = next(iter(pointers.values()))["C6"]
    assert cell.value > table["kvm_owned"]["C6"].value


@pytest.mark.parametrize(("name", "text", "value"), [
    ("kvm_owned", "order 0", 0), ("order1_pairs", "order 1", 1), ("order4_topup", "order 4", 4),
    ("dpamt_v1", "order 0", 0), ("kvm_owned+split_list_order=1", "order 0/1", 1),
    ("upstream", "static", 0),      # it allocates no PAMT pages of any order
])
def test_order_of_the_pairs(name: str, text: str, value: int) -> None:
    [cells] = criteria.table([load_variant(name)], None).values()
    assert (cells["C14"].text, cells["C14"].value) == (text, value)


def test_without_a_run_only_the_source_speaks() -> None:
    cells = criteria.table([load_variant("kvm_owned")], None)["kvm_owned"]
    assert {key for key, cell in cells.items() if cell.measured} == {
        "C6", "C7", "C8", "C14", "C17", "C18", "C19"}


def test_text_html_csv(table: dict[str, dict[str, Cell]]) -> None:
    lines = criteriatext.lines(table, "title")
    text = "\n".join(lines)
    assert max(map(len, lines)) <= criteriatext.WIDTH and text.isascii()
    assert "C3 (tdx_prealloc): the run was made without the gate" in text and "uncharged" in text
    page = criteriatext.as_html(table, "a <title>")
    assert "a &lt;title&gt;" in page and page.count("<tr>") == 1 + len(DESIGNS)
    cells = list(csv.DictReader(io.StringIO(criteriatext.as_csv(table))))
    assert len(cells) == len(DESIGNS) * len(CRITERIA)
    assert {cell["source"] for cell in cells} == {"", "gate", "counts", "source"}


def test_the_verb(capsys: pytest.CaptureFixture[str], tmp_path: Path,
                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "run_ids", list)
    words = ["matrix", "--variants", "kvm_owned,none"]
    assert cli.main(words) == 0
    assert "no run: source only" in capsys.readouterr().out
    assert cli.main([*words, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2 * len(CRITERIA)
    out = tmp_path / "matrix.html"
    assert cli.main([*words, "--format", "html", "--out", str(out)]) == 0
    assert out.read_text().startswith("<!doctype html>")


def test_caches_that_nobody_counted_are_not_called_apart(run: Run) -> None:
    without = Run(run.path, run.manifest, tuple(r for r in run.records if r["workload"] != "idle"))
    cell = criteria.table([load_variant("kvm_owned")], without)["kvm_owned"]["C2"]
    assert cell.text == "." and "idle" in cell.note


def test_a_long_cell_is_its_first_word() -> None:
    cell = Cell("ownership cross_freed uncharged", 3, "gate")
    none = Cell("none", 0, "gate")
    table = {"a": {one.key: cell if one.key == "C1" else none for one in CRITERIA}}
    assert any("ownership+2" in line for line in criteriatext.lines(table, "t"))


def test_a_split_of_its_own() -> None:
    known = facts.Facts(load_variant("kvm_owned"), None, {"split_eager": {
        ("op.split", "mean"): 9.0, ("lock.mmu_lock.write.hold", "max"): 24257.0,
        ("lock.mmu_lock.write.acquired", "count"): 65.0}}, {}, {}, None)
    cell = next(one for one in CRITERIA if one.key == "C12").of(known)
    assert (cell.text, cell.value) == ("24k", 24257) and "65 times for 64 splits" in cell.note


def test_static_pamt_saves_nothing() -> None:
    cells = criteria.table([load_variant("upstream"), load_variant("kvm_owned")], None)
    assert cells["upstream"]["C13"].text == "static"
    [cell] = [one for one in criteriatext.data(cells)
              if (one["design"], one["criterion"]) == ("upstream", "C13")]
    assert (cell["value"], cell["source"]) == (None, "source")      # JSON has no infinity
    assert not cells["kvm_owned"]["C13"].measured
