# SPDX-License-Identifier: GPL-2.0-only
"""asv in a repository made for the test: what is recorded, what is refused, pages off line."""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import asv
import pytest
import synthetic
from project import Project

from generator.errors import RigError
from generator.gate.before import FAILING
from generator.history import asv_pages, asvtool
from generator.runs import store


@pytest.fixture(scope="module", name="project")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose run was recorded and published once."""
    project = Project(tmp_path_factory.mktemp("project"))
    done = project.extspt("asv", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"pages": ["build/html/index.html"]}
    return project


def values(project: Project, name: str) -> dict[tuple[str, ...], float]:
    """A benchmark's recorded values by its parameters."""
    stored = json.loads(project.results()[-1].read_text())["results"][name]
    return dict(zip(itertools.product(*stored[1]), stored[0], strict=True))


def test_figures_are_the_summarys(project: Project) -> None:
    faults = values(project, "suite.Latency.track_fault_instructions")
    assert faults["'kvm_owned'", "'populate_seq'", "1"] == 859
    assert faults["'kvm_owned_aprime'", "'populate_seq'", "1"] == 859
    assert math.isnan(faults["'kvm_owned'", "'same_range'", "1"])
    assert values(project, "suite.Memory.track_uncharged")["'split_ops'", "'convert'", "1"] == 16
    parked = values(project, "suite.MemoryPerFault.track_parked")
    assert parked["'split_ops'", "'populate_seq'", "1"] == 35


def test_no_machine_path_and_fixed_names(project: Project) -> None:
    (result,) = project.results()
    assert result.name == f"{project.head()[:8]}-guest.json"
    text = result.read_text()
    assert str(project.root) not in text
    assert sys.executable not in text
    assert json.loads(text)["params"] == {
        "machine": "twin-qemu-tcg", "os": "Linux 6.1.0-43-cloud-amd64 (guest)", "arch": "x86_64",
        "cpu": "twin of KVM's path, modelled SEAM; QEMU TCG Nehalem-v1",
        "num_cpu": "1 (icount), 2 (mttcg)", "ram": "fixed", "python": ""}
    assert project.git("status", "--porcelain") == ""


@pytest.mark.parametrize(("plan", "boots", "name"), [
    ({}, {"icount": "count"}, "twin-qemu-tcg"),
    ({"runner": "qemu", "host": "kvm"}, {"icount": "count", "mttcg": "model"}, "kvm-qemu-tcg"),
    ({"runner": "uml"}, {"uml": "native"}, "twin-uml"),
    ({"runner": "qemu"}, {"kvm": "native", "icount": "count"}, "twin-qemu-kvm"),
    ({"runner": "metal"}, {"metal": "native"}, "twin-metal")])
def test_no_machine_is_two_kinds(plan: dict[str, str], boots: dict[str, str], name: str) -> None:
    manifest = {"plan": plan, "boots": {boot: {"tier": tier} for boot, tier in boots.items()}}
    assert asvtool.machine_of(manifest) == name
    pattern = re.compile(asvtool.chosen(manifest))
    assert bool(pattern.match("suite.Native.track_fault_p50_ns")) is ("native" in boots.values())
    assert bool(pattern.match("suite.Memory.track_allocated")) is ("count" in boots.values())


def test_a_tdx_machine_is_one_by_its_tier() -> None:
    """A twin measured there is a twin."""
    host = {"plan": {"runner": "metal", "host": "kvm"}, "host": {"model": "Xeon 6 /x"}}
    real = {**host, "boots": {"tdx": {"tier": "tdx"}}}
    assert asvtool.machine_of(real) == "tdx-xeon-6-x"
    assert re.match(asvtool.chosen(real), "suite.Native.track_fault_p50_ns")
    assert asvtool.machine_of({**host, "boots": {"metal": {"tier": "native"}}}) == "kvm-metal"


def test_benchmarks_keep_their_history(project: Project) -> None:
    known = json.loads((project.root / "results/asv/benchmarks.json").read_text())
    del known["version"]
    # Not asv's hash of the code, which would begin a history anew with each change of it.
    changed = {"LatencyOps": "2", "NativeOps": "2"}
    assert all(b["version"] == changed.get(name.split(".")[1], "1") and b["less_is_better"]
               for name, b in known.items())
    assert all(b["param_names"][0] == "variant" and b["unit"] for b in known.values())
    assert {name.split(".")[1] for name in known} >= {"Latency", "Contention", "Memory", "Native"}


def test_pages_fetch_nothing(project: Project) -> None:
    html = project.root / "build" / "html"
    index = (html / "index.html").read_text()
    if not asv_pages.missing():
        assert not list(asv_pages.fetched(index))
        for name in re.findall(r'(?:src|href)="(vendor/[^"]+)"', index):
            assert (html / name).is_file(), name
    data = json.loads((html / "index.json").read_text())
    assert data["revision_to_hash"]
    assert list((html / "graphs").rglob("*.json"))


@pytest.mark.parametrize(("suite", "says"), [
    ({"dirty": True}, "uncommitted changes"), ({"commit": None}, "knows no commit"),
    ({"commit": "0" * 40}, "is not part of HEAD")])
def test_refuses_to_record_but_publishes(project: Project, suite: dict[str, Any],
                                         says: str) -> None:
    project.describe(**suite)
    before = [path.read_bytes() for path in project.results()]
    try:
        done = project.extspt("asv")
    finally:
        project.describe(dirty=False, commit=project.head())
    assert done.returncode == 0, done.stderr
    assert re.search(rf"^asv: not recorded: the run.*{says}", done.stderr, re.MULTILINE)
    assert done.stdout == "build/html/index.html\n"
    assert [path.read_bytes() for path in project.results()] == before


@pytest.mark.parametrize(("mark", "refused"), [
    ("debug kernel: CONFIG_KASAN; its times say nothing", True),
    (f"{FAILING}: split_ops", False)])
def test_a_run_that_is_worth_less_is_not_recorded(tmp_path: Path, mark: str,
                                                  refused: bool) -> None:
    """But one in which a design was forced is: without that one."""
    made = synthetic.build(tmp_path, workloads=("populate_seq",))
    run = store.Run(tmp_path, {**made.manifest, "marks": [mark],
                               "suite": {"commit": "0" * 40, "dirty": False}}, ())
    said = asvtool.refusal(run)
    assert (mark in said) is refused and ("is not part of HEAD" in said) is not refused


def test_dry_run_writes_nothing(project: Project) -> None:
    before = {path: path.stat().st_mtime_ns for path in project.root.rglob("*.json")}
    done = project.extspt("asv", "-n")
    assert done.returncode == 0, done.stderr
    assert "asv" in done.stdout and "publish" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in project.root.rglob("*.json")} == before


def test_without_git(project: Project, tmp_path: Path) -> None:
    for name in ("generator", "kmod", "results"):
        shutil.copytree(project.root / name, tmp_path / name)
    shutil.copy(project.root / "asv.conf.json", tmp_path)
    bare = Project.__new__(Project)
    bare.root = tmp_path
    done = bare.extspt("asv")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == "asv: no git repository here, so no history and no pages\n"


STOCK = Path(asv.__file__).parent / "www" / "index.html"


def share(root: Path) -> Path:
    """Stand-ins for what Debian's packages put below /usr/share/javascript."""
    for _, file in asv_pages.FETCHED.values():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(f"/* {file} */")
    return root


def test_every_fetch_of_the_stock_page_is_known(tmp_path: Path) -> None:
    html = tmp_path / "html"
    html.mkdir()
    shutil.copy(STOCK, html)
    assert len(list(asv_pages.fetched(STOCK.read_text()))) == 10
    asv_pages.make_offline(html, share(tmp_path / "share"))
    page = (html / "index.html").read_text()
    assert not list(asv_pages.fetched(page))
    assert "integrity" not in page
    assert "axislabels" not in page
    assert page.count("<script") == page.count("</script>")
    assert {p.name for p in (html / "vendor").iterdir()} == {
        Path(file).name for _, file in asv_pages.FETCHED.values()} | {asv_pages.OURS}
    asv_pages.make_offline(html, tmp_path / "share")
    assert (html / "index.html").read_text() == page


def test_missing_packages_leave_the_page_alone(tmp_path: Path) -> None:
    shutil.copy(STOCK, tmp_path)
    asv_pages.make_offline(tmp_path, tmp_path / "nothing")
    assert (tmp_path / "index.html").read_text() == STOCK.read_text()
    assert asv_pages.missing(tmp_path / "nothing") == [
        "libjs-bootstrap", "libjs-jquery", "libjs-jquery-flot", "libjs-jquery-stupidtable"]


def test_an_unknown_fetch_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script src="https://example.org/new.js"></script>')
    with pytest.raises(RigError, match=re.escape("example.org/new.js")):
        asv_pages.make_offline(tmp_path, share(tmp_path / "share"))
