# SPDX-License-Identifier: GPL-2.0-only
"""What comes out of the gate: results, verdicts that are remembered, the page, KTAP."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from gated import BAD, GOOD

from generator import cli, gate
from generator.errors import ConfigError, DataError
from generator.gate import conduct, kernels, ktap, result, seeded, text
from generator.gate.before import Gated
from generator.gate.conduct import Keys, Level, recall
from generator.gate.result import CORRECTNESS, CRITERION, Finding, Splat
from generator.runs.store import Run, RunDir


def test_results_keep(tmp_path: Path) -> None:
    result.save(tmp_path, [GOOD, BAD])
    assert result.read(tmp_path) == {"kvm_owned": GOOD, "leaky": BAD}
    manifest = {"variants": {"kvm_owned": {}, "kvm_owned_aprime": {"aprime_of": "kvm_owned"}}}
    found = gate.load(Run(tmp_path, manifest, ()))
    assert found["kvm_owned_aprime"] == replace(GOOD, variant="kvm_owned_aprime")
    (tmp_path / "gate.json").write_text("{")
    with pytest.raises(DataError, match="not a gate result"):
        result.read(tmp_path)


def test_known_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A better verdict serves for a lesser one; a FAIL is a FAIL at every level."""
    monkeypatch.setattr("generator.gate.conduct.VERDICTS", tmp_path)
    keys = Keys({Level.QUICK: "k1", Level.FULL: "k2"})
    assert recall(keys, Level.QUICK) is None
    (tmp_path / "k1.json").write_text(json.dumps(result.as_json(GOOD)))
    assert recall(keys, Level.QUICK) == GOOD and recall(keys, Level.FULL) is None
    (tmp_path / "k1.json").write_text(json.dumps(result.as_json(BAD)))
    assert recall(keys, Level.FULL) == BAD


def test_what_failed_with_the_debug_kernels_fails_the_quick_gate(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which does not look there; until the same sources pass. A kernel's own verdicts stay."""
    monkeypatch.setattr(conduct, "VERDICTS", tmp_path)
    full = Keys({Level.QUICK: "k1", Level.FULL: "k2"}, "fail-s")
    quick = Keys({Level.QUICK: "k1"}, "fail-s")
    (tmp_path / "k1.json").write_text(json.dumps(result.as_json(GOOD)))
    conduct._keep_failures({"leaky": BAD}, {"leaky": full})
    assert recall(quick, Level.QUICK) == BAD and recall(full, Level.FULL) is None
    conduct._keep_failures({"leaky": replace(BAD, passed=True)}, {"leaky": full})
    assert recall(quick, Level.QUICK) == GOOD


def test_a_failed_design_is_not_timed(tmp_path: Path) -> None:
    gated = Gated((GOOD, BAD), {"kvm_owned": "PASS", "leaky": "FAIL"})
    assert gated.allowed(["kvm_owned", "kvm_owned_aprime", "leaky", "leaky_aprime"]) == [
        "kvm_owned", "kvm_owned_aprime"]
    directory = RunDir(tmp_path, {"variants": {"kvm_owned": {}, "kvm_owned_aprime": {}}})
    gated.keep(directory)
    stored = json.loads((tmp_path / "manifest.json").read_text())["gate"]
    assert stored == {"kvm_owned": "PASS", "leaky": "FAIL", "kvm_owned_aprime": "PASS"}
    assert result.read(tmp_path)["leaky"] == BAD


def test_the_page_fits_and_says_it_all() -> None:
    quick = replace(GOOD, not_run=("Not run: KCSAN.",))
    page = text.page([quick, BAD], {"leaky": {"leak": "fixed in v9"}})
    assert page.isascii() and max(map(len, page.splitlines())) <= text.WIDTH
    for words in ("kvm_owned  PASS", "216/216", "leaky: FAIL", "(a) C16 leak:", "[3]",
                  "at convert/enomem allocs 7", "of it", "Not run: KCSAN.",
                  "      known: fixed in v9"):
        assert words in page


EVIL = "x\nok 1 kvm_owned\n\x1b[31m\u202e" + "w" * 90


def test_what_a_guest_says_is_text(tmp_path: Path) -> None:
    """In the page of 72 columns of ASCII, and in KTAP, where a line of its own would be a test."""
    evil = replace(BAD, variant="kvm_owned+pamt_lock=hashed+pamt_lock_bits=4", findings=(
        Finding("self_check", CORRECTNESS, EVIL, 1, "C16", (EVIL,)),
        *(Finding("x", CRITERION, "x", 1, f"C{n}") for n in range(1, 20))),
        splats=(Splat(EVIL, EVIL, EVIL + "\n\tx"),), not_run=(EVIL,))
    page = text.page([GOOD, evil])
    assert page.isascii() and page.replace("\n", "").isprintable()
    assert max(map(len, page.splitlines())) <= text.WIDTH
    assert "kvm_owned+pamt_lock=hashed+pamt_lock_bits=4\n" in page
    for line in ktap.lines([evil]):
        assert line.isascii() and "\n" not in line
    assert "ok 1 kvm_owned" not in "\n".join(ktap.lines([evil])).split("\n")


def test_the_nak_is_on_the_first_page() -> None:
    """By design and point, however many designs there are; nothing where none does it."""
    naked = replace(GOOD, variant="split_ops", findings=tuple(
        Finding(kind, CRITERION, "text", count)
        for kind, count in (("fallback", 7), ("ownership", 399), ("uncharged", 282))))
    some = replace(GOOD, variant="mempool", findings=(Finding("uncharged", CRITERION, "x", 5),))
    lines = text.page([GOOD, naked, some]).splitlines()[:20]
    assert max(map(len, lines)) <= text.WIDTH
    [row] = [line.split() for line in lines if re.match(r"split_ops +\d", line)]
    assert row == ["split_ops", "399", "282", "7"]
    assert "None of them: kvm_owned." in lines
    assert not [line for line in lines if re.match(r"mempool +\d", line)]
    assert "NAK" not in text.page([GOOD, some])


def test_ktap() -> None:
    lines = ktap.lines([GOOD, BAD])
    assert lines[:2] == ["KTAP version 1", "1..2"] and lines[-1] == "not ok 2 leaky"
    assert "ok 1 kvm_owned" in lines and "    not ok 4 no_leak" in lines


def test_the_kernels_own_parser_reads_it(kernel_source: Path, tmp_path: Path) -> None:
    parser = kernel_source / "tools/testing/kunit/kunit.py"
    file = tmp_path / "gate.tap"
    file.write_text("\n".join(ktap.lines([GOOD, BAD])) + "\n")
    said = subprocess.run([sys.executable, parser, "parse", file], capture_output=True, text=True,
                          check=False, timeout=60)
    assert "[FAILED] no_leak" in said.stdout and "passed: 7" in said.stdout, said.stdout
    assert "failed: 2" in said.stdout and "crashed" not in said.stdout


# Seeded bugs

def test_seeded_heads(tmp_path: Path) -> None:
    listed = seeded.bugs()
    assert len(listed) >= 16 and len({bug.text for bug in listed}) == len(listed)
    assert {bug.stage for bug in listed} == {"sweep", "debug", "kcsan"}
    assert all(bug.label.isidentifier() and len(bug.label) < 42 for bug in listed)
    (tmp_path / "x.patch").write_text("Kind: a\nVariant: none\n\n--- a\n+++ b\n")
    with pytest.raises(ConfigError, match="Stage, Class, Expect"):
        seeded.bugs(tmp_path)
    (tmp_path / "x.patch").write_text("Kind: a\nVariant: none\nStage: sweep\nClass: criterion\n"
                                      "Expect: leak\n\n--- a\n+++ b\n")
    with pytest.raises(ConfigError, match="Class: criterion"):
        seeded.bugs(tmp_path)


def test_a_seeded_bug_counts_only_in_its_class_and_if_it_blocks() -> None:
    [bug, *_] = seeded.bugs()
    wrong = replace(bug, klass=CORRECTNESS, expected=("leak",))
    assert seeded.Caught(wrong, ("leak",), BAD).ok
    assert not seeded.Caught(wrong, (), BAD).ok
    assert not seeded.Caught(wrong, ("leak",), GOOD).ok
    assert not seeded.Caught(wrong, (), None, "does not apply").ok


def test_a_sweep_in_part_is_not_the_whole_test() -> None:
    part = replace(GOOD, points={"enomem": (9, 216), "busy": (10, 10), "lost": (0, 0)})
    found = [line.strip() for line in ktap.lines([part])]
    assert "ok 1 every_allocation_fails # SKIP 9 of 216 tried" in found
    assert "ok 2 every_seamcall_is_busy" in found
    assert "ok 3 every_cmpxchg_is_lost # SKIP not counted" in found
    assert "    not ok 1 every_allocation_fails" in ktap.lines([replace(part, passed=False)])


def test_nothing_tried_is_nothing_shown(monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    """A bug whose stage has no kernel here was caught in 0 of 0 cases, with exit code 0."""
    debug = next(bug for bug in seeded.bugs() if bug.stage == "debug")
    ground = SimpleNamespace(stage="sweep")
    monkeypatch.setattr(kernels, "for_sweep", lambda kdir, host: ground)
    monkeypatch.setattr(kernels, "for_debug", lambda host: {})
    assert cli.main(["check", "--seeded", debug.name]) == 4
    assert "no seeded bug was tried" in capsys.readouterr().err
    lines = ktap.caught([seeded.Caught(debug, ("leak",), BAD)], [debug])
    assert lines[1] == "1..2" and lines[-1] == (
        f"ok 2 {debug.name} # SKIP not tried: no kernel for stage debug")


def test_what_comes_and_goes_fails_the_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    results = iter((GOOD, replace(GOOD, findings=()), GOOD, GOOD))
    monkeypatch.setattr(conduct, "check", lambda wish, again: [next(results)])
    assert cli.main(["check", "--quick", "--repeat", "2", "kvm_owned"]) == 13
    assert cli.main(["check", "--quick", "--repeat", "2", "kvm_owned"]) == 0
