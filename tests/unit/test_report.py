# SPDX-License-Identifier: GPL-2.0-only
"""What a report says first: the answer, the table, the price, and what it is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic
from reported import case_of, flat, head, rows_of, text_of, view_of

from generator.report import document, flags, headline, tables
from generator.report.model import NA, number
from generator.report.view import COUNT, MODEL


def test_headline_figures_are_the_frames(made: synthetic.FakeRun) -> None:
    view = view_of(made)
    for tier, last in ((COUNT, ("populate_seq", "per_fault.page_allocs", "ratio")),
                       (MODEL, ("same_range", "lock.all.contended", "per_1k"))):
        table = head(view, tier)
        assert [row[0] for row in table.rows] == [
            "kvm_owned", "kvm_owned A'", "split_ops", "tdx_prealloc", "tip_x86_tdx", "none"]
        for variant in view.variants:
            row = rows_of(table)[view.label(variant)]
            median = view.figures.value(tier, variant, "populate_seq", "op.fault", "p50")
            assert row[0] == number(median)
            assert float(row[3]) == 4 * view.figures.value(
                tier, variant, "idle", "parked.design.pages", "per_vcpu")
            assert float(row[4]) == pytest.approx(view.figures.value(tier, variant, *last), abs=.01)


def test_exact_verdicts_in_words(made: synthetic.FakeRun) -> None:
    rows = rows_of(head(view_of(made), COUNT))
    assert [rows[v][2] for v in ("kvm_owned", "kvm_owned A'", "tip_x86_tdx", "none")] == [
        "base", "the same", "more", "fewer"]
    assert dict(headline.answer(view_of(made), COUNT)) == {
        "more": "split_ops +14.0 % (+120), tdx_prealloc +11.6 % (+100), "
                "tip_x86_tdx +23.3 % (+200)"}


def test_counts_that_do_not_repeat_are_not_equal_to_the_last_digit(
        made: synthetic.FakeRun) -> None:
    view = view_of(made)
    assert "equal to the last digit" in headline.repetition(view, COUNT)
    first = next(v for v in view.verdicts_of(COUNT) if v.variant == view.aprime and v.primary)
    off = replace(first, outcome="refused", note="kvm_owned_aprime does not repeat: 1, 2")
    said = headline.repetition(replace(view, verdicts=tuple(
        off if v is first else v for v in view.verdicts)), COUNT)
    assert "equal but" in said and "does not repeat: 1, 2" in said


def test_no_table_of_ops_blames_samples_where_blocks_are_few(made: synthetic.FakeRun) -> None:
    notes = tables.ops(view_of(made), MODEL, {"fault": "populate_seq"}, "").notes
    assert "368 samples in one block, or 6 blocks" in notes[1]


def test_one_block_is_no_verdict(made: synthetic.FakeRun) -> None:
    (answer,) = headline.answer(view_of(made), MODEL)
    assert answer == ("no verdict", "split_ops, tdx_prealloc, tip_x86_tdx "
                      "(n too small: 1 of 6 blocks)")
    assert rows_of(head(view_of(made), MODEL))["split_ops"][1:3] == (NA, "none")


@pytest.fixture(scope="module", name="blocks")
def native_run(tmp_path_factory: pytest.TempPathFactory) -> synthetic.FakeRun:
    return synthetic.build(tmp_path_factory.mktemp("runs"), workloads=synthetic.HEADLINE,
                           boots=("uml",), blocks=12, run_id="native")


def test_verdicts_of_blocks(blocks: synthetic.FakeRun) -> None:
    view = view_of(blocks)
    rows = rows_of(head(view, "native"))
    assert rows["tip_x86_tdx"][2] == "slower" and rows["none"][2] == "faster"
    assert re.fullmatch(r"1\.2\d\d 1\.2\d\d-1\.2\d\d", rows["tip_x86_tdx"][1])
    answer = dict(headline.answer(view, "native"))
    assert "tip_x86_tdx +2" in answer["slower"]
    assert "12 blocks" in flat(text_of(blocks))
    assert re.search(r"A/A': at most [+-]\d\.\d % \([\w ]+\), floor up to \d\.\d %, "
                     r"0 of \d flagged", flat(text_of(blocks)))


def test_native_runs_do_not_talk_of_other_boots(blocks: synthetic.FakeRun) -> None:
    report = flat(text_of(blocks))
    assert "icount" not in report and "emulated" not in report
    assert "one guest CPU" not in report
    assert "static calls are calls through a pointer" in report


def test_runs_stand_side_by_side_and_real_kvm_first(blocks: synthetic.FakeRun,
                                                    tmp_path: Path) -> None:
    kvm = synthetic.build(tmp_path, workloads=("populate_seq",), host="kvm", run_id="zz")
    report = text_of(blocks, kvm)
    places = [report.index(f"Host {host}, tier {tier}\n" if n else "This is real KVM, modelled")
              for n, (host, tier) in enumerate((("kvm", COUNT), ("kvm", MODEL),
                                                ("twin", "native")))]
    assert places == sorted(places)
    for section in document.build([view_of(blocks), view_of(kvm)]).sections:
        tiers = [badge for badge in section.badges if badge.startswith("tier")]
        for table in section.tables if tiers else ():
            said = " ".join((*table.notes, *section.after))
            assert set(re.findall(r"tier \w+", said)) == set(tiers), table.title


def test_a_static_pamt_is_named_and_never_the_cheapest(run: synthetic.FakeRun) -> None:
    for name in ("split_ops", "split_ops_aprime"):
        if name in run.manifest["variants"]:
            run.manifest["variants"][name]["choices"] = {"pamt_install": "none"}
    case_of(run, "icount", "split_ops", "populate_seq")["record"]["ops"][
        "fault"] = synthetic.hist([500] * 600)
    view = view_of(run)
    assert dict(headline.answer(view, COUNT))["fewer"] == (
        "split_ops -46.6 % (-400, static PAMT, +14.0 % in same_range)")
    assert "the cheapest fault" not in headline.price(view, COUNT)


def test_owners_follow_the_records(run: synthetic.FakeRun) -> None:
    for entry in case_of(run, "icount", "split_ops", "convert")["record"]["memory"]["end"]:
        if entry["uncharged"] == 16:
            entry["uncharged"] = 17
    view = view_of(run)
    section = document.owners(view)
    assert section is not None
    assert rows_of(section.tables[0])["split_ops"][2:] == ("0", "17", "12", "0")
    assert "17 pages uncharged" in flat(headline.burden(view, COUNT, "split_ops"))


def test_every_report_says_what_it_is(made: synthetic.FakeRun) -> None:
    report = flat(text_of(made))
    assert "It models KVM's path and does not drive KVM." in report
    assert "no TDX hardware" in report
    assert report.count("Twin of KVM's path, modelled SEAM.") == 1


def test_every_table_names_host_and_tier(made: synthetic.FakeRun) -> None:
    for section in document.build([view_of(made)]).sections:
        for table in section.tables:
            said = " ".join((*table.notes, *section.after, *(c.head for c in table.columns)))
            assert "host twin" in said.lower(), table.title
            assert "tier" in said, table.title


def test_first_screen_fits(made: synthetic.FakeRun) -> None:
    """Question, verdicts, table and cost in the 24 lines of a terminal."""
    lines = text_of(made).splitlines()
    cost = next(i for i, line in enumerate(lines) if line.startswith("Cost: "))
    assert cost + lines[cost:].index("") <= 24


def test_aprime_is_compared(run: synthetic.FakeRun) -> None:
    assert "equal to the last digit" in headline.repetition(view_of(run), COUNT)
    case = case_of(run, "icount", "kvm_owned_aprime", "populate_seq")["record"]
    case["counts"]["page_allocs"] += 60
    case["ops"]["fault"] = synthetic.hist([910] * 600)
    view = view_of(run)
    assert "equal but fault in populate_seq +10 (+1.2 %)" in headline.repetition(view, COUNT)
    assert any(f.startswith("A and A' differ in exact counts (page_allocs) of populate_seq:")
               for f in flags.flags(view))


def test_run_without_aprime(tmp_path: Path) -> None:
    run = synthetic.build(tmp_path, designs=("split_ops", "none"))
    run.manifest["baseline"] = "split_ops"
    report = flat(text_of(run))
    assert "split_ops did not run twice" in report
    assert "Cost: split_ops, the baseline" in report


@pytest.mark.parametrize("workload", synthetic.WORKLOADS)
def test_a_run_of_any_single_workload(tmp_path: Path, workload: str) -> None:
    report = text_of(synthetic.build(tmp_path, workloads=(workload,)))
    assert not re.search(r"\bnan\b", report, re.I)
    assert f"workload {workload}" in flat(report)


def test_per_tier_tables_do_not_mix(made: synthetic.FakeRun) -> None:
    view = view_of(made)
    for tier in (COUNT, MODEL):
        notes = " ".join(tables.ops(view, tier, {"fault": "populate_seq"}, "").notes)
        assert f"tier {tier}" in notes
