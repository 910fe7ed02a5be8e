# SPDX-License-Identifier: GPL-2.0-only
"""KVM is used only after a guest of it has printed a marker; everything else is a reason not to."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from generator.runners import qemu
from generator.runs import kvmprobe, plan
from generator.trees.kernel import KernelTree

#: As QEMU 7.2 prints it under a nested hypervisor, and then stays.
INTERNAL_ERROR = """KVM internal error. Suberror: 1
extra data[0]: 0x0000000000000000
emulation failure
RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000
"""


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /dev/kvm that can be opened."""
    fake = tmp_path / "kvm"
    fake.touch()
    monkeypatch.setattr(kvmprobe, "DEVICE", fake)
    return fake


def probe(body: str, patience_s: float = 5.0) -> str:
    """The probe with Python in QEMU's place; serial: path of the record port."""
    def command(initramfs: Path, out: Path) -> list[str]:
        assert initramfs.read_bytes()[:2] == b"\x1f\x8b"
        return [sys.executable, "-c", f"import sys, time\nserial = {str(out / 'serial.txt')!r}\n"
                                      f"error = {INTERNAL_ERROR!r}\n{body}"]
    return kvmprobe.failure(command, patience_s)


def test_a_guest_that_prints_its_marker(device: Path) -> None:
    assert probe("open(serial, 'w').write('EXTSPT END cases=0 status=0\\n'); time.sleep(60)") == ""


def test_internal_error_is_seen_although_qemu_stays(device: Path) -> None:
    start = time.monotonic()
    why = probe("sys.stderr.write(error); sys.stderr.flush(); time.sleep(60)", 30.0)
    assert why == "KVM internal error. Suberror: 1"
    assert time.monotonic() - start < 15


def test_a_guest_that_hangs(device: Path) -> None:
    assert probe("time.sleep(60)", 0.5) == "a guest printed nothing in 0.5 s"


def test_qemu_that_ends(device: Path) -> None:
    assert probe("sys.exit('Could not access KVM')") == "QEMU ended at once: Could not access KVM"
    assert probe("os = __import__('os'); os._exit(7)") == "QEMU ended at once: exit status 7"


def test_no_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvmprobe, "DEVICE", tmp_path / "none")
    assert "not there" in probe("")


def tree(tmp_path: Path) -> KernelTree:
    image = tmp_path / "vmlinuz"
    image.touch()
    return KernelTree("6.1", tmp_path, "x86_64", "built", {}, "hash", "gcc", "gcc", "gcc 12", image)


def test_fallback_is_said_and_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                      capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(kvmprobe, "failure", lambda command: "KVM internal error. Suberror: 1")
    assert qemu.RUNNER.choose(["icount", "kvm", "mttcg"], tree(tmp_path)) == ["icount", "mttcg"]
    said = capsys.readouterr().err
    assert "KVM internal error" in said and "MTTCG instead, tier model" in said
    monkeypatch.setattr(kvmprobe, "failure", lambda command: "")
    assert qemu.RUNNER.choose(["kvm"], tree(tmp_path)) == ["kvm"]


def test_nobody_gets_kvm_unasked(tmp_path: Path) -> None:
    assert qemu.RUNNER.choose(None, tree(tmp_path)) == ["icount", "mttcg"]


def test_kvm_is_of_the_native_tier() -> None:
    assert qemu.RUNNER.boots["kvm"] == ("native", "ns") != plan.COUNT_TIER
    guest = qemu.Guest(Path("vmlinuz"), Path("i.gz"), 2)
    words = qemu.RUNNER.command("kvm", guest, Path("/o"))
    assert words[words.index("-accel") + 1] == "kvm" and words[words.index("-cpu") + 1] == "host"
    assert os.sep not in qemu.RUNNER.facts()["cpu_model"]
