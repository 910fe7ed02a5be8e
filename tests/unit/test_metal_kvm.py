# SPDX-License-Identifier: GPL-2.0-only
"""The shell that puts the hooked KVM in the place of a machine's own, on a machine of stubs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from generator.errors import UsageError
from generator.kvm import tdxhost
from generator.modules import render
from generator.modules.render import KVM, TWIN
from generator.runners import metal

PART = "metal_kvm.sh"
STUB = """#!/bin/sh
echo "${{0##*/}} $*" >>{log}
case "$0 $*" in {fails}) exit 1 ;; esac
case ${{0##*/}} in
rmmod) grep -v "^$1 " {modules} >{modules}.new; mv {modules}.new {modules} ;;
insmod) name=${{1##*/}}; echo "$(echo ${{name%.ko}} | tr - _) 1 0 -" >>{modules} ;;
modprobe)
	echo "$1 1 0 -" >>{modules}
	[ ! -d {sys}/$1 ] || echo 1 >{sys}/$1/parameters/nested ;;
esac
"""
AROUND = """modules={folder}/modules failed=0 keeper= left=
take_out() {{ rmmod "$1" || left=yes; }}
die() {{ echo "$*" >&2; exit 15; }}
trap put_kvm_back EXIT
trap 'put_kvm_back; trap - EXIT; exit 130' TERM
"""


class Machine:
    """A folder with /proc/modules, /proc/cpuinfo and the commands that would change them."""

    def __init__(self, folder: Path, *, loaded: str, fails: str = "nothing") -> None:
        self.folder, self.log, self.loaded = folder, folder / "log", folder / "proc_modules"
        self.loaded.write_text(loaded)
        (folder / "cpuinfo").write_text("flags : fpu svm\n")
        for name in ("rmmod", "insmod", "modprobe"):
            stub = folder / "bin" / name
            stub.parent.mkdir(exist_ok=True)
            stub.write_text(STUB.format(log=self.log, modules=self.loaded, fails=fails,
                                        sys=folder / "sys_module"))
            stub.chmod(0o755)

    def run(self, script: str, *, tdx: bool = False) -> subprocess.CompletedProcess[str]:
        part = render.fill(PART, tdx=tdx)
        text = AROUND.format(folder=self.folder) + part + script
        for proc, ours in (("modules", self.loaded), ("cpuinfo", self.folder / "cpuinfo")):
            text = text.replace(f"/proc/{proc}", str(ours))
        text = text.replace("/sys/module", str(self.folder / "sys_module"))
        return subprocess.run(["/bin/sh", "-c", text], text=True, capture_output=True, timeout=30,
                              env={"PATH": f"{self.folder}/bin:/usr/bin:/bin"}, check=False)

    @property
    def now(self) -> list[str]:
        return sorted(line.split()[0] for line in self.loaded.read_text().splitlines())

    @property
    def did(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


STOCK = "kvm_amd 1 0 -\nkvm 1 1 kvm_amd,\nirqbypass 1 1 kvm,\n"


def test_ours_come_and_the_old_come_back(tmp_path: Path) -> None:
    here = Machine(tmp_path, loaded=STOCK)
    done = here.run('replace_kvm; echo "between" >>' + str(tmp_path / "log"))
    assert done.returncode == 0, done.stderr
    at = here.did.index("between")
    assert here.did[:at] == ["rmmod kvm_amd", "rmmod kvm", "modprobe irqbypass",
                             f"insmod {tmp_path}/modules/kvm.ko",
                             f"insmod {tmp_path}/modules/kvm-amd.ko"]
    assert here.did[at + 1:] == ["rmmod kvm_amd", "rmmod kvm", "modprobe kvm_amd"]


def test_a_parameter_that_modprobe_does_not_know_is_told(tmp_path: Path) -> None:
    here = Machine(tmp_path, loaded=STOCK)
    (tmp_path / "sys_module/kvm_amd/parameters").mkdir(parents=True)
    for name, value in (("nested", "0"), ("npt", "Y")):
        (tmp_path / "sys_module/kvm_amd/parameters" / name).write_text(f"{value}\n")
    done = here.run("replace_kvm")
    assert done.returncode == 0
    assert done.stderr == "extspt-metal: kvm_amd is back without nested=0\n"


def test_a_running_vm_refuses_before_anything_goes(tmp_path: Path) -> None:
    here = Machine(tmp_path, loaded=STOCK.replace("kvm_amd 1 0", "kvm_amd 1 3"))
    done = here.run("replace_kvm")
    assert done.returncode == 15
    assert "is a VM running?" in done.stderr
    assert here.did == []


def test_a_refused_module_brings_the_old_ones_back(tmp_path: Path) -> None:
    here = Machine(tmp_path, loaded=STOCK, fails="*insmod*kvm-amd.ko")
    done = here.run("replace_kvm")
    assert done.returncode == 15
    assert "was refused" in done.stderr
    assert here.did[-1] == "modprobe kvm_amd"


def test_an_interrupted_run_brings_the_old_ones_back(tmp_path: Path) -> None:
    here = Machine(tmp_path, loaded=STOCK)
    done = here.run("replace_kvm; kill -TERM $$; echo never")
    assert done.returncode == 130
    assert "never" not in done.stdout
    assert here.did[-2:] == ["rmmod kvm", "modprobe kvm_amd"]


def test_real_tds_are_asked_for_in_runs_only(tmp_path: Path) -> None:
    here = Machine(tmp_path, loaded=STOCK)
    driver = tmp_path / "drive"
    driver.write_text(f"#!/bin/sh\necho drive $* >>{here.log}\n")
    driver.chmod(0o755)
    (tmp_path / "modules").mkdir()
    here.run("drive keep; drive /sys/x populate_seq pages=4", tdx=True)
    assert here.did[:2] == ["drive keep", "drive /sys/x populate_seq pages=4 tdx=1"]


def test_real_tds_are_kvm_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tdxhost, "ready", lambda: True)
    metal.allow_kvm(True, KVM, "metal")
    assert metal.RUNNER.real_tds
    with pytest.raises(UsageError, match="creates TDs with KVM"):
        metal.refuse_tds(["tdx"], TWIN)
    metal.allow_kvm(False, TWIN, "qemu")
    assert not metal.RUNNER.real_tds


def test_a_machine_without_kvm_is_left_without(tmp_path: Path) -> None:
    here = Machine(tmp_path, loaded="loop 1 0 -\n")
    assert here.run("replace_kvm").returncode == 0
    assert [name for name in here.now if name.startswith("kvm")] == []


def test_it_is_never_the_default() -> None:
    with pytest.raises(UsageError, match="takes this machine's kvm modules out"):
        metal.allow_kvm(False, KVM, "metal")
    metal.allow_kvm(True, KVM, "metal")
    for host, runner in ((TWIN, "metal"), (KVM, "qemu")):
        with pytest.raises(UsageError, match="only"):
            metal.allow_kvm(True, host, runner)
