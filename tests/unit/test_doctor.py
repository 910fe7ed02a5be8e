# SPDX-License-Identifier: GPL-2.0-only
"""The doctor names what is missing and the command that mends it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_kernel import CONFIG, tree
from test_treeform import source

from generator import cli, layout, proc
from generator.trees import compiler


def table(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, dict[str, str]]]:
    code = cli.main(["doctor", "--json", *words])
    return code, {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_a_machine_that_is_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    code, rows = table(capsys)
    assert code == 0, [row for row in rows.values() if row["state"] == "missing"]
    assert rows["kernel image"]["state"] == "ok"
    assert rows["kvm"]["state"] == "note"
    assert "not probed" in rows["kvm"]["detail"]


def test_missing_tools_and_tree(capsys: pytest.CaptureFixture[str], tmp_path: Path,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(layout, "TOOLS", tmp_path)
    code, rows = table(capsys, "--kdir", str(tmp_path / "nowhere"))
    assert code == 15
    for name, package, state in (("qemu-system-x86_64", "qemu-system-x86", "missing"),
                                 ("sparse", "sparse", "note")):     # only the tests need it
        assert rows[name]["state"] == state
        assert f"apt-get install {package}" in rows[name]["fix"]
    assert rows["kernel tree"]["state"] == "missing"
    assert "no such folder" in rows["kernel tree"]["detail"]
    assert rows["checkpatch"]["fix"] == "make setup"


def test_text_has_one_mending_line_for_each_missing(capsys: pytest.CaptureFixture[str],
                                                    tmp_path: Path) -> None:
    assert cli.main(["doctor", "--kdir", str(tmp_path)]) == 15
    out = capsys.readouterr().out
    assert out.count("missing ") == out.count("mend: ") == 1


@pytest.fixture
def no_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "TREES", tmp_path / "no-trees")


def test_plain_source(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = source(tmp_path / "s")
    (folder / "scripts/min-tool-version.sh").write_text("echo 99.1.0\n")
    code, rows = table(capsys, str(folder))
    assert code == 15
    assert "plain source" in rows["form"]["detail"]
    assert "needs gcc 99.1.0" in rows["compiler"]["detail"]
    assert rows["kernel tree"]["fix"].startswith(f"extspt kernel build {folder}")
    assert rows["build tools"]["state"] == "ok"


def test_source_without_tools_and_room(capsys: pytest.CaptureFixture[str], tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    found = proc.find
    monkeypatch.setattr(proc, "find", lambda name: None if name == "flex" else found(name))
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=500 << 20))
    _, rows = table(capsys, str(source(tmp_path / "s")))
    assert rows["build tools"]["fix"] == "apt-get install flex"
    assert rows["disk"]["state"] == "missing" and "1024 MiB to build one" in rows["disk"]["fix"]


def test_configured_source_without_pahole(capsys: pytest.CaptureFixture[str], tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    folder = source(tmp_path / "s", configured=True)
    with (folder / ".config").open("a") as config:
        config.write("CONFIG_DEBUG_INFO_BTF=y\n")
    found = proc.find
    monkeypatch.setattr(proc, "find", lambda name: None if name == "pahole" else found(name))
    _, rows = table(capsys, str(folder))
    assert rows["pahole"]["fix"] == "apt-get install pahole"
    assert rows["kernel tree"]["fix"] == f"make -C {folder} modules_prepare"


@pytest.mark.usefixtures("no_trees")
def test_prepared_tree_and_too_little_room(capsys: pytest.CaptureFixture[str], tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tree(tmp_path / "t", "6.99.0-x")
    (folder / "MAINTAINERS").write_text("")
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=5 << 20))
    _, rows = table(capsys, "--kdir", str(folder))
    assert "prepared source" in rows["kernel tree"]["detail"]
    assert rows["disk"]["detail"] == "5 MiB free"
    assert rows["kernel image"]["state"] == "missing"


def test_compiler_that_is_too_old(capsys: pytest.CaptureFixture[str], tmp_path: Path,
                                  monkeypatch: pytest.MonkeyPatch) -> None:
    config = CONFIG.replace("12.2.0", "16.1.0") + "CONFIG_CC_HAS_COUNTED_BY_PTR=y\n"
    monkeypatch.setattr(compiler, "version_line", lambda program, inside=(): "gcc (X) 12.4.0")
    _, rows = table(capsys, str(tree(tmp_path / "t", "6.99.0-x", config=config)))
    assert rows["compiler"]["state"] == "missing"
    assert "counted_by on pointers (gcc 16)" in rows["compiler"]["detail"]


def test_why_an_option_is_off(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = source(tmp_path / "s", configured=True)
    (folder / "Kconfig").write_text('config X\n\tbool "x"\n\tdepends on NOWHERE\n')
    assert cli.main(["doctor", str(folder), "--why", "CONFIG_X"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "  needs NOWHERE"
    assert cli.main(["doctor", str(folder), "--why", "Y"]) == 2
    headers = tree(tmp_path / "headers")
    assert cli.main(["doctor", str(headers), "--why", "X"]) == 10
    assert "extspt kernel fetch" in capsys.readouterr().err
    assert cli.main(["doctor", str(headers), "--why", "X", "--ksrc", str(folder)]) == 0
    assert cli.main(["doctor", str(source(tmp_path / "plain")), "--why", "X"]) == 12


def test_why_in_headers_is_asked_of_the_fetched_source(
        capsys: pytest.CaptureFixture[str], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "SOURCES", tmp_path / "sources")
    headers = tree(tmp_path / "headers")
    (headers / "include/config/kernel.release").write_text("7.2.13+deb14-cloud-amd64\n")
    for number in ("7.2.13", "6.1.9"):
        fetched = source(tmp_path / "sources" / number)
        major, minor, patch = number.split(".")
        (fetched / "Makefile").write_text(
            f"VERSION = {major}\nPATCHLEVEL = {minor}\nSUBLEVEL = {patch}\nEXTRAVERSION =\n")
        (fetched / "Kconfig").write_text(f'config X\n\tbool "of {number}"\n')
    assert cli.main(["doctor", str(headers), "--why", "X"]) == 0
    said = capsys.readouterr()
    assert '"of 7.2.13"' in said.out and said.err == ""
    older = str(tmp_path / "sources/6.1.9")
    assert cli.main(["doctor", str(headers), "--why", "X", "--ksrc", older]) == 0
    assert "this Kconfig is of Linux 6.1.9, the kernel of 7.2.13" in capsys.readouterr().err


def test_two_trees(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "a", "--kdir", "b"]) == 2
    assert "two trees" in capsys.readouterr().err
