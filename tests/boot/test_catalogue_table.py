# SPDX-License-Identifier: GPL-2.0-only
"""Table 2.2 of the design catalogue, row by row: minimum, fill, what an empty cache does, guards.

The numbers are the table's. Where a design as posted and what was said of it differ, the posted
number is here and the other in variants/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from catalogue import EMPTY, PAIR, Records, calls, pools

from generator.modules import variant

pytestmark = pytest.mark.boot
#: Of the workload topup: in each round the cache is topped up, then used as the worst fault does.
ROUNDS = 50
SEPT_USED, PAIRS_USED = 4, 5
"""The worst fault: a page table of each level below the root, one pair for each and the guest's."""
MIRROR = 40
"""Mirror page tables of the first topup; none of them is used."""
ENOMEM = -12
ATOMIC, FAILS, NEVER = "GFP_ATOMIC", "-ENOMEM", "is not needed"
"""What follows when a cache is found empty under mmu_lock."""


@dataclass(frozen=True)
class Cache:
    """``minimum``, filled to ``fill`` in steps of ``step``; ``used``: by the worst fault."""

    minimum: int
    fill: int
    used: int
    step: int = 1

    def allocations(self) -> int:
        """Calls of the page allocator in all rounds."""
        have = made = 0
        for _ in range(ROUNDS):
            if have < self.minimum:
                while have < self.fill:
                    have += self.step
                    made += 1
            have -= self.used
        return made


@dataclass(frozen=True)
class Row:
    """Caches of the fault path; what follows when S-EPT and PAMT pages are not in them."""

    caches: tuple[Cache, ...]
    sept: str
    pamt: str
    split_lock: str | None = None


SEPT = Cache(5, 40, SEPT_USED)                          # U: KVM's own, in all but the lists
PAMT_10 = Cache(10, 10, PAIRS_USED * PAIR)              # A10, A11; A9 after Yan's remark
PAMT_12 = Cache(12, 12, PAIRS_USED * PAIR)              # A9 as it was: the root counted in
PAMT_KVM = Cache(10, 40, PAIRS_USED * PAIR)             # A1, A2: nr * PT64_ROOT_MAX_LEVEL
PAMT_GUEST = Cache(10, 10, PAIR)                        # A7: min 5, of which one pair is needed
PAMT_ONE = Cache(2, 2, PAIR)                            # A6: that one pair
LIST = Cache(15, 15, SEPT_USED + PAIRS_USED * PAIR)     # A3, A4: cnt + 2 * PT64_ROOT_MAX_LEVEL
MUTEX, SPIN = "mutex", "spin"

V6 = Row((SEPT, PAMT_10), ATOMIC, FAILS, MUTEX)
RFC_V5 = Row((SEPT, PAMT_GUEST), ATOMIC, FAILS, MUTEX)
ALT = Row((SEPT, PAMT_12), ATOMIC, FAILS, MUTEX)
NO_PAMT = Row((SEPT,), ATOMIC, NEVER)
TABLE: Mapping[str, Row] = {
    "upstream": NO_PAMT,
    "dpamt_v1": Row((SEPT, PAMT_KVM), ATOMIC, ATOMIC),
    "dpamt_v2": Row((SEPT, PAMT_KVM), ATOMIC, ATOMIC),
    "dpamt_v3": Row((LIST,), FAILS, NEVER),             # it ends before a pair is asked for
    "tdx_prealloc": Row((LIST,), ATOMIC, FAILS),
    "huge_rfc_v2": Row((SEPT, PAMT_KVM), ATOMIC, ATOMIC),
    "split_ops": Row((LIST,), ATOMIC, FAILS, SPIN),
    "split_prealloc": Row((LIST,), ATOMIC, FAILS),
    "obj_hooks": Row((SEPT, PAMT_ONE), ATOMIC, FAILS),
    "rfc_v5_hooks": RFC_V5,
    "rfc_v5_mutex": RFC_V5,
    "huge_sept": Row((SEPT, PAMT_ONE), ATOMIC, FAILS, MUTEX),
    "huge_sept_alt": ALT,
    "huge_sept_alt_rcu": ALT,
    "kvm_owned": V6,
    "tip_x86_tdx": V6,
    "mempool": V6,                                      # 10 of the page allocator in each round
    "kvm_cache_inline": Row((SEPT, PAMT_KVM), ATOMIC, ATOMIC, MUTEX),
    "order1_pairs": Row((SEPT, Cache(10, 10, PAIRS_USED * PAIR, 2)), ATOMIC, FAILS, MUTEX),
    "order4_topup": Row((Cache(15, 15, LIST.used, 16),), ATOMIC, FAILS),
    "gmem_time": NO_PAMT,
    "first_td": NO_PAMT,
    "deposit": Row((SEPT, PAMT_10), ATOMIC, FAILS),
    "prepare_pfn": Row((SEPT,), ATOMIC, NEVER, MUTEX),  # B9: no cache, minimum and fill 0
    "none": Row((), FAILS, NEVER, None),
}
#: A7: each slot of KVM's cache that is filled runs tdx_pamt_get().
BACKED = ("obj_hooks", "rfc_v5_hooks", "rfc_v5_mutex", "huge_sept", "prepare_pfn", "gmem_time")


def test_each_design_has_its_row() -> None:
    assert TABLE.keys() == set(variant.names())


@pytest.mark.parametrize("name", TABLE)
def test_minimum_and_fill(records: Records, name: str) -> None:
    """Refills come when less than the minimum is there, and go up to the fill and no further."""
    record = records[name, "topup"]
    assert (record["status"], record["params"]["rounds"]) == (0, ROUNDS)
    spot = PAIR * calls(record, "PAMT.ADD") if name in BACKED else 0
    made = MIRROR + sum(cache.allocations() for cache in TABLE[name].caches) + spot
    assert record["counts"]["page_allocs"] == made


@pytest.mark.parametrize("name", BACKED)
def test_a_refill_gets_as_many_pairs_as_pages(records: Records, name: str) -> None:
    """36 to 40 gets in a burst, and 160 KiB of pages with at most 320 KiB of pairs for a vCPU."""
    assert records[name, "topup"]["ops"]["pamt_get"]["n"] == SEPT.allocations() == 40 + 5 * 36
    idle = records[name, "idle"]
    assert pools(idle, 0, "pages")["external_spt_cache"] * 4 == 160
    assert calls(idle, "PAMT.ADD") <= 40 * idle["params"]["vcpus"]


@pytest.mark.parametrize("name", TABLE)
def test_an_empty_cache(records: Records, name: str) -> None:
    """KVM's caches are replaced atomically and charged, TDX's lists fail the fault."""
    record, row = records[name, EMPTY], TABLE[name]
    found: dict[str, str] = {}
    for hole in record["custody"]["empty"]:
        found[hole["class"]] = FAILS
        if hole["alloc"]:
            assert hole["gfp"].startswith(ATOMIC)
            assert hole["charged"]
            found[hole["class"]] = ATOMIC
    assert (found.get("sept", NEVER), found.get("pamt", NEVER)) == (row.sept, row.pamt)
    assert record["status"] == (ENOMEM if FAILS in (row.sept, row.pamt) else 0)
    assert record["custody"]["errors"] == []


@pytest.mark.parametrize("name", TABLE)
def test_guard_of_the_split_cache(records: Records, name: str) -> None:
    locks = records[name, "smoke"]["locks"]
    assert locks.get("split_cache_lock", {}).get("kind") == TABLE[name].split_lock


@pytest.mark.parametrize("name", TABLE)
def test_guard_of_the_counts(records: Records, name: str) -> None:
    """One global spinlock in all that was posted; nothing where nothing is counted."""
    locks = records[name, "smoke"]["locks"]
    counted = name not in ("upstream", "none", "first_td")
    assert locks.get("pamt_lock", {}).get("kind") == (SPIN if counted else None)
