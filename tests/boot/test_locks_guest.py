# SPDX-License-Identifier: GPL-2.0-only
"""The lock variants L1 to L10 of the debate, on v6: how often each is taken, and in which way.

One icount boot. Where the lock is only for a count that goes to or from zero, it is taken once for
each pair that is installed or removed in what is timed; the catalogue's table 2.3 says of which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from catalogue import calls
from guests import Project

from generator.runs import store

pytestmark = pytest.mark.boot
V6 = "kvm_owned"
#: Choice of pamt_lock -> its number. fastpath is v6 as it is.
LOCKS: Mapping[str, str] = {
    "always": "L1", "fastpath": "L2", "biased": "L3", "per_range": "L4", "hashed": "L5",
    "range_rwlock": "L6", "rwlock": "L7", "put_unlocked": "L8", "irqsave": "L9"}
DEMOTE = f"{V6}+pamt_lock=always+pamt_lock_demote=y"
"""L10; on L1, where how often the lock is taken does not depend on where pages lie."""
SOFTIRQ = "rfc_v5_hooks+pamt_lock=irqsave"
"""L9 is for designs that put in an RCU callback."""
SPIN, READ, WRITE = "pamt_lock", "pamt_lock.read", "pamt_lock.write"
Record = Mapping[str, Any]


def name(lock: str) -> str:
    return V6 if lock == "fastpath" else f"{V6}+pamt_lock={lock}"


@pytest.fixture(scope="module")
def records(designs: Project) -> dict[tuple[str, str], Record]:
    """(variant, workload) -> record, one vCPU."""
    names = [*map(name, LOCKS), DEMOTE, SOFTIRQ]
    done = designs.extspt("run", "--gate", "off", "--boots", "icount", "--vcpus", "1", "--blocks",
                          "1", "--seed", "7", "--variants", ",".join(names),
                          "--workloads", "populate_seq,smoke")
    assert done.returncode == 0, done.stderr
    run = store.load_run(designs.root / done.stdout.strip())
    return {(r["variant"], r["workload"]): r["record"] for r in run.records}


def taken(record: Record) -> dict[str, int]:
    """Locks of the reference counts -> how often each was taken in what is timed."""
    return {lock: row["acquired"] for lock, row in record["locks"].items()
            if lock.startswith("pamt_lock")}


def steps(record: Record, op: str) -> int:
    return int(record["ops"][op].get("n", 0))


@pytest.mark.parametrize("lock", LOCKS)
def test_each_lock_counts_right(records: Mapping[tuple[str, str], Record], lock: str) -> None:
    for workload in ("populate_seq", "smoke"):
        record = records[name(lock), workload]
        assert (record["status"], record["errors"]) == (0, [])
        assert record["seam"]["violations"] == []
        assert all(row["live"] == 0 for row in record["memory"]["end"])
        for op in ("pamt_get", "pamt_put"):
            assert steps(record, op) == steps(records[V6, workload], op)


@pytest.mark.parametrize("lock", ["fastpath", "biased", "per_range", "hashed", "put_unlocked",
                                  "irqsave"])
def test_a_lock_behind_the_fast_path_is_for_the_first_and_last(
        records: Mapping[tuple[str, str], Record], lock: str) -> None:
    """L2 to L5, L8, L9; where its pages lay in a few more ranges, a few takes more."""
    record = records[name(lock), "populate_seq"]
    gets = steps(record, "pamt_get")
    assert taken(record).keys() == {SPIN}
    assert 8 <= taken(record)[SPIN] <= 8 + 10 < gets      # 8 ranges of guest memory, 10 tables


def test_always(records: Mapping[tuple[str, str], Record]) -> None:
    """L1: get and put."""
    for workload in ("populate_seq", "smoke"):
        record = records[name("always"), workload]
        assert taken(record) == {SPIN: steps(record, "pamt_get") + steps(record, "pamt_put")}
    assert steps(records[name("always"), "smoke"], "pamt_put") > 0


def test_a_rwlock_for_each_range(records: Mapping[tuple[str, str], Record]) -> None:
    """L6: for read by every get and put; for write as well where that was not enough."""
    record = records[name("range_rwlock"), "populate_seq"]
    assert taken(record)[READ] == steps(record, "pamt_get")
    assert 8 <= taken(record)[WRITE] <= 8 + 10


def test_one_rwlock(records: Mapping[tuple[str, str], Record]) -> None:
    """L7: the first get of a range has it for read, and nothing is busy here."""
    record = records[name("rwlock"), "populate_seq"]
    assert 8 <= taken(record)[READ] <= 8 + 10 and taken(record)[WRITE] == 0


def test_demote_under_the_lock(records: Mapping[tuple[str, str], Record]) -> None:
    """L10: once more for each DEMOTE."""
    record = records[DEMOTE, "smoke"]
    assert calls(record, "DEMOTE") == 2
    assert taken(record) == {SPIN: steps(record, "pamt_get") + steps(record, "pamt_put") + 2}


def test_irqsave_with_a_put_in_softirq(records: Mapping[tuple[str, str], Record]) -> None:
    for workload in ("populate_seq", "smoke"):
        record = records[SOFTIRQ, workload]
        assert (record["status"], record["errors"]) == (0, [])
        assert all(row["live"] == 0 for row in record["memory"]["end"])
