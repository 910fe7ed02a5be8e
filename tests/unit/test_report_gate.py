# SPDX-License-Identifier: GPL-2.0-only
"""Designs that failed, were forced, or did not run: what a report says of them."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest
import synthetic
from reported import case_of, flat, head, rows_of, text_of, view_of

from generator.benchmarks import suite
from generator.evidence import frames, verdict
from generator.gate.result import Finding, GateResult
from generator.report import bundle, document, flags, headline, kcidb, text
from generator.report.model import NA
from generator.report.view import COUNT, MODEL, View
from generator.runs import store


def test_a_design_that_failed_has_no_figure_anywhere(run: synthetic.FakeRun) -> None:
    case_of(run, "mttcg", "split_ops", "idle")["record"]["errors"] = ["leaks 3 pages"]
    view = view_of(run)
    for tier in (COUNT, MODEL):
        assert rows_of(head(view, tier))["split_ops"] == ("-", "-", "-", "-", "-", "FAIL")
        assert ("FAIL", "split_ops (idle: leaks 3 pages)") in headline.answer(view, tier)
    for section in document.build([view]).sections:
        for table in section.tables:
            for row in table.rows:
                if row[0] == "split_ops":
                    assert set(row[1:]) <= {"-", NA, "FAIL"}, table.title


def test_forced_rows_are_marked_in_every_table(run: synthetic.FakeRun) -> None:
    run.manifest["gate"] = {"split_ops": "forced", "kvm_owned": "PASS"}
    seen = 0
    for section in document.build([view_of(run)]).sections:
        for table in section.tables:
            names = [row[0] for row in table.rows] + [c.head for c in table.columns]
            assert "split_ops" not in names
            seen += "split_ops [f]" in names
    assert seen > 5
    assert "[f] forced" in text_of(run)
    run.manifest["marks"] = ["oversubscribed: 4 vCPUs on 2 host cores"]
    assert {row[0][-3:] for row in head(view_of(run), COUNT).rows} == {"[f]"}
    assert "forced: oversubscribed" in flat(text_of(run))


def test_forced_figures_are_marked_in_files_too(run: synthetic.FakeRun, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """summary.csv says so in front, kcidb with each figure; asv cannot, and gets none."""
    run.manifest["gate"] = {"split_ops": "forced", "kvm_owned": "PASS"}
    run.manifest["marks"] = ["timed though they FAIL the gate (--force):\nsplit_ops"]
    view = view_of(run)
    bundle.fill([view], tmp_path)
    lines = (tmp_path / "summary.csv").read_text().splitlines()
    assert lines[0] == "# forced: timed though they FAIL the gate (--force): split_ops"
    assert len(frames.read_csv(tmp_path / "summary.csv")) == len(lines) - 2
    listed = list(kcidb.tests(view.manifest, view.frame, "extspt_bench:x"))
    assert kcidb.export([(view.manifest, view.frame)])["builds"][0]["misc"] == {
        "marks": run.manifest["marks"]}
    assert {test["environment"]["comment"] for test in listed if "number" in test} == {
        f"host twin, tier {tier}: twin of KVM's path, modelled SEAM" for tier in (COUNT, MODEL)}
    figures = {True: 0, False: 0}
    for test in listed:
        if "number" in test:
            design = test["path"].split(".")[3]
            assert (test["misc"].get("gate") == "forced") is (design == "split_ops")
            figures[design == "split_ops"] += 1
    assert min(figures.values()) > 5
    assert {test["path"]: test["status"] for test in listed if test["path"].endswith(".gate")} == {
        "extspt_bench.twin.split_ops.gate": "FAIL", "extspt_bench.twin.kvm_owned.gate": "PASS"}
    stored = store.Run(tmp_path, run.manifest, tuple(run.records))
    monkeypatch.setattr(suite, "the_run", lambda: stored)
    designs = {key[1] for key in suite.setup_cache()}
    assert "kvm_owned" in designs and "split_ops" not in designs


def test_a_design_the_gate_kept_out_is_in_kcidb_without_a_figure(run: synthetic.FakeRun) -> None:
    run.manifest["gate"] = {"leaky": "FAIL", "kvm_owned": "PASS", "none": "not run"}
    view = view_of(run)
    mine = [test for test in kcidb.tests(view.manifest, view.frame, "extspt_bench:x")
            if ".leaky." in test["path"]]
    assert [(test["status"], "number" in test) for test in mine] == [("FAIL", False)]


def test_a_design_the_gate_kept_out_has_a_row(run: synthetic.FakeRun) -> None:
    run.manifest["gate"] = {"leaky": "FAIL", "kvm_owned": "PASS"}
    table = head(view_of(run), COUNT)
    assert [row[0] for row in table.rows][-2:] == ["leaky", "none"]
    assert rows_of(table)["leaky"] == ("-", "-", "-", "-", "-", "FAIL")
    assert rows_of(table)["kvm_owned"][-1] == "ok"
    assert re.search(r"leaky +FAIL( +-){5}\n", text_of(run))
    assert "leaky: gate: failed" in flat(text_of(run))


def test_the_gate_section_says_what_was_done(run: synthetic.FakeRun) -> None:
    found = (Finding("leak", "correctness", "3 pages leak"),
             Finding("uncharged", "criterion", "", criterion="C7"))
    bad = GateResult("split_ops", "twin", False, found, {"enomem": (41, 41), "busy": (9, 12)}, (),
                     (), ("sweep",), "")
    run.manifest["gate"] = {"split_ops": "forced", "kvm_owned": "PASS"}
    view = View.of(run, frames.summarize(run), (), {"split_ops": bad})
    report = flat(text.render(document.build([view])))
    assert "split_ops [f] forced sweep 41/41 9/12 - C7" in report
    assert "C7 leakage into core MMU" in report
    assert "split_ops [f]: leak: 3 pages leak" in report
    run.manifest["gate"]["split_ops"] = "FAIL"
    view = View.of(run, frames.summarize(run), (), {"split_ops": bad})
    assert view.failing == {"split_ops": "gate: 3 pages leak"}
    assert rows_of(head(view, COUNT))["split_ops"][-1] == "FAIL"


def test_a_design_of_which_one_case_failed_has_no_figure_in_any_file(
        run: synthetic.FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its other workloads went well, and say nothing all the same."""
    bad = next(c for c in run.records if (c["variant"], c["workload"]) == ("split_ops", "convert"))
    bad.update(record=None, rc=14)
    stored = store.Run(tmp_path, run.manifest, tuple(run.records))
    frame = frames.read_csv(frames.write_summary(stored))
    mine = frame[frame["variant"] == "split_ops"]
    assert [*zip(mine["metric"], mine["workload"], strict=True)] == [("case.failed", "convert")]
    assert "split_ops" not in {v.variant for v in verdict.of_run(stored)}
    monkeypatch.setattr(suite, "the_run", lambda: stored)
    assert "split_ops" not in {key[1] for key in suite.setup_cache()}
    view = view_of(run)
    listed = [test for test in kcidb.tests(view.manifest, view.frame, "extspt_bench:x")
              if ".split_ops." in test["path"]]
    assert [(test["status"], test["path"].split(".")[-1]) for test in listed] == [
        ("FAIL", "convert")]


def test_enomem_with_empty_caches_fails_no_design(run: synthetic.FakeRun) -> None:
    for case in run.records:
        if (case["variant"], case["workload"]) == ("split_ops", "convert"):
            case["rc"], case["record"]["status"] = 1, -errno.ENOMEM
            case["record"]["params"]["drain"] = 1
    view = view_of(run)
    assert not view.failing and not flags.failures(view)
    for case in run.records:
        case["record"]["params"].pop("drain", None)
    assert list(view_of(run).failing) == ["split_ops"]


def test_failed_case_is_named(run: synthetic.FakeRun) -> None:
    for case in run.records:
        if case["variant"] == "split_ops":
            case.update(record=None, rc=14)
    view = view_of(run)
    assert "FAIL split_ops, convert, boot icount: no record, rc=14" in flags.failures(view)
    assert "FAIL split_ops, convert, boot icount: no record, rc=14" in flat(text_of(run))


def test_variant_without_any_case(run: synthetic.FakeRun) -> None:
    run.records = [c for c in run.records if c["variant"] != "none"]
    assert "boot icount has no case of none" in flags.flags(view_of(run))
    assert set(rows_of(head(view_of(run), COUNT))["none"][:-1]) == {NA}
