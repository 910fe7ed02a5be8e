# SPDX-License-Identifier: GPL-2.0-only
"""results/reports/<run id>/: the text for a mail, the HTML, and the figures."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from generator import frames, layout, store
from generator.report import document, html, plots, text
from generator.report.view import View


@dataclass(frozen=True)
class ReportBundle:
    """The files of one report; ``paths`` lists the text first, then the HTML, then the figures."""

    folder: Path
    text: Path
    html: Path
    figures: tuple[Path, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        return (self.text, self.html, *self.figures)


def write_report(run: store.Run) -> ReportBundle:
    """Write the bundle of a run, replacing an earlier one only when the new one is whole.

    Raises DataError when a record does not fit the schema.
    """
    frame = frames.summarize(run)
    view = View.of(run, frame)
    target = layout.report_dir(str(run.manifest["id"]))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".report-") as scratch:
        fresh = Path(scratch) / "bundle"
        fresh.mkdir()
        fill(view, fresh)
        frames.write_csv(frame, fresh / "summary.csv")
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    return found(target)


def fill(view: View, folder: Path) -> None:
    """Write text, figures and HTML into a folder."""
    content = document.build(view)
    (folder / "report.txt").write_text(text.render(content), encoding="ascii")
    drawn = {path.stem: path for path in plots.draw(view, folder) if path.suffix == ".svg"}
    (folder / "report.html").write_text(html.render(content, drawn), encoding="utf-8")


def found(folder: Path) -> ReportBundle:
    """The bundle in a folder."""
    figures = sorted(p for p in folder.iterdir() if p.suffix in (".png", ".svg"))
    return ReportBundle(folder, folder / "report.txt", folder / "report.html", tuple(figures))
