# SPDX-License-Identifier: GPL-2.0-only
"""Real boots of the real designs: all of them load, run and agree where they must."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from guests import Project

from generator.modules import variant
from generator.runs import store
from generator.runs.store import Run

pytestmark = pytest.mark.boot
ICOUNT = ("run", "--boots", "icount", "--variants", "kvm_owned,split_ops", "--seed", "7",
          "--workloads", "populate_seq,same_range,convert")


@pytest.fixture(scope="module")
def smoke(designs: Project) -> Run:
    """Every design with the smoke workload, in both boots."""
    done = designs.extspt("run", "--variants", "all", "--workloads", "smoke", "--seed", "7")
    assert done.returncode == 0, done.stderr
    return store.load_run(designs.root / done.stdout.strip())


def test_every_design_runs_in_both_boots(smoke: Run) -> None:
    expected = {*variant.names(), f"{variant.BASELINE}{variant.APRIME}"}
    for boot in ("icount", "mttcg"):
        records = [r for r in smoke.records if r["boot"] == boot]
        assert {r["variant"] for r in records} == expected and len(records) == len(expected)
    for stored in smoke.records:
        record = stored["record"]
        assert stored["rc"] == 0 and record["status"] == 0 and record["errors"] == []
        assert record["phase"] == "end" and record["seam"]["violations"] == []
        assert record["ops"]["fault"]["n"] > 0
    assert smoke.manifest["boots"]["icount"]["warnings"] == []
    assert smoke.manifest["boots"]["mttcg"]["warnings"] == []


def test_each_boot_has_its_clock_and_costs(smoke: Run) -> None:
    clocks = {r["boot"]: r["record"]["clock"]["khz"] for r in smoke.records}
    assert abs(clocks["icount"] - 1_000_000) <= 1  # one instruction, one nanosecond
    assert {r["record"]["costs"] for r in smoke.records if r["boot"] == "icount"} == {"zero"}
    assert {r["record"]["costs"] for r in smoke.records if r["boot"] == "mttcg"} == {"default"}


@pytest.fixture(scope="module")
def twice(designs: Project) -> list[Run]:
    """The same icount boot twice, both at once: instructions do not care for a loaded host."""
    both = [designs.start(*ICOUNT)]
    assert both[0].stderr is not None
    while (line := both[0].stderr.readline()) and "PLAN" not in line:
        pass  # two at once must not stage the same folders
    both.append(designs.start(*ICOUNT))
    outs = [child.communicate(timeout=200) for child in both]
    assert [child.returncode for child in both] == [0, 0], outs
    return [store.load_run(designs.root / out.strip()) for out, _ in outs]


def test_two_icount_boots_agree_to_the_last_digit(twice: list[Run]) -> None:
    first, second = (run.records for run in twice)
    assert len(first) == 9
    for one, other in zip(first, second, strict=True):
        assert exact(one["record"]) == exact(other["record"])
        assert medians(one["record"]) == medians(other["record"])


def test_aprime_counts_as_the_baseline_does(twice: list[Run]) -> None:
    first, second = ({r["workload"]: r["record"] for r in twice[0].records if r["variant"] == name}
                     for name in (variant.BASELINE, f"{variant.BASELINE}{variant.APRIME}"))
    for workload, op in (("populate_seq", "fault"), ("same_range", "fault"), ("convert", "zap")):
        assert first[workload]["ops"][op]["n"] == second[workload]["ops"][op]["n"] >= 256
        assert first[workload]["ops"][op]["p50"] == second[workload]["ops"][op]["p50"]
        # Not of PAMT pairs: how many 2 MiB ranges its pages lie in depends on who ran before.
        assert tables(first[workload]) == tables(second[workload])


def tables(record: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Page-table pages allocated, by class and owner."""
    return {(row["class"], row["owner"]): row["allocated"] for row in record["memory"]["end"]
            if row["class"] in ("sept", "mirror")}


def exact(record: Mapping[str, Any]) -> dict[str, Any]:
    """All counts of a record."""
    whole = ("variant", "workload", "params", "counts", "memory", "seam")
    kept: dict[str, Any] = {key: record[key] for key in whole}
    for kind in ("ops", "locks"):
        kept[kind] = {name: entry.get("n", entry.get("acquired"))
                      for name, entry in record[kind].items()}
    return kept


def medians(record: Mapping[str, Any]) -> dict[str, Any]:
    """Medians of all operations and of the time each lock is held, in instructions."""
    ops = {name: hist.get("p50") for name, hist in record["ops"].items()}
    # One tear-down is one sample: a timer tick inside it is no noise a median removes.
    few = {name for name, hist in record["ops"].items() if hist["n"] < 16}
    holds = {name: lock["hold"].get("p50") for name, lock in record["locks"].items()
             if lock["hold"]["n"] >= 16}
    return {"ops": {n: v for n, v in ops.items() if n not in few}, "holds": holds}


def test_the_floors_pages_become_pairs_by_hand_over(designs: Project) -> None:
    """Between the floor and a design that counts: KVM's reserve feeds splits with TDX's pairs."""
    name = f"{variant.BASELINE}+split_source=reserved"
    done = designs.extspt("run", "--gate", "off", "--boots", "icount", "--vcpus", "1",
                          "--variants", name, "--workloads", "smoke", "--seed", "7")
    assert done.returncode == 0, done.stderr
    run = store.load_run(designs.root / done.stdout.strip())
    [record] = [r["record"] for r in run.records if (r["variant"], r["block"]) == (name, 0)]
    pairs = [row for row in record["memory"]["end"]
             if (row["class"], row["owner"]) == ("pamt", "kvm")]
    assert sum(row["handed_over"] for row in pairs) >= 4    # two splits, a pair each at least
    assert sum(row["cross_freed"] for row in record["memory"]["end"]) == 0


def test_a_vcpu_whose_creation_fails_halfway(designs: Project) -> None:
    """pamt_source comes first: what sept_source has not set up yet is destroyed as well."""
    name = "none+pamt_install=link+pamt_lock=fastpath+pamt_source=mempool+split_source=none"
    points = [f"populate_seq+pages=2+check=1+fail_alloc={n}" for n in range(20, 40, 2)]
    done = designs.extspt("run", "--gate", "off", "--boots", "icount", "--vcpus", "1",
                          "--baseline", name, "--variants", name, "--seed", "7",
                          "--workloads", ",".join(points))
    run = store.load_run(designs.root / done.stdout.strip())
    records = [r["record"] for r in run.records if r["variant"] == name]
    assert len(records) == len(points)
    failed = {record["inject"]["at"].partition(",")[0] for record in records}
    assert {"pamt_pool_alloc", "sept_source_vcpu_init"} <= failed
    assert all((r["status"], r["custody"]["errors"]) == (-12, []) for r in records)
