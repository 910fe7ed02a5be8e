# SPDX-License-Identifier: GPL-2.0-only
"""One HTML file that fetches nothing, runs nothing, and escapes everything."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import synthetic

from generator.evidence import frames, verdict
from generator.report import bundle, document, html, plots
from generator.report.view import View

VOID = {"meta", "img", "source", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks nesting; collects tags, addresses and text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(v) for k, v in attrs if k in ("src", "href", "srcset", "action")]
        assert not any(k.startswith("on") for k, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module", name="view")
def some_view(tmp_path_factory: pytest.TempPathFactory) -> View:
    run = synthetic.build(tmp_path_factory.mktemp("runs"), workloads=synthetic.HEADLINE)
    return View.of(run, frames.summarize(run), verdict.of_run(run))


@pytest.fixture(scope="module", name="source")
def page_source(view: View, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("plots")
    drawn = {p.stem: p for p in bundle.light(plots.draw(view, folder))}
    return html.render(document.build([view]), drawn)


def test_fetches_and_runs_nothing(source: str) -> None:
    page = Page(source)
    assert "script" not in page.tags
    assert all(a.startswith(("#", "data:image/svg+xml;base64,")) for a in page.addresses)
    assert "url(" not in source
    assert "default-src 'none'" in source


def test_has_all_figures_and_tables(view: View, source: str) -> None:
    page = Page(source)
    assert page.tags.count("img") == page.tags.count("picture") == 6
    sections = document.build([view]).sections
    assert page.tags.count("table") == sum(len(s.tables) for s in sections)
    assert page.tags.count("details") == sum(s.detail for s in sections)
    said = "\n".join(page.words)
    for section in sections:
        for table in section.tables:
            for row in table.rows:
                assert all(cell in said for cell in row if cell)


def test_dark_print_and_links(source: str) -> None:
    assert "prefers-color-scheme: dark" in source
    assert "@media print" in source
    targets = re.findall(r'href="#([^"]+)"', source)
    assert targets
    assert all(f'id="{target}"' in source for target in targets)


def test_hostile_strings_are_text(tmp_path: Path) -> None:
    run = synthetic.build(tmp_path, workloads=("convert",))
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&lt; $x^2$"
    run.manifest["compiler"] = hostile
    for variant in run.manifest["variants"].values():
        variant["title"] = hostile
    run.records[0].update(record=None, rc=hostile)
    view = View.of(run, frames.summarize(run), verdict.of_run(run))
    page = Page(html.render(document.build([view]), {}))
    assert not {"script", "img"} & set(page.tags)
    assert any(hostile in word for word in page.words) or hostile in "".join(page.words)


def test_page_without_figures(view: View) -> None:
    assert "img" not in Page(html.render(document.build([view]), {})).tags
