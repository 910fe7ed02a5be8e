# SPDX-License-Identifier: GPL-2.0-only
"""Real boots of the debug kernel: a script in the guest, what the kernel can find, no timing.

It takes five minutes to build: these run where one is cached, or TEST_KERNELS=debug allows it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import wanted
from guests import Project

from generator.modules import variant
from generator.modules.build import build_all
from generator.modules.render import render
from generator.runs import scripted
from generator.runs.watch import Outcome
from generator.trees import kernel
from generator.trees.kernel import KernelTree

pytestmark = pytest.mark.boot
ASKED = ("KASAN", "PROVE_LOCKING", "DEBUG_ATOMIC_SLEEP", "PAGE_OWNER", "FAILSLAB",
         "FAIL_PAGE_ALLOC")


@pytest.fixture(scope="session")
def kdir(pytestconfig: pytest.Config) -> Path:
    """Build folder of a debug kernel for QEMU."""
    with wanted.told(pytestconfig):
        return wanted.debug()


def test_designs_on_it(kdir: Path, designs: Project, tmp_path: Path) -> None:
    """Designs do their smoke runs, and lockdep is still at work at the end.

    But those of which the list knew that lockdep complains: it is off after its first report.
    """
    config = kernel.settings(kdir)
    assert {name: config.get(name) for name in ASKED} == dict.fromkeys(ASKED, "y")
    tree = KernelTree.probe(kdir)
    names = [name for name in variant.names()
             if "lockdep:" not in variant.load_variant(name).known]
    built = build_all([render(variant.load_variant(name), tree, designs.root) for name in names])
    made = [(one.rendered.variant, one.ko) for one in built]
    script = "\n".join(f"module {design.name} {design.module} 'table zero'\n"
                       "measure smoke smoke pages=64 rounds=1\nunload" for design, _ in made)
    files = [(design.name, ko) for design, ko in made]
    found = scripted.boot(tree, files, script + "\ncat /sys/kernel/debug/failslab/times >&3",
                          tmp_path)
    assert (found.outcome, found.lost, found.lockdep) == (Outcome.DONE, "", True), found.console
    assert not found.output.warnings
    assert found.serial[-1] == f"EXTSPT END cases={len(names)} status=0"
    assert found.serial[-3] == "1"      # of failslab: fault injection is there


def test_it_is_not_timed(kdir: Path, project: Callable[..., Project]) -> None:
    here = project()
    refused = here.run("--kdir", str(kdir))
    assert refused.returncode == 13 and "a debug kernel is not timed" in refused.stderr
    assert "CONFIG_KASAN" in refused.stderr and not here.runs
