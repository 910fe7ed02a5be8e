# SPDX-License-Identifier: GPL-2.0-only
"""The word a comparison gets, on figures drawn with fixed seeds."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from generator.errors import DataError
from generator.evidence import inference, unpaired, verdict
from generator.evidence.inference import Floats
from generator.evidence.verdict import Series


def series(name: str, values: Floats, *, tier: str = "native", samples: int = 5000,
           stat: str = "p50") -> Series:
    return Series(name, "zap", "op.zap", stat, "ns", "twin", tier, np.arange(len(values)),
                  np.asarray(values, dtype=float), samples)


def block_noise(seed: int, n: int, sd: float = 0.05) -> Floats:
    """What a whole block shares: drift of the host."""
    return np.exp(np.random.default_rng(seed).normal(0, sd, n)) * 1000


def measured(seed: int, factor: float, n: int = 20, sd: float = 0.01) -> Floats:
    noise = np.random.default_rng(seed + 999).normal(0, sd, n)
    return block_noise(seed // 100, n) * factor * np.exp(noise)


def judge(factor: float, *, n: int = 20, sd: float = 0.01,
          floor: float = 0.01) -> verdict.Verdict:
    base, other = series("a", measured(1, 1, n, sd)), series("b", measured(2, factor, n, sd))
    return verdict.adjusted([verdict.measured(base, other, floor=floor, primary=True)])[0]


@pytest.mark.parametrize(("factor", "word"), [(1.05, "slower"), (0.95, "faster"),
                                              (1.0, "equivalent")])
def test_words(factor: float, word: str) -> None:
    found = judge(factor)
    assert found.outcome == word
    assert found.ci_lo < found.ratio < found.ci_hi
    assert found.ratio == pytest.approx(factor, abs=0.012)
    assert found.n == 20 and found.note == "" and found.n_needed is None


def test_cannot_tell_says_how_many_blocks_would() -> None:
    found = judge(1.0, sd=0.05)
    assert found.outcome == "cannot tell"
    sd, effect = float(found.effects.std(ddof=1)), math.log(found.ratio)
    assert found.n_needed == math.ceil(min(
        inference.blocks_to_differ(sd, effect, math.log(1.01), 0.05),
        inference.blocks_to_equal(sd, effect, math.log(1.02)))) > 20


@pytest.mark.parametrize(("factor", "word"), [(1.0, "equivalent"), (1.005, "equivalent"),
                                              (1.03, "slower")])
def test_as_many_blocks_as_were_needed_do_tell(factor: float, word: str) -> None:
    """In four of five cases: a difference that is there, and one that is not."""
    sd, effect = 0.03, math.log(factor)
    n = math.ceil(min(inference.blocks_to_differ(sd, effect, math.log(1.01), 0.05),
                      inference.blocks_to_equal(sd, effect, math.log(1.02))))
    rng, told = np.random.default_rng(8), 0
    for _ in range(100):
        base, other = np.ones(n), np.exp(rng.normal(effect, sd, n))
        told += verdict.adjusted([verdict.measured(
            series("a", base), series("b", other), floor=0.01, primary=True)])[0].outcome == word
    assert 68 <= told <= 92


def test_between_the_margin_and_the_floor_no_number_of_blocks_tells() -> None:
    found = judge(1.04, sd=0.05, floor=0.08)
    assert found.outcome == "cannot tell" and found.n_needed is None


def test_significant_but_within_the_floor_is_no_difference() -> None:
    found = judge(1.04, floor=0.08)
    assert found.outcome == "cannot tell" and found.p is not None and found.p < 0.01
    assert found.note == "within the floor of 8.0 %" and found.n_needed is None


def test_few_blocks_are_a_look_fewer_are_refused() -> None:
    assert judge(1.2, n=6).note == verdict.LOOK
    assert judge(1.2, n=6).outcome == "slower"
    refused = judge(1.2, n=5)
    assert refused.outcome == "refused" and refused.note == "n too small: 5 of 6 blocks"
    assert judge(1.2, n=1).outcome == "refused"


def test_percentiles_need_their_samples() -> None:
    for stat, need in (("p99", 368), ("p99.9", 3688)):
        few, many = (series("a", measured(1, 1), samples=n, stat=stat) for n in (need - 1, need))
        assert "n too small" in verdict.measured(few, few, floor=0.01, primary=False).note
        assert verdict.measured(many, many, floor=0.01, primary=False).p is not None


def test_zero_has_no_ratio() -> None:
    values = measured(1, 1)
    values[3] = 0.0
    found = verdict.measured(series("a", measured(2, 1)), series("b", values), floor=0.01,
                             primary=False)
    assert found.outcome == "refused" and found.note == "zero in 1 blocks: no ratio"


@pytest.mark.parametrize("change", [{"tier": "model"}, {"host": "kvm"}, {"unit": "instructions"},
                                    {"workload": "topup"}, {"stat": "p99"}])
def test_never_across_places(change: dict[str, str]) -> None:
    base = series("a", measured(1, 1))
    other = dataclasses.replace(base, variant="b", **change)
    for compare in (verdict.paired, unpaired.unpaired, verdict.floor_of):
        with pytest.raises(DataError, match="differ"):
            compare(base, other)
    with pytest.raises(DataError):
        verdict.measured(base, other, floor=0.01, primary=True)
    with pytest.raises(DataError):
        verdict.exact(base, other, primary=True)


def test_pairs_only_the_blocks_both_have() -> None:
    base = series("a", np.arange(1.0, 11.0))
    other = dataclasses.replace(base, variant="b", blocks=np.arange(4, 14))
    first, second = verdict.paired(base, other)
    assert list(first) == [5, 6, 7, 8, 9, 10] and list(second) == [1, 2, 3, 4, 5, 6]


def test_floor_grows_with_the_difference_of_a_and_a() -> None:
    base = series("a", measured(1, 1))
    assert verdict.floor_of(base, None) == verdict.LEAST_FLOOR
    assert verdict.floor_of(base, series("a'", measured(2, 1, sd=0.001))) == verdict.LEAST_FLOOR
    shifted = verdict.floor_of(base, series("a'", measured(2, 1.03)))
    assert 0.03 < shifted < 0.045


def test_exact_counts_are_integers_without_statistics() -> None:
    base, other = (series(n, np.full(2, v), tier="count") for n, v in (("a", 7.0), ("b", 9.0)))
    found = verdict.exact(base, other, primary=True)
    assert (found.outcome, found.note, found.p, found.ratio) == ("exact", "+2 ns", None, 9 / 7)
    assert verdict.exact(base, base, primary=True).note == "same"


@pytest.mark.parametrize(("value", "again", "word"), [
    (9.0, 9.0, "cannot tell"), (5.0, 9.0, "cannot tell"), (9.0, 5.0, "cannot tell"),
    (10.0, 9.0, "exact"), (7.0, 9.0, "exact"), (9.0, 7.0, "exact")])
def test_an_exact_difference_no_larger_than_that_of_a_and_a_is_no_designs(
        value: float, again: float, word: str) -> None:
    base, other, twin = (series(n, np.full(2, v), tier="count")
                         for n, v in (("a", 7.0), ("b", value), ("a'", again)))
    found = verdict.exact(base, other, primary=True, again=twin)
    assert found.outcome == word
    assert (found.note == f"A' differs by {abs(again - 7):g} ns") is (word == "cannot tell")


def test_a_count_that_does_not_repeat_is_refused() -> None:
    base, other = series("a", np.full(2, 7.0)), series("b", np.array([9.0, 8.0]))
    found = verdict.exact(base, other, primary=True)
    assert found.outcome == "refused" and found.note == "b does not repeat: 8, 9"


def test_holm_spans_variants_and_metrics_and_leaves_the_control_out() -> None:
    base = series("a", measured(1, 1))
    rows = [verdict.measured(base, series(name, measured(seed, factor)), floor=0.01, primary=p)
            for name, seed, factor, p in (("b", 2, 1.05, True), ("c", 3, 1.0, True),
                                          ("a'", 4, 1.0, True), ("b", 5, 1.05, False))]
    done = verdict.adjusted(rows, ["a'"])
    assert done[0].p is not None and done[0].p_holm == pytest.approx(2 * done[0].p)
    assert done[2].p_holm is None and done[2].outcome in ("equivalent", "cannot tell")
    assert done[3].p_holm == done[3].p


def test_the_repetition_can_be_flagged() -> None:
    """Its floor is made of itself, and would never let it differ."""
    base, again = series("a", measured(1, 1)), series("a'", measured(2, 1.05))
    floor = verdict.floor_of(base, again)
    rows = [verdict.measured(base, again, floor=floor, primary=True),
            verdict.measured(base, series("b", measured(3, 1.05)), floor=floor, primary=True)]
    control, design = verdict.adjusted(rows, ["a'"])
    assert (control.outcome, design.outcome) == ("slower", "cannot tell")
    assert control.floor == floor > 0.05


def test_unpaired_is_named_so() -> None:
    base = series("a", measured(1, 1, sd=0.001))
    found = unpaired.unpaired(base, series("b", measured(1, 1.5)))
    assert (found.outcome, found.note) == ("slower", "unpaired") and math.isnan(found.ci_lo)
    assert unpaired.unpaired(base, series("b", measured(1, 1.5, n=9))).outcome == "refused"


def test_superiority_and_fences_are_told() -> None:
    found = judge(1.5)
    assert found.superiority < 0.01
    values = measured(1, 1)
    other = measured(2, 1)
    other[0] *= 2
    row = verdict.measured(series("a", values), series("b", other), floor=0.01, primary=True)
    assert row.outside[0] >= row.outside[1] == 1 and row.n == 20


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_a_floor_of_few_blocks(n: int) -> None:
    """Too few for an interval: the least floor, or what resampling says."""
    base, twin = series("a", measured(1, 1, n)), series("a'", measured(2, 1.03, n))
    assert verdict.floor_of(base, twin, thorough=False) >= verdict.LEAST_FLOOR
    assert verdict.floor_of(base, twin) >= verdict.LEAST_FLOOR
    assert verdict.floor_of(base, None) == verdict.LEAST_FLOOR


def test_all_p_at_once_are_those_of_each() -> None:
    base = series("a", measured(1, 1))
    rows = [verdict.estimated(base, series(name, measured(seed, 1.01, n)), floor=0.01,
                              primary=True)
            for name, seed, n in (("b", 2, 20), ("c", 3, 12), ("d", 4, 20), ("e", 5, 3))]
    assert all(row.p is None for row in rows)
    alone = [verdict.measured(base, series(name, measured(seed, 1.01, n)), floor=0.01,
                              primary=True).p
             for name, seed, n in (("b", 2, 20), ("c", 3, 12), ("d", 4, 20), ("e", 5, 3))]
    assert [row.p for row in verdict.tested(rows)] == alone and alone[3] is None
