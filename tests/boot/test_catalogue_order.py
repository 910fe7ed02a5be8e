# SPDX-License-Identifier: GPL-2.0-only
"""Section 3 of the design catalogue: the order of steps of a fault and of a split, per design.

A fault is a word, from its topup on, with a letter for each step in the order in which they end:
t topup, a S-EPT page out of the cache, g pamt_get, L page table linked, M page mapped, s SEAMCALL,
p pamt_put. The PAMT.ADD of a get is left out: it depends on where pages lie.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from guests import Project

from generator import layout
from generator.modules import variant
from generator.runs import scripted
from generator.trees.kernel import KernelTree

pytestmark = pytest.mark.boot
FAULTS = "vcpus=1 pages=3 rounds=1"
"""One page in each of three 2 MiB ranges: the first fault links all levels, the others one."""
SPLIT = "vcpus=1 pages=512 rounds=1"
"""A 2 MiB mapping is split, a page of it zapped and faulted in again."""
REFILL = "g" * 40
"""Each page that leaves the topup of KVM's cache has its pair (A6, A7)."""
LINK = ("", "tagsLagsLagsLgsM", "tagsLgsM")
"""A2 to A4, A9 to A11: a get before each SEPT.ADD and PAGE.AUG; A1: before the SPTE is frozen."""
TOPUP = (REFILL, "tasLasLasLgsM", "tasLgsM")
"""A7: nothing is left to do when a page table is linked."""
NO_GET = ("", "tasLasLasLsM", "tasLsM")
FAULT: Mapping[str, tuple[str, str, str]] = {
    **dict.fromkeys(("upstream", "first_td", "none"), NO_GET),
    **dict.fromkeys(("obj_hooks", "rfc_v5_hooks", "rfc_v5_mutex", "huge_sept"), TOPUP),
    "prepare_pfn": (REFILL, "tgasLasLasLsM", "tgasLsM"),    # B9: once the pfn is known
    "gmem_time": (REFILL, *NO_GET[1:]),                     # B5: guest memory has had its pair
}
ZAP = "ssss"
"""MEM.RANGE.BLOCK, MEM.TRACK, MEM.PAGE.REMOVE, PHYMEM.PAGE.WBINVD (3.3)."""
LATE, EARLY, STATIC = "sss?gs", "s?gsss", "sss"
"""BLOCK, TRACK, the S-EPT page's get, DEMOTE (H3); its get first (A9; A7: when it is allocated)."""
CONVERTED: Mapping[str, str] = {
    **dict.fromkeys(("split_ops", "split_prealloc", "huge_rfc_v2", "deposit"), f"{LATE}{ZAP}p"),
    **dict.fromkeys(("huge_sept_alt", "huge_sept_alt_rcu", "kvm_owned", "tip_x86_tdx", "mempool",
                     "kvm_cache_inline", "order1_pairs", "obj_hooks", "rfc_v5_hooks",
                     "rfc_v5_mutex", "huge_sept", "prepare_pfn"), f"{EARLY}{ZAP}p"),
    "none": f"{STATIC}{ZAP}",
    # 4 KiB pages only, nothing to split. The put is of the last page there: PAMT.REMOVE.
    **dict.fromkeys(("dpamt_v1", "dpamt_v2", "dpamt_v3", "tdx_prealloc", "order4_topup"),
                    f"{ZAP}sp"),
    # Static PAMT, or pairs that stay: no put.
    **dict.fromkeys(("upstream", "first_td", "gmem_time"), ZAP),
}
"""As regular expressions: a PAMT.ADD comes before the end of its get, or is not needed."""
Words = Mapping[tuple[str, str], list[str]]


@pytest.fixture(scope="module")
def words(designs: Project, tmp_path_factory: pytest.TempPathFactory) -> Words:
    """(variant, workload) -> the words of one vCPU, in one boot of all designs."""
    tree = KernelTree.probe()
    built = designs.root / layout.BUILD.name / tree.release
    files = [(name, built / name / f"extspt_{name}.ko") for name in variant.names()]
    lines = []
    for name, _ in files:
        steps = f"/sys/module/extspt_{name}/parameters/steps"
        lines += [f"module '{name}' extspt_{name} 'table zero'", f"echo 1 >{steps}"]
        for workload, params in (("populate_sparse", FAULTS), ("smoke", SPLIT)):
            lines += [f"measure {workload} {workload} {params}",
                      f'say "STEPS {name} {workload} $(cat {steps})"']
        lines.append("unload")
    out = tmp_path_factory.mktemp("order")
    told = scripted.counted(tree, "\n".join(lines), Path(out), None, files)
    assert not told.lost and told.serial[-1].endswith("status=0"), told.console[-20:]
    found = {}
    for line in told.serial:
        if match := re.search(r"STEPS (\w+) (\w+) (.*)", line):
            found[match[1], match[2]] = [word for word, n in json.loads(match[3])
                                         for _ in range(n)]
    return found


@pytest.mark.parametrize("name", variant.names())
def test_order_of_a_fault(words: Words, name: str) -> None:
    topup, first, other = FAULT.get(name, LINK)
    seen = [word.replace("sg", "g") for word in words[name, "populate_sparse"]]
    assert seen == [*filter(None, (topup, first)), other, other]


@pytest.mark.parametrize("name", variant.names())
def test_order_of_a_conversion(words: Words, name: str) -> None:
    converted, *_, refault = words[name, "smoke"]
    assert re.fullmatch(CONVERTED[name], converted)
    gets = "g" in FAULT.get(name, LINK)[1]
    assert refault.replace("sg", "g") == ("tgsM" if gets else "tsM")


def test_every_design_has_its_order() -> None:
    assert CONVERTED.keys() == set(variant.names()) >= FAULT.keys()
