# SPDX-License-Identifier: GPL-2.0-only
"""Run directories: atomic, verified, never in each other's way."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

import pytest

from generator import cli, layout, load_run
from generator.errors import DataError, UsageError
from generator.runs import store


def manifest(run_id: str = "r1") -> dict[str, Any]:
    boot = {"tier": "count", "unit": "instructions", "state": "pending"}
    return {"abi": 1, "id": run_id, "state": "running", "seed": 1, "baseline": "b", "variants": {},
            "workloads": {}, "costs": {}, "plan": {}, "boots": {"icount": boot, "mttcg": {**boot}}}


def case(boot: str, index: int) -> dict[str, Any]:
    return {"boot": boot, "index": index, "variant": "b", "aprime_of": None, "workload": "smoke",
            "rc": 0, "kernel_stat": [0, 1, 0], "record": {"abi": 1}}


def finished(root: Path) -> store.RunDir:
    run = store.create(manifest(), root)
    for boot in ("icount", "mttcg"):
        run.keep_records(boot, [case(boot, n) for n in range(3)])
    run.close()
    return run


def test_whole_life(tmp_path: Path) -> None:
    run = store.create(manifest(), tmp_path)
    assert store.load_run("r1", tmp_path).records == () and run.missing() == ["icount", "mttcg"]
    run.keep_records("icount", [case("icount", 0)])
    run.close()
    part = store.load_run("r1", tmp_path)
    assert part.manifest["state"] == "partial" and not part.complete and len(part.records) == 1
    again = store.open_run("r1", tmp_path)
    assert again.missing() == ["mttcg"]
    again.keep_records("mttcg", [case("mttcg", 0)])
    again.close()
    done = load_run(tmp_path / "r1")
    assert done.complete and [r["boot"] for r in done.records] == ["icount", "mttcg"]
    assert done.id == "r1" and not list(tmp_path.rglob(".*.new"))


def test_taken_ids_get_a_suffix(tmp_path: Path) -> None:
    first = finished(tmp_path)
    before = (first.path / "manifest.json").read_bytes()
    assert [store.create(manifest(), tmp_path).id for _ in range(2)] == ["r1-2", "r1-3"]
    assert (first.path / "manifest.json").read_bytes() == before
    assert store.load_run("r1-3", tmp_path).manifest["id"] == "r1-3"
    assert store.run_ids(tmp_path) == ["r1", "r1-2", "r1-3"]


def test_new_id() -> None:
    now = datetime.datetime(2026, 1, 16, 1, 2, 3, tzinfo=datetime.UTC)
    suite = {"commit": "0123456789abcdef", "dirty": True}
    stamp = "20260116T010203Z"
    assert store.new_id((1 << 40) + 0xbeef, suite, now) == f"{stamp}-0000beef-01234567+dirty"
    nogit = {"commit": None, "dirty": False}
    assert store.new_id(1, nogit, now) == f"{stamp}-00000001-nogit"


def test_unknown_run_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown run 'x'"):
        store.load_run("x", tmp_path)
    finished(tmp_path)
    (tmp_path / "no-run").mkdir()
    with pytest.raises(UsageError) as caught:
        store.load_run("no-run", tmp_path)
    assert caught.value.fix == "known: r1"


@pytest.mark.parametrize("text, where, said", [
    ('{"abi": 1,\n "id"', "manifest.json:2", "not JSON"),
    ("", "manifest.json:1", "not JSON"),
    ("[]", "manifest.json:1", "not a manifest of ABI 1"),
    ('{"abi": 2}', "manifest.json:1", "not a manifest of ABI 1"),
    (json.dumps({**manifest(), "boots": []}), "manifest.json:1", "'boots' is missing or not dict"),
    (json.dumps({**manifest(), "boots": {"icount": {}}}), "manifest.json:1", "has no state"),
    ("\xff", "manifest.json", "not JSON"),
])
def test_damaged_manifest(tmp_path: Path, text: str, where: str, said: str) -> None:
    (finished(tmp_path).path / "manifest.json").write_text(text)
    with pytest.raises(DataError) as caught:
        store.load_run("r1", tmp_path)
    assert said in caught.value.what and where in caught.value.where


@pytest.mark.parametrize("name", ["../x", "/etc", ".", "a/b", "", "x" * 129])
def test_an_id_that_is_a_place_is_refused(tmp_path: Path, name: str,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """A report replaces the folder that is named by it."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / store.MANIFEST).write_text(json.dumps(manifest(name)))
    monkeypatch.setattr(layout, "REPORTS", tmp_path / "reports")
    assert cli.main(["report", str(tmp_path / "run")]) == 16
    assert (tmp_path / "run" / store.MANIFEST).is_file() and not (tmp_path / "reports").exists()


def test_records_are_verified(tmp_path: Path) -> None:
    file = finished(tmp_path).path / "boots/mttcg/records.jsonl"
    text = file.read_text()
    file.write_text(text.replace('"rc":0', '"rc":1', 1))
    with pytest.raises(DataError, match="sha256 differs"):
        store.load_run("r1", tmp_path)
    file.write_text(text[:-20])
    with pytest.raises(DataError, match="truncated") as caught:
        store.load_run("r1", tmp_path)
    assert caught.value.where == f"{file}:3"
    file.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        store.load_run("r1", tmp_path)


@pytest.mark.parametrize("key", ["state", "tier", "cases", "sha256"])
def test_a_boot_that_lacks_something_is_named(tmp_path: Path, key: str) -> None:
    run = finished(tmp_path)
    del run.manifest["boots"]["mttcg"][key]
    run.save()
    with pytest.raises(DataError, match=f"boot 'mttcg' has no {key}"):
        store.load_run("r1", tmp_path)


def test_records_of_another_boot(tmp_path: Path) -> None:
    run = store.create(manifest(), tmp_path)
    run.keep_records("icount", [case("icount", 0), case("mttcg", 1)])
    with pytest.raises(DataError, match="a record of boot 'mttcg'") as caught:
        store.load_run("r1", tmp_path)
    assert caught.value.where.endswith("records.jsonl:2")


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        run.save()
    with pytest.raises(OSError, match="No space"):
        store.create(manifest("r9"), tmp_path)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert not (tmp_path / "r9").exists()
