# SPDX-License-Identifier: GPL-2.0-only
"""Variance components: recovered from drawn ones, none where there is nothing to tell."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic

from generator.evidence import components, measurements
from generator.evidence.components import between
from generator.runs import store


def test_components_are_recovered() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(300):
        layouts = rng.normal(0, 0.03, 4)
        builds = [b % 4 for b in range(20)]
        found.append(between(builds, np.exp([layouts[b] + rng.normal(0, 0.01) for b in builds])))
    builds_sd, blocks_sd = np.sqrt(np.square(found).mean(axis=0))
    assert builds_sd == pytest.approx(0.03, rel=0.1)
    assert blocks_sd == pytest.approx(0.01, rel=0.05)


def test_no_layout_effect_is_nothing_and_not_negative() -> None:
    rng = np.random.default_rng(4)
    values = [between([0, 1, 2] * 6, np.exp(rng.normal(0, 0.01, 18)))[0] for _ in range(50)]
    assert min(values) == 0.0 and np.median(values) < 0.005


def test_one_build_or_too_few_blocks() -> None:
    assert math.isnan(between([0, 0, 0], [1.0, 1.1, 0.9])[0])
    assert all(map(math.isnan, between([0, 1, 2], [1.0, 1.1, 0.9])))


def batch(**changes: Any) -> dict[str, Any]:
    return {"ops": 4096, "passes": 2, "warmed": 5, "warm": True, "doubled": 2010,
            "op": "zap", "per_op": [1000, 1500, 990, 1005, 1000, 995],
            "medians": [1000, 1010, 990, 1005, 1000, 995], "warming": [1100, 1020, 1000, 1005, 999],
            "spent_ns": [10, 60, 20, 60]} | changes


@pytest.fixture
def run(tmp_path: Path) -> store.Run:
    """A native run of six blocks; two blocks of none have something to say."""
    made = store.load_run(synthetic.build(tmp_path, boots=("uml",), blocks=6,
                                          workloads=("zap", "idle"),
                                          designs=("kvm_owned", "none")).path)
    cases = copy.deepcopy(made.records)
    for case in cases:
        bad = case["variant"] == "none" and case["workload"] == "zap"
        case["build"] = case["block"] % 3
        case["record"]["batch"] = batch(
            medians=[m + (0, 9, -9, 18, -18, 0)[case["block"]] for m in batch()["medians"]],
            doubled=2200 if bad and case["block"] == 1 else 0 if case["block"] == 2 else 2010,
            warm=not (bad and case["block"] in (1, 4)))
    return store.Run(made.path, made.manifest, cases)


def test_components_of_a_run(run: store.Run) -> None:
    rows = components.of_run(run)
    assert [(r.variant, r.workload, r.metric) for r in rows] == [
        (name, "zap", "op.zap") for name in ("kvm_owned", "kvm_owned_aprime", "none")]
    for row in rows:
        assert (row.n_builds, row.n_blocks) == (3, 6)
        assert row.blocks > 0 and 0 < row.residual < 0.01


def test_doubts(run: store.Run) -> None:
    assert components.doubts(run) == (
        "twice the work did not take twice the time within 5 % in 1 of 36 cases, most often none, "
        "zap", "not settled in the warm-up in 2 of 36 cases, most often none, zap")


def test_medians_are_of_one_operation_and_means_of_all() -> None:
    own = components.block_of(0, 1.0, "zap", "p50", {"batch": batch()})
    all_of_it = components.block_of(0, 1.0, "fault", "p50", {"batch": batch()})
    assert own.residual < 0.01 / 6 < all_of_it.residual
    assert own.cost == 9.0      # 90 ns that are not the six batches of 10
    assert math.isnan(components.block_of(0, 1.0, "zap", "p50", {"batch": None}).residual)


def drawn(spread: float, between_blocks: float, cost: float) -> components.Components:
    """A figure of 400 blocks with ten batches each, whose components are known."""
    rng = np.random.default_rng(6)
    rows = []
    for _ in range(400):
        logs = rng.normal(0, between_blocks) + rng.normal(0, spread, 10)
        rows.append(components.Block(0, float(np.exp(logs.mean())), float(logs.var(ddof=1)), 10,
                                     cost))
    return components._components(("kvm_owned", "zap"), rows)


def test_as_many_batches_as_are_worth_it() -> None:
    """Kalibera and Jones: sqrt(cost ratio x variance ratio), rounded up."""
    assert drawn(0.02, 0.01, 16).batches_worth == pytest.approx(8, abs=1)
    assert drawn(0.01, 0.02, 16).batches_worth == pytest.approx(2, abs=1)
    assert drawn(0.02, 0.0, 16).batches_worth in (None, *range(25, 400))
    found = drawn(0.02, 0.01, 16)
    assert found.residual == pytest.approx(0.02 / 10 ** 0.5, rel=0.05)
    assert found.blocks == pytest.approx((0.01 ** 2 + 0.02 ** 2 / 10) ** 0.5, rel=0.1)


def test_two_speeds_do_not_make_the_figure_jump() -> None:
    """A busy sibling thread: 2700 or 2860 ns by the batch, at random; one is wild."""
    from generator.evidence.rows import typical
    rng = np.random.default_rng(6)

    def record(names: tuple[str, ...] = ("fault", "teardown")) -> dict[str, Any]:
        medians = 1000 * rng.choice([2700, 2860], 10)
        medians[0] *= 3
        return {"batch": {"op": "fault", "medians": [int(m) for m in medians]}, "ops": {},
                "instrumented": {key: {} for key in names}}
    figures = [typical(record(), "fault", "zap") for _ in range(200)]
    assert 2750 < np.median(figures) < 2810
    assert np.std(np.log(figures)) < 0.75 * np.std(np.log(
        [np.median(record()["batch"]["medians"]) for _ in range(200)]))
    # Nothing where a batch times several operations, or another one.
    assert math.isnan(typical(record(("fault", "zap")), "fault", "zap"))
    assert math.isnan(typical(record(), "zap", "zap"))
    assert math.isnan(typical({"batch": None, "instrumented": None, "ops": {}}, "fault", "zap"))


def test_an_amortised_operation_is_judged_by_its_mean() -> None:
    """A cache that is refilled every ninth time, and a list nearly every time, cost the same."""
    from generator.evidence.rows import typical

    def topups(median: int, mean: int) -> dict[str, Any]:
        return {"batch": {"op": "topup", "medians": [1000 * median] * 10,
                          "per_op": [1000 * mean] * 10}, "instrumented": {"topup": {}}, "ops": {}}
    assert typical(topups(2300, 3400), "topup", "topup") == 3400
    assert typical(topups(3190, 3400), "topup", "topup") == 3400
    assert measurements.is_primary("populate_sparse+pages=64", "op.fault", "mean")
    assert not measurements.is_primary("populate_sparse", "op.fault", "p50")
    assert measurements.is_primary("topup", "op.topup", "mean")
    assert not measurements.is_primary("topup", "op.topup", "p50")
    assert measurements.is_primary("populate_seq", "op.fault", "p50")
    assert not measurements.is_primary("populate_seq", "op.fault", "mean")
    for tier in ("count", "model", "native"):
        assert measurements.compared(tier, "op.topup", "mean")
        assert not measurements.compared(tier, "lock.mmu_lock.wait", "mean")


def test_the_interval_of_a_median_is_that_of_what_it_is_the_median_of() -> None:
    """A pseudo-median of batches, the interval of all samples: it lay beside its own figure."""
    from generator.evidence.rows import Scale, latency_rows
    scale = Scale("ns", 1.0, 10.0)
    medians = np.array([2000.0, 2010, 2020, 2030, 2040, 2050, 2060, 2070, 2080, 2090])
    hist = synthetic.hist([2700] * 500)
    found = {row.stat: row for row in latency_rows("op.fault", hist, scale, net=True,
                                                   medians=medians)}
    assert found["p50"].value == pytest.approx(2035)
    assert found["p50"].ci == pytest.approx((2010, 2060)) and not found["p50"].exact
    assert found["p50_raw"].value == 2700 and found["p50_raw"].ci[1] >= 2700
    few = {row.stat: row for row in latency_rows("op.fault", hist, scale, net=True,
                                                 medians=medians[:5])}
    assert few["p50"].value == pytest.approx(2010) and math.isnan(few["p50"].ci[0])
