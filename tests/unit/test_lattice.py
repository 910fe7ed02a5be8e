# SPDX-License-Identifier: GPL-2.0-only
"""Where two designs differ, and the designs between them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator import cli
from generator.modules import differ
from generator.modules.variant import load_variant
from generator.studies import lattice
from generator.studies.lattice import Lattice
from generator.verbs import diff

THIRD = """choice
\tprompt "Third"

config EXTSPT_THIRD_ONE
\tbool "One"

config EXTSPT_THIRD_TWO
\tbool "Two"
\tdepends on !EXTSPT_GUARD_NONE || EXTSPT_SOURCE_LIST || EXTSPT_CACHE_MIN = 9

endchoice
"""


def between(root: Path, a: str, b: str) -> Lattice:
    return Lattice(load_variant(a, root), load_variant(b, root), root)


def test_differences_have_titles_and_help(small_tree: Path) -> None:
    a, b = (load_variant(name, small_tree) for name in ("cached", "listed"))
    one, account = differ.differences(a, b, small_tree)
    assert (account.key, account.axis, account.change) == ("cache_account", False,
                                                           "cache_account=y")
    assert (one.key, one.axis, one.title, one.change) == (
        "source", True, "Where pages come from", "source=list")
    assert (one.a.value, one.a.title, one.a.help) == ("cache", "A cache", "Filled beforehand.")
    assert differ.alone(a, b) == {"EXTSPT_CACHE_MIN": 7} and differ.alone(b, a) == {}


def test_tunables_in_use_in_both_are_differences(small_tree: Path) -> None:
    a, b = (load_variant(name, small_tree) for name in ("cached", "cached+cache_min=9"))
    [one] = differ.differences(a, b, small_tree)
    assert (one.key, one.axis, one.a.value, one.b.value) == ("cache_min", False, "7", "9")


def test_two_decisions_have_two_orders(small_tree: Path) -> None:
    found = between(small_tree, "cached", "cached+guard=none+cache_min=9")
    assert [[len(stop) for stop in way.stops] for way in found.paths] == [[0, 1, 2]] * 2
    names = {design.name for design in found.designs().values()}
    assert names == {"cached", "cached+guard=none", "cached+cache_min=9",
                     "cached+guard=none+cache_min=9"}
    assert found.designs()[found.all] is found.b and not found.illegal


def test_an_illegal_design_is_gone_around(small_tree: Path) -> None:
    third = small_tree / "kmod/axes/third"
    third.mkdir()
    (third / "Kconfig").write_text(THIRD)
    (third / "one.h").write_text("")
    (third / "two.h").write_text("")
    # guard=none with third=two is legal only once cache_min=9 holds.
    found = between(small_tree, "cached", "cached+guard=none+third=two+cache_min=9")
    assert len(found.paths) == 4 and all(way.compound == 0 for way in found.paths)
    assert "depends on" in found.illegal[frozenset({"guard", "third"})]


def test_decisions_that_need_each_other_share_a_step(small_tree: Path) -> None:
    # A cache wants no guard and a list wants a spinlock: neither can change alone.
    kconfig = small_tree / "kmod/axes/source/Kconfig"
    kconfig.write_text(kconfig.read_text().replace(
        'bool "A cache"', 'bool "A cache"\n\tdepends on EXTSPT_GUARD_NONE'))
    cached = small_tree / "variants/cached.config"
    cached.write_text(cached.read_text().replace("CONFIG_EXTSPT_GUARD_SPIN=y",
                                                 "CONFIG_EXTSPT_GUARD_NONE=y"))
    if "GUARD_NONE" not in cached.read_text():
        cached.write_text(cached.read_text() + "CONFIG_EXTSPT_GUARD_NONE=y\n")
    found = between(small_tree, "cached+cache_account=y", "listed")
    [way] = found.paths
    assert way.compound == 1 and len(way.stops) == 2
    named = {one.key: one for one in found.differences}
    assert lattice.label(way.steps[0], named) == "guard: none -> spin & source: cache -> list"


def test_steps_are_the_same_in_all_orders(small_tree: Path) -> None:
    """Else a decision that shares its step now and then would be counted twice."""
    legal = ("(EXTSPT_GUARD_SPIN && EXTSPT_THIRD_ONE && EXTSPT_FOURTH_ONE) || "
             "(EXTSPT_GUARD_NONE && (EXTSPT_THIRD_TWO || EXTSPT_FOURTH_TWO))")
    for axis, only in (("third", ""), ("fourth", ""), ("whole", f"\tdepends on {legal}\n")):
        folder = small_tree / "kmod/axes" / axis
        folder.mkdir()
        text = f'choice\n\tprompt "{axis}"\n'
        for choice in ("one",) if only else ("one", "two"):
            text += f'\nconfig EXTSPT_{axis}_{choice}\n'.upper().replace("CONFIG ", "config ")
            text += f'\tbool "{choice}"\n{only}'
            (folder / f"{choice}.h").write_text("")
        (folder / "Kconfig").write_text(f"{text}\nendchoice\n")
    found = between(small_tree, "cached", "cached+fourth=two+guard=none+third=two")
    assert found.at(frozenset({"guard", "third"})) and found.at(frozenset({"guard", "fourth"}))
    assert len({way.groups for way in found.paths}) == 1
    assert all(way.compound == 1 for way in found.paths)


def test_many_decisions_take_one_order_and_its_reverse(small_tree: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lattice, "MOST_ORDERED", 1)
    found = between(small_tree, "cached", "cached+guard=none+cache_min=9")
    assert [sorted(way.stops[1]) for way in found.paths] == [["guard"], ["cache_min"]]


def test_tunables_of_the_new_choice_are_those_of_b(small_tree: Path) -> None:
    found = between(small_tree, "listed", "cached+cache_account=y")
    assert found.designs()[found.all].values["EXTSPT_CACHE_MIN"] == 7
    more = between(small_tree, "listed+guard=spin", "cached+guard=none")
    stop = frozenset({"source"})
    assert more.designs()[stop].values["EXTSPT_CACHE_MIN"] == 7     # not the default


def test_the_verb_says_it_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["diff", "kvm_owned", "tip_x86_tdx"]) == 0
    out = capsys.readouterr().out
    assert "pamt_lock: Guard of the PAMT reference counts" in out
    assert "  A  fastpath: " in out and "  B  always: " in out
    assert max(map(len, out.splitlines())) <= diff.WIDTH and out.isascii()
    assert cli.main(["diff", "kvm_owned", "kvm_owned"]) == 0
    assert "They decide the same." in capsys.readouterr().out
    assert cli.main(["diff", "kvm_owned", "tip_x86_tdx", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [d["key"] for d in data["differences"]] == ["pamt_lock"]
