# SPDX-License-Identifier: GPL-2.0-only
"""The UML runner: its command line, what it refuses, and how a panic of it is told from a fault."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from generator import runners
from generator.errors import BuildError, RigError
from generator.runners import Guest, LostGuest, RunOutput, qemu, uml
from generator.runs import trial
from generator.runs.trial import Program
from generator.runs.watch import Limits
from generator.trees.kernel import KernelTree

DATA = Path(__file__).parent.parent / "data/serial"


def tree(arch: str, image: Path | None) -> KernelTree:
    return KernelTree("7.2.13-extspt-bench-um", Path("/k"), arch, "built", {}, "hash", "gcc", "gcc",
                      "gcc 12", image)


def test_command_line() -> None:
    """Several CPUs need seccomp said aloud; no path but the kernel's own is on it."""
    guest = Guest(Path("/k/linux"), Path("/a folder, odd/initramfs.cpio.gz"), 2, 512)
    whole = uml.RUNNER.command("uml", guest, Path("/a folder, odd"))
    shell, words = whole[:3], whole[3:]
    assert words[:4] == ["/k/linux", "mem=512M", "ncpus=2", "initrd=initramfs.cpio.gz"]
    assert "seccomp=on" in words and "con0=null,fd:2" in words
    assert [word for word in words[1:] if os.sep in word] == ["rdinit=/init"]
    assert shell[2].endswith("3>serial.txt") and "ssl1=null,fd:3" in words


@pytest.mark.parametrize(("free", "flags", "fits"), [
    (1 << 30, 0, True), (64 << 20, 0, False), (1 << 30, os.ST_NOEXEC, False)])
def test_memory_is_in_shm_where_it_fits_and_may_be_executed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, flags: int,
        fits: bool) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(
        f_flag=flags, f_bavail=free // 4096, f_frsize=4096))
    there = uml.environment("/home", 512, str(tmp_path))
    assert there == {"HOME": "/home", "TMPDIR": str(tmp_path) if fits else "/home"}


def test_memory_is_on_the_disk_without_shm(tmp_path: Path) -> None:
    assert uml.environment("/home", 512, str(tmp_path / "none"))["TMPDIR"] == "/home"


def test_native_tier() -> None:
    assert dict(uml.RUNNER.boots) == {"uml": ("native", "ns")}
    assert runners.find("uml") is uml.RUNNER and uml.RUNNER.available() is None


def test_kernel_of_the_wrong_kind(tmp_path: Path) -> None:
    x86 = tree("x86_64", tmp_path)
    with pytest.raises(BuildError, match="runs kernels for um") as caught:
        uml.RUNNER.image(x86)
    assert "RUNNER=qemu" in caught.value.fix
    with pytest.raises(BuildError, match="this one is for um") as caught:
        qemu.RUNNER.image(tree("um", tmp_path))
    assert "RUNNER=uml" in caught.value.fix
    with pytest.raises(RigError, match="no bootable image") as rig:
        uml.RUNNER.image(replace(x86, arch="um", image=None))
    assert "ARCH=um" in rig.value.fix


def test_pins_all_threads_or_none() -> None:
    """The first thread is CPU 0, further ones follow in the order they were started."""
    mine, cores = os.sched_getaffinity(0), sorted(os.sched_getaffinity(0))
    here = len(list(Path("/proc/self/task").glob("*")))
    assert not uml.pin(os.getpid(), here + 1, cores)
    stay = threading.Event()
    threads = [threading.Thread(target=stay.wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert uml.pin(os.getpid(), here + 2, (cores * (here + 2))[:here + 2])
        assert all(len(os.sched_getaffinity(thread.native_id or 0)) == 1 for thread in threads)
    finally:
        # While the two still wait: a thread that ends in between has no affinity to set.
        for task in Path("/proc/self/task").glob("*"):
            os.sched_setaffinity(int(task.name), mine)
        stay.set()
        for thread in threads:
            thread.join()


def boot(tmp_path: Path, body: str) -> RunOutput:
    program = Program("UML", [sys.executable, "-c", f"import sys, os\n{body}"], Limits(20, 20),
                      None, cwd=tmp_path, console=tmp_path / "console.log", is_guest=True)
    return trial.boot(program, "uml", tmp_path, lambda line: None)


def test_panic_is_the_guests_fault(tmp_path: Path) -> None:
    """UML aborts when its kernel panics: what would be the rig's fault in QEMU is not here."""
    with pytest.raises(LostGuest, match=r"kernel died: Kernel panic.*the test") as lost:
        boot(tmp_path, "open('serial.txt', 'w').write('EXTSPT BOOT p 7\\n')\n"
                       "print('[ 0.5] Kernel panic - not syncing: the test', flush=True)\n"
                       "os.abort()")
    assert lost.value.output.attempts[0].outcome == "panic"


def test_a_kernel_that_never_starts_is_the_rigs(tmp_path: Path) -> None:
    with pytest.raises(RigError, match="UML ended with signal 6") as caught:
        boot(tmp_path, "print('Failed to create a temporary file', flush=True)\nos.abort()")
    assert "temporary file" in caught.value.evidence
