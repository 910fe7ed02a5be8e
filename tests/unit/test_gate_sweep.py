# SPDX-License-Identifier: GPL-2.0-only
"""The gate's sweep without a kernel: what guests say, and what is still to be done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gated import END, LINES, done

from generator.gate import cases, protocol, rules
from generator.gate.cases import Case
from generator.gate.guest import Job, script
from generator.gate.result import CORRECTNESS
from generator.gate.sweep import Death, Swept, missing
from generator.gate.sweep import recall as recall_sweep


def test_protocol() -> None:
    log = protocol.parse([*LINES, *END])
    assert [point.n for point in log.points] == [0, 1, 2] and log.dying() is None and log.ended
    plain, first, _ = log.points
    assert plain.record == {"abi": 1, "errors": []} and plain.kernel == (100, 900)
    assert (first.rc, first.fired, first.at, first.kind_of_fault) == (-12, 1, "td_create, init",
                                                                      "enomem")
    assert log.sizes == {("v", "convert/enomem", "allocs"): 3}
    assert log.memory == {("v", "convert/enomem"): (100, 200)} and not log.silenced


@pytest.mark.parametrize("cut", range(len("\n".join([*LINES, *END])) + 1))
def test_protocol_cut_short_anywhere(cut: int) -> None:
    """A guest may die in the middle of a line."""
    log = protocol.parse("\n".join([*LINES, *END])[:cut].splitlines())
    assert len(log.points) <= 3


def test_the_dying_point_is_named_and_the_sweep_goes_on_after_it() -> None:
    case = Case("convert/enomem", "convert", {}, {"enomem": 1})
    log = protocol.parse(LINES)
    dying = log.dying()
    assert dying is not None and dying.label == "convert/enomem allocs 2"
    swept = Swept([log], deaths=[Death("v", dying, dying.label, "panic")])
    left = missing({"v": [case]}, swept)
    assert left["v"][0].faults == {"enomem": 3}
    [found] = [one for one in rules.wrong("v", swept, lambda case: 1) if one.kind == "crash"]
    assert found.klass == CORRECTNESS and "at convert/enomem allocs 2" in found.paths
    assert rules.coverage("v", swept)["enomem"] == (2, 3)


def test_what_is_over_is_not_repeated() -> None:
    case = Case("convert/enomem", "convert", {}, {"enomem": 1})
    other = Case("zap/enomem", "zap", {}, {"enomem": 1})
    swept = Swept([protocol.parse([*LINES, *END])])
    assert missing({"v": [case, other]}, swept) == {"v": [other]}
    for line in ("EXTSPT REFUSED v", "EXTSPT LOCKS v 0", "EXTSPT STUCK v 1"):
        assert not missing({"v": [case, other]}, Swept([protocol.parse([line])]))


def test_a_design_that_keeps_dying_is_given_up() -> None:
    case = Case("zap/enomem", "zap", {}, {"enomem": 1})
    deaths = [Death("v", done(case="zap/enomem", n=n), "", "") for n in (1, 2, 3)]
    assert missing({"v": [case]}, Swept(deaths=deaths[:2]))["v"][0].faults == {"enomem": 3}
    assert not missing({"v": [case]}, Swept(deaths=deaths))
    inserting = Death("v", None, "inserting the module", "panic")
    assert not missing({"v": [case]}, Swept(deaths=[inserting]))


@pytest.mark.parametrize("case", ["zap/race", "convert/memcg"])
def test_a_stall_is_excused_once(tmp_path: Path, case: str) -> None:
    """A host is overloaded now and then; a design's livelock does so again."""
    for number in range(2):
        folder = tmp_path / f"{number:03}"
        folder.mkdir()
        (folder / "serial.txt").write_text(f"EXTSPT INSMOD v\nEXTSPT POINT v {case} plain 0\n")
        (folder / "boot.json").write_text(json.dumps({
            "boot": {"stage": "s", "kernel": "k", "cases": 0, "wall_s": 1.0,
                     "outcome": "stalled"}, "lost": "the guest stopped making progress (9 s)"}))
        swept = recall_sweep(tmp_path)
        assert (len(swept.excused), len(swept.deaths)) == (1, number)
        assert bool(missing({"v": [Case(case, "zap", {})]}, swept)) is not bool(number)


def test_what_an_interrupted_guest_finished_is_kept(tmp_path: Path) -> None:
    """extspt itself was killed: no boot.json. The last case is done again, with what it said."""
    folder = tmp_path / "000"
    folder.mkdir()
    more = ["EXTSPT POINT v zap/enomem plain 0",
            "EXTSPT DONE 0 rc=0 destroy=0 status=0 fired=0 kernel=1,9 at=-",
            "EXTSPT MEMCG v zap/enomem 1,2", "EXTSPT POINT v zap/busy plain 0"]
    (folder / "serial.txt").write_text("\n".join([*LINES, *END[:2], *more]) + "\n")
    (folder / "console.log").write_text(
        "EXTSPT AT v convert/enomem plain\nBUG: KASAN: x\nEXTSPT AT v zap/busy plain\n"
        "EXTSPT AT v zap/busy seamcalls\nBUG: told to end\n")
    swept = recall_sweep(tmp_path)
    assert not swept.deaths and not swept.boots
    listed = [Case(name, "x", {}) for name in ("convert/enomem", "zap/enomem", "zap/busy")]
    assert [case.name for case in missing({"v": listed}, swept)["v"]] == ["zap/busy"]
    assert {point.case for point in swept.points("v")} == {"convert/enomem", "zap/enomem"}
    assert "KASAN" in swept.consoles[0] and "told to end" not in swept.consoles[0]


def test_a_sweep_that_reached_its_end_knows_how_many_points_there_are() -> None:
    """The run without faults had three; no later one came to a third."""
    log = protocol.parse([*LINES[:-1], "EXTSPT POINT v convert/enomem allocs 2",
                          "EXTSPT DONE 2 rc=0 destroy=0 status=0 fired=1 kernel=0,0 at=x",
                          "EXTSPT POINT v convert/enomem allocs 3",
                          "EXTSPT DONE 3 rc=0 destroy=0 status=0 fired=0 kernel=0,0 at=-"])
    assert rules.coverage("v", Swept([log]))["enomem"] == (2, 3)
    log.over["v", "convert/enomem", "allocs"] = 3
    assert rules.coverage("v", Swept([log]))["enomem"] == (2, 2)


def test_case_words() -> None:
    case = Case("zap/busy", "zap", {"vcpus": 1, "check": 1}, {"busy": 4, "lost": 1}, 2)
    assert case.words == ("zap/busy fail_busy:seamcalls:4:2,fail_lost:cmpxchgs:1:2 zap "
                          "vcpus=1 check=1")
    after = case.after("busy", 6)
    assert after is not None and after.faults == {"busy": 8, "lost": 1}
    assert case.after("", 0) is None
    lines = script([Job("a+b=c", "extspt_a_x1", (case,))])
    assert f"gate 'a+b=c' extspt_a_x1 '{case.words}'" in lines


@pytest.mark.parametrize("host", ["twin", "kvm"])
def test_every_workload_of_a_host_is_swept(host: str) -> None:
    names = [case.name for case in cases.swept(host, cases.workloads_of(host, quick=False))]
    assert len(names) == len(set(names)) == 3 * len(cases.workloads_of(host, quick=False))
    assert {name.split("/")[0] for name in names}.isdisjoint({"smoke"})
