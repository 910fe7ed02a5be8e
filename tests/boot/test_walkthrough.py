# SPDX-License-Identifier: GPL-2.0-only
"""README's "Add a design in ten minutes", done word for word in a copy of the sources."""

from __future__ import annotations

import re
import shlex
import shutil
import time
from pathlib import Path

import pytest
from guests import Project

from generator import layout
from generator.runs import store

pytestmark = pytest.mark.boot
HEADING = "### Add a design in ten minutes\n"
_BLOCK = re.compile(r"^(?P<lead>\S[^\n]*):\n\n(?P<block>(?:    [^\n]*\n|\n)+)", re.MULTILINE)
_PATH = re.compile(r"`([\w./]+)`")


def blocks() -> dict[str, str]:
    """First path named on the line before a block, or "" -> the block, not indented."""
    text = (layout.ROOT / "README.md").read_text().partition(HEADING)[2].partition("\n## ")[0]
    found = {}
    for match in _BLOCK.finditer(text):
        path = _PATH.search(match["lead"])
        lines = match["block"].strip("\n").split("\n")
        block = "\n".join(line.removeprefix("    ") for line in lines) + "\n"
        found[path[1] if path and (layout.ROOT / path[1]).parent.is_dir() else ""] = block
    return found


def key(line: str) -> str:
    """What a line of a fragment replaces: its symbol, or for a choice the axis."""
    name = line.removeprefix("CONFIG_EXTSPT_").partition("=")[0]
    return "FREE_PATH" if name.startswith("FREE_PATH_") else name


def write(root: Path, parts: dict[str, str]) -> None:
    header, entry, lines = ("kmod/axes/free_path/tdx_all.h", "kmod/axes/free_path/Kconfig",
                            "variants/tdx_all.config")
    assert parts.keys() == {header, entry, lines, ""}
    (root / header).write_text(parts[header])
    kconfig = (root / entry).read_text()
    assert kconfig.count("endchoice\n") == 1
    (root / entry).write_text(kconfig.replace("endchoice\n", f"{parts[entry]}\nendchoice\n"))
    new = {key(line): line for line in parts[lines].splitlines()}
    base = (root / "variants/kvm_owned.config").read_text().splitlines()
    (root / lines).write_text("\n".join(new.pop(key(line), line) for line in base) + "\n")
    assert not new


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, kernels: Path) -> Project:
    """A copy of the sources with the walk-through's files."""
    here = Project(tmp_path_factory.mktemp("walkthrough"))
    for name in ("kmod", "variants"):
        shutil.copytree(layout.ROOT / name, here.root / name)
    (here.root / "build").mkdir()
    (here.root / "build/kernels").symlink_to(kernels)
    write(here.root, blocks())
    return here


def test_the_commands_work_and_measure_the_design(
        project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    begun, output = time.monotonic(), {}
    for line in blocks()[""].splitlines():
        words = shlex.split(line)
        assert words[0] == ".venv/bin/extspt"
        done = project.extspt(*words[1:])
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        output[words[1]] = done.stdout
    with capsys.disabled():
        print(f"\nthe walk-through's commands: {time.monotonic() - begun:.0f} s")
    assert list(output) == ["diff", "check", "run", "report"]
    assert "tdx_all" in output["diff"] and "free_path" in output["diff"]
    assert "PASS" in output["check"]
    run = store.load_run(project.root / output["run"].strip())
    records = {(r["variant"], r["workload"]): r["record"] for r in run.records}
    assert records.keys() >= {(name, work) for name in ("kvm_owned", "tdx_all")
                              for work in ("smoke", "populate_seq")}
    for record in records.values():
        assert (record["status"], record["errors"]) == (0, [])
    measured = records["tdx_all", "populate_seq"]
    assert measured["ops"]["fault"]["n"] > 0
    sept = [row for row in measured["memory"]["end"] if row["class"] == "sept"]
    assert sum(row["cross_freed"] for row in sept) == 0 < sum(row["handed_over"] for row in sept)
