# SPDX-License-Identifier: GPL-2.0-only
"""Runner metal with host kvm for real, on a machine that is a guest with SVM and a KVM of its own.

The machine's own modules are the same KVM without hooks; only ours have a parameter extspt_mirror.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from guests import Project

from generator import layout
from generator.kvm import kvmhost
from generator.runners import Guest, Load, metal
from generator.runs import plan, scripted
from generator.runs.watch import Limits
from generator.trees.kernel import KernelTree

pytestmark = pytest.mark.boot
DESIGN = "kvm_owned"
SCRIPTS = {"short": ("metal", "populate_seq+pages=64"), "long": ("metal", "churn+pages=65536"),
           "tds": ("tdx", "populate_seq+pages=64")}
STATE = """
state() {
	hooked=no
	[ ! -e /sys/module/kvm/parameters/extspt_mirror ] || hooked=yes
	loaded=
	while read -r name rest; do
		case $name in
		kvm* | extspt*) loaded="$loaded$name," ;;
		esac
	done </proc/modules
	say "STATE $1 rc=$2 hooked=$hooked loaded=$loaded"
}

# $1: what is run; its output goes to the record port with a word before each line.
metal() {
	sh /m/metal-$1.sh /m/modules /m/$1.txt 2>/m/$1.err
	rc=$?
	while read -r line; do say "SAID $line"; done </m/$1.err
	while read -r line; do
		case $line in
		"EXTSPT CASE "* | "EXTSPT END "*) say "RECORD $line" ;;
		esac
	done </m/$1.txt
	state $1 $rc
}
"""
MACHINE = """
/bin/busybox --install -s /bin
own=/lib/modules/$release
mkdir -p /m/modules $own
mv /modules/own-kvm.ko $own/kvm.ko
mv /modules/own-kvm-amd.ko $own/kvm-amd.ko
cp /modules/irqbypass.ko $own
printf '%s\n' 'kvm-amd.ko: kvm.ko irqbypass.ko' 'kvm.ko: irqbypass.ko' irqbypass.ko: \
	>$own/modules.dep
mv /modules/*.ko /m/modules
cp /bin/drive /m/drive
cp /bin/metal-*.sh /m
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo $$ >/cg/cgroup.procs
rmdir /cg/extspt
modprobe kvm_amd
"""
PARTS = """
state before 0
metal short

keeper=$(drive keep)
metal refused
kill $keeper
sleep 1

setsid sh /m/metal-long.sh /m/modules /m/long.txt 2>/m/long.err &
child=$!
while ! grep -q "^extspt" /proc/modules; do sleep 1; done
sleep 2
state during 0
kill -TERM -$child
wait $child
state long $?

metal tds
mkdir /cg/extspt
"""


def scripts(folder: Path, kvm: kvmhost.KvmBuild, ko: Path) -> list[tuple[str, Path]]:
    """The scripts that runner metal makes, by the name they have in the guest."""
    made = []
    for name, (boot, workload) in SCRIPTS.items():
        run = plan.make([DESIGN], baseline=DESIGN, aprime=DESIGN, seed=1, workloads=[workload],
                        vcpus=1, runner="metal", host="kvm", costs={boot: "zero"},
                        boots={boot: metal.RUNNER.boots[boot]})
        load = Load(run.boots[0], [(DESIGN, ko)], ["table zero"], kvm)
        metal.RUNNER.prepare(Guest(Path("none"), folder / name / "initramfs", 1), load)
        made.append((f"metal-{name}.sh", folder / name / metal.SCRIPT))
    return [*made, ("metal-refused.sh", made[0][1])]


@pytest.fixture(scope="module")
def said(real_kvm: tuple[Project, str], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the machine said, a line each."""
    here, kdir = real_kvm
    with here.start("build", "--host", "kvm", "--kdir", kdir, "--variants", DESIGN) as child:
        _, text = child.communicate(timeout=900)
    assert child.returncode == 0, text
    tree, out = KernelTree.probe(kdir), tmp_path_factory.mktemp("metal")
    ours, own = (kvmhost.find_in(layout.kvm_tree(tree.release, here.root, hooked=hooked))
                 for hooked in (True, False))
    ko = layout.staged(tree.release, DESIGN, here.root, "kvm") / f"extspt_{DESIGN}.ko"
    files = [(DESIGN, ko), *((f"own-{name}", path) for name, path in own.modules
                            if name != "irqbypass")]
    ran = scripted.boot(tree, files, STATE + MACHINE + PARTS, out, vcpus=1, kvm=ours,
                        programs=scripts(out, ours, ko), limits=Limits(120, 300))
    assert not ran.lost, "\n".join((*ran.serial, *ran.console[-20:]))
    return list(ran.serial)


def state(said: list[str], name: str) -> str:
    return next(line for line in said if line.startswith(f"STATE {name} "))


OWN = "hooked=no loaded=kvm_amd,kvm,"


def test_the_run_is_one_of_ours_and_the_own_kvm_comes_back(said: list[str]) -> None:
    assert state(said, "before") == f"STATE before rc=0 {OWN}"
    assert state(said, "short") == f"STATE short rc=0 {OWN}"
    at = said.index(state(said, "short"))
    assert any("populate_seq+pages=64 rc=0" in line for line in said[:at])


def test_a_machine_with_a_vm_is_left_alone(said: list[str]) -> None:
    assert state(said, "refused") == f"STATE refused rc=15 {OWN}"
    assert any("is a VM running?" in line for line in said)


def test_the_own_kvm_comes_back_when_it_is_interrupted(said: list[str]) -> None:
    assert "hooked=yes" in state(said, "during") and "extspt_" in state(said, "during")
    assert state(said, "long") == f"STATE long rc=130 {OWN}"


def test_real_tds_go_as_far_as_the_hardware_is_asked(said: list[str]) -> None:
    """KVM_CREATE_VM is the first that needs it; everything before and after has been done."""
    at = said.index(state(said, "long"))
    assert any("KVM_CREATE_VM: Invalid argument" in line for line in said[at:])
    assert any("populate_seq+pages=64 rc=1" in line for line in said[at:])
    assert state(said, "tds").endswith(OWN)
