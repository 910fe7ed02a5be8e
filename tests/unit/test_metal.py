# SPDX-License-Identifier: GPL-2.0-only
"""The metal runner up to the point where it would load a module; the rest is tested in a guest."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from generator import cli, runners
from generator.errors import BuildError, GuestError, RigError, UsageError
from generator.runners import Guest, Load, metal
from generator.runs import initramfs, plan, trial
from generator.runs.trial import Program
from generator.runs.watch import Limits
from generator.trees.kernel import KernelTree


@pytest.fixture(autouse=True)
def _no_leave_left() -> Iterator[None]:
    yield
    metal.Metal.allowed = False


def load(folder: Path) -> Load:
    run = plan.make(["listed"], baseline="listed", aprime="listed_aprime", seed=1,
                    workloads=["smoke"], runner="metal", costs={"metal": "zero"},
                    boots={"metal": metal.RUNNER.boots["metal"]})
    files = [(name, folder / f"extspt_{name}.ko") for name in run.boots[0].order]
    for _, ko in files:
        ko.write_bytes(b"module")
    return Load(run.boots[0], files, ["table zero"])


def tree(release: str) -> KernelTree:
    return KernelTree(release, Path("/k"), "x86_64", "distro-headers", {}, "h", "gcc", "gcc",
                      "gcc 12", None)


def test_not_without_being_asked() -> None:
    with pytest.raises(UsageError, match="this very machine") as caught:
        runners.usable("metal")
    assert metal.OPTION in caught.value.fix


def test_the_command_line_refuses_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", metal.OPTION, "--boots", "icount"]) == 2
    assert "for runner metal only" in capsys.readouterr().err


def test_only_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metal, "leftovers", list)
    metal.allow(True, "metal")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(RigError, match="only root"):
        runners.usable("metal")


def test_only_the_running_kernel() -> None:
    with pytest.raises(BuildError, match=f"this machine runs {platform.release()}") as caught:
        metal.RUNNER.image(tree("1.2.3"))
    assert "KDIR=/lib/modules/" in caught.value.fix
    assert metal.RUNNER.image(tree(platform.release())) == metal.NOTES


def test_a_module_that_is_there_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metal, "leftovers", lambda: ["extspt_none"])
    with pytest.raises(RigError, match="already loaded: extspt_none"):
        metal.allow(True, "metal")
    with pytest.raises(GuestError, match="still loaded: extspt_none"):
        metal.require_clean()


def test_says_what_it_will_do_and_writes_the_script(tmp_path: Path,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    guest = Guest(metal.NOTES, tmp_path / "boot/initramfs.cpio.gz", 2)
    metal.RUNNER.prepare(guest, load(tmp_path))
    said = capsys.readouterr().err
    assert "extspt_listed" in said and "2 cases" in said and platform.release() in said
    script = (tmp_path / "boot" / metal.SCRIPT).read_text()
    assert script.count("measure smoke ") == 2 and "@" not in script.replace('"$@"', "")
    for shell in (["/bin/sh"], [str(initramfs.find_busybox()), "ash"]):
        subprocess.run([*shell, "-n"], input=script, text=True, check=True)


def test_all_that_are_loaded_go(tmp_path: Path) -> None:
    """Interrupted between turns, several of them are: none is passed over, and it tidies once."""
    metal.RUNNER.prepare(Guest(metal.NOTES, tmp_path / "boot/initramfs.cpio.gz", 2), load(tmp_path))
    script = (tmp_path / "boot" / metal.SCRIPT).read_text()
    start = script[:script.index("\ntrap tidy EXIT\n")].replace("exec 3>", "exec 3>>")
    for name in ("extspt_listed", "extspt_listed_aprime", "group", "home", "bin"):
        (tmp_path / name).mkdir()
    rmmod = tmp_path / "bin/rmmod"
    rmmod.write_text(f'#!/bin/sh\necho "$1" >>{tmp_path}/went; rmdir "{tmp_path}/$1"\n')
    rmmod.chmod(0o755)
    text = (start.replace("/sys/module", str(tmp_path)) + "\ntrap tidy EXIT\ntrap stop TERM\n"
            f"entered=yes left=yes group={tmp_path}/group home={tmp_path}/home\nkill -TERM $$\n")
    done = subprocess.run(["/bin/sh", "-c", text, "metal.sh", "modules", str(tmp_path / "serial")],
                          env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}, capture_output=True,
                          text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (15, "")   # left=yes: it exits from within
    went = (tmp_path / "went").read_text().split()
    assert sorted(went) == ["extspt_listed", "extspt_listed_aprime"]


def test_the_script_gets_the_time_to_tidy_up(tmp_path: Path) -> None:
    """Ctrl-C while a case runs: the script is told to stop and waited for."""
    body = ("import signal, sys, time\n"
            "def stop(*_):\n    time.sleep(4)\n    open('tidied', 'w').close()\n    sys.exit(130)\n"
            "signal.signal(signal.SIGTERM, stop)\n"
            "open('serial.txt', 'w').write('EXTSPT BOOT p 6\\n')\ntime.sleep(60)\n")
    program = Program("the script", [sys.executable, "-c", body], Limits(20, 60), None,
                      cwd=tmp_path, console=tmp_path / "console.log", stop_s=120.0, tries=1)

    def interrupt(line: str) -> None:
        threading.Event().wait(0.2)     # the handler is installed before the line is written
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        trial.boot(program, "metal", tmp_path, interrupt)
    assert (tmp_path / "tidied").exists()
