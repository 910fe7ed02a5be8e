# SPDX-License-Identifier: GPL-2.0-only
"""What of a machine's settings bears on time is recorded; what it does not say is left out."""

from __future__ import annotations

from pathlib import Path

from generator.runs import facts


def test_settings_of_a_machine(tmp_path: Path) -> None:
    cpu = tmp_path / "sys/devices/system/cpu"
    for name, text in (("smt/control", "on\n"), ("cpu0/cpufreq/scaling_governor", "performance\n"),
                       ("vulnerabilities/meltdown", "Mitigation: PTI\n"),
                       ("vulnerabilities/srbds", "Not affected\n")):
        (cpu / name).parent.mkdir(parents=True, exist_ok=True)
        (cpu / name).write_text(text)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\nmicrocode\t: 0xf4\n")
    assert facts.settings(tmp_path) == {
        "microcode": "0xf4", "smt": "on", "governor": "performance",
        "mitigations": {"meltdown": "Mitigation: PTI"}}


def test_a_machine_that_says_nothing(tmp_path: Path) -> None:
    assert facts.settings(tmp_path) == {}
    assert facts.host()["cpus"] >= 1 and facts.host()["model"]
