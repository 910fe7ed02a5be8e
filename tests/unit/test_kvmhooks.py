# SPDX-License-Identifier: GPL-2.0-only
"""Hooks go where their anchor is, once, or nowhere; the tree is never touched."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import wanted

from generator.errors import BuildError, ConfigError
from generator.kvm import kvmhooks
from generator.kvm.kvmhooks import Hook, HookList

MAKEFILE = "VERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 13\nEXTRAVERSION =\nNAME = x\n"
MMU = "arch/x86/kvm/mmu/mmu.c"
TEXT = "int topup(void)\n{\n\treturn fill(&cache);\n}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source with one file of KVM in each folder that is copied."""
    root = tmp_path / "linux"
    for name in (MMU, "arch/x86/kvm/mmu/tdp_mmu.c", "virt/kvm/kvm_main.c", "virt/lib/Makefile"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(TEXT)
    (root / "Makefile").write_text(MAKEFILE)
    (root / "Kconfig").touch()
    return root


def hooks(*made: Hook) -> HookList:
    return HookList(Path("hooks-t.toml"), ("7.2",), made)


@pytest.mark.parametrize(("way", "expected"), [
    ("replace", "\tX\n"), ("after", "\treturn fill(&cache);\n\tX\n"),
    ("before", "\tX\n\treturn fill(&cache);\n")])
def test_ways(way: str, expected: str, tree: Path) -> None:
    hook = Hook(MMU, "\treturn fill(&cache);\n", way, "\tX\n")
    before, after = kvmhooks.patched(tree, hooks(hook))[MMU]
    assert before == TEXT
    assert after == TEXT.replace("\treturn fill(&cache);\n", expected)


@pytest.mark.parametrize(("anchor", "times"), [("\treturn drain(&cache);\n", 0), ("i", 3)])
def test_an_anchor_that_does_not_match_once_builds_nothing(
        anchor: str, times: int, tree: Path, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    made = hooks(Hook("virt/kvm/kvm_main.c", "int topup", "after", " "),
                 Hook(MMU, anchor, "replace", "X"))
    monkeypatch.setattr(kvmhooks, "choose", lambda release: made)
    with pytest.raises(BuildError) as caught:
        kvmhooks.make_copy(tree, tmp_path / "copy")
    assert caught.value.where == MMU
    assert f"matches {times} times" in caught.value.what
    assert caught.value.evidence == anchor
    assert "7.2.13" in caught.value.fix
    assert not (tmp_path / "copy").exists()


def test_a_missing_file_is_named(tree: Path) -> None:
    with pytest.raises(BuildError, match="no such file in Linux") as caught:
        kvmhooks.patched(tree, hooks(Hook("arch/x86/kvm/gone.c", "a", "after", "b")))
    assert caught.value.where == "arch/x86/kvm/gone.c"


def test_hooks_see_what_those_before_them_did(tree: Path) -> None:
    first, second = Hook(MMU, "topup", "replace", "once"), Hook(MMU, "once", "after", "_more")
    assert "int once_more(void)" in kvmhooks.patched(tree, hooks(first, second))[MMU][1]


def test_the_diff_is_a_patch_and_the_tree_stays(tree: Path, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    made = hooks(Hook(MMU, "fill(&cache)", "replace", "extspt_fill()"))
    monkeypatch.setattr(kvmhooks, "choose", lambda release: made)
    copy = tmp_path / "copy"
    assert kvmhooks.make_copy(tree, copy) == "7.2.13"
    assert (tree / MMU).read_text() == TEXT
    assert "extspt_fill()" in (copy / MMU).read_text()
    again = tmp_path / "again"
    shutil.copytree(tree, again)
    with (copy / kvmhooks.DIFF).open() as patch:
        subprocess.run(["patch", "-p1", "-s"], cwd=again, stdin=patch, check=True)
    for name in (MMU, f"{kvmhooks.ADDED}/seam.h", "Kbuild"):
        assert (again / name).read_bytes() == (copy / name).read_bytes()


def test_versions_choose_their_list(tree: Path) -> None:
    assert kvmhooks.version(tree) == "7.2.13"
    made = hooks()
    for release in ("7.2", "7.2.13", "7.2-rc4"):
        assert kvmhooks.choose(release, [made]) is made
    with pytest.raises(BuildError, match=r"no hook list for Linux 7\.20\.1") as caught:
        kvmhooks.choose("7.20.1", [made])
    assert "7.2" in caught.value.fix


def test_headers_are_no_source(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(MAKEFILE)
    with pytest.raises(BuildError, match="no kernel source"):
        kvmhooks.version(tmp_path)


@pytest.mark.parametrize("text", [
    'trees = ["7.2"]\n[[hook]]\nfile = "a"\nanchor = "b"\n',
    'trees = ["7.2"]\n[[hook]]\nfile = "a"\nanchor = "b"\nafter = "c"\nbefore = "d"\n',
    'trees = ["7.2"]\n[[hook]]\nfile = "a"\nanchor = ""\nafter = "c"\n',
    'trees = ["7.2"]\n[[hook]]\nfile = "a"\nanchor = "b"\nbehind = "c"\nafter = "d"\n',
    "[[hook]]\n", "trees ="])
def test_what_is_no_hook_list(text: str, tmp_path: Path) -> None:
    path = tmp_path / "hooks-x.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        kvmhooks.load(path)
    assert caught.value.where == "hooks-x.toml"


def test_lists_are_in_the_order_of_their_trees(tmp_path: Path) -> None:
    """What a list shows when no tree is named is that for the newest."""
    for version in ("7.10", "7.2", "6.16"):
        (tmp_path / f"hooks-{version}.toml").write_text(f'trees = ["{version}"]\nhook = []\n')
    assert [one.trees for one in kvmhooks.lists(tmp_path)] == [("6.16",), ("7.2",), ("7.10",)]


def test_the_lists_here_name_every_file_by_its_place() -> None:
    found = kvmhooks.lists()
    assert found
    versions = [tree for one in found for tree in one.trees]
    assert len(versions) == len(set(versions))
    for hook in (hook for one in found for hook in one.hooks):
        assert hook.file.startswith(kvmhooks.FOLDERS)


@pytest.mark.usefixtures("kernel_source")
def test_real_sources_take_their_hooks() -> None:
    for source in wanted.hooked_sources():
        made = kvmhooks.choose(kvmhooks.version(source))
        assert kvmhooks.patched(source, made).keys() == {hook.file for hook in made.hooks}
