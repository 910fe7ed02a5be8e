# SPDX-License-Identifier: GPL-2.0-only
"""The doctor names what is missing and the command that mends it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator import cli, layout


def table(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, dict[str, str]]]:
    code = cli.main(["doctor", "--json", *words])
    return code, {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_a_machine_that_is_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = table(capsys)
    assert code == 0, [row for row in rows.values() if row["state"] == "missing"]
    assert rows["kernel image"]["state"] == "ok"
    assert rows["kvm"]["state"] == "note"
    assert "not probed" in rows["kvm"]["detail"]


def test_missing_tools_and_tree(capsys: pytest.CaptureFixture[str], tmp_path: Path,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(layout, "TOOLS", tmp_path)
    code, rows = table(capsys, "--kdir", str(tmp_path / "nowhere"))
    assert code == 15
    for name, package, state in (("qemu-system-x86_64", "qemu-system-x86", "missing"),
                                 ("sparse", "sparse", "note")):     # only the tests need it
        assert rows[name]["state"] == state
        assert f"apt-get install {package}" in rows[name]["fix"]
    assert rows["kernel tree"]["state"] == "missing"
    assert "no such folder" in rows["kernel tree"]["detail"]
    assert rows["checkpatch"]["fix"] == "make setup"


def test_text_has_one_mending_line_for_each_missing(capsys: pytest.CaptureFixture[str],
                                                    tmp_path: Path) -> None:
    assert cli.main(["doctor", "--kdir", str(tmp_path)]) == 15
    out = capsys.readouterr().out
    assert out.count("missing ") == out.count("mend: ") == 1
