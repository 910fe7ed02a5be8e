# SPDX-License-Identifier: GPL-2.0-only
"""A named design with changes is a design like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.errors import ConfigError, UsageError
from generator.modules import adhoc, variant


def test_a_change_of_one_axis(small_tree: Path) -> None:
    changed = variant.load_variant("cached+guard=none", small_tree)
    base = variant.load_variant("cached", small_tree)
    assert changed.choices == {**base.choices, "guard": "none"}
    assert changed.values == base.values
    assert changed.name == "cached+guard=none" and changed.title.endswith("with guard=none")
    assert changed.design == f"{base.design}*" and base.origin in changed.origin
    assert changed.module == f"extspt_{changed.slug}" and changed.slug.isidentifier()
    assert changed.fragment == small_tree / f"build/adhoc/{changed.slug}.config"


def test_names_are_canonical(small_tree: Path) -> None:
    assert variant.load_variant("cached+guard=spin+cache_min=7", small_tree).name == "cached"
    assert variant.load_variant("cached+cache_min=07", small_tree).name == "cached"
    one = variant.load_variant("cached+cache_min=9+guard=none", small_tree)
    assert one.name == "cached+guard=none+cache_min=9"
    assert one == variant.load_variant(one.name, small_tree)
    assert variant.picked("cached+guard=spin, cached,listed", small_tree) == ["cached", "listed"]


def test_tunables_of_a_choice_that_is_gone_are_left_out(small_tree: Path) -> None:
    changed = variant.load_variant("cached+source=list", small_tree)
    assert "EXTSPT_CACHE_MIN" not in changed.values
    with pytest.raises(ConfigError, match="CACHE_MIN=9 does not hold: it depends on"):
        variant.load_variant("cached+source=list+cache_min=9", small_tree)


def test_a_value_out_of_range_is_refused(small_tree: Path) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        variant.load_variant("cached+cache_min=4000", small_tree)


def test_aprime_of_a_changed_design(small_tree: Path) -> None:
    again = variant.load_variant("cached+guard=none_aprime", small_tree)
    base = variant.load_variant("cached+guard=none", small_tree)
    assert (again.aprime_of, again.choices) == (base.name, base.choices)
    assert again.slug != base.slug and again.slug.isidentifier()


def test_slugs_fit_a_module_name(small_tree: Path) -> None:
    fragment = small_tree / "variants" / "cached.config"
    longest = "x" * 41
    (fragment.parent / f"{longest}.config").write_bytes(fragment.read_bytes())
    changed = variant.load_variant(f"{longest}+guard=none", small_tree)
    assert len(changed.aprime().slug) <= 41


@pytest.mark.parametrize("name, said", [
    ("cached+guard", "is no change of a design"),
    ("cached+guard=../x", "is no change of a design"),
    ("cached+gard=spin", "known: .*guard"),
    ("cached+guard=spinning", "unknown choice of guard 'spinning'"),
    ("cashed+guard=spin", "unknown variant 'cashed'"),
])
def test_what_nobody_knows(small_tree: Path, name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        variant.load_variant(name, small_tree)


def test_split_reads_what_named_writes() -> None:
    changes = adhoc.Changes({"b": "c", "a": "d"}, {"EXTSPT_N": "3"})
    name = changes.named("base")
    assert name == "base+a=d+b=c+n=3"
    assert adhoc.split(name) == ("base", (("a", "d"), ("b", "c"), ("n", "3")))
