# SPDX-License-Identifier: GPL-2.0-only
"""A design with a bug, from the gate to every report and to asv: a FAIL row, and no figure."""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from guests import Project

from generator import layout
from generator.evidence import frames
from generator.runs import store
from generator.runs.store import Run

pytestmark = pytest.mark.boot
DESIGNS = ("--variants", "kvm_owned,leaky", "--boots", "icount", "--workloads", "populate_seq")
#: What only the gate sees, at its very first refused SEAMCALL: a pair that is not freed then.
BUG = ("\tif (ret)\n\t\tpamt_pair_free(pair);",
       "\tif (ret && !IS_ENABLED(CONFIG_EXTSPT_FREE_PATH_LOST))\n\t\tpamt_pair_free(pair);")
_EMPTY = re.compile(r"leaky +(?:-|n/a)(?: |$)")
#: What the gate's own table says of a design: points, criteria.
_GATE = re.compile(r"\d+/\d+|C\d+(?: C\d+)*")
_TAG = re.compile(r"<[^>]+>")


def seed(root: Path) -> None:
    """Add the design leaky: kvm_owned with a choice of its own, which turns on the bug."""
    guard, axis = root / "kmod/tdx/pamt_guard.h", root / "kmod/axes/free_path"
    assert guard.read_text().count(BUG[0]) == 1
    guard.write_text(guard.read_text().replace(*BUG))
    (axis / "lost.h").write_text((axis / "tdx_now.h").read_text().replace("TDX_NOW", "LOST"))
    entry = 'config EXTSPT_FREE_PATH_LOST\n\tbool "as TDX_NOW"\n\nendchoice\n'
    (axis / "Kconfig").write_text((axis / "Kconfig").read_text().replace("endchoice\n", entry))
    design = (root / "variants/kvm_owned.config").read_text()
    assert "CONFIG_EXTSPT_FREE_PATH_TDX_NOW=y" in design
    (root / "variants/leaky.config").write_text(design.replace("PATH_TDX_NOW", "PATH_LOST"))


@pytest.fixture(scope="module", name="project")
def _project(tmp_path_factory: pytest.TempPathFactory, kernels: Path) -> Project:
    """A copy of the project under git, so that asv knows the commit."""
    root = tmp_path_factory.mktemp("seeded")
    for name in ("generator", "kmod", "variants"):
        shutil.copytree(layout.ROOT / name, root / name,
                        ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(layout.ROOT / "asv.conf.json", root)
    (root / ".gitignore").write_text("/build/\n/results/\n__pycache__/\n")
    (root / "build").mkdir()
    (root / "build/kernels").symlink_to(kernels)
    seed(root)
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "one")):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", root,
                        *words], check=True)
    return Project(root)


def measured(project: Project, *words: str) -> Run:
    done = project.extspt("run", *DESIGNS, *words, EXTSPT_GATE="quick")
    assert done.returncode == 0, done.stderr
    return store.load_run(project.root / done.stdout.strip())


def reports(project: Project, run: Run) -> Path:
    done = project.extspt("report", run.id)
    assert done.returncode == 0, done.stderr
    return project.root / "results" / "reports" / run.id


def cells(page: str, design: str) -> Iterator[tuple[str, str]]:
    """(name of the column or row, text) of each cell of a table that is the design's."""
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        rows = [[_TAG.sub("", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
                for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)]
        at = [i for i, name in enumerate(rows[0]) if name == design]
        yield from ((row[0], row[i]) for row in rows[1:] for i in at if i < len(row))
        yield from ((rows[0][i] if i < len(rows[0]) else "", cell)
                    for row in rows[1:] if row and row[0] == design
                    for i, cell in enumerate(row) if i)


@pytest.fixture(scope="module", name="failed")
def _failed(project: Project) -> Run:
    return measured(project)


def test_a_failed_design_has_no_figure_anywhere(project: Project, failed: Run) -> None:
    assert failed.manifest["gate"] == {"kvm_owned": "PASS", "kvm_owned_aprime": "PASS",
                                       "leaky": "FAIL"}
    assert "leaky" not in {stored["variant"] for stored in failed.records}
    assert "leaky" not in set(frames.read(failed).summary()["variant"])
    folder = reports(project, failed)
    assert "leaky" not in (folder / "summary.csv").read_text()
    text = (folder / "report.txt").read_text()
    rows = [line.split()[1:] for line in text.splitlines() if _EMPTY.match(line)]
    assert rows and set(itertools.chain(*rows)) <= {"-", "n/a", "FAIL"}, rows
    assert any(row[-1] == "FAIL" for row in rows) and "leak: pamt page never freed" in text
    seen = {cell for _, cell in cells((folder / "report.html").read_text(), "leaky")}
    figures = {cell for cell in seen if re.search(r"\d", cell) and not _GATE.fullmatch(cell)}
    assert {"-", "n/a", "FAIL"} <= seen and not figures, figures
    done = project.extspt("check", "leaky", "--quick", "--ktap")
    assert done.returncode == 13 and "not ok 1 leaky" in done.stdout    # known, and still a FAIL
    for parser in sorted(layout.SOURCES.glob("*/tools/testing/kunit/kunit.py"))[-1:]:
        read = subprocess.run([sys.executable, parser, "parse"], input=done.stdout, text=True,
                              capture_output=True, check=False, timeout=60)
        assert "[FAILED] no_leak" in read.stdout and "[FAILED] leaky" in read.stdout, read.stdout
        assert "crashed" not in read.stdout and "[ERROR]" not in read.stdout


def test_a_bundle_has_no_value_of_it(project: Project, failed: Run) -> None:
    """Nor its kcidb.json, which says FAIL, nor the other files with figures."""
    done = project.extspt("report", "--bundle", failed.id)
    assert done.returncode == 0, done.stderr
    folder = project.root / "results" / "reports" / failed.id
    tests = [test for test in json.loads((folder / "kcidb.json").read_text())["tests"]
             if ".leaky" in test["path"]]
    assert [(test["status"], test["path"]) for test in tests] == [
        ("FAIL", "extspt_bench.twin.leaky.gate")] and "number" not in tests[0]
    assert "leaky" not in set(pd.read_parquet(folder / "summary.parquet")["variant"])
    listed = [json.loads(line)["variant"] for path in folder.glob("runs/*/boots/*/records.jsonl")
              for line in path.read_text().splitlines()]
    assert "kvm_owned" in listed and "leaky" not in listed


def test_asv_has_no_value_of_it(project: Project, failed: Run) -> None:
    done = project.extspt("asv", failed.id)
    assert done.returncode == 0, done.stderr
    [stored] = (project.root / "results" / "asv").glob("*/*-guest.json")
    result = json.loads(stored.read_text())["results"]["suite.Latency.track_fault_instructions"]
    values = dict(zip(itertools.product(*result[1]), result[0], strict=True))
    of = {name: [value for key, value in values.items() if key[0] == f"'{name}'"
                 and value is not None and not math.isnan(value)]
          for name in ("kvm_owned", "leaky")}
    assert of["kvm_owned"] and not of["leaky"]


def finished(serial: Path) -> int:
    """Cases of a guest that were over when its last point began."""
    return serial.read_text(errors="replace").rpartition("EXTSPT POINT")[0].count("EXTSPT MEMCG")


def test_a_killed_check_goes_on_where_it_was(project: Project) -> None:
    """kill -9: what a guest had finished is not done again."""
    words = ("check", "none", "--quick", "--json")
    work = project.root / "build/gate/work"
    others = set(work.glob("*/sweep"))
    with project.start(*words) as child:
        while not (over := sum(finished(path) for path in work.glob("*/sweep/*/serial.txt")
                               if path.parent.parent not in others)):
            assert child.poll() is None, child.communicate()
            time.sleep(0.2)
        child.kill()
        child.communicate()
    done = project.extspt(*words)
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)
    cases = int(re.findall(r"sweep: 1 variant, (\d+) cases", done.stderr)[0])
    assert found["passed"] and 0 < cases <= 8 - over
    assert sum(boot["cases"] for boot in found["boots"]) == cases
    assert min(found["points"]["enomem"]) > 0
