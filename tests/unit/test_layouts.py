# SPDX-License-Identifier: GPL-2.0-only
"""Layouts: another order and padding, the same for every design; the folder is complete."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from test_session import _built

from generator.modules import layouts
from generator.modules.build import BuiltModule
from generator.runs import plan
from generator.trees.kernel import KernelTree

UNITS = ("build_hosts_twin", "build_lib", "build_seam_model", "build_tdx")


def kbuild(name: str) -> str:
    lines = [f"obj-m := extspt_{name}.o", *(f"extspt_{name}-y += {unit}.o" for unit in UNITS),
             f"extspt_{name}-y += module.o", "", "ccflags-y += -I$(src)", ""]
    return "\n".join(lines)


def objects(text: str) -> list[str]:
    return re.findall(r"-y \+= ((?:build|layout)_\S+)\.o$", text, re.MULTILINE)


def test_every_object_once_in_another_order_with_padding_between() -> None:
    orders = set()
    for number in range(1, 7):
        text, padding = layouts.arranged(kbuild("a"), number)
        found = objects(text)
        assert sorted(n for n in found if n.startswith("build_")) == sorted(UNITS)
        assert [n.startswith("layout_pad_") for n in found] == [True, False] * len(UNITS)
        assert {f"{n}.S" for n in found if n.startswith("layout_pad_")} == padding.keys()
        orders.add(tuple(found))
        for source in padding.values():
            sizes = [int(n) for n in re.findall(r"\.skip\t(\d+)", source)]
            assert all(n % layouts.ALIGN == 0 and n < 4096 for n in sizes) and len(sizes) == 2
        assert text.splitlines()[-1] == "ccflags-y += -I$(src)"
    assert len(orders) > 3


def test_a_layout_is_the_same_for_every_design() -> None:
    one, two = (layouts.arranged(kbuild(name), 2) for name in ("a", "b"))
    assert one[0].replace("extspt_a", "extspt_b") == two[0] and one[1] == two[1]
    assert layouts.arranged(kbuild("a"), 1)[1] != one[1]


@pytest.fixture
def built(tmp_path: Path) -> BuiltModule:
    folder = tmp_path / "base"
    folder.mkdir()
    tree = KernelTree("6.1", tmp_path, "x86_64", "built", {}, "hash", "gcc", "gcc", "gcc 12", None)
    done = _built("base", tree, folder)
    for name, text in {"Kbuild": kbuild("base"), "build_lib.c": "int x;", "build_lib.o": "o",
                       ".build_lib.o.cmd": "cmd", ".extspt-build": "{}", "build.log": ""}.items():
        (folder / name).write_text(text)
    return replace(done, rendered=replace(done.rendered, path=folder, files={"Kbuild": "0"}))


def test_stage_copies_what_need_not_be_compiled_again(built: BuiltModule) -> None:
    staged = layouts.stage(built, 3)
    assert staged.path.name == "base-layout3"
    there = {path.name for path in staged.path.iterdir()}
    assert {"build_lib.o", ".build_lib.o.cmd", "build_lib.c", "layout_pad_0.S"} <= there
    assert not there & {"extspt_base.ko", ".extspt-build", "build.log"}
    assert staged.path.joinpath("build_lib.o").stat().st_mtime == \
        built.rendered.path.joinpath("build_lib.o").stat().st_mtime
    text = (staged.path / "Kbuild").read_text()
    assert staged.files["Kbuild"] == hashlib.sha256(text.encode()).hexdigest()
    assert staged.fingerprint not in (built.rendered.fingerprint,
                                      layouts.stage(built, 4).fingerprint)


def test_needed_are_those_of_the_blocks() -> None:
    run = plan.make(["other"], baseline="base", aprime="base_aprime", seed=1, runner="uml",
                    workloads=["smoke"], boots={"uml": ("native", "ns")}, costs={"uml": "zero"})
    assert layouts.needed(run) == []
    assert layouts.needed(plan.repeated(run, 6, 2)) == [
        ("base", 1), ("base_aprime", 2), ("base_aprime", 3), ("other", 1)]
