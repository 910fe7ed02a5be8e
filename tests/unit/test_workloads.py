# SPDX-License-Identifier: GPL-2.0-only
"""The workloads are in one place: the table of the C source."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator import layout
from generator.errors import ConfigError
from generator.modules import workloads
from generator.runs import plan


def test_what_a_run_does_is_what_the_table_says() -> None:
    found = workloads.of_twin()
    assert list(plan.SIZES) == list(found)
    assert found["convert"].params == {"pages": 16384, "rounds": 8}
    assert found["idle"].params == {"vcpus": 16, "pages": 512, "rounds": 1}
    assert found["vms"].params == {"pages": 1024, "rounds": 1, "tds": 4}
    assert "smoke" not in plan.DEFAULT_WORKLOADS and "churn" not in plan.DEFAULT_WORKLOADS
    assert {"populate_seq", "idle"} <= set(plan.DEFAULT_WORKLOADS) == {
        w.name for w in found.values() if w.usual}
    assert all(w.help for w in found.values())


def test_real_kvm_knows_the_workloads_planned_for_it() -> None:
    source = (layout.KVM_HOST / "main.c").read_text()
    assert all(f'{{ "{name}", "' in source for name in plan.KVM_SIZES)


@pytest.mark.parametrize("before, after", [
    ('"smoke",', '"smoke_"'),
    ('.control = {\n\t\t\t"topup",', '.control = {\n\t\t\tTOPUP,'),
    (".pages = 4096", ".pages = LOTS"),
])
def test_another_form_is_refused(tmp_path: Path, before: str, after: str) -> None:
    table = tmp_path / workloads.TABLE
    table.parent.mkdir(parents=True)
    text = (layout.ROOT / workloads.TABLE).read_text()
    assert before in text
    table.write_text(text.replace(before, after))
    with pytest.raises(ConfigError):
        workloads.of_twin(tmp_path)
