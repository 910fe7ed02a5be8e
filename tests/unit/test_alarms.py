# SPDX-License-Identifier: GPL-2.0-only
"""History alarms: any change of a count, changes of times that are more than noise."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from generator.errors import DataError
from generator.history import alarms
from generator.history.alarms import Series

EXACT, TIMED = "suite.Memory.track_allocated", "suite.Native.track_fault_p50_ns"


def series(values: Sequence[float], benchmark: str = TIMED, variant: str = "v",
           machine: str = "twin-uml") -> Series:
    return Series(machine, benchmark, (variant, "populate_seq", "2"),
                  tuple((n, f"{n:040x}", value) for n, value in enumerate(values)))


def noise(level: float, n: int, seed: int, sd: float = 0.01) -> list[float]:
    source = random.Random(seed)
    return [level * source.gauss(1, sd) for _ in range(n)]


def places(found: Sequence[alarms.Alarm]) -> list[int]:
    return [int(alarm.commit, 16) for alarm in found]


def test_a_count_that_changes_at_all() -> None:
    found = alarms.alarms([series([10, 10, 11, 11, 10], EXACT)])
    assert places(found) == [2, 4]
    assert [alarm.worse for alarm in found] == [True, False]
    assert found[0].before == 10 and found[0].p is None
    assert "10 -> 11 (+10.0 %, exact)" in str(found[0])


def test_a_step_of_a_time_is_found_where_it_is() -> None:
    found = alarms.alarms([series(noise(100, 20, 1) + noise(110, 12, 2))])
    assert len(found) == 1 and found[0].worse and abs(places(found)[0] - 20) <= 1
    assert found[0].p is not None and found[0].p < alarms.P_LIMIT


def test_two_steps() -> None:
    values = noise(100, 15, 3) + noise(120, 15, 4) + noise(100, 15, 5)
    found = alarms.alarms([series(values)])
    assert [alarm.worse for alarm in found] == [True, False]


def test_noise_raises_few_alarms() -> None:
    histories = [series(noise(100, 50, seed)) for seed in range(200)]
    assert len(alarms.alarms(histories)) <= 4


def test_a_step_within_the_floor_is_none() -> None:
    base = noise(100, 40, 6, 0.001)
    again = [value * random.Random(n).choice((0.97, 1.03)) for n, value in enumerate(base)]
    step = noise(100, 20, 7, 0.001) + noise(102, 20, 8, 0.001)
    assert len(alarms.alarms([series(step)])) == 1
    floor = [series(base, variant="a"), series(again, variant="a_aprime")]
    assert 0.025 < alarms.spread(floor)["twin-uml", TIMED] < 0.035
    assert not alarms.alarms([series(step), *floor])


def test_the_noise_of_one_machine_is_no_floor_of_another() -> None:
    base = noise(100, 40, 6, 0.001)
    wild = [series(base, variant="a", machine="m"),
            series([value * 1.3 for value in base], variant="a_aprime", machine="m")]
    step = noise(100, 20, 7, 0.001) + noise(110, 20, 8, 0.001)
    assert len(alarms.alarms([series(step), *wild])) == 1


def test_a_count_that_does_not_repeat_alarms_beyond_that() -> None:
    """PAMT pairs depend on where the page allocator's pages lie: A and A' differ by some."""
    own = [series([40, 40, 41], EXACT, "a"), series([40, 42, 41], EXACT, "a_aprime")]
    assert not alarms.alarms([series([40, 42, 41], EXACT), *own])
    assert places(alarms.alarms([series([40, 43, 43], EXACT), *own])) == [1]


def test_machines_are_apart_and_old_points_forgotten() -> None:
    quick, slow = series(noise(50, 10, 9)), series(noise(100, 10, 10), machine="twin-metal")
    assert not alarms.alarms([quick, slow])
    assert not alarms.alarms([series(noise(50, 20, 11) + noise(100, alarms.WINDOW, 12))])


def result(folder: Path, date: int, values: list[float | None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{date:08x}-guest.json").write_text(json.dumps({
        "commit_hash": f"{date:040x}", "date": date, "result_columns": ["result", "params"],
        "results": {EXACT: [values, [["'a'", "'b'"], ["'convert'"], ["2"]]]}}))


def test_reads_what_asv_wrote(tmp_path: Path) -> None:
    result(tmp_path / "m", 2, [5, None])
    result(tmp_path / "m", 1, [4, 7])
    (one, two) = sorted(alarms.history(tmp_path), key=lambda s: s.params)
    assert one.params == ("a", "convert", "2") and [p[2] for p in one.points] == [4, 5]
    assert [p[2] for p in two.points] == [7]
    (tmp_path / "m" / "x-guest.json").write_text("{}")
    with pytest.raises(DataError, match="not a result of asv"):
        alarms.history(tmp_path)
