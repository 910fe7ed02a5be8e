# SPDX-License-Identifier: GPL-2.0-only
"""The gate: a design is shown to be correct, or it gets no timing.

``load(run)`` gives the results a run was made with, by variant; A' carries its baseline's.
"""

from __future__ import annotations

from dataclasses import replace

from generator.gate import result
from generator.gate.result import GateResult
from generator.runs.store import Run


def load(run: Run) -> dict[str, GateResult]:
    """Results of a run's gate by variant; empty when it ran without. DataError when damaged."""
    found = result.read(run.path)
    twins = {name: entry.get("aprime_of") for name, entry in run.manifest["variants"].items()}
    aprimes = {name: replace(found[base], variant=name)
               for name, base in twins.items() if base in found}
    return {**aprimes, **found}
