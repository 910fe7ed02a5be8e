# SPDX-License-Identifier: GPL-2.0-only
"""A report of a run that has the host's own time: labelled so, and never called emulated."""

from __future__ import annotations

from pathlib import Path

import pytest
import synthetic

from generator import frames
from generator.report import document, flags
from generator.report.view import View


@pytest.fixture
def view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> View:
    """A run with one boot, of tier native, made with --force."""
    monkeypatch.setattr(synthetic, "BOOTS", {"uml": ("native", "ns", 2)})
    run = synthetic.build(tmp_path, boots=["uml"])
    run.manifest["marks"] = ["oversubscribed: 4 vCPUs on 2 host cores"]
    return View.of(run, frames.summarize(run))


def test_timed_tier(view: View) -> None:
    assert view.timed == "native"


def test_what_was_forced_comes_first(view: View) -> None:
    assert flags.flags(view)[0] == "forced: oversubscribed: 4 vCPUs on 2 host cores"


def test_limits_are_those_of_uml(view: View) -> None:
    said = " ".join(document.limits(view).items)
    assert "static calls are calls through a pointer" in said
    assert "the guest is emulated" not in said and "icount boot" not in said


def test_nothing_is_called_emulated(view: View) -> None:
    sections = [*document.latency(view), document.contention(view)]
    tables = [table for section in sections for table in section.tables]
    assert tables and not any("unit ns, emulated" in str(table.notes) for table in tables)
    assert any("tier native" in str(table.notes) for table in tables)
