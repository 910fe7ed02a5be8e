# SPDX-License-Identifier: GPL-2.0-only
"""kmod/lib/batch.c, compiled for a process: sizes, warm-ups and checks on made-up passes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from generator import layout
from generator.runs import plan

NATIVE = Path(__file__).resolve().parent.parent / "native"
BATCHES, US, WARM_MS = plan.BATCHES["batches"], plan.BATCHES["batch_us"], plan.BATCHES["warm_ms"]
OPS, NS = 500, 4000
"""Operations of a pass and what each takes: two CPUs share them, so a pass takes a millisecond."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("native") / "batch_host"
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function",
                    f"-I{NATIVE / 'batch_shim'}", f"-I{NATIVE / 'shim'}", f"-I{layout.KMOD}",
                    NATIVE / "batch_host.c", layout.KMOD / "lib/batch.c",
                    layout.KMOD / "lib/hist.c", "-o", program], check=True)
    return program


def run(host: Path, kind: str = "same", *, ops: int = OPS, ns: int = NS, untimed: int = 0,
        batches: int = BATCHES, warm_ms: int = WARM_MS, visits: int = 0) -> dict[str, Any]:
    words = map(str, (batches, US, warm_ms, ops, ns, untimed, kind, visits))
    done = subprocess.run([host, *words], text=True, capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_is_divided_by_is_what_was_run(host: Path) -> None:
    """refscale runs one more than it divides by."""
    found = run(host)
    batch = found["batch"]
    assert found["counted"] == batch["passes"] * len(batch["per_op"])
    assert found["timed"] == found["counted"] * OPS
    assert set(batch["per_op"]) == {1000 * NS}


@pytest.mark.parametrize(("ops", "ns"), [(500, 4000), (100, 200), (4096, 2900)])
def test_a_batch_is_as_long_as_was_asked_for(host: Path, ops: int, ns: int) -> None:
    batch = run(host, ops=ops, ns=ns)["batch"]
    assert 0.5 <= batch["passes"] * ops * ns / 2 / (1000 * US) <= 1.1
    assert batch["ops"] == ops and len(batch["per_op"]) == BATCHES


def test_few_long_operations_make_a_batch_three_times_as_long(host: Path) -> None:
    """A hundred operations are wanted, but not at any price."""
    assert run(host, ops=1, ns=1_500_000)["batch"]["passes"] == 20


def test_what_is_not_timed_does_not_make_it_endless(host: Path) -> None:
    """A pass that takes 5 ms and times 20 us of them: batches are as long as they may be."""
    batch = run(host, ops=100, ns=400, untimed=5_000_000)["batch"]
    assert 1 <= batch["passes"] <= 6 and 6 <= len(batch["per_op"]) <= BATCHES


def test_one_hiccup_does_not_size_the_batches(host: Path) -> None:
    """The host took the CPU away in the first pass: batches of a single pass would follow."""
    assert run(host, "hiccup")["batch"]["passes"] == run(host)["batch"]["passes"] == 10


def test_medians_are_of_each_batch(host: Path) -> None:
    """One operation in ten takes 100 times as long: the mean moves, the median does not."""
    batch = run(host, "once")["batch"]
    assert batch["op"] == "fault"
    assert all(abs(m / (1000 * NS) - 1) < 0.008 for m in batch["medians"])
    assert all(m > 10 * 1000 * NS for m in batch["per_op"])


def test_warm_when_five_medians_agree(host: Path) -> None:
    assert run(host)["batch"]["warmed"] == 5
    batch = run(host, "cold", ops=4096)["batch"]
    assert batch["warm"] and 5 < batch["warmed"] < 60
    last = batch["warming"][-5:]
    assert max(last) <= 1.02 * min(last) and max(batch["warming"]) > 1.02 * min(last)


def test_what_never_settles_is_given_up_and_told(host: Path) -> None:
    batch = run(host, "noisy", ops=4096)["batch"]
    assert not batch["warm"]
    assert WARM_MS <= batch["spent_ns"][1] / 1e6 <= WARM_MS + 2 * US / 1000


def test_twice_the_work_takes_twice_the_time(host: Path) -> None:
    assert run(host)["batch"]["doubled"] == 2000
    assert run(host, "hidden")["batch"]["doubled"] < 1100   # what is not measured shows


@pytest.mark.parametrize("visits", [1, 3, 5, 10])
def test_visits_share_the_batches(host: Path, visits: int) -> None:
    """As many batches as in one go, and what each visit begins with is not among them."""
    found = run(host, "away", visits=visits)
    batch = found["batch"]
    assert batch["per_op"] == BATCHES * [1000 * NS]
    assert found["counted"] == batch["passes"] * BATCHES
    assert found["timed"] == found["counted"] * OPS
    alone = run(host, "away", visits=0)
    assert found["ran"] == alone["ran"] + (visits - 1) * batch["passes"]
    assert batch["warmed"] == alone["batch"]["warmed"]


def test_a_budget_is_shared_by_the_visits(host: Path) -> None:
    """Passes that take far longer than is timed of them: six batches at least, and not ten."""
    batch = run(host, ops=100, ns=400, untimed=50_000_000, visits=3)["batch"]
    assert len(batch["per_op"]) == 6 and batch["passes"] == 1


def test_more_visits_than_batches_are_refused(host: Path) -> None:
    assert run(host, batches=4, visits=5)["ret"] == -22
    assert run(host, batches=0, visits=1)["ret"] == -22


def test_no_batches_no_record(host: Path) -> None:
    found = run(host, batches=0)
    assert (found["batch"], found["ran"], found["counted"]) == (None, 1, 1)


def test_an_error_ends_it(host: Path) -> None:
    found = run(host, "fails")
    assert (found["ret"], found["ran"], found["batch"]) == (-5, 7, None)
