# SPDX-License-Identifier: GPL-2.0-only
"""Own kernels: configurations that survive, a cache that holds nothing half-built, clear errors.

The source is a stand-in whose Makefile does what kbuild does, in a second.
"""

from __future__ import annotations

import errno
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from generator import cli, layout, proc
from generator.errors import BuildError, ConfigError, ExtsptError, RigError, UsageError
from generator.trees import kernelbuild, kernelconfig
from generator.trees.kernel import KernelTree
from generator.trees.kernelconfig import Recipe

MAKEFILE = """VERSION = 7
PATCHLEVEL = 2
SUBLEVEL = 13
EXTRAVERSION =
allnoconfig:
	@{config}
	@: > $(O)/.config
olddefconfig:
	@grep -v '{drop}' $(O)/.config > $(O)/.new; mv $(O)/.new $(O)/.config
vmlinux linux:
	@echo "  CC      init/main.o"
	@{build}
	@touch $(O)/$@; echo x >> $(O)/count
modules:
	@touch $(O)/Module.symvers
"""
MERGE = """#!/bin/sh
# merge_config.sh -m -O folder base fragment...
folder=$3; shift 4; cat "$@" >> "$folder/.config"
"""
BENCH_X86 = Recipe("x86", "bench")
MakeSource = Callable[..., Path]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeSource:
    """Makes a source tree; ``build``/``config``: shell for these steps, ``drop``: lost options."""
    monkeypatch.setattr(layout, "OWN_KERNELS", tmp_path / "cache")
    monkeypatch.setattr(layout, "SOURCES", tmp_path / "sources")
    monkeypatch.setattr(kernelbuild, "require_tools", lambda: None)

    def make(build: str = ":", config: str = ":", drop: str = "CONFIG_NONE") -> Path:
        tree = tmp_path / "sources/7.2.13"
        for folder in ("scripts/kconfig", "arch/x86", "arch/um"):
            (tree / folder).mkdir(parents=True, exist_ok=True)
        (tree / "Kconfig").touch()
        (tree / "Makefile").write_text(MAKEFILE.format(build=build, config=config, drop=drop))
        script = tree / "scripts/kconfig/merge_config.sh"
        script.write_text(MERGE)
        script.chmod(0o755)
        return tree
    return make


def builds(own: kernelbuild.OwnKernel) -> int:
    return (own.kdir / "count").read_text().count("x")


def test_built_once_and_then_found(source: MakeSource) -> None:
    lines: list[str] = []
    first = kernelbuild.build(source(), BENCH_X86, lines.append)
    assert (first.version, first.skipped, first.image.name) == ("7.2.13", False, "vmlinux")
    assert sum(map(kernelbuild.is_file_line, lines)) == 1
    again = kernelbuild.build(source(), BENCH_X86)
    assert again.skipped and again.kdir == first.kdir and builds(first) == 1
    assert [own.kdir for own in kernelbuild.finished()] == [first.kdir]
    debug = kernelbuild.build(source(), Recipe("x86", "debug"))
    assert debug.kdir != first.kdir and "CONFIG_KASAN=y" in (debug.kdir / ".config").read_text()
    assert kernelbuild.build(source(), Recipe("um", "bench")).image.name == "linux"


def test_uml_gets_per_cpu_operations_of_its_own(source: MakeSource) -> None:
    recipe = Recipe("um", "bench")
    own = kernelbuild.build(source(), recipe)
    header = own.kdir / kernelconfig.UM_HEADER
    assert "define this_cpu_add_8" in header.read_text()
    assert f"KCFLAGS=-include {header}" in kernelbuild.command(source(), own.kdir, recipe)
    assert not any("KCFLAGS" in word for word in kernelbuild.command(
        source(), own.kdir, BENCH_X86))


def test_a_header_cut_short_by_a_full_disk_is_copied_anew(source: MakeSource) -> None:
    recipe = Recipe("um", "bench")
    header = kernelbuild.folder_of(source(), recipe) / kernelconfig.UM_HEADER
    header.parent.mkdir(parents=True)
    header.write_text("/* SPDX")
    kernelbuild.build(source(), recipe)
    assert "define this_cpu_add_8" in header.read_text()


def test_other_fragments_make_another_entry(source: MakeSource, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    first = kernelbuild.folder_of(source(), BENCH_X86)
    fragments = tmp_path / "fragments"
    fragments.mkdir()
    for path in kernelconfig.FRAGMENTS.glob("*.config"):
        (fragments / path.name).write_text(path.read_text() + "CONFIG_NEW=y\n")
    (fragments / kernelconfig.UM_HEADER).write_text("#define X\n")
    um = kernelbuild.folder_of(source(), Recipe("um", "bench"))
    monkeypatch.setattr(kernelconfig, "FRAGMENTS", fragments)
    assert kernelbuild.folder_of(source(), BENCH_X86) != first
    assert kernelbuild.folder_of(source(), Recipe("um", "bench")) != um


def test_interrupted_build_is_never_used(source: MakeSource, tmp_path: Path) -> None:
    tree = source(build="sleep 60")

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        kernelbuild.build(tree, BENCH_X86, interrupt)
    folder = kernelbuild.folder_of(tree, BENCH_X86)
    assert folder.is_dir() and kernelbuild.read_stamp(folder) is None
    assert kernelbuild.finished() == [] and kernelbuild.cached(tree, BENCH_X86) is None
    for name in ("Makefile", "scripts"):
        (folder / name).mkdir(exist_ok=True) if name == "scripts" else (folder / name).touch()
    with pytest.raises(BuildError, match="interrupted") as caught:
        KernelTree.probe(folder)
    assert "repeat extspt kernel build" in caught.value.fix
    assert not kernelbuild.build(source(), BENCH_X86).skipped


def test_entry_without_its_image_is_built_again(source: MakeSource) -> None:
    own = kernelbuild.build(source(), BENCH_X86)
    own.image.unlink()
    assert not kernelbuild.build(source(), BENCH_X86).skipped
    (own.kdir / kernelbuild.STAMP).write_text('{"version": "7.2.13"')
    assert not kernelbuild.build(source(), BENCH_X86).skipped


def test_moved_cache_is_built_again(source: MakeSource, tmp_path: Path,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """kbuild leaves the path of a build folder in it."""
    own = kernelbuild.build(source(), BENCH_X86)
    monkeypatch.setattr(layout, "OWN_KERNELS", tmp_path / "moved")
    own.kdir.parent.rename(tmp_path / "moved")
    assert kernelbuild.finished() == []
    assert not kernelbuild.build(source(), BENCH_X86).skipped


def test_linked_cache_is_used_and_unfinished_in_a_link_is_not(
        source: MakeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several work trees may share a cache, as a whole or single entries of it."""
    own = kernelbuild.build(source(), BENCH_X86)
    monkeypatch.setattr(layout, "OWN_KERNELS", tmp_path / "linked")
    layout.OWN_KERNELS.mkdir()
    entry = layout.OWN_KERNELS / own.kdir.name
    entry.symlink_to(own.kdir)
    assert [found.kdir for found in kernelbuild.finished()] == [entry]
    assert kernelbuild.build(source(), BENCH_X86).skipped and builds(own) == 1
    (own.kdir / kernelbuild.STAMP).unlink()
    for name in ("Makefile", "scripts"):
        (own.kdir / name).mkdir() if name == "scripts" else (own.kdir / name).touch()
    with pytest.raises(BuildError, match="interrupted"):
        KernelTree.probe(entry)


def test_git_tree_is_built_again_when_it_changed(source: MakeSource, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "SOURCES", tmp_path / "elsewhere")
    tree = source()
    own = kernelbuild.build(tree, BENCH_X86)
    kernelbuild.build(tree, BENCH_X86)
    assert builds(own) == 2     # no git, not fetched: only make can tell
    git = ["git", "-C", str(tree), "-c", "user.name=t", "-c", "user.email=t@t"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], check=True)
    kernelbuild.build(tree, BENCH_X86)
    assert kernelbuild.build(tree, BENCH_X86).skipped and builds(own) == 3
    (tree / "Kconfig").write_text("# changed\n")
    assert not kernelbuild.build(tree, BENCH_X86).skipped
    for text in ("/* a file git does not know */\n", "/* changed */\n"):
        (tree / "new.c").write_text(text)
        assert not kernelbuild.build(tree, BENCH_X86).skipped
        assert kernelbuild.build(tree, BENCH_X86).skipped


def test_lost_options_are_listed(source: MakeSource) -> None:
    with pytest.raises(ConfigError, match=r"2 of \d+ options") as caught:
        kernelbuild.build(source(drop="CONFIG_MEMCG=\\|CONFIG_PVH="), BENCH_X86)
    assert caught.value.exit_code == 10
    assert caught.value.evidence.splitlines() == [
        f"CONFIG_{name}=y (not there: unknown to this tree, or a dependency is off)"
        for name in ("MEMCG", "PVH")]


def test_lost_and_changed() -> None:
    asked = kernelconfig.settings("CONFIG_A=y\nCONFIG_B=8\n# CONFIG_C is not set\n# a comment\n")
    assert asked == {"A": "y", "B": "8", "C": "n"}
    assert kernelconfig.lost(asked, {"A": "y", "B": "8"}) == []
    assert kernelconfig.lost(asked, {"A": "y", "B": "2", "C": "y"}) == [
        "CONFIG_B=8 (is 2)", "CONFIG_C=n (is y)"]


def test_uml_without_smp_says_so(source: MakeSource) -> None:
    own = kernelbuild.build(source(drop="CONFIG_SMP="), Recipe("um", "bench"))
    [note] = own.notes
    assert "one CPU" in note and "6.19" in note
    assert kernelbuild.build(source(), Recipe("um", "bench")).notes == own.notes    # from the cache
    with pytest.raises(ConfigError, match="did not survive"):
        kernelbuild.build(source(drop="CONFIG_SMP="), BENCH_X86)


@pytest.mark.parametrize(("said", "what", "fix"), [
    ("*** The source tree is not clean, run make mrproper", "build of its own", "mrproper"),
    ("*** C compiler is too old.", "newer build tools", "newer gcc"),
    ("cc1: fatal error: error writing to /x: No space left on device", "disk is full", "goes on"),
    ("scripts/elf.h:7: fatal error: gelf.h: No such file", "libelf", "libelf-dev"),
    ("/bin/sh: 1: flex: not found", "flex or bison", "apt-get install flex bison"),
    ("init/main.c:1:1: error: expected expression", "does not build", "first errors"),
])
def test_what_a_failed_make_means(source: MakeSource, said: str, what: str, fix: str) -> None:
    tree = source(build=f'echo "{said}"; false')
    with pytest.raises(BuildError) as caught:
        kernelbuild.build(tree, BENCH_X86)
    assert what in caught.value.what and fix in caught.value.fix
    assert said.rsplit(":", maxsplit=1)[-1].strip() in caught.value.evidence
    assert kernelbuild.cached(tree, BENCH_X86) is None


def test_bad_sources(tmp_path: Path, source: MakeSource) -> None:
    def refused(tree: Path, arch: str = "x86") -> ExtsptError:
        with pytest.raises(BuildError) as caught:
            kernelbuild.build(tree, Recipe(arch, "bench"))
        return caught.value
    assert "not a kernel source" in refused(tmp_path / "none").what
    tree = source()
    (tree / "arch/um").rmdir()
    assert "no arch/um" in refused(tree, "um").what
    with pytest.raises(UsageError, match="unknown architecture 'arm64'"):
        Recipe.of("arm64", "bench")
    with pytest.raises(UsageError, match="unknown flavor 'fast'"):
        Recipe.of("um", "fast")


def test_the_source_is_only_read(source: MakeSource) -> None:
    """Always O=: the source stays as it was, and may be read-only."""
    tree = source()
    before = sorted((path, path.stat().st_mtime_ns) for path in tree.rglob("*"))
    for path in (tree, *tree.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    kernelbuild.build(tree, BENCH_X86)
    assert sorted((path, path.stat().st_mtime_ns) for path in tree.rglob("*")) == before


def test_no_room(source: MakeSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernelbuild, "NEEDED_BYTES", 1 << 60)
    with pytest.raises(RigError, match="needs 1 GiB") as caught:
        kernelbuild.build(source(), BENCH_X86)
    assert caught.value.exit_code == 15


def test_missing_tools_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "find", lambda name: None if name in ("flex", "bc", "gcc") else name)
    with pytest.raises(RigError, match="bc flex gcc") as caught:
        kernelbuild.require_tools()
    assert caught.value.fix == "apt-get install bc flex gcc"


def test_disk_that_fills_up(source: MakeSource) -> None:
    """The log of the build cannot be written any more."""
    def full(line: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(RigError, match="the disk is full") as caught:
        kernelbuild.build(source(), BENCH_X86, full)
    assert "goes on where it stopped" in caught.value.fix and "7.2.13" in caught.value.where
    assert kernelbuild.finished() == []


@pytest.mark.parametrize("step", ["config", "build"])
def test_disk_that_is_full_when_a_step_fails(source: MakeSource, monkeypatch: pytest.MonkeyPatch,
                                             step: str) -> None:
    """kconfig then leaves an empty .config and says nothing; a compiler may say anything."""
    tree = source(drop="CONFIG_") if step == "config" else source(build="false")
    room = [kernelbuild.NEEDED_BYTES]    # before it starts; all is used when it fails
    monkeypatch.setattr("shutil.disk_usage",
                        lambda path: SimpleNamespace(free=room.pop() if room else 0))
    with pytest.raises(RigError, match="the disk is full"):
        kernelbuild.build(tree, BENCH_X86)
    assert kernelbuild.finished() == []


def test_two_builds_at_once(source: MakeSource) -> None:
    folder = kernelbuild.folder_of(source(), BENCH_X86)
    folder.mkdir(parents=True)
    with (kernelbuild._locked(folder), pytest.raises(RigError, match="under way"),
          kernelbuild._locked(folder)):
        pass


def test_every_fragment_says_why() -> None:
    """Each group of options stands below a comment."""
    for path in sorted(kernelconfig.FRAGMENTS.glob("*.config")):
        groups = path.read_text().split("\n\n")[1:]
        alone = [group for group in groups if not group.startswith("# ") and "64BIT" not in group]
        assert groups and alone == [], path.name
    names = [line for path in (*BENCH_X86.required, *Recipe("um", "debug").required)
             for line in path.read_text().splitlines() if line.startswith("CONFIG_")]
    assert "CONFIG_SMP=y" in names and "CONFIG_FAILSLAB=y" in names


def test_verb(source: MakeSource, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["kernel", "build", str(source())]) == 0
    said = capsys.readouterr()
    assert "7.2.13" in said.out and "KDIR=" in said.out
    assert "KERNEL  7.2.13 bench-x86" in said.err
    assert cli.main(["kernel", "list"]) == 0
    kernels, here = capsys.readouterr().out.splitlines()
    assert "bench" in kernels and "KDIR=" in kernels
    assert "7.2.13" in here and f"KSRC={layout.shown(source())}" in here
    assert cli.main(["kernel", "--json", "list"]) == 0
    assert [row["version"] for row in json.loads(capsys.readouterr().out)] == ["7.2.13", "7.2.13"]
    assert cli.main(["kernel", "build", str(source()), "--arch", "arm"]) == 2
    assert cli.main(["kernel", "-n", "build", str(source()), "--arch", "um"]) == 0
    assert "ARCH=um" in capsys.readouterr().out
