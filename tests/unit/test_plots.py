# SPDX-License-Identifier: GPL-2.0-only
"""Figures: the same bytes each time, one colour per design, none where there is no data."""

from __future__ import annotations

import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest
import synthetic

from generator.evidence import frames, verdict
from generator.report import bundle, charts, plots
from generator.report.view import View


def view_of(run: synthetic.FakeRun) -> View:
    return View.of(run, frames.summarize(run), verdict.of_run(run))


@pytest.fixture(scope="module", name="view")
def whole(tmp_path_factory: pytest.TempPathFactory) -> View:
    return view_of(synthetic.build(tmp_path_factory.mktemp("runs"), workloads=synthetic.HEADLINE))


def words(path: Path) -> str:
    return " ".join("".join(e.itertext()) for e in ElementTree.parse(path).iter()
                    if e.tag.endswith("}text"))


def test_same_run_same_bytes(view: View, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        assert len(list(plots.draw(view, folder))) == 3 * 6
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name
    for path in one.glob("*.svg"):
        assert "date" not in path.read_text().lower()


def test_figures_say_what_they_show(view: View, tmp_path: Path) -> None:
    drawn = {p.stem: words(p) for p in bundle.light(plots.draw(view, tmp_path))}
    for name, said in drawn.items():
        assert "host twin" in said, name
        assert "tier" in said, name
        for variant in view.variants:
            assert view.label(variant) in said, (name, variant)
    assert "instructions" in drawn["faults-twin-count"]
    assert "emulated ns" in drawn["faults-twin-model"]
    assert "n = 600" in drawn["faults-twin-count"]
    assert "populate_seq" in drawn["faults-twin-count"]
    assert "72 charged, 16 not" in drawn["memory_charge-twin-count"]
    assert "35 (140 KiB), peak 40 (160 KiB)" in drawn["parked-twin"]


def test_dark_figures_differ_in_ink_only(view: View, tmp_path: Path) -> None:
    for path in bundle.light(plots.draw(view, tmp_path)):
        dark = path.with_suffix(".dark.svg")
        assert words(dark) == words(path)
        assert not any(ink in dark.read_text() for ink in plots.INKS["light"])


def test_blocks_are_pooled(tmp_path: Path) -> None:
    run = synthetic.build(tmp_path, workloads=("populate_seq",), designs=("kvm_owned",),
                          boots=("uml",), blocks=7)
    drawn = {p.stem: words(p) for p in bundle.light(plots.draw(view_of(run), tmp_path))}
    assert "n = 4200" in drawn["faults-twin-native"]
    assert "kvm_owned A'" in drawn["ratios-twin-native"]


def test_png_is_of_a_size_for_reading(view: View, tmp_path: Path) -> None:
    for path in plots.draw(view, tmp_path):
        if path.suffix == ".png":
            width, height = struct.unpack(">II", path.read_bytes()[16:24])
            assert 700 < width < 1400
            assert 200 < height < 1600


def test_one_colour_per_design(view: View) -> None:
    tints = {v: plots.colour(view, v) for v in view.designs}
    assert len(set(tints.values())) == len(tints)
    assert plots.colour(view, "kvm_owned_aprime") == tints["kvm_owned"]
    assert plots.dash(view, "kvm_owned_aprime") != plots.dash(view, "kvm_owned")


def test_more_designs_than_colours(tmp_path: Path) -> None:
    run = synthetic.build(tmp_path, workloads=("populate_seq",), designs=("kvm_owned",))
    for index in range(15):
        name = f"design{index:02}"
        run.manifest["variants"][name] = {**run.manifest["variants"]["kvm_owned"]}
        run.records += [{**c, "variant": name} for c in run.records if c["variant"] == "kvm_owned"]
    view = view_of(run)
    looks = {(plots.colour(view, v), plots.dash(view, v)) for v in view.designs}
    assert len(looks) == len(view.designs)
    assert list(plots.draw(view, tmp_path))


def test_nothing_to_draw(tmp_path: Path) -> None:
    run = synthetic.build(tmp_path, workloads=("idle",), boots=("icount",))
    names = {p.stem for p in plots.draw(view_of(run), tmp_path)}
    assert {n.removesuffix(".dark") for n in names} == {"parked-twin", "memory_charge-twin-count"}
    run.records = []
    assert not list(plots.draw(view_of(run), tmp_path))


def test_names_are_no_formulas(tmp_path: Path) -> None:
    run = synthetic.build(tmp_path, workloads=("convert",), designs=("kvm_owned",))
    name = "a$b^{$<&_x"
    run.manifest["variants"][name] = {**run.manifest["variants"]["kvm_owned"]}
    run.records += [{**c, "variant": name} for c in run.records if c["variant"] == "kvm_owned"]
    drawn = [p for p in plots.draw(view_of(run), tmp_path) if p.suffix == ".svg"]
    assert all(name in words(p) for p in drawn)


@pytest.mark.parametrize(("value", "says"), [
    (0.001, "0.001"), (1500, "1500"), (10000, "10k"), (250000, "250k"), (3e6, "3M"), (2e9, "2G")])
def test_compact(value: float, says: str) -> None:
    assert plots.compact(value) == says


def test_identical_times_can_be_drawn(tmp_path: Path) -> None:
    run = synthetic.build(tmp_path, workloads=("populate_seq",), boots=("icount",))
    for case in run.records:
        case["record"]["ops"]["fault"] = synthetic.hist([77])
    assert charts.faults(view_of(run), "count") is not None
