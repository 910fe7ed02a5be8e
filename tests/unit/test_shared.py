# SPDX-License-Identifier: GPL-2.0-only
"""What does not depend on the variant is compiled once; a stub stands in for Kbuild here."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from generator.modules import build, shared
from generator.modules.jobserver import JobServer
from generator.modules.render import RenderedModule, render
from generator.modules.variant import load_variant
from generator.trees.kernel import KernelTree

# A Kbuild of one line: the goals are objects, the note says how they were made.
STUB = """%.o:
\t@echo "object of $@" >$(M)/$@
\t@echo "cmd: cc -DMOD=extspt_shared $(M)/$*.c" >$(M)/.$@.cmd
\t@echo $@ >>$(M)/compiled
modules:
\t@n=$(notdir $(M)); echo "$$n" >$(M)/extspt_$$n.ko
"""


@pytest.fixture
def modules(small_tree: Path, monkeypatch: pytest.MonkeyPatch) -> list[RenderedModule]:
    kdir = small_tree / "kdir"
    kdir.mkdir()
    (kdir / "Makefile").write_text(STUB)
    tree = KernelTree("6.1.0-1", kdir, "x86_64", "distro-headers", {}, "c0ffee",
                      "gcc (X) 12.2.0", "gcc", "gcc (X) 12.2.0", None)
    monkeypatch.setattr(build, "_refuse_wrong_release", lambda tree, ko: None)
    return [render(load_variant(name, small_tree), tree, small_tree)
            for name in ("cached", "listed")]


def compiled(module: RenderedModule) -> list[str]:
    return (shared.find(module).folder / "compiled").read_text().split()


def test_only_units_without_the_variant_are_common(modules: list[RenderedModule]) -> None:
    first, second = map(shared.find, modules)
    assert set(first.units) == {"build_lib"}        # hosts/twin/main.c includes strategy.h
    assert "kmod/lib/sum.h" in first.units["build_lib"]
    assert first.folder == second.folder and "-" in first.folder.name


def test_compiled_once_and_handed_to_all(modules: list[RenderedModule]) -> None:
    build.build_all(modules)
    assert compiled(modules[0]) == ["build_lib.o"]
    for module in modules:
        assert (module.path / "build_lib.o").read_text() == "object of build_lib.o\n"
        note = (module.path / ".build_lib.o.cmd").read_text()
        assert note == f"cmd: cc -DMOD={module.variant.module} {module.path}/build_lib.c\n"
        source = (module.path / "build_lib.c").stat()
        assert (module.path / "build_lib.o").stat().st_mtime_ns >= source.st_mtime_ns


def test_what_is_built_is_not_seeded_again(modules: list[RenderedModule]) -> None:
    build.build_all(modules)
    (modules[0].path / "build_lib.o").write_text("mine")
    build.build_all(modules)
    assert (modules[0].path / "build_lib.o").read_text() == "mine"
    assert compiled(modules[0]) == ["build_lib.o"]


def test_another_source_makes_another_folder(modules: list[RenderedModule]) -> None:
    build.build_all(modules)
    before = shared.find(modules[0]).folder
    source = modules[0].path.parents[2] / "kmod/lib/sum.c"
    source.write_text(source.read_text() + "/* more */\n")
    again = render(modules[0].variant, modules[0].tree, modules[0].path.parents[2])
    build.build_all([again])
    after = shared.find(again).folder
    assert after != before and after.is_dir() and not before.exists()


def test_an_object_that_names_its_module_is_kept_back(modules: list[RenderedModule]) -> None:
    stub = modules[0].tree.kdir / "Makefile"
    stub.write_text(STUB.replace("object of", "object of extspt_shared"))
    build.build_all(modules)
    assert not (modules[0].path / "build_lib.o").exists()


def test_a_failure_is_left_to_the_build_itself(modules: list[RenderedModule]) -> None:
    stub = modules[0].tree.kdir / "Makefile"
    stub.write_text(STUB.replace('\t@echo $@ >>', '\t@false\n\t@echo $@ >>'))
    assert len(build.build_all(modules)) == 2
    assert not (modules[0].path / "build_lib.o").exists()


def test_nothing_is_common_where_everything_includes_it(modules: list[RenderedModule]) -> None:
    (modules[0].path / "kmod/lib/sum.h").write_text('#include "variant.h"\n')
    assert not shared.find(modules[0]).units
    files = {n: h for n, h in modules[0].files.items() if not n.startswith("build_")}
    assert not shared.find(replace(modules[0], files=files)).units


@pytest.mark.parametrize("spare, parallel", [(0, False), (2, True)])
def test_jobs_follow_the_tokens(tmp_path: Path, spare: int, parallel: bool) -> None:
    log = tmp_path / "log"
    (tmp_path / "Makefile").write_text(
        "all: a b c\na b c:\n\t@echo + >>log; sleep 0.3; echo - >>log\n")
    with JobServer(spare) as server:
        done = subprocess.run(["make", "-C", str(tmp_path)], pass_fds=server.files, check=True,
                              env={**os.environ, **server.environment}, capture_output=True)
    assert b"jobserver unavailable" not in done.stderr
    assert ("++" in log.read_text().replace("\n", "")) is parallel


def test_a_token_given_later_is_used(tmp_path: Path) -> None:
    with JobServer() as server:
        server.give()
        assert os.read(server.files[0], 1) == b"+"
