# SPDX-License-Identifier: GPL-2.0-only
"""A made-up run's report, and parts of it."""

from __future__ import annotations

import re
from typing import Any

import synthetic

from generator.evidence import frames, verdict
from generator.report import document, headline, text
from generator.report.model import Table
from generator.report.view import View


def view_of(run: synthetic.FakeRun) -> View:
    return View.of(run, frames.summarize(run), verdict.of_run(run))


def text_of(*runs: synthetic.FakeRun) -> str:
    return text.render(document.build([view_of(run) for run in runs]))


def flat(report: str) -> str:
    """The report without its line breaks."""
    return re.sub(r"\s+", " ", report)


def rows_of(table: Table) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in table.rows if len(row) > 1}


def case_of(run: synthetic.FakeRun, boot: str, variant: str, workload: str) -> dict[str, Any]:
    return next(c for c in run.records if (c["boot"], c["variant"], c["workload"])
                == (boot, variant, workload))


def head(view: View, tier: str) -> Table:
    return headline.table(view, tier)
