# SPDX-License-Identifier: GPL-2.0-only
"""Golden counts: what is compared, what is refused, and what a stale result is worth."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from generator.errors import BuildError, ConfigError, GateError
from generator.kvm import kvmcheck, kvmhooks
from generator.kvm.kvmcheck import Golden, Told
from generator.kvm.kvmhost import GUEST, KvmBuild

GOLDEN = Golden({"populate_seq": (4096, {"map": 4096, "link": 10})}, idle_limit=10)


def told(kind: str, p50: int) -> Told:
    return {("PLAIN", kind, "populate_seq"): {"faults": 4096, "p50": p50, "max": 9 * p50}}


def counts(**changed: int) -> Told:
    return {("COUNTS", "mirrored", "populate_seq"): {"map": 4096, "link": 10, **changed}}


@pytest.fixture
def built(tmp_path: Path) -> KvmBuild:
    (tmp_path / GUEST).mkdir()
    (tmp_path / GUEST / "drive").write_text("a driver")
    return KvmBuild(tmp_path, "7.2.13", "f1")


def judged(hooks: int = 4, **changed: int) -> kvmcheck.KvmCheck:
    hooked = told("mirrored", 4500) | told("idle", 4000 + hooks) | counts(**changed)
    return kvmcheck._judged("f1", GOLDEN, hooked, told("idle", 4000))


def keep(built: KvmBuild, result: kvmcheck.KvmCheck) -> None:
    whole = replace(result, fingerprint=kvmcheck._identity(built))
    (built.folder / kvmcheck.RESULT).write_text(json.dumps(asdict(whole)))


def test_upstreams_counts_pass(built: KvmBuild) -> None:
    result = judged()
    assert (result.wrong, result.hooks_cost) == ((), {"populate_seq": 4})
    keep(built, result)
    assert kvmcheck.require(built).plain == {"populate_seq": 4500}


@pytest.mark.parametrize("mirrored", [True, False])
def test_whatever_fails_in_the_guest_fails_the_check(mirrored: bool) -> None:
    """A count that cannot be read is a lost guest, and not a damaged answer."""
    steps = [line for line in kvmcheck._script(GOLDEN, mirrored=mirrored).splitlines()
             if not line.startswith(("say ", "for "))]
    assert len(steps) == (7 if mirrored else 2)
    assert [line for line in steps if not line.endswith(" || failed=1")] == []


def test_another_count_refuses_timing(built: KvmBuild) -> None:
    keep(built, judged(link=11))
    with pytest.raises(GateError, match="not upstream's") as error:
        kvmcheck.require(built)
    assert "link is 11, upstream's 10" in error.value.evidence


@pytest.mark.parametrize(("cost", "fine"), [(9, True), (10, False), (-3, True)])
def test_idle_hooks_cost_less_than_the_limit(cost: int, fine: bool) -> None:
    assert (judged(hooks=cost).wrong == ()) is fine


def test_a_fault_that_links_a_page_table_passes_more_hooks() -> None:
    expected = kvmcheck.golden("7.2.13")
    assert [expected.limit(name) for name in kvmcheck.SCRIPTS] == [10, 20]
    older = kvmcheck.golden("6.18.15")
    assert [older.limit(name) for name in kvmcheck.SCRIPTS] == [20, 40]


def test_a_result_of_another_build_is_none(built: KvmBuild) -> None:
    keep(built, judged())
    (built.folder / GUEST / "drive").write_text("another driver")
    assert kvmcheck.load(built) is None
    with pytest.raises(BuildError, match="not checked"):
        kvmcheck.require(built)


def test_every_tree_with_hooks_has_golden_counts() -> None:
    for version in (tree for one in kvmhooks.lists() for tree in one.trees):
        scripts = kvmcheck.golden(version).scripts
        assert scripts["populate_seq"] == (4096, {
            "topup": 4097, "refill": 1, "page": 40, "unused": 0, "link": 10, "map": 4096,
            "remove": 4096, "free_spt": 10})
        assert scripts["populate_sparse"][1]["page"] == 148
    with pytest.raises(ConfigError, match=r"6\.12"):
        kvmcheck.golden("6.12.107")
