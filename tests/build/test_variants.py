# SPDX-License-Identifier: GPL-2.0-only
"""Every design builds against the distro headers with W=1 and -Werror, and only when it must."""

from __future__ import annotations

import resource
import shutil
import time
from pathlib import Path

import pytest

from generator import layout, proc
from generator.modules import build, variant
from generator.modules.build import BuiltModule
from generator.trees.kernel import KernelTree
from generator.modules.render import render
from generator.modules.variant import BASELINE, load_variant

pytestmark = pytest.mark.build

TARGET_S = 4.0
# Wall time also measures the machine's other load, and CPU time its neighbour on the other
# hyperthread. A module with nothing in it has both in it as well: six or seven of those were
# seen to take as much CPU as a design; this is half as many again.
EMPTY_MODULES = 10


def modinfo(ko: Path) -> dict[str, str]:
    lines = proc.query([proc.which("modinfo", "kmod"), ko]).output.splitlines()
    return {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}


def test_every_design_is_there(built: dict[str, BuiltModule]) -> None:
    assert built.keys() == {*variant.names(), f"{BASELINE}{variant.APRIME}"}
    for module in built.values():
        assert not module.skipped
        log = (module.rendered.path / build.LOG).read_text()
        assert " W=1 " in log and "KCFLAGS=-Werror" in log
        assert "warning:" not in log


def test_modules_say_what_they_are(built: dict[str, BuiltModule], tree: KernelTree) -> None:
    for name, module in built.items():
        said, design = modinfo(module.ko), module.rendered.variant
        assert said["name"] == f"extspt_{name}"
        assert said["vermagic"].startswith(f"{tree.release} ")
        assert said["license"] == "GPL"
        assert (said["extspt_title"], said["extspt_design"], said["extspt_origin"]) \
            == (design.title, design.design, design.origin)
        assert said["extspt_fingerprint"] == module.rendered.fingerprint


def test_designs_differ_and_aprime_is_its_own_build(built: dict[str, BuiltModule]) -> None:
    assert len({module.sha256 for module in built.values()}) == len(built)


def test_all_designs_fit_in_one_kernel(built: dict[str, BuiltModule]) -> None:
    """Static per-CPU data of all modules shares 8 KiB: a native block loads all designs."""
    for module in built.values():
        assert b".data..percpu" not in module.ko.read_bytes(), module


def test_second_build_is_skipped(built: dict[str, BuiltModule], project: Path,
                                 tree: KernelTree) -> None:
    for name, module in built.items():
        rendered = render(load_variant(name, project), tree, project)
        assert rendered.changed == ()
        again = build.build(rendered)
        assert (again.skipped, again.sha256) == (True, module.sha256)


def test_one_changed_file_rebuilds_only_that(built: dict[str, BuiltModule], project: Path,
                                             tree: KernelTree, tmp_path: Path) -> None:
    root = tmp_path / "project"
    for name in ("variants", "kmod"):
        shutil.copytree(project / name, root / name)
    first = build.build(render(load_variant(BASELINE, root), tree, root))
    source = min((root / "kmod/lib").glob("*.c"))
    source.write_text(source.read_text() + "\n/* one line more */\n")
    second = build.build(render(load_variant(BASELINE, root), tree, root))
    assert second.rendered.fingerprint != first.rendered.fingerprint
    log = (second.rendered.path / build.LOG).read_text()
    compiled = {line.split()[-1].rpartition("/")[2] for line in log.splitlines()
                if line.startswith("  CC [M] ")}
    assert compiled - {f"extspt_{BASELINE}.mod.o"} == {"module.o", "build_lib.o"}


def test_one_module_wherever_it_is_built(built: dict[str, BuiltModule], project: Path,
                                         tree: KernelTree, tmp_path: Path) -> None:
    """A rerun's modules are the first run's to the bit: no path of the folder is in them."""
    root = tmp_path / "somewhere" / "else"
    for name in ("variants", "kmod"):
        shutil.copytree(project / name, root / name)
    elsewhere = build.build_all([render(load_variant(BASELINE, root), tree, root)])[0]
    assert elsewhere.sha256 == built[BASELINE].sha256
    assert str(tmp_path).encode() not in elsewhere.ko.read_bytes()


def test_staged_folder_builds_on_its_own(built: dict[str, BuiltModule], tree: KernelTree,
                                         tmp_path: Path) -> None:
    """What is attached to a review: the rendered files, elsewhere, with plain make."""
    rendered = built[BASELINE].rendered
    alone = tmp_path / "attached"
    for name in rendered.files:
        (alone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(rendered.path / name, alone / name)
    done = proc.run(["make", "-C", tree.kdir, f"M={alone}", "modules"], timeout=300)
    assert done.ok, done.output
    assert (alone / f"extspt_{BASELINE}.ko").is_file()
    assert str(layout.ROOT) not in done.output


def test_time_of_one_variant(project: Path, tree: KernelTree, tmp_path: Path,
                             capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "project"
    for name in ("variants", "kmod"):
        shutil.copytree(project / name, root / name)
    before = cpu_of_an_empty_module(tree, tmp_path / "before")
    begun, used = time.monotonic(), cpu_of_children()
    module = build.build_all([render(load_variant(BASELINE, root), tree, root)])[0]
    took, used = time.monotonic() - begun, cpu_of_children() - used
    assert not module.skipped
    empty = (before + cpu_of_an_empty_module(tree, tmp_path / "after")) / 2
    with capsys.disabled():
        print(f"\nrender and build of {BASELINE}: {took:.1f} s, {used:.1f} s of CPU "
              f"(target {TARGET_S:g} s on two idle cores), {used / empty:.1f} empty modules")
    assert took < TARGET_S or used < EMPTY_MODULES * empty


def cpu_of_an_empty_module(tree: KernelTree, folder: Path) -> float:
    folder.mkdir()
    (folder / "Kbuild").write_text("obj-m := empty.o\n")
    (folder / "empty.c").write_text('#include <linux/module.h>\nMODULE_LICENSE("GPL");\n')
    used = cpu_of_children()
    assert proc.run(tree.command(folder, "modules"), timeout=300).ok
    return cpu_of_children() - used


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_error_in_a_choice_names_the_line(project: Path, tree: KernelTree, tmp_path: Path) -> None:
    root = tmp_path / "project"
    for name in ("variants", "kmod"):
        shutil.copytree(project / name, root / name)
    chosen = load_variant(BASELINE, root)
    axis, choice = next(iter(chosen.choices.items()))
    header = root / "kmod/axes" / axis / f"{choice}.h"
    header.write_text(header.read_text() + "\nint broken(\n")
    with pytest.raises(build.BuildError) as caught:
        build.build_all([render(chosen, tree, root)])
    assert "error:" in caught.value.evidence
    assert not (root / "build" / tree.release / BASELINE / build.STAMP).exists()
