# SPDX-License-Identifier: GPL-2.0-only
"""Text that survives a mailing list, whatever is put into it."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
import synthetic

from generator.evidence import frames, verdict
from generator.report import document, text
from generator.report.model import (
    NA,
    Column,
    Document,
    Section,
    Table,
    columns,
    number,
    rate,
    signed,
)
from generator.report.view import View

HOSTILE = "\x1b[31m<script>alert('x')</script>\x07\t$(touch /tmp/x) `id` \u00b5s \u202e\x00 end"


def view_of(run: synthetic.FakeRun) -> View:
    return View.of(run, frames.summarize(run), verdict.of_run(run))


def mailable(report: str) -> None:
    for line in report.split("\n"):
        assert len(line) <= 72, line
        assert line == line.rstrip(), line
    assert report.isascii()
    assert report.replace("\n", "").isprintable()


def test_whole_report(tmp_path: Path) -> None:
    view = view_of(synthetic.build(tmp_path))
    mailable(text.render(document.build([view])))


def test_hostile_strings(tmp_path: Path) -> None:
    run = synthetic.build(tmp_path, workloads=("populate_seq", "convert"))
    run.manifest.update(compiler=HOSTILE, command=["extspt", "run", HOSTILE])
    for variant in run.manifest["variants"].values():
        variant.update(title=HOSTILE, origin=HOSTILE)
    for case in run.records:
        if case["variant"] == "none":
            case["record"]["errors"] = [HOSTILE]
    report = text.render(document.build([view_of(run)]))
    mailable(report)
    assert "\\x1b[31m" in report


def test_long_and_many_variant_names(tmp_path: Path) -> None:
    run = synthetic.build(tmp_path, workloads=("populate_seq", "convert"), designs=("kvm_owned",))
    for index in range(12):
        name = f"a_rather_long_variant_name_that_nobody_would_choose_{index:02}"
        run.manifest["variants"][name] = dict(run.manifest["variants"]["kvm_owned"])
        run.records += [{**c, "variant": name} for c in run.records if c["variant"] == "kvm_owned"]
    report = text.render(document.build([view_of(run)]))
    mailable(report)
    for index in range(12):
        assert f"ose_{index:02}" in report


def rendered(table: Table) -> str:
    return text.render(Document("t", "s", (Section("x", tables=(table,)),)))


def test_wide_table_repeats_its_first_column() -> None:
    report = rendered(Table("wide", columns("row", *(f"column{i:02}" for i in range(20))),
                            (("first", *(str(i) for i in range(20))),)))
    mailable(report)
    assert report.count("first") == 3
    for i in range(20):
        assert f"column{i:02}" in report


def test_two_line_heads_stand_above_their_figures() -> None:
    report = rendered(Table("t", (Column("d", left=True), Column("page\nallocs")), (("x", "12"),)))
    assert "    page\nd  allocs\n---------\nx      12\n" in report


def test_group_rows() -> None:
    report = rendered(Table("t", columns("d", "n"), (("one",), ("x", "1"), ("two",), ("y", "2"))))
    assert "one\nx  1\n\ntwo\ny  2\n" in report


@pytest.mark.parametrize("words", [
    ["extspt", "run"], ["extspt", "run", "--variants", ",".join(f"variant_{i}" for i in range(30))],
    ["a" * 200], ["x"] * 100, ["make", "VARIANTS=a,b", "T=with blanks"],
    ["x" * 60, "two blanks  in a word that would be broken there"], ["$(a) 'b' \\" * 40],
    ["a", "b c" * 40, "d"]])
def test_a_wrapped_command_is_the_command(words: list[str]) -> None:
    lines = list(text.command(shlex.join(words)))
    assert all(len(line) <= 72 for line in lines)
    shell = subprocess.run(["sh", "-c", "printf '%s\\n' " + "\n".join(lines)], check=True,
                           capture_output=True, text=True)
    assert shell.stdout.splitlines() == words


def test_detail_is_left_out() -> None:
    report = text.render(Document("t", "s", (Section("shown"), Section("hidden", detail=True))))
    assert "shown" in report
    assert "hidden" not in report


@pytest.mark.parametrize(("value", "says"), [
    (float("nan"), NA), (0.0, "0"), (12.0, "12"), (123456789.0, "123456789"), (1234.5, "1234"),
    (12.34, "12.3"), (1.234, "1.23"), (0.01234, "0.0123"), (-3.0, "-3")])
def test_number(value: float, says: str) -> None:
    assert number(value) == says


def test_rate_and_signed() -> None:
    assert (rate(2), rate(0.04785), rate(float("nan"))) == ("2.000", "0.048", NA)
    assert (signed(3.0), signed(-3.0), signed(0.0), signed(float("nan"))) == ("+3", "-3", "+0", NA)


def test_shortened_names_show_it() -> None:
    assert text.shorten("abcdefghijklmnop", 12) == "abcd..klmnop"
    assert text.shorten("abc", 12) == "abc"
