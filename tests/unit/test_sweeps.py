# SPDX-License-Identifier: GPL-2.0-only
"""Sweeps: their points, their crossovers, their text and figure."""

from __future__ import annotations

import dataclasses
import json
import math
import random
import re
from pathlib import Path

import pytest
import synthetic

from generator import cli, layout
from generator.errors import DataError, UsageError
from generator.modules.variant import load_variant
from generator.runs import plan
from generator.runs.store import Run
from generator.studies import asking, sweeps, sweeptext
from generator.studies.crossover import Crossover
from generator.studies.sweeps import Grid


def made(root: Path, *words: str, designs: tuple[str, ...] = ("cached", "listed")) -> Grid:
    found = [load_variant(name, root) for name in designs]
    return sweeps.grid(sweeps.parse(words), found, "vms", root)


def measured(root: Path, grid: Grid, cost: dict[tuple[str, str], int]) -> Run:
    """A run of a grid; ``cost``: (variant, workload) -> instructions of each fault."""
    records = []
    for (name, workload), ticks in cost.items():
        record = synthetic.record("kvm_owned", name, workload, "icount", random.Random(1))
        record["ops"]["fault"] = synthetic.hist([ticks] * 9)
        records.append({"boot": "icount", "index": len(records), "variant": name, "rc": 0,
                        "workload": workload, "record": record, "kernel_stat": None})
    return Run(root, {"id": "r1", "boots": {"icount": {"tier": "count"}}}, tuple(records))


def along_tds(root: Path, one: list[int], other: list[int]) -> sweeps.Sweep:
    grid = made(root, "tds=1,2,4")
    cost = {(name, f"vms+tds={tds}"): ticks
            for name, row in (("cached", one), ("listed", other))
            for tds, ticks in zip((1, 2, 4), row, strict=True)}
    return sweeps.read(grid, measured(root, grid, cost), "op.fault", "mean")


def test_values_are_lists_and_ranges() -> None:
    assert sweeps.parse(["a=1,2,8", "b=5..40:10"]) == {
        "a": ("1", "2", "8"), "b": ("5", "15", "25", "35")}
    for wrong in (["a"], ["a="], ["=1"], ["a=1", "a=2"], ["a=1,,2"], ["a=1..100"], ["a=5,5"],
                  ["a=1..4,2"], ["a=9..1"], ["a=1..4:0"], ["a=0..99999999999"], []):
        with pytest.raises(UsageError):
            sweeps.parse(wrong)


def test_tunables_make_designs_and_parameters_make_workloads(small_tree: Path) -> None:
    grid = made(small_tree, "cache_min=7,9", "tds=1,2")
    assert len(grid.points) == 4
    assert set(grid.variants.values()) == {"cached", "cached+cache_min=9", "listed"}
    assert set(grid.workloads.values()) == {"vms+tds=1", "vms+tds=2"}
    assert not grid.illegal     # listed has no cache: it is the same at all points


@pytest.mark.parametrize(("words", "said"), [
    (["cash_min=7"], r"known: .*cache_min"),
    (["cache_min=7,99"], r"no design here can have cache_min=99\n.*out of range.*1 to 40"),
    (["tds=many"], r"tds=many is no parameter\n.*parameters are numbers"),
    (["tds=0,1"], r"tds=0 is out of range\n.*give 1 to 16"),
    (["contig=3"], "no power of two"),
    (["ev_busy=1000000"], "give 0 to 999999"),
    (["vcpus=1,65"], "give 1 to 64"),
    (["vcpus=4", "pages=2"], "2 pages for 4 vCPUs"),
])
def test_what_no_design_or_workload_can_have(small_tree: Path, words: list[str],
                                             said: str) -> None:
    with pytest.raises(UsageError) as caught:
        made(small_tree, *words)
    assert re.search(said, str(caught.value))


def test_an_axis_that_no_design_uses(small_tree: Path) -> None:
    with pytest.raises(UsageError, match="no design here has a use for cache_min"):
        made(small_tree, "cache_min=7,9", designs=("listed",))


def test_limits_are_those_of_the_modules() -> None:
    text = (layout.ROOT / "kmod/lib/control_params.c").read_text()
    assert f"#define MAX_TDS		{sweeps.LIMITS['tds'][1]}" in text
    assert f"#define MAX_ROUNDS	{sweeps.LIMITS['rounds'][1]}" in text
    assert "#define MAX_PAGES	(SZ_1G / PAGE_SIZE)" in text
    assert sweeps.LIMITS["pages"][1] == 2 ** 30 // 4096
    assert set(sweeps.LIMITS) == set(sweeps.PARAMETERS)


def test_a_workload_with_parameters_is_one_of_the_plan() -> None:
    planned = plan.make(["a"], baseline="a", aprime="b", seed=1, workloads=["vms+tds=2+pages=64"],
                        runner="qemu", boots={"icount": ("count", "instructions")},
                        costs={"icount": "zero"})
    case = planned.boots[0].cases[0]
    assert case.workload == "vms+tds=2+pages=64"
    assert case.command == "vms vcpus=2 pages=64 rounds=1 tds=2 seed=1"
    assert plan.pick("workload", "vms+tds=2", plan.SIZES, ()) == ["vms+tds=2"]
    assert plan.from_json(planned.as_json()) == planned


def test_the_ranking_flips_once(small_tree: Path) -> None:
    found = along_tds(small_tree, [100, 200, 400], [150, 180, 200])
    assert found.crossovers == (
        Crossover("tds", "1", "2", "cached < listed", "listed < cached"),)
    assert found.values["cached"] == (100, 200, 400)


def test_ties_and_gaps_are_no_flip(small_tree: Path) -> None:
    assert not along_tds(small_tree, [100, 200, 400], [150, 201, 500]).crossovers
    over = along_tds(small_tree, [100, 200, 400], [150, 201, 300]).crossovers
    assert [(one.low, one.high) for one in over] == [("1", "4")]
    assert [one.tied for one in over] == [("2",)]


def test_stored_and_read_again(small_tree: Path, tmp_path: Path) -> None:
    found = along_tds(small_tree, [100, 200, 400], [150, 180, 200])
    sweeps.write(found, tmp_path)
    assert sweeps.load(tmp_path) == found and sweeps.load(small_tree) is None
    (tmp_path / sweeps.FILE).write_text("{}")
    with pytest.raises(DataError, match="not a sweep"):
        sweeps.load(tmp_path)


def test_a_run_without_the_figure(small_tree: Path) -> None:
    grid = made(small_tree, "tds=1")
    run = measured(small_tree, grid, {("cached", "vms+tds=1"): 5})
    with pytest.raises(DataError, match=r"no case has a figure op\.fly mean"):
        sweeps.read(grid, run, "op.fly", "mean")


def test_one_boot_of_several_is_read(small_tree: Path) -> None:
    """Instructions of one boot and ns of another, of equal blocks, are no figure together.

    A design that fails in one of them has none in either.
    """
    grid = made(small_tree, "tds=1")
    run = measured(small_tree, grid, {("cached", "vms+tds=1"): 100, ("listed", "vms+tds=1"): 200})
    timed = [{**r, "boot": "mttcg"} for r in run.records]
    both = Run(run.path, {**run.manifest, "boots": {"icount": {"tier": "count"},
                                                    "mttcg": {"tier": "model"}}},
               (*run.records, *timed))
    counts = sweeps.read(grid, both, "op.fault", "mean", "icount")
    assert (counts.tier, counts.unit, counts.failed) == ("count", "instructions", {})
    assert counts.values == {"cached": (100,), "listed": (200,)}
    times = sweeps.read(grid, both, "op.fault", "mean", "mttcg")
    assert (times.tier, times.unit) == ("model", "ns")
    timed = [{**r, "rc": 22 if r["variant"] == "listed" else 0} for r in timed]
    one_fails = Run(run.path, both.manifest, (*run.records, *timed))
    counts = sweeps.read(grid, one_fails, "op.fault", "mean", "icount")
    assert counts.values["cached"] == (100,) and math.isnan(counts.values["listed"][0])
    assert len(counts.failed) == 1
    with pytest.raises(DataError, match=r"no boot uml\n.*--boot icount or mttcg"):
        sweeps.read(grid, both, "op.fault", "mean", "uml")


@pytest.mark.parametrize("words", [["--workload", "vms,noisy"],
                                   ["--workload", "vms", "--boot", "icount,mttcg"]])
def test_a_sweep_has_one_workload_and_one_boot(capsys: pytest.CaptureFixture[str],
                                               words: list[str]) -> None:
    assert cli.main(["sweep", "tds=1,2", *words, "-n"]) == 2
    assert "make a sweep for each" in capsys.readouterr().err


def test_nothing_is_written_by_a_dry_run(capsys: pytest.CaptureFixture[str], tmp_path: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    grid = sweeps.grid({"tds": ("1", "2")}, [load_variant("kvm_owned")], "vms")
    run = measured(tmp_path, grid, {("kvm_owned", f"vms+tds={tds}"): 100 for tds in (1, 2)})
    monkeypatch.setattr(asking, "measured", lambda *args: run)
    words = ["sweep", "tds=1,2", "--variants", "kvm_owned", "--workload", "vms", "--run", "r1"]
    assert cli.main([*words, "-n", "--publish", "no/name"]) == 0
    assert "No crossover along tds" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    assert cli.main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == "r1"
    assert (tmp_path / sweeps.FILE).is_file()


def test_text_and_figure(small_tree: Path, tmp_path: Path) -> None:
    found = along_tds(small_tree, [100, 200, 400], [150, 180, 200])
    lines = sweeptext.lines(found)
    assert max(map(len, lines)) <= sweeptext.WIDTH and "\n".join(lines).isascii()
    assert "  1      100.0      150.0" in lines
    assert ("crossover: between tds=1 and 2: cached is below listed before, and above\n  after"
            in "\n".join(lines))
    files = sweeptext.draw(found, tmp_path)
    assert [file.name for file in files][:2] == ["sweep.png", "sweep.svg"]


def test_without_a_crossover_the_axes_are_named(small_tree: Path) -> None:
    found = along_tds(small_tree, [100, 200, 400], [150, 280, 600])
    assert sweeptext.flips(found) == [
        "No crossover along tds (1 to 4): no two of the 2 designs change places."]
    clock = dataclasses.replace(found, tier="model")
    assert "takes 10 blocks, and there are 1" in sweeptext.found(clock)[0]


def test_what_failed_is_told(small_tree: Path) -> None:
    grid = made(small_tree, "tds=1,2")
    run = measured(small_tree, grid, {("cached", "vms+tds=1"): 5, ("listed", "vms+tds=1"): 6,
                                      ("cached", "vms+tds=2"): 5})
    lost = {**run.records[0], "variant": "listed", "workload": "vms+tds=2", "rc": 22}
    found = sweeps.read(grid, Run(run.path, run.manifest, (*run.records, lost)), "op.fault", "mean")
    assert any(line.startswith("failed: rc=22") for line in sweeptext.flips(found))
    # With --run it may be a run of more than the sweep.
    other = [{**lost, "variant": "kvm_owned"}, {**lost, "workload": "noisy"}]
    run = Run(run.path, run.manifest, (*run.records, *other))
    assert sweeps.read(grid, run, "op.fault", "mean").failed == {}


def test_a_figure_of_many_axes(small_tree: Path, tmp_path: Path) -> None:
    grid = made(small_tree, "tds=1,16", "vcpus=1,2", "pages=64,128,256")
    cost = {(name, workload): 100 for name in ("cached", "listed")
            for workload in grid.workloads.values()}
    found = sweeps.read(grid, measured(small_tree, grid, cost), "op.fault", "mean")
    assert {file.suffix for file in sweeptext.draw(found, tmp_path)} == {".png", ".svg"}
