# SPDX-License-Identifier: GPL-2.0-only
"""What a report says, and what it says when something is missing."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import synthetic

from generator import frames, layout, store
from generator.report import artefacts, bundle, document, flags, headline, tables, text
from generator.report.model import NA, Document
from generator.report.view import COUNT, MODEL, View


@pytest.fixture(scope="module", name="made")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> synthetic.FakeRun:
    """A run of all designs in both boots, with the workloads the headline is taken from."""
    return synthetic.build(tmp_path_factory.mktemp("runs"), workloads=synthetic.HEADLINE)


@pytest.fixture(name="run")
def own_copy(made: synthetic.FakeRun) -> synthetic.FakeRun:
    """The same run, to be damaged."""
    return copy.deepcopy(made)


def view_of(run: synthetic.FakeRun) -> View:
    return View.of(run, frames.summarize(run))


def text_of(run: synthetic.FakeRun) -> str:
    return text.render(document.build(view_of(run)))


def flat(report: str) -> str:
    """The report without its line breaks."""
    return re.sub(r"\s+", " ", report)


def rows_of(table: tables.Table) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in table.rows if len(row) > 1}


def case_of(run: synthetic.FakeRun, boot: str, variant: str, workload: str) -> dict[str, Any]:
    return next(c for c in run.records if (c["boot"], c["variant"], c["workload"])
                == (boot, variant, workload))


def test_headline_figures_are_the_frames(made: synthetic.FakeRun) -> None:
    view = view_of(made)
    table = headline.headline(view)
    assert [row[0] for row in table.rows] == [
        "kvm_owned", "kvm_owned A'", "split_ops", "tdx_prealloc", "tip_x86_tdx", "none"]

    def of(*name: str) -> float:
        return view.figures.value(*name)
    for variant in view.variants:
        row = rows_of(table)[view.label(variant)]
        assert row[0] == str(int(of("icount", variant, "populate_seq", "op.fault", "p50")))
        assert float(row[1]) == of("icount", variant, "populate_seq", "per_fault.page_allocs",
                                   "ratio")
        assert float(row[3]) == 4 * of("icount", variant, "idle", "parked.design.pages", "per_vcpu")
        assert float(row[4]) == of("mttcg", variant, "same_range", "lock.all.contended", "per_1k")
        assert float(row[5]) == of("icount", variant, "convert", "mem.tables.uncharged", "end")
        assert float(row[6]) == of("icount", variant, "convert", "mem.tables.cross_freed", "end")


def test_headline_stands_in_the_text(made: synthetic.FakeRun) -> None:
    report = text_of(made)
    for row in headline.headline(view_of(made)).rows:
        assert re.search(r"^" + r" +".join(map(re.escape, row)) + "$", report, re.MULTILINE)


def test_review_findings_as_numbers(made: synthetic.FakeRun) -> None:
    report = flat(text_of(made))
    assert document.REVIEW in report
    assert ("Allocated without __GFP_ACCOUNT, workload convert: kvm_owned 0, split_ops 16, "
            "tdx_prealloc 0, tip_x86_tdx 0, none 0.") in report
    assert ("without a hand-over, workload convert: kvm_owned 0, split_ops 12, tdx_prealloc 12, "
            "tip_x86_tdx 0, none 0.") in report


def test_findings_follow_the_records(run: synthetic.FakeRun) -> None:
    for entry in case_of(run, "icount", "split_ops", "convert")["record"]["memory"]["end"]:
        if entry["uncharged"] == 16:
            entry["uncharged"] = 17
    assert "split_ops 17," in flat(text_of(run))


def test_every_report_says_what_it_is(made: synthetic.FakeRun) -> None:
    report = flat(text_of(made))
    assert "It models KVM's path and does not drive KVM." in report
    assert "modelled SEAMCALL costs are no TDX measurements" in report
    assert "one boot is no replicate" in report
    assert "no TDX hardware" in report


def test_no_verdict_words(made: synthetic.FakeRun) -> None:
    assert not re.search(r"\b(faster|slower|better|worse|wins|best)\b", text_of(made), re.I)


def test_every_table_names_host_and_tier(made: synthetic.FakeRun) -> None:
    for section in document.build(view_of(made)).sections:
        for table in section.tables:
            said = " ".join((*table.notes, *(c.head for c in table.columns)))
            assert "host twin" in said, table.title
            assert "tier" in said, table.title


def test_first_screen_fits(made: synthetic.FakeRun) -> None:
    lines = text_of(made).splitlines()
    assert next(i for i, line in enumerate(lines) if line.startswith("* Cost")) < 45


def test_what_a_design_does_not_do_is_not_zero(made: synthetic.FakeRun) -> None:
    view = view_of(made)
    table = tables.ops(view, COUNT, {"split": "convert"}, "")
    assert set(rows_of(table)["none"]) == {NA}
    assert NA not in rows_of(table)["kvm_owned"][:2]


def test_marks_for_few_samples_and_the_clock(run: synthetic.FakeRun) -> None:
    ops = case_of(run, "icount", "kvm_owned", "populate_seq")["record"]["ops"]
    ops["fault"], ops["map"] = synthetic.hist([500] * 367), synthetic.hist([204] * 368)
    view = view_of(run)
    fault, tail = (rows_of(tables.ops(view, COUNT, {op: "populate_seq"}, ""))["kvm_owned"]
                   for op in ("fault", "map"))
    assert fault[4] == "500*"
    assert fault[1] == "459"
    assert (tail[1], tail[4]) == ("?163", "204")
    assert any("no claim per single" in f and "map" in f for f in flags.flags(view))


def test_aprime_is_paired_and_compared(run: synthetic.FakeRun) -> None:
    counts = case_of(run, "icount", "kvm_owned_aprime", "populate_seq")["record"]["counts"]
    counts["page_allocs"] += 60
    view = view_of(run)
    table = headline.spread(view)
    assert table is not None
    assert rows_of(table)["page allocs/fault"][1:] == ("2.000", "2.100", "+0.10", "+5.0 %")
    assert "A and A' differ in exact counts, populate_seq: page_allocs" in flags.flags(view)


def test_run_without_aprime(tmp_path: Path) -> None:
    run = synthetic.build(tmp_path, designs=("split_ops", "none"))
    run.manifest["baseline"] = "split_ops"
    report = text_of(run)
    assert "no A/A' spread" in report
    assert "Cost of the baseline: split_ops" in flat(report)


@pytest.mark.parametrize("missing", ["icount", "mttcg"])
def test_one_boot_missing(run: synthetic.FakeRun, missing: str) -> None:
    run.records = [c for c in run.records if c["boot"] != missing]
    run.manifest["boots"][missing].update(state="failed", attempts=[
        {"wall_s": 120, "outcome": "hung before insmod"}])
    run.manifest["state"] = "partial"
    report = flat(text_of(run))
    assert f"boot {missing}" in report
    assert "is missing: failed, hung before insmod" in report
    assert ("No contention figures" in report) == (missing == "mttcg")


def test_nothing_ran(run: synthetic.FakeRun) -> None:
    run.records = []
    for boot in run.manifest["boots"].values():
        boot.update(state="pending", attempts=[])
    report = flat(text_of(run))
    assert "boot icount (count tier) is missing: pending, not started" in report
    assert "kvm_owned was not measured" in report


def test_failed_case_is_named_and_has_no_figure(run: synthetic.FakeRun) -> None:
    for case in run.records:
        if case["variant"] == "split_ops":
            case.update(record=None, rc=14)
    view = view_of(run)
    assert set(rows_of(headline.headline(view))["split_ops"]) == {NA}
    assert "FAIL split_ops, convert, boot icount: no record, rc=14" in flags.failures(view)
    assert "FAIL split_ops, convert, boot icount: no record, rc=14" in flat(text_of(run))


def test_variant_without_any_case(run: synthetic.FakeRun) -> None:
    run.records = [c for c in run.records if c["variant"] != "none"]
    assert "boot icount has no case of none" in flags.flags(view_of(run))
    assert set(rows_of(headline.headline(view_of(run)))["none"]) == {NA}


@pytest.mark.parametrize("workload", synthetic.WORKLOADS)
def test_a_run_of_any_single_workload(tmp_path: Path, workload: str) -> None:
    report = text_of(synthetic.build(tmp_path, workloads=(workload,)))
    assert not re.search(r"\bnan\b", report, re.I)
    assert f"workload {workload}" in flat(report)


def contended(run: synthetic.FakeRun, waits: list[int], holds: list[int]) -> dict[str, Any]:
    lock: dict[str, Any] = case_of(run, "mttcg", "split_ops", "same_range")["record"]["locks"][
        "pamt_lock"]
    lock.update(contended=len(waits), wait=synthetic.hist(waits), hold=synthetic.hist(holds))
    return lock


@pytest.mark.parametrize(("wait", "suspected"), [(100 * 49, False), (100 * 51, True)])
def test_wait_far_above_the_hold_is_the_host(run: synthetic.FakeRun, wait: int,
                                             suspected: bool) -> None:
    contended(run, [wait] * 20, [100] * 600)
    view = view_of(run)
    found = artefacts.suspects(view, "mttcg", "split_ops", "same_range")
    assert bool(found) is suspected
    assert rows_of(headline.headline(view))["split_ops"][4].endswith("!") is suspected


def test_a_wait_of_a_quantum_is_the_host(run: synthetic.FakeRun) -> None:
    contended(run, [100_000] * 20 + [2_300_000], [90_000] * 600)
    found = [f for f in flags.flags(view_of(run)) if f.startswith("host preemption?")]
    assert found == ["host preemption? same_range, split_ops: pamt_lock max wait 1.0 ms"]


def test_readers_wait_for_the_writers_hold(run: synthetic.FakeRun) -> None:
    locks = case_of(run, "mttcg", "split_ops", "same_range")["record"]["locks"]
    locks["mmu_lock.read"].update(wait=synthetic.hist([90_000] * 60), hold=synthetic.hist([100]))
    locks["mmu_lock.write"].update(hold=synthetic.hist([80_000]))
    assert not artefacts.suspects(view_of(run), "mttcg", "split_ops", "same_range")


def test_leaks_violations_and_memcg_are_flagged(run: synthetic.FakeRun) -> None:
    case = case_of(run, "icount", "none", "convert")
    case["record"]["memory"]["end"][0]["live"] = 3
    case["record"]["seam"]["violations"] = [{"kind": "double add", "detail": "x"}]
    case["kernel_stat"][1] += 4096 * 1000
    found = flags.flags(view_of(run))
    assert "none, convert, boot icount: 3 pages still live after the VM was destroyed" in found
    assert "none, convert, boot icount: 1 SEAM model violations" in found
    assert any("memory.stat" in f and "none/convert/icount" in f for f in found)


@pytest.mark.parametrize("load", [1.5, [1.5, 0.2, 0.1]])
def test_busy_host_and_unpinned_vcpus(run: synthetic.FakeRun, load: Any) -> None:
    run.manifest["boots"]["mttcg"].update(load_before=load, pinned=False)
    found = "; ".join(flags.flags(view_of(run)))
    assert "host load 1.50 on 2 CPUs" in found
    assert "not pinned" in found


def test_manifest_with_only_what_it_must_have(run: synthetic.FakeRun) -> None:
    for name in ("suite", "kernel", "compiler", "qemu", "host", "order", "tool_versions",
                 "command", "costs", "created", "cpu_model"):
        run.manifest.pop(name, None)
    report = text_of(run)
    assert "not recorded" in report
    assert "extspt run --seed 195939070" in report


def test_rerun_line_has_the_seed_once(made: synthetic.FakeRun, run: synthetic.FakeRun) -> None:
    assert "\n  extspt run --seed 195939070\n" in text_of(made)
    run.manifest["command"] = ["bench", "--seed=7"]
    assert "\n  extspt bench --seed=7\n" in text_of(run)


def test_per_tier_tables_do_not_mix(made: synthetic.FakeRun) -> None:
    view = view_of(made)
    for tier, boot in ((COUNT, "icount"), (MODEL, "mttcg")):
        notes = " ".join(tables.ops(view, tier, {"fault": "populate_seq"}, "").notes)
        assert f"boot {boot}" in notes


def test_bundle(made: synthetic.FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "REPORTS", tmp_path / "reports")
    run = store.load_run(made.path)
    first = bundle.write_report(run)
    names = {path.name for path in first.paths}
    assert names == {"report.txt", "report.html"} | {
        f"{name}.{kind}" for name in ("fault_latency", "lock_times", "memory_charge", "parked")
        for kind in ("png", "svg")}
    assert (first.folder / "summary.csv").is_file()
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    again = bundle.write_report(run)
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == before
    assert [path.name for path in (tmp_path / "reports").iterdir()] == [run.id]


def test_a_failed_report_leaves_the_earlier_one(
        made: synthetic.FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "REPORTS", tmp_path / "reports")
    run = store.load_run(made.path)
    written = bundle.write_report(run)
    before = written.text.read_bytes()

    def full_disk(_: Document) -> str:
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(text, "render", full_disk)
    with pytest.raises(OSError, match="No space"):
        bundle.write_report(run)
    assert written.text.read_bytes() == before
    assert [path.name for path in (tmp_path / "reports").iterdir()] == [run.id]
