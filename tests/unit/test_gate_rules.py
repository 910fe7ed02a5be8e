# SPDX-License-Identifier: GPL-2.0-only
"""What the gate makes of points, flows of pages and the kernel's reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gated import CUSTODY, done, record

from generator import layout
from generator.errors import BuildError
from generator.gate import criteria, judge, kernels, rules, splats
from generator.gate.protocol import Log, Point
from generator.gate.result import CORRECTNESS, CRITERION, OTHER
from generator.gate.sweep import Swept
from generator.kvm import kvmhost
from generator.kvm.kvmhost import KvmBuild
from generator.modules import variant
from generator.trees import kernelbuild
from generator.trees.kernel import KernelTree
from generator.trees.kernelbuild import OwnKernel


def one_cpu(case: str) -> int:
    """All guests are small ones."""
    return 1


def kinds(point: Point) -> list[tuple[str, str]]:
    """Kind and class of all findings of a point."""
    return [(found.kind, found.klass) for found in rules.of_point(point)]


@pytest.mark.parametrize("more, expected", [
    ({}, []),
    ({"rc": -12, "status": -12}, []),
    ({"rc": -5, "status": -5}, [("wrong_status", CORRECTNESS)]),
    ({"rc": 0, "status": -12}, [("status_lost", CORRECTNESS)]),
    ({"rc": -12, "status": -12, "kind": "plain"}, [("no_record", CORRECTNESS)]),
    ({"rc": -12, "status": -12, "kind": "plain", "record": record()},
     [("wrong_status", CORRECTNESS)]),
    ({"rc": -12, "status": -12, "kind": "plain", "case": "zap/drain", "record": record()}, []),
    ({"rc": -12, "status": -12, "kind": "seamcalls"}, [("busy_surfaced", CRITERION)]),
    ({"rc": -5, "status": -5, "kind": "seamcalls", "at": "tdx_map PAGE.AUG, fault"},
     [("busy_surfaced", CORRECTNESS)]),
    ({"rc": -16, "status": -16, "kind": "plain", "case": "zap/noise", "record": record()},
     [("busy_surfaced", CRITERION)]),
    ({"rc": -11, "status": -11, "kind": "cmpxchgs"}, [("race_surfaced", CORRECTNESS)]),
    ({"rc": -110, "status": -110}, [("livelock", CORRECTNESS)]),
    ({"rc": -110, "status": -110, "kind": "plain", "case": "zap/drain", "record": record()},
     [("endless", CRITERION)]),
    ({"destroyed": -5}, [("teardown_failed", CORRECTNESS)]),
    ({"record": record(errors=["order of 3 ops"])}, [("self_check", CORRECTNESS)]),
    ({"record": record(violations=[{"kind": "leak", "detail": "page 0x12"}])},
     [("module_rule", CORRECTNESS)]),
    ({"record": record(errors=["livelock: a fault was retried for 5 seconds"])},
     [("livelock", CORRECTNESS)]),
    ({"record": record(custody={"flows": [], "errors": [], "lost": 2})},
     [("ledger_full", CORRECTNESS)]),
    ({"record": record(errors=["leaked 3 pamt pages of tdx"], custody={"errors": [
        {"kind": "double_free", "class": "pamt", "alloc": "a", "free": "b", "n": 2}]})},
     [("double_free", CORRECTNESS)]),
    ({"done": False, "rc": -5}, []),
])
def test_rules_of_a_point(more: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert kinds(done(**more)) == expected


def test_findings_are_counted_and_show_where() -> None:
    points = [done(n=n, rc=-5, status=-5) for n in range(1, 9)]
    [found] = rules.wrong("v", Swept([Log(points=points)]), one_cpu)
    assert found.count == 8 and len(found.paths) == rules.SHOWN
    assert found.paths[0] == "at convert/enomem allocs 1"


@pytest.mark.parametrize("live, wrong", [(10, True), (1000, False), (1100, False), (1300, True)])
def test_the_memcg_agrees_with_the_ledger(live: int, wrong: bool) -> None:
    entry = {"class": "sept", "owner": "kvm", "allocated": 1000, "freed": 0, "live": 1000,
             "peak": 1000, "charged": 1000, "uncharged": 0, "charged_live": 1000}
    point = done(kind="plain", kernel=(4096, 4096 + 4096 * live), fired=0,
                 record=record(memory={"run": [entry]}))
    assert (("memcg_delta", CORRECTNESS) in kinds(point)) is wrong


def test_what_stays_charged() -> None:
    small, large = {("v", "a"): (0, 4096 * 50)}, {("v", "a"): (0, 4096 * 900)}
    assert not rules.wrong("v", Swept([Log(memory=small)]), one_cpu)
    [found] = rules.wrong("v", Swept([Log(memory=large)]), one_cpu)
    assert (found.kind, found.count, found.criterion) == ("memcg_left", 900, "C3")


# Criteria: the NAK

def plain(*flows: dict[str, Any], case: str = "convert/enomem") -> Point:
    """A run without faults with these flows."""
    return done(case=case, kind="plain", n=0, record=record(custody={"flows": list(flows)}))


SPLIT = {**CUSTODY, "path": "split", "pool": "", "alloc": "split_alloc", "alloc_owner": "kvm"}
LIST = {**CUSTODY, "class": "pamt", "path": "split", "pool": "split_cache", "alloc": "split_topup",
        "charged": False, "gfp": "GFP_KERNEL", "free_owner": "tdx", "n": 4}
ASKED = criteria.RULES
ATOMIC = {**CUSTODY, "gfp": "GFP_ATOMIC|__GFP_ACCOUNT", "n": 1}


def test_the_nak() -> None:
    found = {one.kind: one for one in criteria.of_design(
        [plain(CUSTODY, SPLIT, LIST), plain(ATOMIC, case="convert/drain")], ASKED)}
    assert found["ownership"].text == (
        "the S-EPT page comes from KVM on the split path, from TDX's tdx_prealloc on the fault "
        "path, and is always freed by KVM")
    assert found["ownership"].count == 16 and found["ownership"].criterion == "C1"
    assert "split_cache, which split_topup fills" in found["uncharged"].text
    assert (found["uncharged"].count, found["uncharged"].criterion) == (4, "C3")
    assert "GFP_ATOMIC for S-EPT pages on the fault path, no fallback on the split path" \
        in found["fallback"].text
    assert found["fallback"].criterion == "C4"
    assert all(one.klass == CRITERION for one in found.values())


def test_no_nak_where_kvm_owns_its_pages() -> None:
    kvm = {**CUSTODY, "pool": "external_spt_cache", "alloc_owner": "kvm"}
    tdx = {**LIST, "charged": True, "gfp": "GFP_KERNEL_ACCOUNT"}
    atomic = {**ATOMIC, "alloc_owner": "kvm"}
    assert not criteria.of_design([plain(kvm, SPLIT, tdx, {**tdx, "path": "fault"}),
                                   plain(atomic, case="convert/drain")], ())


def test_handed_over_is_not_crossed() -> None:
    handed = {**CUSTODY, "alloc_owner": "kvm", "free_owner": "tdx", "handed_over": True}
    assert not criteria.of_design([plain(handed)], ())
    [found] = criteria.of_design([plain({**handed, "handed_over": False})], ASKED)
    assert (found.kind, found.klass, found.count) == ("cross_freed", CRITERION, 8)


@pytest.mark.parametrize("flow, kind", [
    ({"alloc_owner": "kvm", "free_owner": "tdx"}, "cross_freed"),
    ({"alloc_owner": "kvm", "charged": False}, "uncharged")])
@pytest.mark.parametrize("where", [
    {}, {"case": "convert/drain"}, {"kind": "allocs", "n": 7, "status": -12, "rc": -12}])
def test_what_no_choice_asks_for_is_a_bug(flow: dict[str, Any], kind: str,
                                          where: dict[str, Any]) -> None:
    """Also where a cache is empty, or an allocation failed."""
    usual = {**CUSTODY, "alloc_owner": "kvm"}
    points = [plain(usual), replace(plain({**usual, **flow}), **where)]
    [found] = criteria.of_design(points, ())
    assert (found.kind, found.klass, found.count) == (kind, CORRECTNESS, 8)
    assert found.text.endswith("no choice of the design asks for it")
    [found] = criteria.of_design(points, (kind,))
    assert found.klass == CRITERION


def test_designs_that_ask_for_it_are_those_the_list_knows() -> None:
    for design in variant.all_variants():
        known = {word.partition(":")[0].strip() for word in design.known.split(";")}
        assert set(design.on_purpose) == known & set(criteria.RULES), design.name


# Reports of the kernel

CONSOLE = """[    1.0] EXTSPT AT kvm_owned convert/race plain
[    1.1] ==================================================================
[    1.2] BUG: KASAN: slab-use-after-free in pools_gone+0x73/0x140 [extspt_kvm_owned]
[    1.3] Read of size 4 at addr ffff888006974370 by task sweep/41
[    1.4]  pools_gone+0x73/0x140 [extspt_kvm_owned]
[    1.5]  vfs_write+0x159/0x580
[    1.6] ==================================================================
[    2.0] EXTSPT AT none zap/race plain
[    2.1] BUG: sleeping function called from invalid context at mm/page_alloc.c:1
[    2.2]  x+0x1/0x2
"""


def test_splats() -> None:
    kasan, sleep = splats.find(CONSOLE)
    assert (kasan.kind, kasan.at, kasan.module) == ("kasan", "convert/race plain",
                                                    "extspt_kvm_owned")
    assert kasan.lines[-1].endswith("vfs_write+0x159/0x580")
    assert kasan.concerns("other", "extspt_kvm_owned") and not kasan.concerns("kvm_owned", "x")
    assert sleep.kind == "sleep" and sleep.concerns("none", "extspt_none")


@pytest.mark.parametrize("line, kind", [
    ("WARNING: possible circular locking dependency detected", "lockdep"),
    ("WARNING: suspicious RCU usage", "lockdep"),
    ("[ BUG: Invalid wait context ]", "lockdep"),
    ("BUG: scheduling while atomic: sweep/1/0x2", "sleep"),
    ("WARNING: kmod/lib/ledger.c:1 at ledger_free+0x1/0x2 [extspt_x], CPU#0: sweep/3", "warning"),
    ("watchdog: BUG: soft lockup - CPU#0 stuck for 22s!", "hang"),
    ("list_del corruption, ffff->next is LIST_POISON1", "corruption"),
    ("list_add double add: new=ffff, prev=ffff, next=ffff.", "corruption"),
    ("BUG: KCSAN: data-race in a / b", "kcsan"),
    ("Kernel panic - not syncing: Fatal exception", "crash"),
])
def test_kinds_of_splats(line: str, kind: str) -> None:
    [report] = splats.find(f"[   1.0] {line}\n")
    assert report.kind == kind


@pytest.mark.parametrize("title, foreign", [
    ("data-race in sept_alloc [extspt_v] / sept_alloc [extspt_v]", False),
    ("data-race in try_charge_memcg / sept_alloc [extspt_v]", False),
    ("data-race in __list_add_valid_or_report / __list_add_valid_or_report", False),
    ("data-race in try_charge_memcg / drain_stock", True),
])
def test_a_race_within_the_kernel_is_not_the_designs(title: str, foreign: bool) -> None:
    [report] = splats.find(f"EXTSPT AT v zap/race plain\nBUG: KCSAN: {title}\n"
                           " fault+0x1/0x2 [extspt_v]\n")
    assert report.foreign is foreign and report.concerns("v", "extspt_v")
    assert judge.finding(report).klass == (OTHER if foreign else CORRECTNESS)


@pytest.mark.parametrize("place, excused", [
    ("virt/kvm/kvm_main.c:1 at kvm_mmu_memory_cache_alloc+0x1/0x2 [kvm]", True),
    ("kmod/lib/ledger.c:1 at ledger_free+0x1/0x2 [extspt_v]", False)])
def test_only_kvms_own_cache_may_warn_when_it_is_empty(place: str, excused: bool) -> None:
    [report] = splats.find(f"EXTSPT AT v convert/drain plain\nWARNING: {place}, CPU#0: sweep/3\n"
                           " fault+0x1/0x2 [extspt_v]\n")
    assert judge._on_purpose(report) is excused
    assert not judge._on_purpose(replace(report, at="convert/race plain"))


def test_a_kernel_that_is_not_there_has_a_reason(tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernelbuild, "finished", list)
    debug, kcsan = kernels.not_run("twin", [])
    assert "KASAN, lockdep" in debug and debug.endswith("KSRC --flavor debug).")
    assert kcsan.endswith("KSRC --flavor kcsan).")
    old = OwnKernel(tmp_path, "5.4.3", "x86", "debug", (), 1.0)
    (tmp_path / "source").mkdir()
    monkeypatch.setattr(kernelbuild, "finished", lambda: [old])
    assert "the source of 5.4.3 has no KCSAN" in kernels.not_run("twin", [])[1]


def test_real_kvm_runs_on_the_first_kernel_that_has_it(monkeypatch: pytest.MonkeyPatch,
                                                       tmp_path: Path) -> None:
    """Not on the default one, whose modules were never built."""
    (tmp_path / "sid").mkdir()
    monkeypatch.setattr(layout, "TREES", tmp_path)
    monkeypatch.setattr(kernelbuild, "finished", list)
    tree = KernelTree("7.2", tmp_path, "x86_64", "", {}, "", "", "gcc", "", None)

    def find(tree: KernelTree) -> KvmBuild:
        if tree.release != "7.2-sid":
            raise BuildError("there is no hooked KVM")
        return KvmBuild(tmp_path, "7.2", "f")

    monkeypatch.setattr(kvmhost, "find", find)
    monkeypatch.setattr(KernelTree, "probe", lambda kdir=None: replace(
        tree, release="7.2-sid" if kdir else "6.1"))
    ground = kernels.for_sweep(None, "kvm")
    assert (ground.tree.release, ground.stage) == ("7.2-sid", "sweep")


def test_sleeping_under_rcu_is_sleeping() -> None:
    """Lockdep reports it as a use of RCU, and says the cause four lines further down."""
    console = "\n".join(["EXTSPT AT v convert plain", "WARNING: suspicious RCU usage", "7.2.13 #1",
                         "-----------", "include/linux/rcupdate.h:378 Illegal context switch in "
                         "RCU read-side critical section!", "", "stack backtrace:"])
    assert [one.kind for one in splats.find(console)] == ["sleep"]
    harmless = console.replace("Illegal context switch in", "no lock of")
    assert [one.kind for one in splats.find(harmless)] == ["lockdep"]
