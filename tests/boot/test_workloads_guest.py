# SPDX-License-Identifier: GPL-2.0-only
"""Real boots of the workloads that run on request, of changed designs, and of an ablation."""

from __future__ import annotations

import pytest
from guests import Project

from generator.runs import store
from generator.runs.store import Run
from generator.studies import ablation

pytestmark = pytest.mark.boot
HASHED = "kvm_owned+pamt_lock=hashed+pamt_lock_bits=2"
DESIGNS = ("kvm_owned", HASHED, "split_prealloc")
WORKLOADS = {
    "vms+pages=64+tds=3": ("fault", 3 * 64), "noisy+pages=64": ("fault", 64),
    "churn+pages=16+rounds=3": ("fault", 0), "fleet+vcpus=8+tds=2": ("topup", 16),
    "split_eager+pages=2048": ("split", 4), "split_ends+pages=8192": ("split", 4),
    "populate_seq+contig=64+pages=512": ("fault", 512),
}


@pytest.fixture(scope="module")
def run(designs: Project) -> Run:
    """All of them on a few designs, in both boots."""
    done = designs.extspt("run", "--gate", "off", "--variants", ",".join(DESIGNS), "--workloads",
                          ",".join(WORKLOADS), "--blocks", "1", "--seed", "7")
    assert done.returncode == 0, done.stderr
    return store.load_run(designs.root / done.stdout.strip())


def test_all_are_whole_and_do_as_much_as_they_say(run: Run) -> None:
    assert {r["variant"] for r in run.records} == {*DESIGNS, "kvm_owned_aprime"}
    assert {r["workload"] for r in run.records} == set(WORKLOADS)
    for stored in run.records:
        record, (op, times) = stored["record"], WORKLOADS[stored["workload"]]
        where = f"{stored['boot']} {stored['variant']} {stored['workload']}"
        assert stored["rc"] == 0 and record["errors"] == [], where
        assert record["seam"]["violations"] == [], where
        assert record["ops"][op]["n"] == times or not times, where
    for boot in run.manifest["boots"].values():
        assert boot["warnings"] == []


def test_parameters_reach_the_module(run: Run) -> None:
    params = {r["workload"]: r["record"]["params"] for r in run.records}
    assert params["vms+pages=64+tds=3"]["tds"] == 3
    assert params["populate_seq+contig=64+pages=512"]["contig"] == 64
    assert "contig" not in params["vms+pages=64+tds=3"]


def test_scattered_pages_need_more_pairs(run: Run) -> None:
    """512 guest pages, 64 in each 2 MiB: eight pairs for them instead of one."""
    [calls] = [r["record"]["seam"]["calls"] for r in run.records if r["boot"] == "icount"
               and r["variant"] == HASHED and r["workload"].startswith("populate_seq")]
    added = sum(c["n"] for c in calls if c["leaf"] == "PAMT.ADD")
    assert 8 <= added <= 16


def test_preallocating_holds_mmu_lock_all_along(run: Run) -> None:
    taken = {r["variant"]: r["record"]["locks"]["mmu_lock.write"]["acquired"] for r in run.records
             if r["boot"] == "icount" and r["workload"] == "split_eager+pages=2048"}
    assert taken["split_prealloc"] == 1 and taken["kvm_owned"] == 5


def test_ablation_from_one_command(designs: Project) -> None:
    done = designs.extspt("ablate", "kvm_owned", "tip_x86_tdx", EXTSPT_GATE="off")
    assert done.returncode == 0, done.stderr
    [newest] = sorted((designs.root / "results/runs").glob(f"*/{ablation.FILE}"))
    found = ablation.load(newest.parent)
    assert found is not None and (newest.parent / "ablation.svg").is_file()
    allocs = next(fall for fall in found.waterfalls if fall.key == "allocs")
    [part] = allocs.parts
    assert part.label == "pamt_lock: fastpath -> always" and abs(part.mean - 2) < allocs.floor
