# SPDX-License-Identifier: GPL-2.0-only
"""A report of the kvm host says what is real in it, and nothing of a twin."""

from __future__ import annotations

import re
from pathlib import Path

import synthetic

from generator.evidence import frames, verdict
from generator.report import document, text
from generator.report.view import View


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
