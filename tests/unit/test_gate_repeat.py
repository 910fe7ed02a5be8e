# SPDX-License-Identifier: GPL-2.0-only
"""The gate again and again: what counts as a false finding, and the seeds it is run on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gated import BAD, GOOD

from generator.gate import cases, conduct, repeat
from generator.gate.conduct import Level, Wish
from generator.gate.repeat import Repeated
from generator.gate.result import GateResult
from generator.runs import plan

WISH = Wish(("kvm_owned",), "twin", None, Level.QUICK)


def test_each_run_has_a_seed_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def check(wish: Wish, *, again: bool) -> list[GateResult]:
        assert again
        seeds.append(wish.seed)
        return [GOOD]

    monkeypatch.setattr(conduct, "check", check)
    found = repeat.run(WISH, 3, again=True)
    assert seeds == [plan.WORKLOAD_SEED + i for i in range(3)]
    assert not found.wrong and not found.fickle
    assert repeat.table(found) == [
        "0 false findings, 0 that come and go, in 3 gate runs of 1 designs on 7.2 (696 points made "
        "to fail)"]


def test_what_is_false_and_what_comes_and_goes() -> None:
    found = Repeated(((GOOD,), (replace(GOOD, findings=BAD.findings),), (GOOD,)))
    assert found.wrong == {("kvm_owned", "pamt page never freed; #1"): 1}
    assert found.fickle == {("kvm_owned", "leak"): 1, ("kvm_owned", "parked"): 2}
    lines = repeat.table(found)
    assert lines[0] == "FALSE   kvm_owned: pamt page never freed; #1 [1 of 3]"
    assert lines[-1].startswith("1 false findings, 2 that come and go, in 3 gate runs")


def test_the_seed_reaches_the_guest() -> None:
    [case, *_] = cases.swept("twin", ["zap"])
    assert f"seed={plan.WORKLOAD_SEED} " in case.words
    assert "seed=77 " in case.seeded(77).words
