# SPDX-License-Identifier: GPL-2.0-only
"""The matrix: which trees are tried, that every cell has a result or a reason, and its KTAP."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from test_distro import Stub
from test_kernel import tree

from generator import cli, compiler, distro, kernel, kernelbuild, layout, matrix
from generator.errors import BuildError
from generator.kernel import KernelTree
from generator.matrix import Cell, Target
from generator.variant import all_variants

RELEASE = "7.3.4+deb13-cloud-amd64"     # of the packages Stub makes


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without headers, sources and kernels of its own; apt is a stub."""
    for name in ("BUILD", "TREES", "KERNELS", "SOURCES", "OWN_KERNELS", "PREPARED"):
        monkeypatch.setattr(layout, name, tmp_path / name.lower())
    monkeypatch.setattr(kernel, "distro_trees", lambda: [])
    monkeypatch.setattr(distro, "mirror", lambda: "http://mirror.invalid/debian")
    monkeypatch.setattr(distro, "offered", lambda suite: RELEASE if suite == "sid" else "")
    monkeypatch.setattr(distro.Archive, "open", lambda folder, suite, mirror: Stub(folder))


@pytest.mark.parametrize(("release", "series", "same"), [
    ("6.1.0-56-cloud-amd64", "6.1", True), ("6.12.107+deb13-cloud-amd64", "6.1", False),
    ("6.12.107+deb13-cloud-amd64", "6.12", True), ("7.2", "7.2", True), ("16.1.0", "6.1", False)])
def test_series(release: str, series: str, same: bool) -> None:
    assert matrix.is_series(release, series) is same


def test_every_form_has_a_tree_or_a_reason() -> None:
    found = list(matrix.targets("6.1", False, None))
    assert [target.form for target in found] == ["headers", "prepared", "own-x86", "own-um"]
    assert all(target.tree is None and target.reason for target in found)


def test_headers_are_fetched_from_the_first_suite_that_has_them() -> None:
    headers = next(matrix.targets("7.3", True, None))
    assert headers.tree is not None
    assert headers.tree.release == RELEASE
    assert next(matrix.targets("7.3", False, None)).tree == headers.tree    # it is here now
    assert "no suite of the mirror" in next(matrix.targets("5.10", True, None)).reason


def test_own_kernels_are_built_only_when_asked(tmp_path: Path) -> None:
    source = layout.SOURCES / "7.2.13"
    source.mkdir(parents=True)
    (source / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 13\n")
    (source / "Kconfig").write_text("")
    reasons = [target.reason for target in matrix.targets("7.2", False, None)]
    assert "extspt kernel build" in reasons[2] and reasons[3].endswith("--arch um")

    def fails(source: Path, recipe: kernelbuild.Recipe) -> kernelbuild.OwnKernel:
        raise BuildError(f"{recipe.arch} does not build")

    assert [t.reason for t in matrix.targets("7.2", False, fails)][2:] == [
        "x86 does not build", "um does not build"]


def target(tmp_path: Path) -> Target:
    return Target("6.1", "headers", KernelTree.probe(tree(tmp_path / "t")))


def test_tree_that_is_not_there_is_one_skipped_cell() -> None:
    found = list(matrix.cells(Target("6.18", "own-um", None, "no source here"), [], []))
    assert [(cell.state, cell.detail) for cell in found] == [("SKIP", "no source here")]
    assert found[0].ktap == "ok @ 6.18 own-um - build # SKIP no source here"


def test_failed_build_is_not_booted_and_is_told(tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(modules: object) -> None:
        raise BuildError("x does not build", evidence="noise\na.c:1: error: no member")

    monkeypatch.setattr(matrix, "build_all", fails)
    monkeypatch.setattr(matrix, "others", lambda tree: [])
    build, boot = matrix.cells(target(tmp_path), all_variants()[:1], [])
    assert (build.state, boot.state) == ("FAIL", "SKIP")
    assert build.detail == "build: x does not build"
    assert build.evidence.endswith("a.c:1: error: no member")
    assert build.ktap == "not ok @ 6.1 headers gcc-12 build"


def test_other_compilers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "build_all", lambda modules: [])
    monkeypatch.setattr(matrix, "others", lambda tree: ["clang-19", "gcc-11", "gcc-13"])
    monkeypatch.setattr(compiler, "version_line", lambda name, inside=(): f"{name} 1.2.3")
    monkeypatch.setattr(compiler, "too_old", lambda config, line: "x" if "gcc-11" in line else "")
    found = list(matrix.cells(target(tmp_path), all_variants()[:1], ["clang-19", "gcc-11"]))
    assert [(c.tool, c.stage, c.state) for c in found] == [
        ("gcc-12", "build", "ok"), ("gcc-12", "boot", "SKIP"), ("clang-19", "build", "ok"),
        ("gcc-11", "build", "SKIP")]
    assert not list(layout.BUILD.glob("matrix-*"))


def test_compilers_of_a_root(tmp_path: Path) -> None:
    programs = tmp_path / "usr/bin"
    programs.mkdir(parents=True)
    for name in ("gcc-14", "gcc-15", "clang-19", "gcc-ar-14", "x86_64-linux-gnu-gcc-14", "gcc"):
        (programs / name).touch()
    found = KernelTree.probe(tree(tmp_path / "t"))
    found = replace(found, root=tmp_path, compiler="x86_64-linux-gnu-gcc-14 (Debian) 14.2.0")
    assert matrix.others(found) == ["clang-19", "gcc-15"]


def test_table_lines_up() -> None:
    some = Target("6.1", "headers", None)
    lines = matrix.table([Cell(some, "gcc-12", "build", "ok", "5 modules", 2.04),
                          Cell(some, "", "boot", "SKIP", "why")])
    assert lines[0].startswith("kernel  tree     compiler")
    assert lines[1].split() == ["6.1", "headers", "gcc-12", "build", "ok", "2.0", "5", "modules"]
    assert lines[1].index("5 modules") == lines[2].index("why") == lines[0].index("detail")


def test_verb_prints_ktap(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["matrix", "--kernels", "6.18 7.9", "--no-fetch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "KTAP version 1"
    assert lines[1].startswith("ok 1 6.18 headers - build # SKIP ")
    assert "1..8" in lines
    assert all(line.startswith(("KTAP", "ok ", "1..", "# ")) for line in lines)
    assert cli.main(["matrix", "--kernels", "7.9", "--no-fetch", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4
    assert cli.main(["matrix", "--kernels", "new"]) == 2


def test_a_failed_cell_is_the_exit_code(capsys: pytest.CaptureFixture[str],
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "cells", lambda target, designs, tools: iter(
        [Cell(target, "gcc-12", "build", "FAIL", "why", 1.0, "noise\nerror: x")]))
    assert cli.main(["matrix", "--kernels", "6.1", "--no-fetch"]) == 12
    assert "#   noise\n#   error: x\nnot ok 1 6.1 headers gcc-12 build" in capsys.readouterr().out
