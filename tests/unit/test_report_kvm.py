# SPDX-License-Identifier: GPL-2.0-only
"""A report of the kvm host says what is real in it, and nothing of a twin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import synthetic

from generator.benchmarks import suite
from generator.evidence import frames, verdict
from generator.report import document, plots, text
from generator.report.view import View
from generator.runs import store


def test_real_kvm_says_what_is_real(tmp_path: Path) -> None:
    run = synthetic.build(tmp_path, workloads=synthetic.HEADLINE, host="kvm")
    for case in run.records:
        case["kernel_stat"] = [0, 1 << 30, 0]       # KVM charges much besides
    report = re.sub(r"\s+", " ", text.render(document.build(
        [View.of(run, frames.summarize(run), verdict.of_run(run))])))
    assert "real KVM, modelled SEAM" in report
    assert "tdx.c, the TDX module and guest execution are not run" in report
    assert "twin" not in report
    assert "memory.stat and our own" not in report


def test_a_report_of_tds_claims_no_model_and_denies_no_hardware(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As nobody has such a machine, only this test goes there."""
    monkeypatch.setitem(synthetic.BOOTS, "tdx", ("tdx", "ns", 2))
    run = synthetic.build(tmp_path, workloads=synthetic.HEADLINE, host="kvm", boots=("tdx",),
                          blocks=12)
    view = View.of(run, frames.summarize(run), verdict.of_run(run))
    content = document.build([view])
    report = re.sub(r"\s+", " ", text.render(content))
    assert content.banner == "real KVM, real TDs"
    assert "Host kvm, tier tdx" in report and "median: ns of one fault" in report
    assert "each VM is a TD, and no model takes part" in report
    for wrong in ("modelled SEAM", "no TDX hardware", "are not run", "none took part", "never run"):
        assert wrong not in report, wrong
    assert list(plots.draw(view, tmp_path))
    stored = store.Run(tmp_path, run.manifest, tuple(run.records))
    monkeypatch.setattr(suite, "the_run", lambda: stored)
    cache = suite.setup_cache()
    assert suite.Native().track_fault_p50_ns(cache, "kvm_owned", "populate_seq", 2)
    assert all(key[0] == suite.NATIVE for key in cache) and cache
