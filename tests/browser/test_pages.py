# SPDX-License-Identifier: GPL-2.0-only
"""Every page opens in a real browser: plots show every variant, the console stays silent."""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

pytestmark = pytest.mark.browser

VARIANTS = {"kvm_owned", "kvm_owned_aprime", "split_ops"}
BY_MACHINE = {
    "twin-qemu-tcg": ("Latency.track_fault_instructions", "MemoryPerFault.track_parked"),
    "twin-uml": ("Native.track_fault_p50_ns",),
    "kvm-qemu-tcg": ("Latency.track_fault_instructions",)}
Check = Callable[[str, str], None]


def console(browser: Chrome) -> list[str]:
    """Errors and warnings of the pages since the last look."""
    return [entry["message"] for entry in browser.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING")]


def until(browser: Chrome, done: Callable[[Chrome], Any]) -> Any:
    return WebDriverWait(browser, 30).until(done)


@pytest.fixture(name="check")
def opens(browser: Chrome, address: str, shots: Path) -> Check:
    """Opens a page, keeps its picture, wants a silent console."""
    def check(path: str, name: str) -> None:
        browser.get("about:blank")      # a change behind # alone loads nothing
        browser.get(address + path)
        until(browser, lambda b: b.execute_script("return document.readyState") == "complete")
        browser.save_screenshot(str(shots / f"{name}.png"))
        assert not console(browser), path
    return check


def colours(browser: Chrome, scheme: str) -> None:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": scheme}]})


def whole(browser: Chrome, path: Path) -> None:
    """A picture of the whole page."""
    height = browser.execute_script("return document.documentElement.scrollHeight")
    browser.set_window_size(1280, min(height + 120, 16000))
    browser.save_screenshot(str(path))
    browser.set_window_size(1280, 1000)


def test_index_lists_history_and_reports(browser: Chrome, check: Check) -> None:
    check("/", "index")
    links = {a.get_attribute("href").split("/", 3)[3]
             for a in browser.find_elements(By.TAG_NAME, "a")}
    assert "asv/" in links and any(link.endswith("report.html") for link in links)
    assert "real KVM, modelled SEAM" in browser.page_source


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_report(browser: Chrome, check: Check, address: str, shots: Path, scheme: str) -> None:
    colours(browser, scheme)
    with urllib.request.urlopen(address) as page:
        link = re.search(r'href="(/reports/[^"]+report\.html)"', page.read().decode())
    assert link
    check(link[1], f"report-{scheme}")
    images = browser.find_elements(By.TAG_NAME, "img")
    drawn = [browser.execute_script("return arguments[0].naturalWidth", one) for one in images]
    assert len(drawn) >= 8 and all(width > 500 for width in drawn)
    dark = browser.execute_script("return arguments[0].currentSrc", images[0])
    assert ("#15171a" in urllib.request.urlopen(dark).read().decode()) is (scheme == "dark")
    assert "real KVM, modelled SEAM" in browser.find_element(By.CLASS_NAME, "banner").text
    for variant in ("kvm_owned", "kvm_owned A'", "split_ops"):
        assert browser.find_elements(By.XPATH, f'//th[normalize-space()="{variant}"]')
    overflow = browser.execute_script(
        "return document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0
    whole(browser, shots / f"report-{scheme}-whole.png")
    colours(browser, "")


def test_report_prints(browser: Chrome, check: Check, address: str, shots: Path) -> None:
    with urllib.request.urlopen(address) as page:
        link = re.search(r'href="(/reports/[^"]+report\.html)"', page.read().decode())
    assert link
    check(link[1], "report")
    pdf = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
    (shots / "report.pdf").write_bytes(base64.b64decode(pdf))
    assert len(pdf) > 50_000


@pytest.mark.parametrize(("machine", "name"), [
    (machine, name) for machine, names in BY_MACHINE.items() for name in names])
def test_plots_show_every_variant(browser: Chrome, check: Check, shots: Path, machine: str,
                                  name: str) -> None:
    vcpus = 2 if machine == "twin-uml" else 1
    query = urllib.parse.urlencode({"machine": machine, "p-vcpus": vcpus})
    check(f"/asv/#suite.{name}?{query}", f"asv-{machine}-{name}")
    until(browser, lambda b: b.find_elements(By.CSS_SELECTOR, "#main-graph canvas"))
    until(browser, lambda b: named(b) >= VARIANTS)
    drawn = browser.execute_script(SERIES)
    shown = {v for v in VARIANTS if any(re.search(rf"\b{v}\b", s["label"]) and s["points"]
                                        for s in drawn)}
    assert shown == VARIANTS
    browser.save_screenshot(str(shots / f"asv-{machine}-{name}.png"))
    assert not console(browser)


SERIES = """
const plot = $("#main-graph").data("plot");
return plot ? plot.getData().map(s => ({label: String(s.label),
    points: s.data.filter(p => p && p[1] !== null).length})) : [];
"""


def named(browser: Chrome) -> set[str]:
    """Variants that the plot's series are of."""
    labels = " ".join(s["label"] for s in browser.execute_script(SERIES))
    return {variant for variant in VARIANTS if re.search(rf"\b{variant}\b", labels)}


@pytest.mark.parametrize("view", ["grid", "list", "regressions"])
def test_asv_overviews(browser: Chrome, check: Check, shots: Path, view: str) -> None:
    page = {"grid": "", "list": "summarylist", "regressions": "regressions"}[view]
    check(f"/asv/#{page}", f"asv-{view}")
    wanted = {"grid": "#summarygrid-display canvas", "list": "#summarylist-body table",
              "regressions": "#regressions-body"}[view]
    until(browser, lambda b: b.find_elements(By.CSS_SELECTOR, wanted))
    browser.save_screenshot(str(shots / f"asv-{view}.png"))
    assert not console(browser)


def test_real_kvm_is_named_in_the_history(address: str) -> None:
    with urllib.request.urlopen(f"{address}/asv/index.json") as file:
        index = json.load(file)
    cpus = {name: entry["cpu"] for name, entry in index["machines"].items()}
    assert cpus["kvm-qemu-tcg"].startswith("real KVM, modelled SEAM")
    assert cpus["twin-uml"].startswith("twin of KVM's path, modelled SEAM")


@pytest.mark.parametrize("path", ["/asv/../../../etc/passwd", "/reports/..%2f..%2f..%2fetc/passwd",
                                  "/nothing", "/reports/", "/asv/%00"])
def test_nothing_else_is_served(address: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(address + path)


def test_only_for_this_address(address: str) -> None:
    asked = urllib.request.Request(address, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(asked)
