# SPDX-License-Identifier: GPL-2.0-only
"""The command line: verbs by file name, one message per failure, the exit code of its stage."""

from __future__ import annotations

import argparse
import errno
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from generator import cli, proc
from generator.errors import ConfigError
from generator.modules import variant
from generator.runs import plan


def verb(monkeypatch: pytest.MonkeyPatch, failure: BaseException | None = None) -> list[object]:
    """A verb named "stub" that records its arguments, then fails as told."""
    calls: list[object] = []

    def run(args: argparse.Namespace) -> int:
        calls.append(args)
        calls.append(proc.dry_run())
        if failure is not None:
            raise failure
        return 0

    stub = SimpleNamespace(HELP="a stub", run=run, add_arguments=lambda parser:
                           parser.add_argument("--kdir"))
    known = cli.load_verb
    monkeypatch.setattr(cli, "load_verb", lambda name: stub if name == "stub" else known(name))
    return calls


def test_every_verb_has_help_and_the_common_options() -> None:
    assert {"list", "show", "doctor", "render", "build", "run", "summarize",
            "report"} <= set(cli.verb_names())
    for name in cli.verb_names():
        assert cli.load_verb(name).HELP
        text = cli.verb_parser(name).format_help()
        for option in ("--verbose", "--dry-run", "--json"):
            assert option in text, name


def test_overview(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in cli.verb_names():
        assert f"  {name} " in shown
    assert cli.main([]) == 2


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("extspt 0.")


def test_unknown_verb_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["biuld"]) == 2
    said = capsys.readouterr().err
    assert "unknown verb 'biuld'" in said
    assert "known: " in said
    assert "render" in said


def test_usage_errors_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["render", "--nonsense"], ["show"], ["list", "--axes", "--names"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(words)
        assert caught.value.code == 2
    capsys.readouterr()


def test_arguments_and_dry_run_reach_the_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = verb(monkeypatch)
    assert cli.main(["stub", "-n", "-v", "--kdir", "x"]) == 0
    args, dry = calls
    assert isinstance(args, argparse.Namespace)
    assert (args.kdir, args.verbose, args.json, dry) == ("x", 1, False, True)
    assert not proc.dry_run()       # put back, so that verbs can call verbs


def test_error_is_what_where_fix_and_evidence(monkeypatch: pytest.MonkeyPatch,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    verb(monkeypatch, ConfigError("bad value", where="x.config:3", fix="use 5", evidence="a\nb"))
    assert cli.main(["stub"]) == 10
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "extspt: config: x.config:3: bad value\n  use 5\n  | a\n  | b\n"


@pytest.mark.parametrize(("words", "shown"), [
    (["stub"], False), (["stub", "-v"], False), (["stub", "-vv"], True),
    (["stub", "-v", "-v"], True), (["stub", "-vvn"], True),
    (["stub", "--verbose", "--verbose"], True),
])
def test_traceback_only_when_very_verbose(monkeypatch: pytest.MonkeyPatch, words: list[str],
                                          shown: bool,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    verb(monkeypatch, ConfigError("bad"))
    assert cli.main(words) == 10
    assert ("Traceback" in capsys.readouterr().err) == shown


@pytest.mark.parametrize(("number", "said"), [
    (errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"),
    (errno.EACCES, "permission denied"), (errno.EDQUOT, "quota"), (errno.ELOOP, "symbolic links"),
])
def test_a_refusing_disk_is_our_rig(monkeypatch: pytest.MonkeyPatch, number: int, said: str,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    verb(monkeypatch, OSError(number, "Too many levels of symbolic links", "/x/variant.h"))
    assert cli.main(["stub"]) == 15
    err = capsys.readouterr().err
    assert said in err
    assert "/x/variant.h" in err
    assert "Traceback" not in err


def test_a_real_full_disk(monkeypatch: pytest.MonkeyPatch,
                          capsys: pytest.CaptureFixture[str]) -> None:
    def fill(args: argparse.Namespace) -> int:
        Path("/dev/full").write_text("x" * 100)
        return 0

    verb(monkeypatch)
    monkeypatch.setattr(cli.load_verb("stub"), "run", fill)
    assert cli.main(["stub"]) == 15
    assert "the disk is full" in capsys.readouterr().err


def test_own_faults_say_so(monkeypatch: pytest.MonkeyPatch,
                           capsys: pytest.CaptureFixture[str]) -> None:
    verb(monkeypatch, ZeroDivisionError("division by zero"))
    assert cli.main(["stub"]) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in err
    assert "-vv" in err
    assert "Traceback" not in err


def test_interrupt_tells_how_to_go_on(monkeypatch: pytest.MonkeyPatch,
                                      capsys: pytest.CaptureFixture[str]) -> None:
    verb(monkeypatch, KeyboardInterrupt("go on with: extspt run --resume 1"))
    assert cli.main(["stub"]) == 130
    assert "interrupted: go on with: extspt run --resume 1" in capsys.readouterr().err


def test_a_reader_that_leaves() -> None:
    command = f"{sys.executable} -c 'import sys; from generator import cli; " \
              "sys.exit(cli.main([\"list\", \"--names\"]))'; echo code $? >&2"
    done = subprocess.run(["sh", "-c", f"({command}) | true"], capture_output=True, text=True,
                          check=False, timeout=60)
    assert "Traceback" not in done.stderr
    assert "code 0" in done.stderr


def test_list_names_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "--names"]) == 0
    assert capsys.readouterr().out.split() == variant.names()
    assert cli.main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == variant.names()
    assert cli.main(["list", "--axes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == rows[0]["choices"].keys()
    assert cli.main(["list", "--workloads", "--json"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == plan.SIZES.keys()
    assert cli.main(["list", "--workloads"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == list(plan.SIZES)


def test_list_shows_every_design_and_axis(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for one in variant.all_variants():
        assert one.title in out
        for axis, choice in one.choices.items():
            assert axis in out
            assert choice in out
        for fault in filter(None, one.known.split("; ")):
            assert f"known: {fault}" in out
    for tag, row in variant.not_modelled().items():
        assert f"{tag} not modelled {row['title']}" in out
        assert row["nearest"] in variant.names()
        assert tag not in {one.design for one in variant.all_variants()}


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    name = variant.BASELINE
    assert cli.main(["show", name, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    loaded = variant.load_variant(name)
    assert shown["choices"] == loaded.choices
    assert shown["values"] == loaded.values
    assert cli.main(["show", f"{name}_aprime"]) == 0
    out = capsys.readouterr().out
    assert f"A' of    {name}" in out
    for axis, choice in loaded.choices.items():
        assert f"\n{axis} = {choice}" in out
    assert cli.main(["show", "nobody"]) == 2


def test_menuconfig_needs_a_terminal(capsys: pytest.CaptureFixture[str],
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    assert cli.main(["menuconfig", variant.BASELINE]) == 2
    assert "terminal" in capsys.readouterr().err
    assert cli.main(["menuconfig", "No Name"]) == 10
