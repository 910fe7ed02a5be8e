# SPDX-License-Identifier: GPL-2.0-only
"""Published reports: what git keeps of a run, small and without this machine's paths."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest
import synthetic

from generator import cli, layout


@pytest.fixture(name="run")
def stored_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a small run; reports go beside it."""
    for name in ("REPORTS", "PUBLISHED"):
        monkeypatch.setattr(layout, name, tmp_path / name.lower())
    return synthetic.build(tmp_path / "runs", workloads=("populate_seq",),
                           designs=("kvm_owned", "split_ops")).path


def test_files(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = run / "manifest.json"
    data = json.loads(manifest.read_text())
    data["command"] = ["run", "--kdir", "/usr/src/x", "--costs", f"{layout.ROOT}/build/x"]
    manifest.write_text(json.dumps(data))
    for _ in range(2):      # the second time in place of the first
        assert cli.main(["publish", "uml-7.2", str(run)]) == 0
    folder = layout.PUBLISHED / "uml-7.2"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["manifest.json", "report.html", "report.txt", "summary.csv.xz"]
    assert json.loads((folder / "manifest.json").read_text())["command"] == [
        "run", "--kdir", '"$KDIR"', "--costs", "x"]
    assert lzma.decompress((folder / "summary.csv.xz").read_bytes()).startswith(b"run,")
    assert "report.txt" in capsys.readouterr().out


def test_refusals(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["publish", "../x", str(run)]) == 2
    manifest = run / "manifest.json"
    data = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(data | {"state": "partial"}))
    assert cli.main(["publish", "x", str(run)]) == 16
    assert "--resume" in capsys.readouterr().err
    assert not layout.PUBLISHED.exists()
    assert cli.main(["publish", "x", "-n"]) == 0 and not layout.PUBLISHED.exists()
