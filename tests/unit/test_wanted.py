# SPDX-License-Identifier: GPL-2.0-only
"""What a test run makes for itself, and what it says where it may not or cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
import wanted

from generator import layout
from generator.errors import BuildError, RigError
from generator.gate import kernels
from generator.trees import distro, sources
from generator.trees.sources import Source
from generator.verbs import kernel


def made(folder: Path, number: str) -> Path:
    """A folder with the Makefile of a kernel source of 7.x.y."""
    folder.mkdir(parents=True)
    major, minor, patch = number.split(".")
    (folder / "Makefile").write_text(f"VERSION = {major}\nPATCHLEVEL = {minor}\n"
                                     f"SUBLEVEL = {patch}\nEXTRAVERSION =\n")
    (folder / "Kconfig").touch()
    mmu = folder / "arch/x86/kvm/mmu/tdp_mmu.c"
    mmu.parent.mkdir(parents=True)
    mmu.touch()
    return folder


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "SOURCES", tmp_path / "sources")
    monkeypatch.setattr(layout, "TREES", tmp_path / "trees")
    monkeypatch.setattr(kernels, "own_uml", lambda: None)
    for module in (sources, distro):
        monkeypatch.setattr(module, "fetch", lambda suite: pytest.fail("nothing is to be fetched"))
    monkeypatch.delenv(wanted.ALLOWED, raising=False)


def reason(caught: pytest.ExceptionInfo[BaseException]) -> str:
    return str(caught.value)


@pytest.mark.parametrize(("get", "kind"), [(wanted.source, "source"), (wanted.uml, "uml"),
                                           (wanted.source_and_headers, "kvm")])
def test_nothing_is_fetched_unasked(get: wanted.Callable[[], object], kind: str,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("", *({"uml", "kvm"} - {kind} if kind != "source" else ())):
        monkeypatch.setenv(wanted.ALLOWED, other)
        with pytest.raises(pytest.skip.Exception) as caught:
            get()
        assert f"make test TEST_KERNELS={kind} makes it" in reason(caught)


def test_mirror_that_has_none_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(suite: str) -> Source:
        raise RigError(f"no package lists of {suite}")
    monkeypatch.setattr(sources, "fetch", refuse)
    monkeypatch.setenv(wanted.ALLOWED, "kvm uml")
    with pytest.raises(pytest.skip.Exception, match="cannot be fetched: no package lists of sid"):
        wanted.source()


def test_suite_that_has_moved_on_is_a_reason(tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    newer = made(tmp_path / "sources/9.9.1", "9.9.1")
    monkeypatch.setattr(sources, "fetch", lambda suite: Source(newer, "9.9.1"))
    monkeypatch.setenv(wanted.ALLOWED, "source")
    with pytest.raises(pytest.skip.Exception, match=r"no hook list for Linux 9\.9\.1"):
        wanted.source()


def test_kernel_that_does_not_build_is_a_failure(tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "sources/7.2.13", "7.2.13")

    def fail(source: Path, recipe: object) -> None:
        raise BuildError("the kernel does not build")
    monkeypatch.setattr(kernel, "make", fail)
    monkeypatch.setenv(wanted.ALLOWED, "uml")
    with pytest.raises(BuildError, match="does not build"):
        wanted.uml()


def test_newest_source_and_the_headers_of_its_version(tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    for number in ("7.2.9", "7.2.13", "6.1.176"):
        made(tmp_path / "sources" / number, number)
    assert [path.name for path in wanted.hooked_sources()] == ["7.2.9", "7.2.13"]
    tree = distro.Fetched(tmp_path, "sid", "cloud", "7.2.9+deb14-cloud-amd64", ())
    monkeypatch.setattr(distro, "fetched_trees", lambda: [tree])
    assert wanted.source_and_headers() == (tmp_path / "sources/7.2.9", tree)
