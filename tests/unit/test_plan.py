# SPDX-License-Identifier: GPL-2.0-only
"""Plans: fair orders, the baseline twice, nothing lost on the way through the manifest."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from typing import Any

import pytest
from scipy.stats import chisquare

from generator import plan
from generator.errors import UsageError

BOOTS = {"icount": ("count", "instructions"), "mttcg": ("model", "ns")}
COSTS = {"icount": "zero", "mttcg": "default"}


def make(**changes: Any) -> plan.RunPlan:
    given: dict[str, Any] = {
        "variants": ["none", "kvm_owned", "split_ops"], "baseline": "kvm_owned",
        "aprime": "kvm_owned_aprime", "seed": 1, "runner": "qemu", "boots": BOOTS, "costs": COSTS}
    return plan.make(**(given | changes))


def test_shuffle_is_uniform() -> None:
    """All 24 orders of four, equally often; a Sattolo shuffle would give 6 of them."""
    orders = Counter(plan.shuffled("abcd", seed, "x") for seed in range(12_000))
    counts = [orders[order] for order in itertools.permutations("abcd")]
    assert chisquare(counts).pvalue > 1e-4


def test_shuffle_depends_on_seed_and_salt_alone() -> None:
    names = [str(n) for n in range(20)]
    assert plan.shuffled(names, 5, "a") == plan.shuffled(names, 5, "a")
    assert len({plan.shuffled(names, seed, salt) for seed in (5, 6) for salt in "ab"}) == 4


def test_baseline_runs_twice_in_each_boot() -> None:
    for given in (["none"], ["none", "kvm_owned"], ["kvm_owned", "none", "kvm_owned_aprime"]):
        run = make(variants=given)
        for boot in run.boots:
            assert sorted(boot.order) == ["kvm_owned", "kvm_owned_aprime", "none"]


def test_every_case_once_in_load_order() -> None:
    run = make()
    for boot in run.boots:
        assert [case.variant for case in boot.cases][::9] == list(boot.order)
        assert len(boot.cases) == len({(c.variant, c.workload) for c in boot.cases}) == 36
        assert [case.workload for case in boot.of("none")] == list(plan.DEFAULT_WORKLOADS)
    assert run.boots[0].tier == "count" and run.boots[1].costs == "default"
    assert "smoke" not in plan.DEFAULT_WORKLOADS


def test_case_is_what_the_module_is_told() -> None:
    case = make(workloads=["smoke"], vcpus=3).boots[0].cases[0]
    assert case.command == "smoke vcpus=3 pages=1024 rounds=4 seed=1"


def test_json_and_back() -> None:
    run = make()
    assert plan.from_json(json.loads(json.dumps(run.as_json()))) == run


def test_equal_boots_have_equal_ids() -> None:
    assert make().boots[0].id == make(boots={"icount": BOOTS["icount"]}).boots[0].id
    assert make().boots[0].id != make(vcpus=1).boots[0].id
    assert make().boots[0].id != make().boots[1].id


@pytest.mark.parametrize("changes", [{"seed": -1}, {"seed": 1 << 64}, {"vcpus": 0}, {"vcpus": 65}])
def test_out_of_range(changes: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        make(**changes)


def test_largest_seed() -> None:
    assert make(seed=(1 << 64) - 1).seed == (1 << 64) - 1


def test_pick() -> None:
    assert plan.pick("workload", None, "abc", ["a"]) == ["a"]
    assert plan.pick("workload", "c, a,c", "abc", ["a"]) == ["c", "a"]
    for text in ("d", "a,d", "", ","):
        with pytest.raises(UsageError) as caught:
            plan.pick("workload", text, "abc", ["a"])
        assert "known: a, b, c" in caught.value.fix
