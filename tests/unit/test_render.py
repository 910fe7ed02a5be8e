# SPDX-License-Identifier: GPL-2.0-only
"""Same inputs, same bytes; only what differs is written; nothing of this machine gets in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jinja2
import pytest

from generator import layout, proc
from generator.errors import RenderError
from generator.modules import render
from generator.modules.variant import Variant, load_variant
from generator.trees.kernel import KernelTree

TREE = KernelTree("6.1.0-1", Path("/somewhere/headers"), "x86_64", "distro-headers", {}, "c0ffee",
                  "gcc-12 (X) 12.2.0", "gcc-12", "gcc-12 (X) 12.2.0", None)


@pytest.fixture
def cached(small_tree: Path) -> Variant:
    return load_variant("cached", small_tree)


def test_staged_files(small_tree: Path, cached: Variant) -> None:
    done = render.render(cached, TREE, small_tree)
    assert done.path == small_tree / "build/6.1.0-1/cached"
    on_disk = {path.relative_to(done.path).as_posix() for path in done.path.rglob("*")
               if path.is_file()}
    assert on_disk == done.files.keys() == set(done.changed)
    assert on_disk == {
        "Kbuild", "module.c", "variant.h", "build_lib.c", "build_hosts_twin.c", "kmod/strategy.h",
        "kmod/lib/sum.c", "kmod/lib/sum.h",
        "kmod/hosts/twin/main.c", "kmod/hosts/twin/host.h", "kmod/axes/guard/contract.h",
        "kmod/axes/guard/spin.h", "kmod/axes/source/contract.h", "kmod/axes/source/cache.h"}
    kbuild = (done.path / "Kbuild").read_text()
    assert "obj-m := extspt_cached.o\n" in kbuild
    assert [line.split()[-1] for line in kbuild.splitlines() if "-y +=" in line
            and "ccflags" not in line] == ["build_lib.o", "build_hosts_twin.o",
                                                  "module.o"]
    assert '#include "kmod/lib/sum.c"\n' in (done.path / "build_lib.c").read_text()


def test_one_unit_per_folder_unless_names_clash() -> None:
    plain = b"#define pr_fmt(fmt) fmt\nint exported(void)\n{\n\treturn helper();\n}\n"
    files = {"kmod/lib/a.c": plain + b"static inline u64 helper(int x)\n{\n}\n",
             "kmod/lib/b.c": plain + b"static int other[3];\nint x = call(helper);\n",
             "kmod/lib/c.c": plain + b"static struct foo *helper(void)\n{\n}\n",
             "kmod/lib/d.c": plain + b"#define other 3\n",
             "kmod/lib/e.c": plain + b"static DEFINE_SPINLOCK(lock);\nstruct item {\n};\n",
             "kmod/lib/f.c": plain + b"struct item *f(struct item *item)\n{\n}\n",
             "kmod/lib/g.c": plain + b"enum item { A };\nstatic DEFINE_MUTEX(lock);\n",
             "kmod/lib/a.h": b"static int helper;\n", "kmod/tdx/a.c": b"static int helper = 1;\n"}
    assert render.group(files) == {
        "build_lib": ["kmod/lib/a.c", "kmod/lib/b.c", "kmod/lib/e.c", "kmod/lib/f.c"],
        "build_lib_2": ["kmod/lib/c.c", "kmod/lib/d.c", "kmod/lib/g.c"],
        "build_tdx": ["kmod/tdx/a.c"]}


def test_variant_header(small_tree: Path, cached: Variant) -> None:
    text = (render.render(cached, TREE, small_tree).path / "variant.h").read_text()
    for line in ('#define EXTSPT_VARIANT "cached"',
                 '#define EXTSPT_TITLE "a cache: \\042quoted\\042"',
                 "#define CONFIG_EXTSPT_CACHE_MIN 7",
                 "#define CONFIG_EXTSPT_SOURCE_CACHE 1",
                 '#define EXTSPT_AXIS_SOURCE "axes/source/cache.h"',
                 '#define EXTSPT_CHOICE_GUARD "spin"'):
        assert f"{line}\n" in text
    assert "CACHE_ACCOUNT" not in text      # n: IS_ENABLED() must be false


def test_no_trace_of_the_machine(small_tree: Path, cached: Variant) -> None:
    done = render.render(cached, TREE, small_tree)
    for name in done.files:
        text = (done.path / name).read_text()
        assert str(small_tree) not in text
        assert str(TREE.kdir) not in text


def test_same_inputs_same_bytes(small_tree: Path, cached: Variant) -> None:
    first = render.render(cached, TREE, small_tree)
    second = render.render(cached, replace(TREE, kdir=Path("/elsewhere")), small_tree)
    assert second.fingerprint == first.fingerprint
    assert second.files == first.files
    assert second.changed == ()


@pytest.mark.parametrize("change", [{"release": "6.1.0-2"}, {"config_hash": "dead"},
                                    {"compiler": "gcc-12 (X) 12.3.0"}])
def test_fingerprint_follows_the_tree(small_tree: Path, cached: Variant,
                                      change: dict[str, str]) -> None:
    first = render.render(cached, TREE, small_tree)
    assert render.render(cached, replace(TREE, **change), small_tree).fingerprint \
        != first.fingerprint


def test_fingerprint_is_in_the_module_and_follows_the_sources(small_tree: Path,
                                                              cached: Variant) -> None:
    first = render.render(cached, TREE, small_tree)
    assert first.fingerprint in (first.path / "module.c").read_text()
    source = small_tree / "kmod/lib/sum.c"
    source.write_text(source.read_text().replace("a + b", "b + a"))
    second = render.render(cached, TREE, small_tree)
    assert second.fingerprint != first.fingerprint
    assert set(second.changed) == {"kmod/lib/sum.c", "module.c"}


def test_unused_choice_changes_nothing(small_tree: Path, cached: Variant) -> None:
    first = render.render(cached, TREE, small_tree)
    (small_tree / "kmod/axes/source/list.h").write_text("/* another */\n")
    assert render.render(cached, TREE, small_tree).fingerprint == first.fingerprint


def test_only_differing_files_are_rewritten(small_tree: Path, cached: Variant) -> None:
    done = render.render(cached, TREE, small_tree)
    kept = (done.path / "kmod/strategy.h").stat().st_mtime_ns
    (done.path / "kmod/lib/sum.h").write_text("edited by hand\n")
    (done.path / "kmod/lib/gone.c").write_text("from an older kmod\n")
    (done.path / "extspt_cached.mod.c").write_text("Kbuild's\n")
    (done.path / "module.o").write_text("Kbuild's\n")
    again = render.render(cached, TREE, small_tree)
    assert again.changed == ("kmod/lib/sum.h",)
    assert (done.path / "kmod/strategy.h").stat().st_mtime_ns == kept
    assert not (done.path / "kmod/lib/gone.c").exists()
    assert (done.path / "extspt_cached.mod.c").exists()
    assert (done.path / "module.o").exists()


def test_interrupted_staging_cannot_be_built(small_tree: Path, cached: Variant,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    done = render.render(cached, TREE, small_tree)
    (small_tree / "kmod/lib/sum.c").write_text("changed\n")
    (small_tree / "kmod/strategy.h").write_text("changed\n")
    write, written = render._replace, []

    def stop_after_one(path: Path, data: bytes) -> None:
        if written:
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        write(path, data)

    monkeypatch.setattr(render, "_replace", stop_after_one)
    with pytest.raises(OSError, match="No space"):
        render.render(cached, TREE, small_tree)
    assert not (done.path / "Kbuild").exists()
    monkeypatch.undo()
    assert "Kbuild" in render.render(cached, TREE, small_tree).changed


def test_dry_run_says_what_would_change_and_writes_nothing(
        small_tree: Path, cached: Variant, capsys: pytest.CaptureFixture[str]) -> None:
    proc.set_dry_run(True)
    assert not render.render(cached, TREE, small_tree).path.exists()
    assert "# render cached into " in capsys.readouterr().out
    proc.set_dry_run(False)
    render.render(cached, TREE, small_tree)
    proc.set_dry_run(True)
    render.render(cached, TREE, small_tree)
    assert capsys.readouterr().out == ""


def test_a_tree_without_sources(small_tree: Path, cached: Variant) -> None:
    for path in (small_tree / "kmod").rglob("*.c"):
        path.unlink()
    with pytest.raises(RenderError, match="no C source"):
        render.render(cached, TREE, small_tree)


def test_template_faults_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.j2").write_text("line\n@{ nobody.knows }@\n")
    (tmp_path / "worse.j2").write_text("line\n@% if %@\n")
    environment = render.environment(tmp_path)
    monkeypatch.setattr(render, "environment", lambda: environment)
    with pytest.raises(RenderError, match="'nobody' is undefined"):
        render.fill("bad")
    with pytest.raises(RenderError) as caught:
        render.fill("worse")
    assert caught.value.where == "worse.j2:2"


def test_delimiters_leave_c_and_shell_alone() -> None:
    text = "int a[] = {{1}, {2}}; /* {% %} {# #} */ case $x in *) echo ${x#@};; esac @name\n"
    environment = render.environment()
    assert environment.from_string(text).render() == text
    assert isinstance(environment.undefined("x"), jinja2.StrictUndefined)


def test_every_template_parses() -> None:
    environment = render.environment()
    names = [path.name for path in layout.TEMPLATES.glob("*.j2")]
    assert {"Kbuild.j2", "variant.h.j2", "module.c.j2"} <= set(names)
    for name in names:
        environment.get_template(name)


@pytest.mark.parametrize(("text", "literal"), [
    ("plain", '"plain"'), ('say "x"', r'"say \042x\042"'), ("back\\slash", r'"back\134slash"'),
    ("a\nb", r'"a\012b"'), ("é1", r'"\303\2511"'), ("??=", '"??="'),
])
def test_c_string(text: str, literal: str) -> None:
    assert render.c_string(text) == literal
