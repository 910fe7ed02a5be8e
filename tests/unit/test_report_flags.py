# SPDX-License-Identifier: GPL-2.0-only
"""What a reader has to know before believing a figure."""

from __future__ import annotations

from typing import Any

import pytest
import synthetic
from reported import case_of, flat, head, rows_of, text_of, view_of

from generator.report import artefacts, flags, tables
from generator.report.model import NA
from generator.report.view import COUNT, MODEL


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


@pytest.mark.parametrize("missing", ["icount", "mttcg"])
def test_one_boot_missing(run: synthetic.FakeRun, missing: str) -> None:
    run.records = [c for c in run.records if c["boot"] != missing]
    run.manifest["boots"][missing].update(state="failed", attempts=[
        {"wall_s": 120, "outcome": "hung before insmod"}])
    run.manifest["state"] = "partial"
    report = flat(text_of(run))
    assert f"boot {missing}" in report
    assert "is missing: failed, hung before insmod" in report


def test_nothing_ran(run: synthetic.FakeRun) -> None:
    run.records = []
    for boot in run.manifest["boots"].values():
        boot.update(state="pending", attempts=[])
    report = flat(text_of(run))
    assert "boot icount (count tier) is missing: pending, not started" in report
    assert "Nothing was measured" in report


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
    found = artefacts.suspects(view, MODEL, "split_ops", "same_range")
    assert bool(found) is suspected
    assert rows_of(head(view, MODEL))["split_ops"][4].endswith("!") is suspected


def test_a_wait_of_a_quantum_is_the_host(run: synthetic.FakeRun) -> None:
    contended(run, [100_000] * 20 + [2_300_000], [90_000] * 600)
    found = [f for f in flags.flags(view_of(run)) if f.startswith("host preemption?")]
    assert found == ["host preemption? same_range, split_ops: pamt_lock waits up to 1.0 ms"]


def test_readers_wait_for_the_writers_hold(run: synthetic.FakeRun) -> None:
    locks = case_of(run, "mttcg", "split_ops", "same_range")["record"]["locks"]
    locks["mmu_lock.read"].update(wait=synthetic.hist([90_000] * 60), hold=synthetic.hist([100]))
    locks["mmu_lock.write"].update(hold=synthetic.hist([80_000]))
    assert not artefacts.suspects(view_of(run), MODEL, "split_ops", "same_range")


def test_leaks_violations_and_memcg_are_flagged(run: synthetic.FakeRun) -> None:
    case = case_of(run, "icount", "none", "convert")
    case["record"]["memory"]["end"][0]["live"] = 3
    case["record"]["seam"]["violations"] = [{"kind": "double add", "detail": "x"}]
    case["kernel_stat"][1] += 4096 * 1000
    found = flags.flags(view_of(run))
    assert "none, convert, tier count: 3 pages still live after the VM was destroyed" in found
    assert "none, convert, tier count: 1 SEAM model violations" in found
    assert any("memory.stat" in f and "none/convert" in f for f in found)


@pytest.mark.parametrize("load", [1.5, [1.5, 0.2, 0.1]])
def test_busy_host_and_unpinned_vcpus(run: synthetic.FakeRun, load: Any) -> None:
    run.manifest["boots"]["mttcg"].update(load_before=load, pinned=False)
    found = "; ".join(flags.flags(view_of(run)))
    assert "host load 1.50 on 2 CPUs" in found
    assert "not pinned" in found
