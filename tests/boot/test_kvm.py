# SPDX-License-Identifier: GPL-2.0-only
"""Strategies in the real kvm.ko: upstream's own counts, and everything back where it came from."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from guests import Project

from generator import layout
from generator.errors import BuildError
from generator.kvm import kvmhost
from generator.runs import scripted, store
from generator.runs.scripted import Scripted
from generator.trees.kernel import KernelTree

pytestmark = pytest.mark.boot
DESIGNS = "kvm_owned,tdx_prealloc,tip_x86_tdx"
Record = Mapping[str, Any]
#: Design -> case -> what is made to fail: a page of the TD itself, a SEAMCALL, a race; and a cache
#: that is empty for ever, in the design that takes a pair off it for every page.
FAULTS = {"kvm_owned": {"alloc": "fail_alloc=20", "busy": "fail_busy=5", "lost": "fail_lost=5"},
          "tip_x86_tdx": {"endless": "drain=3 patience=2"}}


@pytest.fixture(scope="module")
def records(real_kvm: tuple[Project, str]) -> dict[tuple[str, str], Record]:
    """(variant, workload) -> record, one vCPU."""
    here, tree = real_kvm
    with here.start("run", "--gate", "off", "--host", "kvm", "--kdir", tree, "--boots", "icount",
                    "--vcpus", "1", "--seed", "7", "--variants", DESIGNS, "--workloads",
                    "populate_seq,populate_sparse,convert,punch,vms,churn") as child:
        out, err = child.communicate(timeout=900)
    assert child.returncode == 0, err
    run = store.load_run(here.root / out.strip())
    return {(r["variant"], r["workload"]): r["record"] for r in run.records}


def calls(record: Record, leaf: str) -> int:
    return sum(row["n"] for row in record["seam"]["calls"] if row["leaf"] == leaf)


@pytest.fixture(scope="module")
def faulty(real_kvm: tuple[Project, str], tmp_path_factory: pytest.TempPathFactory) -> Scripted:
    """A guest in which everything fails that can be made to."""
    here, kdir = real_kvm
    tree = KernelTree.probe(kdir)
    built = kvmhost.find_in(layout.kvm_tree(tree.release, here.root))
    files = [(name, layout.staged(tree.release, name, here.root, "kvm") / f"extspt_{name}.ko")
             for name in FAULTS]
    cases = "\n".join("\n".join((
        f"module {design} extspt_{design} 'table zero'",
        'echo detail >"$control/pass" && say "EARLY"',
        *(f"measure {name} populate_sparse vcpus=1 pages=8 {words}"
          for name, words in faults.items()), "unload")) for design, faults in FAULTS.items())
    script = f"""for ko in irqbypass kvm kvm-amd; do insmod "$modules/$ko.ko" || failed=1; done
drive keep || failed=1
drive tdx >&3 || say "TDX rc=$?"
{cases}"""
    out = tmp_path_factory.mktemp("faulty")
    return scripted.counted(tree, script, out, built, files)


@pytest.mark.usefixtures("records")     # which has built the module
@pytest.mark.parametrize(("name", "status"), [
    ("alloc", -errno.ENOMEM), ("busy", 0), ("lost", 0), ("endless", -errno.ETIMEDOUT)])
def test_what_fails_ends_well(faulty: Scripted, name: str, status: int) -> None:
    at = next(i for i, line in enumerate(faulty.serial) if f" {name} rc=" in line)
    record = json.loads(faulty.serial[at + 1])
    assert (record["status"], record["errors"]) == (status, [])
    assert record["inject"]["fired"] == (name != "endless")
    assert record["custody"]["errors"] == []
    if status:
        assert all(row["live"] == 0 for row in record["memory"]["end"])


@pytest.mark.usefixtures("records")
def test_no_pass_without_a_run(faulty: Scripted) -> None:
    assert "EARLY" not in faulty.serial


@pytest.mark.usefixtures("records")
def test_a_real_td_as_far_as_a_guest_can(faulty: Scripted) -> None:
    """kvm-amd offers no TDX: the first question is answered with no, and nothing else is asked."""
    said = [line for line in faulty.serial if ": " in line and not line.startswith(("{", "EXT"))]
    assert said[0] == "KVM_CAP_VM_TYPES offers TDX: failed"
    assert {line.rpartition(": ")[2] for line in said[1:]} == {"not tried"}
    assert "TDX rc=1" in faulty.serial


@pytest.mark.usefixtures("records")
def test_the_twin_counts_and_goes_as_kvm_does(real_kvm: tuple[Project, str]) -> None:
    here, tree = real_kvm
    with here.start("kvm", "conform", "--json", "--kdir", tree, "--variants", DESIGNS) as child:
        out, err = child.communicate(timeout=900)
    assert child.returncode == 0, out + err
    found = json.loads(out)
    assert len(found) == 2 * len(DESIGNS.split(","))
    assert all(one["twin"]["steps"] and one["wrong"] == [] for one in found)


@pytest.mark.parametrize(("workload", "leaves", "tables", "taken"), [
    ("populate_seq", 4096, 10, 40), ("populate_sparse", 128, 130, 148)])
def test_counts_of_upstream(records: Mapping[tuple[str, str], Record], workload: str, leaves: int,
                            tables: int, taken: int) -> None:
    record = records["kvm_owned", workload]
    assert record["host"] == "kvm"
    assert record["counts"]["faults"] == leaves
    assert (calls(record, "PAGE.AUG.4K"), calls(record, "SEPT.ADD")) == (leaves, tables)
    assert sum(row["allocated"] for row in record["memory"]["end"]
               if row["class"] == "sept") == taken
    assert [row["pages"] for row in record["memory"]["parked"]
            if row["pool"] == "external_spt_cache"] == [taken - tables]


@pytest.mark.parametrize("variant", DESIGNS.split(","))
def test_a_conversion_removes_and_maps_again(records: Mapping[tuple[str, str], Record],
                                             variant: str) -> None:
    record = records[variant, "convert"]
    converted = record["params"]["pages"] * record["params"]["rounds"]
    assert record["ops"]["zap"]["n"] == record["ops"]["fault"]["n"] == converted
    assert calls(record, "PAGE.AUG.4K") == converted
    # Those mapped at the end go when the guest_memfd is closed.
    assert calls(record, "PAGE.REMOVE") == converted + record["params"]["pages"]
    assert calls(record, "SEPT.ADD") == 0


def test_every_page_comes_back(records: Mapping[tuple[str, str], Record]) -> None:
    for record in records.values():
        assert (record["errors"], record["seam"]["violations"]) == ([], [])
        assert all(row["live"] == 0 for row in record["memory"]["end"])


@pytest.mark.parametrize("workload", ["populate_seq", "populate_sparse"])
def test_tip_locks_for_every_get(records: Mapping[tuple[str, str], Record],
                                 workload: str) -> None:
    record = records["tip_x86_tdx", workload]
    assert record["locks"]["pamt_lock"]["acquired"] == \
        calls(record, "PAGE.AUG.4K") + calls(record, "SEPT.ADD")
    assert record["ops"]["fault"]["p50"] > records["kvm_owned", workload]["ops"]["fault"]["p50"]


def test_without_a_hooked_kvm_the_way_is_named(real_kvm: tuple[Project, str],
                                               tmp_path: Path) -> None:
    here = Project(tmp_path)
    for name in ("kmod", "variants"):
        (tmp_path / name).symlink_to(real_kvm[0].root / name)
    done = here.extspt("run", "--host", "kvm", "--kdir", real_kvm[1])
    assert done.returncode == BuildError.exit_code
    assert "extspt kvm build" in done.stderr
