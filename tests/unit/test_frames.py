# SPDX-License-Identifier: GPL-2.0-only
"""The summary frame: schema, units, what is exact, what is missing."""

from __future__ import annotations

import copy
import math
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import synthetic

from generator import layout
from generator.errors import DataError, UsageError
from generator.evidence import frames
from generator.evidence.frames import COLUMNS
from generator.evidence.rows import Scale, failed, memcg_rows
from generator.report.figures import Figures
from generator.runs import choose, store

FEW = {"workloads": ("populate_seq", "convert", "idle"), "designs": ("kvm_owned", "split_ops")}


@pytest.fixture(name="run")
def small_run(tmp_path: Path) -> store.Run:
    """A run of two designs as store.py loads it."""
    return store.load_run(synthetic.build(tmp_path, **FEW).path)


def fig(frame: pd.DataFrame) -> Figures:
    return Figures(frame)


def test_columns_and_types(run: store.Run) -> None:
    frame = frames.summarize(run)
    assert tuple(frame.columns) == COLUMNS
    assert set(frame["tier"]) == {"count", "model"}
    assert frame["exact"].dtype == bool
    assert not frame.duplicated(["boot", "variant", "workload", "vcpus", "metric", "stat"]).any()


def test_order_does_not_depend_on_the_order_of_the_run(run: store.Run) -> None:
    shuffled = list(run.records)
    random.Random(3).shuffle(shuffled)
    again = store.Run(run.path, run.manifest, tuple(shuffled))
    pd.testing.assert_frame_equal(frames.summarize(run), frames.summarize(again))


def test_baseline_then_aprime_then_floor_last() -> None:
    names = {n: {"aprime_of": "kvm_owned" if n.endswith("_aprime") else None}
             for n in ("none", "zebra", "kvm_owned_aprime", "alpha", "kvm_owned")}
    assert frames.variant_order({"baseline": "kvm_owned", "variants": names}) == [
        "kvm_owned", "kvm_owned_aprime", "alpha", "zebra", "none"]


def test_clock_cost_leaves_the_median_only(run: store.Run) -> None:
    figures = fig(frames.summarize(run))
    hist = next(c for c in run.records if c["boot"] == "icount" and c["variant"] == "kvm_owned"
                and c["workload"] == "populate_seq")["record"]["ops"]["fault"]

    def get(stat: str) -> float:
        return figures.value("count", "kvm_owned", "populate_seq", "op.fault", stat)
    pair = figures.value("count", "kvm_owned", "populate_seq", "clock.empty_pair", "p50")
    assert pair == 41
    assert get("p50") == hist["p50"] - pair
    assert get("p50_raw") == hist["p50"]
    assert (get("p90"), get("p99"), get("max")) == (hist["p90"], hist["p99"], hist["max"])


def test_units(run: store.Run) -> None:
    frame = frames.summarize(run)
    ops = frame[frame["metric"].str.startswith("op.")]
    assert set(ops[ops["boot"] == "icount"]["unit"]) == {"instructions"}
    assert set(ops[ops["boot"] == "mttcg"]["unit"]) == {"ns"}
    raw = next(c for c in run.records if c["boot"] == "mttcg" and c["variant"] == "kvm_owned"
               and c["workload"] == "populate_seq")["record"]["ops"]["fault"]["max"]
    assert fig(frame).value("model", "kvm_owned", "populate_seq", "op.fault", "max") \
        == pytest.approx(raw / 2.3)


def test_count_tier_keeps_whole_instructions() -> None:
    clock = {"khz": 999_997, "empty_pair": {"n": 0}}
    assert Scale.of("count", clock).net(12345, 0) == 12345
    assert Scale.of("model", clock).unit == "ns"


def test_an_op_a_design_does_not_have_is_nan(run: store.Run) -> None:
    figures = fig(frames.summarize(run))
    split = figures.get("count", "kvm_owned", "populate_seq", "op.split", "p50")
    assert math.isnan(split.value)
    assert split.n == 0


def test_p99_interval_needs_368(tmp_path: Path) -> None:
    made = synthetic.build(tmp_path, **FEW)
    case = made.records[0]
    case["record"]["ops"]["fault"] = synthetic.hist(range(1, 368))
    case["record"]["ops"]["map"] = synthetic.hist(range(1, 369))
    figures = fig(frames.summarize(made))
    at = ("count", case["variant"], case["workload"])
    assert math.isnan(figures.get(*at, "op.fault", "p99").low)
    assert figures.get(*at, "op.map", "p99").low <= figures.get(*at, "op.map", "p99").value
    assert not math.isnan(figures.get(*at, "op.fault", "p50").low)


def test_per_fault_and_no_division_by_zero(run: store.Run) -> None:
    figures = fig(frames.summarize(run))
    assert figures.value("count", "kvm_owned", "populate_seq", "per_fault.page_allocs",
                         "ratio") == 2
    assert math.isnan(figures.value("count", "kvm_owned", "idle", "per_fault.page_allocs",
                                    "ratio"))
    assert math.isnan(figures.value("count", "kvm_owned", "idle", "lock.pamt_lock.contended",
                                    "per_1k"))


def test_contention_is_per_1000_takes(run: store.Run) -> None:
    figures = fig(frames.summarize(run))
    assert figures.value("model", "split_ops", "populate_seq", "lock.pamt_lock.contended",
                         "per_1k") == 100
    assert figures.value("model", "split_ops", "populate_seq", "lock.all.contended",
                         "count") == 180


def test_account_sums_page_table_classes_only(run: store.Run) -> None:
    figures = fig(frames.summarize(run))
    assert figures.value("count", "split_ops", "convert", "mem.tables.uncharged", "end") == 16
    assert figures.value("count", "split_ops", "convert", "mem.all.uncharged", "end") == 22
    assert figures.value("count", "split_ops", "convert", "mem.all.live", "end") == 0


def test_parked_per_vcpu_and_per_vm() -> None:
    from generator.evidence.rows import parked_rows
    pools = [{"pool": "a", "class": "sept", "vcpu": 0, "pages": 3, "peak": 4},
             {"pool": "a", "class": "sept", "vcpu": 1, "pages": 5, "peak": 6},
             {"pool": "b", "class": "pamt", "vcpu": -1, "pages": 7, "peak": 9},
             {"pool": "m", "class": "mirror", "vcpu": 0, "pages": 40, "peak": 40}]
    found = {(r.metric, r.stat): r.value for r in parked_rows(pools, 2)}
    assert found["parked.a.pages", "sum"] == 8
    assert found["parked.design.pages", "per_vcpu"] == 4
    assert found["parked.design.pages", "per_vm"] == 7
    assert found["parked.design.peak", "per_vcpu"] == 5
    assert found["parked.m.pages", "sum"] == 40  # the host's: shown, not the design's


def entry(**values: int) -> dict[str, int]:
    return {"live": 0, "charged": 0, "uncharged": 0, **values}


@pytest.mark.parametrize(("pages", "agrees"), [(100, 1), (164, 1), (36, 1), (165, 0), (35, 0)])
def test_memcg_tolerance(pages: int, agrees: int) -> None:
    rows = {r.metric: r for r in memcg_rows([4096, 4096 * (pages + 1), 4096],
                                            [entry(live=100, charged=100)], 1)}
    assert rows["memcg.agrees"].value == agrees
    assert rows["memcg.kernel_live"].value == pages


def test_memcg_range_and_exact_count() -> None:
    rows = {r.metric: r for r in memcg_rows([0, 0, 0], [entry(live=10, charged=8, uncharged=5)], 1)}
    assert rows["memcg.own_live"].ci == (5, 8)
    rows = {r.metric: r for r in memcg_rows(
        [0, 0, 0], [entry(live=10, charged=8, uncharged=5, charged_live=6)], 1)}
    assert rows["memcg.own_live"].ci == (6, 6)


@pytest.mark.parametrize("stat", [None, [], [1, 2], [1, None, 2], [-1, 5, 6]])
def test_memcg_without_the_kernels_figure(stat: Any) -> None:
    assert not list(memcg_rows(stat, [], 1))


@pytest.mark.parametrize(("change", "says"), [
    ({"record": None, "rc": 5}, "no record, rc=5"), ({"rc": 1}, "rc=1"),
    ({"status": -12}, "status=-12"), ({"errors": ["counter != loops"]}, "counter != loops")])
def test_a_failed_case_has_no_figures(run: store.Run, change: dict[str, Any], says: str) -> None:
    case = copy.deepcopy(run.records[0])
    target = case if change.keys() & {"record", "rc"} else case["record"]
    target.update(change)
    assert says in failed(case)
    frame = frames.summarize(store.Run(run.path, run.manifest, (case,)))
    assert list(frame["metric"]) == ["case.failed"]
    assert frame["value"].iloc[0] == 1


@pytest.mark.parametrize("damage", [
    lambda r: r.pop("clock"), lambda r: r["ops"].update(fault={"n": 3}),
    lambda r: r["locks"]["pamt_lock"].pop("wait"), lambda r: r.update(memory=None)])
def test_a_record_that_does_not_fit_names_its_case(run: store.Run, damage: Any) -> None:
    case = copy.deepcopy(run.records[2])
    damage(case["record"])
    with pytest.raises(DataError) as caught:
        frames.summarize(store.Run(run.path, run.manifest, (case,)))
    assert f"case {case['index']} {case['variant']}" in caught.value.where


def test_csv_keeps_every_figure(run: store.Run) -> None:
    path = frames.write_summary(run)
    again, frame = frames.read_csv(path), frames.summarize(run)
    pd.testing.assert_frame_equal(frame, again, check_dtype=False, rtol=1e-8)
    whole = frame[(frame["metric"] == "count.faults")]["value"]
    assert ",600,events," in path.read_text()
    assert set(whole) == {600, 0}
    first = path.read_bytes()
    assert frames.write_summary(run).read_bytes() == first
    assert not list(run.path.glob("*.tmp"))


def test_not_a_summary(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    for name in ("x.csv", "none.csv"):
        with pytest.raises(DataError):
            frames.read_csv(tmp_path / name)


def test_big_whole_numbers_keep_their_digits() -> None:
    assert frames.short(12345678901.0) == "12345678901"
    assert frames.short(float("nan")) == ""
    assert frames.short(1 / 3) == "0.333333333"


def test_newest_complete_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "RUNS", tmp_path)
    monkeypatch.setattr(store.run_ids, "__defaults__", (tmp_path,))
    monkeypatch.setattr(store.locate, "__defaults__", (tmp_path,))
    monkeypatch.setattr(store.load_run, "__defaults__", (tmp_path,))
    with pytest.raises(DataError, match="no complete run"):
        choose.find_run(None)
    for day in ("17", "18"):
        synthetic.build(tmp_path, run_id=f"202601{day}T120000Z-0badcafe-abc1234", **FEW)
    assert choose.find_run(None).id.startswith("20260118")
    manifest = tmp_path / "20260118T120000Z-0badcafe-abc1234" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"complete"', '"partial"'))
    assert choose.find_run(None).id.startswith("20260117")
    assert choose.find_run("20260118T120000Z-0badcafe-abc1234").manifest["state"] == "partial"
    with pytest.raises(UsageError):
        choose.find_run("nonesuch")
