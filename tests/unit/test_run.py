# SPDX-License-Identifier: GPL-2.0-only
"""extspt run: what it refuses before it builds or boots anything."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace

import pytest

from generator import cli
from generator.errors import UsageError
from generator.runners import metal, qemu
from generator.runs import plan, session, store
from generator.runs.store import Run
from generator.verbs import build
from generator.verbs import run as verb


@pytest.fixture(autouse=True)
def _no_build(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(args: object) -> None:
        raise AssertionError("a build was begun")
    monkeypatch.setattr(build, "make", refuse)


@pytest.mark.parametrize("words, said, known", [
    (["--variants", "kvm_own"], "unknown variant 'kvm_own'", "kvm_owned, "),
    (["--variants", ","], "unknown variant ','", "kvm_owned"),
    (["--workloads", "zap,zapp"], "unknown workload 'zapp'", ", ".join(sorted(plan.SIZES))),
    (["--boots", "tcg"], "unknown boot 'tcg'", "icount, kvm, mttcg"),
    (["--runner", "bochs"], "unknown runner 'bochs'", "qemu"),
    (["--costs", "cheap"], "unknown cost table 'cheap'", "default"),
    (["--costs", "none.toml"], "unknown cost table 'none.toml'", "<file>.toml"),
    (["--baseline", "mine"], "unknown variant 'mine'", "kvm_owned"),
    (["--resume", "yesterday"], "unknown run 'yesterday'", ""),
    (["--vcpus", "0"], "cannot run 0 vCPUs", ""),
    (["--seed", "0x10000000000000000"], "does not fit 64 bits", ""),
    (["--resume", "x", "--seed", "1", "--vcpus", "2"], "--vcpus, --seed cannot change", ""),
])
def test_usage(capsys: pytest.CaptureFixture[str], words: list[str], said: str,
               known: str) -> None:
    assert cli.main(["run", *words]) == 2
    captured = capsys.readouterr()
    assert said in captured.err and known in captured.err
    assert captured.out == "" and "Traceback" not in captured.err


def test_seed_must_be_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["run", "--seed", "dice"])
    assert caught.value.code == 2 and "invalid number value: 'dice'" in capsys.readouterr().err


def test_missing_qemu_is_said_before_the_build(monkeypatch: pytest.MonkeyPatch,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(qemu, "PROGRAM", "no-such-qemu")
    assert cli.main(["run", "--costs", "zero"]) == 15
    assert "qemu-system-x86" in capsys.readouterr().err


def test_kernel_of_another_kind_is_refused_before_the_build(
        capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--runner", "uml", "--variants", "none"]) == 12
    assert "RUNNER=qemu" in capsys.readouterr().err


def test_failed_cases_change_the_exit_code(monkeypatch: pytest.MonkeyPatch,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    case = {"boot": "icount", "variant": "none", "workload": "zap", "rc": 4, "record": None}
    manifest = {"id": "r", "state": "complete", "boots": {}}
    for records, code in (((case,), 13), ((), 0)):
        done = Run(Path("r"), manifest, records)
        monkeypatch.setattr(verb, "measure", lambda args, done=done: done)
        assert cli.main(["run", "--json"]) == code
        out = capsys.readouterr().out
        assert ("could not be inserted" in out) == (code == 13)


def test_both_boots_have_their_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modelled time has no place where instructions are counted, whatever --costs says."""
    seen: list[dict[str, str]] = []

    def keep(planned: plan.RunPlan, modules: object, tables: dict[str, object],
             command: object, **marks: object) -> Run:
        seen.append({boot.name: boot.costs for boot in planned.boots})
        return Run(Path("r"), {}, ())
    monkeypatch.setattr(build, "make", lambda args: [])
    monkeypatch.setattr(session, "run_plan", keep)
    monkeypatch.setattr(qemu.Qemu, "available", lambda self: None)
    for words, table in (([], "default"), (["--costs", "high"], "high")):
        assert cli.main(["run", *words]) == 0
        assert seen.pop() == {"icount": "zero", "mttcg": table}


@pytest.mark.parametrize(("host", "fix"), [("kvm", "besides its source"), ("twin", "not --ksrc")])
def test_a_source_is_no_kernel_for_the_machine_itself(host: str, fix: str) -> None:
    args = argparse.Namespace(ksrc=Path("linux"), kdir=None, host=host)
    with pytest.raises(UsageError, match="the kernel that runs here") as caught:
        verb.own_kernel(args, metal.RUNNER.arch)
    assert fix in caught.value.fix


def test_resume_takes_the_source_that_the_run_was_begun_with(
        monkeypatch: pytest.MonkeyPatch) -> None:
    """Its kernel is in the cache; without it the modules would be those of another kernel."""
    built: list[str] = []
    planned = SimpleNamespace(runner="uml", host="twin", variants=("none",))
    monkeypatch.setattr(store, "open_run", lambda run: SimpleNamespace(
        path=Path(run), missing=lambda: ["uml"]))
    monkeypatch.setattr(session, "plan_of", lambda directory: planned)
    monkeypatch.setattr(session, "resume", lambda path, modules: Run(path, {"state": "complete",
                                                                            "boots": {}}, ()))
    monkeypatch.setattr(verb.kernel, "make", lambda source, recipe: SimpleNamespace(
        kdir=Path(f"own-{recipe.name}")))
    monkeypatch.setattr(build, "make", lambda args: built.append(args.kdir) or [])
    assert cli.main(["run", "--resume", "r", "--ksrc", "linux"]) == 0
    assert built == ["own-bench-um"]


@pytest.mark.parametrize("words", [["--runner", "uml"], ["--boots", "icount,kvm"]])
def test_real_kvm_runs_under_tcg_alone(words: list[str],
                                       capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "-n", "--host", "kvm", *words]) == UsageError.exit_code
    assert "--boots icount,mttcg" in capsys.readouterr().err
