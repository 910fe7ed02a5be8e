# SPDX-License-Identifier: GPL-2.0-only
"""What a build does with success, failure and repetition; a stub stands in for Kbuild here.

The real Kbuild is in tests/build.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from generator import proc
from generator.errors import BuildError, RigError
from generator.modules import build
from generator.modules.render import RenderedModule, render
from generator.modules.variant import load_variant
from generator.trees.kernel import KernelTree

RELEASE = "6.1.0-1"
GOOD = """modules:
\t@echo "  LD [M] built with $(W) $(KCFLAGS)"
\t@n=$(notdir $(M)); echo "$$n" >$(M)/extspt_$$n.ko; echo x >>$(M)/count
"""
BAD = """modules:
\t@echo "  CC [M]  main.o"
\t@echo "kmod/hosts/twin/main.c:7:2: error: expected ';' before 'return'"
\t@echo "    7 | int x"
\t@echo "      | ^"
\t@echo "make[1]: *** [main.o] Error 1"
\t@false
"""


@pytest.fixture
def module(small_tree: Path, monkeypatch: pytest.MonkeyPatch) -> RenderedModule:
    kdir = small_tree / "kdir"
    kdir.mkdir()
    (kdir / "Makefile").write_text(GOOD)
    tree = KernelTree(RELEASE, kdir, "x86_64", "distro-headers", {}, "c0ffee", "gcc (X) 12.2.0",
                      "gcc", "gcc (X) 12.2.0", None)
    monkeypatch.setattr(build, "_refuse_wrong_release", lambda tree, ko: None)
    return render(load_variant("cached", small_tree), tree, small_tree)


def makefile(module: RenderedModule, text: str) -> None:
    (module.tree.kdir / "Makefile").write_text(text)


def test_built_with_warnings_as_errors(module: RenderedModule) -> None:
    built = build.build(module)
    assert built.ko == module.path / "extspt_cached.ko"
    assert built.sha256 == hashlib.sha256(b"cached\n").hexdigest()
    assert not built.skipped
    log = (module.path / build.LOG).read_text()
    assert "built with 1 -Werror" in log
    assert log.startswith(f"$ make -C {module.tree.kdir} M={module.path}")


def builds(module: RenderedModule) -> int:
    return len((module.path / "count").read_text().split())


def test_same_fingerprint_is_skipped(module: RenderedModule) -> None:
    first = build.build(module)
    second = build.build(module)
    assert (second.skipped, second.sha256, builds(module)) == (True, first.sha256, 1)


def test_a_kernel_that_was_built_again_gets_its_own_module(module: RenderedModule) -> None:
    """Its release and its .config are the same; a structure may not be."""
    image = module.tree.kdir / "vmlinux"
    own = replace(module, tree=replace(module.tree, kind="built", image=image))
    image.write_text("a kernel")
    assert not build.build(own).skipped and build.build(own).skipped
    image.write_text("another kernel")
    assert not build.build(own).skipped and build.build(own).skipped


def test_what_is_not_intact_is_built_again(module: RenderedModule) -> None:
    build.build(module)
    build.build(replace(module, fingerprint="another"))
    assert builds(module) == 2
    (module.path / "extspt_cached.ko").write_text("damaged")
    build.build(replace(module, fingerprint="another"))
    assert builds(module) == 3
    (module.path / build.STAMP).write_text('{"fingerprint": "anot')
    build.build(replace(module, fingerprint="another"))
    assert builds(module) == 4
    (module.path / "extspt_cached.ko").unlink()
    build.build(replace(module, fingerprint="another"))
    assert builds(module) == 5


def test_failure_shows_the_first_errors_and_leaves_no_stamp(module: RenderedModule) -> None:
    build.build(module)
    makefile(module, BAD)
    with pytest.raises(BuildError) as caught:
        build.build(replace(module, fingerprint="another"))
    error = caught.value
    assert error.exit_code == 12
    assert error.evidence.splitlines()[0].startswith("kmod/hosts/twin/main.c:7:2: error:")
    assert "CC [M]" not in error.evidence
    assert error.where == str(module.path / build.LOG)
    assert not (module.path / build.STAMP).exists()


def test_full_disk_is_not_the_modules_fault(module: RenderedModule) -> None:
    makefile(module, BAD.replace("expected ';' before 'return'", "No space left on device"))
    with pytest.raises(RigError, match="the disk is full") as caught:
        build.build(module)
    assert caught.value.exit_code == 15
    assert "No space left" in caught.value.evidence


def test_log_without_a_known_error_shows_its_end() -> None:
    output = "\n".join(f"line {n}" for n in range(40))
    assert build.first_errors(output, limit=3) == "line 37\nline 38\nline 39"
    assert build.first_errors("a\nERROR: modpost: \"x\" undefined!\nb") \
        == 'ERROR: modpost: "x" undefined!\nb'


def test_several_side_by_side(module: RenderedModule) -> None:
    modules = [module]
    for name in ("listed", "cached_aprime"):
        root = module.path.parents[2]
        modules.append(render(load_variant(name, root), module.tree, root))
    told: list[str] = []
    lock = threading.Lock()

    def done(built: build.BuiltModule) -> None:
        with lock:
            told.append(built.rendered.variant.name)

    built = build.build_all(modules, done)
    assert [b.rendered.variant.name for b in built] == ["cached", "listed", "cached_aprime"]
    assert sorted(told) == ["cached", "cached_aprime", "listed"]
    assert build.build_all([]) == []


def test_one_failure_of_several_is_raised(module: RenderedModule) -> None:
    root = module.path.parents[2]
    other = render(load_variant("listed", root), module.tree, root)
    makefile(module, BAD)
    with pytest.raises(BuildError, match="does not build"):
        build.build_all([module, other])


def test_missing_compiler_stops_before_make(module: RenderedModule) -> None:
    lacking = replace(module, tree=replace(module.tree, compiler="", cc="gcc-99"))
    with pytest.raises(BuildError, match="gcc-99 is not installed"):
        build.build_all([lacking])
    assert not (module.path / build.LOG).exists()


def test_dry_run_prints_the_command(module: RenderedModule,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    proc.set_dry_run(True)
    build.build_all([module])
    out = capsys.readouterr().out
    assert f"make -C {module.tree.kdir} M={module.path}" in out
    assert f"W=1 'KCFLAGS=-Werror -ffile-prefix-map={module.path}=.' modules" in out
    assert not (module.path / "count").exists()


def test_module_of_another_release_is_refused(module: RenderedModule, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    stub = tmp_path / "bin" / "modinfo"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\necho "6.1.0-2 SMP preempt mod_unload"\n')
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stub.parent}:/usr/bin:/bin")
    with pytest.raises(BuildError, match=r"for '6\.1\.0-2 SMP"):
        build.build(module)
    assert not (module.path / build.STAMP).exists()
