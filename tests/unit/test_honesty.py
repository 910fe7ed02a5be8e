# SPDX-License-Identifier: GPL-2.0-only
"""What is refused to be measured, and the marks it leaves when it is done all the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from generator.errors import GateError, UsageError
from generator.runs import honesty
from generator.trees import kernel
from generator.trees.kernel import KernelTree
from generator.trees.kernelconfig import UM_HEADER


def tree(**config: str) -> KernelTree:
    return KernelTree("7.2.13", Path("/k"), "x86_64", "built", config, "hash", "gcc", "gcc",
                      "gcc 12", None)


def test_nothing_to_say() -> None:
    assert honesty.marks(tree(HZ="250"), ["count", "native"], 2, 2, force=False) == ()


def test_uml_without_our_header_is_told(tmp_path: Path) -> None:
    """Its per-CPU counters are system calls; a kernel of extspt kernel build has others."""
    um = replace(tree(SMP="y"), arch="um", kdir=tmp_path)
    [mark] = honesty.marks(um, ["native"], 2, 2, force=False)
    assert "2 us for each page charged" in mark
    assert honesty.marks(replace(um, config={}), ["native"], 1, 2, force=False) == ()
    (tmp_path / UM_HEADER).touch()
    assert honesty.marks(um, ["native"], 2, 2, force=False) == ()


def test_uml_with_one_cpu_shows_no_contention() -> None:
    one = replace(tree(), arch="um")
    assert honesty.marks(one, ["native"], 1, 2, force=False) == ()
    with pytest.raises(UsageError, match="one CPU") as caught:
        honesty.marks(one, ["native"], 2, 2, force=False)
    assert "--vcpus 1" in caught.value.fix and "6.19" in caught.value.fix
    [mark] = honesty.marks(one, ["native"], 2, 2, force=True)
    assert "no contention" in mark


@pytest.mark.parametrize("option", ["KASAN", "LOCK_STAT", "PROVE_LOCKING"])
def test_debug_kernels_are_refused_in_every_tier(option: str) -> None:
    assert option in kernel.DEBUGGING and option in kernel.RECORDED
    for tier in ("count", "model", "native"):
        with pytest.raises(GateError, match=f"not timed: it has CONFIG_{option}") as caught:
            honesty.marks(tree(**{option: "y"}), [tier], 1, 2, force=False)
        assert caught.value.exit_code == 13 and "--force" in caught.value.fix


def test_forced_debug_kernel_is_marked() -> None:
    [mark] = honesty.marks(tree(KASAN="y", LOCK_STAT="y"), ["native"], 1, 2, force=True)
    assert "CONFIG_LOCK_STAT, CONFIG_KASAN" in mark and "say nothing" in mark


def test_more_vcpus_than_cores() -> None:
    with pytest.raises(UsageError, match="4 vCPUs on 2 host cores") as caught:
        honesty.marks(tree(), ["native"], 4, 2, force=False)
    assert "--vcpus 2" in caught.value.fix
    [mark] = honesty.marks(tree(), ["native"], 4, 2, force=True)
    assert mark.startswith("oversubscribed: 4 vCPUs on 2")
    # An emulated boot is marked by its runner; its times are not the host's anyway.
    assert honesty.marks(tree(), ["count", "model"], 4, 2, force=False) == ()
