# SPDX-License-Identifier: GPL-2.0-only
"""Agreement with the recorded traces, and that disagreement shows."""

from __future__ import annotations

import dataclasses
import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from generator import cli
from generator.errors import DataError
from generator.seam import conformance, ktap, traces
from generator.seam.traces import Generation, Trace

FILES = {path.name.removesuffix(".jsonl.xz"): path for path in traces.shipped()}


def test_all_three_files_are_there() -> None:
    assert sorted(FILES) == ["traces-1.5", "traces-1.5.25-dpamt", "traces-1.5.25-static"]


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_call_register_and_dump_agrees(name: str, asan: Path) -> None:
    tally = conformance.replay(traces.load(FILES[name]), asan)
    assert tally is not None
    assert tally.complete, "\n".join(ktap.as_text({name: tally}))
    assert tally.good == tally.total
    assert tally.good_dumps == tally.dumps > 500


def _plain_code(step: dict[str, Any]) -> dict[str, Any]:
    """A step with what the two generations show differently taken out."""
    return {key: value for key, value in step.items() if key not in ("c", "x")}


@pytest.fixture(scope="module")
def few() -> list[Trace]:
    return traces.load(FILES["traces-1.5.25-static"])[:12]


def test_generations_differ_only_where_the_format_says(plain: Path) -> None:
    """1.5.01 traces on 1.5.25: same success or failure and same state, but for the listed rows."""
    old = [t for t in traces.load(FILES["traces-1.5"]) if not t.kind.startswith("lock:PROMOTE")]
    new = [dataclasses.replace(t, generation=Generation.V1_5_25,
                               steps=tuple(_plain_code(dict(s)) for s in t.steps)) for t in old]
    tally = conformance.replay(new, plain)
    assert tally is not None
    different = {(leaf, status) for (leaf, status) in tally.total
                 if tally.good[leaf, status] != tally.total[leaf, status]}
    assert {pair for pair in different if pair[1] != "OP_STATE_INCORRECT"} == {
        ("UNBLOCK", "TLB_TRACKING_NOT_DONE|92"), ("PROMOTE", "OPERAND_BUSY|1")}
    assert tally.good_dumps == tally.dumps


def _changed(trace: Trace, change: dict[str, Any]) -> Trace:
    """The trace with its last successful AUG changed."""
    steps = list(trace.steps)
    index = max(i for i, s in enumerate(steps) if s["f"] == "AUG" and s["r"] == "0" * 16)
    steps[index] = {**steps[index], **change}
    return dataclasses.replace(trace, steps=tuple(steps))


@pytest.mark.parametrize(("change", "what"), [
    ({"r": "c000010000000001"}, "rax"), ({"x": "0000000000000001"}, "rdx"),
    ({"o8": "00000000000000ff"}, "r8")])
def test_a_wrong_register_is_found(change: dict[str, Any], what: str, few: list[Trace],
                                   plain: Path) -> None:
    tally = conformance.replay([_changed(few[0], change), *few[1:]], plain)
    assert tally is not None
    assert not tally.complete
    (found,) = tally.first.values()
    assert (found.trace, found.leaf, found.what) == (few[0].id, "AUG", what)
    assert "DISAGREES" in "\n".join(ktap.as_text({"f": tally}))
    assert any(line.startswith("not ok") for line in ktap.from_tallies({"f": tally}))


@pytest.mark.parametrize(("part", "row"), [
    ("pm", [7, 1, "REG", 2820, 0]), ("se", [2820, 77, 0, 2, 7, 1]),
    ("td", [4000, 1, 6, 9, 1, 1, 0, 0])])
def test_a_wrong_state_is_found(part: str, row: list[Any], few: list[Trace], plain: Path) -> None:
    steps = list(few[0].steps)
    dump = dict(steps[-1]["S"])
    dump[part] = [*dump[part], row]
    steps[-1] = {**steps[-1], "S": dump}
    tally = conformance.replay([dataclasses.replace(few[0], steps=tuple(steps))], plain)
    assert tally is not None
    assert tally.good_dumps == tally.dumps - 1
    assert [found.what[:2] for found in tally.first.values()] == [part]


def test_replay_verb_tells_by_its_exit_code(tmp_path: Path, few: list[Trace],
                                            capsys: pytest.CaptureFixture[str]) -> None:
    first = lzma.decompress(FILES["traces-1.5.25-static"].read_bytes()).decode().splitlines()[0]
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text(first + "\n")
    data = json.loads(first)
    data["st"][0]["r"] = "0000000000000001"
    bad.write_text(json.dumps(data) + "\n")
    assert cli.main(["seam", "replay", str(good)]) == 0
    assert cli.main(["seam", "replay", str(bad)]) == 1
    shown = capsys.readouterr().out
    assert f"first in {data['id']} step 0" in shown
    assert "expected 0000000000000001" in shown
    assert cli.main(["--json", "seam"]) == 2
    assert cli.main(["seam", "--json", "replay", str(bad)]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["bad.jsonl"]["disagreements"][0]["trace"] == data["id"]


@pytest.mark.parametrize(("text", "says"), [
    ("", "no trace"), ("{", "not JSON"), ("[1]\n", "no id"), ('{"id": "1.5-x"}', "no kind")])
def test_files_that_are_no_traces(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=says):
        traces.load(path)


def test_a_cut_file_names_the_line(tmp_path: Path) -> None:
    lines = lzma.decompress(FILES["traces-1.5"].read_bytes()).decode().splitlines()
    path = tmp_path / "cut.jsonl"
    path.write_text(lines[0] + "\n" + lines[1][:500])
    with pytest.raises(DataError) as error:
        traces.load(path)
    assert error.value.where.endswith("cut.jsonl:2")
    with pytest.raises(DataError):
        traces.load(tmp_path / "none.jsonl")
    path = tmp_path / "cut.jsonl.xz"
    path.write_bytes(FILES["traces-1.5"].read_bytes()[:1000])
    with pytest.raises(DataError, match="cannot read"):
        traces.load(path)


def test_a_malformed_step_is_a_data_error(plain: Path) -> None:
    trace = Trace("x", "k", Generation.V1_5_01, False, 1, 1, ({"f": "AUG", "r": "0"},))
    with pytest.raises(DataError, match="cannot be read"):
        conformance.replay([trace], plain)


def test_generation_of_unknown_traces(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    trace = {"id": "mine", "kind": "k", "dp": 0, "pk": 1, "nr": 1, "st": []}
    path.write_text(json.dumps(trace))
    with pytest.raises(DataError, match="generation"):
        traces.load(path)
    assert traces.load(path, Generation.V1_5_01)[0].generation is Generation.V1_5_01
    path.write_text(json.dumps({**trace, "dp": 1}))
    assert traces.load(path)[0].generation is Generation.V1_5_25
    assert Generation.parse("1.5.01") is Generation.V1_5_01
