# SPDX-License-Identifier: GPL-2.0-only
"""Runner metal with the twin, on a machine that is a guest: whatever happens, it is left as it was.

The test module fails the workload topup at once and does any other until it gets a signal.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from guests import Project

from generator import layout
from generator.runners import Guest, Load, metal
from generator.runs import plan, scripted
from generator.trees.kernel import KernelTree

pytestmark = pytest.mark.boot
SCRIPTS = {"failing": "topup", "long": "smoke"}
#: The machine has a cgroup2 and no debugfs, and this shell is not in the guest's own group.
MACHINE = """
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo $$ >/cg/cgroup.procs
rmdir $group
echo -memory >/cg/cgroup.subtree_control
umount /sys/kernel/debug

state() {
	loaded=
	while read -r name rest; do loaded="$loaded$name,"; done </proc/modules
	debugfs=no
	while read -r what where rest; do
		[ "$what" != debugfs ] || debugfs=yes
	done </proc/mounts
	cgroup=no
	[ ! -d /sys/fs/cgroup/extspt ] || cgroup=yes
	memory=no
	! grep -q memory /cg/cgroup.subtree_control || memory=yes
	say "STATE $1 rc=$2 loaded=$loaded debugfs=$debugfs cgroup=$cgroup memory=$memory"
}

state before 0

sh /bin/metal-failing.sh $modules /failing.txt
state failing $?
while read -r line; do
	case $line in
	"EXTSPT CASE "* | "EXTSPT END "*) say "RECORD $line" ;;
	esac
done </failing.txt

setsid sh /bin/metal-long.sh $modules /long.txt &
child=$!
until [ -d /sys/kernel/debug/extspt_listed ]; do sleep 0.1; done
sleep 1
state during 0
kill -TERM -$child
wait $child
state long $?

mkdir /sys/fs/cgroup/extspt
insmod $modules/listed.ko
sh /bin/metal-failing.sh $modules /second.txt 2>/second.err
state second $?
read -r line </second.err
say "SAID $line"
"""
CLEAN = "loaded= debugfs=no cgroup=no memory=no"


@pytest.fixture
def said(project: Callable[..., Project], tmp_path: Path) -> list[str]:
    """What the machine said, a line each."""
    here, tree = project("FAULT_HANG"), KernelTree.probe()
    done = here.extspt("build", "--variants", "listed")
    assert done.returncode == 0, done.stderr
    files = [("listed", layout.staged(tree.release, "listed", here.root) / "extspt_listed.ko")]
    scripts = []
    for name, workload in SCRIPTS.items():
        run = plan.make(["listed"], baseline="listed", aprime="listed", seed=1,
                        workloads=[workload], vcpus=1, runner="metal", costs={"metal": "zero"},
                        boots={"metal": metal.RUNNER.boots["metal"]})
        metal.RUNNER.prepare(Guest(Path("none"), tmp_path / name / "initramfs", 1),
                             Load(run.boots[0], files, ["table zero"]))
        scripts.append((f"metal-{name}.sh", tmp_path / name / metal.SCRIPT))
    ran = scripted.boot(tree, files, MACHINE, tmp_path / "guest", vcpus=1, programs=scripts)
    assert not ran.lost, "\n".join((*ran.serial, *ran.console[-20:]))
    return [line for line in ran.serial if not line.startswith("EXTSPT ")]


def test_the_machine_is_left_as_it_was(said: list[str]) -> None:
    before, failing, *records, during, long, second, refusal = said
    assert before == f"STATE before rc=0 {CLEAN}"
    assert failing == f"STATE failing rc=0 {CLEAN}"
    assert [line.partition(" kernel=")[0] for line in records] == [
        "RECORD EXTSPT CASE 0 listed topup rc=1", "RECORD EXTSPT END cases=1 status=1"]
    assert during == "STATE during rc=0 loaded=extspt_listed, debugfs=yes cgroup=yes memory=yes"
    assert long == f"STATE long rc=130 {CLEAN}"
    # A second run at a time is refused, and leaves the first one what it put in.
    assert second == "STATE second rc=15 loaded=extspt_listed, debugfs=no cgroup=yes memory=no"
    assert "is another run under way?" in refusal
