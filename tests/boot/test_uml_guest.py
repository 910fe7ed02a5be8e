# SPDX-License-Identifier: GPL-2.0-only
"""Real boots of User Mode Linux: the command line on the test module, and the designs' own counts.

A UML kernel takes minutes to build: these run where one is cached, or TEST_KERNELS=uml allows it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import wanted
from guests import Project

from generator import layout
from generator.runners import Guest, Load, uml
from generator.runs import plan, store

pytestmark = pytest.mark.boot
Make = Callable[..., Project]
NOBODY = 65534
ONCE = ("--blocks", "1", "--builds", "1")


@pytest.fixture(scope="session")
def kdir(pytestconfig: pytest.Config) -> Path:
    """Build folder of a UML kernel with SMP."""
    with wanted.told(pytestconfig):
        return wanted.uml()


def test_boots_with_real_records(project: Make, kdir: Path) -> None:
    here = project()
    done = here.run("--runner", "uml", "--boots", "uml", "--kdir", str(kdir), "--seed", "1",
                    *ONCE)
    assert done.returncode == 0, done.stderr
    run = store.load_run(here.root / done.stdout.strip())
    boot = run.manifest["boots"]["uml"]
    assert (boot["tier"], boot["unit"], boot["state"]) == ("native", "ns", "done")
    assert run.complete and len(run.records) == 2
    assert all(min(r["kernel_stat"]) > 0 for r in run.records)
    assert boot["pinned"] is (len(os.sched_getaffinity(0)) >= 2)


def test_panic_is_told(project: Make, kdir: Path) -> None:
    here = project("FAULT_RUN")
    done = here.run("--runner", "uml", "--boots", "uml", "--kdir", str(kdir), *ONCE)
    assert done.returncode == 14, done.stderr
    assert "the test module panics in its run" in done.stderr and "Traceback" not in done.stderr


def test_more_vcpus_than_cores_only_by_force(project: Make, kdir: Path) -> None:
    here, many = project(), str(len(os.sched_getaffinity(0)) + 1)
    words = ("--runner", "uml", "--boots", "uml", "--kdir", str(kdir), "--vcpus", many, *ONCE)
    refused = here.run(*words)
    assert refused.returncode == 2 and "host's scheduler" in refused.stderr
    assert here.runs == []
    forced = here.run(*words, "--force")
    assert forced.returncode == 0, forced.stderr
    [run] = here.runs
    kept = json.loads((run / "manifest.json").read_text())
    assert kept["marks"][0].startswith("oversubscribed") and kept["boots"]["uml"]["oversubscribed"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_needs_no_root(kdir: Path) -> None:
    """As nobody, what the runner starts: it has a HOME it can write to, and no device."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        image = shutil.copy(kdir / "linux", out / "linux")
        guest = Guest(Path(image), out / "initramfs.cpio.gz", 1)
        empty = plan.BootPlan("uml", "native", "ns", "zero", (), ())
        uml.RUNNER.prepare(guest, Load(empty, [], []))
        for path in (out, *out.iterdir()):
            os.chown(path, NOBODY, NOBODY)
        done = subprocess.run(
            uml.RUNNER.command("uml", guest, out), cwd=out, user=NOBODY, group=NOBODY,
            extra_groups=[], env=uml.environment(name, guest.memory_mib),
            stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert (out / "serial.txt").read_text().endswith("EXTSPT END cases=0 status=0\n")


def test_the_designs_count_as_on_x86(kdir: Path, tmp_path: Path, kernels: Path) -> None:
    """One vCPU: what a design takes and gives back does not depend on where it runs."""
    here = Project(tmp_path)
    for name in ("kmod", "variants"):
        shutil.copytree(layout.ROOT / name, here.root / name)
    (here.root / "build").mkdir()
    (here.root / "build/kernels").symlink_to(kernels)
    words = ("--variants", "kvm_owned", "--workloads", "populate_seq", "--vcpus", "1",
             "--costs", "zero", "--seed", "1", "--blocks", "1")
    counts = []
    for boot in (("--runner", "uml", "--kdir", str(kdir), "--builds", "1"), ("--boots", "icount")):
        done = here.extspt("run", *boot, *words)
        assert done.returncode == 0, done.stderr
        record = store.load_run(here.root / done.stdout.strip()).records[0]["record"]
        assert not record["errors"] and not record["seam"]["violations"]
        counts.append({name: record["counts"][name] for name in ("faults", "lock_takes")})
    assert counts[0] == counts[1]
