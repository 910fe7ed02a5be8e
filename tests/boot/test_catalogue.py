# SPDX-License-Identifier: GPL-2.0-only
"""The counts that the public discussion gives for each design come out of real runs.

One icount boot of every design with one vCPU. What a row expects is from the design's own posting
(the fragment names it), not from this project's code: pages parked when a vCPU is ready for its
first fault, pages of a split, how often ``mmu_lock`` is dropped for it, pairs per fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from catalogue import PAIR, Records, calls, pages, pools

from generator.modules import variant

pytestmark = pytest.mark.boot
TABLES = 10
"""S-EPT pages that 4096 pages in a row need: 8 + 1 + 1; the root is a control page."""
CONTROL = 1 + 6 + 1 + 5
"""TDR, TDCX, TDVPR and TDVPX."""
GUEST_RANGES = 8
"""2 MiB of host memory behind 4096 pages in a row, in the twin."""
SPLITS, CONVERSIONS = 2, 8
"""Of the smoke workload: 2 regions, each split once and converted in 4 places."""


@dataclass(frozen=True)
class Row:
    """What is known of a design.

    ``parked``: pages in each per-vCPU pool after the first topup. ``split``: most pages a per-VM
    pool ever held. ``drops``: times ``mmu_lock`` is dropped for the two splits; None: it has none.
    """

    parked: Mapping[str, int]
    split: Mapping[str, int] = field(default_factory=dict)
    drops: int | None = None


KVM = {"external_spt_cache": 40}    # Linux 7.2: minimum 5, filled to the capacity of 40
TEN, TWELVE = KVM | {"pamt_cache": 10}, KVM | {"pamt_cache": 12}
LIST = {"tdx_prealloc": 15}         # v4 12/16: 5 + 2 * PT64_ROOT_MAX_LEVEL
TWO_CACHES = KVM | {"pamt_page_cache": 40}      # v1: minimum 10, filled to the capacity
MUTEX = {"vm_pamt_cache": 4}        # two pairs: the new S-EPT page's and the guest's 2 MiB
ROWS = {
    "upstream": Row(KVM),
    "dpamt_v1": Row(TWO_CACHES),
    "dpamt_v2": Row(TWO_CACHES),
    "dpamt_v3": Row(LIST),
    "tdx_prealloc": Row(LIST),
    # RFC v2 21/23: a second drop when it is below two pairs, which it is once
    "huge_rfc_v2": Row(TWO_CACHES, {"vm_split_cache": 40}, 3),
    # tdx_min_split_cache_sz() of the huge page series v3; a second drop for its topup
    "split_ops": Row(LIST, {"prealloc_split_cache": 4}, 4),
    "split_prealloc": Row(LIST, {"prealloc_split_cache": 4}, 0),
    # Kai Huang 2026-01-21: one pair, for the guest page
    "obj_hooks": Row(KVM | {"pamt_cache": 2}, {}, 2),
    "rfc_v5_hooks": Row(TEN, {"vm_pamt_cache": 2}, 2),
    "rfc_v5_mutex": Row(TEN, {"vm_pamt_cache": 2}, 2),
    "huge_sept": Row(KVM | {"pamt_cache": 2}, {"vm_pamt_cache": 2}, 2),
    # min_nr_spts + 1 pairs
    "huge_sept_alt": Row(TWELVE, MUTEX, 2),
    "huge_sept_alt_rcu": Row(TWELVE, MUTEX, 2),
    "kvm_owned": Row(TEN, MUTEX, 2),
    "tip_x86_tdx": Row(TEN, MUTEX, 2),
    "mempool": Row(KVM | {"pamt_mempool": 10}, MUTEX, 2),
    "kvm_cache_inline": Row(TWO_CACHES, MUTEX, 2),
    "order1_pairs": Row(TEN, MUTEX, 2),
    "order4_topup": Row({"tdx_prealloc": 16}),
    "gmem_time": Row(KVM),
    "first_td": Row(KVM),
    "deposit": Row(TEN, {"vm_pamt_cache": 2, "deposit": SPLITS * PAIR}, 2),
    "prepare_pfn": Row(KVM, {"vm_pamt_cache": 2}, 2),
    "none": Row({"reserved": 256}, {"reserved": 128}, 2),
}
BACKED = ("obj_hooks", "rfc_v5_hooks", "rfc_v5_mutex", "huge_sept", "prepare_pfn", "gmem_time")
"""S-EPT pages leave the topup with their pair."""


def test_every_design_is_expected() -> None:
    assert ROWS.keys() == set(variant.names())


@pytest.mark.parametrize("name", ROWS)
def test_design_does_its_work_and_gives_all_back(
        records: Records, name: str) -> None:
    for workload in ("idle", "populate_seq", "smoke"):
        record = records[name, workload]
        assert (record["status"], record["errors"]) == (0, [])
        assert record["seam"]["violations"] == []
        for row in record["memory"]["end"]:
            assert row["live"] == 0
    assert calls(records[name, "populate_seq"], "PAGE.AUG.4K") == 4096
    assert calls(records[name, "populate_seq"], "SEPT.ADD") == TABLES
    # 3.4: RECLAIM and no more, but of the TDR; 3.3: after each PAGE.REMOVE.
    assert calls(records[name, "populate_seq"], "WBINVD") == 1
    assert calls(records[name, "smoke"], "WBINVD") == CONVERSIONS + 1


@pytest.mark.parametrize("name", ROWS)
def test_pages_parked_before_the_first_fault(
        records: Records, name: str) -> None:
    assert pools(records[name, "idle"], 0, "pages") == ROWS[name].parked


@pytest.mark.parametrize("name", ROWS)
def test_pages_and_locks_of_a_split(records: Records, name: str) -> None:
    record, row = records[name, "smoke"], ROWS[name]
    splits = 0 if row.drops is None else SPLITS
    assert calls(record, "DEMOTE") == record["ops"]["split"].get("n", 0) == splits
    # The deposits are made by the faults before, when nothing is measured yet.
    assert pools(record, -1, "peak") == row.split
    taken = record["locks"]["mmu_lock.write"]["acquired"]
    assert taken == CONVERSIONS + (row.drops or 0)


@pytest.mark.parametrize("name", ROWS)
def test_gets_of_4096_faults(records: Records, name: str) -> None:
    record = records[name, "populate_seq"]
    gets = record["ops"]["pamt_get"].get("n", 0)
    if name in ("upstream", "none", "first_td"):
        assert gets == 0
    elif name == "gmem_time":
        assert gets == KVM["external_spt_cache"]    # guest memory has had its pairs
    elif name in BACKED:
        # One for each page that the one refill takes, used or not, and the guest's.
        assert gets == KVM["external_spt_cache"] + 4096
    else:
        assert gets == TABLES + 4096


def test_tip_allocates_a_pair_for_every_get_and_v6_for_every_install(
        records: Records) -> None:
    tip, v6 = (records[name, "populate_seq"] for name in ("tip_x86_tdx", "kvm_owned"))
    spent, v6_spent = (pages(record, "pamt") - pools(record, 0, "pages")["pamt_cache"]
                       for record in (tip, v6))
    gets = tip["ops"]["pamt_get"]["n"]
    assert gets == TABLES + 4096
    assert spent == PAIR * (gets + CONTROL)
    assert tip["locks"]["pamt_lock"]["acquired"] == gets
    # Each pair that was installed, at creation or in a fault, has been removed in the end.
    assert v6_spent == PAIR * calls(v6, "PAMT.REMOVE")
    installs = v6["locks"]["pamt_lock"]["acquired"]
    assert GUEST_RANGES <= installs <= GUEST_RANGES + TABLES


def test_v3_takes_a_pair_for_every_get_and_v4_for_every_install(records: Records) -> None:
    """v3 08/16 takes two pages off the list before it looks at the count; v4 08/16 looks first."""
    v3, v4 = (records[name, "populate_seq"] for name in ("dpamt_v3", "tdx_prealloc"))
    gets = v3["ops"]["pamt_get"]["n"]
    assert gets == TABLES + 4096
    used = {name: pages(record, "pamt") + pages(record, "sept") + pages(record, "unassigned")
            - pools(record, 0, "pages")["tdx_prealloc"] - TABLES
            for name, record in (("v3", v3), ("v4", v4))}
    assert used["v3"] == PAIR * (gets + CONTROL)
    assert used["v4"] == PAIR * calls(v4, "PAMT.REMOVE")
    # Without the lock all the same: it is for the first of a range.
    assert v3["locks"]["pamt_lock"]["acquired"] <= GUEST_RANGES + TABLES


def test_tip_puts_under_the_lock_and_nobody_else(records: Records) -> None:
    """A11: put locks always. A10 and those before it: for the last reference only."""
    for name in ROWS:
        record = records[name, "smoke"]
        gets, puts = (record["ops"][op].get("n", 0) for op in ("pamt_get", "pamt_put"))
        taken = record["locks"].get("pamt_lock", {}).get("acquired", 0)
        if name == "tip_x86_tdx":
            assert taken == gets + puts > 0
        elif puts > 2 * SPLITS:
            assert taken < gets + puts, name


def test_h3_holds_the_lock_of_its_list_over_the_seamcalls(records: Records) -> None:
    """Taken for each page that is enqueued, and twice for a split: PAMT.ADD and DEMOTE under it."""
    record = records["split_ops", "smoke"]
    lock = record["locks"]["split_cache_lock"]
    assert lock["acquired"] == pages(record, "pamt", "uncharged") + 2 * SPLITS
    seamcalls = record["ops"]["seamcall"]
    assert lock["hold"]["max"] > seamcalls["p50"] > lock["hold"]["p50"]


def test_who_is_charged(records: Records) -> None:
    """GFP_KERNEL where the list said so: v1, v2: control pages; v3: the list; H3: the split."""
    for name in ROWS:
        smoke = records[name, "smoke"]
        uncharged = pages(smoke, "pamt", "uncharged") + pages(smoke, "sept", "uncharged")
        assert bool(uncharged) == ("uncharged" in variant.load_variant(name).known), name
    # 4 pages at first; then what the first split took: its S-EPT page may have had a pair.
    assert pages(records["split_ops", "smoke"], "pamt", "uncharged") in (3 * PAIR, 4 * PAIR)


def test_who_frees(records: Records) -> None:
    """KVM frees what TDX allocated, and says so only in the designs that were NAKed for it."""
    for name in ROWS:
        record = records[name, "populate_seq"]
        crossed = pages(record, "sept", "cross_freed")
        known = "cross_freed" in variant.load_variant(name).known
        assert crossed == (TABLES if known else 0), name
        assert pages(record, "pamt", "cross_freed") == 0, name


def test_blocks_are_one_allocation(records: Records) -> None:
    allocs = {name: records[name, "idle"]["counts"]["page_allocs"] for name in ROWS}
    vcpus = records["kvm_owned", "idle"]["params"]["vcpus"]
    assert allocs["kvm_owned"] - allocs["order1_pairs"] == 5 * vcpus
    assert allocs["tdx_prealloc"] - allocs["order4_topup"] == (15 - 1) * vcpus


def test_first_td_backs_all_of_memory(records: Records) -> None:
    record = records["first_td", "populate_seq"]
    idle = records["first_td", "idle"]
    assert pages(record, "pamt") == pages(idle, "pamt") >= PAIR * 128


def test_nobody_allocates_without_sleeping_but_the_mempool(
        records: Records) -> None:
    for name in ROWS:
        atomic = sum(records[name, w]["counts"]["gfp_atomic"] for w in ("populate_seq", "smoke"))
        assert bool(atomic) == (name == "mempool"), name
