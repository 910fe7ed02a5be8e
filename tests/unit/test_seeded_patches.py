# SPDX-License-Identifier: GPL-2.0-only
"""The seeded bugs as they are kept: a head the gate can read, and code they still apply to."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from generator import gate, layout
from generator.gate import criteria, seeded
from generator.modules import variant

BUGS = seeded.bugs()
#: The issue asks for so many kinds of bugs.
KINDS = 16


def test_kinds_are_many_and_told_apart() -> None:
    kinds = {bug.text for bug in BUGS}
    assert len(kinds) == len(BUGS) >= KINDS
    assert len({bug.label for bug in BUGS}) == len(BUGS)


def test_each_rule_of_custody_has_a_bug_that_breaks_it() -> None:
    """A rule that no bug was seen to break is not known to work."""
    text = (layout.KMOD / "lib" / "custody_flows.c").read_text()
    rules = set(re.findall(r'\[CUSTODY_\w+\]\s*= "(\w+)"', text))
    assert len(rules) > 10 and rules <= {kind for bug in BUGS for kind in bug.expected}


def test_each_rule_of_the_gate_has_a_bug_that_breaks_it() -> None:
    """But those that the twin cannot break, and those about the gate's own guest."""
    text = "".join((Path(gate.__file__).parent / name).read_text()
                   for name in ("rules.py", "criteria.py", "judge.py"))
    kinds = {*re.findall(r'Finding\("(\w+)", CORRECTNESS', text), *criteria.RULES}
    own = {"not_loadable", "no_record", "not_swept", "short_sweep", "memcg_unread", "ledger_full",
           "lockdep_unseen", "lockdep_off", "status_lost", "teardown_failed"}
    assert kinds - own <= {kind for bug in BUGS for kind in bug.expected}, kinds - own


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_is_in_a_design_there_is(bug: seeded.Bug) -> None:
    assert bug.variant in variant.names()
    assert bug.text and bug.expected


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_applies_to_the_code_as_it_is(bug: seeded.Bug, tmp_path: Path) -> None:
    done = subprocess.run(["patch", "-p1", "-s", "-f", "--dry-run", "--fuzz=0", "-d", layout.ROOT,
                           "-r", tmp_path / "rejected", "-i", bug.patch],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
