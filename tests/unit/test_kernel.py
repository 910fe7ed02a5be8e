# SPDX-License-Identifier: GPL-2.0-only
"""Which trees can be built against, and what is said about those that cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from generator import layout
from generator.errors import BuildError, RigError
from generator.trees import kernel
from generator.trees.kernel import KernelTree

CONFIG = """CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.2.0-14) 12.2.0"
CONFIG_MODULES=y
CONFIG_SMP=y
CONFIG_DEBUG_FS=y
CONFIG_MEMCG=y
CONFIG_X86_64=y
CONFIG_HZ=250
# CONFIG_KASAN is not set
"""


def tree(folder: Path, release: str = "6.1.0-1-cloud-amd64", *, config: str = CONFIG) -> Path:
    """A folder that looks like prepared headers."""
    for name, text in {"Makefile": "", ".config": config, "Module.symvers": "",
                       "include/generated/autoconf.h": "",
                       "include/generated/utsrelease.h": f'#define UTS_RELEASE "{release}"\n',
                       "include/config/kernel.release": "6.1.192\n",
                       "scripts/mod/modpost": ""}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_fields(tmp_path: Path) -> None:
    found = KernelTree.probe(tree(tmp_path / "t"))
    assert found.release == "6.1.0-1-cloud-amd64"    # not Debian's kernel.release
    assert (found.kind, found.arch, found.cc) == ("distro-headers", "x86_64", "gcc-12")
    assert found.config == {"MODULES": "y", "SMP": "y", "DEBUG_FS": "y", "MEMCG": "y",
                            "X86_64": "y", "HZ": "250"}
    assert len(found.config_hash) == 64
    again = KernelTree.probe(tree(tmp_path / "u", config=CONFIG + "CONFIG_KASAN=y\n"))
    assert again.config_hash != found.config_hash
    assert again.config["KASAN"] == "y"


@pytest.mark.parametrize(("lost", "said", "fix"), [
    (".config", "not prepared: .config", "--reinstall t"),
    ("include/generated/autoconf.h", "not prepared: include/generated/autoconf.h",
     "--reinstall t"),
    ("scripts/mod/modpost", "not prepared: scripts/mod/modpost", "--reinstall t"),
    ("Module.symvers", "no Module.symvers", "copy Module.symvers"),
    ("Makefile", "not a kernel tree", "KDIR="),
])
def test_incomplete_tree(tmp_path: Path, lost: str, said: str, fix: str) -> None:
    folder = tree(tmp_path / "t")
    (folder / lost).unlink()
    with pytest.raises(BuildError) as caught:
        KernelTree.probe(folder)
    assert said in caught.value.what
    assert fix in caught.value.fix
    assert caught.value.where == str(folder)
    assert caught.value.exit_code == 12


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no such folder"):
        KernelTree.probe(tmp_path / "nowhere")


def test_kernel_without_an_option(tmp_path: Path) -> None:
    folder = tree(tmp_path / "t", config=CONFIG.replace("CONFIG_MEMCG=y", "CONFIG_MEMCG=m"))
    with pytest.raises(BuildError, match="CONFIG_MEMCG"):
        KernelTree.probe(folder)


def install(system: Path, release: str) -> Path:
    headers = tree(system / "usr/src" / f"linux-headers-{release}", release)
    link = system / "lib/modules" / release
    link.mkdir(parents=True)
    (link / "build").symlink_to(headers)
    return headers


def test_newest_cloud_headers_are_the_default(tmp_path: Path) -> None:
    for release in ("6.1.0-9-cloud-amd64", "6.1.0-56-cloud-amd64", "6.12.0-3-amd64"):
        install(tmp_path, release)
    assert KernelTree.probe(system=tmp_path).release == "6.1.0-56-cloud-amd64"


def test_other_headers_serve_when_there_are_no_cloud_ones(tmp_path: Path) -> None:
    for release in ("6.1.0-9-amd64", "6.12.0-3-amd64"):
        install(tmp_path, release)
    # The common part of Debian's headers is no tree of its own.
    (tmp_path / "usr/src/linux-headers-6.12.0-3-common").mkdir()
    assert KernelTree.probe(system=tmp_path).release == "6.12.0-3-amd64"


def test_no_headers_at_all(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no kernel headers") as caught:
        KernelTree.probe(system=tmp_path)
    assert "make setup" in caught.value.fix


@pytest.mark.parametrize("place", ["boot/vmlinuz-{0}", "usr/lib/modules/{0}/vmlinuz"])
def test_image_of_distro_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                 place: str) -> None:
    release = "7.2.13+deb14-cloud-amd64"
    install(tmp_path / "system", release)
    monkeypatch.setattr(layout, "KERNELS", tmp_path / "kernels")
    monkeypatch.setattr(layout, "TREES", tmp_path / "trees")
    without = KernelTree.probe(system=tmp_path / "system")
    with pytest.raises(RigError, match="no bootable image") as caught:
        without.need_image()
    assert "make setup" in caught.value.fix
    image = tmp_path / "kernels" / release / place.format(release)
    image.parent.mkdir(parents=True)
    image.write_bytes(b"MZ")
    assert KernelTree.probe(system=tmp_path / "system").need_image() == image


def test_built_tree_boots_its_own_image(tmp_path: Path) -> None:
    folder = tree(tmp_path / "t", "7.2.13")
    (folder / "vmlinux").write_bytes(b"")
    assert KernelTree.probe(folder).kind == "distro-headers"    # Debian's hold one, for BTF
    (folder / "MAINTAINERS").write_text("")
    without = KernelTree.probe(folder)
    assert (without.kind, without.image) == ("built", None)
    with pytest.raises(RigError) as caught:
        without.need_image()
    assert "make bzImage" in caught.value.fix
    image = folder / "arch/x86/boot/bzImage"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"MZ")
    assert KernelTree.probe(folder).need_image() == image


def test_build_folder_apart_from_its_source(tmp_path: Path) -> None:
    folder = tree(tmp_path / "t")
    (folder / "source").mkdir()
    (folder / "source/MAINTAINERS").write_text("")
    assert KernelTree.probe(folder).kind == "prepared"
    (folder / "vmlinux").write_bytes(b"")
    assert KernelTree.probe(folder).kind == "built"


def test_prepared_tree(tmp_path: Path) -> None:
    folder = tree(tmp_path / "t")
    (folder / "MAINTAINERS").write_text("")
    found = KernelTree.probe(folder)
    assert found.kind == "prepared"
    assert found.make == ("make", "-C", str(folder), "CC=gcc-12")


@pytest.mark.parametrize(("text", "program", "extra"), [
    ("gcc-12 (Debian 12.2.0-14) 12.2.0", "gcc-12", ("CC=gcc-12",)),
    ("gcc (Debian 12.2.0-14) 12.2.0", "gcc", ()),
    ("x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0", "x86_64-linux-gnu-gcc-14",
     ("CC=x86_64-linux-gnu-gcc-14",)),
    ("Debian clang version 14.0.6", "clang", ("LLVM=1",)),
])
def test_compiler_of_a_tree(tmp_path: Path, text: str, program: str, extra: tuple[str]) -> None:
    lines = [line for line in CONFIG.splitlines() if "CC_VERSION" not in line]
    config = "\n".join([f'CONFIG_CC_VERSION_TEXT="{text}"', *lines, ""])
    folder = tree(tmp_path / "t", config=config)
    assert KernelTree.probe(folder).make == ("make", "-C", str(folder))     # distro headers know
    (folder / "MAINTAINERS").write_text("")
    found = KernelTree.probe(folder)
    assert (found.cc, found.built_with) == (program, text)
    assert found.make[3:] == extra


def test_compiler_must_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = KernelTree.probe(tree(tmp_path / "t"))
    with pytest.raises(BuildError, match="gcc-12 is not installed") as caught:
        kernel.require_compiler(replace(found, compiler="", cc="x86_64-linux-gnu-gcc-12"))
    assert "apt-get install gcc-12;" in caught.value.fix
    kernel.require_compiler(replace(found, compiler="gcc-12 (Debian 12.2.0-15) 12.4.0"))
    assert capsys.readouterr().err == ""
    kernel.require_compiler(replace(found, compiler="gcc (Debian 14.2.0-19) 14.2.0"))
    assert "14.2.0" in capsys.readouterr().err


def test_another_architecture_is_said_first(tmp_path: Path) -> None:
    """Before the user is told to prepare the tree."""
    folder = tree(tmp_path / "t", config="CONFIG_ARM64=y\n")
    (folder / "MAINTAINERS").touch()
    (folder / "scripts/mod/modpost").unlink()
    with pytest.raises(BuildError, match="this kernel is for arm64"):
        KernelTree.probe(folder)


def test_interrupted_preparation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PREPARED", tmp_path)
    folder = tree(tmp_path / "t")
    (folder / "Module.symvers").unlink()
    with pytest.raises(BuildError, match="preparation was interrupted") as caught:
        KernelTree.probe(folder)
    assert "extspt tree prepare" in caught.value.fix
