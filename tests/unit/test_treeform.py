# SPDX-License-Identifier: GPL-2.0-only
"""What people have as a kernel tree, what is missing in it, and the command that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from test_kernel import CONFIG, tree

from generator import layout, proc
from generator.errors import BuildError, RigError
from generator.trees import compiler, kernel, treeform
from generator.trees.kernel import KernelTree
from generator.trees.treeform import Form

RELEASE = "6.12.1-1-cloud-amd64"


@pytest.fixture(autouse=True)
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No fetched tree and no image of the real project."""
    monkeypatch.setattr(layout, "TREES", tmp_path / "trees")
    monkeypatch.setattr(layout, "KERNELS", tmp_path / "kernels")
    return tmp_path / "trees"


def source(folder: Path, *, configured: bool = False) -> Path:
    """A folder that looks like a full source."""
    (folder / "scripts").mkdir(parents=True)
    for name in ("Makefile", "MAINTAINERS", "Kconfig"):
        (folder / name).write_text("")
    if configured:
        (folder / ".config").write_text(CONFIG)
    return folder


def refusal(folder: Path) -> BuildError:
    with pytest.raises(BuildError) as caught:
        KernelTree.probe(folder)
    return caught.value


def test_plain_source(tmp_path: Path) -> None:
    folder = source(tmp_path / "s")
    assert treeform.form_of(folder) is Form.SOURCE
    error = refusal(folder)
    assert "plain source tree" in error.what
    assert error.fix.startswith(f"extspt kernel build {folder}")


def test_configured_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = source(tmp_path / "s", configured=True)
    assert treeform.form_of(folder) is Form.CONFIGURED
    assert refusal(folder).fix == f"make -C {folder} modules_prepare"
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert "read-only" in refusal(folder).fix
    assert f"make -C {folder} O=" in refusal(folder).fix


def test_a_mend_is_for_the_architecture_of_the_tree(tmp_path: Path) -> None:
    """make without ARCH=um would rewrite the configuration of a UML tree for x86."""
    folder = source(tmp_path / "s", configured=True)
    with (folder / ".config").open("a") as config:
        config.write("CONFIG_UML=y\n")
    assert refusal(folder).fix == f"make -C {folder} ARCH=um modules_prepare"
    tree(folder, RELEASE, config=CONFIG + "CONFIG_UML=y\n")
    (folder / "Module.symvers").unlink()
    assert f"make -C {folder} ARCH=um -j" in refusal(folder).fix


def test_packages_with_a_file_missing_are_fetched_anew(trees: Path) -> None:
    headers = tree(trees / f"sid-cloud/usr/src/linux-headers-{RELEASE}", RELEASE)
    (headers / "scripts/mod/modpost").unlink()
    assert "extspt tree fetch" in refusal(trees / "sid-cloud").fix


def test_compiler_of_a_root_that_cannot_be_entered(trees: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    root = trees / "sid-cloud"
    tree(root / f"usr/src/linux-headers-{RELEASE}", RELEASE)
    monkeypatch.setattr(compiler, "version_line", lambda program, inside=(): "")
    found = KernelTree.probe(root)
    with pytest.raises(BuildError, match="gcc-12 is not installed"):
        kernel.require_compiler(found)
    (root / "usr/bin").mkdir()
    (root / "usr/bin/gcc-12").touch()
    with pytest.raises(BuildError, match="cannot be run in a chroot") as caught:
        kernel.require_compiler(found)
    assert caught.value.fix.startswith("be root")


def test_prepared_without_symvers(tmp_path: Path) -> None:
    folder = source(tree(tmp_path / "s") / "x").parent
    (folder / "MAINTAINERS").write_text("")
    (folder / "Module.symvers").unlink()
    assert treeform.form_of(folder) is Form.PREPARED
    assert "no Module.symvers" in refusal(folder).what
    assert f"make -C {folder}" in refusal(folder).fix


@pytest.mark.parametrize("option", ["ARM64", "RISCV", "X86_32"])
def test_wrong_architecture(tmp_path: Path, option: str) -> None:
    config = CONFIG.replace("CONFIG_X86_64=y", f"CONFIG_{option}=y")
    error = refusal(tree(tmp_path / "t", config=config))
    assert treeform._ARCHES[option] in error.what
    assert "x86-64" in error.fix


def prepared(folder: Path, config: str = CONFIG) -> Path:
    (tree(folder, RELEASE, config=config) / "MAINTAINERS").write_text("")
    return folder


def test_config_that_shrank_is_refused(tmp_path: Path, trees: Path) -> None:
    headers = trees / f"trixie-cloud/usr/src/linux-headers-{RELEASE}"
    tree(headers, RELEASE, config=CONFIG + "CONFIG_DEBUG_INFO_BTF=y\nCONFIG_SCHED_CLASS_EXT=y\n"
                                           "CONFIG_PAHOLE_VERSION=130\nCONFIG_CC_HAS_X=y\n")
    error = refusal(prepared(tmp_path / "t"))
    assert "2 options differ" in error.what
    assert "DEBUG_INFO_BTF=y (is n)\nSCHED_CLASS_EXT=y (is n)" in error.evidence
    assert "pahole" in error.fix
    whole = CONFIG + "CONFIG_DEBUG_INFO_BTF=y\nCONFIG_SCHED_CLASS_EXT=y\n"
    assert KernelTree.probe(prepared(tmp_path / "u", whole)).kind == "prepared"


def test_prepared_tree_boots_the_image_of_its_release_and_of_no_other(
        tmp_path: Path, trees: Path) -> None:
    folder = prepared(tmp_path / "t")
    with pytest.raises(RigError, match="no bootable image") as caught:
        KernelTree.probe(folder).need_image()
    assert "extspt tree fetch" in caught.value.fix      # never: build another one there
    for release in (RELEASE, RELEASE.replace("cloud-", "")):
        boot = trees / f"of-{release}/boot"
        boot.mkdir(parents=True)
        assert KernelTree.probe(folder).image is None or release != RELEASE
        (boot / f"vmlinuz-{release}").write_text("MZ")
    assert KernelTree.probe(folder).need_image().name == f"vmlinuz-{RELEASE}"


def test_other_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = KernelTree.probe(tree(tmp_path / "t"))
    assert found.make == ("make", "-C", str(tmp_path / "t"))
    monkeypatch.setattr(compiler, "version_line", lambda program, inside=(): f"{program} 9.1.0")
    other = found.using("gcc-9")
    assert (other.compiler, other.make[3:]) == ("gcc-9 9.1.0", ("CC=gcc-9",))
    assert found.using("clang-19").make[3:] == ("LLVM=-19",)
    assert found.using("clang").make[3:] == ("LLVM=1",)


def test_compiler_too_old_for_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CONFIG.replace("gcc-12 (Debian 12.2.0-14) 12.2.0", "gcc-16 (Debian 16.2.0-1) 16.2.0")
    config += "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=y\nCONFIG_CC_HAS_COUNTED_BY_PTR=y\n"
    found = KernelTree.probe(tree(tmp_path / "t", config=config))
    monkeypatch.setattr(compiler, "version_line",
                        lambda program, inside=(): f"{program} (Debian 12.2.0-14) 12.2.0")
    with pytest.raises(BuildError, match="-fmin-function-alignment") as caught:
        kernel.require_compiler(found.using("gcc-12"))
    assert "extspt tree fetch" in caught.value.fix


@pytest.mark.parametrize(("version", "config", "said"), [
    ("gcc (X 1.2) 13.3.0", {"CC_HAS_MIN_FUNCTION_ALIGNMENT": "y"}, "-fmin-function-alignment"),
    ("gcc (X 1.2) 14.1.0", {"CC_HAS_MIN_FUNCTION_ALIGNMENT": "y"}, ""),
    ("gcc (X 1.2) 15.1.0", {"CC_HAS_COUNTED_BY_PTR": "y"}, "counted_by"),
    ("Debian clang version 14.0.6", {"CC_HAS_COUNTED_BY_PTR": "y"}, ""),
    ("", {"CC_HAS_COUNTED_BY_PTR": "y"}, ""),
])
def test_what_a_compiler_lacks(version: str, config: Mapping[str, str], said: str) -> None:
    found = compiler.too_old(config, version)
    assert (said in found) if said else found == ""


def test_oldest_compiler_a_source_takes(tmp_path: Path) -> None:
    script = tmp_path / "scripts/min-tool-version.sh"
    assert compiler.least(tmp_path) == ""
    script.parent.mkdir()
    script.write_text('[ "$1" = gcc ] && echo 8.1.0\n')
    assert compiler.least(tmp_path) == "8.1.0"
    assert compiler.older("gcc (Debian 12.2.0-14) 7.5.0", "8.1.0")
    assert not compiler.older("gcc (Debian 6.0.0) 12.2.0", "8.1.0")
    assert not compiler.older("", "8.1.0")


def test_version_of_a_program_that_is_not_there() -> None:
    assert compiler.version_line("no-such-compiler") == ""
    assert compiler.version_line("no-such-compiler", ("env",)) == ""
    assert proc.find("gcc") is None or compiler.major(compiler.version_line("gcc")) > 3


@pytest.mark.parametrize(("option", "harmless"), [
    ("CC_HAS_ASM_INLINE", True), ("GCC_VERSION", True), ("PAHOLE_VERSION", True),
    ("SYSTEM_TRUSTED_KEYS", True), ("GCC_PLUGIN_RANDSTRUCT", False), ("ARCH_HAS_X", False),
    ("CC_OPTIMIZE_FOR_SIZE", False), ("DEBUG_INFO_BTF", False), ("KASAN", False)])
def test_what_may_differ(option: str, harmless: bool) -> None:
    assert (treeform.lost({option: "y"}, {}) == []) is harmless
    assert (treeform.lost({}, {option: "y"}) == []) is harmless
