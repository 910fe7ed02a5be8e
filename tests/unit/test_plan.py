# SPDX-License-Identifier: GPL-2.0-only
"""Plans: fair orders, the baseline twice, nothing lost on the way through the manifest."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from typing import Any

import pytest
from scipy.stats import chisquare

from generator.errors import UsageError
from generator.runs import plan

BOOTS = {"icount": ("count", "instructions"), "mttcg": ("model", "ns")}
COSTS = {"icount": "zero", "mttcg": "default"}


def make(**changes: Any) -> plan.RunPlan:
    given: dict[str, Any] = {
        "variants": ["none", "kvm_owned", "split_ops"], "baseline": "kvm_owned",
        "aprime": "kvm_owned_aprime", "seed": 1, "runner": "qemu", "boots": BOOTS, "costs": COSTS}
    repeats = {name: changes.pop(name, 1) for name in ("blocks", "builds")}
    return plan.repeated(plan.make(**(given | changes)), **repeats)


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


def test_blocks_are_complete_and_drawn_one_by_one() -> None:
    run = make(blocks=20, builds=3)
    timed = [boot for boot in run.boots if boot.name == "mttcg"]
    assert [boot.block for boot in timed] == list(range(20)) == list(range(run.blocks("mttcg")))
    assert run.blocks("icount") == plan.COUNT_BLOCKS
    assert all(sorted(boot.order) == sorted(run.variants) for boot in timed)
    assert len({boot.order for boot in timed}) > 10
    assert run == make(blocks=20, builds=3) != make(blocks=20, builds=3, seed=2)
    assert make(blocks=1).boots[0].order == run.boots[0].order


def test_layouts_are_shared_in_a_block_but_for_a_prime() -> None:
    for boot in make(blocks=7, builds=3).boots:
        if boot.tier == plan.COUNT_TIER:
            assert boot.builds == ()
            continue
        layout = {name: boot.build_of(name) for name in boot.order}
        assert layout.pop("kvm_owned_aprime") == boot.block % 3 + 3
        assert set(layout.values()) == {boot.block % 3}


def test_rest_of_a_block() -> None:
    boot = make(blocks=2, builds=3).boots[-1]
    rest = boot.without(boot.order[:1])
    assert rest.order == boot.order[1:] and {c.variant for c in rest.cases} == set(rest.order)
    assert [rest.build_of(n) for n in rest.order] == [boot.build_of(n) for n in rest.order]


NATIVE: dict[str, Any] = {
    "runner": "uml", "boots": {"uml": ("native", "ns")}, "costs": {"uml": "default"},
    "workloads": ["zap", "idle", "populate_seq+batches=3"]}


def test_native_blocks_take_turns() -> None:
    """Each round every variant once, in an order of its own; batches are shared by the rounds."""
    run = make(**NATIVE, blocks=20, builds=3)
    for boot in run.boots:
        assert len(boot.rounds) == plan.VISITS
        assert all(sorted(order) == sorted(run.variants) for order in boot.rounds)
    assert len({order for boot in run.boots for order in boot.rounds}) > 18     # of 24
    orders = [boot.rounds for boot in run.boots]
    assert len(set(orders)) == 20
    [boot] = [boot for boot in run.boots if boot.block == 7]
    turns = [turn for turn in boot.turns if turn.case.workload == "zap"]
    assert [turn.case.variant for turn in turns] == [n for order in boot.rounds for n in order]
    assert [turn.visit for turn in turns] == [
        n for n in range(1, plan.VISITS + 1) for _ in run.variants]
    assert [turn.last for turn in turns] == (plan.VISITS - 1) * 4 * [False] + 4 * [True]
    assert turns[0].command.endswith(
        f" batches=10 batch_us=10000 warm_ms=3000 visits={plan.VISITS} visit=1")


def test_fewer_batches_take_fewer_visits() -> None:
    boot = make(**NATIVE).boots[0]
    visits = [turn.visit for turn in boot.turns if turn.case.workload.startswith("populate_seq")]
    assert visits == 4 * [1] + 4 * [2] + 4 * [3]
    alone = [turn for turn in boot.turns if turn.case.workload == "idle"]
    assert [(turn.visit, turn.last) for turn in alone] == 4 * [(0, True)]
    assert alone[0].command == alone[0].case.command and "batches" not in alone[0].command


def test_records_come_in_the_order_of_the_cases() -> None:
    """Those of a workload after its last round."""
    boot = make(**NATIVE).boots[0]
    assert [turn.case for turn in boot.turns if turn.last] == list(boot.cases)


def test_rest_of_a_block_of_turns() -> None:
    boot = make(**NATIVE).boots[0]
    rest = boot.without(boot.order[:2])
    assert all(set(order) == set(rest.order) for order in rest.rounds)
    assert len(rest.turns) == len(boot.turns) // 2


def test_only_native_boots_of_the_twin_take_turns() -> None:
    assert not any(boot.rounds or boot.turns for boot in make().boots)
    assert not make(**NATIVE | {"host": "kvm", "workloads": ["vms"]}).boots[0].rounds
    run = make(**NATIVE, blocks=3, builds=2)
    assert plan.from_json(json.loads(json.dumps(run.as_json()))) == run


def test_case_is_what_the_module_is_told() -> None:
    case = make(workloads=["smoke"], vcpus=3).boots[0].cases[0]
    assert case.command == "smoke vcpus=3 pages=1024 rounds=4 seed=1"


def test_json_and_back() -> None:
    run = make(blocks=3, builds=2)
    assert plan.from_json(json.loads(json.dumps(run.as_json()))) == run


def test_equal_boots_have_equal_ids() -> None:
    assert make().boots[0].id == make(boots={"icount": BOOTS["icount"]}).boots[0].id
    assert make().boots[0].id != make(vcpus=1).boots[0].id
    assert make().boots[0].id != make().boots[1].id


@pytest.mark.parametrize("changes", [{"seed": -1}, {"seed": 1 << 64}, {"vcpus": 0}, {"vcpus": 65},
                                     {"blocks": 0}, {"blocks": 1001}, {"builds": 0}])
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
