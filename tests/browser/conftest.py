# SPDX-License-Identifier: GPL-2.0-only
"""A project with a history of three machines, served to a real browser."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import synthetic
from project import SMALL, Project
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from generator import layout
from generator.report import site

SHOTS = layout.BUILD / "screenshots"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars",
         "--window-size=1280,1000")


@pytest.fixture(scope="session")
def shots() -> Path:
    """Folder of the screenshots; kept, for whoever looks at a CI run."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    for path in SHOTS.glob("*.png"):
        path.unlink()
    return SHOTS


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two commits of QEMU runs, one each of UML and of real KVM, with reports; served."""
    project = Project(tmp_path_factory.mktemp("project"))
    recorded(project, project.run)
    project.commit("two")
    runs = project.root / "results" / "runs"
    kinds = ({"run_id": "qemu"}, {"run_id": "uml", "boots": ("uml",), "blocks": 7},
             {"run_id": "kvm", "host": "kvm"})
    for kind in kinds:
        run = synthetic.build(runs, **SMALL | kind)
        run.manifest["suite"]["commit"] = project.head()
        run.manifest["plan"] = {"runner": "uml" if run.path.name == "uml" else "qemu",
                                "host": kind.get("host", "twin")}
        recorded(project, run)
    done = project.extspt("report", "kvm", "uml")
    assert done.returncode == 0, done.stderr
    running = site.server(0, project.root / "build" / "html", project.root / "results" / "reports")
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://{site.ADDRESS}:{running.server_address[1]}"
    running.shutdown()
    running.server_close()


def recorded(project: Project, run: synthetic.FakeRun) -> None:
    """Enter a run into the history."""
    synthetic.store(run)
    done = project.extspt("asv", run.path.name)
    assert done.returncode == 0, done.stderr
    assert "not recorded" not in done.stderr, done.stderr


@pytest.fixture(scope="session")
def browser() -> Iterator[webdriver.Chrome]:
    """Debian's chromium; its console is read by the tests."""
    found = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if not all(found.values()):
        pytest.fail(f"not installed: {[n for n, p in found.items() if not p]}; make setup does it")
    options = Options()
    options.binary_location = str(found["chromium"])
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(found["chromedriver"])))
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()
