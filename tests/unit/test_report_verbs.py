# SPDX-License-Identifier: GPL-2.0-only
"""summarize and report on the command line, with good runs and damaged ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import synthetic

from generator import cli, layout
from generator.evidence import frames


@pytest.fixture(name="run")
def stored_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a small run; reports go beside it."""
    monkeypatch.setattr(layout, "REPORTS", tmp_path / "reports")
    return synthetic.build(tmp_path / "runs", workloads=("populate_seq", "convert"),
                           designs=("kvm_owned", "split_ops")).path


def test_summarize(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["summarize", str(run), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"run": run.name, "summary": str(run / "summary.csv")}
    assert len(frames.read_csv(run / "summary.csv")) > 1000


def test_report_prints_its_files(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(run), "--json"]) == 0
    files = [Path(name) for name in json.loads(capsys.readouterr().out)["files"]]
    assert [path.name for path in files[:2]] == ["report.txt", "report.html"]
    assert all(path.is_file() for path in files)
    assert (run / "summary.csv").is_file()


@pytest.mark.parametrize("verb", ["summarize", "report"])
def test_dry_run_writes_nothing(run: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(run.parent.parent.rglob("*"))
    assert cli.main([verb, str(run), "-n"]) == 0
    assert capsys.readouterr().out
    assert sorted(run.parent.parent.rglob("*")) == before


@pytest.mark.parametrize("verb", ["summarize", "report", "asv"])
def test_unknown_run(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb, "nonesuch"]) == 2
    assert "unknown run 'nonesuch'" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["summarize", "report"])
@pytest.mark.parametrize("damage", ["cut", "garbage", "gone"])
def test_damaged_records(run: Path, verb: str, damage: str,
                         capsys: pytest.CaptureFixture[str]) -> None:
    records = run / "boots" / "icount" / "records.jsonl"
    if damage == "gone":
        records.unlink()
    else:
        text = records.read_text()
        records.write_text(text[:len(text) // 2] if damage == "cut" else "{}\n" + text)
    assert cli.main([verb, str(run)]) == 16
    said = capsys.readouterr().err
    assert "records.jsonl" in said
    assert "Traceback" not in said
    assert not (run / "summary.csv").exists()
    assert not layout.REPORTS.exists() or not list(layout.REPORTS.iterdir())


def test_partial_run_is_reported_when_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["state"] = "partial"
    manifest["boots"]["mttcg"] = {**manifest["boots"]["mttcg"], "state": "failed",
                                  "attempts": [{"wall_s": 60.0, "outcome": "panic"}]}
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert cli.main(["report", str(run)]) == 0
    text = (layout.REPORTS / run.name / "report.txt").read_text()
    assert "boot mttcg (model tier) is missing: failed, panic" in text
    assert "report.txt" in capsys.readouterr().out
