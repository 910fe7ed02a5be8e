# SPDX-License-Identifier: GPL-2.0-only
"""Trees of another distro release: what is fetched, and that half a tree is never used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from test_kernel import tree

from generator import cli, layout, proc
from generator.errors import RigError, UsageError
from generator.trees import chroot, distro
from generator.trees.kernel import KernelTree

RELEASE = "7.3.4+deb13-cloud-amd64"


def package(folder: Path, name: str, files: Path, depends: str = "") -> Path:
    """A real package file with the tree ``files``."""
    control = files / "DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text(f"Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: none\n"
                       f"Description: test\n" + (f"Depends: {depends}\n" if depends else ""))
    made = folder / f"{name}_1_amd64.deb"
    subprocess.run(["dpkg-deb", "-Znone", "-b", files, made], check=True, capture_output=True)
    shutil.rmtree(files)
    return made


class Stub:
    """Stands in for apt: makes the packages it is asked for."""

    def __init__(self, folder: Path, image: bool = True) -> None:
        self.folder, self.image = folder, image

    def closure(self, packages: tuple[str, ...]) -> list[Path]:
        files = self.folder / "files"
        tree(files / f"usr/src/linux-headers-{RELEASE}", RELEASE)
        (files / "usr/bin").mkdir()
        (files / "usr/bin/make").write_text("")
        return [package(self.folder, "linux-headers", files)]

    def fetch(self, name: str) -> Path:
        files = self.folder / name
        if name.startswith("linux-image"):
            return package(self.folder, name, files, f"linux-binary-{RELEASE}, kmod")
        place = files / f"usr/lib/modules/{RELEASE}/vmlinuz"
        place.parent.mkdir(parents=True)
        if self.image:
            place.write_text("MZ")
        return package(self.folder, name, files)


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "trees"
    monkeypatch.setattr(layout, "TREES", folder)
    monkeypatch.setattr(distro, "mirror", lambda suite: "http://mirror.invalid/debian")
    monkeypatch.setattr(distro.Archive, "open", lambda folder, suite: Stub(folder))
    return folder


def test_fetched_tree_can_be_built_in_and_booted(trees: Path) -> None:
    found = distro.fetch("trixie-backports")
    assert (found.release, found.skipped) == (RELEASE, False)
    assert found.path == trees / "trixie-backports-cloud"
    assert (found.path / "bin").readlink() == Path("usr/bin")
    assert (found.path / "bin/make").is_file()
    seen = KernelTree.probe(found.path)
    assert (seen.kind, seen.release, seen.root) == ("distro-root", RELEASE, found.path)
    assert seen.make == ("make", "-C", f"/usr/src/linux-headers-{RELEASE}")
    assert seen.need_image() == found.path / f"usr/lib/modules/{RELEASE}/vmlinuz"
    command = seen.command(Path("/m"), "modules")
    assert command[:1] == ("unshare",)
    assert command[-3:] == (f"/usr/src/linux-headers-{RELEASE}", "M=/m", "modules")
    assert [path.name for path in trees.iterdir()] == ["trixie-backports-cloud"]


def test_second_fetch_does_nothing_until_more_is_wanted(trees: Path) -> None:
    first = distro.fetch("forky")
    assert distro.fetch("forky").skipped
    more = distro.fetch("forky", compilers=["gcc-15", "clang-19"])
    assert not more.skipped
    assert {"gcc-15", "clang-19", "lld-19", "llvm-19"} <= set(more.packages)
    assert set(first.packages) < set(more.packages)
    assert {"gcc-13", "gcc-15"} <= set(distro.fetch("forky", compilers=["gcc-13"]).packages)
    assert [one.suite for one in distro.fetched_trees()] == ["forky"]


def test_failed_fetch_leaves_the_old_tree_and_nothing_else(
        trees: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = distro.fetch("forky")
    monkeypatch.setattr(distro.Archive, "open",
                        lambda folder, suite: Stub(folder, image=False))
    with pytest.raises(RigError, match="holds a kernel image"):
        distro.fetch("forky", compilers=["gcc-15"])
    with pytest.raises(RigError, match="holds a kernel image"):
        distro.fetch("sid")
    assert distro.read_stamp(before.path) == distro.fetch("forky")
    assert [path.name for path in trees.iterdir()] == ["forky-cloud"]


def test_folder_without_its_stamp_is_no_fetched_tree(trees: Path) -> None:
    path = distro.fetch("forky").path
    (path / distro.STAMP).write_text('{"suite": "forky"}')
    assert distro.read_stamp(path) is None
    assert distro.fetched_trees() == []
    assert not distro.fetch("forky").skipped


@pytest.mark.parametrize(("suite", "flavor", "said"), [
    ("../etc", "cloud", "cannot be the name of a suite"),
    ("deb http://x", "cloud", "cannot be the name of a suite"),
    ("forky", "clouds", "unknown flavor 'clouds'"),
])
def test_names_that_cannot_be(trees: Path, suite: str, flavor: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        distro.fetch(suite, flavor)


def test_backports_lie_on_top_of_their_release() -> None:
    assert distro.parts("trixie-backports") == ("trixie", "trixie-backports")
    assert distro.parts("sid") == ("sid",)
    assert distro.parts("bookworm-security") == ("bookworm", "bookworm-security")


def test_mirror_is_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ("Debian|Debian-Security|http://a.invalid/debian-security/\n"
             "Other|Other|http://b.invalid/\nDebian|Debian|http://c.invalid/debian/\n")
    monkeypatch.setattr(proc, "query", lambda argv: proc.Done(tuple(argv), 0, lines))
    assert distro.mirror("sid") == "http://c.invalid/debian/"
    assert distro.mirror("bookworm-security") == "http://a.invalid/debian-security/"
    monkeypatch.setattr(proc, "query", lambda argv: proc.Done(tuple(argv), 0, ""))
    with pytest.raises(RigError, match="no Debian mirror"):
        distro.mirror("sid")


@pytest.mark.parametrize(("output", "said"), [
    ("E: You don't have enough free space in /x", "the disk is full"),
    ("E: The repository 'x nosuch Release' does not have a Release file.", "no package lists"),
])
def test_apt_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str,
                        said: str) -> None:
    monkeypatch.setattr(distro, "mirror", lambda suite: "http://mirror.invalid/debian")
    monkeypatch.setattr(proc, "query", lambda argv, **options: proc.Done((), 100, output))
    with pytest.raises(RigError, match=said) as caught:
        distro.Archive.open(tmp_path / "apt", "nosuch")
    assert caught.value.evidence == output


def test_apt_keeps_its_hands_off_the_machine(tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distro, "mirror", lambda suite: "http://mirror.invalid/debian")
    monkeypatch.setattr(proc, "query", lambda argv, **options: proc.Done((), 0, ""))
    distro.Archive.open(tmp_path / "apt", "trixie-backports").with_sources()
    conf = tmp_path / "apt/apt.conf"
    dump = subprocess.run(["apt-config", "-c", conf, "dump"], check=True, capture_output=True,
                          text=True).stdout
    for name in ("Dir::State", "Dir::State::status", "Dir::Cache", "Dir::Etc::SourceList"):
        assert f'{name} "{tmp_path}/apt/'.lower() in dump.lower()
    assert "APT::Update::Post-Invoke:: " not in dump
    lists = (tmp_path / "apt/sources.list").read_text().splitlines()
    assert [line.split()[0] for line in lists] == ["deb", "deb", "deb-src", "deb-src"]


def test_verb(trees: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tree", "-n", "fetch", "forky"]) == 0
    assert "linux-headers-cloud-amd64" in capsys.readouterr().out
    assert not trees.exists()
    assert cli.main(["tree", "fetch", "forky"]) == 0
    assert RELEASE in capsys.readouterr().out
    assert cli.main(["tree", "--json", "list"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["suite"] == "forky"


def test_command_in_a_root(tmp_path: Path) -> None:
    if subprocess.run([*chroot.enter(Path("/")), "true"], check=False,
                      capture_output=True).returncode:
        pytest.skip("this machine grants no mount namespace")
    root, shared = tmp_path / "root", tmp_path / "shared"
    for folder in (root / "usr/bin", root / "proc", root / "dev", shared):
        folder.mkdir(parents=True)
    busybox = proc.which("busybox", "busybox-static")
    for name in ("env", "cp", "test"):
        shutil.copy(busybox, root / "usr/bin" / name)
    done = subprocess.run([*chroot.enter(root, shared), "cp", "/proc/version", f"{shared}/made"],
                          check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (shared / "made").read_text() == Path("/proc/version").read_text()
    assert not any((root / "proc").iterdir())    # nothing stays mounted
    done = subprocess.run([*chroot.enter(root), "env"], check=True, capture_output=True, text=True,
                          env={**os.environ, "MAKEFLAGS": " -j --jobserver-auth=7,8"})
    # The job server goes along, else a build in there has one job; nothing else does.
    assert {line.split("=")[0] for line in done.stdout.splitlines()} == {
        "PATH", "HOME", "LC_ALL", "MAKEFLAGS"}
    assert "MAKEFLAGS= -j --jobserver-auth=7,8\n" in done.stdout
