# SPDX-License-Identifier: GPL-2.0-only
"""Counts that are known beforehand: from upstream's own mirror MMU, and from the catalogue.

The dense and sparse counts of ``kvm_owned`` are those of real kvm.ko (7.2.13, upstream's cache of
external pages, one vCPU): 4096 dense faults link 10 page tables and take 40 pages in one refill;
128 sparse faults link 130 and take 148.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from guests import Project

from generator.runs import store

pytestmark = pytest.mark.boot
PAIR = 2
CONTROL_PAGES = 1 + 6 + 1 + 5
"""TDR, TDCX, TDVPR and TDVPX of a TD: each takes a pair of its own, used or not."""
ROOM = 10
"""Pages in TDX's per-vCPU list: 5 pairs."""
Record = Mapping[str, Any]


@pytest.fixture(scope="module")
def records(designs: Project) -> dict[tuple[str, str], Record]:
    """(variant, workload) -> record, one vCPU."""
    done = designs.extspt("run", "--boots", "icount", "--vcpus", "1", "--seed", "7",
                          "--variants", "kvm_owned,tdx_prealloc,tip_x86_tdx",
                          "--workloads", "populate_seq,populate_sparse")
    assert done.returncode == 0, done.stderr
    run = store.load_run(designs.root / done.stdout.strip())
    return {(r["variant"], r["workload"]): r["record"] for r in run.records}


def pages(record: Record, page_class: str, field: str = "allocated", when: str = "end") -> int:
    return sum(row[field] for row in record["memory"][when] if row["class"] == page_class)


def parked(record: Record, pool: str) -> int:
    return sum(row["pages"] for row in record["memory"]["parked"] if row["pool"] == pool)


def calls(record: Record, leaf: str) -> int:
    return sum(row["n"] for row in record["seam"]["calls"] if row["leaf"] == leaf)


@pytest.mark.parametrize(("workload", "leaves", "tables", "taken"), [
    ("populate_seq", 4096, 10, 40), ("populate_sparse", 128, 130, 148)])
def test_kvm_owned_counts_as_upstream(records: Mapping[tuple[str, str], Record], workload: str,
                                      leaves: int, tables: int, taken: int) -> None:
    record = records["kvm_owned", workload]
    assert (calls(record, "PAGE.AUG.4K"), calls(record, "SEPT.ADD")) == (leaves, tables)
    assert pages(record, "sept") == taken
    assert parked(record, "external_spt_cache") == taken - tables
    assert record["locks"]["mmu_lock.read"]["acquired"] == leaves
    assert record["locks"]["mmu_lock.write"]["acquired"] == 0


@pytest.mark.parametrize("workload", ["populate_seq", "populate_sparse"])
def test_the_fast_path_takes_a_pair_only_to_install_it(
        records: Mapping[tuple[str, str], Record], workload: str) -> None:
    record = records["kvm_owned", workload]
    spent = pages(record, "pamt") - parked(record, "pamt_cache")
    # Each pair that was installed, at creation or in a fault, has been removed in the end.
    assert spent == PAIR * calls(record, "PAMT.REMOVE")
    assert ROOM - PAIR <= parked(record, "pamt_cache") <= ROOM


@pytest.mark.parametrize("workload", ["populate_seq", "populate_sparse"])
def test_tip_takes_a_pair_and_the_lock_for_every_get(
        records: Mapping[tuple[str, str], Record], workload: str) -> None:
    record = records["tip_x86_tdx", workload]
    gets = record["ops"]["pamt_get"]["n"]
    assert gets == calls(record, "PAGE.AUG.4K") + calls(record, "SEPT.ADD")
    assert record["locks"]["pamt_lock"]["acquired"] == gets
    spent = pages(record, "pamt") - PAIR * CONTROL_PAGES - parked(record, "pamt_cache")
    assert spent == PAIR * gets


def test_tdx_prealloc_keeps_fifteen_pages_and_kvm_frees_tdx_pages(
        records: Mapping[tuple[str, str], Record]) -> None:
    record = records["tdx_prealloc", "populate_seq"]
    assert ROOM + 5 - PAIR <= parked(record, "tdx_prealloc") <= ROOM + 5
    assert pages(record, "sept", "cross_freed") == pages(record, "sept") == 10
    assert pages(record, "pamt", "cross_freed") == 0
