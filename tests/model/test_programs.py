# SPDX-License-Identifier: GPL-2.0-only
"""Self-test, collisions on two CPUs, a short fuzz and the speed of the model."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from generator import cli
from generator.errors import BuildError, RigError
from generator.seam import harness

LEAST_CALLS_PER_S = 3e6


def ktap(folder: Path, program: str) -> list[str]:
    """Names of the tests a program passed; it fails when one does not."""
    output = harness.run(folder, program)
    names = re.findall(r"^ok \d+ (.*)$", output, re.MULTILINE)
    (plan,) = re.findall(r"^1\.\.(\d+)$", output, re.MULTILINE)
    assert len(names) == int(plan)
    return names


@pytest.mark.parametrize("flavour", ["plain", "asan", "tsan"])
def test_violations_costs_and_events(flavour: str, request: pytest.FixtureRequest) -> None:
    assert len(ktap(request.getfixturevalue(flavour), "selftest")) >= 20


@pytest.mark.parametrize("flavour", ["plain", "tsan"])
def test_collisions_between_tds(flavour: str, request: pytest.FixtureRequest) -> None:
    names = ktap(request.getfixturevalue(flavour), "across")
    assert "backing for A with pages in B's range, then backing for B" in names


def test_collision_matrix(plain: Path) -> None:
    names = ktap(plain, "collide")
    assert len(names) == 225
    assert "BLOCK, AUG 4K called: apart" in names


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_fuzz(kind: int, asan: Path) -> None:
    output = harness.run(asan, "fuzz", "-q", "-n", "30000", "-s", "11", "-g", str(kind))
    assert output.startswith("ok: 32000 calls")


def test_fuzz_on_threads(tsan: Path) -> None:
    output = harness.run(tsan, "fuzz", "-q", "-n", "300000", "-s", "12", "-j", "2")
    assert output.startswith("ok: 3")


def test_same_seed_same_calls(plain: Path) -> None:
    runs = [harness.run(plain, "fuzz", "-n", "12000", "-s", seed) for seed in ("5", "5", "6")]
    results = ["".join(line for line in run.splitlines() if line.startswith("#")) for run in runs]
    assert results[0] == results[1] != results[2]


def test_speed(plain: Path) -> None:
    """The best of a few: other load on the machine is not the model's."""
    best = 0.0
    for _ in range(5):
        best = max(best, json.loads(harness.run(plain, "bench", "3000000"))["calls_per_s"])
        if best >= LEAST_CALLS_PER_S:
            break
    assert best >= LEAST_CALLS_PER_S


def test_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["seam", "fuzz", "--seconds", "0.2"]) == 0
    assert cli.main(["seam", "bench", "--calls", "100000"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("ok: ")
    assert "million zero-cost leaf calls per second" in shown


def test_faults_are_said(tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RigError) as error:
        harness.run(plain, "fuzz", "-j", "99")
    assert "exit status 2" in str(error.value)
    monkeypatch.setattr(harness, "HOST", tmp_path)
    (tmp_path / "Makefile").write_text("all:\n\t@echo broken; false\n")
    with pytest.raises(BuildError) as failed:
        harness.build("plain", tmp_path / "out")
    assert "broken" in failed.value.evidence
