# SPDX-License-Identifier: GPL-2.0-only
"""The main job ends with the report files, and with exit code 13 when a case failed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from generator import cli, layout
from generator.verbs import bench


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A run without records, and reports that need none."""
    done = SimpleNamespace(id="a-run", records=[])
    monkeypatch.setattr(bench.measuring, "measure", lambda args: done)
    monkeypatch.setattr(bench, "write_all", lambda run: [layout.ROOT / "results/report.txt",
                                                         Path("/elsewhere/report.html")])
    return done


def test_last_lines_are_the_files(finished: SimpleNamespace,
                                  capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench"]) == 0
    assert capsys.readouterr().out == "results/report.txt\n/elsewhere/report.html\n"


def test_a_failed_case_is_named_after_the_reports_were_written(
        finished: SimpleNamespace, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    finished.records.append({"any": "record"})
    monkeypatch.setattr(bench, "case_failure", lambda record: "kvm_owned zap: -EIO")
    assert cli.main(["bench"]) == 13
    out, err = capsys.readouterr()
    assert "kvm_owned zap: -EIO" in err
    assert "results/report.txt" in out


def test_dry_run_names_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "-n", "--variants", "kvm_owned"]) == 0
    out = capsys.readouterr().out
    assert "qemu-system-x86_64" in out
    assert out.endswith("extspt summarize, extspt report, extspt asv\n")
