# SPDX-License-Identifier: GPL-2.0-only
"""Strategies in the real kvm.ko: upstream's own counts, and everything back where it came from."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from guests import Project

from generator import distro, kvmhooks, layout, store
from generator.errors import BuildError

pytestmark = pytest.mark.boot
DESIGNS = "kvm_owned,tdx_prealloc,tip_x86_tdx"
Record = Mapping[str, Any]


def fitting() -> tuple[Path, distro.Fetched] | None:
    """A source with hooks, and a fetched tree of the very same version."""
    for source in sorted(layout.SOURCES.glob("*")):
        try:
            version = kvmhooks.version(source)
            kvmhooks.choose(version)
        except BuildError:
            continue
        for tree in distro.fetched_trees():
            if tree.release.startswith((f"{version}+", f"{version}-")):
                return source, tree
    return None


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """The real designs with a hooked KVM, and the tree to build for. A built KVM is taken along."""
    found = fitting()
    if found is None:
        pytest.skip("no kernel source with a tree of its version: "
                    "extspt kernel fetch sid 7.2, extspt tree fetch sid")
    source, tree = found
    here = Project(tmp_path_factory.mktemp("kvm"))
    for name in ("kmod", "variants"):
        shutil.copytree(layout.ROOT / name, here.root / name)
    built = layout.kvm_tree(tree.release)
    if built.is_dir():
        shutil.copytree(built, layout.kvm_tree(tree.release, here.root),
                        ignore=shutil.ignore_patterns("*.o", "*.cmd"))
    with here.start("kvm", "build", str(source), "--kdir", str(tree.path)) as child:
        _, said = child.communicate(timeout=1800)   # minutes when nothing was taken along
    assert child.returncode == 0, said
    return here, str(tree.path)


@pytest.fixture(scope="module")
def records(project: tuple[Project, str]) -> dict[tuple[str, str], Record]:
    """(variant, workload) -> record, one vCPU."""
    here, tree = project
    done = here.extspt("run", "--host", "kvm", "--kdir", tree, "--boots", "icount", "--vcpus", "1",
                       "--seed", "7", "--variants", DESIGNS,
                       "--workloads", "populate_seq,populate_sparse,convert")
    assert done.returncode == 0, done.stderr
    run = store.load_run(here.root / done.stdout.strip())
    return {(r["variant"], r["workload"]): r["record"] for r in run.records}


def calls(record: Record, leaf: str) -> int:
    return sum(row["n"] for row in record["seam"]["calls"] if row["leaf"] == leaf)


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


def test_without_a_hooked_kvm_the_way_is_named(project: tuple[Project, str],
                                               tmp_path: Path) -> None:
    here = Project(tmp_path)
    for name in ("kmod", "variants"):
        (tmp_path / name).symlink_to(project[0].root / name)
    done = here.extspt("run", "--host", "kvm", "--kdir", project[1])
    assert done.returncode == BuildError.exit_code
    assert "extspt kvm build" in done.stderr
