# SPDX-License-Identifier: GPL-2.0-only
"""What the gate found: plain data, stored as JSON beside the figures it let through."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generator.errors import DataError
from generator.runs import store

ABI = 1
FILE = "gate.json"
PASS, FAIL, FORCED, NOT_RUN = "PASS", "FAIL", "forced", "not run"
CORRECTNESS, CRITERION, OTHER = "correctness", "criterion", "other"
SWEEP, DEBUG, KCSAN = "sweep", "debug", "kcsan"
#: Kinds of injected faults, as ``points`` names them -> key of the module's ``run`` file.
KINDS: Mapping[str, str] = {"enomem": "fail_alloc", "busy": "fail_busy", "lost": "fail_lost"}


@dataclass(frozen=True)
class Finding:
    """One thing the gate has to say of a variant.

    ``kind``: leak, double_free, ownership, uncharged, ...; ``klass``: CORRECTNESS fails the
    variant, CRITERION is a property of the design, to be weighed by the reader under ``criterion``
    (C1 to C19), OTHER was seen in a guest and is not the variant's doing. ``count``: pages or
    events; ``paths``: who allocated and freed, or where it happened, a line each.
    """

    kind: str
    klass: str
    text: str
    count: int = 1
    criterion: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Splat:
    """A report of the kernel itself. ``at``: workload and point under way; ``text``: resolved."""

    title: str
    at: str
    text: str


@dataclass(frozen=True)
class Boot:
    """One boot of the gate: what it ran on, cases run, wall seconds, and how it ended."""

    stage: str
    kernel: str
    cases: int
    wall_s: float
    outcome: str


@dataclass(frozen=True)
class GateResult:
    """The verdict on one variant.

    ``points``: kind of fault -> (points that were made to fail and did, points there are).
    ``stages``: what was done, of SWEEP, DEBUG and KCSAN; ``key``: names module, kernels and gate;
    ``not_run``: sentences on what was not done, each with the reason.
    """

    variant: str
    host: str
    passed: bool
    findings: tuple[Finding, ...]
    points: Mapping[str, tuple[int, int]]
    splats: tuple[Splat, ...]
    boots: tuple[Boot, ...]
    stages: tuple[str, ...]
    key: str
    not_run: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """PASS or FAIL."""
        return PASS if self.passed else FAIL

    def of_class(self, klass: str) -> tuple[Finding, ...]:
        """The findings of one class, in order."""
        return tuple(finding for finding in self.findings if finding.klass == klass)


def as_json(result: GateResult) -> dict[str, Any]:
    """Plain data; from_json() gives the result back."""
    return asdict(result)


def from_json(data: Mapping[str, Any]) -> GateResult:
    """A stored result. KeyError or TypeError when it is none."""
    findings = tuple(Finding(**{**found, "paths": tuple(found["paths"])})
                     for found in data["findings"])
    points = {kind: (int(covered), int(all_)) for kind, (covered, all_) in data["points"].items()}
    return GateResult(
        str(data["variant"]), str(data["host"]), bool(data["passed"]), findings, points,
        tuple(Splat(**splat) for splat in data["splats"]),
        tuple(Boot(**boot) for boot in data["boots"]), tuple(data["stages"]), str(data["key"]),
        tuple(data.get("not_run", ())))


def save(folder: Path, results: Iterable[GateResult]) -> Path:
    """Write ``folder``/gate.json."""
    listed = {"abi": ABI, "results": [as_json(result) for result in results]}
    path = folder / FILE
    store.write_atomically(path, (json.dumps(listed, indent=1) + "\n").encode())
    return path


def read(folder: Path) -> dict[str, GateResult]:
    """The results of ``folder``/gate.json by variant; none when the gate was not run.

    Raises DataError when the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text())
        if data["abi"] != ABI:
            raise ValueError(f"ABI {data['abi']!r}, this suite reads {ABI}")
        results = [from_json(one) for one in data["results"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"not a gate result: {error}", where=str(path),
                        fix="run 'extspt check' again") from error
    return {result.variant: result for result in results}
