# SPDX-License-Identifier: GPL-2.0-only
"""The metal runner's script, run as root in a guest that stands for the machine; never on this one.

The guest has no Python: the test does what the runner does around the script.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from guests import Project

from generator import initramfs, plan, records
from generator.kernel import KernelTree
from generator.runners import Guest, Load, RunOutput, metal, qemu

pytestmark = pytest.mark.boot
Make = Callable[..., Project]
APPLETS = ("grep", "rmdir", "umount", "sleep", "kill", "ls")
MOUNTS = """#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
"""
#: What is left on the machine once the script is gone.
AFTER = """
exec 3>>/dev/ttyS1
echo "LEFT end" >&3
while read -r name rest; do echo "LEFT module $name" >&3; done </proc/modules
[ ! -d /sys/fs/cgroup/extspt ] || echo "LEFT group" >&3
! grep -q debugfs /proc/mounts || echo "LEFT debugfs" >&3
echo "LEFT done" >&3
exec 3>&-
poweroff -f
"""


def machine(here: Project, tmp_path: Path, script: str) -> tuple[RunOutput, Load]:
    """Boot a machine that has metal.sh and the modules, and does ``script``."""
    built = here.extspt("build", "--variants", "listed,listed_aprime")
    assert built.returncode == 0, built.stderr
    tree = KernelTree.probe()
    files = [(ko.stem.removeprefix("extspt_"), ko)
             for ko in sorted((here.root / "build" / tree.release).glob("*/*.ko"))]
    run = plan.make(["listed"], baseline="listed", aprime="listed_aprime", seed=1,
                    workloads=["smoke"], runner="metal", boots=metal.RUNNER.boots,
                    costs={"metal": "zero"})
    load = Load(run.boots[0], files, ["table zero"])
    guest = Guest(tree.need_image(), tmp_path / "work/initramfs.cpio.gz", 1, 512)
    metal.RUNNER.prepare(guest, load)
    entries = initramfs.guest_entries(MOUNTS + script + AFTER, files, initramfs.find_busybox())
    entries += [initramfs.symlink(f"bin/{applet}", "busybox") for applet in APPLETS]
    text = (guest.initramfs.parent / metal.SCRIPT).read_bytes()
    initramfs.write(guest.initramfs, [*entries, initramfs.regular("metal.sh", text)])
    return qemu.RUNNER.boot("mttcg", guest, tmp_path / "out", lambda line: None), load


def left(output: RunOutput) -> list[str]:
    return [line.strip()[5:] for line in output.serial.read_text().splitlines()
            if line.startswith("LEFT ")]


def test_runs_its_cases_and_leaves_nothing(project: Make, tmp_path: Path,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    output, load = machine(project(), tmp_path, "sh /metal.sh /modules /dev/ttyS1")
    text = output.serial.read_text().replace("\r", "")
    log = records.parse(text[:text.index("LEFT")], "serial")
    records.check_against(log, load.plan, "serial")
    assert [case.rc for case in log.cases] == [0, 0]
    assert all(min(case.kernel) > 0 for case in log.cases)
    assert left(output) == ["end", "done"]
    said = capsys.readouterr().err
    assert "this very machine" in said and "extspt_listed_aprime" in said


def test_interrupted_in_a_case_it_unloads_everything(project: Make, tmp_path: Path) -> None:
    """FAULT_HANG: the case goes on until a signal comes."""
    output, _ = machine(project("FAULT_HANG"), tmp_path, """
sh /metal.sh /modules /records &
script=$!
sleep 2
grep -q extspt_ /proc/modules && echo "LEFT was loaded" >/dev/ttyS1
kill -TERM $script
wait $script
echo "EXTSPT BOOT x x" >/dev/ttyS1
echo "EXTSPT END cases=0 status=0" >/dev/ttyS1
""")
    assert left(output) == ["was loaded", "end", "done"]
