# SPDX-License-Identifier: GPL-2.0-only
"""A script in a guest: what it is given, and that a lost guest is a result and not an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator import runners
from generator.runners import Attempt, Guest, Load, LostGuest, OnLine, RunOutput, uml
from generator.runs import scripted
from generator.runs.watch import Outcome
from generator.trees.kernel import KernelTree

SERIAL = "EXTSPT BOOT x 7.2.13\nhello\nEXTSPT LOCKDEP debug_locks={}\nEXTSPT END cases=0 status=0\n"


class Fake(uml.Uml):
    """Keeps what it is given; its guest leaves SERIAL."""

    lockdep, lost = 1, ""

    def prepare(self, guest: Guest, load: Load) -> None:
        self.guest, self.load = guest, load
        guest.initramfs.parent.mkdir(parents=True, exist_ok=True)
        guest.initramfs.touch()

    def boot(self, boot: str, guest: Guest, out: Path, on_line: OnLine) -> RunOutput:
        (out / "serial.txt").write_text(SERIAL.format(self.lockdep))
        how = Outcome.PANIC if self.lost else Outcome.DONE
        output = RunOutput(out / "serial.txt", out / "console.log", (Attempt(0.3, how.value),),
                           False, False, ())
        if self.lost:
            raise LostGuest(self.lost, output, where="", fix="", evidence="")
        return output


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    found = Fake()
    monkeypatch.setattr(runners, "find", lambda name: found)
    return found


def tree(tmp_path: Path) -> KernelTree:
    return KernelTree("7.2.13", tmp_path, "um", "built", {}, "hash", "gcc", "gcc", "gcc 12",
                      tmp_path / "linux")


def test_what_the_guest_is_given(fake: Fake, tmp_path: Path) -> None:
    found = scripted.boot(tree(tmp_path), [("none", tmp_path / "x.ko")], "say hello",
                          tmp_path / "o", programs=[("sweep", tmp_path / "sweep")])
    assert (found.outcome, found.lockdep, found.wall_s) == (Outcome.DONE, True, 0.3)
    assert found.serial[1] == "hello" and found.console == ()
    assert "page_owner=on" in fake.guest.options and fake.guest.vcpus == 2
    assert fake.load.script == "say hello" and fake.load.programs[0][0] == "sweep"
    assert fake.load.plan.order == ("none",) and not fake.load.plan.cases
    assert not (tmp_path / "o/initramfs.cpio.gz").exists()


def test_lockdep_that_gave_up(fake: Fake, tmp_path: Path) -> None:
    fake.lockdep = 0
    assert scripted.boot(tree(tmp_path), [], "", tmp_path / "o").lockdep is False


def test_a_lost_guest_is_a_result(fake: Fake, tmp_path: Path) -> None:
    fake.lost = "the guest's kernel died"
    found = scripted.boot(tree(tmp_path), [], "", tmp_path / "o")
    assert (found.outcome, found.lost) == (Outcome.PANIC, fake.lost)
