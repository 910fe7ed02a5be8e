# SPDX-License-Identifier: GPL-2.0-only
"""A source made fit for a distro's kernel, by a make that does as the kernel's does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from test_kernel import CONFIG, tree

from generator import cli, layout, proc
from generator.errors import BuildError, RigError
from generator.trees import kernelbuild, prepare
from generator.trees.kernel import KernelTree

RELEASE = "6.12.9-1-cloud-amd64"
MAKEFILE = """VERSION = 6
PATCHLEVEL = 12
SUBLEVEL = 9
olddefconfig:
\t@grep -v LOSE_ME $(O)/.config > $(O)/.new && mv $(O)/.new $(O)/.config
modules_prepare:
\t@test ! -e broken || { echo "objtool: no"; exit 1; }
\t@mkdir -p $(O)/include/generated $(O)/scripts/mod
\t@touch $(O)/include/generated/autoconf.h $(O)/scripts/mod/modpost $(O)/Makefile
\t@echo '#define UTS_RELEASE "$(KERNELRELEASE)"' > $(O)/include/generated/utsrelease.h
\t@ln -s $(CURDIR) $(O)/source
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("TREES", "KERNELS", "PREPARED"):
        monkeypatch.setattr(layout, name, tmp_path / name.lower())
    monkeypatch.setattr(kernelbuild, "require_tools", lambda: None)
    folder = tmp_path / "linux"
    (folder / "scripts").mkdir(parents=True)
    (folder / "Makefile").write_text(MAKEFILE)
    for name in ("Kconfig", "MAINTAINERS"):
        (folder / name).write_text("")
    return folder


def headers(folder: Path, config: str = CONFIG, version: str = "6.12.9") -> KernelTree:
    made = tree(folder, RELEASE, config=config)
    (made / "include/config/kernel.release").write_text(f"{version}\n")
    (made / "Module.symvers").write_text("0x1\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n")
    return KernelTree.probe(made)


def test_prepared_source_can_be_built_in(source: Path, tmp_path: Path) -> None:
    like = headers(tmp_path / "headers")
    folder = prepare.prepare(source, like)
    found = KernelTree.probe(folder)
    assert (found.kind, found.release) == ("prepared", RELEASE)
    assert (folder / "Module.symvers").read_bytes() == (like.kdir / "Module.symvers").read_bytes()
    (source / "broken").touch()
    assert prepare.prepare(source, like) == folder      # nothing is done twice
    (like.kdir / "Module.symvers").write_text("0x2\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n")
    with pytest.raises(BuildError, match="modules_prepare fails"):
        prepare.prepare(source, like)       # the package was renewed, and kept its release


def test_other_version_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"source is 6\.12\.9, the headers are of 6\.12\.10"):
        prepare.prepare(source, headers(tmp_path / "headers", version="6.12.10"))
    assert not layout.PREPARED.exists()


def test_lost_option_is_refused_and_the_folder_not_used(source: Path, tmp_path: Path) -> None:
    like = headers(tmp_path / "headers", CONFIG + "CONFIG_LOSE_ME=y\n")
    with pytest.raises(BuildError, match="1 options") as caught:
        prepare.prepare(source, like)
    assert caught.value.evidence == "LOSE_ME=y (is n)"
    with pytest.raises(BuildError):
        KernelTree.probe(layout.PREPARED / RELEASE)


def test_failed_make_leaves_nothing_that_is_used(source: Path, tmp_path: Path) -> None:
    like = headers(tmp_path / "headers")
    (source / "broken").touch()
    with pytest.raises(BuildError, match="make modules_prepare fails") as caught:
        prepare.prepare(source, like)
    assert "objtool: no" in caught.value.evidence
    with pytest.raises(BuildError):
        KernelTree.probe(layout.PREPARED / RELEASE)
    (source / "broken").unlink()
    assert KernelTree.probe(prepare.prepare(source, like)).release == RELEASE


def test_full_disk_is_not_taken_for_a_lost_option(source: Path, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    like = headers(tmp_path / "headers", CONFIG + "CONFIG_LOSE_ME=y\n")
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(RigError, match="the disk is full"):
        prepare.prepare(source, like)


def test_missing_pahole(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    like = headers(tmp_path / "headers", CONFIG + "CONFIG_DEBUG_INFO_BTF=y\n")
    monkeypatch.setattr(proc, "find", lambda name: None)
    with pytest.raises(RigError, match="pahole") as caught:
        prepare.prepare(source, like)
    assert caught.value.fix == "apt-get install pahole"


def test_verb(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    like = str(headers(tmp_path / "headers").kdir)
    assert cli.main(["tree", "-n", "prepare", str(source), "--like", like]) == 0
    assert not layout.PREPARED.exists()
    capsys.readouterr()
    assert cli.main(["tree", "prepare", str(source), "--like", like]) == 0
    assert capsys.readouterr().out.endswith(f"KDIR={layout.PREPARED / RELEASE}\n")
    assert cli.main(["tree", "prepare", str(source / "scripts"), "--like", like]) == 12
