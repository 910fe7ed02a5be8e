# SPDX-License-Identifier: GPL-2.0-only
"""The twin against the real kvm.ko: what counts as equal, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.errors import DataError
from generator.kvm import twincheck
from generator.kvm.twincheck import Compared, Seen
from generator.modules.render import KVM, TWIN

COUNTS = dict.fromkeys(twincheck.COUNTS, 10)
SEEN = Seen(COUNTS, installs=9, control=1, steps=(("tagsLgsM", 1), ("tgsM", 511)), fault=1700,
            bare=900)


def compared(twin: Seen, kvm: Seen) -> Compared:
    return Compared("kvm_owned", "populate_seq", twin, kvm)


def test_the_same_is_equal() -> None:
    assert compared(SEEN, replace(SEEN, fault=6000)).wrong == []


def test_a_pair_more_is_two_pages_and_one_lock() -> None:
    more = replace(SEEN, installs=10,
                   counts={**COUNTS, "PAMT pages": 12, "pamt_lock": 11})
    assert compared(more, SEEN).wrong == []
    assert compared(replace(more, installs=9), SEEN).wrong == ["pamt_lock: twin 11, kvm 10"]


@pytest.mark.parametrize(("pages", "equal"), [(12, True), (11, False), (14, False)])
def test_a_control_page_may_bring_a_pair(pages: int, equal: bool) -> None:
    other = replace(SEEN, counts={**COUNTS, "PAMT pages": pages})
    assert (compared(other, SEEN).wrong == []) is equal


@pytest.mark.parametrize("name", ["leaf", "non-leaf", "topups", "S-EPT pages", "gets"])
def test_placement_excuses_nothing_else(name: str) -> None:
    other = replace(SEEN, installs=10, counts={**COUNTS, name: 11, "PAMT pages": 12,
                                               "pamt_lock": 11})
    assert compared(other, SEEN).wrong == [f"{name}: twin 11, kvm 10"]


def test_another_order_is_named() -> None:
    turned = replace(SEEN, steps=(("tagsLgsM", 1), ("tsgM", 511)))
    assert compared(turned, SEEN).wrong == [
        "steps differ at run 1: twin tsgM x511, kvm tgsM x511"]
    assert compared(replace(SEEN, steps=None), SEEN).wrong == [
        "the order of steps is too long to tell"]


def test_words_without_placement_and_roots() -> None:
    steps = [["t", 1], ["tasgsLsgsM", 1], ["tgsM", 3], ["tsgsM", 1], ["tgsM", 2]]
    assert twincheck._words(steps, 1) == (("tagsLgsM", 1), ("tgsM", 6))
    assert twincheck._words([["t", 1], ["tgsM", 1]], 0) == (("t", 1), ("tgsM", 1))


    assert twincheck._words([["ggg", 1], ["t", 1], ["tM", 1]], 1) == (("ggg", 1), ("tM", 1))


def test_a_folio_is_bound_in_the_fault_that_allocates_it() -> None:
    later = replace(SEEN, counts={**COUNTS, "gets": 20},
                    steps=(("tgagsLgsM", 1), ("tggsM", 511)))
    made = Compared("gmem_time", "populate_sparse", SEEN, later)
    assert made.wrong == []
    assert replace(made, script="populate_seq").wrong[0] == "gets: twin 10, kvm 20"


def test_a_damaged_answer_is_named() -> None:
    serial = ["EXTSPT CASE 0 kvm_owned populate_seq rc=0 kernel=0,0,0", "{}", "[]"]
    with pytest.raises(DataError, match="not a record with steps"):
        twincheck._read(serial, TWIN)


def test_the_table_fits_a_mail() -> None:
    base, other = compared(SEEN, replace(SEEN, fault=6000)), replace(
        compared(replace(SEEN, fault=1750), replace(SEEN, fault=6020)), variant="tip_x86_tdx")
    wrong = replace(other, script="populate_sparse", kvm=replace(SEEN, steps=None))
    said = twincheck.lines([base, other, wrong], "kvm_owned")
    assert max(map(len, said)) <= 72
    assert said[-1].split() == ["tip_x86_tdx", "populate_seq", "+50", "+20", "+30"]
    assert any("DIFFER" in line for line in said)
    assert KVM in said[1]
