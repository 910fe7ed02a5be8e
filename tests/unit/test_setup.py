# SPDX-License-Identifier: GPL-2.0-only
"""The set-up script with stubs for the programs that would change the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from generator import layout
from generator.trees import image

SCRIPT = "generator/setup.sh"
# Programs that only read or stay inside the project's folder.
HARMLESS = ("sh", "uname", "cat", "cksum", "dirname", "ls", "rm", "touch", "sed", "env", "mkdir")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout with the script and a bin folder with nothing but harmless programs."""
    for name in (SCRIPT, "pyproject.toml", "generator/trees/image.py"):
        (tmp_path / "co" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(layout.ROOT / name, tmp_path / "co" / name)
    (tmp_path / "bin").mkdir()
    for name in HARMLESS:
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin" / name).symlink_to(found)
    stub(tmp_path, "dpkg-query", "exit 1")
    stub(tmp_path, "apt-cache", "exit 0")
    stub(tmp_path, "id", "echo 0")
    return tmp_path


def stub(machine: Path, name: str, body: str) -> None:
    """A program that notes its call, then does ``body``."""
    path = machine / "bin" / name
    path.unlink(missing_ok=True)    # it may be a link to the machine's own program
    path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{machine}/calls"\n{body}\n')
    path.chmod(0o755)


def have_packages(machine: Path, but: str = "") -> None:
    """dpkg-query knows every package asked for, except one."""
    stub(machine, "dpkg-query", 'shift 3\nfor p; do [ "$p" = "' + but +
         '" ] || echo "$p installed"; done')


def setup(machine: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", str(machine / "co" / SCRIPT), *words], capture_output=True,
                          text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
                          env={"PATH": str(machine / "bin")})


def calls(machine: Path) -> str:
    return (machine / "calls").read_text()


def test_user_without_root_is_told_the_packages_in_one_line(machine: Path) -> None:
    stub(machine, "id", "echo 1000")
    done = setup(machine)
    assert done.returncode == 15
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "apt-get install python3-venv" in done.stderr
    for package in ("qemu-system-x86", "busybox-static", "linux-headers-cloud-amd64", "sparse"):
        assert f" {package}" in done.stderr


def test_sudo_that_refuses_counts_as_none(machine: Path) -> None:
    stub(machine, "id", "echo 1000")
    stub(machine, "sudo", "exit 1")
    done = setup(machine)
    assert done.returncode == 15
    assert "neither root nor sudo" in done.stderr


def test_only_what_is_missing_is_installed(machine: Path) -> None:
    have_packages(machine, but="sparse")
    stub(machine, "apt-get", "exit 0")
    stub(machine, "python3", "exit 1")      # ends the script after the packages
    assert setup(machine).returncode == 15
    installs = [line for line in calls(machine).splitlines() if "apt-get" in line]
    assert len(installs) == 1
    assert installs[0].endswith("install -y --no-install-recommends sparse")


def test_sudo_is_used_when_it_works(machine: Path) -> None:
    have_packages(machine, but="cpio")
    stub(machine, "id", "echo 1000")
    stub(machine, "sudo", '[ "$1" = -n ] || exec "$@"')
    stub(machine, "apt-get", "exit 0")
    setup(machine)
    assert "sudo env DEBIAN_FRONTEND=noninteractive apt-get" in calls(machine)


def test_lists_are_renewed_only_when_apt_does_not_know_a_package(machine: Path) -> None:
    have_packages(machine, but="cpio")
    stub(machine, "apt-get", "exit 0")
    setup(machine)
    assert " update" not in calls(machine)
    stub(machine, "apt-cache", "exit 100")
    setup(machine)
    assert " update" in calls(machine)


def test_install_that_fails_twice(machine: Path) -> None:
    have_packages(machine, but="cpio")
    stub(machine, "apt-get", "exit 100")
    done = setup(machine)
    assert done.returncode == 15
    assert "could not be installed: cpio" in done.stderr
    assert calls(machine).count(" install ") == 2


def test_bench_needs_no_test_tools(machine: Path) -> None:
    stub(machine, "id", "echo 1000")
    done = setup(machine, "bench")
    assert "sparse" not in done.stderr
    assert "qemu-system-x86" in done.stderr


def test_old_python_is_named(machine: Path) -> None:
    have_packages(machine)
    stub(machine, "python3", 'case $1 in -V) echo Python 3.9.2;; *) exit 1;; esac')
    done = setup(machine)
    assert done.returncode == 15
    assert "Python 3.11 or newer is needed; python3 is Python 3.9.2" in done.stderr


def test_other_systems_are_refused(machine: Path) -> None:
    stub(machine, "uname", 'case $1 in -s) echo Linux;; *) echo aarch64;; esac')
    done = setup(machine)
    assert done.returncode == 15
    assert "aarch64" in done.stderr


def test_broken_install_is_not_taken_for_done(machine: Path) -> None:
    have_packages(machine)
    (machine / "co/.venv/bin").mkdir(parents=True)
    (machine / "co/.venv/bin/extspt").write_text("#!/bin/sh\n")
    (machine / "co/.venv/bin/extspt").chmod(0o755)
    stub(machine, "python3", '[ "$1" = -c ]')       # the venv cannot be made
    done = setup(machine)
    assert done.returncode == 15
    assert "python3 -m venv failed" in done.stderr


def test_a_checkout_behind_a_link_keeps_its_environment(machine: Path) -> None:
    have_packages(machine)
    python = machine / "co/.venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\n[ "$1" = -c ] && echo {machine.resolve()}/co/.venv\n')
    python.chmod(0o755)
    stub(machine, "python3", "exit 0")
    (machine / "link").symlink_to(machine / "co")
    done = subprocess.run(["sh", str(machine / "link" / SCRIPT)], capture_output=True, text=True,
                          check=False, timeout=60, env={"PATH": str(machine / "bin")})
    assert done.returncode == 15 and "pip could not install" in done.stderr
    assert python.exists() and "virtual environment" not in done.stderr


def test_second_run_does_nothing_and_is_quick() -> None:
    assert (layout.ROOT / ".venv/.extspt-setup").exists(), "run 'make setup' first"
    command = ["sh", str(layout.ROOT / SCRIPT)]
    subprocess.run(command, check=True, timeout=600, capture_output=True)
    begun = time.monotonic()
    done = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
    took = time.monotonic() - begun
    assert (done.stdout, done.stderr) == ("", "")
    assert took < 2, f"took {took:.2f} s; 0.02 s on an idle machine"


def test_packages_that_hold_a_split_kernel() -> None:
    release = "7.2.13+deb14-cloud-amd64"
    depends = (f"linux-base (>= 4.12), linux-binary-{release} (= 7.2.13-1), "
               f"linux-modules-{release} (= 7.2.13-1), kmod | initramfs-tools")
    assert image.split_packages(depends, release) == [f"linux-binary-{release}",
                                                      f"linux-modules-{release}"]


def test_scratch_folder_goes_with_the_failure(tmp_path: Path) -> None:
    def fail() -> None:
        with image.scratch(tmp_path) as fresh:
            (fresh / "half").write_text("x")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_download_left_is_not_taken_up(tmp_path: Path) -> None:
    left = tmp_path / f".download-{os.getpid()}"
    (left / "root/usr").mkdir(parents=True)
    with image.scratch(tmp_path) as fresh:
        assert fresh == left and list(fresh.iterdir()) == []


def test_image_that_is_there_needs_no_network(tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "KERNELS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    kept = tmp_path / "6.1.0-1" / "boot" / "vmlinuz-6.1.0-1"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"MZ")
    assert image.ensure("6.1.0-1") == kept
