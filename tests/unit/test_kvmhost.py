# SPDX-License-Identifier: GPL-2.0-only
"""The hooked KVM: refused for another version, staged with its symbols, driven in the guest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from generator import layout, proc
from generator.errors import BuildError
from generator.kvm import kvmhooks, kvmhost
from generator.kvm.kvmhost import KvmBuild
from generator.modules import render
from generator.modules.variant import load_variant
from generator.runners import Load
from generator.runs import initramfs, plan
from generator.trees.kernel import KernelTree

TREE = KernelTree("7.2.13+deb14-cloud-amd64", Path("/somewhere"), "x86_64", "distro-headers", {},
                  "c0ffee", "gcc-16 (X) 16.2.0", "gcc-16", "gcc-16 (X) 16.2.0", None)
SYMVERS = ("0x0\tkvm_get_kvm\tarch/x86/kvm/kvm\tEXPORT_SYMBOL_GPL\t\n"
           "0x0\textspt_kvm_register\tarch/x86/kvm/kvm\tEXPORT_SYMBOL_GPL\tmodule:extspt_*\n")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelTree:
    (tmp_path / ".config").write_text("CONFIG_KVM=m\n")
    monkeypatch.setattr(kvmhooks, "version", lambda source: "7.2.13")
    return replace(TREE, kdir=tmp_path)


@pytest.mark.parametrize("release", ["7.2.1", "7.2.130", "7.2.14+deb14-cloud-amd64", "7.3.4"])
def test_another_version_is_refused(release: str, tree: KernelTree) -> None:
    with pytest.raises(BuildError, match=r"the source is Linux 7\.2\.13") as caught:
        kvmhost.make(Path("src"), replace(tree, release=release), 1)
    assert "the very same version" in caught.value.fix


def test_a_kernel_with_kvm_built_in_is_refused(tree: KernelTree) -> None:
    (tree.kdir / ".config").write_text("CONFIG_KVM=y\n")
    with pytest.raises(BuildError, match="CONFIG_KVM is not m"):
        kvmhost.make(Path("src"), tree, 1)


def test_the_fingerprint_follows_kvms_headers_and_the_kernel(tmp_path: Path) -> None:
    """kvm_types.h sizes KVM's caches; an own kernel built again keeps its release and .config."""
    types, image = tmp_path / "arch/x86/include/asm/kvm_types.h", tmp_path / "vmlinux"
    types.parent.mkdir(parents=True)
    found = []
    for header, kernel in (("40", "one"), ("64", "one"), ("64", "another")):
        types.write_text(f"#define KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE {header}\n")
        image.write_text(kernel)
        found.append(kvmhost._fingerprint(tmp_path, replace(TREE, kind="built", image=image), ()))
    assert len(set(found)) == 3
    packaged = replace(TREE, image=image)
    now = kvmhost._fingerprint(tmp_path, packaged, ())
    image.write_text("a kernel that only boots")
    assert kvmhost._fingerprint(tmp_path, packaged, ()) == now


def test_no_module_drops_the_hold_on_itself() -> None:
    """What stands after such a call may be gone: who holds a module is who calls into it."""
    sources = [path for path in layout.KMOD.rglob("*.[ch]")
               if "module_put(THIS_MODULE)" in path.read_text()]
    assert sources == []


def test_the_driver_is_there_as_a_whole_at_any_time(tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    driver = KvmBuild(tmp_path, "7.2.13", "f").driver
    driver.parent.mkdir()
    driver.write_text("whole")
    gcc = tmp_path / "gcc"
    monkeypatch.setattr(proc, "which", lambda program, package: str(gcc))
    for end in ("false", "true"):
        gcc.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\n'
                       f'grep -q whole {driver} && echo half >"$2"; {end}\n')
        gcc.chmod(0o755)
        if end == "false":
            with pytest.raises(BuildError, match="driver program"):
                kvmhost._make_driver(tmp_path)
            assert driver.read_text() == "whole"
    kvmhost._make_driver(tmp_path)
    assert driver.read_text() == "half\n"


def test_what_was_not_built_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "kvm_tree", lambda release: tmp_path)
    with pytest.raises(BuildError, match="no hooked KVM"):
        kvmhost.find(TREE)
    kvmhost._put_stamp(tmp_path, "7.2.13", "f", TREE)
    assert kvmhost.find(TREE) == KvmBuild(tmp_path, "7.2.13", "f")
    with pytest.raises(BuildError, match="another kernel of the same release") as caught:
        kvmhost.find(replace(TREE, config_hash="dead"))
    assert "--kdir /somewhere" in caught.value.fix


def test_a_strategy_is_staged_with_what_kvm_exports(tmp_path: Path) -> None:
    (tmp_path / "kmod").symlink_to(layout.KMOD)
    (tmp_path / "variants").symlink_to(layout.VARIANTS)
    design = load_variant("kvm_owned", tmp_path)
    with pytest.raises(BuildError, match="no hooked KVM"):
        render.render(design, TREE, tmp_path, render.KVM)
    copy = layout.kvm_tree(TREE.release, tmp_path)
    copy.mkdir(parents=True)
    (copy / "Module.symvers").write_text(SYMVERS)
    done = render.render(design, TREE, tmp_path, render.KVM)
    assert done.path == tmp_path / "build" / TREE.release / "kvm-host" / "kvm_owned"
    assert (done.path / render.SYMVERS).read_text() == SYMVERS.splitlines(keepends=True)[1]
    assert "KBUILD_EXTRA_SYMBOLS := $(src)/kvm.symvers\n" in (done.path / "Kbuild").read_text()
    assert '#include "hosts/kvm/host.h"\n' in (done.path / "module.c").read_text()
    hosts = {Path(name).parts[2:] for name in done.files if name.startswith("kmod/hosts/")}
    assert {parts[0] for parts in hosts} == {"kvm"}
    assert all(len(parts) == 2 for parts in hosts)      # neither tree/ nor driver/


def test_the_guest_loads_kvm_and_drives_it(tmp_path: Path) -> None:
    folder = tmp_path / kvmhost.GUEST
    folder.mkdir()
    kvm = KvmBuild(tmp_path, "7.2.13", "f")
    for _, file in [*kvm.modules, ("drive", kvm.driver)]:
        file.write_bytes(file.name.encode())
    run = plan.make(["none"], baseline="none", aprime="none_aprime", seed=1, runner="qemu",
                    workloads=["idle"], costs={"icount": "zero"}, host=render.KVM,
                    boots={"icount": ("count", "instructions")})
    [boot] = run.boots
    load = Load(boot, [(name, Path(f"extspt_{name}.ko")) for name in boot.order],
                ["table zero"], kvm)
    entries = {entry.name: entry for entry in initramfs.guest_entries(
        "", [], initramfs.find_busybox(), kvm)}
    assert entries["bin/drive"].data == b"drive"
    assert entries["dev/kvm"].device == (10, 232)
    assert entries["modules/kvm-amd.ko"].data == b"kvm-amd.ko"
    init = render.fill("init", port="", plan_id=boot.id, modules=load.listed, costs=load.costs,
                       kvm=[name for name, _ in kvm.modules])
    loads = [line for line in init.splitlines() if line.startswith("insmod")]
    assert [line.split("/")[1].split(".")[0] for line in loads] == ["irqbypass", "kvm", "kvm-amd"]
    assert 'drive "$control" "$@" || rc=1' in init
    assert '>"$control/run"' not in init
    assert init.index("drive keep") < init.index("\nmodule 'none'")


def test_the_host_is_in_the_plan_and_its_id() -> None:
    def made(host: str) -> plan.RunPlan:
        return plan.make(["none"], baseline="none", aprime="none_aprime", seed=1, runner="qemu",
                         workloads=["idle"], costs={"icount": "zero"}, host=host,
                         boots={"icount": ("count", "instructions")})
    real, twin = made(render.KVM), made(render.TWIN)
    assert plan.from_json(json.loads(json.dumps(real.as_json()))) == real
    assert (real.host, twin.host) == ("kvm", "twin")
    assert real.boots[0].id != twin.boots[0].id
