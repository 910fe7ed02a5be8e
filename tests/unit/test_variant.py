# SPDX-License-Identifier: GPL-2.0-only
"""Axes are folders, choices are headers, and names tie them to symbols."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator import layout
from generator.errors import ConfigError, UsageError
from generator.modules import variant


def test_choices_and_values(small_tree: Path) -> None:
    cached = variant.load_variant("cached", small_tree)
    assert cached.choices == {"guard": "spin", "source": "cache"}
    assert cached.values == {"EXTSPT_CACHE_MIN": 7, "EXTSPT_CACHE_ACCOUNT": False}
    assert cached.derived == {"EXTSPT_CACHE_BIG": False}
    assert (cached.title, cached.origin, cached.design) == ('a cache: "quoted"',
                                                            "nobody@example.org", "T1")
    assert cached.module == "extspt_cached"
    assert cached.aprime_of is None


def test_values_of_other_choices_are_left_out(small_tree: Path) -> None:
    assert "EXTSPT_CACHE_MIN" not in variant.load_variant("listed", small_tree).values


def test_aprime_is_the_same_design_by_another_name(small_tree: Path) -> None:
    base = variant.load_variant("cached", small_tree)
    again = variant.load_variant("cached_aprime", small_tree)
    assert again == base.aprime()
    assert (again.name, again.aprime_of) == ("cached_aprime", "cached")
    assert (again.choices, again.values) == (base.choices, base.values)


def test_selection(small_tree: Path) -> None:
    def chosen(text: str | None) -> list[str]:
        return [v.name for v in variant.select(text, small_tree)]

    assert chosen("listed, cached,listed") == ["listed", "cached"]
    assert chosen(None) == ["cached", "listed"]     # the baseline is not in this tree
    for nothing in ("", " , "):
        with pytest.raises(UsageError):
            chosen(nothing)


def test_unknown_name_lists_the_known(small_tree: Path) -> None:
    with pytest.raises(UsageError, match="known: cached, listed"):
        variant.load_variant("cashed", small_tree)
    with pytest.raises(UsageError):
        variant.load_variant("../cached", small_tree)


@pytest.mark.parametrize("name", ["Upper", "9lives", "with-dash", "x" * 42])
def test_names_a_module_cannot_have(small_tree: Path, name: str) -> None:
    fragment = small_tree / "variants" / "cached.config"
    (fragment.parent / f"{name}.config").write_bytes(fragment.read_bytes())
    with pytest.raises(ConfigError, match="cannot name a kernel module"):
        variant.load_variant(name, small_tree)


@pytest.mark.parametrize("symbol", ["EXTSPT_TITLE", "EXTSPT_ORIGIN", "EXTSPT_DESIGN"])
def test_provenance_is_required(small_tree: Path, symbol: str) -> None:
    fragment = small_tree / "variants" / "cached.config"
    kept = [line for line in fragment.read_text().splitlines() if symbol not in line]
    fragment.write_text("\n".join(kept) + "\n")
    with pytest.raises(ConfigError, match=symbol):
        variant.load_variant("cached", small_tree)


def test_header_without_symbol(small_tree: Path) -> None:
    (small_tree / "kmod/axes/source/pool.h").write_text("")
    with pytest.raises(ConfigError, match=r"pool\.h has no symbol EXTSPT_SOURCE_POOL"):
        variant.load_variant("cached", small_tree)


def test_symbol_without_header(small_tree: Path) -> None:
    (small_tree / "kmod/axes/source/list.h").unlink()
    with pytest.raises(ConfigError, match="EXTSPT_SOURCE_LIST has no header"):
        variant.load_variant("cached", small_tree)


def test_a_new_choice_is_one_header_and_one_symbol(small_tree: Path) -> None:
    axis = small_tree / "kmod/axes/guard"
    (axis / "mutex.h").write_text("")
    text = (axis / "Kconfig").read_text()
    entry = 'config EXTSPT_GUARD_MUTEX\n\tbool "A mutex"\n\nendchoice'
    (axis / "Kconfig").write_text(text.replace("endchoice", entry))
    fragment = small_tree / "variants/cached.config"
    fragment.write_text(fragment.read_text() + "CONFIG_EXTSPT_GUARD_MUTEX=y\n")
    assert variant.load_variant("cached", small_tree).choices["guard"] == "mutex"


def test_real_designs_read_cleanly() -> None:
    found = {v.name: v for v in variant.all_variants()}
    assert {"kvm_owned", "tdx_prealloc", "split_ops", "tip_x86_tdx", "none"} <= found.keys()
    assert variant.BASELINE in found
    folders = {path.parent.name for path in layout.AXES.glob("*/Kconfig")}
    for one in found.values():
        assert one.choices.keys() == folders
    # A7' moves A7's list and mutex from KVM's struct to TDX's, which no axis sees.
    designs = [tuple(sorted(v.choices.items())) + tuple(sorted(v.values.items()))
               for v in found.values() if v.name != "rfc_v5_mutex"]
    assert len(set(designs)) == len(designs), "two fragments describe the same design"


@pytest.mark.parametrize(("name", "symbol"), [
    ("kvm_owned+pamt_install=none", "EXTSPT_PAMT_UNDER_LOCK"),
    ("upstream+pamt_lock=always", "EXTSPT_PAMT_COUNTED"),
    ("kvm_owned+pamt_install=prepare_pfn", "EXTSPT_PAMT_UNDER_LOCK"),
    ("gmem_time+split_source=vm_mutex", "EXTSPT_PAMT_STANDS"),
    ("tdx_prealloc+pamt_install=topup", "EXTSPT_PAMT_WITH_SEPT"),
    ("kvm_owned+split_source=carried", "EXTSPT_PAMT_WITH_SEPT"),
])
def test_a_combination_that_makes_no_sense_names_the_symbol(name: str, symbol: str) -> None:
    with pytest.raises(ConfigError, match=symbol):
        variant.load_variant(name)


COUNTED = [one.name for one in variant.all_variants() if one.choices["pamt_lock"] != "none"]
LOCKS = sorted(path.stem for path in (layout.AXES / "pamt_lock").glob("*.h")
               if path.stem not in ("contract", "none"))


def test_the_lock_variants_are_choices_for_any_design() -> None:
    """L1 to L9 wherever references are counted."""
    assert len(LOCKS) == 9 and len(COUNTED) == 22
    for name in COUNTED:
        for lock in LOCKS:
            changed = variant.load_variant(f"{name}+pamt_lock={lock}")
            assert changed.choices["pamt_lock"] == lock


def test_demote_under_the_lock_takes_splits_and_one_lock_for_all() -> None:
    """L10 in every design that splits, with each lock but the three that are many."""
    many = {"per_range", "hashed", "range_rwlock"}
    one_each = {variant.load_variant(name).choices["split_source"]: name for name in COUNTED}
    for source, name in one_each.items():
        splits = source != "none"
        for lock in LOCKS:
            held = f"{name}+pamt_lock={lock}+pamt_lock_demote=y"
            if splits and lock not in many:
                assert variant.load_variant(held).values["EXTSPT_PAMT_LOCK_DEMOTE"]
                continue
            with pytest.raises(ConfigError, match=r"EXTSPT_(SPLIT_SOURCE_NONE|PAMT_LOCK_)"):
                variant.load_variant(held)


def test_hook_points_a_design_needs() -> None:
    needs = {one.name: one.needs for one in variant.all_variants()}
    assert needs["dpamt_v1"] == ("phys_prepare",)
    assert needs["prepare_pfn"] == ("prepare_pfn", "split")
    assert needs["gmem_time"] == ("gmem_bound",)
    assert needs["deposit"] == ("leaf_map", "split")
    assert needs["upstream"] == ()


def test_a_run_without_names_takes_the_headline_designs() -> None:
    assert set(variant.timed(None)) == variant.HEADLINE
    assert variant.timed("all") == variant.names()
    assert variant.timed("all,kvm_owned+pamt_list_pairs=7")[:-1] == variant.names()
