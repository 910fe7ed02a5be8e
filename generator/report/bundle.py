# SPDX-License-Identifier: GPL-2.0-only
"""results/reports/<name>/: the text for a mail, the HTML, and the figures."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from generator import layout
from generator.evidence import frames
from generator.report import capsule, document, html, plots, provenance, text
from generator.report.view import View
from generator.runs import store

TEXT, HTML, CSV, ABOUT = "report.txt", "report.html", "summary.csv", "about.json"


@dataclass(frozen=True)
class ReportBundle:
    """The files of one report; ``paths`` lists the text first, then the HTML, then the others."""

    folder: Path

    @property
    def text(self) -> Path:
        return self.folder / TEXT

    @property
    def html(self) -> Path:
        return self.folder / HTML

    @property
    def tarball(self) -> Path:
        """Where a whole bundle is packed."""
        return capsule.packed(self.folder)

    @property
    def paths(self) -> tuple[Path, ...]:
        first = (self.text, self.html)
        rest = sorted(p for p in self.folder.rglob("*") if p.is_file() and p not in first)
        return (*(p for p in first if p.is_file()), *rest)


def name_of(runs: Sequence[store.Run]) -> str:
    """Folder of a report: the run's id, with the short ids of further runs."""
    first, *others = (run.id for run in runs)
    return "+".join([first, *(other.split("-")[0] for other in others)])


def views_of(runs: Sequence[store.Run]) -> list[View]:
    """The views of the runs of one report, told apart by host and, where that is one, by number."""
    views: list[View] = []
    for view in map(View.load, runs):
        same = sum(other.host == view.host for other in views)
        views.append(replace(view, mark=f"{view.host}{same + 1}") if same else view)
    return views


def attachment(runs: Sequence[store.Run]) -> str:
    """The text of a report for a mailing list. Raises DataError when its origin is not known."""
    views = views_of(runs)
    provenance.require(views)
    return text.render(document.build(views))


def write_report(runs: Sequence[store.Run], *, whole: bool = False) -> ReportBundle:
    """Write the report of the runs, replacing an earlier one only when the new one is whole.

    ``whole``: with all it takes to repeat the runs (capsule.py). Raises DataError when a record
    does not fit the schema, or when a whole bundle's origin is not known.
    """
    views = views_of(runs)
    if whole:
        provenance.require(views)

    def fill_it(folder: Path) -> None:
        fill(views, folder)
        if whole:
            capsule.fill(runs, views, folder)
    folder = replaced(layout.report_dir(name_of(runs)), fill_it)
    if whole:
        capsule.pack(folder)
    return ReportBundle(folder)


def replaced(target: Path, fill_it: Callable[[Path], None]) -> Path:
    """The folder ``target``, filled anew beside it and then put in its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".report-") as scratch:
        fresh = Path(scratch) / "bundle"
        fresh.mkdir()
        fill_it(fresh)
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    return target


def fill(views: Sequence[View], folder: Path) -> None:
    """Write text, figures, HTML and summary into a folder."""
    content = document.build(views)
    (folder / TEXT).write_text(text.render(content), encoding="ascii")
    drawn = {path.stem: path for view in views for path in light(plots.draw(view, folder))}
    (folder / HTML).write_text(html.render(content, drawn), encoding="utf-8")
    frames.write_csv(summary(views), folder / CSV, dict.fromkeys(
        mark for view in views for mark in view.manifest.get("marks") or ()))
    about = {"runs": [view.id for view in views], "banner": content.banner,
             "created": max(str(view.manifest.get("created") or "") for view in views),
             "designs": len({name for view in views for name in view.designs})}
    (folder / ABOUT).write_text(json.dumps(about) + "\n")


def summary(views: Sequence[View]) -> pd.DataFrame:
    """One frame of all runs."""
    return pd.concat([view.frame for view in views], ignore_index=True)


def light(paths: Iterator[Path]) -> Iterator[Path]:
    """The SVGs for light pages."""
    return (path for path in paths if path.suffix == ".svg" and ".dark" not in path.suffixes)
