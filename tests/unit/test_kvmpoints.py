# SPDX-License-Identifier: GPL-2.0-only
"""Hook points: what a design needs against what a tree offers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from generator.errors import UsageError
from generator.kvm import kvmhooks, kvmpoints
from generator.modules import variant

BARE = kvmhooks.HookList(Path("hooks.toml"), ("7.2",), (), points=())


def design(*needs: str) -> variant.Variant:
    base = variant.load_variant(variant.BASELINE)
    return replace(base, derived={f"{variant.NEEDS}{n.upper()}": 1 for n in needs})


@pytest.mark.parametrize(("needs", "points", "said"), [
    ((), (), "runs"),
    (("split",), (), "runs, no split"),
    (("prepare_pfn",), (), "needs prepare_pfn"),
    (("prepare_pfn",), ("prepare_pfn",), "runs"),
    (("gmem_bound", "split"), (), "needs gmem_bound"),
])
def test_verdict(needs: tuple[str, ...], points: tuple[str, ...], said: str) -> None:
    assert kvmpoints.verdict(design(*needs), replace(BARE, points=points)) == said


def test_what_was_asked_for_is_refused_and_the_rest_left_out(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lacking = design("phys_prepare")
    monkeypatch.setattr(kvmhooks, "lists", lambda: (BARE,))
    monkeypatch.setattr(kvmpoints, "load_variant",
                        lambda name: lacking if name == "early" else design())
    names = ["a", "early", "b_aprime"]
    assert kvmpoints.runnable(names, "7.2.13", asked=False) == ["a", "b_aprime"]
    assert "early does not run on real KVM: it needs phys_prepare" in capsys.readouterr().err
    with pytest.raises(UsageError, match="early needs phys_prepare"):
        kvmpoints.runnable(["a", "early"], "7.2.13", asked=True)
