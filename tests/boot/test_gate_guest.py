# SPDX-License-Identifier: GPL-2.0-only
"""The gate in real guests: the NAK found again, a guest that dies, bugs that have to be caught."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from generator import layout
from generator.gate import cases, judge, seeded, sweep
from generator.gate import kernels as quickest
from generator.gate.cases import Case
from generator.gate.conduct import Level
from generator.gate.guest import Ground
from generator.gate.judge import Stage
from generator.gate.result import CORRECTNESS, CRITERION, GateResult
from generator.modules import variant
from generator.modules.build import build_all
from generator.modules.render import TWIN, RenderedModule, render

pytestmark = pytest.mark.boot
WORKLOADS = ("populate_sparse", "convert")
#: One of each way to be wrong; all of them: make gate-selftest.
FEW = ("01-leak-on-error", "02-double-free", "04-unaccounted", "16-enomem-swallowed")
DEADLY = ('inject_note("%s, %s", site',
          'if (points[kind].rule.first == 5)\n\t\tpanic("a point that kills");\n'
          '\tinject_note("%s, %s", site')


@pytest.fixture(scope="module", name="ground")
def _ground(kernels: Path) -> Ground:
    """The quickest kernel of this machine; ``kernels``: the distro's is there at least."""
    return quickest.for_sweep(None, TWIN)


def judged(staged: list[RenderedModule], ground: Ground, listed: list[Case],
           folder: Path) -> dict[str, tuple[GateResult, Stage]]:
    """Build, run the cases, and judge each design."""
    modules = {one.rendered.variant.name: one for one in build_all(staged)}
    swept = sweep.run(ground, modules, dict.fromkeys(modules, listed), folder, "test")
    stages = {name: Stage(ground, built, swept) for name, built in modules.items()}
    return {name: (judge.verdict(name, [stage], ""), stage) for name, stage in stages.items()}


def sources(root: Path) -> Path:
    """A project root with the sources of the designs."""
    for folder in ("kmod", "variants"):
        shutil.copytree(layout.ROOT / folder, root / folder)
    return root


def test_the_nak_is_found_again(ground: Ground, tmp_path: Path) -> None:
    """On split_ops by their paths and counts, on kvm_owned none of the three."""
    root = sources(tmp_path / "root")
    staged = [render(variant.load_variant(name, root), ground.tree, root)
              for name in ("kvm_owned", "split_ops")]
    plain = [replace(case, name=case.workload, faults={})
             for case in cases.swept(TWIN, WORKLOADS, {"enomem": 1})]
    found = judged(staged, ground, [*plain, *cases.drained(TWIN, WORKLOADS)], tmp_path / "work")
    good, _ = found["kvm_owned"]
    assert good.passed and not {one.kind for one in good.findings} & {
        "ownership", "uncharged", "fallback", "cross_freed"}
    naked, _ = found["split_ops"]
    kinds = {one.kind: one for one in naked.of_class(CRITERION)}
    assert naked.passed     # it is a design one may want, not a bug
    source = kinds["ownership"]
    assert source.criterion == "C1" and "KVM on the split path" in source.text
    assert "TDX's tdx_prealloc on the fault path" in source.text
    assert source.text.endswith("always freed by KVM") and source.count > 2
    ways = {path.partition(":")[0]: path for path in source.paths}
    assert "(KVM, GFP_KERNEL_ACCOUNT" in ways["split"] and "(KVM): " in ways["split"], ways
    assert "(TDX's tdx_prealloc" in ways["fault"] and "(KVM): " in ways["fault"], ways
    assert kinds["uncharged"].criterion == "C3" and kinds["uncharged"].count >= 4
    assert "prealloc_split_cache, which split_" in kinds["uncharged"].text
    assert kinds["fallback"].criterion == "C4"
    assert "on the fault path, no fallback on the split path" in kinds["fallback"].text


def test_a_point_that_kills_has_a_name_and_the_sweep_goes_on(ground: Ground,
                                                             tmp_path: Path) -> None:
    root = sources(tmp_path / "root")
    source = root / "kmod/lib/inject.c"
    assert source.read_text().count(DEADLY[0]) == 1
    source.write_text(source.read_text().replace(*DEADLY))
    staged = [render(variant.load_variant("kvm_owned", root), ground.tree, root)]
    listed = cases.swept(TWIN, ["topup"], {"enomem": 4})
    result, stage = judged(staged, ground, listed, tmp_path / "work")["kvm_owned"]
    assert not result.passed and [boot.outcome for boot in result.boots] == ["panic", "done"]
    [crash] = [one for one in result.of_class(CORRECTNESS) if one.kind == "crash"
               and "the guest died" in one.text]
    assert crash.paths == ("at topup/enomem allocs 5",)
    tried = [point.n for point in stage.swept.points("kvm_owned") if point.kind == "allocs"]
    assert tried[:4] == [1, 5, 9, 13] and len(tried) == len(range(1, tried[-1] + 1, 4)) > 10
    boots = len(result.boots)
    again = sweep.run(ground, {"kvm_owned": stage.module}, {"kvm_owned": listed},
                      tmp_path / "work", "test")
    assert len(again.boots) == boots    # what is there is not done again


def test_a_few_seeded_bugs_are_caught(ground: Ground, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeded, "WORK", tmp_path)
    wanted = seeded.chosen(FEW, seeded.bugs())
    found = seeded.run(wanted, [ground], Level.QUICK)
    assert len(found) == len(FEW) and all(one.ok for one in found), seeded.table(found)
