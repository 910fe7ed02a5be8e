# SPDX-License-Identifier: GPL-2.0-only
"""Real boots of a module that measures nothing: what happens when a guest goes wrong."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from guests import Project

from generator.runs import store
from generator.trees.kernel import KernelTree

pytestmark = pytest.mark.boot
Make = Callable[..., Project]


def manifest(run: Path) -> dict[str, object]:
    return dict(json.loads((run / "manifest.json").read_text()))


def test_both_boots_and_a_refused_case(project: Make) -> None:
    here = project("FAULT_WARN")
    done = here.run("--boots", "icount,mttcg", "--workloads", "smoke,topup", "--seed", "1")
    assert done.returncode == 13, done.stderr
    run = store.load_run(here.root / done.stdout.strip())
    assert run.complete and len(run.records) == 8
    assert [r["rc"] for r in run.records] == [0, 1] * 4
    # The refused run left smoke's record in place; it is not taken for topup's.
    assert [r["record"] is None for r in run.records] == [False, True] * 4
    assert {r["aprime_of"] for r in run.records} == {None, "listed"}
    assert all(min(r["kernel_stat"]) > 0 for r in run.records)
    mttcg = run.manifest["boots"]["mttcg"]
    assert mttcg["pinned"] is (len(os.sched_getaffinity(0)) >= 2)
    assert any("the test module warns" in line or "WARNING" in line for line in mttcg["warnings"])
    assert "WARN    mttcg listed topup: the run was refused" in done.stderr
    assert "RUN     icount listed smoke" in done.stderr
    assert run.manifest["suite"] == {"commit": None, "dirty": False}


@pytest.mark.parametrize("fault, doing, said", [
    ("FAULT_INIT", "inserting listed", "the test module panics when inserted"),
    ("FAULT_RUN", "listed", "the test module panics in its run"),
])
def test_panic_shows_and_keeps_the_console(project: Make, fault: str, doing: str,
                                           said: str) -> None:
    here = project(fault)
    done = here.run()
    assert done.returncode == 14, done.stderr
    assert f"boot mttcg, {doing}" in done.stderr and said in done.stderr
    assert "Traceback" not in done.stderr and "| " in done.stderr
    [run] = here.runs
    assert said in (run / "boots/mttcg/console.log").read_text()
    kept = manifest(run)
    assert kept["state"] == "partial"
    assert [a["outcome"] for a in kept["boots"]["mttcg"]["attempts"]] == ["panic"]  # type: ignore[index]
    assert f"extspt run --resume {run.name}" in done.stderr


def test_hang_after_insmod_is_not_retried(project: Make) -> None:
    here = project("FAULT_HANG")
    done = here.run(EXTSPT_CASE_TIMEOUT="3")
    assert done.returncode == 14, done.stderr
    assert "stopped making progress" in done.stderr and "RETRY" not in done.stderr
    boot = manifest(here.runs[0])["boots"]["mttcg"]  # type: ignore[index]
    assert boot["state"] == "failed" and len(boot["attempts"]) == 1


def put_image(here: Project, blob: bytes) -> None:
    """Give a project another kernel image."""
    release = KernelTree.probe().release
    (here.root / "build/kernels").unlink()
    file = here.root / "build/kernels" / release / f"boot/vmlinuz-{release}"
    file.parent.mkdir(parents=True)
    file.write_bytes(blob)


def test_kernel_that_never_boots_is_tried_twice(project: Make) -> None:
    here = project()
    blob = bytearray(KernelTree.probe().need_image().read_bytes())
    blob[0x200:0x202] = b"\xeb\xfe"  # the entry of the set-up code jumps to itself
    put_image(here, bytes(blob))
    done = here.run(EXTSPT_BOOT_TIMEOUT="2")
    assert done.returncode == 14, done.stderr
    assert "never reached its init, in 2 attempts" in done.stderr and "RETRY" in done.stderr
    boot = manifest(here.runs[0])["boots"]["mttcg"]  # type: ignore[index]
    assert [a["outcome"] for a in boot["attempts"]] == ["no sign of life"] * 2


def test_image_that_qemu_refuses_is_the_rigs_fault(project: Make) -> None:
    here = project()
    put_image(here, bytes(4096))
    done = here.run()
    assert done.returncode == 15, done.stderr
    assert "rig: boot mttcg: QEMU ended with exit status" in done.stderr
    assert "| qemu: " in done.stderr and "Traceback" not in done.stderr


def test_dry_run_prints_the_boots_and_makes_nothing(project: Make) -> None:
    here = project()
    done = here.run("-n")
    assert done.returncode == 0 and "qemu-system-x86_64" in done.stdout and not here.runs


def test_interrupt_leaves_a_run_that_resume_finishes(project: Make) -> None:
    here = project()
    words = ("run", "--baseline", "listed", "--variants", "listed", "--costs", "zero",
             "--boots", "mttcg,icount", "--workloads", "smoke", "--seed", "3")
    with here.start(*words) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if "BOOT    icount" in line:
                break
        time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        _, rest = child.communicate(timeout=30)
    [run] = here.runs
    assert child.returncode == 130 and f"extspt run --resume {run.name}" in rest
    before = manifest(run)
    assert before["state"] == "partial"
    assert len(store.load_run(run).records) == 2
    first = (run / "boots/mttcg/records.jsonl").read_bytes()

    done = here.extspt("run", "--resume", run.name)
    assert done.returncode == 0, done.stderr
    assert "BOOT    mttcg" not in done.stderr and "BOOT    icount" in done.stderr
    assert (run / "boots/mttcg/records.jsonl").read_bytes() == first
    after = store.load_run(run)
    assert after.complete and len(after.records) == 4 and here.runs == [run]
    assert after.manifest["order"] == before["order"]
