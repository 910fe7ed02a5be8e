# SPDX-License-Identifier: GPL-2.0-only
"""Contributions of decisions: their arithmetic, their text, their figure."""

from __future__ import annotations

import dataclasses
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
import synthetic
from matplotlib.patches import Rectangle

from generator import cli
from generator.errors import DataError
from generator.modules.variant import load_variant
from generator.runs.store import Run
from generator.studies import ablation, asking, counted, waterfall
from generator.studies.lattice import Lattice

A, B = "cached", "cached+guard=none+cache_min=9"
GUARD, MIN = "cached+guard=none", "cached+cache_min=9"


def measured(root: Path, faults: dict[str, int], **more: Any) -> Run:
    """A run of these designs; ``faults``: instructions of each fault, the same every time."""
    records = []
    for name, cost in faults.items():
        for workload in counted.WORKLOADS:
            record = synthetic.record("kvm_owned", name, workload, "icount", random.Random(1))
            record["ops"]["fault"] = synthetic.hist([cost] * 50)
            record["ops"]["split"] = {"n": 0}
            records.append({"boot": "icount", "index": len(records), "variant": name, "rc": 0,
                            "workload": workload, "record": record, "kernel_stat": None})
    manifest = {"id": "r1", "boots": {"icount": {"tier": "count"}},
                "variants": dict.fromkeys(faults), **more}
    return Run(root, manifest, tuple(records))


def lattice(root: Path) -> Lattice:
    return Lattice(load_variant(A, root), load_variant(B, root), root)


def walked(root: Path, faults: dict[str, int], **more: Any) -> ablation.Ablation:
    return ablation.ablate(lattice(root), measured(root, faults, **more))


def fault(found: ablation.Ablation) -> ablation.Waterfall:
    return next(fall for fall in found.waterfalls if fall.key == "fault")


def test_what_adds_up_has_no_spread(small_tree: Path) -> None:
    fall = fault(walked(small_tree, {A: 1000, GUARD: 1300, MIN: 900, B: 1200}))
    assert [(p.label, p.mean, p.spread) for p in fall.parts] == [
        ("guard: spin -> none", 300, 0), ("cache_min: 7 -> 9", -100, 0)]
    assert (fall.start, fall.end, fall.pairs) == (1000, 1200, ())
    assert math.isclose(fall.start + sum(p.mean for p in fall.parts), fall.end)


def test_interactions_show(small_tree: Path) -> None:
    fall = fault(walked(small_tree, {A: 1000, GUARD: 1300, MIN: 900, B: 1600}))
    guard = fall.parts[0]
    assert (guard.low, guard.mean, guard.high) == (300, 500, 700)
    assert fall.pairs == (("cache_min x guard", 400),)
    assert math.isclose(fall.start + sum(p.mean for p in fall.parts), fall.end)


def test_what_is_below_the_floor_is_no_effect(small_tree: Path) -> None:
    again = f"{A}_aprime"
    fall = fault(walked(small_tree, {A: 1000, again: 1040, GUARD: 1030, MIN: 2000, B: 2000}))
    assert fall.floor == 40
    assert [fall.counts(part) for part in fall.parts] == [False, True]


def test_a_design_without_the_figure_leaves_a_gap(small_tree: Path) -> None:
    found = walked(small_tree, {A: 1, GUARD: 1, MIN: 1, B: 1})
    split = next(fall for fall in found.waterfalls if fall.key == "split")
    assert math.isnan(split.start) and not split.whole
    text = "\n".join(waterfall.lines(found))
    assert "Neither A nor B has: instructions per split" in text
    assert "not all designs between them have it" not in text


def test_a_design_on_the_way_without_the_figure(small_tree: Path) -> None:
    run = measured(small_tree, {A: 1000, GUARD: 1300, MIN: 900, B: 1200})
    lost = [{**r, "rc": 22} if (r["variant"], r["workload"]) == (GUARD, "populate_seq") else r
            for r in run.records]
    found = ablation.ablate(lattice(small_tree), Run(run.path, run.manifest, tuple(lost)))
    assert (fault(found).start, fault(found).end, fault(found).whole) == (1000, 1200, False)
    assert "not all designs between them have it" in "\n".join(waterfall.lines(found))


def test_bars_on_the_way_are_in_the_figure(small_tree: Path) -> None:
    """Up by 900 and down again: the highest point is neither A nor B."""
    found = walked(small_tree, {A: 100, GUARD: 1000, MIN: 60, B: 120})
    drawn = waterfall.figure(dataclasses.replace(found, waterfalls=(fault(found),)))
    assert drawn is not None
    [axes] = [axes for axes in drawn.axes if axes.get_visible()]
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches if isinstance(bar, Rectangle)]
    assert max(ends) <= axes.get_xlim()[1]


def test_a_run_without_a_design_is_refused(small_tree: Path) -> None:
    with pytest.raises(DataError, match=r"the run has no cached\+cache_min=9"):
        walked(small_tree, {A: 1, GUARD: 1, B: 1})


def test_a_design_that_the_gate_refused_is_no_missing_one(small_tree: Path) -> None:
    """'Measure it' would end here again."""
    with pytest.raises(DataError, match=r"the gate refused cached\+cache_min=9\n.*--force"):
        walked(small_tree, {A: 1, GUARD: 1, B: 1}, gate={MIN: "FAIL"})


def test_stored_and_read_again(small_tree: Path, tmp_path: Path) -> None:
    found = walked(small_tree, {A: 1000, GUARD: 1300, MIN: 900, B: 1600}, gate={A: "PASS"})
    assert found.gate == {A: "PASS", GUARD: "not run", MIN: "not run", B: "not run"}
    ablation.write(found, tmp_path)
    again = ablation.load(tmp_path)
    assert again is not None and fault(again) == fault(found) and again.designs == found.designs
    assert waterfall.lines(again) == waterfall.lines(found)
    assert ablation.load(small_tree) is None
    (tmp_path / ablation.FILE).write_text('{"run": 1}')
    with pytest.raises(DataError, match="not an ablation"):
        ablation.load(tmp_path)


def test_text_fits_a_mail(small_tree: Path) -> None:
    lines = waterfall.lines(walked(small_tree, {A: 1000, GUARD: 1300, MIN: 900, B: 1600}))
    text = "\n".join(lines)
    assert text.isascii() and max(map(len, lines)) <= waterfall.WIDTH
    assert "  guard: spin -> none                           +500.0  +300.0..+700.0" in lines
    assert "together: cache_min x guard" in text and "gate not run: all 4 designs" in text


def test_figure(small_tree: Path, tmp_path: Path) -> None:
    files = waterfall.draw(walked(small_tree, {A: 1000, GUARD: 1300, MIN: 900, B: 1600}), tmp_path)
    assert [file.name for file in files][:2] == ["ablation.png", "ablation.svg"]
    assert "guard: spin" in (tmp_path / "ablation.svg").read_text()
    again = tmp_path / "again"
    again.mkdir()
    waterfall.draw(walked(small_tree, {A: 1000, GUARD: 1300, MIN: 900, B: 1600}), again)
    assert (again / "ablation.png").read_bytes() == (tmp_path / "ablation.png").read_bytes()
    assert waterfall.draw(walked(small_tree, {A: 1, GUARD: 1, MIN: 1, B: 1}), tmp_path) == []


def test_nothing_is_written_by_a_dry_run(capsys: pytest.CaptureFixture[str], tmp_path: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    run = measured(tmp_path, {"kvm_owned": 1000, "tip_x86_tdx": 2000})
    monkeypatch.setattr(asking, "measured", lambda *args: run)
    assert cli.main(["ablate", "kvm_owned", "tip_x86_tdx", "--run", "r1", "-n"]) == 0
    assert "pamt_lock: fastpath -> always" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    assert cli.main(["ablate", "kvm_owned", "tip_x86_tdx", "--run", "r1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["orders"] == 1
    assert (tmp_path / ablation.FILE).is_file()


def test_two_designs_that_decide_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ablate", "kvm_owned", "kvm_owned"]) == 2
    assert "no way to walk" in capsys.readouterr().err
