# SPDX-License-Identifier: GPL-2.0-only
"""The matrix: which trees are tried, that every cell has a result or a reason, and its KTAP."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from test_distro import Stub
from test_kernel import tree

from generator import cli, layout
from generator.errors import BuildError, RigError
from generator.kvm import kvmhost, kvmmatrix
from generator.modules.variant import all_variants
from generator.trees import compiler, distro, kernel, kernelbuild, treetable
from generator.trees import treematrix as matrix
from generator.trees.kernel import KernelTree
from generator.trees.kernelconfig import Recipe
from generator.trees.treematrix import Cell, Target

RELEASE = "7.3.4+deb13-cloud-amd64"     # of the packages Stub makes; their source is 6.1.192


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without headers, sources and kernels of its own; apt is a stub."""
    for name in ("BUILD", "TREES", "KERNELS", "SOURCES", "OWN_KERNELS", "PREPARED"):
        monkeypatch.setattr(layout, name, tmp_path / name.lower())
    monkeypatch.setattr(kernel, "distro_trees", lambda: [])
    monkeypatch.setattr(distro, "mirror", lambda suite: "http://mirror.invalid/debian")
    monkeypatch.setattr(distro, "offered", lambda suite: RELEASE if suite == "sid" else "")
    monkeypatch.setattr(distro.Archive, "open", lambda folder, suite: Stub(folder))


@pytest.mark.parametrize(("release", "series", "same"), [
    ("6.1.0-56-cloud-amd64", "6.1", True), ("6.12.107+deb13-cloud-amd64", "6.1", False),
    ("6.12.107+deb13-cloud-amd64", "6.12", True), ("7.2", "7.2", True), ("16.1.0", "6.1", False)])
def test_series(release: str, series: str, same: bool) -> None:
    assert matrix.is_series(release, series) is same


def test_every_form_has_a_tree_or_a_reason() -> None:
    found = list(matrix.targets("6.1", False, None))
    assert [target.form for target in found] == ["headers", "prepared", "own-x86", "own-um", "kvm",
                                                 "own-kvm"]
    assert all(target.tree is None and target.reason for target in found)
    assert found[-1].reason.startswith("no hook list: there are lists for 6.16,")


def test_headers_are_fetched_from_the_first_suite_that_has_them() -> None:
    headers = next(matrix.targets("7.3", True, None))
    assert headers.tree is not None
    assert headers.tree.release == RELEASE
    assert next(matrix.targets("7.3", False, None)).tree == headers.tree    # it is here now
    gone = list(matrix.targets("5.10", True, None))
    assert all("no suite of the mirror" in gone[k].reason for k in (0, 2, 3))
    assert all("no hook list" in gone[k].reason for k in (4, 5))


def test_a_mirror_that_does_not_answer_is_not_one_that_has_none(
        monkeypatch: pytest.MonkeyPatch) -> None:
    def offered(suite: str, silent: tuple[str, ...]) -> str:
        if suite in silent:
            raise RigError(f"no package lists of {suite}")
        return ""
    for silent in (("experimental",), distro.SUITES):
        monkeypatch.setattr(distro, "offered", lambda suite, silent=silent: offered(suite, silent))
        reason = next(matrix.targets("5.10", True, None)).reason
        assert reason.endswith(f"does not answer for {', '.join(silent)}")
        assert ("no suite of the mirror has it (bookworm" in reason) == (silent != distro.SUITES)


def test_own_kernels_are_built_only_when_asked(tmp_path: Path) -> None:
    source = layout.SOURCES / "7.2.13"
    source.mkdir(parents=True)
    (source / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 13\n")
    (source / "Kconfig").write_text("")
    (layout.SOURCES / "7.2.9").mkdir()      # an older one
    reasons = [target.reason for target in matrix.targets("7.2", False, None)]
    assert "7.2.13" in reasons[2]
    assert "extspt kernel build" in reasons[2] and reasons[3].endswith("--arch um")

    def fails(source: Path, recipe: Recipe) -> kernelbuild.OwnKernel:
        raise BuildError(f"{recipe.arch} does not build", evidence="a.c:1: error: x")

    found = list(matrix.targets("7.2", False, fails))[2:]
    assert [t.reason for t in found] == [
        "x86 does not build", "um does not build", "there is no tree to build KVM for",
        "x86 does not build"]
    said = [next(matrix.cells(t, [], [])) for t in found]
    assert [cell.state for cell in said] == ["FAIL", "FAIL", "SKIP", "FAIL"]
    assert said[0].ktap == "not ok @ 7.2 own-x86 - build" and "error: x" in said[0].evidence
    assert reasons[-1].endswith("--flavor kvm")


def test_a_distro_s_kvm_wants_the_source_of_just_its_version() -> None:
    kvm = next(t for t in matrix.targets("7.3", True, None) if t.form == "kvm")
    assert (kvm.tree, kvm.host) == (None, "kvm")
    assert kvm.reason == "no source of just 6.1.192 here: extspt kernel fetch SUITE"
    (layout.SOURCES / "6.1.192").mkdir(parents=True)
    kvm = next(t for t in matrix.targets("7.3", False, None) if t.form == "kvm")
    assert kvm.tree is not None and kvm.tree.release == RELEASE


def test_kvm_is_built_with_tdx_and_held_to_upstream(tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    there = tree(tmp_path / "t")
    (there / ".config").write_text((there / ".config").read_text() + "CONFIG_KVM_INTEL_TDX=y\n")
    copy = tmp_path / "copy"
    monkeypatch.setattr(kvmhost, "make", lambda source, tree, jobs: kvmhost.KvmBuild(
        copy, "7.2.13", "f"))
    monkeypatch.setattr(kvmmatrix, "render", lambda design, tree, root, host: design.name)
    monkeypatch.setattr(kvmmatrix, "build_all", list)
    monkeypatch.setattr(kvmmatrix, "golden", lambda tree: "upstream's counts")
    monkeypatch.setattr(matrix, "_boot", lambda tree, modules, host, where, workload: workload)
    target = Target("7.2", "own-kvm", KernelTree.probe(there), others=False, host="kvm")
    build, boot = matrix.cells(target, all_variants()[:2], [])
    assert (build.state, build.detail) == (
        "FAIL", "build: CONFIG_KVM_INTEL_TDX is on, and tdx.o was not built")
    (copy / kvmmatrix.TDX_OBJECT).parent.mkdir(parents=True)
    (copy / kvmmatrix.TDX_OBJECT).touch()
    build, boot = matrix.cells(target, all_variants()[:2], [])
    assert build.detail.startswith("KVM 7.2.13 hooked, with tdx.o; 2 of 2 designs")
    assert (boot.state, boot.detail) == ("ok", "upstream's counts; populate_sparse")


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
    monkeypatch.setattr(matrix, "others", lambda tree: {})
    build, boot = matrix.cells(target(tmp_path), all_variants()[:1], [])
    assert (build.state, boot.state) == ("FAIL", "SKIP")
    assert build.detail == "build: x does not build"
    assert build.evidence.endswith("a.c:1: error: no member")
    assert build.ktap == "not ok @ 6.1 headers gcc-12 build"


def test_an_error_of_the_disk_is_one_failed_cell(tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere")

    monkeypatch.setattr(matrix, "_build", full)
    monkeypatch.setattr(matrix, "others", lambda tree: {})
    build, boot = matrix.cells(target(tmp_path), all_variants()[:1], [])
    assert (build.state, build.detail) == ("FAIL", "No space left on device: /somewhere")
    assert boot.state == "SKIP"


def test_other_compilers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "build_all", lambda modules: [])
    monkeypatch.setattr(matrix, "others", lambda tree: dict.fromkeys(
        ("clang-19", "gcc-11", "gcc-12", "gcc-13")))
    monkeypatch.setattr(compiler, "version_line", lambda name, inside=(): f"{name} 1.2.3")
    monkeypatch.setattr(compiler, "too_old", lambda config, line: "x" if "gcc-11" in line else "")
    found = list(matrix.cells(target(tmp_path), all_variants()[:1],
                              ["clang-19", "gcc-11", "gcc-13"]))
    assert [(c.tool, c.stage, c.state) for c in found] == [
        ("gcc-12", "build", "ok"), ("gcc-12", "boot", "SKIP"), ("clang-19", "build", "SKIP"),
        ("gcc-11", "build", "SKIP"), ("gcc-13", "build", "ok")]
    assert not list(layout.BUILD.glob("matrix-*"))


def test_clang_gets_a_tree_configured_by_it(tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    source = tree(tmp_path / "source")
    (source / "MAINTAINERS").touch()
    asked: list[tuple[Path, str]] = []

    def prepared(source: Path, like: KernelTree, cc: str) -> Path:
        asked.append((source, cc))
        return source

    monkeypatch.setattr(matrix, "build_all", lambda modules: [])
    monkeypatch.setattr(matrix, "others", lambda tree: {"clang-18": tmp_path, "clang-19": None})
    monkeypatch.setattr(matrix.prepare, "prepare", prepared)
    found = list(matrix.cells(Target("6.1", "prepared", KernelTree.probe(source)),
                              all_variants()[:1], []))
    assert [(c.tool, c.state) for c in found[2:]] == [("clang-18", "SKIP"), ("clang-19", "ok")]
    assert asked == [(source, "clang-19")]


def compilers(root: Path, *names: str) -> Path:
    (root / "usr/bin").mkdir(parents=True)
    for name in names:
        (root / "usr/bin" / name).touch()
    return root


def test_compilers_of_a_root(tmp_path: Path) -> None:
    root = compilers(tmp_path / "r", "gcc-14", "gcc-15", "clang-19", "gcc-ar-14", "gcc",
                     "x86_64-linux-gnu-gcc-14")
    found = KernelTree.probe(tree(tmp_path / "t"))
    found = replace(found, root=root, compiler="x86_64-linux-gnu-gcc-14 (Debian) 14.2.0")
    assert matrix.others(found) == {"clang-19": None, "gcc-15": None}


def test_tree_of_this_machine_takes_the_compilers_of_all_roots(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roots = [compilers(layout.TREES / name, *programs) for name, programs in
             (("forky-cloud", ("gcc-98", "gcc-99")), ("sid-cloud", ("gcc-99", "clang-99")))]
    known = [distro.Fetched(root, root.name, "cloud", RELEASE, ()) for root in roots]
    monkeypatch.setattr(distro, "fetched_trees", lambda: known)
    found = matrix.others(KernelTree.probe(tree(tmp_path / "t")))
    assert {name: place for name, place in found.items() if name.endswith(("98", "99"))} == {
        "clang-99": roots[1], "gcc-98": roots[0], "gcc-99": roots[0]}
    other = KernelTree.probe(tree(tmp_path / "u")).using("gcc-99", roots[0])
    words = other.command(Path("/m"), "modules")
    assert words[0] == "unshare" and words[-2:] == ("M=/m", "modules")
    assert str(tmp_path / "u") in words[-7] and words[-7].endswith(":/m")


def test_table_has_a_line_per_build_and_notes(tmp_path: Path) -> None:
    there, gone = target(tmp_path), Target("6.18", "own-um", None, "no source here")
    lines = treetable.table([
        Cell(there, "gcc-12", "build", "ok", "5 modules", 2.04), Cell(there, "gcc-12", "boot", "ok",
                                                                      "x"),
        Cell(there, "gcc-13", "build", "FAIL", "build: it does not"),
        Cell(gone, "", "build", "SKIP", gone.reason)])
    assert lines[0].split() == ["kernel", "tree", "compiler", "build", "boot", "release"]
    assert lines[1].split()[:5] == ["6.1", "headers", "gcc-12", "ok", "ok"]
    assert lines[2].split() == ["gcc-13", "FAIL", "[1]", "-"]
    assert lines[3].split() == ["6.18", "own-um", "-", "SKIP", "[2]", "-"]
    assert lines[4:] == ["", "[1] build: it does not", "[2] no source here"]
    long = replace(there, series="6.12", form="packages", tree=replace(
        there.tree, release="6.12.117+deb13-cloud-amd64"))
    lines += treetable.table([Cell(long, "x86_64-linux-gnu-gcc-14", "build", "ok", "x")])
    assert lines[-1].split()[2] == "gcc-14"
    assert all(len(line) <= treetable.WIDTH for line in lines)


def test_written_as_text_ktap_and_json(tmp_path: Path) -> None:
    cell = Cell(target(tmp_path), "gcc-12", "build", "FAIL", "why", 1.04, "a.c:1: error: x")
    about = {"suite": {"commit": "0" * 40, "dirty": True}, "created": "2026", "variants": ["none"]}
    text, ktap, data = treetable.write(tmp_path / "out", [cell], about)
    head = text.read_text().splitlines()[:2]
    assert head == ["extspt-bench 000000000000 with changes, 2026", "designs: none"]
    assert ktap.read_text().splitlines() == [
        "KTAP version 1", "1..1", "# a.c:1: error: x", "# why",
        "not ok 1 6.1 headers gcc-12 build"]
    assert json.loads(data.read_text())["cells"][0]["seconds"] == 1.0


def test_verb_prints_ktap(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tree", "matrix", "--kernels", "6.18 7.9", "--no-fetch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "KTAP version 1"
    assert lines[1].startswith("ok 1 6.18 headers - build # SKIP ")
    assert "1..12" in lines
    assert all(line.startswith(("KTAP", "ok ", "1..", "#")) for line in lines)
    assert cli.main(["tree", "matrix", "--kernels", "7.9", "--no-fetch", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 6
    assert cli.main(["tree", "matrix", "--kernels", "new"]) == 2


def test_a_failed_cell_is_the_exit_code(capsys: pytest.CaptureFixture[str],
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "cells", lambda target, designs, tools: iter(
        [Cell(target, "gcc-12", "build", "FAIL", "why", 1.0, "noise\nerror: x")]))
    assert cli.main(["tree", "matrix", "--kernels", "6.1", "--no-fetch"]) == 12
    said = capsys.readouterr().out
    assert "# noise\n# error: x\n# why\nnot ok 1 6.1 headers gcc-12 build" in said
