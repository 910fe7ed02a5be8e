# SPDX-License-Identifier: GPL-2.0-only
"""What a guest writes is text and nothing else, in each form a report has."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import synthetic
from reported import view_of

from generator.evidence import frames
from generator.report import bundle, document, html, kcidb, plots, text
from generator.report.view import View

EVIL = ("=cmd()|'x'!A0<script>alert(1)</script>\"'&lt;\x1b[31m\x07\x00\t\u202e\u2066" + "w" * 300)
UNSEEN = "\x1b\x07\x00\u202e\u2066"


@pytest.fixture(scope="module", name="view")
def hostile_view(tmp_path_factory: pytest.TempPathFactory) -> View:
    """A run whose guest chose the names of a lock, a pool, a leaf and a workload's help."""
    run = synthetic.build(tmp_path_factory.mktemp("runs"), workloads=synthetic.HEADLINE,
                          designs=("kvm_owned", "split_ops"))
    for case in run.records:
        record = case["record"]
        record["locks"][EVIL] = record["locks"]["pamt_lock"]
        record["seam"]["calls"].append({"leaf": EVIL, "status": EVIL, "n": 1})
        record["memory"]["parked"].append({"pool": EVIL, "class": "sept", "owner": "kvm",
                                           "vcpu": 0, "pages": 3, "peak": 3})
    evil: dict[str, Any] = {"workloads": {"convert": {"help": EVIL}}}
    run.manifest["boots"]["icount"]["infos"] = {"kvm_owned": evil}
    run.manifest["workloads"] = {"convert": {"vcpus": 1}}
    run.records[-1]["record"]["errors"] = [EVIL]      # this design has no figures, the other has
    view = view_of(run)
    assert len(view.failing) == 1 and any(EVIL in name for name in view.frame["metric"])
    return view


class Words(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words += data


def test_text(view: View) -> None:
    report = text.render(document.build([view]))
    assert report.isascii() and report.replace("\n", "").isprintable()
    assert all(len(line) <= text.WIDTH for line in report.split("\n"))
    assert "\\u202e" in report


def test_html(view: View) -> None:
    page = Words(html.render(document.build([view]), {}))
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.words
    assert not set(UNSEEN) & set(page.words)
    assert "\\u202e" in page.words


def drawn(view: View, folder: Path) -> Iterator[Path]:
    return (path for path in plots.draw(view, folder) if path.suffix == ".svg")


def test_svg(view: View, tmp_path: Path) -> None:
    seen = ""
    for path in drawn(view, tmp_path):
        root = ElementTree.parse(path)
        assert not any(element.tag.endswith("}script") for element in root.iter())
        seen += "".join("".join(element.itertext()) for element in root.iter())
    assert "=cmd()|" in seen        # the lock's name
    assert not set(UNSEEN) & set(seen)


def test_csv(view: View, tmp_path: Path) -> None:
    frames.write_csv(bundle.summary([view]), tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not any(cell.startswith(("=", "+", "@", "\t")) for row in rows for cell in row)


def test_kcidb(view: View) -> None:
    export = json.loads(json.dumps(kcidb.export([(view.manifest, view.frame)]), allow_nan=False))
    assert export["tests"]
    for test in export["tests"]:
        assert test["path"].isascii() and not set(UNSEEN + "<=' \t") & set(test["path"])
