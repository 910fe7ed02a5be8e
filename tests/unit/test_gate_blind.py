# SPDX-License-Identifier: GPL-2.0-only
"""What would look like a pass because nothing was looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gated import done, record

from generator.gate import cases, judge, rules
from generator.gate.guest import Ground
from generator.gate.judge import Stage
from generator.gate.protocol import Log
from generator.gate.result import CORRECTNESS, OTHER
from generator.gate.sweep import Death, Swept
from generator.modules import variant
from generator.modules.build import BuiltModule
from generator.modules.render import RenderedModule
from generator.trees.kernel import KernelTree


def one_cpu(case: str) -> int:
    """All guests are small ones."""
    return 1


def swept(**sizes: int) -> Swept:
    """A sweep of all three kinds in one case each; ``sizes``: count -> points there were."""
    log = Log(points=[done(case="zap/x", kind="plain", kernel=(1, 2), record=record())])
    for count in cases.KIND_OF:
        log.sizes["v", "zap/x", count] = sizes.get(count, 9)
        log.over["v", "zap/x", count] = sizes.get(count, 9) + 1
    return Swept([log])


def test_nothing_swept_is_no_pass() -> None:
    assert not rules.wrong("v", swept(), one_cpu)
    [found] = rules.wrong("v", swept(seamcalls=0), one_cpu)
    assert (found.kind, found.klass) == ("not_swept", CORRECTNESS) and "busy" in found.text


def test_a_sweep_that_ends_early_is_no_pass() -> None:
    short = swept(allocs=100)
    short.logs[0].over["v", "zap/x", "allocs"] = 51
    assert not rules.wrong("v", short, one_cpu)
    short.logs[0].over["v", "zap/x", "allocs"] = 50
    [found] = rules.wrong("v", short, one_cpu)
    assert (found.kind, found.klass) == ("short_sweep", CORRECTNESS)
    assert found.paths == ("at zap/x: 49 of 100",)


def test_a_guest_without_memory_stat_is_no_pass() -> None:
    blind = swept()
    blind.logs[0].points[0] = replace(blind.logs[0].points[0], kernel=(0, 0))
    [found] = rules.wrong("v", blind, one_cpu)
    assert (found.kind, found.klass) == ("memcg_unread", CORRECTNESS)


def test_a_stall_that_was_excused_is_told() -> None:
    stalled = swept()
    stalled.excused.append(Death("v", done(case="zap/race", kind="plain"), "zap/race plain", "x"))
    [found] = rules.wrong("v", stalled, one_cpu)
    assert (found.kind, found.klass) == ("stalled_once", OTHER)


@pytest.mark.parametrize("stage, locks, kinds", [
    ("debug", 1, []), ("debug", 0, ["lockdep_off"]), ("debug", -1, ["lockdep_unseen"]),
    ("debug", None, ["lockdep_unseen"]), ("sweep", -1, []), ("sweep", None, [])])
def test_a_debug_run_counts_only_with_lockdep_at_its_end(stage: str, locks: int | None,
                                                         kinds: list[str]) -> None:
    said = swept()
    if locks is not None:
        said.logs[0].locks["v"] = locks
    design = replace(variant.load_variant("kvm_owned"), name="v")
    tree = KernelTree("7.2", Path("/nowhere"), "x86_64", "", {}, "", "", "gcc", "", None)
    module = BuiltModule(RenderedModule(design, tree, Path("/nowhere"), {}, "", ()),
                         Path("/nowhere/x.ko"), "", skipped=False)
    found = judge.verdict("v", [Stage(Ground(tree, "twin", 1, stage=stage), module, said)], "")
    assert [one.kind for one in found.findings] == kinds and found.passed is not bool(kinds)
