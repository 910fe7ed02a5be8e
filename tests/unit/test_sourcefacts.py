# SPDX-License-Identifier: GPL-2.0-only
"""What the source says of a design, held to the catalogue's words (design-space.md, 2.1 and 5)."""

from __future__ import annotations

import pytest

from generator.modules.variant import load_variant
from generator.studies.sourcefacts import Source


def source(name: str) -> Source:
    return Source(load_variant(name))


@pytest.mark.parametrize(("name", "ops", "splits"), [
    ("upstream", set(), set()), ("mempool", set(), {"split topup", "split"}),
    ("dpamt_v1", {"phys_prepare", "phys_cleanup"}, set()), ("dpamt_v2", set(), set()),
    # A4: three ops; A10 and A11: one (catalogue, section 5, C6), and A9's for the splits
    ("tdx_prealloc", {"topup", "S-EPT page alloc", "S-EPT list free"}, set()),
    ("kvm_owned", {"topup"}, {"split topup", "split"}),
    ("tip_x86_tdx", {"topup"}, {"split topup", "split"}),
    ("kvm_owned+split_source=none", {"topup"}, set()),
    ("prepare_pfn", {"prepare_pfn", "pfn_done"}, {"split topup", "split"}),
    ("deposit", {"topup"}, {"split topup", "split", "leaf_map"}),
    ("gmem_time", {"gmem_bound", "gmem_unbound"}, set()), ("first_td", set(), set()),
])
def test_calls_that_upstream_does_not_have(name: str, ops: set[str], splits: set[str]) -> None:
    assert set(source(name).ops()) == ops
    assert set(source(name).split_ops()) == splits


def test_what_an_emergency_page_gets_its_pair_with() -> None:
    """RFC v5 did not hand its gfp flags down (v6 cover letter): may sleep under mmu_lock."""
    for name in ("rfc_v5_hooks", "obj_hooks", "huge_sept", "prepare_pfn", "gmem_time"):
        assert source(name).emergency_pair() == "GFP_KERNEL_ACCOUNT"
    assert source("kvm_owned").emergency_pair() == source("tdx_prealloc").emergency_pair() == ""


def test_function_pointers() -> None:
    assert source("kvm_owned").pointers() == []
    assert source("rfc_v5_hooks").pointers() == ["page_get", "page_free"]
    indirect = source("kvm_owned+vendor_call=indirect").pointers()
    assert "link" in indirect and "page_get" not in indirect


@pytest.mark.parametrize(("name", "ops"), [
    ("kvm_owned", ["link", "map"]), ("tip_x86_tdx", ["link", "map"]), ("rfc_v5_hooks", ["map"]),
    ("dpamt_v1", []), ("prepare_pfn", []), ("first_td", []), ("upstream", []), ("gmem_time", []),
])
def test_ops_that_take_from_a_vcpu(name: str, ops: list[str]) -> None:
    assert source(name).vcpu_ops() == ops


def test_lines_are_those_of_the_choices() -> None:
    fast, always = source("kvm_owned").lines(), source("tip_x86_tdx").lines()
    assert 100 < always < fast      # "simple first"
    assert source("kvm_owned+pamt_lock=hashed").lines() > fast
    # Whether a design splits is told apart from what its faults take.
    assert source("kvm_owned+split_source=none").lines() == fast
    assert source("kvm_owned").split_lines() > 0 == source("tdx_prealloc").split_lines()
