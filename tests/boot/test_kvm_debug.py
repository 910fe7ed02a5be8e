# SPDX-License-Identifier: GPL-2.0-only
"""Every design in the real kvm.ko under KASAN, lockdep and KVM_PROVE_MMU, on two CPUs.

The kernel takes ten minutes to build: this runs where one is cached, or
TEST_KERNELS=kvm-debug allows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import wanted

from generator import layout
from generator.gate.guest import Ground
from generator.kvm import kvmhooks, kvmpoints
from generator.modules import variant
from generator.modules.build import build_all
from generator.modules.render import KVM, render
from generator.modules.variant import Variant
from generator.runs import scripted
from generator.runs.scripted import Scripted
from generator.trees import kernel

pytestmark = pytest.mark.boot
ASKED = ("KASAN", "PROVE_LOCKING", "KVM_PROVE_MMU", "LOCK_STAT")
CASES = ("populate_seq vcpus=2 pages=256", "race_sparse vcpus=2 pages=32",
         "convert vcpus=2 pages=64 rounds=2")


@pytest.fixture(scope="module")
def ground(pytestconfig: pytest.Config) -> Ground:
    """The newest debug kernel that has a hooked KVM."""
    with wanted.told(pytestconfig):
        return wanted.kvm_debug()


def run(ground: Ground, designs: Sequence[Variant], out: Path) -> Scripted:
    built = build_all([render(one, ground.tree, layout.ROOT, KVM) for one in designs])
    lines = ['for ko in irqbypass kvm kvm-amd; do insmod "$modules/$ko.ko" || failed=1; done',
             "drive keep || failed=1"]
    for one in built:
        design = one.rendered.variant
        lines += [f"module '{design.name}' {design.module} 'table zero'",
                  *(f"measure {case.split()[0]} {case}" for case in CASES), "unload"]
    files = [(one.rendered.variant.name, one.ko) for one in built]
    return scripted.boot(ground.tree, files, "\n".join(lines), out, kvm=ground.kvm)


def runnable(ground: Ground) -> list[Variant]:
    assert ground.kvm is not None
    hooks = kvmhooks.choose(ground.kvm.version)
    return [one for one in map(variant.load_variant, variant.names())
            if not kvmpoints.missing(one, hooks)]


def warned(design: Variant) -> bool:
    """Whether the list knows of a lock that lockdep does not like."""
    return "lockdep:" in design.known


def test_the_correct_designs_are_clean(ground: Ground, tmp_path: Path) -> None:
    config = kernel.settings(ground.tree.kdir)
    assert {name: config.get(name) for name in ASKED} == dict.fromkeys(ASKED, "y")
    designs = [one for one in runnable(ground) if not warned(one)]
    found = run(ground, designs, tmp_path)
    assert found.lost == "" and found.lockdep is True, found.console[-40:]
    assert not found.output.warnings
    assert found.serial[-1] == f"EXTSPT END cases={len(designs) * len(CASES)} status=0"
    assert any(line.startswith("EXTSPT MORE") and "mmu_lock" in line for line in found.serial)


def test_a_lock_in_the_rcu_callback_is_seen(ground: Ground, tmp_path: Path) -> None:
    """One boot and one design: lockdep reports once, and is off then."""
    design = next(one for one in runnable(ground) if warned(one))
    found = run(ground, [design], tmp_path)
    assert found.lost == "" and found.lockdep is False
    assert any("inconsistent lock state" in line for line in found.console)
