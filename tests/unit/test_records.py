# SPDX-License-Identifier: GPL-2.0-only
"""The record port: real logs are read, damaged ones are refused with file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from generator.errors import DataError
from generator.evidence import rows
from generator.runs import plan, records

SERIAL = Path(__file__).parent.parent / "data" / "serial"
REFUSED = (SERIAL / "refused.txt").read_bytes().decode()


def small(*middle: str) -> str:
    """A log of one case, with ``middle`` instead of the case's two lines."""
    case = middle or ("EXTSPT CASE 0 v smoke rc=0 kernel=1,2,3",
                      '{"abi":1,"variant":"v","workload":"smoke"}')
    lines = ("EXTSPT BOOT p 6.1", "EXTSPT INSMOD v", "EXTSPT INFO v", '{"abi":1}', *case,
             "EXTSPT END cases=1 status=0", "")
    return "\n".join(lines)


def test_log_of_a_real_boot() -> None:
    log = records.parse(REFUSED, "refused.txt")
    assert log.release == "6.1.0-56-cloud-amd64" and log.status == 1
    assert log.infos == {name: {"abi": 1, "variant": name} for name in ("listed", "listed_aprime")}
    assert [(c.workload, c.rc) for c in log.cases] == [("smoke", 0), ("topup", 1)] * 2
    assert log.cases[0].kernel == (36864, 36864, 28672)
    assert log.cases[0].record is not None and log.cases[1].record is None


def test_log_of_a_real_panic() -> None:
    with pytest.raises(DataError, match="no 'EXTSPT END' line") as caught:
        records.parse((SERIAL / "panic.txt").read_text(), "panic.txt")
    assert caught.value.where == "panic.txt:2"


def test_case_without_record() -> None:
    head = "EXTSPT CASE 0 v smoke rc={} kernel=1,2,3"
    for given, kept in ((0, records.RC_NO_RECORD), (4, records.RC_NO_MODULE)):
        [case] = records.parse(small(head.format(given), "null"), "s").cases
        assert case.rc == kept and case.record is None


def test_more_of_a_case() -> None:
    more = ("EXTSPT MORE 0 sec_pagetables 0,12288,0",
            "EXTSPT MORE 0 lock 3 2116 1.50 80.25 &(kvm->mmu_lock)-R",
            "EXTSPT MORE 0 faults 10,11;12")
    [case] = records.parse(small(HEAD, DOC, *more), "s").cases
    assert case.more == {
        "sec_pagetables": [0, 12288, 0], "faults": [[10, 11], [12]],
        "locks": {"&(kvm->mmu_lock)-R": {"acquired": 2116, "contended": 3, "wait_us": 1.5,
                                         "held_us": 80.25}}}
    found = {(row.metric, row.stat): row.value for row in rows.more_rows(case.more)}
    assert found["memcg.sec_pagetables_live", "delta"] == 3
    assert found["lock_stat.&(kvm->mmu_lock)-R", "acquired"] == 2116


@pytest.mark.parametrize("line", ["EXTSPT MORE 1 faults 1", "EXTSPT MORE 0 lock 1 2 x",
                                  "EXTSPT MORE 0 faults 1,,2"])
def test_more_that_is_damaged(line: str) -> None:
    with pytest.raises(DataError):
        records.parse(small(HEAD, DOC, line), "s")


def test_every_truncation_is_noticed() -> None:
    for length in range(len(REFUSED)):
        with pytest.raises(DataError) as caught:
            records.parse(REFUSED[:length], "s.txt")
        assert caught.value.where.startswith("s.txt:")


HEAD = "EXTSPT CASE 0 v smoke rc=0 kernel=1,2,3"
DOC = '{"abi":1,"variant":"v","workload":"smoke"}'


@pytest.mark.parametrize("middle, line, said", [
    ((HEAD, DOC[:-4]), 6, "not JSON, or a truncated line"),
    ((HEAD, "[1]"), 6, "not a JSON object"),
    ((HEAD, DOC.replace("1", "2")), 6, "ABI 2, this suite reads 1"),
    ((HEAD, DOC.replace("smoke", "zap")), 6, "the record is of v zap, the case of v smoke"),
    ((HEAD.replace("E 0", "E 1"), DOC), 5, "case 1 where 0 must come"),
    ((HEAD, DOC, HEAD, DOC), 7, "case 0 where 1 must come"),
    ((HEAD.replace("3", "x"), DOC), 5, "not a line of the protocol"),
    (("hello",), 5, "not a line of the protocol: 'hello'"),
    (("EXTSPT INSMOD v",), 6, "the guest counted 1 cases, the file has 0"),
])
def test_damaged_line(middle: tuple[str, ...], line: int, said: str) -> None:
    with pytest.raises(DataError) as caught:
        records.parse(small(*middle), "s.txt")
    assert said in caught.value.what and caught.value.where == f"s.txt:{line}"


def test_empty_and_foreign_files() -> None:
    for text in ("", "\n", "hello\n"):
        with pytest.raises(DataError, match="the first line is not 'EXTSPT BOOT"):
            records.parse(text, "s.txt")
    with pytest.raises(DataError, match="lines after"):
        records.parse(small() + "more\n", "s.txt")


def boot(*workloads: str) -> plan.BootPlan:
    cases = tuple(plan.Case("v", name, {}) for name in workloads)
    return plan.BootPlan("icount", "count", "instructions", "zero", ("v",), cases)


def test_log_must_be_of_the_plan() -> None:
    log = records.parse(small().replace(" p ", f" {boot('smoke').id} "), "s.txt")
    records.check_against(log, boot("smoke"), "s.txt")
    with pytest.raises(DataError, match="the guest ran plan"):
        records.check_against(log, boot("zap"), "s.txt")
    other = records.parse(small().replace(" p ", f" {boot('zap').id} "), "s.txt")
    with pytest.raises(DataError, match="1 cases do not match the 1 of the plan"):
        records.check_against(other, boot("zap"), "s.txt")


def lines() -> list[dict[str, Any]]:
    return [records.stored(case, "icount", None) for case in records.parse(REFUSED, "s").cases]


def put(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_stored_and_read_back(tmp_path: Path) -> None:
    file = put(tmp_path / "records.jsonl", lines())
    assert records.read_stored(file, 4)[0] == lines()


@pytest.mark.parametrize("key, value, said", [
    ("index", "0", "index is '0'"), ("rc", None, "rc is None"), ("kernel_stat", 3, "kernel_stat"),
    ("record", 5, "record is 5"), ("record", {"abi": 9}, "ABI 9"), ("extra", 1, "not a record"),
])
def test_stored_line_of_another_shape(tmp_path: Path, key: str, value: object, said: str) -> None:
    rows = lines()
    rows[1][key] = value
    file = put(tmp_path / "records.jsonl", rows)
    with pytest.raises(DataError) as caught:
        records.read_stored(file, 4)
    assert said in caught.value.what and caught.value.where == f"{file}:2"


def test_stored_file_damaged(tmp_path: Path) -> None:
    file = put(tmp_path / "records.jsonl", lines())
    with pytest.raises(DataError, match="4 records, the manifest says 5"):
        records.read_stored(file, 5)
    file.write_text(file.read_text()[:-9])
    with pytest.raises(DataError, match="truncated") as caught:
        records.read_stored(file, 4)
    assert caught.value.where == f"{file}:4"
    file.write_bytes(b"\xff\xfe\n")
    with pytest.raises(DataError, match="cannot be read"):
        records.read_stored(file, 1)
    with pytest.raises(DataError, match="cannot be read"):
        records.read_stored(tmp_path / "none", 1)


def test_failures_say_why() -> None:
    bad = [said for row in lines() if (said := records.case_failure(row))]
    assert bad == [f"{name} topup: the run was refused or failed"
                   for name in ("listed", "listed_aprime")]
    row = {**lines()[0], "record": {"abi": 1, "errors": ["faults: 3, loops: 4"]}}
    assert records.case_failure(row) == "listed smoke: faults: 3, loops: 4"
