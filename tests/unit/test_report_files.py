# SPDX-License-Identifier: GPL-2.0-only
"""Where a report comes from, and the files it is made of."""

from __future__ import annotations

from pathlib import Path

import pytest
import synthetic
from reported import flat, text_of

from generator import layout
from generator.errors import DataError
from generator.report import bundle, text
from generator.report.model import Document
from generator.runs import store


def test_manifest_with_only_what_it_must_have(run: synthetic.FakeRun) -> None:
    for name in ("suite", "kernel", "compiler", "qemu", "host", "order", "tool_versions",
                 "command", "costs", "created", "cpu_model"):
        run.manifest.pop(name, None)
    report = text_of(run)
    assert "NOT FOR A LIST: the suite's commit, the kernel's release" in flat(report)
    assert report.index("NOT FOR A LIST") < report.index("Question")
    assert "extspt run --seed 195939070" in report


def test_no_attachment_without_a_commit(tmp_path: Path) -> None:
    made = synthetic.build(tmp_path, workloads=("populate_seq",), designs=("kvm_owned",))
    run = store.load_run(made.path)
    assert bundle.attachment([run]).startswith("extspt-bench")
    run.manifest["suite"]["commit"] = None
    with pytest.raises(DataError, match="no attachment without the suite's commit"):
        bundle.attachment([run])
    with pytest.raises(DataError, match="no attachment"):
        bundle.write_report([run], whole=True)


def test_rerun_line_has_the_seed_once(made: synthetic.FakeRun, run: synthetic.FakeRun) -> None:
    assert "\n  extspt run --seed 195939070\n" in text_of(made)
    run.manifest["command"] = ["bench", "--seed=7"]
    assert "\n  extspt bench --seed=7\n" in text_of(run)


@pytest.mark.parametrize(("command", "says"), [
    (["run", "--kdir", "/home/me/linux"], 'extspt run --kdir "$KDIR" --seed 195939070'),
    (["run", "--ksrc=/x"], 'extspt run --ksrc "$KSRC" --seed 195939070'),
    (["run", "--ksrc", "build/x"], "extspt run --ksrc build/x --seed 195939070"),
    (["run", "--costs", "/home/me/my.toml"], "extspt run --costs my.toml --seed 195939070"),
    (["run", "--costs=/home/me/my.toml"], "extspt run --costs=my.toml --seed 195939070"),
    (["matrix", "--measure", "--out", "/tmp/x.html", "--format=html"],
     "extspt matrix --measure --seed 195939070")])
def test_rerun_line_has_no_path_of_this_machine(run: synthetic.FakeRun, command: list[str],
                                                says: str) -> None:
    run.manifest["command"] = command
    assert f"\n  {says}\n" in text_of(run)


def test_options_that_matter_are_told_on_and_off(run: synthetic.FakeRun) -> None:
    run.manifest["kernel"]["config"] = {"SMP": "y", "HZ": "250", "PREEMPT": "n", "KASAN": "n"}
    assert "options SMP HZ=250 not set PREEMPT KASAN" in flat(text_of(run))


def test_bundle(made: synthetic.FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "REPORTS", tmp_path / "reports")
    run = store.load_run(made.path)
    first = bundle.write_report([run])
    names = {path.name for path in first.paths}
    assert names == {"report.txt", "report.html", "summary.csv", "about.json"} | {
        f"{name}.{kind}" for name in (
            "ratios-twin-count", "faults-twin-count", "faults-twin-model", "lock_times-twin-model",
            "memory_charge-twin-count", "parked-twin") for kind in ("png", "svg", "dark.svg")}
    assert (first.folder / "summary.csv").is_file()
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    again = bundle.write_report([run])
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == before
    assert [path.name for path in (tmp_path / "reports").iterdir()] == [run.id]


def test_a_failed_report_leaves_the_earlier_one(
        made: synthetic.FakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "REPORTS", tmp_path / "reports")
    run = store.load_run(made.path)
    written = bundle.write_report([run])
    before = written.text.read_bytes()

    def full_disk(_: Document) -> str:
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(text, "render", full_disk)
    with pytest.raises(OSError, match="No space"):
        bundle.write_report([run])
    assert written.text.read_bytes() == before
    assert [path.name for path in (tmp_path / "reports").iterdir()] == [run.id]
