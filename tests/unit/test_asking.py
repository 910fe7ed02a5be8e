# SPDX-License-Identifier: GPL-2.0-only
"""Verbs with a question of their own: the run that answers it, and the answer that is kept."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import pytest
import synthetic

from generator import layout
from generator.errors import DataError, GuestError, UsageError
from generator.runs import store
from generator.runs.store import Run
from generator.studies import asking
from generator.verbs import run as measuring


@pytest.fixture(name="run")
def stored_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(layout, "PUBLISHED", tmp_path / "published")
    made = synthetic.build(tmp_path / "runs", workloads=("populate_seq",), designs=("kvm_owned",))
    return store.load_run(made.path)


def wish(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"run": None, "kdir": None, "force": False, "verbose": 0,
                                 "publish": None, **given})


def test_a_run_that_is_there_is_not_made_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "measure", lambda args: pytest.fail("boots"))
    found = asking.measured(wish(run=str(run.path)), ["kvm_owned"], {"--boots": "icount"})
    assert found is not None and found.id == run.id


def test_an_interrupted_run_is_finished(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    partial = dataclasses.replace(run, manifest={**run.manifest, "state": store.PARTIAL})
    monkeypatch.setattr(store, "load_run", lambda name: partial)
    seen: list[argparse.Namespace] = []

    def resumed(args: argparse.Namespace) -> Run:
        seen.append(args)
        return run
    monkeypatch.setattr(measuring, "measure", resumed)
    assert asking.measured(wish(run="r"), ["kvm_owned"], {"--boots": "icount"}) is run
    assert (seen[0].resume, seen[0].variants, seen[0].boots) == (run.id, None, None)


def test_what_interrupts_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(args: argparse.Namespace) -> Run:
        raise KeyboardInterrupt("finish the run with: extspt run --resume r1")

    def lost(args: argparse.Namespace) -> Run:
        raise GuestError("lost", fix="finish the run with: extspt run --resume r1")
    for cause, kind in ((interrupted, KeyboardInterrupt), (lost, GuestError)):
        monkeypatch.setattr(measuring, "measure", cause)
        with pytest.raises(kind) as caught:
            asking.measured(wish(), ["kvm_owned"], {"--boots": "icount"})
        assert "--resume r1" in str(caught.value) and asking.AGAIN in str(caught.value)


def test_an_answer_is_kept_with_its_origin(run: Run, tmp_path: Path) -> None:
    figure, dark = tmp_path / "sweep.png", tmp_path / "sweep.dark.svg"
    for file in (figure, dark):
        file.write_bytes(b"x")
    run.manifest["command"] = ["sweep", "tds=1,2", "--kdir", f"{layout.ROOT}/build/x"]
    files = asking.publish("sweep", "tds", run, ["the answer"], [figure, dark])
    assert [file.name for file in files] == ["tds.txt", "tds.png"]
    text = files[0].read_text()
    assert text.startswith("the answer\n\n") and run.id in text and "seed" in text
    assert text.endswith("extspt sweep tds=1,2 --kdir build/x\n") and text.isascii()
    assert max(map(len, text.splitlines())) <= 72


def test_a_name_that_is_none_is_refused_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "measure", lambda args: pytest.fail("boots"))
    with pytest.raises(UsageError, match="no name for a folder"):
        asking.measured(wish(publish="../x"), ["kvm_owned"], {"--boots": "icount"})


def test_what_is_not_kept(run: Run) -> None:
    with pytest.raises(UsageError, match="no name for a folder"):
        asking.publish("sweep", "../x", run, [])
    partial = dataclasses.replace(run, manifest={**run.manifest, "state": store.PARTIAL})
    with pytest.raises(DataError, match="not complete"):
        asking.publish("sweep", "x", partial, [])


def test_what_git_keeps_can_be_read() -> None:
    """Texts fit a mail; data are those the verbs write; a crossover of real counts is there."""
    texts = [*layout.PUBLISHED.glob("sweep/*.txt"), *layout.PUBLISHED.glob("ablation/*.txt")]
    assert texts
    for text in texts:
        lines = text.read_text().splitlines()
        # The last line is a command, and is not broken.
        assert "\n".join(lines).isascii() and max(map(len, lines[:-1])) <= 72
        verb = {"sweep": "sweep", "ablation": "ablate"}[text.parent.name]
        assert lines[-1].startswith(f"extspt {verb} ")
        data = json.loads(text.with_suffix(".json").read_text())
        assert data["run"] in "\n".join(lines)
    sweep = json.loads((layout.PUBLISHED / "sweep/contiguity.json").read_text())
    assert (sweep["tier"], bool(sweep["crossovers"])) == ("count", True)
