# SPDX-License-Identifier: GPL-2.0-only
"""Sessions with a runner that boots nothing: what is kept when something goes wrong, and resume."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from generator import runners
from generator.errors import DataError, RigError
from generator.modules.build import BuiltModule
from generator.modules.render import RenderedModule
from generator.modules.variant import Variant
from generator.runners import Attempt, Guest, Load, LostGuest, OnLine, RunOutput
from generator.runs import boots, facts, plan, session, store
from generator.runs.costs import CostTable
from generator.runs.plan import RunPlan
from generator.runs.store import Run
from generator.trees.kernel import KernelTree

BOOTS = {"icount": ("count", "instructions"), "mttcg": ("model", "ns")}
NAMES = ("base", "base_aprime", "other")


@dataclass
class Paper:
    """A runner whose guests do as planned at once, unless ``trouble`` raises."""

    plan: RunPlan
    trouble: dict[str, Callable[[RunOutput], None]] = field(default_factory=dict)
    booted: list[str] = field(default_factory=list)
    version: str = "1"
    choices: dict[str, str] = field(default_factory=lambda: {"axis": "choice"})
    name, replicate = "paper", "boot"
    boots: Mapping[str, tuple[str, str]] = field(default_factory=lambda: BOOTS)
    load: Load = field(init=False)

    def available(self) -> str | None:
        return None

    def facts(self) -> dict[str, Any]:
        return {"qemu": {"version": self.version, "path": "paper"}, "cpu_model": "none"}

    def image(self, tree: KernelTree) -> Path:
        return tree.need_image()

    def prepare(self, guest: Guest, load: Load) -> None:
        guest.initramfs.parent.mkdir(parents=True, exist_ok=True)
        guest.initramfs.write_text(f"{load.plan_id} {load.listed} {load.costs}")
        self.load = load

    def command(self, boot: str, guest: Guest, out: Path) -> list[str]:
        return ["paper", boot]

    def boot(self, boot: str, guest: Guest, out: Path, on_line: OnLine) -> RunOutput:
        assert guest.initramfs.is_file()
        self.booted.append(boot)
        lines = self.lines(self.load.plan)
        (out / "serial.txt").write_text("".join(f"{line}\n" for line in lines))
        for line in lines:
            on_line(line)
        output = RunOutput(out / "serial.txt", out / "console.log", (Attempt(1.0, "done"),),
                           True, False, ("[ 1.0] WARNING: CPU: 0",))
        self.trouble.get(boot, lambda output: None)(output)
        return output

    def lines(self, boot: plan.BootPlan) -> list[str]:
        found = [f"EXTSPT BOOT {boot.id} 6.1"]
        for index, case in enumerate(boot.cases):
            info = {"abi": 1, "variant": case.variant, "choices": self.choices}
            record = {"abi": 1, "variant": case.variant, "workload": case.workload, "errors": []}
            found += [f"EXTSPT INSMOD {case.variant}", f"EXTSPT INFO {case.variant}",
                      json.dumps(info),
                      f"EXTSPT CASE {index} {case.variant} {case.workload} rc=0 kernel=1,2,1",
                      json.dumps(record)]
        return [*found, f"EXTSPT END cases={len(boot.cases)} status=0"]


@pytest.fixture
def modules(tmp_path: Path) -> list[BuiltModule]:
    image = tmp_path / "vmlinuz"
    image.write_bytes(b"kernel")
    tree = KernelTree("6.1", tmp_path, "x86_64", "built", {}, "hash", "gcc", "gcc", "gcc 12", image)
    return [_built(name, tree, tmp_path) for name in NAMES]


def _built(name: str, tree: KernelTree, folder: Path) -> BuiltModule:
    ko = folder / f"extspt_{name}.ko"
    ko.write_bytes(name.encode())
    aprime_of = name.removesuffix("_aprime") if name.endswith("_aprime") else None
    design = Variant(name, "t", "o", "A0", folder, {"axis": "choice"}, {}, aprime_of)
    return BuiltModule(RenderedModule(design, tree, folder, {}, "print", ()), ko, facts.sha256(ko),
                       skipped=False)


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paper:
    run = plan.make(["other"], baseline="base", aprime="base_aprime", seed=3, runner="paper",
                    workloads=["smoke"], boots=BOOTS,
                    costs={"icount": "zero", "mttcg": "zero"})
    runner = Paper(run)
    monkeypatch.setattr(runners, "usable", lambda name: runner)
    return runner


def start(paper: Paper, modules: list[BuiltModule]) -> Run:
    table = CostTable("zero", {"TRACK": (1, 2)}, {"TRACK": "s"}, "0")
    root = modules[0].ko.parent / "runs"
    return session.run_plan(paper.plan, modules, dict.fromkeys(BOOTS, table), ["run"], root)


def only_run(tmp_path: Path) -> Path:
    [path] = (tmp_path / "runs").iterdir()
    return path


def test_manifest_of_a_whole_run(paper: Paper, modules: list[BuiltModule]) -> None:
    run = start(paper, modules)
    kept = run.manifest
    assert run.complete and paper.booted == ["icount", "mttcg"] and len(run.records) == 6
    assert kept["kernel"]["release"] == "6.1" and kept["compiler"] == "gcc 12"
    assert kept["variants"]["base_aprime"]["aprime_of"] == "base"
    assert kept["order"] == {boot.name: list(boot.order) for boot in paper.plan.boots}
    assert kept["costs"]["icount"]["table"] == {"TRACK": [1, 2]}
    assert kept["boots"]["mttcg"]["attempts"] == [{"wall_s": 1.0, "outcome": "done"}]
    assert kept["boots"]["mttcg"]["warnings"] == ["[ 1.0] WARNING: CPU: 0"]
    assert kept["boots"]["mttcg"]["infos"].keys() == set(NAMES)
    assert kept["boots"]["mttcg"]["cases"] == 3 and kept["boots"]["mttcg"]["pinned"] is True
    assert len(kept["host"]["load"]) == 3 and kept["tool_versions"]["python"]
    assert str(run.path.parent) not in json.dumps(kept)
    assert not list(run.path.rglob("initramfs*"))


def lose(output: RunOutput) -> None:
    raise LostGuest("it died", output, where="boot mttcg", fix="look", evidence="tail")


def interrupt(output: RunOutput) -> None:
    raise KeyboardInterrupt


def cut(output: RunOutput) -> None:
    output.serial.write_bytes(output.serial.read_bytes()[:-30])


@pytest.mark.parametrize("trouble, error, state", [
    (lose, LostGuest, "failed"), (interrupt, KeyboardInterrupt, "pending"),
    (cut, DataError, "failed")])
def test_trouble_leaves_a_run_that_resume_finishes(
        tmp_path: Path, paper: Paper, modules: list[BuiltModule],
        trouble: Callable[[RunOutput], None], error: type[BaseException], state: str) -> None:
    paper.trouble["mttcg"] = trouble
    with pytest.raises(error) as caught:
        start(paper, modules)
    path = only_run(tmp_path)
    # Which kernel it was is no default: the command names it, or resume would refuse another.
    assert f"extspt run --resume {path.name} --kdir {tmp_path}" in f"{caught.value}"
    part = store.load_run(path)
    kept = 2 if state == "failed" and trouble is lose else 0      # the last may have been at it
    assert part.manifest["state"] == "partial" and len(part.records) == 3 + kept
    assert part.manifest["boots"]["mttcg"]["state"] == state
    paper.trouble.clear()
    whole = session.resume(path, modules)
    assert whole.complete and whole.records[:3 + kept] == part.records and len(whole.records) == 6
    assert paper.booted == ["icount", "mttcg", "mttcg"]


def blocks_of(paper: Paper, blocks: int) -> None:
    paper.plan = plan.repeated(paper.plan, blocks)


def test_blocks(paper: Paper, modules: list[BuiltModule]) -> None:
    blocks_of(paper, 6)
    run = start(paper, modules)
    assert run.complete and paper.booted == ["icount"] * 2 + ["mttcg"] * 6
    timed = [case for case in run.records if case["boot"] == "mttcg"]
    assert [case["block"] for case in timed] == [b for b in range(6) for _ in NAMES]
    kept = run.manifest["blocks"]
    assert (kept["n"], kept["mode"], kept["replicate"], kept["builds"]) == (6, "quick", "boot", 1)
    assert kept["order"] == [[c["variant"] for c in timed if c["block"] == b] for b in range(6)]
    assert len({tuple(order) for order in kept["order"]}) > 1
    assert run.manifest["boots"]["mttcg"]["done"] == list(range(6))


def test_resume_goes_on_at_block_and_variant(tmp_path: Path, paper: Paper,
                                             modules: list[BuiltModule]) -> None:
    """A guest lost in its fourth block, while its third variant was at it."""
    blocks_of(paper, 6)

    def at_last_variant(output: RunOutput) -> None:
        if paper.booted.count("mttcg") == 4:
            text = output.serial.read_text()
            output.serial.write_text(text[:text.rindex("EXTSPT CASE")])
            lose(output)
    paper.trouble["mttcg"] = at_last_variant
    with pytest.raises(LostGuest):
        start(paper, modules)
    path = only_run(tmp_path)
    part = store.load_run(path)
    order = paper.plan.boots[2 + 3].order
    assert part.manifest["boots"]["mttcg"]["part"] == {"block": 3, "variants": list(order[:2])}
    assert len(part.records) == 2 * 3 + 3 * 3 + 2
    paper.trouble.clear()
    whole = session.resume(path, modules)
    assert whole.complete and paper.booted.count("mttcg") == 7
    ran = sorted((c["boot"], c["block"], c["variant"]) for c in whole.records)
    assert ran == sorted((b.name, b.block, name) for b in paper.plan.boots for name in b.order)
    assert whole.records[:len(part.records)] == part.records


def test_records_of_an_interrupted_write_are_not_read(tmp_path: Path, paper: Paper,
                                                      modules: list[BuiltModule]) -> None:
    blocks_of(paper, 2)
    paper.trouble["mttcg"] = lambda output: lose(output) if len(paper.booted) == 4 else None
    with pytest.raises(LostGuest):
        start(paper, modules)
    file = only_run(tmp_path) / "boots/mttcg/records.jsonl"
    known = len(store.load_run(only_run(tmp_path)).records)
    file.write_text(file.read_text() + '{"half": ')
    assert len(store.load_run(only_run(tmp_path)).records) == known
    paper.trouble.clear()
    assert session.resume(only_run(tmp_path), modules).complete


def test_resume_of_a_whole_run_boots_nothing(paper: Paper, modules: list[BuiltModule]) -> None:
    run = start(paper, modules)
    again = session.resume(run.path, modules)
    assert again.records == run.records and paper.booted == ["icount", "mttcg"]


def test_resume_refuses_to_mix(tmp_path: Path, paper: Paper, modules: list[BuiltModule]) -> None:
    paper.trouble["mttcg"] = lose
    with pytest.raises(LostGuest):
        start(paper, modules)
    paper.version = "2"
    (tmp_path / "vmlinuz").write_bytes(b"another")
    other = replace(modules[2], rendered=replace(modules[2].rendered, fingerprint="another"))
    with pytest.raises(DataError) as caught:
        session.resume(only_run(tmp_path), [*modules[:2], other])
    assert caught.value.what == ("changed since the run began: other, the kernel image, "
                                 "the runner's qemu")


def test_module_of_another_design(paper: Paper, modules: list[BuiltModule]) -> None:
    paper.choices["axis"] = "other"
    with pytest.raises(DataError, match=r"says it is made of \{'axis': 'other'\}"):
        start(paper, modules)


def test_damaged_plan(tmp_path: Path, paper: Paper, modules: list[BuiltModule]) -> None:
    run = start(paper, modules)
    file = run.path / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["plan"]["boots"]
    file.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="the plan is damaged"):
        session.resume(run.path, modules)


def test_full_disk_while_writing(tmp_path: Path, paper: Paper, modules: list[BuiltModule],
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = start(paper, modules)
    before = {path: path.read_bytes() for path in earlier.path.rglob("*") if path.is_file()}
    real = os.fsync

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    paper.trouble["mttcg"] = lambda output: monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RigError, match="the disk is full") as caught:
        start(paper, modules)
    monkeypatch.setattr(os, "fsync", real)
    [path] = (p for p in (tmp_path / "runs").iterdir() if p != earlier.path)
    assert f"extspt run --resume {path.name}" in caught.value.fix
    assert before == {path: path.read_bytes() for path in before}
    paper.trouble.clear()
    assert session.resume(path, modules).complete


def test_full_disk_under_the_guest(tmp_path: Path, paper: Paper, modules: list[BuiltModule],
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """QEMU drops what it cannot write: the log is cut, and the disk is to blame."""
    paper.trouble["icount"] = cut
    monkeypatch.setattr(boots, "FULL_BYTES", 1 << 62)
    with pytest.raises(RigError, match="the disk is full"):
        start(paper, modules)
    assert store.load_run(only_run(tmp_path)).manifest["state"] == "partial"
