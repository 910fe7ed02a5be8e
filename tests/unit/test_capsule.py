# SPDX-License-Identifier: GPL-2.0-only
"""Bundles: whole, checked, hostile strings nothing but text; runs made elsewhere."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import kcidb_io
import pandas as pd
import pytest
import synthetic

from generator import cli, layout
from generator.errors import DataError
from generator.evidence import frames
from generator.gate.before import Gated
from generator.report import bundle, capsule
from generator.runs import costs, importing, rerun, session, sources_kept, store
from generator.trees.kernel import KernelTree

HOSTILE = "=cmd|' /C calc'!A0 \x1b[31m$(touch PWNED)`id`;'\"<script>\n@% {{ x }}"


@pytest.fixture(name="folder", scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a run whose every free text is hostile."""
    root = tmp_path_factory.mktemp("made")
    run = synthetic.build(root / "runs", workloads=("populate_seq",),
                          designs=("kvm_owned", "split_ops"))
    manifest = json.loads((run.path / "manifest.json").read_text())
    manifest["compiler"], manifest["marks"] = HOSTILE, [HOSTILE]
    manifest["suite"]["commit"] = HOSTILE
    for entry in manifest["variants"].values():
        entry.update(title=HOSTILE, origin=HOSTILE)
    (run.path / "manifest.json").write_text(json.dumps(manifest))
    staged = root / "staged" / "kvm_owned"
    staged.mkdir(parents=True)
    (staged / "Kbuild").write_text("obj-m := x.o\n")
    with tarfile.open(run.path / sources_kept.FILE, "w:xz") as tar:
        tar.add(staged, "kvm_owned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "REPORTS", root / "reports")
        return bundle.write_report([store.load_run(run.path)], whole=True).folder


def test_a_bundle_is_whole(folder: Path) -> None:
    names = {path.relative_to(folder).as_posix() for path in capsule.files(folder)}
    run = f"runs/{synthetic.RUN_ID}"
    assert names >= {"report.txt", "report.html", "summary.csv", "summary.parquet", "kcidb.json",
                     "rerun.sh", f"{run}/manifest.json", f"{run}/sources.tar.xz",
                     f"{run}/boots/icount/records.jsonl"}
    capsule.check(folder)
    assert subprocess.run(["sha256sum", "-c", "--quiet", capsule.SUMS], cwd=folder,
                          check=False).returncode == 0
    with tarfile.open(capsule.packed(folder)) as tar:
        assert {m.name for m in tar} == {f"{folder.name}/{n}" for n in {*names, capsule.SUMS}}


def test_figures_of_both_forms_are_the_same(folder: Path) -> None:
    table, text = pd.read_parquet(folder / "summary.parquet"), frames.read_csv(
        folder / "summary.csv")
    assert len(table) == len(text) > 1000
    assert list(table.columns) == list(text.columns)
    assert table.attrs["marks"] == [HOSTILE]
    assert (folder / "summary.csv").read_text().startswith("# forced: =cmd|")
    assert table["value"].to_numpy() == pytest.approx(text["value"].to_numpy(), nan_ok=True)


def test_hostile_text_stays_text(folder: Path) -> None:
    text = (folder / "report.txt").read_text()
    assert "\x1b" not in text and text.isascii() and max(map(len, text.splitlines())) <= 72
    page = (folder / "report.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page
    kcidb_io.schema.LATEST.validate(json.loads((folder / "kcidb.json").read_text())
                                    | {"checkouts": []})


def test_the_script_runs_nothing_but_the_rerun(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "it's $(touch PWNED) here"
    shutil.copytree(folder, copy)
    fake = tmp_path / "extspt"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    done = subprocess.run([copy / "rerun.sh", "--only", "a b"], cwd=tmp_path, text=True,
                          capture_output=True, check=True, env={"EXTSPT": str(fake),
                                                                "PATH": "/usr/bin:/bin"})
    assert done.stdout.splitlines() == ["rerun", str(copy), "--only", "a b"]
    assert not list(tmp_path.rglob("PWNED"))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_formula_in_csv(text: str) -> None:
    assert frames.plain([text, -1.0, 3]) == [f"'{text}", "-1", 3]


@pytest.mark.parametrize("damage", ["changed", "added", "gone"])
def test_a_changed_bundle_is_refused(folder: Path, tmp_path: Path, damage: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    if damage == "changed":
        (copy / "summary.csv").write_text("x")
    elif damage == "added":
        (copy / "runs" / "more").write_text("x")
    else:
        (copy / "rerun.sh").unlink()
    with pytest.raises(DataError, match="was changed"):
        rerun.runs_of(copy)
    with pytest.raises(DataError, match="was changed"):
        importing.bring_in(copy, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_import_of_a_folder_a_bundle_and_a_tarball(folder: Path, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "RUNS", tmp_path / "runs")
    inner = folder / "runs" / synthetic.RUN_ID
    for source in (folder, inner, capsule.packed(folder)):
        assert cli.main(["import", str(source)]) == 0
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [synthetic.RUN_ID]
    loaded = store.load_run(tmp_path / "runs" / synthetic.RUN_ID)
    assert loaded.records == store.load_run(inner).records


def test_another_run_of_that_id_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    other = synthetic.build(tmp_path / "runs", workloads=("convert",), designs=("kvm_owned",))
    before = (other.path / "manifest.json").read_bytes()
    with pytest.raises(DataError, match="another run has this id"):
        importing.bring_in(folder, tmp_path / "runs")
    assert (other.path / "manifest.json").read_bytes() == before


def tarball(path: Path, **members: Any) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, kind in members.items():
            entry = tarfile.TarInfo(name.replace("__", "/").replace("UP", ".."))
            if kind == "link":
                entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(entry)
            else:
                entry.size = len(kind)
                tar.addfile(entry, io.BytesIO(kind))
    return path


@pytest.mark.parametrize("members", [{"UP__evil": b"x"}, {"a__link": "link"}, {"a__b": b"x"}])
def test_hostile_archives(tmp_path: Path, members: dict[str, Any]) -> None:
    source = tarball(tmp_path / "x.tar.gz", **members)
    with pytest.raises(DataError):
        importing.bring_in(source, tmp_path / "runs")
    assert not (tmp_path / "evil").exists() and not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["../x", ".hidden", "a/b", "", "x" * 200])
def test_hostile_ids(tmp_path: Path, name: str) -> None:
    run = synthetic.build(tmp_path, workloads=("populate_seq",), designs=("kvm_owned",))
    manifest = json.loads((run.path / "manifest.json").read_text()) | {"id": name}
    (run.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="not an id"):
        importing.bring_in(run.path, tmp_path / "into")


@pytest.mark.parametrize(("command", "says"), [
    (["run", "--kdir", "x"], ("--kdir", "x")), (["bench", "--ksrc=y"], ("--ksrc", "y")),
    (["run"], None)])
def test_the_tree_of_the_first_run(command: list[str], says: tuple[str, str] | None) -> None:
    assert rerun.recorded_tree({"command": command}) == says


def test_a_design_that_was_forced_is_so_in_the_rerun(tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """Else asv would take its figures, and reports would not say whose they are."""
    first = store.load_run(synthetic.build(tmp_path, workloads=("zap",)).path)
    first.manifest.update(gate={"kvm_owned": "PASS", "split_ops": "forced", "leaky": "FAIL"})
    kept: dict[str, Any] = {}

    def run_plan(*_: object, gate: Gated, **more: object) -> store.Run:
        gate.keep(directory)
        kept.update(directory.manifest["gate"])
        return first
    directory = store.RunDir(tmp_path / "again", {"variants": first.manifest["variants"]})
    monkeypatch.setattr(session, "run_plan", run_plan)
    monkeypatch.setattr(session, "plan_of", lambda _: None)
    monkeypatch.setattr(rerun, "modules", lambda *_: [])
    monkeypatch.setattr(costs, "from_json", lambda _: None)
    tree = KernelTree("6.1", tmp_path, "x86_64", "", {}, "", "", "gcc", "", None)
    assert rerun.repeat(first, tree, []) is first
    assert (kept["split_ops"], kept["leaky"], kept["kvm_owned"]) == ("forced", "FAIL", "not run")
